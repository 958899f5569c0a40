//! The prompt that asks a model to word the boss's act: a screenplay to continue for small models, a chat
//! for larger ones. What stays the same comes first, so that the model need not read it again.

use super::direction::{Plan, direction, label};
use super::draw::{Draw, Purpose};
use super::state::{Act, BossState};
use super::{Cast, Line};
use crate::model::{LanguageModel, Message, ModelError, Prompt, PromptStyle};
use minijinja::{Environment, UndefinedBehavior, Value, context};
use std::sync::LazyLock;

/// Example lines shown for each act.
const EXAMPLES: usize = 2;
/// Tokens the talk so far may take; less where the model holds less.
const TALK_TOKENS: usize = 1200;
/// Tokens kept free for the reply.
pub const REPLY_TOKENS: usize = 60;
/// The longest turn shown to the model, in characters: the end of it counts most.
const TURN_CHARS: usize = 1500;

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.add_filter("squash", |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" "));
    for (name, source) in [
        ("screenplay", include_str!("../../prompts/templates/screenplay.j2")),
        ("chat", include_str!("../../prompts/templates/chat.j2")),
    ] {
        templates.add_template(name, source).expect("the templates are parsed by a test");
    }
    templates
});

/// An exchange as the script shows it.
#[derive(Clone, Debug)]
struct Spoken {
    you: String,
    boss: String,
    label: &'static str,
}

impl Spoken {
    fn value(&self) -> Value {
        context! { you => self.you.as_str(), boss => self.boss.as_str(), label => self.label }
    }
}

/// The prompt for the reply to `turn`, planned in `plan`, after `talk`.
///
/// # Errors
/// A template that does not fit its data.
pub fn prompt(
    cast: &Cast,
    model: &dyn LanguageModel,
    state: &BossState,
    talk: &[Line],
    turn: &str,
    plan: &Plan,
) -> Result<Prompt, ModelError> {
    let fact = plan.fact.and_then(|index| cast.scenario.facts.get(index));
    let direction = direction(plan, &cast.boss, &cast.you, fact);
    let talk = windowed(labelled(talk, &state.acts), model);
    build(cast, model.prompt_style(), &state.agreed, &talk, Some((&one_line(turn), &direction)))
}

/// The beginning that every prompt of the talk shares.
///
/// # Errors
/// As [`prompt`].
pub fn beginning(cast: &Cast, style: PromptStyle) -> Result<Prompt, ModelError> {
    build(cast, style, &[], &[], None)
}

fn build(
    cast: &Cast,
    style: PromptStyle,
    agreed: &[String],
    talk: &[Spoken],
    turn: Option<(&str, &str)>,
) -> Result<Prompt, ModelError> {
    let (said, direction) = turn.unwrap_or_default();
    let name = match style {
        PromptStyle::Screenplay => "screenplay",
        PromptStyle::Chat => "chat",
    };
    let rendered = TEMPLATES.get_template(name).and_then(|template| {
        template.render(context! {
            boss => cast.boss.name.as_str(),
            character => cast.boss.character.as_str(),
            voice => cast.boss.voice.as_str(),
            max_sentences => cast.boss.max_sentences,
            boss_role => cast.scenario.boss_role.as_str(),
            your_role => cast.scenario.your_role.as_str(),
            topic => cast.scenario.topic.as_str(),
            you => cast.you.as_str(),
            BOSS => cast.boss.name.to_uppercase(),
            YOU => cast.you.to_uppercase(),
            boss_view => cast.boss.pronoun.fill(&cast.scenario.boss_view).replace("{you}", &cast.you),
            examples => examples(cast),
            greeting => cast.greeting(),
            agreed => agreed.to_vec(),
            talk => talk.iter().map(Spoken::value).collect::<Vec<_>>(),
            turn => said,
            direction => direction,
        })
    });
    let text =
        rendered.map_err(|error| ModelError::Engine(format!("the template `{name}` failed: {error:#}")))?;
    Ok(match style {
        PromptStyle::Screenplay => Prompt::Raw(text),
        PromptStyle::Chat => Prompt::Chat(messages(cast, text, talk, turn)),
    })
}

fn messages(cast: &Cast, system: String, talk: &[Spoken], turn: Option<(&str, &str)>) -> Vec<Message> {
    let mut messages = vec![Message { role: "system", content: system }];
    let mut add = |role, content: String| messages.push(Message { role, content });
    add("user", format!("(knocks) {}?", cast.boss.name));
    add("assistant", cast.greeting());
    for line in talk {
        add("user", line.you.clone());
        add("assistant", line.boss.clone());
    }
    if let Some((said, direction)) = turn {
        add("user", format!("{said}\n[{direction}]"));
    }
    messages
}

/// Two lines for each act, the same over a session; different sessions see different ones.
fn examples(cast: &Cast) -> Vec<Value> {
    let mut draw = Draw::new(cast.seed, 0, Purpose::Wording);
    let lines = |act: Act| cast.boss.examples.get(act.id()).cloned().unwrap_or_default();
    Act::ALL
        .into_iter()
        .flat_map(|act| {
            draw.shuffled(lines(act))
                .into_iter()
                .take(EXAMPLES)
                .map(move |text| (act, text))
                .collect::<Vec<_>>()
        })
        .map(|(act, text)| context! { label => label(act), text => text.replace("{you}", &cast.you) })
        .collect()
}

fn labelled(talk: &[Line], acts: &[Act]) -> Vec<Spoken> {
    let mut acts = acts.iter();
    talk.iter()
        .map(|line| Spoken {
            you: one_line(&line.you),
            boss: one_line(&line.boss),
            label: if line.boss.is_empty() { "" } else { acts.next().map_or("", |&act| label(act)) },
        })
        .collect()
}

/// The newest exchanges that fit. Older ones go by the half window, so that the beginning of the prompt
/// stays the same for many turns.
fn windowed(talk: Vec<Spoken>, model: &dyn LanguageModel) -> Vec<Spoken> {
    let budget = TALK_TOKENS.min(model.context_tokens() / 3);
    let cost = |line: &Spoken| model.count_tokens(&line.you) + model.count_tokens(&line.boss) + 12;
    let mut start = 0;
    let mut held = 0;
    for at in 0..talk.len() {
        held += cost(&talk[at]);
        if held > budget {
            while start < at && held > budget / 2 {
                held -= cost(&talk[start]);
                start += 1;
            }
        }
    }
    talk[start..].to_vec()
}

/// A turn on one line, so that it cannot look like the next line of the script; very long ones keep
/// their end.
fn one_line(text: &str) -> String {
    let squashed = text.split_whitespace().collect::<Vec<_>>().join(" ").replace('[', "(").replace(']', ")");
    let chars = squashed.chars().count();
    squashed.chars().skip(chars.saturating_sub(TURN_CHARS)).collect()
}
