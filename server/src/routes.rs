//! Every address on one page.

use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use doorstep_core::api;
use doorstep_core::command::{COMMAND, DEVICES};
use doorstep_core::problem::ProblemCode;
use doorstep_core::sealing::{SEALED_KEY, SEALED_PUSH};

use crate::app::{Components, PUSH_BYTES_MAX, json};
use crate::error::{Error, Result};
use crate::media::tus;
use crate::{auth, cases, devices, forms, media, pwa, review, sync};

/// Paths below these are never the app's.
const NOT_PAGES: &[&str] = &["/api/", "/files", "/openrosa", "/odata", "/healthz", "/readyz", "/metrics"];

/// Each address is a resource of its own, so that a method it does not have is
/// answered as such.
pub(crate) fn configure(service: &mut ServiceConfig) {
    let one = |address: &str| web::resource(format!("{address}/{{id}}"));
    service
        // Logging in.
        .service(web::resource(api::LOGIN).route(web::post().to(auth::log_in)))
        .service(web::resource(api::TOKEN).route(web::post().to(auth::refresh)))
        .service(web::resource(api::LOGOUT).route(web::post().to(auth::log_out)))
        .service(web::resource(SEALED_KEY).route(web::post().to(auth::open_sealed_key)))
        .service(web::resource(api::ME).route(web::get().to(auth::me)))
        // Phones from afar.
        .service(
            web::resource(COMMAND)
                .route(web::get().to(devices::asked))
                .route(web::post().to(devices::report)),
        )
        .service(web::resource(DEVICES).route(web::get().to(devices::list)))
        .service(web::resource(format!("{DEVICES}/{{id}}/command")).route(web::post().to(devices::ask)))
        // Sync.
        .service(
            web::resource(api::SYNC)
                .app_data(json(PUSH_BYTES_MAX))
                .route(web::get().to(sync::pull))
                .route(web::post().to(sync::push)),
        )
        .service(
            web::resource(SEALED_PUSH)
                .app_data(json(PUSH_BYTES_MAX))
                .route(web::post().to(sync::push_sealed)),
        )
        .service(web::resource(api::PARKED_OPERATIONS).route(web::get().to(sync::parked)))
        .service(one(api::FORM_VERSIONS).route(web::get().to(forms::bundle)))
        .service(
            web::resource(format!("{}/{{id}}/files/{{sha256}}", api::FORM_VERSIONS))
                .route(web::get().to(forms::files::file)),
        )
        // Review and the ledger.
        .service(web::resource(api::QUEUE).route(web::get().to(review::queue)))
        .service(one(api::SUBMISSIONS).route(web::get().to(review::submission)))
        .service(
            web::resource(format!("{}/{{id}}/decision", api::SUBMISSIONS))
                .route(web::post().to(review::decide)),
        )
        .service(one(api::CASES).route(web::get().to(cases::detail)))
        // Media.
        .service(web::resource(api::FILES).route(web::method(Method::OPTIONS).to(tus::options)))
        .service(
            one(api::FILES)
                .route(web::get().to(media::get))
                .route(web::method(Method::OPTIONS).to(tus::options))
                .route(web::post().to(tus::serve))
                .route(web::head().to(tus::serve))
                .route(web::patch().to(tus::serve))
                .route(web::delete().to(tus::serve)),
        )
        .service(web::resource(format!("{}/{{id}}/address", api::FILES)).route(web::get().to(media::address)))
        .service(web::resource(format!("{}/{{id}}/similar", api::FILES)).route(web::get().to(media::similar)))
        // Running it.
        .service(web::resource("/healthz").route(web::get().to(alive)))
        .service(web::resource("/readyz").route(web::get().to(ready)))
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
