//! The SQLite store: one file in the data folder, one transaction a turn, readable by its owner only.
//!
//! Durability: the rollback journal with `synchronous=EXTRA`, so what [`Store::append`] has acknowledged
//! survives a kill and a power cut. (`FULL` does not have the disk keep that the journal is gone: after a
//! power cut it may be there again, and SQLite would roll the acknowledged turn back.) Privacy: files 0600 in a
//! folder 0700 whatever the umask, `secure_delete` overwrites what is removed, and nothing is written to the
//! system's folder for temporary files.

use super::account::Remark;
use super::plan::Plan;
use super::{Exchange, Header, NodeId, Outcome, Reply, Session, SessionId};
use super::{file, kept};
use crate::boss::state::BossState;
use crate::text::file::{make_private_file, make_private_folder, plain_or_absent};
use crate::text::one_line;
use rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, TransactionBehavior, params};
use serde::{Serialize, de::DeserializeOwned};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file's name in the data folder.
pub const FILE: &str = "sessions.db";
/// SQLite's journal beside it, which it reads at the start where one is left.
const JOURNAL: &str = "sessions.db-journal";

/// How long one program waits for another that writes.
const BUSY: Duration = Duration::from_secs(10);

/// What went wrong with the store, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder can't be made or entered.
    #[error("can't use the folder `{path}` for your sessions: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A newer program made the store.
    #[error("the store `{path}` has schema {found}, and this coachup knows up to {known}; update coachup")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: usize,
        /// Ours.
        known: usize,
    },
    /// The disk is full.
    #[error("the disk is full: the last change was not stored; free some space and say it again")]
    Full,
    /// The file or its folder can't be written.
    #[error(
        "the store can't be written; check the permissions of its folder, or move it with `COACHUP_HOME`"
    )]
    ReadOnly,
    /// Not a store, or damaged.
    #[error(
        "the store is damaged or not a store ({0}); move it aside, then `coachup sessions import` your exports"
    )]
    Damaged(String),
    /// Another program holds the store.
    #[error("another coachup has been writing to the store for {} seconds; close it and try again", BUSY.as_secs())]
    Busy,
    /// Another program has gone on with the same session.
    #[error(
        "another coachup has gone on with this session; `coachup practice --resume` takes it up from there"
    )]
    Elsewhere,
    /// Another program has removed the session.
    #[error("this session has been removed; `coachup practice` begins another")]
    Removed,
    /// No such session.
    #[error("no session is called `{wanted}`; {known}")]
    Unknown {
        /// As asked.
        wanted: String,
        /// Which there are.
        known: String,
    },
    /// No such exchange.
    #[error("session {session} has no exchange `{wanted}`; they go from 1 to {last}, and 0 is the beginning")]
    UnknownExchange {
        /// As asked.
        wanted: String,
        /// The session.
        session: SessionId,
        /// Its last exchange.
        last: usize,
    },
    /// Anything else SQLite says.
    #[error("the store failed: {0}")]
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error::{
            FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error,
        };
        if let FromSqlConversionFailure(..)
        | IntegralValueOutOfRange(..)
        | InvalidColumnType(..)
        | Utf8Error(..) = error
        {
            return StoreError::Damaged(one_line(&error.to_string()));
        }
        if error.sqlite_error().is_some_and(|error| error.extended_code == SQLITE_CONSTRAINT_FOREIGNKEY) {
            return StoreError::Removed;
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::Full,
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                StoreError::ReadOnly
            }
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                StoreError::Damaged(error.to_string())
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy,
            Some(ErrorCode::ConstraintViolation) => StoreError::Elsewhere,
            _ => StoreError::Sqlite(error),
        }
    }
}

/// One line of a list of sessions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// How it was started.
    #[serde(flatten)]
    pub header: Header,
    /// Turns of the talk as it stands.
    pub turns: u32,
    /// How it ended; none while it goes on.
    pub outcome: Option<Outcome>,
    /// It is the real talk, told afterwards.
    pub real: bool,
}

/// The sessions on this machine.
pub struct Store {
    connection: Connection,
    path: PathBuf,
}

impl Store {
    /// Opens the store in `folder`, making both where they are missing.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn open(folder: &Path) -> Result<Store, StoreError> {
        let path = folder.join(FILE);
        let at = |source| StoreError::Folder { path: folder.to_owned(), source };
        make_private_folder(folder).map_err(at)?;
        for name in [FILE, JOURNAL] {
            let named = |error: io::Error| io::Error::new(error.kind(), format!("`{name}`: {error}"));
            plain_or_absent(&folder.join(name)).map_err(named).map_err(at)?;
        }
        make_private_file(&path).map_err(at)?;
        let mut connection = Connection::open(&path)?;
        connection.busy_timeout(BUSY)?;
        connection.execute_batch(
            "PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA; PRAGMA secure_delete=ON; PRAGMA foreign_keys=ON;
             PRAGMA temp_store=MEMORY;",
        )?;
        super::migrate::migrate(&mut connection, &path)?;
        Ok(Store { connection, path })
    }

    /// The store's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Begins a session; its id is given by the store, whatever the header says.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn create(&mut self, header: &Header) -> Result<SessionId, StoreError> {
        insert_session(&self.connection, &Session::new(header.clone(), None))
    }

    /// Keeps the plan that the person brought to the talk.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn set_plan(&mut self, session: &str, plan: Option<&Plan>) -> Result<(), StoreError> {
        self.update("UPDATE sessions SET plan = ?2 WHERE id = ?1", params![session, plan.map(json)])
    }

    /// Keeps what the person said, the verdicts and the move, and makes it the head: one transaction.
    /// When this returns, the turn survives a kill.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn append(&mut self, session: &str, exchange: &Exchange) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        insert_exchange(&transaction, session, exchange)?;
        transaction
            .execute("UPDATE sessions SET head = ?2 WHERE id = ?1", params![session, exchange.node])?;
        transaction.commit()?;
        Ok(())
    }

    /// Keeps the reply and the state after it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn set_reply(
        &mut self,
        session: &str,
        node: NodeId,
        reply: &Reply,
        state: &BossState,
    ) -> Result<(), StoreError> {
        self.update(
            "UPDATE exchanges SET reply = ?3, state = ?4 WHERE session = ?1 AND node = ?2",
            params![session, node, json(reply), json(state)],
        )
    }

    /// Moves where the talk stands (undo, redo), and reopens a talk that had ended.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn set_head(&mut self, session: &str, head: Option<NodeId>) -> Result<(), StoreError> {
        self.update("UPDATE sessions SET head = ?2, outcome = NULL WHERE id = ?1", params![session, head])
    }

    /// Notes how the talk ended.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn finish(&mut self, session: &str, outcome: Outcome) -> Result<(), StoreError> {
        self.update("UPDATE sessions SET outcome = ?2 WHERE id = ?1", params![session, word(&outcome)])
    }

    /// Adds remarks to those that a session has; one that is there already is not added again. Gives how many were.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn remark(&mut self, session: &str, new: &[Remark]) -> Result<usize, StoreError> {
        // A write from the start: two programs may remark on the same session.
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let there: Option<String> = transaction
            .query_row("SELECT remarks FROM sessions WHERE id = ?1", [session], |row| row.get(0))
            .optional()?;
        let mut remarks: Vec<Remark> = unjson(&there.ok_or(StoreError::Removed)?, "remarks")?;
        let before = remarks.len();
        for remark in new {
            if !remarks.contains(remark) {
                remarks.push(remark.clone());
            }
        }
        remarks.sort_by_key(|remark| remark.made);
        transaction
            .execute("UPDATE sessions SET remarks = ?2 WHERE id = ?1", params![session, json(&remarks)])?;
        transaction.commit()?;
        Ok(remarks.len() - before)
    }

    /// Changes the one row that `statement` is about; there is none once another program has removed it.
    fn update(&self, statement: &str, values: &[&dyn rusqlite::ToSql]) -> Result<(), StoreError> {
        match self.connection.execute(statement, values)? {
            0 => Err(StoreError::Removed),
            _ => Ok(()),
        }
    }

    /// Loads a session by its id, or the newest with `last`. `3:5` is session 3 as it stood after its
    /// exchange 5, and `3:0` at its beginning: nothing is changed in the store.
    ///
    /// # Errors
    /// [`StoreError::Unknown`], [`StoreError::UnknownExchange`] and the rest of [`StoreError`].
    pub fn load(&self, wanted: &str) -> Result<Session, StoreError> {
        let Some((id, node)) = wanted.split_once(':') else { return self.load_as_it_stands(wanted) };
        let mut session = self.load_as_it_stands(id)?;
        let unknown = || StoreError::UnknownExchange {
            wanted: node.to_owned(),
            session: session.header.id.clone(),
            last: session.exchanges.len(),
        };
        let node: NodeId = node.trim().parse().map_err(|_| unknown())?;
        if node as usize > session.exchanges.len() {
            return Err(unknown());
        }
        let head = (node > 0).then_some(node);
        if session.head != head {
            session.head = head;
            session.outcome = None;
        }
        Ok(session)
    }

    fn load_as_it_stands(&self, wanted: &str) -> Result<Session, StoreError> {
        let id = self.resolve(wanted)?;
        // One read transaction: another program may be writing between the two queries.
        let transaction = self.connection.unchecked_transaction()?;
        let session = transaction
            .query_row("SELECT * FROM sessions WHERE id = ?1", [&id], session_row)
            .map_err(StoreError::from)?;
        let mut statement =
            transaction.prepare_cached("SELECT * FROM exchanges WHERE session = ?1 ORDER BY node")?;
        let exchanges = statement.query_map([&id], exchange_row)?.collect::<Result<Vec<_>, _>>()?;
        let session = Session { exchanges, ..session };
        // A disk that garbles a page is noticed here, not by whoever trusts the evidence's places in the text.
        file::check(&session).map_err(|error| StoreError::Damaged(format!("session {id}: {error}")))?;
        Ok(session)
    }

    /// The id that `wanted` (an id, or `last`) stands for.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] where there is none.
    pub fn resolve(&self, wanted: &str) -> Result<SessionId, StoreError> {
        let newest: Option<i64> =
            self.connection.query_row("SELECT max(id) FROM sessions", [], |r| r.get(0))?;
        let found = match (wanted, wanted.trim_start_matches('#').parse::<i64>()) {
            ("last", _) => newest,
            (_, Ok(id)) => self
                .connection
                .query_row("SELECT id FROM sessions WHERE id = ?1", [id], |r| r.get(0))
                .optional()?,
            (_, Err(_)) => None,
        };
        found.map(|id: i64| id.to_string()).ok_or_else(|| StoreError::Unknown {
            wanted: wanted.to_owned(),
            known: match newest {
                Some(newest) => format!("the newest is {newest}; `coachup sessions list` shows all"),
                None => "there are none yet: `coachup practice` starts one".to_owned(),
            },
        })
    }

    /// Is there no session?
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn is_empty(&self) -> Result<bool, StoreError> {
        Ok(!self.connection.query_row("SELECT EXISTS (SELECT 1 FROM sessions)", [], |row| row.get(0))?)
    }

    /// The scenarios of the newest sessions, newest first, at most `count`.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn latest_scenarios(&self, count: usize) -> Result<Vec<String>, StoreError> {
        let mut statement = self
            .connection
            .prepare("SELECT scenario FROM sessions WHERE account IS NULL ORDER BY id DESC LIMIT ?1")?;
        let rows = statement.query_map([count as i64], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// All sessions, newest first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn list(&self) -> Result<Vec<Summary>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT s.*, coalesce((SELECT turn FROM exchanges e WHERE e.session = s.id AND e.node = s.head), 0)
               AS turns FROM sessions s ORDER BY s.id DESC",
        )?;
        let rows = statement.query_map([], |row| {
            let Session { header, outcome, account, .. } = session_row(row)?;
            Ok(Summary { header, turns: row.get("turns")?, outcome, real: account.is_some() })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The real talks, oldest first, without the words said in them.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn real_talks(&self) -> Result<Vec<Session>, StoreError> {
        let mut statement =
            self.connection.prepare("SELECT * FROM sessions WHERE account IS NOT NULL ORDER BY id")?;
        let rows = statement.query_map([], session_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The id of the session that `session` is: begun alike to the nanosecond, and with every exchange of it here,
    /// whatever was said since or taken back.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn same_as(&self, session: &Session) -> Result<Option<SessionId>, StoreError> {
        let Header { started, seed, .. } = &session.header;
        let mut statement = self
            .connection
            .prepare("SELECT id FROM sessions WHERE started = ?1 AND seed = ?2 ORDER BY id")?;
        let ids = statement.query_map(params![started.to_string(), seed.cast_signed()], |row| row.get(0))?;
        for id in ids.collect::<Result<Vec<i64>, _>>()? {
            let here = self.load_as_it_stands(&id.to_string())?;
            let header = Header { id: session.header.id.clone(), ..here.header.clone() };
            let begun_alike = header == session.header && here.account == session.account;
            if begun_alike && here.exchanges.starts_with(&session.exchanges) {
                return Ok(Some(here.header.id));
            }
        }
        Ok(None)
    }

    /// Adds a whole session, under a new id.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn insert(&mut self, session: &Session) -> Result<SessionId, StoreError> {
        let transaction = self.connection.transaction()?;
        let id = insert_session(&transaction, session)?;
        for exchange in &session.exchanges {
            insert_exchange(&transaction, &id, exchange)?;
        }
        transaction.commit()?;
        Ok(id)
    }

    /// Takes back a session in which nothing was said.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn discard(&mut self, id: &str) -> Result<(), StoreError> {
        self.delete("DELETE FROM sessions WHERE id = ?1", &[&id]).map(drop)
    }

    /// Removes sessions for good: their pages are overwritten, the file is shrunk, and what else may hold
    /// words of them goes ([`kept::remove_traces`]).
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn remove(&mut self, ids: &[SessionId]) -> Result<(), StoreError> {
        self.remove_traces()?;
        let ids = json(&ids);
        self.delete(
            "DELETE FROM sessions WHERE id IN (SELECT CAST(value AS INTEGER) FROM json_each(?1))",
            &[&ids],
        )?;
        self.shrink()
    }

    /// Removes every session for good. Gives how many there were.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn remove_all(&mut self) -> Result<usize, StoreError> {
        self.remove_traces()?;
        let removed = self.delete("DELETE FROM sessions", &[])?;
        self.shrink()?;
        Ok(removed)
    }

    /// Goes first: a session that is still listed can be removed again where this fails.
    fn remove_traces(&self) -> Result<(), StoreError> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        kept::remove_traces(folder).map_err(|source| StoreError::Folder { path: folder.to_owned(), source })
    }

    /// Deletes, also on a full disk, where there is no room for the journal's file: the journal is then kept
    /// in memory, for removing is what makes room again.
    fn delete(&self, statement: &str, values: &[&dyn rusqlite::ToSql]) -> Result<usize, StoreError> {
        match self.connection.execute(statement, values).map_err(StoreError::from) {
            Err(StoreError::Full) => {
                self.connection.execute_batch("PRAGMA journal_mode=MEMORY")?;
                let removed = self.connection.execute(statement, values);
                self.connection.execute_batch("PRAGMA journal_mode=DELETE")?;
                Ok(removed?)
            }
            other => other,
        }
    }

    fn shrink(&self) -> Result<(), StoreError> {
        // Shrinking needs room for a copy. Without it the file keeps its size: the words are overwritten.
        match self.connection.execute_batch("VACUUM").map_err(StoreError::from) {
            Ok(()) | Err(StoreError::Full) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// All of a session but its exchanges; gives the id.
fn insert_session(connection: &Connection, session: &Session) -> Result<SessionId, StoreError> {
    let Session { header, exchanges: _, head, outcome, plan, account, remarks } = session;
    connection.execute(
        "INSERT INTO sessions (started, scenario, boss, difficulty, receptiveness, model, seed, greeting, head, outcome,
                               plan, account, remarks)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        params![
            header.started.to_string(),
            header.scenario,
            header.boss,
            header.difficulty,
            header.receptiveness,
            header.model,
            header.seed.cast_signed(),
            header.greeting,
            head,
            outcome.as_ref().map(word),
            plan.as_ref().map(json),
            account.as_ref().map(json),
            json(remarks),
        ],
    )?;
    Ok(connection.last_insert_rowid().to_string())
}

fn insert_exchange(connection: &Connection, session: &str, exchange: &Exchange) -> Result<(), StoreError> {
    connection.execute(
        "INSERT INTO exchanges (session, node, parent, turn, said, text, position, verdicts, moved, state, reply)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            session,
            exchange.node,
            exchange.parent,
            exchange.turn,
            exchange.said.to_string(),
            exchange.text,
            word(&exchange.position),
            json(&exchange.verdicts),
            json(&exchange.moved),
            json(&exchange.state),
            exchange.reply.as_ref().map(json),
        ],
    )?;
    Ok(())
}

/// All of a session but its exchanges.
fn session_row(row: &Row<'_>) -> rusqlite::Result<Session> {
    let header = Header {
        id: row.get::<_, i64>("id")?.to_string(),
        started: parsed(row, "started")?,
        scenario: row.get("scenario")?,
        boss: row.get("boss")?,
        difficulty: row.get("difficulty")?,
        receptiveness: row.get("receptiveness")?,
        model: row.get("model")?,
        seed: row.get::<_, i64>("seed")?.cast_unsigned(),
        greeting: row.get("greeting")?,
    };
    let outcome: Option<String> = row.get("outcome")?;
    let outcome = outcome.map(|text| unword(&text, "outcome")).transpose()?;
    let plan: Option<String> = row.get("plan")?;
    let account: Option<String> = row.get("account")?;
    Ok(Session {
        header,
        exchanges: Vec::new(),
        head: row.get("head")?,
        outcome,
        plan: plan.map(|text| unjson(&text, "plan")).transpose()?,
        account: account.map(|text| unjson(&text, "account")).transpose()?,
        remarks: unjson(&row.get::<_, String>("remarks")?, "remarks")?,
    })
}

fn exchange_row(row: &Row<'_>) -> rusqlite::Result<Exchange> {
    Ok(Exchange {
        node: row.get("node")?,
        parent: row.get("parent")?,
        turn: row.get("turn")?,
        said: parsed(row, "said")?,
        text: row.get("text")?,
        position: unword(&row.get::<_, String>("position")?, "position")?,
        verdicts: unjson(&row.get::<_, String>("verdicts")?, "verdicts")?,
        moved: unjson(&row.get::<_, String>("moved")?, "moved")?,
        state: unjson(&row.get::<_, String>("state")?, "state")?,
        reply: row.get::<_, Option<String>>("reply")?.map(|text| unjson(&text, "reply")).transpose()?,
    })
}

/// Our own types always serialise.
fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("the session's types have no fallible serialiser")
}

/// A unit variant's name, without quotes.
fn word<T: Serialize>(value: &T) -> String {
    json(value).trim_matches('"').to_owned()
}

fn unjson<T: DeserializeOwned>(text: &str, column: &'static str) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(|error| unreadable(column, error))
}

fn unword<T: DeserializeOwned>(text: &str, column: &'static str) -> rusqlite::Result<T> {
    serde_json::from_value(text.into()).map_err(|error| unreadable(column, error))
}

fn parsed(row: &Row<'_>, column: &'static str) -> rusqlite::Result<jiff::Timestamp> {
    row.get::<_, String>(column)?.parse().map_err(|error| unreadable(column, error))
}

fn unreadable(
    column: &'static str,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    let error: Box<dyn std::error::Error + Send + Sync> = format!("column `{column}`: {error}").into();
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boss::state::{Act, Move};
    use crate::scorer::verdict::{Position, Verdicts};

    fn header() -> Header {
        Header {
            id: String::new(),
            started: "2026-01-02T03:04:05Z".parse().unwrap(),
            scenario: "late-feedback".into(),
            boss: "dana".into(),
            difficulty: "guarded".into(),
            receptiveness: 45.0,
            model: "scripted".into(),
            seed: u64::MAX,
            greeting: "Yes, Sam?".into(),
        }
    }

    fn exchange(node: NodeId, parent: Option<NodeId>) -> Exchange {
        Exchange {
            node,
            parent,
            turn: parent.unwrap_or(0) + 1,
            said: "2026-01-02T03:05:05Z".parse().unwrap(),
            text: "Do you have \u{1b}[31m ten minutes?\n🙂".into(),
            position: Position::Opening,
            verdicts: Verdicts::default(),
            moved: Move { from: 45.0, to: 47.1, why: vec!["you asked".into()] },
            state: BossState { openness: 47.1, patience: 3, ..BossState::default() },
            reply: None,
        }
    }

    fn reply() -> Reply {
        Reply {
            text: "Fine.".into(),
            act: Act::Considers,
            fallback: false,
            conceded: false,
            tokens: 3,
            first_token_ms: 1,
            total_ms: 2,
        }
    }

    #[test]
    fn a_turn_survives_without_its_reply() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        let id = store.create(&header()).unwrap();
        store.append(&id, &exchange(1, None)).unwrap();
        drop(store);
        let mut store = Store::open(folder.path()).unwrap();
        let mut session = store.load("last").unwrap();
        assert_eq!(session.header, Header { id: id.clone(), ..header() });
        assert_eq!(session.exchanges, [exchange(1, None)]);
        assert_eq!((session.head, session.outcome), (Some(1), None));

        store.set_reply(&id, 1, &reply(), &session.exchanges[0].state).unwrap();
        store.append(&id, &exchange(2, Some(1))).unwrap();
        store.finish(&id, Outcome::EndedByBoss).unwrap();
        session = store.load(&id).unwrap();
        assert_eq!(session.exchanges[0].reply, Some(reply()));
        assert_eq!((session.head, session.outcome), (Some(2), Some(Outcome::EndedByBoss)));
        assert_eq!(store.list().unwrap()[0].turns, 2);
    }

    #[test]
    fn ids_are_never_reused_and_unknown_ones_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        assert!(store.load("last").unwrap_err().to_string().contains("there are none yet"));
        assert_eq!(store.create(&header()).unwrap(), "1");
        assert_eq!(store.create(&header()).unwrap(), "2");
        store.remove(&["2".to_owned()]).unwrap();
        assert_eq!(store.create(&header()).unwrap(), "3");
        assert!(store.load("2").unwrap_err().to_string().contains("the newest is 3"));
        assert!(store.load("tuesday").is_err());
        assert_eq!(store.remove_all().unwrap(), 2);
    }

    #[test]
    fn removed_words_are_not_in_the_file_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        let id = store.create(&header()).unwrap();
        store.append(&id, &exchange(1, None)).unwrap();
        let has = |store: &Store| {
            std::fs::read(store.path()).unwrap().windows(11).any(|bytes| bytes == b"ten minutes")
        };
        assert!(has(&store));
        store.remove(&[id]).unwrap();
        assert!(!has(&store));
    }

    #[test]
    fn a_session_is_loaded_as_it_stood_after_any_exchange() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        store.insert(&crate::session::sample::finished()).unwrap();
        let at = |wanted: &str| store.load(wanted).map(|session| (session.head, session.outcome));
        assert_eq!(at("1:2").unwrap(), (Some(2), None));
        assert_eq!(at("last:0").unwrap(), (None, None));
        assert_eq!(at("1:4").unwrap(), at("1").unwrap());
        assert!(at("1:5").unwrap_err().to_string().contains("from 1 to 4"));
        assert!(at("1:x").is_err() && at("2:1").is_err());
    }

    #[test]
    fn a_session_is_known_again_unless_it_has_more_to_say() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        let id = store.create(&header()).unwrap();
        store.append(&id, &exchange(1, None)).unwrap();
        let file = store.load(&id).unwrap();
        assert_eq!(store.same_as(&file).unwrap(), Some(id.clone()));
        store.append(&id, &exchange(2, Some(1))).unwrap();
        store.set_head(&id, None).unwrap();
        assert_eq!(store.same_as(&file).unwrap(), Some(id.clone()), "it has gone on here");
        let mut more = store.load(&id).unwrap();
        more.exchanges.push(exchange(3, None));
        assert_eq!(store.same_as(&more).unwrap(), None, "it has gone on there");
        let other = Session { header: Header { boss: "marcus".into(), ..header() }, ..file };
        assert_eq!(store.same_as(&other).unwrap(), None);
    }

    #[test]
    fn a_session_that_was_removed_gets_no_more_words_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        let id = store.create(&header()).unwrap();
        store.append(&id, &exchange(1, None)).unwrap();
        Store::open(folder.path()).unwrap().remove_all().unwrap();
        let changes = [
            store.append(&id, &exchange(2, Some(1))),
            store.set_reply(&id, 1, &reply(), &BossState::default()),
            store.set_head(&id, None),
            store.finish(&id, Outcome::Open),
        ];
        for change in changes {
            assert!(matches!(change, Err(StoreError::Removed)), "{change:?}");
        }
        assert!(store.is_empty().unwrap());
    }

    #[test]
    fn two_programs_share_one_store() {
        let folder = tempfile::tempdir().unwrap();
        let mut one = Store::open(folder.path()).unwrap();
        let mut two = Store::open(folder.path()).unwrap();
        let (a, b) = (one.create(&header()).unwrap(), two.create(&header()).unwrap());
        assert_ne!(a, b);
        one.append(&a, &exchange(1, None)).unwrap();
        two.append(&b, &exchange(1, None)).unwrap();
        assert_eq!(one.list().unwrap().len(), 2);
    }

    #[test]
    fn a_newer_or_damaged_store_is_refused_with_words() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        store.connection.pragma_update(None, "user_version", 99).unwrap();
        drop(store);
        let error = Store::open(folder.path()).err().unwrap().to_string();
        assert!(error.contains("schema 99") && error.contains("update"), "{error}");
        std::fs::write(folder.path().join(FILE), "this is no database, not at all, whatever it is").unwrap();
        let error = Store::open(folder.path()).err().unwrap().to_string();
        assert!(error.contains("damaged"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let store = Store::open(&data).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&data), mode(store.path())), (0o700, 0o600));
    }
}
