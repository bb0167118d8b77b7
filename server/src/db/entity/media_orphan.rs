//! Files in the store that the database does not know.

use doorstep_core::hash::ContentHash;
use sea_orm::entity::prelude::*;

/// A row of `media_orphan`.
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "media_orphan")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub sha256: ContentHash,
    pub found_at: DateTimeUtc,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
