//! Whole talks without a model's weights: how the boss moves, what it may do, and what it says.

use super::*;
use crate::model::scripted::ScriptedModel;
use crate::scenario::Library;
use crate::scorer::rubric::Check::{self, *};
use crate::scorer::verdict::{Answer, Span, Verdict};

type Said = (&'static str, &'static [Check]);

const SKILFUL: [Said; 10] = [
    (
        "Dana, could we find twenty minutes this week to talk about the feedback on the prototype?",
        &[AsksPermission, SchedulesAhead, StatesTopic, AsksQuestion],
    ),
    (
        "I know how full your weeks are since the two left. What is in the way of the review?",
        &[Acknowledges, AsksQuestion, OpenQuestion, ExploresSituation],
    ),
    (
        "That sounds hard. I ask because early comments would save both of us the rework before the launch.",
        &[Acknowledges, MutualBenefit, StatesTopic, FutureFocus],
    ),
    (
        "Could I send you one page with the three open questions by Wednesday, or would ten minutes on Thursday be easier?",
        &[OffersOptions, OffersHelp, Specific, AsksQuestion, FutureFocus, InvitesInput],
    ),
    (
        "What would make it easier for you to look at it?",
        &[AsksQuestion, OpenQuestion, ExploresSituation, InvitesInput],
    ),
    (
        "I could also sit with the team and collect their comments first, so that you only see what is open.",
        &[OffersHelp, FutureFocus, MutualBenefit],
    ),
    (
        "Would Thursday at nine with the one page suit you, or Friday after lunch?",
        &[OffersOptions, Specific, AsksQuestion, InvitesInput, FutureFocus],
    ),
    (
        "I see that the launch moved for you too. What do you need from me?",
        &[Acknowledges, ExploresSituation, AsksQuestion, OpenQuestion],
    ),
    (
        "I'll bring the page on Thursday at nine. Does that suit you?",
        &[OffersHelp, Specific, InvitesInput, AsksQuestion],
    ),
    (
        "We could try it once, fifteen minutes on Friday, and then see. What do you think?",
        &[OffersOptions, Specific, FutureFocus, InvitesInput, AsksQuestion],
    ),
];

const BLAMING: [Said; 8] = [
    ("You still haven't given us any feedback on the prototype.", &[Blames, StatesTopic, Springs]),
    (
        "You always let us wait. Could we meet on Thursday or Friday?",
        &[Blames, OffersOptions, Specific, AsksQuestion],
    ),
    ("It's your fault the launch is late.", &[Blames, StatesTopic]),
    ("You don't care. I could send you a page by Wednesday.", &[Blames, OffersHelp, Specific]),
    ("You never read what we send.", &[Blames]),
    ("May I tell you what everyone thinks of that?", &[AsksPermission, Blames, AsksQuestion]),
    ("You let the team down.", &[Blames]),
    ("You forgot us again.", &[Blames]),
];

const FLATTERING: [Said; 8] = [
    ("You're the best boss I ever had. Do you have a minute?", &[AsksPermission, AsksQuestion, Acknowledges]),
    ("I really admire how you handle the launch.", &[Acknowledges]),
    ("Your feedback is always brilliant, you're amazing.", &[Acknowledges, StatesTopic]),
    ("I'm so lucky to work for a genius like you.", &[Acknowledges]),
    ("You're brilliant. Could you look at it on Friday?", &[Acknowledges, Specific, AsksQuestion]),
    ("Nobody does it like you, truly a great leader.", &[Acknowledges]),
    ("I look up to you so much.", &[Acknowledges]),
    ("You're the best, Dana.", &[Acknowledges]),
];

const PUSHY: [Said; 8] = [
    (
        "I need your feedback today. Block an hour this afternoon.",
        &[Prescribes, Specific, StatesTopic, Springs],
    ),
    ("You have to do it right now, no excuses. Thursday or Friday?", &[Prescribes, OffersOptions, Specific]),
    ("Just say yes. I can come at four.", &[OffersHelp, Specific]),
    ("May I have an answer now? I insist.", &[AsksPermission, AsksQuestion]),
    ("You should drop the budget and read it.", &[Prescribes]),
    ("I won't leave until you agree to Friday at nine.", &[Specific, FutureFocus]),
    ("You need to sign it off.", &[Prescribes]),
    ("Do it this week.", &[Prescribes, Specific]),
];

const REPAIRED: [Said; 2] = [BLAMING[0], ("You always let us wait.", &[Blames])];

fn verdicts(text: &str, checks: &[Check]) -> Verdicts {
    let mut verdicts = Verdicts::default();
    for &check in checks {
        let evidence = vec![Span::cut(text, 0, text.len())];
        *verdicts.get_mut(check) = Verdict { verdict: Answer::Yes, p: 1.0, evidence };
    }
    verdicts
}

fn cast(difficulty: Difficulty, seed: u64) -> Cast {
    let library = Library::embedded();
    Cast {
        boss: library.get::<Boss>("dana").unwrap().clone(),
        scenario: library.get::<Scenario>("late-feedback").unwrap().clone(),
        difficulty,
        you: "Sam".to_owned(),
        seed,
    }
}

fn preset(name: &str) -> Difficulty {
    Library::embedded().get::<Difficulty>(name).unwrap().clone()
}

/// Plays a script without words, as far as the boss lets it.
fn played(cast: &Cast, script: &[Said]) -> BossState {
    let mut state = cast.start();
    for (index, (text, checks)) in script.iter().enumerate() {
        let verdicts = verdicts(text, checks);
        cast.moved(&mut state, &verdicts, text);
        let plan = cast.plan(&state, &Turn { text, verdicts: &verdicts }, index as u32 + 1);
        let ends = plan.act == Act::EndsTalk;
        cast.remember(&mut state, plan);
        if ends {
            break;
        }
    }
    state
}

/// The turn at which the boss first gives something, from 1; one more than the script has where it never does.
fn concession(cast: &Cast, script: &[Said]) -> usize {
    played(cast, script).acts.iter().position(|act| act.concedes()).map_or(script.len() + 1, |at| at + 1)
}

fn mean_concession(difficulty: &Difficulty, script: &[Said]) -> f64 {
    let seeds = 0..40;
    let sum: usize = seeds.clone().map(|seed| concession(&cast(difficulty.clone(), seed), script)).sum();
    sum as f64 / seeds.count() as f64
}

#[test]
fn a_skilful_talk_wins_every_boss_and_later_with_harder_ones() {
    let library = Library::embedded();
    let means: Vec<f64> =
        library.ladder().into_iter().map(|preset| mean_concession(preset, &SKILFUL)).collect();
    assert!(means.windows(2).all(|pair| pair[0] + 0.5 < pair[1]), "{means:?}");
    assert!(means[4] < SKILFUL.len() as f64 + 0.5, "{means:?}");
}

#[test]
fn blame_flattery_and_pressure_get_nothing_from_guarded_on() {
    for name in ["guarded", "skeptical", "hostile"] {
        for (kind, script) in [("blaming", &BLAMING), ("flattering", &FLATTERING), ("pushy", &PUSHY)] {
            for seed in 0..40 {
                let state = played(&cast(preset(name), seed), script);
                assert!(!state.acts.iter().any(|act| act.concedes()), "{name} {kind} {seed}: {state:?}");
            }
        }
    }
}

#[test]
fn a_bad_start_can_be_repaired_and_costs_time() {
    let repaired: Vec<Said> = REPAIRED.into_iter().chain(SKILFUL).chain(SKILFUL).collect();
    for name in ["welcoming", "open", "guarded"] {
        let well = mean_concession(&preset(name), &SKILFUL);
        let later = mean_concession(&preset(name), &repaired);
        assert!(later > well + 1.0 && later <= repaired.len() as f64, "{name}: {well} {later}");
    }
}

#[test]
fn openness_at_the_end_follows_receptiveness() {
    let library = Library::embedded();
    let ladder = library.ladder();
    for script in [&SKILFUL[..], &SKILFUL[..4], &FLATTERING[..], &BLAMING[..2]] {
        let ends: Vec<f64> = (0..=10)
            .map(|step| played(&cast(Difficulty::at(f64::from(step * 10), &ladder), 1), script).openness)
            .collect();
        assert!(ends.windows(2).all(|pair| pair[0] < pair[1]), "{ends:?}");
    }
}

#[test]
fn a_slip_costs_more_than_anything_earns() {
    use super::moves::WEIGHTS;
    for preset in Library::embedded().ladder() {
        let earns =
            Check::ALL.iter().filter_map(|check| WEIGHTS.points(*check)).fold(0.0, f64::max) * preset.gain;
        let costs = -Check::ALL
            .iter()
            .filter_map(|check| WEIGHTS.points(*check))
            .filter(|p| *p < 0.0)
            .fold(-1e9, f64::max)
            * preset.loss;
        assert!(costs > earns, "{}: {costs} {earns}", preset.name);
    }
}

#[test]
fn why_the_boss_moved_is_said_biggest_first() {
    let cast = cast(preset("guarded"), 1);
    let mut state = cast.start();
    let (text, checks) = SKILFUL[1];
    let moved = cast.moved(&mut state, &verdicts(text, checks), text);
    assert_eq!((moved.from, moved.to), (37.0, 37.0 + 6.6));
    assert_eq!(
        moved.why,
        [
            "you asked about her side: +5",
            "you saw what is on her plate: +4",
            "your question left room for a real answer: +2",
            "you asked instead of telling: +1",
            "in one turn at most +7"
        ]
    );
    let again = cast.moved(&mut state, &verdicts(text, &[ExploresSituation]), text);
    assert_eq!(again.why, ["you asked about her side, again: +4"]);
    assert!(again.to - again.from < 4.0, "the second time earns less");
}

#[test]
fn praise_and_pressure_say_that_they_earned_nothing() {
    let cast = cast(preset("guarded"), 1);
    let mut state = cast.start();
    let (text, checks) = FLATTERING[1];
    let moved = cast.moved(&mut state, &verdicts(text, checks), text);
    assert_eq!(
        (moved.from, moved.why.as_slice()),
        (moved.to, &["praise alone moved nothing".to_owned()][..])
    );
    let (text, checks) = PUSHY[2];
    let moved = cast.moved(&mut state, &verdicts(text, checks), text);
    assert_eq!(moved.from, moved.to);
    assert!(state.earned.is_empty() && moved.why[0].starts_with("pressure"), "{moved:?}");
}

#[test]
fn patience_runs_out_with_turns_that_go_nowhere_and_the_boss_leaves() {
    let cast = cast(preset("guarded"), 1);
    let empty: Vec<Said> = vec![("ok", &[]); 8];
    let state = played(&cast, &empty);
    assert_eq!(outcome(&state.acts), Standing::Ended);
    assert_eq!(state.acts.len(), 5);
}

#[test]
fn private_facts_come_out_one_by_one_and_only_when_asked() {
    let mut told = 0;
    for seed in 0..40 {
        let cast = cast(preset("guarded"), seed);
        let mut state = cast.start();
        for (index, (text, checks)) in SKILFUL.iter().enumerate() {
            let verdicts = verdicts(text, checks);
            cast.moved(&mut state, &verdicts, text);
            let plan = cast.plan(&state, &Turn { text, verdicts: &verdicts }, index as u32 + 1);
            if let Some(fact) = plan.fact {
                assert!(checks.contains(&ExploresSituation) && !state.facts_out.contains(&fact));
            }
            cast.remember(&mut state, plan);
        }
        told += state.facts_out.len();
    }
    assert!(told >= 50, "{told} facts in 40 talks that ask three times");
}

fn go_on() -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Has the boss answer one turn of the skilful script with these candidates.
fn answered(replies: &[&str], pulse: Pulse) -> (Option<Spoken>, BossState, BossState) {
    let cast = cast(preset("guarded"), 1);
    let mut model = ScriptedModel::new(replies.iter().copied());
    let (text, checks) = SKILFUL[1];
    let verdicts = verdicts(text, checks);
    let mut state = cast.start();
    cast.moved(&mut state, &verdicts, text);
    let before = state.clone();
    let turn = Turn { text, verdicts: &verdicts };
    let spoken = cast.reply(&mut model, &mut state, &[], &turn, 1, pulse).unwrap();
    (spoken, before, state)
}

#[test]
fn the_first_fit_candidate_is_said_and_the_others_are_named() {
    let (spoken, before, after) = answered(
        &[
            "I'm sorry, I can't help with that.",
            "Sure, I'll read it today.",
            "My own boss moved the launch. Nobody asked me.",
        ],
        &mut go_on,
    );
    let spoken = spoken.unwrap();
    assert_eq!(spoken.text, "My own boss moved the launch. Nobody asked me.");
    assert!(!spoken.fallback);
    let reasons: Vec<Reason> = spoken.refused.iter().take(2).map(|refusal| refusal.reason).collect();
    assert_eq!(reasons, [Reason::Apology, Reason::AgreesUnearned]);
    assert_eq!(after.acts, [Act::SharesConstraint]);
    assert_eq!(after.facts_out.len(), 1);
    assert_eq!(before.facts_out.len(), 0);
}

#[test]
fn without_a_fit_candidate_the_line_by_hand_stands_in_and_is_marked() {
    let (spoken, _, _) = answered(&[], &mut go_on);
    let spoken = spoken.unwrap();
    assert!(spoken.fallback);
    assert_eq!(spoken.text, "My own boss moved the launch forward. Nobody asked me.");
    assert_eq!(spoken.refused.len(), 8);
}

#[test]
fn interrupted_nothing_is_said_and_nothing_changes() {
    let (spoken, before, after) =
        answered(&["My own boss moved the launch."], &mut || ControlFlow::Break(()));
    assert_eq!(spoken, None);
    assert_eq!(before, after);
}

#[test]
fn lines_by_hand_are_whole_and_never_the_same_twice_in_a_row() {
    for seed in 0..60 {
        let cast = cast(preset("welcoming"), seed);
        let mut model = ScriptedModel::default();
        let mut state = cast.start();
        let mut talk: Vec<Line> = Vec::new();
        for (index, (text, checks)) in SKILFUL.iter().chain(&SKILFUL).enumerate() {
            let verdicts = verdicts(text, checks);
            cast.moved(&mut state, &verdicts, text);
            let turn = Turn { text, verdicts: &verdicts };
            let spoken = cast
                .reply(&mut model, &mut state, &talk, &turn, index as u32 + 1, &mut go_on)
                .unwrap()
                .unwrap();
            assert!(
                spoken.fallback && !spoken.text.contains('{') && !spoken.text.contains(": ."),
                "{}",
                spoken.text
            );
            assert_ne!(talk.last().map(|line| line.boss.as_str()), Some(spoken.text.as_str()));
            talk.push(Line { you: (*text).to_owned(), boss: spoken.text, directed: None });
        }
        assert_eq!(outcome(&state.acts), Standing::Agreed, "{seed}: {:?}", state.acts);
        assert!(!state.agreed.is_empty());
    }
}

#[test]
fn the_same_seed_gives_the_same_talk_and_another_seed_another() {
    let acts = |seed| played(&cast(preset("guarded"), seed), &SKILFUL).acts;
    assert_eq!(acts(3), acts(3));
    assert!((0..10).any(|seed| acts(seed) != acts(3)));
}

#[test]
fn the_greeting_presupposes_nothing_and_calls_the_person_by_name() {
    for seed in 0..20 {
        let greeting = cast(preset("open"), seed).greeting();
        assert!(!greeting.contains('{') && !greeting.is_empty());
    }
}

#[test]
fn no_line_by_hand_gives_in_where_its_act_does_not() {
    let scenarios = Library::embedded();
    let facts = scenarios.all::<Scenario>().flat_map(|(_, scenario)| &scenario.facts);
    let facts = facts.map(|fact| fact.line.clone());
    let by_hand = Act::ALL.into_iter().filter(|act| !act.concedes()).flat_map(wording::by_hand);
    let wrong: Vec<String> =
        by_hand.map(|line| line.replace("{you}", "Sam")).chain(facts).filter(|line| agrees(line)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(Act::ALL.into_iter().all(|act| wording::by_hand(act).count() >= 4));
}

#[test]
fn counters_of_an_imported_state_stay_where_they_end() {
    let cast = cast(preset("guarded"), 1);
    let mut state = BossState { idle: u32::MAX, patience: u32::MAX, ..cast.start() };
    cast.moved(&mut state, &verdicts("ok", &[]), "ok");
    assert_eq!((state.idle, state.patience), (u32::MAX, u32::MAX - 1));
}

#[test]
fn what_the_boss_would_need_comes_out_when_asked_for_it_and_not_before_the_rest() {
    let cast = cast(preset("open"), 1);
    let needs: Vec<bool> = cast.scenario.facts.iter().map(|fact| fact.need).collect();
    assert_eq!(needs, [false, false, false, true]);
    let told = |state: &BossState, text| cast.next_fact(state, text);
    let mut state = cast.start();
    assert_eq!(told(&state, "What would make it easier for you?"), Some(3));
    assert_eq!(told(&state, "What is in the way?"), Some(0));
    assert_eq!(told(&state, "Which pages of the prototype matter to you?"), Some(1));
    state.facts_out.insert(3);
    assert_eq!(told(&state, "What would make it easier for you?"), None);
    assert_eq!(told(&state, "How did the last review go for you?"), Some(2));
    state.facts_out.extend([0, 1, 2]);
    assert_eq!(told(&state, "What is in the way?"), None);
}
