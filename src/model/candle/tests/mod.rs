//! Tests of the whole engine, on tiny files made here and on a real one where it is at hand.

mod hostile;
mod reference;
mod requests;
mod tiny;
