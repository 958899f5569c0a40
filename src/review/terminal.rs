//! The review for a screen: at most `width` columns, complete without colour.

use super::report::{Branch, Report, TurnView};
use super::underline::{HELPED, HURT, marked_lines, options, sign, style};
use super::{Effect, TurningPoint, words};
use crate::scorer::grade::{Grade, Reason, SkillGrade};
use crate::scorer::rubric::Skill;
use crate::session::Reply;
use crate::text::{one_line, printable};
use anstyle::{Effects, Style};

const BOLD: Style = Style::new().effects(Effects::BOLD);
const DIM: Style = Style::new().effects(Effects::DIMMED);

/// The narrowest screen that is laid out for; below, lines break where the terminal breaks them.
const NARROWEST: usize = 40;
/// The longest quotation in a list of verdicts, in characters: the words are marked above it anyway.
const QUOTE: usize = 90;

/// The whole review. Colours are ANSI sequences, to be stripped by the writer where none are wanted.
pub fn render(report: &Report, width: usize) -> String {
    let mut page = Page { text: String::new(), width: width.max(NARROWEST) };
    page.header(report);
    page.section("The talk");
    page.legend();
    page.styled(4, DIM, &one_line(&report.boss_name));
    page.text(4, &printable(&report.header.greeting));
    for turn in &report.talk {
        page.turn(turn, &report.boss_name);
    }
    if report.talk.is_empty() {
        page.text.push('\n');
        page.text(4, "Nothing was said yet.");
    }
    if !report.turning_points.is_empty() {
        page.section("Turning points");
        report.turning_points.iter().for_each(|point| page.turning_point(point, &report.boss_name));
    }
    if let Some(grade) = &report.grade {
        page.section("Grade by skill");
        page.grade(grade);
    }
    if !report.branches.is_empty() {
        page.section("Other branches");
        report.branches.iter().for_each(|branch| page.branch(branch));
    }
    page.next_time(report);
    page.text
}

/// The text laid out so far.
struct Page {
    text: String,
    width: usize,
}

impl Page {
    fn header(&mut self, report: &Report) {
        let header = &report.header;
        let title = format!("Session {}: {}", header.id, report.scenario_title);
        self.styled(0, BOLD, &one_line(&title));
        let started = header.started.strftime("%Y-%m-%d %H:%M UTC");
        let how = format!(
            "{started}, with {}, {} (starts at {}), model {}, seed {}",
            report.boss_name,
            header.difficulty,
            words::points(header.receptiveness),
            header.model,
            header.seed
        );
        self.styled(0, DIM, &one_line(&how));
        self.text.push('\n');
        let turns = words::count(report.talk.len(), "turn");
        self.field("Outcome", &format!("{}, after {turns}", words::outcome(report.outcome, report.finished)));
        if let Some(grade) = &report.grade {
            self.field("Grade", &format!("{} of 100: {}", words::points(grade.overall), grade.band));
        }
        if let [first, .., last] = report.openness.as_slice() {
            let curve = curve(&report.openness, self.width.saturating_sub(32));
            let moved = format!("{} → {}", words::points(*first), words::points(*last));
            self.field("Openness", &format!("{moved}   {curve}"));
        }
    }

    fn legend(&mut self) {
        let helped = format!("{HELPED}{} helped{HELPED:#}", sign(Effect::Helped));
        let hurt = format!("{HURT}{} hurt{HURT:#}", sign(Effect::Hurt));
        self.text.push_str(&format!("    {DIM}Your words:{DIM:#} {helped}, {hurt}\n\n"));
    }

    fn turn(&mut self, turn: &TurnView, boss: &str) {
        self.text.push('\n');
        self.text.push_str(&format!("{BOLD}{:>2}  You{BOLD:#}\n", turn.turn));
        for line in marked_lines(&turn.text, &turn.marks, self.width - 4) {
            self.text.push_str(format!("    {line}").trim_end());
            self.text.push('\n');
        }
        for check in turn.checks.present() {
            let effect = if check.is_helpful() { Effect::Helped } else { Effect::Hurt };
            let evidence = &turn.checks.get(check).evidence;
            let quotes: Vec<String> = evidence.iter().map(|span| words::quote(&span.text, QUOTE)).collect();
            let verdict = format!("{}: {}", words::title(check), words::listed(&quotes));
            self.item(4, sign(effect), style(effect), &verdict);
        }
        self.moved(turn, boss);
        match &turn.reply {
            Some(reply) => self.reply(reply, boss),
            None => self.styled(4, DIM, "No reply was stored: the program stopped before it came."),
        }
    }

    fn moved(&mut self, turn: &TurnView, boss: &str) {
        let moved = words::moved(turn.moved.from, turn.moved.to);
        let why = if turn.moved.why.is_empty() {
            String::new()
        } else {
            format!(": {}", turn.moved.why.join("; "))
        };
        self.styled(4, DIM, &one_line(&format!("{boss}'s {moved}{why}")));
        self.text.push('\n');
    }

    fn reply(&mut self, reply: &Reply, boss: &str) {
        let hand_written = if reply.fallback { ", a hand-written line" } else { "" };
        let how = format!("{boss} ({}{hand_written})", reply.act.id().replace('-', " "));
        self.styled(4, DIM, &one_line(&how));
        self.text(4, &printable(&reply.text));
    }

    fn turning_point(&mut self, point: &TurningPoint, boss: &str) {
        let what: Vec<&str> = point.what.iter().map(|&what| words::turned(what)).collect();
        let why = point.why.as_ref().map(|why| format!("; {why}")).unwrap_or_default();
        let text = format!("{boss} {} ({}{why})", words::listed(&what), words::moved(point.from, point.to));
        self.hanging(&format!("{:>2}  ", point.turn), &one_line(&text));
    }

    fn grade(&mut self, grade: &Grade) {
        for skill in Skill::ALL {
            let Some(SkillGrade { score, why }) = grade.skills.get(&skill) else { continue };
            let score = match score {
                Some(score) => format!("{} {:>3.0}", bar(*score), score),
                None => "did not apply".to_owned(),
            };
            self.text.push_str(&format!("    {BOLD}{:<15}{BOLD:#} {score}\n", skill.title()));
            why.iter().for_each(|reason| self.reason(reason));
        }
    }

    fn reason(&mut self, reason: &Reason) {
        let title = words::title(reason.check);
        if reason.turns.is_empty() {
            let could = format!("{title}: not shown, worth {}", words::points(reason.open));
            return self.item(6, '·', DIM, &could);
        }
        let effect = if reason.points < 0.0 { Effect::Hurt } else { Effect::Helped };
        let points = words::points(reason.points.abs());
        let text = format!(
            "{title}, {}: {} {points}",
            words::turns(&reason.turns),
            match effect {
                Effect::Helped => "earned",
                Effect::Hurt => "cost",
            }
        );
        self.item(6, sign(effect), style(effect), &text);
    }

    fn branch(&mut self, branch: &Branch) {
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
        self.item(4, '·', DIM, &text);
    }

    fn next_time(&mut self, report: &Report) {
        let (Some(next), Some(grade)) = (&report.next_time, &report.grade) else { return };
        self.section("Next time");
        self.text(4, &printable(&next.advice));
        if let Some(quote) = &next.quote {
            self.text(
                4,
                &format!("You said, in {}: {}", words::turns(&next.turns), words::quote(&quote.text, QUOTE)),
            );
        }
        let worth = format!(
            "This alone would have made the grade {} instead of {}.",
            words::points(next.grade),
            words::points(grade.overall)
        );
        self.styled(4, DIM, &worth);
    }

    fn section(&mut self, title: &str) {
        self.text.push_str(&format!("\n{BOLD}{title}{BOLD:#}\n\n"));
    }

    fn field(&mut self, name: &str, value: &str) {
        self.text.push_str(&format!("  {DIM}{name:<10}{DIM:#} {value}\n"));
    }

    fn text(&mut self, indent: usize, text: &str) {
        self.styled(indent, Style::new(), text);
    }

    /// Wrapped text in one style, closed on each line so that a pager can't smear it.
    fn styled(&mut self, indent: usize, style: Style, text: &str) {
        let text = text.replace('\t', " ");
        for line in textwrap::wrap(&text, options(self.width - indent)) {
            let indent = if line.is_empty() { 0 } else { indent };
            self.text.push_str(&format!("{:indent$}{style}{line}{style:#}\n", ""));
        }
    }

    /// A list item: a styled sign, then wrapped text that hangs after it.
    fn item(&mut self, indent: usize, sign: char, style: Style, text: &str) {
        self.hanging(&format!("{}{style}{sign}{style:#} ", " ".repeat(indent)), text);
    }

    /// Wrapped text after `start`, further lines indented as wide as it.
    fn hanging(&mut self, start: &str, text: &str) {
        let indent = textwrap::core::display_width(start);
        for (index, line) in textwrap::wrap(text, options(self.width - indent)).iter().enumerate() {
            let before = if index == 0 { start.to_owned() } else { " ".repeat(indent) };
            self.text.push_str(&format!("{before}{line}\n"));
        }
    }
}

/// Ten steps from empty to full.
fn bar(score: f64) -> String {
    let full = (score / 10.0).round().clamp(0.0, 10.0) as usize;
    format!("{}{}", "█".repeat(full), "░".repeat(10 - full))
}

/// One block a value of 0 to 100; a longer row is thinned to `longest`, its last value kept.
fn curve(values: &[f64], longest: usize) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let shown = values.len().min(longest.max(2));
    let at = |index: usize| values[index * (values.len() - 1) / (shown - 1)];
    (0..shown).map(|index| BLOCKS[((at(index) / 100.0 * 7.0).round().clamp(0.0, 7.0)) as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;
    use crate::scenario::Library;
    use crate::session::sample;

    fn plain(report: &Report, width: usize) -> String {
        anstream::adapter::strip_str(&render(report, width)).to_string()
    }

    #[test]
    fn golden_at_80_columns() {
        golden("review-terminal", &plain(&Report::of(&sample::session(), &Library::default()), 80));
    }

    #[test]
    fn fits_every_width_from_40_on() {
        let report = Report::of(&sample::finished(), &Library::default());
        for width in [40, 60, 80, 200] {
            for line in plain(&report, width).lines() {
                assert!(textwrap::core::display_width(line) <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn nothing_said_is_a_review_too() {
        let mut session = sample::session();
        session.exchanges.clear();
        session.head = None;
        let text = plain(&Report::of(&session, &Library::default()), 80);
        assert!(text.contains("Nothing was said yet.") && !text.contains("Grade"), "{text}");
    }

    #[test]
    fn a_curve_keeps_its_ends() {
        assert_eq!(curve(&[0.0, 50.0, 100.0], 20), "▁▅█");
        let long = curve(&(0..=300).map(|i| f64::from(i) / 3.0).collect::<Vec<_>>(), 10);
        assert_eq!(
            (long.chars().count(), long.chars().next(), long.chars().last()),
            (10, Some('▁'), Some('█'))
        );
    }
}
