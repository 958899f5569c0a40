//! Reading a data file that a person edits: errors name the line, the key and the nearest valid one.

use super::brief;
use super::suggest::nearest;
use serde::de::DeserializeOwned;

/// The longest error, in characters: a file may have any key, and the message names it.
const LONGEST: usize = 400;

/// Reads TOML into `T`.
///
/// # Errors
/// One line in words, safe to print: where, what, and for an unknown key the nearest valid one.
pub fn from_toml<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| text[..span.start].matches('\n').count() + 1);
        let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
        format!("{place}{}", brief(&explain(error.message()), LONGEST))
    })
}

/// Adds "did you mean" to serde's words about an unknown key or value, which list the valid ones in
/// backticks after the wrong one.
fn explain(message: &str) -> String {
    let message = message.lines().next().unwrap_or_default();
    let unknown = message.starts_with("unknown field") || message.starts_with("unknown variant");
    let mut names = message.split('`').skip(1).step_by(2);
    match (unknown, names.next()) {
        (true, Some(wrong)) => {
            let what = if message.starts_with("unknown field") { "key" } else { "value" };
            let known: Vec<&str> = names.collect();
            match nearest(wrong, known.iter().copied()) {
                Some(key) => format!("unknown {what} `{wrong}`; did you mean `{key}`?"),
                None => format!("unknown {what} `{wrong}`; valid are `{}`", known.join("`, `")),
            }
        }
        _ => message.replace("missing field", "missing key"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case")]
    struct Card {
        #[allow(dead_code)]
        title: String,
        #[allow(dead_code)]
        notes: Vec<Note>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Note {
        #[allow(dead_code)]
        line: String,
    }

    #[test]
    fn an_unknown_key_names_the_line_and_the_nearest_key_at_any_depth() {
        let error = from_toml::<Card>("titel = 'x'\nnotes = []").unwrap_err();
        assert_eq!(error, "line 1: unknown key `titel`; did you mean `title`?");
        let error = from_toml::<Card>("title = 'x'\n[[notes]]\nlien = 'y'").unwrap_err();
        assert_eq!(error, "line 3: unknown key `lien`; did you mean `line`?");
        let error = from_toml::<Card>("zebra = 1").unwrap_err();
        assert_eq!(error, "line 1: unknown key `zebra`; valid are `title`, `notes`");
    }

    #[test]
    fn a_key_made_to_harm_is_named_safely_and_not_at_length() {
        let error = from_toml::<Card>(&format!("\"\\u001b[2J{}\" = 1", "x".repeat(100_000))).unwrap_err();
        assert!(error.starts_with("line 1: unknown key `xxx") && error.len() < 500, "{error}");
    }

    #[test]
    fn other_errors_stay_readable() {
        assert!(from_toml::<Card>("title = 'x'").unwrap_err().contains("missing key `notes`"));
        assert!(from_toml::<Card>("title = ").unwrap_err().starts_with("line 1: "));
    }
}
