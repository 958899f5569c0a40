//! Beyond what any store promises: a disk that garbles or cuts the file. It is noticed, said, and crashes nothing.

use super::{SECTOR, TURNS};
use crate::support::{Dice, Home, number};
use coachup::review::{Report, Titles, terminal};
use coachup::session::store::Store;

#[test]
fn a_garbled_store_is_noticed_and_crashes_nothing() {
    let home = Home::new();
    let turns = TURNS.repeat(3).replace("/end\n", "");
    for _ in 0..4 {
        home.practise(&["Let me look at my week first."; 40], &turns, &[]);
    }
    let whole = std::fs::read(home.data().join("sessions.db")).unwrap();
    let mut dice = Dice(5);
    let (mut noticed, mut unharmed) = (0, 0);
    let trials = number("COACHUP_GARBLED", 100);
    for trial in 0..trials {
        let mut bytes = whole.clone();
        if trial % 3 == 0 {
            bytes.truncate(dice.roll(whole.len() as u64) as usize);
        } else {
            // A sector of noise, or a few bits.
            let at = dice.roll((whole.len() - SECTOR) as u64) as usize;
            let length = if trial % 3 == 1 { SECTOR } else { 3 };
            bytes[at..at + length].iter_mut().for_each(|byte| *byte = dice.roll(256) as u8);
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("sessions.db"), bytes).unwrap();
        let read = Store::open(folder.path()).and_then(|store| {
            let ids = store.list()?.into_iter().map(|summary| summary.header.id);
            ids.map(|id| store.load(&id)).collect::<Result<Vec<_>, _>>()
        });
        match read {
            Ok(sessions) => {
                unharmed += 1;
                for session in &sessions {
                    let titles = Titles { scenario: "the talk", boss: "the boss" };
                    let report = Report::outline(session, session.head, titles);
                    terminal::render(&report, 80, true);
                }
            }
            Err(error) => {
                noticed += 1;
                assert!(!error.to_string().chars().any(coachup::text::printable::is_unsafe), "{error}");
            }
        }
    }
    eprintln!("{trials} garbled stores: {noticed} refused with words, {unharmed} with what is left in order");
    std::fs::write(home.data().join("sessions.db"), &whole[..whole.len() / 2]).unwrap();
    let output = home.coachup(&["review", "last"]).assert().code(1).get_output().stderr.clone();
    let text = String::from_utf8_lossy(&output);
    assert!(text.contains("damaged") && text.contains("sessions import"), "{text}");
}
