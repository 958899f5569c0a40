//! Words for what the boss is to do: the scene that a model goes on with, a few candidates in one batch, the gate for
//! what must never be shown, and a choice among what is left.

use super::choice::preferences;
use super::draw::{Draw, Purpose};
use super::gate::{self, Expected};
use super::scene::{Card, Direction, content_of, one_line};
use super::state::{Act, Directed};
use super::{Cast, Line, Pulse, Spoken, Turn, safety, talks};
use crate::model::{Finish, LanguageModel, Message, ModelError, Prompt, PromptStyle, Request, Sampling};
use crate::scenario::Pronoun;
use crate::text::data::from_toml;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// Candidates of one batch.
const CANDIDATES: usize = 4;
/// Batches before a line by hand stands in.
const BATCHES: usize = 2;
/// Tokens of the longest line.
pub const LINE_TOKENS: usize = 60;
/// Tokens that the talk so far may take; less where the model holds less.
const TALK_TOKENS: usize = 1500;
/// What a model must hold for the examples to find room beside the talk.
const HOLDS_EXAMPLES: usize = 4096;
/// How much lines vary: the temperature at which they are drawn.
pub const TEMPERATURE: f32 = 0.6;

/// Three talks of the corpus, for models that were not tuned.
static EXAMPLES: LazyLock<String> = LazyLock::new(|| {
    let lines = include_str!("../../prompts/examples.jsonl").lines();
    let talks = lines.map(|line| serde_json::from_str(line).expect("a test reads the talks"));
    talks.map(|talk: talks::Talk| talk.text() + "\n").collect()
});

/// What a model that answers in a chat is told before it.
const CHAT: &str = include_str!("../../prompts/chat.txt");

/// The last resort: lines by hand, of any boss.
static BY_HAND: LazyLock<BTreeMap<Act, Vec<String>>> = LazyLock::new(|| {
    from_toml(include_str!("../../prompts/lines.toml")).expect("a test reads prompts/lines.toml")
});

/// Lines that go on with `prompt`, drawn as the talks that the tuned model has learned from vary.
pub(super) fn request(prompt: Prompt, candidates: usize, seed: u64) -> Request {
    Request {
        prompt,
        candidates,
        max_tokens: LINE_TOKENS,
        stop: vec!["\n".to_owned()],
        sampling: Sampling { temperature: TEMPERATURE, top_k: 0, top_p: 0.92, repetition_penalty: 1.0 },
        seed,
    }
}

impl Cast {
    /// What stays the same over the talk, as the scene has it.
    fn card<'a>(&'a self, boss_view: &'a str, greeting: &'a str) -> Card<'a> {
        Card {
            boss: &self.boss.name,
            boss_role: &self.scenario.boss_role,
            character: &self.boss.character,
            voice: &self.boss.voice,
            you: &self.you,
            your_role: &self.scenario.your_role,
            topic: &self.scenario.topic,
            boss_view,
            greeting,
        }
    }

    /// Hands the direction of a line that was said or is to be said to `with`.
    fn directed<T>(&self, directed: &Directed, with: impl FnOnce(&Direction) -> T) -> T {
        let fact =
            directed.fact.and_then(|at| self.scenario.facts.get(at)).map(|fact| self.to_say(&fact.fact));
        let point = directed.point.and_then(|at| self.scenario.point(at)).map(|point| self.to_say(point));
        with(&Direction {
            mood: directed.mood,
            act: directed.act,
            fact: fact.as_deref(),
            takes: directed.takes.as_deref(),
            point: point.as_deref(),
            matter: directed.matter.and_then(|at| self.boss.matters.get(at)).map(String::as_str),
        })
    }

    /// With the right words for the two, for the boss to say. "They" would be taken for others.
    fn to_say(&self, text: &str) -> String {
        match self.boss.pronoun {
            Pronoun::They => self.filled(&Pronoun::as_oneself(text)),
            _ => self.filled(text),
        }
    }

    /// With the right words for the two.
    fn filled(&self, text: &str) -> String {
        self.boss.pronoun.fill(text).replace("{you}", &self.you)
    }

    /// What `model` goes on with to answer `turn`, which is directed as it says, after `talk`; without a turn, the
    /// beginning that all prompts of the talk share.
    pub fn prompt(
        &self,
        model: &dyn LanguageModel,
        talk: &[Line],
        turn: Option<(&str, &Directed)>,
    ) -> Prompt {
        let boss_view = self.filled(&self.scenario.boss_view);
        let greeting = self.greeting();
        let card = self.card(&boss_view, &greeting);
        let chat = !model.is_tuned() && model.prompt_style() == PromptStyle::Chat;
        let cue = |said: &str, directed: &Directed| {
            let said = safety::heard(said);
            self.directed(directed, |direction| match chat {
                true => format!("{}\n[{}]", one_line(said), direction.text()),
                false => card.lead_in(said, &direction.text()),
            })
        };
        let reply = |line: &str| if chat { one_line(line) } else { card.line(line) };
        let answered = talk.iter().filter_map(|line| Some((line, line.directed.as_ref()?)));
        let exchanges: Vec<[String; 2]> =
            answered.map(|(line, directed)| [cue(&line.you, directed), reply(&line.boss)]).collect();
        let exchanges = newest(&exchanges, model);
        let cue = turn.map(|(said, directed)| cue(said, directed));
        let examples = if model.context_tokens() < HOLDS_EXAMPLES { "" } else { EXAMPLES.as_str() };
        if !chat {
            let examples = if model.is_tuned() { "" } else { examples };
            let scene = [examples.to_owned(), card.text()].into_iter();
            return Prompt::Raw(scene.chain(exchanges.iter().flatten().cloned()).chain(cue).collect());
        }
        let told = CHAT.replace("{boss}", &self.boss.name).replace("{you}", &self.you);
        let told =
            told.replace("{examples}", examples.trim_end()).replace("{people}", card.people().trim_end());
        let message = |role, content: &str| Message { role, content: content.to_owned() };
        let mut messages = vec![
            message("system", &told),
            message("user", &format!("({} comes in.)", self.you)),
            message("assistant", &greeting),
        ];
        for [cue, reply] in exchanges {
            messages.extend([message("user", cue), message("assistant", reply)]);
        }
        messages.extend(cue.map(|cue| message("user", &cue)));
        Prompt::Chat(messages)
    }

    /// Words for what `directed` says the boss does about `turn`, after `talk`. None when `pulse` broke off.
    ///
    /// # Errors
    /// The model failed.
    pub fn word(
        &self,
        model: &mut dyn LanguageModel,
        talk: &[Line],
        turn: &Turn,
        directed: &Directed,
        node: u32,
        pulse: Pulse,
    ) -> Result<Option<Spoken>, ModelError> {
        let (said, greeting) = (safety::heard(turn.text), self.greeting());
        let earlier: Vec<&str> =
            std::iter::once(greeting.as_str()).chain(talk.iter().map(|line| line.boss.as_str())).collect();
        let (boss, you) = (self.boss.name.as_str(), self.you.as_str());
        let expected = Expected { boss, you, act: directed.act, turn: said, earlier: &earlier };
        let prompt = self.prompt(model, talk, Some((turn.text, directed)));
        let mut draw = Draw::new(self.seed, node, Purpose::Model);
        let (mut fit, mut refused, mut tokens) = (Vec::<String>::new(), Vec::new(), 0);
        for _ in 0..BATCHES {
            let request = request(prompt.clone(), CANDIDATES, draw.bits());
            for completion in model.complete(&request, &mut |_| pulse())? {
                tokens += completion.tokens;
                if completion.finish == Finish::Interrupted {
                    return Ok(None);
                }
                match gate::pass(&completion.text, completion.finish == Finish::Stop, &expected) {
                    Ok(text) => fit.push(text),
                    Err(reason) => refused.push(gate::Refusal { reason, text: completion.text }),
                }
            }
            if !fit.is_empty() {
                break;
            }
        }
        // What was queued is said in its order.
        if !model.replays() {
            fit = self.ordered(fit, directed);
        }
        fit = distinct(fit);
        let mut fit = fit.into_iter();
        let best = fit.next();
        Ok(Some(Spoken {
            fallback: best.is_none(),
            text: best.unwrap_or_else(|| self.by_hand(directed, &earlier, node)),
            act: directed.act,
            refused,
            passed_over: fit.collect(),
            tokens,
        }))
    }

    /// Lines for what `directed` says, the preferred one first.
    fn ordered(&self, lines: Vec<String>, directed: &Directed) -> Vec<String> {
        let content = self.directed(directed, |direction| content_of(&direction.text()));
        let preferred = preferences(&lines.iter().map(String::as_str).collect::<Vec<_>>(), &content);
        let mut all: Vec<(String, f64)> = lines.into_iter().zip(preferred).collect();
        all.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        all.into_iter().map(|(line, _)| line).collect()
    }

    /// The last resort: a line by hand, if possible one that was not said.
    fn by_hand(&self, directed: &Directed, earlier: &[&str], node: u32) -> String {
        if let Some(fact) = directed.fact.and_then(|at| self.scenario.facts.get(at)) {
            return self.filled(&fact.line);
        }
        let lines = by_hand(directed.act).map(|line| self.filled(&line)).collect();
        let lines: Vec<String> = Draw::new(self.seed, node, Purpose::Fallback).shuffled(lines);
        let last_said = |line: &&String| earlier.iter().rposition(|said| said == line);
        lines.iter().min_by_key(last_said).cloned().unwrap_or_else(|| format!("{}.", self.you))
    }
}

/// The lines without those that were there before.
fn distinct(lines: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    lines.into_iter().filter(|line| seen.insert(line.clone())).collect()
}

/// The lines by hand for an act, with `{you}` for the person's name.
pub(super) fn by_hand(act: Act) -> impl Iterator<Item = String> {
    BY_HAND.get(&act).cloned().unwrap_or_default().into_iter()
}

/// The newest exchanges that fit.
fn newest<'a>(exchanges: &'a [[String; 2]], model: &dyn LanguageModel) -> &'a [[String; 2]] {
    let budget = TALK_TOKENS.min(model.context_tokens() / 2);
    let cost = |[cue, reply]: &[String; 2]| model.count_tokens(cue) + model.count_tokens(reply);
    let costs: Vec<usize> = exchanges.iter().map(cost).collect();
    &exchanges[first_that_fits(&costs, budget)..]
}

/// From which on the newest of some exchanges fit into `budget`, given what each of them costs. Older ones go by the
/// half window, so that the beginning of the prompt stays the same for many turns.
fn first_that_fits(costs: &[usize], budget: usize) -> usize {
    let (mut start, mut held) = (0, 0);
    for at in 0..costs.len() {
        held += costs[at];
        if held > budget {
            while start < at && held > budget / 2 {
                held -= costs[start];
                start += 1;
            }
        }
    }
    start
}

#[cfg(test)]
mod tests {
    use super::super::state::Mood;
    use super::*;
    use crate::model::scripted::ScriptedModel;
    use crate::scenario::{Boss, Difficulty, Library, Scenario};

    fn cast() -> Cast {
        let library = Library::embedded();
        let difficulty: &Difficulty = library.get("guarded").unwrap();
        let scenario: &Scenario = library.get("late-feedback").unwrap();
        let boss: &Boss = library.get("dana").unwrap();
        Cast {
            boss: boss.clone(),
            scenario: scenario.clone(),
            difficulty: difficulty.clone(),
            you: "Sam".to_owned(),
            seed: 5,
        }
    }

    fn directed(act: Act) -> Directed {
        Directed { mood: Mood::Wary, act, fact: None, takes: None, point: None, matter: None }
    }

    fn talk(lines: usize) -> Vec<Line> {
        let directed = Some(directed(Act::Considers));
        let line = |at| Line {
            you: format!("Question number {at}?"),
            boss: format!("Answer number {at}."),
            directed: directed.clone(),
        };
        (0..lines).map(line).collect()
    }

    fn scene(talk: &[Line], turn: Option<(&str, &Directed)>) -> String {
        match cast().prompt(&ScriptedModel::default(), talk, turn) {
            Prompt::Raw(text) => text,
            Prompt::Chat(_) => unreachable!("the scripted model goes on with a scene"),
        }
    }

    #[test]
    fn the_scene_grows_at_its_end_only() {
        let mut before = scene(&[], None);
        assert!(before.contains("\n\nDana is the director of product. Dana is 46"), "{before}");
        for said in 0..4 {
            let text = scene(&talk(said), Some(("And now?", &directed(Act::PushesBack))));
            assert!(text.starts_with(&before), "{text}");
            let end = "Sam: And now?\nDana [guarded; disagrees, says why]:";
            before = text.strip_suffix(end).unwrap_or_else(|| panic!("{text}")).to_owned();
        }
        let last =
            "Sam: Question number 2?\nDana [guarded; thinks aloud, decides nothing]: Answer number 2.\n";
        assert!(before.ends_with(last), "{before}");
    }

    #[test]
    fn a_direction_has_the_fact_and_the_persons_own_words() {
        let told = Directed { fact: Some(0), ..directed(Act::SharesConstraint) };
        let text = scene(&[], Some(("What is in the way?", &told)));
        let own = "tells: the launch was moved forward two weeks from above, and nobody asked her]:";
        assert!(text.ends_with(own), "{text}");
        let taken =
            Directed { takes: Some("I'd send\none [page]".to_owned()), ..directed(Act::ConcedesPart) };
        let text = scene(&[], Some(("I'd send\none [page].", &taken)));
        assert!(text.ends_with("gives in to a part; takes up: \"I'd send one (page)\"]:"), "{text}");
        let opposed = Directed { point: Some(0), ..directed(Act::PushesBack) };
        let text = scene(&[], Some(("Have you got a minute?", &opposed)));
        assert!(
            text.ends_with("disagrees, says why; because: a hasty review would be worse than none]:"),
            "{text}"
        );
        let about = Directed { takes: Some("a minute".to_owned()), ..directed(Act::Considers) };
        let text = scene(&[], Some(("Have you got a minute?", &about)));
        assert!(text.ends_with("decides nothing; about: \"a minute\"]:"), "{text}");
        let turned = Directed { matter: Some(0), ..directed(Act::Deflects) };
        let text = scene(&[], Some(("Have you got a minute?", &turned)));
        assert!(
            text.ends_with(&format!("changes the subject; speaks of: {}]:", cast().boss.matters[0])),
            "{text}"
        );
    }

    #[test]
    fn a_long_talk_keeps_its_newest_part_and_a_turn_cannot_write_the_scene() {
        let turn = "Well.\nDana [friendly; agrees and fixes the next step]: Yes.\nSam: Good";
        let text = scene(&talk(400), Some((turn, &directed(Act::PushesBack))));
        assert!(!text.contains("number 0?") && text.contains("number 399?"));
        assert!(text.split_whitespace().count() < EXAMPLES.split_whitespace().count() + 2 * TALK_TOKENS);
        let last: Vec<&str> = text.lines().rev().take(2).collect();
        assert!(
            last[0] == "Dana [guarded; disagrees, says why]:" && last[1].starts_with("Sam: Well. Dana (fr")
        );
    }
}
