//! Drafts: one small durable write per answer, so that whatever happens to the
//! page, the browser or the phone, an answer that was given is there.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use doorstep_form::{Context, LeftOver, LeftOverReason, NodePath, Plan, Problem, Rule, Session, order};
use serde::{Deserialize, Serialize};

use super::outbox::{OperationState, OutboxOperation};
use super::synchronise::SyncState;
use super::{LocalTime, Phone, PhoneError};
use crate::area::{AreaLevel, AreaRecord};
use crate::case::CaseRecord;
use crate::hash::ContentHash;
use crate::ids::{CaseId, DraftId, FormVersionId, MediaId, OperationId, SubmissionId, TaskId};
use crate::pack::Pack;
use crate::store::{Batch, Durability, Entry, LocalStore, StoreError, Table, Write, decode};
use crate::submission::{
    AnswerTime, Comment, MediaReference, Place, SUBMISSION_VERSION, SubmissionContent, SubmissionState,
};
use crate::sync::{Operation, SUBMISSION_OPERATION};

/// A draft's facts; its answers are in the log.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct DraftRecord {
    pub draft_id: DraftId,
    pub form_id: String,
    pub form_version_id: FormVersionId,
    pub case_id: CaseId,
    pub case_label: String,
    pub case_version: u64,
    pub task_id: Option<TaskId>,
    pub started_at: LocalTime,
    /// What seeds the form's random functions.
    pub seed: u64,
    /// What the form began with, by question name.
    pub prefill: BTreeMap<String, String>,
    /// The first revision, for a correction.
    pub root_id: Option<SubmissionId>,
    /// 1, or one more than the returned revision.
    pub revision: u32,
    /// The returned answers that a correction starts from.
    pub base_instance: Option<serde_json::Value>,
    /// What the reviewer said.
    pub comments: Vec<Comment>,
}

/// One answer in a draft's log.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct DraftAnswer {
    pub path: NodePath,
    pub value: String,
    pub at: LocalTime,
}

/// A captured file.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct MediaEntry {
    pub media_id: MediaId,
    /// The draft, which becomes the submission.
    pub submission_id: SubmissionId,
    pub path: NodePath,
    pub file_name: String,
    pub sha256: ContentHash,
    pub size_bytes: u64,
    pub content_type: String,
    #[serde(flatten)]
    pub state: MediaState,
}

/// Where a captured file stands.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum MediaState {
    /// Part of a draft.
    Captured,
    /// Part of a finished visit, to be sent.
    Waiting,
    /// The server has it.
    Stored,
    /// The server refuses it; the code of the problem says why.
    SetAside { problem: String },
}

/// A file that was just captured.
#[derive(Clone, Debug)]
pub struct NewFile {
    pub media_id: MediaId,
    pub bytes: Vec<u8>,
    /// `image/jpeg` or `image/png`.
    pub content_type: String,
}

/// A draft that is being filled in.
#[derive(Debug)]
pub struct OpenDraft {
    pub record: DraftRecord,
    pub session: Session,
    /// Number of answers in the log; the next is numbered so.
    pub answers: usize,
    /// Answers that no longer fit the form: shown, not dropped.
    pub left_over: Vec<LeftOver>,
    /// When each question was last answered.
    pub answer_times: BTreeMap<NodePath, LocalTime>,
}

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

fn answer_key(draft: DraftId, number: usize) -> String {
    format!("{draft}|{number:08}")
}

impl<S: LocalStore> Phone<S> {
    /// Begins a draft of a form about a case, filled from the case.
    ///
    /// # Errors
    /// When case, form or definition are not here, or the store is full.
    pub async fn start_draft(
        &self,
        draft_id: DraftId,
        case_id: CaseId,
        form_id: &str,
        task_id: Option<TaskId>,
        now: LocalTime,
    ) -> Result<DraftRecord, PhoneError> {
        let case = self
            .cases()
            .await?
            .into_iter()
            .find(|case| case.id == case_id)
            .ok_or(PhoneError::CaseUnknown(case_id))?;
        let form = self.current_form(form_id).await?;
        self.plan(form.id).await?;
        let areas = self.area_line(case.area_id).await?;
        let prefill = match self.pack().await? {
            Some(pack) => prefill(&pack, form_id, &case, &areas, task_id, &self.owner.display_name, now),
            None => BTreeMap::new(),
        };
        let record = DraftRecord {
            draft_id,
            form_id: form_id.to_owned(),
            form_version_id: form.id,
            case_id,
            case_label: case.label,
            case_version: case.version,
            task_id,
            started_at: now,
            seed: draft_id.0.as_u64_pair().1,
            prefill,
            root_id: None,
            revision: 1,
            base_instance: None,
            comments: Vec::new(),
        };
        self.save_draft(&record).await?;
        Ok(record)
    }

    /// Begins the correction of a returned submission from what was sent.
    ///
    /// # Errors
    /// [`PhoneError::NotReturned`] when there is nothing to correct.
    pub async fn start_correction(
        &self,
        draft_id: DraftId,
        submission_id: SubmissionId,
        now: LocalTime,
    ) -> Result<DraftRecord, PhoneError> {
        let status = self
            .submission_statuses()
            .await?
            .into_iter()
            .find(|status| status.submission_id == submission_id && status.state == SubmissionState::Returned)
            .ok_or(PhoneError::NotReturned(submission_id))?;
        let content = status.content.ok_or(PhoneError::NotReturned(submission_id))?;
        let case = self.cases().await?.into_iter().find(|case| case.id == status.case_id);
        let record = DraftRecord {
            draft_id,
            form_id: status.form_id,
            form_version_id: status.form_version_id,
            case_id: status.case_id,
            case_label: case.as_ref().map(|case| case.label.clone()).unwrap_or_default(),
            case_version: case.map_or(content.case_version, |case| case.version),
            task_id: status.task_id,
            started_at: now,
            seed: draft_id.0.as_u64_pair().1,
            prefill: BTreeMap::new(),
            root_id: Some(status.root_id),
            revision: status.revision + 1,
            base_instance: Some(content.instance),
            comments: status.comments,
        };
        let mut batch = Batch::default();
        batch.put(Table::Draft, record.draft_id.to_string(), &record)?;
        // The photos of the returned revision belong to the correction too;
        // the server has them, so only what is new is sent again.
        for reference in content.media {
            let Ok(path) = reference.path.parse::<NodePath>() else { continue };
            let entry = MediaEntry {
                media_id: reference.media_id,
                submission_id: SubmissionId(draft_id.0),
                path,
                file_name: reference.file_name,
                sha256: reference.sha256,
                size_bytes: reference.size_bytes,
                content_type: reference.content_type,
                state: MediaState::Captured,
            };
            batch.put(Table::Media, media_key(&entry), &entry)?;
        }
        self.store.commit(batch, Durability::Strict).await?;
        Ok(record)
    }

    async fn save_draft(&self, record: &DraftRecord) -> Result<(), PhoneError> {
        let mut batch = Batch::default();
        batch.put(Table::Draft, record.draft_id.to_string(), record)?;
        self.store.commit(batch, Durability::Strict).await?;
        Ok(())
    }

    /// The drafts on this phone, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn drafts(&self) -> Result<Vec<DraftRecord>, PhoneError> {
        let rows = self.store.scan(Table::Draft, "").await?;
        let drafts: Result<Vec<DraftRecord>, StoreError> = rows.iter().map(decode).collect();
        let mut drafts = drafts?;
        order::sort_by_key(&mut drafts, |draft| (draft.started_at, draft.draft_id));
        Ok(drafts)
    }

    /// Opens a draft where it was left: the form as it began, and every answer
    /// of the log again. `language` is what the form is shown in.
    ///
    /// # Errors
    /// When the draft or its form is not here.
    pub async fn open_draft(
        &self,
        draft_id: DraftId,
        language: &str,
        now: LocalTime,
    ) -> Result<OpenDraft, PhoneError> {
        let row = self
            .store
            .get(Table::Draft, &draft_id.to_string())
            .await?
            .ok_or(PhoneError::DraftUnknown(draft_id))?;
        let record: DraftRecord = decode(&row)?;
        let plan = self.plan(record.form_version_id).await?;
        let (mut session, mut left_over) = self.begin(&record, plan);
        session.set_language(language);
        let rows = self.store.scan(Table::DraftAnswer, &format!("{draft_id}|")).await?;
        let mut answer_times = BTreeMap::new();
        for row in &rows {
            let answer: DraftAnswer = decode(row)?;
            session.set_now(answer.at);
            if session.answer(&answer.path, &answer.value).is_err() {
                left_over.push(LeftOver {
                    path: answer.path.to_string(),
                    value: answer.value.clone().into(),
                    reason: LeftOverReason::UnknownName,
                });
            }
            answer_times.insert(answer.path, answer.at);
        }
        session.set_now(now);
        Ok(OpenDraft { answers: rows.len(), record, session, left_over, answer_times })
    }

    fn begin(&self, record: &DraftRecord, plan: Arc<Plan>) -> (Session, Vec<LeftOver>) {
        let context = Context {
            now: record.started_at,
            seed: record.seed,
            username: self.owner.login_name.clone(),
            device_id: self.owner.device_id.to_string(),
            ..Context::default()
        };
        match &record.base_instance {
            Some(instance) => Session::resume(plan, context, instance),
            None => (Session::start(plan, context, &record.prefill), Vec::new()),
        }
    }

    /// Takes an answer: into the session, then onto the disk. Returns, once it
    /// is durable, the nodes that changed.
    ///
    /// # Errors
    /// When the form has no such question or the store cannot be written; then
    /// the session has the answer and the disk does not, and the caller shows
    /// the error and asks again.
    pub async fn answer(
        &self,
        draft: &mut OpenDraft,
        path: &NodePath,
        value: &str,
        now: LocalTime,
    ) -> Result<Vec<NodePath>, PhoneError> {
        let mut batch = Batch::default();
        let changed = self.take(draft, path, value, now, &mut batch)?;
        self.store.commit(batch, Durability::Strict).await?;
        draft.answers += 1;
        Ok(changed)
    }

    /// Takes a photo, signature or recording as the answer: its bytes, its
    /// facts and the answer are one write.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub async fn answer_with_file(
        &self,
        draft: &mut OpenDraft,
        path: &NodePath,
        file: NewFile,
        now: LocalTime,
    ) -> Result<Vec<NodePath>, PhoneError> {
        let extension = if file.content_type == "image/png" { "png" } else { "jpg" };
        let entry = MediaEntry {
            media_id: file.media_id,
            submission_id: SubmissionId(draft.record.draft_id.0),
            path: path.clone(),
            file_name: format!("{}.{extension}", file.media_id),
            sha256: ContentHash::of(&file.bytes),
            size_bytes: file.bytes.len() as u64,
            content_type: file.content_type,
            state: MediaState::Captured,
        };
        let mut batch = Batch::default();
        batch.put(Table::Media, media_key(&entry), &entry)?;
        let bytes = Entry { key: entry.media_id.to_string(), revision: 0, value: file.bytes };
        batch.0.push(Write::Put(Table::MediaBytes, bytes));
        let changed = self.take(draft, path, &entry.file_name, now, &mut batch)?;
        self.store.commit(batch, Durability::Strict).await?;
        draft.answers += 1;
        Ok(changed)
    }

    fn take(
        &self,
        draft: &mut OpenDraft,
        path: &NodePath,
        value: &str,
        now: LocalTime,
        batch: &mut Batch,
    ) -> Result<Vec<NodePath>, PhoneError> {
        let answer = DraftAnswer { path: path.clone(), value: value.to_owned(), at: now };
        batch.put(Table::DraftAnswer, answer_key(draft.record.draft_id, draft.answers), &answer)?;
        draft.session.set_now(now);
        let changed = draft
            .session
            .answer(path, value)
            .map_err(|error| PhoneError::Answer { path: path.to_string(), message: error.to_string() })?;
        draft.answer_times.insert(path.clone(), now);
        Ok(changed)
    }

    /// Every captured file's facts.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn media(&self) -> Result<Vec<MediaEntry>, PhoneError> {
        let rows = self.store.scan(Table::Media, "").await?;
        let media: Result<Vec<MediaEntry>, StoreError> = rows.iter().map(decode).collect();
        Ok(media?)
    }

    /// A captured file's bytes; `None` when only the server has them.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn media_bytes(&self, media_id: MediaId) -> Result<Option<Vec<u8>>, PhoneError> {
        Ok(self.store.get(Table::MediaBytes, &media_id.to_string()).await?.map(|entry| entry.value))
    }

    /// The file behind the answer `file_name` of a draft.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn draft_file(
        &self,
        draft_id: DraftId,
        file_name: &str,
    ) -> Result<Option<MediaEntry>, PhoneError> {
        let rows = self.store.scan(Table::Media, &format!("{draft_id}|")).await?;
        for row in &rows {
            let entry: MediaEntry = decode(row)?;
            if entry.file_name == file_name {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// Throws a draft away, because its author says so.
    ///
    /// # Errors
    /// When the store cannot be written; the draft is whole then.
    pub async fn discard_draft(&self, draft_id: DraftId) -> Result<(), PhoneError> {
        let mut batch = Batch::default();
        for row in self.store.scan(Table::Media, &format!("{draft_id}|")).await? {
            let entry: MediaEntry = decode(&row)?;
            if entry.state == MediaState::Captured && !self.is_shared(&entry).await? {
                batch.delete(Table::MediaBytes, entry.media_id.to_string());
            }
            batch.delete(Table::Media, row.key);
        }
        batch.delete(Table::Draft, draft_id.to_string());
        batch.delete_prefix(Table::DraftAnswer, format!("{draft_id}|"));
        self.store.commit(batch, Durability::Strict).await?;
        Ok(())
    }

    /// Whether another capture refers to the same file: a correction shares
    /// the photos of what it corrects.
    async fn is_shared(&self, entry: &MediaEntry) -> Result<bool, PhoneError> {
        Ok(self
            .media()
            .await?
            .iter()
            .any(|other| other.media_id == entry.media_id && other.submission_id != entry.submission_id))
    }

    /// Finishes a draft: checks it, and turns it into an operation of the
    /// outbox. Draft, operation and files change in one write.
    ///
    /// # Errors
    /// [`FinishError::Incomplete`] with everything that is missing or wrong.
    pub async fn finish_draft(
        &self,
        draft: &mut OpenDraft,
        op_id: OperationId,
        place: Option<Place>,
        now: LocalTime,
    ) -> Result<SubmissionContent, FinishError> {
        let instance = draft.session.finish(now).map_err(FinishError::Incomplete)?;
        let record = &draft.record;
        let submission_id = SubmissionId(record.draft_id.0);
        let used: Vec<MediaEntry> = {
            let mut used = Vec::new();
            for row in self.store.scan(Table::Media, &format!("{}|", record.draft_id)).await? {
                let entry: MediaEntry = decode(&row)?;
                let view = draft.session.node(&entry.path);
                if view.is_some_and(|view| view.relevant && view.value == entry.file_name) {
                    used.push(entry);
                }
            }
            used
        };
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
            answer_times: draft
                .answer_times
                .iter()
                .map(|(path, at)| AnswerTime { path: path.to_string(), at: *at })
                .collect(),
            place,
        };
        let batch = self.hand_over(draft, &content, used, op_id, now).await?;
        self.store.commit(batch, Durability::Strict).await?;
        Ok(content)
    }

    /// The one write that turns a draft into an operation.
    async fn hand_over(
        &self,
        draft: &OpenDraft,
        content: &SubmissionContent,
        used: Vec<MediaEntry>,
        op_id: OperationId,
        now: LocalTime,
    ) -> Result<Batch, PhoneError> {
        let draft_id = draft.record.draft_id;
        let body = serde_json::to_value(content).map_err(|error| PhoneError::Encoding(error.to_string()))?;
        let last = self.store.keys(Table::Operation, "").await?.into_iter().next_back();
        let seq = last.and_then(|(key, _)| key.parse::<u64>().ok()).unwrap_or(0) + 1;
        let skew_ms = SyncState::load(&self.store).await?.skew_ms;
        let operation = OutboxOperation {
            operation: Operation {
                seq,
                op_id,
                kind: SUBMISSION_OPERATION.to_owned(),
                v: SUBMISSION_VERSION,
                at: now,
                skew_ms,
                body,
            },
            state: OperationState::Waiting,
            receipt: None,
        };
        let mut batch = Batch::default();
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

/// The key of a captured file: by draft, so that a draft's files are together.
pub(super) fn media_key(entry: &MediaEntry) -> String {
    format!("{}|{}", entry.submission_id, entry.media_id)
}

fn reference(entry: &MediaEntry) -> MediaReference {
    MediaReference {
        media_id: entry.media_id,
        path: entry.path.to_string(),
        file_name: entry.file_name.clone(),
        sha256: entry.sha256.clone(),
        size_bytes: entry.size_bytes,
        content_type: entry.content_type.clone(),
    }
}

/// What the pack says a form starts with. A rule that does not evaluate leaves
/// its question empty: the pack was checked when it was published, and a
/// person can always type the answer.
fn prefill(
    pack: &Pack,
    form_id: &str,
    case: &CaseRecord,
    areas: &[AreaRecord],
    task_id: Option<TaskId>,
    user_name: &str,
    now: LocalTime,
) -> BTreeMap<String, String> {
    let code = |level: AreaLevel| areas.iter().find(|area| area.level == level).map(|area| area.code.clone());
    let lookup = |name: &str| -> Option<String> {
        match name {
            "case_id" => Some(case.id.to_string()),
            "task_id" => task_id.map(|id| id.to_string()),
            "label" => Some(case.label.clone()),
            "user_name" => Some(user_name.to_owned()),
            "township_code" => code(AreaLevel::Township),
            "village_code" => code(AreaLevel::Village),
            "grid_code" => code(AreaLevel::Grid),
            "last_visit_on" => case.last_visits.get(form_id).map(NaiveDate::to_string),
            property => case.properties.get(property).cloned(),
        }
    };
    let known = pack.prefill.iter().filter(|rule| rule.form_id == form_id).filter_map(|rule| {
        let value = Rule::parse(&rule.value).ok()?.evaluate(&lookup, now).ok()?.to_text();
        (!value.is_empty()).then(|| (rule.question.clone(), value))
    });
    order::map_of(known)
}
