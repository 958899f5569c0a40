//! A breathing pause: four slow breaths at the pace that calms.

use super::interrupt::Interrupt;
use super::screen;
use std::io::Write;
use std::time::Duration;

/// How many breaths.
const BREATHS: usize = 4;
/// In for four counts, out for six: about six breaths a minute.
const PACE: [(&str, u64); 2] = [("in ", 4), ("out", 6)];

/// Paces the breaths, a second a count. `plain`: no dots, which a screen reader would read out.
///
/// # Errors
/// `out` can't be written.
pub fn breathe(out: &mut dyn Write, plain: bool, interrupt: &Interrupt) -> anyhow::Result<()> {
    interrupt.clear();
    let how = if plain { "Breathe with the words." } else { "Breathe with the dots." };
    show(out, &screen::note(&format!("{how} Ctrl-C stops.")))?;
    for breath in 1..=BREATHS {
        for (word, counts) in PACE {
            show(out, &format!("  {breath}/{BREATHS} {word} "))?;
            for _ in 0..counts {
                std::thread::sleep(Duration::from_secs(1));
                if interrupt.is_set() {
                    interrupt.clear();
                    return show(out, "\n");
                }
                if !plain {
                    show(out, ".")?;
                }
            }
            show(out, "\n")?;
        }
    }
    show(out, &screen::note("Good. Where were we?"))
}

fn show(out: &mut dyn Write, text: &str) -> anyhow::Result<()> {
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
