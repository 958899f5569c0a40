//! Progress on a screen and as a page.

use super::chart::{self, Line};
use super::html::{drawn, filled, title};
use super::progress::{CheckSeries, Progress, RealPoint, Series};
use super::trend::{Change, FEWEST, Trend};
use super::underline::sign;
use super::{Effect, words};
use crate::scorer::rubric::Check;
use crate::session::account::MOST_LIKE;
use crate::text::columns::{self, options, padded, shortened};
use crate::text::{self, count, one_line, printable};
use anstyle::{Effects, Style};
use minijinja::Value;
use serde::Serialize;
use std::fmt::Write;

const BOLD: Style = Style::new().effects(Effects::BOLD);
const DIM: Style = Style::new().effects(Effects::DIMMED);

/// How many talks a sparkline shows.
const SPARKS: usize = 20;
/// Below so many columns, sparklines are left out.
const ROOM_FOR_SPARKS: usize = 64;
/// The columns of a behaviour's name with its sign, and what a word instead of the sign takes more.
const NAMES: usize = 30;
const SPOKEN: usize = 5;
/// Below so many columns, tables become sentences.
const NARROW: usize = 64;

/// For a screen. `drawings`: sparklines, where there is room.
pub fn terminal(progress: &Progress, width: usize, drawings: bool) -> String {
    let talks = progress.talks.len();
    if talks == 0 {
        let none = wrapped("Nothing was practised yet: `coachup practice` starts a talk.", width);
        return if progress.real.is_empty() {
            none
        } else {
            format!("{none}\n{}", real_talks(progress, width))
        };
    }
    let mut page = format!("{BOLD}Progress over {}{BOLD:#}\n", count(talks, "talk"));
    page.push_str(&wrapped(&caution(progress), width));
    let sparks = drawings && width >= ROOM_FOR_SPARKS;
    page.push_str(&format!("\n{BOLD}Grade by skill{BOLD:#}\n\n"));
    let room = if sparks { SPARKS.min(talks).max(5) } else { 0 };
    if width >= NARROW {
        page.push_str(&format!("  {DIM}{:<16}{:room$}  {:>7} {:>7}{DIM:#}\n", "", "", "earlier", "recent"));
    }
    let mut row = |name: &str, series: &Series| {
        let show = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.0}"));
        if width < NARROW {
            let (earlier, recent) = (show(series.change.earlier), show(series.change.recent));
            let trend = trend_words(series.change.trend, Effect::Helped);
            return page.push_str(&hanging(&format!("{name}: {earlier}, lately {recent} {trend}"), width));
        }
        let spark = if sparks { format!("{:<room$}", sparkline(&series.values)) } else { String::new() };
        let trend = trend_words(series.change.trend, Effect::Helped);
        let (earlier, recent) = (show(series.change.earlier), show(series.change.recent));
        page.push_str(format!("  {name:<16}{spark}  {earlier:>7} {recent:>7}  {trend}").trim_end());
        page.push('\n');
    };
    row("Overall", &progress.overall);
    progress.skills.iter().for_each(|skill| row(skill.skill.title(), &skill.series));
    page.push_str(&format!("\n{BOLD}Behaviours{BOLD:#}, in how many talks\n\n"));
    let names = if drawings { NAMES } else { NAMES + SPOKEN };
    if width >= NARROW {
        page.push_str(&format!("  {DIM}{:<names$} {:>8} {:>8}{DIM:#}\n", "", "earlier", "recent"));
    }
    for series in &progress.checks {
        let (earlier, recent) = shares(series);
        let effect = Effect::of(series.check);
        let name = match (drawings, effect) {
            (true, _) => format!("{} {}", sign(effect), title(series.check)),
            (false, Effect::Helped) => format!("helps: {}", title(series.check)),
            (false, Effect::Hurt) => format!("hurts: {}", title(series.check)),
        };
        let trend = trend_words(series.change.trend, effect);
        if width < NARROW {
            page.push_str(&hanging(&format!("{name}: {earlier}, lately {recent} {trend}"), width));
            continue;
        }
        // A name of the team's own may be longer, or of wider characters.
        let name = padded(&shortened(&name, names), names);
        page.push_str(format!("  {name} {earlier:>8} {recent:>8}  {trend}").trim_end());
        page.push('\n');
    }
    if !progress.real.is_empty() {
        page.push_str(&format!("\n{}", real_talks(progress, width)));
    }
    page.push_str(&format!("\n{BOLD}Reached{BOLD:#}\n\n"));
    for reached in &progress.reached {
        page.push_str(&hanging(&reached_words(reached), width));
    }
    if let Some(next) = &progress.next {
        page.push_str(&format!("\n{BOLD}Practise next{BOLD:#}\n\n"));
        page.push_str(&hanging(&next.why, width));
        // Not broken into lines: it is to be copied.
        let _ = writeln!(page, "  {}", printable(&next.command()));
    }
    page
}

/// Rehearsals and real talks on one line of time, and what practice changed; nothing without real talks.
pub fn real_talks(progress: &Progress, width: usize) -> String {
    let mut page = format!("{BOLD}Real talks{BOLD:#}\n\n");
    for talk in &progress.real {
        line_of_time(talk).iter().for_each(|line| page.push_str(&hanging(line, width)));
    }
    page.push('\n');
    page.push_str(&wrapped(&practice_changed(progress), width));
    page
}

/// A real talk with its rehearsals, in order, and what of them came to be.
fn line_of_time(talk: &RealPoint) -> Vec<String> {
    let day = talk.started.strftime("%Y-%m-%d");
    let rehearsed = match talk.rehearsed.as_slice() {
        [] => format!("{}: not rehearsed", talk.scenario),
        grades => {
            let all: Vec<String> = grades.iter().map(|grade| format!("{grade:.0}")).collect();
            let shown = all[all.len().saturating_sub(SPARKS)..].join(", ");
            format!("{}: rehearsed {}, grade {shown}", talk.scenario, text::count::times(grades.len()))
        }
    };
    let mut real = format!("{day}: the real talk (session {})", talk.id);
    if let Some(outcome) = talk.outcome {
        real.push_str(&format!(", {}", words::outcome(outcome, true)));
    }
    if let Some(grade) = talk.grade {
        real.push_str(&format!(", grade {grade:.0} by your words"));
    }
    if let Some(likeness) = talk.likeness {
        real.push_str(&format!(", the boss {likeness} of {MOST_LIKE} like the rehearsed one"));
    }
    let both = |practised: bool| {
        let managed = talk.managed.iter().copied();
        words::titles(
            &managed.filter(|check| talk.practised.contains(check) == practised).collect::<Vec<_>>(),
        )
    };
    let missed = talk.practised.iter().copied().filter(|check| !talk.managed.contains(check));
    let mut lines = vec![rehearsed, real];
    for (what, checks) in [
        ("practised and managed", both(true)),
        ("managed without practice", both(false)),
        ("practised, not managed", words::titles(&missed.collect::<Vec<_>>())),
    ] {
        if !checks.is_empty() {
            lines.push(format!("{what}: {checks}"));
        }
    }
    lines
}

/// What changed from real talk to real talk, as far as that can be told.
fn practice_changed(progress: &Progress) -> String {
    let of = Check::all_helpful().count();
    let managed: Vec<String> = progress.real.iter().map(|talk| talk.managed.len().to_string()).collect();
    let counts = format!("You managed {} of {of} behaviours", managed.join(", then "));
    let told = match progress.managed.change.trend {
        Trend::TooFew => {
            let needed = (2 * FEWEST).saturating_sub(progress.real.len());
            format!("Too few real talks to tell what practice changed: {needed} more are needed.")
                .replace("1 more are", "1 more is")
        }
        Trend::NoClearChange => "No more of a change than chance would make.".to_owned(),
        Trend::Up => "Lately more of them, more than chance would make.".to_owned(),
        Trend::Down => "Lately fewer of them, more than chance would make.".to_owned(),
    };
    format!("{counts}. {told} What you say you managed is your own judgement, the grades are the scorer's.")
}

/// What the numbers can't tell.
fn caution(progress: &Progress) -> String {
    let change = &progress.overall.change;
    if change.trend == Trend::TooFew {
        let needed = (2 * FEWEST).saturating_sub(progress.talks.len());
        return format!(
            "Too few talks for a trend: {needed} more are needed. Until then the numbers are only what they are. \
             {COUNTED}"
        )
        .replace("1 more are", "1 more is");
    }
    format!(
        "The last {} against {} before. “up” and “down” are said where chance would do as much in at most 1 of 10 cases \
         (behaviours: 1 of 20). Talks at different difficulties are not the same task. {COUNTED}",
        change.recent_count, change.earlier_count
    )
}

/// What a talk is here.
const COUNTED: &str = "A session counts once, as it stands: branches you left are not in it.";

fn trend_words(trend: Trend, effect: Effect) -> &'static str {
    match (trend, effect) {
        (Trend::TooFew, _) => "",
        (Trend::NoClearChange, _) => "no clear change",
        (Trend::Up, Effect::Helped) => "up: better",
        (Trend::Down, Effect::Helped) => "down: worse",
        (Trend::Up, Effect::Hurt) => "up: worse",
        (Trend::Down, Effect::Hurt) => "down: better",
    }
}

/// What a series did, with the numbers of talks behind the means.
fn change_words(change: &Change) -> String {
    let mean =
        |value: f64, count: usize| format!("{} over {}", words::points(value), text::count(count, "talk"));
    let trend = trend_words(change.trend, Effect::Helped);
    let trend = if trend.is_empty() { "too few talks for a trend" } else { trend };
    match (change.earlier, change.recent) {
        (Some(earlier), Some(recent)) => format!(
            "Earlier {}, lately {} ({trend}).",
            mean(earlier, change.earlier_count),
            mean(recent, change.recent_count)
        ),
        (None, Some(recent)) => format!("{} ({trend}).", mean(recent, change.recent_count)),
        _ => "It did not apply.".to_owned(),
    }
}

/// "2 of 5", earlier and recent.
fn shares(series: &CheckSeries) -> (String, String) {
    let share = |mean: Option<f64>, count: usize| match mean {
        Some(mean) => format!("{:.0} of {count}", mean * count as f64),
        None => "-".to_owned(),
    };
    let change = &series.change;
    (share(change.earlier, change.earlier_count), share(change.recent, change.recent_count))
}

fn reached_words(reached: &super::progress::Reached) -> String {
    one_line(&format!(
        "{}: {}, agreed in {}, best grade {}",
        reached.difficulty,
        count(reached.talks, "talk"),
        reached.agreed,
        words::points(reached.best)
    ))
}

/// One block a talk; a dot where there is no value.
fn sparkline(values: &[Option<f64>]) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let block = |value: f64| BLOCKS[(value / 100.0 * 7.0).round().clamp(0.0, 7.0) as usize];
    let last = &values[values.len().saturating_sub(SPARKS)..];
    last.iter().map(|value| value.map_or('·', block)).collect()
}

fn wrapped(text: &str, width: usize) -> String {
    textwrap::fill(&one_line(text), options(width)) + "\n"
}

fn hanging(text: &str, width: usize) -> String {
    columns::hanging("  ", &one_line(text), 4, options(width)) + "\n"
}

#[derive(Serialize)]
struct ProgressPage {
    title: String,
    caution: String,
    charts: Vec<ChartPart>,
    checks: Vec<CheckPart>,
    reached: Vec<String>,
    talks: Vec<[String; 6]>,
    real: Vec<Vec<String>>,
    practice_changed: String,
    next: Option<[String; 2]>,
}

#[derive(Serialize)]
struct CheckPart {
    effect: Effect,
    sign: char,
    check: String,
    earlier: String,
    recent: String,
    trend: &'static str,
}

#[derive(Serialize)]
struct ChartPart {
    title: String,
    summary: String,
    svg: Value,
}

/// As one self-contained page.
pub fn html(progress: &Progress) -> String {
    let talks = progress.talks.len();
    let chart = |name: &str, series: &Series| {
        let points = series.values.iter().zip(&progress.talks);
        let line = Line {
            name: name.to_owned(),
            points: points
                .map(|(value, talk)| {
                    (
                        *value,
                        format!(
                            "Session {}, {}: {}",
                            talk.id,
                            talk.scenario,
                            value.map_or("-".to_owned(), words::points)
                        ),
                    )
                })
                .collect(),
        };
        let told = format!("{name}, 0 to 100, talk by talk");
        // One dot is no curve.
        let svg = match series.values.as_slice() {
            [Some(only)] => chart::bar(&format!("{name}: {} of 100", words::points(*only)), *only),
            [None] => String::new(),
            _ => chart::lines(&told, "talk", 1, &[line]),
        };
        ChartPart { title: name.to_owned(), summary: change_words(&series.change), svg: drawn(svg) }
    };
    let mut charts = vec![chart("Overall", &progress.overall)];
    charts.extend(progress.skills.iter().map(|skill| chart(skill.skill.title(), &skill.series)));
    let checks = progress.checks.iter().map(|series| {
        let effect = Effect::of(series.check);
        let (earlier, recent) = shares(series);
        let trend = trend_words(series.change.trend, effect);
        CheckPart { effect, sign: sign(effect), check: title(series.check), earlier, recent, trend }
    });
    filled(
        "progress.html",
        &ProgressPage {
            title: format!("Progress over {}", count(talks, "talk")),
            caution: if talks == 0 { "Nothing was practised yet.".to_owned() } else { caution(progress) },
            charts: if talks == 0 { Vec::new() } else { charts },
            checks: checks.collect(),
            reached: progress.reached.iter().map(reached_words).collect(),
            talks: progress
                .talks
                .iter()
                .map(|talk| {
                    [
                        one_line(&talk.id),
                        talk.started.strftime("%Y-%m-%d").to_string(),
                        one_line(&talk.scenario),
                        one_line(&talk.difficulty),
                        words::outcome(talk.outcome, true).to_owned(),
                        words::points(talk.grade),
                    ]
                })
                .collect(),
            real: progress.real.iter().map(line_of_time).collect(),
            practice_changed: practice_changed(progress),
            next: progress.next.as_ref().map(|next| [next.why.clone(), next.command()]),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Library;
    use crate::session::{Session, sample};

    fn progress(count: usize) -> Progress {
        let sessions: Vec<Session> = (0..count)
            .map(|index| {
                let mut session = sample::finished();
                if index * 2 < count {
                    session = Session { head: Some(2), ..sample::session() };
                }
                session.header.seed = index as u64;
                session
            })
            .collect();
        Progress::of(&sessions, &Library::embedded())
    }

    fn plain(count: usize, width: usize, drawings: bool) -> String {
        anstream::adapter::strip_str(&terminal(&progress(count), width, drawings)).to_string()
    }

    #[test]
    fn few_talks_are_called_few() {
        assert!(plain(0, 80, true).contains("Nothing was practised yet"));
        let one = plain(1, 80, true);
        assert!(
            one.contains("Too few talks for a trend: 5 more are needed") && !one.contains("up: "),
            "{one}"
        );
        assert!(plain(5, 80, true).contains("1 more is needed"));
    }

    #[test]
    fn a_trend_is_said_in_words_and_fits() {
        let text = plain(10, 80, true);
        assert!(text.contains("up: better") && text.contains("- Blames") && text.contains("▂"), "{text}");
        assert!(!plain(10, 80, false).contains('▂'));
        for width in [40, 60, 80] {
            // A command is to be copied, and stays on one line.
            for line in plain(10, width, true).lines().filter(|line| !line.contains("coachup practice")) {
                assert!(textwrap::core::display_width(line) <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn real_talks_are_told_with_what_was_rehearsed() {
        let mut all = vec![sample::finished()];
        let mut real = sample::real();
        real.header.started += jiff::SignedDuration::from_hours(150);
        all.push(real);
        let progress = Progress::of(&all, &Library::embedded());
        let text = anstream::adapter::strip_str(&terminal(&progress, 80, true)).to_string();
        for words in [
            "late-feedback: rehearsed once, grade ",
            "2026-01-08: the real talk (session 7), agreed in part, grade ",
            "practised and managed: Asks permission, offers help",
            "practised, not managed: ",
            "You managed 2 of 13 behaviours. Too few real talks",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert!(html(&progress).contains("practised and managed: Asks permission, offers help"));
        assert!(!html(&super::tests::progress(4)).contains("Real talks"));
    }

    #[test]
    fn the_page_has_plots_with_words_for_them() {
        let page = html(&progress(10));
        assert_eq!(page.matches("<svg role=\"img\" aria-label=\"").count(), 5);
        assert!(page.contains("coachup practice") && page.contains("up: better"), "{page}");
        assert!(html(&progress(0)).contains("Nothing was practised yet."));
    }
}
