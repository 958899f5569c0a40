//! `kill -9` at any moment of a talk, an import, a removal, a plan and a migration: what the screen has shown as
//! taken is there, the store opens, and `review` works.
//!
//! `COACHUP_CRASHES=500 COACHUP_CRASHES_REAL=20` makes more of it.

mod commands;
mod moment;

use crate::support::{Dice, Home, Running, events, number};
use coachup::review::{Report, Titles, terminal};
use coachup::scorer::verdict::Verdicts;
use coachup::session::store::Store;
use coachup::session::{Exchange, Session};
use commands::{killed_import, killed_plan, killed_removal};
use moment::{Met, Moment};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Talks at once.
const WORKERS: u64 = 4;

/// A talk with every kind of change to the store: turns, replies, a branch, a retry, an end.
const SCRIPT: &str = "Do you have ten minutes on Thursday to talk about the prototype?\n\
                      I know you're covering for two people right now. What takes most of your time?\n\
                      You never answer my mails.\n/undo\n\
                      I could cut it down to a two-page summary. Would that help?\n/retry\n\
                      What would you need to make the review easier?\n\
                      Shall I write the first draft of the notes by Friday?\n/undo 2\n/redo\n\
                      Could we look at it together next week?\n/end\n";

const REPLIES: [&str; 4] = [
    "I've got the board deck due on Monday.",
    "Which part of it do you mean?",
    "Let me look at my week first.",
    "What would that take off my desk?",
];

/// Every word of the store's sessions, by id.
fn stored(home: &Home) -> BTreeMap<String, Session> {
    let store = Store::open(&home.data()).expect("the store opens");
    let ids = store.list().expect("the list can be read").into_iter().map(|summary| summary.header.id);
    ids.map(|id| (id.clone(), store.load(&id).expect("every session loads"))).collect()
}

/// What the lines acknowledged is in the session, which had `before` exchanges; no more than one turn more is.
fn check_talk(lines: &[String], sessions: &BTreeMap<String, Session>, before: usize, met: &Met) {
    let events = events(lines.concat().as_bytes());
    let Some(begun) = events.first() else { return met.count("before the session was stored") };
    let id = begun["id"].as_str().unwrap();
    let session = sessions.get(id).unwrap_or_else(|| panic!("session {id} was announced and is gone"));
    let (mut said, mut answered) = (before, 0);
    for event in &events[1..] {
        match event["event"].as_str().unwrap() {
            "verdicts" => {
                let exchange = &session.exchanges[said];
                assert_eq!(event["text"], exchange.text);
                assert_eq!(
                    serde_json::from_value::<Verdicts>(event["checks"].clone()).unwrap(),
                    exchange.verdicts
                );
                (said, answered) = (said + 1, 0);
            }
            "boss" if said > before => {
                let exchange = &session.exchanges[said - 1];
                let reply = exchange.reply.as_ref().expect("the reply that was shown");
                assert_eq!(event["text"], reply.text);
                assert_eq!(event["openness"], exchange.state.openness);
                answered = 1;
            }
            "end" => assert!(session.outcome.is_some()),
            _ => {}
        }
    }
    let more = session.exchanges.len() - said;
    assert!(more <= 1, "{more} turns more than were acknowledged");
    met.count(match (events.last().unwrap()["event"].as_str(), more, answered) {
        (Some("end"), ..) => "after the end",
        (_, 1, _) => "after a turn was stored and before it was shown so",
        (_, _, 0) if said > before => "between a turn and its reply",
        _ => "between two turns",
    });
    let report = Report::outline(session, session.head, Titles { scenario: "the talk", boss: "the boss" });
    assert!(session.head.is_none() || terminal::render(&report, 80, false).contains("openness"));
}

fn practice<'a>(model: &'a str, seed: &'a str) -> Vec<&'a str> {
    vec!["practice", "--model", model, "--format", "json", "--seed", seed]
}

/// Runs so many talks in one home, each killed, with other commands killed in between.
fn worker(number: u64, talks: usize, met: &Met) {
    let home = Home::new();
    let replies = home.file("replies.txt", &REPLIES.repeat(40).join("\n"));
    let model = format!("scripted:{}", replies.display());
    let mut dice = Dice(0x9E37_79B9 + number);
    let start = |args: &[&str], input: &str| Running::start(home.command(args), input);
    let begun = Instant::now();
    start(&practice(&model, "1"), SCRIPT).finish();
    let whole = begun.elapsed();
    for talk in 0..talks {
        let before = stored(&home);
        let seed = talk.to_string();
        // Every fourth talk has a rival on the same store, which is killed too; every fifth goes on with one.
        let rival = (talk % 4 == 3).then(|| start(&practice(&model, &seed), SCRIPT));
        let resumed = talk % 5 == 4;
        let mut args = practice(&model, &seed);
        if resumed {
            args.truncate(5);
            args.extend(["--resume", "1"]);
        }
        let lines = Moment::any(&mut dice, whole).kill(start(&args, SCRIPT), &home);
        let rivals_lines = rival.map(|rival| Moment::any(&mut dice, whole / 2).kill(rival, &home));
        if home.data().join("sessions.db-journal").exists() {
            met.count("in the middle of a write (a journal was left)");
        }
        let after = stored(&home);
        check_talk(&lines, &after, if resumed { before["1"].exchanges.len() } else { 0 }, met);
        rivals_lines.iter().for_each(|lines| check_talk(lines, &after, 0, met));
        for (id, session) in &before {
            let now = &after[id];
            for (now, then) in now.exchanges.iter().zip(&session.exchanges) {
                // A turn that a kill left without an answer is answered when the talk goes on.
                let answer = if then.reply.is_none() { &None } else { &now.reply };
                let now = Exchange { reply: answer.clone(), ..now.clone() };
                let now =
                    if then.reply.is_none() { Exchange { state: then.state.clone(), ..now } } else { now };
                assert_eq!(now, *then, "session {id}");
            }
            assert!(now.exchanges.len() >= session.exchanges.len(), "session {id}");
        }
        match talk % 10 {
            2 => killed_import(&home, &before, &mut dice, met),
            5 => killed_removal(&home, &mut dice, met),
            8 => killed_plan(&home, &mut dice, met),
            _ => {}
        }
    }
    // Each of them was laid out above; the program itself reviews some.
    for id in stored(&home).keys().rev().take(4) {
        home.coachup(&["review", id]).assert().success();
    }
}

#[test]
fn whatever_the_moment_of_a_kill_nothing_acknowledged_is_lost() {
    let talks = number("COACHUP_CRASHES", 60);
    let (met, begun) = (Met::default(), Instant::now());
    std::thread::scope(|scope| {
        for number in 0..WORKERS {
            let met = &met;
            scope.spawn(move || worker(number, talks.div_ceil(WORKERS as usize), met));
        }
    });
    eprintln!("{talks} talks and their rivals, killed in {:.1?}:", begun.elapsed());
    met.0.lock().unwrap().iter().for_each(|(what, count)| eprintln!("{count:>6}  {what}"));
    // The moments are drawn, so a small run may miss one; a large one must not.
    if talks >= 200 {
        for what in [
            "before the session was stored",
            "after a turn was stored and before it was shown so",
            "between a turn and its reply",
            "between two turns",
            "after the end",
            "in the middle of a write (a journal was left)",
        ] {
            assert!(met.of(what) > 0, "no kill came {what}");
        }
    }
}

#[test]
fn nor_while_a_real_model_thinks() {
    let Some(model) = crate::real_model::smollm2() else { return };
    let home = Home::new();
    let met = Met::default();
    let mut dice = Dice(7);
    let model = model.to_str().unwrap();
    let turns: String = SCRIPT.lines().take(3).flat_map(|line| [line, "\n"]).collect();
    let begun = Instant::now();
    Running::start(home.command(&practice(model, "1")), &turns).finish();
    let whole = begun.elapsed();
    for talk in 0..number("COACHUP_CRASHES_REAL", 3) {
        let running = Running::start(home.command(&practice(model, &talk.to_string())), &turns);
        let moment = match dice.roll(3) {
            0 => Moment::Line(1 + dice.roll(8), Duration::from_micros(dice.roll(50_000))),
            _ => Moment::After(Duration::from_micros(dice.roll(whole.as_micros() as u64))),
        };
        let lines = moment.kill(running, &home);
        check_talk(&lines, &stored(&home), 0, &met);
        home.coachup(&["sessions", "list"]).assert().success();
        if let Some(id) = stored(&home).keys().last() {
            home.coachup(&["review", id]).assert().success();
        }
    }
    eprintln!("with a real model, killed in {:.1?}: {:?}", begun.elapsed(), met.0.lock().unwrap());
    // What a kill left half-written is not taken for a prompt's beginning, and the next talk answers.
    let events =
        events(Running::start(home.command(&practice(model, "9")), &turns).finish().concat().as_bytes());
    assert!(events.iter().any(|event| event["event"] == "boss" && event["tokens"] != 0));
}

#[test]
fn two_programs_that_go_on_with_one_talk_lose_nothing_and_are_told() {
    let home = Home::new();
    let replies = home.file("replies.txt", &REPLIES.repeat(40).join("\n"));
    let model = format!("scripted:{}", replies.display());
    Running::start(home.command(&practice(&model, "1")), "Do you have a minute?\n/quit\n").finish();
    let resume = ["practice", "--model", &model, "--format", "json", "--resume", "1"];
    let outputs: Vec<_> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..3)
            .map(|rival| {
                let (home, resume) = (&home, &resume);
                let turns: String =
                    (0..10).map(|turn| format!("Rival {rival} asks: how is week {turn}?\n")).collect();
                scope.spawn(move || home.coachup(resume).write_stdin(turns).output().unwrap())
            })
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    let session = &stored(&home)["1"];
    for output in &outputs {
        for event in events(&output.stdout).iter().filter(|event| event["event"] == "verdicts") {
            assert!(session.exchanges.iter().any(|exchange| event["text"] == exchange.text), "{event}");
        }
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() || error.contains("another coachup has gone on with this session"),
            "{error}"
        );
    }
    assert!(session.exchanges.len() > 1);
    home.coachup(&["review", "1"]).assert().success();
}
