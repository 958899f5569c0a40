//! The practice loop: line editor, slash commands, screen.

pub mod clock;
pub mod commands;
pub mod editor;
pub mod engine;
pub mod interrupt;
