//! A session as a Markdown transcript: who said what, on every branch, without any judgement.

use super::{Exchange, Session};
use crate::text::markdown::{escaped, inline, quoted};
use crate::text::one_line;
use std::collections::HashSet;

/// The transcript. `boss` is the name the boss is shown by.
pub fn to_markdown(session: &Session, boss: &str) -> String {
    let header = &session.header;
    let boss = inline(&one_line(boss));
    let line = |text: &str| inline(&one_line(text));
    let mut page = format!("# Session {}: {}\n\n", line(&header.id), line(&header.scenario));
    let how = format!(
        "{}, {}, model {}, seed {}",
        header.started.strftime("%Y-%m-%d %H:%M UTC"),
        header.difficulty,
        header.model,
        header.seed
    );
    if session.account.is_some() {
        page.push_str(&format!("{}, the real talk with {boss}\n", header.started.strftime("%Y-%m-%d")));
    } else {
        page.push_str(&format!("{}\n\n**{boss}**\n\n{}", line(&how), quoted(&escaped(&header.greeting))));
    }
    let talk = session.talk();
    let mut written: HashSet<u32> = HashSet::new();
    for exchange in talk {
        written.insert(exchange.node);
        write(&mut page, exchange, &boss, session.account.is_some());
    }
    for end in session.ends() {
        let rest: Vec<&Exchange> = session
            .path_to(Some(end))
            .into_iter()
            .filter(|exchange| !written.contains(&exchange.node))
            .collect();
        if let Some(first) = rest.first() {
            let place = match first.turn {
                1 => "from the start".to_owned(),
                turn => format!("after turn {}", turn - 1),
            };
            page.push_str(&format!("\n## Another branch, {place}\n"));
        }
        for exchange in rest {
            written.insert(exchange.node);
            write(&mut page, exchange, &boss, session.account.is_some());
        }
    }
    page
}

fn write(page: &mut String, exchange: &Exchange, boss: &str, real: bool) {
    page.push_str(&format!("\n**You**, turn {}\n\n{}", exchange.turn, quoted(&escaped(&exchange.text))));
    match &exchange.reply {
        Some(reply) => page.push_str(&format!("\n**{boss}**\n\n{}", quoted(&escaped(&reply.text)))),
        None if real => {}
        None => page.push_str("\n*No reply was stored.*\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn every_branch_is_written_once() {
        let mut session = sample::session();
        let text = to_markdown(&session, "Dana");
        for exchange in &session.exchanges {
            let begin = escaped(exchange.text.lines().next().unwrap());
            assert_eq!(text.matches(&begin).count(), 1, "{begin}: {text}");
        }
        assert!(text.contains("## Another branch, after turn 1\n\n**You**, turn 2\n\n> You never"), "{text}");
        session.head = None;
        let text = to_markdown(&session, "Dana");
        assert_eq!(text.matches("## Another branch, from the start").count(), 1);
        assert_eq!(text.matches("Do you have ten minutes").count(), 1);
    }
}
