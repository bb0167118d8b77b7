//! The published pack.

use doorstep_core::pack::Pack;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use crate::db::entity::pack_version;
use crate::error::Result;

/// The pack that is in force in a county.
///
/// # Errors
/// When the database refuses.
pub async fn current(connection: &impl ConnectionTrait, county: &str) -> Result<Option<Pack>> {
    let definition: Option<String> = pack_version::Entity::find()
        .select_only()
        .column(pack_version::Column::Definition)
        .filter(pack_version::Column::County.eq(county))
        .filter(pack_version::Column::Current.eq(true))
        .into_tuple()
        .one(connection)
        .await?;
    Ok(definition.map(|definition| serde_json::from_str(&definition)).transpose()?)
}
