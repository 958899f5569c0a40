//! A talk of one's own: from a person's answers to a scenario and a boss, as files like the shipped ones.

use super::bank::Kind;
use super::check::name_faults;
use super::{Boss, Pronoun, Scenario};
use crate::text::capital;
use crate::text::content::content_words;
use crate::text::count::listed;
use crate::text::data::from_toml;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// What a person says about their talk. Empty: not answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Answers {
    /// What it is about, in a few words: "the late rota".
    pub about: String,
    /// The kind of matter, by its name in the bank ([`Kind`]).
    pub kind: String,
    /// What has happened; a few sentences.
    pub happened: String,
    /// What the person wants to come out of it.
    pub want: String,
    /// What would be good for both.
    pub outcome: String,
    /// What the boss calls the person.
    pub your_name: String,
    /// The person's job and the boss's: "a staff nurse".
    pub your_job: String,
    pub their_job: String,
    /// The boss's first name.
    pub name: String,
    /// How others speak of the boss: she, he or they.
    pub pronoun: Option<Pronoun>,
    /// How the boss is, by names of [`Temperament::all`].
    pub temperaments: Vec<String>,
    /// What else is on the boss's mind these days, and how it stands.
    pub desk: Vec<String>,
    /// A sentence that the boss typically says.
    pub says: String,
    /// How the boss usually takes something like this: the name of a preset.
    pub usually: String,
    /// What the boss may say against it, as the boss would say it.
    pub against: Vec<String>,
    /// What may be going on on the boss's side, as the boss would say it.
    pub guesses: Vec<String>,
    /// The day of the talk: `2026-12-03`.
    pub when: String,
}

/// An answer that can't be taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` {why}")]
pub struct Misfit {
    /// Its key in a file of answers.
    pub key: &'static str,
    /// What is wrong with it, said of it: "has 700 characters; 600 fit".
    pub why: String,
}

/// A way of being a boss, to be picked from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Temperament {
    /// What it is called in a file of answers.
    pub name: String,
    /// How a person knows their boss again.
    pub title: String,
    /// A line that shows it.
    pub sample: String,
    /// As a boss's file has them, with `{name}` for the boss's name.
    pub character: String,
    pub voice: String,
    pub matters: Vec<String>,
    pub greetings: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Temperaments {
    temperament: Vec<Temperament>,
}

static TEMPERAMENTS: LazyLock<Temperaments> = LazyLock::new(|| {
    from_toml(include_str!("../../prompts/temperaments.toml"))
        .expect("a test reads prompts/temperaments.toml")
});

impl Temperament {
    /// All of them, as a person is asked.
    pub fn all() -> &'static [Temperament] {
        &TEMPERAMENTS.temperament
    }
}

/// What stands in for an answer that was skipped.
const ABOUT: &str = "the matter at work";
const YOUR_JOB: &str = "a member of the team";
const THEIR_JOB: &str = "the manager";
const NAME: &str = "Alex";
const WANT: &str = "A first step that both of us can take.";
const OUTCOME: &str = "A small step with a day on it, which helps both sides.";
const HAPPENED: &str = "Something at your work needs to change. You want to talk to your manager about it.";
/// Things on the desk and first lines that a boss of several temperaments has.
const MOST_MATTERS: usize = 6;
const MOST_GREETINGS: usize = 5;
/// The longest answers, in characters: a few words, a sentence, a few sentences that fit one screen.
const SHORT: usize = 60;
const MIDDLE: usize = 140;
const LONG: usize = 600;
/// The longest name.
const LONGEST_NAME: usize = 40;
/// Words that count as on the matter.
const MOST_KEYWORDS: usize = 12;

impl Answers {
    /// The most guesses, and reasons against it, that are asked for.
    pub const MOST_GUESSES: usize = 3;
    /// The most temperaments.
    pub const MOST_TEMPERAMENTS: usize = 3;

    /// Reads a file of answers.
    ///
    /// # Errors
    /// What is not right in it, with the nearest key for one that there is not.
    pub fn read(text: &str) -> Result<Answers, String> {
        let answers: Answers = from_toml(text)?;
        let known = |name: &str| Kind::named(name).is_some() || name.is_empty();
        if !known(&answers.kind) {
            return Err(unknown("kind", &answers.kind, Kind::all().iter().map(|kind| kind.name.as_str())));
        }
        for name in &answers.temperaments {
            if !Temperament::all().iter().any(|one| one.name == *name) {
                let names = Temperament::all().iter().map(|one| one.name.as_str());
                return Err(unknown("temperaments", name, names));
            }
        }
        answers.check_texts().map_err(|misfit| misfit.to_string())?;
        let when = answers.when.trim();
        if !when.is_empty() && when.parse::<Date>().is_err() {
            return Err(format!("`when` has `{when}`; it takes a date such as 2026-12-03"));
        }
        Ok(answers)
    }

    /// Are all texts short enough, and the names names?
    ///
    /// # Errors
    /// What is not right, with its key.
    pub fn check_texts(&self) -> Result<(), Misfit> {
        let Answers { about, happened, want, outcome, your_job, their_job, says, .. } = self;
        let texts = [
            ("about", about, SHORT),
            ("happened", happened, LONG),
            ("want", want, MIDDLE),
            ("outcome", outcome, MIDDLE),
            ("your-job", your_job, SHORT),
            ("their-job", their_job, SHORT),
            ("says", says, SHORT),
        ];
        let against = self.against.iter().map(|text| ("against", text, MIDDLE));
        let desk = self.desk.iter().map(|text| ("desk", text, MIDDLE));
        let guesses = self.guesses.iter().map(|text| ("guesses", text, MIDDLE));
        for (key, text, longest) in texts.into_iter().chain(against).chain(desk).chain(guesses) {
            fits(text, longest).map_err(|why| Misfit { key, why })?;
        }
        for (key, name) in [("name", &self.name), ("your-name", &self.your_name)] {
            is_name(name).map_err(|why| Misfit { key, why })?;
        }
        let (you, boss) = (self.your_name.trim().to_lowercase(), self.name.trim().to_lowercase());
        match you == boss && !you.is_empty() {
            true => Err(Misfit {
                key: "your-name",
                why: "is your boss's name too: nobody could tell who speaks".to_owned(),
            }),
            false => Ok(()),
        }
    }

    /// The scenario that they make, played by the boss called `boss` in the person's folder.
    pub fn scenario(&self, boss: &str) -> Scenario {
        let or = |answer: &str, stand_in: &str| {
            let answer = answer.trim();
            if answer.is_empty() { stand_in.to_owned() } else { answer.to_owned() }
        };
        let topic = noun(&or(&self.about, ABOUT));
        let kind = or(&self.kind, &Kind::general().name);
        let want = sentence(&or(&self.want, WANT));
        let some = |answer: &str| (!answer.trim().is_empty()).then(|| answer.trim().to_owned());
        let spoken = |guess: &String| some(guess).map(|guess| sentence(&guess));
        let inside =
            |reason: &String| some(reason).map(|reason| reason.trim_end_matches(['.', '!']).to_owned());
        Scenario {
            title: capital(&topic),
            boss_view: format!("{{you}} wants to talk about {topic}. What {{you}} hopes for: {want}"),
            keywords: keywords(&format!("{topic} {} {want}", self.happened)),
            topic,
            situation: or(&self.happened, HAPPENED),
            goal: want,
            outcome: sentence(&or(&self.outcome, OUTCOME)),
            you: some(&self.your_name),
            your_role: noun(&or(&self.your_job, YOUR_JOB)),
            boss_role: noun(&or(&self.their_job, THEIR_JOB)),
            // What the boss always says is said against this, too.
            objections: self.against.iter().chain([&self.says]).filter_map(inside).collect(),
            kind: Some(kind),
            guesses: self.guesses.iter().filter_map(spoken).take(Answers::MOST_GUESSES).collect(),
            boss: Some(boss.to_owned()),
            difficulty: some(&self.usually),
            when: self.when.trim().parse().ok(),
            ..Scenario::default()
        }
    }

    /// A name for the talk: of its matter, as files are called.
    pub fn short_name(&self) -> String {
        let letters = |word: String| word.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
        let words = content_words(&noun(&self.about)).into_iter().map(letters);
        let words: Vec<String> = words.filter(|word| !word.is_empty()).take(3).collect();
        let name = words.join("-").chars().take(30).collect::<String>();
        let name = name.trim_matches(|c: char| c == '-' || c.is_ascii_digit());
        if name.is_empty() { "my-talk".to_owned() } else { name.to_owned() }
    }

    /// The boss that they make.
    pub fn boss(&self) -> Boss {
        let name = if self.name.trim().is_empty() { NAME } else { self.name.trim() };
        let pronoun = self.pronoun.unwrap_or(Pronoun::They);
        // The person names the most fitting first.
        let named = |name: &String| Temperament::all().iter().find(|temperament| temperament.name == *name);
        let mut temperaments: Vec<&Temperament> = self.temperaments.iter().filter_map(named).collect();
        temperaments.truncate(Answers::MOST_TEMPERAMENTS);
        if temperaments.is_empty() {
            temperaments.extend(Temperament::all().first());
        }
        let joined = |text: fn(&Temperament) -> &str| {
            let texts: Vec<String> =
                temperaments.iter().map(|one| pronoun.fill(text(one)).replace("{name}", name)).collect();
            texts.join(" ")
        };
        // The first of each, then the second of each.
        let taken = |list: fn(&Temperament) -> &[String], most: usize| -> Vec<String> {
            let longest = temperaments.iter().map(|one| list(one).len()).max().unwrap_or(0);
            let nth = |at: usize| temperaments.iter().filter_map(move |one| list(one).get(at).cloned());
            (0..longest).flat_map(nth).take(most).collect()
        };
        let title = match temperaments.as_slice() {
            [one] => small(&one.title),
            several => listed(&several.iter().map(|one| one.name.clone()).collect::<Vec<_>>()),
        };
        let mut voice = joined(|one| &one.voice);
        if !self.says.trim().is_empty() {
            voice += &format!(" {name} typically says \"{}\"", sentence(self.says.trim().trim_matches('"')));
        }
        Boss {
            id: String::new(),
            name: name.to_owned(),
            pronoun,
            title,
            character: joined(|one| &one.character),
            voice,
            matters: match self.desk.is_empty() {
                true => taken(|one| &one.matters, MOST_MATTERS),
                false => self.desk.iter().map(|matter| noun(matter)).collect(),
            },
            greetings: taken(|one| &one.greetings, MOST_GREETINGS),
        }
    }
}

/// Is it short enough for its place, and without control characters?
fn fits(text: &str, longest: usize) -> Result<(), String> {
    let chars = text.trim().chars().count();
    if chars > longest {
        return Err(format!("has {chars} characters; {longest} fit"));
    }
    match text.contains(|c: char| c.is_control() && !c.is_whitespace()) {
        true => Err("has control characters in it".to_owned()),
        false => Ok(()),
    }
}

/// Can it be somebody's name? Nothing at all can, too.
fn is_name(name: &str) -> Result<(), String> {
    let name = name.trim();
    let fault = if name.is_empty() { None } else { name_faults(name, LONGEST_NAME).into_iter().next() };
    fault.map_or(Ok(()), Err)
}

fn unknown<'a>(key: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let hint = match crate::text::suggest::nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", known.join(", ")),
    };
    format!("`{key}` has `{name}`, which there is not; {hint}")
}

/// Without the capital of a first word that is no name: one of a job or of a matter.
fn small(text: &str) -> String {
    let mut chars = text.chars();
    let rest_is_small = text.chars().nth(1).is_some_and(|second| !second.is_uppercase());
    match chars.next() {
        Some(first) if rest_is_small => first.to_lowercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

/// With its end mark.
fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(['.', '!', '?', '…']) { text.to_owned() } else { format!("{text}.") }
}

/// A matter as the boss could say it too: not "my rota", but "the rota"; without a full stop.
fn noun(text: &str) -> String {
    let words = text.trim().trim_end_matches('.').split_whitespace().map(|word| match word {
        "my" | "My" | "our" | "Our" => "the",
        word => word,
    });
    small(&words.collect::<Vec<_>>().join(" "))
}

/// Words that belong to the matter, the most frequent first.
fn keywords(text: &str) -> Vec<String> {
    let mut counted: Vec<(String, usize)> = Vec::new();
    for word in content_words(text) {
        match counted.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => counted.push((word, 1)),
        }
    }
    counted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counted.into_iter().map(|(word, _)| word).take(MOST_KEYWORDS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers() -> Answers {
        Answers::read(
            r#"
            about = "My late rota."
            kind = "late-feedback"
            happened = "The rota comes out on Thursday for the Monday. I have asked for it twice and had no answer."
            want = "the rota two weeks ahead"
            outcome = "Fewer swaps for her, and I can plan my week"
            your-job = "Staff nurse"
            their-job = "the ward sister"
            name = "Maureen"
            pronoun = "she"
            temperaments = ["short-spoken", "proud"]
            says = "Not now"
            desk = ["The inspection, two files are missing."]
            usually = "guarded"
            your-name = "Ines"
            against = ["Nobody else plans two weeks ahead.", " "]
            guesses = ["I'm waiting for the office", " "]
            when = "2026-12-03"
            "#,
        )
        .unwrap()
    }

    #[test]
    fn answers_make_a_scenario_and_a_boss_that_hold_up_to_their_checks() {
        let (scenario, boss) = (answers().scenario("maureen"), answers().boss());
        assert_eq!(scenario.check(), Vec::new());
        assert_eq!(boss.check(), Vec::new());
        assert_eq!((scenario.topic.as_str(), scenario.your_role.as_str()), ("the late rota", "staff nurse"));
        assert_eq!(scenario.guesses, ["I'm waiting for the office."]);
        assert_eq!(scenario.objections, ["Nobody else plans two weeks ahead", "Not now"]);
        assert_eq!(boss.matters, ["the inspection, two files are missing"]);
        assert_eq!((scenario.you.as_deref(), boss.title.as_str()), (Some("Ines"), "short-spoken and proud"));
        assert!(boss.voice.ends_with("Maureen typically says \"Not now.\""), "{}", boss.voice);
        assert_eq!(boss.greetings.len(), MOST_GREETINGS);
        assert!(!boss.character.contains('{'), "{}", boss.character);
    }

    #[test]
    fn a_talk_is_called_by_its_matter() {
        assert_eq!(answers().short_name(), "late-rota");
        assert_eq!(Answers::default().short_name(), "my-talk");
        let of = |about: &str| Answers { about: about.to_owned(), ..Answers::default() }.short_name();
        assert_eq!(of("2 Überstunden on the 3rd floor, every Sunday and Monday"), "berstunden-3rd");
    }

    #[test]
    fn what_was_skipped_is_stood_in_for() {
        let (scenario, boss) = (Answers::default().scenario("alex"), Answers::default().boss());
        assert_eq!(scenario.check(), Vec::new());
        assert_eq!(boss.check(), Vec::new());
    }

    #[test]
    fn every_mixture_of_temperaments_makes_a_sound_boss() {
        let all = Temperament::all();
        assert_eq!(all.len(), 8);
        for one in all {
            for other in all {
                let temperaments = vec![one.name.clone(), other.name.clone(), all[0].name.clone()];
                let boss =
                    Answers { temperaments, name: "Maximiliana".to_owned(), ..Answers::default() }.boss();
                assert_eq!(boss.check(), Vec::new(), "{} and {}", one.name, other.name);
            }
        }
    }

    #[test]
    fn what_there_is_not_is_refused_with_the_nearest_name() {
        let error = |text: &str| Answers::read(text).unwrap_err();
        assert!(error("abuot = \"x\"").contains("did you mean `about`?"), "{}", error("abuot = \"x\""));
        assert!(error("kind = \"late-feedbak\"").contains("did you mean `late-feedback`?"));
        assert!(error("temperaments = [\"bluntt\"]").contains("did you mean `blunt`?"));
        assert!(error("name = \"[b]\"").contains("`name` has a colon or a bracket"));
        assert!(error("name = \"Ann\"\nyour-name = \"ann\"").contains("who speaks"));
        assert!(error(&format!("happened = \"{}\"", "x".repeat(5000))).contains("5000 characters; 600 fit"));
        assert!(error("when = \"thursday\"").contains("a date such as 2026-12-03"));
    }
}
