//! Sessions that somebody else exported: read, shown in every view, kept, and gone on with.

use super::scratch::Scratch;
use super::talk;
use coachup::review::{
    Report, compare::Comparison, compare_markdown, html, json, markdown, side_by_side, terminal,
};
use coachup::session::store::Store;
use coachup::session::{Session, anonymous, file, transcript};

/// Exchanges of a session that is looked at from all sides; the others are only read.
const MOST: usize = 20;

/// Any bytes as a session file.
pub fn session(bytes: &[u8]) {
    let session = match file::from_json(bytes) {
        Ok(session) => session,
        Err(error) => return talk::one_harmless_line(&error.to_string()),
    };
    let written = file::to_json(&session);
    assert_eq!(file::from_json(written.as_bytes()).expect("what was written is right"), session);
    if session.exchanges.len() <= MOST {
        views(&session);
        kept(&session);
    }
}

fn views(session: &Session) {
    let library = talk::library();
    // A plan would have to be graded anew, by the whole scorer: too slow here.
    let bare = Session { plan: None, ..session.clone() };
    let report = Report::of(&bare, library);
    let others = report.others(&bare);
    for width in [40, 80] {
        talk::harmless(&terminal::render(&report, width, false));
        talk::harmless(&terminal::transcript(&report, width));
        let compared = Comparison::of(report.clone(), others.first().unwrap_or(&report).clone());
        talk::harmless(&side_by_side::render(&compared, width, true));
        talk::harmless(&compare_markdown::render(&compared));
    }
    talk::harmless(&markdown::render(&report));
    talk::harmless(&json::render(&report));
    talk::harmless(&html::render(&report, &others));
    talk::harmless(&transcript::to_markdown(&bare, "Dana"));
    let hidden = anonymous::anonymous(session, &[("Dana", anonymous::BOSS), ("a", anonymous::OTHER)]);
    assert!(file::from_json(file::to_json(&hidden).as_bytes()).is_ok(), "still a session");
}

fn kept(session: &Session) {
    let scratch = Scratch::new();
    let mut store = Store::open(scratch.path()).expect("a new store");
    let id = store.insert(session).expect("a checked session");
    let mut back = store.load(&id).expect("just kept");
    back.header.id.clone_from(&session.header.id);
    assert_eq!(&back, session);
    let back = Session { plan: None, ..store.load(&id).expect("just kept") };
    talk::go_on(store, back);
}
