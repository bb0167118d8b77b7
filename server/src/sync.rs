//! Sync (DESIGN §6): phones push what was captured and pull what changed.
//!
//! * `push`: one transaction per operation, idempotent; nothing is refused for
//!   its content.
//! * `sealed`: the same for what a locked phone sends.
//! * `parked`: what could not be applied, and trying it again.
//! * `pull`: pages of the streams that a person follows, out of one state of
//!   the database. `compose`: the bodies in them, as the rows are now.

use actix_web::{HttpRequest, HttpResponse, web};
use doorstep_core::api::{APP_VERSION_HEADER, ParkedAnswer};
use doorstep_core::problem::ProblemCode;
use doorstep_core::sealing::{SealedPush, SealedPushAnswer};
use doorstep_core::sync::{PullRequest, PushAnswer, PushRequest};

use crate::app::Components;
use crate::auth::permit::{HandOver, LoggedIn, Permit, ReadParked};
use crate::error::Result;
use crate::packed;

mod compose;
mod parked;
mod pull;
mod push;
mod sealed;

pub use parked::{retry_everything, retry_parked};
pub(crate) use push::take;

/// The oldest [`doorstep_core::api::APP_VERSION`] that may pull. An older one
/// can still push: what was captured is never kept out by its age. Version 1
/// does not read the contents of returned submissions any more.
pub const MIN_APP: u32 = 2;

/// `GET /api/v1/sync`.
pub(crate) async fn pull(
    components: web::Data<Components>,
    permit: Permit<LoggedIn>,
    request: HttpRequest,
    query: web::Query<PullRequest>,
) -> Result<HttpResponse> {
    // Who does not say its version is no phone of ours.
    let version = request.headers().get(APP_VERSION_HEADER).map(|header| header.to_str().unwrap_or_default());
    if version.is_some_and(|version| version.trim().parse::<u32>().is_ok_and(|app| app < MIN_APP)) {
        return Err(ProblemCode::AppTooOld.into());
    }
    let answer = pull::answer(&components, &permit, query.into_inner()).await?;
    packed::json(&request, HttpResponse::Ok(), serde_json::to_vec(&answer)?).await
}

/// `POST /api/v1/sync`.
pub(crate) async fn push(
    components: web::Data<Components>,
    permit: Permit<HandOver>,
    body: web::Json<PushRequest>,
) -> Result<web::Json<PushAnswer>> {
    push::answer(&components, &permit, &body).await.map(web::Json)
}

/// `POST /api/v1/sealed-push`. No [`Permit`]: the token is of another kind, and
/// is in the body.
pub(crate) async fn push_sealed(
    components: web::Data<Components>,
    body: web::Json<SealedPush>,
) -> Result<web::Json<SealedPushAnswer>> {
    sealed::answer(&components, &body).await.map(web::Json)
}

/// `GET /api/v1/parked-operations`.
pub(crate) async fn parked(
    components: web::Data<Components>,
    permit: Permit<ReadParked>,
) -> Result<web::Json<ParkedAnswer>> {
    parked::list(&components, &permit).await.map(web::Json)
}
