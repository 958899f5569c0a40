//! What is said to people about each check: read from `prompts/rubric.toml`, and from a team's own.

use super::rubric::Check;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{LazyLock, OnceLock};

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

/// The file that comes with the program, with its explanations: a team's own begins as a part of it.
pub const SHIPPED: &str = include_str!("../../prompts/rubric.toml");

static WORDING: LazyLock<BTreeMap<Check, CheckWording>> =
    LazyLock::new(|| crate::text::data::from_toml(SHIPPED).expect("prompts/rubric.toml is read by a test"));

/// A team's own wording, where it has one.
static OWN: OnceLock<BTreeMap<Check, CheckWording>> = OnceLock::new();

/// Wording of some checks, or of all.
pub type Wording = BTreeMap<Check, CheckWording>;

/// The wording of `check`.
pub fn of(check: Check) -> &'static CheckWording {
    OWN.get().and_then(|own| own.get(&check)).unwrap_or_else(|| &WORDING[&check])
}

/// Has `own` stand in for the wording that comes with the program, for the checks that it has. Once a run;
/// later calls change nothing.
pub fn set_own(own: Wording) {
    let _ = OWN.set(own);
}

/// Reads a file of wording: a table for each check that it words, as in `prompts/rubric.toml`.
///
/// # Errors
/// Where and why it is not right: TOML, keys, or a line that can't be filled in.
pub fn read(text: &str) -> Result<Wording, String> {
    let wording: Wording = crate::text::data::from_toml(text)?;
    match wording.iter().find_map(|(check, words)| Some(format!("`{check}`: {}", words.fault(*check)?))) {
        Some(fault) => Err(fault),
        None => Ok(wording),
    }
}

impl CheckWording {
    /// What keeps these words from being shown.
    fn fault(&self, check: Check) -> Option<String> {
        let texts = [&self.title, &self.is, &self.why, &self.did, &self.next, &self.hint];
        if let Some(text) = texts.into_iter().find(|text| text.trim().is_empty() || text.contains(['{', '}']))
        {
            return Some(format!(
                "only `praise` and `change` have a `{QUOTE}`, and no text is empty: {text}"
            ));
        }
        let lines = || self.praise.iter().chain(&self.change);
        if let Some(line) = lines().find(|line| line.replacen(QUOTE, "", 1).contains(['{', '}'])) {
            return Some(format!("only `{QUOTE}` can be filled in, once a line: {line}"));
        }
        if self.praise.is_empty() == check.is_helpful()
            || !self.praise.iter().all(|line| line.contains(QUOTE))
        {
            return Some(format!("helpful checks have lines of `praise` with `{QUOTE}`, harmful ones none"));
        }
        let with = self.change.iter().filter(|line| line.contains(QUOTE)).count();
        (with == 0 || with == self.change.len())
            .then(|| format!("`change` needs a line with `{QUOTE}` and one without"))
    }
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
        assert!(read(SHIPPED).is_ok());
    }

    #[test]
    fn a_teams_wording_is_read_for_some_checks_and_its_faults_are_named() {
        let full = SHIPPED;
        let start = full.find("[blames]").unwrap();
        let end = full[start + 1..].find("\n[").map_or(full.len(), |at| start + 1 + at);
        let one = &full[start..end];
        assert_eq!(read(one).unwrap().keys().copied().collect::<Vec<_>>(), [Check::Blames]);
        for (broken, named) in [
            (one.replace("[blames]", "[blame]"), "blame"),
            (one.replace("title =", "titel ="), "`title`"),
            (one.replace("title = \"", "title = \"{quote} "), "`blames`: only `praise`"),
            (one.replace("{quote}", "{words}"), "only `{quote}` can be filled in"),
            (one.replace("hint =", "praise = [\"Good: {quote}\"]\nhint ="), "harmful ones none"),
        ] {
            let error = read(&broken).unwrap_err();
            assert!(error.contains(named), "{named}: {error}");
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
