//! The people at desks: who enters and moves cases, gives and takes areas,
//! publishes forms, and decides on what was captured.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::http::Method;
use actix_web::web;
use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use doorstep::app::Components;
use doorstep::cases::{self, NewCase, NewEvent};
use doorstep::db::entity::{membership, user};
use doorstep::streams::Changes;
use doorstep::{pack, sync, users};
use doorstep_core::api::{
    DecisionRequest, LOGIN, LoginAnswer, LoginRequest, NewComment, QUEUE, QueueAnswer, SUBMISSIONS,
    SubmissionDetail,
};
use doorstep_core::case::CaseAction;
use doorstep_core::ids::{AreaId, CaseId};
use doorstep_core::phone::{Failure, Reply};
use doorstep_core::role::Role;
use doorstep_core::submission::Decision;
use doorstep_core::text::Language;
use doorstep_tests::device::TestDevice;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::county::{COUNTY, KIND, PASSWORD, SUPERVISORS, VERSIONS, admin, grid, publish, worker};
use crate::dice::Dice;
use crate::server::{Call, SimServer};

/// Requests from desks come from addresses behind those of the phones.
const FROM: usize = 240;

/// Everybody at a desk.
pub struct Office {
    desks: Vec<Desk>,
    /// Every case that was ever entered, and where it was put last.
    cases: BTreeMap<CaseId, (AreaId, String)>,
    /// The versions of the form that were ever published.
    versions: BTreeSet<u32>,
    current: u32,
}

struct Desk {
    login_name: &'static str,
    device: TestDevice,
    token: String,
}

impl Office {
    /// Nobody is logged in, and there is no case.
    ///
    /// # Errors
    /// When a key cannot be made.
    pub fn open(dice: &mut Dice, now: DateTime<Utc>) -> Result<Self> {
        let mut desks = Vec::new();
        for login_name in SUPERVISORS {
            let mut device = TestDevice::new()?;
            device.id = dice.id(now).into();
            desks.push(Desk { login_name, device, token: String::new() });
        }
        Ok(Self { desks, cases: BTreeMap::new(), versions: BTreeSet::from([1]), current: 1 })
    }

    /// Enters a case.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn enter_case(&mut self, server: &mut SimServer, dice: &mut Dice) -> Result<String> {
        let id = CaseId(dice.id(server.components.clock.now()));
        let area = grid(dice.number() as usize);
        let label = format!("老人{}", self.cases.len());
        self.cases.insert(id, (area, label.clone()));
        let done = server.run(async |components| enter(&components, id, area, label).await).await?;
        Ok(said(done.transpose()?, "a case is entered"))
    }

    /// Moves a case to another grid.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn move_case(&mut self, server: &mut SimServer, dice: &mut Dice) -> Result<String> {
        let ids: Vec<CaseId> = self.cases.keys().copied().collect();
        let Some(id) = dice.pick(&ids).copied() else { return Ok("there is no case".to_owned()) };
        let area = grid(dice.number() as usize);
        let moved = server.run(async |components| move_to(&components, id, area).await).await?.transpose()?;
        Ok(match moved {
            Some(false) => "the case stays".to_owned(),
            other => said(other, "a case moves"),
        })
    }

    /// Gives somebody a grid more.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn grant(&self, server: &mut SimServer, people: usize, dice: &mut Dice) -> Result<String> {
        let (person, area) = (worker(dice.below(people)), grid(dice.number() as usize));
        let done = server
            .run(async |components| {
                components
                    .database
                    .write(async |transaction| {
                        users::grant(transaction, person, Role::GridWorker, area, None).await
                    })
                    .await?;
                sync::retry_parked(&components, &format!("user:{person}")).await
            })
            .await?;
        Ok(said(done.transpose()?, "somebody gets an area"))
    }

    /// Takes a grid from somebody.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn revoke(&self, server: &mut SimServer, people: usize, dice: &mut Dice) -> Result<String> {
        let person = worker(dice.below(people));
        let held = membership::Entity::find()
            .filter(membership::Column::UserId.eq(person))
            .order_by_asc(membership::Column::Id)
            .all(server.components.database.read())
            .await?;
        let Some(taken) = dice.pick(&held).map(|row| row.id) else {
            return Ok("nobody has anything to lose".to_owned());
        };
        let done = server
            .run(async |components| {
                components.database.write(async |transaction| users::revoke(transaction, taken).await).await
            })
            .await?;
        Ok(said(done.transpose()?, "somebody loses an area"))
    }

    /// Disables an account, or enables it again.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn disable(&self, server: &mut SimServer, people: usize, dice: &mut Dice) -> Result<String> {
        let number = dice.below(people);
        let is_disabled = is_disabled(&server.components, number).await?;
        let done = server.run(async |components| set(&components, number, !is_disabled).await).await?;
        Ok(said(
            done.transpose()?,
            if is_disabled { "an account is enabled" } else { "an account is disabled" },
        ))
    }

    /// Enables an account.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn enable(&self, server: &mut SimServer, person: usize) -> Result<()> {
        server.run(async |components| set(&components, person, false).await).await?.transpose()?;
        Ok(())
    }

    /// Makes another version of the form the current one.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn publish(&mut self, server: &mut SimServer, dice: &mut Dice) -> Result<String> {
        let version = 1 + dice.below(VERSIONS as usize) as u32;
        let done = server.run(async |components| publish(&components, version).await).await?.transpose()?;
        self.versions.insert(version);
        self.current = version;
        Ok(said(done, &format!("version {version} of the form is published")))
    }

    /// What a restore has lost is entered again: from the papers, under the
    /// same identifiers; and the workbooks are published again.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn enter_again(&self, server: &mut SimServer) -> Result<String> {
        for (id, (area, label)) in &self.cases {
            if cases::rebuild(server.components.database.read(), *id).await?.is_none() {
                server
                    .run(async |components| enter(&components, *id, *area, label.clone()).await)
                    .await?
                    .transpose()?;
            }
        }
        for version in self.versions.iter().copied().chain([self.current]) {
            server.run(async |components| publish(&components, version).await).await?.transpose()?;
        }
        Ok("what was lost is entered again".to_owned())
    }

    /// A supervisor decides on something.
    ///
    /// # Errors
    /// When the server does what it must not.
    pub async fn review(&mut self, server: &mut SimServer, dice: &mut Dice) -> Result<String> {
        let desk = dice.below(self.desks.len());
        let Some(queue) = self.ask::<QueueAnswer>(server, desk, Method::GET, QUEUE, None).await? else {
            return Ok("the server ends".to_owned());
        };
        let queue = queue.map_err(|failure| anyhow::anyhow!("the queue: {failure:?}"))?;
        let Some(id) = dice.pick(&queue.entries).map(|entry| entry.submission_id) else {
            return Ok("the queue is empty".to_owned());
        };
        let path = format!("{SUBMISSIONS}/{id}");
        let detail = match self.ask::<SubmissionDetail>(server, desk, Method::GET, &path, None).await? {
            None => return Ok("the server ends".to_owned()),
            Some(detail) => detail.map_err(|failure| anyhow::anyhow!("a submission: {failure:?}"))?,
        };
        let decision = match dice.below(10) {
            0..6 => Decision::Approve,
            6..9 => Decision::Return,
            _ => Decision::Reject,
        };
        let request = DecisionRequest {
            decision,
            case_version: detail.case.version,
            keep_ledger: Vec::new(),
            comments: vec![NewComment { path: None, text: "请核实。".to_owned() }],
        };
        let path = format!("{path}/decision");
        let body = serde_json::to_value(&request)?;
        let answer = self.ask::<serde_json::Value>(server, desk, Method::POST, &path, Some(body)).await?;
        Ok(match answer {
            None => format!("{decision:?}: the server ends"),
            Some(Ok(_)) => format!("{decision:?}"),
            Some(Err(Failure::Problem(problem))) => format!("{decision:?}: {}", problem.code.code()),
            Some(Err(failure)) => anyhow::bail!("{decision:?}: {failure:?}"),
        })
    }

    /// One request from a desk, after a login where one is needed. `None`:
    /// the server ended.
    async fn ask<T: serde::de::DeserializeOwned>(
        &mut self,
        server: &mut SimServer,
        desk: usize,
        method: Method,
        path: &str,
        body: Option<serde_json::Value>,
    ) -> Result<Option<Result<T, Failure>>> {
        let desk = self.desks.get_mut(desk).context("a desk")?;
        for _ in 0..2 {
            let mut call = Call::new(method.clone(), path, FROM).by(&desk.token);
            if let Some(body) = &body {
                call = call.json(body)?;
            }
            let Some(reply) = server.call(call).await? else { return Ok(None) };
            if reply.status != 401 {
                return Ok(Some(read(reply)));
            }
            if !desk.log_in(server).await? {
                return Ok(None);
            }
        }
        Ok(Some(Err(Failure::LoginNeeded)))
    }
}

impl Desk {
    /// Whether it went well; else the server ended.
    async fn log_in(&mut self, server: &mut SimServer) -> Result<bool> {
        let request = LoginRequest {
            login_name: self.login_name.to_owned(),
            password: PASSWORD.to_owned(),
            device: self.device.registration(),
        };
        let call = Call::new(Method::POST, LOGIN, FROM).json(&request)?;
        let Some(reply) = server.call(call).await? else { return Ok(false) };
        let answer: LoginAnswer = read(reply).map_err(|failure| anyhow::anyhow!("{failure:?}"))?;
        self.token = answer.tokens.access_token;
        Ok(true)
    }
}

fn read<T: serde::de::DeserializeOwned>(reply: Reply) -> Result<T, Failure> {
    reply.success(Language::Zh)?.json()
}

fn said<T>(done: Option<T>, words: &str) -> String {
    if done.is_some() { words.to_owned() } else { format!("{words}: the server ends") }
}

/// Whether an account is disabled.
///
/// # Errors
/// When the database refuses.
pub async fn is_disabled(components: &Components, number: usize) -> Result<bool> {
    let row = user::Entity::find_by_id(worker(number)).one(components.database.read()).await?;
    Ok(row.context("an account")?.disabled_at.is_some())
}

async fn set(components: &web::Data<Components>, number: usize, disabled: bool) -> Result<()> {
    let at = disabled.then(|| components.clock.now());
    components
        .database
        .write(async |transaction| users::set_disabled(transaction, worker(number), at).await)
        .await?;
    if !disabled {
        sync::retry_parked(components, &format!("user:{}", worker(number))).await?;
    }
    Ok(())
}

/// Enters a case, and tries what waited for it.
///
/// # Errors
/// When the server refuses.
pub async fn enter(components: &Components, id: CaseId, area: AreaId, label: String) -> Result<()> {
    let pack = pack::current(components.database.read(), COUNTY).await?.context("no pack")?;
    let (today, now) = (components.clock.today(), components.clock.now());
    components
        .database
        .write(async |transaction| {
            let new = NewCase {
                id,
                kind: KIND.to_owned(),
                parent: None,
                area_id: area,
                county: COUNTY.to_owned(),
                label: label.clone(),
                properties: BTreeMap::new(),
            };
            cases::open(transaction, &pack, today, admin(), now, new).await
        })
        .await?;
    sync::retry_parked(components, &format!("case:{id}")).await?;
    Ok(())
}

/// Moves a case. `false`: it is there already, or lost.
///
/// # Errors
/// When the server refuses.
pub async fn move_to(components: &Components, id: CaseId, area_id: AreaId) -> Result<bool> {
    let connection = components.database.read();
    let known = cases::rebuild(connection, id).await?;
    if known.is_none_or(|case| case.area_id == area_id) {
        return Ok(false);
    }
    let pack = pack::current(connection, COUNTY).await?.context("no pack")?;
    let (today, at) = (components.clock.today(), components.clock.now());
    components
        .database
        .write(async |transaction| {
            let event = NewEvent {
                case_id: id,
                submission_id: None,
                actor: admin(),
                at,
                action: CaseAction::Moved { area_id },
                changes: Vec::new(),
            };
            cases::record(transaction, &pack, today, event, Changes::new()).await
        })
        .await?;
    Ok(true)
}
