//! Uploads under way, and who writes each.

use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{MediaId, UserId};
use sea_orm::entity::prelude::*;

/// A row of `upload`.
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "upload")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub media_id: MediaId,
    pub user_id: UserId,
    pub sha256: ContentHash,
    pub size_bytes: i64,
    /// What is durable.
    pub offset_bytes: i64,
    /// Its pieces, in order, as JSON.
    pub parts: String,
    /// `Upload-Metadata` as it came.
    pub metadata: String,
    /// The key of a sealed file, sealed itself, as JSON. Nothing: the bytes
    /// are the file.
    pub sealed_key: Option<String>,
    pub began_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    /// Whoever writes now, until when without another word of theirs.
    pub writer: Option<Uuid>,
    pub writer_until: Option<DateTimeUtc>,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
