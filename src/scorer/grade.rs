//! The grade of a whole talk, computed from the verdicts on its turns, and explained.
//!
//! A talk's grade is not the mean of its turns: asking permission once is enough, and blaming once is
//! not undone by a friendly turn after it. For each skill:
//!
//! ```text
//! earned = Σ weight(c) · credit(k_c) / Σ weight(c)      over the skill's helpful checks that applied
//! cost   = Σ first(c) + (most(c) − first(c)) · (1 − ½^(k_c − 1))   over its harmful checks with k_c ≥ 1
//! score  = clamp(100 · earned − cost, 0, 100)
//! ```
//!
//! where `k_c` is the number of turns that showed check `c`, and `credit(k) = min(1, k / times(c))` to
//! the power ¾: the first time counts most, and beyond `times` more of the same earns nothing. The
//! overall grade is the mean of the skills weighted by `[skills]`. The numbers are in
//! `prompts/grade.toml`.
//!
//! A check that applied to no turn is left out. The grade is monotone: one more helpful yes never lowers
//! it and one more harmful yes never raises it. Since a question makes `open-question` apply, that
//! needs `weight(open-question) ≤ weight(asks-question) · credit(1)`, which a test holds.

use super::rubric::{Check, Skill};
use super::verdict::{Answer, Verdicts};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// How fast credit grows with repetition; below 1, so that the first time counts most.
const CREDIT_POWER: f64 = 0.75;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Weights {
    skills: BTreeMap<Skill, f64>,
    helpful: BTreeMap<Check, Credit>,
    harmful: BTreeMap<Check, Cost>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Credit {
    weight: f64,
    times: u32,
}

impl Credit {
    /// The share of full credit that `count` turns earn, 0 to 1.
    fn share(self, count: usize) -> f64 {
        (count as f64 / f64::from(self.times)).min(1.0).powf(CREDIT_POWER)
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cost {
    first: f64,
    most: f64,
}

impl Cost {
    /// Points that `count` turns take off their skill.
    fn points(self, count: usize) -> f64 {
        match count {
            0 => 0.0,
            _ => self.first + (self.most - self.first) * (1.0 - 0.5_f64.powi(count as i32 - 1)),
        }
    }
}

impl Skill {
    /// The skill's part of the overall grade, 0 to 1.
    pub fn share(self) -> f64 {
        WEIGHTS.skills[&self] / WEIGHTS.skills.values().sum::<f64>()
    }
}

static WEIGHTS: LazyLock<Weights> = LazyLock::new(|| {
    crate::text::data::from_toml(include_str!("../../prompts/grade.toml"))
        .expect("prompts/grade.toml is read by a test")
});

/// Why a skill has its score: one check, the turns that showed it, and what that earned or cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// The check.
    pub check: Check,
    /// The turns that showed it, from 1; empty for a helpful one that is missing.
    pub turns: Vec<usize>,
    /// Points of the skill's 100: earned above 0, cost below.
    pub points: f64,
    /// Points that more of it could still earn; 0 for harmful ones.
    pub open: f64,
}

/// The score of one skill.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SkillGrade {
    /// 0 to 100; none where nothing applied.
    pub score: Option<f64>,
    /// Every check that applied, biggest effect first.
    pub why: Vec<Reason>,
}

/// The grade of a talk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grade {
    /// 0 to 100; 0 for a talk without a graded turn.
    pub overall: f64,
    /// The overall grade in words.
    pub band: String,
    /// Each skill.
    pub skills: BTreeMap<Skill, SkillGrade>,
}

impl Grade {
    /// The skill with the lowest score, and the score.
    pub fn weakest(&self) -> Option<(Skill, f64)> {
        let scored = self.skills.iter().filter_map(|(skill, grade)| Some((*skill, grade.score?)));
        scored.min_by(|a, b| a.1.total_cmp(&b.1))
    }
}

/// Grades a talk from the verdicts on its turns, in order.
pub fn grade(turns: &[&Verdicts]) -> Grade {
    let skills: BTreeMap<Skill, SkillGrade> =
        Skill::ALL.into_iter().map(|skill| (skill, grade_skill(skill, turns))).collect();
    let scored = || skills.iter().filter_map(|(skill, grade)| Some((WEIGHTS.skills[skill], grade.score?)));
    let weight: f64 = scored().map(|(weight, _)| weight).sum();
    let sum: f64 = scored().map(|(weight, score)| weight * score).sum();
    let overall = if weight > 0.0 { rounded(sum / weight) } else { 0.0 };
    Grade { overall, band: band(overall).to_owned(), skills }
}

fn grade_skill(skill: Skill, turns: &[&Verdicts]) -> SkillGrade {
    let mut why = Vec::new();
    let applied = |check: Check| turns.iter().any(|v| v.get(check).verdict != Answer::NotApplicable);
    let checks = Check::ALL.into_iter().filter(|check| check.skill() == skill && applied(*check));
    let checks: Vec<(Check, Vec<usize>)> = checks.map(|check| (check, showing(check, turns))).collect();
    let weight_of = |check: &Check| WEIGHTS.helpful.get(check).map_or(0.0, |credit| credit.weight);
    let total: f64 = checks.iter().map(|(check, _)| weight_of(check)).sum();
    if total == 0.0 {
        return SkillGrade::default();
    }
    for (check, shown) in checks {
        if let Some(credit) = WEIGHTS.helpful.get(&check) {
            let full = 100.0 * credit.weight / total;
            let points = full * credit.share(shown.len());
            why.push(Reason { check, turns: shown, points, open: full - points });
        } else if !shown.is_empty() {
            let points = -WEIGHTS.harmful[&check].points(shown.len());
            why.push(Reason { check, turns: shown, points, open: 0.0 });
        }
    }
    let sum: f64 = why.iter().map(|reason| reason.points).sum();
    for reason in &mut why {
        reason.points = rounded(reason.points);
        reason.open = rounded(reason.open);
    }
    why.sort_by(|a, b| b.points.abs().total_cmp(&a.points.abs()).then(a.check.cmp(&b.check)));
    SkillGrade { score: Some(rounded(sum.clamp(0.0, 100.0))), why }
}

/// The turns, from 1, that showed `check`.
fn showing(check: Check, turns: &[&Verdicts]) -> Vec<usize> {
    turns.iter().enumerate().filter(|(_, verdicts)| verdicts.is_yes(check)).map(|(i, _)| i + 1).collect()
}

/// One decimal is all the arithmetic is worth.
fn rounded(points: f64) -> f64 {
    (points * 10.0).round() / 10.0
}

/// The overall grade in words.
fn band(overall: f64) -> &'static str {
    match overall {
        85.0.. => "strong",
        70.0.. => "good",
        50.0.. => "getting there",
        30.0.. => "a start",
        _ => "not yet",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn turn(present: &[Check]) -> Verdicts {
        let mut verdicts = Verdicts::default();
        for &check in present {
            verdicts.get_mut(check).verdict = Answer::Yes;
        }
        applicability(&mut verdicts, false);
        verdicts
    }

    /// The rubric's n/a rules.
    fn applicability(verdicts: &mut Verdicts, opening: bool) {
        let open = verdicts.get_mut(Check::OpenQuestion);
        open.verdict = if open.verdict == Answer::Yes { Answer::Yes } else { Answer::No };
        if !verdicts.is_yes(Check::AsksQuestion) {
            verdicts.get_mut(Check::OpenQuestion).verdict = Answer::NotApplicable;
        }
        if !opening {
            verdicts.get_mut(Check::Springs).verdict = Answer::NotApplicable;
        }
    }

    #[test]
    fn every_check_has_its_numbers_once() {
        for check in Check::ALL {
            assert_eq!(WEIGHTS.helpful.contains_key(&check), check.is_helpful(), "{check}");
            assert_eq!(WEIGHTS.harmful.contains_key(&check), !check.is_helpful(), "{check}");
        }
        assert!(Skill::ALL.iter().all(|skill| WEIGHTS.skills[skill] > 0.0));
        assert!(WEIGHTS.helpful.values().all(|credit| credit.weight > 0.0 && credit.times > 0));
        assert!(WEIGHTS.harmful.values().all(|cost| 0.0 < cost.first && cost.first <= cost.most));
        let (question, open) = (WEIGHTS.helpful[&Check::AsksQuestion], WEIGHTS.helpful[&Check::OpenQuestion]);
        assert!(open.weight <= question.weight * question.share(1));
    }

    #[test]
    fn what_counts_more_than_once_has_words_for_doing_it_again() {
        for (check, credit) in &WEIGHTS.helpful {
            assert_eq!(super::super::wording::of(*check).again.is_some(), credit.times > 1, "{check}");
        }
    }

    #[test]
    fn once_is_enough_for_permission_and_blame_is_not_undone() {
        let (asks, plain) = (turn(&[Check::AsksPermission, Check::SchedulesAhead]), turn(&[]));
        let once = grade(&[&asks, &plain, &plain]);
        assert_eq!(once.skills[&Skill::AskPermission].score, Some(100.0));
        let good = turn(&[Check::OffersOptions, Check::AsksQuestion, Check::OpenQuestion, Check::Specific]);
        let blamed = grade(&[&turn(&[Check::Blames]), &good, &good, &good]);
        let clean = grade(&[&plain, &good, &good, &good]);
        assert!(blamed.overall < clean.overall);
        let reason = &blamed.skills[&Skill::Advise].why.iter().find(|r| r.check == Check::Blames).unwrap();
        assert_eq!((reason.turns.as_slice(), reason.points), ([1].as_slice(), -25.0));
    }

    #[test]
    fn an_empty_talk_has_no_scores() {
        let empty = grade(&[]);
        assert_eq!((empty.overall, empty.weakest()), (0.0, None));
        assert!(empty.skills.values().all(|skill| skill.score.is_none()));
    }

    proptest! {
        #[test]
        fn the_grade_is_monotone(
            talk in prop::collection::vec(prop::collection::vec(any::<bool>(), Check::COUNT), 1..8),
            at in any::<prop::sample::Index>(),
            flip in 0..Check::COUNT,
        ) {
            let built = |talk: &[Vec<bool>]| -> Grade {
                let turns: Vec<Verdicts> = talk.iter().enumerate().map(|(i, yes)| {
                    let mut verdicts = Verdicts::default();
                    for check in Check::ALL.into_iter().filter(|check| yes[check.index()]) {
                        verdicts.get_mut(check).verdict = Answer::Yes;
                    }
                    applicability(&mut verdicts, i == 0);
                    verdicts
                }).collect();
                grade(&turns.iter().collect::<Vec<_>>())
            };
            let at = at.index(talk.len());
            let (mut without, mut with) = (talk.clone(), talk);
            without[at][flip] = false;
            with[at][flip] = true;
            let (without, with) = (built(&without), built(&with));
            let helpful = Check::ALL[flip].is_helpful();
            let pairs = Skill::ALL.iter().map(|skill| (without.skills[skill].score, with.skills[skill].score));
            for (before, after) in pairs.chain([(Some(without.overall), Some(with.overall))]) {
                if helpful {
                    prop_assert!(after >= before, "{before:?} {after:?}");
                } else {
                    prop_assert!(after <= before, "{before:?} {after:?}");
                }
            }
        }
    }
}
