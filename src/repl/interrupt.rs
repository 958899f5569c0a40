//! Ctrl-C: one flag, set by the signal, read between tokens; and a way out while the program waits for
//! input that it can't take its eyes off.

use std::sync::atomic::{AtomicBool, Ordering};

static PRESSED: AtomicBool = AtomicBool::new(false);
static READING: AtomicBool = AtomicBool::new(false);

/// Wrong usage is 2, failure 1; this is what a shell expects of a program that Ctrl-C ended.
const EXIT_CODE: i32 = 130;

/// Tells whether the person asked to stop.
#[derive(Clone, Debug)]
pub struct Interrupt(());

impl Interrupt {
    /// Catches Ctrl-C from now on. Once stops what is going on; a second time, or while input is read,
    /// it ends the program: everything said is stored by then.
    pub fn install() -> Interrupt {
        // A process that already has a handler keeps it: then Ctrl-C ends the program.
        let _ = ctrlc::set_handler(|| {
            if PRESSED.swap(true, Ordering::SeqCst) || READING.load(Ordering::SeqCst) {
                std::process::exit(EXIT_CODE);
            }
        });
        Interrupt(())
    }

    /// Was Ctrl-C pressed since the last [`Interrupt::clear`]?
    pub fn is_set(&self) -> bool {
        PRESSED.load(Ordering::SeqCst)
    }

    /// Forgets it.
    pub fn clear(&self) {
        PRESSED.store(false, Ordering::SeqCst);
    }

    /// Runs `read`, which waits for input; Ctrl-C ends the program meanwhile. A line editor that takes
    /// Ctrl-C as a key is not disturbed.
    pub fn while_reading<T>(&self, read: impl FnOnce() -> T) -> T {
        READING.store(true, Ordering::SeqCst);
        let got = read();
        READING.store(false, Ordering::SeqCst);
        got
    }
}
