//! A kill in the middle of other commands than a talk.

use super::moment::{Met, Moment};
use super::stored;
use crate::support::{Dice, Home, Running};
use coachup::session::plan::Plan;
use coachup::session::{Session, file};
use std::collections::BTreeMap;
use std::time::Duration;

/// An import is whole or not there.
pub fn killed_import(home: &Home, sessions: &BTreeMap<String, Session>, dice: &mut Dice, met: &Met) {
    let longest = sessions.values().max_by_key(|session| session.exchanges.len()).unwrap();
    let path = home.file("talk.json", &file::to_json(longest));
    let before = stored(home).len();
    let running = Running::start(home.command(&["sessions", "import", "--copy", path.to_str().unwrap()]), "");
    let said = Moment::After(Duration::from_micros(dice.roll(60_000))).kill(running, home).concat();
    let after = stored(home);
    assert!(after.len() == before + 1 || (after.len() == before && said.is_empty()), "{said}");
    if after.len() > before {
        let newest = after.values().max_by_key(|session| session.header.id.parse::<u64>().unwrap()).unwrap();
        assert_eq!(newest.exchanges, longest.exchanges);
    }
    met.count("in an import");
}

/// A removal is done, or the session is whole.
pub fn killed_removal(home: &Home, dice: &mut Dice, met: &Met) {
    let before = stored(home);
    let (id, session) = before.iter().rfind(|(id, _)| *id != "1").expect("a second session");
    let running = Running::start(home.command(&["sessions", "rm", id, "--yes"]), "");
    let said = Moment::After(Duration::from_micros(dice.roll(80_000))).kill(running, home).concat();
    match stored(home).get(id) {
        Some(left) => assert_eq!((left, said.as_str()), (session, "")),
        None => home.coachup(&["sessions", "rm", id, "--yes"]).assert().failure().to_string().clear(),
    }
    met.count("in a removal");
}

/// Every answer is kept before the next question is asked.
pub fn killed_plan(home: &Home, dice: &mut Dice, met: &Met) {
    let answers: Vec<String> = (1..=9).map(|number| format!("answer {number} to this question")).collect();
    let path = home.data().join("plans/late-feedback.toml");
    let _ = std::fs::remove_file(&path);
    let running = Running::start(home.command(&["prepare"]), &answers.join("\n"));
    let said = Moment::After(Duration::from_micros(dice.roll(120_000))).kill(running, home).concat();
    let plan = Plan::load(&path).expect("the plan can be read");
    let asked = (1..=5).rev().find(|number| said.contains(&format!("{number} of 9"))).unwrap_or(1);
    let texts = [&plan.topic, &plan.situation, &plan.tried, &plan.needs, &plan.benefit];
    for (text, answer) in texts.iter().zip(&answers).take(asked - 1) {
        assert_eq!(*text, answer);
    }
    met.count("in a plan");
}
