//! The practice loop: line editor, slash commands, screen.
//!
//! [`talk::Talk`] is the one path a turn takes; [`interactive`] drives it from a terminal and
//! [`script`] from a file.

pub mod answers;
pub mod clock;
pub mod commands;
pub mod editor;
pub mod engine;
pub mod events;
pub mod interactive;
pub mod interrupt;
pub mod screen;
pub mod script;
pub mod talk;
