//! Tests of the whole engine, on tiny files made here and on a real one where it is at hand.

mod adapter;
mod hostile;
mod reference;
mod requests;
pub mod tiny;
