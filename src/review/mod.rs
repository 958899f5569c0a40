//! Views of a session, finished or not: built once as a [`Report`], then shown by a renderer.
//!
//! `report` decides what is said and `words` how it is called; `terminal`, `markdown` and `json` only
//! lay it out. All of them return strings that are safe to print.

#[cfg(test)]
mod hostile;
pub mod json;
pub mod markdown;
mod marks;
mod next_time;
mod report;
pub mod terminal;
mod turning;
mod underline;
mod words;

pub use marks::{Effect, Mark};
pub use next_time::NextTime;
pub use report::{Branch, Report, Titles, TurnView};
pub use turning::{Turn, TurningPoint};
pub use words::outcome as outcome_words;

/// Compares `text` with the golden file `name` of `tests/golden`.
#[cfg(test)]
fn golden(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../tests/golden");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// The report on a session of the tests' own.
#[cfg(test)]
fn report(session: &crate::session::Session) -> Report {
    Report::of_talk(session, session.head, Titles { scenario: "Late feedback", boss: "Dana" })
}
