//! One user's installation on one phone, and the public half of its key.

use doorstep_core::ids::{DeviceId, UserId};
use sea_orm::entity::prelude::*;

/// A row of `device`.
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "device")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DeviceId,
    pub user_id: UserId,
    pub name: String,
    /// ECDSA P-256, uncompressed SEC 1 point, base64url.
    pub public_key: String,
    /// The last operation that was stored.
    pub last_seq: i64,
    pub registered_at: DateTimeUtc,
    pub last_seen_at: DateTimeUtc,
    pub revoked_at: Option<DateTimeUtc>,
    /// When it last began from nothing although it had sent operations.
    pub storage_recreated_at: Option<DateTimeUtc>,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl Related<super::user::Entity> for Entity {
    fn to() -> RelationDef {
        Entity::belongs_to(super::user::Entity).from(Column::UserId).to(super::user::Column::Id).into()
    }
}

impl ActiveModelBehavior for ActiveModel {}
