//! Files in the store that the database does not know: a server was ended
//! after it had put one there and before it had entered it.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{string, timestamp_with_time_zone};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(Alias::new("media_orphan"))
            .col(string("sha256").primary_key())
            .col(timestamp_with_time_zone("found_at"))
            .to_owned();
        manager.create_table(table).await?;
        // Few of a million files are waited for.
        manager
            .get_connection()
            .execute_unprepared(
                "CREATE INDEX ix_submission_media_waiting ON submission_media (sha256) WHERE stored_at IS NULL",
            )
            .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // What was found is found again.
        manager.get_connection().execute_unprepared("DROP INDEX ix_submission_media_waiting").await?;
        manager.drop_table(Table::drop().table(Alias::new("media_orphan")).to_owned()).await
    }
}
