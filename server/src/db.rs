//! The database: one handle to read, one way to write.
//!
//! Every write transaction begins in [`Database::write`] and nowhere else:
//! `BEGIN IMMEDIATE` on SQLite (a deferred one that reads first and writes
//! later fails under load), READ COMMITTED on PostgreSQL, and both run again
//! when the database says that they met somebody else's.

use std::sync::Arc;
use std::time::Duration;

use doorstep_core::sync::{Epoch, Rule, Rules};
use doorstep_migrations::{Migrator, MigratorTrait};
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    AccessMode, ActiveModelTrait, ConnectOptions, ConnectionTrait, DatabaseConnection, DatabaseTransaction,
    DbBackend, DbErr, EntityTrait, IntoActiveModel, IsolationLevel, Select, Set, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};
use thiserror::Error;

use crate::clock::Clock;
use crate::error::Error as RequestError;

pub mod entity;
pub mod failure;
mod transaction;

use entity::server_state;
use failure::Failure;
pub use transaction::{Moment, Transaction, Watcher};

/// How often a write that met another one is tried.
const WRITE_ATTEMPTS_MAX: u32 = 6;
const WRITE_RETRY_DELAY: Duration = Duration::from_millis(15);
const CONNECTIONS_MAX: u32 = 16;
/// Each is a thread with pages and compiled statements of its own, some
/// megabytes; more than read at once on a few cores only take turns.
const SQLITE_CONNECTIONS_MAX: u32 = 8;
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The row of `server_state`.
const SERVER_STATE: i32 = 1;
/// Names the lock under which copies of the server migrate one by one.
const MIGRATION_LOCK: i64 = 0x646f_6f72_7374_6570;

/// Why the server cannot work with its database. Each says what to do.
#[derive(Debug, Error)]
pub enum DatabaseError {
    #[error(
        "the database address is neither sqlite: nor postgres: ({0}); write DATABASE_URL like \
         postgres://user:password@host/name, or leave it out to use a file in the data folder"
    )]
    Address(String),
    #[error("the database at {place} cannot be reached ({cause}); check the address, and that it is running")]
    Unreachable { place: String, cause: DbErr },
    #[error(
        "the database file {place} cannot be opened ({cause}); check that it is a Doorstep database and that this user may write it"
    )]
    Unopenable { place: String, cause: DbErr },
    #[error(
        "the database is newer than this server (it has the migration {migration}); install that \
         version of Doorstep or a newer one, or restore a backup made by this one"
    )]
    Newer { migration: String },
    #[error("the database could not be prepared ({0}); nothing was changed")]
    Preparation(#[from] DbErr),
}

/// The database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Database {
    connection: DatabaseConnection,
    /// SQLite has one writer: a queue in this process is fairer and quicker
    /// than its busy timeout.
    one_writer: Option<Arc<tokio::sync::Mutex<()>>>,
    rules: Rules,
    watcher: Option<Watcher>,
}

impl Database {
    /// Connects, without touching what is there.
    ///
    /// # Errors
    /// When the address is of no known kind, or nothing answers there.
    pub async fn connect(url: &str) -> Result<Self, DatabaseError> {
        let sqlite = url.starts_with("sqlite:");
        if !sqlite && !url.starts_with("postgres:") && !url.starts_with("postgresql:") {
            return Err(DatabaseError::Address(without_password(url)));
        }
        let mut options = ConnectOptions::new(url);
        options
            .max_connections(if sqlite { SQLITE_CONNECTIONS_MAX } else { CONNECTIONS_MAX })
            // A file does not go away, and to ask costs as much as to read.
            .test_before_acquire(!sqlite)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .sqlx_logging(false)
            .map_sqlx_sqlite_opts(|options| {
                options
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full)
                    .busy_timeout(BUSY_TIMEOUT)
            });
        let connection = sea_orm::Database::connect(options).await.map_err(|cause| {
            let place = without_password(url);
            if sqlite {
                DatabaseError::Unopenable { place, cause }
            } else {
                DatabaseError::Unreachable { place, cause }
            }
        })?;
        Ok(Self { connection, one_writer: sqlite.then(Arc::default), rules: Rules::ALL, watcher: None })
    }

    /// The same database in a simulation: it may leave out a rule of sync, and
    /// has a say around every commit.
    #[must_use]
    pub fn in_simulation(self, rules: Rules, watcher: Option<Watcher>) -> Self {
        Self { rules, watcher, ..self }
    }

    /// For reading, outside of a transaction.
    pub fn read(&self) -> &DatabaseConnection {
        &self.connection
    }

    /// Runs `work` in a write transaction and commits when it succeeds. It
    /// may run more than once, so it has no effects but on the transaction.
    ///
    /// # Errors
    /// What `work` answers; `unavailable` when it met other writers too often.
    pub async fn write<T>(
        &self,
        work: impl AsyncFn(&Transaction) -> Result<T, RequestError>,
    ) -> Result<T, RequestError> {
        let mut attempt = 1;
        loop {
            match self.attempt(&work).await {
                Err(error) if error.met_another_writer() && attempt < WRITE_ATTEMPTS_MAX => {
                    tracing::debug!(attempt, "a write met another one and is tried again");
                    // Two that met each other must not meet again.
                    let jitter_ms = u64::from(uuid::Uuid::new_v4().as_bytes()[0]) / 8;
                    let delay = WRITE_RETRY_DELAY * 2_u32.pow(attempt) + Duration::from_millis(jitter_ms);
                    tokio::time::sleep(delay).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    async fn attempt<T>(
        &self,
        work: impl AsyncFn(&Transaction) -> Result<T, RequestError>,
    ) -> Result<T, RequestError> {
        let _turn = match &self.one_writer {
            Some(queue) => Some(queue.lock().await),
            None => None,
        };
        let transaction = self.connection.begin_with_options(self.write_options()).await?;
        let transaction = Transaction::new(transaction, self.rules);
        match work(&transaction).await {
            Ok(value) => {
                self.reach(Moment::BeforeCommit).await;
                transaction.into_inner().commit().await?;
                self.reach(Moment::AfterCommit).await;
                Ok(value)
            }
            Err(error) => {
                if let Err(failure) = transaction.into_inner().rollback().await {
                    tracing::warn!(%failure, "a transaction could not be rolled back");
                }
                Err(error)
            }
        }
    }

    async fn reach(&self, moment: Moment) {
        if let Some(watcher) = &self.watcher {
            watcher.reach(moment).await;
        }
    }

    /// Runs `work` over one state of the database: whatever others commit
    /// meanwhile, all that it reads belongs together.
    ///
    /// # Errors
    /// What `work` answers.
    pub async fn snapshot<T>(
        &self,
        work: impl AsyncFnOnce(&DatabaseTransaction) -> Result<T, RequestError>,
    ) -> Result<T, RequestError> {
        let transaction = self.connection.begin_with_options(self.snapshot_options()).await?;
        let result = work(&transaction).await;
        // Nothing was written: how it ends is of no account.
        if let Err(failure) = transaction.rollback().await {
            tracing::warn!(%failure, "a reading transaction could not be ended");
        }
        result
    }

    fn snapshot_options(&self) -> TransactionOptions {
        match self.connection.get_database_backend() {
            DbBackend::Sqlite => TransactionOptions {
                sqlite_transaction_mode: Some(SqliteTransactionMode::Deferred),
                ..TransactionOptions::default()
            },
            _ => TransactionOptions {
                isolation_level: Some(IsolationLevel::RepeatableRead),
                access_mode: Some(AccessMode::ReadOnly),
                ..TransactionOptions::default()
            },
        }
    }

    fn write_options(&self) -> TransactionOptions {
        match self.connection.get_database_backend() {
            DbBackend::Sqlite => TransactionOptions {
                sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
                ..TransactionOptions::default()
            },
            _ => TransactionOptions {
                isolation_level: Some(IsolationLevel::ReadCommitted),
                ..TransactionOptions::default()
            },
        }
    }

    /// Brings the schema up to this build: all of it, or nothing. Copies of
    /// the server that start together take turns.
    ///
    /// # Errors
    /// When the database is newer than this build, or refuses.
    pub async fn migrate(&self) -> Result<(), DatabaseError> {
        let _turn = match &self.one_writer {
            Some(queue) => Some(queue.lock().await),
            None => None,
        };
        let transaction = self.connection.begin_with_options(self.write_options()).await?;
        if transaction.get_database_backend() == DbBackend::Postgres {
            transaction
                .execute_unprepared(&format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
                .await?;
        }
        let known: Vec<String> =
            Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect();
        let applied = Migrator::get_migration_models(&transaction).await?;
        if let Some(unknown) = applied.into_iter().find(|row| !known.contains(&row.version)) {
            return Err(DatabaseError::Newer { migration: unknown.version });
        }
        Migrator::up(&transaction, None).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Which life of the database this is. The first start begins one.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn epoch(&self, clock: &Clock) -> Result<Epoch, RequestError> {
        let started_at_ms = clock.now().timestamp_millis();
        self.write(async |transaction| {
            if let Some(state) = server_state::Entity::find_by_id(SERVER_STATE).one(transaction).await? {
                return Ok(Epoch(state.epoch));
            }
            let state = server_state::ActiveModel { id: Set(SERVER_STATE), epoch: Set(started_at_ms) };
            Ok(Epoch(state.insert(transaction).await?.epoch))
        })
        .await
    }

    /// Begins a new life after a restore: phones then count what they still
    /// hold as unsent.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn begin_epoch(&self, clock: &Clock) -> Result<Epoch, RequestError> {
        let old = self.epoch(clock).await?;
        if !self.rules.hold(Rule::NewEpoch) {
            return Ok(old);
        }
        let new = clock.now().timestamp_millis().max(old.0 + 1);
        self.write(async |transaction| {
            if let Some(state) = server_state::Entity::find_by_id(SERVER_STATE).one(transaction).await? {
                let mut state = state.into_active_model();
                state.epoch = Set(new);
                state.update(transaction).await?;
            }
            Ok(Epoch(new))
        })
        .await
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), DbErr> {
        self.connection.ping().await
    }

    /// Closes every connection.
    pub async fn close(self) {
        if let Err(failure) = self.connection.close().await {
            tracing::warn!(%failure, "the database did not close cleanly");
        }
    }
}

impl From<DbErr> for RequestError {
    fn from(cause: DbErr) -> Self {
        Failure::of(&cause).into_error(cause)
    }
}

/// The row that a condition on a whole key finds.
///
/// `one` asks for a single row by `LIMIT ?`, and SQLite compiles a statement
/// anew whenever that number is bound: under many uploads it spent two fifths
/// of its time with that.
///
/// # Errors
/// When the database refuses.
pub(crate) async fn only<E: EntityTrait>(
    of_a_key: Select<E>,
    connection: &impl ConnectionTrait,
) -> Result<Option<E::Model>, DbErr> {
    Ok(of_a_key.all(connection).await?.pop())
}

/// A database's address as it may be shown and logged.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    match rest.rsplit_once('@') {
        Some((user, place)) => {
            let user = user.split_once(':').map_or(user, |(user, _)| user);
            format!("{scheme}://{user}@{place}")
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        assert_eq!(without_password("postgres://me:se:cr@t@host/db"), "postgres://me@host/db");
        assert_eq!(without_password("sqlite:///var/x.db"), "sqlite:///var/x.db");
        assert_eq!(without_password("mysql:whatever"), "mysql:whatever");
    }
}
