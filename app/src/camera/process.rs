//! Making a photo of a picture, in a worker of its own (`app/photo.js`): the
//! page answers meanwhile, and with the worker goes all the memory that a large
//! picture takes. Where a worker cannot draw, the page does it.

use doorstep_core::hash::ContentHash;
use futures::StreamExt;
use futures::channel::mpsc::unbounded;
use futures::future::{Either, select};
use js_sys::{Array, Promise};
use leptos::prelude::document;
use wasm_bindgen::prelude::*;

use super::{CameraError, JPEG_QUALITY};
use crate::browser::{bytes_of, call, call_async, construct, get, global, listen, object, settle, sleep};

/// The largest picture on the slowest phone takes less.
const WORKER_MS_MAX: u32 = 60_000;

/// What is made of a picture.
pub(super) struct Processed {
    pub(super) photo: Vec<u8>,
    /// A small one of it.
    pub(super) preview: Vec<u8>,
    /// Of the picture as it was.
    pub(super) original_sha256: Option<ContentHash>,
}

/// A photo whose longest side is at most `max`, with `lines` burned in. With a
/// `width` the browser may decode the picture that small at once.
///
/// # Errors
/// When there is nothing to see, or the phone cannot.
pub(super) async fn process(
    file: &web_sys::Blob,
    width: Option<u32>,
    max: u32,
    lines: &[String],
) -> Result<Processed, CameraError> {
    let task: JsValue = object(&[
        ("file", file.into()),
        ("width", width.map_or(JsValue::NULL, JsValue::from)),
        ("max", JsValue::from(max)),
        ("quality", JsValue::from_f64(JPEG_QUALITY)),
        ("lines", lines.iter().map(JsValue::from).collect::<Array>().into()),
    ])
    .into();
    let mut answer = in_worker(&task).await;
    let cannot = |answer: &JsValue| {
        matches!(get(answer, "wrong").as_string().as_deref(), Some("no_canvas" | "failed"))
    };
    if answer.as_ref().is_none_or(cannot) {
        answer = in_page(&task).await;
    }
    let answer = answer.ok_or(CameraError::TooLarge)?;
    match get(&answer, "wrong").as_string().as_deref() {
        None => {}
        Some("blank") => return Err(CameraError::Blank),
        Some("unreadable") => return Err(CameraError::Unreadable),
        Some(_) => return Err(CameraError::TooLarge),
    }
    Ok(Processed {
        photo: bytes_of(&get(&answer, "photo")),
        preview: bytes_of(&get(&answer, "preview")),
        original_sha256: get(&answer, "original_sha256").as_string().and_then(|digits| digits.parse().ok()),
    })
}

/// Its name has a hash, which the build writes into the page.
fn address() -> Option<JsValue> {
    let named = document().query_selector("meta[name=doorstep-photo]").ok()??;
    named.get_attribute("content").map(|address| JsValue::from_str(&address))
}

/// `None` when there is no worker to be had, or it died.
async fn in_worker(task: &JsValue) -> Option<JsValue> {
    let worker = Worker(construct("Worker", &[address()?])?);
    let (tell, mut heard) = unbounded();
    for event in ["message", "messageerror", "error"] {
        let tell = tell.clone();
        listen(&worker.0, event, move |happened| {
            let data = get(&happened, "data");
            // Nobody listens any more: the page has given up.
            let _ = tell.unbounded_send((event == "message").then_some(data));
        });
    }
    call(&worker.0, "postMessage", std::slice::from_ref(task)).ok()?;
    match select(heard.next(), Box::pin(sleep(WORKER_MS_MAX))).await {
        Either::Left((answer, _)) => answer?,
        Either::Right(_) => None,
    }
}

/// Ends with its owner.
struct Worker(JsValue);

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = call(&self.0, "terminate", &[]);
    }
}

/// `None` when the script cannot be had.
async fn in_page(task: &JsValue) -> Option<JsValue> {
    if global("doorstepPhoto").is_undefined() {
        let script: JsValue = document().create_element("script").ok()?.into();
        let loaded = Promise::new(&mut |resolve, reject| {
            crate::browser::set(&script, "onload", &resolve);
            crate::browser::set(&script, "onerror", &reject);
        });
        crate::browser::set(&script, "src", &address()?);
        let head: JsValue = document().head()?.into();
        call(&head, "append", std::slice::from_ref(&script)).ok()?;
        settle(&loaded).await.ok()?;
    }
    call_async(&js_sys::global(), "doorstepPhoto", std::slice::from_ref(task)).await.ok()
}
