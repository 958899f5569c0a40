//! `coachup doctor --privacy`: every file that is kept here, what it holds, who may read it, what removes it.

use super::{Exit, models};
use crate::model::acquire::Bytes;
use crate::session::kept::{self, Kept};
use crate::settings::Settings;
use crate::text::columns::{self, hanging, said, whole_words};
use std::io::Write;
use std::path::Path;

/// What is said of the network.
const SENT: &str = "Nothing of this is sent anywhere. The network is used to fetch models (the hub, or pip), and asked \
                    whether they can be fetched by `models list`, `models pull`, `doctor`, and by `practice` while no \
                    model is here.";

/// A kept file.
struct Row<'a> {
    path: &'a Path,
    holds: String,
    /// A command of coachup's, or `you`.
    removed_by: String,
}

/// Writes the list, `width` columns wide. Fails (not as an error) where others can read what was said.
///
/// # Errors
/// A folder that can't be read; `out` that can't be written.
pub fn run(settings: &Settings, width: usize, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let folders = &settings.folders;
    let mut open = 0;
    heading("what you said", &folders.data, width, out)?;
    for path in kept::files(&folders.data, &folders.models)? {
        let kept = Kept::of(&path);
        let (holds, removed_by) = (kept.holds().to_owned(), kept.removed_by().to_owned());
        let row = Row { path: &path, holds, removed_by };
        open += usize::from(list(&row, &folders.data, width, out)? && kept != Kept::Other);
    }
    if is_open(&folders.data) {
        open += 1;
    }
    heading("your settings, bosses and scenarios", &folders.config, width, out)?;
    for (name, holds) in [
        ("settings.toml", "your settings"),
        ("models.toml", "models of your own"),
        ("bosses", "a boss of your own"),
        ("scenarios", "a scenario of your own"),
        ("difficulties", "a preset of your own"),
    ] {
        let top = folders.config.join(name);
        let inside = if top.is_dir() { kept::files(&top, Path::new(""))? } else { Vec::new() };
        let single = top.is_file().then(|| name.into());
        for path in single.into_iter().chain(inside.iter().map(|path| Path::new(name).join(path))) {
            let row = Row { path: &path, holds: holds.to_owned(), removed_by: "you".to_owned() };
            list(&row, &folders.config, width, out)?;
        }
    }
    heading("models", &folders.models, width, out)?;
    for path in kept::files(&folders.models, Path::new(""))? {
        let name = path.iter().next().unwrap_or_default().to_string_lossy();
        let name = name.trim_end_matches(".lock");
        let holds = format!("the model {name}, or what is known of it");
        list(
            &Row { path: &path, holds, removed_by: format!("models rm {name}") },
            &folders.models,
            width,
            out,
        )?;
    }
    shared_models(settings, width, out)?;
    writeln!(out, "\n{}", hanging("", SENT, 0, whole_words(width)))?;
    if open > 0 {
        let remedy =
            format!("others can read what is marked `open`: chmod -R go= \"{}\"", folders.data.display());
        writeln!(out, "\n{}", said(&remedy, width))?;
        return Ok(Exit::Failed);
    }
    Ok(Exit::Done)
}

/// Models that lie in the hub's cache, which other programs use too.
fn shared_models(settings: &Settings, width: usize, out: &mut dyn Write) -> anyhow::Result<()> {
    // What is wrong with the person's own catalogue, `doctor` says.
    let Ok(catalogue) = models::catalogue(settings) else { return Ok(()) };
    let store = models::store(settings);
    for acquired in catalogue.entries().iter().filter_map(|entry| store.local(entry)) {
        for path in acquired.files.iter().filter(|path| !path.starts_with(&settings.folders.models)) {
            let holds = format!("the model {}, in the hub's cache", acquired.name);
            let row = Row { path, holds, removed_by: format!("models rm {}", acquired.name) };
            list(&row, Path::new(""), width, out)?;
        }
    }
    Ok(())
}

fn heading(what: &str, folder: &Path, width: usize, out: &mut dyn Write) -> std::io::Result<()> {
    let mode = if folder.is_dir() { mode(folder) } else { "not there yet".to_owned() };
    writeln!(out, "\n{}", said(&format!("{what}: {} ({mode})", folder.display()), width))
}

/// Writes what there is to say of a file. Is it open to others?
fn list(row: &Row<'_>, folder: &Path, width: usize, out: &mut dyn Write) -> std::io::Result<bool> {
    let path = folder.join(row.path);
    let size = std::fs::symlink_metadata(&path).map_or(0, |metadata| metadata.len());
    let remover = match row.removed_by.contains(" rm ") || row.removed_by.contains("--") {
        true => format!("`coachup {}`", row.removed_by),
        false => row.removed_by.clone(),
    };
    let start = format!("  {:<10} {:>9}  ", mode(&path), Bytes(size).to_string());
    writeln!(out, "{start}{}", row.path.display())?;
    let indent = if width < columns::NARROW { 4 } else { start.len() };
    let holds = format!("{}; removed by {remover}", row.holds);
    writeln!(out, "{}", hanging(&" ".repeat(indent), &holds, indent, whole_words(width)))?;
    Ok(is_open(&path))
}

/// Who may do what with it, as `chmod` has it; marked where others may do anything.
#[cfg(unix)]
fn mode(path: &Path) -> String {
    use std::os::unix::fs::PermissionsExt;
    let Ok(metadata) = std::fs::symlink_metadata(path) else { return "gone".to_owned() };
    format!("{:04o}{}", metadata.permissions().mode() & 0o7777, if is_open(path) { " open" } else { "" })
}

#[cfg(unix)]
fn is_open(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::symlink_metadata(path)
        .is_ok_and(|metadata| !metadata.is_symlink() && metadata.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn mode(_: &Path) -> String {
    "yours".to_owned()
}

#[cfg(not(unix))]
fn is_open(_: &Path) -> bool {
    false
}
