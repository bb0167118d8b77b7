//! When a phone that had sent something began from nothing.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::timestamp_with_time_zone_null;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::alter()
            .table(Alias::new("device"))
            .add_column(timestamp_with_time_zone_null("storage_recreated_at"))
            .to_owned();
        manager.alter_table(table).await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        // A migration never loses data.
        Err(DbErr::Migration("what phones have lost stays noted: restore a backup instead".to_owned()))
    }
}
