//! Views of a session, finished or not: built once as a [`Report`], then shown by a renderer.
//!
//! `report` decides what is said and `words` how it is called; `terminal`, `markdown`, `html` and `json`
//! only lay it out. `compare` puts two talks beside each other, `progress` looks over all sessions, `group`
//! over those of many people, `ladder` proposes the next talk. All of them return strings that are safe to print.

pub mod better;
mod chart;
pub mod compare;
pub mod compare_markdown;
pub mod group;
pub mod group_views;
#[cfg(test)]
mod hostile;
pub mod html;
pub mod json;
pub mod ladder;
pub mod markdown;
mod marks;
mod next_time;
pub mod plan;
pub mod progress;
pub mod progress_views;
mod report;
pub mod side_by_side;
pub mod terminal;
mod trend;
mod turning;
mod underline;
mod words;

pub use compare::Comparison;
pub use ladder::Proposal;
pub use marks::{Effect, Mark};
pub use next_time::NextTime;
pub use plan::{PartReview, PlanReview, PlanUse};
pub use progress::{Progress, Talks};
pub use report::{Branch, Report, Titles, TurnView};
pub use turning::{Turn, TurningPoint};
pub use words::{Finding, findings, outcome as outcome_words};

/// The report on a session of the tests' own.
#[cfg(test)]
fn report(session: &crate::session::Session) -> Report {
    Report::of_talk(session, session.head, Titles { scenario: "Late feedback", boss: "Dana" })
}

/// The golden files' report: the coach's words are fixed, so that better ones do not change the layout's
/// golden files.
#[cfg(test)]
fn golden_report() -> Report {
    use crate::scorer::feedback::{Feedback, Note};
    use crate::scorer::rubric::Check;

    let note = |check: Check, text: &str| {
        Some(Note { check, quote: None, text: text.to_owned(), section: check.section() })
    };
    let mut report = report(&crate::session::sample::session());
    let [opening, asking, thanks] = report.talk.as_mut_slice() else { panic!("the sample has three turns") };
    opening.feedback = Feedback {
        praise: note(Check::AsksPermission, "It leaves the choice with your boss."),
        change: note(Check::SchedulesAhead, "It asks for right now, which is easy to wave off."),
    };
    asking.feedback =
        Feedback { praise: note(Check::OpenQuestion, "It can't be answered with a no."), change: None };
    thanks.feedback = Feedback::default();
    for explained in &mut report.explained {
        explained.lines = vec![
            "What earned: one thing, turn 1 (+23); another, of which one can say more than fits a line (+18)."
                .to_owned(),
            "What would earn most next: a third (up to +23).".to_owned(),
        ];
    }
    report.next_time = Some(NextTime {
        check: Check::Blames,
        advice: "Say what is open, not who left it open. Blame makes people defend themselves, and a talk \
                 that has become a defence ends there."
            .to_owned(),
        section: Check::Blames.section(),
        turns: vec![2, 3],
        quote: Some(crate::scorer::verdict::Span::cut("you never answer", 0, 9)),
        grade: Some(76.9),
    });
    report
}

/// Compares `text` with the golden file `name` of `tests/golden`.
#[cfg(test)]
fn golden(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../tests/golden");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}
