//! What `scenarios`, `bosses` and `difficulties` have in common: list, show, new and check.

use super::output::Target;
use super::{Exit, bundle};
use crate::repl::screen;
use crate::repl::script::Format;
use crate::scenario::{Entry, Library, LibraryError, Problem, read, start};
use crate::text::columns::{self, hanging, options, padded, said};
use crate::text::{count, json, one_line, printable};
use anyhow::bail;
use clap::Subcommand;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What can be done with one kind of data file.
#[derive(Clone, Debug, Subcommand)]
pub enum Action {
    /// List their names and titles
    #[command(after_help = "Example: coachup scenarios list --format json")]
    List {
        /// Text for people, or one JSON object a line
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Show one
    #[command(after_help = "Example: coachup bosses show dana")]
    Show {
        /// Its name, as `list` shows it
        name: String,
        /// Text for people, or one JSON object with everything
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Start one of your own: writes a commented file for you to edit
    #[command(after_help = "Example: coachup scenarios new my-review\n\n\
                      A name that comes with the program starts as a copy, which then stands in for it.")]
    New {
        /// Its name: small letters, digits and hyphens
        name: String,
    },
    /// Say what is still wrong with a file
    #[command(after_help = "Example: coachup bosses check my-boss")]
    Check {
        /// A file, or the name of one of your own
        file: PathBuf,
    },
    /// Write one to a file to hand on; a scenario with the boss that belongs to it
    #[command(after_help = "Example: coachup scenarios export late-rota --output late-rota.toml")]
    Export {
        /// Its name, as `list` shows it
        name: String,
        #[command(flatten)]
        target: Target,
    },
    /// Take in a file that was handed on
    #[command(after_help = "Example: coachup scenarios import late-rota.toml")]
    Import {
        /// The file, as `export` writes it
        file: PathBuf,
    },
}

/// How one kind is shown to people.
pub(super) trait Shown: Entry {
    /// The words before its name in `coachup practice …`.
    const FLAG: &'static str;

    /// Its line in a list and its heading.
    fn label(&self) -> String {
        self.title().to_owned()
    }

    /// All of them, in the order of the list.
    fn listed(library: &Library) -> Vec<(&str, &Self)> {
        library.all::<Self>().collect()
    }

    /// What a person should see before practising: paragraphs without a label, then lines with one.
    fn paragraphs(&self) -> Vec<(&'static str, String)>;
}

/// Does `action`. `load` reads the library, which `new` and `check` do without, so that they work while a
/// file in the person's own `folder` is broken. Lists are broken to `width` columns.
///
/// # Errors
/// An unknown name, a file that can't be read or written, a closed `out`.
pub(super) fn run<E: Shown>(
    action: &Action,
    load: impl FnOnce() -> Result<Library, LibraryError>,
    folder: &Path,
    width: usize,
    out: &mut dyn Write,
) -> anyhow::Result<Exit> {
    match action {
        Action::List { format } => list(&E::listed(&load()?), *format, width, out)?,
        Action::Show { name, format } => show(name, load()?.get::<E>(name)?, *format, out)?,
        Action::New { name } => new::<E>(folder, name, width, out)?,
        Action::Export { name, target } => {
            bundle::export::<E>(name, &load()?, target.file(), target.force, out)?;
        }
        Action::Import { file } => return bundle::import::<E>(file, folder, width, out),
        Action::Check { file } => return check::<E>(&named::<E>(file, folder)?, width, out),
    }
    Ok(Exit::Done)
}

fn list<E: Shown>(
    entries: &[(&str, &E)],
    format: Format,
    width: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let widest = entries.iter().map(|(name, _)| columns::width(&printable(name))).max().unwrap_or(0);
    let indent = if width < columns::NARROW { 4 } else { widest + 2 };
    for (name, entry) in entries {
        match format {
            Format::Text => {
                let start = padded(&printable(name), widest + 2);
                writeln!(out, "{}", hanging(&start, &one_line(&entry.label()), indent, options(width)))?;
            }
            Format::Json => {
                let line = serde_json::json!({ "name": name, "title": entry.title() });
                out.write_all(json::line(&line).as_bytes())?;
            }
        }
    }
    Ok(())
}

fn show<E: Shown>(name: &str, entry: &E, format: Format, out: &mut dyn Write) -> anyhow::Result<()> {
    if format == Format::Json {
        return Ok(out.write_all(json::line(entry).as_bytes())?);
    }
    let width = screen::width();
    let heading = format!("{}  {}", printable(name), one_line(&entry.label()));
    writeln!(out, "{}\n", hanging("", &heading, 2, options(width)))?;
    for (label, text) in entry.paragraphs() {
        let text = printable(&text);
        if label.is_empty() {
            writeln!(out, "{}\n", textwrap::fill(&text, width))?;
        } else {
            writeln!(out, "{}", hanging(&format!("{label}: "), &text, 2, options(width)))?;
        }
    }
    Ok(())
}

fn new<E: Shown>(folder: &Path, name: &str, width: usize, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut say = |text: String| writeln!(out, "{}", said(&text, width));
    let started = start::<E>(folder, name)?;
    let file = started.file.display();
    if started.copied {
        say(format!("wrote `{file}`, a copy of `{name}` that now stands in for it"))?;
    } else {
        say(format!("wrote `{file}`"))?;
    }
    say(format!("edit it, then see what is still to do with `coachup {} check {name}`", E::FOLDER))?;
    say(format!("and practise with `coachup practice {}{name}`", E::FLAG))?;
    Ok(())
}

/// The file that is meant: the one of that path, or the one of that name in the person's own `folder`.
fn named<E: Shown>(file: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let is_path = file.components().count() > 1;
    if is_path || file.is_file() {
        return Ok(file.to_owned());
    }
    let own = folder.join(E::FOLDER).join(file).with_extension("toml");
    if !own.is_file() {
        bail!("there is neither a file `{}` here nor `{}`", file.display(), own.display());
    }
    Ok(own)
}

pub(super) fn check<E: Shown>(file: &Path, width: usize, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let shown = file.display();
    let problems: Vec<String> = match read::<E>(file) {
        Ok(entry) => entry.problems().iter().map(Problem::to_string).collect(),
        Err(LibraryError::Malformed { why, .. }) => vec![why],
        Err(error) => return Err(error.into()),
    };
    if problems.is_empty() {
        writeln!(out, "`{shown}` is right")?;
        return Ok(Exit::Done);
    }
    writeln!(out, "{}", said(&format!("`{shown}`: {} to mend", count(problems.len(), "thing")), width))?;
    for problem in problems {
        writeln!(out, "{}", said(&printable(&format!("- {problem}")), width))?;
    }
    Ok(Exit::Failed)
}

#[cfg(test)]
mod tests {
    use super::super::{bosses, difficulties, scenarios};
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    enum Line {
        Scenarios(scenarios::ScenariosArgs),
        Bosses(bosses::BossesArgs),
        Difficulties(difficulties::DifficultiesArgs),
    }

    /// Types `words` after the program's name, with `folder` as the person's own.
    fn typed(folder: &Path, words: &[&str]) -> anyhow::Result<(Exit, String)> {
        let (mut out, width) = (Vec::new(), 80);
        let load = || Library::with_folders(&[folder.to_owned()]);
        let exit = match Line::try_parse_from([&["coachup"], words].concat())? {
            Line::Scenarios(args) => scenarios::run(&args, load, folder, width, &mut out),
            Line::Bosses(args) => bosses::run(&args, load, folder, width, &mut out),
            Line::Difficulties(args) => difficulties::run(&args, load, folder, width, &mut out),
        }?;
        Ok((exit, String::from_utf8(out)?))
    }

    #[track_caller]
    fn shown(folder: &Path, words: &[&str]) -> String {
        let (exit, text) = typed(folder, words).unwrap();
        assert_eq!(exit, Exit::Done, "{text}");
        text
    }

    #[test]
    fn lists_have_a_line_for_each_and_presets_go_from_easy_to_hard() {
        let home = tempfile::tempdir().unwrap();
        let text = shown(home.path(), &["difficulties", "list"]);
        let names: Vec<&str> = text.lines().filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(names, ["welcoming", "open", "guarded", "skeptical", "hostile"]);
        let json = shown(home.path(), &["scenarios", "list", "--format", "json"]);
        let names: Vec<String> = json
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["name"].to_string())
            .collect();
        assert_eq!(names.len(), Library::embedded().all::<crate::scenario::Scenario>().count());
        assert!(names.contains(&"\"late-feedback\"".to_owned()), "{names:?}");
        assert!(shown(home.path(), &["bosses", "list"]).contains("Dana: 46"));
    }

    #[test]
    fn a_list_fits_the_screen_whatever_the_titles_are_made_of() {
        let home = tempfile::tempdir().unwrap();
        shown(home.path(), &["bosses", "new", "frank"]);
        let file = home.path().join("bosses/frank.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let title = text.lines().find(|line| line.starts_with("title")).unwrap();
        let wide = format!("title = \"{}\"", "忙しい部長".repeat(8));
        std::fs::write(&file, text.replace(title, &wide)).unwrap();
        for kind in ["scenarios", "bosses", "difficulties"] {
            let list = shown(home.path(), &[kind, "list"]);
            assert!(list.lines().all(|line| columns::width(line) <= 80), "{list}");
        }
        let list = shown(home.path(), &["bosses", "list"]);
        assert!(list.contains("\nfrank   Frank:") && list.contains("\n        忙しい"), "{list}");
    }

    #[test]
    fn a_scenario_is_shown_without_what_the_boss_keeps_back() {
        let home = tempfile::tempdir().unwrap();
        let text = shown(home.path(), &["scenarios", "show", "late-feedback"]);
        assert!(text.contains("three weeks ago") && !text.contains("forty pages"), "{text}");
        assert!(text.lines().count() <= 24 && text.lines().all(|line| line.chars().count() <= 92), "{text}");
        let json = shown(home.path(), &["scenarios", "show", "late-feedback", "--format", "json"]);
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!((value["name"].as_str(), json.lines().count()), (Some("late-feedback"), 1));
        assert!(value["facts"][1]["line"].as_str().unwrap().contains("forty pages"));
    }

    #[test]
    fn an_unknown_name_gets_the_nearest() {
        let home = tempfile::tempdir().unwrap();
        let error = typed(home.path(), &["bosses", "show", "dan"]).unwrap_err().to_string();
        assert!(error.contains("did you mean `dana`?"), "{error}");
    }

    #[test]
    fn a_new_file_is_explained_until_it_is_right() {
        let home = tempfile::tempdir().unwrap();
        let text = shown(home.path(), &["bosses", "new", "mona"]);
        assert!(text.contains("coachup practice --boss mona"), "{text}");
        let file = home.path().join("bosses/mona.toml");
        let check = ["bosses", "check", file.to_str().unwrap()];
        let (exit, text) = typed(home.path(), &check).unwrap();
        assert_eq!(exit, Exit::Failed);
        assert!(text.contains("4 things to mend") && text.contains("`name` still holds"), "{text}");

        let mut filled = std::fs::read_to_string(&file).unwrap();
        while let Some(start) = filled.find('<') {
            let end = start + filled[start..].find('>').unwrap();
            filled.replace_range(start..=end, "Mona");
        }
        std::fs::write(&file, &filled).unwrap();
        assert!(shown(home.path(), &check).contains("is right"));
        for name in ["mona", "mona.toml"] {
            assert!(shown(home.path(), &["bosses", "check", name]).contains("is right"));
        }
        let error = typed(home.path(), &["bosses", "check", "lisa"]).unwrap_err().to_string();
        assert!(error.contains("`lisa`") && error.contains("lisa.toml"), "{error}");
        assert!(shown(home.path(), &["bosses", "list"]).contains("Mona: Mona"));

        assert!(typed(home.path(), &["bosses", "new", "mona"]).unwrap_err().to_string().contains("already"));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), filled);
    }

    #[test]
    fn a_broken_file_is_explained_and_stops_no_other() {
        let home = tempfile::tempdir().unwrap();
        shown(home.path(), &["difficulties", "new", "mine"]);
        let file = home.path().join("difficulties/mine.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace("\npatience", "\npateince")).unwrap();
        assert!(!shown(home.path(), &["difficulties", "list"]).contains("mine"));
        let error = typed(home.path(), &["difficulties", "show", "mine"]).unwrap_err().to_string();
        assert!(error.contains("difficulties check"), "{error}");
        let (exit, text) = typed(home.path(), &["difficulties", "check", file.to_str().unwrap()]).unwrap();
        assert_eq!(exit, Exit::Failed);
        assert!(text.contains("1 thing to mend") && text.contains("did you mean `patience`?"), "{text}");
    }
}
