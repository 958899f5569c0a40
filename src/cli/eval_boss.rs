//! `coachup eval-boss`: has the trial talks, keeps their transcripts, and prints what they show.

use super::Exit;
use super::engine::{Chosen, acquired, chosen as chosen_model};
use super::output::markdown_table;
use crate::boss::Cast;
use crate::boss::talks;
use crate::boss::trial::cell::{Cell, every, sample};
use crate::boss::trial::choice::choice;
use crate::boss::trial::figures::{Counts, concession, receptiveness_tells, undeserved};
use crate::boss::trial::labelled;
use crate::boss::trial::play::{Grader, Transcript, play};
use crate::boss::trial::script::{self, Script};
use crate::boss::trial::told_apart::told_apart;
use crate::model::LanguageModel;
use crate::model::candle::{Adapter, CandleModel};
use crate::model::remote::RemoteModel;
use crate::model::scripted::ScriptedModel;
use crate::repl::engine::Model;
use crate::repl::interrupt::Interrupt;
use crate::scenario::{Boss, Difficulty, Library, Scenario};
use crate::settings::Settings;
use crate::text::file::open_plain;
use anyhow::{Context, Result, bail};
use clap::Args;
use comfy_table::Table;
use indicatif::{ProgressBar, ProgressStyle};
use std::ffi::OsString;
use std::io::{BufReader, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// The person's name in all trials: the same words for everyone.
const YOU: &str = "Sam";
/// The model's name where there is none.
const RULES: &str = "rules";

/// What to try.
#[derive(Args, Debug)]
#[command(after_help = "Example: coachup eval-boss --rules-only\n         \
                        coachup eval-boss --models qwen2.5-coder-1.5b --cells 16 --output trials")]
pub struct EvalBossArgs {
    /// No model: only what the rules decide, with many seeds, in seconds
    #[arg(long, conflicts_with = "models")]
    rules_only: bool,
    /// Models to try, from `coachup models list`, paths of GGUF files, or addresses of model servers
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    models: Vec<OsString>,
    /// The scripts
    #[arg(long, value_name = "FILE", default_value = "tests/corpus/scripts.toml")]
    scripts: PathBuf,
    /// Only these scripts
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Seeds for every script and preset
    #[arg(long, value_name = "N")]
    seeds: Option<u64>,
    /// Have only so many of the talks with each model, drawn evenly; more can be had later
    #[arg(long, value_name = "N")]
    cells: Option<usize>,
    /// Where transcripts are kept; talks that are there already are not had again
    #[arg(long, value_name = "DIR", default_value = "trials")]
    output: PathBuf,
    /// Replies labelled by hand, to validate the checks on
    #[arg(long, value_name = "FILE", default_value = "tests/corpus/replies.jsonl")]
    replies: PathBuf,
    /// Readings of drawn lines, to measure the choice among candidates on
    #[arg(long, value_name = "FILE", default_value = "tests/corpus/talks/readings.jsonl")]
    readings: PathBuf,
    /// Have so many talks at once: for a model server, which works on several requests together
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
    /// Print where the checks and the labels differ
    #[arg(long)]
    confusing: bool,
    /// An adapter to try instead of the shipped one, as `coachup train boss` writes it
    #[arg(long, value_name = "FILE")]
    adapter: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// A file that can't be read or written, a model that can't be had or fails. What was had is kept.
pub fn run(args: &EvalBossArgs, settings: &Settings, library: &Library, out: &mut dyn Write) -> Result<Exit> {
    let scripts = scripts(args)?;
    if args.replies.exists() {
        validity(args, library, out)?;
    }
    if args.readings.exists() {
        writeln!(out, "{}", chosen(&args.readings)?)?;
    }
    if args.rules_only {
        rules_only(args, &scripts, library, out)?;
        return Ok(Exit::Done);
    }
    let interrupt = Interrupt::install();
    let models =
        if args.models.is_empty() { vec![None] } else { args.models.iter().cloned().map(Some).collect() };
    for wanted in models {
        let Some(mut models) = loaded(wanted, args, settings, &interrupt)? else {
            return Ok(Exit::Interrupted);
        };
        let name = models[0].name().to_owned();
        let cells =
            sample(every_cell(&scripts, library, args.seeds.unwrap_or(1)), args.cells.unwrap_or(usize::MAX));
        let folder = args.output.join(file_name(&name));
        let started = Instant::now();
        let had = talks(cells, &scripts, library, &mut models, &name, Some(&folder), &interrupt)?;
        let Some(transcripts) = had else { return Ok(Exit::Interrupted) };
        writeln!(super::streams::stderr(), "{} after {:.0} s", name, started.elapsed().as_secs_f64())?;
        writeln!(out, "\n# {}: {} talks\n", name, transcripts.len())?;
        writeln!(out, "{}", concessions(&transcripts, &scripts, library))?;
        writeln!(out, "{}", words(&transcripts, library))?;
    }
    Ok(Exit::Done)
}

/// The model, as often as talks are to be had at once: a server's is asked side by side, one on this machine
/// has all of it already. None where Ctrl-C stopped that.
fn loaded(
    wanted: Option<OsString>,
    args: &EvalBossArgs,
    settings: &Settings,
    interrupt: &Interrupt,
) -> Result<Option<Vec<Model>>> {
    let jobs = usize::from(args.jobs);
    match chosen_model(wanted.as_deref(), settings)? {
        Chosen::Server(mut options) => {
            // A server that reads the prompts of many talks lets each of them wait.
            options.timeouts.between = options.timeouts.between.max(options.timeouts.first);
            let mut model = RemoteModel::connect(*options)?;
            model.find_out()?;
            Ok(Some((0..jobs).map(|_| Box::new(model.clone()) as Model).collect()))
        }
        _ if jobs > 1 => bail!("only a model server has several talks at once; leave out `--jobs`"),
        Chosen::Scripted(file) => bail!("`scripted:{}` plays no trials", file.display()),
        Chosen::Local(wanted) => {
            let Some((acquired, mut options)) = acquired(wanted, settings, interrupt)? else {
                return Ok(None);
            };
            if let Some(adapter) = &args.adapter {
                options.adapters.insert(0, Arc::new(Adapter::open(adapter)?));
            }
            let file = acquired.files.first().context("the model has no file")?;
            Ok(Some(vec![Box::new(CandleModel::load(file, &options)?) as Model]))
        }
    }
}

fn scripts(args: &EvalBossArgs) -> Result<Vec<Script>> {
    let all = script::read(&args.scripts)?;
    if let Some(unknown) = args.only.iter().find(|name| !all.iter().any(|script| script.name == **name)) {
        bail!("no script `{unknown}` in `{}`", args.scripts.display());
    }
    let wanted = |script: &Script| args.only.is_empty() || args.only.contains(&script.name);
    Ok(all.into_iter().filter(wanted).collect())
}

/// A model's name as a folder's name.
fn file_name(model: &str) -> String {
    model.chars().map(|c| if c.is_alphanumeric() || ".-_".contains(c) { c } else { '_' }).collect()
}

fn every_cell(scripts: &[Script], library: &Library, seeds: u64) -> Vec<Cell> {
    let bosses: Vec<&str> = library.all::<Boss>().map(|(name, _)| name).collect();
    let presets: Vec<(&str, f64)> =
        library.ladder().iter().map(|preset| (preset.name.as_str(), preset.receptiveness)).collect();
    every(scripts, &bosses, &presets, seeds)
}

fn cast(cell: &Cell, script: &Script, library: &Library) -> Result<Cast> {
    let difficulty = match library.get::<Difficulty>(&cell.difficulty) {
        Ok(preset) => preset.clone(),
        Err(_) => Difficulty::at(cell.receptiveness, &library.ladder()),
    };
    Ok(Cast {
        boss: library.get::<Boss>(&cell.boss)?.clone(),
        scenario: library.get::<Scenario>(&script.scenario)?.clone(),
        difficulty,
        you: YOU.to_owned(),
        seed: cell.seed,
    })
}

/// Has the talks that are not in `folder` yet. None where Ctrl-C stopped that; what was had is kept.
#[allow(clippy::too_many_arguments)]
fn talks(
    cells: Vec<Cell>,
    scripts: &[Script],
    library: &Library,
    models: &mut [Model],
    name: &str,
    folder: Option<&Path>,
    interrupt: &Interrupt,
) -> Result<Option<Vec<Transcript>>> {
    let bar = ProgressBar::new(cells.len() as u64).with_message(name.to_owned());
    bar.set_style(ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} talks, {eta} left")?);
    let all = cells.len();
    let queue = Mutex::new(cells.into_iter().enumerate());
    let failed = AtomicBool::new(false);
    let one = |mut cell: Cell,
               model: &mut dyn LanguageModel,
               grader: &mut Grader|
     -> Result<Option<Transcript>> {
        cell.model = name.to_owned();
        let file = folder.map(|folder| folder.join(format!("{}.json", cell.id())));
        if let Some(kept) = file.as_deref().and_then(kept) {
            return Ok(Some(kept));
        }
        let script = scripts.iter().find(|script| script.name == cell.script).context("a known script")?;
        let cast = cast(&cell, script, library)?;
        let mut pulse = || match interrupt.is_set() || failed.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        let Some(transcript) = play(&cast, cell, script, grader, model, &mut pulse)? else { return Ok(None) };
        if let Some(file) = file {
            keep(&transcript, &cast, &file)?;
        }
        Ok(Some(transcript))
    };
    let work = |model: &mut Model| -> Result<Vec<(usize, Transcript)>> {
        let (mut had, mut grader) = (Vec::new(), Grader::default());
        loop {
            let next = queue.lock().expect("nobody panics with the queue").next();
            let Some((at, cell)) = next else { return Ok(had) };
            match one(cell, model.as_mut(), &mut grader) {
                Ok(Some(transcript)) => had.push((at, transcript)),
                Ok(None) => return Ok(had),
                Err(error) => {
                    failed.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
            bar.inc(1);
        }
    };
    let had: Result<Vec<_>> = std::thread::scope(|scope| {
        let threads: Vec<_> = models.iter_mut().map(|model| scope.spawn(|| work(model))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a talk does not panic")).collect()
    });
    let mut had: Vec<(usize, Transcript)> = had?.into_iter().flatten().collect();
    if had.len() < all {
        bar.abandon();
        return Ok(None);
    }
    bar.finish_and_clear();
    had.sort_by_key(|(at, _)| *at);
    Ok(Some(had.into_iter().map(|(_, transcript)| transcript).collect()))
}

/// A talk that was had before; one that can't be read is had again.
fn kept(file: &Path) -> Option<Transcript> {
    serde_json::from_reader(BufReader::new(open_plain(file).ok()?)).ok()
}

fn keep(transcript: &Transcript, cast: &Cast, file: &Path) -> Result<()> {
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(file.parent().unwrap_or(Path::new(".")))?;
        std::fs::write(file.with_extension("txt"), transcript.to_text(&cast.boss.name, &cast.you))?;
        std::fs::write(file, serde_json::to_string_pretty(transcript)?)
    };
    write().with_context(|| format!("can't write `{}`", file.display()))
}

/// What the rules alone decide: concessions over many seeds, and receptiveness against final openness.
fn rules_only(args: &EvalBossArgs, scripts: &[Script], library: &Library, out: &mut dyn Write) -> Result<()> {
    let interrupt = Interrupt::install();
    let seeds = args.seeds.unwrap_or(12);
    let mut silent: [Model; 1] = [Box::new(ScriptedModel::default())];
    let mut had = |cells| -> Result<Vec<Transcript>> {
        let had =
            talks(cells, scripts, library, &mut silent, RULES, Some(&args.output.join("rules")), &interrupt)?;
        had.context("interrupted")
    };
    let transcripts = had(every_cell(scripts, library, seeds))?;
    writeln!(out, "\n# Rules alone: {} talks\n", transcripts.len())?;
    writeln!(out, "{}", concessions(&transcripts, scripts, library))?;
    let counts = Counts::of(&transcripts, 1..usize::MAX);
    writeln!(out, "agreement without leave: {} of {} replies", counts.unearned, counts.replies)?;
    writeln!(out, "blaming, flattering, pushy from guarded on: {} concessions", undeserved(&transcripts))?;
    if let Some(skilful) = scripts.iter().find(|script| script.name == "skilful") {
        let levels: Vec<(&str, f64)> = (0..=10).map(|step| ("custom", f64::from(step) * 10.0)).collect();
        let bosses: Vec<&str> = library.all::<Boss>().map(|(name, _)| name).collect();
        let cells = every(std::slice::from_ref(skilful), &bosses, &levels, seeds);
        let transcripts = had(cells)?;
        let rho = receptiveness_tells(&transcripts);
        writeln!(out, "receptiveness against final openness, skilful script: Spearman {rho:.3}")?;
    }
    Ok(())
}

fn validity(args: &EvalBossArgs, library: &Library, out: &mut dyn Write) -> Result<()> {
    let replies = labelled::read(&args.replies)?;
    let validity = labelled::validity(&replies, library, YOU)?;
    let mut table = markdown_table(["check on a reply", "labelled yes", "precision", "recall", "κ"]);
    for (name, counts) in [("in voice", validity.voice), ("gives in", validity.agrees)] {
        let number = |number: f64| format!("{number:.2}");
        table.add_row(vec![
            name.to_owned(),
            counts.support().to_string(),
            number(counts.precision()),
            number(counts.recall()),
            number(counts.kappa()),
        ]);
    }
    writeln!(out, "# The gate, on {} replies labelled by hand\n\n{table}", validity.replies)?;
    if args.confusing {
        for reply in &validity.confused {
            writeln!(out, "{}: {} (voice {}, agrees {})", reply.boss, reply.text, reply.voice, reply.agrees)?;
        }
    }
    Ok(())
}

/// What choosing among lines that were read comes to.
fn chosen(file: &Path) -> Result<String> {
    let mut table = markdown_table([
        "candidates",
        "lines",
        "good",
        "moments with a choice",
        "good by chance",
        "by the choice",
    ]);
    let readings = talks::readings(file)?;
    for candidates in [4, 8] {
        let choice = choice(&readings, candidates);
        let share = |part: f64, of: usize| format!("{:.0} %", 100.0 * part / of.max(1) as f64);
        table.add_row(vec![
            candidates.to_string(),
            choice.lines.to_string(),
            share(choice.good as f64, choice.lines),
            choice.open.to_string(),
            share(choice.blind, choice.open),
            share(choice.chosen as f64, choice.open),
        ]);
    }
    Ok(format!("# The choice, on lines that were read (its three weights are fitted on them)\n\n{table}\n"))
}

/// Mean turns to the first concession, and how many talks had one.
fn concessions(transcripts: &[Transcript], scripts: &[Script], library: &Library) -> Table {
    let presets = library.ladder();
    let mut titles = vec!["turns to concession"];
    titles.extend(presets.iter().map(|preset| preset.name.as_str()));
    let mut table = markdown_table(titles);
    for script in scripts {
        let mut row = vec![script.name.clone()];
        row.extend(presets.iter().map(|preset| match concession(transcripts, script, &preset.name) {
            None => String::new(),
            Some(c) if c.won == 0 => format!("never (of {})", c.talks),
            Some(c) => format!("{:.1} ({} of {})", c.mean, c.won, c.talks),
        }));
        table.add_row(row);
    }
    table
}

/// What the replies show: all of them, and the early and late ones apart.
fn words(transcripts: &[Transcript], library: &Library) -> String {
    let mut table = markdown_table([
        "replies",
        "n",
        "by hand",
        "unearned",
        "offer taken up",
        "refused a reply",
        "tokens drawn a token shown",
    ]);
    for (name, turns) in [("all", 1..usize::MAX), ("turns 1–11", 1..12), ("turns 12–24", 12..25)] {
        let counts = Counts::of(transcripts, turns);
        let share = |part: usize| format!("{:.1} %", 100.0 * counts.share(part));
        table.add_row(vec![
            name.to_owned(),
            counts.replies.to_string(),
            share(counts.fallback),
            counts.unearned.to_string(),
            format!("{} of {}", counts.taken_up, counts.proposals),
            format!("{:.1}", counts.refused as f64 / counts.replies.max(1) as f64),
            format!("{:.1}", counts.tokens[0] as f64 / counts.tokens[1].max(1) as f64),
        ]);
    }
    let names: Vec<String> =
        library.all::<Boss>().map(|(_, boss)| boss.name.clone()).chain([YOU.to_owned()]).collect();
    let apart = told_apart(transcripts, &names);
    format!(
        "{table}\n\nbosses told apart by their lines: {} of {} lines, {} of {} talks ({} bosses)\n\
         blaming, flattering, pushy from guarded on: {} concessions",
        apart.right_lines,
        apart.lines,
        apart.right_talks,
        apart.talks,
        apart.bosses,
        undeserved(transcripts)
    )
}
