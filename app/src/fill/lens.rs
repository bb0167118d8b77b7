//! The app's own camera: the page stays where it is, so that a phone with
//! little memory does not close it while the picture is taken. The other way
//! is the phone's camera app, whose pictures are better.

use doorstep_core::text::LocalText;
use futures::future::{Either, select};
use js_sys::{Array, Promise};
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;

use super::question::Handle;
use crate::browser::{call, call_async, construct, get, global, object, set, settle, sleep};
use crate::i18n::*;
use crate::ui::{Button, ButtonKind, Dialog, DialogActions, FailureNotice, IconName};

/// A camera that does not answer is looked through as it is.
const SHOT_MS_MAX: u32 = 5_000;
const FRAME_QUALITY: f64 = 0.95;
/// What is asked of the camera; it gives what it can.
const WIDTH_WISHED: u32 = 2560;

/// Whether this browser lets the app use a camera.
pub(super) fn can_film() -> bool {
    get(&get(&global("navigator"), "mediaDevices"), "getUserMedia").is_function()
}

/// The camera in a dialog; `shot` gets each picture and its number. With
/// `several`, the camera may stay open for another. `failure` is what is wrong
/// with the camera, or with a picture of it.
pub(super) fn lens_dialog(
    handle: Handle,
    open: RwSignal<bool>,
    several: bool,
    failure: RwSignal<Option<LocalText>>,
    shot: impl Fn(web_sys::Blob, usize) + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let title = Signal::derive(move || handle.view.with(|view| view.label.clone()));
    view! { <Dialog open title>{lens(open, several, failure, shot)}</Dialog> }
}

/// What a camera can.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Abilities {
    torch: bool,
    /// Least, most and step.
    zoom: Option<(f64, f64, f64)>,
}

/// A camera that is on; let go when it is dropped.
struct Camera(JsValue);

impl Drop for Camera {
    fn drop(&mut self) {
        for track in Array::from(&call(&self.0, "getTracks", &[]).unwrap_or_default()).iter() {
            // Each has a way to end.
            let _ = call(&track, "stop", &[]);
        }
    }
}

impl Camera {
    async fn open(film: &JsValue, front: bool) -> Result<Self, LocalText> {
        let denied = |_| {
            LocalText::new(
                "不能使用相机。请在手机设置中允许浏览器使用相机,或改用手机相机。",
                "The camera cannot be used. Allow it in the phone's settings, or use the phone's camera app.",
            )
        };
        let width = object(&[("ideal", JsValue::from(WIDTH_WISHED))]);
        let facing = JsValue::from_str(if front { "user" } else { "environment" });
        let video = object(&[("facingMode", facing), ("width", width.into())]);
        let wish = object(&[("video", video.into())]);
        let devices = get(&global("navigator"), "mediaDevices");
        let stream = call_async(&devices, "getUserMedia", &[wish.into()]).await.map_err(denied)?;
        let camera = Self(stream);
        set(film, "srcObject", &camera.0);
        call_async(film, "play", &[]).await.map_err(denied)?;
        Ok(camera)
    }

    fn track(&self) -> JsValue {
        get(&call(&self.0, "getVideoTracks", &[]).unwrap_or_default(), "0")
    }

    fn abilities(&self) -> Abilities {
        let can = call(&self.track(), "getCapabilities", &[]).unwrap_or_default();
        if !can.is_object() {
            return Abilities::default();
        }
        let zoom = get(&can, "zoom");
        let number = |name| if zoom.is_object() { get(&zoom, name).as_f64() } else { None };
        let zoom = match (number("min"), number("max")) {
            (Some(least), Some(most)) if least < most => {
                Some((least, most, number("step").filter(|step| *step > 0.0).unwrap_or(0.1)))
            }
            _ => None,
        };
        Abilities { torch: get(&can, "torch").is_truthy(), zoom }
    }

    fn constrain(&self, name: &str, value: JsValue) {
        let wish = object(&[("advanced", Array::of1(&object(&[(name, value)])).into())]);
        let track = self.track();
        spawn_local(async move {
            // A camera that takes it back stays as it is.
            let _ = call_async(&track, "applyConstraints", &[wish.into()]).await;
        });
    }

    /// A photo as good as the camera makes them; else what is on the screen.
    async fn shoot(track: &JsValue, film: &JsValue) -> Option<web_sys::Blob> {
        if let Some(capture) = construct("ImageCapture", std::slice::from_ref(track)) {
            let shot = Box::pin(call_async(&capture, "takePhoto", &[]));
            if let Either::Left((Ok(blob), _)) = select(shot, Box::pin(sleep(SHOT_MS_MAX))).await
                && let Ok(blob) = blob.dyn_into()
            {
                return Some(blob);
            }
        }
        let canvas: JsValue = document().create_element("canvas").ok()?.into();
        set(&canvas, "width", &get(film, "videoWidth"));
        set(&canvas, "height", &get(film, "videoHeight"));
        let context = call(&canvas, "getContext", &[JsValue::from_str("2d")]).ok()?;
        call(&context, "drawImage", &[film.clone(), JsValue::from(0), JsValue::from(0)]).ok()?;
        let made = Promise::new(&mut |resolve, _| {
            let kind = JsValue::from_str("image/jpeg");
            let arguments = [resolve.clone().into(), kind, JsValue::from_f64(FRAME_QUALITY)];
            if call(&canvas, "toBlob", &arguments).is_err() {
                // As when there is no memory for it.
                let _ = resolve.call1(&JsValue::UNDEFINED, &JsValue::NULL);
            }
        });
        settle(&made).await.ok()?.dyn_into().ok()
    }
}

fn lens(
    open: RwSignal<bool>,
    several: bool,
    failure: RwSignal<Option<LocalText>>,
    shot: impl Fn(web_sys::Blob, usize) + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let i18n = use_i18n();
    let film = NodeRef::<leptos::html::Video>::new();
    let camera = StoredValue::new_local(None::<Camera>);
    let (front, torch, ready) = (RwSignal::new(false), RwSignal::new(false), RwSignal::new(false));
    let abilities = RwSignal::new(Abilities::default());
    let taken = RwSignal::new(0_usize);
    Effect::new(move |_| {
        let Some(film) = film.get() else { return };
        let wanted = front.get();
        ready.set(false);
        if taken.get_untracked() == 0 {
            failure.set(None);
        }
        camera.set_value(None);
        spawn_local(async move {
            match Camera::open(&film, wanted).await {
                // Turned around again meanwhile: the other one is on its way.
                Ok(_) if front.try_get_untracked() != Some(wanted) => {}
                Ok(found) => {
                    let can = found.abilities();
                    // Of a dialog that was closed meanwhile, the camera goes.
                    if camera.try_set_value(Some(found)).is_none() {
                        torch.try_set(false);
                        abilities.try_set(can);
                        ready.try_set(true);
                    }
                }
                Err(text) => drop(failure.try_set(Some(text))),
            }
        });
    });
    let constrain = move |name: &'static str, value: JsValue| {
        camera.with_value(|camera| {
            if let Some(camera) = camera {
                camera.constrain(name, value);
            }
        });
    };
    let press = move |and_another: bool| {
        let track = camera.with_value(|camera| camera.as_ref().map(Camera::track));
        let (Some(track), Some(film)) = (track, film.get_untracked()) else { return };
        ready.set(false);
        spawn_local(async move {
            match Camera::shoot(&track, &film).await {
                Some(picture) => {
                    let Some(number) = taken.try_update(|taken| {
                        *taken += 1;
                        *taken
                    }) else {
                        return;
                    };
                    shot(picture, number);
                    if and_another {
                        ready.try_set(true)
                    } else {
                        open.try_set(false)
                    };
                }
                None => drop(ready.try_set(true)),
            }
        });
    };
    let light = move || {
        torch.update(|on| *on = !*on);
        constrain("torch", JsValue::from(torch.get_untracked()));
    };
    view! {
        <video class="scanner" node_ref=film playsinline=true muted=true aria-hidden="true"></video>
        <FailureNotice error=failure />
        {move || {
            abilities
                .get()
                .zoom
                .map(|(least, most, step)| {
                    view! {
                        <label class="lens__zoom">
                            {t!(i18n, fill.lens_zoom)}
                            <input
                                type="range"
                                min=least.to_string()
                                max=most.to_string()
                                step=step.to_string()
                                prop:value=least.to_string()
                                on:input=move |event| {
                                    if let Ok(zoom) = event_target_value(&event).parse::<f64>() {
                                        constrain("zoom", JsValue::from_f64(zoom));
                                    }
                                }
                            />
                        </label>
                    }
                })
        }}
        <div class="cluster">
            <Button kind=ButtonKind::Quiet icon=IconName::Sync on_press=move || front.update(|front| *front = !*front)>
                {t!(i18n, fill.lens_turn)}
            </Button>
            <Show when=move || abilities.get().torch>
                <Button kind=ButtonKind::Quiet on_press=light>
                    {move || {
                        if torch.get() {
                            t_string!(i18n, fill.lens_dark)
                        } else {
                            t_string!(i18n, fill.lens_light)
                        }
                    }}
                </Button>
            </Show>
        </div>
        <p class="soft" role="status">
            {move || {
                let taken = taken.get();
                (taken > 0).then(|| t_string!(i18n, fill.lens_taken, count = taken))
            }}
        </p>
        <DialogActions>
            <Button
                icon=IconName::Camera
                disabled=Signal::derive(move || !ready.get())
                on_press=move || press(false)
            >
                {t!(i18n, fill.lens_shoot)}
            </Button>
            {several
                .then(|| {
                    view! {
                        <Button
                            kind=ButtonKind::Secondary
                            disabled=Signal::derive(move || !ready.get())
                            on_press=move || press(true)
                        >
                            {t!(i18n, fill.lens_another)}
                        </Button>
                    }
                })}
            <Button kind=ButtonKind::Secondary on_press=move || open.set(false)>
                {move || {
                    if taken.get() > 0 { t_string!(i18n, fill.lens_done) } else { t_string!(i18n, common.cancel) }
                }}
            </Button>
        </DialogActions>
    }
}
