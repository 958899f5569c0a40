//! The integration tests: one binary, one file a feature.

mod acquire;
mod boss;
mod browser;
mod crash;
mod full_disk;
mod hostile;
mod large;
mod migrations;
mod power_cut;
mod practice;
mod prepare;
mod privacy;
mod readme;
mod real_model;
mod rooms;
mod score;
mod sessions;
mod support;
#[cfg(unix)]
mod terminal;
