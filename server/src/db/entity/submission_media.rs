//! The files that a submission expects, and when each arrived.

use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{MediaId, SubmissionId};
use sea_orm::entity::prelude::*;

/// A row of `submission_media`.
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "submission_media")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub submission_id: SubmissionId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub media_id: MediaId,
    pub path: String,
    pub file_name: String,
    pub sha256: ContentHash,
    pub size_bytes: i64,
    pub content_type: String,
    pub stored_at: Option<DateTimeUtc>,
    /// The photo that this is a small picture of. Nobody waits for it.
    pub preview_of: Option<MediaId>,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
