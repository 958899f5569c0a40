//! The remote engine: against a small server that misbehaves on purpose, and against llama.cpp's; and how much gets
//! done at once.

mod faults;
mod llama_cpp;
mod manners;
mod network;
pub(crate) mod stand_in;
mod throughput;

use coachup::model::remote::{Address, ApiKey, Proxies, RemoteModel, ServerOptions, Timeouts};
use coachup::model::{Prompt, Request, Sampling};
use std::time::Duration;

/// How the model at `address` is asked in these tests: with little patience.
fn options(address: &str) -> ServerOptions {
    let (address, model) = Address::read(address).unwrap();
    ServerOptions {
        address,
        key: None,
        model,
        style: None,
        timeouts: Timeouts {
            connect: Duration::from_secs(2),
            first: Duration::from_millis(700),
            between: Duration::from_millis(500),
            backoff: Duration::from_millis(10),
            tries: 3,
        },
        proxies: Proxies::default(),
    }
}

fn with_key(address: &str, key: &str) -> ServerOptions {
    ServerOptions { key: Some(ApiKey::new(key)), ..options(address) }
}

fn connected(address: &str) -> RemoteModel {
    RemoteModel::connect(options(address)).unwrap()
}

/// A request as the boss makes them.
fn request(candidates: usize) -> Request {
    Request {
        prompt: Prompt::Raw("SAM: Do you have a minute?\nDANA:".to_owned()),
        candidates,
        max_tokens: 12,
        stop: vec!["\n".to_owned()],
        sampling: Sampling::default(),
        seed: 7,
    }
}
