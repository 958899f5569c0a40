//! How a report calls things: the wording that its renderers share.

use super::turning::Turn;
use crate::scorer::rubric::Check;
use crate::session::Outcome;

/// A check's name for people.
pub fn title(check: Check) -> String {
    check.id().replace('-', " ")
}

/// What to do about a check next time.
pub fn advice(check: Check) -> String {
    match check.is_helpful() {
        true => format!("Add this: {}.", title(check)),
        false => format!("Leave this out: {}.", title(check)),
    }
}

/// How the talk ended, or stands.
pub fn outcome(outcome: Outcome, finished: bool) -> &'static str {
    match (outcome, finished) {
        (Outcome::Agreed, _) => "agreed",
        (Outcome::Partly, true) => "agreed in part",
        (Outcome::Partly, false) => "agreed in part so far",
        (Outcome::Open, true) => "nothing was decided",
        (Outcome::Open, false) => "nothing is decided yet",
        (Outcome::EndedByBoss, _) => "ended by the boss",
    }
}

/// What turned, said of the boss.
pub fn turned(what: Turn) -> &'static str {
    match what {
        Turn::OpenedMost => "opened up most",
        Turn::ClosedMost => "closed up most",
        Turn::ToldFact => "told you something kept back until then",
        Turn::ConcededPart => "gave a first part",
        Turn::Agreed => "agreed and committed",
        Turn::EndedTalk => "had enough and ended the talk",
    }
}

/// "one", "one and two", "one, two and three".
pub fn listed<T: ToString>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(T::to_string).collect();
    match items.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// "turn 2", "turns 2, 3 and 5".
pub fn turns<T: ToString>(numbers: &[T]) -> String {
    format!("{} {}", if numbers.len() == 1 { "turn" } else { "turns" }, listed(numbers))
}

/// "1 turn", "2 turns".
pub fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// A number of points with at most one decimal: "45", "47.1".
pub fn points(points: f64) -> String {
    let text = format!("{points:.1}");
    // A negative zero would read as a loss.
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// "openness 45 → 47.1".
pub fn moved(from: f64, to: f64) -> String {
    if from == to {
        format!("openness stayed at {}", points(to))
    } else {
        format!("openness {} → {}", points(from), points(to))
    }
}

/// Evidence on one line, at most about `longest` characters: the middle is left out first.
pub fn quote(words: &str, longest: usize) -> String {
    let words = crate::text::one_line(words);
    let count = words.chars().count();
    if count <= longest {
        return format!("\u{201c}{words}\u{201d}");
    }
    let keep = longest.saturating_sub(3);
    let (head, tail) = (keep - keep / 3, keep / 3);
    let start: String = words.chars().take(head).collect();
    let end: String = words.chars().skip(count - tail).collect();
    format!("\u{201c}{} … {}\u{201d}", start.trim_end(), end.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_lists_read_well() {
        assert_eq!(turns(&[2]), "turn 2");
        assert_eq!(turns(&[2, 3, 5]), "turns 2, 3 and 5");
        assert_eq!(count(1, "turn"), "1 turn");
        assert_eq!((points(45.0), points(47.12), points(-0.01)), ("45".into(), "47.1".into(), "0".into()));
        assert_eq!(moved(45.0, 45.0), "openness stayed at 45");
    }

    #[test]
    fn a_long_quotation_keeps_both_ends() {
        let short = quote(&"word ".repeat(20), 30);
        assert_eq!(short, "\u{201c}word word word wor … word word\u{201d}");
        assert_eq!(quote("a\n\u{1b}[31mb", 30), "\u{201c}a b\u{201d}");
    }
}
