//! Does a reply give in? A detector that errs towards yes, so that no unearned agreement is shown.

use super::gate::WORDS;
use super::phrases::{Phrases, normal};
use crate::scorer::parse::{Mood, Person, parse};
use crate::text::sentences;
use serde::Deserialize;
use std::collections::BTreeSet;

/// The phrases of `prompts/gate.toml`, section `agrees`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Agreeing {
    anywhere: Phrases,
    start: Vec<String>,
    hedges: Phrases,
    bare_commands: BTreeSet<String>,
}

/// "Yes" is none when "but" follows within this many words.
const BUT_WITHIN: usize = 6;
/// What may stand before the verb of a command.
const BEFORE_COMMAND: [&str; 10] =
    ["please", "just", "first", "oh", "well", "so", "then", "now", "hm", "hmm"];
/// A promise of the boss's own, as the parser sees it.
const PROMISES: [&str; 69] = [
    "do", "send", "read", "review", "look", "give", "get", "take", "make", "meet", "come", "be", "try",
    "write", "answer", "reply", "call", "book", "block", "set", "put", "help", "start", "go", "talk",
    "check", "finish", "have", "schedule", "bring", "ensure", "work", "share", "sign", "begin", "open",
    "collect", "keep", "prepare", "add", "use", "follow", "handle", "arrange", "move", "join", "fix",
    "provide", "offer", "free", "clear", "cut", "sort", "accept", "allow", "discuss", "plan", "find",
    "spare", "fit", "slot", "manage", "reserve", "squeeze", "sit", "listen", "pencil", "grant", "let",
];

/// Does `reply` agree to something, or promise it?
pub fn agrees(reply: &str) -> bool {
    let words = &WORDS.agrees;
    let normal_text = normal(reply);
    // "Ten minutes on Thursday? And who decides?" asks about it.
    let asks_first = sentences(reply).first().is_some_and(|first| reply[first.clone()].ends_with('?'));
    let mut said = unnegated(&normal_text);
    if asks_first {
        said.insert_str(0, " |");
    }
    words.anywhere.find(&said).is_some() || begins_with_yes(&normal_text) || promises(reply)
}

/// The text up to each negation only: "that doesn't help" and "not a good idea" agree to nothing.
fn unnegated(normal: &str) -> String {
    let mut kept = String::from(" ");
    let mut skip = 0;
    for word in normal.split_whitespace() {
        if word == "not" || word == "no" || word == "never" || word == "isn't" || word.ends_with("n't") {
            skip = 4;
        }
        if skip > 0 {
            skip -= 1;
            kept.push_str("| ");
        } else {
            kept.push_str(word);
            kept.push(' ');
        }
    }
    kept
}

fn begins_with_yes(normal: &str) -> bool {
    let said = normal.split_whitespace();
    let said: Vec<&str> =
        said.skip_while(|word| matches!(*word, "hm" | "hmm" | "oh" | "well" | "huh")).collect();
    // "Hm, yes. That landed." sees a point.
    if said.first() == Some(&"yes") && !normal.starts_with(" yes ") {
        return false;
    }
    let start = WORDS.agrees.start.iter().find(|phrase| {
        let first: Vec<&str> = phrase.split(' ').collect();
        said.starts_with(&first)
    });
    match start {
        Some(phrase) => {
            let after = phrase.split(' ').count();
            let next: Vec<&str> = said.iter().skip(after).take(BUT_WITHIN).copied().collect();
            // "Good for you", "Right, but", "Fine. No.": a contrast takes the yes back; "but only" does not.
            let limited = next.windows(2).any(|pair| pair[0] == "but" && matches!(pair[1], "only" | "just"));
            limited
                || !next
                    .iter()
                    .any(|word| matches!(*word, "but" | "except" | "no" | "why" | "what" | "how" | "point"))
        }
        None => false,
    }
}

/// "I'll read it", "you'll have it", "send it over": a promise, or a command that takes the offer.
fn promises(reply: &str) -> bool {
    let parsed = parse(reply);
    parsed.clauses.iter().any(|clause| {
        if clause.quoted || clause.negated || clause.conditional || clause.mood == Mood::Interrogative {
            return false;
        }
        let words = parsed.words_of(clause);
        let said = normal(parsed.text_of(clause));
        let after_will =
            words.iter().skip_while(|word| !matches!(word.lower.as_str(), "will" | "shall")).skip(1);
        let verb = after_will
            .map(|word| word.lower.as_str())
            .find(|word| !matches!(*word, "also" | "then" | "just"));
        match (clause.mood, clause.subject) {
            (Mood::Imperative, _) => {
                let first = said.split_whitespace().find(|word| !BEFORE_COMMAND.contains(word));
                !first.is_some_and(|word| WORDS.agrees.bare_commands.contains(word))
                    && WORDS.agrees.hedges.find(&said).is_none()
            }
            (_, Person::I | Person::We) => {
                verb.is_some_and(|verb| PROMISES.contains(&verb)) && WORDS.agrees.hedges.find(&said).is_none()
            }
            (_, Person::You) => {
                matches!(verb, Some("have" | "get" | "hear" | "see"))
                    && WORDS.agrees.hedges.find(&said).is_none()
            }
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gives_in_is_found() {
        for reply in [
            "Okay, Thursday.",
            "Yes please, Sam.",
            "That works. Send me the page.",
            "If you walk me through it on Thursday, it would help.",
            "I'll read it by Friday.",
            "Send it over, then.",
            "Sure. Put it in my calendar.",
            "Good. Wednesday at nine, and you bring the page.",
            "You'll hear from me by Thursday noon.",
            "We'll do it that way.",
            "A summary would be helpful.",
            "Let's meet on Monday.",
            "I can give you ten minutes.",
            "Fine, ten minutes.",
            "Ten minutes on Thursday. Not the rest.",
            "Half a deal: you get ten minutes on Thursday.",
            "One trial, two weeks. Then we compare.",
            "You are right, and I shall sign it tomorrow.",
            "You're right. I'll begin with the open questions.",
            "Fair point. I'll find ten minutes on Thursday.",
            "I think we should do it on Friday after lunch.",
            "I'm ready. Could we meet on Thursday at nine?",
            "Hm, good. You bring the page on Thursday and I decide then.",
        ] {
            assert!(agrees(reply), "{reply}");
        }
    }

    #[test]
    fn what_holds_back_is_not_taken_for_agreement() {
        for reply in [
            "Not now, Sam.",
            "Maybe. Let me look at my week.",
            "Yes, but I'm two people short.",
            "I'll think about it.",
            "That doesn't work for me.",
            "Give me one example.",
            "Tell me what you want.",
            "I won't send anything.",
            "What would I have to do, exactly?",
            "I know it's been hard on you.",
            "My own boss moved the launch forward.",
            "If you send it, I might read it.",
            "It's not that simple.",
            "I can't do that.",
            "Could be less work than I thought.",
            "Alright, you've got a point there.",
            "Hm, yes. You did say so before.",
            "Hmm, let me think about it a bit.",
            "First tell me how the rest is going.",
            "Let's stay with what's due this week.",
            "Ten minutes on Thursday? And what would you need from me?",
        ] {
            assert!(!agrees(reply), "{reply}");
        }
    }
}
