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
        with_file(editor, file).status().with_context(|| format!("can't start the editor `{editor}`"))?;
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
    let opens = |browser: &str| {
        // What the person saves in a browser is no business of ours.
        let mut command = with_file(&format!("{}{browser}", streams::usual_rights()), file);
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    let opened = browsers(browser).any(opens);
    anyhow::ensure!(opened, "can't open a browser with `{browser}`; open `{}` yourself", file.display());
    Ok(())
}

/// The browsers that `BROWSER` lists, the first choice first.
fn browsers(list: &str) -> impl Iterator<Item = &str> {
    let between = if cfg!(windows) { ';' } else { ':' };
    list.split(between).map(str::trim).filter(|browser| !browser.is_empty())
}

/// A command line with a file in the place of its `%s`, or after it; a `&` at its end stays there.
fn with_file(line: &str, file: &Path) -> Command {
    const NAME: &str = if cfg!(windows) { "\"%COACHUP_FILE%\"" } else { "\"$1\"" };
    let line = match line.strip_suffix('&') {
        _ if line.contains("%s") => {
            let bare = line.replace("\"%s\"", "%s").replace("'%s'", "%s");
            bare.replace("%s", NAME)
        }
        Some(line) if !line.ends_with('&') => format!("{line} {NAME} &"),
        _ => format!("{line} {NAME}"),
    };
    shell(&line, Some(file))
}

/// A command line of the person's, as a shell reads it; `file` is its first argument.
#[cfg(not(windows))]
pub(super) fn shell(line: &str, file: Option<&Path>) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(line);
    if let Some(file) = file {
        // An argument of the shell, so that no name of a file is read as a command.
        command.arg("sh").arg(file);
    }
    command
}

/// A command line of the person's, as a shell reads it; `file` is a variable of its own.
#[cfg(windows)]
pub(super) fn shell(line: &str, file: Option<&Path>) -> Command {
    use std::os::windows::process::CommandExt;
    let mut command = Command::new("cmd");
    // `/S` takes off the outermost quotes and nothing else. The file is a variable of the shell's: its name may hold
    // spaces, and what a shell would read.
    command.raw_arg(format!("/D /S /C \"{line}\""));
    if let Some(file) = file {
        command.env("COACHUP_FILE", file);
    }
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
        let program = if cfg!(windows) { "type" } else { "cat" };
        for line in ["", " %s", " \"%s\"", " %s && exit 0"] {
            let output = with_file(&format!("{program}{line}"), &file).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout), "words", "{line}: {output:?}");
        }
    }

    #[test]
    #[cfg(not(windows))]
    fn a_list_of_browsers_is_tried_in_turn() {
        let folder = tempfile::tempdir().unwrap();
        let page = folder.path().join("my page.html");
        std::fs::write(&page, "words").unwrap();
        let seen = folder.path().join("seen");
        let opened = |list: &str| {
            let _ = std::fs::remove_file(&seen);
            let browser = Some(list.replace("SEEN", seen.to_str().unwrap()));
            let opened = open(&Programs { browser, ..Programs::default() }, &page);
            // What goes on in the background may take a moment.
            let copied = (0..100).any(|_| {
                std::thread::sleep(std::time::Duration::from_millis(10));
                opened.is_err() || std::fs::read(&seen).is_ok_and(|words| words == b"words")
            });
            assert!(copied, "{list}");
            opened
        };
        for list in [
            "no-such-browser:cp %s SEEN",
            ":cp '%s' SEEN:false",
            "false: cp %s SEEN &:false",
            "sh -c 'cp \"$1\" SEEN' sh &",
        ] {
            assert!(opened(list).is_ok(), "{list}");
        }
        let error = opened("no-such-browser:false").unwrap_err().to_string();
        assert!(error.contains("no-such-browser:false") && error.contains("my page.html"), "{error}");
    }

    #[test]
    fn a_pager_that_is_not_there_is_told_from_one_that_was_left() {
        let status = |line: &str| shell(line, None).stderr(Stdio::null()).status().unwrap();
        assert!(was_not_started(status("no-such-pager")));
        assert!(!was_not_started(status("exit 0")));
    }
}
