//! Files that only their owner can read, each whole or not there, whatever happens while it is written; and
//! reading a small file of text, no more of it than is thought right.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::path::{Path, PathBuf};

/// The text of the file at `path`, which may have at most `longest` bytes; whatever it is (a device has no size),
/// no more of it is read.
///
/// # Errors
/// There is no such file; it is larger, or no UTF-8; anything the disk says.
pub fn read_text(path: &Path, longest: u64) -> Result<String> {
    let mut text = String::new();
    let read = File::open(path)?.take(longest + 1).read_to_string(&mut text)?;
    if read as u64 > longest {
        return Err(Error::new(ErrorKind::FileTooLarge, format!("it has more than {longest} bytes")));
    }
    Ok(text)
}

/// What becomes of a file that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It is left alone, and writing fails with `AlreadyExists`.
    Keep,
    /// The new one takes its place in one step.
    Replace,
}

/// Writes `content` to `path`, readable by its owner only. When this returns, the file survives a power cut;
/// when it fails, what was there before is still there.
///
/// # Errors
/// `AlreadyExists`, as `existing` says; anything the disk says.
pub fn write_private(path: &Path, content: &[u8], existing: Existing) -> Result<()> {
    if path.is_dir() {
        return Err(Error::new(ErrorKind::IsADirectory, "it is a folder"));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Made by `tempfile` with the owner's rights only.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    match existing {
        Existing::Keep => file.persist_noclobber(path),
        Existing::Replace => file.persist(path),
    }
    .map_err(|error| error.error)?;
    sync(folder)
}

/// `path` with the person's own folder in the place of a `~` that it begins with, as a shell has it: no shell sees what
/// stands in a settings file or behind a `=`.
pub fn from_home(path: impl AsRef<Path>) -> PathBuf {
    let path = path.as_ref();
    match (path.strip_prefix("~"), directories::BaseDirs::new()) {
        (Ok(rest), Some(folders)) => folders.home_dir().join(rest),
        _ => path.to_owned(),
    }
}

/// Has the disk keep what is in the file at `path`, or the names in the folder: a file's new name is lost in
/// a power cut without that.
///
/// # Errors
/// Anything the disk says.
pub fn sync(path: &Path) -> Result<()> {
    // Windows opens no folders as files, and no file for this without the right to write.
    if cfg!(unix) { std::fs::File::open(path)?.sync_all() } else { Ok(()) }
}

/// Makes `folder` with all above it, and keeps everyone else out of it, also where it was there before.
///
/// # Errors
/// The folder can't be made.
pub fn make_private_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    // Who may use a folder without owning it is let in all the same; `doctor --privacy` shows its mode.
    let _ = restrict(folder, 0o700);
    Ok(())
}

/// Makes an empty file at `path`, or leaves the one that is there, readable by its owner only.
///
/// # Errors
/// The file can't be made.
pub fn make_private_file(path: &Path) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    match options.open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => {
            let _ = restrict(path, 0o600);
            Ok(())
        }
    }
}

/// Takes every right away that `mode` does not have.
#[cfg(unix)]
fn restrict(path: &Path, mode: u32) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let now = std::fs::metadata(path)?.permissions().mode() & 0o777;
    if now & !mode == 0 {
        return Ok(());
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(now & mode))
}

#[cfg(not(unix))]
fn restrict(_: &Path, _: u32) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_read_than_is_thought_right() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("small.toml");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read_text(&path, 5).unwrap(), "12345");
        assert_eq!(read_text(&path, 4).unwrap_err().to_string(), "it has more than 4 bytes");
        #[cfg(unix)]
        assert!(read_text(Path::new("/dev/zero"), 1000).is_err(), "without an end");
    }

    #[test]
    fn a_path_may_begin_at_home() {
        let home = directories::BaseDirs::new().unwrap().home_dir().to_owned();
        assert_eq!(from_home("~/models/x.gguf"), home.join("models/x.gguf"));
        for path in ["/a/~/b", "~other/x", "a~", "./~"] {
            assert_eq!(from_home(path), Path::new(path));
        }
    }

    #[test]
    fn a_file_that_is_there_is_left_alone_unless_told_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("talk.md");
        let write = |text: &str, existing| write_private(&path, text.as_bytes(), existing);
        write("one", Existing::Keep).unwrap();
        assert_eq!(write("two", Existing::Keep).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one");
        write("two", Existing::Replace).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two");
        assert!(write_private(folder.path(), b"", Existing::Replace).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing half-written is left");
    }

    #[cfg(unix)]
    #[test]
    fn what_was_open_to_others_is_closed_to_them() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let open = folder.path().join("data");
        std::fs::create_dir(&open).unwrap();
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
        let file = open.join("file");
        std::fs::write(&file, "words").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o664)).unwrap();
        make_private_folder(&open).unwrap();
        make_private_file(&file).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&open), mode(&file)), (0o700, 0o600));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "words");
    }
}
