//! What devices signed of what they pushed.

use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{DeviceId, OperationId};
use sea_orm::entity::prelude::*;

/// A row of `evidence`.
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "evidence")]
pub struct Model {
    /// Of the row in `operation`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub op_id: OperationId,
    /// What the device calls it.
    pub signed_op_id: OperationId,
    /// The device that signed.
    pub device_id: DeviceId,
    pub sha256: ContentHash,
    /// The hash of the device's statement before.
    pub previous: Option<ContentHash>,
    /// The hash of this one.
    pub link: ContentHash,
    pub signature: String,
    /// Whether the signature was the device's when it came.
    pub valid: bool,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
