//! What a turn puts on the table, cut from the person's words and turned round so that the boss can say
//! it: "Could I send you one page on Thursday?" becomes "you send me one page on Thursday".

use crate::scorer::rubric::Check;
use crate::scorer::verdict::Verdicts;
use crate::text::sentences;

/// The most words an offer has; what is longer is cut at a clause's end, or left.
const LONGEST: usize = 16;
/// The fewest words that still say something.
const SHORTEST: usize = 2;

/// How a proposal may begin, and who acts in what follows. Longer ones first where one begins another.
const LEADS: [(&str, &str); 62] = [
    ("would it help you if ", ""),
    ("would it help if ", ""),
    ("would it be easier if ", ""),
    ("would it be easier to ", "we "),
    ("would it help to ", "we "),
    ("would it work if ", ""),
    ("would it work for you if ", ""),
    ("would it be ok if ", ""),
    ("would it be okay if ", ""),
    ("would you like me to ", "you "),
    ("do you want me to ", "you "),
    ("would you prefer me to ", "you "),
    ("would you be open to ", ""),
    ("would you prefer ", ""),
    ("would you rather have ", ""),
    ("would you rather ", "I "),
    ("would it be easier for you if ", ""),
    ("would it help more if ", ""),
    ("would you like to ", "I "),
    ("would you like ", ""),
    ("how about if ", ""),
    ("how about ", ""),
    ("what about ", ""),
    ("what if ", ""),
    ("i'd be happy to ", "you "),
    ("i would be happy to ", "you "),
    ("i'm happy to ", "you "),
    ("i am happy to ", "you "),
    ("i'd be glad to ", "you "),
    ("i could also ", "you "),
    ("i can also ", "you "),
    ("i could ", "you "),
    ("i can ", "you "),
    ("i'd ", "you "),
    ("i'll ", "you "),
    ("i will ", "you "),
    ("i would ", "you "),
    ("could i ", "you "),
    ("can i ", "you "),
    ("may i ", "you "),
    ("shall i ", "you "),
    ("should i ", "you "),
    ("let me ", "you "),
    ("we could also ", "we "),
    ("we could ", "we "),
    ("we can ", "we "),
    ("we might ", "we "),
    ("we'd ", "we "),
    ("could we ", "we "),
    ("can we ", "we "),
    ("shall we ", "we "),
    ("should we ", "we "),
    ("let's ", "we "),
    ("could you ", "I "),
    ("can you ", "I "),
    ("would you ", "I "),
    ("you could ", "I "),
    ("you can ", "I "),
    ("you'd ", "I "),
    ("one option is ", ""),
    ("another option is ", ""),
    ("one idea is ", ""),
];

/// Words before a proposal that carry nothing.
const FILLERS: [&str; 25] = [
    "so",
    "and",
    "or",
    "but",
    "then",
    "well",
    "ok",
    "okay",
    "maybe",
    "perhaps",
    "also",
    "either",
    "rather",
    "yes",
    "sure",
    "alternatively",
    "right",
    "thanks",
    "look",
    "now",
    "in that case",
    "if it helps",
    "if you like",
    "if you want",
    "for example",
];

/// Questions around what is proposed that are no part of it.
const ASKED_AROUND: [&str; 13] = [
    " be easier for you",
    " be easier",
    " be better for you",
    " be better",
    " be all right with you",
    " suit you better",
    " suit you",
    " work better for you",
    " work for you",
    " be fine with you",
    " be okay with you",
    " be possible",
    " work",
];

/// Where a long proposal may be cut short.
const ENDS: [&str; 14] = [
    ", so ",
    " so that ",
    " so you ",
    " because ",
    ", which ",
    ", then ",
    ", and then ",
    " if that ",
    " if you ",
    ", whichever ",
    ", whatever ",
    " — ",
    " - ",
    "; ",
];

/// The proposals of a turn, in order, as the boss would say them.
pub fn offers(text: &str, verdicts: &Verdicts) -> Vec<String> {
    let shown: Vec<_> = [Check::OffersOptions, Check::OffersHelp]
        .into_iter()
        .filter(|&check| verdicts.is_yes(check))
        .flat_map(|check| &verdicts.get(check).evidence)
        .map(|span| span.start..span.end)
        .collect();
    let concrete: Vec<_> =
        verdicts.get(Check::Specific).evidence.iter().map(|span| span.start..span.end).collect();
    let spans = if shown.is_empty() { concrete } else { shown };
    let mut found: Vec<String> = Vec::new();
    for sentence in sentences(text) {
        let touched = spans.iter().any(|span| span.start < sentence.end && sentence.start < span.end);
        if touched {
            for offer in of_sentence(&text[sentence]) {
                if !found.contains(&offer) {
                    found.push(offer);
                }
            }
        }
    }
    found
}

fn of_sentence(sentence: &str) -> Vec<String> {
    let plain = sentence.replace('’', "'");
    let plain = ASKED_AROUND.iter().fold(plain, |plain, words| without(&plain, words));
    let plain = plain.trim_end_matches(|c: char| !c.is_alphanumeric());
    let plain = plain.rsplit_once(": ").map_or(plain, |(_, rest)| rest);
    let mut actor = "";
    let mut found = Vec::new();
    for piece in plain.replace(", or ", " or ").split(" or ") {
        let piece = strip_fillers(piece.trim());
        if asks(piece) {
            continue;
        }
        let (own, rest) = strip_lead(piece);
        // "…or would ten minutes be easier" asks about what stands in it.
        let (own, rest) = match strip_prefix_ignoring_case(rest, "would ") {
            Some(rest) if own.is_none() && !starts_with_person(rest) => (Some(""), rest),
            _ => (own, rest),
        };
        // "…I could send a page or ring you": the second shares the first one's actor.
        let begins_with_verb = own.is_none() && !found.is_empty() && starts_like_a_verb(rest);
        if let Some(own) = own {
            actor = own;
        }
        let actor = if own.is_some() || begins_with_verb { actor } else { "" };
        let conditional = own == Some("");
        let turned = format!("{actor}{}", turned_round(&shortened(rest), conditional));
        let words = turned.split_whitespace().count();
        if (SHORTEST..=LONGEST).contains(&words) && (own.is_some() || !found.is_empty() || is_handle(rest)) {
            found.push(lower_first(&turned));
        }
    }
    found
}

/// Without `words` where a clause ends after them.
fn without(plain: &str, words: &str) -> String {
    [",", "?", " or "]
        .iter()
        .fold(plain.to_owned(), |plain, end| plain.replace(&format!("{words}{end}"), end))
}

/// A question of its own, or the end of one.
fn asks(piece: &str) -> bool {
    ["is ", "are ", "does ", "do ", "will ", "is it "]
        .iter()
        .any(|word| piece.to_lowercase().starts_with(word))
}

fn strip_fillers(mut piece: &str) -> &str {
    'again: loop {
        for filler in FILLERS {
            if let Some(rest) = strip_prefix_ignoring_case(piece, filler)
                && rest.starts_with([' ', ','])
            {
                piece = rest.trim_start_matches([',', ' ']);
                continue 'again;
            }
        }
        return piece;
    }
}

/// The actor and what is left, where the piece or one of its later clauses begins like a proposal.
fn strip_lead(piece: &str) -> (Option<&'static str>, &str) {
    let starts = std::iter::once(0).chain(piece.match_indices(", ").map(|(at, mark)| at + mark.len()));
    for start in starts {
        let clause = strip_fillers(&piece[start..]);
        for (lead, actor) in LEADS {
            if let Some(rest) = strip_prefix_ignoring_case(clause, lead)
                && !(lead == "you'd " && is_benefit(rest))
            {
                return (Some(actor), rest);
            }
        }
        if let Some(found) = plain_proposal(clause) {
            return found;
        }
    }
    (None, piece)
}

/// "You'd have no late changes to defend" tells what comes of it, and asks nothing of the boss.
fn is_benefit(rest: &str) -> bool {
    const OUTCOMES: [&str; 12] =
        ["have", "get", "be", "save", "spend", "know", "see", "need", "lose", "keep", "gain", "still"];
    rest.split_whitespace().next().is_some_and(|verb| OUTCOMES.contains(&verb))
}

/// "So I send you the page, and we talk on Friday": told as if it were settled.
fn plain_proposal(clause: &str) -> Option<(Option<&'static str>, &str)> {
    const VERBS: [&str; 34] = [
        "send", "bring", "write", "draft", "prepare", "come", "meet", "talk", "start", "begin", "try",
        "take", "share", "collect", "sit", "keep", "put", "book", "report", "check", "show", "mark", "sort",
        "list", "look", "move", "cut", "make", "call", "give", "read", "set", "fix", "note",
    ];
    let of = |pronoun: &str, actor: &'static str| {
        let rest = strip_prefix_ignoring_case(clause, pronoun)?;
        VERBS.contains(&rest.split_whitespace().next()?).then_some((Some(actor), rest))
    };
    of("i ", "you ").or_else(|| of("we ", "we "))
}

fn starts_with_person(piece: &str) -> bool {
    ["i ", "you ", "we ", "it ", "that ", "this "].iter().any(|word| piece.to_lowercase().starts_with(word))
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

fn starts_like_a_verb(piece: &str) -> bool {
    let first = piece.split_whitespace().next().unwrap_or_default();
    const NOT: [&str; 16] = [
        "a", "an", "the", "one", "two", "three", "on", "at", "in", "next", "this", "ten", "half", "every",
        "my", "your",
    ];
    first.chars().all(|c| c.is_ascii_lowercase()) && !NOT.contains(&first)
}

/// A bare noun or time phrase that can be taken up as it is: "ten minutes on Thursday".
fn is_handle(piece: &str) -> bool {
    const DAYS: [&str; 13] = [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "tomorrow",
        "minute",
        "hour",
        "week",
        "morning",
        "afternoon",
    ];
    let lower = piece.to_lowercase();
    let few = lower.split_whitespace().count() <= 8;
    few && DAYS.iter().any(|day| lower.contains(day)) && !lower.contains(" you ") && !lower.starts_with("i ")
}

/// Cut at the first clause end, where that leaves enough.
fn shortened(piece: &str) -> String {
    let mut end = piece.len();
    for mark in ENDS {
        if let Some(at) = piece.find(mark)
            && piece[..at].split_whitespace().count() >= SHORTEST
        {
            end = end.min(at);
        }
    }
    let mut kept = &piece[..end];
    // Too long still: without its last part.
    while kept.split_whitespace().count() >= LONGEST
        && let Some(at) = kept.rfind(" and ").or_else(|| kept.rfind(", "))
    {
        kept = &kept[..at];
    }
    let trimmed = |kept: &str| kept.trim_end_matches(|c: char| !c.is_alphanumeric()).to_owned();
    let kept = trimmed(kept);
    // "…, and if you agree": the conjunction goes with what was cut.
    let without =
        [" and", " so", " but", " then"].iter().find_map(|word| kept.strip_suffix(word)).map(trimmed);
    without.unwrap_or(kept)
}

/// The other side's words: I becomes you, you becomes I or me, and so on. `subject_first` says that the
/// piece brings its own subject, whose verb may stand in the past ("if I sent").
fn turned_round(piece: &str, subject_first: bool) -> String {
    let words: Vec<&str> = piece.split_whitespace().collect();
    let mut turned: Vec<String> = Vec::with_capacity(words.len());
    for (at, word) in words.iter().enumerate() {
        let core = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '\'');
        let swapped = match core.to_lowercase().as_str() {
            "i" | "me" => Some("you"),
            "i'd" | "i'll" => Some("you"),
            "i've" => Some("you've"),
            "i'm" => Some("you're"),
            "my" => Some("your"),
            "mine" => Some("yours"),
            "myself" => Some("yourself"),
            "your" => Some("my"),
            "yours" => Some("mine"),
            "yourself" => Some("myself"),
            "you" if is_subject(&words, at) => Some("I"),
            "you" => Some("me"),
            "you'd" | "you'll" => Some("I"),
            "you've" => Some("I've"),
            "you're" => Some("I'm"),
            _ => None,
        };
        let subject = |at: usize| matches!(turned[at].as_str(), "you" | "we" | "I");
        let verb_of_condition = subject_first
            && at > 0
            && (subject(at - 1) && (at == 1 || words[at - 2] == "and")
                || at > 1 && turned[at - 1] == "only" && subject(at - 2));
        match swapped {
            Some(new) => turned.push(word.replace(core, new)),
            None if verb_of_condition => turned.push(in_the_present(word)),
            None => turned.push((*word).to_owned()),
        }
    }
    turned.join(" ")
}

/// "You" acts where a clause begins, or where a verb follows that nobody else does.
fn is_subject(words: &[&str], at: usize) -> bool {
    const BEFORE: [&str; 17] = [
        "if", "when", "so", "that", "what", "while", "until", "once", "and", "then", "where", "which",
        "whatever", "before", "after", "as", "how",
    ];
    const AFTER: [&str; 21] = [
        "can", "can't", "could", "would", "will", "need", "want", "have", "had", "are", "were", "don't",
        "won't", "see", "like", "prefer", "think", "decide", "read", "know", "get",
    ];
    let after = words.get(at + 1).is_some_and(|word| AFTER.contains(word));
    let preposition = at > 0 && ["for", "to", "with", "from", "by", "of", "at"].contains(&words[at - 1]);
    at == 0
        || BEFORE.contains(&words[at - 1].to_lowercase().as_str()) && !preposition
        || after && !preposition
}

/// The base form of a verb in the past, for "if I sent": the irregular ones that proposals are made of,
/// and regular ones by their ending.
fn in_the_present(verb: &str) -> String {
    const IRREGULAR: [(&str, &str); 18] = [
        ("sent", "send"),
        ("brought", "bring"),
        ("wrote", "write"),
        ("made", "make"),
        ("took", "take"),
        ("gave", "give"),
        ("did", "do"),
        ("had", "have"),
        ("came", "come"),
        ("ran", "run"),
        ("kept", "keep"),
        ("met", "meet"),
        ("drew", "draw"),
        ("built", "build"),
        ("got", "get"),
        ("went", "go"),
        ("sat", "sit"),
        ("spoke", "speak"),
    ];
    if let Some((_, base)) = IRREGULAR.iter().find(|(past, _)| *past == verb) {
        return (*base).to_owned();
    }
    let Some(stem) = verb.strip_suffix("ed").filter(|stem| stem.len() >= 3) else { return verb.to_owned() };
    let tail: Vec<char> = stem.chars().rev().take(2).collect();
    let doubled = tail[0] == tail[1] && matches!(tail[0], 'p' | 't' | 'n' | 'g' | 'm');
    // "prepared", "handled", "summarised", "scheduled", "arranged" lost an e.
    let lost_an_e = ["ar", "l", "is", "iz", "ul", "ng", "c", "s", "at", "v", "ot"]
        .iter()
        .any(|ending| stem.ends_with(ending))
        && !stem.ends_with("ss")
        && !stem.ends_with("ll")
        && !stem.ends_with("ail");
    match (doubled, lost_an_e) {
        (true, _) => stem[..stem.len() - 1].to_owned(),
        (false, true) => format!("{stem}e"),
        (false, false) => stem.to_owned(),
    }
}

fn lower_first(text: &str) -> String {
    let keep = text.starts_with("I ") || text.starts_with("I'");
    let mut chars = text.chars();
    match chars.next() {
        Some(first) if !keep && !is_day(text) => first.to_lowercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

fn is_day(text: &str) -> bool {
    ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].iter().any(|day| text.starts_with(day))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scorer::verdict::{Answer, Span, Verdict};

    fn of(text: &str) -> Vec<String> {
        let mut verdicts = Verdicts::default();
        *verdicts.get_mut(Check::OffersHelp) =
            Verdict { verdict: Answer::Yes, p: 1.0, evidence: vec![Span::cut(text, 0, text.len())] };
        offers(text, &verdicts)
    }

    #[test]
    fn an_offer_is_turned_round() {
        for (said, heard) in [
            ("Could I send you one page on Thursday?", "you send me one page on Thursday"),
            ("Would it help if I sent you the three open questions?", "you send me the three open questions"),
            ("I can sit with your team and write it up.", "you sit with my team and write it up"),
            ("Would you like me to draft the reply for you?", "you draft the reply for me"),
            ("What if we met for ten minutes on Monday?", "we meet for ten minutes on Monday"),
            (
                "I could write down what I've done since spring.",
                "you write down what you've done since spring",
            ),
            ("Would you like to begin with it on Monday?", "I begin with it on Monday"),
            (
                "So: I send the summary Wednesday, and we talk on Thursday at ten.",
                "you send the summary Wednesday, and we talk on Thursday at ten",
            ),
            (
                "Would it help if I wrote the notes and you only corrected them?",
                "you write the notes and I only correct them",
            ),
            (
                "I can write down the rules by Tuesday, and you change what doesn't fit.",
                "you write down the rules by Tuesday, and I change what doesn't fit",
            ),
            ("I could bring the pages you need on Monday.", "you bring the pages I need on Monday"),
            (
                "I could take the questions about colours and wording off your list and decide them with the team.",
                "you take the questions about colours and wording off my list",
            ),
            ("I know you're swamped, so I'll prepare a summary.", "you prepare a summary"),
            ("Could you give me fifteen minutes tomorrow?", "I give you fifteen minutes tomorrow"),
            (
                "I could send you a page on Monday and you give me your view.",
                "you send me a page on Monday and I give you my view",
            ),
        ] {
            assert_eq!(of(said), [heard], "{said}");
        }
    }

    #[test]
    fn alternatives_are_kept_apart() {
        assert_eq!(
            of("We could do a short call on Thursday, or I could send you a summary by email."),
            ["we do a short call on Thursday", "you send me a summary by email"]
        );
        assert_eq!(of("I could draft it or ring them."), ["you draft it", "you ring them"]);
        assert_eq!(
            of("Would you prefer Tuesday morning, or ten minutes on Friday?"),
            ["Tuesday morning", "ten minutes on Friday"]
        );
        assert_eq!(
            of("Would Thursday at nine with the one page suit you, or rather Friday after lunch?"),
            ["Thursday at nine with the one page", "Friday after lunch"]
        );
        assert_eq!(
            of("Could I cut it down to two pages, or would a demo of ten minutes be better?"),
            ["you cut it down to two pages", "a demo of ten minutes"]
        );
        assert_eq!(
            of("Could I sort the messages, or would you rather see a list on Mondays?"),
            ["you sort the messages", "I see a list on Mondays"]
        );
    }

    #[test]
    fn what_comes_of_it_for_the_boss_is_no_offer() {
        let said = "If I had your comments by Friday, you'd have no late changes to defend.";
        assert!(of(said).iter().all(|offer| !offer.contains("defend")), "{:?}", of(said));
        assert_eq!(of("You'd read it on the train."), ["I read it on the train"]);
    }

    #[test]
    fn the_base_form_is_found() {
        for (past, base) in [
            ("corrected", "correct"),
            ("prepared", "prepare"),
            ("collected", "collect"),
            ("planned", "plan"),
            ("handled", "handle"),
            ("summarised", "summarise"),
            ("drafted", "draft"),
            ("called", "call"),
            ("send", "send"),
        ] {
            assert_eq!(in_the_present(past), base);
        }
    }

    #[test]
    fn what_proposes_nothing_gives_nothing() {
        assert!(of("I know how full your week is.").is_empty());
        assert!(offers("Could I send you one page?", &Verdicts::default()).is_empty());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_taken(text in "\\PC{1,120}") {
            of(&text);
        }
    }
}
