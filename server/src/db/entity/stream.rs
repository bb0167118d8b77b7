//! The counter of a change stream, bumped last in the writing transaction.

use doorstep_core::sync::StreamName;
use sea_orm::entity::prelude::*;

/// A row of `stream`.
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "stream")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: StreamName,
    pub last_seq: i64,
    /// The bits of a `StreamHash`.
    pub hash: i64,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
