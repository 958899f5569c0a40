//! The practice loop: line editor, slash commands, screen.
//!
//! [`talk::Talk`] is the one path a turn takes; [`interactive`] drives it from a terminal and
//! [`script`] from a file.

mod ahead;
pub mod answers;
mod arrival;
pub mod breathe;
pub mod clock;
pub mod commands;
pub mod editor;
pub mod engine;
pub mod events;
pub mod interactive;
pub mod interrupt;
pub mod interview;
mod resize;
pub mod screen;
pub mod script;
pub mod sheet;
pub mod talk;

/// When the verdicts are shown during a practice session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum FeedbackWhen {
    /// After each turn.
    #[default]
    Turn,
    /// Only when the talk has ended.
    End,
    /// Not at all: `review` shows it later.
    Off,
}
