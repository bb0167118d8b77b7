//! Who has which role where, for one programme or (`None`) for all.

use doorstep_core::ids::{AreaId, MembershipId, UserId};
use doorstep_core::role::Role;
use sea_orm::entity::prelude::*;

/// A row of `membership`.
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "membership")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MembershipId,
    pub user_id: UserId,
    pub role: Role,
    pub area_id: AreaId,
    /// `None`: every programme.
    pub programme: Option<String>,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
