//! Talks written by hand, from which a model learns to word the boss's lines.

use super::rewording::Rewording;
use super::scene::{Card, Direction};
use super::state::{Act, Mood};
use super::wording;
use crate::model::candle::tuning::Lesson;
use crate::model::{LanguageModel, ModelError, Prompt};
use crate::scenario::Pronoun;
use crate::scorer::corpus::{self, CorpusError};
use crate::scorer::rubric::Check;
use crate::text::content::shared_words;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::path::Path;

/// Every so many turns the direction does not say what the line is about, or the boss's reason: a model has to do without
/// as well.
const WITHOUT_WORDS: usize = 4;
const WITHOUT_POINT: usize = 5;

/// A talk with all that its writer knew of the two.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Talk {
    /// Which one it is.
    pub id: String,
    /// The person's name and job.
    pub you: String,
    pub your_role: String,
    /// The boss's name and job.
    pub boss: String,
    pub boss_role: String,
    /// How others speak of the boss.
    pub pronoun: Pronoun,
    /// History, pressures, how they treat people.
    pub character: String,
    /// How they talk.
    pub voice: String,
    /// The matter, and how the boss sees it.
    pub topic: String,
    pub boss_view: String,
    /// What the boss keeps back.
    pub facts: Vec<String>,
    /// What else lies on the desk.
    pub matters: Vec<String>,
    /// 0 to 100.
    pub receptiveness: f64,
    /// How the person talks.
    pub style: String,
    /// The boss's first line.
    pub greeting: String,
    /// What follows.
    pub turns: Vec<Exchange>,
}

/// A turn and the boss's line.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// What the person said.
    pub you: String,
    /// What the boss does.
    pub act: Act,
    /// How the boss feels.
    #[serde(deserialize_with = "mood")]
    pub mood: Mood,
    /// The private fact that is told.
    pub fact: Option<String>,
    /// The words of the person that are taken up, verbatim.
    pub takes: Option<String>,
    /// Where nothing is taken up, the person's words that the line is about, verbatim.
    pub to: Option<String>,
    /// What the line comes to, in other words, where no private fact is told: what makes it hard, what the boss holds
    /// against it, weighs, grants or asks.
    pub point: Option<String>,
    /// What the boss said.
    pub boss: String,
}

fn mood<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Mood, D::Error> {
    let name = String::deserialize(deserializer)?;
    let moods = [
        ("cold", Mood::Closed),
        ("guarded", Mood::Wary),
        ("softening", Mood::Listening),
        ("friendly", Mood::Open),
    ];
    let found = moods.into_iter().find(|(known, _)| *known == name).map(|(_, mood)| mood);
    found.ok_or_else(|| {
        serde::de::Error::unknown_variant(&name, &["cold", "guarded", "softening", "friendly"])
    })
}

impl Talk {
    /// What stays the same over it.
    pub fn card(&self) -> Card<'_> {
        Card {
            boss: &self.boss,
            boss_role: &self.boss_role,
            character: &self.character,
            voice: &self.voice,
            you: &self.you,
            your_role: &self.your_role,
            topic: &self.topic,
            boss_view: &self.boss_view,
            greeting: &self.greeting,
        }
    }

    /// What on the desk the boss's line brings up of itself: what it shares most words with that were not said already.
    fn matter(&self, turn: &Exchange) -> Option<&str> {
        let said = format!("{} {}", turn.you, self.topic);
        let news =
            |matter: &&String| shared_words(matter, &turn.boss).saturating_sub(shared_words(matter, &said));
        self.matters.iter().filter(|matter| news(matter) > 0).max_by_key(news).map(String::as_str)
    }

    /// The talk as a scene.
    pub fn text(&self) -> String {
        self.lesson(&[]).parts.into_iter().map(|(part, _)| part).collect()
    }

    /// The scene up to where the boss answers the `turn`-th turn, from 1.
    pub fn scene(&self, turn: usize) -> String {
        self.lesson(&[]).parts.drain(..2 * turn).map(|(part, _)| part).collect()
    }

    /// The talk as a scene, of which the boss's lines are learned: first its beginning, then for each turn what leads
    /// in the boss's line, and the line. `read` are readings of lines, of this talk's turns and others'.
    pub fn lesson(&self, read: &[Reading]) -> Lesson {
        let card = self.card();
        let mut lesson = Lesson { parts: vec![(card.text(), false)], ..Lesson::default() };
        let mut directions: Vec<String> = (0..self.turns.len()).map(|at| self.direction(at)).collect();
        for Reading { turn, direction, lines, .. } in read.iter().filter(|reading| reading.talk == self.id) {
            let lines = lines.iter().map(|(line, mark)| (card.line(line), *mark == Mark::Good)).collect();
            lesson.choices.insert(2 * turn, lines);
            directions[turn - 1].clone_from(direction);
        }
        for (turn, direction) in self.turns.iter().zip(&directions) {
            lesson.parts.push((card.lead_in(&turn.you, direction), false));
            lesson.parts.push((card.line(&turn.boss), true));
        }
        lesson
    }

    /// A turn of this talk said better, which is learned; none where the turn is to stay as it is.
    pub fn rewording(&self, better: &Better) -> Option<Lesson> {
        let at = better.turn.checked_sub(1)?;
        let before = at.checked_sub(1).map_or(&self.greeting, |before| &self.turns[before].boss);
        let Better { drops, adds, .. } = better;
        let rewording = Rewording { card: self.card(), before, turn: &self.turns.get(at)?.you, drops, adds };
        let parts = vec![(rewording.scene(), false), (self.card().line(better.better.as_deref()?), true)];
        Some(Lesson { parts, ..Lesson::default() })
    }

    /// What stands in the brackets before the boss's line of a turn, from 0.
    fn direction(&self, at: usize) -> String {
        let turn = &self.turns[at];
        let Exchange { act, mood, fact, takes, .. } = turn;
        let to = turn.to.as_deref().filter(|_| !(at + 1).is_multiple_of(WITHOUT_WORDS));
        Direction {
            mood: *mood,
            act: *act,
            fact: fact.as_deref(),
            takes: takes.as_deref().or(to),
            point: turn.point.as_deref().filter(|_| !(at + 1).is_multiple_of(WITHOUT_POINT)),
            matter: self.matter(turn),
        }
        .text()
    }
}

/// What a demanding reader finds of a line in its place; the first that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Mark {
    /// It could stay in a play as it is.
    #[serde(rename = "g")]
    Good,
    /// It does not follow, contradicts itself or is muddled.
    #[serde(rename = "n")]
    Nonsense,
    /// The boss speaks, or acts, as if they were the person.
    #[serde(rename = "r")]
    SwappedRoles,
    /// It grants what the act does not.
    #[serde(rename = "y")]
    GivesIn,
    /// It makes sense, and does something else than the direction says.
    #[serde(rename = "a")]
    OtherAct,
    /// It was said before, by either.
    #[serde(rename = "s")]
    SaidBefore,
    /// Any boss could say it anywhere.
    #[serde(rename = "t")]
    Stock,
}

/// A turn of the person's, put better by hand.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Better {
    /// The talk's id, and the turn's number in it from 1.
    pub talk: String,
    pub turn: usize,
    /// What the better words show and the turn does not, and what they leave out.
    pub adds: Vec<Check>,
    pub drops: Vec<Check>,
    /// The better words; none where the turn is to stay as it is.
    pub better: Option<String>,
}

/// Lines that a model drew for a turn of a talk, each read in its place.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// The talk's id, and the turn's number in it from 1.
    pub talk: String,
    pub turn: usize,
    /// What stood in the brackets.
    pub direction: String,
    /// The lines.
    pub lines: Vec<(String, Mark)>,
}

/// A turn of a talk, what led up to it, and what a model says there.
#[derive(Clone, Debug, Serialize)]
pub struct Drawn {
    /// The talk's id, and the turn's number in it from 1.
    pub talk: String,
    pub turn: usize,
    /// What stands in the brackets.
    pub direction: String,
    /// The scene up to where the boss's line begins.
    pub scene: String,
    /// What the talk's writer had the boss say.
    pub written: String,
    /// The model's lines, and how likely it finds each: mean natural-log probability a token.
    pub lines: Vec<String>,
    pub likely: Vec<f32>,
}

/// Has a model say what the boss of a talk says to its `turn`-th turn, from 0, in `count` ways.
///
/// # Errors
/// The model failed.
pub fn draw(
    model: &mut dyn LanguageModel,
    talk: &Talk,
    turn: usize,
    count: usize,
    temperature: f32,
    seed: u64,
) -> Result<Drawn, ModelError> {
    let scene = talk.scene(turn + 1);
    let mut request = wording::request(Prompt::Raw(scene.clone()), count, seed);
    request.sampling.temperature = temperature;
    let drawn = model.complete(&request, &mut |_| ControlFlow::Continue(()))?;
    let likely = drawn.iter().map(|line| line.mean_logprob).collect();
    let lines = drawn.into_iter().map(|line| line.text.trim().to_owned()).collect();
    let (id, written) = (talk.id.clone(), talk.turns[turn].boss.clone());
    Ok(Drawn { talk: id, turn: turn + 1, direction: talk.direction(turn), scene, written, lines, likely })
}

/// Reads readings of drawn lines, one JSON object a line; none where there is no such file.
///
/// # Errors
/// As [`read`].
pub fn readings(file: &Path) -> Result<Vec<Reading>, CorpusError> {
    if file.exists() { corpus::read_lines(file, "reading of drawn lines") } else { Ok(Vec::new()) }
}

/// Reads turns put better, one JSON object a line; none where there is no such file.
///
/// # Errors
/// As [`read`].
pub fn better(file: &Path) -> Result<Vec<Better>, CorpusError> {
    if file.exists() { corpus::read_lines(file, "turn put better") } else { Ok(Vec::new()) }
}

/// Reads talks, one JSON object a line.
///
/// # Errors
/// A file that can't be read; the first line that holds something else.
pub fn read(file: &Path) -> Result<Vec<Talk>, CorpusError> {
    corpus::read_lines(file, "talk")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Boss, Library};
    use std::collections::{BTreeMap, BTreeSet};

    fn all() -> Vec<(&'static str, Vec<Talk>)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/talks");
        let part = |name| (name, read(&folder.join(format!("{name}.jsonl"))).unwrap());
        ["train", "dev", "test"].map(part).into()
    }

    #[test]
    fn the_talks_hold_together() {
        let mut acts: BTreeMap<Act, usize> = BTreeMap::new();
        let (mut ids, mut lines) = (BTreeSet::new(), 0);
        for (_, talks) in all() {
            for talk in talks {
                let id = talk.id.as_str();
                assert!(ids.insert(talk.id.clone()), "{id} is there twice");
                let mut told = BTreeSet::new();
                for (at, turn) in talk.turns.iter().enumerate() {
                    lines += 1;
                    *acts.entry(turn.act).or_default() += 1;
                    let last = at + 1 == talk.turns.len();
                    assert!(turn.act != Act::EndsTalk || last, "{id} goes on after its end");
                    if let Some(fact) = &turn.fact {
                        assert!(talk.facts.contains(fact) && told.insert(fact), "{id} tells `{fact}`");
                    }
                    for words in turn.takes.iter().chain(&turn.to) {
                        let said = talk.turns[..=at].iter().any(|turn| turn.you.contains(words));
                        assert!(said, "nobody says `{words}` in {id}");
                    }
                    assert!(turn.takes.is_none() || turn.act.concedes() && turn.to.is_none(), "{id}");
                    assert!(turn.point.is_none() || turn.fact.is_none(), "{id}");
                }
            }
        }
        assert!(ids.len() >= 600 && lines >= 6000, "{} talks, {lines} lines", ids.len());
        assert!(Act::ALL.iter().all(|act| acts[act] >= 300), "{acts:?}");
    }

    #[test]
    fn the_examples_for_untuned_models_are_among_those_to_learn_from() {
        let train = include_str!("../../tests/corpus/talks/train.jsonl");
        let examples: Vec<&str> = include_str!("../../prompts/examples.jsonl").lines().collect();
        assert_eq!(examples.len(), 3);
        assert!(examples.iter().all(|example| train.lines().any(|line| line == *example)));
    }

    #[test]
    fn readings_are_of_turns_that_there_are_and_none_of_them_is_reported_on() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/talks");
        let read = readings(&folder.join("readings.jsonl")).unwrap();
        assert!(read.len() > 100 && readings(&folder.join("none.jsonl")).unwrap().is_empty());
        let turns = all().into_iter().filter(|(part, _)| *part != "test").flat_map(|(_, talks)| talks);
        let turns: BTreeMap<String, usize> = turns.map(|talk| (talk.id, talk.turns.len())).collect();
        let mut seen = BTreeSet::new();
        for Reading { talk, turn, lines, .. } in &read {
            assert!((1..=turns[talk]).contains(turn) && seen.insert((talk, turn)), "{talk}, turn {turn}");
            assert!(lines.len() > 1, "{talk}, turn {turn}");
        }
    }

    #[test]
    fn no_boss_is_in_two_parts_and_none_of_the_shipped_ones_in_any() {
        let library = Library::embedded();
        let mut seen: BTreeMap<(String, String), &str> =
            library.all::<Boss>().map(|(_, boss)| ((boss.name.clone(), String::new()), "shipped")).collect();
        for (part, talks) in all() {
            for talk in talks {
                assert!(!seen.contains_key(&(talk.boss.clone(), String::new())), "{}", talk.id);
                let other = seen.insert((talk.boss, talk.topic), part);
                assert!(other.is_none_or(|other| other == part), "{} is in two parts", talk.id);
            }
        }
    }

    #[test]
    fn a_lesson_is_the_scene_with_the_bosss_lines_to_be_learned() {
        let line = r#"{"id": "1", "you": "Ifeoma", "your_role": "a nurse", "boss": "Maureen", "pronoun": "she",
            "boss_role": "the ward sister", "character": "Fair.", "voice": "Brisk.", "topic": "the rota",
            "boss_view": "She knows it is late.", "facts": ["the office is slow"], "matters": ["the audit", "a bed"],
            "receptiveness": 28, "style": "warm", "greeting": "Is it quick?", "turns": [{"you": "It's the\n[rota].",
            "act": "shares-constraint", "mood": "cold", "fact": "the office is slow", "boss": "The office is slow."},
            {"you": "I'll help.", "act": "concedes-part", "mood": "softening", "takes": "I'll help", "boss": "Help."}]}"#;
        let talk: Talk = serde_json::from_str(line).unwrap();
        let reading = r#"{"talk": "1", "turn": 2, "direction": "cold; agrees", "lines": [["Help.", "g"], ["I'll help you.", "r"]]}"#;
        let lesson = talk.lesson(&[serde_json::from_str(reading).unwrap()]);
        assert_eq!(lesson.parts[4].0, " Help.\n");
        let lines = [(" Help.\n".to_owned(), true), (" I'll help you.\n".to_owned(), false)];
        assert_eq!(lesson.choices, [(4, lines.to_vec())].into());
        let lesson = lesson.parts;
        let text: String = lesson.iter().map(|(piece, _)| piece.as_str()).collect();
        assert_eq!(
            text,
            "Maureen is the ward sister. Fair. Brisk.\n\
             Ifeoma, a nurse, has come to talk about the rota. She knows it is late.\n\n\
             Maureen: Is it quick?\n\
             Ifeoma: It's the (rota).\n\
             Maureen [cold; says what makes it hard; tells: the office is slow]: The office is slow.\n\
             Ifeoma: I'll help.\n\
             Maureen [cold; agrees]: Help.\n"
        );
        let read = talk.lesson(&[]).parts.remove(3).0;
        assert_eq!(
            read,
            "Ifeoma: I'll help.\nMaureen [softening; gives in to a part; takes up: \"I'll help\"]:"
        );
        let learned: Vec<&str> =
            lesson.iter().filter(|(_, learned)| *learned).map(|(piece, _)| piece.as_str()).collect();
        assert_eq!(learned, [" The office is slow.\n", " Help.\n"]);
        let unknown = line.replace("\"style\"", "\"manner\"");
        let error = serde_json::from_str::<Talk>(&unknown).unwrap_err().to_string();
        assert!(error.contains("unknown field `manner`"), "{error}");
    }
}
