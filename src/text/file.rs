//! Reading a small file of text, no more of it than is thought right; writing one so that it is whole or not
//! there, and never over one that is there.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Write};
use std::path::Path;

/// The text of the file at `path`, which may have at most `longest` bytes; whatever it is (a device has no size),
/// no more of it is read.
///
/// # Errors
/// There is no such file; it is larger, or no UTF-8; anything the disk says.
pub fn read_text(path: &Path, longest: u64) -> std::io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?.take(longest + 1).read_to_string(&mut text)?;
    if read as u64 > longest {
        return Err(Error::new(ErrorKind::FileTooLarge, format!("it has more than {longest} bytes")));
    }
    Ok(text)
}

/// Writes `text` to a new file at `path`, in one step.
///
/// # Errors
/// `AlreadyExists` where there is a file; anything the disk says.
pub fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
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
    fn a_file_that_is_there_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("talk.md");
        write_new(&path, "one").unwrap();
        assert_eq!(write_new(&path, "two").unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one");
    }
}
