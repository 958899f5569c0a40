//! Progress of a download or check, on stderr: a bar on a terminal, a line for each step elsewhere.

use super::streams;
use crate::model::acquire::Progress;
use crate::repl::interrupt::Interrupt;
use crate::text::one_line;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;

/// Bars on stderr; Ctrl-C asks the work to stop.
pub struct Bars {
    bar: Option<ProgressBar>,
    drawn: bool,
    interrupt: Interrupt,
}

impl Bars {
    /// `plain`: never draw, only write lines.
    pub fn new(plain: bool, interrupt: Interrupt) -> Bars {
        Bars { bar: None, drawn: !plain && std::io::stderr().is_terminal(), interrupt }
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Progress for Bars {
    fn begin(&mut self, what: &str, total: u64) {
        self.clear();
        if !self.drawn {
            streams::say(what);
            return;
        }
        let template = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
        let style = ProgressStyle::with_template(template).expect("a fixed template");
        self.bar = Some(ProgressBar::new(total).with_style(style).with_message(one_line(what)));
    }

    fn at(&mut self, done: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        }
    }

    fn note(&mut self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| streams::say(text)),
            None => streams::say(text),
        }
    }

    fn stop_asked(&self) -> bool {
        self.interrupt.is_set()
    }
}
