//! A session without names: roles in their place, so that a talk can be shown to others.
//!
//! Only the names handed in are known; what the words themselves give away stays.

use super::account::Account;
use super::plan::Plan;
use super::{Exchange, Session};
use crate::boss::state::BossState;
use crate::scorer::rubric::Check;
use crate::scorer::verdict::Span;
use std::ops::Range;

/// What stands for the boss.
pub const BOSS: &str = "[boss]";
/// What stands for the person.
pub const PERSON: &str = "[employee]";
/// What stands for anyone else.
pub const OTHER: &str = "[name]";

/// A name and what stands for it.
pub type Role<'a> = (&'a str, &'static str);

/// The session with every whole-word mention of `names`, in whatever case, replaced by its role; without
/// the name of the boss's file and without the folders of the model's path.
///
/// Evidence stays verbatim: its offsets move with the text, and a span that cuts through a name takes in
/// the whole role.
pub fn anonymous(session: &Session, names: &[Role<'_>]) -> Session {
    let mut session = session.clone();
    let header = &mut session.header;
    header.boss = "boss".to_owned();
    header.scenario = replaced(&header.scenario, names).text;
    header.greeting = replaced(&header.greeting, names).text;
    let path = header.model.rsplit(['/', '\\']).next().unwrap_or_default();
    header.model = replaced(path, names).text;
    let plan = session.plan.iter_mut().flat_map(Plan::texts_mut);
    let account = session.account.iter_mut().flat_map(Account::texts_mut);
    let remarks = session.remarks.iter_mut().map(|remark| &mut remark.text);
    plan.chain(account).chain(remarks).for_each(|text| *text = replaced(text, names).text);
    session.exchanges.iter_mut().for_each(|exchange| hide_in(exchange, names));
    session
}

fn hide_in(exchange: &mut Exchange, names: &[Role<'_>]) {
    let Replaced { text, changes } = replaced(&exchange.text, names);
    for check in Check::ALL {
        let evidence = &mut exchange.verdicts.get_mut(check).evidence;
        evidence.retain(|span| span.is_verbatim(&exchange.text));
        for span in evidence {
            *span = Span::cut(&text, moved(span.start, &changes, false), moved(span.end, &changes, true));
        }
    }
    exchange.text = text;
    let reply = exchange.reply.iter_mut().map(|reply| &mut reply.text);
    // Every field is named, so that a new one is not forgotten here.
    let BossState {
        openness: _,
        patience: _,
        earned: _,
        facts_out: _,
        points_out: _,
        acts: _,
        idle: _,
        laid,
        agreed,
        directed,
    } = &mut exchange.state;
    let taken = directed.iter_mut().filter_map(|directed| directed.takes.as_mut());
    let state = laid.iter_mut().chain(agreed).chain(taken);
    for text in exchange.moved.why.iter_mut().chain(state).chain(reply) {
        *text = replaced(text, names).text;
    }
}

/// A text with roles, and where they were put: the name's place before, and the role's place after.
struct Replaced {
    text: String,
    changes: Vec<(Range<usize>, Range<usize>)>,
}

fn replaced(text: &str, names: &[Role<'_>]) -> Replaced {
    let mut done = Replaced { text: String::with_capacity(text.len()), changes: Vec::new() };
    let mut at = 0;
    let mut copied = 0;
    let mut in_word = false;
    while let Some(c) = text[at..].chars().next() {
        // The longest of several names that begin here, so that "Ann Lee" goes before "Ann".
        let here = names.iter().filter_map(|(name, role)| Some((mention(&text[at..], name)?, *role)));
        match here.filter(|_| !in_word).max_by_key(|(length, _)| *length) {
            Some((length, role)) => {
                done.text.push_str(&text[copied..at]);
                let start = done.text.len();
                done.text.push_str(role);
                done.changes.push((at..at + length, start..done.text.len()));
                at += length;
                copied = at;
                in_word = false;
            }
            None => {
                in_word = c.is_alphanumeric();
                at += c.len_utf8();
            }
        }
    }
    done.text.push_str(&text[copied..]);
    done
}

/// The bytes that `name` takes at the start of `text`, where it stands there as a whole word.
fn mention(text: &str, name: &str) -> Option<usize> {
    let mut rest = text.chars();
    for wanted in name.chars() {
        rest.next().filter(|found| found.to_lowercase().eq(wanted.to_lowercase()))?;
    }
    let length = text.len() - rest.as_str().len();
    let whole = !rest.next().is_some_and(char::is_alphanumeric);
    (length > 0 && whole).then_some(length)
}

/// Where an offset of the old text went. Inside a name, a start goes to the role's start and an end to
/// its end.
fn moved(offset: usize, changes: &[(Range<usize>, Range<usize>)], is_end: bool) -> usize {
    let before = changes.iter().take_while(|(old, _)| old.start < offset || (old.start == offset && !is_end));
    match before.last() {
        Some((old, new)) if offset >= old.end => new.end + (offset - old.end),
        Some((_, new)) => {
            if is_end {
                new.end
            } else {
                new.start
            }
        }
        None => offset,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{file, sample};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_give_way_to_roles_as_whole_words_in_any_case() {
        let names = [("Dana", BOSS), ("Ann", OTHER), ("Ann Lee", PERSON)];
        let text = replaced("DANA's plan, dana: Ann Lee, ann, Danang, Jordana, Anne", &names).text;
        assert_eq!(text, "[boss]'s plan, [boss]: [employee], [name], Danang, Jordana, Anne");
        assert_eq!(replaced("Émile, émile", &[("émile", OTHER)]).text, "[name], [name]");
        assert_eq!(replaced("as it is", &[("", OTHER)]).text, "as it is");
    }

    #[test]
    fn nothing_of_a_name_is_left_and_the_file_is_still_valid() {
        let mut session = Session {
            account: sample::real().account,
            remarks: sample::real().remarks,
            ..sample::finished()
        };
        session.plan = Some(Plan { needs: "Dana needs Sam's page".into(), ..Plan::default() });
        session.header.model = "/home/sam/models/tiny.gguf".into();
        session.exchanges[1].moved.why = vec!["Sam held something against Dana".into()];
        session.exchanges[2].state.laid = vec!["send Sam's mails on".into()];
        session.exchanges[2].state.agreed = vec!["Dana answers".into()];
        let hidden = anonymous(&session, &[("Dana", BOSS), ("Sam", PERSON), ("mails", OTHER)]);
        let json = file::to_json(&hidden);
        let lower = json.to_lowercase();
        assert!(!lower.contains("dana") && !lower.contains("sam") && !lower.contains("mails"), "{json}");
        assert_eq!(hidden.exchanges[1].text, "You never answer my [name]. You need to send it by Friday!");
        assert_eq!(file::from_json(json.as_bytes()).unwrap(), hidden);
    }

    proptest! {
        #[test]
        fn evidence_stays_verbatim(text in "(?s)([ab ]|Ann|é){0,20}", start in 0usize..20, length in 1usize..20) {
            let start = text.floor_char_boundary(start.min(text.len()));
            let end = text.ceil_char_boundary((start + length).min(text.len()));
            prop_assume!(start < end);
            let Replaced { text: after, changes } = replaced(&text, &[("ann", OTHER), ("a", BOSS)]);
            let (from, to) = (moved(start, &changes, false), moved(end, &changes, true));
            prop_assert!(from < to && after.get(from..to).is_some(), "{from}..{to} of {after:?}");
            let inside = replaced(&text[start..end], &[]).text;
            // Words outside names are the same words.
            if changes.iter().all(|(old, _)| old.end <= start || end <= old.start) {
                prop_assert_eq!(&after[from..to], inside);
            }
        }
    }
}
