//! A small fictional county: two townships, three villages, four grids, an
//! account for each role and some that are next door.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use doorstep::area::{self, NewArea};
use doorstep::users::{self, NewUser};
use doorstep_core::api::LoginAnswer;
use doorstep_core::area::AreaLevel;
use doorstep_core::ids::{AreaId, UserId};
use doorstep_core::role::Role;
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::caller::Caller;
use crate::device::TestDevice;
use crate::phone::TestPhone;
use crate::server::TestServer;

/// The county's code.
pub const COUNTY: &str = "610199";
/// Everybody's password.
pub const PASSWORD: &str = "河湾镇 doorstep 2026";

/// The accounts: login name, display name, role, where, programme.
const ACCOUNTS: &[(&str, &str, Role, Place, Option<&str>)] = &[
    ("grid_worker", "王示例", Role::GridWorker, Place::Grid, None),
    ("next_worker", "李示例", Role::GridWorker, Place::NextGrid, None),
    ("far_worker", "张示例", Role::GridWorker, Place::FarGrid, None),
    ("child_director", "刘示例", Role::ChildDirector, Place::Village, Some("child")),
    ("investigator", "陈示例", Role::Investigator, Place::County, None),
    ("supervisor", "杨示例", Role::Supervisor, Place::Township, None),
    ("far_supervisor", "赵示例", Role::Supervisor, Place::FarTownship, None),
    ("child_supervisor", "黄示例", Role::Supervisor, Place::Township, Some("child")),
    ("county", "周示例", Role::County, Place::County, Some("elder")),
    ("inspector", "吴示例", Role::Inspector, Place::County, None),
    ("admin", "徐示例", Role::Admin, Place::County, None),
    ("auditor", "孙示例", Role::Auditor, Place::County, None),
    ("viewer", "马示例", Role::Viewer, Place::County, None),
];

/// The areas: place, above, level, name, code.
const AREAS: &[(Place, Option<Place>, AreaLevel, &str, &str)] = &[
    (Place::Province, None, AreaLevel::Province, "示例省", "61"),
    (Place::Prefecture, Some(Place::Province), AreaLevel::Prefecture, "示例市", "6101"),
    (Place::County, Some(Place::Prefecture), AreaLevel::County, "示例县", COUNTY),
    (Place::Township, Some(Place::County), AreaLevel::Township, "河湾镇", "610199101"),
    (Place::FarTownship, Some(Place::County), AreaLevel::Township, "岭南镇", "610199102"),
    (Place::Village, Some(Place::Township), AreaLevel::Village, "上河村", "610199101200"),
    (Place::NextVillage, Some(Place::Township), AreaLevel::Village, "柳家湾村", "610199101201"),
    (Place::FarVillage, Some(Place::FarTownship), AreaLevel::Village, "岭头村", "610199102200"),
    (Place::Grid, Some(Place::Village), AreaLevel::Grid, "第一网格", "610199101200001"),
    (Place::NextGrid, Some(Place::Village), AreaLevel::Grid, "第二网格", "610199101200002"),
    (Place::OtherGrid, Some(Place::NextVillage), AreaLevel::Grid, "第一网格", "610199101201001"),
    (Place::FarGrid, Some(Place::FarVillage), AreaLevel::Grid, "第一网格", "610199102200001"),
];

/// The places of the county, as seen from the grid worker's door.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Place {
    Province,
    Prefecture,
    County,
    Township,
    FarTownship,
    Village,
    /// In the same township.
    NextVillage,
    FarVillage,
    Grid,
    /// In the same village.
    NextGrid,
    /// In the next village; no grid worker has it.
    OtherGrid,
    FarGrid,
}

/// A county in a running server.
pub struct County {
    areas: BTreeMap<Place, AreaId>,
    users: BTreeMap<&'static str, UserId>,
}

impl County {
    /// Areas and accounts.
    ///
    /// # Errors
    /// When the server refuses one of them.
    pub async fn found(server: &TestServer) -> Result<Self> {
        let components = &server.components;
        let valid_from = "2020-01-01".parse()?;
        let hash = password_hash(server).await?;
        let now = components.clock.now();
        let ids: BTreeMap<Place, AreaId> =
            AREAS.iter().map(|(place, ..)| (*place, AreaId(Uuid::now_v7()))).collect();
        let accounts: BTreeMap<&str, UserId> =
            ACCOUNTS.iter().map(|(name, ..)| (*name, UserId(Uuid::now_v7()))).collect();
        let at = |place: Place| ids.get(&place).copied().unwrap_or(AreaId(Uuid::nil()));
        components
            .database
            .write(async |transaction| {
                for (place, parent, level, name, code) in AREAS {
                    let new = NewArea {
                        id: at(*place),
                        county: COUNTY.to_owned(),
                        parent: parent.map(at),
                        level: *level,
                        name: (*name).to_owned(),
                        code: (*code).to_owned(),
                        valid_from,
                    };
                    area::add(transaction, new).await?;
                }
                for (login_name, display_name, role, place, programme) in ACCOUNTS {
                    let Some(id) = accounts.get(login_name) else { continue };
                    let new = NewUser {
                        id: *id,
                        county: COUNTY.to_owned(),
                        login_name: (*login_name).to_owned(),
                        display_name: (*display_name).to_owned(),
                        password_hash: hash.clone(),
                    };
                    users::add(transaction, new, now).await?;
                    users::grant(transaction, *id, *role, at(*place), *programme).await?;
                }
                Ok(())
            })
            .await?;
        Ok(Self { areas: ids, users: accounts })
    }

    /// An area.
    ///
    /// # Errors
    /// Never, for the places there are.
    pub fn area(&self, place: Place) -> Result<AreaId> {
        self.areas.get(&place).copied().with_context(|| format!("{place:?}"))
    }

    /// An account.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn user(&self, login_name: &str) -> Result<UserId> {
        self.users.get(login_name).copied().with_context(|| login_name.to_owned())
    }

    /// The names of all accounts with their roles.
    pub fn accounts() -> impl Iterator<Item = (&'static str, Role)> {
        ACCOUNTS.iter().map(|(login_name, _, role, ..)| (*login_name, *role))
    }
}

/// Logs somebody in on a new device, straight to the server.
///
/// # Errors
/// When the login is refused.
pub async fn log_in(server: &TestServer, login_name: &str) -> Result<(TestDevice, Caller, LoginAnswer)> {
    let (device, caller) = (TestDevice::new()?, Caller::new(server.base_url())?);
    let answer = device.log_in(&caller, login_name, PASSWORD).await?;
    let caller = caller.with_token(answer.tokens.access_token.clone());
    Ok((device, caller, answer))
}

/// Somebody's requests, straight to the server.
///
/// # Errors
/// When the login is refused.
pub async fn caller(server: &TestServer, login_name: &str) -> Result<Caller> {
    Ok(log_in(server, login_name).await?.1)
}

/// Somebody's phone, straight to the server.
///
/// # Errors
/// When the login is refused.
pub async fn phone(server: &TestServer, login_name: &str) -> Result<TestPhone> {
    TestPhone::log_in(&server.base_url(), server.clock(), login_name, PASSWORD).await
}

/// Argon2 is slow on purpose: once for all tests is enough.
async fn password_hash(server: &TestServer) -> Result<String> {
    static HASH: OnceCell<String> = OnceCell::const_new();
    let hash =
        HASH.get_or_try_init(async || server.components.passwords.hash(PASSWORD.to_owned()).await).await?;
    Ok(hash.clone())
}
