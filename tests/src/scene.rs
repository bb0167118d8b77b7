//! A server with the county, its published policy and some elders in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use doorstep::area;
use doorstep::cases::{self, NewEvent, Recorded};
use doorstep::db::entity::{case, case_event, media_job, membership, pack_version};
use doorstep::forms::Enclosed;
use doorstep::streams::Changes;
use doorstep::{forms, pack, users};
use doorstep_core::area::AreaPath;
use doorstep_core::case::{CaseAction, CaseEvent, CaseRecord, PropertyChange, apply};
use doorstep_core::ids::{CaseId, FormVersionId};
use doorstep_core::pack::{FormUse, FormVersionRecord, Pack};
use doorstep_core::sync::{StreamName, item_kind};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, Set,
};
use uuid::Uuid;

use crate::caller::Caller;
use crate::county::{self, COUNTY, County, Place};
use crate::office::Office;
use crate::phone::TestPhone;
use crate::server::{TestServer, World};
use crate::wait;

/// What the elders of the scene are known for.
pub const PROPERTIES: &[(&str, &str)] =
    &[("cats", "empty"), ("address", "一组1号"), ("risk", "green"), ("emergency_phone", "13800000001")];

/// Everything that one visit needs.
pub struct Scene {
    pub server: TestServer,
    pub county: County,
    /// In the grid worker's grid.
    pub elder: CaseId,
    /// In the next grid of the same village.
    pub next_elder: CaseId,
    /// In the other township.
    pub far_elder: CaseId,
    pub form: FormVersionId,
}

impl Scene {
    /// In a new world.
    ///
    /// # Errors
    /// When something of it is refused.
    pub async fn start() -> Result<Self> {
        Self::start_in(World::create().await?).await
    }

    /// In a world that was made for it.
    ///
    /// # Errors
    /// When something of it is refused.
    pub async fn start_in(world: World) -> Result<Self> {
        let server = TestServer::start_in(world).await?;
        let county = County::found(&server).await?;
        pack::publish(&server.components, COUNTY, &pack_file("ledger.xlsx")?).await?;
        let form =
            forms::publish(&server.components, COUNTY, &pack_file("elder_visit.xlsx")?, lists()?).await?.id;
        announce_areas(&server).await?;
        let nobody = CaseId(Uuid::nil());
        let mut scene = Self { server, county, elder: nobody, next_elder: nobody, far_elder: nobody, form };
        scene.elder = scene.open_elder(Place::Grid, "赵示例", &[]).await?;
        scene.next_elder = scene.open_elder(Place::NextGrid, "钱示例", &[]).await?;
        scene.far_elder = scene.open_elder(Place::FarGrid, "孙老示例", &[]).await?;
        Ok(scene)
    }

    /// The pack that is in force.
    ///
    /// # Errors
    /// When none is.
    pub async fn pack(&self) -> Result<Pack> {
        let pack = pack::current(self.server.components.database.read(), COUNTY).await?;
        pack.context("no pack is published")
    }

    /// Publishes more forms, each a workbook, and offers them for elders.
    ///
    /// # Errors
    /// When one is refused.
    pub async fn offer(&self, workbooks: &[Vec<u8>]) -> Result<Vec<FormVersionRecord>> {
        self.offer_with(workbooks, lists()?.into()).await
    }

    /// [`Self::offer`], with lists and files for the forms.
    ///
    /// # Errors
    /// When one is refused.
    pub async fn offer_with(
        &self,
        workbooks: &[Vec<u8>],
        enclosed: Enclosed,
    ) -> Result<Vec<FormVersionRecord>> {
        let mut pack = self.pack().await?;
        let mut offered = Vec::new();
        for workbook in workbooks {
            let form = forms::publish(&self.server.components, COUNTY, workbook, enclosed.clone()).await?;
            if pack.form_use(&form.form_id).is_none() {
                pack.forms.push(FormUse {
                    form_id: form.form_id.clone(),
                    kind: "elder".to_owned(),
                    label: form.title.clone(),
                    counts_when: "false()".to_owned(),
                    closes_when: "false()".to_owned(),
                });
            }
            offered.push(form);
        }
        let (definition, now) = (serde_json::to_string(&pack)?, self.now());
        self.server
            .components
            .database
            .write(async |transaction| {
                let row = pack_version::Entity::find()
                    .filter(pack_version::Column::Current.eq(true))
                    .one(transaction)
                    .await?;
                let mut changes = Changes::new();
                if let Some(row) = row {
                    changes.put(StreamName::Reference, item_kind::PACK, row.id.0);
                    let mut row = row.into_active_model();
                    row.definition = Set(definition.clone());
                    row.published_at = Set(now);
                    row.update(transaction).await?;
                }
                changes.number(transaction, COUNTY).await
            })
            .await?;
        Ok(offered)
    }

    /// Enters something into the ledger as an import does.
    ///
    /// # Errors
    /// When the ledger does not take it.
    pub async fn record(
        &self,
        case_id: CaseId,
        action: CaseAction,
        changes: Vec<PropertyChange>,
    ) -> Result<Recorded> {
        let (pack, actor) = (self.pack().await?, self.county.user("admin")?);
        let (at, today) = (self.server.clock().now(), self.server.clock().today());
        let recorded = self
            .server
            .components
            .database
            .write(async |transaction| {
                let event = NewEvent {
                    case_id,
                    submission_id: None,
                    actor,
                    at,
                    action: action.clone(),
                    changes: changes.clone(),
                };
                cases::record(transaction, &pack, today, event, Changes::new()).await
            })
            .await?;
        Ok(recorded)
    }

    /// Opens the case of an elder, with [`PROPERTIES`] and `more`.
    ///
    /// # Errors
    /// When the ledger does not take it.
    pub async fn open_elder(&self, place: Place, label: &str, more: &[(&str, &str)]) -> Result<CaseId> {
        let case_id = CaseId(Uuid::now_v7());
        self.open_elder_as(case_id, place, label, more).await?;
        Ok(case_id)
    }

    /// [`Self::open_elder`] under an identifier that is known already.
    ///
    /// # Errors
    /// When the ledger does not take it.
    pub async fn open_elder_as(
        &self,
        case_id: CaseId,
        place: Place,
        label: &str,
        more: &[(&str, &str)],
    ) -> Result<Recorded> {
        let action = CaseAction::Opened {
            kind: "elder".to_owned(),
            parent: None,
            area_id: self.county.area(place)?,
            county: COUNTY.to_owned(),
            label: label.to_owned(),
        };
        let properties: BTreeMap<&str, &str> = PROPERTIES.iter().chain(more).copied().collect();
        let changes = properties.into_iter().map(|(name, value)| set(name, None, value)).collect();
        self.record(case_id, action, changes).await
    }

    /// Moves a case to another area.
    ///
    /// # Errors
    /// When the ledger does not take it.
    pub async fn move_case(&self, case_id: CaseId, to: Place) -> Result<Recorded> {
        self.record(case_id, CaseAction::Moved { area_id: self.county.area(to)? }, Vec::new()).await
    }

    /// Waits until somebody has looked into every file: before the clock jumps,
    /// because whoever is at a file then counts as gone.
    ///
    /// # Errors
    /// When nobody does.
    pub async fn all_examined(&self) -> Result<()> {
        wait::until("every file is examined", async || {
            let waiting = media_job::Entity::find().count(self.server.components.database.read()).await?;
            Ok((waiting == 0).then_some(()))
        })
        .await
    }

    /// Somebody's phone, logged in and with everything on it.
    ///
    /// # Errors
    /// When login or sync are refused.
    pub async fn phone(&self, login_name: &str) -> Result<TestPhone> {
        let phone = county::phone(&self.server, login_name).await?;
        phone.sync().await?;
        Ok(phone)
    }

    /// Somebody's requests.
    ///
    /// # Errors
    /// When the login is refused.
    pub async fn caller(&self, login_name: &str) -> Result<Caller> {
        county::caller(&self.server, login_name).await
    }

    /// Somebody's desk.
    ///
    /// # Errors
    /// When the login is refused.
    pub async fn office(&self, login_name: &str) -> Result<Office> {
        Ok(Office { caller: self.caller(login_name).await? })
    }

    /// Takes from somebody every role they have.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn take_roles(&self, login_name: &str) -> Result<()> {
        let connection = self.server.components.database.read();
        let rows = membership::Entity::find()
            .filter(membership::Column::UserId.eq(self.county.user(login_name)?))
            .all(connection)
            .await?;
        for row in rows {
            users::revoke(connection, row.id).await?;
        }
        Ok(())
    }

    /// Every case as the ledger shows it, beside the fold of its events.
    ///
    /// # Errors
    /// When a row does not read or the events do not fit together.
    pub async fn ledger(&self) -> Result<Vec<(CaseRecord, CaseRecord)>> {
        let connection = self.server.components.database.read();
        let mut folded: BTreeMap<CaseId, CaseRecord> = BTreeMap::new();
        let events =
            case_event::Entity::find().order_by_asc(case_event::Column::Version).all(connection).await?;
        for row in events {
            let event = CaseEvent {
                id: row.id,
                case_id: row.case_id,
                version: u64::try_from(row.version)?,
                submission_id: row.submission_id,
                actor: row.actor_id,
                at: row.at,
                action: serde_json::from_str(&row.action)?,
                changes: serde_json::from_str(&row.changes)?,
            };
            let before = folded.remove(&row.case_id);
            folded.insert(row.case_id, apply(before, &event)?);
        }
        let mut ledger = Vec::new();
        for row in case::Entity::find().order_by_asc(case::Column::Id).all(connection).await? {
            let shown = CaseRecord {
                id: row.id,
                kind: row.kind,
                parent: row.parent_id,
                area_id: row.area_id,
                county: row.county,
                label: row.label,
                status: row.status,
                properties: serde_json::from_str(&row.properties)?,
                last_visits: serde_json::from_str(&row.last_visits)?,
                version: u64::try_from(row.version)?,
            };
            let rebuilt = folded.remove(&row.id).with_context(|| format!("case {} has no events", row.id))?;
            ledger.push((shown, rebuilt));
        }
        anyhow::ensure!(folded.is_empty(), "events without a case: {:?}", folded.keys());
        Ok(ledger)
    }

    /// The instant of the standing clock.
    pub fn now(&self) -> DateTime<Utc> {
        self.server.clock().now()
    }
}

/// A property that gets a value.
pub fn set(property: &str, old: Option<&str>, new: &str) -> PropertyChange {
    PropertyChange { property: property.to_owned(), old: old.map(str::to_owned), new: Some(new.to_owned()) }
}

/// The folder with the county's workbooks.
pub fn pack_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../pack")
}

/// A workbook of the pack.
///
/// # Errors
/// When it is not there.
pub fn pack_file(name: &str) -> Result<Vec<u8>> {
    std::fs::read(pack_folder().join(name)).with_context(|| name.to_owned())
}

/// The workbooks of the pack that are forms, by file name.
///
/// # Errors
/// When the folder cannot be read.
pub fn form_files() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(pack_folder())? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".xlsx") && name != "ledger.xlsx" {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// The lists that forms draw on.
///
/// # Errors
/// When they are not there.
pub fn lists() -> Result<BTreeMap<String, String>> {
    ["policy_params.csv", "towns.csv", "villages.csv"]
        .into_iter()
        .map(|name| {
            let text = std::fs::read_to_string(pack_folder().join("media").join(name))?;
            Ok((name.to_owned(), text))
        })
        .collect()
}

async fn announce_areas(server: &TestServer) -> Result<()> {
    server
        .components
        .database
        .write(async |transaction| {
            let mut changes = Changes::new();
            for area in area::within(transaction, &AreaPath("/".to_owned())).await? {
                changes.put(StreamName::Reference, item_kind::AREA, area.id.0);
            }
            changes.number(transaction, COUNTY).await
        })
        .await?;
    Ok(())
}
