//! The ledger as it stands: a projection of `case_event`. Written by `cases` alone.

use doorstep_core::case::CaseStatus;
use doorstep_core::ids::{AreaId, CaseId};
use sea_orm::entity::prelude::*;

/// A row of `case`.
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "case")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CaseId,
    pub county: String,
    pub kind: String,
    pub parent_id: Option<CaseId>,
    pub area_id: AreaId,
    pub label: String,
    pub status: CaseStatus,
    /// JSON: values by property name.
    pub properties: String,
    /// JSON: dates by form.
    pub last_visits: String,
    pub version: i64,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
