//! The area tree, its dated codes and its names.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use doorstep_core::area::{AreaLevel, AreaPath, AreaRecord};
use doorstep_core::ids::AreaId;
use doorstep_core::problem::ProblemCode;
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, Set};

use crate::db::entity::{area, area_code};
use crate::error::{Error, Result};

/// An area to be added.
#[derive(Clone, Debug)]
pub struct NewArea {
    pub id: AreaId,
    /// The six-digit code of the county: partition and shard key.
    pub county: String,
    pub parent: Option<AreaId>,
    pub level: AreaLevel,
    pub name: String,
    pub code: String,
    pub valid_from: NaiveDate,
}

/// Adds an area under its parent.
///
/// # Errors
/// When the parent is not there or is not above the new one's level.
pub async fn add(connection: &impl ConnectionTrait, new: NewArea) -> Result<AreaRecord> {
    let path = match new.parent {
        None => AreaPath::root(new.id),
        Some(parent) => {
            let parent = find(connection, parent).await?;
            if parent.level >= new.level {
                return Err(Error::problem(ProblemCode::InvalidRequest).detail(
                    "下级区域的层级必须低于上级。",
                    "An area must be of a lower level than its parent.",
                ));
            }
            parent.path.child(new.id)
        }
    };
    area::ActiveModel {
        id: Set(new.id),
        county: Set(new.county),
        parent_id: Set(new.parent),
        level: Set(new.level),
        name: Set(new.name.clone()),
        path: Set(path.clone()),
    }
    .insert(connection)
    .await?;
    area_code::ActiveModel {
        area_id: Set(new.id),
        code: Set(new.code.clone()),
        valid_from: Set(new.valid_from),
        valid_to: Set(None),
    }
    .insert(connection)
    .await?;
    Ok(AreaRecord { id: new.id, parent: new.parent, level: new.level, name: new.name, code: new.code, path })
}

/// An area's row.
///
/// # Errors
/// `not_found` when there is none.
pub async fn find(connection: &impl ConnectionTrait, id: AreaId) -> Result<area::Model> {
    Ok(area::Entity::find_by_id(id).one(connection).await?.ok_or(ProblemCode::NotFound)?)
}

/// An area's path.
///
/// # Errors
/// `not_found` when there is none.
pub async fn path(connection: &impl ConnectionTrait, id: AreaId) -> Result<AreaPath> {
    Ok(find(connection, id).await?.path)
}

/// The area that has `code` on `day`.
pub async fn find_by_code(
    connection: &impl ConnectionTrait,
    code: &str,
    day: NaiveDate,
) -> Result<Option<area::Model>> {
    let codes = area_code::Entity::find()
        .filter(area_code::Column::Code.eq(code))
        .filter(area_code::Column::ValidFrom.lte(day))
        .order_by_desc(area_code::Column::ValidFrom)
        .all(connection)
        .await?;
    let Some(code) = codes.into_iter().find(|row| row.valid_to.is_none_or(|last| day <= last)) else {
        return Ok(None);
    };
    Ok(area::Entity::find_by_id(code.area_id).one(connection).await?)
}

/// What people call the place, from the township down: `河湾镇 上河村 第一网格`.
/// Of an area above the townships: its own name.
pub async fn name(connection: &impl ConnectionTrait, id: AreaId) -> Result<String> {
    Ok(names(connection, &[id]).await?.remove(&id).unwrap_or_default())
}

/// [`name`] of many areas, in two queries. Unknown areas are left out.
pub async fn names(connection: &impl ConnectionTrait, ids: &[AreaId]) -> Result<HashMap<AreaId, String>> {
    let wanted =
        area::Entity::find().filter(area::Column::Id.is_in(ids.iter().copied())).all(connection).await?;
    let above: Vec<AreaId> = wanted.iter().flat_map(|area| area.path.areas()).collect();
    let known: HashMap<AreaId, area::Model> = area::Entity::find()
        .filter(area::Column::Id.is_in(above))
        .all(connection)
        .await?
        .into_iter()
        .map(|area| (area.id, area))
        .collect();
    Ok(wanted
        .into_iter()
        .map(|area| {
            let name = if area.level < AreaLevel::Township {
                area.name.clone()
            } else {
                area.path
                    .areas()
                    .filter_map(|id| known.get(&id))
                    .filter(|above| above.level >= AreaLevel::Township)
                    .map(|above| above.name.as_str())
                    .collect::<Vec<_>>()
                    .join(" ")
            };
            (area.id, name)
        })
        .collect())
}

/// Areas as phones learn them, with the codes that are valid on `day`.
pub async fn records(
    connection: &impl ConnectionTrait,
    ids: &[AreaId],
    day: NaiveDate,
) -> Result<Vec<AreaRecord>> {
    let rows = area::Entity::find()
        .filter(area::Column::Id.is_in(ids.iter().copied()))
        .order_by_asc(area::Column::Path)
        .all(connection)
        .await?;
    let codes: BTreeMap<AreaId, String> = area_code::Entity::find()
        .filter(area_code::Column::AreaId.is_in(ids.iter().copied()))
        .filter(area_code::Column::ValidFrom.lte(day))
        .order_by_asc(area_code::Column::ValidFrom)
        .all(connection)
        .await?
        .into_iter()
        .filter(|row| row.valid_to.is_none_or(|last| day <= last))
        .map(|row| (row.area_id, row.code))
        .collect();
    Ok(rows
        .into_iter()
        .map(|area| AreaRecord {
            code: codes.get(&area.id).cloned().unwrap_or_default(),
            id: area.id,
            parent: area.parent_id,
            level: area.level,
            name: area.name,
            path: area.path,
        })
        .collect())
}

/// Every area of a county that lies in `path`, from the top down.
pub async fn within(connection: &impl ConnectionTrait, path: &AreaPath) -> Result<Vec<area::Model>> {
    Ok(area::Entity::find()
        .filter(area::Column::Path.starts_with(&path.0))
        .order_by_asc(area::Column::Path)
        .all(connection)
        .await?)
}

/// The codes of the counties in this database.
pub async fn counties(connection: &impl ConnectionTrait) -> Result<Vec<String>> {
    let mut codes: Vec<String> = area::Entity::find()
        .filter(area::Column::Level.eq(AreaLevel::County))
        .all(connection)
        .await?
        .into_iter()
        .map(|area| area.county)
        .collect();
    codes.sort();
    codes.dedup();
    Ok(codes)
}
