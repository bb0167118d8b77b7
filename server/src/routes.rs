//! Every address on one page.

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use doorstep_core::api;
use doorstep_core::problem::ProblemCode;

use crate::app::{Components, PUSH_BYTES_MAX, json};
use crate::error::{Error, Result};
use crate::{auth, cases, forms, media, pwa, review, sync};

/// Paths below these are never the app's.
const NOT_PAGES: &[&str] = &["/api/", "/files", "/openrosa", "/odata", "/healthz", "/readyz", "/metrics"];

pub(crate) fn configure(service: &mut ServiceConfig) {
    service
        // Logging in.
        .route(api::LOGIN, web::post().to(auth::log_in))
        .route(api::TOKEN, web::post().to(auth::refresh))
        .route(api::LOGOUT, web::post().to(auth::log_out))
        .route(api::ME, web::get().to(auth::me))
        // Sync.
        .service(
            web::resource(api::SYNC)
                .app_data(json(PUSH_BYTES_MAX))
                .route(web::get().to(sync::pull))
                .route(web::post().to(sync::push)),
        )
        .route(api::PARKED_OPERATIONS, web::get().to(sync::parked))
        .route(&format!("{}/{{id}}", api::FORM_VERSIONS), web::get().to(forms::bundle))
        // Review and the ledger.
        .route(api::QUEUE, web::get().to(review::queue))
        .route(&format!("{}/{{id}}", api::SUBMISSIONS), web::get().to(review::submission))
        .route(&format!("{}/{{id}}/decision", api::SUBMISSIONS), web::post().to(review::decide))
        .route(&format!("{}/{{id}}", api::CASES), web::get().to(cases::detail))
        // Media.
        .service(
            web::resource(format!("{}/{{id}}", api::FILES))
                .route(web::put().to(media::put))
                .route(web::get().to(media::get)),
        )
        // Running it.
        .route("/healthz", web::get().to(alive))
        .route("/readyz", web::get().to(ready))
        // The app, and everything that is nowhere.
        .default_service(web::to(elsewhere));
}

/// `GET /healthz`: the process answers.
async fn alive() -> HttpResponse {
    HttpResponse::Ok().body("ok")
}

/// `GET /readyz`: it can work.
async fn ready(components: web::Data<Components>) -> Result<HttpResponse> {
    components
        .database
        .ping()
        .await
        .map_err(|cause| Error::problem(ProblemCode::Unavailable).because(cause))?;
    Ok(HttpResponse::Ok().body("ready"))
}

async fn elsewhere(request: HttpRequest, components: web::Data<Components>) -> Result<HttpResponse> {
    if NOT_PAGES.iter().any(|prefix| request.path().starts_with(prefix)) {
        return Err(ProblemCode::NotFound.into());
    }
    pwa::serve(&request, &components.pwa)
}
