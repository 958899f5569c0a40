//! Starting a data file of one's own: a commented template, or a copy of what comes with the program.

use super::Entry;
use super::library::embedded_text;
use crate::text::file::{Existing, read_text, write_private};
use crate::text::one_line;
use std::path::{Path, PathBuf};
use toml_edit::DocumentMut;

/// A file that was written for the author to edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// Where it lies.
    pub file: PathBuf,
    /// It is a copy of an entry that comes with the program, which it now stands in for.
    pub copied: bool,
}

/// Why no file was written.
#[derive(Debug, thiserror::Error)]
pub enum AuthorError {
    /// The name can't be a file's and a flag's value.
    #[error(
        "`{0}` can't be a name; use up to 40 small letters, digits and hyphens, a letter first, as in `late-feedback`"
    )]
    Name(String),
    /// There is one already.
    #[error("`{0}` is there already; edit it, or choose another name")]
    Exists(PathBuf),
    /// The file can't be written.
    #[error("can't write `{file}`: {source}")]
    Unwritable {
        /// The file or its folder.
        file: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

/// Writes `NAME.toml` into the right place under a person's own `folder`, and never over another file.
///
/// A name that comes with the program starts as a copy of its file, any other as the template.
///
/// # Errors
/// [`AuthorError`]; nothing was written then.
pub fn start<E: Entry>(folder: &Path, name: &str) -> Result<Started, AuthorError> {
    let original = embedded_text(&format!("{}/{name}.toml", E::FOLDER));
    let text = original.or_else(|| embedded_text(&format!("new/{}.toml", E::KIND))).unwrap_or_default();
    Ok(Started { file: write::<E>(folder, name, text)?, copied: original.is_some() })
}

/// Where an entry called `name` lies under a person's own `folder`, if it does.
pub fn own_file<E: Entry>(folder: &Path, name: &str) -> PathBuf {
    folder.join(E::FOLDER).join(format!("{name}.toml"))
}

/// Writes `entry` as `NAME.toml` into the right place under a person's own `folder`, and never over another file;
/// returns where it lies.
///
/// # Errors
/// [`AuthorError`]; nothing was written then.
pub fn write_own<E: Entry>(folder: &Path, name: &str, entry: &E) -> Result<PathBuf, AuthorError> {
    write::<E>(folder, name, &entry.text())
}

fn write<E: Entry>(folder: &Path, name: &str, text: &str) -> Result<PathBuf, AuthorError> {
    check_name(name)?;
    let file = own_file::<E>(folder, name);
    let unwritable = |source| AuthorError::Unwritable { file: file.clone(), source };
    std::fs::create_dir_all(folder.join(E::FOLDER)).map_err(unwritable)?;
    match write_private(&file, text.as_bytes(), Existing::Keep) {
        Ok(()) => Ok(file),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(AuthorError::Exists(file)),
        Err(source) => Err(unwritable(source)),
    }
}

/// Gives `key` another value in a person's own `file`, or takes it out; all else stays as it was written, comments
/// too.
///
/// # Errors
/// [`AuthorError`]; nothing was written then.
pub fn set_key(file: &Path, key: &str, value: Option<&str>) -> Result<(), AuthorError> {
    let unwritable = |source| AuthorError::Unwritable { file: file.to_owned(), source };
    let text = read_text(file, LARGEST).map_err(unwritable)?;
    let malformed =
        |error: toml_edit::TomlError| unwritable(std::io::Error::other(one_line(&error.to_string())));
    let mut document: DocumentMut = text.parse().map_err(malformed)?;
    match value {
        Some(value) => document[key] = toml_edit::value(value),
        None => drop(document.remove(key)),
    }
    write_private(file, document.to_string().as_bytes(), Existing::Replace).map_err(unwritable)
}

/// The largest data file, in bytes.
const LARGEST: u64 = 1 << 20;

/// Refuses a name that can't be a file's and a flag's value.
///
/// # Errors
/// [`AuthorError::Name`].
pub fn check_name(name: &str) -> Result<(), AuthorError> {
    if is_name(name) { Ok(()) } else { Err(AuthorError::Name(name.to_owned())) }
}

/// Can `name` be a file's name everywhere and a value on the command line without quoting?
fn is_name(name: &str) -> bool {
    name.len() <= 40
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Boss, Difficulty, Library, Scenario, read};

    /// The template is readable, and its check names the markers and nothing else.
    #[track_caller]
    fn template_asks_only_for_its_markers<E: Entry>(markers: usize) {
        let home = tempfile::tempdir().unwrap();
        let started = start::<E>(home.path(), "my-own").unwrap();
        assert!(!started.copied);
        let problems = read::<E>(&started.file).unwrap().problems();
        assert!(problems.iter().all(|problem| problem.why.contains("still holds")), "{problems:#?}");
        assert_eq!(problems.len(), markers, "{problems:#?}");
    }

    #[test]
    fn a_template_is_right_but_for_what_only_the_author_knows() {
        template_asks_only_for_its_markers::<Scenario>(15);
        template_asks_only_for_its_markers::<Boss>(4);
        template_asks_only_for_its_markers::<Difficulty>(1);
    }

    #[test]
    fn a_known_name_starts_as_a_copy_that_stands_in_for_it() {
        let home = tempfile::tempdir().unwrap();
        let started = start::<Boss>(home.path(), "dana").unwrap();
        assert!(started.copied);
        let text = std::fs::read_to_string(&started.file).unwrap();
        std::fs::write(&started.file, text.replace("name = \"Dana\"", "name = \"Edna\"")).unwrap();
        let library = Library::with_folders(&[home.path().to_owned()]).unwrap();
        assert_eq!(library.get::<Boss>("dana").unwrap().name, "Edna");
        assert_eq!(library.get::<Boss>("dana").unwrap().check(), []);
    }

    #[test]
    fn one_key_changes_and_the_rest_stays_as_it_was_written() {
        let home = tempfile::tempdir().unwrap();
        let file = start::<Boss>(home.path(), "dana").unwrap().file;
        let text = std::fs::read_to_string(&file).unwrap() + "# mine\n";
        std::fs::write(&file, &text).unwrap();
        set_key(&file, "name", Some("Edna")).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text.replace("\"Dana\"", "\"Edna\""));
        set_key(&file, "name", None).unwrap();
        assert!(!std::fs::read_to_string(&file).unwrap().contains("Edna"));
        std::fs::write(&file, "name = ").unwrap();
        assert!(set_key(&file, "name", Some("Edna")).is_err());
    }

    #[test]
    fn nothing_is_written_over_or_outside_the_folder() {
        let home = tempfile::tempdir().unwrap();
        let file = start::<Scenario>(home.path(), "mine").unwrap().file;
        std::fs::write(&file, "mine").unwrap();
        assert!(matches!(start::<Scenario>(home.path(), "mine"), Err(AuthorError::Exists(_))));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
        for name in ["", "../up", "a/b", "Big", "2-fast", "a b", ".x", &"a".repeat(41)] {
            assert!(matches!(start::<Scenario>(home.path(), name), Err(AuthorError::Name(_))), "{name}");
        }
    }
}
