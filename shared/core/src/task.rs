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
