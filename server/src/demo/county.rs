//! The places of the demonstration, and the one transaction that makes them
//! and everybody in them.

use chrono::NaiveDate;
use doorstep_core::area::AreaLevel;
use doorstep_core::ids::AreaId;
use doorstep_core::role::Role;
use doorstep_core::sync::{StreamName, item_kind};
use uuid::Uuid;

use super::accounts::Account;
use super::elders;
use super::people::Chance;
use crate::app::Components;
use crate::area::{self, NewArea};
use crate::db::Transaction;
use crate::error::{Error, Result};
use crate::pack;
use crate::streams::Changes;
use crate::terminal::say;
use crate::users::{self, NewUser};

/// A county code that no county has.
pub(super) const CODE: &str = "610199";
/// What everything follows from.
pub(super) const SEED: u64 = 610_199;
const COUNTY: &str = "演示县(虚构)";
const TOWNSHIP_CODE: &str = "610199101";
const TOWNSHIP: &str = "河湾镇";
/// As in the lists of the pack.
const VILLAGES: [(&str, &str); 5] = [
    ("610199101200", "上河村"),
    ("610199101201", "柳家湾村"),
    ("610199101202", "石桥村"),
    ("610199101203", "青槐村"),
    ("610199101204", "南坡村"),
];
const GRIDS: [&str; 4] = ["第一网格", "第二网格", "第三网格", "第四网格"];

/// The county's identifier, the same in every demonstration: it is how one is
/// known.
pub(super) fn id() -> AreaId {
    AreaId(Uuid::from_u128(0x019a_0000_0000_7000_8000_0000_0061_0199))
}

/// A grid, which one worker looks after.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    pub(super) code: String,
    name: &'static str,
    village_code: &'static str,
    village: &'static str,
}

impl Grid {
    pub(super) fn code_and_name(&self) -> (String, String) {
        (self.code.clone(), format!("{TOWNSHIP} {} {}", self.village, self.name))
    }

    pub(super) fn village_code_and_name(&self) -> (String, String) {
        (self.village_code.to_owned(), format!("{TOWNSHIP} {}", self.village))
    }
}

pub(super) fn township_code_and_name() -> (String, String) {
    (TOWNSHIP_CODE.to_owned(), TOWNSHIP.to_owned())
}

pub(super) fn code_and_name() -> (String, String) {
    (CODE.to_owned(), COUNTY.to_owned())
}

/// The twenty grids, village by village.
pub(super) fn grids() -> Vec<Grid> {
    VILLAGES
        .into_iter()
        .flat_map(|(village_code, village)| {
            GRIDS.into_iter().zip(1..).map(move |(name, number)| Grid {
                code: format!("{village_code}{number:03}"),
                name,
                village_code,
                village,
            })
        })
        .collect()
}

/// Makes places, people with accounts and cases: all, or nothing.
pub(super) async fn make(components: &Components, accounts: &[Account]) -> Result<()> {
    let pack = pack::current(components.database.read(), CODE)
        .await?
        .ok_or_else(|| Error::internal(anyhow::anyhow!("the pack was not published")))?;
    let (now, today) = (components.clock.now(), components.clock.today());
    let people = components
        .database
        .write(async |transaction| {
            let mut chance = Chance::new(SEED);
            add_areas(transaction, &mut chance, now).await?;
            for account in accounts {
                add_account(transaction, account, today, now).await?;
            }
            elders::make(transaction, &elders::World { pack: &pack, accounts, now, today }, &mut chance).await
        })
        .await?;
    say(format_args!(
        "  [3/3] 村 villages: {}  网格 grids: {}  老年人 elders: {people}",
        VILLAGES.len(),
        grids().len()
    ));
    Ok(())
}

async fn add_areas(
    transaction: &Transaction,
    chance: &mut Chance,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<()> {
    let valid_from = NaiveDate::from_ymd_opt(2020, 1, 1).unwrap_or_default();
    let mut changes = Changes::new();
    let mut add =
        async |id: AreaId, parent: Option<AreaId>, level, name: &str, code: &str| -> Result<AreaId> {
            let new = NewArea {
                id,
                county: CODE.to_owned(),
                parent,
                level,
                name: name.to_owned(),
                code: code.to_owned(),
                valid_from,
            };
            area::add(transaction, new).await?;
            changes.put(StreamName::Reference, item_kind::AREA, id.0);
            Ok(id)
        };
    let mut fresh = || AreaId(chance.identifier(now));
    let province = add(fresh(), None, AreaLevel::Province, "演示省(虚构)", "610000").await?;
    let prefecture = add(fresh(), Some(province), AreaLevel::Prefecture, "演示市(虚构)", "610100").await?;
    let county = add(id(), Some(prefecture), AreaLevel::County, COUNTY, CODE).await?;
    let township = add(fresh(), Some(county), AreaLevel::Township, TOWNSHIP, TOWNSHIP_CODE).await?;
    for (village_code, village_name) in VILLAGES {
        let village = add(fresh(), Some(township), AreaLevel::Village, village_name, village_code).await?;
        for grid in grids().iter().filter(|grid| grid.village_code == village_code) {
            add(fresh(), Some(village), AreaLevel::Grid, grid.name, &grid.code).await?;
        }
    }
    changes.number(transaction, CODE).await
}

async fn add_account(
    transaction: &Transaction,
    account: &Account,
    today: NaiveDate,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<()> {
    let place = find(transaction, &account.area_code, today).await?;
    let new = NewUser {
        id: account.id,
        county: CODE.to_owned(),
        login_name: account.login_name.clone(),
        display_name: account.name.clone(),
        password_hash: account.password_hash.clone(),
    };
    users::add(transaction, new, now).await?;
    users::grant(transaction, account.id, account.role, place, account.programme.as_deref()).await?;
    Ok(())
}

/// The area that has a code.
pub(super) async fn find(transaction: &Transaction, code: &str, today: NaiveDate) -> Result<AreaId> {
    let area = area::find_by_code(transaction, code, today).await?;
    Ok(area.ok_or_else(|| Error::internal(anyhow::anyhow!("no area has the code {code}")))?.id)
}

/// The first account of a role.
pub(super) fn account_of(accounts: &[Account], role: Role) -> Result<&Account> {
    accounts
        .iter()
        .find(|account| account.role == role)
        .ok_or_else(|| Error::internal(anyhow::anyhow!("no account has the role {role}")))
}
