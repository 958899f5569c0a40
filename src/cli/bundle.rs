//! Handing scenarios, bosses and presets on: one file with what belongs together.

use super::Exit;
use super::output::write_private;
use crate::scenario::{
    AuthorError, Boss, Difficulty, Entry, Library, Scenario, check_name, own_file, write_own,
};
use crate::text::columns::said;
use crate::text::data::from_toml;
use crate::text::file::read_text;
use crate::text::printable;
use anyhow::{Context, anyhow, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The largest one that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// What one file holds, by kind and name.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Bundle {
    scenarios: BTreeMap<String, Scenario>,
    bosses: BTreeMap<String, Boss>,
    difficulties: BTreeMap<String, Difficulty>,
}

/// Writes the entry called `name`, and with a scenario the boss and the preset that it names, where they don't come with
/// the program: to a file of the person's, or to `out`.
///
/// # Errors
/// An unknown name; a file that is there already or can't be written.
pub(super) fn export<E: Entry>(
    name: &str,
    library: &Library,
    output: Option<&Path>,
    force: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let mut text = table(name, library.get::<E>(name)?);
    let shipped = Library::embedded();
    if E::KIND == Scenario::KIND {
        let scenario = library.get::<Scenario>(name)?;
        if let Some(boss) = scenario.boss.as_deref().filter(|boss| shipped.get::<Boss>(boss).is_err()) {
            text += &table(boss, library.get::<Boss>(boss)?);
        }
        let preset = scenario.difficulty.as_deref();
        if let Some(preset) = preset.filter(|preset| shipped.get::<Difficulty>(preset).is_err()) {
            text += &table(preset, library.get::<Difficulty>(preset)?);
        }
    }
    match output {
        Some(file) => write_private(file, force, &text),
        None => Ok(out.write_all(text.as_bytes())?),
    }
}

/// The entry as a table of a bundle.
fn table<E: Entry>(name: &str, entry: &E) -> String {
    let entry: toml::Table = toml::from_str(&entry.text()).expect("what was written is read");
    let named = toml::Table::from_iter([(name.to_owned(), toml::Value::Table(entry))]);
    let all = toml::Table::from_iter([(E::FOLDER.to_owned(), toml::Value::Table(named))]);
    toml::to_string_pretty(&all).expect("a table") + "\n"
}

/// Takes everything in a file into the person's own `folder`, where nothing has its name yet; all or nothing.
///
/// # Errors
/// A file that can't be read, is not right, or holds nothing of the kind; a name that there is already.
pub(super) fn import<E: Entry>(
    file: &Path,
    folder: &Path,
    width: usize,
    out: &mut dyn Write,
) -> anyhow::Result<Exit> {
    let shown = file.display();
    let text = read_text(file, LARGEST).with_context(|| format!("can't read `{shown}`"))?;
    let bundle: Bundle = from_toml(&text).map_err(|why| anyhow!("`{shown}` is not right: {why}"))?;
    let Bundle { scenarios, bosses, difficulties } = bundle;
    let counts = [
        (Scenario::KIND, scenarios.len()),
        (Boss::KIND, bosses.len()),
        (Difficulty::KIND, difficulties.len()),
    ];
    if counts.iter().all(|(kind, count)| *kind != E::KIND || *count == 0) {
        bail!("`{shown}` holds no {}; `coachup {} export NAME` writes such a file", E::KIND, E::FOLDER);
    }
    free(&scenarios, folder, &shown.to_string())?;
    free(&bosses, folder, &shown.to_string())?;
    free(&difficulties, folder, &shown.to_string())?;
    let written = [all(&bosses, folder)?, all(&difficulties, folder)?, all(&scenarios, folder)?].concat();
    for file in written {
        writeln!(out, "{}", said(&printable(&format!("wrote `{}`", file.display())), width))?;
    }
    Ok(Exit::Done)
}

/// Writes all of one kind; returns where they lie.
fn all<E: Entry>(entries: &BTreeMap<String, E>, folder: &Path) -> Result<Vec<PathBuf>, AuthorError> {
    entries.iter().map(|(name, entry)| write_own(folder, name, entry)).collect()
}

/// Refuses what can't be taken in: a name that can't be one or that there is, words or numbers with which no talk can be had.
fn free<E: Entry>(entries: &BTreeMap<String, E>, folder: &Path, shown: &str) -> anyhow::Result<()> {
    for (name, entry) in entries {
        check_name(name)?;
        let there = own_file::<E>(folder, name);
        if there.exists() || Library::embedded().get::<E>(name).is_ok() {
            bail!(
                "there is a {} `{name}` already; nothing was taken in. Rename it in `{shown}`, or remove the other",
                E::KIND
            );
        }
        let faults =
            entry.impossible().into_iter().chain(entry.problems().into_iter().filter(|it| it.is_unfilled()));
        if let Some(fault) = faults.into_iter().next() {
            bail!("the {} `{name}` in `{shown}`: {fault}", E::KIND);
        }
    }
    Ok(())
}
