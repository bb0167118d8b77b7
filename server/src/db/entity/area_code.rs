//! The codes an area had and has, by date.

use doorstep_core::ids::AreaId;
use sea_orm::entity::prelude::*;

/// A row of `area_code`.
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "area_code")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub area_id: AreaId,
    pub code: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub valid_from: Date,
    pub valid_to: Option<Date>,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
