//! One published version of the pack.

use doorstep_core::ids::PackVersionId;
use sea_orm::entity::prelude::*;

/// A row of `pack_version`.
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "pack_version")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PackVersionId,
    pub county: String,
    pub version: String,
    pub workbook: Vec<u8>,
    /// JSON: a `Pack`.
    pub definition: String,
    pub current: bool,
    pub published_at: DateTimeUtc,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
