//! The `coachup` program.

fn main() {}
