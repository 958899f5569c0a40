//! What the person sees: plain strings with colour marks, wrapped to the terminal, safe to print.
//!
//! Nothing is said by colour alone: `+` helped, `-` hurt. The caller writes through `anstream`, which
//! drops the colours where there is no terminal or `NO_COLOR` is set.

use super::commands::TABLE;
use super::talk::Talk;
use crate::boss::Cast;
use crate::boss::state::Act;
use crate::review::{Effect, Finding, Proposal, findings};
use crate::scenario::{Boss, Pronoun, Scenario};
use crate::scorer::example::Example;
use crate::scorer::grade::Grade;
use crate::scorer::rubric::Check;
use crate::scorer::verdict::{Answer, Verdicts};
use crate::scorer::wording;
use crate::session::plan::{Part, Plan};
use crate::session::{Exchange, Outcome, Reply};
use crate::text::columns::{NARROW, shortened};
use crate::text::count::count;
use crate::text::suggest::nearest;
use crate::text::{one_line, printable};
use anstyle::{AnsiColor, Style};
use jiff::civil::Date;
use std::fmt::Write;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const BOSS: Style = AnsiColor::Cyan.on_default().bold();

/// The longest quotation of a turn's feedback, in characters, and the most lines of it: the turn stands just above.
const QUOTE: usize = 60;
const MOST_SHOWN: usize = 4;

/// The widest text, in columns: longer lines are hard to read.
const WIDEST: usize = 92;

/// The columns to wrap to.
pub fn width() -> usize {
    textwrap::termwidth().clamp(40, WIDEST)
}

/// `text`, safe and wrapped, with `indent` before every line but the first, which has `first`.
fn wrapped(text: &str, first: &str, indent: &str) -> String {
    // Names of talks have hyphens, and are to be copied.
    let whole = textwrap::WordSplitter::NoHyphenation;
    let options = textwrap::Options::new(width()).word_splitter(whole);
    let options = options.initial_indent(first).subsequent_indent(indent);
    textwrap::fill(&printable(text), options)
}

/// A heading, safe and wrapped.
fn heading(text: &str, first: &str) -> String {
    format!("{BOLD}{}{BOLD:#}\n", wrapped(&one_line(text), first, "  "))
}

/// What a talk is about, in a few lines.
pub fn matter(scenario: &Scenario) -> String {
    let mut out = heading(&scenario.title, "");
    let _ = writeln!(out, "{}", wrapped(&scenario.goal, "What you want: ", "  "));
    out
}

/// What a first talk needs to know, in three lines.
pub fn first_time(scenario: &Scenario) -> String {
    let new = if scenario.kind.is_some() { "" } else { "; /new makes a talk of your own" };
    note(&format!(
        "Your first talk: say it as you would at work. After each turn you see which of your words helped and \
         which hurt, and how far the boss opened. /retry says a turn again{new}."
    ))
}

/// The card that a session begins with: at most one screen of 80×24.
pub fn briefing(cast: &Cast, difficulty: &str) -> String {
    let (boss, scenario) = (&cast.boss, &cast.scenario);
    let mut out = heading(&scenario.title, "");
    let _ = writeln!(out, "{}", wrapped(&scenario.situation, "", ""));
    out.push('\n');
    let role = format!("You are {}, {}.", cast.you, scenario.your_role);
    let them = format!("{} is {}: {}.", boss.name, scenario.boss_role, boss.title.trim_end_matches('.'));
    let _ = writeln!(out, "{}", wrapped(&format!("{role} {them}"), "", ""));
    let _ = writeln!(out, "{}", wrapped(&scenario.goal, "What you want: ", "  "));
    let level = format!("Difficulty: {difficulty} ({}).", cast.difficulty.title.trim_end_matches('.'));
    let _ = writeln!(out, "{DIM}{}{DIM:#}", wrapped(&level, "", "  "));
    let keys = "Type what you'd say and press Enter. /help lists commands, /hint helps, /end ends the talk.";
    let _ = writeln!(out, "{DIM}{}{DIM:#}", wrapped(keys, "", "  "));
    out
}

/// What the person prepared, to glance at during the talk.
pub fn plan(plan: &Plan) -> String {
    let mut out = format!("{BOLD}Your plan{BOLD:#}\n");
    for part in Part::ALL {
        let title = &part.wording().title;
        let texts = plan.texts(part);
        for (index, text) in texts.iter().enumerate() {
            let label =
                if texts.len() > 1 { format!("{title} {}: ", index + 1) } else { format!("{title}: ") };
            let _ = writeln!(out, "{}", wrapped(&one_line(text), &format!("  {label}"), "    "));
        }
    }
    out
}

/// A question of the sheet, `number` from 1.
pub fn question(part: Part, number: usize) -> String {
    let words = part.wording();
    let place = format!("{number} of {}", Part::ALL.len());
    let mut out = format!("\n{DIM}{place}{DIM:#}  {BOLD}{}{BOLD:#}\n", words.title);
    let _ = writeln!(out, "{}", wrapped(&words.question, "", ""));
    let _ = writeln!(out, "{DIM}{}{DIM:#}", wrapped(&words.advice, "  ", "  "));
    out
}

/// A question of the interview, at a place of so many, with what there is to choose from.
pub fn interview<'a>(
    place: [usize; 2],
    question: &str,
    advice: &str,
    choices: impl Iterator<Item = &'a str>,
) -> String {
    let [number, of] = place;
    let mut out = format!("\n{DIM}{number} of {of}{DIM:#}  {BOLD}{}{BOLD:#}\n", wrapped(question, "", ""));
    for (at, choice) in choices.enumerate() {
        let _ = writeln!(out, "{}", wrapped(choice, &format!("{:>3}  ", at + 1), "     "));
    }
    let _ = writeln!(out, "{DIM}{}{DIM:#}", wrapped(advice, "  ", "  "));
    out
}

/// What was understood of a talk of one's own.
pub fn card(scenario: &Scenario, boss: &Boss, difficulty: Option<&str>) -> String {
    let mut out = heading(&scenario.title, "");
    let _ = writeln!(out, "{}\n", wrapped(&scenario.situation, "", ""));
    let mut line = |label: &str, text: &str| {
        let _ = writeln!(out, "{}", wrapped(text, &format!("{label}: "), "  "));
    };
    let you = scenario.you.iter().cloned().chain([scenario.your_role.clone()]).collect::<Vec<_>>();
    line("You", &you.join(", "));
    line("Your boss", &format!("{}, {}: {}", boss.name, scenario.boss_role, boss.title));
    line("Goal", &scenario.goal);
    if !scenario.outcome.is_empty() {
        line("Good for both", &scenario.outcome);
    }
    let (takes, verb) = match boss.pronoun {
        Pronoun::They => ("they take", "they may say"),
        Pronoun::She => ("she takes", "she may say"),
        Pronoun::He => ("he takes", "he may say"),
    };
    difficulty.into_iter().for_each(|title| line(&format!("How {takes} it"), title));
    if !scenario.objections.is_empty() {
        let reasons = scenario.objections.iter().map(|reason| format!("“{reason}.”"));
        line(&format!("What {verb} against it"), &reasons.collect::<Vec<_>>().join(" "));
    }
    if !scenario.guesses.is_empty() {
        let guesses: Vec<String> = scenario.guesses.iter().map(|guess| format!("“{guess}”")).collect();
        line(&format!("What {} may not have told you", boss.name), &guesses.join(" "));
    }
    scenario.when.iter().for_each(|&when| line("The talk", &day(when)));
    out
}

/// "Thursday, 3 December 2026".
pub fn day(day: Date) -> String {
    day.strftime("%A, %-d %B %Y").to_string()
}

/// That there is a plan to look at.
pub fn plan_at_hand() -> String {
    note("Your plan is at hand: /plan shows it.")
}

/// What stands in a plan's place.
pub fn no_plan() -> String {
    note("You have no plan for this talk; `coachup prepare` makes one.")
}

/// A line the boss says.
pub fn boss_line(name: &str, text: &str) -> String {
    let name = &one_line(name);
    let label = format!("{name}: ");
    let indent = " ".repeat(2);
    let plain = wrapped(text, &label, &indent);
    let rest = plain.strip_prefix(&label).unwrap_or(&plain);
    format!("{BOSS}{name}:{BOSS:#} {rest}\n")
}

/// What came back: the boss's line, or the program's own where it stepped out of the role.
pub fn reply(name: &str, reply: &Reply) -> String {
    if reply.act == Act::StepsOut { note(&reply.text) } else { boss_line(name, &reply.text) }
}

/// Why a line was not the model's, as the first of them is told.
pub fn by_hand(remark: &str) -> String {
    format!("that line was written by hand: {remark}")
}

/// The verdicts that say something: what hurt and what helped, each with the person's own words. `plain`: in words
/// instead of signs.
pub fn verdicts(verdicts: &Verdicts, plain: bool) -> String {
    shown(verdicts, plain, usize::MAX)
}

/// At most `most` lines of them, what hurt first.
fn shown(verdicts: &Verdicts, plain: bool, most: usize) -> String {
    if verdicts.iter().all(|(_, verdict)| verdict.verdict == Answer::NotApplicable) {
        return format!("{DIM}  not graded: it holds no English words{DIM:#}\n");
    }
    let mut found = findings(verdicts, QUOTE);
    found.sort_by_key(|finding| finding.effect == Effect::Helped);
    let mut out = String::new();
    for Finding { effect, text, .. } in found.iter().take(most) {
        let (sign, word, style) = match effect {
            Effect::Helped => ("+", "helped:", GOOD),
            Effect::Hurt => ("-", "hurt:", BAD),
        };
        let sign = if plain { word } else { sign };
        let _ = writeln!(out, "{style}{}{style:#}", wrapped(text, &format!("  {sign} "), "    "));
    }
    if found.is_empty() {
        let _ = writeln!(out, "{DIM}  nothing on the rubric in this turn{DIM:#}");
    }
    if found.len() > most {
        let _ = writeln!(out, "{DIM}  {} more: /score{DIM:#}", found.len() - most);
    }
    out
}

/// How the boss moved and why, and what the numbers mean.
pub fn moved(exchange: &Exchange, cast: &Cast) -> String {
    let (moved, state) = (&exchange.moved, &exchange.state);
    let (name, difficulty) = (one_line(&cast.boss.name), &cast.difficulty);
    let mut out = String::new();
    let mut line = |text: String| {
        let _ = writeln!(out, "{DIM}{}{DIM:#}", wrapped(&text, "  ", "  "));
    };
    line(format!(
        "openness {}: how open {name} is, 0 to 100. From {:.0} on {name} may agree, once you have shown {} different \
         good behaviours ({} so far).",
        from_to(moved.from, moved.to),
        difficulty.threshold,
        difficulty.earned,
        state.earned.len(),
    ));
    line(format!(
        "patience {} of {}: blame, pressure and empty turns cost one each; at 0 {name} ends the talk.",
        state.patience, difficulty.patience
    ));
    for why in &moved.why {
        let _ = writeln!(out, "{}", wrapped(why, "    ", "      "));
    }
    if moved.why.is_empty() {
        let _ = writeln!(out, "    nothing in this turn moved the boss");
    }
    out
}

/// Short feedback on a turn: what helped, what hurt, how the boss moved.
pub fn feedback(exchange: &Exchange, plain: bool) -> String {
    let moved = &exchange.moved;
    let mut out = shown(&exchange.verdicts, plain, MOST_SHOWN);
    let reason = moved.why.first().filter(|_| is_large(moved.from, moved.to));
    let reason = reason.map(|why| format!(": {why}")).unwrap_or_default();
    let line = format!("openness {}{reason}", from_to(moved.from, moved.to));
    let _ = writeln!(out, "{DIM}{}{DIM:#}", wrapped(&line, "  ", "    "));
    out
}

/// Is it a change, as it is shown, that needs its reason said?
fn is_large(from: f64, to: f64) -> bool {
    const LARGE: f64 = 15.0;
    (to.round() - from.round()).abs() > LARGE
}

/// "50 to 44 (-6)": the difference of the numbers that are shown.
fn from_to(from: f64, to: f64) -> String {
    let (from, to) = (from.round(), to.round());
    format!("{from:.0} to {to:.0} ({:+.0})", to - from)
}

/// Feedback on the turn the talk stands at, with one thing to do differently, and what the grade did.
pub fn turn_feedback(talk: &Talk, grade_before: f64, plain: bool) -> String {
    let Some(exchange) = talk.last() else { return String::new() };
    let mut out = feedback(exchange, plain);
    if let Some(change) = talk.coaching().change {
        let sign = if plain { "  to change: " } else { "  > " };
        let _ = writeln!(out, "{}", wrapped(&change.text, sign, "    "));
    }
    let grade = talk.grade().overall;
    // Before the first turn there was no grade to rise from.
    let change = match exchange.parent {
        None => String::new(),
        Some(_) => format!(" ({:+.0})", grade.round() - grade_before.round()),
    };
    let most = talk.weightiest().filter(|_| exchange.parent.is_some() && is_large(grade_before, grade));
    let reason = most.map(|check| format!(": {} counts most", wording::of(check).title.to_lowercase()));
    let line = format!("grade {grade:.0}{change}{}", reason.unwrap_or_default());
    let _ = writeln!(out, "{DIM}{}{DIM:#}", wrapped(&line, "  ", "    "));
    if let Some((old, old_grade)) = talk.said_instead_of() {
        let compared = format!(
            "said differently: grade {grade:.0} instead of {:.0}, openness {:.0} instead of {:.0}",
            old_grade.overall, exchange.moved.to, old.moved.to
        );
        out.push_str(&heading(&compared, "  "));
    }
    out.push('\n');
    out
}

/// A line the person said, as a script's transcript shows it.
pub fn person_line(name: &str, text: &str) -> String {
    format!("{BOLD}{}{BOLD:#}\n", wrapped(text, &format!("{}: ", one_line(name)), "  "))
}

/// Where the talk stands, to go on from: the greeting, or the last lines of a resumed one.
pub fn so_far(talk: &Talk) -> String {
    const SHOWN: usize = 3;
    let name = &talk.cast().boss.name;
    let path = talk.session().talk();
    let skipped = path.len().saturating_sub(SHOWN);
    let mut out = match skipped {
        0 => boss_line(name, &talk.session().header.greeting),
        turns => note(&format!("({turns} earlier: /score, /branches and `coachup review` show more)")),
    };
    for exchange in &path[skipped..] {
        out.push_str(&person_line(&talk.cast().you, &exchange.text));
        if let Some(reply) = &exchange.reply {
            out.push_str(&self::reply(name, reply));
        }
    }
    out
}

/// What a talk ends with: how it ended, the grade by skill, the one thing to do differently.
pub fn ending(talk: &Talk, outcome: Outcome, grade: &Grade, plain: bool) -> String {
    if talk.last().is_none() {
        return note("Nothing was said, so there is nothing to grade.");
    }
    let name = &talk.cast().boss.name;
    let how = match outcome {
        Outcome::Agreed => format!("{name} agreed."),
        Outcome::Partly => format!("{name} agreed to a part."),
        Outcome::Open => "Nothing was decided.".to_owned(),
        Outcome::EndedByBoss => format!("{name} ended the talk."),
    };
    let how = format!("{how} Grade {:.0} of 100: {}.", grade.overall, grade.band);
    let mut out = format!("\n{}", heading(&how, ""));
    let step = if width() < NARROW { 10.0 } else { 5.0 };
    for (skill, part) in &grade.skills {
        let line = match part.score {
            None => format!("  {:<15} did not apply", skill.title()),
            Some(score) if plain => format!("  {}: {score:.0} of 100", skill.title()),
            Some(score) => {
                let bar = "#".repeat((score / step).round() as usize);
                format!("  {:<15} {score:>3.0} {bar}", skill.title())
            }
        };
        let _ = writeln!(out, "{}", line.trim_end());
    }
    let outline = talk.outline();
    if let Some(way_on) = &outline.way_on {
        let _ = writeln!(out, "{}", wrapped(way_on, "", "  "));
    }
    if let Some(next) = &outline.next_time {
        let _ = writeln!(out, "{}", wrapped(&next.advice, "Next time: ", "  "));
    }
    let id = &talk.session().header.id;
    out.push_str(&note(&format!(
        "`coachup review {id}` shows the whole talk with your words; `coachup practice --resume {id}` goes on."
    )));
    out
}

/// The talk that is proposed next.
pub fn proposal(next: &Proposal) -> String {
    let mut out = String::from("\n");
    let _ = writeln!(out, "{}", wrapped(&next.why, "Next: ", "  "));
    // Not broken into lines: it is to be copied.
    let _ = writeln!(out, "  {}", printable(&next.command()));
    out
}

/// The slash commands.
pub fn help() -> String {
    let mut out = String::new();
    for entry in &TABLE {
        let usage = format!("  {:<14} ", format!("{} {}", entry.name, entry.arguments));
        let line = wrapped(entry.help, &usage, &" ".repeat(17));
        let rest = line.strip_prefix(&usage).unwrap_or(&line);
        let _ = writeln!(out, "{BOLD}{usage}{BOLD:#}{rest}");
    }
    for text in [
        "Enter sends your turn; Alt-Enter adds a line; a pasted text is one turn.",
        "Ctrl-C stops the boss's reply, twice leaves. To begin a turn with a slash, type two.",
    ] {
        let _ = writeln!(out, "{DIM}{}{DIM:#}", wrapped(text, "  ", "  "));
    }
    out
}

/// The versions of a talk: its leaves, with how each stands.
pub fn branches(talk: &Talk) -> String {
    let session = talk.session();
    let mut out = String::new();
    for leaf in session.ends().into_iter().filter_map(|node| session.exchange(node)) {
        let grade = talk.grade_of(Some(leaf.node));
        let here = if session.head == Some(leaf.node) { '*' } else { ' ' };
        let line = format!(
            "{here} {:>3}: {}, openness {:.0}, grade {:.0}: {}",
            leaf.node,
            count(leaf.turn as usize, "turn"),
            leaf.state.openness,
            grade.overall,
            one_line(&leaf.text)
        );
        let _ = writeln!(out, "{}", shortened(&line, width() - 1));
    }
    if out.is_empty() {
        return "  nothing said yet\n".to_owned();
    }
    let here = match talk.last() {
        None => "the beginning, 0".to_owned(),
        Some(last) => format!("number {}, after turn {}", last.node, last.turn),
    };
    out.push_str(&note(&format!("You are at {here}. /branches N goes to number N.")));
    out
}

/// A better wording of the turn the talk stands at, from its own words.
pub fn example(talk: &Talk) -> String {
    let Some(last) = talk.last() else { return note("You have not said anything yet.") };
    match talk.better_wording(last) {
        Example::Keep { because } => note(&format!("Keep it as it is: {because}")),
        Example::None => note("No better wording from your own words was found; /hint says what to try."),
        Example::Better { text, gained, dropped } => {
            let ids = |checks: &[Check]| checks.iter().map(|check| check.id()).collect::<Vec<_>>().join(", ");
            let mut out = format!("{}\n", wrapped(&text, "  ", "  "));
            if !gained.is_empty() {
                out.push_str(&note(&format!("  adds {}", ids(&gained))));
            }
            if !dropped.is_empty() {
                out.push_str(&note(&format!("  leaves out {}", ids(&dropped))));
            }
            out
        }
    }
}

/// That no command of an interview or a sheet is `typed`, with the nearest of those that there are.
pub fn no_command(typed: &str, known: &[&'static str]) -> String {
    let near = nearest(typed, known.iter().copied());
    let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    format!("no command here is `{typed}`{hint}")
}

/// A note from the program, not from the boss.
pub fn note(text: &str) -> String {
    format!("{DIM}{}{DIM:#}\n", wrapped(text, "", "  "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Boss, Difficulty, Library};

    /// The rows of the smallest screen that everything is laid out for.
    const ROWS: usize = 24;

    fn casts(library: &Library) -> Vec<Cast> {
        let bosses: Vec<&Boss> = library.all::<Boss>().map(|(_, boss)| boss).collect();
        let scenarios: Vec<&Scenario> = library.all::<Scenario>().map(|(_, scenario)| scenario).collect();
        let cast = |scenario: &Scenario, boss: &Boss| Cast {
            scenario: scenario.clone(),
            boss: boss.clone(),
            difficulty: library.get::<Difficulty>("guarded").unwrap().clone(),
            you: "Sam".to_owned(),
            seed: 1,
        };
        scenarios.iter().flat_map(|scenario| bosses.iter().map(move |boss| cast(scenario, boss))).collect()
    }

    #[test]
    fn the_card_of_a_first_talk_fits_one_screen_with_the_greeting_and_the_prompt() {
        let library = Library::embedded();
        for cast in casts(&library) {
            let card = briefing(&cast, "guarded") + &plan_at_hand() + &first_time(&cast.scenario) + "\n";
            let rows =
                card.lines().count() + boss_line(&cast.boss.name, &cast.greeting()).lines().count() + 1;
            let who = (&cast.scenario.name, &cast.boss.id);
            assert!(rows <= ROWS, "{rows} rows: {who:?}");
            let card = anstream::adapter::strip_str(&card).to_string();
            assert!(card.lines().all(|line| line.chars().count() <= 80), "{who:?}");
        }
    }

    #[test]
    fn a_difference_is_that_of_the_numbers_shown() {
        assert_eq!(from_to(50.2, 43.6), "50 to 44 (-6)");
        assert_eq!(from_to(43.6, 50.2), "44 to 50 (+6)");
        assert_eq!(from_to(50.2, 50.2), "50 to 50 (+0)");
    }
}
