//! One picture of the lightbox, and the hands on it.

use std::collections::BTreeMap;

use doorstep_core::api::MediaRecord;
use doorstep_core::ids::MediaId;
use leptos::ev::{PointerEvent, WheelEvent};
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::Element;

use super::super::files::Files;
use super::super::photo::Quarantined;
use super::super::served::{Picture, Size};
use super::compare::{Choice, Which};
use super::zoom::{Point, STEP, Zoom, pinched};
use crate::browser::{get, set};
use crate::i18n::*;
use crate::ui::{Icon, IconName};

/// A finger that went so far wants the next picture.
const SWIPE_PX: f64 = 60.0;
/// Of buttons, where there is no panel to measure.
const ROOM_UNKNOWN: Point = (320.0, 320.0);

/// Fingers and mouse on a picture; both pictures of a comparison move alike.
#[derive(Clone, Copy)]
pub struct Hands {
    zoom: RwSignal<Zoom>,
    turn: Callback<isize>,
    /// Where each finger is, in the window.
    fingers: StoredValue<BTreeMap<i32, Point>>,
    /// Where a lone finger began.
    began: StoredValue<Option<Point>>,
    room: StoredValue<Point>,
}

impl Hands {
    pub(super) fn new(zoom: RwSignal<Zoom>, turn: Callback<isize>) -> Self {
        Self {
            zoom,
            turn,
            fingers: StoredValue::new(BTreeMap::new()),
            began: StoredValue::new(None),
            room: StoredValue::new(ROOM_UNKNOWN),
        }
    }

    /// Around the middle.
    pub(super) fn zoom_by(self, factor: f64) {
        let room = self.room.get_value();
        self.zoom.update(|zoom| *zoom = zoom.by(factor, (0.0, 0.0), room));
    }

    pub(super) fn move_by(self, by: Point) {
        let room = self.room.get_value();
        self.zoom.update(|zoom| *zoom = zoom.moved(by, room));
    }

    fn down(self, event: &PointerEvent) {
        if event.button() != 0 || is_on_button(event) {
            return;
        }
        let Some(panel) = panel_of(event) else { return };
        // Fails only for a pointer that has gone meanwhile.
        let _ = panel.set_pointer_capture(event.pointer_id());
        let at = in_window(event);
        self.fingers.update_value(|fingers| {
            fingers.insert(event.pointer_id(), at);
        });
        let is_alone = self.fingers.with_value(BTreeMap::len) == 1;
        self.began.set_value(is_alone.then_some(at));
    }

    fn moved(self, event: &PointerEvent) {
        let before = self.fingers.get_value();
        let Some(was) = before.get(&event.pointer_id()).copied() else { return };
        let Some(panel) = panel_of(event) else { return };
        let at = in_window(event);
        self.fingers.update_value(|fingers| {
            fingers.insert(event.pointer_id(), at);
        });
        let room = self.measure(&panel);
        let other = before.iter().find(|(id, _)| **id != event.pointer_id()).map(|(_, at)| *at);
        self.zoom.update(|zoom| {
            *zoom = match other {
                None => zoom.moved((at.0 - was.0, at.1 - was.1), room),
                Some(other) => {
                    let middle = middle_of(&panel);
                    let from = |point: Point| (point.0 - middle.0, point.1 - middle.1);
                    pinched(*zoom, [from(was), from(other)], [from(at), from(other)], room)
                }
            };
        });
    }

    fn up(self, event: &PointerEvent) {
        let known = self.fingers.try_update_value(|fingers| fingers.remove(&event.pointer_id()));
        let began = self.began.get_value();
        self.began.set_value(None);
        if known.flatten().is_none() || !self.zoom.get_untracked().is_whole() {
            return;
        }
        let Some(began) = began else { return };
        let at = in_window(event);
        let (across, along) = (at.0 - began.0, at.1 - began.1);
        if across.abs() > SWIPE_PX && across.abs() > 1.5 * along.abs() {
            self.turn.run(if across > 0.0 { -1 } else { 1 });
        }
    }

    fn gone(self, event: &PointerEvent) {
        self.fingers.update_value(|fingers| {
            fingers.remove(&event.pointer_id());
        });
        self.began.set_value(None);
    }

    fn wheel(self, event: &WheelEvent) {
        event.prevent_default();
        let Some(panel) = panel_of(event) else { return };
        let room = self.measure(&panel);
        let point = from_middle(&panel, event);
        let factor = if event.delta_y() < 0.0 { STEP } else { 1.0 / STEP };
        self.zoom.update(|zoom| *zoom = zoom.by(factor, point, room));
    }

    fn double(self, event: &leptos::ev::MouseEvent) {
        let Some(panel) = panel_of(event) else { return };
        let room = self.measure(&panel);
        let point = from_middle(&panel, event);
        self.zoom.update(|zoom| *zoom = zoom.toggled(point, room));
    }

    fn measure(self, panel: &Element) -> Point {
        let edges = panel.get_bounding_client_rect();
        let room = (edges.width(), edges.height());
        self.room.set_value(room);
        room
    }
}

fn panel_of(event: &web_sys::Event) -> Option<Element> {
    event.current_target()?.dyn_into().ok()
}

/// What is pressed there is not the picture.
fn is_on_button(event: &web_sys::Event) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    target.is_some_and(|element| element.closest("button, a").ok().flatten().is_some())
}

fn in_window(event: &web_sys::MouseEvent) -> Point {
    (f64::from(event.client_x()), f64::from(event.client_y()))
}

fn middle_of(panel: &Element) -> Point {
    let edges = panel.get_bounding_client_rect();
    (edges.left() + edges.width() / 2.0, edges.top() + edges.height() / 2.0)
}

fn from_middle(panel: &Element, event: &web_sys::MouseEvent) -> Point {
    let (at, middle) = (in_window(event), middle_of(panel));
    (at.0 - middle.0, at.1 - middle.1)
}

/// A picture, enlarged and moved. By the element itself: the content policy
/// refuses styles in the markup.
fn enlarged(id: MediaId, address: String, alt: String, zoom: RwSignal<Zoom>) -> AnyView {
    let picture = NodeRef::<leptos::html::Div>::new();
    Effect::new(move |_| {
        if let Some(picture) = picture.get() {
            set(&get(&picture, "style"), "transform", &JsValue::from_str(&zoom.get().transform()));
        }
    });
    view! {
        <div class="panel__picture" node_ref=picture>
            <Picture id address size=Size::Whole alt />
        </div>
    }
    .into_any()
}

/// A picture that can be enlarged, or why there is none.
#[component]
pub(super) fn Panel(choice: Choice, files: Files, zoom: RwSignal<Zoom>, hands: Hands) -> impl IntoView {
    let i18n = use_i18n();
    let panel = NodeRef::<leptos::html::Figure>::new();
    Effect::new(move |_| {
        if let Some(panel) = panel.get() {
            hands.measure(&panel);
        }
    });
    let id = choice.id;
    let caption = choice.caption(i18n);
    let alt = if caption.is_empty() { choice.question.clone() } else { caption.clone() };
    let shown = move || {
        let whole = |record: MediaRecord, note: bool| {
            let address = record.address.unwrap_or_default();
            view! {
                {enlarged(record.media_id, address, alt.clone(), zoom)}
                {note.then(|| view! { <p class="panel__note">{t!(i18n, viewer.preview_text)}</p> })}
            }
            .into_any()
        };
        let record = match choice.which {
            Which::This | Which::Other => files.record(id),
            Which::Before => files.record_before(id),
            Which::Alike => {
                let address = choice.address.clone().unwrap_or_default();
                return enlarged(id, address, alt.clone(), zoom);
            }
        };
        match record {
            Some(record) if record.quarantine.is_some() => view! { <Quarantined record /> }.into_any(),
            Some(record) if record.address.is_some() => whole(record, false),
            _ => match files.preview(id) {
                Some(preview) => whole(preview, true),
                None => view! {
                    <p class="panel__missing">
                        <Icon name=IconName::CloudOff />
                        <span>{t!(i18n, viewer.missing_text)}</span>
                    </p>
                }
                .into_any(),
            },
        }
    };
    view! {
        <figure
            class="panel"
            class:panel--large=move || !zoom.get().is_whole()
            node_ref=panel
            data-panel=id.to_string()
            on:pointerdown=move |event| hands.down(&event)
            on:pointermove=move |event| hands.moved(&event)
            on:pointerup=move |event| hands.up(&event)
            on:pointercancel=move |event| hands.gone(&event)
            on:wheel=move |event| hands.wheel(&event)
            on:dblclick=move |event| hands.double(&event)
        >
            {shown}
            {(!caption.is_empty()).then(|| view! { <figcaption class="panel__caption">{caption.clone()}</figcaption> })}
        </figure>
    }
}
