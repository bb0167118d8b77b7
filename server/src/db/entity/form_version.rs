//! One published version of a form: the workbook as it came, and what phones fetch.

use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{FormId, FormVersionId};
use sea_orm::entity::prelude::*;

/// A row of `form_version`.
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "form_version")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: FormVersionId,
    pub form: FormId,
    pub version: String,
    pub title_zh: String,
    pub title_en: String,
    pub workbook: Vec<u8>,
    /// What `GET /api/v1/form-versions/{id}` answers, byte for byte; `sha256` is its hash.
    pub bundle: Vec<u8>,
    pub sha256: ContentHash,
    pub current: bool,
    pub published_at: DateTimeUtc,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
