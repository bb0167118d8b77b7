//! What happens around every request: a number, one log line without
//! personal data, protective headers, and the one place where failures
//! become problem documents in the client's language.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT_LANGUAGE, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, PERMISSIONS_POLICY,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpResponse};
use doorstep_core::api::FILES;
use doorstep_core::problem::ProblemCode;
use doorstep_core::text::Language;
use futures::FutureExt;
use tracing::Instrument;

use crate::error::Error;
use crate::media::tus;

/// The header that names a request in answers and in the log.
pub const REQUEST_ID_HEADER: &str = "x-request-id";

const CONTENT_SECURITY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
     img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; \
     frame-ancestors 'none'";

/// The number of a request.
#[derive(Clone, Debug)]
struct RequestId(String);

/// Wraps the whole application.
pub(crate) async fn observe<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, actix_web::Error> {
    let started = Instant::now();
    let request_id = RequestId(uuid::Uuid::now_v7().simple().to_string());
    let language = language_of(request.headers());
    let method = request.method().clone();
    let resumable = request.path().starts_with(FILES);
    request.extensions_mut().insert(request_id.clone());
    let span = tracing::info_span!("request", id = %request_id.0);

    // The request goes in whole: routing writes into it, and panics where
    // there is a second handle to it.
    let outcome = AssertUnwindSafe(next.call(request)).catch_unwind().instrument(span.clone()).await;
    let _entered = span.enter();
    let outcome = match outcome {
        Ok(Ok(response)) => Ok(explain(response, language, &request_id)),
        Ok(Err(failure)) => Err(answer_to_failure(&failure, language, &request_id)),
        Err(panic) => {
            let error = Error::internal(anyhow::anyhow!("panicked: {}", panic_message(panic.as_ref())));
            Err(answer_to(&error, language, &request_id))
        }
    };
    let (route, status) = match &outcome {
        // The pattern, not the path: paths carry identifiers of people.
        Ok(response) => (response.request().match_pattern(), response.status()),
        Err(answer) => (None, answer.status()),
    };
    tracing::info!(
        %method,
        route = route.unwrap_or_else(|| "-".to_owned()),
        status = status.as_u16(),
        duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        "answered"
    );
    match outcome {
        Ok(mut response) => {
            protect(response.headers_mut(), &request_id);
            name_protocol(response.headers_mut(), resumable);
            Ok(response)
        }
        Err(mut answer) => {
            protect(answer.headers_mut(), &request_id);
            name_protocol(answer.headers_mut(), resumable);
            Err(InternalError::from_response("failed", answer).into())
        }
    }
}

/// The language that a client asked for.
pub(crate) fn language_of(headers: &HeaderMap) -> Language {
    headers
        .get(ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .map(Language::from_accept_language)
        .unwrap_or_default()
}

/// Rewrites a failure with the request's language and number.
fn explain<B: MessageBody + 'static>(
    response: ServiceResponse<B>,
    language: Language,
    request_id: &RequestId,
) -> ServiceResponse<EitherBody<B, BoxBody>> {
    let answer = match response.response().error() {
        Some(failure) => answer_to_failure(failure, language, request_id),
        // Actix answers a known path with a wrong method without an error.
        None if response.status() == StatusCode::METHOD_NOT_ALLOWED => {
            let mut answer = answer_to(&ProblemCode::MethodNotAllowed.into(), language, request_id);
            if let Some(allow) = response.headers().get(actix_web::http::header::ALLOW) {
                answer.headers_mut().insert(actix_web::http::header::ALLOW, allow.clone());
            }
            answer
        }
        None => return response.map_into_left_body(),
    };
    response.into_response(answer).map_into_right_body()
}

fn answer_to(error: &Error, language: Language, request_id: &RequestId) -> HttpResponse {
    log_fault(error);
    error.answer(language, Some(request_id.0.clone()))
}

/// Each fault of ours is logged here, once; refusals are not faults.
fn log_fault(error: &Error) {
    if error.code().status() >= 500 {
        match error.cause() {
            Some(cause) => {
                tracing::error!(code = error.code().code(), cause = %format!("{cause:#}"), "failed")
            }
            None => tracing::error!(code = error.code().code(), "failed"),
        }
    }
}

/// Answers with our own error, or with what actix means by one of its own.
fn answer_to_failure(failure: &actix_web::Error, language: Language, request_id: &RequestId) -> HttpResponse {
    match failure.as_error::<Error>() {
        Some(error) => answer_to(error, language, request_id),
        None => answer_to(&translated(failure), language, request_id),
    }
}

fn translated(failure: &actix_web::Error) -> Error {
    let status = failure.as_response_error().status_code();
    match status {
        StatusCode::NOT_FOUND => Error::problem(ProblemCode::NotFound),
        StatusCode::METHOD_NOT_ALLOWED => Error::problem(ProblemCode::MethodNotAllowed),
        StatusCode::PAYLOAD_TOO_LARGE => Error::problem(ProblemCode::TooLarge),
        _ if status.is_client_error() => Error::problem(ProblemCode::InvalidRequest),
        _ => Error::internal(anyhow::anyhow!("{failure}")),
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

/// Every answer of tus names its version, also a refusal before any handler.
fn name_protocol(headers: &mut HeaderMap, resumable: bool) {
    if resumable {
        headers.insert(tus::TUS_RESUMABLE, HeaderValue::from_static(tus::VERSION));
    }
}

/// Headers that every answer carries.
fn protect(headers: &mut HeaderMap, request_id: &RequestId) {
    if let Ok(value) = HeaderValue::from_str(&request_id.0) {
        headers.insert(HeaderName::from_static(REQUEST_ID_HEADER), value);
    }
    // Files of people have a stricter one of their own.
    if !headers.contains_key(CONTENT_SECURITY_POLICY) {
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY));
    }
    let fixed = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (PERMISSIONS_POLICY, "camera=(self), geolocation=(self), microphone=(self)"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // What is not said to be cacheable holds somebody's data.
    if !headers.contains_key(actix_web::http::header::CACHE_CONTROL) {
        headers.insert(actix_web::http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
