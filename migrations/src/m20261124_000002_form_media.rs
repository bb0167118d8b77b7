//! Files beside the words of a form: pictures, sounds, films. The table that
//! had this name holds lists, and is called so now.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, string, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let (lists, media) = (Alias::new("form_list"), Alias::new("form_media"));
        manager.rename_table(Table::rename().table(media.clone(), lists).to_owned()).await?;
        let mut key = Index::create();
        key.primary().col(Alias::new("form_version_id")).col(Alias::new("file_name"));
        let table = Table::create()
            .table(media.clone())
            .col(uuid("form_version_id"))
            .col(string("file_name"))
            .col(string("sha256"))
            .col(big_integer("size_bytes"))
            .col(string("content_type"))
            .primary_key(&mut key)
            .to_owned();
        manager.create_table(table).await?;
        let index =
            Index::create().name("ix_form_media_sha256").table(media).col(Alias::new("sha256")).to_owned();
        manager.create_index(index).await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        // A migration never loses data.
        Err(DbErr::Migration("files of forms are not taken away: restore a backup instead".to_owned()))
    }
}
