//! What is to be done.

use doorstep_core::ids::{CaseId, SubmissionId, TaskId, UserId};
use doorstep_core::role::Role;
use doorstep_core::task::TaskState;
use sea_orm::entity::prelude::*;

/// A row of `task`.
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "task")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TaskId,
    pub county: String,
    pub case_id: CaseId,
    pub form_id: String,
    pub assignee: Option<UserId>,
    pub role: Role,
    pub opens_on: Date,
    pub due_on: Date,
    pub grace_until: Date,
    /// JSON: a `TaskOrigin`.
    pub origin: String,
    pub state: TaskState,
    pub submission_id: Option<SubmissionId>,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
