//! The ledger.
//!
//! [`record`] is the only writer of `case` and `case_event`. The lock on a
//! case's row, taken before anything about the case is read, is what makes
//! everything about one case happen one after the other: events, tasks,
//! captures and decisions.
//!
//! * `tasks`: what is due next. `outbox`: what the central case store must
//!   learn. `visits`: the history as phones see it. `detail`: one case with
//!   everything about it.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use doorstep_core::case::{self as ledger, CaseAction, CaseEvent, CaseRecord, PropertyChange};
use doorstep_core::ids::{AreaId, CaseId, EventId, SubmissionId, UserId};
use doorstep_core::pack::Pack;
use doorstep_core::problem::ProblemCode;
use doorstep_core::sync::{Rule, StreamName, item_kind};
use doorstep_core::task::TaskRecord;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, Set,
};
use uuid::Uuid;

use crate::db::Transaction;
use crate::db::entity::{case, case_event};
use crate::error::{Error, Result};
use crate::streams::{BATCH, Changes};

mod detail;
mod outbox;
mod tasks;
mod visits;

pub(crate) use detail::detail;
pub(crate) use tasks::{hand_in, record_of as task_record, reopen};
pub(crate) use visits::visits;

/// Something that happened to a case.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub case_id: CaseId,
    /// The submission that was approved; `None` only for imports.
    pub submission_id: Option<SubmissionId>,
    /// Who approved or imported.
    pub actor: UserId,
    pub at: DateTime<Utc>,
    pub action: CaseAction,
    pub changes: Vec<PropertyChange>,
}

/// What an event made of its case.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub case: CaseRecord,
    /// The tasks of the case that are neither done nor cancelled, by due date.
    pub tasks: Vec<TaskRecord>,
}

/// Appends the event, folds it into the case, writes the outbox row, plans the
/// next tasks by the schedule rules and numbers `changes` plus its own, last.
///
/// # Errors
/// `internal` when the event does not fit on the case or a rule of the pack
/// fails, or when the database refuses.
pub async fn record(
    transaction: &Transaction,
    pack: &Pack,
    today: NaiveDate,
    event: NewEvent,
    mut changes: Changes,
) -> Result<Recorded> {
    let before = lock(transaction, event.case_id).await?;
    let event = CaseEvent {
        id: EventId(Uuid::now_v7()),
        case_id: event.case_id,
        version: before.as_ref().map_or(1, |case| case.version + 1),
        submission_id: event.submission_id,
        actor: event.actor,
        at: event.at,
        action: event.action,
        changes: event.changes,
    };
    let case = ledger::apply(before.clone(), &event).map_err(Error::internal)?;
    append(transaction, &case.county, &event).await?;
    project(transaction, before.is_none(), &case).await?;
    let tasks =
        tasks::plan(transaction, pack, today, &case, tasks::After::Event(&event), &mut changes).await?;
    announce(transaction, pack, before.as_ref(), &case, &event, &mut changes).await?;
    outbox::add(transaction, &case, &event).await?;
    changes.number(transaction, &case.county).await?;
    Ok(Recorded { case, tasks })
}

/// A case to be entered by an import.
#[derive(Clone, Debug)]
pub struct NewCase {
    pub id: CaseId,
    /// A kind of the pack.
    pub kind: String,
    pub parent: Option<CaseId>,
    pub area_id: AreaId,
    /// The six-digit county code.
    pub county: String,
    pub label: String,
    pub properties: BTreeMap<String, String>,
}

/// Enters a case that comes from an import. What was captured about it before
/// and is parked waits for [`crate::sync::retry_parked`] with `case:{id}`.
///
/// # Errors
/// `invalid_request` when the pack has no such kind, `internal` when the case
/// is there already, or when the database refuses.
pub async fn open(
    transaction: &Transaction,
    pack: &Pack,
    today: NaiveDate,
    actor: UserId,
    at: DateTime<Utc>,
    new: NewCase,
) -> Result<Recorded> {
    if pack.programme(&new.kind).is_none() {
        return Err(Error::problem(ProblemCode::InvalidRequest).detail(
            format!("台账规则中没有对象类型 {}。", new.kind),
            format!("The pack has no kind of case called {}.", new.kind),
        ));
    }
    let changes = new
        .properties
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(property, value)| PropertyChange { property, old: None, new: Some(value) })
        .collect();
    let event = NewEvent {
        case_id: new.id,
        submission_id: None,
        actor,
        at,
        action: CaseAction::Opened {
            kind: new.kind,
            parent: new.parent,
            area_id: new.area_id,
            county: new.county,
            label: new.label,
        },
        changes,
    };
    record(transaction, pack, today, event, Changes::new()).await
}

/// The case, its row held until the transaction ends.
pub(crate) async fn lock(transaction: &Transaction, id: CaseId) -> Result<Option<CaseRecord>> {
    let row = case::Entity::find_by_id(id);
    let row = if transaction.rules().hold(Rule::CaseLock) { row.lock_exclusive() } else { row };
    row.one(transaction).await?.map(record_of).transpose()
}

/// The case as it stands.
pub(crate) async fn find(connection: &impl ConnectionTrait, id: CaseId) -> Result<Option<CaseRecord>> {
    case::Entity::find_by_id(id).one(connection).await?.map(record_of).transpose()
}

/// Several cases as they stand; unknown ones are left out.
pub(crate) async fn find_many(
    connection: &impl ConnectionTrait,
    ids: &[CaseId],
) -> Result<HashMap<CaseId, CaseRecord>> {
    let mut found = HashMap::new();
    for ids in ids.chunks(BATCH) {
        let rows =
            case::Entity::find().filter(case::Column::Id.is_in(ids.iter().copied())).all(connection).await?;
        for row in rows {
            found.insert(row.id, record_of(row)?);
        }
    }
    Ok(found)
}

/// The events of a case after `version`, in order; after 0: all.
pub(crate) async fn events_after(
    connection: &impl ConnectionTrait,
    id: CaseId,
    version: u64,
) -> Result<Vec<CaseEvent>> {
    case_event::Entity::find()
        .filter(case_event::Column::CaseId.eq(id))
        .filter(case_event::Column::Version.gt(i64::try_from(version).unwrap_or(i64::MAX)))
        .order_by_asc(case_event::Column::Version)
        .all(connection)
        .await?
        .into_iter()
        .map(event_of)
        .collect()
}

/// Where the case was when it had `version`: who captured something about it
/// then may hand it in although it has moved since.
pub(crate) async fn area_at(
    connection: &impl ConnectionTrait,
    id: CaseId,
    version: u64,
) -> Result<Option<AreaId>> {
    let events = events_after(connection, id, 0).await?;
    Ok(events.into_iter().take_while(|event| event.version <= version).fold(None, |area, event| match event
        .action
    {
        CaseAction::Opened { area_id, .. } | CaseAction::Moved { area_id } => Some(area_id),
        CaseAction::Visited { .. } => area,
    }))
}

/// The case as the fold of its events; `None` when it has none.
///
/// # Errors
/// `internal` when the events do not fit on each other.
pub async fn rebuild(connection: &impl ConnectionTrait, id: CaseId) -> Result<Option<CaseRecord>> {
    fold(&events_after(connection, id, 0).await?)
}

fn fold(events: &[CaseEvent]) -> Result<Option<CaseRecord>> {
    events.iter().try_fold(None, |case, event| ledger::apply(case, event).map(Some)).map_err(Error::internal)
}

/// Folds the events of every case of a county and compares with the
/// projection. Returns the cases that differ; none is how it must be.
///
/// # Errors
/// When the database refuses.
pub async fn verify(connection: &impl ConnectionTrait, county: &str) -> Result<Vec<CaseId>> {
    let mut differing = Vec::new();
    let mut after = None;
    loop {
        let mut page = case::Entity::find()
            .filter(case::Column::County.eq(county))
            .order_by_asc(case::Column::Id)
            .limit(BATCH as u64);
        if let Some(last) = after {
            page = page.filter(case::Column::Id.gt(last));
        }
        let rows = page.all(connection).await?;
        let Some(last) = rows.last() else { break };
        after = Some(last.id);
        let mut events: HashMap<CaseId, Vec<CaseEvent>> = HashMap::new();
        let of_page = case_event::Entity::find()
            .filter(case_event::Column::CaseId.is_in(rows.iter().map(|row| row.id)))
            .order_by_asc(case_event::Column::Version)
            .all(connection)
            .await?;
        for row in of_page {
            events.entry(row.case_id).or_default().push(event_of(row)?);
        }
        for row in rows {
            let id = row.id;
            let folded = fold(&events.remove(&id).unwrap_or_default());
            // A log that does not fold is a difference too, not a failure.
            if !matches!((folded, record_of(row)), (Ok(Some(folded)), Ok(held)) if folded == held) {
                differing.push(id);
            }
        }
    }
    let orphans: Vec<CaseId> = case_event::Entity::find()
        .select_only()
        .column(case_event::Column::CaseId)
        .filter(case_event::Column::County.eq(county))
        .filter(case_event::Column::Version.eq(1))
        .filter(case_event::Column::CaseId.not_in_subquery(
            sea_orm::sea_query::Query::select().column(case::Column::Id).from(case::Entity).to_owned(),
        ))
        .into_tuple()
        .all(connection)
        .await?;
    differing.extend(orphans);
    Ok(differing)
}

async fn append(transaction: &Transaction, county: &str, event: &CaseEvent) -> Result<()> {
    let row = case_event::ActiveModel {
        id: Set(event.id),
        county: Set(county.to_owned()),
        case_id: Set(event.case_id),
        version: Set(signed(event.version)?),
        submission_id: Set(event.submission_id),
        actor_id: Set(event.actor),
        at: Set(event.at),
        action: Set(serde_json::to_string(&event.action)?),
        changes: Set(serde_json::to_string(&event.changes)?),
    };
    case_event::Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

async fn project(transaction: &Transaction, is_new: bool, case: &CaseRecord) -> Result<()> {
    let row = case::Model {
        id: case.id,
        county: case.county.clone(),
        kind: case.kind.clone(),
        parent_id: case.parent,
        area_id: case.area_id,
        label: case.label.clone(),
        status: case.status,
        properties: serde_json::to_string(&case.properties)?,
        last_visits: serde_json::to_string(&case.last_visits)?,
        version: signed(case.version)?,
    };
    let row = row.into_active_model().reset_all();
    if is_new {
        case::Entity::insert(row).exec_without_returning(transaction).await?;
    } else {
        row.update(transaction).await?;
    }
    Ok(())
}

/// The case and its visits in the streams of its area; what moved away is gone
/// from the streams of the area before.
async fn announce(
    transaction: &Transaction,
    pack: &Pack,
    before: Option<&CaseRecord>,
    case: &CaseRecord,
    event: &CaseEvent,
    changes: &mut Changes,
) -> Result<()> {
    let Some(programme) = pack.programme(&case.kind) else {
        tracing::warn!(case = %case.id, kind = %case.kind, "the pack has no such kind: no phone learns of it");
        return Ok(());
    };
    let cases = |area| StreamName::Cases(area, programme.to_owned());
    let visits = |area| StreamName::Visits(area, programme.to_owned());
    changes.put(cases(case.area_id), item_kind::CASE, case.id.0);
    if let (CaseAction::Visited { .. }, Some(submission)) = (&event.action, event.submission_id) {
        changes.put(visits(case.area_id), item_kind::VISIT, submission.0);
    }
    let Some(old_area) = before.map(|before| before.area_id).filter(|old| *old != case.area_id) else {
        return Ok(());
    };
    changes.gone(cases(old_area), item_kind::CASE, case.id.0);
    let visited: Vec<Option<SubmissionId>> = case_event::Entity::find()
        .select_only()
        .column(case_event::Column::SubmissionId)
        .filter(case_event::Column::CaseId.eq(case.id))
        .filter(case_event::Column::SubmissionId.is_not_null())
        .into_tuple()
        .all(transaction)
        .await?;
    for submission in visited.into_iter().flatten() {
        changes.gone(visits(old_area), item_kind::VISIT, submission.0);
        changes.put(visits(case.area_id), item_kind::VISIT, submission.0);
    }
    Ok(())
}

/// A count as the databases hold it.
pub(crate) fn signed(count: u64) -> Result<i64> {
    i64::try_from(count).map_err(Error::internal)
}

fn unsigned(count: i64) -> Result<u64> {
    u64::try_from(count).map_err(Error::internal)
}

/// A row as phones and the ledger's rules know it.
pub(crate) fn record_of(row: case::Model) -> Result<CaseRecord> {
    Ok(CaseRecord {
        id: row.id,
        kind: row.kind,
        parent: row.parent_id,
        area_id: row.area_id,
        county: row.county,
        label: row.label,
        status: row.status,
        properties: serde_json::from_str(&row.properties)?,
        last_visits: serde_json::from_str(&row.last_visits)?,
        version: unsigned(row.version)?,
    })
}

fn event_of(row: case_event::Model) -> Result<CaseEvent> {
    Ok(CaseEvent {
        id: row.id,
        case_id: row.case_id,
        version: unsigned(row.version)?,
        submission_id: row.submission_id,
        actor: row.actor_id,
        at: row.at,
        action: serde_json::from_str(&row.action)?,
        changes: serde_json::from_str(&row.changes)?,
    })
}
