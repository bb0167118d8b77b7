//! Lists that a form version draws on.

use doorstep_core::ids::FormVersionId;
use sea_orm::entity::prelude::*;

/// A row of `form_list`.
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "form_list")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub form_version_id: FormVersionId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub file_name: String,
    pub content: String,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
