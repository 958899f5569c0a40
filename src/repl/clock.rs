//! Time, handed in: so that a session can be replayed and tested without waiting.

use jiff::civil::Date;
use jiff::tz::Offset;
use std::time::{Duration, Instant};

/// Where the practice loop gets its time from.
pub trait Clock {
    /// The wall clock, for the record.
    fn now(&self) -> jiff::Timestamp;

    /// A clock that never goes back, for measuring; from an arbitrary start.
    fn elapsed(&self) -> Duration;
}

/// The day of `time`, in UTC like every time here.
pub fn day_of(time: jiff::Timestamp) -> Date {
    Offset::UTC.to_datetime(time).date()
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock(Instant);

impl SystemClock {
    /// A clock that counts from now.
    pub fn start() -> SystemClock {
        SystemClock(Instant::now())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> jiff::Timestamp {
        // Milliseconds are what a record needs, and what JSON keeps exactly.
        let now = jiff::Timestamp::now();
        jiff::Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
