//! One login on one device. Refresh tokens are stored hashed.

use doorstep_core::ids::{DeviceId, SessionId, UserId};
use sea_orm::entity::prelude::*;

/// A row of `session`.
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "session")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SessionId,
    pub user_id: UserId,
    pub device_id: DeviceId,
    /// SHA-256 of the token that works now.
    pub refresh_token_hash: String,
    /// SHA-256 of the token before it.
    pub previous_token_hash: Option<String>,
    pub created_at: DateTimeUtc,
    pub refreshed_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    pub revoked_at: Option<DateTimeUtc>,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl Related<super::device::Entity> for Entity {
    fn to() -> RelationDef {
        Entity::belongs_to(super::device::Entity).from(Column::DeviceId).to(super::device::Column::Id).into()
    }
}

impl ActiveModelBehavior for ActiveModel {}
