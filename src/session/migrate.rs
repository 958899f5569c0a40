//! The store's schema versions: numbered steps, the file backed up before an old one is changed.

use super::store::{FILE, StoreError};
use crate::text::file::make_private_file;
use rusqlite::{Connection, TransactionBehavior};
use std::path::{Path, PathBuf};

/// One step a version: `STEPS[n]` takes a store of version `n` to `n + 1`.
const STEPS: [&str; 3] = [
    include_str!("schema.sql"),
    "ALTER TABLE sessions ADD COLUMN plan TEXT; -- JSON; null without a plan",
    "ALTER TABLE sessions ADD COLUMN account TEXT; -- JSON; null but for a real talk
     ALTER TABLE sessions ADD COLUMN remarks TEXT NOT NULL DEFAULT '[]'; -- JSON",
];

/// Brings the store at `path` to the version this program writes.
///
/// # Errors
/// A store made by a newer program; a failed backup or step, which leaves the store as it was.
pub fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    apply(connection, path, &STEPS)
}

/// Where the store at `path` is kept as it was with schema `version`.
fn backup_path(path: &Path, version: usize) -> PathBuf {
    let mut backup = path.as_os_str().to_owned();
    backup.push(format!(".v{version}.bak"));
    PathBuf::from(backup)
}

/// Is `name` one that [`migrate`] gives to the copy of an older store?
pub fn is_backup(name: &str) -> bool {
    let version = name.strip_prefix(FILE).and_then(|rest| rest.strip_prefix(".v"));
    let version = version.and_then(|rest| rest.strip_suffix(".bak"));
    version.is_some_and(|digits| digits.parse::<usize>().is_ok())
}

fn apply(connection: &mut Connection, path: &Path, steps: &[&str]) -> Result<(), StoreError> {
    let (found, known) = (version(connection)?, steps.len());
    if found == known {
        return Ok(());
    }
    if found > known {
        return Err(StoreError::Newer { path: path.to_owned(), found, known });
    }
    if found > 0 {
        let backup = backup_path(path, found);
        // Made by us first: SQLite would let others read it.
        make_private_file(&backup).map_err(|source| StoreError::Folder { path: backup.clone(), source })?;
        connection.backup("main", &backup, None::<fn(rusqlite::backup::Progress)>)?;
    }
    // Two programs may start at once: the second waits here, and then finds nothing left to do.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&transaction)?;
    for step in steps.iter().skip(found) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", known as i64)?;
    transaction.commit()?;
    Ok(())
}

fn version(connection: &Connection) -> Result<usize, StoreError> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::super::store::Store;
    use super::*;

    const NEXT: &str = "ALTER TABLE sessions ADD COLUMN mood TEXT;";

    /// A store with one session, and the connection of a program that knows one version more.
    fn old_store(folder: &Path) -> Connection {
        let mut store = Store::open(folder).unwrap();
        store.insert(&sample::finished()).unwrap();
        drop(store);
        Connection::open(folder.join(FILE)).unwrap()
    }

    #[test]
    fn an_old_store_is_backed_up_privately_and_brought_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let mut connection = old_store(folder.path());
        apply(&mut connection, &path, &[STEPS[0], STEPS[1], STEPS[2], NEXT]).unwrap();
        assert_eq!(version(&connection).unwrap(), 4);
        let moods: i64 = connection
            .query_row("SELECT count(*) FROM sessions WHERE mood IS NULL", [], |r| r.get(0))
            .unwrap();
        assert_eq!(moods, 1);
        drop(connection);

        let backup = folder.path().join("sessions.db.v3.bak");
        let before: i64 = Connection::open(&backup)
            .unwrap()
            .query_row("SELECT count(*) FROM exchanges", [], |row| row.get(0))
            .unwrap();
        assert_eq!(before, 4);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&backup).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert!(is_backup("sessions.db.v2.bak") && !is_backup("sessions.db.vacation.bak"));
    }

    #[test]
    fn a_step_that_fails_leaves_the_store_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let mut connection = old_store(folder.path());
        let broken = "ALTER TABLE sessions ADD COLUMN mood TEXT; DROP TABLE nothing;";
        apply(&mut connection, &path, &[STEPS[0], STEPS[1], STEPS[2], broken]).unwrap_err();
        drop(connection);
        let store = Store::open(folder.path()).unwrap();
        assert_eq!(store.load("last").unwrap().exchanges.len(), 4);
    }

    #[test]
    fn two_programs_that_start_at_once_both_find_it_done() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        drop(old_store(folder.path()));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut connection = Connection::open(&path).unwrap();
                    connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
                    apply(&mut connection, &path, &[STEPS[0], STEPS[1], STEPS[2], NEXT]).unwrap();
                    assert_eq!(version(&connection).unwrap(), 4);
                });
            }
        });
    }
}
