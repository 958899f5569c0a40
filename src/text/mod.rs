//! Plain text helpers that know nothing of coaching.

pub mod data;
pub mod suggest;
