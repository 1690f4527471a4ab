//! The tables, and how a file of an older version is brought up to date.

use rusqlite::Connection;

use crate::error::HistoryError;

/// Each entry brings the file from the version of its index to the next one. Entries are never changed.
const MIGRATIONS: &[&str] = &[include_str!("schema/1.sql"), include_str!("schema/2.sql")];

/// Brings the file up to date. Every step is one transaction.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), HistoryError> {
    apply(connection, MIGRATIONS)
}

fn apply(connection: &mut Connection, migrations: &[&str]) -> Result<(), HistoryError> {
    let found: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let supported = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    if found > supported {
        return Err(HistoryError::TooNew { found, supported });
    }
    for (version, migration) in (1_u32..).zip(migrations).skip(found.try_into().unwrap_or(0)) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_file_is_migrated_and_newer_file_is_rejected() {
        let mut connection = Connection::open_in_memory().unwrap();
        let first = ["CREATE TABLE a (x INTEGER)"];
        let both = [first[0], "ALTER TABLE a ADD COLUMN y INTEGER DEFAULT 7"];
        apply(&mut connection, &first).unwrap();
        connection.execute("INSERT INTO a (x) VALUES (1)", []).unwrap();
        apply(&mut connection, &both).unwrap();
        apply(&mut connection, &both).unwrap();
        let y: i64 = connection.query_row("SELECT y FROM a", [], |row| row.get(0)).unwrap();
        assert_eq!(y, 7);
        let error = apply(&mut connection, &first).unwrap_err();
        assert!(matches!(error, HistoryError::TooNew { found: 2, supported: 1 }), "{error}");
    }

    #[test]
    fn failed_migration_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        let broken = ["CREATE TABLE a (x INTEGER); CREATE TABLE a (x INTEGER)"];
        assert!(apply(&mut connection, &broken).is_err());
        apply(&mut connection, &["CREATE TABLE a (x INTEGER)"]).unwrap();
    }
}
