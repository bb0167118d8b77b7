//! From a draft to an operation of the outbox.

use doorstep_form::{LeftOver, LeftOverReason, Problem, order};

use super::{MediaEntry, MediaState, OpenDraft, media_key};
use crate::evidence::{Notary, Proof, Statement};
use crate::hash::ContentHash;
use crate::ids::{DeviceId, OperationId, SubmissionId};
use crate::phone::outbox::{OperationState, OutboxOperation};
use crate::phone::room::Gift;
use crate::phone::synchronise::SyncState;
use crate::phone::{LocalTime, Phone, PhoneError};
use crate::store::{Batch, LocalStore, StoreError, Table, decode};
use crate::submission::{MediaReference, Place, SUBMISSION_VERSION, SubmissionContent};
use crate::sync::{Operation, SUBMISSION_OPERATION};

/// What stops a visit from being finished.
#[derive(Debug)]
pub enum FinishError {
    /// Answers are missing or break a rule; the list is for the person.
    Incomplete(Vec<Problem>),
    Phone(PhoneError),
}

impl From<PhoneError> for FinishError {
    fn from(error: PhoneError) -> Self {
        Self::Phone(error)
    }
}

impl From<StoreError> for FinishError {
    fn from(error: StoreError) -> Self {
        Self::Phone(error.into())
    }
}

impl<S: LocalStore> Phone<S> {
    /// Finishes a draft: checks it, and turns it into an operation of the
    /// outbox, signed by `notary`. Draft, operation and files change in one
    /// write.
    ///
    /// # Errors
    /// [`FinishError::Incomplete`] with everything that is missing or wrong.
    pub async fn finish_draft(
        &self,
        draft: &mut OpenDraft,
        op_id: OperationId,
        place: Option<Place>,
        now: LocalTime,
        notary: &impl Notary,
    ) -> Result<SubmissionContent, FinishError> {
        let instance = draft.session.finish(now).map_err(FinishError::Incomplete)?;
        let record = &draft.record;
        let submission_id = SubmissionId(record.draft_id.0);
        let left_over: Vec<LeftOver> = draft
            .left_over
            .iter()
            .filter(|left| left.reason != LeftOverReason::Recomputed)
            .cloned()
            .collect();
        let is_left_over = |name: &str| left_over.iter().any(|left| left.value.as_str() == Some(name));
        let mut captured: Vec<MediaEntry> = Vec::new();
        for row in self.store.scan(Table::Media, &format!("{}|", record.draft_id)).await? {
            captured.push(decode(&row)?);
        }
        let is_answer = |entry: &MediaEntry| match draft.session.node(&entry.path) {
            Some(view) => view.relevant && view.value == entry.file_name,
            None => is_left_over(&entry.file_name),
        };
        let answers = order::set_of(captured.iter().filter(|file| is_answer(file)).map(|file| file.media_id));
        // A small picture goes where its photo goes.
        captured.retain(|file| answers.contains(&file.preview_of.unwrap_or(file.media_id)));
        let used = captured;
        let content = SubmissionContent {
            submission_id,
            root_id: record.root_id.unwrap_or(submission_id),
            revision: record.revision,
            form_version_id: record.form_version_id,
            form_id: record.form_id.clone(),
            case_id: record.case_id,
            task_id: record.task_id,
            case_version: record.case_version,
            started_at: record.started_at,
            finished_at: now,
            instance,
            media: used.iter().map(reference).collect(),
            answer_seconds: order::map_of(
                draft
                    .answer_times
                    .iter()
                    .map(|(path, at)| (path.to_string(), (*at - record.started_at).num_seconds())),
            ),
            place,
            left_over,
        };
        let batch = self.hand_over(draft, &content, used, (op_id, now), notary).await?;
        self.keep(batch, Gift::Answer).await?;
        Ok(content)
    }

    /// The one write that turns a draft into an operation.
    async fn hand_over(
        &self,
        draft: &OpenDraft,
        content: &SubmissionContent,
        used: Vec<MediaEntry>,
        (op_id, now): (OperationId, LocalTime),
        notary: &impl Notary,
    ) -> Result<Batch, PhoneError> {
        let draft_id = draft.record.draft_id;
        let body = serde_json::to_value(content).map_err(|error| PhoneError::Encoding(error.to_string()))?;
        let last = self.store.keys(Table::Operation, "").await?.into_iter().next_back();
        let seq = last.and_then(|(key, _)| key.parse::<u64>().ok()).unwrap_or(0) + 1;
        let skew_ms = SyncState::load(&self.store).await?.skew_ms;
        let mut batch = Batch::default();
        let proof = self.prove(op_id, &body, notary, &mut batch).await?;
        let operation = OutboxOperation {
            operation: Operation {
                seq,
                op_id,
                kind: SUBMISSION_OPERATION.to_owned(),
                v: SUBMISSION_VERSION,
                at: now,
                skew_ms,
                body,
                proof,
            },
            state: OperationState::Waiting,
            receipt: None,
        };
        batch.put(Table::Operation, OutboxOperation::key(seq), &operation)?;
        // Photos that were retaken or became irrelevant are not part of it.
        for row in self.store.scan(Table::Media, &format!("{draft_id}|")).await? {
            let entry: MediaEntry = decode(&row)?;
            if !used.iter().any(|kept| kept.media_id == entry.media_id) {
                if !self.is_shared(&entry).await? {
                    batch.delete(Table::MediaBytes, entry.media_id.to_string());
                }
                batch.delete(Table::Media, row.key);
            }
        }
        for mut entry in used {
            entry.state = MediaState::Waiting;
            batch.put(Table::Media, media_key(&entry), &entry)?;
        }
        batch.delete(Table::Draft, draft_id.to_string());
        batch.delete_prefix(Table::DraftAnswer, format!("{draft_id}|"));
        Ok(batch)
    }
}

/// What this phone's device signed last.
const LAST_STATEMENT: &str = "last_statement";

impl<S: LocalStore> Phone<S> {
    /// Has the operation signed, and remembers that for the next one.
    async fn prove(
        &self,
        op_id: OperationId,
        body: &serde_json::Value,
        notary: &impl Notary,
        batch: &mut Batch,
    ) -> Result<Option<Proof>, PhoneError> {
        let device_id = self.owner.device_id;
        let last = self.store.get(Table::Meta, LAST_STATEMENT).await?;
        // One that does not read begins anew: the server sees the gap.
        let last = last.and_then(|row| decode::<(DeviceId, ContentHash)>(&row).ok());
        let previous = last.filter(|(signed_by, _)| *signed_by == device_id).map(|(_, hash)| hash);
        let statement = Statement { device_id, op_id, sha256: ContentHash::of_json(body), previous };
        let Some(signature) = notary.sign(&statement.text()).await else { return Ok(None) };
        batch.put(Table::Meta, LAST_STATEMENT, &(device_id, statement.hash()))?;
        Ok(Some(Proof { device_id, previous: statement.previous, signature }))
    }
}

fn reference(entry: &MediaEntry) -> MediaReference {
    MediaReference {
        media_id: entry.media_id,
        path: entry.path.to_string(),
        file_name: entry.file_name.clone(),
        sha256: entry.sha256.clone(),
        size_bytes: entry.size_bytes,
        content_type: entry.content_type.clone(),
        capture: entry.capture.clone(),
        preview_of: entry.preview_of,
    }
}
