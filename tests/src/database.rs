//! A database for each test.
//!
//! `TEST_DATABASE_URL` unset: an SQLite file in a folder of its own. Set to a
//! `postgres://` address: a schema of its own, dropped at the end. The server
//! migrates either, so no test can tell which it is.

use anyhow::{Context, Result};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use tempfile::TempDir;

/// The variable that names a PostgreSQL database to test on.
pub const VARIABLE: &str = "TEST_DATABASE_URL";

/// Somebody who still holds a lock on the schema is not worth waiting for.
const LOCK_TIMEOUT_S: u32 = 10;

/// A database that goes away with the test.
#[derive(Debug)]
pub struct TestDatabase {
    url: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Sqlite { _folder: TempDir },
    Postgres { server_url: String, schema: String },
}

impl TestDatabase {
    /// An empty database of the kind that the environment asks for.
    ///
    /// # Errors
    /// When the folder or the schema cannot be made.
    pub async fn create() -> Result<Self> {
        match std::env::var(VARIABLE) {
            Ok(url) if !url.is_empty() => Self::postgres(url).await,
            _ => Self::sqlite(),
        }
    }

    fn sqlite() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("doorstep-test-").tempdir()?;
        let url = format!("sqlite://{}", folder.path().join("doorstep.db").display());
        Ok(Self { url, kind: Kind::Sqlite { _folder: folder } })
    }

    async fn postgres(server_url: String) -> Result<Self> {
        let schema = format!("test_{}", uuid::Uuid::new_v4().simple());
        let connection = Database::connect(&server_url)
            .await
            .with_context(|| format!("{VARIABLE} names no PostgreSQL that answers"))?;
        connection.execute_unprepared(&format!("CREATE SCHEMA {schema}")).await?;
        connection.close().await?;
        let separator = if server_url.contains('?') { '&' } else { '?' };
        let url = format!("{server_url}{separator}options[search_path]={schema}");
        Ok(Self { url, kind: Kind::Postgres { server_url, schema } })
    }

    /// Where it is, as `DATABASE_URL` says it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A connection besides the server's, for what no door of the product
    /// does: breaking things.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn connect(&self) -> Result<DatabaseConnection> {
        Ok(Database::connect(&self.url).await?)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Kind::Postgres { server_url, schema } = &self.kind else { return };
        let (server_url, schema) = (server_url.clone(), schema.clone());
        // Dropping happens inside of a runtime, which must not be blocked on;
        // a schema that stays behind harms nobody.
        let _ = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let connection = Database::connect(&server_url).await?;
                connection
                    .execute_unprepared(&format!(
                        "SET lock_timeout = '{LOCK_TIMEOUT_S}s'; DROP SCHEMA {schema} CASCADE"
                    ))
                    .await?;
                anyhow::Ok(())
            })
        })
        .join();
    }
}
