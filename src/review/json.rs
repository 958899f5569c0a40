//! The review as JSON: the [`Report`] itself, every word kept, safe to print.

use super::Report;

/// The whole report, ending with a line feed.
pub fn render(report: &Report) -> String {
    crate::text::json::pretty(report)
}

#[cfg(test)]
mod tests {
    use super::super::{golden, golden_report};
    use super::*;

    #[test]
    fn golden_object() {
        golden("review-json", &render(&golden_report()));
    }
}
