//! The ledger.
//!
//! [`record`] is the only writer of `case` and `case_event`. The lock on a
//! case's row, taken before anything about the case is read, is what makes
//! everything about one case happen one after the other.

use chrono::{DateTime, NaiveDate, Utc};
use doorstep_core::case::{CaseAction, CaseRecord, PropertyChange};
use doorstep_core::ids::{CaseId, SubmissionId, UserId};
use doorstep_core::pack::Pack;
use doorstep_core::task::TaskRecord;
use sea_orm::DatabaseTransaction;

use crate::error::{Error, Result};
use crate::streams::Changes;

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
    /// The tasks of the case that are neither done nor cancelled.
    pub tasks: Vec<TaskRecord>,
}

/// Appends the event, folds it into the case, writes the outbox row, plans the
/// next tasks by the schedule rules and numbers `changes` plus its own, last.
///
/// # Errors
/// When the event does not fit on the case, or the database refuses.
pub async fn record(
    transaction: &DatabaseTransaction,
    pack: &Pack,
    today: NaiveDate,
    event: NewEvent,
    changes: Changes,
) -> Result<Recorded> {
    let _ = (transaction, pack, today, event, changes);
    Err(Error::internal(anyhow::anyhow!("not written yet")))
}
