//! The practice loop: line editor, slash commands, screen.

pub mod commands;
pub mod editor;
pub mod interrupt;
