//! What the data folder keeps, file by file: what each holds, and which of them go when a session is removed.

use super::migrate::is_backup;
use super::store::FILE;
use std::io::{ErrorKind, Result};
use std::path::{Path, PathBuf};

/// The line editor's history.
pub const HISTORY: &str = "history.txt";
/// The page that `coachup review --open` wrote last.
pub const PAGE: &str = "review.html";
/// The folder of plans, one a scenario.
pub const PLANS: &str = "plans";
/// The folder of prompts' beginnings, as the model has read them.
pub const PREFIXES: &str = "prefixes";
/// What a file is called before it is whole.
const UNFINISHED: &str = ".tmp";

/// A kind of file in the data folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The sessions.
    Store,
    /// SQLite's journal of a change that is under way.
    Journal,
    /// The store as it was before this version of the program changed its schema.
    Backup,
    /// What was typed at the prompt.
    History,
    /// A review as a page.
    Page,
    /// What a model computed of a prompt's beginning.
    Prefix,
    /// A plan for a talk.
    Plan,
    /// A file that was being written when the program was stopped.
    Unfinished,
    /// Not written by this program.
    Other,
}

impl Kept {
    /// What the file at `path`, seen from the data folder, is.
    pub fn of(path: &Path) -> Kept {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let top = path.iter().next().unwrap_or_default();
        let journal =
            name.strip_prefix(FILE).is_some_and(|rest| ["-journal", "-wal", "-shm"].contains(&rest));
        match path.iter().count() {
            _ if name.starts_with(UNFINISHED) => Kept::Unfinished,
            1 if name == FILE => Kept::Store,
            // A backup that was under way has a journal too.
            1 if journal => Kept::Journal,
            1 if is_backup(&name) || name.strip_suffix("-journal").is_some_and(is_backup) => Kept::Backup,
            1 if name == HISTORY => Kept::History,
            1 if name == PAGE => Kept::Page,
            2 if top == PLANS && name.ends_with(".toml") => Kept::Plan,
            3 if top == PREFIXES => Kept::Prefix,
            _ => Kept::Other,
        }
    }

    /// What it holds, for people.
    pub fn holds(self) -> &'static str {
        match self {
            Kept::Store => "every session: your words, the verdicts, the replies, the plan",
            Kept::Journal => "a change to the sessions that is under way",
            Kept::Backup => "the sessions as an older coachup had them",
            Kept::History => "the lines you typed, for the arrow keys",
            Kept::Page => "the review you opened last",
            Kept::Prefix => "how a talk's prompt begins, as the model read it",
            Kept::Plan => "your plan for a talk",
            Kept::Unfinished => "a file that was being written when coachup was stopped",
            Kept::Other => "not coachup's",
        }
    }

    /// What removes it: a command of coachup's (with any ID, but for the store), or words for people.
    pub fn removed_by(self) -> &'static str {
        match self {
            Kept::Store => "sessions rm ID",
            Kept::Journal => "itself, at the next start",
            Kept::Plan => "prepare SCENARIO --remove",
            Kept::Other => "you",
            _ => "sessions rm ID",
        }
    }

    /// May it hold words of a session, outside the store itself?
    fn is_trace(self) -> bool {
        match self {
            Kept::Backup | Kept::History | Kept::Page | Kept::Prefix | Kept::Unfinished => true,
            // SQLite sees to the store and its journal; plans are written for talks to come.
            Kept::Store | Kept::Journal | Kept::Plan | Kept::Other => false,
        }
    }
}

/// Every file below `folder` but what lies below `except`, seen from it, in order.
///
/// # Errors
/// A folder that can't be read.
pub fn files(folder: &Path, except: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let entries = match std::fs::read_dir(&next) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            // Links are not followed.
            match entry.file_type()?.is_dir() {
                true if entry.path() != except => folders.push(entry.path()),
                true => {}
                false => found.extend(entry.path().strip_prefix(folder).map(Path::to_owned)),
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Removes what may hold words of sessions outside the store. Which words are whose can't be told in most
/// of it, and all of it can be had again or is a convenience, so all of it goes with any session.
///
/// # Errors
/// A file that can't be removed.
pub fn remove_traces(folder: &Path) -> Result<()> {
    // Models may lie below, and are not looked through.
    for path in files(folder, &folder.join("models"))?.iter().filter(|path| Kept::of(path).is_trace()) {
        match std::fs::remove_file(folder.join(path)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sessions_traces_go_and_the_rest_stays() {
        let folder = tempfile::tempdir().unwrap();
        let mut expected = Vec::new();
        for (name, kept, goes) in [
            ("sessions.db", Kept::Store, false),
            ("sessions.db-journal", Kept::Journal, false),
            ("sessions.db.v1.bak", Kept::Backup, true),
            ("sessions.db.v1.bak-journal", Kept::Backup, true),
            ("sessions.db.bak", Kept::Other, false),
            ("history.txt", Kept::History, true),
            ("review.html", Kept::Page, true),
            ("plans/late-feedback.toml", Kept::Plan, false),
            ("plans/.tmpAb3", Kept::Unfinished, true),
            (".tmpx", Kept::Unfinished, true),
            ("prefixes/0123/ab.kv", Kept::Prefix, true),
            ("models/m/prefixes/ab.kv", Kept::Other, false),
            ("notes/history.txt", Kept::Other, false),
        ] {
            assert_eq!(Kept::of(Path::new(name)), kept, "{name}");
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
            expected.extend((!goes).then_some(name));
        }
        remove_traces(folder.path()).unwrap();
        let mut left = files(folder.path(), Path::new("")).unwrap();
        left.sort();
        expected.sort_unstable();
        assert_eq!(left.iter().map(|path| path.to_str().unwrap()).collect::<Vec<_>>(), expected);
        assert!(files(&folder.path().join("no such folder"), Path::new("")).unwrap().is_empty());
    }
}
