//! Files beside the words of a form version: pictures, sounds, films.

use doorstep_core::hash::ContentHash;
use doorstep_core::ids::FormVersionId;
use sea_orm::entity::prelude::*;

/// A row of `form_media`. The bytes are in the media store, by their hash.
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "form_media")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub form_version_id: FormVersionId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub file_name: String,
    pub sha256: ContentHash,
    pub size_bytes: i64,
    /// One that browsers show or play.
    pub content_type: String,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
