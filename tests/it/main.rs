//! The integration tests: one binary, one file a feature.

mod acquire;
mod boss;
mod browser;
mod group;
mod practice;
mod prepare;
mod readme;
mod real_model;
mod rooms;
mod score;
mod server;
mod sessions;
mod support;
#[cfg(unix)]
mod terminal;
