//! What devices sign of what they push.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{boolean, string, string_null, text, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let name = Alias::new("evidence");
        let table = Table::create()
            .table(name.clone())
            .col(uuid("op_id").primary_key())
            .col(uuid("signed_op_id"))
            .col(uuid("device_id"))
            .col(string("sha256"))
            .col(string_null("previous"))
            .col(string("link"))
            .col(text("signature"))
            .col(boolean("valid"))
            .to_owned();
        manager.create_table(table).await?;
        for column in ["previous", "link"] {
            let index = Index::create()
                .name(format!("ix_evidence_device_id_{column}"))
                .table(name.clone())
                .col(Alias::new("device_id"))
                .col(Alias::new(column))
                .to_owned();
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        // A migration never loses data, and this is what shows that data is whole.
        Err(DbErr::Migration("evidence is not thrown away: restore a backup instead".to_owned()))
    }
}
