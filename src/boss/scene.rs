//! The short scene that a tuned model goes on with: who the boss is, what lies between the two, and the talk so far,
//! each of the boss's lines led in by what it does.
//!
//! The model has learned these very words: what is changed here must be learned anew.

use super::state::{Act, Mood};

/// The longest turn that a scene has, in characters: the end of it counts most.
const TURN_CHARS: usize = 1500;

/// What stays the same over a talk.
#[derive(Clone, Copy, Debug)]
pub struct Card<'a> {
    /// The boss's name.
    pub boss: &'a str,
    /// The boss's job.
    pub boss_role: &'a str,
    /// History, pressures, how they treat people; a few sentences.
    pub character: &'a str,
    /// How they talk.
    pub voice: &'a str,
    /// The person's name.
    pub you: &'a str,
    /// The person's job.
    pub your_role: &'a str,
    /// The matter in a few words.
    pub topic: &'a str,
    /// The matter as the boss sees it.
    pub boss_view: &'a str,
    /// The boss's first line.
    pub greeting: &'a str,
}

/// What the boss does in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Direction<'a> {
    /// How the boss feels.
    pub mood: Mood,
    /// What the line does.
    pub act: Act,
    /// The private fact that it tells.
    pub fact: Option<&'a str>,
    /// The person's words that it takes up, or that it is about.
    pub takes: Option<&'a str>,
    /// What it comes to.
    pub point: Option<&'a str>,
    /// What else lies on the boss's desk, and comes into it.
    pub matter: Option<&'a str>,
}

impl Card<'_> {
    /// Who the two are, and what lies between them.
    pub fn people(&self) -> String {
        let Card { boss, boss_role, character, voice, you, your_role, topic, boss_view, .. } = self;
        let lines = [
            format!("{boss} is {boss_role}. {character} {voice}"),
            format!("{you}, {your_role}, has come to talk about {topic}. {boss_view}"),
        ];
        lines.iter().map(|line| squashed(line) + "\n").collect()
    }

    /// The beginning of the scene, with the boss's first line.
    pub fn text(&self) -> String {
        format!("{}\n{}: {}\n", self.people(), self.boss, squashed(self.greeting))
    }

    /// An exchange up to where the boss's line begins.
    pub fn lead_in(&self, said: &str, direction: &str) -> String {
        format!("{}: {}\n{} [{direction}]:", self.you, one_line(said), self.boss)
    }

    /// The boss's line, as it follows a lead-in.
    pub fn line(&self, line: &str) -> String {
        format!(" {}\n", one_line(line))
    }
}

impl Direction<'_> {
    /// As it stands in the brackets.
    pub fn text(&self) -> String {
        let mood = match self.mood {
            Mood::Closed => "cold",
            Mood::Wary => "guarded",
            Mood::Listening => "softening",
            Mood::Open => "friendly",
        };
        let act = match self.act {
            Act::EndsTalk => "ends the talk",
            Act::Dismisses => "brushes it off",
            Act::Deflects => "changes the subject",
            Act::PushesBack => "disagrees, says why",
            Act::QuestionsMotive => "asks what is behind it",
            Act::AsksForSpecifics => "asks for one detail",
            Act::SharesConstraint => "says what makes it hard",
            Act::Acknowledges => "sees something in it, promises nothing",
            Act::Considers => "thinks aloud, decides nothing",
            Act::ConcedesPart => "gives in to a part",
            Act::AgreesAndCommits => "agrees and fixes the next step",
            Act::Greets | Act::StepsOut => "",
        };
        let note = |name: &str, text: Option<&str>| {
            text.map(|text| format!("; {name}: {}", one_line(text))).unwrap_or_default()
        };
        let takes = self.takes.map(|takes| format!("\"{takes}\""));
        let comes_to = match self.act {
            Act::SharesConstraint => "tells",
            Act::Acknowledges => "grants",
            Act::Considers => "weighs",
            Act::AsksForSpecifics | Act::QuestionsMotive => "asks",
            _ => "because",
        };
        let words = if self.act.concedes() { "takes up" } else { "about" };
        [
            format!("{mood}; {act}"),
            note("tells", self.fact),
            note(words, takes.as_deref()),
            note(comes_to, self.point),
            note("speaks of", self.matter),
        ]
        .concat()
    }
}

/// What a line is made of, from its direction: all that is named there but the person's own words.
pub fn content_of(direction: &str) -> String {
    let notes = direction.split("; ").filter_map(|note| note.split_once(": "));
    let own = notes.filter(|(name, _)| !["about", "takes up"].contains(name));
    own.map(|(_, text)| text).collect::<Vec<_>>().join(" ")
}

/// A text on one line and without brackets, so that it can't look like a direction.
fn squashed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('[', "(").replace(']', ")")
}

/// The same of what was said; a very long turn keeps its end.
pub fn one_line(text: &str) -> String {
    let squashed = squashed(text);
    let chars = squashed.chars().count();
    squashed.chars().skip(chars.saturating_sub(TURN_CHARS)).collect()
}
