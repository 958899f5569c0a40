//! Where a command's result goes: to the screen, or to a file that only its owner can read.

use anstream::adapter::strip_str;
use anyhow::Context;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

/// Writes `text` to `file`, without colours, or to `out`, which strips colours where none are wanted.
///
/// # Errors
/// The file can't be written, with its name; `out` fails.
pub fn deliver(text: &str, file: Option<&Path>, out: &mut dyn Write) -> anyhow::Result<()> {
    match file.filter(|file| file.as_os_str() != "-") {
        None => Ok(out.write_all(text.as_bytes())?),
        Some(file) => write_private(file, text).with_context(|| format!("can't write `{}`", file.display())),
    }
}

/// Talks are private: a new file is the owner's alone. One that is there keeps its permissions.
fn write_private(file: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(file)?.write_all(strip_str(text).to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gets_no_colours_and_no_other_readers() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("talk.txt");
        let mut screen = Vec::new();
        deliver("longer than the next\n", Some(&file), &mut screen).unwrap();
        deliver("\u{1b}[1mbold\u{1b}[0m\n", Some(&file), &mut screen).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "bold\n");
        assert!(screen.is_empty());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        deliver("shown", Some(Path::new("-")), &mut screen).unwrap();
        assert_eq!(screen, b"shown");
        let error = deliver("", Some(&folder.path().join("no/where")), &mut screen).unwrap_err();
        assert!(error.to_string().contains("no/where"), "{error}");
    }
}
