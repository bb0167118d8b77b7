//! Remarks of reviewers.

use doorstep_core::ids::{CommentId, SubmissionId, UserId};
use sea_orm::entity::prelude::*;

/// A row of `submission_comment`.
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "submission_comment")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CommentId,
    pub submission_id: SubmissionId,
    pub path: Option<String>,
    pub text: String,
    pub author_id: UserId,
    pub at: DateTimeUtc,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
