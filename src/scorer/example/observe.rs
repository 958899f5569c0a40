//! Blame into observation: "you never answered my mails" becomes "my mails are still open".
//!
//! The same fact, the boss no longer its subject. Only clauses whose parts are all understood are
//! turned; for any other there is no observation, and the clause is left out.

use super::charge::Charge;
use super::source::{self, KINDS, Noun, is_time, neutral_phrase, noun, phrase};
use super::stock::{STOCK, has};
use crate::scorer::parse::{Clause, Mood, Parsed, Person};

/// The most words behind the object that are taken along.
const MOST_REST: usize = 10;

/// A fact that was a charge.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// The sentence, without capital and full stop.
    pub text: String,
    /// It is over, and not something still open or going on.
    pub over: bool,
}

/// A neutral sentence for a clause that blames the boss; none for an "if", which states nothing.
pub fn observe(parsed: &Parsed<'_>, clause: &Clause) -> Option<Observation> {
    if clause.conditional {
        return None;
    }
    if let Some(text) = denied_fault(parsed, clause) {
        return Some(Observation { text, over: true });
    }
    if let Some(charge) = Charge::read(parsed, clause)
        && let Some(text) = charge.neutral()
    {
        let pending = [&STOCK.verbs.promising, &STOCK.verbs.left_open];
        let verb = charge.forms.base.as_str();
        let done = charge.past && !charge.negated && !pending.into_iter().any(|list| has(list, verb));
        // What one had not heard, one has heard by now.
        let over = done || charge.negated && has(&STOCK.verbs.telling, verb);
        return Some(Observation { text, over });
    }
    about_theirs(parsed, clause).map(|text| Observation { text, over: false })
}

/// Does the clause charge the boss by its form alone: "you never …", "you keep …ing", "your … is always …"?
pub fn is_charge(parsed: &Parsed<'_>, clause: &Clause) -> bool {
    let words = parsed.words_of(clause);
    let has_word = |list: &[&str]| words.iter().any(|word| list.contains(&word.lower.as_str()));
    let sweeping = has_word(&["never", "always", "constantly", "keep", "kept"])
        || clause.negated && has_word(&["still"]);
    let theirs = clause.subject == Person::You || parsed.words[clause.head].lower == "your";
    sweeping && theirs && !clause.quoted && clause.modality.is_none() && observe(parsed, clause).is_some()
}

/// "It's your fault that we lost the client", "because of you we lost the client": "we lost the client".
fn denied_fault(parsed: &Parsed<'_>, clause: &Clause) -> Option<String> {
    let words = &parsed.words;
    let lower = |at: usize| words.get(at).map_or("", |word| word.lower.as_str());
    let range = clause.words.clone();
    let at = range.clone().find(|&at| {
        (lower(at) == "your" && lower(at + 1) == "fault")
            || (matches!(lower(at), "of" | "to") && lower(at + 1) == "you")
    })?;
    let blamed = lower(at + 1) == "fault" || matches!(lower(at.checked_sub(1)?), "because" | "thanks");
    let next = if lower(at + 2) == "that" { at + 3 } else { at + 2 };
    let stated = next + 2 < range.end
        && words[next..range.end]
            .iter()
            .any(|word| word.forms.past || word.is(KINDS.aux) || word.lower.ends_with("ed"));
    let about_boss = words[next.min(range.end)..range.end]
        .iter()
        .any(|word| matches!(word.lower.as_str(), "you" | "your"));
    (blamed && stated && !about_boss).then(|| phrase(parsed, next..range.end))
}

/// "Your feedback is always late": "the feedback is late".
fn about_theirs(parsed: &Parsed<'_>, clause: &Clause) -> Option<String> {
    let words = &parsed.words;
    let theirs = words[clause.head].lower == "your" && clause.mood == Mood::Declarative;
    let verb = clause.verb.filter(|_| theirs && clause.words.len() <= 12)?;
    let rest = verb + 1..clause.words.end;
    let other = words[clause.head + 1..clause.words.end]
        .iter()
        .any(|word| matches!(word.lower.as_str(), "you" | "your") || word.is(KINDS.insult));
    if other
        || !matches!(words[verb].lower.as_str(), "is" | "are" | "was" | "were" | "has" | "have")
        || rest.is_empty()
    {
        return None;
    }
    let kept = rest.start
        + words[rest.clone()].iter().take_while(|word| word.is(KINDS.adverb) && word.lower != "not").count();
    Some(format!(
        "{} {}",
        source::lowered(&neutral_phrase(parsed, clause.head..verb + 1)),
        phrase(parsed, kept..rest.end)
    ))
}

impl Charge<'_> {
    /// The same fact without the boss as its subject, where all of it is understood.
    fn neutral(&self) -> Option<String> {
        let verbs = &STOCK.verbs;
        let base = self.forms.base.as_str();
        if has(&verbs.promising, base) && !self.negated {
            return self.plan().or_else(|| self.passive());
        }
        if has(&verbs.hurting, base) && !self.negated {
            return self.hard();
        }
        if has(&verbs.telling, base) && self.negated {
            return self.not_heard();
        }
        if has(&verbs.giving, base) && self.negated && self.to_us().is_some() {
            return self.not_had();
        }
        if base == "get" && self.negated && self.lower(0) == "back" {
            return self.no_answer();
        }
        if has(&verbs.loading, base) && !self.negated {
            return self.comes_to();
        }
        let open =
            has(&verbs.unanswered, base) && self.negated || has(&verbs.left_open, base) && !self.negated;
        if open { self.still_open() } else { self.passive() }
    }

    fn lower(&self, offset: usize) -> &str {
        let at = self.rest.start + offset;
        if at < self.rest.end { &self.parsed.words[at].lower } else { "" }
    }

    /// "me" or "us" right behind the verb, as a subject with "have".
    fn to_us(&self) -> Option<&'static str> {
        match self.lower(0) {
            "me" => Some("I have"),
            "us" => Some("we have"),
            _ => None,
        }
    }

    /// What is left from `from` on, where it can stand behind the new verb: phrases of place and time.
    fn tail(&self, from: usize) -> Option<String> {
        let range = from..self.rest.end;
        let words = &self.parsed.words[range.clone()];
        let plain = words.iter().all(|word| {
            !matches!(
                word.lower.as_str(),
                "you" | "your" | "i" | "we" | "he" | "she" | "they" | "and" | "but" | "or"
            )
        });
        let fitting =
            words.first().is_none_or(|word| word.is(KINDS.prep) || is_time(word) || word.lower == "to");
        if !plain || !fitting || words.len() > MOST_REST {
            return None;
        }
        let said = phrase(self.parsed, range);
        // "not … again" would say that it had been done before.
        let said = if self.negated && said == "again" { String::new() } else { said };
        Some(if said.is_empty() { said } else { format!(" {said}") })
    }

    /// The object right behind the verb, or behind its preposition.
    fn object(&self) -> Option<Noun> {
        let skip = usize::from(
            matches!(self.lower(0), "to" | "on" | "at") && has(&STOCK.verbs.unanswered, &self.forms.base),
        );
        noun(self.parsed, self.rest.start + skip, self.rest.end)
    }

    /// "You said you would sort my contract": "the idea was to sort my contract".
    fn plan(&self) -> Option<String> {
        let words = &self.parsed.words;
        let mut at = self.rest.start;
        let mut modal = false;
        while at < self.rest.end {
            match words[at].lower.as_str() {
                "me" | "us" | "that" | "you" => {}
                "would" | "will" | "to" | "youd" | "you'd" => modal = true,
                _ => break,
            }
            at += 1;
        }
        let verb = words.get(at).filter(|word| modal && at < self.rest.end && word.forms.base)?;
        let mine = words[at..self.rest.end].iter().all(|word| !matches!(word.lower.as_str(), "you" | "your"));
        (mine && !verb.is(KINDS.aux) && self.rest.end - at <= MOST_REST)
            .then(|| format!("the idea was to {}", phrase(self.parsed, at..self.rest.end)))
    }

    /// "You shouted at me in front of the team": "it was hard for me in front of the team".
    fn hard(&self) -> Option<String> {
        let at = usize::from(matches!(self.lower(0), "at" | "about"));
        let whom = match self.lower(at) {
            "me" => "me",
            "us" => "us",
            _ => return None,
        };
        let tail = self.tail(self.rest.start + at + 1)?;
        (tail.starts_with(" in ") || tail.starts_with(" at ") || tail.starts_with(" during "))
            .then(|| format!("it was hard for {whom}{tail}"))
    }

    /// "You never told us about the move": "we had not heard about the move".
    fn not_heard(&self) -> Option<String> {
        let who = self.to_us()?.replace("have", "had");
        let linked = matches!(self.lower(1), "about" | "of" | "that" | "when" | "why" | "how");
        let rest = self.rest.start + 1..self.rest.end;
        let others = &self.parsed.words[rest.clone()];
        let about_boss = others.iter().any(|word| matches!(word.lower.as_str(), "you" | "your"));
        (linked && !about_boss).then(|| format!("{who} not heard {}", phrase(self.parsed, rest)))
    }

    /// "You never gave me feedback on it": "I have not had feedback on it yet".
    fn not_had(&self) -> Option<String> {
        let who = self.to_us()?;
        let what = noun(self.parsed, self.rest.start + 1, self.rest.end)?;
        let tail = self.tail(what.words.end)?;
        let what =
            if what.pronoun { what.text } else { source::lowered(&neutral_phrase(self.parsed, what.words)) };
        // "any" stands well in the negated sentence as it is.
        Some(format!("{who} not had {what}{tail}{}", self.yet(&tail)))
    }

    /// "You never got back to me about the rota": "I have not heard back yet about the rota".
    fn no_answer(&self) -> Option<String> {
        let who = match self.lower(2) {
            "me" => "I have",
            "us" => "we have",
            _ => return None,
        };
        Some(format!("{who} not heard back yet{}", self.tail(self.rest.start + 3)?))
    }

    /// "You dump work on us at five": "work comes to us at five".
    fn comes_to(&self) -> Option<String> {
        let what = noun(self.parsed, self.rest.start, self.rest.end)?;
        let words = &self.parsed.words;
        let on = what.words.end;
        let whom = words
            .get(on + 1)
            .filter(|word| words[on].lower == "on" && matches!(word.lower.as_str(), "me" | "us"))?;
        let tail = self.tail(on + 2)?;
        let comes = if self.past { "came".to_owned() } else { what.does("come") };
        (!what.speaker && on + 2 <= self.rest.end)
            .then(|| format!("{} {comes} to {}{tail}", what.text, whom.lower))
    }

    /// "You ignored my mails for two weeks": "my mails have been open for two weeks".
    fn still_open(&self) -> Option<String> {
        let what = self.object().filter(|what| !what.speaker && !what.pronoun && what.text != "we")?;
        let tail = self.tail(what.words.end)?;
        if tail.starts_with(" for ") || tail.starts_with(" since ") {
            return Some(format!("{} {} been open{tail}", what.text, what.has()));
        }
        Some(format!("{} {} still open", what.text, what.be(false)))
    }

    /// "You cancelled our meeting twice": "our meeting was cancelled twice".
    fn passive(&self) -> Option<String> {
        if !has(&STOCK.verbs.passive, &self.forms.base) && !has(&STOCK.verbs.delivering, &self.forms.base) {
            return None;
        }
        let what = noun(self.parsed, self.rest.start, self.rest.end)?;
        let tail = self.tail(what.words.end)?;
        let done = &self.forms.participle;
        let subject = &what.text;
        Some(match (self.negated, self.past, self.habit) {
            (true, false, _) => format!("{subject} {} not been {done}{tail}{}", what.has(), self.yet(&tail)),
            (true, true, _) => format!("{subject} {} not {done}{tail}", what.be(true)),
            (false, false, true) => format!("{subject} {} being {done}{tail}", what.does("keep")),
            (false, true, _) => format!("{subject} {} {done}{tail}", what.be(true)),
            (false, false, false) => format!("{subject} {} been {done}{tail}", what.has()),
        })
    }

    /// " yet", for what is still expected.
    fn yet(&self, tail: &str) -> &'static str {
        let expected =
            has(&STOCK.verbs.delivering, &self.forms.base) || has(&STOCK.verbs.giving, &self.forms.base);
        let said = tail.split_whitespace().any(|word| matches!(word, "yet" | "today" | "ever"));
        if expected && !said { " yet" } else { "" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scorer::parse::parse;

    fn observed(text: &str) -> Option<String> {
        let parsed = parse(text);
        parsed.clauses.iter().find_map(|clause| observe(&parsed, clause)).map(|fact| fact.text)
    }

    #[test]
    fn the_same_fact_without_the_charge() {
        let cases = [
            ("You never answer my mails.", "my mails are still open"),
            ("you ignored my request for two weeks", "my request has been open for two weeks"),
            ("You keep cancelling our one-to-ones.", "our one-to-ones keep being cancelled"),
            ("You cancelled our one-to-one three times!", "our one-to-one was cancelled three times"),
            (
                "Why do you always change the plan at the last minute?",
                "the plan keeps being changed at the last minute",
            ),
            ("Why did you cancel our meeting?", "our meeting was cancelled"),
            ("You haven't signed my contract.", "my contract has not been signed yet"),
            ("You still haven't reviewed the prototype", "the prototype has not been reviewed yet"),
            ("You forgot to sign the form again.", "the form has not been signed yet"),
            ("You promised to review it by Monday.", "the idea was to review it by Monday"),
            ("you said you would sort my contract", "the idea was to sort my contract"),
            ("Because of you we lost the client.", "we lost the client"),
            ("It's your fault that the launch slipped.", "the launch slipped"),
            ("You interrupted me in front of the client.", "I was interrupted in front of the client"),
            ("You didn't tell me about the new deadline.", "I had not heard about the new deadline"),
            ("You never gave me feedback on the prototype.", "I have not had feedback on the prototype yet"),
            ("You always dump work on us at 5pm.", "work comes to us at 5pm"),
            ("You yelled at me in front of the whole team.", "it was hard for me in front of the whole team"),
            ("Your feedback is always late.", "the feedback is late"),
            ("You never got back to me about the rota.", "I have not heard back yet about the rota"),
            ("You gave the Leeds course to Emre", "the Leeds course was given to Emre"),
        ];
        let mut wrong = Vec::new();
        for (text, wanted) in cases {
            let found = observed(text);
            if found.as_deref() != Some(wanted) {
                wrong.push(format!("{text} → {found:?}, not {wanted:?}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn what_is_not_understood_is_left_out() {
        for text in [
            "You don't care about us.",
            "You never listen.",
            "You are a disgrace.",
            "Your feedback is rubbish.",
            "You sat on it and hoped it would go away.",
            "You told my sister that you cancelled our holiday.",
            "You read my mails and told your wife.",
            "If you change the plan again, I'm out.",
        ] {
            assert_eq!(observed(text), None, "{text}");
        }
    }
}
