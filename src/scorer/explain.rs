//! The grade of a talk in words: per skill what earned, what cost, and what would earn most next.

use super::grade::{Grade, Reason, SkillGrade};
use super::rubric::{Check, Skill};
use super::wording;
use crate::text::capital;
use crate::text::count::numbers;
use serde::Serialize;

/// Below so many of a skill's 100 points, something is not worth a line.
const WORTH_SAYING: f64 = 4.0;

/// What harm counts for against what is missing, in the choice of the one thing to do differently: it
/// closes a boss's ears to everything else.
const HARM_FACTOR: f64 = 2.0;

/// One skill's grade in words.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explained {
    /// The skill.
    pub skill: Skill,
    /// 0 to 100; none where nothing applied.
    pub score: Option<f64>,
    /// One to three plain lines, with turn numbers.
    pub lines: Vec<String>,
}

/// What to do differently the next time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NextTime {
    /// The behaviour to show, or to leave out.
    pub check: Check,
    /// The advice and why it matters; one line.
    pub text: String,
    /// The article's section.
    pub section: &'static str,
}

/// The grade in words, one entry a skill, in the order of [`Skill::ALL`].
pub fn explain(grade: &Grade) -> Vec<Explained> {
    grade
        .skills
        .iter()
        .map(|(&skill, graded)| Explained { skill, score: graded.score, lines: lines(graded) })
        .collect()
}

/// The one thing that would have changed the grade most; none where nothing was graded or nothing is left
/// to gain.
pub fn next_time(grade: &Grade) -> Option<NextTime> {
    let weighted = grade.skills.iter().flat_map(|(skill, graded)| {
        graded
            .why
            .iter()
            .map(move |reason| (reason, (reason.open - HARM_FACTOR * reason.points.min(0.0)) * skill.share()))
    });
    let (reason, _) = weighted.filter(|(_, gain)| *gain > 0.0).max_by(|a, b| a.1.total_cmp(&b.1))?;
    let text = format!("{} {}", advice(reason), wording::of(reason.check).why);
    Some(NextTime { check: reason.check, text, section: reason.check.section() })
}

/// What to do, seen from what the talk had: for a harmful check where it happened, for a helpful one that was
/// shown already that it was, and how to go on.
fn advice(reason: &Reason) -> String {
    let words = wording::of(reason.check);
    match (reason.check.is_helpful(), reason.turns.as_slice()) {
        (_, []) => format!("{}.", capital(&words.next)),
        (false, turns) => format!("{} ({}).", capital(&words.next), turn_list(turns)),
        (true, turns) => {
            let more = words.again.as_ref().unwrap_or(&words.next);
            let (did, more) = (capital(&words.did), capital(more));
            format!("{did}, but only in {}. {more}.", turn_list(turns))
        }
    }
}

fn lines(graded: &SkillGrade) -> Vec<String> {
    if graded.score.is_none() {
        return vec!["Nothing here applied to this talk.".to_owned()];
    }
    let mut lines = Vec::new();
    let earned: Vec<&Reason> =
        graded.why.iter().filter(|reason| reason.points >= WORTH_SAYING).take(3).collect();
    let cost: Vec<&Reason> = graded.why.iter().filter(|reason| reason.points < 0.0).take(3).collect();
    if !earned.is_empty() {
        lines.push(format!("What earned: {}.", deeds(&earned, |points| format!("+{points:.0}"))));
    }
    if !cost.is_empty() {
        lines.push(format!("What cost: {}.", deeds(&cost, |points| format!("−{:.0}", -points))));
    }
    let most_open = graded.why.iter().filter(|reason| reason.open >= WORTH_SAYING);
    if let Some(reason) = most_open.max_by(|a, b| a.open.total_cmp(&b.open)) {
        let words = wording::of(reason.check);
        let next = match &words.again {
            Some(again) if !reason.turns.is_empty() => again,
            _ => &words.next,
        };
        lines.push(format!("What would earn most next: {next} (up to +{:.0}).", reason.open));
    } else if cost.is_empty() {
        lines.push("Nothing is left to gain here: keep doing this.".to_owned());
    }
    lines
}

/// "you asked …, turns 1 and 3 (+40); you named …, turn 1 (+20)"
fn deeds(reasons: &[&Reason], points: impl Fn(f64) -> String) -> String {
    let each = reasons.iter().map(|reason| {
        format!("{}, {} ({})", wording::of(reason.check).did, turn_list(&reason.turns), points(reason.points))
    });
    each.collect::<Vec<_>>().join("; ")
}

/// "turn 2", "turns 1 and 3", "turns 1 to 4"
fn turn_list(turns: &[usize]) -> String {
    let turns: Vec<u32> = turns.iter().map(|&turn| turn as u32).collect();
    match turns.as_slice() {
        [] => "no turn".to_owned(),
        [only] => format!("turn {only}"),
        more => format!("turns {}", numbers(more)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scorer::grade::grade;
    use crate::scorer::verdict::{Answer, Verdicts};

    fn turn(present: &[Check], opening: bool) -> Verdicts {
        let mut verdicts = Verdicts::default();
        present.iter().for_each(|&check| verdicts.get_mut(check).verdict = Answer::Yes);
        if !opening {
            verdicts.get_mut(Check::Springs).verdict = Answer::NotApplicable;
        }
        if !verdicts.is_yes(Check::AsksQuestion) {
            verdicts.get_mut(Check::OpenQuestion).verdict = Answer::NotApplicable;
        }
        verdicts
    }

    #[test]
    fn turns_are_named_and_the_biggest_gain_is_next() {
        use Check::*;
        let talk = [
            turn(&[AsksPermission, StatesTopic], true),
            turn(&[AsksQuestion, OpenQuestion, ExploresSituation], false),
            turn(&[Blames, AsksQuestion], false),
        ];
        let graded = grade(&talk.iter().collect::<Vec<_>>());
        let words = explain(&graded);
        assert_eq!(words.len(), 4);
        assert_eq!(
            words[1].lines,
            [
                "What earned: you asked whether your boss was willing to hear it, turn 1 (+60).",
                "What would earn most next: ask for a time set aside for this talk (up to +40).",
            ]
        );
        assert!(words[2].lines[0].contains("turns 2 and 3"), "{:?}", words[2].lines);
        assert!(words[2].lines[1].starts_with("What cost: you blamed your boss, turn 3 (−25)"));
        let next = next_time(&graded).unwrap();
        assert_eq!(next.check, Blames, "harm before what is missing");
        let calm = next_time(&grade(&[&talk[0], &talk[1]])).unwrap();
        assert_eq!(calm.check, OffersHelp);
        assert!(calm.text.starts_with("Offer one thing that you would do yourself. "), "{}", calm.text);
    }

    #[test]
    fn what_was_done_once_is_not_asked_for_as_if_it_were_missing() {
        use Check::*;
        let all: Vec<Check> = Check::all_helpful().collect();
        let rest: Vec<Check> = all.iter().copied().filter(|check| *check != ExploresSituation).collect();
        let talk = [turn(&all, true), turn(&rest, false), turn(&rest, false)];
        let next = next_time(&grade(&talk.iter().collect::<Vec<_>>())).unwrap();
        assert_eq!(next.check, ExploresSituation);
        assert!(
            next.text.starts_with("You asked about your boss's side, but only in turn 1. "),
            "{}",
            next.text
        );
        let words = wording::of(ExploresSituation);
        assert!(next.text.contains(&capital(words.again.as_ref().unwrap())), "{}", next.text);
        assert!(!next.text.to_lowercase().contains(&words.next), "{}", next.text);
    }

    #[test]
    fn a_perfect_and_an_empty_talk_are_explained_too() {
        use Check::*;
        let all: Vec<Check> = Check::all_helpful().collect();
        let best = turn(&all, true);
        let graded = grade(&[&best, &best, &best]);
        assert!(
            explain(&graded).iter().all(|skill| skill.lines.last().unwrap().starts_with("Nothing is left"))
        );
        assert_eq!(next_time(&graded), None);
        let empty = grade(&[]);
        assert!(explain(&empty).iter().all(|skill| skill.lines == ["Nothing here applied to this talk."]));
        assert_eq!(next_time(&empty), None);
        let heated = turn(&[Heated], false);
        let next = next_time(&grade(&[&heated])).unwrap();
        assert_eq!(next.check, Heated);
        assert!(
            next.text
                .starts_with("Take a breath, then say what you need and why it matters to you (turn 1).")
        );
    }
}
