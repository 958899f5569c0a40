//! Ctrl-C while the boss is thinking: one flag, set by the signal, read between tokens.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Tells whether the person asked to stop.
#[derive(Clone, Debug)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Catches Ctrl-C and a polite kill from now on. The handler is set once a process; later calls
    /// share it.
    pub fn install() -> Interrupt {
        let flag = FLAG.get_or_init(|| {
            let flag = Arc::new(AtomicBool::new(false));
            let set = Arc::clone(&flag);
            // A process that already has a handler keeps it: then Ctrl-C ends the program, and
            // everything said is stored already.
            let _ = ctrlc::set_handler(move || set.store(true, Ordering::SeqCst));
            flag
        });
        Interrupt(Arc::clone(flag))
    }

    /// Was Ctrl-C pressed since the last [`Interrupt::clear`]?
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Forgets it.
    pub fn clear(&self) {
        self.0.store(false, Ordering::SeqCst);
    }
}
