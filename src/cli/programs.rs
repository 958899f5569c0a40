//! The person's own programs: editor, pager and browser.

use super::streams;
use crate::settings::Programs;
use crate::text::gate;
use anyhow::{Context, bail};
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

/// The pager where none is named. Without `less` it ends as a shell does that finds no program, and says nothing;
/// Windows' own knows neither colours nor UTF-8.
const USUAL_PAGER: &str =
    if cfg!(windows) { "" } else { "command -v less >/dev/null 2>&1 || exit 127; less" };

/// Opens `file` in the person's editor and waits until it is closed.
///
/// # Errors
/// No editor is named, or it fails.
pub fn edit(programs: &Programs, file: &Path) -> anyhow::Result<()> {
    let Some(editor) = &programs.editor else {
        bail!("no editor is known: set `VISUAL` or `EDITOR`, or edit `{}` yourself", file.display());
    };
    let status =
        shell(editor, Some(file)).status().with_context(|| format!("can't start the editor `{editor}`"))?;
    anyhow::ensure!(status.success(), "the editor `{editor}` failed ({status})");
    Ok(())
}

/// Shows `text` through the person's pager where `out` is a terminal that it does not fit on, else writes
/// it to `out`. Colours go through unless none are wanted.
///
/// # Errors
/// `out` can't be written.
pub fn page(programs: &Programs, text: &str, height: usize, out: &mut dyn Write) -> anyhow::Result<()> {
    let pager = programs.pager.as_deref().unwrap_or(USUAL_PAGER).trim();
    let fits = text.lines().count() < height;
    if !std::io::stdout().is_terminal() || fits || ["", "cat"].contains(&pager) {
        return Ok(out.write_all(text.as_bytes())?);
    }
    let coloured = anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never;
    let text = &*gate::coloured(text);
    let shown = if coloured { text.to_owned() } else { anstream::adapter::strip_str(text).to_string() };
    let mut command = shell(pager, None);
    if !programs.less {
        // Colours through, nothing left on the alternate screen, no waiting where one screen is enough.
        command.env("LESS", "FRX");
    }
    let Ok(mut child) = command.stdin(Stdio::piped()).spawn() else {
        return Ok(out.write_all(text.as_bytes())?);
    };
    // Who leaves the pager early closes the pipe: that is no error.
    let written = child.stdin.take().map(|mut pipe| pipe.write_all(shown.as_bytes()));
    let status = child.wait()?;
    if was_not_started(status) || !status.success() && written.is_some_and(|written| written.is_err()) {
        out.write_all(text.as_bytes())?;
    }
    Ok(())
}

/// Did the shell find no such program, or could it not start it? A short text has gone into the pipe all the same.
fn was_not_started(status: ExitStatus) -> bool {
    match status.code() {
        // Windows' shell has no code of its own for it.
        Some(code) if cfg!(windows) => code != 0,
        code => matches!(code, Some(126 | 127)),
    }
}

/// Opens `file` in a browser.
///
/// # Errors
/// None can be started.
pub fn open(programs: &Programs, file: &Path) -> anyhow::Result<()> {
    let usual = if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        // Not `explorer`, which ends as if it had failed.
        "start \"\""
    } else {
        "xdg-open"
    };
    let browser = programs.browser.as_deref().unwrap_or(usual);
    // What the person saves in a browser is no business of ours.
    let browser_line = format!("{}{browser}", streams::usual_rights());
    let status = shell(&browser_line, Some(file)).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let opened = status.is_ok_and(|status| status.success());
    anyhow::ensure!(opened, "can't open a browser with `{browser}`; open `{}` yourself", file.display());
    Ok(())
}

/// A command line of the person's, as a shell reads it, with `file` after it.
#[cfg(not(windows))]
fn shell(line: &str, file: Option<&Path>) -> Command {
    let mut command = Command::new("sh");
    match file {
        // The file is an argument of the shell, so that no name of a file is read as a command.
        Some(file) => command.arg("-c").arg(format!("{line} \"$1\"")).arg("sh").arg(file),
        None => command.arg("-c").arg(line),
    };
    command
}

/// A command line of the person's, as a shell reads it, with `file` after it.
#[cfg(windows)]
fn shell(line: &str, file: Option<&Path>) -> Command {
    use std::os::windows::process::CommandExt;
    let mut command = Command::new("cmd");
    // `/S` takes off the outermost quotes and nothing else. The file is a variable of the shell's: its name may hold
    // spaces, and what a shell would read.
    match file {
        Some(file) => {
            command.raw_arg(format!("/D /S /C \"{line} \"%COACHUP_FILE%\"\"")).env("COACHUP_FILE", file)
        }
        None => command.raw_arg(format!("/D /S /C \"{line}\"")),
    };
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_given_a_file_whose_name_holds_spaces() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("my talk & more.txt");
        std::fs::write(&file, "words").unwrap();
        let line = if cfg!(windows) { "type" } else { "cat" };
        let output = shell(line, Some(&file)).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "words", "{output:?}");
    }

    #[test]
    fn a_pager_that_is_not_there_is_told_from_one_that_was_left() {
        let status = |line: &str| shell(line, None).stderr(Stdio::null()).status().unwrap();
        assert!(was_not_started(status("no-such-pager")));
        assert!(!was_not_started(status("exit 0")));
    }
}
