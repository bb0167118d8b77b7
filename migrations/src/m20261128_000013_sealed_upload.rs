//! Uploads of files that locked phones send and cannot read.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::string_null;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

fn table() -> Alias {
    Alias::new("upload")
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let change = Table::alter().table(table()).add_column(string_null("sealed_key")).to_owned();
        manager.alter_table(change).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Without its key, what came of them would pass for the file.
        manager
            .get_connection()
            .execute_unprepared("DELETE FROM upload WHERE sealed_key IS NOT NULL")
            .await?;
        let change = Table::alter().table(table()).drop_column(Alias::new("sealed_key")).to_owned();
        manager.alter_table(change).await
    }
}
