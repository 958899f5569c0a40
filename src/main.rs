//! The `coachup` program: parse, run, print the error and its hint, exit.

use coachup::cli::Cli;
use std::process::ExitCode;

fn main() -> ExitCode {
    Cli::run()
}
