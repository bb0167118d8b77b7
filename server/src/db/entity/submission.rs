//! What was captured, and where it stands.

use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{CaseId, DeviceId, FormVersionId, SubmissionId, TaskId, UserId};
use doorstep_core::submission::SubmissionState;
use sea_orm::entity::prelude::*;

/// A row of `submission`.
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "submission")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SubmissionId,
    pub county: String,
    pub root_id: SubmissionId,
    pub revision: i32,
    pub form_version_id: FormVersionId,
    pub form_id: String,
    pub case_id: CaseId,
    pub task_id: Option<TaskId>,
    pub case_version: i64,
    pub author_id: UserId,
    pub device_id: DeviceId,
    pub state: SubmissionState,
    /// JSON: the `SubmissionContent` as it was received.
    pub content: String,
    pub sha256: ContentHash,
    /// JSON: what the server's own evaluation made of it.
    pub verified_instance: String,
    /// JSON: a list of `FormProblem`.
    pub form_problems: String,
    /// JSON: a list of `Difference`.
    pub differences: String,
    pub alert_level: i16,
    /// JSON: a list of words.
    pub alert_codes: String,
    pub finished_at: DateTimeUtc,
    pub received_at: DateTimeUtc,
    pub decided_at: Option<DateTimeUtc>,
    pub decided_by: Option<UserId>,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
