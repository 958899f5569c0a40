//! Plain text helpers that know nothing of coaching.

pub mod data;
pub mod file;
pub mod json;
pub mod markdown;
pub mod printable;
pub mod quote;
pub mod sentence;
pub mod suggest;
pub mod token;

pub use printable::{one_line, printable};
pub use quote::quotations;
pub use sentence::sentences;
pub use token::{Kind, Token, tokens};
