//! coachup: rehearse coaching your own boss against a simulated one that runs on your machine.
//!
//! # The rooms
//!
//! Each module is a room with one job; a room uses only those below it (a test holds that):
//!
//! | room | job |
//! |---|---|
//! | [`cli`] | what the person may type: one file a command, wiring only |
//! | [`settings`] | defaults, settings file, environment; the only reader of the environment |
//! | [`repl`] | the practice loop: line editor, slash commands, screen, script |
//! | [`review`] | views of a session, of all of them, of a group: laid out for terminal, Markdown, HTML and JSON |
//! | [`session`] | what happened: turns, branches, verdicts, moves; the SQLite store; export and import |
//! | [`boss`] | who answers: state, choice of act, wording it, checks on a reply |
//! | [`scorer`] | what was good: rubric, reader, evidence, grade, coaching words |
//! | [`scenario`] | situations, bosses and difficulty presets, loaded from `prompts/` |
//! | [`model`] | models: catalogue, acquisition, the candle, remote and scripted engines, the scorer's sentence encoder |
//! | [`text`] | plain text helpers that know nothing of coaching |
//!
//! # How one turn flows
//!
//! [`repl::talk::Talk`] is the one path, whoever drives it:
//!
//! 1. `Talk::say`: [`scorer::Scorer::grade`] gives eighteen verdicts with evidence;
//!    [`boss::Cast::moved`] moves openness and patience by them; [`session::store::Store::append`] keeps the
//!    turn, the verdicts and the move in one transaction. From here on a kill loses nothing that was said.
//! 2. `Talk::answer`: [`boss::Cast::reply`] draws an act from the state, has a
//!    [`model::LanguageModel`] word it several times, and takes the best candidate that passes the checks, or a
//!    hand-written line; [`session::store::Store::set_reply`] keeps it.
//! 3. The screen or the script shows the reply and the feedback.
//!
//! Time and randomness are handed in: a session can be replayed from its seed.

pub mod boss;
pub mod cli;
pub mod model;
pub mod repl;
pub mod review;
pub mod scenario;
pub mod scorer;
pub mod session;
pub mod settings;
pub mod text;
