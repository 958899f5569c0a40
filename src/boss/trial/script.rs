//! What the person says in a trial: fixed turns, read from a file.

use serde::Deserialize;
use std::path::{Path, PathBuf};

/// One talk's turns.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// What kind of talk it is.
    pub name: String,
    /// The scenario it is about.
    pub scenario: String,
    /// The turns in order; `{boss}` is the boss's name.
    pub turns: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scripts {
    script: Vec<Script>,
}

/// Scripts that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// The file can't be read.
    #[error("can't read `{}`: {error}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("`{}` holds no scripts: {why}", file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// Where and why.
        why: String,
    },
}

/// Reads a file of scripts.
///
/// # Errors
/// A file that can't be read or that holds something else.
pub fn read(file: &Path) -> Result<Vec<Script>, ScriptError> {
    let text =
        std::fs::read_to_string(file).map_err(|error| ScriptError::Read { file: file.to_owned(), error })?;
    let scripts: Scripts = crate::text::data::from_toml(&text)
        .map_err(|why| ScriptError::Malformed { file: file.to_owned(), why })?;
    Ok(scripts.script)
}

impl Script {
    /// May the boss give in to it at `guarded` and harder? Not to blame, flattery or pressure.
    pub fn deserves_nothing(name: &str) -> bool {
        matches!(name, "blaming" | "flattering" | "pushy")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Library, Scenario};

    #[test]
    fn the_scripts_are_long_enough_and_about_scenarios_that_there_are() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/scripts.toml");
        let scripts = read(&file).unwrap();
        let library = Library::embedded();
        assert!(scripts.len() >= 11);
        for script in &scripts {
            assert!(script.turns.len() >= 12, "{}", script.name);
            assert!(library.get::<Scenario>(&script.scenario).is_ok(), "{}", script.name);
        }
        assert!(scripts.iter().any(|script| script.turns.len() >= 24));
    }
}
