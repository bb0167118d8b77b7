//! A database for each test: an SQLite file, or a schema of the PostgreSQL
//! that `TEST_DATABASE_URL` names.

use anyhow::Result;
use doorstep::db::Database;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

/// An empty database of the kind that the environment asks for.
pub(crate) struct TestDatabase {
    pub(crate) database: Database,
    kind: Kind,
}

enum Kind {
    Sqlite(std::path::PathBuf),
    Postgres(String),
}

impl TestDatabase {
    pub(crate) async fn create() -> Result<Self> {
        let name = format!("doorstep_{}", Uuid::new_v4().simple());
        let (url, kind) = match std::env::var("TEST_DATABASE_URL").ok().filter(|url| !url.is_empty()) {
            None => {
                let folder = std::env::temp_dir().join(&name);
                std::fs::create_dir_all(&folder)?;
                (format!("sqlite://{}", folder.join("doorstep.db").display()), Kind::Sqlite(folder))
            }
            Some(url) => {
                let connection = sea_orm::Database::connect(&url).await?;
                connection.execute_unprepared(&format!("CREATE SCHEMA {name}")).await?;
                let separator = if url.contains('?') { '&' } else { '?' };
                (format!("{url}{separator}options[search_path]={name}"), Kind::Postgres(name))
            }
        };
        let database = Database::connect(&url).await?;
        database.migrate().await?;
        Ok(Self { database, kind })
    }

    pub(crate) async fn remove(self) -> Result<()> {
        match self.kind {
            Kind::Sqlite(folder) => {
                self.database.close().await;
                std::fs::remove_dir_all(folder)?;
            }
            Kind::Postgres(schema) => {
                self.database.read().execute_unprepared(&format!("DROP SCHEMA {schema} CASCADE")).await?;
                self.database.close().await;
            }
        }
        Ok(())
    }
}
