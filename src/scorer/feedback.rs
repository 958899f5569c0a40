//! What a coach says after one turn: at most one praise and one thing to change, in the person's own words.
//!
//! What is said depends on the talk so far: harm first, the worst first; then the helpful behaviour that
//! would do most at this point of the talk (permission before advice, questions before proposals, then
//! something specific, an invitation, a hand). What was said lately is not said again.

use super::rubric::{Check, Check::*};
use super::verdict::{Answer, Position, Span, Utterance, Verdicts};
use super::wording;
use crate::text::printable;
use serde::Serialize;

/// The most characters of the person's words that a note repeats.
const QUOTE_CHARS: usize = 90;

/// A verdict less likely than this is not praised: praise for nothing sounds hollow.
const PRAISED_FROM: f32 = 0.6;

/// How often a talk hears about the same missing behaviour.
const MOST_REPEATS: usize = 2;

/// A turn with so many helpful behaviours and no harmful one is left as it is.
const STRONG_TURN: usize = 5;

/// One remark about a turn.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Note {
    /// What it is about.
    pub check: Check,
    /// The person's words it is tied to, verbatim; none where it is about something missing.
    pub quote: Option<Span>,
    /// The remark, with the quote in it; safe to print.
    pub text: String,
    /// The article's section.
    pub section: &'static str,
}

/// What a coach says after one turn.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Feedback {
    /// What worked.
    pub praise: Option<Note>,
    /// The one thing to change.
    pub change: Option<Note>,
}

/// What to praise and what to change, before it is put in words.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Choice {
    praise: Option<Check>,
    change: Option<Check>,
}

/// The feedback on a turn, given the verdicts on it and on the turns before it, oldest first.
pub fn feedback(turn: &Utterance<'_>, verdicts: &Verdicts, history: &[&Verdicts]) -> Feedback {
    let mut given: Vec<Choice> = Vec::with_capacity(history.len());
    for (at, earlier) in history.iter().enumerate() {
        let position = if at == 0 { Position::Opening } else { Position::Middle };
        let said = Moment { verdicts: earlier, history: &history[..at], position, given: &given }.choose();
        given.push(said);
    }
    let moment = Moment { verdicts, history, position: turn.position, given: &given };
    let choice = moment.choose();
    let praise = choice.praise.and_then(|check| moment.praise_note(turn.text, check));
    let change = choice.change.and_then(|check| moment.change_note(turn.text, check));
    Feedback { praise, change }
}

/// A turn and what went before it.
struct Moment<'a> {
    verdicts: &'a Verdicts,
    history: &'a [&'a Verdicts],
    position: Position,
    given: &'a [Choice],
}

impl Moment<'_> {
    fn choose(&self) -> Choice {
        if self.verdicts.iter().all(|(_, verdict)| verdict.verdict == Answer::NotApplicable) {
            return Choice::default();
        }
        let change = self.worst_harm().or_else(|| self.most_useful_missing());
        Choice { praise: self.best_help(change), change }
    }

    /// Does this turn show it?
    fn now(&self, check: Check) -> bool {
        self.verdicts.is_yes(check)
    }

    /// Did an earlier turn show it?
    fn before(&self, check: Check) -> bool {
        self.history.iter().any(|verdicts| verdicts.is_yes(check))
    }

    fn ever(&self, check: Check) -> bool {
        self.now(check) || self.before(check)
    }

    fn worst_harm(&self) -> Option<Check> {
        [Heated, Blames, Springs, Prescribes, Overloads].into_iter().find(|&check| self.now(check))
    }

    fn most_useful_missing(&self) -> Option<Check> {
        let helpful = self.verdicts.present().filter(|check| check.is_helpful()).count();
        if helpful >= STRONG_TURN {
            return None;
        }
        let wanted = match self.position {
            Position::Opening => self.missing_at_opening(),
            Position::Middle => self.missing_in_middle(),
            Position::Closing => self.missing_at_close(),
        };
        let last = self.given.last().and_then(|choice| choice.change);
        let told = |check: Check| self.given.iter().filter(|choice| choice.change == Some(check)).count();
        wanted.into_iter().flatten().find(|&check| Some(check) != last && told(check) < MOST_REPEATS)
    }

    fn missing_at_opening(&self) -> Vec<Option<Check>> {
        let asked = self.now(AsksPermission) || self.now(SchedulesAhead);
        let now_only = self.now(AsksPermission) && !self.now(SchedulesAhead) && !self.now(Acknowledges);
        vec![(!self.now(StatesTopic)).then_some(StatesTopic), (asked && now_only).then_some(SchedulesAhead)]
    }

    fn missing_in_middle(&self) -> Vec<Option<Check>> {
        let options = self.now(OffersOptions);
        let proposes = options || self.now(FutureFocus) && !self.now(OffersHelp);
        let permitted = self.ever(AsksPermission) || self.ever(SchedulesAhead) || self.before(Springs);
        let loose = options && !self.now(Specific) || proposes && !self.ever(Specific);
        let gives = options || self.now(OffersHelp) || self.now(InvitesInput);
        let closed =
            self.now(AsksQuestion) && !gives && !self.now(AsksPermission) && !self.now(SchedulesAhead);
        let explored = self.history.iter().filter(|verdicts| verdicts.is_yes(ExploresSituation)).count();
        let ready = explored + usize::from(self.now(ExploresSituation)) >= 2 && !self.now(OffersHelp);
        let late = self.history.len() >= 2;
        vec![
            (proposes && !permitted).then_some(AsksPermission),
            (proposes && !self.ever(ExploresSituation)).then_some(ExploresSituation),
            loose.then_some(Specific),
            (proposes && !self.ever(InvitesInput)).then_some(InvitesInput),
            (proposes && !self.ever(OffersHelp)).then_some(OffersHelp),
            (options && !self.ever(MutualBenefit)).then_some(MutualBenefit),
            (!self.now(AsksQuestion) && !gives).then_some(AsksQuestion),
            (closed && !self.ever(OpenQuestion)).then_some(OpenQuestion),
            (ready && !self.ever(OffersOptions)).then_some(OffersOptions),
            (late && !self.ever(ExploresSituation)).then_some(ExploresSituation),
            (late && !self.ever(Acknowledges)).then_some(Acknowledges),
            (late && self.before(OffersOptions) && !self.ever(OffersHelp)).then_some(OffersHelp),
            (late && self.before(OffersOptions) && !self.ever(MutualBenefit)).then_some(MutualBenefit),
        ]
    }

    fn missing_at_close(&self) -> Vec<Option<Check>> {
        vec![
            (!self.ever(Specific)).then_some(Specific),
            (!self.ever(OffersHelp)).then_some(OffersHelp),
            (!self.ever(InvitesInput) && self.ever(OffersOptions)).then_some(InvitesInput),
        ]
    }

    /// The behaviour most worth praising, whose words carry no harm.
    fn best_help(&self, change: Option<Check>) -> Option<Check> {
        let worth = |check: Check| {
            let praised = self.given.iter().filter(|choice| choice.praise == Some(check)).count();
            value(check, self.position) - 3 * praised as i32
        };
        // In a turn that does harm only what is hard to do is worth a word: "by Friday" is not, in a command.
        let floor = if self.worst_harm().is_some() { 7 } else { i32::MIN };
        let sure = |check: Check| self.verdicts.get(check).p >= PRAISED_FROM;
        let present = self.verdicts.present().filter(|check| check.is_helpful());
        present
            .filter(|&check| sure(check) && self.clean_evidence(check).is_some())
            .filter(|&check| value(check, self.position) >= floor)
            .filter(|&check| !(check == AsksQuestion && change == Some(OpenQuestion)))
            // The rubric's order decides between equals, the earlier first.
            .max_by_key(|&check| (worth(check), std::cmp::Reverse(check)))
    }

    /// The first piece of evidence for `check` that no harmful evidence touches.
    fn clean_evidence(&self, check: Check) -> Option<&Span> {
        self.verdicts.get(check).evidence.iter().find(|span| !self.touches_harm(span))
    }

    fn touches_harm(&self, span: &Span) -> bool {
        let harmful = self.verdicts.present().filter(|check| !check.is_helpful() && *check != Springs);
        harmful
            .flat_map(|check| &self.verdicts.get(check).evidence)
            .any(|bad| bad.start < span.end && span.start < bad.end)
    }

    fn praise_note(&self, text: &str, check: Check) -> Option<Note> {
        let span = self.clean_evidence(check)?;
        let quote = quotable(text, span);
        let said = self.given.iter().filter(|choice| choice.praise == Some(check)).count();
        let line = wording::of(check).praise(&shown(text, &quote), said)?;
        Some(Note { check, quote: Some(quote), text: line, section: check.section() })
    }

    fn change_note(&self, text: &str, check: Check) -> Option<Note> {
        let anchors = if check.is_helpful() { anchors(check) } else { &[] };
        let places = std::iter::once(&check).chain(anchors);
        let quote = places.into_iter().find_map(|&at| self.verdicts.get(at).evidence.first());
        let quote = quote.map(|span| quotable(text, span));
        let said = self.given.iter().filter(|choice| choice.change == Some(check)).count();
        let words = quote.as_ref().map(|quote| shown(text, quote));
        let line = wording::of(check).change(words.as_deref(), said)?;
        Some(Note { check, quote, text: line, section: check.section() })
    }
}

/// How much a behaviour is worth praising: what is hard to do and moves a boss most comes first.
fn value(check: Check, position: Position) -> i32 {
    match check {
        AsksPermission if position == Position::Opening => 10,
        SchedulesAhead if position == Position::Opening => 9,
        ExploresSituation => 9,
        OffersOptions | OffersHelp | MutualBenefit => 8,
        Acknowledges | InvitesInput => 7,
        OpenQuestion | Specific | AsksPermission => 6,
        SchedulesAhead => 5,
        FutureFocus => 4,
        StatesTopic => 3,
        _ => 2,
    }
}

/// Where a missing behaviour would have belonged: the checks whose words a remark may build on.
fn anchors(missing: Check) -> &'static [Check] {
    match missing {
        AsksPermission | ExploresSituation | Specific | InvitesInput | OffersHelp => {
            &[OffersOptions, FutureFocus]
        }
        SchedulesAhead => &[AsksPermission],
        StatesTopic => &[AsksPermission, SchedulesAhead],
        MutualBenefit => &[OffersOptions],
        AsksQuestion => &[Acknowledges, FutureFocus, MutualBenefit, StatesTopic],
        OpenQuestion => &[AsksQuestion],
        Acknowledges => &[AsksQuestion],
        _ => &[],
    }
}

/// The evidence as one would quote it: without outer marks, and cut to its first words where it is long.
fn quotable(text: &str, span: &Span) -> Span {
    let edge = |c: char| c.is_whitespace() || ",;:.\"“”-–—".contains(c);
    let Span { start, end, text: said } = span;
    let from = end - said.trim_start_matches(edge).len();
    let mut to = start + said.trim_end_matches(edge).len();
    if from >= to {
        return span.clone();
    }
    if let Some((limit, _)) = text[from..to].char_indices().nth(QUOTE_CHARS) {
        let head = &text[from..from + limit];
        let cut = head.rfind(char::is_whitespace).unwrap_or(limit);
        to = from + head[..cut].trim_end_matches(edge).len();
    }
    if from < to { Span::cut(text, from, to) } else { span.clone() }
}

/// A quote as it stands in a remark: on one line, safe to print, with a sign that it goes on.
fn shown(text: &str, quote: &Span) -> String {
    let words: Vec<&str> = quote.text.split_whitespace().collect();
    let goes_on = quote.text.chars().count() + 12 > QUOTE_CHARS
        && text[quote.end..].starts_with(|c: char| c.is_whitespace() || c == ',');
    format!("{}{}", printable(&words.join(" ")), if goes_on { " …" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scorer::verdict::Verdict;

    /// Verdicts from checks and the words that show them.
    fn graded(text: &str, position: Position, shown: &[(Check, &str)]) -> Verdicts {
        let mut verdicts = Verdicts::default();
        verdicts.get_mut(Springs).verdict =
            if position == Position::Opening { Answer::No } else { Answer::NotApplicable };
        for &(check, words) in shown {
            let start = text.find(words).unwrap_or_else(|| panic!("`{words}` in `{text}`"));
            let evidence = vec![Span::cut(text, start, start + words.len())];
            *verdicts.get_mut(check) = Verdict { verdict: Answer::Yes, p: 0.9, evidence };
        }
        verdicts
    }

    fn said(text: &str, position: Position) -> Utterance<'_> {
        Utterance { text, context: None, position }
    }

    fn check_of(note: &Option<Note>) -> Option<Check> {
        note.as_ref().map(|note| note.check)
    }

    #[test]
    fn blame_in_an_opening_is_what_to_change_and_the_quote_is_verbatim() {
        let text = "You never answer my mails, and the launch is in five weeks.";
        let verdicts = graded(
            text,
            Position::Opening,
            &[(Blames, "You never answer my mails,"), (StatesTopic, "my mails"), (Springs, text)],
        );
        let found = feedback(&said(text, Position::Opening), &verdicts, &[]);
        assert_eq!((check_of(&found.praise), check_of(&found.change)), (None, Some(Blames)));
        let change = found.change.unwrap();
        assert!(change.quote.unwrap().is_verbatim(text));
        assert!(change.text.starts_with("“You never answer my mails” "), "{}", change.text);
        assert_eq!(change.section, "Advice: be unbiased");
    }

    #[test]
    fn a_good_opening_is_praised_and_left_alone() {
        let text =
            "I know the week is full. Could we find twenty minutes on Thursday for the prototype feedback?";
        let verdicts = graded(
            text,
            Position::Opening,
            &[
                (AsksPermission, "Could we find twenty minutes"),
                (SchedulesAhead, "twenty minutes on Thursday"),
                (StatesTopic, "the prototype feedback"),
                (Acknowledges, "I know the week is full"),
            ],
        );
        let found = feedback(&said(text, Position::Opening), &verdicts, &[]);
        assert_eq!((check_of(&found.praise), check_of(&found.change)), (Some(AsksPermission), None));
    }

    #[test]
    fn advice_before_asking_then_something_loose_then_no_hand() {
        let opening = graded("Got a minute?", Position::Opening, &[(AsksPermission, "Got a minute")]);
        let text = "What if we tried a shorter review?";
        let option = graded(text, Position::Middle, &[(OffersOptions, text), (AsksQuestion, text)]);
        let turn = said(text, Position::Middle);
        let first = feedback(&turn, &option, &[&opening]);
        assert_eq!(
            (check_of(&first.praise), check_of(&first.change)),
            (Some(OffersOptions), Some(ExploresSituation))
        );
        let asked =
            graded("What's in the way?", Position::Middle, &[(ExploresSituation, "What's in the way")]);
        let then = feedback(&turn, &option, &[&opening, &asked]);
        assert_eq!(check_of(&then.change), Some(Specific));
        assert!(then.change.unwrap().text.contains("“What if we tried a shorter review?”"));
        let again = feedback(&turn, &option, &[&opening, &asked, &option]);
        assert_eq!(check_of(&again.change), Some(InvitesInput), "not the same remark twice in a row");
    }

    #[test]
    fn praise_never_quotes_harmful_words() {
        let text = "You need to send the summary by Friday, but thanks for reading the draft.";
        let verdicts = graded(
            text,
            Position::Middle,
            &[
                (Prescribes, "You need to send the summary by Friday"),
                (Specific, "by Friday"),
                (Acknowledges, "thanks for reading the draft"),
            ],
        );
        let found = feedback(&said(text, Position::Middle), &verdicts, &[]);
        assert_eq!(
            (check_of(&found.praise), check_of(&found.change)),
            (Some(Acknowledges), Some(Prescribes))
        );
    }

    #[test]
    fn a_turn_that_was_not_graded_gets_nothing() {
        let mut verdicts = Verdicts::default();
        Check::ALL.into_iter().for_each(|check| verdicts.get_mut(check).verdict = Answer::NotApplicable);
        assert_eq!(feedback(&said("…", Position::Middle), &verdicts, &[]), Feedback::default());
    }

    #[test]
    fn long_and_hostile_quotes_are_shown_short_and_safe() {
        let text = format!("you \u{1b}[31mnever {}", "ever answer me\n".repeat(20));
        let verdicts = graded(&text, Position::Middle, &[(Blames, text.as_str())]);
        let change = feedback(&said(&text, Position::Middle), &verdicts, &[]).change.unwrap();
        assert!(change.quote.as_ref().unwrap().is_verbatim(&text));
        assert!(change.text.contains(" …”") && !change.text.contains(['\u{1b}', '\n']), "{}", change.text);
        assert!(change.text.chars().count() < 260);
    }

    proptest::proptest! {
        #[test]
        fn any_verdicts_give_at_most_verbatim_quotes(
            text in "[a-zé😀 .,?\n]{1,200}",
            talk in proptest::collection::vec(proptest::collection::vec(proptest::bool::ANY, Check::COUNT), 1..6),
        ) {
            let turns: Vec<Verdicts> = talk.iter().map(|yes| {
                let all = [(0, text.len())];
                let mut verdicts = Verdicts::default();
                for check in Check::ALL.into_iter().filter(|check| yes[check.index()]) {
                    let evidence = all.iter().map(|&(start, end)| Span::cut(&text, start, end)).collect();
                    *verdicts.get_mut(check) = Verdict { verdict: Answer::Yes, p: 1.0, evidence };
                }
                verdicts
            }).collect();
            let (last, before) = turns.split_last().unwrap();
            let before: Vec<&Verdicts> = before.iter().collect();
            let found = feedback(&said(&text, Position::Middle), last, &before);
            for note in [&found.praise, &found.change].into_iter().flatten() {
                let left = note.text.contains(['{', '}']);
                proptest::prop_assert!(!left);
                proptest::prop_assert!(note.quote.as_ref().is_none_or(|quote| quote.is_verbatim(&text)));
            }
            proptest::prop_assert!(found.praise.is_none_or(|note| note.check.is_helpful()));
        }
    }
}
