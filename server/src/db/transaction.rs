//! A write transaction, the rules that it goes by, and the two moments at
//! which a simulation can end the server.

use std::fmt;
use std::sync::Arc;

use doorstep_core::sync::Rules;
use futures::future::BoxFuture;
use sea_orm::prelude::async_trait::async_trait;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement};

/// A write transaction. [`super::Database::write`] begins it, and commits it.
#[derive(Debug)]
pub struct Transaction {
    inner: DatabaseTransaction,
    rules: Rules,
}

impl Transaction {
    pub(super) fn new(inner: DatabaseTransaction, rules: Rules) -> Self {
        Self { inner, rules }
    }

    pub(super) fn into_inner(self) -> DatabaseTransaction {
        self.inner
    }

    /// The rules of sync that it goes by: all, but in a simulation.
    pub(crate) fn rules(&self) -> Rules {
        self.rules
    }
}

#[async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        self.inner.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.inner.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.inner.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.inner.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.inner.query_all_raw(statement).await
    }
}

/// Where a write transaction stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Moment {
    /// Everything is written and nothing of it is there for others.
    BeforeCommit,
    /// It is there for good, and nobody was told.
    AfterCommit,
}

/// What is waited for at these moments. A simulation that ends the server at
/// one of them waits for ever, and drops the request.
#[derive(Clone)]
pub struct Watcher(Arc<dyn Fn(Moment) -> BoxFuture<'static, ()> + Send + Sync>);

impl Watcher {
    /// One that is asked at every moment what to wait for.
    pub fn new(wait: impl Fn(Moment) -> BoxFuture<'static, ()> + Send + Sync + 'static) -> Self {
        Self(Arc::new(wait))
    }

    pub(super) async fn reach(&self, moment: Moment) {
        (self.0)(moment).await;
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Watcher")
    }
}
