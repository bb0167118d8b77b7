//! Tasks of a case: what is due next, by the schedule rules of the pack.
//!
//! A case has at most one task from a schedule per form that is not over. A
//! visit that counts finishes it and a new one is planned from the visit's
//! date; a failed attempt leaves it open as it was. When another rule holds
//! (the risk went up), the same task gets the rule's dates, so that a draft
//! that was begun for it stays its draft.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime};
use doorstep_core::case::{CaseAction, CaseEvent, CaseRecord, CaseStatus};
use doorstep_core::ids::{SubmissionId, TaskId};
use doorstep_core::pack::{Pack, ScheduleRule};
use doorstep_core::schedule::{self, DueVisit};
use doorstep_core::submission::SubmissionContent;
use doorstep_core::sync::{StreamName, item_kind};
use doorstep_core::task::{TaskOrigin, TaskRecord, TaskState};
use doorstep_form::Rule;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use crate::area;
use crate::clock::china_offset;
use crate::db::Transaction;
use crate::db::entity::{submission, task};
use crate::error::{Error, Result};
use crate::streams::Changes;
use crate::users;

/// What the planning follows on.
pub(super) enum After<'a> {
    Event(&'a CaseEvent),
    /// A submission was returned or rejected: its task is to be done again.
    Refused(SubmissionId),
}

/// A task on its way through the planning.
struct Planned {
    /// `None`: it is new.
    before: Option<task::Model>,
    now: task::Model,
    origin: TaskOrigin,
}

impl Planned {
    fn is_open_schedule(&self) -> bool {
        self.now.state == TaskState::Open && matches!(self.origin, TaskOrigin::Schedule { .. })
    }

    fn end(&mut self, state: TaskState) {
        self.now.state = state;
    }
}

/// Brings the tasks of a case, whose row is locked, in line with what
/// happened, and announces those that changed. Returns those that are neither
/// done nor cancelled, by due date.
pub(super) async fn plan(
    transaction: &Transaction,
    pack: &Pack,
    today: NaiveDate,
    case: &CaseRecord,
    after: After<'_>,
    changes: &mut Changes,
) -> Result<Vec<TaskRecord>> {
    let mut tasks = Vec::new();
    let rows = task::Entity::find()
        .filter(task::Column::CaseId.eq(case.id))
        .filter(task::Column::State.is_in([TaskState::Open, TaskState::Submitted]))
        .order_by_asc(task::Column::Id)
        .all(transaction)
        .await?;
    for row in rows {
        let origin = serde_json::from_str(&row.origin)?;
        tasks.push(Planned { before: Some(row.clone()), now: row, origin });
    }
    match after {
        After::Event(event) => settle(transaction, event, &mut tasks).await?,
        After::Refused(submission) => {
            for task in tasks.iter_mut().filter(|task| task.now.submission_id == Some(submission)) {
                task.now.state = TaskState::Open;
                task.now.submission_id = None;
            }
        }
    }
    let due = schedule::due_visits(pack, case, today, &|rule, case| holds(rule, case, today))
        .map_err(Error::internal)?;
    follow(transaction, pack, case, due, &mut tasks).await?;
    let mut open = Vec::new();
    for task in tasks {
        write(transaction, &task, changes).await?;
        if matches!(task.now.state, TaskState::Open | TaskState::Submitted) {
            open.push(record_of(task.now)?);
        }
    }
    open.sort_by_key(|task| (task.due_on, task.id));
    Ok(open)
}

/// What a visit means for the tasks that were there: the one it was made for,
/// and, if it counts, the scheduled one of its form.
async fn settle(transaction: &Transaction, event: &CaseEvent, tasks: &mut [Planned]) -> Result<()> {
    let CaseAction::Visited { form_id, counted, closes, .. } = &event.action else { return Ok(()) };
    let named: Option<TaskId> = match event.submission_id {
        None => None,
        Some(id) => submission::Entity::find_by_id(id)
            .select_only()
            .column(submission::Column::TaskId)
            .into_tuple::<Option<TaskId>>()
            .one(transaction)
            .await?
            .flatten(),
    };
    for task in tasks {
        let is_of_form = task.now.form_id == *form_id;
        let is_named = is_of_form
            && (named == Some(task.now.id)
                || (event.submission_id.is_some() && task.now.submission_id == event.submission_id));
        if is_named && !counted && !closes {
            task.now.state = TaskState::Open;
            task.now.submission_id = None;
        } else if is_named || (*counted && is_of_form && task.is_open_schedule()) {
            task.now.submission_id = event.submission_id;
            task.end(TaskState::Done);
        }
    }
    Ok(())
}

/// Updates, adds and cancels until the tasks are what is due.
async fn follow(
    transaction: &Transaction,
    pack: &Pack,
    case: &CaseRecord,
    due: Vec<DueVisit>,
    tasks: &mut Vec<Planned>,
) -> Result<()> {
    let path = area::path(transaction, case.area_id).await?;
    let programme = pack.programme(&case.kind).unwrap_or_default();
    let mut kept = Vec::new();
    for visit in due {
        let assignee = users::assignee_for(transaction, visit.role, &path, programme).await?;
        let origin = TaskOrigin::Schedule { rule: visit.rule.clone() };
        let running = tasks.iter_mut().find(|task| {
            matches!(task.origin, TaskOrigin::Schedule { .. })
                && task.now.form_id == visit.form_id
                && matches!(task.now.state, TaskState::Open | TaskState::Submitted)
        });
        match running {
            // A decision is due first; then this is asked again.
            Some(task) if task.now.state == TaskState::Submitted => kept.push(task.now.id),
            Some(task) => {
                kept.push(task.now.id);
                // Never visited: it stays due since it was first due.
                let never = !case.last_visits.contains_key(&visit.form_id);
                let early = if never { visit.due_on - task.now.due_on } else { chrono::TimeDelta::zero() };
                let early = early.max(chrono::TimeDelta::zero());
                task.now.opens_on = visit.opens_on - early;
                task.now.due_on = visit.due_on - early;
                task.now.grace_until = visit.grace_until - early;
                task.now.role = visit.role;
                task.now.assignee = assignee;
                task.now.origin = serde_json::to_string(&origin)?;
                task.origin = origin;
            }
            None => {
                let row = task::Model {
                    id: TaskId(Uuid::now_v7()),
                    county: case.county.clone(),
                    case_id: case.id,
                    form_id: visit.form_id,
                    assignee,
                    role: visit.role,
                    opens_on: visit.opens_on,
                    due_on: visit.due_on,
                    grace_until: visit.grace_until,
                    origin: serde_json::to_string(&origin)?,
                    state: TaskState::Open,
                    submission_id: None,
                };
                kept.push(row.id);
                tasks.push(Planned { before: None, now: row, origin });
            }
        }
    }
    let closed = case.status == CaseStatus::Closed;
    for task in tasks.iter_mut().filter(|task| !kept.contains(&task.now.id)) {
        if task.is_open_schedule() || (closed && task.now.state == TaskState::Open) {
            task.end(TaskState::Cancelled);
        }
    }
    Ok(())
}

/// Whether a rule's condition holds of the case: over its properties, `label`,
/// `status` and `last_visit_on`, the date of the last visit of the rule's form.
fn holds(rule: &ScheduleRule, case: &CaseRecord, today: NaiveDate) -> Result<bool, String> {
    let expression = Rule::parse(&rule.when).map_err(|error| error.to_string())?;
    let lookup = |name: &str| match name {
        "label" => Some(case.label.clone()),
        "status" => Some(case.status.code().to_owned()),
        "last_visit_on" => case.last_visits.get(&rule.form_id).map(NaiveDate::to_string),
        property => case.properties.get(property).cloned(),
    };
    let value = expression.evaluate(&lookup, noon(today)).map_err(|error| error.to_string())?;
    Ok(value.to_boolean())
}

/// A moment of the day, for rules that say `today()`.
fn noon(day: NaiveDate) -> DateTime<FixedOffset> {
    let noon = day.and_time(NaiveTime::from_hms_opt(12, 0, 0).unwrap_or_default());
    noon.and_local_timezone(china_offset()).single().unwrap_or_else(|| noon.and_utc().fixed_offset())
}

async fn write(transaction: &Transaction, task: &Planned, changes: &mut Changes) -> Result<()> {
    if task.before.as_ref() == Some(&task.now) {
        return Ok(());
    }
    let row = task.now.clone().into_active_model().reset_all();
    if task.before.is_some() {
        row.update(transaction).await?;
    } else {
        task::Entity::insert(row).exec_without_returning(transaction).await?;
    }
    let former = task.before.as_ref().and_then(|before| before.assignee);
    if let Some(former) = former.filter(|former| task.now.assignee != Some(*former)) {
        changes.gone(StreamName::User(former), item_kind::TASK, task.now.id.0);
    }
    announce(&task.now, changes);
    Ok(())
}

fn announce(task: &task::Model, changes: &mut Changes) {
    if let Some(assignee) = task.assignee {
        changes.put(StreamName::User(assignee), item_kind::TASK, task.id.0);
    }
}

/// A submission for the task arrived: it waits for a decision now. A task that
/// is over, or about something else, stays what it is. The case's row is
/// locked.
pub(crate) async fn hand_in(
    transaction: &Transaction,
    task_id: TaskId,
    content: &SubmissionContent,
    changes: &mut Changes,
) -> Result<()> {
    let row = task::Entity::find_by_id(task_id)
        .filter(task::Column::CaseId.eq(content.case_id))
        .filter(task::Column::FormId.eq(&content.form_id))
        .filter(task::Column::State.is_in([TaskState::Open, TaskState::Submitted]))
        .one(transaction)
        .await?;
    let Some(mut row) = row else { return Ok(()) };
    row.state = TaskState::Submitted;
    row.submission_id = Some(content.submission_id);
    row.clone().into_active_model().reset_all().update(transaction).await?;
    announce(&row, changes);
    Ok(())
}

/// A submission was returned or rejected: its task is open again, if the case
/// still needs it. The case's row is locked. Returns the tasks that are
/// neither done nor cancelled.
pub(crate) async fn reopen(
    transaction: &Transaction,
    pack: &Pack,
    today: NaiveDate,
    case: &CaseRecord,
    submission_id: SubmissionId,
    changes: &mut Changes,
) -> Result<Vec<TaskRecord>> {
    plan(transaction, pack, today, case, After::Refused(submission_id), changes).await
}

/// A row as phones hold it.
pub(crate) fn record_of(row: task::Model) -> Result<TaskRecord> {
    Ok(TaskRecord {
        id: row.id,
        case_id: row.case_id,
        form_id: row.form_id,
        assignee: row.assignee,
        role: row.role,
        opens_on: row.opens_on,
        due_on: row.due_on,
        grace_until: row.grace_until,
        origin: serde_json::from_str(&row.origin)?,
        state: row.state,
    })
}
