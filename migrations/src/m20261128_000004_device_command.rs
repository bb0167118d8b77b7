//! What administrators ask of phones from afar, and what phones say they did.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    integer, string, timestamp_with_time_zone, timestamp_with_time_zone_null, uuid, uuid_null,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let name = Alias::new("device_command");
        let table = Table::create()
            .table(name.clone())
            .col(uuid("id").primary_key())
            .col(uuid("device_id"))
            .col(string("kind"))
            .col(uuid_null("asked_by"))
            .col(timestamp_with_time_zone("asked_at"))
            .col(timestamp_with_time_zone_null("withdrawn_at"))
            .col(timestamp_with_time_zone_null("seen_at"))
            .col(timestamp_with_time_zone_null("done_at"))
            .col(integer("visits_left"))
            .col(integer("files_left"))
            .col(integer("drafts_left"))
            .to_owned();
        manager.create_table(table).await?;
        let index = Index::create()
            .name("ix_device_command_device_id")
            .table(name)
            .col(Alias::new("device_id"))
            .to_owned();
        manager.create_index(index).await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        // A migration never loses data, and this is the record of who had a
        // phone wiped.
        Err(DbErr::Migration("commands to phones are not thrown away: restore a backup instead".to_owned()))
    }
}
