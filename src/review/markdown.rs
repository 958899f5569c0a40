//! The review as Markdown, for notes and for sharing.

use super::report::{Report, TurnView};
use super::{Effect, Mark, marks::pieces, words};
use crate::scorer::explain::Explained;
use crate::scorer::feedback::Feedback;
use crate::text::markdown::{escaped, inline, paragraphs, quoted};
use crate::text::{count, one_line, printable};

/// The longest quotation in a list, in characters.
const QUOTE: usize = 200;

/// The whole review.
pub fn render(report: &Report) -> String {
    let mut page = String::new();
    header(&mut page, report);
    account(&mut page, report);
    next_time(&mut page, report);
    page.push_str("## The talk\n\nYour words: **bold helped**, ~~struck hurt~~.\n\n");
    if report.account.is_none() {
        page.push_str(&format!(
            "**{}**\n\n{}",
            line(&report.boss_name),
            quoted(&escaped(&report.header.greeting))
        ));
    } else if report.talk.is_empty() {
        page.push_str(&format!("{}\n", words::nothing_said(report)));
    }
    report.talk.iter().for_each(|view| turn(&mut page, view, report));
    if !report.turning_points.is_empty() {
        page.push_str("\n## Turning points\n\n");
        for point in &report.turning_points {
            let text = words::turning_point(point, &report.boss_name);
            page.push_str(&format!("- Turn {}: {}\n", point.turn, line(&text)));
        }
    }
    if !report.kept_back.is_empty() {
        page.push_str(&format!("\n## {}\n\n", line(&words::what_they_kept_back(&report.boss_name))));
        let kept = report.kept_back.iter();
        kept.for_each(|kept| page.push_str(&format!("- {}\n", line(&words::kept_back(kept)))));
    }
    if !report.explained.is_empty() {
        page.push_str("\n## Grade by skill\n\n");
        report.explained.iter().for_each(|explained| skill(&mut page, explained));
    }
    plan_used(&mut page, report);
    if !report.branches.is_empty() {
        page.push_str("\n## Other branches\n\n");
        let branches = report.branches.iter();
        branches.for_each(|other| page.push_str(&format!("- {}\n", line(&words::branch(other, QUOTE)))));
    }
    page
}

fn header(page: &mut String, report: &Report) {
    let header = &report.header;
    let title = format!("Session {}: {}", header.id, report.scenario_title);
    page.push_str(&format!("# {}\n\n", line(&title)));
    let started = header.started.strftime("%Y-%m-%d %H:%M UTC");
    let start = words::points(header.receptiveness);
    let mut facts = match report.account {
        Some(_) => vec![("The real talk", words::started(report, &header.model))],
        None => vec![
            ("Started", started.to_string()),
            ("Boss", format!("{}, {} (starts at {start})", report.boss_name, header.difficulty)),
            ("Model", format!("{}, seed {}", header.model, header.seed)),
        ],
    };
    let turns = count(report.talk.len(), "turn");
    facts.push(("Outcome", format!("{}, after {turns}", words::outcome(report.outcome, report.finished))));
    if let Some(grade) = &report.grade {
        facts.push(("Grade", format!("{} of 100: {}", words::points(grade.overall), grade.band)));
    }
    let openness: Vec<String> = report.openness.iter().map(|&openness| words::points(openness)).collect();
    if !openness.is_empty() {
        facts.push(("Openness", openness.join(" → ")));
    }
    for (name, value) in facts {
        page.push_str(&format!("- **{name}:** {}\n", line(&value)));
    }
    page.push('\n');
}

/// What came of a real talk.
fn account(page: &mut String, report: &Report) {
    let Some(account) = &report.account else { return };
    page.push_str(&format!("## {}\n\n", words::ACCOUNT));
    for (name, answer) in words::account(account) {
        page.push_str(&format!("- **{name}:** {}\n", line(&answer)));
    }
    page.push('\n');
}

fn turn(page: &mut String, turn: &TurnView, report: &Report) {
    let (boss, real) = (report.boss_name.as_str(), report.account.is_some());
    page.push_str(&format!("\n### Turn {}\n\n**You** (exchange {})\n\n", turn.turn, turn.node));
    page.push_str(&quoted(&marked(&turn.text, &turn.marks)));
    page.push('\n');
    for finding in words::findings(&turn.checks, QUOTE) {
        let effect = if finding.effect == Effect::Helped { "helped" } else { "hurt" };
        page.push_str(&format!("- {effect}: {}\n", line(&finding.text)));
    }
    let Feedback { praise, change } = &turn.feedback;
    for (name, note) in [("Well done", praise), ("To change", change)] {
        note.iter().for_each(|note| page.push_str(&format!("- {name}: {}\n", line(&note.text))));
    }
    let remarks = turn.remarks.iter();
    remarks.for_each(|remark| page.push_str(&format!("- {}\n", line(&words::remark(remark)))));
    if real {
        return;
    }
    page.push_str(&format!("- {}\n\n", paragraphs(&line(&words::boss_moved(turn, boss)))));
    match &turn.reply {
        Some(reply) => {
            let (how, text) = (line(&words::reply(reply)), quoted(&escaped(&reply.text)));
            page.push_str(&format!("**{}** ({how})\n\n{text}", line(boss)));
        }
        None => page.push_str(&format!("*{}*\n", words::NO_REPLY)),
    }
}

fn skill(page: &mut String, explained: &Explained) {
    let score = explained.score.map_or("did not apply".to_owned(), |score| format!("{score:.0} of 100"));
    page.push_str(&format!("- **{}**: {score}\n", explained.skill.title()));
    explained.lines.iter().for_each(|text| page.push_str(&format!("  - {}\n", line(text))));
}

fn plan_used(page: &mut String, report: &Report) {
    let Some(plan) = &report.plan else { return };
    page.push_str("\n## Your plan\n\n");
    if let Some(score) = plan.prepare.score {
        page.push_str(&format!("- **Prepare**: {score:.0} of 100\n"));
    }
    for used in &report.plan_used {
        let title = &used.title;
        let text = match (used.turn, &used.quote) {
            (Some(turn), Some(quote)) => {
                format!("{title}, used in turn {turn}: {}", words::quote(&quote.text, QUOTE))
            }
            _ => format!("{title}, not used: {}", words::quote(&used.text, QUOTE)),
        };
        page.push_str(&format!("- {}\n", line(&text)));
    }
}

fn next_time(page: &mut String, report: &Report) {
    if report.next_time.is_none() && report.way_on.is_none() {
        return;
    }
    page.push_str("## Next time\n\n");
    if let Some(way_on) = &report.way_on {
        page.push_str(&format!("{}\n\n", paragraphs(&line(way_on))));
    }
    let (Some(next), Some(grade)) = (&report.next_time, &report.grade) else { return };
    page.push_str(&format!("{}\n", paragraphs(&line(&next.advice))));
    if let Some(quote) = &next.quote {
        let said = words::quote(&quote.text, QUOTE);
        page.push_str(&format!(
            "\n{}\n",
            line(&format!("You said, in {}: {said}", words::turns(&next.turns[..1])))
        ));
    }
    next.grade.iter().for_each(|&then| page.push_str(&format!("\n{}\n", words::worth(then, grade.overall))));
    if let Some(better) = &report.better_wording {
        let better = format!("Turn {}, said better with your own words: {}", better.turn, better.text);
        page.push_str(&format!("\n{}\n", paragraphs(&line(&better))));
    }
    page.push('\n');
}

/// Text shown literally, to stand inside a line.
fn line(text: &str) -> String {
    inline(&one_line(text))
}

/// A turn with its marks: bold where it helped, struck where it hurt.
fn marked(text: &str, marks: &[Mark]) -> String {
    let mut shown = String::new();
    for (piece, effect) in pieces(text, marks) {
        for (index, part) in printable(piece).split('\n').enumerate() {
            if index > 0 {
                shown.push('\n');
            }
            shown.push_str(&emphasised(part, effect));
        }
    }
    paragraphs(&shown)
}

/// A mark is drawn from its first to its last letter or digit: Markdown ignores emphasis that begins or
/// ends at a space, or at punctuation inside a word.
fn emphasised(part: &str, effect: Option<Effect>) -> String {
    let mut letters = part.char_indices().filter(|(_, c)| c.is_alphanumeric());
    let (Some(effect), Some((first, only))) = (effect, letters.next()) else { return inline(part) };
    let (last, c) = letters.next_back().unwrap_or((first, only));
    let last = last + c.len_utf8();
    let end = if effect == Effect::Helped { "**" } else { "~~" };
    let (before, words, after) = (&part[..first], &part[first..last], &part[last..]);
    format!("{}{end}{}{end}{}", inline(before), inline(words), inline(after))
}

#[cfg(test)]
mod tests {
    use super::super::{golden, golden_report};
    use super::*;

    #[test]
    fn golden_page() {
        golden("review-markdown", &render(&golden_report()));
    }

    #[test]
    fn emphasis_begins_and_ends_at_letters_of_one_line() {
        let text = "- \"Could you?\"\n*no* end";
        let marks = [Mark { start: 0, end: 18, effect: Effect::Helped }];
        assert_eq!(marked(text, &marks), "\\- \"**Could you**?\"\n\\***no**\\* end");
        let marks = [Mark { start: 2, end: 3, effect: Effect::Hurt }];
        assert_eq!(marked(text, &marks), "\\- \"Could you?\"\n\\*no\\* end");
    }
}
