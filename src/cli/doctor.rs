//! `coachup doctor`: what works on this machine, what does not, and what to do about it.

use super::engine::{self, Chosen};
use super::models::{catalogue, store};
use super::{Exit, privacy};
use crate::boss::{Cast, Turn, wording};
use crate::model::acquire::{Bytes, Quiet, Store, free_space};
use crate::model::candle::{CandleModel, CandleOptions};
use crate::model::catalogue::Catalogue;
use crate::model::choose::gib;
use crate::model::machine::Machine;
use crate::model::remote::{RemoteModel, ServerOptions, Tried};
use crate::model::{LanguageModel, ModelError, Prompt};
use crate::scenario::{Boss, Difficulty, Library, Scenario};
use crate::scorer::verdict::Verdicts;
use crate::session;
use crate::settings::{Settings, SettingsError};
use crate::text::columns::{self, hanging, whole_words};
use crate::text::count::count;
use crate::text::one_line;
use std::ffi::OsStr;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Say what works here, what does not, and what to do about it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: coachup doctor --privacy")]
pub struct DoctorArgs {
    /// List every file that is kept here: what it holds, who may read it, its size, what removes it
    #[arg(long)]
    privacy: bool,
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Works.
    Ok,
    /// Does not, and practice is possible all the same.
    Note,
    /// Practice is not possible until this is mended.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    state: State,
    what: &'static str,
    /// What was found, and what to do where something is to be done.
    text: String,
}

fn finding(state: State, what: &'static str, text: impl Into<String>) -> Finding {
    Finding { state, what, text: text.into() }
}

/// Looks at everything and writes what was found to `out`, `width` columns wide; `wrong` is what the settings file has against it.
/// Fails (not as an error) if practice is not possible.
///
/// # Errors
/// `out` can't be written.
pub fn run(
    args: &DoctorArgs,
    settings: &Settings,
    wrong: Option<&SettingsError>,
    width: usize,
    out: &mut dyn Write,
) -> anyhow::Result<Exit> {
    if args.privacy {
        return privacy::run(settings, width, out);
    }
    let (store, machine) = (store(settings), Machine::detect());
    let mut findings = vec![
        folder("settings", &settings.folders.config),
        folder("sessions", &settings.folders.data),
        folder("models", &settings.folders.models),
        sessions(&settings.folders.data),
        memory(&machine),
        processor(&machine),
    ];
    // Practice refuses to start with settings that it can't read.
    findings.extend(
        wrong.map(|wrong| {
            finding(State::Bad, "settings", format!("{wrong}\nthe rest is looked at without it"))
        }),
    );
    findings.extend(own_files(&super::library::folders(settings)));
    match catalogue(settings) {
        Ok(catalogue) => {
            findings.push(hub(&store, &catalogue));
            findings.push(pip(&store));
            findings.extend(models(&store, &catalogue, &machine, settings));
        }
        Err(error) => findings.push(finding(State::Bad, "catalogue", error.to_string())),
    }
    findings.extend(server(settings));
    findings.push(terminal(settings));
    write!(out, "{}", report(&findings, width))?;
    let possible = findings.iter().all(|finding| finding.state != State::Bad);
    Ok(if possible { Exit::Done } else { Exit::Failed })
}

fn report(findings: &[Finding], width: usize) -> String {
    let line = |finding: &Finding| {
        let state = match finding.state {
            State::Ok => "ok",
            State::Note => "note",
            State::Bad => "bad",
        };
        let start = format!("{state:<5} {:<12} ", finding.what);
        // Further lines of a text stand below its first, where there is room.
        let indent = if width < columns::NARROW { 6 } else { start.len() };
        hanging(&start, &finding.text, indent, whole_words(width)) + "\n"
    };
    let text: String = findings.iter().map(line).collect();
    let verdict = match findings.iter().any(|finding| finding.state == State::Bad) {
        true => "practice is not possible yet: mend what is marked `bad`",
        false => "ready to practise",
    };
    format!("{text}\n{}\n", columns::said(verdict, width))
}

/// Can files be written there? The folder is made if it is not there yet.
fn folder(what: &'static str, path: &Path) -> Finding {
    let tried = std::fs::create_dir_all(path).and_then(|()| tempfile::tempfile_in(path));
    let shown = path.display();
    match (tried, free_space(path)) {
        (Ok(_), Some(free)) => finding(State::Ok, what, format!("{shown} ({} free)", Bytes(free))),
        (Ok(_), None) => finding(State::Ok, what, shown.to_string()),
        (Err(error), _) => {
            let remedy = "set `COACHUP_HOME` to a folder you may write to";
            finding(State::Bad, what, format!("can't write to {shown}: {error}; {remedy}"))
        }
    }
}

/// Can the stored sessions be opened? Makes no store where there is none yet.
fn sessions(data: &Path) -> Finding {
    if !data.join(session::store::FILE).exists() {
        return finding(State::Ok, "store", "no session yet");
    }
    let listed = session::store::Store::open(data).and_then(|store| store.list());
    match listed {
        Ok(sessions) => finding(State::Ok, "store", count(sessions.len(), "session")),
        Err(error) => finding(State::Bad, "store", error.to_string()),
    }
}

/// The team's and the person's own bosses, scenarios and presets that can't be read.
fn own_files(folders: &[PathBuf]) -> Vec<Finding> {
    match Library::with_folders(folders) {
        Ok(library) => {
            let left_out = library.faults().iter().map(|fault| format!("left out: {}", fault.why));
            left_out.map(|why| finding(State::Note, "own files", why)).collect()
        }
        Err(error) => vec![finding(State::Bad, "own files", error.to_string())],
    }
}

fn memory(machine: &Machine) -> Finding {
    match machine.memory {
        0 => {
            finding(State::Note, "memory", "the system does not tell; name a model that fits with `--model`")
        }
        memory => finding(State::Ok, "memory", gib(memory)),
    }
}

fn processor(machine: &Machine) -> Finding {
    let cores = if machine.cores == 1 { "1 core".to_owned() } else { format!("{} cores", machine.cores) };
    let fast = machine.features.iter().any(|&feature| feature == "avx2" || feature == "neon");
    match fast {
        true => finding(State::Ok, "processor", format!("{cores}; {}", machine.features.join(", "))),
        false => finding(State::Note, "processor", format!("{cores}, no AVX2 or NEON: replies will be slow")),
    }
}

fn hub(store: &Store, catalogue: &Catalogue) -> Finding {
    let cache = store.hub_cache().map(|path| format!("; cache {}", path.display())).unwrap_or_default();
    match store.hub_reachable(catalogue) {
        Ok(()) => finding(State::Ok, "hub", format!("answers{cache}")),
        Err(why) => {
            let remedy = "a mirror: `HF_ENDPOINT`; a proxy: `HTTPS_PROXY`; else models come through pip";
            finding(State::Note, "hub", format!("{why}\n{remedy}"))
        }
    }
}

fn pip(store: &Store) -> Finding {
    match store.pip() {
        Ok(python) => finding(State::Ok, "pip", format!("`{}`: {}", python.command.display(), python.pip)),
        Err(why) => finding(State::Note, "pip", why),
    }
}

/// Which models are here, which one practice would use, and whether there is room for it.
fn models(store: &Store, catalogue: &Catalogue, machine: &Machine, settings: &Settings) -> Vec<Finding> {
    let mut here: Vec<String> = store.local_names(catalogue).into_iter().collect();
    here.sort();
    let mut findings = vec![match here.as_slice() {
        [] => finding(State::Note, "models", "none is here yet; the first practice fetches one"),
        here => finding(State::Ok, "models", format!("here: {}", here.join(", "))),
    }];
    if let Some(named) = &settings.model {
        let text = format!("`{}`, named in your settings", named.display());
        findings.push(match loads(named, store, catalogue, settings) {
            Ok(()) => finding(State::Ok, "default", text),
            Err(error) => finding(State::Bad, "default", format!("{text}: {error:#}")),
        });
        return findings;
    }
    if let Ok(Chosen::Server(options)) = engine::chosen(None, settings) {
        findings.push(finding(State::Ok, "default", format!("the model server at {}", options.address)));
        return findings;
    }
    match store.default_model(catalogue, machine) {
        Ok(choice) => {
            findings.push(finding(State::Ok, "default", format!("{}: {}", choice.name, choice.reason)));
            if let Ok(entry) = catalogue.get(&choice.name)
                && store.local(entry).is_none()
                && free_space(store.folder()).is_some_and(|free| free < entry.size())
            {
                let text = format!("too little for `{}`: it needs {}", entry.name, Bytes(entry.size()));
                findings.push(finding(State::Bad, "disk", text));
            }
        }
        Err(error) => {
            let remedy = "or give a GGUF file of your own: `coachup --model PATH`";
            findings.push(finding(State::Bad, "default", format!("{error}\n{remedy}")));
        }
    }
    findings
}

/// Can the file that the settings name be loaded? Nothing is fetched for that.
fn loads(named: &OsStr, store: &Store, catalogue: &Catalogue, settings: &Settings) -> anyhow::Result<()> {
    if !matches!(engine::chosen(Some(named), settings), Ok(Chosen::Local(_)))
        || named.to_str().is_some_and(|name| catalogue.get(name).is_ok())
    {
        return Ok(());
    }
    let acquired = store.acquire_named(named, catalogue, &mut Quiet)?;
    acquired.files.first().map(|file| CandleModel::load(file, &CandleOptions::default())).transpose()?;
    Ok(())
}

/// Does the model server answer, and what can it do? None where none is set.
fn server(settings: &Settings) -> Option<Finding> {
    let default = engine::chosen(settings.model.as_deref(), settings);
    let named = || engine::chosen(settings.server.url.as_deref().map(OsStr::new), settings);
    let (state, options) = match default {
        Ok(Chosen::Server(options)) => (State::Bad, options),
        Err(error) => return Some(finding(State::Bad, "server", error.to_string())),
        // Set, and another model is the default.
        Ok(_) => match named() {
            Ok(Chosen::Server(options)) => (State::Note, options),
            Ok(_) => return None,
            Err(error) => return Some(finding(State::Note, "server", error.to_string())),
        },
    };
    Some(match ask_server(*options, state) {
        Ok((state, text)) => finding(state, "server", text),
        Err(error) => finding(state, "server", error.to_string()),
    })
}

/// What the server can do, and how grave what it does not; `state` where no line comes from it.
fn ask_server(mut options: ServerOptions, state: State) -> Result<(State, String), ModelError> {
    options.timeouts.tries = 3;
    let open = options.key.is_some() && options.address.is_open_to_others();
    let mut model = RemoteModel::connect(options)?;
    model.find_out()?;
    let prompt = first_prompt(&model)?;
    let (state, wrong) = match model.try_line(prompt, wording::LINE_TOKENS)? {
        Tried::Well => (State::Ok, String::new()),
        Tried::Slowly(why) => (State::Note, format!("\n{}", one_line(&why))),
        Tried::InVain(why) => (state, format!("\n{}", one_line(&why))),
    };
    let warning = if open { "\nthe key and your turns go unencrypted: use `https://`" } else { "" };
    let (name, address, abilities) = (one_line(model.model()), model.address(), model.abilities());
    Ok((state, format!("{address} answers; `{name}`: {abilities}{warning}{wrong}")))
}

/// What a model is asked for at the first turn of a talk.
fn first_prompt(model: &dyn LanguageModel) -> Result<Prompt, ModelError> {
    let library = Library::embedded();
    let (scenario, boss, difficulty) = (library.all().next(), library.all().next(), library.all().next());
    let (Some((_, scenario)), Some((_, boss)), Some((_, difficulty))) = (scenario, boss, difficulty) else {
        return Err(ModelError::Engine("the program came without scenarios".to_owned()));
    };
    let cast = Cast {
        scenario: Scenario::clone(scenario),
        boss: Boss::clone(boss),
        difficulty: Difficulty::clone(difficulty),
        you: "Sam".to_owned(),
        seed: 1,
    };
    let verdicts = Verdicts::not_applicable();
    let turn = Turn { text: "Do you have a minute?", verdicts: &verdicts };
    let state = cast.start();
    Ok(cast.prompt(model, &[], Some((turn.text, &cast.plan(&state, &turn, 1)))))
}

fn terminal(settings: &Settings) -> Finding {
    let both = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    match (both, settings.plain) {
        (false, _) => finding(State::Note, "terminal", "not on one now: practice takes `--script FILE`"),
        (true, true) => finding(State::Ok, "terminal", "plain, as asked for (`plain`, or `TERM=dumb`)"),
        (true, false) => finding(State::Ok, "terminal", "line editing and colour (unless `NO_COLOR` is set)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Environment;

    fn doctor(home: &Path) -> (Exit, String) {
        let home = home.to_str().unwrap();
        let variables = [
            ("COACHUP_HOME", home),
            ("COACHUP_PYTHON", "no-such-python"),
            ("HF_HUB_OFFLINE", "1"),
            ("HF_HOME", home),
        ];
        let environment: Environment =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        let mut out = Vec::new();
        let exit =
            run(&DoctorArgs { privacy: false }, &Settings::from(&environment).unwrap(), None, 80, &mut out)
                .unwrap();
        (exit, String::from_utf8(out).unwrap())
    }

    #[test]
    fn without_any_source_practice_is_not_possible_and_it_says_what_to_do() {
        let home = tempfile::tempdir().unwrap();
        let (exit, text) = doctor(home.path());
        assert_eq!(exit, Exit::Failed);
        for part in [
            "ok    settings",
            "ok    memory",
            "note  hub          working offline (`HF_HUB_OFFLINE`)",
            "note  pip          no Python with pip (`no-such-python`: not found)",
            "note  models       none is here yet",
            "bad   default      no model can be chosen",
            "`coachup --model PATH`",
            "practice is not possible yet",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }

    #[test]
    fn a_folder_that_can_not_be_written_is_bad() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("data"), "a file in the folder's place").unwrap();
        let (_, text) = doctor(home.path());
        assert!(text.contains("bad   sessions     can't write to"), "{text}");
        assert!(text.contains("COACHUP_HOME"), "{text}");
    }

    #[test]
    fn a_model_of_the_settings_that_can_not_be_loaded_is_bad() {
        let home = tempfile::tempdir().unwrap();
        let page = home.path().join("page.gguf");
        std::fs::write(&page, "<!doctype html>").unwrap();
        for (model, why) in [
            (page.to_str().unwrap(), "it is a web page"),
            ("~/no-such-model.gguf", "is not a file"),
            ("smollm2-13m", "did you mean `smollm2-135m`?"),
        ] {
            std::fs::write(home.path().join("settings.toml"), format!("model = '{model}'")).unwrap();
            let (exit, text) = doctor(home.path());
            assert_eq!(exit, Exit::Failed);
            assert!(text.contains("bad   default") && text.contains(why), "{text}");
        }
    }

    #[test]
    fn all_well_is_said_so() {
        let findings = [finding(State::Ok, "memory", "8 GiB"), finding(State::Note, "hub", "away\ndo x")];
        let report = report(&findings, 80);
        let expected = "ok    memory       8 GiB\nnote  hub          away\n                   do x\n\nready to practise\n";
        assert_eq!(report, expected);
    }

    #[test]
    fn a_long_text_is_broken_between_words_and_what_is_to_be_copied_is_not() {
        let text = "`python3`: pip 23 from /usr/lib/python3/dist-packages/pip of version 3";
        let findings = [finding(State::Ok, "pip", text)];
        let below = "\n                   ";
        let wide = format!(
            "ok    pip          `python3`: pip 23 from{below}/usr/lib/python3/dist-packages/pip of{below}version 3\n"
        );
        assert!(report(&findings, 60).starts_with(&wide), "{}", report(&findings, 60));
        let narrow = "ok    pip          `python3`: pip 23\n      from\n      /usr/lib/python3/dist-packages/pip\n      of version 3\n";
        assert!(report(&findings, 40).starts_with(narrow), "{}", report(&findings, 40));
    }
}
