//! Where a command's result goes: to the screen, or to a file that only its owner can read.

use super::programs;
use crate::settings::Settings;
use crate::text::file::{self, Existing};
use crate::text::printable;
use anstream::adapter::strip_str;
use anyhow::{Context, bail};
use clap::Args;
use comfy_table::{Cell, Table, presets};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Where the result goes.
#[derive(Clone, Debug, Default, Args)]
pub struct Target {
    /// Write to FILE, readable by you alone, instead of to the screen
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write over a FILE that is there
    #[arg(long, requires = "output")]
    pub force: bool,
}

impl Target {
    /// The file; none for the screen.
    pub fn file(&self) -> Option<&Path> {
        self.output.as_deref().filter(|file| file.as_os_str() != "-")
    }
}

/// Writes `text` to the target's file, without colours, or to `out`: through the pager where it is for
/// `reading` and longer than the screen.
///
/// # Errors
/// The file can't be written, or is there already; `out` fails.
pub fn deliver(
    text: &str,
    target: &Target,
    reading: bool,
    settings: &Settings,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    match target.file() {
        Some(file) => write_private(file, target.force, text),
        None if reading && !settings.plain => {
            let height = screen_height().unwrap_or(usize::MAX);
            programs::page(&settings.programs, text, height, out)
        }
        None => Ok(out.write_all(text.as_bytes())?),
    }
}

/// The screen's lines; none where there is no terminal.
fn screen_height() -> Option<usize> {
    let (rows, _) = console::Term::stdout().size_checked()?;
    Some(usize::from(rows))
}

/// A table of figures, as a Markdown page has it.
pub fn markdown_table(titles: impl IntoIterator<Item = impl Into<Cell>>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(titles.into_iter().map(Into::into).collect::<Vec<Cell>>());
    table
}

/// Talks are private: the file is the owner's alone, whole or not there, and never written over unasked.
pub(super) fn write_private(file: &Path, force: bool, text: &str) -> anyhow::Result<()> {
    let shown = file.display();
    let existing = if force { Existing::Replace } else { Existing::Keep };
    match file::write_private(file, printable(&strip_str(text).to_string()).as_bytes(), existing) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            bail!("`{shown}` is there already; `--force` writes over it")
        }
        other => other.with_context(|| format!("can't write `{shown}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Environment;

    fn settings() -> Settings {
        Settings::from(&Environment::from([("COACHUP_HOME".into(), "/nowhere".into())])).unwrap()
    }

    fn to(file: &Path, force: bool) -> Target {
        Target { output: Some(file.to_owned()), force }
    }

    #[test]
    fn a_file_gets_no_colours_and_no_other_readers() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("talk.txt");
        let mut screen = Vec::new();
        deliver("\u{1b}[1mbold\u{1b}[0m\n", &to(&file, false), true, &settings(), &mut screen).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "bold\n");
        assert!(screen.is_empty());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        deliver("shown", &to(Path::new("-"), false), false, &settings(), &mut screen).unwrap();
        assert_eq!(screen, b"shown");
        let error = deliver("", &to(&folder.path().join("no/where"), false), false, &settings(), &mut screen);
        assert!(error.unwrap_err().to_string().contains("no/where"));
    }

    #[test]
    fn a_file_that_is_there_is_only_written_over_when_told_to() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("talk.txt");
        let mut screen = Vec::new();
        let mut write = |text: &str, force| deliver(text, &to(&file, force), false, &settings(), &mut screen);
        write("one", false).unwrap();
        assert!(write("two", false).unwrap_err().to_string().contains("--force"));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "one");
        write("two", true).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "two");
    }
}
