//! Files that only their owner can read, each whole or not there, whatever happens while it is written; and
//! reading what lies in a folder: nothing but plain files, and of a small file of text no more than is thought right.

use super::utf8::utf8;
use std::fs::{File, FileType};
use std::io::{BufReader, Error, ErrorKind, Read, Result, Write};
use std::path::{Path, PathBuf};

/// Opens the file at `path` to read it. What it is is looked at first: to open a FIFO waits until somebody writes
/// into it.
///
/// # Errors
/// There is no such file; it is a folder, a FIFO, a socket or a device; anything the disk says.
pub fn open_plain(path: &Path) -> Result<File> {
    plain(std::fs::metadata(path)?.file_type())?;
    File::open(path)
}

/// Looks at what others will open (SQLite, the line editor): is it a plain file, or not there yet?
///
/// # Errors
/// As [`open_plain`], but for a file that is not there.
pub fn plain_or_absent(path: &Path) -> Result<()> {
    match std::fs::metadata(path) {
        Ok(found) => plain(found.file_type()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn plain(kind: FileType) -> Result<()> {
    match (kind.is_file(), kind.is_dir()) {
        (true, _) => Ok(()),
        (_, true) => Err(Error::new(ErrorKind::IsADirectory, "it is a folder")),
        _ => Err(Error::new(ErrorKind::InvalidInput, "it is a FIFO, a socket or a device, no plain file")),
    }
}

/// The text of the plain file at `path`, however it is written (see [`utf8`]), which may have at most `longest`
/// bytes; no more of it is read.
///
/// # Errors
/// As [`open_plain`]; it is larger, or no text.
pub fn read_text(path: &Path, longest: u64) -> Result<String> {
    let mut file = open_plain(path)?.take(longest + 1);
    let mut bytes = Vec::new();
    utf8(BufReader::new(&mut file)).read_to_end(&mut bytes)?;
    if file.limit() == 0 {
        return Err(Error::new(ErrorKind::FileTooLarge, format!("it has more than {longest} bytes")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()].split(|byte| *byte == b'\n').count();
        Error::new(ErrorKind::InvalidData, format!("line {line} is no text in UTF-8; save the file as UTF-8"))
    })
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
/// when it fails, what was there before is still there. A link stays one, and the file it leads to is written;
/// what is no plain file (`/dev/null`, a FIFO) is written into.
///
/// # Errors
/// `AlreadyExists`, as `existing` says; anything the disk says.
pub fn write_private(path: &Path, content: &[u8], existing: Existing) -> Result<()> {
    let Some(path) = replaceable(path)? else {
        // What is open already is another's, and is gone on with.
        return std::fs::OpenOptions::new().append(true).open(path)?.write_all(content);
    };
    let folder = folder_of(&path);
    // Made by `tempfile` with the owner's rights only.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    match existing {
        Existing::Keep => file.persist_noclobber(&path),
        Existing::Replace => file.persist(&path),
    }
    .map_err(|error| error.error)?;
    sync(folder)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The most links that are followed from one to the next; the system's own number.
const MOST_LINKS: usize = 40;

/// Where these folders are, their entries are the files that a program has open: `/dev/stdout` leads there.
const OPEN_FILES: [&str; 2] = ["/proc", "/dev/fd"];

/// The plain file that `path` leads to, or that may be made there; none for what is no plain file, or is open
/// already, and can only be written into.
fn replaceable(path: &Path) -> Result<Option<PathBuf>> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let kind = match std::fs::symlink_metadata(&path) {
            Ok(found) => found.file_type(),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Some(path)),
            Err(error) => return Err(error),
        };
        let folder = folder_of(&path).canonicalize()?;
        if OPEN_FILES.iter().any(|open| folder.starts_with(open)) {
            return Ok(None);
        }
        if !kind.is_symlink() {
            return match plain(kind) {
                Err(error) if error.kind() == ErrorKind::IsADirectory => Err(error),
                plain => Ok(plain.is_ok().then_some(path)),
            };
        }
        path = folder.join(std::fs::read_link(&path)?);
    }
    Err(Error::other("it is a link that leads in a circle"))
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
        std::fs::write(&path, b"one\ncaf\xe9\n").unwrap();
        let error = read_text(&path, 1000).unwrap_err().to_string();
        assert_eq!(error, "line 2 is no text in UTF-8; save the file as UTF-8");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_plain_file_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = fifo(&folder);
        for path in [&fifo, Path::new("/dev/zero")] {
            let error = read_text(path, 1000).unwrap_err().to_string();
            assert!(error.contains("no plain file"), "{}: {error}", path.display());
        }
        assert_eq!(read_text(folder.path(), 1000).unwrap_err().kind(), ErrorKind::IsADirectory);
    }

    #[cfg(unix)]
    fn fifo(folder: &tempfile::TempDir) -> PathBuf {
        let path = folder.path().join("fifo");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        path
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_one_and_what_is_no_plain_file_is_written_into() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("notes")).unwrap();
        std::os::unix::fs::symlink("notes/plan.toml", at("link")).unwrap();
        std::os::unix::fs::symlink(at("link"), at("plan.toml")).unwrap();
        write_private(&at("plan.toml"), b"one", Existing::Keep).unwrap();
        assert_eq!(
            write_private(&at("plan.toml"), b"", Existing::Keep).unwrap_err().kind(),
            ErrorKind::AlreadyExists
        );
        write_private(&at("plan.toml"), b"two", Existing::Replace).unwrap();
        assert_eq!(std::fs::read_to_string(at("notes/plan.toml")).unwrap(), "two");
        assert!(at("plan.toml").is_symlink() && at("link").is_symlink());

        let fifo = fifo(&folder);
        let read = std::thread::spawn({
            let fifo = fifo.clone();
            move || std::fs::read_to_string(fifo).unwrap()
        });
        write_private(&fifo, b"words", Existing::Keep).unwrap();
        assert_eq!(read.join().unwrap(), "words");
        assert!(std::fs::metadata(&fifo).is_ok_and(|fifo| !fifo.is_file()));
        std::os::unix::fs::symlink("/dev/null", at("null")).unwrap();
        write_private(&at("null"), b"words", Existing::Replace).unwrap();
        assert!(at("null").is_symlink() && !Path::new("/dev/null").is_file());

        std::os::unix::fs::symlink("circle", at("circle")).unwrap();
        assert!(
            write_private(&at("circle"), b"", Existing::Keep).unwrap_err().to_string().contains("circle")
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_open_already_is_gone_on_with() {
        use std::os::fd::AsRawFd;
        let folder = tempfile::tempdir().unwrap();
        let mut file = File::create(folder.path().join("talk.md")).unwrap();
        file.write_all(b"before ").unwrap();
        let open = PathBuf::from(format!("/dev/fd/{}", file.as_raw_fd()));
        write_private(&open, b"words", Existing::Keep).unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join("talk.md")).unwrap(), "before words");
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
