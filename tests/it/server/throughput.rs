//! How much gets done at once, for the README's table: `cargo test --release --test it throughput -- --ignored
//! --nocapture`. Settings in the environment: `COACHUP_TALKS` (exported talks to grade), `COACHUP_CELLS` (trial talks
//! to have), `COACHUP_TURNS` (of each, at most), `COACHUP_THREADS` (of the server), `COACHUP_ROUNDS`, and
//! `COACHUP_THROUGHPUT_MODEL` (a GGUF file in place of the tests' small one).
//!
//! Each round takes all numbers of jobs in turn, so that other work on the machine meets each alike; ratios are
//! against one job in the same round, and medians over the rounds.

use super::llama_cpp::{KEY, LlamaCpp};
use crate::real_model::smollm2;
use crate::support::{Home, Spread, number};
use coachup::boss::trial::play::Transcript;
use coachup::boss::trial::script::Script;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What is said in the talks.
const SCRIPTS: &str = "tests/corpus/scripts.toml";

/// What was had in one go.
struct Had {
    talks: usize,
    /// Turns graded, or replies.
    turns: usize,
    seconds: f64,
}

/// Has `work` done with each of `jobs` in turn, for some rounds, and prints what came of it.
fn table(jobs: &[usize], turns: &str, mut work: impl FnMut(usize) -> Had) {
    let rounds: Vec<Vec<Had>> =
        (0..number("COACHUP_ROUNDS", 3)).map(|_| jobs.iter().map(|&jobs| work(jobs)).collect()).collect();
    println!("| jobs | talks a minute | {turns} a minute | of one job |\n|--:|--:|--:|--:|");
    for (at, jobs) in jobs.iter().enumerate() {
        let middle =
            |figure: &dyn Fn(&[Had]) -> f64| Spread::of(rounds.iter().map(|had| figure(had)).collect());
        let talks = middle(&|had| had[at].talks_a_minute());
        let turns = middle(&|had| had[at].turns_a_minute());
        let ratio = middle(&|had| had[at].turns_a_minute() / had[0].turns_a_minute());
        println!("| {jobs} | {:.1} | {:.0} | {ratio:.2} |", talks.median, turns.median);
    }
}

impl Had {
    fn talks_a_minute(&self) -> f64 {
        self.talks as f64 * 60.0 / self.seconds
    }

    fn turns_a_minute(&self) -> f64 {
        self.turns as f64 * 60.0 / self.seconds
    }
}

/// Talks of a course: the trial scripts, said to every boss in turn, exported as the people would.
fn exported(home: &Home, count: usize) -> Vec<PathBuf> {
    let scripts = coachup::boss::trial::script::read(Path::new(SCRIPTS)).unwrap();
    let bosses = ["dana", "victor"];
    let (model, turns) =
        (format!("scripted:{}", home.file("none.txt", "").display()), home.path().join("turns.txt"));
    (0..count)
        .map(|at| {
            let script = &scripts[at % scripts.len()];
            std::fs::write(&turns, script.turns.join("\n").replace("{boss}", "Dana")).unwrap();
            let (seed, said) = (at.to_string(), turns.to_str().unwrap());
            let boss = bosses[at / scripts.len() % bosses.len()];
            let practice = [
                "practice",
                "--model",
                &model,
                "--boss",
                boss,
                "--seed",
                &seed,
                "--script",
                said,
                "--feedback",
                "off",
            ];
            home.coachup(&practice).assert().success();
            let file = home.path().join(format!("talk-{at}.json"));
            home.coachup(&["sessions", "export", "last", "--output", file.to_str().unwrap()])
                .assert()
                .success();
            file
        })
        .collect()
}

#[test]
#[ignore = "takes minutes and wants a quiet machine"]
fn throughput_of_grading_exported_talks() {
    let home = Home::new();
    let files = exported(&home, number("COACHUP_TALKS", 300));
    let mut expected: Option<Vec<u8>> = None;
    table(&[1, 2, 4], "turns", |jobs| {
        let jobs = jobs.to_string();
        let mut score = home.coachup(&["score", "--jobs", &jobs]);
        let started = Instant::now();
        let output = score.args(&files).assert().success().get_output().stdout.clone();
        let seconds = started.elapsed().as_secs_f64();
        let turns = output.iter().filter(|&&byte| byte == b'\n').count();
        assert!(*expected.get_or_insert_with(|| output.clone()) == output, "{jobs} jobs grade otherwise");
        Had { talks: files.len(), turns, seconds }
    });
}

/// A talk asks for this many candidates of a line in one request: so many of the server's slots does it take.
const CANDIDATES: usize = 3;

#[test]
#[ignore = "takes minutes and wants a quiet machine"]
fn throughput_of_trial_talks_on_a_server() {
    let Some(model) = std::env::var_os("COACHUP_THROUGHPUT_MODEL").map(PathBuf::from).or_else(smollm2) else {
        return;
    };
    let (cells, turns) = (number("COACHUP_CELLS", 16).to_string(), number("COACHUP_TURNS", 12));
    let threads = number("COACHUP_THREADS", 2);
    let name = model.file_name().unwrap_or_default().display();
    println!("{cells} talks of {turns} turns at most with {name}, {threads} threads of the server's");
    table(&[1, 2, 4, 8], "replies", |jobs| {
        let home = Home::new();
        let server = LlamaCpp::start(&model, threads, CANDIDATES * jobs).expect("the server was here before");
        let (jobs, trials) = (jobs.to_string(), home.path().join("trials"));
        let scripts = home.file("scripts.toml", &beginnings(turns));
        let mut trial = home.coachup(&["eval-boss", "--models", &server.address, "--jobs", &jobs]);
        trial.args(["--cells", &cells, "--output", trials.to_str().unwrap()]);
        trial.args(["--scripts", scripts.to_str().unwrap()]);
        // Without what is measured on labelled replies, which takes as long whatever the number of jobs.
        trial.args(["--replies", "none", "--candidates", "none"]).env("COACHUP_API_KEY", KEY);
        let started = Instant::now();
        trial.assert().success();
        let seconds = started.elapsed().as_secs_f64();
        let talks = transcripts(&trials);
        Had { talks: talks.len(), turns: talks.iter().map(|talk| talk.turns.len()).sum(), seconds }
    });
}

/// How the trial scripts begin, as a file of scripts.
fn beginnings(turns: usize) -> String {
    let scripts = coachup::boss::trial::script::read(Path::new(SCRIPTS)).unwrap();
    let beginning = |script: &Script| {
        let said: Vec<&String> = script.turns.iter().take(turns).collect();
        // A list of strings is the same in JSON and TOML.
        let said = serde_json::to_string(&said).unwrap();
        format!("[[script]]\nname = {:?}\nscenario = {:?}\nturns = {said}\n", script.name, script.scenario)
    };
    scripts.iter().map(beginning).collect()
}

/// The talks that a trial has kept, in the model's folder in `trials`.
fn transcripts(trials: &Path) -> Vec<Transcript> {
    let folder = std::fs::read_dir(trials).unwrap().next().unwrap().unwrap().path();
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files
        .filter(|file| file.extension().is_some_and(|extension| extension == "json"))
        .map(|file| serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap())
        .collect()
}
