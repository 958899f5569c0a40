//! The review for a screen: at most `width` columns, complete without colour.

use super::plan::{PartReview, PlanReview};
use super::report::{Report, TurnView};
use super::underline::{HELPED, HURT, marked_lines, sign, style};
use super::{Effect, words};
use crate::scorer::explain::Explained;
use crate::scorer::feedback::Feedback;
use crate::session::plan::Part;
use crate::text::columns::{self, options};
use crate::text::{count, one_line, printable};
use anstyle::{Effects, Style};

const BOLD: Style = Style::new().effects(Effects::BOLD);
const DIM: Style = Style::new().effects(Effects::DIMMED);

/// The widest text that is comfortable to read, in columns.
pub const COMFORTABLE: usize = 80;

/// The narrowest screen that is laid out for; below, lines break where the terminal breaks them.
const NARROWEST: usize = 40;
/// The longest quotation in a list of verdicts, in characters: the words are marked above it anyway.
const QUOTE: usize = 90;

/// The whole review. Colours are ANSI sequences, to be stripped by the writer where none are wanted.
/// `plain`: nothing is drawn, so that a screen reader reads only words.
pub fn render(report: &Report, width: usize, plain: bool) -> String {
    let mut page = Page::of(report, width, plain);
    page.header(report);
    page.account(report);
    page.next_time(report);
    page.section("The talk");
    page.legend(report);
    page.greeting(report);
    report.talk.iter().for_each(|turn| page.turn(turn, &report.boss_name));
    if !report.turning_points.is_empty() {
        page.section("Turning points");
        for point in &report.turning_points {
            let text = words::turning_point(point, &report.boss_name);
            page.hanging(&format!("{:>2}  ", point.turn), &text);
        }
    }
    if !report.kept_back.is_empty() {
        page.section(&words::what_they_kept_back(&report.boss_name));
        report.kept_back.iter().for_each(|kept| page.hanging("    ", &words::kept_back(kept)));
    }
    if !report.explained.is_empty() {
        page.section("Grade by skill");
        report.explained.iter().for_each(|explained| page.skill(explained));
    }
    page.plan_used(report);
    if !report.branches.is_empty() {
        page.section("Other branches");
        report.branches.iter().for_each(|branch| page.item(4, '·', DIM, &words::branch(branch, QUOTE)));
        page.styled(4, DIM, &words::how_to_see(&report.header.id, &report.branches[0]));
    }
    page.text
}

/// What was said, without any judgement.
pub fn transcript(report: &Report, width: usize) -> String {
    let mut page = Page::of(report, width, false);
    page.title(report);
    page.text.push('\n');
    page.greeting(report);
    for turn in &report.talk {
        page.speaker(turn);
        page.text(4, &printable(&turn.text));
        page.text.push('\n');
        page.answer(turn, &report.boss_name);
    }
    page.text
}

/// A plan and what it shows; `calm` is 1 to 5, 0 where it is not answered.
pub fn plan(review: &PlanReview, calm: u8, width: usize, plain: bool) -> String {
    let mut page = Page::new(width, plain);
    page.section("Your plan");
    for (number, part) in (1..).zip(&review.parts) {
        page.part(number, part, calm);
    }
    page.text.push('\n');
    page.plan_grade(review);
    page.text
}

/// What one part's answers show, to stand under the answer.
pub fn plan_answer(part: &PartReview, width: usize, plain: bool) -> String {
    let mut page = Page::new(width, plain);
    page.shown(part);
    page.text
}

/// The text laid out so far.
struct Page {
    text: String,
    width: usize,
    plain: bool,
    /// The session's number.
    session: String,
    /// Of a real talk: nobody answers.
    real: bool,
}

impl Page {
    /// Of nothing that was said.
    fn new(width: usize, plain: bool) -> Page {
        Page { text: String::new(), width: width.max(NARROWEST), plain, session: String::new(), real: false }
    }

    fn of(report: &Report, width: usize, plain: bool) -> Page {
        let (session, real) = (report.header.id.clone(), report.account.is_some());
        Page { session, real, ..Page::new(width, plain) }
    }

    /// Which session it is, and how it was started.
    fn title(&mut self, report: &Report) {
        let header = &report.header;
        let title = format!("Session {}: {}", header.id, report.scenario_title);
        self.styled(0, BOLD, &one_line(&title));
        self.styled(0, DIM, &words::started(report, &header.model));
    }

    fn header(&mut self, report: &Report) {
        self.title(report);
        self.text.push('\n');
        let turns = count(report.talk.len(), "turn");
        self.field("Outcome", &format!("{}, after {turns}", words::outcome(report.outcome, report.finished)));
        if let Some(grade) = &report.grade {
            self.field("Grade", &format!("{} of 100: {}", words::points(grade.overall), grade.band));
        }
        if let [first, .., last] = report.openness.as_slice() {
            let moved = format!("{} → {}", words::points(*first), words::points(*last));
            if self.plain {
                let all: Vec<String> = report.openness.iter().map(|&value| words::points(value)).collect();
                self.field("Openness", &all.join(", "));
            } else {
                let curve = curve(&report.openness, self.width.saturating_sub(32));
                self.field("Openness", &format!("{moved}   {curve}"));
            }
        }
    }

    /// What came of a real talk.
    fn account(&mut self, report: &Report) {
        let Some(account) = &report.account else { return };
        self.section(words::ACCOUNT);
        for (name, answer) in words::account(account) {
            self.hanging("    ", &format!("{name}: {answer}"));
        }
    }

    fn legend(&mut self, report: &Report) {
        if let Some(turn) = report.talk.last().filter(|_| !self.real) {
            self.styled(4, DIM, &words::how_to_go_on(&report.header.id, turn.node));
        }
        if self.plain {
            return self.text.push('\n');
        }
        let helped = format!("{HELPED}{} helped{HELPED:#}", sign(Effect::Helped));
        let hurt = format!("{HURT}{} hurt{HURT:#}", sign(Effect::Hurt));
        self.text.push_str(&format!("    {DIM}Your words:{DIM:#} {helped}, {hurt}\n\n"));
    }

    fn greeting(&mut self, report: &Report) {
        if !self.real {
            self.styled(4, DIM, &one_line(&report.boss_name));
            self.text(4, &printable(&report.header.greeting));
        }
        if report.talk.is_empty() {
            self.text.push('\n');
            self.text(4, words::nothing_said(report));
        }
    }

    fn speaker(&mut self, turn: &TurnView) {
        self.text.push_str(&format!("\n{BOLD}{:>2}  You{BOLD:#}\n", turn.turn));
    }

    /// The same, with the turn's address.
    fn addressed(&mut self, turn: &TurnView) {
        let address = format!("{}:{}", one_line(&self.session), turn.node);
        self.text.push_str(&format!("\n{BOLD}{:>2}  You{BOLD:#} {DIM}({address}){DIM:#}\n", turn.turn));
    }

    fn turn(&mut self, turn: &TurnView, boss: &str) {
        self.addressed(turn);
        if self.plain {
            self.text(4, &printable(&turn.text));
        }
        let marked =
            if self.plain { Vec::new() } else { marked_lines(&turn.text, &turn.marks, self.width - 4) };
        for line in marked {
            self.text.push_str(format!("    {line}").trim_end());
            self.text.push('\n');
        }
        words::findings(&turn.checks, QUOTE).iter().for_each(|finding| self.finding(finding));
        let Feedback { praise, change } = &turn.feedback;
        for (name, note) in [("Well done", praise), ("To change", change)] {
            if let Some(note) = note {
                self.item(4, '>', DIM, &format!("{name}: {}", one_line(&note.text)));
            }
        }
        turn.remarks.iter().for_each(|remark| self.item(4, '#', BOLD, &words::remark(remark)));
        if !self.real {
            self.styled(4, DIM, &words::boss_moved(turn, boss));
            self.text.push('\n');
        }
        self.answer(turn, boss);
    }

    fn finding(&mut self, finding: &words::Finding) {
        if self.plain {
            let effect = if finding.effect == Effect::Helped { "helped" } else { "hurt" };
            self.hanging("    ", &format!("{effect}: {}", finding.text));
        } else {
            self.item(4, sign(finding.effect), style(finding.effect), &finding.text);
        }
    }

    fn answer(&mut self, turn: &TurnView, boss: &str) {
        let Some(reply) = &turn.reply else {
            if !self.real {
                self.styled(4, DIM, words::NO_REPLY);
            }
            return;
        };
        self.styled(4, DIM, &one_line(&format!("{boss} ({})", words::reply(reply))));
        self.text(4, &printable(&reply.text));
    }

    /// One part of a plan, with what its answers show.
    fn part(&mut self, number: usize, part: &PartReview, calm: u8) {
        let title = &part.part.wording().title;
        let start = format!("{number:>2}  {BOLD}{title}{BOLD:#}");
        let answers: Vec<&str> = part.answers.iter().map(|answer| answer.text.as_str()).collect();
        match answers.as_slice() {
            [] if part.part == Part::Calm && calm > 0 => {
                self.text.push_str(&format!("{start}: {calm} of 5\n"));
            }
            [] => self.text.push_str(&format!("{start}: {DIM}open{DIM:#}\n")),
            answers => {
                self.text.push_str(&start);
                self.text.push('\n');
                answers.iter().for_each(|answer| self.text(4, &one_line(answer)));
                self.shown(part);
            }
        }
    }

    /// What the answers of a part show, and what a good one would.
    fn shown(&mut self, part: &PartReview) {
        let expected = &part.part.wording().expects;
        for answer in &part.answers {
            for finding in words::findings(&answer.checks, QUOTE) {
                let said = finding.checks.iter().any(|check| expected.contains(check));
                if said || finding.effect == Effect::Hurt {
                    self.finding(&finding);
                }
            }
        }
        if let Some(missing) = part.missing {
            let spoken = if part.speaks_to_the_boss() {
                ""
            } else {
                " Write it as you would say it to them, with “you”."
            };
            let advice = format!("Still missing: {}.{spoken}", words::next(missing));
            self.item(4, '>', DIM, &advice);
        }
    }

    fn plan_grade(&mut self, review: &PlanReview) {
        let answered = review.answered();
        let Some(score) = review.prepare.score else { return };
        let of = Part::ALL.len() - 1;
        let drawn = if self.plain { String::new() } else { bar(score) + " " };
        let text = format!("{drawn}{score:.0} of 100; {answered} of {of} parts answered");
        self.hanging(&format!("    {BOLD}Prepare{BOLD:#} "), &text);
        let open = review.prepare.why.iter().filter(|reason| reason.open >= 4.0);
        if let Some(reason) = open.max_by(|a, b| a.open.total_cmp(&b.open)) {
            let more = if reason.turns.is_empty() { "" } else { "in one part more, " };
            let text = format!(
                "Would earn most next: {more}{} (up to +{:.0}).",
                words::next(reason.check),
                reason.open
            );
            self.item(4, '>', DIM, &text);
        }
    }

    /// What became of the plan in the talk.
    fn plan_used(&mut self, report: &Report) {
        let Some(plan) = &report.plan else { return };
        self.section("Your plan");
        self.plan_grade(plan);
        for used in &report.plan_used {
            let title = &used.title;
            let answer = words::quote(&used.text, QUOTE);
            match (used.turn, &used.quote) {
                (Some(turn), Some(quote)) => {
                    let said = words::quote(&quote.text, QUOTE);
                    self.item(4, '+', HELPED, &format!("{title}, used in turn {turn}: {said}"));
                }
                _ => self.item(4, '·', DIM, &format!("{title}, not used: {answer}")),
            }
        }
    }

    fn skill(&mut self, explained: &Explained) {
        let score = match explained.score {
            Some(score) if self.plain => format!("{score:.0} of 100"),
            Some(score) => format!("{} {score:>3.0}", bar(score)),
            None => "did not apply".to_owned(),
        };
        self.text.push_str(&format!("    {BOLD}{:<15}{BOLD:#} {score}\n", explained.skill.title()));
        explained.lines.iter().for_each(|line| self.item(6, '·', DIM, &printable(line)));
    }

    fn next_time(&mut self, report: &Report) {
        if report.next_time.is_none() && report.way_on.is_none() {
            return;
        }
        self.section("Next time");
        if let Some(way_on) = &report.way_on {
            self.text(4, &one_line(way_on));
        }
        let (Some(next), Some(grade)) = (&report.next_time, &report.grade) else { return };
        self.text(4, &printable(&next.advice));
        if let Some(quote) = &next.quote {
            let said = words::quote(&quote.text, QUOTE);
            self.text(4, &format!("You said, in {}: {said}", words::turns(&next.turns[..1])));
        }
        if let Some(then) = next.grade {
            self.styled(4, DIM, &words::worth(then, grade.overall));
        }
        if let Some(better) = &report.better_wording {
            self.text.push('\n');
            self.text(4, &format!("Turn {}, said better with your own words:", better.turn));
            self.text(6, &printable(&better.text));
        }
    }

    fn section(&mut self, title: &str) {
        self.text.push_str(&format!("\n{BOLD}{title}{BOLD:#}\n\n"));
    }

    fn field(&mut self, name: &str, value: &str) {
        self.hanging(&format!("  {DIM}{name:<10}{DIM:#} "), value);
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

    /// A list item: a styled sign, then wrapped text that hangs after it. Without a sign for those who hear it.
    fn item(&mut self, indent: usize, sign: char, style: Style, text: &str) {
        if self.plain {
            return self.hanging(&" ".repeat(indent), text);
        }
        self.hanging(&format!("{}{style}{sign}{style:#} ", " ".repeat(indent)), text);
    }

    /// Wrapped text after `start`, further lines indented as wide as it.
    fn hanging(&mut self, start: &str, text: &str) {
        let indent = columns::width(start);
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
    use super::super::{golden, golden_report, report};
    use super::*;
    use crate::session::sample;

    fn plain(report: &Report, width: usize) -> String {
        anstream::adapter::strip_str(&render(report, width, false)).to_string()
    }

    #[test]
    fn golden_at_80_columns() {
        golden("review-terminal", &plain(&golden_report(), 80));
    }

    #[test]
    fn fits_every_width_from_40_on() {
        let mut session = sample::finished();
        session.exchanges[0].text =
            "今日は忙しいですか？ 👍🏽 I know you are busy with the 資料 for the board.".repeat(2);
        let plan =
            crate::session::plan::Plan { topic: "資料の締め切り".repeat(4), ..Default::default() };
        session.plan = Some(plan);
        let report = report(&session);
        for width in [40, 60, 80, 200] {
            let page = plain(&report, width);
            assert!(
                page.contains("Prepare") && page.lines().all(|line| columns::width(line) <= width),
                "{page}"
            );
        }
    }

    #[test]
    fn a_screen_reader_hears_only_words() {
        let text = anstream::adapter::strip_str(&render(&report(&sample::finished()), 80, true)).to_string();
        assert!(!text.contains("++") && !text.contains(['█', '░', '▄', '>', '·']), "{text}");
        assert!(
            text.contains("helped: Offers help: “I could sum up") && text.contains("45, 48.5, 61.2"),
            "{text}"
        );
    }

    #[test]
    fn nothing_said_is_a_review_too() {
        let mut session = sample::session();
        session.exchanges.clear();
        session.head = None;
        let text = plain(&report(&session), 80);
        assert!(text.contains("Nothing was said yet.") && !text.contains("Grade"), "{text}");
    }

    #[test]
    fn a_transcript_says_what_was_said_and_no_more() {
        let text = anstream::adapter::strip_str(&transcript(&report(&sample::session()), 80)).to_string();
        assert!(
            text.contains("    What stands in the way?") && text.contains("No reply was stored"),
            "{text}"
        );
        assert!(!text.contains("+++") && !text.contains("openness"), "{text}");
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
