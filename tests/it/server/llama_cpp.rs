//! The remote engine against llama.cpp's own server with a real, small model.
//!
//! The server comes in a Python wheel (`xllamacpp`, pinned with its sum), fetched through pip once; where it
//! can't be had, the test says so loudly and does not run.

use super::{options, request};
use crate::real_model::smollm2;
use crate::support::{Home, events, of_kind};
use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use coachup::model::candle::{Adapter, CandleModel, CandleOptions};
use coachup::model::remote::{RemoteModel, ServerError, ServerOptions, Timeouts};
use coachup::model::{LanguageModel, Prompt, Request, Sampling};
use rand::{RngExt, SeedableRng};
use sha2::{Digest, Sha256};
use std::io::{BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const WHEEL: &str = "xllamacpp==2026.10.11549 \
                     --hash=sha256:c54e7d13520ecc989c63dc99d55de3065e2f343a91f43f053d16b5e62077c261";
pub(super) const KEY: &str = "sk-of-the-test";
/// Candidates that the tests' server works on at once.
const SLOTS: usize = 8;

/// Runs the server until it is killed.
const SERVE: &str = "
import sys, threading, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.port, params.n_parallel = sys.argv[1], int(sys.argv[5]), int(sys.argv[2])
params.hostnames, params.api_keys = ['127.0.0.1'], [sys.argv[3]]
params.n_ctx = 2048 * params.n_parallel
params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(path) for path in sys.argv[6:]]
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = int(sys.argv[4])
server = xllamacpp.Server(params)
print('LISTENING', server.listening_address, flush=True)
threading.Event().wait()
";

/// The folder with the wheel's content; none, with a printed reason, where it can't be had.
fn package() -> Option<PathBuf> {
    static PACKAGE: std::sync::OnceLock<Option<PathBuf>> = std::sync::OnceLock::new();
    PACKAGE.get_or_init(fetched).clone()
}

fn fetched() -> Option<PathBuf> {
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
pub(super) struct LlamaCpp {
    child: Child,
    pub address: String,
}

impl LlamaCpp {
    /// Serves the file `model` on so many threads, `slots` candidates at a time. None where the server can't be had.
    pub fn start(model: &Path, threads: usize, slots: usize) -> Option<LlamaCpp> {
        LlamaCpp::with_adapter(model, None, threads, slots)
    }

    /// The same with an adapter's file.
    fn with_adapter(model: &Path, adapter: Option<&Path>, threads: usize, slots: usize) -> Option<LlamaCpp> {
        let package = package()?;
        // A port that was free a moment ago.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (slots, threads, port) = (slots.to_string(), threads.to_string(), port.to_string());
        let mut child = Command::new("python3")
            .args(["-c", SERVE, model.to_str().unwrap(), &slots, KEY, &threads, &port])
            .args(adapter)
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
    // One thread: others use the machine too, and the model is small.
    let Some(server) = smollm2().and_then(|model| LlamaCpp::start(&model, 1, SLOTS)) else { return };
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
        assert!(!candidate.text.is_empty() && !candidate.text.contains('\n'), "{candidate:?}");
        assert!(candidate.tokens > 0 && candidate.mean_logprob < 0.0, "{candidate:?}");
    }
    assert!(drawn.iter().any(|candidate| candidate.text != drawn[0].text), "{drawn:?}");

    let chat = ServerOptions { style: Some(coachup::model::PromptStyle::Chat), ..server.options() };
    let mut chat = RemoteModel::connect(chat).unwrap();
    chat.find_out().unwrap();
    let drawn = chat.complete(&request(2), &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(drawn.iter().all(|candidate| !candidate.text.is_empty()), "{drawn:?}");

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

/// A random adapter of rank 16 for two layers of the model in `base`, strong enough to change what it says.
fn random_adapter(base: &Path, file: &Path) {
    let bytes = std::fs::read(base).unwrap();
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(3);
    let (hidden, kv, wide, rank) = (576, 192, 1536, 16);
    let shapes = [
        ("attn_q", hidden, hidden),
        ("attn_k", kv, hidden),
        ("attn_v", kv, hidden),
        ("attn_output", hidden, hidden),
        ("ffn_gate", wide, hidden),
        ("ffn_up", wide, hidden),
        ("ffn_down", hidden, wide),
    ];
    let mut tensors: Vec<(String, QTensor)> = Vec::new();
    for layer in [12, 20] {
        for (name, rows, cols) in shapes {
            let mut factor = |part: &str, rows: usize, cols: usize, dtype| {
                let spread = 1.5 / (cols as f32).sqrt();
                let values: Vec<f32> =
                    (0..rows * cols).map(|_| random.random_range(-spread..spread)).collect();
                let factor = Tensor::from_vec(values, (rows, cols), &Device::Cpu).unwrap();
                let name = format!("blk.{layer}.{name}.weight.lora_{part}");
                tensors.push((name, QTensor::quantize(&factor, dtype).unwrap()));
            };
            factor("a", rank, cols, GgmlDType::Q8_0);
            factor("b", rows, rank, GgmlDType::F16);
        }
    }
    let text = |text: &str| Value::String(text.to_owned());
    let sum: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let keys = [
        ("general.type", text("adapter")),
        ("general.architecture", text("llama")),
        ("adapter.type", text("lora")),
        ("adapter.lora.alpha", Value::F32(64.0)),
        ("coachup.base.size", Value::U64(bytes.len() as u64)),
        ("coachup.base.sha256", text(&sum)),
    ];
    let keys: Vec<(&str, &Value)> = keys.iter().map(|(key, value)| (*key, value)).collect();
    let tensors: Vec<(&str, &QTensor)> = tensors.iter().map(|(name, t)| (name.as_str(), t)).collect();
    gguf_file::write(&mut std::fs::File::create(file).unwrap(), &keys, &tensors).unwrap();
}

/// The likeliest words after a scene.
fn greedy(model: &mut dyn LanguageModel) -> String {
    let request = Request {
        prompt: Prompt::Raw(
            "Maureen is the ward sister.\n\nIfeoma: It's about the rota.\nMaureen:".to_owned(),
        ),
        candidates: 1,
        max_tokens: 10,
        stop: vec!["\n".to_owned()],
        sampling: Sampling { temperature: 0.0, top_k: 0, top_p: 1.0, repetition_penalty: 1.0 },
        seed: 1,
    };
    model.complete(&request, &mut |_| ControlFlow::Continue(())).unwrap().remove(0).text
}

#[test]
fn an_adapter_has_the_model_say_the_same_here_and_on_llama_cpps_server() {
    let Some(base) = smollm2() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("adapter.gguf");
    random_adapter(&base, &file);
    let Some(server) = LlamaCpp::with_adapter(&base, Some(&file), 1, 1) else { return };
    let mut remote = RemoteModel::connect(server.options()).unwrap();
    remote.find_out().unwrap();
    let adapters = vec![std::sync::Arc::new(Adapter::open(&file).unwrap())];
    let mut tuned =
        CandleModel::load(&base, &CandleOptions { adapters, ..CandleOptions::default() }).unwrap();
    let mut plain = CandleModel::load(&base, &CandleOptions::default()).unwrap();
    let said = greedy(&mut tuned);
    assert_ne!(said, greedy(&mut plain), "the adapter changes nothing");
    assert_eq!(greedy(&mut remote), said);
}
