//! A comparison for a screen: two columns where they fit, one after the other where they do not.

use super::compare::{Comparison, Side};
use super::report::TurnView;
use super::underline::sign;
use super::{Effect, words};
use crate::scorer::rubric::{Check, Skill};
use crate::scorer::wording;
use crate::text::columns::{self, NARROW, options, width as display_width};
use crate::text::{count, one_line, printable};
use anstyle::{Effects, Style};

const BOLD: Style = Style::new().effects(Effects::BOLD);
const DIM: Style = Style::new().effects(Effects::DIMMED);

/// Below so many columns, two texts don't fit beside each other.
const TWO_COLUMNS: usize = 64;
/// The longest quotation, in characters: the words stand above it.
const QUOTE: usize = 40;

/// The comparison. Colours are ANSI sequences. `columns`: beside each other, where there is room.
pub fn render(compared: &Comparison, width: usize, columns: bool) -> String {
    let mut page = String::new();
    let [a, b] = &compared.sides;
    let title = format!("A {} against B {}: {}", a.id, b.id, compared.a.scenario_title);
    page.push_str(&format!(
        "{BOLD}{}{BOLD:#}\n\n",
        columns::hanging("", &one_line(&title), 2, options(width))
    ));
    for row in rows(compared, width) {
        page.push_str(&row);
        page.push('\n');
    }
    page.push_str(&section("What differs"));
    if compared.checks.is_empty() {
        page.push_str("    Nothing on the rubric.\n");
    }
    for line in differences(compared, !columns) {
        page.push_str(&hanging("    ", &line, width));
    }
    page.push_str(&section("The talk"));
    page.push_str(&wrapped(&shared(compared), 4, width));
    let (both, rest) = compared.parted();
    for pair in both {
        page.push('\n');
        if columns && width >= TWO_COLUMNS {
            page.push_str(&beside(compared, pair, width));
        } else {
            let turns = [("A", pair[0]), ("B", pair[1])];
            turns.iter().for_each(|(name, turn)| page.push_str(&below(compared, name, turn, columns, width)));
        }
    }
    if let Some(rest) = rest {
        page.push_str(&format!("\n    {DIM}{}{DIM:#}\n", rest.said()));
        for turn in rest.turns {
            page.push('\n');
            page.push_str(&below(compared, rest.longer, turn, columns, width));
        }
    }
    page
}

/// The numbers of both, and the difference.
fn rows(compared: &Comparison, width: usize) -> Vec<String> {
    let [a, b] = &compared.sides;
    let wide = if width < NARROW { 6 } else { 10 };
    let mut rows = vec![format!("  {DIM}{:<15} {:>wide$} {:>wide$} {:>wide$}{DIM:#}", "", "A", "B", "A − B")];
    let mut number = |name: &str, of: &dyn Fn(&Side) -> Option<f64>| {
        let show = |value: Option<f64>| value.map_or("-".to_owned(), words::points);
        let change = of(a).zip(of(b)).map_or(String::new(), |(a, b)| words::signed(a - b));
        rows.push(format!("  {name:<15} {:>wide$} {:>wide$} {change:>wide$}", show(of(a)), show(of(b))));
    };
    number("Grade", &|side| side.grade);
    for (index, skill) in Skill::ALL.into_iter().enumerate() {
        number(&format!("  {}", skill.title()), &|side| side.skills[index]);
    }
    number("Openness", &|side| Some(side.openness));
    number("Turns", &|side| Some(f64::from(side.turns)));
    for (name, side) in [("A", a), ("B", b)] {
        let outcome = words::outcome(side.outcome, side.finished);
        rows.push(columns::hanging(&format!("  Outcome of {name}    "), outcome, 4, options(width)));
    }
    rows
}

/// What both talks have in common.
pub(super) fn shared(compared: &Comparison) -> String {
    match compared.shared {
        0 if compared.a.header.id != compared.b.header.id => "Two sessions, turn by turn.".to_owned(),
        0 => "They part from the start.".to_owned(),
        shared => format!("The first {} are the same.", count(shared as usize, "turn"))
            .replace("The first 1 turn are", "The first turn is"),
    }
}

/// What one talk showed and the other did not, one line a check.
/// `spoken`: "helped" and "hurt" instead of signs.
pub(super) fn differences(compared: &Comparison, spoken: bool) -> Vec<String> {
    let place = |turns: &[u32]| match turns {
        [] => "not at all".to_owned(),
        turns => format!("in {}", words::turns(turns)),
    };
    let line = |check: Check, a: &[u32], b: &[u32]| {
        let mark = mark(Effect::of(check), spoken);
        format!("{mark} {}: A {}, B {}", wording::of(check).title, place(a), place(b))
    };
    compared.checks.iter().map(|found| line(found.check, &found.a, &found.b)).collect()
}

/// What stands before a check: a sign, or a word for those who hear it.
fn mark(effect: Effect, spoken: bool) -> String {
    match (effect, spoken) {
        (effect, false) => sign(effect).to_string(),
        (Effect::Helped, true) => "helped:".to_owned(),
        (Effect::Hurt, true) => "hurt:".to_owned(),
    }
}

fn section(title: &str) -> String {
    format!("\n{BOLD}{title}{BOLD:#}\n\n")
}

fn beside(compared: &Comparison, pair: [&TurnView; 2], width: usize) -> String {
    let column = (width - 7) / 2;
    let [a, b] =
        [("A", pair[0]), ("B", pair[1])].map(|(name, turn)| cell(compared, name, turn, false, column));
    let mut page = String::new();
    for index in 0..a.len().max(b.len()) {
        let (left, right) =
            (a.get(index).map_or("", String::as_str), b.get(index).map_or("", String::as_str));
        let gap = " ".repeat(column.saturating_sub(display_width(left)));
        page.push_str(format!("    {left}{gap} | {right}").trim_end());
        page.push('\n');
    }
    page
}

fn below(compared: &Comparison, name: &str, turn: &TurnView, columns: bool, width: usize) -> String {
    let lines = cell(compared, name, turn, !columns, width - 4);
    lines.iter().map(|line| format!("    {line}").trim_end().to_owned() + "\n").collect()
}

/// One turn of one side: the words, what they showed, what they did, and the answer.
fn cell(compared: &Comparison, name: &str, turn: &TurnView, spoken: bool, width: usize) -> Vec<String> {
    let boss = if name == "A" { &compared.a.boss_name } else { &compared.b.boss_name };
    let mut lines = vec![format!("{BOLD}{name}, turn {}{BOLD:#}", turn.turn)];
    let mut add = |text: &str, hang: &str| {
        let options = options(width).subsequent_indent(hang);
        lines.extend(textwrap::wrap(text, options).into_iter().map(|line| line.into_owned()));
    };
    add(&printable(&turn.text).replace('\t', " "), "");
    for finding in words::findings(&turn.checks, QUOTE) {
        add(&format!("{} {}", mark(finding.effect, spoken), words::titles(&finding.checks)), "  ");
    }
    let moved = format!("openness {} to {}", words::points(turn.moved.from), words::points(turn.moved.to));
    add(&moved, "  ");
    match &turn.reply {
        Some(reply) => add(&one_line(&format!("{boss} ({}): {}", words::reply(reply), reply.text)), "  "),
        None => add("No reply was stored.", "  "),
    }
    lines
}

fn wrapped(text: &str, indent: usize, width: usize) -> String {
    let lines = textwrap::wrap(text, options(width - indent));
    lines.iter().map(|line| format!("{:indent$}{line}\n", "")).collect()
}

fn hanging(indent: &str, text: &str, width: usize) -> String {
    columns::hanging(indent, &one_line(text), indent.len() + 2, options(width)) + "\n"
}

#[cfg(test)]
mod tests {
    use super::super::{Report, Titles};
    use super::*;
    use crate::session::sample;

    fn compared() -> Comparison {
        let talk = |node| {
            Report::of_talk(
                &sample::session(),
                Some(node),
                Titles { scenario: "Late feedback", boss: "Dana" },
            )
        };
        Comparison::of(talk(4), talk(2))
    }

    fn plain(width: usize, columns: bool) -> String {
        anstream::adapter::strip_str(&render(&compared(), width, columns)).to_string()
    }

    #[test]
    fn both_stand_beside_each_other_and_the_numbers_say_which_is_better() {
        let text = plain(80, true);
        assert!(text.contains(&format!("{:<36} | B, turn 2", "A, turn 2")), "{text}");
        assert!(text.contains("The first turn is the same."), "{text}");
        let grade = text.lines().find(|line| line.trim_start().starts_with("Grade")).unwrap();
        let words: Vec<&str> = grade.split_whitespace().collect();
        assert!(words[3].starts_with('+'), "{grade}");
        assert!(
            text.contains("- Blames: A not at all, B in turn 2")
                || text.contains("A not at all, B in turn 2")
        );
        assert!(text.contains("\n    B ends here; A goes on.\n"), "{text}");
        let spoken = plain(80, false);
        assert!(spoken.contains("hurt: Blames: A not at all, B in turn 2"), "{spoken}");
        assert!(!spoken.contains("\n    + "), "{spoken}");
    }

    #[test]
    fn it_fits_every_width() {
        for width in [40, 63, 64, 80] {
            for columns in [true, false] {
                for line in plain(width, columns).lines() {
                    assert!(display_width(line) <= width, "{width}: {line}");
                }
            }
        }
        assert!(!plain(40, true).contains(" | "));
        assert!(!plain(80, false).contains(" | "));
    }
}
