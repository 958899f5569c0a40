//! Evaluation against labelled turns: how often the scorer agrees with people, how well its probabilities
//! are calibrated, and where it errs most surely.

use super::Scorer;
use super::corpus::Labelled;
use super::rubric::Check;
use super::verdict::{Answer, Verdict};
use serde::Serialize;

/// Agreement of answers with labels, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Yes, and labelled present.
    pub both: usize,
    /// Yes, but not labelled.
    pub only_said: usize,
    /// Labelled, but no.
    pub only_labelled: usize,
    /// Neither.
    pub neither: usize,
}

impl Counts {
    /// Counts one turn.
    pub fn add(&mut self, said: bool, labelled: bool) {
        *match (said, labelled) {
            (true, true) => &mut self.both,
            (true, false) => &mut self.only_said,
            (false, true) => &mut self.only_labelled,
            (false, false) => &mut self.neither,
        } += 1;
    }

    /// How many turns show the behaviour.
    pub fn support(&self) -> usize {
        self.both + self.only_labelled
    }

    /// Share of the yeses that are right; 0 without any.
    pub fn precision(&self) -> f64 {
        ratio(self.both, self.both + self.only_said)
    }

    /// Share of the labelled that were found; 0 without any.
    pub fn recall(&self) -> f64 {
        ratio(self.both, self.support())
    }

    /// Harmonic mean of precision and recall.
    pub fn f1(&self) -> f64 {
        ratio(2 * self.both, 2 * self.both + self.only_said + self.only_labelled)
    }

    /// Cohen's κ: agreement beyond chance, 1 at best.
    pub fn kappa(&self) -> f64 {
        let all = (self.both + self.only_said + self.only_labelled + self.neither) as f64;
        if all == 0.0 {
            return 0.0;
        }
        let said = (self.both + self.only_said) as f64 / all;
        let labelled = self.support() as f64 / all;
        let chance = said * labelled + (1.0 - said) * (1.0 - labelled);
        let agreed = (self.both + self.neither) as f64 / all;
        if chance >= 1.0 { 1.0 } else { (agreed - chance) / (1.0 - chance) }
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Probabilities against what happened, in ten bins of equal width.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Calibration {
    bins: [Bin; 10],
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Bin {
    turns: usize,
    present: usize,
    expected: f64,
}

impl Calibration {
    /// Counts one answer.
    pub fn add(&mut self, p: f32, present: bool) {
        let last = self.bins.len() - 1;
        let bin = &mut self.bins[((p * 10.0) as usize).min(last)];
        bin.turns += 1;
        bin.present += usize::from(present);
        bin.expected += f64::from(p);
    }

    /// The expected calibration error (Naeini et al. 2015): the mean gap between probability and share.
    pub fn error(&self) -> f64 {
        let turns: usize = self.bins.iter().map(|bin| bin.turns).sum();
        let gaps: f64 = self.bins.iter().map(|bin| (bin.expected - bin.present as f64).abs()).sum();
        if turns == 0 { 0.0 } else { gaps / turns as f64 }
    }
}

/// An answer that differs from the label.
#[derive(Clone, Debug, Serialize)]
pub struct Confusing {
    /// The check that was answered.
    pub check: Check,
    /// The turn.
    pub id: String,
    /// What was said.
    pub text: String,
    /// What the boss said before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// Was the behaviour labelled as present?
    pub labelled: bool,
    /// The probability the scorer gave it.
    pub p: f32,
    /// For a hard look-alike, its kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// What was measured for one check.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measured {
    /// Answers against labels.
    pub counts: Counts,
    /// Probabilities against labels, where the check applies.
    pub calibration: Calibration,
    /// To how many turns the check applied.
    pub applied: usize,
}

impl Measured {
    fn add(&mut self, verdict: &Verdict, present: bool) {
        self.counts.add(verdict.verdict == Answer::Yes, present);
        if verdict.verdict != Answer::NotApplicable {
            self.applied += 1;
            self.calibration.add(verdict.p, present);
        }
    }

    /// F1 of one who always says yes where the check applies.
    pub fn always_yes(&self) -> f64 {
        let support = self.counts.support();
        ratio(2 * support, self.applied.max(support) + support)
    }
}

/// Measures for every check.
#[derive(Clone, Debug, Default)]
pub struct Report {
    measured: [Measured; Check::COUNT],
    confusing: Vec<Confusing>,
    turns: usize,
}

impl Report {
    /// Grades every turn and counts.
    pub fn of<'a>(scorer: &Scorer, turns: impl IntoIterator<Item = &'a Labelled>) -> Report {
        let mut report = Report::default();
        for turn in turns {
            report.add(scorer, turn);
        }
        report.confusing.sort_by(|a, b| doubt(a).total_cmp(&doubt(b)));
        report
    }

    fn add(&mut self, scorer: &Scorer, turn: &Labelled) {
        self.turns += 1;
        for (check, verdict) in scorer.grade(&turn.utterance()).verdicts.iter() {
            let labelled = turn.present.contains(&check);
            self.measured[check.index()].add(verdict, labelled);
            if (verdict.verdict == Answer::Yes) != labelled {
                let Labelled { id, text, context, kind, .. } = turn.clone();
                self.confusing.push(Confusing { check, id, text, context, labelled, p: verdict.p, kind });
            }
        }
    }

    /// What was measured for `check`.
    pub fn get(&self, check: Check) -> &Measured {
        &self.measured[check.index()]
    }

    /// How many turns were graded.
    pub fn turns(&self) -> usize {
        self.turns
    }

    /// The answers that differ from the labels, the surest first.
    pub fn confusing(&self) -> &[Confusing] {
        &self.confusing
    }

    /// The mean of a measure over the checks that occur.
    pub fn mean(&self, measure: impl Fn(&Measured) -> f64) -> f64 {
        let occurring: Vec<f64> =
            self.measured.iter().filter(|measured| measured.counts.support() > 0).map(measure).collect();
        if occurring.is_empty() { 0.0 } else { occurring.iter().sum::<f64>() / occurring.len() as f64 }
    }
}

/// How near the wrong answer's probability is to the right one.
fn doubt(case: &Confusing) -> f32 {
    if case.labelled { case.p } else { 1.0 - case.p }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_by_hand() {
        let counts = Counts { both: 20, only_said: 5, only_labelled: 10, neither: 15 };
        assert!((counts.f1() - 40.0 / 55.0).abs() < 1e-12);
        assert!((counts.kappa() - 0.4).abs() < 1e-12);
        assert_eq!(Counts::default().f1(), 0.0);
        let measured = Measured { counts, applied: 50, ..Measured::default() };
        assert!((measured.always_yes() - 60.0 / 80.0).abs() < 1e-12);
    }

    #[test]
    fn calibration_is_the_mean_gap() {
        let mut calibration = Calibration::default();
        [true, true, true, false].iter().for_each(|&present| calibration.add(0.75, present));
        assert!(calibration.error() < 1e-9);
        (0..4).for_each(|_| calibration.add(1.0, false));
        assert!((calibration.error() - 0.5).abs() < 1e-9);
    }
}
