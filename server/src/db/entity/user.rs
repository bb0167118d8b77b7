//! People with an account.

use doorstep_core::ids::UserId;
use sea_orm::entity::prelude::*;

/// A row of `user`.
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "user")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UserId,
    pub county: String,
    pub login_name: String,
    pub display_name: String,
    /// Argon2id, as a PHC string.
    pub password_hash: String,
    /// Wrong passwords since the last right one.
    pub failed_logins: i32,
    pub locked_until: Option<DateTimeUtc>,
    pub disabled_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
