//! Whom to visit: the open tasks, and how far this phone has come with each.
//!
//! There may be ten thousand. So only what puts them in order is read of all;
//! a case is read when somebody looks at it ([`CaseShelf`]).

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use doorstep_form::order;
use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer as _};

use super::draft::DraftRecord;
use super::outbox::{OperationState, OutboxOperation};
use super::records::unreadable;
use super::{Phone, PhoneError};
use crate::case::CaseRecord;
use crate::ids::{CaseId, DraftId, SubmissionId, TaskId};
use crate::json;
use crate::store::{LocalStore, StoreError, Table};
use crate::submission::{SubmissionState, SubmissionStatus};
use crate::sync::item_kind;
use crate::task::{TaskRecord, TaskState, Urgency};

/// What the phone holds of a person's work.
#[derive(Clone, Debug, Default)]
pub struct Today {
    /// The tasks that are open, most urgent first.
    pub entries: Vec<TodayEntry>,
    /// What came back and was not corrected yet, newest first.
    pub returned: Vec<SubmissionStatus>,
    pub drafts: Vec<DraftRecord>,
    pub cases: CaseShelf,
}

/// An open task.
#[derive(Clone, Debug, PartialEq)]
pub struct TodayEntry {
    pub task: TaskRecord,
    /// What the case is called; `None` when it is not on the phone (yet).
    pub label: Option<String>,
    pub urgency: Urgency,
    pub progress: TaskProgress,
}

/// How far this phone has come with a task.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TaskProgress {
    ToDo,
    /// A draft was begun.
    Draft(DraftId),
    /// Finished, not at the server yet.
    Unsent,
    /// At the server, waits for a decision.
    Sent,
    /// Came back with comments.
    Returned(SubmissionId),
}

/// The cases on the phone, none of them read before somebody asks for it.
#[derive(Clone, Debug, Default)]
pub struct CaseShelf(BTreeMap<CaseId, Vec<u8>>);

impl CaseShelf {
    /// A case, if it is here.
    ///
    /// # Errors
    /// When what is stored of it does not read.
    pub fn find(&self, id: CaseId) -> Result<Option<CaseRecord>, StoreError> {
        self.0.get(&id).map(|case| read(id, case)).transpose()
    }

    /// What a case is called, if it is here.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub fn label(&self, id: CaseId) -> Result<Option<String>, StoreError> {
        self.0
            .get(&id)
            .map(|case| label_in(case).map_err(|error| unreadable(&id.to_string(), &error)))
            .transpose()
    }

    /// Every case, one after the other.
    ///
    /// # Errors
    /// As [`Self::find`], each for itself.
    pub fn iter(&self) -> impl Iterator<Item = Result<CaseRecord, StoreError>> {
        self.0.iter().map(|(id, case)| read(id, case))
    }
}

/// For what is read by the thousand.
fn read<T: serde::de::DeserializeOwned>(key: impl std::fmt::Display, value: &[u8]) -> Result<T, StoreError> {
    json::read_directly(value).map_err(|error| unreadable(&key.to_string(), &error))
}

/// What a stored case is called. It stands before most of the case, and what
/// comes after it is not read.
fn label_in(case: &[u8]) -> Result<String, serde_json::Error> {
    #[derive(Deserialize)]
    #[serde(field_identifier, rename_all = "snake_case")]
    enum Member {
        Label,
        #[serde(other)]
        Other,
    }

    struct Seeker<'a>(&'a mut Option<String>);

    impl<'de> Visitor<'de> for Seeker<'_> {
        type Value = ();

        fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("a case with a label")
        }

        fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<(), M::Error> {
            while let Some(member) = members.next_key()? {
                match member {
                    Member::Label => {
                        *self.0 = Some(members.next_value()?);
                        return Ok(());
                    }
                    Member::Other => drop(members.next_value::<IgnoredAny>()?),
                }
            }
            Err(M::Error::missing_field("label"))
        }
    }

    let mut label = None;
    let read = serde_json::Deserializer::from_slice(case).deserialize_map(Seeker(&mut label));
    // Once it was found, that more follows is no error.
    match (label, read) {
        (Some(label), _) => Ok(label),
        (None, read) => Err(read.err().unwrap_or_else(|| serde_json::Error::missing_field("label"))),
    }
}

impl<S: LocalStore> Phone<S> {
    /// What is to be done.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn today(&self, today: NaiveDate) -> Result<Today, PhoneError> {
        let tasks = self.tasks().await?;
        let cases = self.case_shelf().await?;
        let (statuses, outbox, drafts) =
            (self.submission_statuses().await?, self.operations().await?, self.drafts().await?);
        let work = Work::of(&statuses, &outbox, &drafts);
        let entries = entries(tasks, &cases, &work, today)?;
        let returned = returned(statuses, &outbox);
        Ok(Today { entries, returned, drafts, cases })
    }

    /// The open tasks of one case, most urgent first. A record that names it
    /// nowhere is not read.
    pub(super) async fn tasks_of(
        &self,
        case: &CaseRecord,
        today: NaiveDate,
    ) -> Result<Vec<TodayEntry>, PhoneError> {
        let name = case.id.to_string();
        let mut tasks = self.tasks_that(|value| super::records::names(value, name.as_bytes())).await?;
        tasks.retain(|task| task.case_id == case.id);
        let (statuses, outbox, drafts) =
            (self.submission_statuses().await?, self.operations().await?, self.drafts().await?);
        let mut entries =
            entries(tasks, &CaseShelf::default(), &Work::of(&statuses, &outbox, &drafts), today)?;
        for entry in &mut entries {
            entry.label = Some(case.label.clone());
        }
        Ok(entries)
    }

    /// The owner's tasks, as the server last said.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn tasks(&self) -> Result<Vec<TaskRecord>, PhoneError> {
        self.tasks_that(|_| true).await
    }

    /// Those of the owner's tasks whose stored bytes are `wanted`.
    async fn tasks_that(&self, wanted: impl Fn(&[u8]) -> bool) -> Result<Vec<TaskRecord>, PhoneError> {
        let mut tasks: Vec<Result<TaskRecord, StoreError>> = Vec::new();
        self.each_record("user:", item_kind::TASK, |key, value| {
            if wanted(value) {
                tasks.push(read(key, value));
            }
        })
        .await?;
        Ok(tasks.into_iter().collect::<Result<_, _>>()?)
    }

    /// The cases on the phone, for lists of which a screen shows some.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn case_shelf(&self) -> Result<CaseShelf, PhoneError> {
        let mut cases = BTreeMap::new();
        let take = |key: &str, value: &[u8]| {
            if let Some(id) = super::records::case_of_key(key) {
                cases.insert(id, value.to_vec());
            }
        };
        self.store.each(Table::Record, "cases:", take).await?;
        Ok(CaseShelf(cases))
    }
}

/// The open ones of these tasks, most urgent first, then by name.
fn entries(
    tasks: Vec<TaskRecord>,
    cases: &CaseShelf,
    work: &Work<'_>,
    today: NaiveDate,
) -> Result<Vec<TodayEntry>, StoreError> {
    let mut entries = Vec::with_capacity(tasks.len());
    for task in tasks {
        if matches!(task.state, TaskState::Done | TaskState::Cancelled) {
            continue;
        }
        let (urgency, progress) = (task.urgency(today), work.progress(&task));
        entries.push(TodayEntry { label: cases.label(task.case_id)?, urgency, progress, task });
    }
    fn place(entry: &TodayEntry) -> (Urgency, NaiveDate, &Option<String>, TaskId) {
        (entry.urgency, entry.task.due_on, &entry.label, entry.task.id)
    }
    order::sort_by(&mut entries, |left, right| place(left).cmp(&place(right)));
    Ok(entries)
}

/// Of what became of the owner's submissions: what came back and was not
/// corrected yet, newest first.
pub(super) fn returned(statuses: Vec<SubmissionStatus>, outbox: &[OutboxOperation]) -> Vec<SubmissionStatus> {
    let corrections = Corrections::in_outbox(outbox);
    let mut latest: BTreeMap<SubmissionId, u32> = BTreeMap::new();
    for status in &statuses {
        let revision = latest.entry(status.root_id).or_insert(status.revision);
        *revision = status.revision.max(*revision);
    }
    let mut returned = statuses;
    returned.retain(|status| {
        status.state == SubmissionState::Returned
            && !corrections.include(status)
            && latest.get(&status.root_id).is_none_or(|revision| *revision <= status.revision)
    });
    order::sort_by_key(&mut returned, |status| std::cmp::Reverse(status.decided_at));
    returned
}

/// What this phone knows of the work on its tasks, by task: there may be
/// thousands, and hundreds of operations.
struct Work<'a> {
    latest: BTreeMap<TaskId, &'a SubmissionStatus>,
    drafts: BTreeMap<TaskId, DraftId>,
    /// Finished, and only here.
    unsent: BTreeSet<TaskId>,
    /// At the server, which has said no more of it yet.
    captured: BTreeSet<TaskId>,
    corrections: Corrections,
}

impl<'a> Work<'a> {
    fn of(statuses: &'a [SubmissionStatus], outbox: &[OutboxOperation], drafts: &[DraftRecord]) -> Self {
        let mut latest: BTreeMap<TaskId, &SubmissionStatus> = BTreeMap::new();
        for status in statuses {
            let Some(task) = status.task_id else { continue };
            let newer = |known: &&SubmissionStatus| {
                (known.received_at, known.revision) <= (status.received_at, status.revision)
            };
            if latest.get(&task).is_none_or(newer) {
                latest.insert(task, status);
            }
        }
        let mut drafted = BTreeMap::new();
        for draft in drafts {
            if let Some(task) = draft.task_id {
                drafted.entry(task).or_insert(draft.draft_id);
            }
        }
        let tasks = |is: fn(&OperationState) -> bool| {
            order::set_of(outbox.iter().filter(|entry| is(&entry.state)).filter_map(OutboxOperation::task_id))
        };
        Self {
            latest,
            drafts: drafted,
            unsent: tasks(|state| *state == OperationState::Waiting),
            captured: tasks(|state| matches!(state, OperationState::Parked { .. })),
            corrections: Corrections::in_outbox(outbox),
        }
    }

    fn progress(&self, task: &TaskRecord) -> TaskProgress {
        let latest = self.latest.get(&task.id);
        match (self.drafts.get(&task.id), latest) {
            _ if self.unsent.contains(&task.id) => TaskProgress::Unsent,
            (Some(draft), _) => TaskProgress::Draft(*draft),
            (None, Some(status))
                if status.state == SubmissionState::Returned && !self.corrections.include(status) =>
            {
                TaskProgress::Returned(status.submission_id)
            }
            (None, Some(status)) if status.state == SubmissionState::Submitted => TaskProgress::Sent,
            _ if task.state == TaskState::Submitted || self.captured.contains(&task.id) => TaskProgress::Sent,
            _ => TaskProgress::ToDo,
        }
    }
}

/// The latest revision of each submission that is in the outbox.
pub(super) struct Corrections(BTreeMap<SubmissionId, u32>);

impl Corrections {
    pub(super) fn in_outbox(outbox: &[OutboxOperation]) -> Self {
        let mut latest = BTreeMap::new();
        for content in outbox.iter().filter_map(OutboxOperation::content) {
            let revision = latest.entry(content.root_id).or_insert(content.revision);
            *revision = content.revision.max(*revision);
        }
        Self(latest)
    }

    /// Whether a correction of a returned submission is there already.
    pub(super) fn include(&self, status: &SubmissionStatus) -> bool {
        self.0.get(&status.root_id).is_some_and(|revision| *revision > status.revision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_read_without_what_follows() {
        let label = |case: &str| label_in(case.as_bytes()).ok();
        let whole = r#"{"id":"1","parent":{"label":"inside"},"tags":["label"],"label":"欧\"阳","properties":{"x":1}}"#;
        assert_eq!(label(whole).as_deref(), Some("欧\"阳"));
        assert_eq!(
            label(r#"{"label":"甲","properties":{"#).as_deref(),
            Some("甲"),
            "the rest is for who reads it"
        );
        for broken in [r#"{"id":"1"}"#, r#"{"id":"#, r#"{"label":7}"#, r#"["label"]"#, ""] {
            assert_eq!(label(broken), None, "{broken}");
        }
    }
}
