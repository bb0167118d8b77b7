//! Files that wait to be looked at.

use doorstep_core::hash::ContentHash;
use sea_orm::entity::prelude::*;

/// A row of `media_job`.
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "media_job")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub sha256: ContentHash,
    pub due_at: DateTimeUtc,
    /// How often somebody began and was never heard of again.
    pub attempts: i32,
    /// How often disk or database refused since it last went well.
    pub failures: i32,
    pub worker: Option<Uuid>,
    pub worker_until: Option<DateTimeUtc>,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
