//! The last number of each county's outbox.

use sea_orm::entity::prelude::*;

/// A row of `outbox_counter`.
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "outbox_counter")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub county: String,
    pub last_number: i64,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
