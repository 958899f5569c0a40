//! The screen, behind the gate that keeps text from steering it, and files that nobody else can read.

use crate::text::gate::Gate;
use anstream::AutoStream;
use std::io::{Stderr, StdoutLock};
#[cfg(unix)]
use std::sync::OnceLock;

/// Data for the person or the next program.
pub fn stdout() -> Gate<AutoStream<StdoutLock<'static>>> {
    Gate::new(anstream::stdout().lock())
}

/// How it goes, and what went wrong.
pub fn stderr() -> Gate<AutoStream<Stderr>> {
    Gate::new(anstream::stderr())
}

/// The rights that the person's other programs give to new files.
#[cfg(unix)]
static USUAL: OnceLock<nix::sys::stat::Mode> = OnceLock::new();

/// From now on, every file that is made is its owner's alone, whoever makes it: SQLite, a download, a program
/// that is called.
pub fn make_files_private() {
    #[cfg(unix)]
    {
        use nix::sys::stat::{Mode, umask};
        let _ = USUAL.set(umask(Mode::S_IRWXG | Mode::S_IRWXO));
    }
}

/// The shell's words that give the person's own program its usual rights back; none where nothing was changed.
pub fn usual_rights() -> String {
    #[cfg(unix)]
    if let Some(mode) = USUAL.get() {
        return format!("umask {:04o}; ", mode.bits());
    }
    String::new()
}
