//! Answers that are typed, and dates and times.

use chrono::{DateTime, NaiveDateTime, NaiveTime};
use doorstep_form::NodeKind;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::question::Handle;
use crate::clock::now;

/// What is in the field: what is typed, until the engine has it; then what the
/// engine made of it (full-width digits become plain ones), unless somebody is
/// typing.
fn field_text(handle: Handle, shown: impl Fn(&str) -> String + 'static) -> RwSignal<String> {
    let text = RwSignal::new(handle.view.with_untracked(|view| shown(&view.value)));
    Effect::new(move |_| {
        let value = handle.view.with(|view| shown(&view.value));
        if !has_focus(&handle.id.get_value()) && text.with_untracked(|text| *text != value) {
            text.set(value);
        }
    });
    text
}

fn has_focus(id: &str) -> bool {
    document().active_element().is_some_and(|element| element.id() == id)
}

/// The value of the input or text area that an event is about.
fn typed_value(event: &web_sys::Event) -> String {
    let Some(target) = event.target() else { return String::new() };
    match target.dyn_into::<web_sys::HtmlTextAreaElement>() {
        Ok(area) => area.value(),
        Err(target) => {
            target.dyn_into::<web_sys::HtmlInputElement>().map(|input| input.value()).unwrap_or_default()
        }
    }
}

/// Hands over what is typed; nothing is judged while an input method composes.
#[derive(Clone, Copy)]
struct Typing {
    handle: Handle,
    text: RwSignal<String>,
}

impl Typing {
    fn take(self, value: String) {
        let composing = self.handle.composing.get_untracked();
        self.handle.path.with_value(|path| self.handle.filling.typing(path, value.clone(), composing));
        self.text.set(value);
    }

    fn compose(self, composing: bool) {
        self.handle.composing.set(composing);
    }

    /// The field is left: what the engine made of the answer is shown.
    fn settle(self) {
        self.compose(false);
        self.handle.filling.flush();
    }
}

/// One line; `keyboard` as in `inputmode`. Numbers are text too, so that
/// full-width digits are taken and nothing typed is lost.
#[component]
pub fn LineField(handle: Handle, keyboard: &'static str) -> impl IntoView {
    let typing = Typing { handle, text: field_text(handle, str::to_owned) };
    view! {
        <input
            class="input"
            class:input--number=keyboard != "text"
            type="text"
            inputmode=keyboard
            autocomplete="off"
            id=handle.id.get_value()
            aria-describedby=handle.described_by.get_value()
            aria-required=move || handle.view.with(|view| view.required).then_some("true")
            aria-invalid=move || handle.invalid()
            prop:value=typing.text
            on:compositionstart=move |_| typing.compose(true)
            on:compositionend=move |event| {
                typing.compose(false);
                typing.take(typed_value(&event));
            }
            on:input=move |event| typing.take(typed_value(&event))
            on:blur=move |_| typing.settle()
        />
    }
}

/// Several lines.
#[component]
pub fn LinesField(handle: Handle) -> impl IntoView {
    let typing = Typing { handle, text: field_text(handle, str::to_owned) };
    view! {
        <textarea
            autocomplete="off"
            class="input input--multiline"
            rows="3"
            id=handle.id.get_value()
            aria-describedby=handle.described_by.get_value()
            aria-required=move || handle.view.with(|view| view.required).then_some("true")
            aria-invalid=move || handle.invalid()
            prop:value=typing.text
            on:compositionstart=move |_| typing.compose(true)
            on:compositionend=move |event| {
                typing.compose(false);
                typing.take(typed_value(&event));
            }
            on:input=move |event| typing.take(typed_value(&event))
            on:blur=move |_| typing.settle()
        ></textarea>
    }
}

/// A day, a time of day, or a moment, in the phone's zone.
#[component]
pub fn MomentField(handle: Handle, kind: NodeKind) -> impl IntoView {
    let typing = Typing { handle, text: field_text(handle, move |value| shown(kind, value)) };
    let input_type = match kind {
        NodeKind::Date => "date",
        NodeKind::Time => "time",
        _ => "datetime-local",
    };
    let take = move |event: web_sys::Event| {
        let local = typed_value(&event);
        let value = stored(kind, &local);
        // The field is left as it is: setting it would undo a date half typed.
        handle.path.with_value(|path| handle.filling.typing(path, value, false));
    };
    view! {
        <input
            autocomplete="off"
            class="input"
            type=input_type
            id=handle.id.get_value()
            aria-describedby=handle.described_by.get_value()
            aria-required=move || handle.view.with(|view| view.required).then_some("true")
            aria-invalid=move || handle.invalid()
            prop:value=typing.text
            on:input=move |event| take(event.unchecked_into())
            on:blur=move |_| typing.settle()
        />
    }
}

/// As the browser's field wants it: `2026-11-23`, `09:30`, `2026-11-23T09:30`.
fn shown(kind: NodeKind, value: &str) -> String {
    match kind {
        NodeKind::Time => value.chars().take(5).collect(),
        NodeKind::DateTime => DateTime::parse_from_rfc3339(value).map_or_else(
            |_| value.chars().take(16).collect(),
            |moment| moment.with_timezone(now().offset()).format("%Y-%m-%dT%H:%M").to_string(),
        ),
        _ => value.to_owned(),
    }
}

/// As the engine wants it, with the phone's zone. What does not read stays as
/// it is, and the engine says so.
fn stored(kind: NodeKind, local: &str) -> String {
    let zone = *now().offset();
    match kind {
        NodeKind::Time => match NaiveTime::parse_from_str(local, "%H:%M")
            .or_else(|_| NaiveTime::parse_from_str(local, "%H:%M:%S"))
        {
            Ok(time) => format!("{}{zone}", time.format("%H:%M:%S%.3f")),
            Err(_) => local.to_owned(),
        },
        NodeKind::DateTime => {
            let moment = NaiveDateTime::parse_from_str(local, "%Y-%m-%dT%H:%M")
                .or_else(|_| NaiveDateTime::parse_from_str(local, "%Y-%m-%dT%H:%M:%S"))
                .ok()
                .and_then(|moment| moment.and_local_timezone(zone).single());
            moment.map_or_else(
                || local.to_owned(),
                |moment| moment.format("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string(),
            )
        }
        _ => local.to_owned(),
    }
}
