//! What a reviewer may do, and the request that does it.

use std::collections::BTreeMap;

use doorstep_core::api::{DecisionRequest, NewComment};
use doorstep_core::case::PropertyConflict;
use doorstep_core::problem::ProblemCode;
use doorstep_core::submission::{Decision, SubmissionState};
use doorstep_core::task::{TaskRecord, TaskState};

/// Which value of a conflict holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Holds {
    Ledger,
    Submission,
}

/// What the reviewer has settled so far, by property.
pub(super) type Settled = BTreeMap<String, Holds>;

/// Why a decision is not possible now; `None` when it is. What only stands in
/// the way of an approval does not stop a return.
pub(super) fn obstacle(
    decision: Decision,
    state: SubmissionState,
    blocked: Option<ProblemCode>,
    conflicts: &[PropertyConflict],
    settled: &Settled,
) -> Option<ProblemCode> {
    if doorstep_core::submission::decide(state, decision).is_none() {
        return Some(ProblemCode::NotReviewable);
    }
    let of_the_answers = |code: &ProblemCode| {
        matches!(code, ProblemCode::MediaMissing | ProblemCode::FormInvalid | ProblemCode::CaseMovedOn)
    };
    match blocked {
        // Conflicts are settled here, one by one.
        Some(ProblemCode::CaseMovedOn) | None => {}
        Some(code) if of_the_answers(&code) && decision != Decision::Approve => {}
        Some(code) => return Some(code),
    }
    let open = conflicts.iter().any(|conflict| !settled.contains_key(&conflict.property));
    (decision == Decision::Approve && open).then_some(ProblemCode::CaseMovedOn)
}

/// The request of a decision; empty remarks are left out.
///
/// # Errors
/// [`ProblemCode::CommentRequired`] when a return or a rejection says nothing.
pub(super) fn request(
    decision: Decision,
    case_version: u64,
    settled: &Settled,
    whole: &str,
    remarks: &BTreeMap<String, String>,
) -> Result<DecisionRequest, ProblemCode> {
    let said = |path: Option<&String>, text: &str| {
        let text = text.trim();
        (!text.is_empty()).then(|| NewComment { path: path.cloned(), text: text.to_owned() })
    };
    let mut comments: Vec<NewComment> = said(None, whole).into_iter().collect();
    comments.extend(remarks.iter().filter_map(|(path, text)| said(Some(path), text)));
    if comments.is_empty() && decision != Decision::Approve {
        return Err(ProblemCode::CommentRequired);
    }
    let keep_ledger = if decision == Decision::Approve {
        settled
            .iter()
            .filter(|(_, holds)| **holds == Holds::Ledger)
            .map(|(property, _)| property.clone())
            .collect()
    } else {
        Vec::new()
    };
    Ok(DecisionRequest { decision, case_version, keep_ledger, comments })
}

/// The task that comes next for the case.
pub(super) fn next_task(tasks: &[TaskRecord]) -> Option<&TaskRecord> {
    tasks.iter().filter(|task| task.state == TaskState::Open).min_by_key(|task| (task.due_on, task.id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ProblemCode as Code;

    fn conflict() -> PropertyConflict {
        PropertyConflict { property: "risk".into(), base: None, ledger: None, submitted: None }
    }

    fn check(decision: Decision, blocked: Option<Code>, conflicts: &[PropertyConflict]) -> Option<Code> {
        obstacle(decision, SubmissionState::Submitted, blocked, conflicts, &Settled::new())
    }

    #[test]
    fn what_is_missing_stops_an_approval_and_not_a_return() {
        for code in [Code::MediaMissing, Code::FormInvalid] {
            assert_eq!(check(Decision::Approve, Some(code), &[]), Some(code));
            assert_eq!(check(Decision::Return, Some(code), &[]), None);
            assert_eq!(check(Decision::Reject, Some(code), &[]), None);
        }
        for decision in [Decision::Approve, Decision::Return, Decision::Reject] {
            assert_eq!(check(decision, Some(Code::OwnSubmission), &[]), Some(Code::OwnSubmission));
            assert_eq!(check(decision, None, &[]), None);
        }
    }

    #[test]
    fn every_conflict_is_settled_before_an_approval() {
        let conflicts = [conflict()];
        assert_eq!(check(Decision::Approve, None, &conflicts), Some(Code::CaseMovedOn));
        assert_eq!(check(Decision::Return, None, &conflicts), None);
        let settled = Settled::from([("risk".to_owned(), Holds::Submission)]);
        let state = SubmissionState::Submitted;
        assert_eq!(obstacle(Decision::Approve, state, Some(Code::CaseMovedOn), &conflicts, &settled), None);
    }

    #[test]
    fn what_was_decided_stays_decided() {
        let found = obstacle(Decision::Approve, SubmissionState::Returned, None, &[], &Settled::new());
        assert_eq!(found, Some(Code::NotReviewable));
    }

    #[test]
    fn a_return_says_why() -> Result<(), Code> {
        let nothing = BTreeMap::from([("/g/met".to_owned(), "  ".to_owned())]);
        let settled =
            Settled::from([("risk".to_owned(), Holds::Ledger), ("phone".to_owned(), Holds::Submission)]);
        let refused = request(Decision::Return, 3, &settled, " ", &nothing).err();
        assert_eq!(refused, Some(Code::CommentRequired));
        let remarks = BTreeMap::from([("/g/met".to_owned(), "请核实 ".to_owned())]);
        let returned = request(Decision::Return, 3, &settled, "", &remarks)?;
        assert_eq!(returned.comments, [NewComment { path: Some("/g/met".into()), text: "请核实".into() }]);
        assert!(returned.keep_ledger.is_empty());
        let approved = request(Decision::Approve, 3, &settled, "", &nothing)?;
        assert_eq!(approved.keep_ledger, ["risk"]);
        assert!(approved.comments.is_empty());
        Ok(())
    }
}
