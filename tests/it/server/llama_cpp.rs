//! The remote engine against llama.cpp's own server with a real, small model.
//!
//! The server comes in a Python wheel (`xllamacpp`, pinned with its sum), fetched through pip once; where it
//! can't be had, the test says so loudly and does not run.

use super::{options, request};
use crate::real_model::smollm2;
use crate::support::{Home, Spread, events, of_kind};
use coachup::model::remote::{RemoteModel, ServerError, ServerOptions, Timeouts};
use coachup::model::{LanguageModel, Request};
use std::io::{BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

const WHEEL: &str = "xllamacpp==2026.10.11549 \
                     --hash=sha256:c54e7d13520ecc989c63dc99d55de3065e2f343a91f43f053d16b5e62077c261";
const KEY: &str = "sk-of-the-test";
/// Candidates that the server works on at once.
const SLOTS: usize = 8;

/// Runs the server until it is killed. One thread: others use the machine too, and the model is small.
const SERVE: &str = "
import sys, threading, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.port, params.n_parallel = sys.argv[1], int(sys.argv[5]), int(sys.argv[2])
params.hostnames, params.api_keys = ['127.0.0.1'], [sys.argv[3]]
params.n_ctx = 2048 * params.n_parallel
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = int(sys.argv[4])
server = xllamacpp.Server(params)
print('LISTENING', server.listening_address, flush=True)
threading.Event().wait()
";

/// The folder with the wheel's content; none, with a printed reason, where it can't be had.
fn package() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("llama-cpp-server");
    let package = folder.join("package");
    if package.join("xllamacpp").is_dir() {
        return Some(package);
    }
    let skip = |why: &str| {
        // Not `eprintln!`, which the test runner keeps to itself where a test passes.
        let _ = writeln!(std::io::stderr(), "SKIPPED, NOT TESTED against llama.cpp's server: {why}");
        None
    };
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return skip("the wheel is for Linux on x86-64");
    }
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("requirements.txt"), WHEEL).unwrap();
    let pip = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--no-compile"])
        .args(["--disable-pip-version-check", "--target", "partial", "-r", "requirements.txt"])
        .current_dir(&folder)
        .output();
    match pip {
        Ok(output) if output.status.success() => {
            std::fs::rename(folder.join("partial"), &package).unwrap();
            Some(package)
        }
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            // No index is no fault of ours; a wrong sum would be one.
            assert!(!said.contains("DO NOT MATCH"), "{said}");
            skip(&said)
        }
        Err(error) => skip(&format!("no Python: {error}")),
    }
}

/// A running server, ended when dropped.
struct LlamaCpp {
    child: Child,
    address: String,
}

impl LlamaCpp {
    fn start(threads: usize) -> Option<LlamaCpp> {
        let (package, model) = (package()?, smollm2()?);
        // A port that was free a moment ago.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (slots, threads, port) = (SLOTS.to_string(), threads.to_string(), port.to_string());
        let mut child = Command::new("python3")
            .args(["-c", SERVE, model.to_str().unwrap(), &slots, KEY, &threads, &port])
            .env("PYTHONPATH", package)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let listening = lines.map_while(Result::ok).find_map(|line| {
            line.strip_prefix("LISTENING ").map(|address| format!("{}/v1", address.trim_end_matches('/')))
        });
        let server = LlamaCpp { child, address: listening.unwrap_or_default() };
        assert!(!server.address.is_empty(), "the server ended before it listened");
        Some(server)
    }

    fn options(&self) -> ServerOptions {
        let key = Some(coachup::model::remote::ApiKey::new(KEY));
        ServerOptions { key, timeouts: Timeouts::default(), ..options(&self.address) }
    }
}

impl Drop for LlamaCpp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_real_server_plays_the_boss() {
    let Some(server) = LlamaCpp::start(1) else { return };
    assert!(matches!(
        RemoteModel::connect(ServerOptions { key: None, ..server.options() }),
        Err(ServerError::Key { .. })
    ));
    let mut model = RemoteModel::connect(server.options()).unwrap();
    model.find_out().unwrap();
    assert_eq!(
        model.abilities(),
        "continues plain text, several candidates at once, tells log-probabilities"
    );
    assert_eq!(model.context_tokens(), 2048);
    let drawn = model.complete(&request(3), &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(drawn.len(), 3);
    for candidate in &drawn {
        assert!(candidate.text.starts_with(" Not") && !candidate.text.contains('\n'), "{candidate:?}");
        assert!(candidate.tokens > 0 && candidate.mean_logprob < 0.0, "{candidate:?}");
    }
    assert!(drawn.iter().any(|candidate| candidate.text != drawn[0].text), "{drawn:?}");

    let chat = ServerOptions { style: Some(coachup::model::PromptStyle::Chat), ..server.options() };
    let mut chat = RemoteModel::connect(chat).unwrap();
    chat.find_out().unwrap();
    assert!(chat.abilities().contains("goes on with a begun reply"), "{}", chat.abilities());
    let drawn = chat.complete(&request(2), &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(drawn.iter().all(|candidate| candidate.text.starts_with(" Not")), "{drawn:?}");

    let home = Home::new();
    let output = home
        .coachup(&[
            "practice",
            "--seed",
            "11",
            "--format",
            "json",
            "--script",
            "-",
            "--model",
            &server.address,
        ])
        .env("COACHUP_API_KEY", KEY)
        .write_stdin("Do you have ten minutes on Thursday to talk about the prototype?\n")
        .assert()
        .success()
        .get_output()
        .clone();
    let events = events(&output.stdout);
    let answers = of_kind(&events, "boss");
    assert_eq!(answers.len(), 2);
    assert!(answers[1]["tokens"].as_u64().unwrap() > 0, "nothing was drawn: {}", answers[1]);
}

/// Replies of so many sessions at once, for the table of figures: `cargo test --release --test it throughput --
/// --ignored --nocapture`. Rounds are taken in turns, so that other work on the machine meets each alike.
#[test]
#[ignore = "takes minutes and wants a quiet machine"]
fn throughput_by_sessions_at_once() {
    const AT_ONCE: [usize; 4] = [1, 2, 4, 8];
    let Some(server) = LlamaCpp::start(2) else { return };
    let mut model = RemoteModel::connect(server.options()).unwrap();
    model.find_out().unwrap();
    // Files and caches are warm from then on.
    round(&model, 8);
    let rounds = [(); 3].map(|()| AT_ONCE.map(|sessions| round(&model, sessions)));
    println!("| sessions at once | replies a minute | tokens/s | of one at a time |\n|--:|--:|--:|--:|");
    for (at, sessions) in AT_ONCE.into_iter().enumerate() {
        let middle = |figure: &dyn Fn(&[Round; 4]) -> f64| Spread::of(rounds.iter().map(figure).collect());
        let replies = middle(&|round| round[at].replies_a_minute);
        let tokens = middle(&|round| round[at].tokens_a_second);
        let ratio = middle(&|round| round[at].tokens_a_second / round[0].tokens_a_second);
        println!("| {sessions} | {:.0} | {:.0} | {ratio:.2} |", replies.median, tokens.median);
    }
}

/// What was measured once.
struct Round {
    replies_a_minute: f64,
    tokens_a_second: f64,
}

/// Has so many sessions ask for replies of 40 tokens, all at once.
fn round(model: &RemoteModel, sessions: usize) -> Round {
    const REPLIES: usize = 32;
    let started = Instant::now();
    let tokens: usize = std::thread::scope(|scope| {
        let run = |session: usize| {
            let mut model = model.clone();
            move || {
                let ask = |reply: usize| {
                    let seed = (session * REPLIES + reply) as u64;
                    let request = Request { seed, stop: Vec::new(), max_tokens: 40, ..request(1) };
                    let drawn = model.complete(&request, &mut |_| ControlFlow::Continue(())).unwrap();
                    drawn[0].tokens
                };
                (0..REPLIES / sessions).map(ask).sum::<usize>()
            }
        };
        let threads: Vec<_> = (0..sessions).map(|session| scope.spawn(run(session))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    let seconds = started.elapsed().as_secs_f64();
    assert!(seconds < 600.0);
    Round { replies_a_minute: REPLIES as f64 * 60.0 / seconds, tokens_a_second: tokens as f64 / seconds }
}
