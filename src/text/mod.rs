//! Plain text helpers that know nothing of coaching.

pub mod columns;
pub mod content;
pub mod count;
pub mod data;
pub mod file;
pub mod gate;
pub mod json;
pub mod markdown;
pub mod plain;
pub mod printable;
pub mod quote;
pub mod sentence;
pub mod shell;
pub mod suggest;
pub mod token;
pub mod utf8;

pub use count::count;
pub use plain::Plain;
pub use printable::{brief, one_line, printable};
pub use quote::quotations;
pub use sentence::sentences;
pub use token::{Kind, Token, tokens};

/// With a capital first.
pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
