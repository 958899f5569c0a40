//! What is said to people about each check: read from `prompts/rubric.toml`.

use super::rubric::Check;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Stands in a template for the person's own words.
const QUOTE: &str = "{quote}";

/// The wording of one check.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckWording {
    /// Its name in lists and reports.
    pub title: String,
    /// What it is, in one plain sentence.
    pub is: String,
    /// Why it matters.
    pub why: String,
    /// What the person did, to stand beside a turn's number: "you asked …".
    pub did: String,
    /// What to do the next time, as a command without a full stop.
    pub next: String,
    /// The same for one who did it already, and could more often; none where once is enough.
    #[serde(default)]
    pub again: Option<String>,
    /// Lines for a turn that shows it; none for harmful checks.
    #[serde(default)]
    praise: Vec<String>,
    /// Lines for the one thing to change.
    change: Vec<String>,
    /// What to try next, without the words.
    pub hint: String,
}

impl CheckWording {
    /// A line of praise around `quote`; `round` makes lines take turns.
    pub fn praise(&self, quote: &str, round: usize) -> Option<String> {
        choose(&self.praise, Some(quote), round)
    }

    /// A line about what to change, around `quote` where there is one; `round` makes lines take turns.
    pub fn change(&self, quote: Option<&str>, round: usize) -> Option<String> {
        choose(&self.change, quote, round)
    }
}

/// One of the lines that use a quote, where there is one, or else one of those that do not.
fn choose(lines: &[String], quote: Option<&str>, round: usize) -> Option<String> {
    let fitting: Vec<&String> = lines.iter().filter(|line| line.contains(QUOTE) == quote.is_some()).collect();
    let line = fitting.get(round % fitting.len().max(1))?;
    Some(line.replace(QUOTE, quote.unwrap_or_default()))
}

static WORDING: LazyLock<BTreeMap<Check, CheckWording>> = LazyLock::new(|| {
    crate::text::data::from_toml(include_str!("../../prompts/rubric.toml"))
        .expect("prompts/rubric.toml is read by a test")
});

/// The wording of `check`.
pub fn of(check: Check) -> &'static CheckWording {
    &WORDING[&check]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_has_its_words_once() {
        // A table that stands twice is an error of TOML, one with an unknown name an error of `Check`.
        assert!(Check::ALL.iter().all(|check| WORDING.contains_key(check)));
    }

    #[test]
    fn templates_know_only_the_quote_and_hold_it_once() {
        for (check, words) in WORDING.iter() {
            let texts = [&words.title, &words.is, &words.why, &words.did, &words.next, &words.hint];
            assert!(texts.iter().all(|text| !text.contains(['{', '}'])), "{check}");
            for line in words.praise.iter().chain(&words.change) {
                let rest = line.replacen(QUOTE, "", 1);
                assert!(!rest.contains(['{', '}']), "{check}: {line}");
            }
            assert!(words.praise.iter().all(|line| line.contains(QUOTE)), "{check}: praise quotes");
            assert_eq!(words.praise.is_empty(), !check.is_helpful(), "{check}");
            assert!(words.change.iter().any(|line| line.contains(QUOTE)), "{check}");
            assert!(words.change.iter().any(|line| !line.contains(QUOTE)), "{check}");
        }
    }

    #[test]
    fn texts_are_short_and_end_as_they_should() {
        for (check, words) in WORDING.iter() {
            let sentences = [&words.is, &words.why, &words.hint];
            let lines = sentences.into_iter().chain(&words.praise).chain(&words.change);
            for line in lines {
                assert!(
                    line.ends_with('.') || line.ends_with('?') || line.ends_with("”."),
                    "{check}: {line}"
                );
                assert!(line.chars().count() <= 160, "{check}: {} {line}", line.chars().count());
            }
            for phrase in [&words.did, &words.next] {
                assert!(phrase.chars().next().is_some_and(char::is_lowercase) && !phrase.ends_with('.'));
            }
            assert!(words.did.starts_with("you "), "{check}");
            assert!(words.is.starts_with("You ") || words.is.starts_with("At least"), "{check}");
        }
    }

    #[test]
    fn lines_take_turns_and_quote_only_what_there_is() {
        let words = of(Check::Blames);
        let (first, second) = (words.change(Some("x"), 0).unwrap(), words.change(Some("x"), 1).unwrap());
        assert!(first.contains("“x”") && second.contains("“x”") && first != second);
        assert_eq!(words.change(Some("x"), 2).unwrap(), first);
        assert!(!words.change(None, 5).unwrap().contains('{'));
        assert_eq!(words.praise("x", 0), None);
    }
}
