//! The server's keys to which phones seal a copy of their data key.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{string, text, timestamp_with_time_zone};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(Alias::new("sealing_key"))
            .col(string("id").primary_key())
            .col(text("private_key"))
            .col(text("public_key"))
            .col(timestamp_with_time_zone("created_at"))
            .to_owned();
        manager.create_table(table).await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        // A migration never loses data (DESIGN §12), and without these keys
        // nobody could open what phones have sealed.
        Err(DbErr::Migration("the sealing keys are not thrown away: restore a backup instead".to_owned()))
    }
}
