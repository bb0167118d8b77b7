//! One sync, as a state machine without IO, and the driver that runs it.
//!
//! Text first, then photos: push what waits, pull what changed page by page,
//! fetch new form definitions, send files, pull once more when files went, and
//! fetch the files beside the words of forms.
//! [`Synchronisation::step`] takes what arrived and says what to write and what
//! to ask next, so that a simulation can lose, repeat and reorder answers.
//!
//! * `machine`: the steps, and in `files` and `form_files` those of the files;
//!   `pace` is how much of a file goes at once.
//! * `tus`: one request of an upload, and what its answer says.
//! * `sealed`: the steps of sending a file that the phone cannot read.
//! * `drive`: runs them over a store and a way to the server.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use doorstep_form::order;
use serde::{Deserialize, Serialize};

use super::draft::MediaEntry;
use super::outbox::OutboxOperation;
use crate::command::DeviceCommand;
use crate::hash::ContentHash;
use crate::ids::{FormVersionId, MediaId};
use crate::pack::{FormFile, FormVersionRecord};
use crate::problem::Problem;
use crate::store::{Batch, Durability, LocalStore, StoreError, Table, decode};
use crate::submission::SubmissionStatus;
use crate::sync::{Epoch, PullAnswer, PullRequest, PushAnswer, PushRequest, item_kind};

mod drive;
mod machine;
mod sealed;
mod tus;

pub use drive::{Transport, synchronise};
pub use machine::Synchronisation;
pub use machine::pace::Pace;
pub use sealed::{SealedStep, SealedUpload};
pub use tus::{FileAct, FilePart, FileRequest, Standing, UPLOAD_OFFSET};

/// What a phone remembers between syncs.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct SyncState {
    pub epoch: Option<Epoch>,
    pub cursor: Option<String>,
    /// Server time minus phone time, as last measured.
    pub skew_ms: Option<i64>,
    /// When everything had last arrived, by the phone's clock.
    pub synced_at: Option<DateTime<Utc>>,
    /// The server's time, as it last said. What is kept for so many days is
    /// kept by this clock: the phone's may be wrong by years.
    #[serde(default)]
    pub server_time: Option<DateTime<Utc>>,
    /// When the history of cases was given up because the storage was full, by
    /// the server's clock. It is not fetched again on the same day.
    #[serde(default)]
    pub history_given_up_at: Option<DateTime<Utc>>,
    /// How fast files last left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_bytes_per_s: Option<u64>,
}

const STATE_KEY: &str = "sync";

impl SyncState {
    /// What the store remembers; the default before the first sync.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn load(store: &impl LocalStore) -> Result<Self, StoreError> {
        match store.get(Table::Meta, STATE_KEY).await? {
            Some(entry) => decode(&entry),
            None => Ok(Self::default()),
        }
    }

    /// Writes it with a batch.
    pub(super) fn keep_in(&self, batch: &mut Batch) -> Result<(), StoreError> {
        batch.put(Table::Meta, STATE_KEY, self)
    }
}

/// What is asked of the server.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    Push(PushRequest),
    Pull(PullRequest),
    FetchForm(FormVersionRecord),
    /// A piece of a captured file, or the question how much is there.
    Upload(Box<FilePart>),
    /// A file beside the words of this form version.
    FetchFormFile(FormVersionId, FormFile),
}

/// What came back.
#[derive(Clone, Debug)]
pub enum Answer {
    Push(PushAnswer),
    Pull(PullAnswer),
    /// The bytes of a form bundle.
    Form(Vec<u8>),
    /// What the server has of a captured file.
    Upload(Standing),
    /// The bytes of a file of a form.
    FormFile(Vec<u8>),
    Failed(Failure),
}

/// Why there is no answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Failure {
    /// No network, or something that is not Doorstep answered (a captive
    /// portal, a proxy).
    NoConnection,
    /// The login is over; the work stays on the phone until the next login.
    LoginNeeded,
    /// The server said why.
    Problem(Box<Problem>),
    /// The phone's own disk.
    Store(StoreError),
}

/// What a sync did.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SyncReport {
    pub operations_sent: usize,
    pub items_received: usize,
    pub files_sent: usize,
    /// Of files, whole or not: more than none is progress.
    pub bytes_sent: u64,
    /// Why it ended before everything was done.
    pub failure: Option<Failure>,
    /// Another copy of this device is sending: take a new identity, push again.
    pub device_forked: bool,
    /// What an administrator asks of this phone.
    pub command: Option<DeviceCommand>,
}

/// What to do next, after writing `writes` (all or nothing).
#[derive(Debug)]
pub struct Step {
    pub writes: Batch,
    pub durability: Durability,
    pub next: Next,
}

/// What follows a step's writes.
#[derive(Debug)]
pub enum Next {
    Send(Request),
    Finished(SyncReport),
}

/// What is on the phone when a sync begins.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub state: SyncState,
    pub operations: Vec<OutboxOperation>,
    /// Keys and positions of every pulled record.
    pub held: BTreeMap<String, i64>,
    pub forms: Vec<FormVersionRecord>,
    pub bundles: BTreeSet<FormVersionId>,
    pub media: Vec<MediaEntry>,
    /// Files whose bytes are here.
    pub bytes: BTreeSet<MediaId>,
    /// Files beside the words of forms.
    pub form_files: BTreeSet<ContentHash>,
    pub statuses: Vec<SubmissionStatus>,
}

impl Snapshot {
    /// Reads the store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn load(store: &impl LocalStore) -> Result<Self, StoreError> {
        let forms = store.scan(Table::Record, &format!("ref|{}|", item_kind::FORM)).await?;
        let own = store.scan(Table::Record, "user:").await?;
        let status_marker = format!("|{}|", item_kind::SUBMISSION);
        // A pulled record of a shape that this app does not know must not keep
        // what was captured on the phone.
        Ok(Self {
            state: SyncState::load(store).await?,
            operations: store
                .scan(Table::Operation, "")
                .await?
                .iter()
                .map(decode)
                .collect::<Result<_, _>>()?,
            held: order::map_of(store.keys(Table::Record, "").await?),
            forms: forms.iter().filter_map(|entry| decode(entry).ok()).collect(),
            bundles: order::set_of(
                store.keys(Table::FormBundle, "").await?.into_iter().filter_map(|(key, _)| key.parse().ok()),
            ),
            media: store.scan(Table::Media, "").await?.iter().map(decode).collect::<Result<_, _>>()?,
            bytes: order::set_of(
                store.keys(Table::MediaBytes, "").await?.into_iter().filter_map(|(key, _)| key.parse().ok()),
            ),
            form_files: order::set_of(
                store.keys(Table::FormFile, "").await?.into_iter().filter_map(|(key, _)| key.parse().ok()),
            ),
            statuses: own
                .iter()
                .filter(|entry| entry.key.contains(&status_marker))
                .filter_map(|entry| decode(entry).ok())
                .collect(),
        })
    }
}
