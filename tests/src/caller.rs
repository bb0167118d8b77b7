//! One HTTP request and what came back.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use doorstep::error::PROBLEM_JSON;
use doorstep_core::api::{APP_VERSION, APP_VERSION_HEADER};
use doorstep_core::problem::{Problem, ProblemCode};
use doorstep_core::text::Language;
use reqwest::header::{ACCEPT_LANGUAGE, AUTHORIZATION, HeaderMap};
use reqwest::{Method, RequestBuilder};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Longer than any answer takes; a black hole ends here.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Somebody who asks the server: logged in or not, in one language.
#[derive(Clone, Debug)]
pub struct Caller {
    http: reqwest::Client,
    base_url: String,
    pub token: Option<String>,
    pub language: Language,
    /// Which app it says that it is.
    pub app_version: u32,
}

impl Caller {
    /// A stranger.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn new(base_url: impl Into<String>) -> Result<Self> {
        Self::with_timeout(base_url, TIMEOUT)
    }

    /// A stranger with little patience.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn with_timeout(base_url: impl Into<String>, timeout: Duration) -> Result<Self> {
        doorstep::tls::use_ring();
        let http = reqwest::Client::builder().timeout(timeout).no_proxy().build()?;
        Ok(Self {
            http,
            base_url: base_url.into(),
            token: None,
            language: Language::En,
            app_version: APP_VERSION,
        })
    }

    /// The same with another token.
    #[must_use]
    pub fn with_token(&self, token: impl Into<String>) -> Self {
        Self { token: Some(token.into()), ..self.clone() }
    }

    /// The same without a token.
    #[must_use]
    pub fn stranger(&self) -> Self {
        Self { token: None, ..self.clone() }
    }

    /// The same at another server.
    #[must_use]
    pub fn elsewhere(&self, base_url: impl Into<String>) -> Self {
        Self { base_url: base_url.into(), ..self.clone() }
    }

    /// The same in another language.
    #[must_use]
    pub fn in_language(&self, language: Language) -> Self {
        Self { language, ..self.clone() }
    }

    /// A request to add to.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self
            .http
            .request(method, format!("{}{path}", self.base_url))
            .header(ACCEPT_LANGUAGE, self.language.code())
            .header(APP_VERSION_HEADER, self.app_version);
        match &self.token {
            Some(token) => request.header(AUTHORIZATION, format!("Bearer {token}")),
            None => request,
        }
    }

    /// Sends a request.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer { status, headers, bytes: response.bytes().await?.to_vec() })
    }

    /// `GET`.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.send(self.request(Method::GET, path)).await
    }

    /// `POST` of JSON.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub async fn post(&self, path: &str, body: &impl Serialize) -> Result<Answer> {
        self.send(self.request(Method::POST, path).json(body)).await
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Answer {
    /// A header, where there is one.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body of a success.
    ///
    /// # Errors
    /// When it was none, with what came instead.
    pub fn ok<T: DeserializeOwned>(&self) -> Result<T> {
        ensure!((200..300).contains(&self.status), "{}: {}", self.status, self.text());
        serde_json::from_slice(&self.bytes).with_context(|| self.text())
    }

    /// The body as text, for messages.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).chars().take(2000).collect()
    }

    /// The problem document of a refusal, which has to be a proper one
    /// (RFC 9457): the right type, the status in it, words in both languages.
    ///
    /// # Errors
    /// When it is no refusal, or not a proper one.
    pub fn problem(&self) -> Result<Problem> {
        ensure!(self.status >= 400, "expected a refusal, got {}: {}", self.status, self.text());
        ensure!(
            self.header("content-type") == Some(PROBLEM_JSON),
            "a refusal of type {:?}: {}",
            self.header("content-type"),
            self.text()
        );
        let problem: Problem = serde_json::from_slice(&self.bytes).with_context(|| self.text())?;
        ensure!(problem.status == self.status, "{} in {}", problem.status, self.status);
        ensure!(problem.status == problem.code.status(), "{:?} with {}", problem.code, self.status);
        ensure!(problem.type_uri == format!("urn:doorstep:problem:{}", problem.code.code()));
        ensure!(problem.message == problem.code.message(), "{:?}", problem.message);
        ensure!(problem.request_id.is_some() && problem.request_id.as_deref() == self.header("x-request-id"));
        Ok(problem)
    }

    /// The problem of a refusal with this code.
    ///
    /// # Errors
    /// When it is another, or none.
    pub fn refused(&self, code: ProblemCode) -> Result<Problem> {
        let problem = self.problem()?;
        if problem.code != code {
            bail!("expected {code:?}, got {}", self.text());
        }
        Ok(problem)
    }
}
