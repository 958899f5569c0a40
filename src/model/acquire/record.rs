//! What is known of a model's files: their sums, and the marks by which a verified file is known again
//! without reading a gigabyte at every start.

use super::super::hex;
use super::error::{AcquireError, io_error};
use super::progress::Progress;
use crate::text::file::{open_plain, read_text, sync};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// The name of the record beside a model's files.
const FILE: &str = "verified.json";

/// The largest record that is read, in bytes.
pub(super) const LONGEST: u64 = 16 << 20;

/// Bytes read between two looks at the progress.
const CHUNK: usize = 1 << 20;

/// One file that was verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Verified {
    /// Where it lies: in the model's own folder, or in the hub's cache.
    #[serde(with = "path")]
    pub path: PathBuf,
    /// Its sum.
    pub sha256: String,
    /// Bytes.
    size: u64,
    /// When it was last changed, in nanoseconds since 1970.
    modified: u128,
    /// Was it this program that fetched it? Then it may delete it.
    pub ours: bool,
}

impl Verified {
    /// Marks a file whose sum has just been computed.
    pub fn mark(path: &Path, sha256: String, ours: bool) -> Result<Verified, AcquireError> {
        // What is noted as right must still be so after a power cut: it is not read again.
        sync(path).map_err(io_error("write", path))?;
        let (size, modified) = stamp(path).map_err(io_error("read", path))?;
        Ok(Verified { path: path.to_owned(), sha256, size, modified, ours })
    }

    /// The same file, no longer taken for verified; the sum that it should have is remembered.
    pub fn broken(self, sha256: String) -> Verified {
        Verified { sha256, size: 0, modified: 0, ..self }
    }

    /// Is the file still the one that was verified, as far as its size and time tell?
    pub fn holds(&self) -> bool {
        stamp(&self.path).is_ok_and(|stamp| stamp == (self.size, self.modified))
    }
}

fn stamp(path: &Path) -> std::io::Result<(u64, u128)> {
    let metadata = std::fs::metadata(path)?;
    let since = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok((metadata.len(), since.as_nanos()))
}

/// A path in JSON: its text where it is one, else its bytes.
mod path {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::ffi::OsString;
    use std::path::{Path, PathBuf};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Text(PathBuf),
        Bytes(OsString),
    }

    pub fn serialize<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
        match path.to_str() {
            Some(text) => text.serialize(to),
            None => path.as_os_str().serialize(to),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
        Ok(match Written::deserialize(from)? {
            Written::Text(path) => path,
            Written::Bytes(path) => path.into(),
        })
    }
}

/// The files of one model that were verified, by their name in the catalogue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Records(BTreeMap<String, Verified>);

impl Records {
    /// The record in a model's folder; an absent or unreadable one is empty, and the files are verified anew.
    pub fn load(folder: &Path) -> Records {
        let text = read_text(&folder.join(FILE), LONGEST).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// What is known of a file, even if the file itself is gone: its sum is remembered.
    pub fn get(&self, file: &str) -> Option<&Verified> {
        self.0.get(file)
    }

    /// Adds a file and writes the record.
    pub fn add(&mut self, folder: &Path, file: &str, verified: Verified) -> Result<(), AcquireError> {
        self.0.insert(file.to_owned(), verified);
        self.save(folder)
    }

    fn save(&self, folder: &Path) -> Result<(), AcquireError> {
        let json = serde_json::to_vec_pretty(self).map_err(std::io::Error::from);
        json.and_then(|json| write_atomically(&folder.join(FILE), &json))
            .map_err(io_error("write", &folder.join(FILE)))
    }
}

/// Writes a small file so that a crash leaves either the old one or the new one.
pub(super) fn write_atomically(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    std::io::Write::write_all(&mut file, content)?;
    file.as_file().sync_data()?;
    file.persist(path)?;
    sync(folder)
}

/// The SHA-256 of a file, lower-case hex.
pub(super) fn sha256_of(path: &Path, progress: &mut dyn Progress) -> Result<String, AcquireError> {
    let read = || io_error("read", path);
    let mut file = open_plain(path).map_err(read())?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    progress.begin(&format!("checking {name}"), file.metadata().map_err(read())?.len());
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    let mut done = 0;
    loop {
        if progress.stop_asked() {
            return Err(AcquireError::Interrupted);
        }
        let length = file.read(&mut chunk).map_err(read())?;
        if length == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(&chunk[..length]);
        done += length as u64;
        progress.at(done);
    }
}

#[cfg(test)]
mod tests {
    use super::super::progress::Quiet;
    use super::*;

    #[test]
    fn a_known_sum() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        let sum = sha256_of(&path, &mut Quiet).unwrap();
        assert_eq!(sum, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn a_mark_holds_until_the_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "one").unwrap();
        let mut records = Records::load(folder.path());
        records.add(folder.path(), "file", Verified::mark(&path, "s".into(), true).unwrap()).unwrap();

        let again = Records::load(folder.path());
        assert_eq!(again, records);
        assert!(again.get("file").unwrap().holds());

        let later = std::time::SystemTime::now() + std::time::Duration::from_secs(2);
        std::fs::File::options().append(true).open(&path).unwrap().set_modified(later).unwrap();
        assert!(!again.get("file").unwrap().holds(), "same size, other time");
        std::fs::remove_file(&path).unwrap();
        assert!(!again.get("file").unwrap().holds());
        assert_eq!(again.get("file").unwrap().sha256, "s", "the sum is remembered");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_path_that_is_no_text_is_recorded() {
        use std::os::unix::ffi::OsStrExt;
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join(std::ffi::OsStr::from_bytes(b"\xff"));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("file"), "one").unwrap();
        let mut records = Records::load(&folder);
        records
            .add(&folder, "file", Verified::mark(&folder.join("file"), "s".into(), true).unwrap())
            .unwrap();
        assert_eq!(Records::load(&folder), records);
    }

    #[test]
    fn a_broken_record_is_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "{").unwrap();
        assert_eq!(Records::load(folder.path()), Records::default());
    }
}
