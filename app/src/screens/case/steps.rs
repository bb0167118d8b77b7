//! What can be done about a case, most urgent first.

use doorstep_core::case::{CaseRecord, CaseStatus};
use doorstep_core::ids::{DraftId, SubmissionId, TaskId};
use doorstep_core::pack::Pack;
use doorstep_core::phone::{DraftRecord, TaskProgress, TodayEntry};
use doorstep_core::submission::{Comment, SubmissionStatus};

use crate::screens::words;

/// One thing to do, or that was done and is on its way.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) form_id: String,
    /// The task behind it; `None` for a visit that nothing asked for.
    pub(super) entry: Option<TodayEntry>,
    pub(super) kind: StepKind,
}

/// What the button of a step does.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum StepKind {
    Start {
        task: Option<TaskId>,
    },
    /// `comments` are those of a correction.
    Continue {
        draft: DraftId,
        correction: bool,
        comments: Vec<Comment>,
    },
    Correct {
        submission: SubmissionId,
        comments: Vec<Comment>,
    },
    Unsent,
    Sent,
}

impl StepKind {
    /// Whether there is something for the person to do.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Start { .. } | Self::Continue { .. } | Self::Correct { .. })
    }
}

/// The steps of a case: what came back, what was begun, then the tasks in
/// their order.
pub(super) fn steps(
    case: &CaseRecord,
    tasks: &[TodayEntry],
    drafts: &[DraftRecord],
    returned: &[SubmissionStatus],
) -> Vec<Step> {
    let own_drafts: Vec<&DraftRecord> = drafts.iter().filter(|draft| draft.case_id == case.id).collect();
    let entry_of = |task: Option<TaskId>| tasks.iter().find(|entry| Some(entry.task.id) == task).cloned();
    let mut steps = Vec::new();
    let mut taken: Vec<TaskId> = Vec::new();
    for status in returned.iter().filter(|status| status.case_id == case.id) {
        if own_drafts.iter().any(|draft| draft.root_id == Some(status.root_id)) {
            continue;
        }
        taken.extend(status.task_id);
        steps.push(Step {
            form_id: status.form_id.clone(),
            entry: entry_of(status.task_id),
            kind: StepKind::Correct { submission: status.submission_id, comments: status.comments.clone() },
        });
    }
    for draft in own_drafts {
        taken.extend(draft.task_id);
        steps.push(Step {
            form_id: draft.form_id.clone(),
            entry: entry_of(draft.task_id),
            kind: StepKind::Continue {
                draft: draft.draft_id,
                correction: draft.root_id.is_some(),
                comments: draft.comments.clone(),
            },
        });
    }
    for entry in tasks.iter().filter(|entry| !taken.contains(&entry.task.id)) {
        let kind = match entry.progress {
            TaskProgress::Unsent => StepKind::Unsent,
            TaskProgress::Sent => StepKind::Sent,
            _ => StepKind::Start { task: Some(entry.task.id) },
        };
        steps.push(Step { form_id: entry.task.form_id.clone(), entry: Some(entry.clone()), kind });
    }
    steps
}

/// The forms with which somebody can visit although nothing asks for it.
pub(super) fn unasked(case: &CaseRecord, pack: Option<&Pack>, steps: &[Step]) -> Vec<String> {
    if case.status == CaseStatus::Closed {
        return Vec::new();
    }
    pack.map(|pack| pack.forms.as_slice())
        .unwrap_or_default()
        .iter()
        .filter(|form| form.kind == case.kind)
        .filter(|form| !steps.iter().any(|step| step.form_id == form.form_id && step.kind.is_open()))
        .map(|form| form.form_id.clone())
        .collect()
}

/// A fact of the ledger in words.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FactLine {
    pub(in crate::screens) name: String,
    pub(in crate::screens) words: String,
    /// The number to dial, when it is one.
    pub(in crate::screens) phone: Option<String>,
}

/// The facts that the pack shows, in its order; what the ledger does not know
/// is left out.
pub(in crate::screens) fn facts(
    language: doorstep_core::text::Language,
    pack: Option<&Pack>,
    case: &CaseRecord,
) -> Vec<FactLine> {
    pack.map(|pack| pack.properties.as_slice())
        .unwrap_or_default()
        .iter()
        .filter(|property| property.kind == case.kind && property.shown)
        .filter_map(|property| {
            let value = case.properties.get(&property.name).filter(|value| !value.is_empty())?;
            Some(FactLine {
                name: property.label.get(language).to_owned(),
                words: words::value(language, pack, &case.kind, &property.name, value),
                phone: words::phone_number(value),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, NaiveDate};
    use doorstep_core::hash::ContentHash;
    use doorstep_core::ids::{AreaId, CaseId, FormVersionId};
    use doorstep_core::pack::{FormUse, Property};
    use doorstep_core::role::Role;
    use doorstep_core::submission::SubmissionState;
    use doorstep_core::task::{TaskOrigin, TaskRecord, TaskState, Urgency};
    use doorstep_core::text::{Language, LocalText};
    use std::collections::BTreeMap;
    use uuid::Uuid;

    fn case() -> CaseRecord {
        CaseRecord {
            id: CaseId(Uuid::from_u128(1)),
            kind: "elder".into(),
            parent: None,
            area_id: AreaId(Uuid::from_u128(2)),
            county: "610199".into(),
            label: "赵示例".into(),
            status: CaseStatus::Open,
            properties: BTreeMap::from([
                ("risk".to_owned(), "red".to_owned()),
                ("phone".to_owned(), "13800138000".to_owned()),
                ("secret".to_owned(), "x".to_owned()),
                ("empty".to_owned(), String::new()),
            ]),
            last_visits: BTreeMap::new(),
            version: 4,
        }
    }

    fn property(name: &str, label: &str, shown: bool) -> Property {
        let values = if name == "risk" {
            BTreeMap::from([("red".to_owned(), LocalText::new("红", "Red"))])
        } else {
            BTreeMap::new()
        };
        Property {
            kind: "elder".into(),
            name: name.into(),
            label: LocalText::new(label, name),
            values,
            shown,
        }
    }

    fn pack() -> Pack {
        let form = |form_id: &str, kind: &str| FormUse {
            form_id: form_id.into(),
            kind: kind.into(),
            label: LocalText::default(),
            counts_when: String::new(),
            closes_when: String::new(),
        };
        Pack {
            version: "1".into(),
            kinds: Vec::new(),
            properties: vec![
                property("phone", "电话", true),
                property("risk", "风险", true),
                property("secret", "内部", false),
                property("empty", "空", true),
            ],
            forms: vec![form("elder_visit", "elder"), form("child_visit", "child"), form("review", "elder")],
            writes: Vec::new(),
            prefill: Vec::new(),
            schedules: Vec::new(),
        }
    }

    fn task(number: u128, progress: TaskProgress) -> TodayEntry {
        TodayEntry {
            task: TaskRecord {
                id: TaskId(Uuid::from_u128(number)),
                case_id: CaseId(Uuid::from_u128(1)),
                form_id: "elder_visit".into(),
                assignee: None,
                role: Role::GridWorker,
                opens_on: NaiveDate::MIN,
                due_on: NaiveDate::MIN,
                grace_until: NaiveDate::MIN,
                origin: TaskOrigin::Manual,
                state: TaskState::Open,
            },
            label: None,
            urgency: Urgency::Overdue,
            progress,
        }
    }

    fn draft(task: u128, root: Option<u128>) -> DraftRecord {
        DraftRecord {
            draft_id: DraftId(Uuid::from_u128(70)),
            form_id: "elder_visit".into(),
            form_version_id: FormVersionId(Uuid::from_u128(71)),
            case_id: CaseId(Uuid::from_u128(1)),
            case_label: "赵示例".into(),
            case_version: 4,
            task_id: Some(TaskId(Uuid::from_u128(task))),
            started_at: DateTime::UNIX_EPOCH.fixed_offset(),
            seed: 1,
            prefill: BTreeMap::new(),
            root_id: root.map(|root| SubmissionId(Uuid::from_u128(root))),
            revision: 1,
            base_instance: None,
            comments: Vec::new(),
        }
    }

    fn returned(task: u128) -> SubmissionStatus {
        SubmissionStatus {
            submission_id: SubmissionId(Uuid::from_u128(80)),
            root_id: SubmissionId(Uuid::from_u128(80)),
            revision: 1,
            form_id: "elder_visit".into(),
            form_version_id: FormVersionId(Uuid::from_u128(71)),
            case_id: CaseId(Uuid::from_u128(1)),
            task_id: Some(TaskId(Uuid::from_u128(task))),
            state: SubmissionState::Returned,
            sha256: ContentHash::of(b""),
            received_at: DateTime::UNIX_EPOCH,
            decided_at: None,
            comments: Vec::new(),
            media_missing: Vec::new(),
            media_quarantined: Vec::new(),
            content: None,
        }
    }

    #[test]
    fn a_due_task_is_started() {
        let found = steps(&case(), &[task(5, TaskProgress::ToDo)], &[], &[]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].kind, StepKind::Start { task: Some(TaskId(Uuid::from_u128(5))) });
    }

    #[test]
    fn a_draft_is_continued_and_its_task_is_not_started_again() {
        let progress = TaskProgress::Draft(DraftId(Uuid::from_u128(70)));
        let found = steps(&case(), &[task(5, progress)], &[draft(5, None)], &[]);
        assert_eq!(found.len(), 1);
        assert!(matches!(found[0].kind, StepKind::Continue { correction: false, .. }));
        assert!(found[0].entry.is_some());
    }

    #[test]
    fn what_came_back_is_corrected_once() {
        let progress = TaskProgress::Returned(SubmissionId(Uuid::from_u128(80)));
        let tasks = [task(5, progress), task(6, TaskProgress::Sent)];
        let found = steps(&case(), &tasks, &[], &[returned(5)]);
        assert!(matches!(found[0].kind, StepKind::Correct { .. }));
        assert_eq!(found[1].kind, StepKind::Sent);
        assert_eq!(found.len(), 2);
        let found = steps(&case(), &tasks, &[draft(5, Some(80))], &[returned(5)]);
        assert!(matches!(found[0].kind, StepKind::Continue { correction: true, .. }));
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn only_forms_of_the_kind_that_nothing_asks_for_are_offered() {
        let open = steps(&case(), &[task(5, TaskProgress::ToDo)], &[], &[]);
        assert_eq!(unasked(&case(), Some(&pack()), &open), ["review"]);
        let sent = steps(&case(), &[task(5, TaskProgress::Sent)], &[], &[]);
        assert_eq!(unasked(&case(), Some(&pack()), &sent), ["elder_visit", "review"]);
        let closed = CaseRecord { status: CaseStatus::Closed, ..case() };
        assert!(unasked(&closed, Some(&pack()), &[]).is_empty());
        assert!(unasked(&case(), None, &[]).is_empty());
    }

    #[test]
    fn facts_are_those_the_pack_shows_in_its_order_and_words() {
        let lines = facts(Language::Zh, Some(&pack()), &case());
        let read: Vec<(&str, &str)> =
            lines.iter().map(|line| (line.name.as_str(), line.words.as_str())).collect();
        assert_eq!(read, [("电话", "13800138000"), ("风险", "红")]);
        assert_eq!(lines[0].phone.as_deref(), Some("13800138000"));
        assert_eq!(lines[1].phone, None);
    }
}
