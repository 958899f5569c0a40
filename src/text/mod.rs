//! Plain text helpers that know nothing of coaching.

pub mod suggest;
