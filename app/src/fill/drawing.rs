//! What is drawn with a finger: signatures, sketches, and marks on a photo.

use std::rc::Rc;

use doorstep_core::text::LocalText;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, HtmlImageElement, PointerEvent};

use super::photo::Preview;
use super::question::Handle;
use crate::browser::call_async;
use crate::camera::{self, ObjectUrl};
use crate::explain::Explain;
use crate::i18n::*;
use crate::ui::{Button, ButtonKind, Dialog, DialogActions, FailureNotice, IconName};

/// What is drawn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DrawingKind {
    Signature,
    Drawing,
    /// On the photo that the question has.
    Marks,
}

/// Ink, as the canvas wants it; the first is what one begins with.
const INKS: [&str; 3] = ["#101418", "#c4281b", "#1b55c4"];

/// A signature or a sketch: drawn on a pad that opens over the form.
#[component]
pub fn DrawingField(handle: Handle, kind: DrawingKind) -> impl IntoView {
    let i18n = use_i18n();
    let open = RwSignal::new(false);
    let there = Memo::new(move |_| handle.view.with(|view| !view.value.is_empty()));
    let begin = move || {
        handle.filling.flush();
        open.set(true);
    };
    let words = move || match (kind, there.get()) {
        (DrawingKind::Signature, false) => t_string!(i18n, fill.sign),
        (DrawingKind::Signature, true) => t_string!(i18n, fill.sign_again),
        (_, false) => t_string!(i18n, fill.draw),
        (_, true) => t_string!(i18n, fill.draw_again),
    };
    view! {
        <div class="picture">
            <Show when=move || there.get()>
                <Preview handle drawing=true />
            </Show>
            <div class="cluster">
                <Button kind=ButtonKind::Secondary icon=IconName::Edit on_press=begin>
                    {words}
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
            <PadDialog handle kind open />
        </div>
    }
}

/// The pad over the form, while it is open.
#[component]
pub fn PadDialog(handle: Handle, kind: DrawingKind, open: RwSignal<bool>) -> impl IntoView {
    let title = Signal::derive(move || handle.view.with(|view| view.label.clone()));
    view! {
        <Dialog open title>
            <Pad handle kind open />
        </Dialog>
    }
}

/// A line as it was drawn, in pixels of the canvas.
#[derive(Clone, Debug)]
struct Stroke {
    ink: &'static str,
    points: Vec<(f64, f64)>,
}

/// The paper, what is drawn on it, and what lies below.
#[derive(Clone, Copy)]
struct Paper {
    canvas: NodeRef<leptos::html::Canvas>,
    strokes: RwSignal<Vec<Stroke>>,
    photo: StoredValue<Option<(Rc<ObjectUrl>, HtmlImageElement)>, LocalStorage>,
    ready: StoredValue<bool>,
    ink: RwSignal<&'static str>,
    down: StoredValue<bool>,
}

impl Paper {
    fn pen(self) -> Option<(HtmlCanvasElement, CanvasRenderingContext2d)> {
        let canvas = self.canvas.get_untracked()?;
        let pen = canvas.get_context("2d").ok().flatten()?.dyn_into().ok()?;
        Some((canvas, pen))
    }

    /// As fine as the screen, or as the photo.
    fn prepare(self) {
        let Some((canvas, _)) = self.pen() else { return };
        let photo = self.photo.with_value(|photo| {
            photo.as_ref().map(|(_, image)| (image.natural_width(), image.natural_height()))
        });
        let (width, height) = photo.unwrap_or_else(|| {
            let fineness = window().device_pixel_ratio().clamp(1.0, 2.0);
            let pixels = |length: i32| pixels(f64::from(length) * fineness);
            (pixels(canvas.client_width()), pixels(canvas.client_height()))
        });
        canvas.set_width(width);
        canvas.set_height(height);
        self.ready.set_value(true);
        self.paint();
    }

    /// Everything from the ground up.
    fn paint(self) {
        let Some((canvas, pen)) = self.pen() else { return };
        let (width, height) = (f64::from(canvas.width()), f64::from(canvas.height()));
        pen.set_fill_style_str("#ffffff");
        pen.fill_rect(0.0, 0.0, width, height);
        self.photo.with_value(|photo| {
            if let Some((_, image)) = photo {
                // Fails for a picture that does not decode; it did.
                let _ = pen.draw_image_with_html_image_element_and_dw_and_dh(image, 0.0, 0.0, width, height);
            }
        });
        self.strokes.with_untracked(|strokes| {
            for stroke in strokes {
                self.dip(&canvas, &pen, stroke.ink);
                pen.begin_path();
                for (position, (x, y)) in stroke.points.iter().enumerate() {
                    if position == 0 {
                        pen.move_to(*x, *y);
                        // A dot is a stroke too.
                        pen.line_to(x + 0.1, *y);
                    } else {
                        pen.line_to(*x, *y);
                    }
                }
                pen.stroke();
            }
        });
    }

    fn dip(self, canvas: &HtmlCanvasElement, pen: &CanvasRenderingContext2d, ink: &str) {
        let scale = f64::from(canvas.width()) / f64::from(canvas.client_width().max(1));
        pen.set_stroke_style_str(ink);
        pen.set_line_width(3.0 * scale.max(0.5));
        pen.set_line_cap("round");
        pen.set_line_join("round");
    }

    fn started(self, event: &PointerEvent) {
        let Some((canvas, _)) = self.pen() else { return };
        event.prevent_default();
        if !self.ready.get_value() {
            self.prepare();
        }
        // Without capture a stroke ends at the edge: it still is a stroke.
        let _ = canvas.set_pointer_capture(event.pointer_id());
        let stroke = Stroke { ink: self.ink.get_untracked(), points: vec![point(&canvas, event)] };
        self.strokes.update(|strokes| strokes.push(stroke));
        self.down.set_value(true);
        self.paint();
    }

    fn moved(self, event: &PointerEvent) {
        if !self.down.get_value() {
            return;
        }
        let Some((canvas, pen)) = self.pen() else { return };
        let to = point(&canvas, event);
        let from = self.strokes.try_update_untracked(|strokes| {
            let stroke = strokes.last_mut()?;
            let from = stroke.points.last().copied();
            stroke.points.push(to);
            from.map(|from| (from, stroke.ink))
        });
        if let Some(Some(((x, y), ink))) = from {
            self.dip(&canvas, &pen, ink);
            pen.begin_path();
            pen.move_to(x, y);
            pen.line_to(to.0, to.1);
            pen.stroke();
        }
    }

    /// The photo below, decoded.
    async fn lay(self, address: Rc<ObjectUrl>) {
        let Some(image) =
            document().create_element("img").ok().and_then(|image| image.dyn_into::<HtmlImageElement>().ok())
        else {
            return;
        };
        image.set_src(address.address());
        if call_async(&image, "decode", &[]).await.is_ok()
            && self.photo.try_update_value(|photo| *photo = Some((address, image))).is_some()
        {
            self.prepare();
        }
    }
}

#[component]
fn Pad(handle: Handle, kind: DrawingKind, open: RwSignal<bool>) -> impl IntoView {
    let i18n = use_i18n();
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None::<LocalText>);
    let first_ink = if kind == DrawingKind::Marks { INKS[1] } else { INKS[0] };
    let paper = Paper {
        canvas: NodeRef::new(),
        strokes: RwSignal::new(Vec::new()),
        photo: StoredValue::new_local(None),
        ready: StoredValue::new(false),
        ink: RwSignal::new(first_ink),
        down: StoredValue::new(false),
    };
    if kind == DrawingKind::Marks {
        let filling = handle.filling;
        let file_name = handle.value_untracked();
        spawn_local(async move {
            match filling.picture(file_name).await {
                Ok(Some(address)) => paper.lay(address).await,
                Ok(None) => {}
                Err(text) => drop(failure.try_set(Some(text))),
            }
        });
    }
    let nothing = Signal::derive(move || paper.strokes.with(Vec::is_empty));
    let undo = move || {
        paper.strokes.update(|strokes| drop(strokes.pop()));
        paper.paint();
    };
    let clear = move || {
        paper.strokes.set(Vec::new());
        paper.paint();
        failure.set(None);
    };
    let max_pixels = handle.max_pixels();
    let content_type = if kind == DrawingKind::Marks { "image/jpeg" } else { "image/png" };
    let done = move || {
        let Some(canvas) = paper.canvas.get_untracked() else { return };
        let take = handle.taker();
        busy.set(true);
        spawn_local(async move {
            match camera::from_canvas(&canvas, max_pixels, content_type).await {
                Ok(picture) => {
                    take(picture);
                    open.try_set(false);
                }
                Err(error) => drop(failure.try_set(Some(error.explain()))),
            }
            busy.try_set(false);
        });
    };
    let hint = move || match kind {
        DrawingKind::Signature => t_string!(i18n, fill.sign_hint),
        DrawingKind::Drawing => t_string!(i18n, fill.draw_hint),
        DrawingKind::Marks => t_string!(i18n, fill.mark_hint),
    };
    let ink = move |(at, colour): (usize, &'static str)| {
        let name = move || match at {
            0 => t_string!(i18n, fill.ink_black),
            1 => t_string!(i18n, fill.ink_red),
            _ => t_string!(i18n, fill.ink_blue),
        };
        view! {
            <button
                type="button"
                class=format!("ink ink--{at}")
                aria-label=name
                aria-pressed=move || if paper.ink.get() == colour { "true" } else { "false" }
                on:click=move |_| paper.ink.set(colour)
            ></button>
        }
    };
    view! {
        <p class="soft small">{hint}</p>
        <canvas
            class="signature"
            class:signature--drawing=kind == DrawingKind::Drawing
            class:signature--photo=kind == DrawingKind::Marks
            node_ref=paper.canvas
            role="img"
            aria-label=move || t_string!(i18n, fill.sign_pad)
            on:pointerdown=move |event| paper.started(&event)
            on:pointermove=move |event| paper.moved(&event)
            on:pointerup=move |_| paper.down.set_value(false)
            on:pointercancel=move |_| paper.down.set_value(false)
        ></canvas>
        {(kind != DrawingKind::Signature)
            .then(|| view! { <div class="cluster">{INKS.into_iter().enumerate().map(ink).collect_view()}</div> })}
        <FailureNotice error=failure />
        <DialogActions>
            <Button busy disabled=nothing on_press=done>
                {move || {
                    if kind == DrawingKind::Signature {
                        t_string!(i18n, fill.sign_done)
                    } else {
                        t_string!(i18n, fill.done)
                    }
                }}
            </Button>
            <Button kind=ButtonKind::Secondary disabled=nothing on_press=undo>
                {t!(i18n, fill.undo)}
            </Button>
            <Button kind=ButtonKind::Secondary disabled=nothing on_press=clear>
                {t!(i18n, fill.clear)}
            </Button>
            <Button kind=ButtonKind::Quiet on_press=move || open.set(false)>
                {t!(i18n, common.cancel)}
            </Button>
        </DialogActions>
    }
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
