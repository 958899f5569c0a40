//! How a report calls things: the wording that its renderers share.

use super::marks::Effect;
use super::report::{Branch, KeptBack, Report, TurnView};
use super::turning::{Turn, TurningPoint};
use crate::boss::state::Move;
use crate::scorer::rubric::Check;
use crate::scorer::verdict::{Span, Verdicts};
use crate::scorer::wording;
use crate::session::account::{Account, MOST_LIKE};
use crate::session::{NodeId, Outcome, Reply};
use crate::text::count::{listed, numbers};
use crate::text::{count, one_line};

/// Checks that the same words showed, and the words: `Asks a question, asks an open question: “…”`.
pub struct Finding {
    /// What the words did.
    pub effect: Effect,
    /// The checks that they showed.
    pub checks: Vec<Check>,
    /// The checks and the quotations on one line.
    pub text: String,
}

/// What a turn showed, in the rubric's order, said once for checks with the same evidence. Quotations
/// have at most about `longest` characters.
pub fn findings(verdicts: &Verdicts, longest: usize) -> Vec<Finding> {
    let mut groups: Vec<(Effect, Vec<Check>, &[Span])> = Vec::new();
    for check in verdicts.present() {
        let effect = Effect::of(check);
        let evidence = verdicts.get(check).evidence.as_slice();
        match groups.iter_mut().find(|(other, _, spans)| *other == effect && *spans == evidence) {
            Some((_, checks, _)) => checks.push(check),
            None => groups.push((effect, vec![check], evidence)),
        }
    }
    let quotes = |spans: &[Span]| spans.iter().map(|span| quote(&span.text, longest)).collect::<Vec<_>>();
    groups
        .into_iter()
        .map(|(effect, checks, spans)| {
            let text = format!("{}: {}", titles(&checks), listed(&quotes(spans)));
            Finding { effect, checks, text }
        })
        .collect()
}

/// "Asks a question, asks an open question".
pub fn titles(checks: &[Check]) -> String {
    let mut titles = Vec::new();
    for check in checks {
        let title = &wording::of(*check).title;
        titles.push(if titles.is_empty() { title.clone() } else { title.to_lowercase() });
    }
    titles.join(", ")
}

/// What to do to show a check, to stand inside a sentence.
pub fn next(check: Check) -> &'static str {
    &wording::of(check).next
}

/// Where another branch parts, and how it went, on one line.
pub fn branch(branch: &Branch, longest: usize) -> String {
    let place = match branch.shared {
        0 => "From the start".to_owned(),
        shared => format!("After turn {shared}"),
    };
    format!(
        "{place}, {}: {} {}, openness {}, grade {} ({})",
        one_line(&branch.reference),
        quote(&branch.text, longest),
        outcome(branch.outcome, false),
        points(branch.openness),
        points(branch.grade),
        count(branch.turns as usize, "turn"),
    )
}

/// How the other branches are looked at, with the first of them as the example.
pub fn how_to_see(session: &str, branch: &Branch) -> String {
    let other = &branch.reference;
    one_line(&format!(
        "`coachup review {other}` shows one, `coachup review {session} --compare {other}` puts it beside this talk."
    ))
}

/// How to go on from any turn, with the last as the example.
pub fn how_to_go_on(session: &str, node: NodeId) -> String {
    one_line(&format!(
        "`coachup practice --resume {session}:{node}` goes on after the turn with that number."
    ))
}

/// What turned and why, on one line.
pub fn turning_point(point: &TurningPoint, boss: &str) -> String {
    let what: Vec<String> = point.what.iter().map(|&what| turned(what).to_owned()).collect();
    let why = point.why.as_ref().map(|why| format!("; {why}")).unwrap_or_default();
    one_line(&format!("{boss} {} ({}{why})", listed(&what), moved(point.from, point.to)))
}

/// When and how the session was started, on one line; `model` as it is to be shown.
pub fn started(report: &Report, model: &str) -> String {
    let header = &report.header;
    one_line(&match &report.account {
        Some(_) => {
            format!("{}, the real talk with {}", header.started.strftime("%Y-%m-%d"), report.boss_name)
        }
        None => format!(
            "{}, with {}, {} (starts at {}), model {model}, seed {}",
            header.started.strftime("%Y-%m-%d %H:%M UTC"),
            report.boss_name,
            header.difficulty,
            points(header.receptiveness),
            header.seed
        ),
    })
}

/// What came of the real talk, each answer with its name.
pub fn account(account: &Account) -> Vec<(&'static str, String)> {
    let Account { day: _, agreed, surprised, managed, likeness, unlike } = account;
    let mut told = vec![
        ("Agreed to", one_line(agreed)),
        ("What surprised you", one_line(surprised)),
        ("You managed", titles(managed)),
    ];
    if *likeness > 0 {
        told.push(("Like the rehearsed boss", format!("{likeness} of {MOST_LIKE}")));
    }
    let unlike = unlike.iter().map(|unlike| unlike.wording().title.to_lowercase()).collect::<Vec<_>>();
    told.push(("Different", unlike.join("; ")));
    told.retain(|(_, answer)| !answer.is_empty());
    told
}

/// The heading of what came of the real talk.
pub const ACCOUNT: &str = "What came of it";

/// A coach's remark, on one line.
pub fn remark(text: &str) -> String {
    format!("Remark: {}", one_line(text))
}

/// Where a turn without an answer stands in a rehearsal.
pub const NO_REPLY: &str = "No reply was stored: the program stopped before it came.";

/// What is said where there are no words.
pub fn nothing_said(report: &Report) -> &'static str {
    match report.account {
        Some(_) => "Your words of that talk were not kept.",
        None => "Nothing was said yet.",
    }
}

/// What the boss kept back, on one line.
pub fn kept_back(kept: &KeptBack) -> String {
    let how = if kept.told { "came out" } else { "stayed hidden" };
    let guessed = if kept.guessed { ", and you had guessed it" } else { "" };
    one_line(&format!("{how}{guessed}: {}", kept.fact))
}

/// What that is headed with.
pub fn what_they_kept_back(boss: &str) -> String {
    one_line(&format!("What {boss} kept back"))
}

/// How a turn moved the boss and why, on one line.
pub fn boss_moved(turn: &TurnView, boss: &str) -> String {
    let Move { from, to, why } = &turn.moved;
    let why = if why.is_empty() { String::new() } else { format!(": {}", why.join("; ")) };
    one_line(&format!("{boss}'s {}{why}", moved(*from, *to)))
}

/// What the boss did in a reply, and whether the words are the model's: "concedes part, a hand-written line".
pub fn reply(reply: &Reply) -> String {
    let hand_written = if reply.fallback { ", a hand-written line" } else { "" };
    format!("{}{hand_written}", reply.act.id().replace('-', " "))
}

/// What one change would have been worth.
pub fn worth(then: f64, now: f64) -> String {
    format!("This alone would have made the grade {} instead of {}.", points(then), points(now))
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
fn turned(what: Turn) -> &'static str {
    match what {
        Turn::OpenedMost => "opened up most",
        Turn::ClosedMost => "closed up most",
        Turn::ToldFact => "told you something kept back until then",
        Turn::ConcededPart => "gave a first part",
        Turn::Agreed => "agreed and committed",
        Turn::EndedTalk => "had enough and ended the talk",
    }
}

/// "turn 2", "turns 2, 3 and 5", "turns 1 to 4".
pub fn turns(turns: &[u32]) -> String {
    format!("{} {}", if turns.len() == 1 { "turn" } else { "turns" }, numbers(turns))
}

/// A number of points with at most one decimal: "45", "47.1".
pub fn points(points: f64) -> String {
    let text = format!("{points:.1}");
    // A negative zero would read as a loss.
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A difference in points: "+12", "-3.5", "0".
pub fn signed(points: f64) -> String {
    let text = self::points(points);
    if points > 0.0 && text != "0" { format!("+{text}") } else { text }
}

/// "openness 45 → 47.1".
fn moved(from: f64, to: f64) -> String {
    if from == to {
        format!("openness stayed at {}", points(to))
    } else {
        format!("openness {} → {}", points(from), points(to))
    }
}

/// Evidence on one line, at most about `longest` characters: words in the middle are left out first.
pub fn quote(words: &str, longest: usize) -> String {
    let words = one_line(words);
    let count = words.chars().count();
    if count <= longest {
        return format!("\u{201c}{words}\u{201d}");
    }
    let keep = longest.saturating_sub(3);
    let (head, tail) = (keep - keep / 3, keep / 3);
    let start: String = words.chars().take(head).collect();
    let end: String = words.chars().skip(count - tail).collect();
    // Not in the middle of a word, unless the word is longer than what may be shown.
    let start = start.rsplit_once(' ').map_or(start.as_str(), |(whole, _)| whole);
    let end = end.split_once(' ').map_or(end.as_str(), |(_, whole)| whole);
    format!("\u{201c}{} … {}\u{201d}", start.trim_end(), end.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_lists_read_well() {
        assert_eq!(turns(&[2]), "turn 2");
        assert_eq!(turns(&[2, 3, 5]), "turns 2, 3 and 5");
        assert_eq!((points(45.0), points(47.12), points(-0.01)), ("45".into(), "47.1".into(), "0".into()));
        assert_eq!(moved(45.0, 45.0), "openness stayed at 45");
    }

    #[test]
    fn a_long_quotation_keeps_both_ends() {
        let short = quote(&"word ".repeat(20), 30);
        assert_eq!(short, "\u{201c}word word word … word\u{201d}");
        let endless = quote(&"x".repeat(50), 30);
        assert_eq!(endless, format!("\u{201c}{} … {}\u{201d}", "x".repeat(18), "x".repeat(9)));
        assert_eq!(quote("a\n\u{1b}[31mb", 30), "\u{201c}a b\u{201d}");
    }
}
