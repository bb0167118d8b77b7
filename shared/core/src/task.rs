//! What is to be done: one form about one case, in a window of days.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::ids::{CaseId, TaskId, UserId};
use crate::role::Role;

/// Where a task stands.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ids", derive(sea_orm::DeriveValueType), sea_orm(value_type = "String"))]
pub enum TaskState {
    /// To be done.
    Open,
    /// Captured; the supervisor has not decided yet.
    Submitted,
    /// Approved.
    Done,
    /// No longer needed.
    Cancelled,
}

impl TaskState {
    /// The stable word stored in the database.
    pub fn code(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Submitted => "submitted",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }
}

crate::code::written_as_code!(TaskState { Open, Submitted, Done, Cancelled });

/// Why a task exists.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "origin", rename_all = "snake_case")]
pub enum TaskOrigin {
    /// A schedule rule of the pack.
    Schedule { rule: String },
    /// An alert code of a submission.
    Alert { code: String },
    /// A person.
    Manual,
}

/// A task as phones hold it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "Fields")]
pub struct TaskRecord {
    pub id: TaskId,
    pub case_id: CaseId,
    pub form_id: String,
    /// `None`: nobody with the role covers the case's area; supervisors see it.
    pub assignee: Option<UserId>,
    pub role: Role,
    /// The first day on which doing it makes sense.
    pub opens_on: NaiveDate,
    /// The last day on which it is on time.
    pub due_on: NaiveDate,
    /// The last day before it escalates: `due_on` plus the rule's grace.
    pub grace_until: NaiveDate,
    #[serde(flatten)]
    pub origin: TaskOrigin,
    pub state: TaskState,
}

/// A [`TaskRecord`] as it is read: what is flattened is read by way of a list
/// of all members, which takes a phone with ten thousand tasks seconds.
#[derive(Deserialize)]
struct Fields {
    id: TaskId,
    case_id: CaseId,
    form_id: String,
    assignee: Option<UserId>,
    role: Role,
    opens_on: NaiveDate,
    due_on: NaiveDate,
    grace_until: NaiveDate,
    origin: String,
    rule: Option<String>,
    code: Option<String>,
    state: TaskState,
}

impl TryFrom<Fields> for TaskRecord {
    type Error = String;

    fn try_from(fields: Fields) -> Result<Self, String> {
        let lacks = |member: &str| format!("a task from {} without a {member}", fields.origin);
        let origin = match fields.origin.as_str() {
            "schedule" => TaskOrigin::Schedule { rule: fields.rule.ok_or_else(|| lacks("rule"))? },
            "alert" => TaskOrigin::Alert { code: fields.code.ok_or_else(|| lacks("code"))? },
            "manual" => TaskOrigin::Manual,
            other => return Err(format!("a task has the unknown origin {other}")),
        };
        let Fields { id, case_id, form_id, assignee, role, opens_on, due_on, grace_until, state, .. } =
            fields;
        Ok(Self { id, case_id, form_id, assignee, role, opens_on, due_on, grace_until, origin, state })
    }
}

/// How urgent a task is on a given day.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Urgency {
    /// Past its grace.
    Overdue,
    /// Past its due date, within grace.
    Late,
    /// Due today.
    DueToday,
    /// Its window is open.
    Due,
    /// Its window is not open yet.
    Upcoming,
}

impl TaskRecord {
    /// How urgent the task is on `today`.
    pub fn urgency(&self, today: NaiveDate) -> Urgency {
        if today > self.grace_until {
            Urgency::Overdue
        } else if today > self.due_on {
            Urgency::Late
        } else if today == self.due_on {
            Urgency::DueToday
        } else if today >= self.opens_on {
            Urgency::Due
        } else {
            Urgency::Upcoming
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_task_reads_back_whatever_it_came_from() -> Result<(), serde_json::Error> {
        let origins = [
            TaskOrigin::Schedule { rule: "elder_monthly".into() },
            TaskOrigin::Alert { code: "fall".into() },
            TaskOrigin::Manual,
        ];
        for origin in origins {
            let task = TaskRecord {
                id: TaskId(uuid::Uuid::from_u128(1)),
                case_id: CaseId(uuid::Uuid::from_u128(2)),
                form_id: "elder_visit".into(),
                assignee: None,
                role: Role::GridWorker,
                opens_on: NaiveDate::default(),
                due_on: NaiveDate::default(),
                grace_until: NaiveDate::default(),
                origin,
                state: TaskState::Open,
            };
            let mut written = serde_json::to_value(&task)?;
            assert_eq!(serde_json::from_value::<TaskRecord>(written.clone())?, task);
            // A newer server may say more of it.
            written["of_later"] = json!(1);
            assert_eq!(serde_json::from_value::<TaskRecord>(written.clone())?, task);
            written["origin"] = json!("dream");
            assert!(serde_json::from_value::<TaskRecord>(written).is_err());
        }
        Ok(())
    }
}
