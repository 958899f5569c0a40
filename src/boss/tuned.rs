//! Words for a plan from a model that was tuned for the part: the short scene, a few candidates in one batch, the gate
//! for what must never happen, and a choice among what is left.

use super::critic::{self, Critic};
use super::draw::{Draw, Purpose};
use super::reply::{self, Expected, Refusal};
use super::scene::{Card, Direction};
use super::state::Directed;
use super::{Cast, Line, Plan, Pulse, safety, wording};
use crate::model::{Finish, LanguageModel, ModelError, Prompt, Request, Sampling};

/// Candidates of one batch.
const CANDIDATES: usize = 4;
/// Batches before a line by hand stands in.
const BATCHES: usize = 2;
/// Tokens of the longest line.
const LINE_TOKENS: usize = 60;
/// Tokens that the talk so far may take; less where the model holds less.
const TALK_TOKENS: usize = 1500;
/// What a point of the mean log-probability a token counts beside the critic's log-odds.
const LIKELY: f64 = 0.5;

/// Lines that go on with `scene`, drawn as the talks that the model has learned from vary.
pub(super) fn request(scene: String, candidates: usize, seed: u64) -> Request {
    Request {
        prompt: Prompt::Raw(scene),
        opening: String::new(),
        candidates,
        max_tokens: LINE_TOKENS,
        stop: vec!["\n".to_owned()],
        sampling: Sampling { temperature: 0.7, top_k: 0, top_p: 0.92, repetition_penalty: 1.0 },
        seed,
    }
}

/// What came of the batches.
pub(super) struct Worded {
    /// The line, where one was fit.
    pub text: Option<String>,
    /// The candidates that were not fit, and why.
    pub refused: Vec<Refusal>,
    /// The fit ones that were not taken, the better first.
    pub passed_over: Vec<String>,
    /// Tokens drawn.
    pub tokens: usize,
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

    /// The direction of a line that was said or is to be said.
    fn direction<'a>(
        &'a self,
        directed: &'a Directed,
        fact: Option<&'a str>,
        objection: Option<&'a str>,
    ) -> Direction<'a> {
        let matter = directed.matter.and_then(|at| self.boss.matters.get(at)).map(String::as_str);
        let takes = directed.takes.as_deref();
        Direction { mood: directed.mood, act: directed.act, fact, takes, objection, matter }
    }

    fn told(&self, fact: Option<usize>) -> Option<String> {
        let fact = self.scenario.facts.get(fact?)?;
        Some(self.filled(&fact.fact))
    }

    fn objected(&self, objection: Option<usize>) -> Option<String> {
        let objection = self.scenario.objections.get(objection?)?;
        Some(self.filled(objection))
    }

    /// With the right words for the two.
    fn filled(&self, text: &str) -> String {
        self.boss.pronoun.fill(text).replace("{you}", &self.you)
    }

    /// The scene up to where the boss's line begins; without a turn, the beginning that all of the talk's share.
    pub(super) fn scene(
        &self,
        model: &dyn LanguageModel,
        talk: &[Line],
        turn: Option<(&str, &Directed)>,
    ) -> String {
        let boss_view = self.filled(&self.scenario.boss_view);
        let greeting = self.greeting();
        let card = self.card(&boss_view, &greeting);
        let lead_in = |said: &str, directed: &Directed| {
            let (fact, objection) = (self.told(directed.fact), self.objected(directed.objection));
            let direction = self.direction(directed, fact.as_deref(), objection.as_deref());
            card.lead_in(safety::heard(said), &direction)
        };
        let answered = talk.iter().filter_map(|line| Some((line, line.directed.as_ref()?)));
        let exchanges: Vec<String> =
            answered.map(|(line, directed)| lead_in(&line.you, directed) + &card.line(&line.boss)).collect();
        let mut scene = card.text();
        scene.extend(newest(&exchanges, model).iter().map(String::as_str));
        if let Some((said, directed)) = turn {
            scene += &lead_in(said, directed);
        }
        scene
    }

    /// Words for `plan`, by a model that was tuned. None when `pulse` broke off.
    ///
    /// # Errors
    /// The model failed.
    pub(super) fn tuned_words(
        &self,
        model: &mut dyn LanguageModel,
        talk: &[Line],
        plan: &Plan,
        expected: &Expected,
        node: u32,
        pulse: Pulse,
    ) -> Result<Option<Worded>, ModelError> {
        let scene = self.scene(model, talk, Some((expected.turn, &plan.directed())));
        let moment = critic::moment(&self.scenario.topic, expected.turn, &self.deed(plan));
        let mut draw = Draw::new(self.seed, node, Purpose::Model);
        let mut worded = Worded { text: None, refused: Vec::new(), passed_over: Vec::new(), tokens: 0 };
        let mut fit: Vec<(String, f64)> = Vec::new();
        for _ in 0..BATCHES {
            let request = request(scene.clone(), CANDIDATES, draw.bits());
            for completion in model.complete(&request, &mut |_| pulse())? {
                worded.tokens += completion.tokens;
                if completion.finish == Finish::Interrupted {
                    return Ok(None);
                }
                match reply::gate(&completion.text, completion.finish == Finish::Stop, expected) {
                    Ok(text) if fit.iter().any(|(other, _)| *other == text) => {}
                    Ok(text) => fit.push((text, LIKELY * f64::from(completion.mean_logprob))),
                    Err(reason) => worded.refused.push(Refusal { reason, text: completion.text }),
                }
            }
            if !fit.is_empty() {
                break;
            }
        }
        let lines: Vec<&str> = fit.iter().map(|(line, _)| line.as_str()).collect();
        let convincing = Critic::shipped().convincing(&lines, &moment)?;
        for ((_, score), odds) in fit.iter_mut().zip(convincing) {
            *score += odds;
        }
        fit.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        let mut fit = fit.into_iter().map(|(line, _)| line);
        worded.text = fit.next();
        worded.passed_over = fit.collect();
        Ok(Some(worded))
    }
}

/// The newest exchanges that fit.
fn newest<'a>(exchanges: &'a [String], model: &dyn LanguageModel) -> &'a [String] {
    let budget = TALK_TOKENS.min(model.context_tokens() / 2);
    let costs: Vec<usize> = exchanges.iter().map(|exchange| model.count_tokens(exchange)).collect();
    &exchanges[wording::first_that_fits(&costs, budget)..]
}

#[cfg(test)]
mod tests {
    use super::super::state::{Act, Mood};
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
            steering: Default::default(),
        }
    }

    fn directed(act: Act) -> Directed {
        Directed { mood: Mood::Wary, act, fact: None, takes: None, objection: None, matter: None }
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
        cast().scene(&ScriptedModel::default(), talk, turn)
    }

    #[test]
    fn the_scene_grows_at_its_end_only() {
        let mut before = scene(&[], None);
        assert!(before.starts_with("Dana is the director of product. Dana is 46"), "{before}");
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
        let own = "tells: her own boss moved the launch forward two weeks ago without asking]:";
        assert!(text.ends_with(own), "{text}");
        let taken =
            Directed { takes: Some("I'd send\none [page]".to_owned()), ..directed(Act::ConcedesPart) };
        let text = scene(&[], Some(("I'd send\none [page].", &taken)));
        assert!(text.ends_with("gives in to a part; takes up: \"I'd send one (page)\"]:"), "{text}");
        let opposed = Directed { objection: Some(0), ..directed(Act::PushesBack) };
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
        assert!(text.split_whitespace().count() < 2 * TALK_TOKENS);
        let last: Vec<&str> = text.lines().rev().take(2).collect();
        assert!(
            last[0] == "Dana [guarded; disagrees, says why]:" && last[1].starts_with("Sam: Well. Dana (fr")
        );
    }
}
