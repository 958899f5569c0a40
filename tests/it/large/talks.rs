//! Long talks and long turns: nothing is lost, memory stays flat, and the newest part stays before the model's eyes.

use super::{REPLIES, TURNS, long_talk, model};
use crate::support::{Home, of_kind};
use coachup::boss::Cast;
use coachup::model::{Completion, Finish, LanguageModel, ModelError, OnText, Prompt, PromptStyle, Request};
use coachup::repl::clock::SystemClock;
use coachup::repl::engine::Engine;
use coachup::repl::talk::{Rooms, Talk};
use coachup::scenario::{Boss, Difficulty, Library, Scenario};
use coachup::scorer::Scorer;
use coachup::session::store::Store;
use serde_json::Value;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

#[test]
fn a_talk_of_300_turns_keeps_all_of_them_and_what_was_agreed() {
    let home = Home::new();
    let events = long_talk(&home, &model(&home), 300);
    let values: Vec<Value> = events.iter().map(|(event, ..)| event.clone()).collect();
    let turns = of_kind(&values, "verdicts").len();
    assert_eq!(turns, 300, "{}", values.last().unwrap());
    let session = Store::open(&home.data()).unwrap().load("1").unwrap();
    assert_eq!(session.exchanges.len(), 300);
    // What was agreed early is known to the last.
    let first =
        session.exchanges.iter().find(|exchange| !exchange.state.agreed.is_empty()).expect("an agreement");
    assert!(first.turn < 50, "agreed at turn {}", first.turn);
    let last = &session.exchanges[299].state.agreed;
    assert!(
        first.state.agreed.iter().all(|agreed| last.contains(agreed)),
        "{:?} {last:?}",
        first.state.agreed
    );
    let distinct: std::collections::BTreeSet<&String> = last.iter().collect();
    assert_eq!(distinct.len(), last.len(), "what is agreed again is kept once: {last:?}");
    // Memory is flat: what a turn leaves behind is its own words and verdicts.
    let at = |turn: usize| {
        events
            .iter()
            .filter(|(event, ..)| event["event"] == "boss")
            .nth(turn)
            .and_then(|(_, memory, _)| *memory)
    };
    if let (Some(early), Some(late)) = (at(50), at(299)) {
        assert!(late - early < 40.0, "{early:.1} MiB at turn 50, {late:.1} MiB at turn 299");
    }
    home.coachup(&["review", "1"]).assert().success();
}

/// A model that holds few tokens, about four bytes each, and notes the prompts it is given.
struct Narrow {
    replies: usize,
    seen: Arc<Mutex<Vec<String>>>,
}

/// What it holds.
const NARROW: usize = 2048;

impl LanguageModel for Narrow {
    fn name(&self) -> &str {
        "narrow"
    }

    fn prompt_style(&self) -> PromptStyle {
        PromptStyle::Screenplay
    }

    fn context_tokens(&self) -> usize {
        NARROW
    }

    fn count_tokens(&self, text: &str) -> usize {
        text.len().div_ceil(4)
    }

    fn complete(&mut self, request: &Request, on_text: OnText) -> Result<Vec<Completion>, ModelError> {
        let Prompt::Raw(text) = &request.prompt else { panic!("a scene was asked for") };
        let tokens = self.count_tokens(text) + request.max_tokens;
        if tokens > NARROW {
            return Err(ModelError::ContextFull { prompt: tokens, context: NARROW });
        }
        self.seen.lock().unwrap().push(text.clone());
        let _ = on_text("");
        self.replies += 1;
        let text = format!("{} I said so {} times.", REPLIES[self.replies % 3], self.replies);
        let completion = Completion { tokens: 9, mean_logprob: 0.0, finish: Finish::Stop, text };
        Ok(vec![completion; request.candidates])
    }

    fn loglik(&mut self, _: &Prompt, continuations: &[String]) -> Result<Vec<f32>, ModelError> {
        Ok(vec![0.0; continuations.len()])
    }
}

#[test]
fn a_talk_longer_than_the_models_context_keeps_its_newest_part_before_its_eyes() {
    let (folder, library, scorer) = (tempfile::tempdir().unwrap(), Library::embedded(), Scorer);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let clock = SystemClock::start();
    let rooms = Rooms {
        store: Store::open(folder.path()).unwrap(),
        scorer: &scorer,
        engine: Engine::Ready(Box::new(Narrow { replies: 0, seen: seen.clone() })),
        clock: &clock,
        library: &library,
    };
    let cast = Cast {
        scenario: library.get::<Scenario>("late-feedback").unwrap().clone(),
        boss: library.get::<Boss>("dana").unwrap().clone(),
        difficulty: library.get::<Difficulty>("welcoming").unwrap().clone(),
        you: "Sam".to_owned(),
        seed: 2,
    };
    let mut talk = Talk::begin(cast, "welcoming", "narrow", None, rooms);
    let (mut last, mut cut) = (String::new(), false);
    for (number, turn) in TURNS.iter().cycle().take(120).enumerate() {
        talk.say(&format!("Point {number}. {turn}")).unwrap();
        talk.answer(&mut || ControlFlow::Continue(())).unwrap().expect("an answer");
        let prompts: Vec<String> = seen.lock().unwrap().drain(..).collect();
        for prompt in prompts {
            assert!(prompt.contains(&last) && prompt.contains(&format!("Point {number}. ")), "{prompt}");
            cut |= number > 0 && !prompt.contains("Point 0. ");
        }
        last = talk.last().unwrap().reply.as_ref().unwrap().text.clone();
        assert!(!talk.boss_has_left(), "the boss left at turn {number}");
    }
    assert!(cut, "all of it fitted, so the test tests nothing");
}

#[test]
fn a_turn_of_100_kilobytes_is_taken_answered_and_reviewed() {
    let home = Home::new();
    let paste = "I pasted the whole mail thread, sorry. How is your week? ".repeat(100_000 / 57);
    let events = home.practise(&REPLIES, &format!("{paste}\nDo you have a minute?\n"), &[]);
    let said = of_kind(&events, "verdicts");
    assert_eq!(
        (said.len(), said[0]["text"].as_str().unwrap().len()),
        (2, paste.trim_end_matches('\n').len())
    );
    for format in ["terminal", "html", "markdown", "json"] {
        home.coachup(&["review", "1", "--format", format]).assert().success();
    }
}
