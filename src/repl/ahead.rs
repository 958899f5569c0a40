//! What is typed while the program is busy: each Enter ends a line, as it does at the prompt.
//!
//! Meanwhile the terminal itself takes the keys, and hands over whole lines. By the time of the next prompt, nobody
//! can tell the ones typed by hand from a text pasted in one go; so somebody looks at the time they come.

use super::arrival::TOGETHER;
use super::editor::Input;
use std::sync::atomic::{AtomicBool, Ordering};

/// Does `work`, and says what was typed meanwhile: what was pasted as one line with breaks, all else line by line.
pub(super) fn during<T>(work: impl FnOnce() -> T) -> (T, Vec<Input>) {
    /// Ends the listening, also where the work ends in a panic.
    struct Done<'a>(&'a AtomicBool);
    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let listener = scope.spawn(|| listen(&done));
        let got = {
            let _done = Done(&done);
            work()
        };
        (got, listener.join().unwrap_or_default())
    })
}

fn listen(done: &AtomicBool) -> Vec<Input> {
    let mut typed = Vec::new();
    let mut together = false;
    loop {
        let last = done.load(Ordering::SeqCst);
        let Some(line) = terminal::line(if last { std::time::Duration::ZERO } else { TOGETHER }) else {
            if last {
                return typed;
            }
            together = false;
            continue;
        };
        match (typed.last_mut(), line) {
            (_, None) => {
                typed.push(Input::End);
                return typed;
            }
            (Some(Input::Line(before)), Some(line)) if together => {
                before.push('\n');
                before.push_str(&line);
            }
            (_, Some(line)) => typed.push(Input::Line(line)),
        }
        together = true;
    }
}

#[cfg(unix)]
mod terminal {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use rustix::termios::{LocalModes, tcgetattr};
    use std::io::BufRead;
    use std::os::fd::AsFd;
    use std::time::Duration;

    /// The line that comes within `time`; `Some(None)` at the end of input. Only a terminal that hands over whole
    /// lines is read: otherwise the keys are for somebody else, as a shell that this program was sent behind.
    pub(super) fn line(time: Duration) -> Option<Option<String>> {
        let stdin = std::io::stdin();
        if !tcgetattr(&stdin).is_ok_and(|mode| mode.local_modes.contains(LocalModes::ICANON)) {
            std::thread::sleep(time);
            return None;
        }
        let mut waiting = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
        let timeout = PollTimeout::try_from(time).unwrap_or(PollTimeout::ZERO);
        // A signal, as Ctrl-C, ends the wait too.
        if poll(&mut waiting, timeout) != Ok(1) {
            return None;
        }
        let mut line = Vec::new();
        match stdin.lock().read_until(b'\n', &mut line) {
            Ok(1..) => {
                let line = String::from_utf8_lossy(&line);
                Some(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
            }
            _ => Some(None),
        }
    }
}

/// Elsewhere nothing is known of the time.
#[cfg(not(unix))]
mod terminal {
    use std::time::Duration;

    pub(super) fn line(time: Duration) -> Option<Option<String>> {
        std::thread::sleep(time);
        None
    }
}
