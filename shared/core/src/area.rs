//! The area tree: 省 → 市 → 县 → 镇街 → 村(社区) → 网格.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::AreaId;

/// How deep an area lies in the tree.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ids", derive(sea_orm::DeriveValueType), sea_orm(value_type = "String"))]
pub enum AreaLevel {
    /// 省.
    Province,
    /// 市.
    Prefecture,
    /// 县.
    County,
    /// 镇街.
    Township,
    /// 村(社区).
    Village,
    /// 网格.
    Grid,
}

impl AreaLevel {
    /// The stable word stored in the database.
    pub fn code(self) -> &'static str {
        match self {
            Self::Province => "province",
            Self::Prefecture => "prefecture",
            Self::County => "county",
            Self::Township => "township",
            Self::Village => "village",
            Self::Grid => "grid",
        }
    }
}

impl fmt::Display for AreaLevel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

impl FromStr for AreaLevel {
    type Err = UnknownAreaLevel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Province, Self::Prefecture, Self::County, Self::Township, Self::Village, Self::Grid]
            .into_iter()
            .find(|level| level.code() == text)
            .ok_or_else(|| UnknownAreaLevel(text.to_owned()))
    }
}

/// A level that is none of the six.
#[derive(Debug, thiserror::Error)]
#[error("unknown area level {0:?}; expected province, prefecture, county, township, village or grid")]
pub struct UnknownAreaLevel(pub String);

/// The identifiers from the root down to an area, `/root/…/area/`: an area
/// lies in another when its path starts with the other's.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
#[cfg_attr(feature = "ids", derive(sea_orm::DeriveValueType))]
pub struct AreaPath(pub String);

impl AreaPath {
    /// The path of a root area.
    pub fn root(area: AreaId) -> Self {
        Self(format!("/{area}/"))
    }

    /// The path of a child of this area.
    #[must_use]
    pub fn child(&self, area: AreaId) -> Self {
        Self(format!("{}{area}/", self.0))
    }

    /// The areas on the way from the root down to this one, itself included.
    pub fn areas(&self) -> impl Iterator<Item = AreaId> + '_ {
        self.0.split('/').filter_map(|part| part.parse().ok())
    }

    /// Whether `other` is this area or lies within it.
    pub fn contains(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }
}

impl fmt::Display for AreaPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// An area as phones learn it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct AreaRecord {
    pub id: AreaId,
    pub parent: Option<AreaId>,
    pub level: AreaLevel,
    pub name: String,
    /// The code that is valid today. Codes change; never use one as a key.
    pub code: String,
    pub path: AreaPath,
}
