//! Answers that are typed.

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::question::{Handle, address};
use crate::i18n::*;
use crate::ui::{Icon, IconName};

/// What is in the field: what is typed, until the engine has it; then what the
/// engine made of it (full-width digits become plain ones), unless somebody is
/// typing.
pub(super) fn field_text(handle: Handle, shown: impl Fn(&str) -> String + 'static) -> RwSignal<String> {
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
pub(super) fn typed_value(event: &web_sys::Event) -> String {
    let Some(target) = event.target() else { return String::new() };
    match target.dyn_into::<web_sys::HtmlTextAreaElement>() {
        Ok(area) => area.value(),
        Err(target) => {
            target.dyn_into::<web_sys::HtmlInputElement>().map(|input| input.value()).unwrap_or_default()
        }
    }
}

/// What a line is for; decides the keyboard and how it is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LineKind {
    Text,
    /// Whole numbers, and texts of digits.
    Digits,
    Decimal,
    /// Hidden while it is not looked at.
    Masked,
}

impl LineKind {
    /// As in `inputmode`.
    fn keyboard(self) -> &'static str {
        match self {
            Self::Text | Self::Masked => "text",
            Self::Digits => "numeric",
            Self::Decimal => "decimal",
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
        self.handle.typing(value.clone(), composing);
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

/// `1234567.5` as `1,234,567.5`; what is no number stays as it is.
pub(super) fn with_separators(value: &str) -> String {
    let (sign, rest) = match value.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", value),
    };
    let (whole, fraction) = match rest.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (rest, None),
    };
    if whole.is_empty() || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return value.to_owned();
    }
    let mut grouped = String::from(sign);
    for (position, digit) in whole.chars().enumerate() {
        if position > 0 && (whole.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if let Some(fraction) = fraction {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    grouped
}

/// One line. Numbers are text too, so that full-width digits are taken and
/// nothing typed is lost.
#[component]
pub fn LineField(handle: Handle, kind: LineKind) -> impl IntoView {
    let i18n = use_i18n();
    let grouped = handle.looks("thousands-sep");
    let shown = move |value: &str| if grouped { with_separators(value) } else { value.to_owned() };
    let typing = Typing { handle, text: field_text(handle, shown) };
    let take = move |value: String| {
        typing.take(if grouped { value.replace([',', '\u{ff0c}'], "") } else { value });
    };
    // Separators would be in the way of whoever types.
    let entered = move |_| {
        if grouped {
            typing.text.set(handle.value_untracked());
        }
    };
    let left = move |_| {
        typing.settle();
        if grouped {
            typing.text.set(with_separators(&handle.value_untracked()));
        }
    };
    let bare = RwSignal::new(kind != LineKind::Masked);
    let toggle = (kind == LineKind::Masked).then(|| {
        view! {
            <button
                type="button"
                class="icon-button"
                aria-pressed=move || if bare.get() { "true" } else { "false" }
                aria-label=move || t_string!(i18n, fill.show_masked)
                on:click=move |_| bare.update(|bare| *bare = !*bare)
            >
                {move || view! { <Icon name=if bare.get() { IconName::EyeOff } else { IconName::Eye } /> }}
            </button>
        }
    });
    let url = handle.looks("url");
    let link = move || url.then(|| address(&handle.value())).flatten();
    view! {
        <div class:input-with=kind == LineKind::Masked>
            <input
                class="input"
                class:input--number=kind.keyboard() != "text"
                type=move || if bare.get() { "text" } else { "password" }
                inputmode=if url { "url" } else { kind.keyboard() }
                autocomplete=if kind == LineKind::Masked { "new-password" } else { "off" }
                id=handle.id.get_value()
                aria-describedby=handle.described_by.get_value()
                aria-required=move || handle.required()
                aria-invalid=move || handle.invalid()
                prop:value=typing.text
                on:focus=entered
                on:compositionstart=move |_| typing.compose(true)
                on:compositionend=move |event| {
                    typing.compose(false);
                    take(typed_value(&event));
                }
                on:input=move |event| take(typed_value(&event))
                on:blur=left
            />
            {toggle}
        </div>
        {move || {
            link()
                .map(|link| {
                    view! {
                        <a class="link" href=link target="_blank" rel="noopener noreferrer">
                            {t!(i18n, fill.open_link)}
                        </a>
                    }
                })
        }}
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
            aria-required=move || handle.required()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        let cases = [
            ("", ""),
            ("7", "7"),
            ("123", "123"),
            ("1234", "1,234"),
            ("-1234567.25", "-1,234,567.25"),
            ("12.", "12."),
            ("一百", "一百"),
            ("1e9", "1e9"),
        ];
        for (value, shown) in cases {
            assert_eq!(with_separators(value), shown, "{value}");
        }
    }
}
