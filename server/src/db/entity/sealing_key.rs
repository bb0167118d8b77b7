//! The keys to which phones seal a copy of their data key, so that every copy of the server has them.

use sea_orm::entity::prelude::*;

/// A row of `sealing_key`.
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "sealing_key")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// P-256 scalar, 32 bytes, base64url.
    pub private_key: String,
    /// P-256, uncompressed SEC 1 point, base64url.
    pub public_key: String,
    pub created_at: DateTimeUtc,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
