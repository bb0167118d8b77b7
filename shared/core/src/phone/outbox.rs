//! Finished visits on their way: what a person can see of each, and which
//! operations are due to be sent.

use chrono::{DateTime, Utc};
use doorstep_form::order;
use serde::{Deserialize, Serialize};

use super::draft::{MediaEntry, MediaState};
use super::today;
use super::{Phone, PhoneError};
use crate::ids::{DeviceId, FormVersionId, SubmissionId, TaskId};
use crate::store::{Batch, Durability, LocalStore, StoreError, Table, Write, decode};
use crate::submission::{SubmissionContent, SubmissionStatus, versions};
use crate::sync::{Operation, ParkReason, Receipt};

/// How long acknowledged operations are kept, for a server that is restored
/// from an older backup (DESIGN §6).
pub const RETENTION_DAYS: i64 = 30;

/// An operation and what the server said of it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct OutboxOperation {
    pub operation: Operation,
    #[serde(flatten)]
    pub state: OperationState,
    pub receipt: Option<Receipt>,
}

/// Where an operation stands.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum OperationState {
    /// Only on this phone.
    Waiting,
    /// The server has it and applied it.
    Applied { acknowledged_at: DateTime<Utc> },
    /// The server has it; it waits there for something.
    Parked { acknowledged_at: DateTime<Utc>, reason: ParkReason },
}

impl OutboxOperation {
    /// The key of the row: the sequence number, so that key order is order.
    pub fn key(seq: u64) -> String {
        format!("{seq:016}")
    }

    /// The submission it carries.
    pub fn content(&self) -> Option<SubmissionContent> {
        versions::read(self.operation.v, &self.operation.body).ok()
    }

    /// The task it is for.
    pub fn task_id(&self) -> Option<TaskId> {
        self.operation.body.get("task_id").and_then(|id| id.as_str()).and_then(|id| id.parse().ok())
    }

    /// Whether the server has said that it is on its disk.
    pub fn is_acknowledged(&self) -> bool {
        self.state != OperationState::Waiting
    }
}

/// A line of the Outbox screen: one captured visit.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxEntry {
    pub submission_id: SubmissionId,
    pub revision: u32,
    pub form_id: String,
    pub form_version_id: FormVersionId,
    pub task_id: Option<TaskId>,
    /// The case's name; `None` when it is not on the phone any more.
    pub case_label: Option<String>,
    pub finished_at: super::LocalTime,
    pub state: OperationState,
    pub receipt: Option<Receipt>,
    pub media_total: usize,
    pub media_sent: usize,
    /// Files that the server refused, with the reason.
    pub media_set_aside: Vec<MediaEntry>,
    /// The server's decision, once it was pulled.
    pub status: Option<SubmissionStatus>,
}

impl OutboxEntry {
    /// Whether something of it is still only on this phone.
    pub fn is_unsent(&self) -> bool {
        self.state == OperationState::Waiting || self.media_sent < self.media_total
    }
}

/// "N visits, M photos not sent": always visible.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Unsent {
    pub visits: usize,
    pub files: usize,
}

impl<S: LocalStore> Phone<S> {
    /// Every operation of the outbox, in order.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn operations(&self) -> Result<Vec<OutboxOperation>, PhoneError> {
        let rows = self.store.scan(Table::Operation, "").await?;
        let operations: Result<Vec<OutboxOperation>, StoreError> = rows.iter().map(decode).collect();
        Ok(operations?)
    }

    /// The Outbox screen, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn outbox(&self) -> Result<Vec<OutboxEntry>, PhoneError> {
        let statuses = self.submission_statuses().await?;
        let media = self.media().await?;
        let captured: Vec<(OutboxOperation, SubmissionContent)> = self
            .operations()
            .await?
            .into_iter()
            .filter_map(|operation| operation.content().map(|content| (operation, content)))
            .collect();
        let cases =
            self.cases_of(&order::set_of(captured.iter().map(|(_, content)| content.case_id))).await?;
        let mut entries: Vec<OutboxEntry> = captured
            .into_iter()
            .map(|(operation, content)| {
                let own: Vec<&MediaEntry> = media
                    .iter()
                    .filter(|file| file.submission_id == content.submission_id && file.preview_of.is_none())
                    .collect();
                OutboxEntry {
                    submission_id: content.submission_id,
                    revision: content.revision,
                    case_label: cases.get(&content.case_id).map(|case| case.label.clone()),
                    finished_at: content.finished_at,
                    media_total: own.len(),
                    media_sent: own.iter().filter(|file| file.state == MediaState::Stored).count(),
                    media_set_aside: own
                        .iter()
                        .filter(|file| matches!(file.state, MediaState::SetAside { .. }))
                        .map(|file| (*file).clone())
                        .collect(),
                    status: statuses
                        .iter()
                        .find(|status| status.submission_id == content.submission_id)
                        .cloned(),
                    form_id: content.form_id,
                    form_version_id: content.form_version_id,
                    task_id: content.task_id,
                    state: operation.state,
                    receipt: operation.receipt,
                }
            })
            .collect();
        entries.reverse();
        Ok(entries)
    }

    /// What is still only on this phone.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn unsent(&self) -> Result<Unsent, PhoneError> {
        let visits = self.operations().await?.iter().filter(|operation| !operation.is_acknowledged()).count();
        let files = self
            .media()
            .await?
            .iter()
            .filter(|file| matches!(file.state, MediaState::Waiting | MediaState::SetAside { .. }))
            // Whoever has the photo needs no small one of it.
            .filter(|file| file.preview_of.is_none())
            .count();
        Ok(Unsent { visits, files })
    }

    /// Returned submissions that were not corrected yet, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn returned(&self) -> Result<Vec<SubmissionStatus>, PhoneError> {
        Ok(today::returned(self.submission_statuses().await?, &self.operations().await?))
    }

    /// Gives the outbox a new device identity after the old one was found
    /// forked: operations keep their identifiers (so nothing is entered twice)
    /// and are numbered anew from 1 as unsent.
    ///
    /// # Errors
    /// When the store cannot be written; nothing has changed then.
    pub async fn take_new_device(&mut self, device_id: DeviceId) -> Result<(), PhoneError> {
        let mut batch = Batch::default();
        batch.delete_prefix(Table::Operation, "");
        for (seq, mut entry) in (1..).zip(self.operations().await?) {
            entry.operation.seq = seq;
            entry.state = OperationState::Waiting;
            batch.put(Table::Operation, OutboxOperation::key(seq), &entry)?;
        }
        self.store.commit(batch, Durability::Strict).await?;
        self.owner.device_id = device_id;
        Ok(())
    }

    /// Takes over everything that another store of the same person holds and
    /// the server may lack: drafts with their forms, files, and every operation, numbered after
    /// the ones here and unsent (the server knows what it has by identifier).
    /// What is here already is left alone, so doing it twice does no harm.
    ///
    /// # Errors
    /// When a store cannot be read or written; nothing has changed then.
    pub async fn adopt(&self, other: &impl LocalStore) -> Result<(), PhoneError> {
        let mut batch = Batch::default();
        for table in [Table::FormBundle, Table::Draft, Table::DraftAnswer, Table::Media, Table::MediaBytes] {
            let here = order::set_of(self.store.keys(table, "").await?.into_iter().map(|(key, _)| key));
            let rows = other.scan(table, "").await?;
            batch.0.extend(
                rows.into_iter().filter(|row| !here.contains(&row.key)).map(|row| Write::Put(table, row)),
            );
        }
        let here = self.operations().await?;
        let known = order::set_of(here.iter().map(|entry| entry.operation.op_id));
        let last = here.iter().map(|entry| entry.operation.seq).max().unwrap_or(0);
        let rows = other.scan(Table::Operation, "").await?;
        let theirs: Vec<OutboxOperation> = rows.iter().map(decode).collect::<Result<_, _>>()?;
        let missing = theirs.into_iter().filter(|entry| !known.contains(&entry.operation.op_id));
        for (seq, mut entry) in (last + 1..).zip(missing) {
            entry.operation.seq = seq;
            entry.state = OperationState::Waiting;
            batch.put(Table::Operation, OutboxOperation::key(seq), &entry)?;
        }
        self.store.commit(batch, Durability::Strict).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::ids::OperationId;
    use crate::phone::in_memory;
    use crate::store::{MemoryStore, now};

    fn operation(seq: u64, op_id: u128, state: OperationState) -> OutboxOperation {
        let operation = Operation {
            seq,
            op_id: OperationId(Uuid::from_u128(op_id)),
            kind: "submission".to_owned(),
            v: 1,
            at: DateTime::UNIX_EPOCH.fixed_offset(),
            skew_ms: None,
            body: serde_json::json!({ "n": op_id.to_string() }),
            proof: None,
        };
        OutboxOperation { operation, state, receipt: None }
    }

    fn keep(phone: &Phone<MemoryStore>, operations: &[OutboxOperation]) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        for entry in operations {
            batch.put(Table::Operation, OutboxOperation::key(entry.operation.seq), entry)?;
        }
        now(phone.store().commit(batch, Durability::Strict))
    }

    fn numbers(phone: &Phone<MemoryStore>) -> Result<Vec<(u64, u128)>, PhoneError> {
        let operations = now(phone.operations())?;
        Ok(operations.iter().map(|entry| (entry.operation.seq, entry.operation.op_id.0.as_u128())).collect())
    }

    #[test]
    fn what_another_store_holds_is_taken_over_once() -> Result<(), PhoneError> {
        let applied = OperationState::Applied { acknowledged_at: DateTime::UNIX_EPOCH };
        let (old, new) = (in_memory(), in_memory());
        keep(&old, &[operation(7, 70, applied.clone()), operation(8, 80, OperationState::Waiting)])?;
        keep(&new, &[operation(1, 10, applied)])?;
        let mut batch = Batch::default();
        batch.put(Table::Draft, "draft", &"theirs")?;
        batch.put(Table::DraftAnswer, "draft|00000000", &"answer")?;
        batch.put(Table::MediaBytes, "photo", &[1, 2, 3])?;
        batch.put(Table::Meta, "refresh_token", &"not theirs to give")?;
        now(old.store().commit(batch, Durability::Strict))?;

        now(new.adopt(old.store()))?;
        now(new.adopt(old.store()))?;

        assert_eq!(numbers(&new)?, [(1, 10), (2, 70), (3, 80)]);
        let states: Vec<_> = now(new.operations())?.into_iter().map(|entry| entry.state).collect();
        assert_eq!(states[1..], [OperationState::Waiting, OperationState::Waiting]);
        for (table, key) in
            [(Table::Draft, "draft"), (Table::DraftAnswer, "draft|00000000"), (Table::MediaBytes, "photo")]
        {
            assert_eq!(now(new.store().get(table, key))?, now(old.store().get(table, key))?, "{key}");
        }
        assert_eq!(now(new.store().get(Table::Meta, "refresh_token"))?, None);
        Ok(())
    }

    #[test]
    fn a_full_disk_takes_over_nothing() -> Result<(), PhoneError> {
        let (old, new) = (in_memory(), in_memory());
        keep(&old, &[operation(1, 10, OperationState::Waiting)])?;
        new.store().full.set(true);
        assert!(matches!(now(new.adopt(old.store())), Err(PhoneError::Store(StoreError::Full))));
        assert_eq!(numbers(&new)?, []);
        Ok(())
    }

    #[test]
    fn a_new_device_numbers_everything_anew_and_sends_it_again() -> Result<(), PhoneError> {
        let mut phone = in_memory();
        let applied = OperationState::Applied { acknowledged_at: DateTime::UNIX_EPOCH };
        keep(&phone, &[operation(41, 10, applied), operation(42, 20, OperationState::Waiting)])?;
        let device = DeviceId(Uuid::from_u128(9));
        now(phone.take_new_device(device))?;
        assert_eq!(phone.owner().device_id, device);
        assert_eq!(numbers(&phone)?, [(1, 10), (2, 20)]);
        assert_eq!(now(phone.unsent())?.visits, 2);
        Ok(())
    }
}
