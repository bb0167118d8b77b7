//! The phone without its screen: what it holds, drafts, the outbox and sync.
//!
//! [`Phone`] is generic over the store, so that tests and simulations run the
//! very code that the browser runs. Identifiers and times are arguments.
//!
//! * [`records`]: what was pulled, as screens read it. [`today`]: whom to visit.
//! * [`draft`]: one small durable write per answer.
//! * [`outbox`]: finished visits on their way.
//! * [`backup`]: a file with everything that only this phone has.
//! * [`room`]: what goes when the storage is full.
//! * [`synchronise`]: the state machine of one sync, and its driver.
//! * [`reply`]: what came back over HTTP. [`backoff`]: when to try again.

pub mod backoff;
pub mod backup;
pub mod draft;
pub mod outbox;
pub mod records;
pub mod reply;
pub mod room;
pub mod synchronise;
pub mod today;

use chrono::{DateTime, FixedOffset};
use doorstep_form::AuthoringProblem;
use thiserror::Error;

use crate::ids::{CaseId, DeviceId, DraftId, FormVersionId, MediaId, SubmissionId, UserId};
use crate::store::{LocalStore, StoreError};

pub use draft::{DraftRecord, MediaEntry, MediaState, NewFile, OpenDraft};
pub use outbox::{OperationState, OutboxEntry, OutboxOperation};
pub use records::CaseView;
pub use reply::Reply;
pub use synchronise::{Failure, SyncReport, SyncState, Transport, synchronise};
pub use today::{CaseShelf, TaskProgress, Today, TodayEntry};

/// Whose phone this is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Owner {
    pub user_id: UserId,
    pub device_id: DeviceId,
    pub login_name: String,
    pub display_name: String,
}

/// One user's Doorstep on one phone.
#[derive(Clone, Debug)]
pub struct Phone<S> {
    store: S,
    owner: Owner,
}

impl<S: LocalStore> Phone<S> {
    /// The phone of `owner` over an unlocked store.
    pub fn new(store: S, owner: Owner) -> Self {
        Self { store, owner }
    }

    /// Whose phone this is.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// The store, for the sync driver.
    pub fn store(&self) -> &S {
        &self.store
    }
}

/// Why the phone could not do it. What was captured before stays captured.
#[derive(Debug, Error)]
pub enum PhoneError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("case {0} is not on this phone: sync first, or it has moved out of your area")]
    CaseUnknown(CaseId),
    #[error("form {0} is not on this phone yet: sync first")]
    FormUnknown(String),
    #[error("form version {0} is not on this phone yet: sync first")]
    FormVersionUnknown(FormVersionId),
    #[error("draft {0} is not on this phone")]
    DraftUnknown(DraftId),
    #[error("submission {0} was not returned, or its content is not here")]
    NotReturned(SubmissionId),
    #[error("file {0} is not on this phone")]
    MediaUnknown(MediaId),
    /// A published form that does not run: the server should not have sent it.
    #[error("form {form} does not run on this phone: {}", first_problem(.problems))]
    FormBroken { form: String, problems: Vec<AuthoringProblem> },
    #[error("the answer to {path} was not taken: {message}")]
    Answer { path: String, message: String },
    #[error(transparent)]
    Backup(#[from] backup::BackupError),
    #[error("the finished visit could not be written: {0}")]
    Encoding(String),
}

fn first_problem(problems: &[AuthoringProblem]) -> String {
    problems.first().map_or_else(|| "no reason given".to_owned(), ToString::to_string)
}

/// The time of a thing a person does, by the phone's clock and zone.
pub type LocalTime = DateTime<FixedOffset>;

/// A phone whose store is memory.
#[cfg(test)]
pub(crate) fn in_memory() -> Phone<crate::store::MemoryStore> {
    let owner = Owner {
        user_id: UserId(uuid::Uuid::from_u128(1)),
        device_id: DeviceId(uuid::Uuid::from_u128(2)),
        login_name: "wang".to_owned(),
        display_name: "王芳".to_owned(),
    };
    Phone::new(crate::store::MemoryStore::default(), owner)
}
