//! llama.cpp, for the benchmark.

use super::{BATCH, Engine, STEPS};
use anyhow::{Result, bail};
use llama_cpp_2::LogOptions;
use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::token::LlamaToken;
use std::ffi::CStr;
use std::num::NonZeroU32;
use std::path::Path;

/// Tokens handed over at once, llama.cpp's own default.
const CHUNK: usize = 512;

struct Peer {
    context: LlamaContext<'static>,
    held: usize,
    last: i32,
}

/// What llama.cpp says of the instruction sets it was built with.
pub fn system_info() -> String {
    // SAFETY: llama.cpp returns a text of its own that ends in zero and that nothing else is changing.
    let info = unsafe { CStr::from_ptr(llama_cpp_sys_2::llama_print_system_info()) };
    info.to_string_lossy().trim().to_string()
}

/// Refuses a llama.cpp that was built for less than this processor has: a comparison with it flatters us.
///
/// # Errors
/// Names what is missing, and how to build.
pub fn check(info: &str) -> Result<()> {
    let missing: Vec<&str> =
        processor_sets().into_iter().filter(|set| !info.contains(&format!("{set} = 1"))).collect();
    if !missing.is_empty() {
        bail!(
            "llama.cpp was built without {}, which it would use here; build it with \
             `cargo clean -p llama-cpp-sys-2 --release`, then `cargo --config bench/peer.toml run ...`",
            missing.join(", ")
        );
    }
    Ok(())
}

/// What this processor has of the instruction sets that llama.cpp names, and threads by OpenMP.
fn processor_sets() -> Vec<&'static str> {
    let mut sets = vec!["OPENMP"];
    #[cfg(target_arch = "x86_64")]
    {
        let found = [
            ("AVX2", is_x86_feature_detected!("avx2")),
            ("FMA", is_x86_feature_detected!("fma")),
            ("AVX512", is_x86_feature_detected!("avx512f")),
            ("AVX512_VBMI", is_x86_feature_detected!("avx512vbmi")),
            ("AVX512_VNNI", is_x86_feature_detected!("avx512vnni")),
            ("AVX512_BF16", is_x86_feature_detected!("avx512bf16")),
        ];
        sets.extend(found.into_iter().filter(|(_, has)| *has).map(|(set, _)| set));
    }
    #[cfg(target_arch = "aarch64")]
    if std::arch::is_aarch64_feature_detected!("dotprod") {
        sets.push("DOTPROD");
    }
    sets
}

/// Loads the model with llama.cpp's defaults and a context of 8192 tokens.
pub fn load(path: &Path, threads: usize) -> Result<Box<dyn Engine>> {
    // The process ends with the measurement; what the context borrows lives as long.
    let mut backend = LlamaBackend::init()?;
    backend.void_logs();
    llama_cpp_2::send_logs_to_tracing(LogOptions::default().with_logs_enabled(false));
    let backend: &'static LlamaBackend = Box::leak(Box::new(backend));
    let model = LlamaModel::load_from_file(backend, path, &LlamaModelParams::default())?;
    let model: &'static LlamaModel = Box::leak(Box::new(model));
    let params = LlamaContextParams::default()
        .with_n_ctx(NonZeroU32::new(8192 + (BATCH * STEPS) as u32))
        .with_n_batch(CHUNK as u32)
        .with_n_seq_max(BATCH as u32)
        .with_kv_unified(true)
        .with_n_threads(threads as i32)
        .with_n_threads_batch(threads as i32);
    Ok(Box::new(Peer { context: model.new_context(backend, params)?, held: 0, last: 0 }))
}

fn argmax(logits: &[f32]) -> i32 {
    let best = logits.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    best.map_or(0, |(token, _)| token as i32)
}

impl Engine for Peer {
    fn prefill(&mut self, tokens: &[u32]) -> Result<()> {
        for chunk in tokens.chunks(CHUNK) {
            let mut batch = LlamaBatch::new(CHUNK, 1);
            for (i, token) in chunk.iter().enumerate() {
                let last = i + 1 == chunk.len();
                batch.add(LlamaToken(*token as i32), (self.held + i) as i32, &[0], last)?;
            }
            self.context.decode(&mut batch)?;
            self.last = argmax(self.context.get_logits_ith(chunk.len() as i32 - 1));
            self.held += chunk.len();
        }
        Ok(())
    }

    fn decode(&mut self, branches: usize, steps: usize) -> Result<()> {
        for branch in 1..branches {
            self.context.copy_kv_cache_seq(0, branch as i32, None, None)?;
        }
        let mut next = vec![self.last; branches];
        for step in 0..steps {
            let mut batch = LlamaBatch::new(branches, 1);
            for (branch, token) in next.iter().enumerate() {
                batch.add(LlamaToken(*token), (self.held + step) as i32, &[branch as i32], true)?;
            }
            self.context.decode(&mut batch)?;
            for (branch, token) in next.iter_mut().enumerate() {
                *token = argmax(self.context.get_logits_ith(branch as i32));
            }
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.context.clear_kv_cache();
        self.held = 0;
    }
}
