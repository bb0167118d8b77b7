//! Uploads under way, and what each person has sent on a day.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, date, string, text, timestamp_with_time_zone, timestamp_with_time_zone_null, uuid, uuid_null,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let name = || Alias::new("upload");
        let table = Table::create()
            .table(name())
            .col(uuid("id").primary_key())
            .col(uuid("media_id"))
            .col(uuid("user_id"))
            .col(string("sha256"))
            .col(big_integer("size_bytes"))
            .col(big_integer("offset_bytes"))
            .col(text("parts"))
            .col(text("metadata"))
            .col(timestamp_with_time_zone("began_at"))
            .col(timestamp_with_time_zone("expires_at"))
            .col(uuid_null("writer"))
            .col(timestamp_with_time_zone_null("writer_until"))
            .to_owned();
        manager.create_table(table).await?;
        let index = |columns: &[&'static str]| {
            let mut index = Index::create();
            index.name(format!("ix_upload_{}", columns.join("_"))).table(name());
            for column in columns {
                index.col(Alias::new(*column));
            }
            index
        };
        manager.create_index(index(&["media_id", "user_id"]).unique().to_owned()).await?;
        manager.create_index(index(&["user_id", "sha256"]).to_owned()).await?;
        manager.create_index(index(&["expires_at"]).to_owned()).await?;
        let mut key = Index::create();
        key.primary().col(Alias::new("user_id")).col(Alias::new("day"));
        let table = Table::create()
            .table(Alias::new("upload_day"))
            .col(uuid("user_id"))
            .col(date("day"))
            .col(big_integer("received_bytes"))
            .primary_key(&mut key)
            .to_owned();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // What was under way is still on the phones.
        manager.drop_table(Table::drop().table(Alias::new("upload")).to_owned()).await?;
        manager.drop_table(Table::drop().table(Alias::new("upload_day")).to_owned()).await
    }
}
