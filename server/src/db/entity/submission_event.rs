//! What became of a submission, step by step.

use doorstep_core::ids::{EventId, SubmissionId, UserId};
use doorstep_core::submission::SubmissionState;
use sea_orm::entity::prelude::*;

/// A row of `submission_event`.
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "submission_event")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EventId,
    pub submission_id: SubmissionId,
    pub actor_id: UserId,
    pub state: SubmissionState,
    pub at: DateTimeUtc,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
