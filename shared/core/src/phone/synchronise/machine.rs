//! The steps of a sync.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chrono::{DateTime, Duration, Utc};
use doorstep_form::order;
use serde::Serialize;

use super::{Answer, Failure, Next, Request, STATE_KEY, Snapshot, Step, SyncReport, SyncState};
use crate::hash::ContentHash;
use crate::ids::{DeviceId, FormVersionId, MediaId, SubmissionId};
use crate::json;
use crate::pack::{FormBundle, FormVersionRecord};
use crate::phone::draft::{MediaEntry, MediaState};
use crate::phone::outbox::{OperationState, OutboxOperation, RETENTION_DAYS};
use crate::phone::records::record_key;
use crate::problem::{Problem, ProblemCode};
use crate::store::{Batch, Durability, Entry, Table, Write};
use crate::submission::SubmissionStatus;
use crate::sync::{
    Epoch, Outcome, PUSH_OPERATIONS_MAX, PullAnswer, PullItem, PullRequest, PushAnswer, PushRequest, Rule,
    Rules, StreamHash, StreamName, item_kind,
};

mod files;
mod form_files;
pub(super) mod pace;

use form_files::FormFiles;
use pace::Pace;

/// For so long a phone does without the history that it gave up.
const HISTORY_HOURS: i64 = 24;

/// One sync in progress.
#[derive(Debug)]
pub struct Synchronisation {
    device: DeviceId,
    rules: Rules,
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
    /// Acknowledged operations were found to be missing on the server.
    reclaimed: bool,
    /// Why the server tells this phone nothing.
    pull_refused: Option<Box<Problem>>,
    /// How much of a file goes at once.
    pace: Pace,
    /// How often the present file failed without a byte more.
    stumbles: u32,
    /// Files do not leave for now.
    files_wait: bool,
    /// Why a file has to wait for the next sync.
    file_waits: Option<Box<Problem>>,
    /// When the last step was taken, and so when its request left.
    stepped_at: Option<DateTime<Utc>>,
}

impl Synchronisation {
    /// A sync of `device`, and its first step.
    pub fn begin(device: DeviceId, snapshot: Snapshot) -> (Self, Step) {
        Self::begin_by(Rules::ALL, device, snapshot)
    }

    /// As [`Self::begin`]. Only the simulation goes by other rules than all.
    pub fn begin_by(rules: Rules, device: DeviceId, snapshot: Snapshot) -> (Self, Step) {
        let mut media: Vec<MediaEntry> = snapshot
            .media
            .into_iter()
            .filter(|file| matches!(file.state, MediaState::Waiting | MediaState::Stored))
            .collect();
        // A reviewer sees something of every visit before anybody's photo is
        // whole.
        order::sort_by_key(&mut media, |file| file.preview_of.is_none());
        let mut machine = Self {
            device,
            rules,
            pace: Pace::of(snapshot.state.upload_bytes_per_s),
            state: snapshot.state,
            operations: order::map_of(
                snapshot.operations.into_iter().map(|entry| (entry.operation.seq, entry)),
            ),
            held: snapshot.held,
            forms: order::map_of(snapshot.forms.into_iter().map(|form| (form.id, form))),
            bundles: snapshot.bundles,
            media: media.into(),
            bytes: snapshot.bytes,
            missing: order::map_of(
                snapshot.statuses.into_iter().map(|status| (status.submission_id, status.media_missing)),
            ),
            form_files: FormFiles::new(snapshot.form_files),
            repaired: BTreeSet::new(),
            report: SyncReport::default(),
            pulled_after_files: false,
            reclaimed: false,
            pull_refused: None,
            stumbles: 0,
            files_wait: false,
            file_waits: None,
            stepped_at: None,
        };
        let mut writes = Batch::default();
        machine.forget_old(&mut writes);
        let step = machine.push_or_pull(writes);
        (machine, step)
    }

    /// Ends it early.
    pub fn end(&mut self, failure: Failure) -> SyncReport {
        SyncReport { failure: Some(failure), ..std::mem::take(&mut self.report) }
    }

    /// Takes the answer to the last request.
    pub fn step(&mut self, asked: &Request, answer: Answer, now: DateTime<Utc>) -> Step {
        let took = self.stepped_at.replace(now).map(|before| now - before);
        match (asked, answer) {
            (Request::Push(request), Answer::Push(answer)) => self.pushed(request.epoch, &answer, now),
            (Request::Pull(request), Answer::Pull(answer)) => self.pulled(request, answer, now),
            (Request::FetchForm(form), Answer::Form(bytes)) => self.fetched(form, bytes, now),
            (Request::Upload(part), Answer::Upload(standing)) => self.file_stands(part, standing, took),
            (Request::FetchFormFile(_, file), Answer::FormFile(bytes)) => self.form_file_fetched(file, bytes),
            (Request::FetchFormFile(_, file), Answer::Failed(Failure::Problem(problem))) => {
                self.form_file_refused(file, &problem)
            }
            (Request::Push(_), Answer::Failed(Failure::Problem(problem))) => self.push_refused(&problem),
            (Request::Pull(_), Answer::Failed(Failure::Problem(problem)))
                if matches!(problem.code, ProblemCode::AppTooOld | ProblemCode::AccountDisabled) =>
            {
                self.pull_refused(problem)
            }
            (Request::Upload(part), Answer::Failed(Failure::Problem(problem))) => {
                self.file_refused(part, &problem)
            }
            (Request::Upload(part), Answer::Failed(Failure::NoConnection)) => {
                self.file_stumbled(part, Failure::NoConnection)
            }
            (_, Answer::Failed(failure)) => self.finish(Batch::default(), Some(failure)),
            // An answer to something else: as good as none.
            (_, _) => self.finish(Batch::default(), Some(Failure::NoConnection)),
        }
    }

    /// Acknowledged operations are kept for a month in case the server is
    /// restored from a backup that does not have them. A month by the server's
    /// clock: a phone whose own is a year ahead would forget all at once.
    fn forget_old(&mut self, writes: &mut Batch) {
        let Some(server_time) = self.state.server_time else { return };
        let days = if self.rules.hold(Rule::Retention) { RETENTION_DAYS } else { 0 };
        let oldest = server_time - Duration::days(days);
        // The last one stays: it is where numbering goes on.
        let last = self.operations.keys().next_back().copied();
        self.operations.retain(|seq, entry| {
            let old = matches!(entry.state, OperationState::Applied { .. })
                && entry.receipt.as_ref().is_some_and(|receipt| receipt.received_at < oldest);
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
        let (cursor, epoch) = (self.state.cursor.clone(), self.state.epoch);
        let request = PullRequest { cursor, max: None, again, epoch };
        send(writes, Durability::Relaxed, Request::Pull(request))
    }

    fn pushed(&mut self, asked_in: Option<Epoch>, answer: &PushAnswer, now: DateTime<Utc>) -> Step {
        let mut writes = Batch::default();
        if self.is_from_the_past(asked_in, answer.epoch) {
            return self.finish(writes, Some(Failure::NoConnection));
        }
        self.enter_epoch(answer.epoch, &mut writes);
        self.hear_time(answer.server_time, now);
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

    /// Nothing more is for this app or this person to see. What they captured
    /// is for the server all the same, photos too.
    fn pull_refused(&mut self, problem: Box<Problem>) -> Step {
        self.pull_refused = Some(problem);
        self.next_file(Batch::default())
    }

    fn pulled(&mut self, asked: &PullRequest, answer: PullAnswer, now: DateTime<Utc>) -> Step {
        let mut writes = Batch::default();
        // An answer counts only if it was asked with the current cursor.
        let is_stale = self.rules.hold(Rule::CursorMatches) && asked.cursor != self.state.cursor;
        if self.is_from_the_past(asked.epoch, answer.epoch) || is_stale {
            return self.finish(writes, Some(Failure::NoConnection));
        }
        self.report.command = answer.command;
        if answer.command.is_some_and(|command| command.kind.is_at_once()) {
            return self.finish(writes, None);
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
        self.hear_time(answer.server_time, now);
        self.reclaim(answer.last_seq, &mut writes);
        let broken = if answer.more { Vec::new() } else { self.broken_streams(&answer.hash) };
        put(&mut writes, Table::Meta, STATE_KEY, 0, &self.state);
        if answer.more {
            return self.pull(writes, None);
        }
        if self.reclaimed && self.unacknowledged() > 0 {
            self.reclaimed = false;
            return self.push_or_pull(writes);
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
        if self.does_without(&item.stream) {
            return;
        }
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
            .filter(|(stream, _)| !self.repaired.contains(stream) && !self.does_without(stream))
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

    fn hear_time(&mut self, server_time: DateTime<Utc>, now: DateTime<Utc>) {
        self.state.skew_ms = Some((server_time - now).num_milliseconds());
        self.state.server_time = Some(server_time);
        let given_up = self.state.history_given_up_at;
        if given_up.is_some_and(|at| (server_time - at).abs() >= Duration::hours(HISTORY_HOURS)) {
            self.state.history_given_up_at = None;
        }
    }

    /// History that a full phone has given up is not fetched for a while: it
    /// would take the room that was made.
    fn does_without(&self, stream: &StreamName) -> bool {
        self.state.history_given_up_at.is_some() && matches!(stream, StreamName::Visits(..))
    }

    /// What was acknowledged and the server has not: its database was put back
    /// and nobody told it to begin a new epoch. It is sent again.
    fn reclaim(&mut self, last_seq: u64, writes: &mut Batch) {
        for (seq, entry) in self.operations.range_mut(last_seq.saturating_add(1)..) {
            if entry.is_acknowledged() {
                entry.state = OperationState::Waiting;
                put(writes, Table::Operation, &OutboxOperation::key(*seq), 0, &*entry);
                self.reclaimed = true;
            }
        }
    }

    /// An answer from a life of the server that was over before the phone
    /// asked: one that it does not know now, nor knew when it asked.
    fn is_from_the_past(&self, asked_in: Option<Epoch>, epoch: Epoch) -> bool {
        self.rules.hold(Rule::OldEpochIgnored)
            && self.state.epoch != Some(epoch)
            && self.state.epoch != asked_in
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
        report.failure = failure.or_else(|| self.file_waits.take().map(Failure::Problem));
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
