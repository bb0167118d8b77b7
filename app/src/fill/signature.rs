//! Signatures: drawn with a finger.

use doorstep_core::text::LocalText;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, PointerEvent};

use super::photo::Preview;
use super::question::Handle;
use crate::app::use_settings;
use crate::camera;
use crate::explain::Explain;
use crate::i18n::*;
use crate::ui::{Button, ButtonKind, Dialog, DialogActions, IconName, Notice, Tone};

/// A signature: drawn on a pad that opens over the form.
#[component]
pub fn SignatureField(handle: Handle) -> impl IntoView {
    let i18n = use_i18n();
    let open = RwSignal::new(false);
    let there = Memo::new(move |_| handle.view.with(|view| !view.value.is_empty()));
    let title = Signal::derive(move || handle.view.with(|view| view.label.clone()));
    let begin = move || {
        handle.filling.flush();
        open.set(true);
    };
    view! {
        <div class="picture">
            <Show when=move || there.get()>
                <Preview handle drawing=true />
            </Show>
            <div class="cluster">
                <Button kind=ButtonKind::Secondary icon=IconName::Edit on_press=begin>
                    {move || {
                        if there.get() {
                            t_string!(i18n, fill.sign_again)
                        } else {
                            t_string!(i18n, fill.sign)
                        }
                    }}
                </Button>
                <Show when=move || there.get()>
                    <Button
                        kind=ButtonKind::Quiet
                        icon=IconName::Trash
                        on_press=move || handle.answer(String::new())
                    >
                        {t!(i18n, fill.remove)}
                    </Button>
                </Show>
            </div>
            <Dialog open title>
                <Pad handle open />
            </Dialog>
        </div>
    }
}

#[component]
fn Pad(handle: Handle, open: RwSignal<bool>) -> impl IntoView {
    let i18n = use_i18n();
    let settings = use_settings();
    let canvas = NodeRef::<leptos::html::Canvas>::new();
    let drawn = RwSignal::new(false);
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None::<LocalText>);
    let down = StoredValue::new(false);
    let started = move |event: PointerEvent| {
        let Some((canvas, pen)) =
            canvas.get_untracked().and_then(|canvas| pen_of(&canvas).map(|pen| (canvas, pen)))
        else {
            return;
        };
        event.prevent_default();
        if !drawn.get_untracked() {
            prepare(&canvas, &pen);
        }
        // Without capture a stroke ends at the edge: it still is a stroke.
        let _ = canvas.set_pointer_capture(event.pointer_id());
        let (x, y) = point(&canvas, &event);
        pen.begin_path();
        pen.move_to(x, y);
        // A dot is a stroke too.
        pen.line_to(x + 0.1, y);
        pen.stroke();
        down.set_value(true);
        drawn.set(true);
    };
    let moved = move |event: PointerEvent| {
        if !down.get_value() {
            return;
        }
        if let Some((canvas, pen)) =
            canvas.get_untracked().and_then(|canvas| pen_of(&canvas).map(|pen| (canvas, pen)))
        {
            let (x, y) = point(&canvas, &event);
            pen.line_to(x, y);
            pen.stroke();
        }
    };
    let lifted = move |_: PointerEvent| down.set_value(false);
    let clear = move || {
        if let Some((canvas, pen)) =
            canvas.get_untracked().and_then(|canvas| pen_of(&canvas).map(|pen| (canvas, pen)))
        {
            prepare(&canvas, &pen);
        }
        drawn.set(false);
        failure.set(None);
    };
    let max_pixels = handle.max_pixels();
    let path = handle.path.get_value();
    let filling = handle.filling;
    let done = move || {
        let Some(canvas) = canvas.get_untracked() else { return };
        let (path, kept) = (path.clone(), filling.kept());
        busy.set(true);
        spawn_local(async move {
            match camera::from_canvas(&canvas, max_pixels).await {
                Ok(picture) => {
                    kept.attach(&path, picture);
                    open.try_set(false);
                }
                Err(error) => drop(failure.try_set(Some(error.explain()))),
            }
            busy.try_set(false);
        });
    };
    view! {
        <p class="soft small">{t!(i18n, fill.sign_hint)}</p>
        <canvas
            class="signature"
            node_ref=canvas
            role="img"
            aria-label=move || t_string!(i18n, fill.sign_pad)
            on:pointerdown=started
            on:pointermove=moved
            on:pointerup=lifted
            on:pointercancel=lifted
        ></canvas>
        {move || {
            failure
                .get()
                .map(|text| {
                    view! {
                        <Notice tone=Tone::Bad>
                            <p>{move || text.get(settings.language()).to_owned()}</p>
                        </Notice>
                    }
                })
        }}
        <DialogActions>
            <Button busy disabled=Signal::derive(move || !drawn.get()) on_press=done.clone()>
                {t!(i18n, fill.sign_done)}
            </Button>
            <Button kind=ButtonKind::Secondary on_press=clear>
                {t!(i18n, fill.clear)}
            </Button>
            <Button kind=ButtonKind::Quiet on_press=move || open.set(false)>
                {t!(i18n, common.cancel)}
            </Button>
        </DialogActions>
    }
}

fn pen_of(canvas: &HtmlCanvasElement) -> Option<CanvasRenderingContext2d> {
    canvas.get_context("2d").ok().flatten()?.dyn_into().ok()
}

/// White paper as fine as the screen, and a pen.
fn prepare(canvas: &HtmlCanvasElement, pen: &CanvasRenderingContext2d) {
    let fineness = window().device_pixel_ratio().clamp(1.0, 2.0);
    canvas.set_width(pixels(f64::from(canvas.client_width()) * fineness));
    canvas.set_height(pixels(f64::from(canvas.client_height()) * fineness));
    pen.set_fill_style_str("#ffffff");
    pen.fill_rect(0.0, 0.0, f64::from(canvas.width()), f64::from(canvas.height()));
    pen.set_stroke_style_str("#101418");
    pen.set_line_width(3.0 * fineness);
    pen.set_line_cap("round");
    pen.set_line_join("round");
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
fn pixels(length: f64) -> u32 {
    length.round().clamp(1.0, 4_096.0) as u32
}

/// Where on the paper the pointer is.
fn point(canvas: &HtmlCanvasElement, event: &PointerEvent) -> (f64, f64) {
    let scale = f64::from(canvas.width()) / f64::from(canvas.client_width().max(1));
    (f64::from(event.offset_x()) * scale, f64::from(event.offset_y()) * scale)
}
