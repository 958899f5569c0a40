//! A comparison for notes: a table of the numbers, then the turns of both.

use super::compare::Comparison;
use super::report::TurnView;
use super::{side_by_side, words};
use crate::scorer::rubric::Skill;
use crate::text::markdown::{escaped, inline, quoted};
use crate::text::one_line;

/// The comparison as Markdown.
pub fn render(compared: &Comparison) -> String {
    let [a, b] = &compared.sides;
    let line = |text: &str| inline(&one_line(text));
    let show = |value: Option<f64>| value.map_or("-".to_owned(), words::points);
    let title = format!("A {} against B {}: {}", a.id, b.id, compared.a.scenario_title);
    let mut page = format!("# {}\n\n| | A | B | A − B |\n|---|--:|--:|--:|\n", line(&title));
    let mut row = |name: &str, a: Option<f64>, b: Option<f64>| {
        let change = a.zip(b).map_or(String::new(), |(a, b)| words::signed(a - b));
        page.push_str(&format!("| {name} | {} | {} | {change} |\n", show(a), show(b)));
    };
    row("Grade", a.grade, b.grade);
    for (index, skill) in Skill::ALL.into_iter().enumerate() {
        row(skill.title(), a.skills[index], b.skills[index]);
    }
    row("Openness", Some(a.openness), Some(b.openness));
    row("Turns", Some(f64::from(a.turns)), Some(f64::from(b.turns)));
    let outcome =
        |index: usize| words::outcome(compared.sides[index].outcome, compared.sides[index].finished);
    page.push_str(&format!("| Outcome | {} | {} | |\n\n## What differs\n\n", outcome(0), outcome(1)));
    let differences = side_by_side::differences(compared, true);
    if differences.is_empty() {
        page.push_str("Nothing on the rubric.\n");
    }
    differences.iter().for_each(|text| page.push_str(&format!("- {}\n", line(text))));
    page.push_str(&format!("\n## The talk\n\n{}\n", side_by_side::shared(compared)));
    let boss = |name: &str| if name == "A" { &compared.a.boss_name } else { &compared.b.boss_name };
    let (both, rest) = compared.parted();
    for [one, other] in both {
        turn(&mut page, "A", boss("A"), one);
        turn(&mut page, "B", boss("B"), other);
    }
    if let Some(rest) = rest {
        page.push_str(&format!("\n{}\n", rest.said()));
        rest.turns.iter().for_each(|view| turn(&mut page, rest.longer, boss(rest.longer), view));
    }
    page
}

fn turn(page: &mut String, name: &str, boss: &str, turn: &TurnView) {
    page.push_str(&format!("\n### {name}, turn {}\n\n{}\n", turn.turn, quoted(&escaped(&turn.text))));
    for finding in words::findings(&turn.checks, 80) {
        page.push_str(&format!("- {}\n", inline(&one_line(&finding.text))));
    }
    page.push_str(&format!("- {}\n", inline(&words::boss_moved(turn, boss))));
    if let Some(reply) = &turn.reply {
        let how = inline(&one_line(&format!("{boss} ({})", words::reply(reply))));
        page.push_str(&format!("\n{how}\n\n{}", quoted(&escaped(&reply.text))));
    }
}
