//! Can the bosses be told apart by their lines alone? A naive Bayes classifier that has seen all talks but
//! one guesses who speaks in that one. It knows nothing of the bosses' files.
//!
//! Features are words, word pairs, punctuation and the length of sentences; names are left out. A line by
//! hand counts like any other only where asked for: the question is what the model says.

use super::play::Transcript;
use crate::text::{Kind, sentences, tokens};
use std::collections::BTreeMap;

/// How often the guesses were right.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ToldApart {
    /// Single lines guessed.
    pub lines: usize,
    /// … rightly.
    pub right_lines: usize,
    /// Whole talks guessed.
    pub talks: usize,
    /// … rightly.
    pub right_talks: usize,
    /// Bosses to choose from.
    pub bosses: usize,
}

/// Added to every count, so that an unseen word decides nothing.
const SMOOTHING: f64 = 0.5;

#[derive(Default)]
struct Voice {
    counts: BTreeMap<String, f64>,
    total: f64,
}

impl Voice {
    fn learn(&mut self, features: &[String]) {
        for feature in features {
            *self.counts.entry(feature.clone()).or_default() += 1.0;
            self.total += 1.0;
        }
    }

    fn likelihood(&self, features: &[String], kinds: f64) -> f64 {
        let of = |feature: &String| {
            let count = self.counts.get(feature).copied().unwrap_or(0.0);
            ((count + SMOOTHING) / (self.total + SMOOTHING * kinds)).ln()
        };
        features.iter().map(of).sum()
    }
}

/// Guesses the speaker of every talk from the others. Lines by hand are left out.
pub fn told_apart(transcripts: &[Transcript], names: &[String]) -> ToldApart {
    let lines: Vec<(&str, Vec<Vec<String>>)> = transcripts
        .iter()
        .map(|t| {
            let own = t.turns.iter().filter(|said| !said.fallback);
            (t.cell.boss.as_str(), own.map(|said| features(&said.reply, names)).collect())
        })
        .collect();
    let kinds: std::collections::BTreeSet<&String> =
        lines.iter().flat_map(|(_, lines)| lines.iter().flatten()).collect();
    let mut result = ToldApart::default();
    for (left_out, (boss, own)) in lines.iter().enumerate() {
        let mut voices: BTreeMap<&str, Voice> = BTreeMap::new();
        for (boss, lines) in lines.iter().enumerate().filter(|(at, _)| *at != left_out).map(|(_, l)| l) {
            let voice = voices.entry(boss).or_default();
            lines.iter().for_each(|line| voice.learn(line));
        }
        result.bosses = result.bosses.max(voices.len());
        let guess = |features: &[String]| {
            voices
                .iter()
                .map(|(boss, voice)| (*boss, voice.likelihood(features, kinds.len() as f64)))
                .reduce(|best, next| if next.1 > best.1 { next } else { best })
                .map(|(boss, _)| boss)
        };
        if own.is_empty() {
            continue;
        }
        result.lines += own.len();
        result.right_lines += own.iter().filter(|line| guess(line) == Some(*boss)).count();
        result.talks += 1;
        result.right_talks += usize::from(guess(&own.concat()) == Some(*boss));
    }
    result
}

fn features(line: &str, names: &[String]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for token in tokens(line) {
        let word = line[token.start..token.end].to_lowercase().replace('’', "'");
        let counts = matches!(token.kind, Kind::Word | Kind::Number) || ",.!?—-;:…".contains(&word);
        if counts && !names.iter().any(|name| name.to_lowercase() == word) {
            words.push(word);
        }
    }
    let mut found: Vec<String> = words.windows(2).map(|pair| pair.join(" ")).collect();
    for sentence in sentences(line) {
        let length = line[sentence].split_whitespace().count();
        found.push(format!("length {}", length.min(16) / 4));
    }
    found.extend(words);
    found
}

#[cfg(test)]
mod tests {
    use super::super::cell::Cell;
    use super::super::play::Said;
    use super::*;
    use crate::boss::state::{Act, Directed, Mood};

    fn talk(boss: &str, lines: &[&str]) -> Transcript {
        let said = |line: &&str| Said {
            text: "And?".to_owned(),
            checks: Vec::new(),
            openness: 50.0,
            patience: 3,
            may_concede: false,
            directed: Directed {
                mood: Mood::Open,
                act: Act::Considers,
                fact: None,
                takes: None,
                point: None,
                matter: None,
            },
            tokens: [0, 0],
            reply: (*line).to_owned(),
            fallback: false,
            refused: Vec::new(),
            passed_over: Vec::new(),
        };
        let cell = Cell {
            script: "long".to_owned(),
            boss: boss.to_owned(),
            difficulty: "open".to_owned(),
            receptiveness: 48.0,
            seed: 1,
            model: "none".to_owned(),
        };
        Transcript { cell, greeting: String::new(), turns: lines.iter().map(said).collect() }
    }

    #[test]
    fn voices_that_differ_are_told_apart_and_the_same_one_is_not() {
        let loud = ["Listen, come on!", "Come on, Sam, what's the deal?", "Listen, that's a deal!"];
        let slow = ["Hm, I keep wondering.", "On the other hand, hm — perhaps.", "I wonder, well."];
        let talks = [talk("a", &loud), talk("b", &slow), talk("a", &loud[..2]), talk("b", &slow[1..])];
        let apart = told_apart(&talks, &["Sam".to_owned()]);
        assert_eq!((apart.lines, apart.talks, apart.bosses), (10, 4, 2));
        assert_eq!((apart.right_lines, apart.right_talks), (10, 4));
        let same = [talk("a", &loud), talk("b", &loud), talk("a", &loud), talk("b", &loud)];
        let same = told_apart(&same, &[]);
        assert!(same.right_lines * 2 <= same.lines, "{same:?}");
    }
}
