//! How a boss talks, beyond the choice of words: what they begin with, and whether they contract verbs.

use super::draw::Draw;
use crate::scenario::Boss;

/// One opening in this many begins as the boss often does.
const SELDOM: usize = 3;

/// Replies after which a beginning may come again.
const APART: usize = 3;

/// `opening` after one of the boss's own beginnings, now and then, and not one of the last few replies' again.
pub(super) fn led_in(opening: String, boss: &Boss, earlier: &[&str], draw: &mut Draw) -> String {
    let said = |lead: &&String| earlier.iter().rev().take(APART).any(|line| line.starts_with(lead.as_str()));
    let fresh: Vec<&String> = boss.leads.iter().filter(|lead| !said(lead)).collect();
    let Some(lead) = draw.pick(&fresh) else { return opening };
    let known = opening.starts_with("Hm")
        || boss.leads.iter().any(|lead| opening.starts_with(lead.trim_end_matches(['.', ',', ':'])));
    if known || !draw.bits().is_multiple_of(SELDOM as u64) {
        return opening;
    }
    if lead.ends_with('.') {
        format!("{lead} {opening}")
    } else {
        format!("{lead} {}", uncapitalised(&opening))
    }
}

/// With a small first letter, unless the first word is "I" or a day's name.
fn uncapitalised(text: &str) -> String {
    let first = text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let mut chars = text.chars();
    match chars.next() {
        Some(letter) if first != "I" && !first.ends_with("day") => {
            letter.to_lowercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

/// The reply as the boss pronounces it.
pub(super) fn pronounced(reply: &str, boss: &Boss) -> String {
    let reply = with_capitals(reply);
    if !boss.never_contracts {
        return reply;
    }
    let words: Vec<&str> = reply.split(' ').collect();
    let spelled = words.iter().enumerate().map(|(at, word)| spelled_out(word, words.get(at + 1).copied()));
    spelled.collect::<Vec<_>>().join(" ")
}

/// With capitals where they belong, though the person types without any and the model goes on so.
fn with_capitals(reply: &str) -> String {
    const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let mut begins = true;
    let mut words = Vec::new();
    for word in reply.split(' ') {
        let core: String = word.chars().take_while(|c| c.is_alphabetic()).collect();
        let capital = begins || core == "i" || DAYS.contains(&core.trim_end_matches('s'));
        words.push(if capital { super::capitalised(word) } else { word.to_owned() });
        begins = word.ends_with(['.', '?', '!']) && !word.ends_with("...");
    }
    words.join(" ")
}

/// "I'm" as "I am", "don't" as "do not"; "it's" as "it has" before "been", "had" or "got".
fn spelled_out(word: &str, next: Option<&str>) -> String {
    const WHOLE: [(&str, &str); 5] = [
        ("can't", "cannot"),
        ("won't", "will not"),
        ("shan't", "shall not"),
        ("let's", "let us"),
        ("ain't", "is not"),
    ];
    const ENDS: [(&str, &str); 5] =
        [("n't", " not"), ("'re", " are"), ("'ve", " have"), ("'ll", " will"), ("'m", " am")];
    const IS: [&str; 10] = ["it", "that", "he", "she", "what", "there", "here", "who", "where", "how"];
    let plain = word.replace('’', "'");
    let core = plain.trim_end_matches(|c: char| !c.is_alphanumeric());
    let (rest, lower) = (&plain[core.len()..], core.to_lowercase());
    let as_written =
        |text: String| if core.starts_with(char::is_uppercase) { super::capitalised(&text) } else { text };
    if let Some((_, whole)) = WHOLE.iter().find(|(short, _)| lower == *short) {
        return format!("{}{rest}", as_written((*whole).to_owned()));
    }
    if let Some((short, long)) = ENDS.iter().find(|(short, _)| lower.ends_with(short)) {
        return format!("{}{long}{rest}", &core[..core.len() - short.len()]);
    }
    let happened =
        next.is_some_and(|next| ["been", "had", "got", "gone"].iter().any(|done| next.starts_with(done)));
    if let Some(stem) = lower.strip_suffix("'s").filter(|stem| IS.contains(stem)) {
        return format!("{} {}{rest}", &core[..stem.len()], if happened { "has" } else { "is" });
    }
    if lower.ends_with("'d") && lower.len() > 2 {
        let verb = if next.is_some_and(is_participle) { "had" } else { "would" };
        return format!("{} {verb}{rest}", &core[..core.len() - 2]);
    }
    plain
}

/// Does "I'd" before this word stand for "I had"? Not before a verb that only looks like it: "I'd need".
fn is_participle(next: &str) -> bool {
    let next = next.trim_end_matches(|c: char| !c.is_alphanumeric());
    next == "better" || next == "been" || (next.ends_with("ed") && !next.ends_with("eed"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boss::draw::Purpose;
    use crate::scenario::Library;

    #[test]
    fn contractions_are_spelled_out_by_who_never_uses_them() {
        let library = Library::embedded();
        let (victor, dana): (&Boss, &Boss) = (library.get("victor").unwrap(), library.get("dana").unwrap());
        for (said, spelled) in [
            ("I'm not sure, and I can't say.", "I am not sure, and I cannot say."),
            ("It's been long. That's it, isn't it?", "It has been long. That is it, is not it?"),
            ("Don't. I'd have to ask; we've no time.", "Do not. I would have to ask; we have no time."),
            ("First I'd need the page. I'd wanted it.", "First I would need the page. I had wanted it."),
            ("The boss's week, and Sam's.", "The boss's week, and Sam's."),
        ] {
            assert_eq!(pronounced(said, victor), spelled);
            assert_eq!(pronounced(said, dana), said);
        }
        let typed = "on friday, i think. that's why... or not";
        assert_eq!(pronounced(typed, victor), "On Friday, I think. That is why... or not");
        assert_eq!(pronounced(typed, dana), "On Friday, I think. That's why... or not");
    }

    #[test]
    fn some_replies_begin_as_the_boss_often_does() {
        let library = Library::embedded();
        let frank: &Boss = library.get("frank").unwrap();
        let led = |seed| led_in("That might".to_owned(), frank, &[], &mut Draw::new(seed, 1, Purpose::Model));
        let all: Vec<String> = (0..60).map(led).collect();
        let with = all.iter().filter(|opening| *opening != "That might").count();
        assert!((8..40).contains(&with), "{with}");
        assert!(
            all.contains(&"Listen, that might".to_owned()) && all.contains(&"Come on. That might".to_owned())
        );
        let just = ["Listen, no.", "Come on. Not now.", "Alright, what?"];
        let again = (0..60).map(|seed| {
            led_in("That might".to_owned(), frank, &just, &mut Draw::new(seed, 1, Purpose::Model))
        });
        assert!(again.into_iter().all(|opening| opening == "That might"));
        assert_eq!(uncapitalised("I've got"), "I've got");
        assert_eq!(uncapitalised("Thursday at nine? No."), "Thursday at nine? No.");
        assert_eq!(uncapitalised("Ten minutes? How"), "ten minutes? How");
    }
}
