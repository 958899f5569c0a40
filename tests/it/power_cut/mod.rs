//! A power cut at any moment of a talk: whatever the disk had not been told to keep may be there, in part or not
//! at all, and every acknowledged turn is there all the same.
//!
//! `strace` records what the program writes, syncs, makes and removes; the test then makes the disks that a power cut
//! could leave behind, and opens the store on each. Without `strace` (`.ci/run` installs it) the test says so and
//! checks nothing. `COACHUP_POWER_CUTS=5000` tries more of them.

mod disk;
mod garbled;
mod trace;

use crate::support::{Dice, Home, number};
use coachup::session::store::Store;
use disk::Disk;
use serde_json::Value;
use std::collections::BTreeMap;
use trace::{Step, recorded};

/// What a disk writes as a whole.
const SECTOR: usize = 512;

const TURNS: &str = "Do you have ten minutes on Thursday to talk about the prototype?\n\
                     What takes most of your time at the moment?\n/undo\n\
                     I could cut it down to a two-page summary. Would that help?\n\
                     Shall I write the first draft of the notes by Friday?\n/end\n";

/// Opens the store on what a power cut left. What is missing of what the person was told; none where all is there.
fn missing(files: &BTreeMap<String, Vec<u8>>, told: &[Value]) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    let said: Vec<&Value> = told.iter().filter(|event| event["event"] == "verdicts").collect();
    let store = match Store::open(folder.path()) {
        Ok(store) => store,
        Err(error) => return Some(format!("the store does not open: {error}")),
    };
    let session = match store.load("1") {
        Ok(session) => session,
        Err(_) if told.is_empty() => return None,
        Err(error) => return Some(format!("the session was announced: {error}")),
    };
    let more = session.exchanges.len().checked_sub(said.len());
    let right = said.iter().zip(&session.exchanges).all(|(event, exchange)| event["text"] == exchange.text);
    let replies = told.iter().filter(|event| event["event"] == "boss" && event["turn"] != 0).count();
    let stored = session.exchanges.iter().filter(|exchange| exchange.reply.is_some()).count();
    let ended = told.iter().any(|event| event["event"] == "end");
    let whole = right
        && more.is_some_and(|more| more <= 1)
        && stored >= replies
        && (!ended || session.outcome.is_some());
    (!whole).then(|| {
        format!("{} turns and {replies} replies were told, {stored} replies stored: {session:?}", said.len())
    })
}

/// Cuts the power at random moments; what was lost at the first that lost something, and how many were tried.
fn cut(steps: &[Step], tries: usize, dice: &mut Dice) -> (Option<String>, usize) {
    for tried in 0..tries {
        let moment = dice.roll(steps.len() as u64 + 1) as usize;
        let (mut disk, mut told) = (Disk::default(), Vec::new());
        for step in &steps[..moment] {
            disk.take(step);
            told.extend(if let Step::Told(event) = step { Some(event.clone()) } else { None });
        }
        let files = disk.after_a_cut(dice);
        if let Some(lost) = missing(&files, &told) {
            return (Some(format!("after step {moment} ({:?}): {lost}", steps[..moment].last())), tried);
        }
    }
    (None, tries)
}

#[test]
fn a_power_cut_loses_nothing_that_was_acknowledged() {
    let home = Home::new();
    let Some(steps) = recorded(&home) else { return };
    let count = |kind: fn(&Step) -> bool| steps.iter().filter(|step| kind(step)).count();
    let syncs = count(|step| matches!(step, Step::Sync(_) | Step::SyncFolder));
    let told = count(|step| matches!(step, Step::Told(_)));
    assert!(told >= 9 && syncs > 30, "the recording has {told} events and {syncs} syncs");
    // What the recording says is what is on the disk.
    let mut disk = Disk::default();
    steps.iter().for_each(|step| disk.take(step));
    disk.take(&Step::Sync("sessions.db".into()));
    assert!(
        disk.files[disk.seen["sessions.db"]].kept == std::fs::read(home.data().join("sessions.db")).unwrap()
    );

    let mut dice = Dice(11);
    let (lost, tried) = cut(&steps, number("COACHUP_POWER_CUTS", 400), &mut dice);
    assert_eq!(lost, None);
    eprintln!("{tried} power cuts in a talk of {} steps, {syncs} of them syncs: nothing lost", steps.len());

    // The test sees what a missing sync would cost: here, that the disk keeps that a journal is gone.
    let mut careless = Vec::new();
    for step in &steps {
        let after_removal = matches!(careless.last(), Some(Step::Remove(_))) && *step == Step::SyncFolder;
        careless.extend((!after_removal).then(|| step.clone()));
    }
    assert!(careless.len() < steps.len(), "no journal's removal was made sure of");
    assert!(cut(&careless, 2000, &mut dice).0.is_some(), "a missing sync was not noticed");
}
