//! Finding scenarios, bosses and presets: the embedded ones, then the folders handed in, later ones first.

use super::{Boss, Difficulty, Problem, Scenario};
use crate::text::data::from_toml;
use crate::text::file::read_text;
use crate::text::printable::is_unsafe;
use crate::text::suggest::nearest;
use include_dir::{Dir, include_dir};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/prompts");

/// The largest data file that is read, in bytes.
const LIMIT: u64 = 1 << 20;

/// What is wrong with a data file or a name.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// No such thing.
    #[error("no {kind} is called `{name}`; {hint}")]
    Unknown {
        /// "scenario", "boss" or "difficulty".
        kind: &'static str,
        /// As asked.
        name: String,
        /// The nearest, or all.
        hint: String,
    },
    /// It is there, and its file is broken.
    #[error("{0}")]
    Broken(String),
    /// The file can't be read.
    #[error("can't read `{file}`: {source}")]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("`{file}` is not right: {why}; `coachup {kind} check FILE` explains", kind = plural(kind))]
    Malformed {
        /// "scenario", "boss" or "difficulty".
        kind: &'static str,
        /// The file.
        file: PathBuf,
        /// Where and why.
        why: String,
    },
}

/// The command that handles a kind.
fn plural(kind: &str) -> String {
    match kind {
        "boss" => "bosses".to_owned(),
        "difficulty" => "difficulties".to_owned(),
        other => format!("{other}s"),
    }
}

/// Keys that a boss's file of an earlier version has.
const RETIRED: [&str; 5] = ["examples", "fallbacks", "leads", "max-sentences", "never-contracts"];

/// A kind of data file.
pub trait Entry: Serialize + DeserializeOwned + Clone + 'static {
    /// What one is called.
    const KIND: &'static str;
    /// Its folder under `prompts/` and under a person's own folder; also its command.
    const FOLDER: &'static str;
    /// One line for lists.
    fn title(&self) -> &str;
    /// Takes its file's name.
    fn named(self, name: &str) -> Self;
    /// As a file has it; its name stands outside.
    fn text(&self) -> String;
    /// What an author should mend, beyond what the reader refuses.
    fn problems(&self) -> Vec<Problem>;
    /// A number or a name with which no talk can be had, beyond what the reader refuses.
    fn impossible(&self) -> Option<Problem> {
        None
    }
    /// Where the library keeps this kind.
    fn shelf(library: &Library) -> &BTreeMap<String, Self>;
}

/// All scenarios, bosses and presets by name.
#[derive(Clone, Debug, Default)]
pub struct Library {
    pub(super) scenarios: BTreeMap<String, Scenario>,
    pub(super) bosses: BTreeMap<String, Boss>,
    pub(super) difficulties: BTreeMap<String, Difficulty>,
    faults: Vec<Fault>,
}

/// A file of a person's own that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    kind: &'static str,
    name: String,
    /// The file, what is wrong with it, and what to do.
    pub why: String,
}

impl Library {
    /// What comes with the program.
    ///
    /// # Panics
    /// Never: a test reads every embedded file.
    pub fn embedded() -> Library {
        Library {
            scenarios: embedded_shelf(),
            bosses: embedded_shelf(),
            difficulties: embedded_shelf(),
            faults: Vec::new(),
        }
    }

    /// What comes with the program, and what lies in `folders`, where a later one wins. A file that is
    /// broken is left out, so that it stops nothing else; see [`Library::faults`].
    ///
    /// # Errors
    /// A folder that can't be read.
    pub fn with_folders(folders: &[PathBuf]) -> Result<Library, LibraryError> {
        let mut library = Library::embedded();
        for folder in folders {
            library.scenarios.extend(folder_shelf(folder, &mut library.faults)?);
            library.bosses.extend(folder_shelf(folder, &mut library.faults)?);
            library.difficulties.extend(folder_shelf(folder, &mut library.faults)?);
        }
        Ok(library)
    }

    /// The files that were left out, and why.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// The one called `name`.
    ///
    /// # Errors
    /// [`LibraryError::Broken`] where its file was left out; else [`LibraryError::Unknown`] with the
    /// nearest name, or with all.
    pub fn get<E: Entry>(&self, name: &str) -> Result<&E, LibraryError> {
        let shelf = E::shelf(self);
        if let Some(fault) = self.faults.iter().find(|fault| fault.kind == E::KIND && fault.name == name) {
            return Err(LibraryError::Broken(fault.why.clone()));
        }
        shelf.get(name).ok_or_else(|| {
            let names = || shelf.keys().map(String::as_str);
            let hint = match nearest(name, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are `{}`", names().collect::<Vec<_>>().join("`, `")),
            };
            LibraryError::Unknown { kind: E::KIND, name: name.to_owned(), hint }
        })
    }

    /// All of a kind, by name.
    pub fn all<E: Entry>(&self) -> impl Iterator<Item = (&str, &E)> {
        E::shelf(self).iter().map(|(name, entry)| (name.as_str(), entry))
    }

    /// The presets, easiest first.
    pub fn ladder(&self) -> Vec<&Difficulty> {
        let mut presets: Vec<&Difficulty> = self.difficulties.values().collect();
        presets.sort_by(|a, b| b.receptiveness.total_cmp(&a.receptiveness));
        presets
    }
}

/// Reads one data file.
///
/// # Errors
/// It can't be read or is malformed.
pub fn read<E: Entry>(file: &Path) -> Result<E, LibraryError> {
    let unreadable = |source| LibraryError::Unreadable { file: file.to_owned(), source };
    let text = read_text(file, LIMIT).map_err(unreadable)?;
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    from_toml::<E>(&text).map(|entry| entry.named(&name)).map_err(|why| {
        let why = match RETIRED.iter().find(|key| why.contains(&format!("unknown key `{key}`"))) {
            Some(key) => format!("`{key}` is no longer read: take it out ({why})"),
            None => why,
        };
        LibraryError::Malformed { kind: E::KIND, file: file.to_owned(), why }
    })
}

/// The entry, unless a talk can't be had with it: its words go to the screen and to the model, its numbers into
/// the boss's state.
fn usable<E: Entry>(file: &Path, entry: E) -> Result<E, LibraryError> {
    let malformed = |why| LibraryError::Malformed { kind: E::KIND, file: file.to_owned(), why };
    if let Some(problem) = entry.impossible() {
        return Err(malformed(problem.to_string()));
    }
    // Written out, every string and key of it can be seen; characters of JSON's own are harmless.
    let words = serde_json::to_value(&entry).unwrap_or_default();
    if has_unsafe(&words) {
        return Err(malformed(
            "it has an invisible character that could steer the screen; remove it".to_owned(),
        ));
    }
    Ok(entry)
}

fn has_unsafe(words: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Object, String};
    match words {
        String(text) => text.contains(is_unsafe),
        Array(items) => items.iter().any(has_unsafe),
        Object(keys) => keys.iter().any(|(key, value)| key.contains(is_unsafe) || has_unsafe(value)),
        _ => false,
    }
}

/// The text of an embedded file, by its path under `prompts/`.
pub(super) fn embedded_text(path: &str) -> Option<&'static str> {
    EMBEDDED.get_file(path)?.contents_utf8()
}

fn embedded_shelf<E: Entry>() -> BTreeMap<String, E> {
    let files = EMBEDDED.get_dir(E::FOLDER).into_iter().flat_map(|dir| dir.files());
    files
        .map(|file| {
            let name = file.path().file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let text = file.contents_utf8().unwrap_or_default();
            match from_toml::<E>(text) {
                Ok(entry) => (name.clone(), entry.named(&name)),
                Err(why) => panic!("embedded {} is not right: {why}", file.path().display()),
            }
        })
        .collect()
}

fn folder_shelf<E: Entry>(
    folder: &Path,
    faults: &mut Vec<Fault>,
) -> Result<BTreeMap<String, E>, LibraryError> {
    let folder = folder.join(E::FOLDER);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(source) => return Err(LibraryError::Unreadable { file: folder, source }),
    };
    let mut shelf = BTreeMap::new();
    for entry in entries {
        let file = entry.map_err(|source| LibraryError::Unreadable { file: folder.clone(), source })?.path();
        if file.extension().is_some_and(|extension| extension == "toml") {
            let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            match read(&file).and_then(|entry| usable(&file, entry)) {
                Ok(entry) => drop(shelf.insert(name, entry)),
                Err(error) => faults.push(Fault { kind: E::KIND, name, why: error.to_string() }),
            }
        }
    }
    Ok(shelf)
}

macro_rules! entry {
    ($type:ty, $kind:literal, $folder:literal, $shelf:ident, $name:ident $(, $more:item)?) => {
        impl Entry for $type {
            const KIND: &'static str = $kind;
            const FOLDER: &'static str = $folder;

            fn title(&self) -> &str {
                &self.title
            }

            fn named(mut self, name: &str) -> Self {
                self.$name = name.to_owned();
                self
            }

            fn text(&self) -> String {
                let table = toml::Table::try_from(self);
                let mut table = table.expect("a data file is a table of texts and numbers");
                table.remove(stringify!($name));
                toml::to_string_pretty(&table).expect("a table")
            }

            fn problems(&self) -> Vec<Problem> {
                self.check()
            }

            fn shelf(library: &Library) -> &BTreeMap<String, Self> {
                &library.$shelf
            }

            $($more)?
        }
    };
}

entry!(Scenario, "scenario", "scenarios", scenarios, name);
entry!(
    Boss,
    "boss",
    "bosses",
    bosses,
    id,
    fn impossible(&self) -> Option<Problem> {
        Boss::impossible(self)
    }
);
entry!(
    Difficulty,
    "difficulty",
    "difficulties",
    difficulties,
    name,
    fn impossible(&self) -> Option<Problem> {
        self.numbers_out_of_range().into_iter().next()
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_file_is_right() {
        let library = Library::embedded();
        let mut found = Vec::new();
        found.extend(library.all::<Scenario>().flat_map(|(name, entry)| named(name, entry)));
        found.extend(library.all::<Boss>().flat_map(|(name, entry)| named(name, entry)));
        found.extend(library.all::<Difficulty>().flat_map(|(name, entry)| named(name, entry)));
        assert!(found.is_empty(), "{found:#?}");
        assert!(!library.scenarios.is_empty() && !library.bosses.is_empty());
    }

    fn named<E: Entry>(name: &str, entry: &E) -> Vec<String> {
        entry.problems().into_iter().map(|problem| format!("{} {name}: {problem}", E::KIND)).collect()
    }

    #[test]
    fn what_no_talk_can_be_had_with_is_left_out() {
        let home = tempfile::tempdir().unwrap();
        let write = |folder: &str, text: String| {
            std::fs::create_dir_all(home.path().join(folder)).unwrap();
            std::fs::write(home.path().join(folder).join("mine.toml"), text).unwrap();
        };
        let preset = embedded_text("difficulties/open.toml").unwrap();
        let cap = preset.lines().find(|line| line.starts_with("cap")).unwrap();
        write("difficulties", preset.replace(cap, "cap = nan"));
        let boss = embedded_text("bosses/dana.toml").unwrap();
        write("bosses", boss.replace("title = \"", "title = \"\\u001b[2J"));
        let library = Library::with_folders(&[home.path().to_owned()]).unwrap();
        let error = library.get::<Difficulty>("mine").unwrap_err().to_string();
        assert!(error.contains("mine.toml") && error.contains("`cap` is NaN"), "{error}");
        let error = library.get::<Boss>("mine").unwrap_err().to_string();
        assert!(error.contains("could steer the screen"), "{error}");
        assert!(read::<Boss>(&home.path().join("bosses/mine.toml")).is_ok(), "`check` still looks at it");
        for (name, why) in [
            ("name = \"\"", "`name`"),
            ("name = \"Dana:\"", "`name`"),
            ("name = \"Dana\"\nmax-sentences = 2", "`max-sentences` is no longer read: take it out"),
        ] {
            write("bosses", boss.replace("name = \"Dana\"", name));
            let library = Library::with_folders(&[home.path().to_owned()]).unwrap();
            let error = library.get::<Boss>("mine").unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn an_unknown_name_gets_the_nearest() {
        let library = Library::embedded();
        let error = library.get::<Difficulty>("gaurded").unwrap_err().to_string();
        assert_eq!(error, "no difficulty is called `gaurded`; did you mean `guarded`?");
        let error = library.get::<Difficulty>("zzz").unwrap_err().to_string();
        assert!(error.contains("`welcoming`"), "{error}");
    }

    #[test]
    fn the_ladder_goes_from_easy_to_hard() {
        let library = Library::embedded();
        let names: Vec<&str> = library.ladder().iter().map(|preset| preset.name.as_str()).collect();
        assert_eq!(names, ["welcoming", "open", "guarded", "skeptical", "hostile"]);
    }

    #[test]
    fn a_folder_adds_and_overrides_and_its_errors_name_the_file() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("difficulties");
        std::fs::create_dir(&folder).unwrap();
        let text = embedded_text("difficulties/open.toml").unwrap();
        std::fs::write(folder.join("mine.toml"), text).unwrap();
        let folders = [home.path().to_owned()];
        let library = Library::with_folders(&folders).unwrap();
        assert_eq!(library.get::<Difficulty>("mine").unwrap().name, "mine");
        std::fs::write(folder.join("mine.toml"), text.replace("patience", "pateince")).unwrap();
        let library = Library::with_folders(&folders).unwrap();
        assert_eq!(library.faults().len(), 1);
        assert!(library.get::<Difficulty>("open").is_ok(), "one broken file stops no other");
        let error = library.get::<Difficulty>("mine").unwrap_err().to_string();
        assert!(error.contains("mine.toml") && error.contains("did you mean `patience`"), "{error}");
        assert!(error.contains("difficulties check"), "{error}");
    }
}
