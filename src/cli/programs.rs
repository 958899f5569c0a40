//! The person's own programs: editor, pager and browser.

use super::streams;
use crate::settings::Programs;
use crate::text::gate;
use anyhow::{Context, bail};
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::{Command, Stdio};

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
    let pager = programs.pager.as_deref().unwrap_or("less").trim();
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
    if !status.success() && written.is_some_and(|written| written.is_err()) {
        // The pager could not be started by the shell.
        out.write_all(text.as_bytes())?;
    }
    Ok(())
}

/// Opens `file` in a browser.
///
/// # Errors
/// None can be started.
pub fn open(programs: &Programs, file: &Path) -> anyhow::Result<()> {
    let usual = if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "explorer"
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
fn shell(line: &str, file: Option<&Path>) -> Command {
    let mut command = if cfg!(windows) { Command::new("cmd") } else { Command::new("sh") };
    match file {
        _ if cfg!(windows) => command.arg("/C").arg(line).args(file),
        // The file is an argument of the shell, so that no name of a file is read as a command.
        Some(file) => command.arg("-c").arg(format!("{line} \"$1\"")).arg("sh").arg(file),
        None => command.arg("-c").arg(line),
    };
    command
}
