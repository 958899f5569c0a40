//! Text from outside on its way to a screen, a page or the scorer.

use super::talk::harmless;
use coachup::repl::commands;
use coachup::scorer::Scorer;
use coachup::scorer::verdict::{Position, Utterance};
use coachup::text::suggest::nearest;
use coachup::text::{json, markdown, one_line, printable, quotations, sentences, tokens};
use std::ops::Range;

/// Any bytes as text: cleaned, cut into sentences and tokens, quoted, graded by rules and features.
pub fn text(bytes: &[u8]) {
    let text = &*String::from_utf8_lossy(bytes);
    let shown = printable(text);
    harmless(&shown);
    assert_eq!(printable(&shown), shown, "clean is clean");
    assert!(!one_line(text).contains(['\n', '\r']));
    in_order(text, &sentences(text));
    in_order(text, &quotations(text));
    let tokens: Vec<Range<usize>> = tokens(text).iter().map(|token| token.start..token.end).collect();
    in_order(text, &tokens);
    for words in [markdown::inline(text), markdown::escaped(text), markdown::quoted(&markdown::escaped(text))]
    {
        harmless(&words);
    }
    let value = serde_json::Value::from(text);
    let page = json::pretty(&value);
    harmless(&page);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&page).expect("JSON"), value);
    let _ = nearest(text, ["guarded", "open", "hostile"]);
    if let Some(Err(error)) = commands::parse(text) {
        assert!(error.to_string().len() < 3 * text.len() + 200);
    }
    let graded = Scorer.grade(&Utterance { text, context: Some(text), position: Position::Opening });
    for (_, verdict) in graded.verdicts.iter() {
        assert!(verdict.evidence.iter().all(|span| span.is_verbatim(text)));
    }
}

/// Spans lie in the text, on its letters, one after the other.
fn in_order(text: &str, spans: &[Range<usize>]) {
    let mut at = 0;
    for span in spans {
        assert!(at <= span.start && span.start < span.end, "{span:?}");
        assert!(text.get(span.clone()).is_some(), "{span:?}");
        at = span.end;
    }
}
