//! Codes: read by the camera where the browser can, typed everywhere.

use doorstep_core::text::LocalText;
use js_sys::Array;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::prelude::*;

use super::question::Handle;
use super::text::{LineField, LineKind};
use crate::browser::{call, call_async, construct, get, global, object, set, sleep};
use crate::i18n::*;
use crate::ui::{Button, ButtonKind, Dialog, DialogActions, FailureNotice, IconName};

/// Between two looks; a phone of today needs about as long for one.
const PAUSE_MS: u32 = 150;

/// Whether this browser reads codes.
fn can_scan() -> bool {
    global("BarcodeDetector").is_function()
        && get(&get(&global("navigator"), "mediaDevices"), "getUserMedia").is_function()
}

/// The widget of a code.
#[component]
pub fn BarcodeField(handle: Handle) -> impl IntoView {
    let i18n = use_i18n();
    let open = RwSignal::new(false);
    let title = Signal::derive(move || handle.view.with(|view| view.label.clone()));
    let scan = move || {
        handle.filling.flush();
        open.set(true);
    };
    view! {
        <div class="picture">
            <LineField handle kind=LineKind::Text />
            {can_scan()
                .then(|| {
                    view! {
                        <div class="cluster">
                            <Button kind=ButtonKind::Secondary icon=IconName::Barcode on_press=scan>
                                {t!(i18n, fill.scan)}
                            </Button>
                        </div>
                        <Dialog open title>
                            <Scanner handle open />
                        </Dialog>
                    }
                })}
        </div>
    }
}

/// The camera; let go when it is dropped.
struct Camera(JsValue);

impl Drop for Camera {
    fn drop(&mut self) {
        for track in Array::from(&call(&self.0, "getTracks", &[]).unwrap_or_default()).iter() {
            // Each has a way to end.
            let _ = call(&track, "stop", &[]);
        }
    }
}

#[component]
fn Scanner(handle: Handle, open: RwSignal<bool>) -> impl IntoView {
    let i18n = use_i18n();
    let failure = RwSignal::new(None::<LocalText>);
    let film = NodeRef::<leptos::html::Video>::new();
    let there = StoredValue::new(true);
    Effect::new(move |_| {
        let Some(film) = film.get() else { return };
        spawn_local(async move {
            match look(&film, move || there.try_get_value() == Some(true)).await {
                Ok(Some(code)) => {
                    handle.answer(code);
                    // Not every phone can; then it is silent.
                    let _ = call(&global("navigator"), "vibrate", &[JsValue::from(80)]);
                    open.try_set(false);
                }
                Ok(None) => {}
                Err(text) => drop(failure.try_set(Some(text))),
            }
        });
    });
    view! {
        <p class="soft small">{t!(i18n, fill.scan_hint)}</p>
        <video class="scanner" node_ref=film playsinline=true muted=true aria-hidden="true"></video>
        <FailureNotice error=failure />
        <DialogActions>
            <Button kind=ButtonKind::Secondary on_press=move || open.set(false)>
                {t!(i18n, common.cancel)}
            </Button>
        </DialogActions>
    }
}

/// Looks through the camera until it sees a code, or `wanted` says no.
async fn look(film: &JsValue, wanted: impl Fn() -> bool) -> Result<Option<String>, LocalText> {
    let denied = || {
        LocalText::new(
            "不能使用相机。请在手机设置中允许浏览器使用相机,或直接输入编码。",
            "The camera cannot be used. Allow it in the phone's settings, or type the code.",
        )
    };
    let facing = object(&[("facingMode", JsValue::from_str("environment"))]);
    let wish = object(&[("video", facing.into())]);
    let devices = get(&global("navigator"), "mediaDevices");
    let stream = call_async(&devices, "getUserMedia", &[wish.into()]).await.map_err(|_| denied())?;
    let camera = Camera(stream);
    set(film, "srcObject", &camera.0);
    call_async(film, "play", &[]).await.map_err(|_| denied())?;
    let detector = construct("BarcodeDetector", &[]).ok_or_else(denied)?;
    while wanted() {
        // Fails for a frame that is not there yet.
        let found = call_async(&detector, "detect", std::slice::from_ref(film)).await.unwrap_or_default();
        let first = get(&found, "0");
        if let Some(code) = get(&first, "rawValue").as_string().filter(|code| !code.is_empty()) {
            return Ok(Some(code));
        }
        sleep(PAUSE_MS).await;
    }
    Ok(None)
}
