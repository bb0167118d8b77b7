//! Argon2id for PINs, in a worker: it takes about a second, and the page goes
//! on meanwhile.
//!
//! The worker (`app/stretch.js`) runs the very program that the page runs, from
//! the module that the browser has already compiled, and ends with its one
//! task, so that the 19 MiB are given back. Whatever keeps a worker from
//! starting keeps nobody out: the page does it then, and stands still.

use argon2::{Algorithm, Argon2, Params, Version};
use futures::StreamExt;
use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use futures::future::{Either, select};
use leptos::prelude::document;
use wasm_bindgen::JsValue;

use super::crypto::{CryptoError, SALT_BYTES};
use crate::browser::{buffer_of, bytes_of, call, construct, get, global, listen, object, sleep};

/// Argon2id as OWASP recommends at least: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES_MIN: u32 = 2;
/// A phone that is fast on the day of the enrolment may be slow on another.
const PASSES_MAX: u32 = 12;
const LANES: u32 = 1;
const MATERIAL_BYTES: usize = 32;
/// How long opening may take.
const STRETCH_MS: f64 = 1000.0;
/// A worker that has not started by then does not start.
const START_MS_MAX: u32 = 10_000;

/// What a PIN becomes when guessing is made slow.
///
/// # Errors
/// When the parameters are none that Argon2 takes.
pub(super) async fn stretch(pin: &str, salt: &[u8], passes: u32) -> Result<Vec<u8>, CryptoError> {
    let task = Task::Stretch { pin: pin.to_owned(), salt: salt.to_vec(), passes };
    match in_worker(&task).await.map(|answer| bytes_of(&get(&answer, "material"))) {
        Some(material) if material.len() == MATERIAL_BYTES => Ok(material),
        _ => argon2id(pin, salt, passes),
    }
}

/// As many passes as this phone does in about a second, found by trying.
///
/// # Errors
/// When the parameters are none that Argon2 takes.
pub(super) async fn tuned_passes() -> Result<u32, CryptoError> {
    let fewest_ms = in_worker(&Task::Measure).await.and_then(|answer| get(&answer, "fewest_ms").as_f64());
    Ok(passes_for(fewest_ms.map_or_else(measure, Ok)?))
}

/// What a worker is for.
enum Task {
    Stretch {
        pin: String,
        salt: Vec<u8>,
        passes: u32,
    },
    /// How long the fewest passes take.
    Measure,
}

impl Task {
    fn to_message(&self) -> JsValue {
        match self {
            Self::Stretch { pin, salt, passes } => object(&[
                ("pin", JsValue::from_str(pin)),
                ("salt", buffer_of(salt)),
                ("passes", JsValue::from(*passes)),
            ]),
            Self::Measure => object(&[]),
        }
        .into()
    }

    fn from_message(message: &JsValue) -> Self {
        let (pin, passes) = (get(message, "pin").as_string(), get(message, "passes").as_f64());
        match (pin, passes) {
            (Some(pin), Some(passes)) => {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "written from a u32"
                )]
                let passes = passes as u32;
                Self::Stretch { pin, salt: bytes_of(&get(message, "salt")), passes }
            }
            _ => Self::Measure,
        }
    }

    /// An answer without what was asked for is a failure.
    fn answer(&self) -> JsValue {
        let member = match self {
            Self::Stretch { pin, salt, passes } => {
                argon2id(pin, salt, *passes).map(|material| ("material", buffer_of(&material)))
            }
            Self::Measure => measure().map(|fewest_ms| ("fewest_ms", JsValue::from(fewest_ms))),
        };
        object(member.ok().as_slice()).into()
    }
}

/// Whether this program runs in a worker.
pub fn is_worker() -> bool {
    global("document").is_undefined()
}

/// What the worker does: says that it is there, and answers.
pub fn serve() {
    let scope = JsValue::from(js_sys::global());
    let post = |message: JsValue| {
        // Whoever does not hear it falls back to the page.
        let _ = call(&js_sys::global(), "postMessage", &[message]);
    };
    listen(&scope, "message", move |event| post(Task::from_message(&get(&event, "data")).answer()));
    post(object(&[("ready", JsValue::TRUE)]).into());
}

/// `None` when there is no worker to be had.
async fn in_worker(task: &Task) -> Option<JsValue> {
    let mut worker = Worker::start()?;
    let ready = match select(worker.heard.next(), Box::pin(sleep(START_MS_MAX))).await {
        Either::Left((message, _)) => message??,
        Either::Right(_) => return None,
    };
    if !get(&ready, "ready").is_truthy() {
        return None;
    }
    call(&worker.handle, "postMessage", &[task.to_message()]).ok()?;
    worker.heard.next().await?
}

/// Ends with its owner.
struct Worker {
    handle: JsValue,
    /// Its messages; `None` for an error.
    heard: UnboundedReceiver<Option<JsValue>>,
}

impl Worker {
    fn start() -> Option<Self> {
        // Its name has a hash, which the build writes into the page.
        let named = document().query_selector("meta[name=doorstep-stretch]").ok()??;
        let address = JsValue::from_str(&named.get_attribute("content")?);
        let module = object(&[("type", JsValue::from_str("module"))]).into();
        let handle = construct("Worker", &[address, module])?;
        let (tell, heard) = unbounded();
        for event in ["message", "messageerror", "error"] {
            let tell = tell.clone();
            listen(&handle, event, move |happened| {
                let data = get(&happened, "data");
                // Nobody listens any more: the page has given up.
                let _ = tell.unbounded_send((event == "message").then_some(data));
            });
        }
        let worker = Self { handle, heard };
        call(&worker.handle, "postMessage", &[wasm_bindgen::module()]).ok()?;
        Some(worker)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = call(&self.handle, "terminate", &[]);
    }
}

fn argon2id(pin: &str, salt: &[u8], passes: u32) -> Result<Vec<u8>, CryptoError> {
    let failed = |error: argon2::Error| CryptoError::Browser(error.to_string());
    let mut material = vec![0_u8; MATERIAL_BYTES];
    let parameters = Params::new(MEMORY_KIB, passes, LANES, Some(MATERIAL_BYTES)).map_err(failed)?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
        .hash_password_into(pin.as_bytes(), salt, &mut material)
        .map_err(failed)?;
    Ok(material)
}

/// How long the fewest passes take here.
fn measure() -> Result<f64, CryptoError> {
    let before = js_sys::Date::now();
    argon2id("000000", &[0; SALT_BYTES], PASSES_MIN)?;
    Ok(js_sys::Date::now() - before)
}

/// From how long the fewest passes took.
fn passes_for(fewest_ms: f64) -> u32 {
    let one_ms = (fewest_ms / f64::from(PASSES_MIN)).max(1.0);
    let wanted = (STRETCH_MS / one_ms).clamp(f64::from(PASSES_MIN), f64::from(PASSES_MAX));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    let passes = wanted as u32;
    passes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_stretched_for_about_a_second_and_never_for_less_than_owasp_says() {
        assert_eq!(passes_for(0.0), PASSES_MAX);
        assert_eq!(passes_for(45.0), PASSES_MAX);
        assert_eq!(passes_for(330.0), 6);
        assert_eq!(passes_for(900.0), PASSES_MIN);
        assert_eq!(passes_for(60_000.0), PASSES_MIN);
    }
}
