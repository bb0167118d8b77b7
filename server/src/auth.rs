//! Who is asking, and what they may do.
//!
//! * [`permit`]: the extractor that every handler with a person behind it
//!   takes; the only way to an actor.
//! * [`login`]: passwords, devices, sessions. [`password`], [`tokens`] and
//!   [`limiter`] are its parts.
//! * [`sealing`]: the spare copies of phones' data keys, for forgotten PINs.

use actix_web::{HttpRequest, HttpResponse, web};
use doorstep_core::api::{LoginAnswer, LoginRequest, Me, TokenAnswer, TokenRequest};
use doorstep_core::sealing::{OpenedKey, SealedKey};

use crate::app::Components;
use crate::error::Result;
use crate::users;

pub mod limiter;
pub mod login;
pub mod password;
pub mod permit;
pub mod sealing;
pub mod tokens;

use permit::{HandOver, LoggedIn, Permit};

/// `POST /api/v1/login`.
pub(crate) async fn log_in(
    components: web::Data<Components>,
    request: HttpRequest,
    body: web::Json<LoginRequest>,
) -> Result<web::Json<LoginAnswer>> {
    let now = components.clock.now();
    components.logins_per_address.take(&components.client_address(&request), now)?;
    components.logins_per_name.take(&users::folded_login_name(&body.login_name), now)?;
    login::log_in(&components, body.into_inner()).await.map(web::Json)
}

/// `POST /api/v1/token`.
pub(crate) async fn refresh(
    components: web::Data<Components>,
    body: web::Json<TokenRequest>,
) -> Result<web::Json<TokenAnswer>> {
    login::refresh(&components, &body).await.map(web::Json)
}

/// `POST /api/v1/logout`.
pub(crate) async fn log_out(
    components: web::Data<Components>,
    permit: Permit<HandOver>,
) -> Result<HttpResponse> {
    login::log_out(&components, permit.session_id()).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /api/v1/sealed-key`.
pub(crate) async fn open_sealed_key(
    components: web::Data<Components>,
    permit: Permit<LoggedIn>,
    body: web::Json<SealedKey>,
) -> Result<web::Json<OpenedKey>> {
    sealing::open(&components, permit.user_id(), permit.session_id(), &body).await.map(web::Json)
}

/// `GET /api/v1/me`.
pub(crate) async fn me(components: web::Data<Components>, permit: Permit<LoggedIn>) -> Result<web::Json<Me>> {
    users::me(components.database.read(), permit.user()).await.map(web::Json)
}
