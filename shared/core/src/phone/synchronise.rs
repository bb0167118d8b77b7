//! One sync, as a state machine without IO, and the driver that runs it.
//!
//! Text first, then photos: push what waits, pull what changed page by page,
//! fetch new form definitions, send files, pull once more when files went, and
//! fetch the files beside the words of forms.
//! [`Synchronisation::step`] takes what arrived and says what to write and what
//! to ask next, so that a simulation can lose, repeat and reorder answers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chrono::{DateTime, Duration, Utc};
use doorstep_form::order;
use serde::{Deserialize, Serialize};

use super::draft::{MediaEntry, MediaState, media_key};
use super::outbox::{OperationState, OutboxOperation, RETENTION_DAYS};
use super::records::record_key;
use crate::api::MediaStored;
use crate::hash::ContentHash;
use crate::ids::{DeviceId, FormVersionId, MediaId, SubmissionId};
use crate::json;
use crate::pack::{FormBundle, FormFile, FormVersionRecord};
use crate::problem::{Problem, ProblemCode};
use crate::store::{Batch, Durability, Entry, LocalStore, StoreError, Table, Write, decode};
use crate::submission::SubmissionStatus;
use crate::sync::{
    Epoch, Outcome, PUSH_OPERATIONS_MAX, PullAnswer, PullItem, PullRequest, PushAnswer, PushRequest,
    StreamHash, StreamName, item_kind,
};

mod drive;
mod form_files;

pub use drive::{Transport, synchronise};
use form_files::FormFiles;

/// What a phone remembers between syncs.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct SyncState {
    pub epoch: Option<Epoch>,
    pub cursor: Option<String>,
    /// Server time minus phone time, as last measured.
    pub skew_ms: Option<i64>,
    /// When everything had last arrived, by the phone's clock.
    pub synced_at: Option<DateTime<Utc>>,
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
}

/// What is asked of the server.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    Push(PushRequest),
    Pull(PullRequest),
    FetchForm(FormVersionRecord),
    Upload(MediaEntry),
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
    Uploaded(MediaStored),
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
    /// Why it ended before everything was done.
    pub failure: Option<Failure>,
    /// Another copy of this device is sending: take a new identity, push again.
    pub device_forked: bool,
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
        Ok(Self {
            state: SyncState::load(store).await?,
            operations: store
                .scan(Table::Operation, "")
                .await?
                .iter()
                .map(decode)
                .collect::<Result<_, _>>()?,
            held: order::map_of(store.keys(Table::Record, "").await?),
            forms: forms.iter().map(decode).collect::<Result<_, _>>()?,
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
                .map(decode)
                .collect::<Result<_, _>>()?,
        })
    }
}

/// One sync in progress.
#[derive(Debug)]
pub struct Synchronisation {
    device: DeviceId,
    state: SyncState,
    operations: BTreeMap<u64, OutboxOperation>,
    held: BTreeMap<String, i64>,
    forms: BTreeMap<FormVersionId, FormVersionRecord>,
    bundles: BTreeSet<FormVersionId>,
    media: VecDeque<MediaEntry>,
    bytes: BTreeSet<MediaId>,
    missing: BTreeMap<SubmissionId, Vec<MediaId>>,
    form_files: FormFiles,
    /// Streams that were pulled again after a hash mismatch: once is enough.
    repaired: BTreeSet<StreamName>,
    report: SyncReport,
    pulled_after_files: bool,
}

impl Synchronisation {
    /// A sync of `device`, and its first step.
    pub fn begin(device: DeviceId, snapshot: Snapshot, now: DateTime<Utc>) -> (Self, Step) {
        let mut machine = Self {
            device,
            state: snapshot.state,
            operations: order::map_of(
                snapshot.operations.into_iter().map(|entry| (entry.operation.seq, entry)),
            ),
            held: snapshot.held,
            forms: order::map_of(snapshot.forms.into_iter().map(|form| (form.id, form))),
            bundles: snapshot.bundles,
            media: snapshot
                .media
                .into_iter()
                .filter(|file| matches!(file.state, MediaState::Waiting | MediaState::Stored))
                .collect(),
            bytes: snapshot.bytes,
            missing: order::map_of(
                snapshot.statuses.into_iter().map(|status| (status.submission_id, status.media_missing)),
            ),
            form_files: FormFiles::new(snapshot.form_files),
            repaired: BTreeSet::new(),
            report: SyncReport::default(),
            pulled_after_files: false,
        };
        let mut writes = Batch::default();
        machine.forget_old(now, &mut writes);
        let step = machine.push_or_pull(writes);
        (machine, step)
    }

    /// Takes the answer to the last request.
    pub fn step(&mut self, asked: &Request, answer: Answer, now: DateTime<Utc>) -> Step {
        match (asked, answer) {
            (Request::Push(_), Answer::Push(answer)) => self.pushed(&answer, now),
            (Request::Pull(request), Answer::Pull(answer)) => self.pulled(request, answer, now),
            (Request::FetchForm(form), Answer::Form(bytes)) => self.fetched(form, bytes, now),
            (Request::Upload(entry), Answer::Uploaded(stored)) => self.uploaded(entry.clone(), &stored),
            (Request::FetchFormFile(_, file), Answer::FormFile(bytes)) => self.form_file_fetched(file, bytes),
            (Request::FetchFormFile(_, file), Answer::Failed(Failure::Problem(problem))) => {
                self.form_file_refused(file, &problem)
            }
            (Request::Push(_), Answer::Failed(Failure::Problem(problem))) => self.push_refused(&problem),
            (Request::Upload(entry), Answer::Failed(Failure::Problem(problem))) => {
                self.upload_refused(entry.clone(), &problem)
            }
            (_, Answer::Failed(failure)) => self.finish(Batch::default(), Some(failure)),
            // An answer to something else: as good as none.
            (_, _) => self.finish(Batch::default(), Some(Failure::NoConnection)),
        }
    }

    /// Acknowledged operations are kept for a month in case the server is
    /// restored from a backup that does not have them.
    fn forget_old(&mut self, now: DateTime<Utc>, writes: &mut Batch) {
        let oldest = now - Duration::days(RETENTION_DAYS);
        // The last one stays: it is where numbering goes on.
        let last = self.operations.keys().next_back().copied();
        self.operations.retain(|seq, entry| {
            let old = match &entry.state {
                OperationState::Applied { acknowledged_at } => *acknowledged_at < oldest,
                OperationState::Waiting | OperationState::Parked { .. } => false,
            };
            if old && Some(*seq) != last {
                writes.delete(Table::Operation, OutboxOperation::key(*seq));
            }
            !old || Some(*seq) == last
        });
    }

    fn push_or_pull(&mut self, writes: Batch) -> Step {
        let waiting: Vec<_> = self
            .operations
            .values()
            .filter(|entry| !entry.is_acknowledged())
            .take(PUSH_OPERATIONS_MAX)
            .map(|entry| entry.operation.clone())
            .collect();
        if waiting.is_empty() {
            return self.pull(writes, None);
        }
        let request = PushRequest { device: self.device, epoch: self.state.epoch, ops: waiting };
        send(writes, Durability::Strict, Request::Push(request))
    }

    fn pull(&self, writes: Batch, again: Option<String>) -> Step {
        let request = PullRequest { cursor: self.state.cursor.clone(), max: None, again };
        send(writes, Durability::Relaxed, Request::Pull(request))
    }

    fn pushed(&mut self, answer: &PushAnswer, now: DateTime<Utc>) -> Step {
        let mut writes = Batch::default();
        if self.is_from_the_past(answer.epoch) {
            return self.finish(writes, Some(Failure::NoConnection));
        }
        self.enter_epoch(answer.epoch, &mut writes);
        self.state.skew_ms = Some((answer.server_time - now).num_milliseconds());
        let before = self.unacknowledged();
        for result in &answer.results {
            let Some(entry) = self.operations.get_mut(&result.seq) else { continue };
            // A receipt counts only when it names what is here.
            let same = entry.operation.op_id == result.op_id
                && result.receipt.sha256 == ContentHash::of_json(&entry.operation.body);
            if !same || entry.is_acknowledged() {
                continue;
            }
            entry.state = match &result.outcome {
                Outcome::Applied | Outcome::Conflict => OperationState::Applied { acknowledged_at: now },
                Outcome::Parked { reason } => {
                    OperationState::Parked { acknowledged_at: now, reason: reason.clone() }
                }
            };
            entry.receipt = Some(result.receipt.clone());
            self.report.operations_sent += 1;
            put(&mut writes, Table::Operation, &OutboxOperation::key(result.seq), 0, &*entry);
        }
        put(&mut writes, Table::Meta, STATE_KEY, 0, &self.state);
        // Without progress, asking again would go on for ever.
        if self.unacknowledged() == before && before > 0 {
            return self.pull(writes, None);
        }
        self.push_or_pull(writes)
    }

    fn push_refused(&mut self, problem: &Problem) -> Step {
        let mut writes = Batch::default();
        match (problem.code, problem.expect) {
            // The server lacks operations that were acknowledged before.
            (ProblemCode::OperationGap, Some(expect)) if self.operations.contains_key(&expect) => {
                let mut resent = false;
                for (seq, entry) in self.operations.range_mut(expect..) {
                    if entry.is_acknowledged() {
                        entry.state = OperationState::Waiting;
                        resent = true;
                        put(&mut writes, Table::Operation, &OutboxOperation::key(*seq), 0, &*entry);
                    }
                }
                if resent {
                    return self.push_or_pull(writes);
                }
                self.finish(writes, Some(Failure::Problem(Box::new(problem.clone()))))
            }
            (ProblemCode::OperationGap | ProblemCode::DeviceForked, _) => {
                self.report.device_forked = true;
                self.finish(writes, Some(Failure::Problem(Box::new(problem.clone()))))
            }
            _ => self.finish(writes, Some(Failure::Problem(Box::new(problem.clone())))),
        }
    }

    fn pulled(&mut self, asked: &PullRequest, answer: PullAnswer, now: DateTime<Utc>) -> Step {
        let mut writes = Batch::default();
        // An answer counts only if it was asked with the current cursor.
        if self.is_from_the_past(answer.epoch) || asked.cursor != self.state.cursor {
            return self.finish(writes, Some(Failure::NoConnection));
        }
        if self.enter_epoch(answer.epoch, &mut writes) && asked.cursor.is_some() {
            // What was asked with the old life's cursor says nothing of the new.
            put(&mut writes, Table::Meta, STATE_KEY, 0, &self.state);
            return self.push_or_pull(writes);
        }
        for stream in answer.drop.iter().chain(&streams_of(asked.again.as_deref())) {
            self.drop_stream(stream, &mut writes);
        }
        self.report.items_received += answer.items.len();
        for item in answer.items {
            self.take_item(item, &mut writes);
        }
        self.state.cursor = Some(answer.cursor);
        self.state.skew_ms = Some((answer.server_time - now).num_milliseconds());
        let broken = if answer.more { Vec::new() } else { self.broken_streams(&answer.hash) };
        put(&mut writes, Table::Meta, STATE_KEY, 0, &self.state);
        if answer.more {
            return self.pull(writes, None);
        }
        if !broken.is_empty() {
            let again = broken.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            self.repaired.extend(broken);
            return self.pull(writes, Some(again));
        }
        self.forms_then_files(writes, now)
    }

    fn drop_stream(&mut self, stream: &StreamName, writes: &mut Batch) {
        let prefix = format!("{stream}|");
        self.held.retain(|key, _| !key.starts_with(&prefix));
        writes.delete_prefix(Table::Record, prefix);
    }

    fn take_item(&mut self, item: PullItem, writes: &mut Batch) {
        let key = record_key(&item.stream, &item.kind, item.id);
        let Some(body) = item.body else {
            self.held.remove(&key);
            writes.delete(Table::Record, key);
            return;
        };
        if item.kind == item_kind::FORM
            && let Ok(form) = serde_json::from_value::<FormVersionRecord>(body.clone())
        {
            self.forms.insert(form.id, form);
        }
        if item.kind == item_kind::SUBMISSION
            && let Ok(status) = serde_json::from_value::<SubmissionStatus>(body.clone())
        {
            self.missing.insert(status.submission_id, status.media_missing);
        }
        put(writes, Table::Record, &key, item.seq, &body);
        self.held.insert(key, item.seq);
    }

    /// Streams whose hash differs from the server's and were not pulled again
    /// in this sync.
    fn broken_streams(&self, expected: &BTreeMap<StreamName, StreamHash>) -> Vec<StreamName> {
        expected
            .iter()
            .filter(|(stream, _)| !self.repaired.contains(stream))
            .filter(|(stream, hash)| self.hash_of(stream) != **hash)
            .map(|(stream, _)| stream.clone())
            .collect()
    }

    fn hash_of(&self, stream: &StreamName) -> StreamHash {
        let prefix = format!("{stream}|");
        let mut hash = StreamHash::default();
        for (key, seq) in self.held.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix)) {
            let mut parts = key.rsplitn(3, '|');
            if let (Some(id), Some(kind)) = (parts.next().and_then(|id| id.parse().ok()), parts.next()) {
                hash.toggle(kind, id, *seq);
            }
        }
        hash
    }

    /// Everything has arrived once the forms are here too: without them the
    /// phone cannot begin a visit.
    fn forms_then_files(&mut self, mut writes: Batch, now: DateTime<Utc>) -> Step {
        if let Some(form) = self.forms.values().find(|form| !self.bundles.contains(&form.id)) {
            return send(writes, Durability::Relaxed, Request::FetchForm(form.clone()));
        }
        self.state.synced_at = Some(now);
        put(&mut writes, Table::Meta, STATE_KEY, 0, &self.state);
        self.next_file(writes)
    }

    fn fetched(&mut self, form: &FormVersionRecord, bytes: Vec<u8>, now: DateTime<Utc>) -> Step {
        let mut writes = Batch::default();
        let whole = ContentHash::of(&bytes) == form.sha256 && json::read::<FormBundle>(&bytes).is_ok();
        if !whole {
            return self.finish(writes, Some(Failure::NoConnection));
        }
        self.bundles.insert(form.id);
        let entry = Entry { key: form.id.to_string(), revision: 0, value: bytes };
        writes.0.push(Write::Put(Table::FormBundle, entry));
        self.forms_then_files(writes, now)
    }

    /// The next file whose submission the server has. A file that the server
    /// does not miss (a correction shares its photos) is done already.
    fn next_file(&mut self, mut writes: Batch) -> Step {
        while let Some(mut entry) = self.media.pop_front() {
            let known = self.missing.get(&entry.submission_id);
            // A server that was restored from a backup may lack what it had.
            let lacking = known.is_some_and(|missing| missing.contains(&entry.media_id));
            if entry.state == MediaState::Stored && !lacking {
                continue;
            }
            // One that was parked says so by its status, once it was applied.
            let acknowledged = known.is_some()
                || self.operations.values().any(|operation| {
                    matches!(operation.state, OperationState::Applied { .. })
                        && operation.receipt.as_ref().and_then(|receipt| receipt.submission_id)
                            == Some(entry.submission_id)
                });
            if !acknowledged {
                continue;
            }
            if known.is_some() && !lacking {
                entry.state = MediaState::Stored;
                put(&mut writes, Table::Media, &media_key(&entry), 0, &entry);
                continue;
            }
            if self.bytes.contains(&entry.media_id) {
                return send(writes, Durability::Strict, Request::Upload(entry));
            }
        }
        if self.report.files_sent > 0 && !self.pulled_after_files {
            self.pulled_after_files = true;
            return self.pull(writes, None);
        }
        self.next_form_file(writes)
    }

    fn uploaded(&mut self, mut entry: MediaEntry, stored: &MediaStored) -> Step {
        let mut writes = Batch::default();
        if stored.sha256 == entry.sha256 && stored.media_id == entry.media_id {
            entry.state = MediaState::Stored;
            self.report.files_sent += 1;
            put(&mut writes, Table::Media, &media_key(&entry), 0, &entry);
        }
        self.next_file(writes)
    }

    /// A file that can never be taken is set aside with its reason; one that
    /// may be taken later waits; neither stops the others.
    fn upload_refused(&mut self, mut entry: MediaEntry, problem: &Problem) -> Step {
        let mut writes = Batch::default();
        match problem.code {
            ProblemCode::MediaNotAnImage | ProblemCode::MediaTooManyPixels | ProblemCode::TooLarge => {
                entry.state = MediaState::SetAside { problem: problem.code.code().to_owned() };
                put(&mut writes, Table::Media, &media_key(&entry), 0, &entry);
                self.next_file(writes)
            }
            ProblemCode::MediaNotExpected | ProblemCode::MediaHashMismatch => self.next_file(writes),
            _ => self.finish(writes, Some(Failure::Problem(Box::new(problem.clone())))),
        }
    }

    fn is_from_the_past(&self, epoch: Epoch) -> bool {
        self.state.epoch.is_some_and(|known| epoch < known)
    }

    /// Notices a new life of the server's database: what was pulled is pulled
    /// anew, what was acknowledged is sent again. Returns whether it is new.
    fn enter_epoch(&mut self, epoch: Epoch, writes: &mut Batch) -> bool {
        let known = self.state.epoch.replace(epoch);
        let is_new = known.is_some_and(|known| known != epoch);
        if is_new {
            self.state.cursor = None;
            self.state.synced_at = None;
            self.held.clear();
            self.missing.clear();
            writes.delete_prefix(Table::Record, "");
            for (seq, entry) in &mut self.operations {
                if entry.is_acknowledged() {
                    entry.state = OperationState::Waiting;
                    put(writes, Table::Operation, &OutboxOperation::key(*seq), 0, &*entry);
                }
            }
        }
        is_new
    }

    fn unacknowledged(&self) -> usize {
        self.operations.values().filter(|entry| !entry.is_acknowledged()).count()
    }

    fn finish(&mut self, writes: Batch, failure: Option<Failure>) -> Step {
        let mut report = std::mem::take(&mut self.report);
        report.failure = failure;
        Step { writes, durability: Durability::Strict, next: Next::Finished(report) }
    }
}

fn send(writes: Batch, durability: Durability, request: Request) -> Step {
    Step { writes, durability, next: Next::Send(request) }
}

fn streams_of(again: Option<&str>) -> Vec<StreamName> {
    again.unwrap_or_default().split(',').filter_map(|name| name.parse().ok()).collect()
}

/// Adds a row. Wire types and plain structs always write as JSON; were one not
/// to, the row would be missing and the next sync would repair it.
fn put<T: Serialize>(writes: &mut Batch, table: Table, key: &str, revision: i64, value: &T) {
    let _ = writes.put_revision(table, key, revision, value);
}
