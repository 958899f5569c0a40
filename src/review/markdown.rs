//! The review as Markdown, for notes and for sharing.

use super::report::{Branch, Report, TurnView};
use super::{Effect, Mark, marks::pieces, words};
use crate::scorer::grade::Grade;
use crate::scorer::rubric::{Check, Skill};
use crate::text::markdown::{escaped, inline, paragraphs, quoted};
use crate::text::{one_line, printable};

/// The longest quotation in a list, in characters.
const QUOTE: usize = 200;

/// The whole review.
pub fn render(report: &Report) -> String {
    let mut page = String::new();
    header(&mut page, report);
    page.push_str("## The talk\n\nYour words: **bold helped**, ~~struck hurt~~.\n\n");
    page.push_str(&format!(
        "**{}**\n\n{}",
        line(&report.boss_name),
        quoted(&escaped(&report.header.greeting))
    ));
    report.talk.iter().for_each(|view| turn(&mut page, view, &report.boss_name));
    if !report.turning_points.is_empty() {
        page.push_str("\n## Turning points\n\n");
        for point in &report.turning_points {
            let what: Vec<&str> = point.what.iter().map(|&what| words::turned(what)).collect();
            let why = point.why.as_ref().map(|why| format!("; {why}")).unwrap_or_default();
            let moved = words::moved(point.from, point.to);
            let text = format!("{} {} ({moved}{why})", report.boss_name, words::listed(&what));
            page.push_str(&format!("- Turn {}: {}\n", point.turn, line(&text)));
        }
    }
    report.grade.iter().for_each(|grade| skills(&mut page, grade));
    if !report.branches.is_empty() {
        page.push_str("\n## Other branches\n\n");
        report.branches.iter().for_each(|other| branch(&mut page, other));
    }
    next_time(&mut page, report);
    page
}

fn header(page: &mut String, report: &Report) {
    let header = &report.header;
    let title = format!("Session {}: {}", header.id, report.scenario_title);
    page.push_str(&format!("# {}\n\n", line(&title)));
    let started = header.started.strftime("%Y-%m-%d %H:%M UTC");
    let start = words::points(header.receptiveness);
    let mut facts = vec![
        ("Started", started.to_string()),
        ("Boss", format!("{}, {} (starts at {start})", report.boss_name, header.difficulty)),
        ("Model", format!("{}, seed {}", header.model, header.seed)),
    ];
    let turns = words::count(report.talk.len(), "turn");
    facts.push(("Outcome", format!("{}, after {turns}", words::outcome(report.outcome, report.finished))));
    if let Some(grade) = &report.grade {
        facts.push(("Grade", format!("{} of 100: {}", words::points(grade.overall), grade.band)));
    }
    let openness: Vec<String> = report.openness.iter().map(|&openness| words::points(openness)).collect();
    facts.push(("Openness", openness.join(" → ")));
    for (name, value) in facts {
        page.push_str(&format!("- **{name}:** {}\n", line(&value)));
    }
    page.push('\n');
}

fn turn(page: &mut String, turn: &TurnView, boss: &str) {
    page.push_str(&format!("\n### Turn {}\n\n**You**\n\n", turn.turn));
    page.push_str(&quoted(&marked(&turn.text, &turn.marks)));
    page.push('\n');
    for check in turn.checks.present() {
        let quotes: Vec<String> =
            turn.checks.get(check).evidence.iter().map(|span| words::quote(&span.text, QUOTE)).collect();
        page.push_str(&format!(
            "- {}: {}\n",
            effect(check),
            line(&format!("{}: {}", words::title(check), words::listed(&quotes)))
        ));
    }
    let why =
        if turn.moved.why.is_empty() { String::new() } else { format!(": {}", turn.moved.why.join("; ")) };
    let moved = format!("{boss}'s {}{why}", words::moved(turn.moved.from, turn.moved.to));
    page.push_str(&format!("- {}\n\n", paragraphs(&line(&moved))));
    match &turn.reply {
        Some(reply) => {
            let hand_written = if reply.fallback { ", a hand-written line" } else { "" };
            let how = format!("{}{hand_written}", reply.act.id().replace('-', " "));
            page.push_str(&format!(
                "**{}** ({})\n\n{}",
                line(boss),
                line(&how),
                quoted(&escaped(&reply.text))
            ));
        }
        None => page.push_str("*No reply was stored: the program stopped before it came.*\n"),
    }
}

fn skills(page: &mut String, grade: &Grade) {
    page.push_str("\n## Grade by skill\n\n");
    for skill in Skill::ALL {
        let Some(result) = grade.skills.get(&skill) else { continue };
        let score = result.score.map_or("did not apply".to_owned(), |score| format!("{score:.0} of 100"));
        page.push_str(&format!("- **{}**: {score}\n", skill.title()));
        for reason in &result.why {
            let title = words::title(reason.check);
            let text = match (reason.turns.as_slice(), reason.points) {
                ([], _) => format!("{title}: not shown, worth {}", words::points(reason.open)),
                (turns, points) => format!(
                    "{title}, {}: {} {}",
                    words::turns(turns),
                    if points < 0.0 { "cost" } else { "earned" },
                    words::points(points.abs())
                ),
            };
            page.push_str(&format!("  - {}\n", line(&text)));
        }
    }
}

fn branch(page: &mut String, branch: &Branch) {
    let place = match branch.shared {
        0 => "From the start".to_owned(),
        shared => format!("After turn {shared}"),
    };
    let text = format!(
        "{place}: {} {}, openness {}, grade {} ({})",
        words::quote(&branch.text, QUOTE),
        words::outcome(branch.outcome, false),
        words::points(branch.openness),
        words::points(branch.grade),
        words::count(branch.turns as usize, "turn"),
    );
    page.push_str(&format!("- {}\n", line(&text)));
}

fn next_time(page: &mut String, report: &Report) {
    let (Some(next), Some(grade)) = (&report.next_time, &report.grade) else { return };
    page.push_str(&format!("\n## Next time\n\n{}\n", line(&next.advice)));
    if let Some(quote) = &next.quote {
        let said =
            format!("You said, in {}: {}", words::turns(&next.turns), words::quote(&quote.text, QUOTE));
        page.push_str(&format!("\n{}\n", line(&said)));
    }
    let (then, now) = (words::points(next.grade), words::points(grade.overall));
    page.push_str(&format!("\nThis alone would have made the grade {then} instead of {now}.\n"));
}

fn effect(check: Check) -> &'static str {
    if check.is_helpful() { "helped" } else { "hurt" }
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
    use super::super::golden;
    use super::*;
    use crate::scenario::Library;
    use crate::session::sample;

    #[test]
    fn golden_page() {
        golden("review-markdown", &render(&Report::of(&sample::session(), &Library::default())));
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
