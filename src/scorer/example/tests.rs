//! Whole examples: what a coach would sign, and what must hold for any turn.

use super::grounded::is_grounded;
use super::*;
use crate::scorer::Scorer;
use crate::scorer::parse::parse;
use crate::scorer::verdict::{Span, Verdict};
use crate::text::sentences;
use proptest::prelude::*;

/// `position|topic|turn`, one a line.
const TURNS: &str = include_str!("turns.txt");

fn by_rules(turn: &Utterance<'_>) -> Verdicts {
    Scorer.grade(turn).verdicts
}

fn turns() -> impl Iterator<Item = (Utterance<'static>, &'static str)> {
    TURNS.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let mut parts = line.splitn(3, '|');
        let position = match parts.next() {
            Some("opening") => Position::Opening,
            Some("closing") => Position::Closing,
            _ => Position::Middle,
        };
        let (topic, text) = (parts.next().unwrap(), parts.next().unwrap());
        (Utterance { text, context: None, position }, topic)
    })
}

/// What is promised of every better wording.
fn assert_better(turn: &Utterance<'_>, topic: &str, before: &Verdicts, text: &str) {
    let after = by_rules(&Utterance { text, ..*turn });
    let new_harm: Vec<Check> =
        after.present().filter(|check| !check.is_helpful() && !before.is_yes(*check)).collect();
    assert!(new_harm.is_empty(), "{new_harm:?} in {text}");
    assert!(Count::of(&after).harms <= Count::of(before).harms, "{text}");
    assert!(Count::of(&after).helpful > Count::of(before).helpful, "{text}");
    assert!(sentences(text).len() <= sentences(turn.text).len() + 2, "{text}");
    assert!(is_grounded(text, &parse(turn.text), topic), "{text}");
    let slots = ["{topic}", "{do}", "{doing}", "{thing}", "\n"];
    assert!(!slots.iter().any(|slot| text.contains(slot)), "{text}");
}

#[test]
fn every_turn_gets_a_better_wording_or_is_told_to_be_good() {
    let (mut better, mut kept, mut without) = (0, 0, Vec::new());
    for (turn, topic) in turns() {
        let before = by_rules(&turn);
        match example(&turn, &before, topic, &by_rules) {
            Example::Better { text, .. } => {
                assert_better(&turn, topic, &before, &text);
                better += 1;
            }
            Example::Keep { because } => {
                assert!(because.starts_with("you "), "{because}");
                assert!(before.present().all(|check| check.is_helpful()), "{}", turn.text);
                kept += 1;
            }
            Example::None => without.push(turn.text),
        }
    }
    assert!(better >= 40 && kept >= 5, "{better} {kept}");
    // The reader takes this plain statement for a prescription, and there is nothing to build on.
    assert_eq!(
        without,
        ["Every order waits for your signature, and you sign on Fridays only. That costs us a week."]
    );
}

/// Verdicts from checks and the words that show them, so that a case does not hang on the rules.
fn shown(text: &str, position: Position, shown: &[(Check, &str)]) -> Verdicts {
    let mut verdicts = Verdicts::default();
    if position != Position::Opening {
        verdicts.get_mut(Springs).verdict = Answer::NotApplicable;
    }
    for &(check, words) in shown {
        let start = text.find(words).unwrap_or_else(|| panic!("`{words}` in `{text}`"));
        let evidence = vec![Span::cut(text, start, start + words.len())];
        *verdicts.get_mut(check) = Verdict { verdict: Answer::Yes, p: 0.9, evidence };
    }
    verdicts
}

/// The first wording, before it is graded.
fn first_draft(position: Position, topic: &str, text: &str, marks: &[(Check, &str)]) -> String {
    let verdicts = shown(text, position, marks);
    drafts(&Utterance { text, context: None, position }, &verdicts, topic).swap_remove(0)
}

#[test]
fn an_opening_asks_for_the_talk_and_keeps_the_facts() {
    let text = "You never answer my mails, and the launch is in five weeks.";
    assert_eq!(
        first_draft(
            Position::Opening,
            "the late feedback",
            text,
            &[(Blames, "You never answer"), (Springs, text)]
        ),
        "When would be a good time for you to talk about the late feedback? My mails are still open. The launch \
         is in five weeks."
    );
    let text = "I know the week is full. You need to look at page 3 today.";
    assert_eq!(
        first_draft(
            Position::Opening,
            "the late feedback",
            text,
            &[(Acknowledges, "I know the week is full"), (Prescribes, "You need to look"),]
        ),
        "I know the week is full. Could we find a time that suits you to talk about the late feedback?",
        "the command waits for the talk"
    );
}

#[test]
fn commands_become_choices_with_a_hand_attached() {
    let text = "Stop changing the plan. Decide by Wednesday which one goes first!";
    assert_eq!(
        first_draft(
            Position::Middle,
            "the shifting priorities",
            text,
            &[(Prescribes, "Stop changing the plan. Decide by Wednesday"),]
        ),
        "Is there a way around changing the plan? Or would it help more to decide by Wednesday which one goes \
         first? Is there something I could do to make it easier for you?"
    );
    let text = "Sign it by Friday or I quit.";
    assert_eq!(
        first_draft(
            Position::Middle,
            "the slow approvals",
            text,
            &[(Prescribes, "Sign it"), (Heated, "or I quit")]
        ),
        "Would it work for you to sign it by Friday, or would another time suit you better? Is there a part I \
         can take off your plate?",
        "no threat is left"
    );
}

#[test]
fn what_is_over_asks_how_it_looked_and_what_comes_next() {
    let text = "You interrupted me in front of the client.";
    assert_eq!(
        first_draft(Position::Middle, "criticism in public", text, &[(Blames, "You interrupted me")]),
        "I was interrupted in front of the client. How did it look from your side? What could we do differently \
         next time?"
    );
}

#[test]
fn a_condition_is_no_fact_and_an_insult_leaves_nothing() {
    let text = "If you change the priorities again, I'm out.";
    let draft = first_draft(Position::Middle, "the shifting priorities", text, &[(Blames, "you change")]);
    assert!(draft.starts_with("I would like to understand how you see the shifting priorities."), "{draft}");
    let text = "You're a disgrace.";
    let draft =
        first_draft(Position::Middle, "", text, &[(Heated, "a disgrace"), (Blames, "You're a disgrace")]);
    assert!(draft.starts_with("I would like to understand how you see this."), "{draft}");
}

#[test]
fn harmless_words_are_kept_as_they_were_said() {
    let text = "the launch is in 5 weeks and every change takes us a week";
    assert_eq!(
        first_draft(Position::Middle, "the late feedback", text, &[(StatesTopic, "the launch")]),
        "the launch is in 5 weeks and every change takes us a week. How do you see it?"
    );
}

#[test]
fn a_good_turn_and_one_not_graded_stay_alone() {
    let keep = |text: &str| {
        let turn = Utterance { text, context: None, position: Position::Middle };
        let verdicts = shown(
            text,
            Position::Middle,
            &[(OpenQuestion, text), (ExploresSituation, text), (AsksQuestion, text)],
        );
        example(&turn, &verdicts, "the rota", &by_rules)
    };
    let because = "you asked about your boss's side, and you asked an open question".to_owned();
    assert_eq!(keep("What stands in the way?"), Example::Keep { because });
    let turn = Utterance { text: "Guten Tag", context: None, position: Position::Middle };
    let mut skipped = Verdicts::default();
    Check::ALL.into_iter().for_each(|check| skipped.get_mut(check).verdict = Answer::NotApplicable);
    assert_eq!(example(&turn, &skipped, "the rota", &by_rules), Example::None);
}

#[test]
fn a_wording_that_is_not_better_is_not_shown() {
    let text = "You never answer my mails.";
    let turn = Utterance { text, context: None, position: Position::Middle };
    let before = shown(text, Position::Middle, &[(Blames, text)]);
    let never_better = |_: &Utterance<'_>| before.clone();
    assert_eq!(example(&turn, &before, "the rota", &never_better), Example::None);
    let mut worse = before.clone();
    worse.get_mut(Heated).verdict = Answer::Yes;
    worse.get_mut(AsksQuestion).verdict = Answer::Yes;
    assert_eq!(example(&turn, &before, "the rota", &|_: &Utterance<'_>| worse.clone()), Example::None);
}

#[test]
fn a_long_turn_is_read_in_time_and_stays_short() {
    let text = "You never answer my mails. You need to send the list by Friday and the supplier is calling. "
        .repeat(1100);
    let turn = Utterance { text: &text, context: None, position: Position::Middle };
    let verdicts = by_rules(&turn);
    let begun = std::time::Instant::now();
    let drafts = drafts(&turn, &verdicts, "the orders");
    assert!(begun.elapsed().as_secs() < 2, "{:?}", begun.elapsed());
    assert!(drafts.iter().all(|draft| draft.len() < 2000));
}

fn pieces() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "you",
        "never",
        "need to",
        "send",
        "me",
        "the list",
        "by Friday",
        "stop",
        "changing",
        "your fault",
        "that",
        "?",
        "!",
        ".",
        ",",
        "or",
        "I quit",
        "keep",
        "cancelling",
        "our",
        "one-to-ones",
        "don’t",
        "👍🏽",
        "“",
        "”",
        "\r\n",
        "if",
        "because",
        "I know",
        "you’re busy",
        "What",
        "could",
        "we",
        "please",
        "\u{1b}[31m",
        "e\u{301}",
        "said",
        "would",
    ]);
    prop_oneof![any::<String>(), prop::collection::vec(words, 0..30).prop_map(|words| words.join(" "))]
}

proptest! {
    #[test]
    fn any_turn_is_borne_and_what_is_shown_is_better(text in pieces(), opening in any::<bool>()) {
        let position = if opening { Position::Opening } else { Position::Middle };
        let turn = Utterance { text: &text, context: None, position };
        let before = by_rules(&turn);
        if let Example::Better { text, .. } = example(&turn, &before, "the rota", &by_rules) {
            assert_better(&turn, "the rota", &before, &text);
            prop_assert_eq!(crate::text::printable(&text), text.as_str());
        }
    }
}
