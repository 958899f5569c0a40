//! When a program is killed, and which kinds of moments were met.

use crate::support::{Dice, Home, Running};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

/// When a program is killed.
#[derive(Clone, Copy, Debug)]
pub enum Moment {
    /// So long after its start.
    After(Duration),
    /// So long after it has written so many lines: the moments around what is acknowledged.
    Line(u64, Duration),
    /// So long after so many changes of the store are done: the moments before they are acknowledged.
    Write(u64, Duration),
}

impl Moment {
    /// One drawn from a run that takes `whole`.
    pub fn any(dice: &mut Dice, whole: Duration) -> Moment {
        match dice.roll(3) {
            0 => Moment::After(Duration::from_micros(dice.roll(whole.as_micros() as u64 * 11 / 10))),
            1 => Moment::Line(1 + dice.roll(20), Duration::from_micros(dice.roll(8_000))),
            _ => Moment::Write(1 + dice.roll(20), Duration::from_micros(dice.roll(400))),
        }
    }

    /// Waits for it, and kills; what was written.
    pub fn kill(self, mut running: Running, home: &Home) -> Vec<String> {
        match self {
            Moment::After(wait) => std::thread::sleep(wait),
            Moment::Line(count, wait) => {
                for _ in 0..count {
                    if !running.wait_for_line() {
                        break;
                    }
                }
                std::thread::sleep(wait);
            }
            Moment::Write(count, wait) => {
                let journal = home.data().join("sessions.db-journal");
                for _ in 0..count {
                    for there in [true, false] {
                        while journal.exists() != there && !running.has_ended() {
                            std::thread::yield_now();
                        }
                    }
                }
                std::thread::sleep(wait);
            }
        }
        running.kill()
    }
}

/// What happened, counted, to see that all kinds of moments were met.
#[derive(Default)]
pub struct Met(pub Mutex<BTreeMap<&'static str, usize>>);

impl Met {
    /// Counts one.
    pub fn count(&self, what: &'static str) {
        *self.0.lock().unwrap().entry(what).or_default() += 1;
    }

    /// How many were counted.
    pub fn of(&self, what: &str) -> usize {
        self.0.lock().unwrap().get(what).copied().unwrap_or(0)
    }
}
