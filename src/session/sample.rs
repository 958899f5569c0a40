//! A short session with two branches, for tests: every kind of thing that a view or a file must show.

use super::account::{Account, Remark, Unlike};
use super::{Exchange, Header, NodeId, Outcome, Reply, Session};
use crate::boss::state::{Act, BossState, Move};
use crate::scorer::rubric::Check;
use crate::scorer::verdict::{Answer, Position, Span, Verdict, Verdicts};

/// How it was started.
pub fn header() -> Header {
    Header {
        id: "7".into(),
        started: "2026-01-02T03:04:05.678Z".parse().unwrap(),
        scenario: "late-feedback".into(),
        boss: "dana".into(),
        difficulty: "guarded".into(),
        receptiveness: 45.0,
        model: "scripted".into(),
        seed: u64::MAX,
        greeting: "Yes, Sam?".into(),
    }
}

/// Verdicts whose evidence are the words given, at their first place in `text`.
pub fn verdicts(text: &str, shown: &[(Check, &str)]) -> Verdicts {
    let mut verdicts = Verdicts::default();
    for (check, words) in shown {
        let start = text.find(words).unwrap();
        let evidence = vec![Span::cut(text, start, start + words.len())];
        *verdicts.get_mut(*check) = Verdict { verdict: Answer::Yes, p: 0.9, evidence };
    }
    if !verdicts.is_yes(Check::AsksQuestion) {
        verdicts.get_mut(Check::OpenQuestion).verdict = Answer::NotApplicable;
    }
    verdicts
}

/// A turn without a reply.
pub fn exchange(
    node: NodeId,
    parent: Option<&Exchange>,
    text: &str,
    shown: &[(Check, &str)],
    to: f64,
    why: &str,
) -> Exchange {
    let turn = parent.map_or(1, |parent| parent.turn + 1);
    Exchange {
        node,
        parent: parent.map(|parent| parent.node),
        turn,
        said: format!("2026-01-02T03:{:02}:00Z", node + 4).parse().unwrap(),
        text: text.into(),
        position: if turn == 1 { Position::Opening } else { Position::Middle },
        verdicts: verdicts(text, shown),
        moved: Move { from: parent.map_or(45.0, |parent| parent.moved.to), to, why: vec![why.into()] },
        state: BossState { openness: to, patience: 3, ..BossState::default() },
        reply: None,
    }
}

/// An answer.
pub fn reply(text: &str, act: Act) -> Reply {
    Reply {
        text: text.into(),
        act,
        fallback: act == Act::ConcedesPart,
        conceded: act.concedes(),
        tokens: 12,
        first_token_ms: 80,
        total_ms: 900,
    }
}

/// Four turns: a clumsy one, and from the second on a retry that goes better. Not finished.
pub fn session() -> Session {
    use Check::*;
    let mut first = exchange(
        1,
        None,
        "Do you have ten minutes today? I'd like to talk about the feedback on the prototype.",
        &[
            (AsksPermission, "Do you have ten minutes today?"),
            (StatesTopic, "the feedback on the prototype"),
            (AsksQuestion, "Do you have ten minutes today?"),
        ],
        48.5,
        "you asked first",
    );
    first.reply = Some(reply("Fine. Ten minutes.", Act::Acknowledges));
    let mut blaming = exchange(
        2,
        Some(&first),
        "You never answer my mails. You need to send it by Friday!",
        &[
            (Blames, "You never answer my mails"),
            (Prescribes, "You need to send it"),
            (Specific, "by Friday"),
        ],
        39.0,
        "you held something against them",
    );
    blaming.reply = Some(reply("That's not how I see it.", Act::PushesBack));
    let mut asking = exchange(
        3,
        Some(&first),
        "I know the launch keeps you busy.\nWhat stands in the way? I could sum up the open points on one page, \
         or we go through them together on Tuesday — which suits you?",
        &[
            (Acknowledges, "I know the launch keeps you busy"),
            (AsksQuestion, "What stands in the way?"),
            (OpenQuestion, "What stands in the way?"),
            (ExploresSituation, "What stands in the way?"),
            (
                OffersOptions,
                "I could sum up the open points on one page, or we go through them together on Tuesday",
            ),
            (OffersHelp, "I could sum up the open points on one page"),
            (Specific, "on Tuesday"),
            (InvitesInput, "which suits you?"),
        ],
        61.2,
        "you asked about their side",
    );
    asking.state.facts_out.insert(0);
    asking.reply = Some(reply("My own boss moved the launch up. One page would help.", Act::ConcedesPart));
    let open = exchange(4, Some(&asking), "Thank you. 🙂", &[], 61.2, "nothing new");
    Session { exchanges: vec![first, blaming, asking, open], head: Some(4), ..Session::new(header(), None) }
}

/// The same, ended.
pub fn finished() -> Session {
    let mut session = session();
    session.exchanges[3].reply = Some(reply("Tuesday it is.", Act::AgreesAndCommits));
    session.outcome = Some(Outcome::Agreed);
    session
}

/// What came of the real talk, with every answer given and words that are remembered.
pub fn real() -> Session {
    let mut session = session();
    session.exchanges.truncate(1);
    session.exchanges[0].reply = None;
    Session {
        head: Some(1),
        outcome: Some(Outcome::Partly),
        account: Some(Account {
            day: Some(jiff::civil::date(2026, 1, 8)),
            agreed: "Dana reads the page by Tuesday.".into(),
            surprised: "Dana thanked me.".into(),
            managed: vec![Check::AsksPermission, Check::OffersHelp],
            likeness: 4,
            unlike: vec![Unlike::MoreOpen, Unlike::SaysLess],
        }),
        remarks: vec![Remark {
            node: 1,
            made: session.header.started,
            text: "Good, Sam: a clear question.".into(),
        }],
        ..session
    }
}
