//! `coachup library`: the folder of bosses, scenarios, presets and wording that a team shares.

use super::{Exit, streams};
use crate::scenario::{Boss, Difficulty, Entry, LibraryError, Scenario, read};
use crate::scorer::wording::{self, Wording};
use crate::settings::Settings;
use crate::text::columns::said;
use crate::text::file::read_text;
use crate::text::{count, printable};
use anyhow::{Context, bail};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Check a folder of bosses, scenarios and wording that a team shares
///
/// The folder is laid out like the person's own: `bosses/`, `scenarios/`, `difficulties/`, and `rubric.toml`
/// with the wording of some checks or all. `COACHUP_LIBRARY`, or `library` in `settings.toml`, names it. What
/// it has stands in for what comes with the program, and the person's own files stand in for both.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: COACHUP_LIBRARY=/srv/coaching coachup library check")]
pub struct LibraryArgs {
    #[command(subcommand)]
    command: LibraryCommand,
}

#[derive(Debug, clap::Subcommand)]
enum LibraryCommand {
    /// Say what is still wrong with its files
    #[command(after_help = "Example: coachup library check /srv/coaching")]
    Check {
        /// The folder; without this, the one that is set
        folder: Option<PathBuf>,
    },
    /// Write out what the program says about each check: a `rubric.toml` to reword
    #[command(after_help = "Example: coachup library wording > rubric.toml")]
    Wording,
}

/// The file with the rubric's wording.
const WORDING: &str = "rubric.toml";
/// The largest one that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// Where files of the team and of the person lie; a later folder wins.
pub(super) fn folders(settings: &Settings) -> Vec<PathBuf> {
    settings.library.iter().chain([&settings.folders.config]).cloned().collect()
}

/// The wording of the rubric in `folders`, where a later one wins check by check.
///
/// # Errors
/// A file that is not right: it is named.
pub(super) fn wording(folders: &[PathBuf]) -> Result<Wording, String> {
    let mut all = Wording::new();
    for folder in folders {
        all.extend(wording_of(&folder.join(WORDING))?.unwrap_or_default());
    }
    Ok(all)
}

/// The wording in a file; none where there is no file.
fn wording_of(file: &Path) -> Result<Option<Wording>, String> {
    let text = match read_text(file, LONGEST) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("can't read `{}`: {error}", file.display())),
    };
    wording::read(&text).map(Some).map_err(|why| format!("`{}` is not right: {why}", file.display()))
}

/// Runs the command. Fails (not as an error) where something is to be mended.
///
/// # Errors
/// No folder is set, or it can't be read.
pub fn run(args: &LibraryArgs, settings: &Settings, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let folder = match &args.command {
        LibraryCommand::Check { folder } => folder.as_ref(),
        LibraryCommand::Wording => {
            out.write_all(wording::SHIPPED.as_bytes())?;
            return Ok(Exit::Done);
        }
    };
    let Some(folder) = folder.or(settings.library.as_ref()) else {
        bail!(
            "no shared folder is set; name one, or set `COACHUP_LIBRARY` or `library` in `settings.toml` to it"
        );
    };
    if !folder.is_dir() {
        bail!("there is no folder `{}`", folder.display());
    }
    let mut checked = Checked::default();
    checked.kind::<Scenario>(folder)?;
    checked.kind::<Boss>(folder)?;
    checked.kind::<Difficulty>(folder)?;
    match wording_of(&folder.join(WORDING)) {
        Ok(None) => {}
        Ok(Some(wording)) => {
            checked.files += 1;
            checked.found.push(format!("wording of {}", count(wording.len(), "check")));
        }
        Err(why) => {
            checked.files += 1;
            checked.wrong.push(why);
        }
    }
    let Checked { files, found, wrong } = checked;
    if files == 0 {
        bail!(
            "`{}` holds nothing to share: `scenarios/`, `bosses/`, `difficulties/` with `.toml` files, or \
             `{WORDING}`",
            folder.display()
        );
    }
    let mut say = |text: String| writeln!(out, "{}", said(&text, streams::columns()));
    for why in &wrong {
        say(format!("- {}", printable(why)))?;
    }
    let shown = folder.display();
    if wrong.is_empty() {
        say(format!("`{shown}` is right: {}", found.join(", ")))?;
        return Ok(Exit::Done);
    }
    say(format!("`{shown}`: {} to mend in {}", count(wrong.len(), "thing"), count(files, "file")))?;
    Ok(Exit::Failed)
}

/// What was looked at.
#[derive(Default)]
struct Checked {
    files: usize,
    /// What is there: "2 scenarios".
    found: Vec<String>,
    /// What is wrong, with the file.
    wrong: Vec<String>,
}

impl Checked {
    fn kind<E: Entry>(&mut self, folder: &Path) -> anyhow::Result<()> {
        let folder = folder.join(E::FOLDER);
        if !folder.exists() {
            return Ok(());
        }
        let unreadable = || format!("can't read the folder `{}`", folder.display());
        let entries = std::fs::read_dir(&folder).with_context(unreadable)?;
        let mut files: Vec<PathBuf> = entries
            .map(|entry| Ok(entry?.path()))
            .collect::<std::io::Result<_>>()
            .with_context(unreadable)?;
        files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
        files.sort();
        for file in &files {
            let shown = file.display();
            match read::<E>(file) {
                Ok(entry) => {
                    self.wrong.extend(entry.problems().iter().map(|problem| format!("`{shown}`: {problem}")));
                }
                Err(LibraryError::Malformed { why, .. }) => self.wrong.push(format!("`{shown}`: {why}")),
                Err(error) => self.wrong.push(error.to_string()),
            }
        }
        self.files += files.len();
        self.found.push(format!("{} in `{}/`", count(files.len(), "file"), E::FOLDER));
        Ok(())
    }
}
