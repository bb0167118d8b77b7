//! Drafts: one small durable write per answer, so that whatever happens to the
//! page, the browser or the phone, an answer that was given is there.
//!
//! * [`log`]: what was done to a draft, step by step.
//! * [`finish`]: from a draft to an operation of the outbox.

pub mod finish;
pub mod log;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use doorstep_form::{Context, LeftOver, NodePath, Plan, Rule, Session, order};
use serde::{Deserialize, Serialize};

use super::room::Gift;
use super::{LocalTime, Phone, PhoneError};
use crate::area::{AreaLevel, AreaRecord};
use crate::case::CaseRecord;
use crate::hash::ContentHash;
use crate::ids::{CaseId, DraftId, FormVersionId, MediaId, SubmissionId, TaskId};
use crate::pack::Pack;
use crate::store::{Batch, LocalStore, StoreError, Table, decode};
use crate::submission::{Capture, Comment, SubmissionState};

pub use finish::FinishError;

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

/// A captured file.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct MediaEntry {
    pub media_id: MediaId,
    /// The draft, which becomes the submission.
    pub submission_id: SubmissionId,
    pub path: NodePath,
    pub file_name: String,
    pub sha256: ContentHash,
    pub size_bytes: u64,
    pub content_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture: Option<Capture>,
    /// The photo that this is a small picture of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview_of: Option<MediaId>,
    /// How much of it the server had when it last said so. Nothing: its upload
    /// was not begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_bytes: Option<u64>,
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
    /// Without parameters: `image/jpeg`, `audio/webm`.
    pub content_type: String,
    /// What it was called where it was chosen; empty for what was captured
    /// here.
    pub name: String,
    /// How a picture came about.
    pub capture: Option<Capture>,
    /// A small JPEG of a photo, which goes before it.
    pub preview: Option<NewPreview>,
}

impl NewFile {
    /// A file without a word on how it came about.
    pub fn plain(media_id: MediaId, bytes: Vec<u8>, content_type: String) -> Self {
        Self { media_id, bytes, content_type, name: String::new(), capture: None, preview: None }
    }
}

/// A small picture of a photo.
#[derive(Clone, Debug)]
pub struct NewPreview {
    pub media_id: MediaId,
    pub bytes: Vec<u8>,
    pub content_type: String,
}

/// A draft that is being filled in.
#[derive(Debug)]
pub struct OpenDraft {
    pub record: DraftRecord,
    pub session: Session,
    /// Number of steps in the log; the next is numbered so.
    pub steps: usize,
    /// Answers that no longer fit the form: shown, not dropped.
    pub left_over: Vec<LeftOver>,
    /// It was begun with an older version of the form, and goes on with the
    /// current one from now on.
    pub renewed: bool,
    /// When each question was last answered.
    pub answer_times: BTreeMap<NodePath, LocalTime>,
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
        let case = self.find_case(case_id).await?.ok_or(PhoneError::CaseUnknown(case_id))?;
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
    /// [`PhoneError::NotReturned`] when there is nothing to correct,
    /// [`PhoneError::FormVersionUnknown`] when its form has not arrived.
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
        // A draft that cannot be opened is no draft.
        self.plan(status.form_version_id).await?;
        let case = self.find_case(status.case_id).await?;
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
                capture: reference.capture,
                preview_of: reference.preview_of,
                sent_bytes: None,
                state: MediaState::Captured,
            };
            batch.put(Table::Media, media_key(&entry), &entry)?;
        }
        self.keep(batch, Gift::Answer).await?;
        Ok(record)
    }

    async fn save_draft(&self, record: &DraftRecord) -> Result<(), PhoneError> {
        let mut batch = Batch::default();
        batch.put(Table::Draft, record.draft_id.to_string(), record)?;
        self.keep(batch, Gift::Answer).await?;
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

    /// Opens a draft where it was left: the form as it began, and every step of
    /// the log again. `language` is what the form is shown in.
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
        let mut record: DraftRecord = decode(&row)?;
        let renewed = self.renew(&mut record).await?;
        let plan = self.plan(record.form_version_id).await?;
        let (mut session, left_over) = self.begin(&record, plan);
        session.set_language(language);
        let rows = self.store.scan(Table::DraftAnswer, &format!("{draft_id}|")).await?;
        let mut draft = OpenDraft {
            steps: rows.len(),
            record,
            session,
            left_over,
            renewed,
            answer_times: BTreeMap::new(),
        };
        for row in &rows {
            draft.repeat_step(decode(row)?);
        }
        draft.session.set_now(now);
        Ok(draft)
    }

    /// A draft goes on with the current version of its form, once that is on
    /// the phone. A correction stays with the version of what it corrects, and
    /// a form that is not published any more with the one it had. So does a
    /// draft on a full phone, which could not be opened otherwise.
    async fn renew(&self, record: &mut DraftRecord) -> Result<bool, PhoneError> {
        if record.root_id.is_some() {
            return Ok(false);
        }
        let current = match self.current_form(&record.form_id).await {
            Ok(current) if current.id != record.form_version_id => current,
            Ok(_) | Err(PhoneError::FormUnknown(_)) => return Ok(false),
            Err(error) => return Err(error),
        };
        if self.plan(current.id).await.is_err() {
            return Ok(false);
        }
        let renewed = DraftRecord { form_version_id: current.id, ..record.clone() };
        match self.save_draft(&renewed).await {
            Ok(()) => {}
            Err(PhoneError::Store(StoreError::Full)) => return Ok(false),
            Err(error) => return Err(error),
        }
        *record = renewed;
        Ok(true)
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
        self.keep(batch, Gift::Answer).await?;
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
}

/// The key of a captured file: by draft, so that a draft's files are together.
pub(in crate::phone) fn media_key(entry: &MediaEntry) -> String {
    format!("{}|{}", entry.submission_id, entry.media_id)
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
