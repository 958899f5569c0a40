//! The store's schema versions: numbered steps, the file backed up before an old one is changed.

use super::store::StoreError;
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;

/// One step a version: `STEPS[n]` takes a store of version `n` to `n + 1`.
const STEPS: [&str; 1] = [include_str!("schema.sql")];

/// The version this program writes.
pub const VERSION: usize = STEPS.len();

/// Brings the store at `path` to [`VERSION`].
///
/// # Errors
/// A store made by a newer program; a failed backup or step, which leaves the store as it was.
pub fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let found = version(connection)?;
    if found == VERSION {
        return Ok(());
    }
    if found > VERSION {
        return Err(StoreError::Newer { path: path.to_owned(), found, known: VERSION });
    }
    if found > 0 {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".v{found}.bak"));
        connection.backup("main", Path::new(&name), None::<fn(rusqlite::backup::Progress)>)?;
    }
    // Two programs may start at once: the second waits here, and then finds nothing left to do.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&transaction)?;
    for step in STEPS.iter().skip(found) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", VERSION as i64)?;
    transaction.commit()?;
    Ok(())
}

fn version(connection: &Connection) -> Result<usize, StoreError> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}
