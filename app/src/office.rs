//! Reviewing: what needs the server now. The screens' only way to it.
use crate::camera::ObjectUrl;
use crate::session::Session;
use doorstep_core::api::{
    CaseDetail, DecisionAnswer, DecisionRequest, ParkedAnswer, QueueAnswer, SubmissionDetail,
};
use doorstep_core::ids::{CaseId, FormVersionId, MediaId, SubmissionId};
use doorstep_core::phone::Failure;
use doorstep_form::Plan;
use std::sync::Arc;

/// How large a picture is wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PictureSize {
    Thumbnail,
    Full,
}

/// The door to the server for reviewers.
#[derive(Clone, Copy, Debug)]
pub struct Office {
    session: Session,
}
impl Office {
    pub fn new(session: Session) -> Self {
        Self { session }
    }
    pub async fn queue(self) -> Result<QueueAnswer, Failure> {
        Err(Failure::NoConnection)
    }
    pub async fn submission(self, _id: SubmissionId) -> Result<SubmissionDetail, Failure> {
        Err(Failure::NoConnection)
    }
    pub async fn decide(
        self,
        _id: SubmissionId,
        _request: &DecisionRequest,
    ) -> Result<DecisionAnswer, Failure> {
        Err(Failure::NoConnection)
    }
    pub async fn case(self, _id: CaseId) -> Result<CaseDetail, Failure> {
        Err(Failure::NoConnection)
    }
    pub async fn parked(self) -> Result<ParkedAnswer, Failure> {
        Err(Failure::NoConnection)
    }
    /// The form of a submission, to show its answers in words.
    pub async fn plan(self, _id: FormVersionId) -> Result<Arc<Plan>, Failure> {
        Err(Failure::NoConnection)
    }
    pub async fn picture(self, _id: MediaId, _size: PictureSize) -> Result<ObjectUrl, Failure> {
        let _ = self.session;
        Err(Failure::NoConnection)
    }
}
