//! How an act is put to the model: the direction in brackets, and the first words of the reply.

use super::draw::Draw;
use super::phrases::{Phrases, normal};
use super::state::{Act, Directed, Mood};
use super::voice::led_in;
use crate::scenario::{Boss, PrivateFact};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Directions {
    sample_only: Phrases,
    mood: BTreeMap<Mood, String>,
    acts: BTreeMap<Act, ActWords>,
    special: Special,
    sample: Vec<SampleLine>,
}

/// An exchange of the sample scene.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SampleLine {
    pub(super) you: String,
    pub(super) label: String,
    pub(super) boss: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ActWords {
    label: String,
    direction: String,
    /// The same where the turn put something on the table.
    about: Option<String>,
    openings: Vec<String>,
    /// The same where the turn put something on the table.
    #[serde(default)]
    offered: Vec<String>,
    /// The same where that is a thing, "ten minutes on Thursday", not a clause.
    #[serde(default)]
    offered_thing: Vec<String>,
    /// Instead of `openings` after blame or an insult.
    #[serde(default)]
    attacked: Vec<String>,
    /// Instead of `openings` while the talk begins.
    #[serde(default)]
    early: Vec<String>,
    /// Instead of `openings`, for a boss with other matters on the desk.
    #[serde(default)]
    matter: Vec<String>,
    /// … and instead of `offered`.
    #[serde(default)]
    offered_matter: Vec<String>,
    /// The direction where the turn asks something and puts nothing on the table.
    answers: Option<String>,
    /// The openings for that.
    #[serde(default)]
    answering: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Special {
    reveals: String,
    needs: String,
    would_need: String,
    would_need_openings: Vec<String>,
    floor: String,
    floor_openings: Vec<String>,
    settled: String,
}

static DIRECTIONS: LazyLock<Directions> = LazyLock::new(|| {
    crate::text::data::from_toml(include_str!("../../prompts/directions.toml"))
        .expect("prompts/directions.toml is read by a test")
});

/// A question that wants an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// What the boss would need.
    Need,
    /// Anything else.
    Other,
}

/// What the boss is to do in a reply, decided before the words.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The act.
    pub act: Act,
    /// How the boss feels.
    pub mood: Mood,
    /// The private fact that comes out, by index in the scenario.
    pub fact: Option<usize>,
    /// What is taken up or confirmed, as the boss would say it.
    pub offer: Option<String>,
    /// The same in the person's own words; where nothing is taken up, those that the reply is about.
    pub takes: Option<String>,
    /// What the boss holds against it, by index in the scenario.
    pub objection: Option<usize>,
    /// What on the desk the boss turns to, by index.
    pub matter: Option<usize>,
    /// What the turn put on the table, where the act does not take it up.
    pub about: Option<String>,
    /// What the turn asks, where it puts nothing on the table.
    pub question: Option<Question>,
    /// The person asked for the floor, and gets it.
    pub floor: bool,
    /// The turn blames or insults the boss.
    pub attacked: bool,
    /// The talk has only begun.
    pub early: bool,
    /// The offer was agreed before; the reply confirms it.
    pub settled: bool,
}

impl Plan {
    /// As it is kept of a line that was said.
    pub(super) fn directed(&self) -> Directed {
        let Plan { mood, act, fact, objection, matter, .. } = *self;
        Directed { mood, act, fact, takes: self.takes.clone(), objection, matter }
    }
}

/// The scene of other people that shows how directions are followed.
pub(super) fn sample() -> &'static [SampleLine] {
    &DIRECTIONS.sample
}

/// Does the line speak of what only the people of the sample scene have? `talk` is what was said so far.
pub(super) fn borrows_from_sample<'a>(line: &str, talk: impl Iterator<Item = &'a str> + Clone) -> bool {
    let line = normal(line);
    DIRECTIONS.sample_only.all(&line).any(|phrase| {
        let phrase = format!(" {phrase} ");
        !talk.clone().any(|said| normal(said).contains(&phrase))
    })
}

/// The short name of an act in the script.
pub fn label(act: Act) -> &'static str {
    DIRECTIONS.acts.get(&act).map_or("", |words| &words.label)
}

/// The direction in brackets: how the boss feels, and what it does.
pub fn direction(plan: &Plan, boss: &Boss, you: &str, fact: Option<&PrivateFact>) -> String {
    format!("{}; {}", DIRECTIONS.mood[&plan.mood], deed(plan, boss, you, fact))
}

/// What the boss does, in words.
pub fn deed(plan: &Plan, boss: &Boss, you: &str, fact: Option<&PrivateFact>) -> String {
    let special = &DIRECTIONS.special;
    let words = &DIRECTIONS.acts[&plan.act];
    let text = match (fact, plan.act) {
        (Some(fact), _) if fact.need => &special.needs,
        (Some(_), _) => &special.reveals,
        (None, Act::AgreesAndCommits) if plan.settled => &special.settled,
        (None, Act::AsksForSpecifics) if plan.floor => &special.floor,
        (None, Act::SharesConstraint) if plan.question == Some(Question::Need) => &special.would_need,
        (None, _) if plan.question.is_some() => words.answers.as_ref().unwrap_or(&words.direction),
        _ => words.about.as_ref().filter(|_| plan.about.is_some()).unwrap_or(&words.direction),
    };
    // As the boss would say it: told of the boss in the third person, a small model says "her" of itself.
    let fact = fact.map(|fact| fact.line.trim_end_matches('.').replace("{you}", you)).unwrap_or_default();
    let offer = plan.offer.as_deref().or(plan.about.as_deref()).unwrap_or("it");
    let text = text.replace("{fact}", &fact).replace("{offer}", offer);
    boss.pronoun.fill(&text).replace("{you}", you)
}

/// The most words before the pause that begins a line of the boss's own.
const LEAD_IN: usize = 4;

/// The fewest words of a private fact that a reply begins with, so that it is this fact that comes out.
const FACT_WORDS: usize = 4;

/// How a reply may begin, in random order: the table's openings, and those of the boss's own lines that
/// the prompt does not show (`shown`), since the model would go on as they do. `earlier` is what the boss has
/// said.
pub fn openings(
    plan: &Plan,
    boss: &Boss,
    you: &str,
    fact: Option<&PrivateFact>,
    shown: &[String],
    earlier: &[&str],
    draw: &mut Draw,
) -> Vec<String> {
    if let Some(fact) = fact {
        let line = fact.line.replace("{you}", you);
        let words = line.split(' ').count();
        let enough = |most: usize| first_words(&line, most.max(FACT_WORDS).min(words.saturating_sub(1)));
        let mut all = vec![enough(words / 2), enough(words * 2 / 3)];
        all.dedup();
        return all;
    }
    let special = special_openings(plan, boss, earlier, draw);
    if !special.is_empty() {
        let led = special.into_iter().map(|opening| led_in(opening, boss, earlier, draw)).collect();
        return draw.shuffled(led);
    }
    let start = plan.offer.as_deref().map(|offer| first_words(offer, 3));
    let plain = plan.act.concedes() || plan.act == Act::EndsTalk;
    let words = &DIRECTIONS.acts[&plan.act];
    let mut table = &words.openings;
    if !boss.matters.is_empty() {
        table = instead(&words.matter, table);
    }
    if plan.early {
        table = instead(&words.early, table);
    }
    if plan.attacked {
        table = instead(&words.attacked, table);
    }
    let table: Vec<String> = with_matters(table.clone(), boss, earlier, draw)
        .iter()
        .filter_map(|opening| with_start(opening, start.as_deref()))
        .map(|opening| if plain { opening } else { led_in(opening, boss, earlier, draw) })
        .collect();
    // What the boss says before a question is often one itself, and leaves the model nothing to ask.
    let asks = matches!(plan.act, Act::AsksForSpecifics | Act::QuestionsMotive);
    let own = boss
        .examples
        .get(plan.act.id())
        .filter(|_| !asks)
        .into_iter()
        .flatten()
        .filter(|line| !shown.contains(line));
    let own = own.filter(|_| start.is_none()).filter_map(|line| lead_in(&line.replace("{you}", you)));
    let mut all: Vec<String> = table.into_iter().chain(own).collect();
    all.sort();
    all.dedup();
    draw.shuffled(all)
}

/// The openings for what this turn calls for; empty where those of the act will do.
fn special_openings(plan: &Plan, boss: &Boss, earlier: &[&str], draw: &mut Draw) -> Vec<String> {
    let (words, special) = (&DIRECTIONS.acts[&plan.act], &DIRECTIONS.special);
    match (&plan.about, plan.question) {
        _ if plan.floor => special.floor_openings.clone(),
        (Some(about), _) => {
            with_matters(offered_openings(plan.act, about, !boss.matters.is_empty()), boss, earlier, draw)
        }
        (None, Some(Question::Need)) if matches!(plan.act, Act::SharesConstraint | Act::Considers) => {
            special.would_need_openings.clone()
        }
        (None, Some(_)) => words.answering.clone(),
        (None, None) => Vec::new(),
    }
}

/// The openings in their order, but last those that an earlier reply began or went on with.
pub fn unused_first(mut openings: Vec<String>, earlier: &[&str]) -> Vec<String> {
    let said: Vec<String> = earlier.iter().map(|line| normal(line)).collect();
    openings.sort_by_cached_key(|opening| {
        let ending = ending(opening);
        said.iter().any(|line| line.contains(&ending))
    });
    openings
}

/// The last two words of an opening, the part that is not the other side's; all of a shorter one.
fn ending(opening: &str) -> String {
    let normal = normal(opening);
    let words: Vec<&str> = normal.split_whitespace().collect();
    format!(" {} ", words[words.len().saturating_sub(2)..].join(" "))
}

/// The most words of an offer that a reply begins with.
const LONGEST_ABOUT: usize = 10;

/// The fewest words of an offer that are kept.
const SHORTEST_ABOUT: usize = 4;

/// The offer without what follows its first clause: nobody repeats a long sentence before answering it.
fn in_short(offer: &str) -> &str {
    const BREAKS: [&str; 8] =
        [",", " and ", " so ", " because ", " which ", " while ", " before ", " instead "];
    let words = |text: &str| text.split_whitespace().count();
    let cuts = BREAKS.iter().flat_map(|pause| offer.match_indices(pause)).map(|(at, _)| &offer[..at]);
    cuts.filter(|start| words(start) >= SHORTEST_ABOUT).min_by_key(|start| start.len()).unwrap_or(offer)
}

/// Openings that take up what the turn put on the table; none for an act without them, or a long offer.
fn offered_openings(act: Act, about: &str, has_matters: bool) -> Vec<String> {
    let about = in_short(about);
    if about.split_whitespace().count() > LONGEST_ABOUT {
        return Vec::new();
    }
    let words = &DIRECTIONS.acts[&act];
    let is_clause = ["you ", "I ", "we "].iter().any(|person| about.starts_with(person));
    let mut openings = &words.offered;
    if !is_clause {
        openings = instead(&words.offered_thing, openings);
    }
    if has_matters {
        openings = instead(&words.offered_matter, openings);
    }
    let fits = |opening: &&String| is_clause || !opening.to_lowercase().contains("if {offer}");
    let filled = |opening: &String| {
        opening.replace("{offer}", about).replace("{Offer}", &crate::boss::capitalised(about))
    };
    openings.iter().filter(fits).map(filled).collect()
}

/// The `better` openings, where there are any.
fn instead<'a>(better: &'a Vec<String>, usual: &'a Vec<String>) -> &'a Vec<String> {
    if better.is_empty() { usual } else { better }
}

/// Puts one of the boss's other matters in, first those that the boss has not spoken of.
fn with_matters(openings: Vec<String>, boss: &Boss, earlier: &[&str], draw: &mut Draw) -> Vec<String> {
    let mut matters = draw.shuffled(boss.matters.clone());
    matters.sort_by_key(|matter| earlier.iter().any(|line| line.contains(matter.as_str())));
    let mut matters = matters.iter().cycle();
    let mut filled = |opening: String| match opening.contains("{matter}") {
        true => matters.next().map(|matter| opening.replace("{matter}", matter)),
        false => Some(opening),
    };
    openings.into_iter().filter_map(&mut filled).collect()
}

/// Puts the first words of the offer in; none where there is no offer, or an offer and no place for it.
fn with_start(opening: &str, start: Option<&str>) -> Option<String> {
    match (start, opening.contains("{start}") || opening.contains("{Start}")) {
        (Some(start), true) => {
            Some(opening.replace("{start}", start).replace("{Start}", &crate::boss::capitalised(start)))
        }
        (None, false) => Some(opening.to_owned()),
        _ => None,
    }
}

/// The words before the first pause, where it comes soon and more follows: "Look.", "With respect,".
fn lead_in(line: &str) -> Option<String> {
    let pause = line.find(['.', ',', '?', '!'])?;
    let (lead, rest) = line.split_at(pause + 1);
    let few = lead.split_whitespace().count() <= LEAD_IN;
    (few && rest.trim().len() > 1 && !lead.contains(char::is_numeric)).then(|| lead.to_owned())
}

/// The first `most` words.
fn first_words(line: &str, most: usize) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    words[..most.min(words.len())].join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_on_the_table_is_taken_up_in_the_first_words() {
        let page = offered_openings(Act::Considers, "you send me one page", true);
        assert!(page.contains(&"Maybe. If you send me one page,".to_owned()), "{page:?}");
        let minutes = offered_openings(Act::Considers, "ten minutes on Thursday", false);
        assert!(minutes.contains(&"Ten minutes on Thursday? That might".to_owned()), "{minutes:?}");
        assert!(!minutes.iter().any(|opening| opening.contains("f ten minutes")), "{minutes:?}");
        let long = "you talk to those people this week and bring me what they say";
        assert_eq!(in_short(long), "you talk to those people this week");
        assert_eq!(in_short("you write and send it"), "you write and send it");
        assert_eq!(offered_openings(Act::Dismisses, "you send me one page", true), Vec::<String>::new());
    }

    #[test]
    fn every_act_and_mood_has_words() {
        for act in Act::ALL {
            let words = DIRECTIONS.acts.get(&act).unwrap_or_else(|| panic!("{act:?} has no direction"));
            assert!(!words.label.is_empty() && words.openings.len() >= 3, "{act:?}");
        }
        assert!(Mood::ALL.iter().all(|mood| DIRECTIONS.mood.contains_key(mood)));
    }
}
