//! What the store and the file keep, whatever happens: tests with kills, rivals and arbitrary sessions.

use super::plan::Plan;
use super::sample;
use super::store::Store;
use super::{Exchange, Header, Outcome, Reply, Session, file};
use crate::boss::state::{Act, BossState, Directed, Mood, Move};
use crate::scorer::rubric::Check;
use crate::scorer::verdict::{Answer, Position, Span, Verdicts};
use proptest::prelude::*;
use proptest::sample::Index;

/// Tells the killed half of [`a_turn_survives_kill_9_before_its_reply`] where to write.
const FOLDER: &str = "COACHUP_TEST_KILLED_FOLDER";

/// The half that is killed: says one turn, reports that it was stored, and never gets a reply.
#[test]
fn killed_half() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let mut store = Store::open(folder.as_ref()).unwrap();
    let id = store.create(&sample::header()).unwrap();
    store.append(&id, &sample::session().exchanges[0]).unwrap();
    println!("stored");
    // A write that is under way when the kill comes must not harm what was acknowledged.
    for (index, exchange) in (2..).zip(std::iter::repeat(&sample::session().exchanges[0])) {
        store.append(&id, &Exchange { node: index, ..exchange.clone() }).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn a_turn_survives_kill_9_before_its_reply() {
    use std::io::{BufRead, BufReader};
    let folder = tempfile::tempdir().unwrap();
    for wait in [0, 3, 17] {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "session::durability::killed_half", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().ends_with("stored")), "the child stored nothing");
        std::thread::sleep(std::time::Duration::from_millis(wait));
        child.kill().unwrap();
        child.wait().unwrap();

        let mut store = Store::open(folder.path()).unwrap();
        let session = store.load("last").unwrap();
        let said = Exchange { reply: None, ..sample::session().exchanges[0].clone() };
        let first = Exchange { reply: None, ..session.exchanges[0].clone() };
        assert_eq!(first, said);
        assert_eq!(session.head, Some(session.exchanges.len() as u32));
        let reply = sample::reply("Go on.", Act::Considers);
        store.set_reply(&session.header.id, 1, &reply, &said.state).unwrap();
        assert_eq!(store.load("last").unwrap().exchanges[0].reply, Some(reply));
    }
}

#[test]
fn two_programs_write_at_once_and_a_third_reads() {
    let folder = tempfile::tempdir().unwrap();
    let turns = 15;
    Store::open(folder.path()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut store = Store::open(folder.path()).unwrap();
                let id = store.create(&sample::header()).unwrap();
                for node in 1..=turns {
                    let parent = (node > 1).then_some(node - 1);
                    let first = &sample::session().exchanges[0];
                    store.append(&id, &Exchange { node, parent, turn: node, ..first.clone() }).unwrap();
                }
            });
        }
        scope.spawn(|| {
            let store = Store::open(folder.path()).unwrap();
            for _ in 0..30 {
                // Whatever has been stored is whole: the head is the last turn.
                for summary in store.list().unwrap() {
                    let session = store.load(&summary.header.id).unwrap();
                    assert_eq!(session.head.unwrap_or(0) as usize, session.exchanges.len());
                }
            }
        });
    });
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.list().unwrap().iter().map(|summary| summary.turns).collect::<Vec<_>>(), [turns, turns]);
}

/// Any verdicts on `text` that a scorer could give.
fn any_verdicts(text: String) -> impl Strategy<Value = Verdicts> {
    prop::collection::vec((0..Check::COUNT, any::<Index>(), any::<Index>(), 0f32..=1.0), 0..6).prop_map(
        move |shown| {
            let mut verdicts = Verdicts::default();
            for (check, a, b, p) in shown.into_iter().filter(|_| !text.is_empty()) {
                let (a, b) = (a.index(text.len() + 1), b.index(text.len() + 1));
                let (start, end) = (text.floor_char_boundary(a.min(b)), text.ceil_char_boundary(a.max(b)));
                let verdict = verdicts.get_mut(Check::ALL[check]);
                verdict.p = p;
                if start < end {
                    verdict.verdict = Answer::Yes;
                    verdict.evidence.push(Span::cut(&text, start, end));
                }
            }
            verdicts
        },
    )
}

prop_compose! {
    fn any_reply()(
        text in any::<String>(),
        act in prop::sample::select(Act::ALL.to_vec()),
        fallback in any::<bool>(),
        tokens in any::<u32>(),
        total_ms in any::<u64>(),
    ) -> Reply {
        Reply {
            text, act, fallback, conceded: act.concedes(), tokens: tokens as usize, first_token_ms: 0, total_ms,
        }
    }
}

prop_compose! {
    fn any_directed()(
        mood in prop::sample::select(Mood::ALL.to_vec()),
        act in prop::sample::select(Act::ALL.to_vec()),
        fact in prop::option::of(0usize..9),
        takes in prop::option::of(any::<String>()),
        point in prop::option::of(0usize..9),
        matter in prop::option::of(0usize..9),
    ) -> Directed {
        Directed { mood, act, fact, takes, point, matter }
    }
}

prop_compose! {
    fn any_exchange()(text in any::<String>())(
        verdicts in any_verdicts(text.clone()),
        text in Just(text),
        said in -1_000_000_000_000_000_000i64..4_000_000_000_000_000_000,
        position in prop::sample::select(vec![Position::Opening, Position::Middle, Position::Closing]),
        (from, to) in (0f64..=100.0, 0f64..=100.0),
        why in prop::collection::vec(any::<String>(), 0..3),
        earned in prop::collection::btree_map(prop::sample::select(Check::ALL.to_vec()), any::<u32>(), 0..4),
        (facts_out, points_out) in (prop::collection::btree_set(0usize..9, 0..3), prop::collection::btree_set(0usize..9, 0..3)),
        acts in prop::collection::vec(prop::sample::select(Act::ALL.to_vec()), 0..4),
        (laid, agreed, idle) in (prop::collection::vec(any::<String>(), 0..2), prop::collection::vec(any::<String>(), 0..2), any::<u32>()),
        directed in prop::option::of(any_directed()),
        patience in any::<u32>(),
        reply in prop::option::of(any_reply()),
        parent in any::<Index>(),
    ) -> (Exchange, Index) {
        let exchange = Exchange {
            node: 0, parent: None, turn: 0, said: nanoseconds(said), text, position, verdicts,
            moved: Move { from, to, why },
            state: BossState { openness: to, patience, earned, facts_out, points_out, acts, laid, agreed, idle, directed },
            reply,
        };
        (exchange, parent)
    }
}

fn nanoseconds(since_1970: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_nanosecond(since_1970.into()).unwrap()
}

prop_compose! {
    fn any_session()(
        names in prop::collection::vec(any::<String>(), 5),
        receptiveness in 0f64..=100.0,
        seed in any::<u64>(),
        said in prop::collection::vec(any_exchange(), 0..6),
        head in any::<Index>(),
        planned in prop::option::of(prop::collection::vec(any::<String>(), 3)),
        outcome in prop::option::of(prop::sample::select(vec![Outcome::Agreed, Outcome::EndedByBoss])),
    ) -> Session {
        let [scenario, boss, difficulty, model, greeting]: [String; 5] = names.try_into().unwrap();
        let header = Header {
            id: "1".into(), started: nanoseconds(1_700_000_000_123_456_789), scenario, boss, difficulty,
            receptiveness, model, seed, greeting,
        };
        let mut exchanges: Vec<Exchange> = Vec::new();
        for (index, (exchange, parent)) in said.into_iter().enumerate() {
            // 0 is the beginning, where several talks may start.
            let parent = parent.index(index + 1);
            let turn = parent.checked_sub(1).map_or(1, |at| exchanges[at].turn + 1);
            let parent = (parent > 0).then_some(parent as u32);
            exchanges.push(Exchange { node: index as u32 + 1, parent, turn, ..exchange });
        }
        let head = head.index(exchanges.len() + 1);
        let plan = planned.map(|texts: Vec<String>| Plan {
            topic: texts[0].clone(), options: vec![texts[1].clone()], when: texts[2].clone(), ..Plan::default()
        });
        Session { head: (head > 0).then_some(head as u32), exchanges, outcome, ..Session::new(header, plan) }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_session_comes_back_exactly_from_its_file_and_from_the_store(session in any_session()) {
        let json = file::to_json(&session);
        prop_assert!(!json.chars().any(crate::text::printable::is_unsafe));
        prop_assert_eq!(&file::from_json(json.as_bytes()).unwrap(), &session);

        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        prop_assert_eq!(store.insert(&session).unwrap(), "1");
        prop_assert_eq!(store.load("last").unwrap(), session);
    }
}
