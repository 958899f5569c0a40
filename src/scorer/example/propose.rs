//! Commands into choices: "you need to send it by Friday" becomes "would it work for you to send it by
//! Friday, or would another time suit you better?"

use super::source::{KINDS, is_timed, lowered, phrase};
use super::stock::{STOCK, has, inflections};
use crate::scorer::parse::{Asks, Break, Clause, Mood, Parsed, Person};
use std::ops::Range;

/// The most words of a command that become a choice.
const MOST_WORDS: usize = 24;

/// How a command is put as a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The boss does it: "would it work for you to …".
    Do,
    /// Both do it: "would it make sense to …".
    DoTogether,
    /// The boss leaves it: "is there a way around …".
    Avoid,
    /// The person gets it: "could I have …".
    Have,
}

/// A command, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// How it is put.
    pub shape: Shape,
    /// The verb phrase, bare or in -ing, or the noun phrase.
    pub what: String,
    /// Names a day or a length of time.
    pub timed: bool,
    /// Something asked for once, that may take a day.
    pub delivers: bool,
    /// One past the last word that it covers.
    pub end: usize,
}

impl Proposal {
    /// The proposal as a sentence.
    pub fn sentence(&self) -> String {
        let frames = &STOCK.frames;
        let (line, slot) = match self.shape {
            Shape::Do if self.timed => (&frames.option_timed, "{do}"),
            Shape::Do if self.delivers => (&frames.option_by_day, "{do}"),
            Shape::Do => (&frames.option, "{do}"),
            Shape::DoTogether => (&frames.option_we, "{do}"),
            Shape::Avoid => (&frames.around, "{doing}"),
            Shape::Have => (&frames.could_have, "{thing}"),
        };
        line.replace(slot, &self.what)
    }

    /// The proposal as the second of two.
    pub fn second_sentence(&self) -> String {
        match self.shape {
            Shape::Do => STOCK.frames.option_second.replace("{do}", &self.what),
            _ => self.sentence(),
        }
    }
}

/// The proposal in the clause at index `at`, where it commands something that one can do.
pub fn propose(parsed: &Parsed<'_>, at: usize) -> Option<Proposal> {
    let clause = &parsed.clauses[at];
    let (verb, shape) = commanded(parsed, clause)?;
    let end = phrase_end(parsed, at);
    put(parsed, verb, shape, end)
}

/// The request in the clause at index `at`, "can you send it by Friday?", as a proposal.
pub fn requested(parsed: &Parsed<'_>, at: usize) -> Option<Proposal> {
    let clause = &parsed.clauses[at];
    let asks =
        clause.asks == Some(Asks::Polar) && clause.subject == Person::You && clause.head < clause.words.end;
    let modal = matches!(parsed.words[clause.head].lower.as_str(), "can" | "could" | "will" | "would");
    let mut verb = clause.subject_at.filter(|_| asks && modal)? + 1;
    while verb < clause.words.end
        && matches!(parsed.words[verb].lower.as_str(), "please" | "just" | "at" | "least")
    {
        verb += 1;
    }
    let base = parsed.words.get(verb).filter(|word| verb < clause.words.end && word.forms.base)?;
    // "Can you tell me …", "would you be open …", "would you mind …" ask for words, or for a yes.
    let asks_for_words = matches!(
        base.lower.as_str(),
        "tell"
            | "explain"
            | "say"
            | "talk"
            | "speak"
            | "help"
            | "imagine"
            | "think"
            | "see"
            | "be"
            | "have"
            | "like"
            | "mind"
            | "prefer"
            | "describe"
            | "want"
            | "know"
            | "walk"
            | "live"
            | "consider"
    );
    if asks_for_words { None } else { put(parsed, verb, Shape::Do, phrase_end(parsed, at)) }
}

/// Puts the words from `verb` to `end` as a proposal.
fn put(parsed: &Parsed<'_>, verb: usize, shape: Shape, end: usize) -> Option<Proposal> {
    let range = trimmed(parsed, verb..end);
    let words = &parsed.words;
    if range.is_empty() || range.len() > MOST_WORDS {
        return None;
    }
    if shape == Shape::Have {
        let what = phrase(parsed, range.clone());
        let timed = is_timed(words, range);
        return Some(Proposal { shape, what, timed, delivers: true, end });
    }
    let bare = inflections(words[verb].lemma)?;
    let base = bare.base.as_str();
    let attitude = has(&STOCK.verbs.attitude, base);
    if attitude
        || words[range.clone()].iter().any(|word| word.lower == "stop" && word.start > words[verb].start)
    {
        return None;
    }
    // "Stop changing the plan", "do not change the plan": the way around changing the plan.
    if matches!(base, "stop" | "quit") && words.get(verb + 1).is_some_and(|word| word.forms.ing) {
        let doing = verb + 1;
        let kind = inflections(words[doing].lemma)?;
        let harsh = has(&STOCK.verbs.hurting, &kind.base) || has(&STOCK.verbs.left_open, &kind.base);
        let what = lowered(&phrase(parsed, doing..range.end));
        return (!harsh && doing + 1 < range.end).then(|| plain(Shape::Avoid, what, end));
    }
    if shape == Shape::Avoid {
        let object = phrase(parsed, verb + 1..range.end);
        return (!object.is_empty()).then(|| plain(shape, format!("{} {object}", bare.ing), end));
    }
    let what = lowered(&phrase(parsed, range.clone()));
    // "write down what you want by a day that suits you": a day fits only a short phrase.
    let short = range.len() <= 5 && !words[range.clone()].iter().any(|word| word.is(KINDS.subord | KINDS.wh));
    let delivers = short && has(&STOCK.verbs.delivering, base);
    Some(Proposal { shape, what, timed: is_timed(words, range), delivers, end })
}

fn plain(shape: Shape, what: String, end: usize) -> Proposal {
    Proposal { shape, what, timed: false, delivers: false, end }
}

/// Where the commanded verb stands, and how the command can be put as a choice.
fn commanded(parsed: &Parsed<'_>, clause: &Clause) -> Option<(usize, Shape)> {
    let words = &parsed.words;
    let end = clause.words.end;
    let lower = |at: usize| if at < end { words[at].lower.as_str() } else { "" };
    if clause.mood == Mood::Imperative {
        let from = clause.head;
        let never = (from..end.min(from + 3)).any(|at| matches!(lower(at), "not" | "never"));
        let verb = clause.verb.filter(|&verb| lower(verb) != "do" || !never).or_else(|| {
            (from..end).find(|&at| words[at].forms.base && !matches!(lower(at), "do" | "not" | "never"))
        })?;
        return match lower(verb) {
            "let" => (lower(verb + 1) == "us" && verb + 2 < end).then_some((verb + 2, Shape::DoTogether)),
            _ => Some((verb, if never { Shape::Avoid } else { Shape::Do })),
        };
    }
    let subject = clause.subject_at?;
    if subject < clause.words.start {
        // "…, set clear goals": one more verb behind the same "you have to".
        let verb = clause.verb.filter(|&verb| words[verb].forms.base && clause.subject == Person::You)?;
        return Some((verb, Shape::Do));
    }
    let shape = match clause.subject {
        Person::You => Shape::Do,
        Person::We => Shape::DoTogether,
        Person::I => return wanted_of_boss(parsed, subject, end),
        _ => return None,
    };
    // "either you hand me the keys, or …", "if you do not sign it, …"
    let bare = subject + 1;
    let either = clause.words.clone().any(|at| lower(at) == "either");
    let unless = clause.conditional && clause.negated && lower(bare) == "do" && lower(bare + 1) == "not";
    if shape == Shape::Do && (either || unless) {
        let verb = if unless { bare + 2 } else { bare };
        return (verb < end && words[verb].forms.base).then_some((verb, shape));
    }
    let mut at = bare;
    let mut demand = false;
    let mut negated = false;
    while at < end {
        match lower(at) {
            "should" | "must" | "need" | "better" | "ought" | "gotta" | "have" | "got" | "had" | "will"
            | "shall" => demand = true,
            "are" if lower(at + 1) == "going" => demand = true,
            "going" | "to" | "just" | "really" | "simply" | "first" | "only" | "all" | "always"
            | "definitely" | "also" | "now" => {}
            "not" | "never" => negated = true,
            _ => break,
        }
        at += 1;
    }
    let verb = words.get(at).filter(|word| demand && at < end && word.forms.base)?;
    // "you should have told me" is about the past.
    let past = (bare..at).any(|at| lower(at) == "have" && lower(at + 1) != "to" && lower(at + 1) != "got");
    (!past && !verb.is(KINDS.aux) && shape != Shape::DoTogether || !past && !negated)
        .then_some((at, if negated { Shape::Avoid } else { shape }))
}

/// "I need you to send it", "I want your comments by Friday".
fn wanted_of_boss(parsed: &Parsed<'_>, subject: usize, end: usize) -> Option<(usize, Shape)> {
    let words = &parsed.words;
    let wants = (subject + 1..end.min(subject + 5)).find(|&at| {
        matches!(words[at].lower.as_str(), "need" | "want" | "expect" | "require" | "demand" | "like")
    })?;
    let next = |offset: usize| {
        words.get(wants + offset).filter(|_| wants + offset < end).map_or("", |word| word.lower.as_str())
    };
    if next(1) == "you" && next(2) == "to" {
        let verb = wants + 3 + usize::from(matches!(next(3), "just" | "please" | "now"));
        if next(3) == "not" {
            return (wants + 4 < end).then_some((wants + 4, Shape::Avoid));
        }
        return (verb < end && words[verb].forms.base).then_some((verb, Shape::Do));
    }
    let thing = words.get(wants + 1).filter(|_| wants + 2 < end)?;
    let noun = thing.is(KINDS.det) && !thing.is(KINDS.subj) || thing.number;
    noun.then_some((wants + 1, Shape::Have))
}

/// Where the command's phrase ends: behind the clauses that hang on it.
fn phrase_end(parsed: &Parsed<'_>, at: usize) -> usize {
    let sentence = parsed.clauses[at].sentence;
    let mut end = parsed.clauses[at].words.end;
    for clause in parsed.clauses[at + 1..].iter().take_while(|clause| clause.sentence == sentence) {
        let own_start = parsed.words[clause.words.start].before >= Break::Strong;
        let conj = parsed.words[clause.words.start].is(KINDS.conj) && !clause.subordinate;
        let hangs = clause.subordinate && clause.subject != Person::You
            || clause.mood == Mood::Fragment && clause.words.len() <= 6;
        if own_start || !(hangs && !conj || shares_subject(parsed, clause)) {
            break;
        }
        end = clause.words.end;
    }
    end
}

/// "… and stick to it": one more verb of the same command.
fn shares_subject(parsed: &Parsed<'_>, clause: &Clause) -> bool {
    let words = &parsed.words;
    let and = words[clause.words.start].lower == "and" && words[clause.words.start].before == Break::None;
    let own = clause.subject_at.is_some_and(|at| at >= clause.words.start);
    let verb = clause.verb.and_then(|verb| inflections(words[verb].lemma));
    let plain = verb.is_some_and(|verb| {
        !has(&STOCK.verbs.attitude, &verb.base) && !matches!(verb.base.as_str(), "stop" | "quit")
    });
    and && !own
        && plain
        && !clause.negated
        && clause.verb.is_some_and(|verb| words[verb].forms.base)
        && clause.words.len() <= 10
}

/// The range without impatient words at its end.
fn trimmed(parsed: &Parsed<'_>, range: Range<usize>) -> Range<usize> {
    const TAILS: [&[&str]; 16] = [
        &["please"],
        &["now"],
        &["right", "now"],
        &["immediately"],
        &["at", "once"],
        &["for", "once"],
        &["asap"],
        &["already"],
        &["or", "else"],
        &["ok"],
        &["okay"],
        &["right"],
        &["instead"],
        &["period"],
        &["full", "stop"],
        &["thanks"],
    ];
    let mut end = range.end;
    while let Some(tail) = TAILS.iter().find(|tail| {
        end - range.start > tail.len()
            && parsed.words[end - tail.len()..end]
                .iter()
                .zip(tail.iter())
                .all(|(word, tail)| word.lower == *tail)
    }) {
        end -= tail.len();
    }
    range.start..end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scorer::parse::parse;

    fn proposed(text: &str) -> Option<String> {
        let parsed = parse(text);
        (0..parsed.clauses.len()).find_map(|at| propose(&parsed, at)).map(|proposal| proposal.sentence())
    }

    #[test]
    fn commands_become_choices() {
        let cases = [
            (
                "You need to send it by Friday.",
                "Would it work for you to send it by Friday, or would another time suit you better?",
            ),
            ("Just approve it.", "Would it work for you to approve it by a day that suits you?"),
            (
                "Please put the changes on the front page, now!",
                "Would it work for you to put the changes on the front page, or would something else suit you better?",
            ),
            (
                "You should give us feedback every fortnight, in writing.",
                "Would it work for you to give us feedback every fortnight, in writing, or would another time suit you better?",
            ),
            ("Stop changing the plan.", "Is there a way around changing the plan?"),
            ("Don't text me after ten.", "Is there a way around texting me after ten?"),
            (
                "I need you to sign the form today.",
                "Would it work for you to sign the form today, or would another time suit you better?",
            ),
            (
                "I need your comments by Friday.",
                "Could I have your comments by Friday, or would another time suit you better?",
            ),
            (
                "We need to move to weekly check-ins.",
                "Would it make sense to move to weekly check-ins, or would something else suit you better?",
            ),
            (
                "Either you hand me the keys, or I put a chain on it.",
                "Would it work for you to hand me the keys, or would something else suit you better?",
            ),
            (
                "If you don't sign it by Friday, I quit.",
                "Would it work for you to sign it by Friday, or would another time suit you better?",
            ),
            (
                "You have to decide who goes.",
                "Would it work for you to decide who goes, or would something else suit you better?",
            ),
        ];
        let mut wrong = Vec::new();
        for (text, wanted) in cases {
            let found = proposed(text);
            if found.as_deref() != Some(wanted) {
                wrong.push(format!("{text} → {found:?}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn plain_requests_get_a_way_out_and_real_questions_stay() {
        let found = |text: &str| requested(&parse(text), 0).map(|proposal| proposal.sentence());
        assert_eq!(
            found("Can you please send it by Friday?").as_deref(),
            Some("Would it work for you to send it by Friday, or would another time suit you better?")
        );
        assert_eq!(found("Could you tell me what is in the way?"), None);
        assert_eq!(found("Would you be open to talking about it?"), None);
    }

    #[test]
    fn demands_on_character_and_on_the_past_are_left_out() {
        for text in [
            "Listen to us.",
            "You need to be more organised.",
            "You should have told me.",
            "Stop ignoring me.",
            "Grow up.",
        ] {
            assert_eq!(proposed(text), None, "{text}");
        }
    }
}
