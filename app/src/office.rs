//! Reviewing and administering: what needs the server now. The screens' only way to it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use doorstep_core::api::{
    CaseDetail, DecisionAnswer, DecisionRequest, FileAddress, ParkedAnswer, QueueAnswer, SimilarAnswer,
    SubmissionDetail,
};
use doorstep_core::command::{CommandKind, DeviceRecord};
use doorstep_core::ids::{CaseId, DeviceId, FormVersionId, MediaId, SubmissionId};
use doorstep_core::json;
use doorstep_core::pack::FormBundle;
use doorstep_core::phone::records::plan_of;
use doorstep_core::phone::{Failure, PhoneError};
use doorstep_core::problem::{Problem, ProblemCode};
use doorstep_core::store::StoreError;
use doorstep_core::text::Language;
use doorstep_form::Plan;
use leptos::prelude::*;

use crate::camera::ObjectUrl;
use crate::session::Session;

type Plans = BTreeMap<FormVersionId, Arc<Plan>>;

/// The door to the server for reviewers.
#[derive(Clone, Copy, Debug)]
pub struct Office {
    session: Session,
    /// Compiled forms never change.
    plans: StoredValue<Rc<RefCell<Plans>>, LocalStorage>,
}

impl Office {
    /// As whoever is in.
    pub fn new(session: Session) -> Self {
        Self { session, plans: StoredValue::new_local(Rc::default()) }
    }

    /// What waits for this reviewer, riskiest first.
    ///
    /// # Errors
    /// With the server's problem, or without a connection.
    pub async fn queue(self) -> Result<QueueAnswer, Failure> {
        self.session.client()?.queue().await
    }

    /// One submission with everything to decide on.
    ///
    /// # Errors
    /// With the server's problem, or without a connection.
    pub async fn submission(self, id: SubmissionId) -> Result<SubmissionDetail, Failure> {
        self.session.client()?.submission(id).await
    }

    /// Approves, returns or rejects a submission.
    ///
    /// # Errors
    /// With the server's problem, or without a connection.
    pub async fn decide(
        self,
        id: SubmissionId,
        request: &DecisionRequest,
    ) -> Result<DecisionAnswer, Failure> {
        self.session.client()?.decide(id, request).await
    }

    /// A case with its history.
    ///
    /// # Errors
    /// With the server's problem, or without a connection.
    pub async fn case(self, id: CaseId) -> Result<CaseDetail, Failure> {
        self.session.client()?.case(id).await
    }

    /// What the server could not apply yet.
    ///
    /// # Errors
    /// With the server's problem, or without a connection.
    pub async fn parked(self) -> Result<ParkedAnswer, Failure> {
        self.session.client()?.parked().await
    }

    /// The phones of everybody whom the person manages.
    ///
    /// # Errors
    /// With the server's problem, or without a connection.
    pub async fn devices(self) -> Result<Vec<DeviceRecord>, Failure> {
        self.session.client()?.devices().await
    }

    /// Asks something of a phone; `None` takes back what was asked and not
    /// done.
    ///
    /// # Errors
    /// With the server's problem, or without a connection.
    pub async fn ask_device(self, id: DeviceId, kind: Option<CommandKind>) -> Result<DeviceRecord, Failure> {
        self.session.client()?.ask_device(id, kind).await
    }

    /// The form of a submission, to show its answers in words: from the phone
    /// when it is there, else from the server.
    ///
    /// # Errors
    /// With the server's problem, without a connection, or when the form does
    /// not compile.
    pub async fn plan(self, id: FormVersionId) -> Result<Arc<Plan>, Failure> {
        let plans = self.plans.get_value();
        let known = plans.borrow().get(&id).cloned();
        if let Some(plan) = known {
            return Ok(plan);
        }
        let phone = self.session.phone_untracked().map_err(of_phone)?;
        let plan = match phone.plan(id).await {
            Ok(plan) => plan,
            Err(PhoneError::FormVersionUnknown(_)) => {
                let bytes = self.session.client()?.form_bundle(id).await?;
                // What does not read was cut off on its way.
                let bundle: FormBundle = json::read(&bytes).map_err(|_| Failure::NoConnection)?;
                Arc::new(plan_of(&bundle).map_err(of_phone)?)
            }
            Err(error) => return Err(of_phone(error)),
        };
        plans.borrow_mut().insert(id, Arc::clone(&plan));
        Ok(plan)
    }

    /// Another address of a file, which the browser gets it from by itself.
    ///
    /// # Errors
    /// With the server's problem, or without a connection.
    pub async fn address(self, id: MediaId) -> Result<FileAddress, Failure> {
        self.session.client()?.file_address(id).await
    }

    /// Photos of other submissions that look like one.
    ///
    /// # Errors
    /// With the server's problem, or without a connection.
    pub async fn similar(self, id: MediaId) -> Result<SimilarAnswer, Failure> {
        self.session.client()?.similar(id).await
    }

    /// The bytes of a file, to be saved.
    ///
    /// # Errors
    /// With the server's problem, or without a connection.
    pub async fn file(self, id: MediaId) -> Result<ObjectUrl, Failure> {
        let (bytes, content_type) = self.session.client()?.file(id).await?;
        ObjectUrl::new(&bytes, &content_type)
            .ok_or_else(|| Failure::Store(StoreError::Lost("the browser made no address".to_owned())))
    }
}

/// A published form that does not compile is the server's mistake.
fn of_phone(error: PhoneError) -> Failure {
    match error {
        PhoneError::Store(error) => Failure::Store(error),
        other => Failure::Problem(Box::new(Problem {
            detail: Some(other.to_string()),
            ..Problem::new(ProblemCode::Internal, Language::Zh)
        })),
    }
}
