//! Files are looked at after they arrived: what waits for that, and what came
//! of it. Pictures that are here already are looked at again, for their second
//! size and their fingerprint.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer_null, integer, string, string_null, text_null, timestamp_with_time_zone,
    timestamp_with_time_zone_null, uuid_null,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column at a time.
        for mut column in [
            timestamp_with_time_zone_null("examined_at"),
            string_null("quarantine"),
            text_null("preview_key"),
            big_integer_null("fingerprint"),
        ] {
            let table = Table::alter().table(Alias::new("media")).add_column(&mut column).to_owned();
            manager.alter_table(table).await?;
        }
        let table = Table::create()
            .table(Alias::new("media_job"))
            .col(string("sha256").primary_key())
            .col(timestamp_with_time_zone("due_at"))
            .col(integer("attempts"))
            .col(integer("failures"))
            .col(uuid_null("worker"))
            .col(timestamp_with_time_zone_null("worker_until"))
            .to_owned();
        manager.create_table(table).await?;
        let index = Index::create()
            .name("ix_media_job_due_at")
            .table(Alias::new("media_job"))
            .col(Alias::new("due_at"))
            .to_owned();
        manager.create_index(index).await?;
        let index = Index::create()
            .name("ix_media_county_examined_at")
            .table(Alias::new("media"))
            .col(Alias::new("county"))
            .col(Alias::new("examined_at"))
            .to_owned();
        manager.create_index(index).await?;
        let connection = manager.get_connection();
        connection
            .execute_unprepared(
                "INSERT INTO media_job (sha256, due_at, attempts, failures) \
                 SELECT sha256, stored_at, 0, 0 FROM media WHERE thumbnail_key IS NOT NULL",
            )
            .await?;
        connection
            .execute_unprepared("UPDATE media SET examined_at = stored_at WHERE thumbnail_key IS NULL")
            .await?;
        Ok(())
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        // A migration never loses data, and this says which files are dangerous.
        Err(DbErr::Migration("what is in quarantine is not forgotten: restore a backup instead".to_owned()))
    }
}
