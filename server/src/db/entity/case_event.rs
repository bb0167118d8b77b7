//! The ledger's append-only log. Written by `cases` alone.

use doorstep_core::ids::{CaseId, EventId, SubmissionId, UserId};
use sea_orm::entity::prelude::*;

/// A row of `case_event`.
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "case_event")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EventId,
    pub county: String,
    pub case_id: CaseId,
    pub version: i64,
    pub submission_id: Option<SubmissionId>,
    pub actor_id: UserId,
    pub at: DateTimeUtc,
    /// JSON: a `CaseAction`.
    pub action: String,
    /// JSON: a list of `PropertyChange`.
    pub changes: String,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
