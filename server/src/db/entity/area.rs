//! The area tree. Never reused, whatever happens to an area's code.

use doorstep_core::area::{AreaLevel, AreaPath};
use doorstep_core::ids::AreaId;
use sea_orm::entity::prelude::*;

/// A row of `area`.
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "area")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AreaId,
    pub county: String,
    pub parent_id: Option<AreaId>,
    pub level: AreaLevel,
    pub name: String,
    /// `/root/…/area/`.
    pub path: AreaPath,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
