//! The integration tests: one binary, one file a feature.

mod acquire;
mod after;
mod boss;
mod browser;
mod crash;
mod encodings;
mod full_disk;
mod group;
mod hostile;
mod large;
mod migrations;
mod own_talk;
#[cfg(unix)]
mod places;
mod power_cut;
mod practice;
mod prepare;
mod privacy;
mod readme;
mod real_model;
mod rooms;
mod score;
mod server;
mod sessions;
mod supply;
mod support;
#[cfg(unix)]
mod terminal;
mod unsafe_code;
mod untrusted;
