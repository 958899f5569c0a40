//! `coachup eval`: measures the scorer against labelled turns, beside its floors and its ceiling.

use super::output::markdown_table;
use crate::scorer::Scorer;
use crate::scorer::corpus;
use crate::scorer::eval::{Measured, Report};
use crate::scorer::rubric::Check;
use anyhow::{Context, Result};
use clap::Args;
use comfy_table::{Cell, CellAlignment, Table};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What to measure on.
#[derive(Args, Debug)]
#[command(after_help = "Example: coachup eval tests/corpus/dev.jsonl --confusing confusing.jsonl")]
pub struct EvalArgs {
    /// Labelled turns, one JSON object a line
    #[arg(default_value = "tests/corpus/test.jsonl")]
    file: PathBuf,
    /// Write the answers that differ from the labels there, the surest first, as JSON lines
    #[arg(long, value_name = "FILE")]
    confusing: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// A corpus that can't be read; a file or `out` that can't be written.
pub fn run(args: &EvalArgs, out: &mut dyn Write) -> Result<()> {
    let turns = corpus::read(&args.file)?;
    let agreement = agreement(&args.file.with_file_name("agreement.json"))?;
    let report = Report::of(&Scorer, &turns);
    writeln!(out, "{}", table(&report, &agreement))?;
    if let Some(file) = &args.confusing {
        write_confusing(&report, file)?;
    }
    Ok(())
}

/// How far two people agree on each check (κ), where that was measured.
fn agreement(file: &Path) -> Result<BTreeMap<Check, f64>> {
    if !file.exists() {
        return Ok(BTreeMap::new());
    }
    let text = std::fs::read_to_string(file).with_context(|| format!("can't read `{}`", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("`{}` holds no κ a check", file.display()))
}

fn write_confusing(report: &Report, file: &Path) -> Result<()> {
    let mut lines = String::new();
    for case in report.confusing() {
        lines.push_str(&serde_json::to_string(case)?);
        lines.push('\n');
    }
    std::fs::write(file, lines).with_context(|| format!("can't write `{}`", file.display()))
}

/// What a column shows of one check, and of all of them in the last row.
type Column<'a> = (&'a str, &'a dyn Fn(&Measured) -> f64);

fn table(report: &Report, agreement: &BTreeMap<Check, f64>) -> Table {
    let columns: [Column<'_>; 6] = [
        ("precision", &|measured| measured.counts.precision()),
        ("recall", &|measured| measured.counts.recall()),
        ("F1", &|measured| measured.counts.f1()),
        ("κ", &|measured| measured.counts.kappa()),
        ("ECE", &|measured| measured.calibration.error()),
        ("always-yes F1", &Measured::always_yes),
    ];
    let number = |number: f64| Cell::new(format!("{number:.2}")).set_alignment(CellAlignment::Right);
    let titles = columns.iter().map(|(title, _)| *title);
    let mut table = markdown_table(["check", "turns"].into_iter().chain(titles).chain(["passes' κ"]));
    for check in Check::ALL {
        let measured = report.get(check);
        let support = Cell::new(measured.counts.support()).set_alignment(CellAlignment::Right);
        let mut row = vec![Cell::new(check), support];
        row.extend(columns.iter().map(|(_, value)| number(value(measured))));
        row.push(agreement.get(&check).map_or(Cell::new(""), |kappa| number(*kappa)));
        table.add_row(row);
    }
    let turns = Cell::new(report.turns()).set_alignment(CellAlignment::Right);
    let mut row = vec![Cell::new("mean"), turns];
    row.extend(columns.iter().map(|(_, value)| number(report.mean(value))));
    let ceiling = agreement.values().sum::<f64>() / agreement.len().max(1) as f64;
    row.push(if agreement.is_empty() { Cell::new("") } else { number(ceiling) });
    table.add_row(row);
    table
}
