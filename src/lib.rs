//! coachup: rehearse coaching your own boss against a simulated one.

pub mod boss;
pub mod cli;
pub mod model;
pub mod repl;
pub mod review;
pub mod scenario;
pub mod scorer;
pub mod session;
pub mod settings;
pub mod text;
