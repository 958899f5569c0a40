//! The practice ladder: which talk to practise next, and why.
//!
//! A talk that went well goes on one step harder; one that the boss ended, or that hardly began, one step
//! easier; one with good words and no decision is held once more, to a decision. Any other leads to the scenario
//! that trains the weakest skill, or to a new one where no skill is weak.

use super::next_time::GOOD;
use super::report::Report;
use crate::scenario::{Boss, Library, Scenario};
use crate::scorer::rubric::Skill;
use crate::session::Outcome;
use crate::text::shell;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// From this score on, no skill is called weak.
const STRONG: f64 = 85.0;
/// Below this grade, the same talk is tried easier.
const HARDLY: f64 = 30.0;
/// Scenarios of so many last talks count as practised lately.
pub const LATELY: usize = 3;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Training {
    scenarios: Vec<String>,
    why: String,
}

static TRAINING: LazyLock<BTreeMap<Skill, Training>> = LazyLock::new(|| {
    crate::text::data::from_toml(include_str!("../../prompts/ladder.toml"))
        .expect("prompts/ladder.toml is read by a test")
});

/// The talk to practise next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proposal {
    /// The scenario's name.
    pub scenario: String,
    /// The boss's name (the file's).
    pub boss: String,
    /// The preset's name.
    pub difficulty: String,
    /// Why, in a sentence.
    pub why: String,
}

impl Proposal {
    /// The command that starts it, for a shell: names are those of files, which may have spaces and quotes.
    pub fn command(&self) -> String {
        let [scenario, boss, difficulty] =
            [&self.scenario, &self.boss, &self.difficulty].map(|name| shell::word(name));
        format!("coachup practice {scenario} --boss {boss} --difficulty {difficulty}")
    }
}

/// The skill to train.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weakest {
    /// The skill.
    pub skill: Skill,
    /// Its mean score, 0 to 100.
    pub score: f64,
    /// Over how many talks.
    pub talks: usize,
}

/// What to practise after the talk of `report`, with `weakest` as the skill to train over several talks, or else
/// that of this talk; none where nothing was said, or by a boss there is not here. `tried` are the scenarios practised lately, newest first, this
/// one included.
pub fn next(
    report: &Report,
    weakest: Option<Weakest>,
    tried: &[&str],
    library: &Library,
) -> Option<Proposal> {
    let grade = report.grade.as_ref()?.overall;
    let presets = library.ladder();
    let header = &report.header;
    // An imported talk may name what there is not here.
    library.get::<Boss>(&header.boss).ok()?;
    let known = library.get::<Scenario>(&header.scenario).is_ok();
    // `--receptiveness` lies between presets: the nearest stands for it.
    let here = presets.iter().position(|preset| preset.name == header.difficulty).or_else(|| {
        let distance = |at: &usize| (presets[*at].receptiveness - header.receptiveness).abs();
        (0..presets.len()).min_by(|a, b| distance(a).total_cmp(&distance(b)))
    })?;
    let proposal = |scenario: &str, preset: usize, why: String| {
        Some(Proposal {
            scenario: scenario.to_owned(),
            boss: header.boss.clone(),
            difficulty: presets[preset].name.clone(),
            why,
        })
    };
    // As the end of a talk shows it.
    let shown = format!("{grade:.0}");
    if known && report.outcome == Outcome::Agreed && grade >= GOOD && here + 1 < presets.len() {
        let why = format!(
            "You got there at `{}` with a grade of {shown}: the same talk, one step harder.",
            presets[here].name
        );
        return proposal(&header.scenario, here + 1, why);
    }
    if known && (report.outcome == Outcome::EndedByBoss || grade < HARDLY) && here > 0 {
        let why = match report.outcome {
            Outcome::EndedByBoss => {
                format!("{} ended the talk: the same one, one step easier.", report.boss_name)
            }
            _ => format!("A grade of {shown} is a start: the same talk, one step easier."),
        };
        return proposal(&header.scenario, here - 1, why);
    }
    let again = tried.get(1).is_some_and(|before| *before == header.scenario);
    if known && report.outcome == Outcome::Open && grade >= GOOD && !again {
        let why = format!(
            "A grade of {shown}, and nothing was decided: try the same talk again and get a decision."
        );
        return proposal(&header.scenario, here, why);
    }
    let own = library.get::<Scenario>(&header.scenario).ok().filter(|scenario| scenario.kind.is_some());
    let Weakest { skill, score, talks } = weakest.or_else(|| {
        let (skill, score) = report.grade.as_ref()?.weakest()?;
        Some(Weakest { skill, score, talks: 1 })
    })?;
    if own.is_some() {
        let why = format!(
            "Your own talk once more; {} is your weakest skill in it, {score:.0} of 100.",
            skill.title()
        );
        return proposal(&header.scenario, here, why);
    }
    if score >= STRONG {
        let new = library.all::<Scenario>().map(|(name, _)| name).find(|name| !tried.contains(name))?;
        return proposal(
            new,
            here,
            "No skill of yours is weak here: a situation you have not had lately.".to_owned(),
        );
    }
    let training = &TRAINING[&skill];
    let trains = || training.scenarios.iter().filter(|name| library.get::<Scenario>(name).is_ok());
    let fresh = trains().find(|name| !tried.contains(&name.as_str()));
    let scenario = fresh.or_else(|| trains().find(|name| **name != header.scenario))?;
    let over = if talks > 1 {
        format!(", {score:.0} of 100 over {talks} talks")
    } else {
        format!(", {score:.0} of 100")
    };
    proposal(scenario, here, format!("{} is your weakest skill{over}: {}.", skill.title(), training.why))
}

#[cfg(test)]
mod tests {
    use super::super::report;
    use super::*;
    use crate::scenario::Difficulty;
    use crate::session::sample;

    fn talk(outcome: Outcome, grade: f64, difficulty: &str) -> Report {
        let mut report = report(&sample::finished());
        report.outcome = outcome;
        report.grade.as_mut().unwrap().overall = grade;
        report.header.difficulty = difficulty.into();
        report
    }

    #[test]
    fn every_skill_is_trained_by_scenarios_that_there_are() {
        let library = Library::embedded();
        for skill in Skill::ALL {
            let training = &TRAINING[&skill];
            assert!(training.scenarios.len() >= 2, "one may be the talk that was just held");
            assert!(training.scenarios.iter().all(|name| library.get::<Scenario>(name).is_ok()), "{skill:?}");
        }
    }

    #[test]
    fn well_done_goes_harder_a_lost_talk_easier_and_others_to_the_weakest_skill() {
        let library = Library::embedded();
        let weakest = Weakest { skill: Skill::Advise, score: 41.0, talks: 3 };
        let next = |report: &Report| next(report, Some(weakest), &["late-feedback"], &library).unwrap();
        let harder = next(&talk(Outcome::Agreed, 80.0, "guarded"));
        assert_eq!((harder.scenario.as_str(), harder.difficulty.as_str()), ("late-feedback", "skeptical"));
        assert_eq!(harder.command(), "coachup practice late-feedback --boss dana --difficulty skeptical");
        assert_eq!(next(&talk(Outcome::EndedByBoss, 60.0, "guarded")).difficulty, "open");
        assert_eq!(next(&talk(Outcome::Open, 10.0, "guarded")).difficulty, "open");
        let weakest = next(&talk(Outcome::Open, 60.0, "guarded"));
        assert_eq!((weakest.scenario.as_str(), weakest.difficulty.as_str()), ("slow-approvals", "guarded"));
        assert!(
            weakest.why.starts_with("Advise is your weakest skill, 41 of 100 over 3 talks: "),
            "{}",
            weakest.why
        );
        let top = next(&talk(Outcome::Agreed, 90.0, "hostile"));
        assert_eq!((top.scenario.as_str(), top.difficulty.as_str()), ("slow-approvals", "hostile"));
        let bottom = next(&talk(Outcome::EndedByBoss, 10.0, "welcoming"));
        assert_eq!(bottom.difficulty, "welcoming");
        let mut custom = talk(Outcome::Agreed, 80.0, "custom");
        custom.header.receptiveness = library.get::<Difficulty>("guarded").unwrap().receptiveness + 1.0;
        assert_eq!(next(&custom).difficulty, "skeptical");
    }

    #[test]
    fn good_words_without_a_decision_are_tried_once_more_and_a_strong_skill_is_not_called_weak() {
        let library = Library::embedded();
        let open = talk(Outcome::Open, 100.0, "guarded");
        let weakest = |score| Some(Weakest { skill: Skill::Prepare, score, talks: 1 });
        let again = next(&open, weakest(100.0), &["late-feedback"], &library).unwrap();
        assert_eq!((again.scenario.as_str(), again.difficulty.as_str()), ("late-feedback", "guarded"));
        assert!(again.why.contains("nothing was decided"), "{}", again.why);
        let tried = ["late-feedback", "late-feedback"];
        let strong = next(&open, weakest(100.0), &tried, &library).unwrap();
        assert!(strong.scenario != "late-feedback" && !strong.why.contains("weakest"), "{strong:?}");
        let weak = next(&open, weakest(60.0), &tried, &library).unwrap();
        assert!(weak.why.starts_with("Prepare is your weakest skill, 60 of 100: "), "{}", weak.why);
    }

    /// A folder of one's own may hold names with spaces; an imported session may name anything at all.
    #[test]
    fn a_command_is_safe_to_copy_into_a_shell_and_names_what_there_is() {
        let proposal = Proposal {
            scenario: "my talk".into(),
            boss: "Dana's".into(),
            difficulty: "$(id)".into(),
            why: String::new(),
        };
        assert_eq!(proposal.command(), r"coachup practice 'my talk' --boss 'Dana'\''s' --difficulty '$(id)'");
        let library = Library::embedded();
        let mut foreign = talk(Outcome::Agreed, 80.0, "guarded");
        foreign.header.scenario = "x; rm -r ~".into();
        let next_after = |report: &Report| next(report, None, &[], &library);
        assert!(next_after(&foreign).is_none_or(|next| library.get::<Scenario>(&next.scenario).is_ok()));
        foreign.header.boss = "x; rm -r ~".into();
        assert_eq!(next_after(&foreign), None);
    }

    #[test]
    fn an_empty_talk_leads_nowhere() {
        let mut empty = talk(Outcome::Open, 0.0, "open");
        empty.grade = None;
        assert_eq!(next(&empty, None, &[], &Library::embedded()), None);
    }
}
