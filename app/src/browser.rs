//! The browser's doors that its Rust bindings lack or make long: objects by
//! name, promises, waiting, and the lock that only one tab holds.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, Function, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

/// An object literal.
pub fn object(members: &[(&str, JsValue)]) -> Object {
    let object = Object::new();
    for (name, value) in members {
        set(&object, name, value);
    }
    object
}

/// `object[name] = value`.
pub fn set(object: &JsValue, name: &str, value: &JsValue) {
    // Fails for frozen objects and non-objects only; none is passed here.
    let _ = Reflect::set(object, &JsValue::from_str(name), value);
}

/// `object[name]`, or `undefined`.
pub fn get(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}

/// A member of the global object, or `undefined`.
pub fn global(name: &str) -> JsValue {
    get(&js_sys::global(), name)
}

/// `object[name](...arguments)`.
///
/// # Errors
/// What the call throws, or that there is no such method.
pub fn call(object: &JsValue, name: &str, arguments: &[JsValue]) -> Result<JsValue, JsValue> {
    let method: Function = get(object, name).dyn_into()?;
    Reflect::apply(&method, object, &arguments.iter().collect::<Array>())
}

/// `await object[name](...arguments)`.
///
/// # Errors
/// What the call throws or the promise rejects with.
pub async fn call_async(object: &JsValue, name: &str, arguments: &[JsValue]) -> Result<JsValue, JsValue> {
    settle(&call(object, name, arguments)?).await
}

/// `await value`.
///
/// # Errors
/// What the promise rejects with.
pub async fn settle(value: &JsValue) -> Result<JsValue, JsValue> {
    JsFuture::from(Promise::resolve(value)).await
}

/// `new constructor(...arguments)` for a constructor that may not exist.
pub fn construct(name: &str, arguments: &[JsValue]) -> Option<JsValue> {
    let constructor: Function = global(name).dyn_into().ok()?;
    Reflect::construct(&constructor, &arguments.iter().collect::<Array>()).ok()
}

/// The bytes of an `ArrayBuffer`.
pub fn bytes_of(buffer: &JsValue) -> Vec<u8> {
    Uint8Array::new(buffer).to_vec()
}

/// An `ArrayBuffer` with these bytes.
pub fn buffer_of(bytes: &[u8]) -> JsValue {
    Uint8Array::from(bytes).buffer().into()
}

/// The name of an error that was thrown: `QuotaExceededError`.
pub fn error_name(error: &JsValue) -> String {
    get(error, "name").as_string().unwrap_or_default()
}

/// An error in words, for people who look at the console.
pub fn describe(error: &JsValue) -> String {
    let message = get(error, "message").as_string().unwrap_or_else(|| format!("{error:?}"));
    format!("{}: {message}", error_name(error))
}

/// Lets a person save a `Blob` as a file. `None` when the browser does not.
pub fn save_blob(blob: &JsValue, name: &str) -> Option<()> {
    let urls = global("URL");
    let address = call(&urls, "createObjectURL", std::slice::from_ref(blob)).ok()?;
    let link = call(&global("document"), "createElement", &[JsValue::from_str("a")]).ok()?;
    set(&link, "href", &address);
    set(&link, "download", &JsValue::from_str(name));
    call(&link, "click", &[]).ok()?;
    // Saving goes on after the click: a minute is plenty to begin with it.
    wasm_bindgen_futures::spawn_local(async move {
        sleep(60_000).await;
        drop(call(&urls, "revokeObjectURL", &[address]));
    });
    Some(())
}

/// Waits. Also lets the browser paint.
pub async fn sleep(milliseconds: u32) {
    let promise = Promise::new(&mut |resolve, _| {
        let arguments = [resolve.into(), JsValue::from(milliseconds)];
        // Without a timer there is no browser; then waiting for ever is right.
        let _ = call(&js_sys::global(), "setTimeout", &arguments);
    });
    let _ = JsFuture::from(promise).await;
}

/// Listens for as long as the page lives.
pub fn listen(target: &JsValue, event: &str, handler: impl FnMut(JsValue) + 'static) {
    let closure = Closure::<dyn FnMut(JsValue)>::new(handler);
    let _ = call(target, "addEventListener", &[JsValue::from_str(event), closure.into_js_value()]);
}

/// A lock that one tab of this browser holds. The next tab to ask takes it
/// away: whoever opens Doorstep last is where they are.
#[derive(Debug)]
pub struct TabLock {
    release: Rc<RefCell<Option<Function>>>,
}

impl TabLock {
    /// Takes the lock; `lost` runs when another tab takes it. Browsers without
    /// locks run without them.
    pub fn take(name: &str, lost: impl FnOnce() + 'static) -> Self {
        let release = Rc::new(RefCell::new(None));
        let locks = get(&global("navigator"), "locks");
        if locks.is_undefined() {
            return Self { release };
        }
        let held = {
            let release = Rc::clone(&release);
            Closure::once_into_js(move |_lock: JsValue| {
                Promise::new(&mut |resolve, _| {
                    release.replace(Some(resolve));
                })
            })
        };
        let options = object(&[("steal", JsValue::TRUE)]);
        let request = call(&locks, "request", &[JsValue::from_str(name), options.into(), held]);
        if let Ok(request) = request {
            spawn_local(async move {
                if settle(&request).await.is_err() {
                    lost();
                }
            });
        }
        Self { release }
    }

    /// Whether a tab holds it now. Browsers without locks have none.
    pub async fn is_held(name: &str) -> bool {
        let locks = get(&global("navigator"), "locks");
        if locks.is_undefined() {
            return false;
        }
        let Ok(found) = call_async(&locks, "query", &[]).await else { return false };
        let held = Array::from(&get(&found, "held"));
        held.iter().any(|lock| get(&lock, "name").as_string().is_some_and(|of| of == name))
    }
}

impl Drop for TabLock {
    fn drop(&mut self) {
        if let Some(release) = self.release.take() {
            let _ = release.call0(&JsValue::UNDEFINED);
        }
    }
}
