//! What a screen is made of.

use leptos::prelude::*;

use super::{Icon, IconName};

/// How serious something is. Always said in words too.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Tone {
    Info,
    Good,
    Warning,
    Bad,
    /// None of these.
    #[default]
    Plain,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Info => "tone--info",
            Self::Good => "tone--good",
            Self::Warning => "tone--warning",
            Self::Bad => "tone--bad",
            Self::Plain => "tone--plain",
        }
    }

    /// The sign that goes with it.
    pub fn icon(self) -> IconName {
        match self {
            Self::Info | Self::Plain => IconName::Info,
            Self::Good => IconName::CheckCircle,
            Self::Warning | Self::Bad => IconName::Alert,
        }
    }
}

/// Something to know. Screen readers say it when it appears: at once when it
/// is bad, in a pause otherwise.
#[component]
pub fn Notice(tone: Tone, #[prop(optional)] icon: Option<IconName>, children: Children) -> impl IntoView {
    let role = if tone == Tone::Bad { "alert" } else { "status" };
    view! {
        <div class=format!("notice {}", tone.class()) role=role>
            <Icon name=icon.unwrap_or(tone.icon()) />
            <div class="notice__body">{children()}</div>
        </div>
    }
}

/// A word on a coloured ground.
#[component]
pub fn Badge(
    tone: Tone,
    /// Light on dark: for the one thing that must not be missed.
    #[prop(optional)]
    strong: bool,
    #[prop(optional)] icon: Option<IconName>,
    children: Children,
) -> impl IntoView {
    view! {
        <span class=format!("badge {}", tone.class()) class:badge--strong=strong>
            {icon.map(|name| view! { <Icon name /> })}
            {children()}
        </span>
    }
}

/// A sheet.
#[component]
pub fn Card(children: Children) -> impl IntoView {
    view! { <div class="card">{children()}</div> }
}

/// A part of a screen under its heading.
#[component]
pub fn Section(#[prop(into)] title: Signal<String>, children: Children) -> impl IntoView {
    view! {
        <section class="section">
            <h2 class="section__title">{title}</h2>
            {children()}
        </section>
    }
}

/// Rows on one sheet: [`Row`]s, [`RowButton`]s, or any `<li>`.
#[component]
pub fn List(children: Children) -> impl IntoView {
    view! { <ul class="list">{children()}</ul> }
}

/// A line of a [`List`] that leads somewhere, pressed anywhere on it. Inside:
/// `row__body` with `row__title` and `row__meta`, and `row__side`.
#[component]
pub fn Row(
    #[prop(into)] href: String,
    /// `data-id` of the line.
    #[prop(optional, into)]
    data_id: Option<String>,
    children: Children,
) -> impl IntoView {
    view! {
        <li data-id=data_id>
            <a class="row" href=href>
                {children()}
                <span class="row__chevron">
                    <Icon name=IconName::Chevron />
                </span>
            </a>
        </li>
    }
}

/// A line of a [`List`] that does something.
#[component]
pub fn RowButton(
    #[prop(into)] on_press: Callback<()>,
    #[prop(optional, into)] data_id: Option<String>,
    children: Children,
) -> impl IntoView {
    view! {
        <li data-id=data_id>
            <button type="button" class="row" on:click=move |_| on_press.run(())>
                {children()}
                <span class="row__chevron">
                    <Icon name=IconName::Chevron />
                </span>
            </button>
        </li>
    }
}

/// Names and values: [`Fact`]s.
#[component]
pub fn Facts(children: Children) -> impl IntoView {
    view! { <dl class="facts">{children()}</dl> }
}

/// A name and its value.
#[component]
pub fn Fact(#[prop(into)] name: Signal<String>, children: Children) -> impl IntoView {
    view! {
        <div class="fact">
            <dt class="fact__name">{name}</dt>
            <dd>{children()}</dd>
        </div>
    }
}

/// Nothing to show, and what that means.
#[component]
pub fn Empty(
    icon: IconName,
    #[prop(into)] title: Signal<String>,
    #[prop(into)] text: Signal<String>,
    /// What can be done about it.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="empty">
            <Icon name=icon />
            <p class="empty__title">{title}</p>
            <p>{text}</p>
            {children.map(|children| children())}
        </div>
    }
}
