//! Files by content.

use doorstep_core::hash::ContentHash;
use doorstep_core::media::QuarantineReason;
use sea_orm::entity::prelude::*;

/// A row of `media`.
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "media")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub sha256: ContentHash,
    pub county: String,
    pub size_bytes: i64,
    pub content_type: String,
    pub width_px: i32,
    pub height_px: i32,
    pub store_key: String,
    pub thumbnail_key: Option<String>,
    pub stored_at: DateTimeUtc,
    /// When somebody looked into it; until then nobody knows what it is.
    pub examined_at: Option<DateTimeUtc>,
    pub quarantine: Option<QuarantineReason>,
    pub preview_key: Option<String>,
    /// Sixty-four bits that are alike for pictures that look alike.
    pub fingerprint: Option<i64>,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
