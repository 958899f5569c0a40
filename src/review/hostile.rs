//! Whatever a session holds, no view of it steers the terminal, and none takes long: tests.

use super::{Report, Titles, json, markdown, report, terminal};
use crate::scorer::rubric::Check;
use crate::scorer::verdict::{Answer, Span};
use crate::session::{Session, file, sample, transcript};
use crate::text::printable::is_unsafe;

/// A title change, a cleared screen, a colour no view uses, an override, a tag, a carriage return.
const HOSTILE: &str =
    "\u{1b}]0;title\u{7}a\u{1b}[2J\u{1b}[35mb\u{9b}31m\u{202e}c\u{2066}\u{e0041}d\r\u{8}\u{0}\n# e `x` <i>";

fn hostile(text: &mut String) {
    text.push_str(HOSTILE);
}

/// The sample with hostile text in every place that has text, and evidence that cuts through it.
fn session() -> Session {
    let mut session = sample::session();
    let header = &mut session.header;
    for text in [
        &mut header.id,
        &mut header.scenario,
        &mut header.boss,
        &mut header.difficulty,
        &mut header.model,
        &mut header.greeting,
    ] {
        hostile(text);
    }
    for exchange in &mut session.exchanges {
        let start = exchange.text.len();
        hostile(&mut exchange.text);
        exchange.moved.why.iter_mut().for_each(hostile);
        exchange.reply.iter_mut().for_each(|reply| hostile(&mut reply.text));
        for (check, cut) in [(Check::Heated, 1), (Check::Acknowledges, 9), (Check::FutureFocus, 0)] {
            let verdict = exchange.verdicts.get_mut(check);
            verdict.verdict = Answer::Yes;
            verdict.evidence = vec![Span::cut(&exchange.text, start + cut, start + 14)];
        }
    }
    session
}

#[test]
fn nothing_steers_the_terminal() {
    let session = session();
    let titles = Titles { scenario: &session.header.scenario, boss: &session.header.boss };
    let report = Report::of_talk(&session, session.head, titles);
    let screens = [terminal::render(&report, 80, false), terminal::transcript(&report, 80)];
    for screen in &screens {
        // Colours are the view's own; whatever else is left must be harmless, and no colour the text's.
        let plain = anstream::adapter::strip_str(screen).to_string();
        assert!(!plain.chars().any(is_unsafe), "{plain:?}");
        assert!(
            !screen.contains("\u{1b}[35m") && !screen.contains("\u{1b}[2J") && !screen.contains("\u{1b}]")
        );
        assert!(plain.lines().all(|line| textwrap::core::display_width(line) <= 80), "{plain}");
    }
    for page in [
        markdown::render(&report),
        json::render(&report),
        file::to_json(&session),
        transcript::to_markdown(&session, titles.boss),
    ] {
        assert!(!page.chars().any(is_unsafe), "{page:?}");
    }
    let pages = [markdown::render(&report), transcript::to_markdown(&session, titles.boss)];
    assert!(
        pages.iter().all(|page| !page.contains("\n# e") && !page.contains(" `x`") && !page.contains("<i>"))
    );
}

#[test]
fn hostile_words_are_kept_exactly_in_json() {
    let session = session();
    assert_eq!(file::from_json(file::to_json(&session).as_bytes()).unwrap(), session);
    let titles = Titles { scenario: "s", boss: "b" };
    let json: serde_json::Value =
        serde_json::from_str(&json::render(&Report::of_talk(&session, session.head, titles))).unwrap();
    assert_eq!(json["talk"][0]["text"], session.exchanges[0].text);
}

#[test]
fn a_turn_of_100_kilobytes_is_shown_whole() {
    for words in ["word ", "unbroken", "🙂", "line\n", "\u{1b}[31m"] {
        let mut session = sample::session();
        let text = words.repeat(100_000 / words.len());
        let exchange = &mut session.exchanges[3];
        let verdict = exchange.verdicts.get_mut(Check::Acknowledges);
        verdict.verdict = Answer::Yes;
        verdict.evidence = vec![Span::cut(&text, 0, text.len())];
        exchange.text = text;
        let report = report(&session);
        let plain = anstream::adapter::strip_str(&terminal::render(&report, 80, false)).to_string();
        assert!(plain.lines().all(|line| textwrap::core::display_width(line) <= 80));
        assert!(markdown::render(&report).len() < 1_000_000);
        let words = words.trim();
        if !words.starts_with('\u{1b}') {
            let shown: String = plain.split_whitespace().collect();
            assert!(shown.matches(words).count() >= 100_000 / (words.len() + 1), "{words}");
        }
    }
}

#[test]
fn a_long_session_is_reviewed_at_once() {
    let mut session = sample::session();
    for node in 5..=300 {
        let turn = session.exchanges[node - 2].turn + 1;
        let said = session.exchanges[2].clone();
        session.exchanges.push(crate::session::Exchange {
            node: node as u32,
            parent: Some(node as u32 - 1),
            turn,
            ..said
        });
    }
    session.head = Some(300);
    let begun = std::time::Instant::now();
    let text = terminal::render(&report(&session), 80, false);
    assert!(text.lines().count() > 3000);
    // Measured at 0.15 s: a slow machine passes, a step that grows faster than the talk's square does not.
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
}
