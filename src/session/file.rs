//! The session file: a whole session as JSON, versioned; written exactly, read with suspicion.
//!
//! ```json
//! {"format": "coachup-session", "version": 3, "header": {…}, "exchanges": [{…}], "head": 3, "outcome": "agreed",
//!  "plan": {…}, "account": null, "remarks": [{…}]}
//! ```
//!
//! `header` is a [`Header`], `exchanges` are [`Exchange`]s in the order they were said (each `node` is its
//! place from 1, each `parent` an earlier one), `head` is where the talk stands, `outcome` is null while
//! it goes on, `plan` is the [`Plan`] brought to the talk or null (version 1 had none), `account` is an [`Account`] of
//! the real talk or null, `remarks` are [`Remark`]s on exchanges (both came with version 3). Older ones are still read.
//! `session.schema.json` beside this file describes every key. What a file says is kept to the byte,
//! control characters included: they are written as
//! escapes here, and made harmless wherever they are shown.

use super::account::{Account, MOST_LIKE, Remark};
use super::plan::{MOST_OPTIONS, Plan};
use super::{Exchange, Header, NodeId, Outcome, Session};
use crate::boss::state::BossState;
use crate::scorer::rubric::Check;
use crate::scorer::verdict::{Answer, Verdict};
use crate::text::utf8::utf8;
use crate::text::{json, one_line};
use serde::{Deserialize, Serialize};
use std::io::{BufReader, Read};

/// The name of the file's format.
const FORMAT: &str = "coachup-session";
/// The version written, and the newest that is read.
const VERSION: u32 = 3;

/// The largest file that is read, in bytes.
const LARGEST_FILE: u64 = 64 << 20;
/// The longest single text (a turn, a reply, a name), in bytes.
pub const LONGEST_TEXT: usize = 1 << 20;
/// The most exchanges of one session.
const MOST_EXCHANGES: usize = 10_000;
/// The most remarks.
const MOST_REMARKS: usize = 1_000;
/// The most spans of evidence for one verdict.
const MOST_EVIDENCE: usize = 1_000;

/// Why a file is not taken in.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It can't be read.
    #[error("can't read it: {0}")]
    Unreadable(#[from] std::io::Error),
    /// It is larger than any session.
    #[error("it is larger than {} MiB; no session is", LARGEST_FILE >> 20)]
    TooLarge,
    /// It is no JSON, or some value is of the wrong kind.
    #[error("it is not a session file: {0}")]
    Malformed(String),
    /// It is JSON of another kind.
    #[error("its `format` is not `{FORMAT}`; write one with `coachup sessions export`")]
    Foreign,
    /// A newer program wrote it.
    #[error("it has version {0}, and this coachup reads up to {VERSION}; update coachup")]
    Newer(u32),
    /// A value that no session has.
    #[error("{place}: {why}")]
    Invalid {
        /// Where: "exchange 3, `blames`".
        place: String,
        /// What is wrong.
        why: String,
    },
}

#[derive(Serialize)]
struct Written<'a> {
    format: &'static str,
    version: u32,
    header: &'a Header,
    exchanges: &'a [Exchange],
    head: Option<NodeId>,
    outcome: Option<Outcome>,
    plan: Option<&'a Plan>,
    account: Option<&'a Account>,
    remarks: &'a [Remark],
}

/// What must be right before the rest is looked at.
#[derive(Deserialize)]
struct Label {
    format: Option<String>,
    version: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Found {
    #[serde(rename = "format")]
    _format: String,
    #[serde(rename = "version")]
    _version: u32,
    header: Header,
    exchanges: Vec<Exchange>,
    head: Option<NodeId>,
    outcome: Option<Outcome>,
    #[serde(default)]
    plan: Option<Plan>,
    #[serde(default)]
    account: Option<Account>,
    #[serde(default)]
    remarks: Vec<Remark>,
}

/// The session as a file; safe to print.
pub fn to_json(session: &Session) -> String {
    let Session { header, exchanges, head, outcome, plan, account, remarks } = session;
    json::pretty(&Written {
        format: FORMAT,
        version: VERSION,
        header,
        exchanges,
        head: *head,
        outcome: *outcome,
        plan: plan.as_ref(),
        account: account.as_ref(),
        remarks,
    })
}

/// Reads a session file, however its text is written (see [`utf8`]).
///
/// # Errors
/// See [`FileError`].
pub fn read(file: impl Read) -> Result<Session, FileError> {
    let mut file = file.take(LARGEST_FILE + 1);
    let mut bytes = Vec::new();
    utf8(BufReader::new(&mut file)).read_to_end(&mut bytes)?;
    if file.limit() == 0 {
        return Err(FileError::TooLarge);
    }
    from_json(&bytes)
}

/// Reads a session file's content: every value is checked, so that what comes out can be shown, graded,
/// resumed and stored like a session of one's own.
///
/// # Errors
/// See [`FileError`].
pub fn from_json(bytes: &[u8]) -> Result<Session, FileError> {
    let label: Label = serde_json::from_slice(bytes).map_err(malformed)?;
    if label.format.as_deref() != Some(FORMAT) {
        return Err(FileError::Foreign);
    }
    match label.version {
        Some(1..=VERSION) => {}
        Some(newer) if newer > VERSION => return Err(FileError::Newer(newer)),
        _ => return Err(FileError::Malformed("it has no `version` that is known".into())),
    }
    let Found { header, exchanges, head, outcome, plan, account, remarks, .. } =
        serde_json::from_slice(bytes).map_err(malformed)?;
    let session = Session { header, exchanges, head, outcome, plan, account, remarks };
    check(&session)?;
    Ok(session)
}

/// The reader's words may quote the file: on one line, not too long, and harmless.
fn malformed(error: serde_json::Error) -> FileError {
    let (line, column) = (error.line(), error.column());
    let words: String = one_line(&error.to_string()).chars().take(160).collect();
    let place = format!(" at line {line} column {column}");
    FileError::Malformed(match words.strip_suffix(&place) {
        Some(words) => format!("line {line}, column {column}: {words}"),
        None => format!("line {line}, column {column}: {words}…"),
    })
}

/// Is the session one that can be shown, graded, resumed and stored?
///
/// # Errors
/// [`FileError::Invalid`], which says where and why.
pub(super) fn check(session: &Session) -> Result<(), FileError> {
    check_header(&session.header)?;
    session.plan.iter().try_for_each(check_plan)?;
    session.account.iter().try_for_each(check_account)?;
    check_remarks(session)?;
    if session.exchanges.len() > MOST_EXCHANGES {
        return Err(invalid("`exchanges`", format!("there are more than {MOST_EXCHANGES}")));
    }
    for (index, exchange) in session.exchanges.iter().enumerate() {
        let place = format!("exchange {}", index + 1);
        check_place(session, index, exchange).map_err(|why| invalid(&place, why))?;
        check_numbers(exchange).map_err(|why| invalid(&place, why))?;
        check_texts(exchange).map_err(|why| invalid(&place, why))?;
        for (check, verdict) in exchange.verdicts.iter() {
            check_verdict(&exchange.text, verdict).map_err(|why| verdict_invalid(&place, check, why))?;
        }
    }
    match session.head {
        Some(head) if session.exchange(head).is_none() => {
            Err(invalid("`head`", format!("there is no exchange {head}")))
        }
        _ => Ok(()),
    }
}

fn check_header(header: &Header) -> Result<(), FileError> {
    let Header { id, scenario, boss, difficulty, model, greeting, receptiveness, .. } = header;
    let texts = [id, scenario, boss, difficulty, model, greeting].map(String::as_str);
    check_lengths(texts)
        .and_then(|()| percent("receptiveness", *receptiveness))
        .map_err(|why| invalid("`header`", why))
}

fn check_plan(plan: &Plan) -> Result<(), FileError> {
    let Plan { topic, situation, tried, needs, benefit, options, help, when, calm } = plan;
    let texts = [topic, situation, tried, needs, benefit, help, when].into_iter().chain(options);
    check_lengths(texts.map(String::as_str))
        .and_then(|()| match (options.len(), calm) {
            (count, _) if count > MOST_OPTIONS => Err(format!("more than {MOST_OPTIONS} `options`")),
            (_, 6..) => Err(format!("`calm` is {calm}, and must lie between 0 and 5")),
            _ => Ok(()),
        })
        .map_err(|why| invalid("`plan`", why))
}

fn check_account(account: &Account) -> Result<(), FileError> {
    let Account { agreed, surprised, likeness, day: _, managed: _, unlike: _ } = account;
    check_lengths([agreed, surprised].map(String::as_str))
        .and_then(|()| match likeness {
            0..=MOST_LIKE => Ok(()),
            _ => Err(format!("`likeness` is {likeness}, and must lie between 0 and {MOST_LIKE}")),
        })
        .map_err(|why| invalid("`account`", why))
}

fn check_remarks(session: &Session) -> Result<(), FileError> {
    let missing = session.remarks.iter().find(|remark| session.exchange(remark.node).is_none());
    let checked = match missing {
        Some(remark) => Err(format!("there is no exchange {}", remark.node)),
        None if session.remarks.len() > MOST_REMARKS => Err(format!("there are more than {MOST_REMARKS}")),
        None => check_lengths(session.remarks.iter().map(|remark| remark.text.as_str())),
    };
    checked.map_err(|why| invalid("`remarks`", why))
}

/// Nodes are numbered in order and follow earlier ones, so that there is no cycle and no gap.
fn check_place(session: &Session, index: usize, exchange: &Exchange) -> Result<(), String> {
    if exchange.node as usize != index + 1 {
        return Err(format!("`node` is {}, and must be its place in the list", exchange.node));
    }
    let before = match exchange.parent {
        None => 0,
        Some(parent) if parent >= exchange.node => {
            return Err(format!("`parent` is {parent}, and must be an earlier exchange"));
        }
        Some(parent) => session.exchange(parent).ok_or(format!("there is no `parent` {parent}"))?.turn,
    };
    if before.checked_add(1) != Some(exchange.turn) {
        return Err(format!("`turn` is {}, and the exchange it follows has {before}", exchange.turn));
    }
    Ok(())
}

fn check_numbers(exchange: &Exchange) -> Result<(), String> {
    percent("moved.from", exchange.moved.from)?;
    percent("moved.to", exchange.moved.to)?;
    percent("state.openness", exchange.state.openness)
}

fn check_texts(exchange: &Exchange) -> Result<(), String> {
    let reply = exchange.reply.iter().map(|reply| &reply.text);
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
    } = &exchange.state;
    let taken = directed.iter().filter_map(|directed| directed.takes.as_ref());
    let state = laid.iter().chain(agreed).chain(taken);
    let texts = exchange.moved.why.iter().chain(state).chain(reply);
    check_lengths(texts.chain([&exchange.text]).map(String::as_str))
}

fn check_verdict(turn: &str, verdict: &Verdict) -> Result<(), String> {
    let Verdict { verdict: answer, p, evidence } = verdict;
    if !(0.0..=1.0).contains(p) {
        return Err(format!("`p` is {p}, and must lie between 0 and 1"));
    }
    match (answer, evidence.len()) {
        (Answer::Yes, 0) => return Err("a yes needs evidence".into()),
        (Answer::No | Answer::NotApplicable, 1..) => return Err("only a yes has evidence".into()),
        (_, count) if count > MOST_EVIDENCE => {
            return Err(format!("more than {MOST_EVIDENCE} spans of evidence"));
        }
        _ => {}
    }
    match evidence.iter().position(|span| !span.is_verbatim(turn)) {
        Some(index) => Err(format!("evidence {} is not a verbatim piece of the turn", index + 1)),
        None => Ok(()),
    }
}

fn check_lengths<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<(), String> {
    match texts.into_iter().map(str::len).find(|&length| length > LONGEST_TEXT) {
        Some(length) => Err(format!("a text has {length} bytes; at most {LONGEST_TEXT} are taken")),
        None => Ok(()),
    }
}

fn percent(key: &str, value: f64) -> Result<(), String> {
    match (0.0..=100.0).contains(&value) {
        true => Ok(()),
        false => Err(format!("`{key}` is {value}, and must lie between 0 and 100")),
    }
}

fn invalid(place: &str, why: String) -> FileError {
    FileError::Invalid { place: place.to_owned(), why }
}

fn verdict_invalid(place: &str, check: Check, why: String) -> FileError {
    invalid(&format!("{place}, `{check}`"), why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::sample;
    use serde_json::{Value, json};

    /// The error for the sample with `value` at `pointer`.
    fn error(pointer: &str, value: Value) -> String {
        let mut file: Value = serde_json::from_str(&to_json(&sample::finished())).unwrap();
        *file.pointer_mut(pointer).unwrap() = value;
        from_json(file.to_string().as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_session_comes_back_exactly() {
        for session in [sample::session(), sample::finished(), sample::real()] {
            assert_eq!(read(to_json(&session).as_bytes()).unwrap(), session);
        }
    }

    /// Every key that the file has and the schema does not describe.
    fn undescribed(file: &Value, schema: &Value, place: &str, found: &mut Vec<String>) {
        match file {
            Value::Object(keys) => {
                for (key, value) in keys {
                    let described =
                        schema["properties"].get(key).or_else(|| schema.get("additionalProperties"));
                    match described.filter(|schema| schema.is_object()) {
                        Some(schema) => undescribed(value, schema, &format!("{place}/{key}"), found),
                        // A map from checks to numbers is described as a whole.
                        None if schema["properties"].is_null() => {}
                        None => found.push(format!("{place}/{key}")),
                    }
                }
                let required = schema["required"].as_array().into_iter().flatten();
                found.extend(
                    required
                        .filter_map(Value::as_str)
                        .filter(|key| !keys.contains_key(*key))
                        .map(|key| format!("{place}/{key} is required")),
                );
            }
            Value::Array(items) => {
                items.iter().for_each(|item| undescribed(item, &schema["items"], place, found));
            }
            _ => {}
        }
    }

    #[test]
    fn the_schema_describes_every_key_that_is_written() {
        let schema: Value = serde_json::from_str(include_str!("session.schema.json")).unwrap();
        let mut session = Session { account: sample::real().account, ..sample::finished() };
        session.plan = Some(Plan::default());
        session.remarks = sample::real().remarks;
        let mut file: Value = serde_json::from_str(&to_json(&session)).unwrap();
        let mut found = Vec::new();
        undescribed(&file, &schema, "", &mut found);
        assert!(found.is_empty(), "{found:?}");
        assert!(schema["properties"]["version"]["enum"].as_array().unwrap().contains(&file["version"]));
        file["exchanges"][0]["mood"] = json!("?");
        undescribed(&file, &schema, "", &mut found);
        assert_eq!(found, ["/exchanges/mood"], "the test itself sees what is missing");
    }

    #[test]
    fn a_file_of_the_first_version_is_read() {
        let mut file: Value = serde_json::from_str(&to_json(&sample::finished())).unwrap();
        file["version"] = json!(1);
        file.as_object_mut().unwrap().remove("plan");
        assert_eq!(from_json(file.to_string().as_bytes()).unwrap(), sample::finished());
    }

    #[test]
    fn every_lie_is_found_and_named() {
        for (pointer, value, words) in [
            ("/format", json!("other"), "`format` is not `coachup-session`"),
            ("/version", json!(4), "has version 4"),
            ("/version", json!(0), "no `version` that is known"),
            ("/plan", json!({"calm": 9}), "`plan`: `calm` is 9"),
            ("/account", json!({"likeness": 6}), "`account`: `likeness` is 6"),
            ("/remarks", json!([{"node": 9, "made": "2026-01-02T03:04:05Z", "text": ""}]), "no exchange 9"),
            ("/head", json!(9), "`head`: there is no exchange 9"),
            ("/header/receptiveness", json!(101), "`header`: `receptiveness` is 101"),
            ("/header/started", json!("tuesday"), "not a session file: line"),
            ("/exchanges/1/node", json!(3), "exchange 2: `node` is 3"),
            ("/exchanges/1/parent", json!(2), "exchange 2: `parent` is 2, and must be an earlier"),
            ("/exchanges/1/parent", json!(4), "exchange 2: `parent` is 4"),
            ("/exchanges/1/parent", json!(0), "exchange 2: there is no `parent` 0"),
            ("/exchanges/1/turn", json!(7), "exchange 2: `turn` is 7"),
            ("/exchanges/1/turn", json!(u32::MAX), "exchange 2: `turn` is"),
            ("/exchanges/1/moved/to", json!(-0.5), "exchange 2: `moved.to` is -0.5"),
            ("/exchanges/0/state/openness", json!(1e300), "`state.openness`"),
            (
                "/exchanges/1/verdicts/blames/evidence/0/end",
                json!(99),
                "exchange 2, `blames`: evidence 1 is not",
            ),
            (
                "/exchanges/1/verdicts/blames/evidence/0/text",
                json!("you"),
                "exchange 2, `blames`: evidence 1",
            ),
            ("/exchanges/1/verdicts/blames/evidence", json!([]), "`blames`: a yes needs evidence"),
            ("/exchanges/1/verdicts/blames/verdict", json!("no"), "`blames`: only a yes has evidence"),
            ("/exchanges/1/verdicts/blames/p", json!(1.5), "`p` is 1.5"),
            ("/exchanges/0/reply/act", json!("dances"), "unknown variant `dances`"),
        ] {
            let error = error(pointer, value);
            assert!(error.contains(words), "{pointer}: {error}");
        }
    }

    #[test]
    fn an_unknown_key_or_check_is_an_error() {
        let mut file: Value = serde_json::from_str(&to_json(&sample::session())).unwrap();
        file["notes"] = json!("?");
        let error = from_json(file.to_string().as_bytes()).unwrap_err().to_string();
        assert!(error.contains("unknown field `notes`"), "{error}");
        let text = to_json(&sample::session()).replacen("\"blames\"", "\"blame\"", 1);
        assert!(from_json(text.as_bytes()).unwrap_err().to_string().contains("no check is called `blame`"));
    }

    #[test]
    fn sizes_are_bounded_and_messages_are_harmless() {
        let error_of = |value| error("/exchanges/0/text", value);
        assert!(error_of(json!("x".repeat(LONGEST_TEXT + 1))).contains("at most 1048576"));
        let hostile = error("/exchanges/0/reply/act", json!("\u{1b}[2J\u{202e}".repeat(100_000)));
        assert!(hostile.chars().count() < 300 && !hostile.contains(['\u{1b}', '\u{202e}']), "{hostile}");
        let endless = std::io::repeat(b' ');
        assert!(matches!(read(endless), Err(FileError::TooLarge)));
        let deep = "[".repeat(1_000_000);
        assert!(matches!(from_json(deep.as_bytes()), Err(FileError::Malformed(_))));
        assert!(matches!(from_json(b"\xff\xfe"), Err(FileError::Malformed(_))));
    }
}
