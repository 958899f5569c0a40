//! How an acquisition tells what it is doing, and hears that the person wants it to stop.

/// Listens to an acquisition. The terminal shows bars; tests and quiet callers use [`Quiet`].
pub trait Progress {
    /// Something begins that is `total` bytes long.
    fn begin(&mut self, what: &str, total: u64);

    /// `done` bytes of what began last are finished.
    fn at(&mut self, done: u64);

    /// Something the person should know, in a sentence.
    fn note(&mut self, text: &str);

    /// Does the person want it to stop? Asked several times a second.
    fn stop_asked(&self) -> bool {
        false
    }
}

/// Shows nothing and never asks to stop.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Progress for Quiet {
    fn begin(&mut self, _what: &str, _total: u64) {}
    fn at(&mut self, _done: u64) {}
    fn note(&mut self, _text: &str) {}
}
