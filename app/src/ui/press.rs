//! What is pressed.

use leptos::prelude::*;

use super::{Icon, IconName};

/// How much a button asks for attention. One `Primary` a screen.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ButtonKind {
    #[default]
    Primary,
    Secondary,
    /// Text alone, for what is rarely wanted.
    Quiet,
    /// What destroys something.
    Danger,
}

impl ButtonKind {
    fn class(self) -> &'static str {
        match self {
            Self::Primary => "button button--primary",
            Self::Secondary => "button button--secondary",
            Self::Quiet => "button button--quiet",
            Self::Danger => "button button--danger",
        }
    }
}

/// A button. While `busy` it keeps the focus and does nothing when pressed.
#[component]
pub fn Button(
    #[prop(optional)] kind: ButtonKind,
    #[prop(optional, into)] busy: Signal<bool>,
    #[prop(optional, into)] disabled: Signal<bool>,
    /// As wide as what is around it, on a phone.
    #[prop(optional)]
    wide: bool,
    #[prop(optional)] icon: Option<IconName>,
    #[prop(into)] on_press: Callback<()>,
    children: Children,
) -> impl IntoView {
    let press = move |_| {
        if !busy.get_untracked() {
            on_press.run(());
        }
    };
    view! {
        <button
            type="button"
            class=kind.class()
            class:button--wide=wide
            class:button--busy=busy
            disabled=disabled
            aria-busy=move || busy.get().then_some("true")
            aria-disabled=move || busy.get().then_some("true")
            on:click=press
        >
            <Sign icon busy />
            {children()}
        </button>
    }
}

/// The button that sends the form around it.
#[component]
pub fn SubmitButton(
    #[prop(optional, into)] busy: Signal<bool>,
    #[prop(optional, into)] disabled: Signal<bool>,
    children: Children,
) -> impl IntoView {
    view! {
        <button
            type="submit"
            class="button button--primary button--wide"
            class:button--busy=busy
            disabled=disabled
            aria-busy=move || busy.get().then_some("true")
            aria-disabled=move || busy.get().then_some("true")
        >
            <Sign icon=None busy />
            {children()}
        </button>
    }
}

/// The icon of a button, or that it is at work.
#[component]
fn Sign(icon: Option<IconName>, busy: Signal<bool>) -> impl IntoView {
    move || {
        if busy.get() {
            view! { <Icon name=IconName::Sync turning=true /> }.into_any()
        } else {
            icon.map(|name| view! { <Icon name /> }).into_any()
        }
    }
}

/// A sign to press; `label` is its name for those who do not see it.
#[component]
pub fn IconButton(
    name: IconName,
    #[prop(into)] label: Signal<String>,
    #[prop(into)] on_press: Callback<()>,
) -> impl IntoView {
    view! {
        <button
            type="button"
            class="icon-button"
            aria-label=label
            title=label
            on:click=move |_| on_press.run(())
        >
            <Icon name />
        </button>
    }
}

/// One of a few, all visible.
#[component]
pub fn Segments(#[prop(into)] label: Signal<String>, children: Children) -> impl IntoView {
    view! {
        <div class="segments" role="group" aria-label=label>
            {children()}
        </div>
    }
}

/// One choice of [`Segments`].
#[component]
pub fn Segment(
    #[prop(into)] chosen: Signal<bool>,
    #[prop(into)] on_press: Callback<()>,
    children: Children,
) -> impl IntoView {
    view! {
        <button
            type="button"
            class="segment"
            aria-pressed=move || if chosen.get() { "true" } else { "false" }
            on:click=move |_| on_press.run(())
        >
            {children()}
        </button>
    }
}
