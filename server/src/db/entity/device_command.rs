//! Something that was asked of a device.

use doorstep_core::command::CommandKind;
use doorstep_core::ids::{CommandId, DeviceId, UserId};
use sea_orm::entity::prelude::*;

/// A row of `device_command`.
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "device_command")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CommandId,
    pub device_id: DeviceId,
    pub kind: CommandKind,
    /// Nobody: from the command line.
    pub asked_by: Option<UserId>,
    pub asked_at: DateTimeUtc,
    /// Taken back, or something else was asked since.
    pub withdrawn_at: Option<DateTimeUtc>,
    pub seen_at: Option<DateTimeUtc>,
    pub done_at: Option<DateTimeUtc>,
    /// What only the phone had when it last said so.
    pub visits_left: i32,
    pub files_left: i32,
    pub drafts_left: i32,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
