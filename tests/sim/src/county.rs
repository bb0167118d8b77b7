//! The county of the simulation: small, made once, and copied for each run as
//! the file of its database.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
use chrono::{DateTime, Utc};
use doorstep::app::Components;
use doorstep::area::{self, NewArea};
use doorstep::clock::Clock;
use doorstep::config::Config;
use doorstep::streams::Changes;
use doorstep::users::{self, NewUser};
use doorstep::{forms, pack};
use doorstep_core::area::{AreaLevel, AreaPath};
use doorstep_core::ids::{AreaId, UserId};
use doorstep_core::role::Role;
use doorstep_core::sync::{StreamName, item_kind};
use doorstep_tests::workbook::xlsx;
use tempfile::TempDir;
use uuid::Uuid;

/// The county's code.
pub const COUNTY: &str = "610199";
/// Everybody's password.
pub const PASSWORD: &str = "simulated 河湾镇 2026";
/// When every run begins.
pub const NOW: &str = "2026-11-23T01:30:00Z";
/// The one form.
pub const FORM: &str = "visit";
/// Its versions.
pub const VERSIONS: u32 = 3;
/// The one kind of case.
pub const KIND: &str = "elder";
/// Grids, two in each of two townships.
pub const GRIDS: usize = 4;
/// Who decides, one for each township.
pub const SUPERVISORS: [&str; 2] = ["supervisor0", "supervisor1"];
/// The database's file in its folder.
pub const DATABASE: &str = "doorstep.db";

/// A grid.
pub fn grid(number: usize) -> AreaId {
    AreaId(Uuid::from_u128(0xa0_0000 + (number % GRIDS) as u128))
}

/// The people who visit.
pub fn worker(number: usize) -> UserId {
    UserId(Uuid::from_u128(0xb0_0000 + number as u128))
}

/// What they log in with.
pub fn login_name(worker: usize) -> String {
    format!("worker{worker}")
}

/// Who enters cases.
pub fn admin() -> UserId {
    UserId(Uuid::from_u128(0xc0_0000))
}

fn township(number: usize) -> AreaId {
    AreaId(Uuid::from_u128(0xa1_0000 + number as u128))
}

/// A hash of everybody's password that costs nothing to verify.
///
/// # Errors
/// When it cannot be computed.
pub fn password_hash() -> Result<String> {
    let parameters = Params::new(Params::MIN_M_COST, 1, 1, None).map_err(|cause| anyhow!("{cause}"))?;
    let hash: argon2::password_hash::phc::PasswordHash =
        Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
            .hash_password(PASSWORD.as_bytes())
            .map_err(|cause| anyhow!("{cause}"))?;
    Ok(hash.to_string())
}

/// A folder of its own, in memory where the machine has such a place: runs
/// write much and keep nothing.
///
/// # Errors
/// When none can be made.
pub fn scratch() -> Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("doorstep-sim-");
    let in_memory = Path::new("/dev/shm");
    let made = if in_memory.is_dir() { builder.tempdir_in(in_memory).ok() } else { None };
    made.map_or_else(|| builder.tempdir(), Ok).context("no folder for the simulation")
}

/// The settings of a server whose database is in `folder` and whose files are
/// in `media`.
pub fn config(folder: &Path, media: &Path) -> Config {
    Config {
        data: folder.to_owned(),
        database_url: Some(format!("sqlite://{}", folder.join(DATABASE).display())),
        media_url: Some(media.display().to_string()),
        ..Config::default()
    }
}

/// The county as it is before anything happens.
#[derive(Clone, Debug)]
pub struct Template {
    database: Vec<u8>,
    /// The hash of [`PASSWORD`], for people that a run adds.
    pub password_hash: String,
}

impl Template {
    /// Founds the county.
    ///
    /// # Errors
    /// When the server refuses something of it.
    pub async fn make() -> Result<Self> {
        let folder = scratch()?;
        let clock = Clock::standing(now()?);
        let components =
            Components::open(&config(folder.path(), &folder.path().join("media")), clock).await?;
        let password_hash = password_hash()?;
        found(&components, &password_hash).await?;
        let database = components.database.clone();
        drop(components);
        database.close().await;
        let database = std::fs::read(folder.path().join(DATABASE))?;
        Ok(Self { database, password_hash })
    }

    /// Writes the county's database into a folder.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn copy_to(&self, folder: &Path) -> Result<PathBuf> {
        let file = folder.join(DATABASE);
        std::fs::write(&file, &self.database)?;
        Ok(file)
    }
}

/// When every run begins.
///
/// # Errors
/// Never.
pub fn now() -> Result<DateTime<Utc>> {
    Ok(NOW.parse()?)
}

/// Founds the county in an empty database.
///
/// # Errors
/// When the server refuses something of it.
pub async fn found(components: &Components, password_hash: &str) -> Result<()> {
    let county = AreaId(Uuid::from_u128(0xa2_0000));
    let now = components.clock.now();
    components
        .database
        .write(async |transaction| {
            let new = |id, parent, level, name: &str, code: String| NewArea {
                id,
                county: COUNTY.to_owned(),
                parent,
                level,
                name: name.to_owned(),
                code,
                valid_from: chrono::NaiveDate::default(),
            };
            let top = new(county, None, AreaLevel::County, "示例县", COUNTY.to_owned());
            area::add(transaction, top).await?;
            for number in 0..GRIDS / 2 {
                let code = format!("{COUNTY}10{number}");
                let below = new(township(number), Some(county), AreaLevel::Township, "示例镇", code);
                area::add(transaction, below).await?;
            }
            for number in 0..GRIDS {
                let code = format!("{COUNTY}10{}20000{number}", number / 2);
                let below = new(grid(number), Some(township(number / 2)), AreaLevel::Grid, "示例网格", code);
                area::add(transaction, below).await?;
            }
            let mut changes = Changes::new();
            for area in area::within(transaction, &AreaPath("/".to_owned())).await? {
                changes.put(StreamName::Reference, item_kind::AREA, area.id.0);
            }
            let person = |id, login_name: &str| NewUser {
                id,
                county: COUNTY.to_owned(),
                login_name: login_name.to_owned(),
                display_name: login_name.to_owned(),
                password_hash: password_hash.to_owned(),
            };
            users::add(transaction, person(admin(), "admin"), now).await?;
            users::grant(transaction, admin(), Role::Admin, county, None).await?;
            for (number, name) in SUPERVISORS.iter().enumerate() {
                let id = UserId(Uuid::from_u128(0xd0_0000 + number as u128));
                users::add(transaction, person(id, name), now).await?;
                users::grant(transaction, id, Role::Supervisor, township(number), None).await?;
            }
            changes.number(transaction, COUNTY).await
        })
        .await?;
    pack::publish(components, COUNTY, &xlsx(LEDGER)?).await?;
    publish(components, 1).await
}

/// Adds people who visit, each in two grids.
///
/// # Errors
/// When the server refuses.
pub async fn employ(components: &Components, people: usize, password_hash: &str) -> Result<()> {
    let now = components.clock.now();
    components
        .database
        .write(async |transaction| {
            for number in 0..people {
                let new = NewUser {
                    id: worker(number),
                    county: COUNTY.to_owned(),
                    login_name: login_name(number),
                    display_name: format!("工作人员{number}"),
                    password_hash: password_hash.to_owned(),
                };
                users::add(transaction, new, now).await?;
                for area in [grid(number), grid(number + 1)] {
                    users::grant(transaction, worker(number), Role::GridWorker, area, None).await?;
                }
            }
            Ok(())
        })
        .await?;
    Ok(())
}

/// Makes a version of the form the current one.
///
/// # Errors
/// When it is refused.
pub async fn publish(components: &Components, version: u32) -> Result<()> {
    forms::publish(components, COUNTY, &xlsx(&form(version))?, BTreeMap::new()).await?;
    Ok(())
}

/// A version of the form. The second asks one thing more, the third one less.
fn form(version: u32) -> String {
    let extra = if version == 2 { "| | text | extra | 补充 | More | | | |\n" } else { "" };
    let wish = if version == 3 { "" } else { "| | text | wish | 需求 | Wishes | | | |\n" };
    format!(
        "| survey | | | | | | | |\n\
         | | type | name | label::中文 (zh) | label::English (en) | required | relevant | calculation |\n\
         | | today | today | | | | | |\n\
         | | select_one met | met | 见到本人了吗 | Were they met? | yes | | |\n\
         | | text | note | 情况 | What was seen | | | |\n\
         {wish}{extra}\
         | | image | photo | 照片 | Photo | | ${{met}} = 'yes' | |\n\
         | | audio | sound | 录音 | Recording | | | |\n\
         | | calculate | risk | | | | | if(${{met}} = 'yes', 'green', 'red') |\n\
         | choices | | | | |\n\
         | | list_name | name | label::中文 (zh) | label::English (en) |\n\
         | | met | yes | 见到 | Yes |\n\
         | | met | no | 未见到 | No |\n\
         | settings | | | | |\n\
         | | form_id | form_title | version | default_language |\n\
         | | {FORM} | 走访 | {version} | 中文 (zh) |\n"
    )
}

/// The policy: one form, two properties, one schedule.
const LEDGER: &str = "\
| settings | |
| | version |
| | 1 |
| kinds | | | | |
| | kind | label::中文 (zh) | label::English (en) | programme |
| | elder | 老人 | Elder | elder |
| properties | | | | | |
| | kind | name | label::中文 (zh) | label::English (en) | shown |
| | elder | risk | 风险 | Risk | yes |
| | elder | note | 情况 | Note | yes |
| values | | | | | |
| | kind | property | name | label::中文 (zh) | label::English (en) |
| | elder | risk | green | 低 | Low |
| | elder | risk | red | 高 | High |
| forms | | | | | | |
| | form_id | kind | label::中文 (zh) | label::English (en) | counts_when | closes_when |
| | visit | elder | 走访 | Visit | ${met} = 'yes' | |
| writes | | | | |
| | form_id | property | value | when |
| | visit | risk | ${risk} | |
| | visit | note | ${note} | ${note} != '' |
| prefill | | | |
| | form_id | question | value |
| | visit | note | ${label} |
| schedules | | | | | | | | | | |
| | rule | kind | form_id | when | interval | grace_days | role | valid_from | valid_to | basis |
| | red | elder | visit | ${risk} = 'red' | 7d | 1 | grid_worker | | | 示例 |
| | usual | elder | visit | | 1m | 7 | grid_worker | | | 示例 |
";
