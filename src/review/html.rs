//! The review as one HTML file: opens offline, needs no script, escapes whatever a talk holds.
//!
//! Templates and style are in `prompts/pages`. All text goes through the templates' escaping, after
//! characters that steer or disguise are dropped; only charts, which escape by themselves, are put in as
//! they are. The page forbids scripts and any loading to the browser, as a second lock.

use super::chart::{self, Line};
use super::compare::{CheckDifference, Comparison, Rest, Side};
use super::marks::{Effect, Mark, pieces};
use super::report::{Report, TurnView};
use super::underline::sign;
use super::{side_by_side, words};
use crate::scorer::feedback::Feedback;
use crate::scorer::rubric::{Check, Skill};
use crate::scorer::wording;
use crate::session::plan::Part;
use crate::text::{count, one_line, printable};
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value};
use serde::Serialize;
use std::sync::LazyLock;

/// The longest quotation outside the talk, in characters.
const QUOTE: usize = 200;

static PAGES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut pages = Environment::new();
    pages.set_undefined_behavior(UndefinedBehavior::Strict);
    for (name, text) in [
        ("layout.html", include_str!("../../prompts/pages/layout.html")),
        ("turns.html", include_str!("../../prompts/pages/turns.html")),
        ("review.html", include_str!("../../prompts/pages/review.html")),
        ("compare.html", include_str!("../../prompts/pages/compare.html")),
        ("progress.html", include_str!("../../prompts/pages/progress.html")),
    ] {
        pages.add_template(name, text).expect("the pages are read by a test");
    }
    let style = include_str!("../../prompts/pages/style.css");
    pages.add_global("style", Value::from_safe_string(style.to_owned()));
    pages
});

/// Fills the template `name`; the content of `page` is escaped, but for what is marked as safe.
pub(super) fn filled(name: &str, page: &impl Serialize) -> String {
    let template = PAGES.get_template(name).expect("a template of ours");
    let page = template
        .render(minijinja::context! { page => Value::from(Serde(page)) })
        .expect("every key is there: tests fill every page");
    // Each text has been through this already: a second lock, for one that was forgotten.
    printable(&page).into_owned()
}

/// A chart, put into the page as it is.
pub(super) fn drawn(svg: String) -> Value {
    Value::from_safe_string(svg)
}

#[derive(Serialize)]
struct ReviewPage {
    title: String,
    how: String,
    facts: Vec<(&'static str, String)>,
    account: Vec<(&'static str, String)>,
    real: bool,
    nothing_said: &'static str,
    curve: Option<Value>,
    curve_caption: String,
    boss: String,
    greeting: String,
    how_to_go_on: Option<String>,
    turns: Vec<TurnPart>,
    turning: Vec<(u32, String)>,
    kept_back: Vec<String>,
    what_they_kept_back: String,
    skills: Vec<SkillPart>,
    plan: Option<PlanPart>,
    branches: Vec<BranchPart>,
    how_to_see: Option<String>,
    next: Vec<String>,
}

#[derive(Serialize)]
struct TurnPart {
    number: u32,
    address: String,
    pieces: Vec<PiecePart>,
    findings: Vec<FindingPart>,
    notes: Vec<(&'static str, String)>,
    remarks: Vec<String>,
    /// Nothing in a real talk, as there is no reply.
    moved: Option<String>,
    reply: Option<ReplyPart>,
}

#[derive(Serialize)]
struct PiecePart {
    text: String,
    effect: Option<Effect>,
    why: String,
}

#[derive(Serialize)]
struct FindingPart {
    effect: Effect,
    sign: char,
    text: String,
}

#[derive(Serialize)]
struct ReplyPart {
    how: String,
    text: String,
}

#[derive(Serialize)]
struct SkillPart {
    title: &'static str,
    score: String,
    bar: Option<Value>,
    lines: Vec<String>,
}

#[derive(Serialize)]
struct PlanPart {
    grade: Option<String>,
    used: Vec<(String, String, String)>,
}

#[derive(Serialize)]
struct BranchPart {
    summary: String,
    turns: Vec<TurnPart>,
}

/// The page of one talk; `others` are the reports on the session's other branches, in the order of
/// [`Report::branches`].
pub fn render(report: &Report, others: &[Report]) -> String {
    let header = &report.header;
    let boss = one_line(&report.boss_name);
    let mut facts = vec![(
        "Outcome",
        format!(
            "{}, after {}",
            words::outcome(report.outcome, report.finished),
            count(report.talk.len(), "turn")
        ),
    )];
    if let Some(grade) = &report.grade {
        facts.push(("Grade", format!("{} of 100: {}", words::points(grade.overall), grade.band)));
    }
    if let [first, .., last] = report.openness.as_slice() {
        facts.push(("Openness", format!("{} → {}", words::points(*first), words::points(*last))));
    }
    let branches = report.branches.iter().zip(others).map(|(branch, other)| BranchPart {
        summary: words::branch(branch, QUOTE),
        turns: other.talk[(branch.shared as usize).min(other.talk.len())..]
            .iter()
            .map(|turn| turn_part(turn, other))
            .collect(),
    });
    let dashed = if others.is_empty() { "" } else { "; dashed: the other branches" };
    filled(
        "review.html",
        &ReviewPage {
            title: one_line(&format!("Session {}: {}", header.id, report.scenario_title)),
            how: words::started(report, short(&header.model)),
            account: report.account.as_ref().map(words::account).unwrap_or_default(),
            real: report.account.is_some(),
            nothing_said: words::nothing_said(report),
            facts,
            curve: (report.openness.len() > 1).then(|| drawn(curve(report, others))),
            curve_caption: format!(
                "How open {boss} was, 0 to 100, at the start (0) and after each turn{dashed}."
            ),
            greeting: printable(&header.greeting).into_owned(),
            how_to_go_on: report
                .talk
                .last()
                .filter(|_| report.account.is_none())
                .map(|turn| words::how_to_go_on(&header.id, turn.node)),
            turns: report.talk.iter().map(|turn| turn_part(turn, report)).collect(),
            turning: report
                .turning_points
                .iter()
                .map(|point| (point.turn, words::turning_point(point, &boss)))
                .collect(),
            kept_back: report.kept_back.iter().map(words::kept_back).collect(),
            what_they_kept_back: words::what_they_kept_back(&report.boss_name),
            skills: report
                .explained
                .iter()
                .map(|explained| SkillPart {
                    title: explained.skill.title(),
                    score: explained
                        .score
                        .map_or("did not apply".to_owned(), |score| format!("{score:.0} of 100")),
                    bar: explained.score.map(|score| {
                        drawn(chart::bar(&format!("{}: {score:.0} of 100", explained.skill.title()), score))
                    }),
                    lines: explained.lines.iter().map(|line| one_line(line)).collect(),
                })
                .collect(),
            plan: plan_part(report),
            branches: branches.collect(),
            how_to_see: report.branches.first().map(|branch| words::how_to_see(&header.id, branch)),
            next: next_lines(report),
            boss,
        },
    )
}

/// A model's file without its folders.
fn short(model: &str) -> &str {
    model.rsplit(['/', '\\']).next().unwrap_or_default()
}

/// The talk's curve, and the other branches'.
fn curve(report: &Report, others: &[Report]) -> String {
    let mut talks = vec![(report, "this talk".to_owned())];
    talks.extend(others.iter().map(|other| (other, other.reference())));
    curve_of(&talks)
}

/// The curves of talks, each with its name.
fn curve_of(talks: &[(&Report, String)]) -> String {
    let line = |(report, name): &(&Report, String)| Line {
        points: report
            .openness
            .iter()
            .enumerate()
            .map(|(index, &value)| (Some(value), tip(report, index, value)))
            .collect(),
        name: name.clone(),
    };
    let lines: Vec<Line> = talks.iter().map(line).collect();
    chart::lines("Openness, 0 to 100, at the start and after each turn", "turn", 0, &lines)
}

/// What is said of a point of the curve.
fn tip(report: &Report, index: usize, value: f64) -> String {
    let Some(turn) = index.checked_sub(1).and_then(|index| report.talk.get(index)) else {
        return format!("Start: openness {}", words::points(value));
    };
    let shown: Vec<Check> = turn.checks.present().collect();
    format!("Turn {}: openness {}. {}", turn.turn, words::points(value), words::titles(&shown))
}

fn turn_part(turn: &TurnView, report: &Report) -> TurnPart {
    let boss = one_line(&report.boss_name);
    let Feedback { praise, change } = &turn.feedback;
    let notes = [("Well done", praise), ("To change", change)];
    TurnPart {
        number: turn.turn,
        address: one_line(&format!("{}:{}", report.header.id, turn.node)),
        pieces: piece_parts(turn),
        findings: words::findings(&turn.checks, QUOTE)
            .into_iter()
            .map(|finding| FindingPart {
                effect: finding.effect,
                sign: sign(finding.effect),
                text: finding.text,
            })
            .collect(),
        notes: notes
            .into_iter()
            .filter_map(|(name, note)| Some((name, one_line(&note.as_ref()?.text))))
            .collect(),
        remarks: turn.remarks.iter().map(|remark| words::remark(remark)).collect(),
        moved: report.account.is_none().then(|| words::boss_moved(turn, &boss)),
        reply: turn
            .reply
            .as_ref()
            .map(|reply| ReplyPart { how: words::reply(reply), text: printable(&reply.text).into_owned() }),
    }
}

fn piece_parts(turn: &TurnView) -> Vec<PiecePart> {
    let mut marks = turn.marks.iter();
    pieces(&turn.text, &turn.marks)
        .into_iter()
        .map(|(text, effect)| PiecePart {
            why: effect.and_then(|_| marks.next()).map(|mark| why(turn, mark)).unwrap_or_default(),
            text: printable(text).into_owned(),
            effect,
        })
        .collect()
}

/// Which checks the marked words are evidence of.
fn why(turn: &TurnView, mark: &Mark) -> String {
    let here = |check: &Check| {
        let evidence = &turn.checks.get(*check).evidence;
        Effect::of(*check) == mark.effect
            && evidence.iter().any(|span| span.start < mark.end && mark.start < span.end)
    };
    let checks: Vec<Check> = turn.checks.present().filter(here).collect();
    let effect = if mark.effect == Effect::Helped { "helped" } else { "hurt" };
    format!("{effect}: {}", words::titles(&checks))
}

fn plan_part(report: &Report) -> Option<PlanPart> {
    let plan = report.plan.as_ref()?;
    let of = Part::ALL.len() - 1;
    let used = report.plan_used.iter().map(|used| {
        let place = match (used.turn, &used.quote) {
            (Some(turn), Some(quote)) => format!("used in turn {turn}: {}", words::quote(&quote.text, QUOTE)),
            _ => "not used".to_owned(),
        };
        (used.title.clone(), one_line(&used.text), place)
    });
    Some(PlanPart {
        grade: plan
            .prepare
            .score
            .map(|score| format!("Prepare: {score:.0} of 100; {} of {of} parts answered.", plan.answered())),
        used: used.collect(),
    })
}

fn next_lines(report: &Report) -> Vec<String> {
    let way_on = report.way_on.as_ref().map(|way_on| one_line(way_on));
    let (Some(next), Some(grade)) = (&report.next_time, &report.grade) else {
        return way_on.into_iter().collect();
    };
    let quote = next.quote.as_ref().map(|quote| {
        format!("You said, in {}: {}", words::turns(&next.turns[..1]), words::quote(&quote.text, QUOTE))
    });
    let better = report.better_wording.as_ref().map(|better| {
        format!("Turn {}, in words of your own: {}", better.turn, words::quote(&better.text, QUOTE * 4))
    });
    let worth = next.grade.map(|then| words::worth(then, grade.overall));
    [way_on, Some(one_line(&next.advice)), quote, worth, better].into_iter().flatten().collect()
}

#[derive(Serialize)]
struct ComparePage {
    title: String,
    how: String,
    facts: [(&'static str, String); 2],
    rows: Vec<[String; 4]>,
    curve: Value,
    differences: Vec<DifferencePart>,
    shared: String,
    pairs: Vec<[SidePart; 2]>,
    ends: Option<String>,
    rest: Vec<SidePart>,
}

#[derive(Serialize)]
struct DifferencePart {
    effect: Effect,
    sign: char,
    check: String,
    turns: [String; 2],
}

#[derive(Serialize)]
struct SidePart {
    name: &'static str,
    boss: String,
    turn: TurnPart,
}

/// The page of two talks side by side.
pub fn compare(compared: &Comparison) -> String {
    let [a, b] = &compared.sides;
    let show = |value: Option<f64>| value.map_or("-".to_owned(), words::points);
    let row = |name: &str, a: Option<f64>, b: Option<f64>| {
        [name.to_owned(), show(a), show(b), a.zip(b).map_or(String::new(), |(a, b)| words::signed(a - b))]
    };
    let mut rows = vec![row("Grade", a.grade, b.grade)];
    rows.extend(
        Skill::ALL.iter().enumerate().map(|(at, skill)| row(skill.title(), a.skills[at], b.skills[at])),
    );
    rows.push(row("Openness", Some(a.openness), Some(b.openness)));
    rows.push(row("Turns", Some(f64::from(a.turns)), Some(f64::from(b.turns))));
    let fact =
        |side: &Side| format!("{}, {}", one_line(&side.id), words::outcome(side.outcome, side.finished));
    let side = |name: &'static str, turn: &TurnView| {
        let report = if name == "A" { &compared.a } else { &compared.b };
        SidePart { name, turn: turn_part(turn, report), boss: one_line(&report.boss_name) }
    };
    let (both, rest) = compared.parted();
    filled(
        "compare.html",
        &ComparePage {
            title: one_line(&format!("A {} against B {}: {}", a.id, b.id, compared.a.scenario_title)),
            how: words::started(&compared.a, short(&compared.a.header.model)),
            facts: [("A", fact(a)), ("B", fact(b))],
            rows,
            curve: drawn(curve_of(&[(&compared.a, "A".to_owned()), (&compared.b, "B".to_owned())])),
            differences: compared.checks.iter().map(difference).collect(),
            shared: side_by_side::shared(compared),
            pairs: both.into_iter().map(|[one, other]| [side("A", one), side("B", other)]).collect(),
            ends: rest.as_ref().map(Rest::said),
            rest: rest.map_or_else(Vec::new, |rest| {
                rest.turns.iter().map(|turn| side(rest.longer, turn)).collect()
            }),
        },
    )
}

fn difference(found: &CheckDifference) -> DifferencePart {
    let effect = Effect::of(found.check);
    let place = |turns: &[u32]| if turns.is_empty() { "not at all".to_owned() } else { words::turns(turns) };
    DifferencePart {
        effect,
        sign: sign(effect),
        check: title(found.check),
        turns: [place(&found.a), place(&found.b)],
    }
}

/// The name of a check, for pages.
pub(super) fn title(check: Check) -> String {
    wording::of(check).title.clone()
}

#[cfg(test)]
mod tests {
    use super::super::{golden_report, report};
    use super::*;
    use crate::session::sample;

    fn page() -> String {
        let session = sample::session();
        let report = report(&session);
        render(&report, &report.others(&session))
    }

    #[test]
    fn the_page_has_everything_that_the_screen_has() {
        let page = page();
        for part in [
            "<h1>Session 7: Late feedback</h1>",
            r#"<mark class="helped" title="helped: Asks permission, asks a question">Do you have ten minutes today?</mark>"#,
            "concedes part, a hand-written line",
            "<h2>Turning points</h2>",
            "<h2>Grade by skill</h2>",
            "<h2>Other branches</h2>",
            "You never answer my mails",
            r#"<h2 id="next">Next time</h2>"#,
            r#"aria-label="Openness, 0 to 100, at the start and after each turn. this talk: 45, 48.5, 61.2, 61.2. 7:2: 45, 48.5, 39""#,
        ] {
            assert!(page.contains(part), "{part} in\n{page}");
        }
    }

    #[test]
    fn it_is_self_contained() {
        let page = page();
        assert!(!page.contains("<script") && !page.contains("http://") && !page.contains("https://"));
        assert!(!page.contains(" src=") && page.matches("href=").count() == 1, "{page}");
        assert!(page.len() < 40_000, "{}", page.len());
    }

    /// The relative luminance of a colour such as `#1d2125` (WCAG 2.2).
    fn luminance(colour: &str) -> f64 {
        let digits = colour.trim_start_matches('#');
        let digits =
            if digits.len() == 3 { digits.chars().flat_map(|c| [c, c]).collect() } else { digits.to_owned() };
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&digits[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
    }

    #[test]
    fn text_stands_out_in_light_in_dark_and_on_paper() {
        let style = include_str!("../../prompts/pages/style.css");
        let schemes: Vec<&str> =
            style.split(":root {").skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
        assert_eq!(schemes.len(), 3);
        for scheme in schemes {
            let colour = |name: &str| {
                let value = scheme.split(&format!("--{name}: ")).nth(1).unwrap();
                luminance(value.split(';').next().unwrap())
            };
            for (text, back) in [
                ("ink", "page"),
                ("ink", "card"),
                ("ink", "good-back"),
                ("ink", "bad-back"),
                ("soft", "page"),
                ("good", "page"),
                ("bad", "page"),
            ] {
                let (a, b) = (colour(text), colour(back));
                let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                // 7 is WCAG's AAA for text; 4.5 its AA.
                assert!(contrast >= 7.0, "{text} on {back}: {contrast:.1} in{scheme}");
            }
        }
    }

    #[test]
    fn a_comparison_is_a_page_too() {
        let titles = super::super::Titles { scenario: "Late feedback", boss: "Dana" };
        let talk = |node| Report::of_talk(&sample::session(), Some(node), titles);
        let page = compare(&Comparison::of(talk(4), talk(2)));
        assert!(page.contains("A 7:4 against B 7:2") && page.contains("B ends here; A goes on."), "{page}");
    }

    #[test]
    fn nothing_said_is_a_page_too() {
        let mut session = sample::session();
        (session.exchanges, session.head) = (Vec::new(), None);
        assert!(render(&report(&session), &[]).contains("Nothing was said yet."));
        assert!(render(&golden_report(), &[]).contains("You said, in turn 2"));
    }
}
