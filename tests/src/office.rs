//! A reviewer's desk: the requests of the supervisor's screens.

use anyhow::{Context, Result};
use doorstep_core::api::{
    CASES, CaseDetail, DecisionAnswer, DecisionRequest, NewComment, PARKED_OPERATIONS, ParkedAnswer, QUEUE,
    QueueAnswer, QueueEntry, SUBMISSIONS, SubmissionDetail,
};
use doorstep_core::ids::{CaseId, SubmissionId};
use doorstep_core::submission::Decision;

use crate::caller::{Answer, Caller};

/// Somebody who reviews.
#[derive(Clone, Debug)]
pub struct Office {
    pub caller: Caller,
}

impl Office {
    /// What waits.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn queue(&self) -> Result<Vec<QueueEntry>> {
        Ok(self.caller.get(QUEUE).await?.ok::<QueueAnswer>()?.entries)
    }

    /// One submission.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn submission(&self, id: SubmissionId) -> Result<SubmissionDetail> {
        self.caller.get(&format!("{SUBMISSIONS}/{id}")).await?.ok()
    }

    /// One case.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn case(&self, id: CaseId) -> Result<CaseDetail> {
        self.caller.get(&format!("{CASES}/{id}")).await?.ok()
    }

    /// What is parked.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn parked(&self) -> Result<ParkedAnswer> {
        self.caller.get(PARKED_OPERATIONS).await?.ok()
    }

    /// Tries to decide.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub async fn try_decide(&self, id: SubmissionId, request: &DecisionRequest) -> Result<Answer> {
        self.caller.post(&format!("{SUBMISSIONS}/{id}/decision"), request).await
    }

    /// Decides on what it looks at, with comments.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn decide(
        &self,
        id: SubmissionId,
        decision: Decision,
        comments: &[(Option<&str>, &str)],
    ) -> Result<DecisionAnswer> {
        let seen = self.submission(id).await.context("looking at it")?;
        self.try_decide(id, &request(decision, seen.case.version, comments)).await?.ok()
    }

    /// Approves what it looks at.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn approve(&self, id: SubmissionId) -> Result<DecisionAnswer> {
        self.decide(id, Decision::Approve, &[]).await
    }

    /// Returns what it looks at.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn give_back(&self, id: SubmissionId, comment: &str) -> Result<DecisionAnswer> {
        self.decide(id, Decision::Return, &[(None, comment)]).await
    }
}

/// A decision of somebody who saw `case_version`.
pub fn request(decision: Decision, case_version: u64, comments: &[(Option<&str>, &str)]) -> DecisionRequest {
    DecisionRequest {
        decision,
        case_version,
        keep_ledger: Vec::new(),
        comments: comments
            .iter()
            .map(|(path, text)| NewComment { path: path.map(str::to_owned), text: (*text).to_owned() })
            .collect(),
    }
}
