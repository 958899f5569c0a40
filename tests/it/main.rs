//! The integration tests: one binary, one file a feature.

mod acquire;
mod boss;
mod browser;
mod practice;
mod prepare;
mod readme;
mod real_model;
mod rooms;
mod score;
mod sessions;
mod supply;
mod support;
#[cfg(unix)]
mod terminal;
mod unsafe_code;
mod untrusted;
