//! Every failure of a request, as the client sees it and as the log does.
//!
//! A client sees a line of `doorstep_core::problem`, in its language, as
//! `application/problem+json`; the log sees the cause. `?` on a `DbErr` and
//! on `serde_json::Error` makes an `internal` of it. The request's language
//! and number are known to [`crate::observe`], which writes the body.

use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};
use doorstep_core::case::PropertyConflict;
use doorstep_core::problem::{FieldProblem, Problem, ProblemCode};
use doorstep_core::text::{Language, LocalText};

/// The content type of RFC 9457.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// A request that failed.
#[derive(Debug)]
pub struct Error(Box<Draft>);

/// The result of anything that a request does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug)]
struct Draft {
    code: ProblemCode,
    detail: Option<LocalText>,
    fields: Vec<FieldProblem>,
    retry_after_s: Option<u64>,
    expect: Option<u64>,
    case_version: Option<u64>,
    conflicts: Vec<PropertyConflict>,
    /// For the log alone.
    cause: Option<anyhow::Error>,
    another_writer: bool,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Error {
    /// A line of the problem table.
    pub fn problem(code: ProblemCode) -> Self {
        Self(Box::new(Draft {
            code,
            detail: None,
            fields: Vec::new(),
            retry_after_s: None,
            expect: None,
            case_version: None,
            conflicts: Vec::new(),
            cause: None,
            another_writer: false,
            headers: Vec::new(),
        }))
    }

    /// A fault of ours: `internal`, with its cause in the log.
    pub fn internal(cause: impl Into<anyhow::Error>) -> Self {
        Self::problem(ProblemCode::Internal).because(cause)
    }

    /// What is particular to this occurrence.
    #[must_use]
    pub fn detail(mut self, zh: impl Into<String>, en: impl Into<String>) -> Self {
        self.0.detail = Some(LocalText::new(zh, en));
        self
    }

    /// Names one place in the request that is wrong, by JSON pointer.
    #[must_use]
    pub fn field(mut self, pointer: impl Into<String>, detail: LocalText) -> Self {
        self.0.fields.push(FieldProblem { pointer: pointer.into(), detail });
        self
    }

    /// When trying again makes sense; rounded up to whole seconds.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after_s = Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
        self
    }

    /// A header of the answer that says more.
    #[must_use]
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// With `operation_gap`: the sequence number the server waits for; with
    /// `upload_offset_differs`: the offset.
    #[must_use]
    pub fn expect_seq(mut self, seq: u64) -> Self {
        self.0.expect = Some(seq);
        self
    }

    /// With `case_moved_on`: the case's version now, and what conflicts.
    #[must_use]
    pub fn conflicts(mut self, case_version: u64, conflicts: Vec<PropertyConflict>) -> Self {
        self.0.case_version = Some(case_version);
        self.0.conflicts = conflicts;
        self
    }

    /// The cause, for the log alone: it never leaves the server.
    #[must_use]
    pub fn because(mut self, cause: impl Into<anyhow::Error>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// Marks a failure that goes away when the transaction runs again.
    pub(crate) fn another_writer(mut self) -> Self {
        self.0.another_writer = true;
        self
    }

    pub(crate) fn met_another_writer(&self) -> bool {
        self.0.another_writer
    }

    /// The stable code.
    pub fn code(&self) -> ProblemCode {
        self.0.code
    }

    pub(crate) fn cause(&self) -> Option<&anyhow::Error> {
        self.0.cause.as_ref()
    }

    /// The problem document, as the client gets it.
    pub fn document(&self, language: Language, request_id: Option<String>) -> Problem {
        let draft = &self.0;
        Problem {
            detail: draft.detail.as_ref().map(|detail| detail.get(language).to_owned()),
            request_id,
            errors: draft.fields.clone(),
            expect: draft.expect,
            retry_after_s: draft.retry_after_s,
            case_version: draft.case_version,
            conflicts: draft.conflicts.clone(),
            ..Problem::new(draft.code, language)
        }
    }

    /// The whole answer.
    pub(crate) fn answer(&self, language: Language, request_id: Option<String>) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status_code());
        answer.insert_header((CONTENT_TYPE, PROBLEM_JSON));
        for header in &self.0.headers {
            answer.insert_header(header.clone());
        }
        if let Some(wait_s) = self.0.retry_after_s {
            answer.insert_header((RETRY_AFTER, wait_s));
        }
        // A problem document is plain strings and numbers: writing it cannot
        // fail, and an empty body would still carry the right status.
        answer.body(serde_json::to_vec(&self.document(language, request_id)).unwrap_or_default())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.code.code())?;
        if let Some(detail) = &self.0.detail {
            write!(formatter, ": {}", detail.en)?;
        }
        match &self.0.cause {
            Some(cause) => write!(formatter, " ({cause:#})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        self.answer(Language::default(), None)
    }
}

impl From<ProblemCode> for Error {
    fn from(code: ProblemCode) -> Self {
        Self::problem(code)
    }
}

impl From<serde_json::Error> for Error {
    fn from(cause: serde_json::Error) -> Self {
        Self::internal(cause)
    }
}

impl From<actix_web::error::BlockingError> for Error {
    fn from(cause: actix_web::error::BlockingError) -> Self {
        Self::internal(cause)
    }
}
