//! Whom to visit, and in what order.

use std::sync::Arc;

use doorstep_core::ids::{CaseId, DraftId};
use doorstep_core::phone::{DraftRecord, TaskProgress, TodayEntry};
use doorstep_core::submission::SubmissionStatus;
use doorstep_core::task::Urgency;

/// What Today shows, part by part.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Agenda {
    /// Came back with comments, newest first.
    pub(super) returned: Vec<ReturnedVisit>,
    /// Past the due date, in grace or not.
    pub(super) overdue: Vec<Arc<TodayEntry>>,
    pub(super) today: Vec<Arc<TodayEntry>>,
    /// The window is open, the due date to come.
    pub(super) soon: Vec<Arc<TodayEntry>>,
    /// Done here; the server or the reviewer has it next.
    pub(super) captured: Vec<Arc<TodayEntry>>,
    /// The window is not open yet.
    pub(super) upcoming: Vec<Arc<TodayEntry>>,
}

/// A submission that came back.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ReturnedVisit {
    pub(super) status: SubmissionStatus,
    /// What the case is called; `None` when it is not on the phone (any more).
    pub(super) label: Option<String>,
    /// The correction, once it was begun.
    pub(super) draft: Option<DraftId>,
}

impl Agenda {
    /// Groups what the phone says is open, keeping its order. What came back
    /// is listed once, on top.
    pub(super) fn new(
        entries: &[Arc<TodayEntry>],
        returned: Vec<SubmissionStatus>,
        drafts: &[DraftRecord],
        label: impl Fn(CaseId) -> Option<String>,
    ) -> Self {
        let returned: Vec<ReturnedVisit> = returned
            .into_iter()
            .map(|status| ReturnedVisit {
                label: label(status.case_id),
                draft: drafts
                    .iter()
                    .find(|draft| draft.root_id == Some(status.root_id))
                    .map(|draft| draft.draft_id),
                status,
            })
            .collect();
        let mut agenda = Self::default();
        for entry in entries {
            let listed_above = match entry.progress {
                TaskProgress::Returned(_) => true,
                TaskProgress::Draft(draft) => returned.iter().any(|visit| visit.draft == Some(draft)),
                _ => false,
            };
            if listed_above {
                continue;
            }
            let group = match (entry.progress, entry.urgency) {
                (TaskProgress::Unsent | TaskProgress::Sent, _) => &mut agenda.captured,
                (_, Urgency::Overdue | Urgency::Late) => &mut agenda.overdue,
                (_, Urgency::DueToday) => &mut agenda.today,
                (_, Urgency::Due) => &mut agenda.soon,
                // A visit that was begun early is to be finished, not hidden.
                (TaskProgress::Draft(_), Urgency::Upcoming) => &mut agenda.soon,
                (_, Urgency::Upcoming) => &mut agenda.upcoming,
            };
            group.push(Arc::clone(entry));
        }
        agenda.returned = returned;
        agenda
    }

    /// Whether there is something to do now.
    pub(super) fn has_work(&self) -> bool {
        !(self.returned.is_empty()
            && self.overdue.is_empty()
            && self.today.is_empty()
            && self.soon.is_empty())
    }

    /// Whether there is nothing to show at all.
    pub(super) fn is_empty(&self) -> bool {
        !self.has_work() && self.captured.is_empty() && self.upcoming.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, NaiveDate};
    use doorstep_core::hash::ContentHash;
    use doorstep_core::ids::{FormVersionId, SubmissionId, TaskId};
    use doorstep_core::role::Role;
    use doorstep_core::submission::SubmissionState;
    use doorstep_core::task::{TaskOrigin, TaskRecord, TaskState};
    use uuid::Uuid;

    fn date(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, day).unwrap_or_default()
    }

    fn entry(number: u128, due: u32, progress: TaskProgress) -> Arc<TodayEntry> {
        let task = TaskRecord {
            id: TaskId(Uuid::from_u128(number)),
            case_id: CaseId(Uuid::from_u128(number)),
            form_id: "elder_visit".into(),
            assignee: None,
            role: Role::GridWorker,
            opens_on: date(due) - chrono::TimeDelta::days(3),
            due_on: date(due),
            grace_until: date(due) + chrono::TimeDelta::days(2),
            origin: TaskOrigin::Manual,
            state: TaskState::Open,
        };
        Arc::new(TodayEntry { urgency: task.urgency(date(20)), label: None, task, progress })
    }

    fn returned(number: u128) -> SubmissionStatus {
        SubmissionStatus {
            submission_id: SubmissionId(Uuid::from_u128(number)),
            root_id: SubmissionId(Uuid::from_u128(number)),
            revision: 1,
            form_id: "elder_visit".into(),
            form_version_id: FormVersionId(Uuid::from_u128(1)),
            case_id: CaseId(Uuid::from_u128(number)),
            task_id: None,
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

    fn numbers(entries: &[Arc<TodayEntry>]) -> Vec<u128> {
        entries.iter().map(|entry| entry.task.id.0.as_u128()).collect()
    }

    #[test]
    fn tasks_are_grouped_by_what_is_to_be_done_now() {
        let draft = TaskProgress::Draft(DraftId(Uuid::from_u128(50)));
        let entries = vec![
            entry(1, 10, TaskProgress::ToDo),
            entry(2, 19, TaskProgress::ToDo),
            entry(3, 20, draft),
            entry(4, 22, TaskProgress::ToDo),
            entry(5, 28, TaskProgress::ToDo),
            entry(6, 28, draft),
            entry(7, 10, TaskProgress::Unsent),
            entry(8, 10, TaskProgress::Sent),
            entry(9, 10, TaskProgress::Returned(SubmissionId(Uuid::from_u128(9)))),
        ];
        let agenda = Agenda::new(&entries, vec![returned(9)], &[], |_| Some("赵示例".to_owned()));
        assert_eq!(numbers(&agenda.overdue), [1, 2]);
        assert_eq!(numbers(&agenda.today), [3]);
        assert_eq!(numbers(&agenda.soon), [4, 6], "a visit begun early stays in sight");
        assert_eq!(numbers(&agenda.captured), [7, 8]);
        assert_eq!(numbers(&agenda.upcoming), [5]);
        assert_eq!(agenda.returned.len(), 1, "what came back is listed once");
        assert_eq!(agenda.returned[0].label.as_deref(), Some("赵示例"));
    }

    #[test]
    fn nothing_to_do_is_not_nothing_at_all() {
        let done = Agenda::new(&[entry(1, 28, TaskProgress::ToDo)], Vec::new(), &[], |_| None);
        assert!(!done.has_work() && !done.is_empty());
        assert!(Agenda::default().is_empty());
    }
}
