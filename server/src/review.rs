//! Review: what waits, what it says, and deciding on it.
//!
//! * `queue`: what waits, riskiest first. `show`: one submission with what a
//!   reviewer decides on. `decide`: the decision, which for an approval ends
//!   in the ledger. `outcome`: what an approval writes there, by the pack.

use actix_web::web;
use doorstep_core::api::{DecisionAnswer, DecisionRequest, QueueAnswer, SubmissionDetail};
use doorstep_core::ids::SubmissionId;

use crate::app::Components;
use crate::auth::permit::{Permit, ReadSubmissions, Review};
use crate::error::Result;
use crate::media::jobs;

mod decide;
mod outcome;
mod queue;
mod show;

/// `GET /api/v1/queue`. Own captures are listed too: they wait, if for
/// somebody else; the submission says that it is blocked.
pub(crate) async fn queue(
    components: web::Data<Components>,
    permit: Permit<ReadSubmissions>,
) -> Result<web::Json<QueueAnswer>> {
    queue::queue(&components, &permit).await.map(web::Json)
}

/// `GET /api/v1/submissions/{id}`. One that the asker may not see is not
/// there. `blocked` is what stands against any decision of theirs; what stands
/// against approving alone is in `form_problems` and `media`.
pub(crate) async fn submission(
    components: web::Data<Components>,
    permit: Permit<ReadSubmissions>,
    id: web::Path<SubmissionId>,
) -> Result<web::Json<SubmissionDetail>> {
    // A reviewer sees what is in the files, not that nobody has looked yet.
    if let Err(error) = jobs::ensure_all(&components, *id).await {
        tracing::warn!(%error, "files of a submission are shown unexamined");
    }
    show::detail(&components, &permit, *id).await.map(web::Json)
}

/// `POST /api/v1/submissions/{id}/decision`.
pub(crate) async fn decide(
    components: web::Data<Components>,
    permit: Permit<Review>,
    id: web::Path<SubmissionId>,
    body: web::Json<DecisionRequest>,
) -> Result<web::Json<DecisionAnswer>> {
    decide::decide(&components, &permit, *id, &body).await.map(web::Json)
}
