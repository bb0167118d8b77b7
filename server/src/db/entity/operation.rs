//! Everything that phones pushed, with what became of it.

use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{DeviceId, OperationId, SubmissionId, UserId};
use sea_orm::entity::prelude::*;

/// A row of `operation`.
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "operation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub op_id: OperationId,
    pub county: String,
    pub device_id: DeviceId,
    pub seq: i64,
    pub user_id: UserId,
    pub kind: String,
    /// The body's version.
    pub v: i32,
    /// By the phone's clock, as it wrote it.
    pub at: String,
    pub skew_ms: Option<i64>,
    pub body: String,
    pub sha256: ContentHash,
    pub received_at: DateTimeUtc,
    pub outcome: String,
    pub park_reason: Option<String>,
    /// `case:{id}`, `form_version:{id}`, …: what a parked one waits for.
    pub waits_for: Option<String>,
    pub submission_id: Option<SubmissionId>,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
