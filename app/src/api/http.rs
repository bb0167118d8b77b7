//! One request and what came back. Whatever is not Doorstep's own answer (no
//! network, a captive portal's page, a proxy's error) is "no connection".

use std::borrow::Cow;
use std::rc::Rc;

use doorstep_core::api::{APP_VERSION, APP_VERSION_HEADER};
use doorstep_core::json;
use doorstep_core::phone::synchronise::{FileAct, FileRequest, UPLOAD_OFFSET};
use doorstep_core::phone::{Failure, Reply};
use doorstep_core::problem::{Problem, ProblemCode};
use doorstep_core::text::Language;
use futures::future::{Either, select};
use js_sys::{Promise, Uint8Array};
use leptos::prelude::window;
use serde::Serialize;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, Headers, RequestInit, Response, XmlHttpRequest, XmlHttpRequestResponseType};

use crate::browser::{bytes_of, call, call_async, construct, get, sleep};

/// A whole answer may take this long: a page of sync on 2G takes ten seconds.
const ANSWER_MS_MAX: u32 = 60_000;
/// The slowest network that a large answer is waited for on.
const BYTES_PER_MS_MIN: u64 = 10;
/// A file may take this long between two signs of life.
const UPLOAD_STALL_MS_MAX: u32 = 60_000;
/// Below this, compression costs more than it saves.
const COMPRESS_BYTES_MIN: usize = 1024;

/// The methods that Doorstep uses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    Get,
    Post,
    Head,
    Patch,
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Head => "HEAD",
            Self::Patch => "PATCH",
        }
    }
}

/// One request.
pub struct Request<'a> {
    method: Method,
    address: Cow<'a, str>,
    body: Option<Cow<'a, [u8]>>,
    content_type: &'a str,
    gzip: bool,
    /// Beside those that every request has.
    headers: Vec<(&'static str, String)>,
    /// How long the whole answer may take.
    patience_ms: u32,
    /// Hears what share of the body has left.
    progress: Option<Rc<dyn Fn(u8)>>,
}

impl<'a> Request<'a> {
    /// Without a body.
    pub fn empty(method: Method, address: &'a str) -> Self {
        Self {
            method,
            address: address.into(),
            body: None,
            content_type: "",
            gzip: false,
            headers: Vec::new(),
            patience_ms: ANSWER_MS_MAX,
            progress: None,
        }
    }

    /// `GET`.
    pub fn get(address: &'a str) -> Self {
        Self::empty(Method::Get, address)
    }

    /// With an answer of so many bytes, which takes longer the larger it is.
    pub fn expecting(mut self, size_bytes: u64) -> Self {
        let extra_ms = u32::try_from(size_bytes / BYTES_PER_MS_MIN).unwrap_or(u32::MAX);
        self.patience_ms = self.patience_ms.saturating_add(extra_ms);
        self
    }

    /// With a JSON body.
    ///
    /// # Errors
    /// When the body cannot be written as JSON.
    pub fn json(method: Method, address: &'a str, body: &impl Serialize) -> Result<Self, Failure> {
        let body = json::write(body).map_err(|_| {
            Failure::Problem(Box::new(Problem::new(ProblemCode::InvalidRequest, Language::Zh)))
        })?;
        Ok(Self { body: Some(body.into()), content_type: "application/json", ..Self::empty(method, address) })
    }

    /// A step of an upload, whose headers say what the piece is.
    pub fn part(part: &FileRequest, piece: &'a [u8], progress: Rc<dyn Fn(u8)>) -> Self {
        let method = match part.act {
            FileAct::Ask => Method::Head,
            FileAct::Begin { .. } => Method::Post,
            FileAct::Append { .. } => Method::Patch,
        };
        let empty = Self { headers: part.headers(piece), ..Self::empty(method, "") };
        let request = Self { address: part.path().into(), ..empty };
        if method == Method::Head {
            return request;
        }
        Self { body: Some(piece.into()), progress: Some(progress), ..request }
    }

    /// With the body as gzip, if the browser can and it is worth it.
    pub async fn compressed(mut self) -> Self {
        if let Some(body) = &self.body
            && body.len() >= COMPRESS_BYTES_MIN
            && let Some(smaller) = gzip(body).await
        {
            self.body = Some(smaller.into());
            self.gzip = true;
        }
        self
    }

    fn headers(&self, token: Option<&str>, language: Language) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("accept", "application/json, application/problem+json, image/*".to_owned()),
            ("accept-language", language.code().to_owned()),
            (APP_VERSION_HEADER, APP_VERSION.to_string()),
        ];
        if let Some(token) = token {
            headers.push(("authorization", format!("Bearer {token}")));
        }
        headers.extend(self.headers.iter().cloned());
        if self.body.is_some() && !self.content_type.is_empty() {
            headers.push(("content-type", self.content_type.to_owned()));
        }
        if self.gzip {
            headers.push(("content-encoding", "gzip".to_owned()));
        }
        headers
    }
}

/// Sends a request.
///
/// # Errors
/// With the server's problem, or without a connection.
pub async fn send(request: &Request<'_>, token: Option<&str>, language: Language) -> Result<Reply, Failure> {
    exchange(request, token, language).await?.success(language)
}

/// Sends a request, and takes whatever comes back.
///
/// # Errors
/// Without a connection.
pub async fn exchange(
    request: &Request<'_>,
    token: Option<&str>,
    language: Language,
) -> Result<Reply, Failure> {
    let reply = match &request.progress {
        Some(progress) => upload(request, Rc::clone(progress), token, language).await,
        None => fetch(request, token, language).await,
    };
    reply.ok_or(Failure::NoConnection)
}

/// Whether another access token may help.
pub fn is_unauthorized(failure: &Failure) -> bool {
    matches!(failure, Failure::Problem(problem) if problem.status == 401)
}

/// The whole answer; `None` when there was no answer in time.
async fn fetch(request: &Request<'_>, token: Option<&str>, language: Language) -> Option<Reply> {
    let abort = AbortController::new().ok()?;
    let headers = Headers::new().ok()?;
    for (name, value) in request.headers(token, language) {
        headers.set(name, &value).ok()?;
    }
    let init = RequestInit::new();
    init.set_method(request.method.name());
    init.set_headers(&headers);
    init.set_cache(web_sys::RequestCache::NoStore);
    init.set_credentials(web_sys::RequestCredentials::Omit);
    // Doorstep never redirects; a captive portal does.
    init.set_redirect(web_sys::RequestRedirect::Error);
    init.set_signal(Some(&abort.signal()));
    if let Some(body) = &request.body {
        init.set_body(&Uint8Array::from(body.as_ref()).into());
    }
    let answer = Box::pin(async {
        let response =
            JsFuture::from(window().fetch_with_str_and_init(&request.address, &init)).await.ok()?;
        let response: Response = response.dyn_into().ok()?;
        let header = |name| response.headers().get(name).ok().flatten().unwrap_or_default();
        let (content_type, upload_offset) = (header("content-type"), header(UPLOAD_OFFSET).parse().ok());
        let body = JsFuture::from(response.array_buffer().ok()?).await.ok()?;
        Some(Reply { status: response.status(), content_type, bytes: bytes_of(&body), upload_offset })
    });
    match select(answer, Box::pin(sleep(request.patience_ms))).await {
        Either::Left((answer, _)) => answer,
        Either::Right(((), _)) => {
            abort.abort();
            None
        }
    }
}

/// As [`fetch`], with news of how far the body has left: `fetch` itself does
/// not tell.
async fn upload(
    request: &Request<'_>,
    progress: Rc<dyn Fn(u8)>,
    token: Option<&str>,
    language: Language,
) -> Option<Reply> {
    let wire = XmlHttpRequest::new().ok()?;
    wire.open(request.method.name(), &request.address).ok()?;
    wire.set_response_type(XmlHttpRequestResponseType::Arraybuffer);
    for (name, value) in request.headers(token, language) {
        wire.set_request_header(name, &value).ok()?;
    }
    let alive = Rc::new(std::cell::Cell::new(true));
    let on_progress = {
        let alive = Rc::clone(&alive);
        Closure::<dyn Fn(JsValue)>::new(move |event: JsValue| {
            alive.set(true);
            let (sent, total) = (get(&event, "loaded").as_f64(), get(&event, "total").as_f64());
            if let (Some(sent), Some(total)) = (sent, total)
                && total > 0.0
            {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
                progress((sent / total * 100.0).clamp(0.0, 100.0) as u8);
            }
        })
    };
    wire.upload().ok()?.set_onprogress(Some(on_progress.as_ref().unchecked_ref()));
    let ended = Promise::new(&mut |resolve, _| {
        wire.set_onloadend(Some(&resolve));
    });
    let body = Uint8Array::from(request.body.as_deref().unwrap_or_default());
    wire.send_with_opt_js_u8_array(Some(&body)).ok()?;
    let mut ended = JsFuture::from(ended);
    loop {
        match select(ended, Box::pin(sleep(UPLOAD_STALL_MS_MAX))).await {
            Either::Left(_) => break,
            Either::Right(((), unfinished)) if alive.replace(false) => ended = unfinished,
            Either::Right(_) => {
                wire.set_onloadend(None);
                let _ = wire.abort();
                return None;
            }
        }
    }
    let status = wire.status().ok().filter(|status| *status > 0)?;
    let header = |name| wire.get_response_header(name).ok().flatten().unwrap_or_default();
    let (content_type, upload_offset) = (header("content-type"), header(UPLOAD_OFFSET).parse().ok());
    let bytes = wire.response().map(|body| bytes_of(&body)).unwrap_or_default();
    Some(Reply { status, content_type, bytes, upload_offset })
}

/// `None` where the browser has no `CompressionStream`.
async fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let compressor = construct("CompressionStream", &[JsValue::from_str("gzip")])?;
    let whole = construct("Response", &[Uint8Array::from(bytes).into()])?;
    let stream = call(&get(&whole, "body"), "pipeThrough", &[compressor]).ok()?;
    let smaller = construct("Response", &[stream])?;
    let buffer = call_async(&smaller, "arrayBuffer", &[]).await.ok()?;
    Some(bytes_of(&buffer))
}
