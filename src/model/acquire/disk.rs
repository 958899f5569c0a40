//! Room on the disk, and the lock that keeps two programs from writing the same model at once.

use super::error::{AcquireError, Bytes, io_error};
use super::progress::Progress;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

/// Kept free beyond the file itself, so that a download doesn't fill the disk to the last byte.
const MARGIN: u64 = 64 << 20;

/// How long between two looks at a lock that somebody else holds.
const PATIENCE: Duration = Duration::from_millis(200);

/// Free bytes for files in `folder`, which need not exist yet; none where the system can't tell.
pub fn free_space(folder: &Path) -> Option<u64> {
    let existing = folder.ancestors().find(|ancestor| ancestor.is_dir())?;
    fs4::available_space(existing).ok()
}

/// # Errors
/// Fewer than `needed` bytes (and a margin) are free for `folder`.
pub(super) fn require_space(folder: &Path, needed: u64) -> Result<(), AcquireError> {
    let needed = needed.saturating_add(MARGIN);
    match free_space(folder) {
        Some(free) if free < needed => {
            Err(AcquireError::NoSpace { folder: folder.to_owned(), needed: Bytes(needed), free: Bytes(free) })
        }
        _ => Ok(()),
    }
}

/// Takes the lock file at `path`, waiting while another program holds it. It is let go when the file is
/// dropped, or by the system if this program dies.
pub(super) fn lock(path: &Path, progress: &mut dyn Progress) -> Result<File, AcquireError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(io_error("create", folder))?;
    }
    // Left as long as it is: Windows lets nobody cut a file that another program has locked.
    let file = File::options().write(true).create(true).truncate(false).open(path);
    let file = file.map_err(io_error("create", path))?;
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(io_error("lock", path)(error)),
            Err(TryLockError::WouldBlock) if progress.stop_asked() => return Err(AcquireError::Interrupted),
            Err(TryLockError::WouldBlock) => {
                if !told {
                    progress.note("another coachup is at work on this model; waiting for it");
                    told = true;
                }
                std::thread::sleep(PATIENCE);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::progress::Quiet;
    use super::*;

    #[test]
    fn room_is_looked_for_where_the_folder_will_be() {
        let home = tempfile::tempdir().unwrap();
        let later = home.path().join("not/there/yet");
        assert_eq!(free_space(&later).map(|free| free > 0), Some(true));
        require_space(&later, 1).unwrap();
        let error = require_space(&later, u64::MAX / 2).unwrap_err();
        assert!(matches!(error, AcquireError::NoSpace { .. }));
        assert!(error.to_string().contains("COACHUP_HOME"), "{error}");
    }

    /// Counts what it is told, and asks to stop once it has been told something.
    #[derive(Default)]
    struct Impatient(usize);

    impl Progress for Impatient {
        fn begin(&mut self, _what: &str, _total: u64) {}
        fn at(&mut self, _done: u64) {}
        fn note(&mut self, _text: &str) {
            self.0 += 1;
        }
        fn stop_asked(&self) -> bool {
            self.0 > 0
        }
    }

    #[test]
    fn a_second_program_waits_and_is_told_so() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("models/x.lock");
        let held = lock(&path, &mut Quiet).unwrap();
        let mut second = Impatient::default();
        assert!(matches!(lock(&path, &mut second), Err(AcquireError::Interrupted)));
        assert_eq!(second.0, 1, "told once");
        drop(held);
        lock(&path, &mut Quiet).unwrap();
    }
}
