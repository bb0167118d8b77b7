//! Fields of text, tied to their label, hint and problem.

use leptos::prelude::*;

use super::{Icon, IconName, unique_id};
use crate::i18n::*;

/// What a field of text is for; decides keyboard and looks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum TextKind {
    #[default]
    Plain,
    /// Hidden, with a button that shows it.
    Password,
    Search,
    Phone,
}

impl TextKind {
    fn word(self) -> &'static str {
        match self {
            Self::Plain => "text",
            Self::Password => "password",
            Self::Search => "search",
            Self::Phone => "tel",
        }
    }
}

/// What is wrong with a field; says it when it appears.
#[component]
pub fn FieldProblem(
    #[prop(into)] id: String,
    #[prop(into)] problem: Signal<Option<String>>,
) -> impl IntoView {
    view! {
        <div id=id role="alert">
            {move || {
                problem
                    .get()
                    .map(|problem| {
                        view! {
                            <p class="field__problem">
                                <Icon name=IconName::Alert />
                                <span>{problem}</span>
                            </p>
                        }
                    })
            }}
        </div>
    }
}

/// One line of text.
#[component]
pub fn TextField(
    #[prop(into)] label: Signal<String>,
    value: RwSignal<String>,
    #[prop(optional)] kind: TextKind,
    #[prop(optional, into)] hint: Signal<String>,
    #[prop(optional, into)] problem: Signal<Option<String>>,
    #[prop(optional, into)] disabled: Signal<bool>,
    /// As in HTML: `username`, `current-password`, `off`.
    #[prop(default = "off")]
    autocomplete: &'static str,
) -> impl IntoView {
    let i18n = use_i18n();
    let id = unique_id("field");
    let (hint_id, problem_id) = (format!("{id}-hint"), format!("{id}-problem"));
    let shown = RwSignal::new(false);
    let input_type = move || if shown.get() { "text" } else { kind.word() };
    let toggle = (kind == TextKind::Password).then(|| {
        view! {
            <button
                type="button"
                class="icon-button"
                aria-pressed=move || if shown.get() { "true" } else { "false" }
                aria-label=move || t_string!(i18n, common.show_password)
                on:click=move |_| shown.update(|shown| *shown = !*shown)
            >
                {move || view! { <Icon name=if shown.get() { IconName::EyeOff } else { IconName::Eye } /> }}
            </button>
        }
    });
    view! {
        <div class="field">
            <label class="field__label" for=id.clone()>
                {label}
            </label>
            <p class="field__hint" id=hint_id.clone() hidden=move || hint.with(String::is_empty)>
                {hint}
            </p>
            <div class:input-with=kind == TextKind::Password>
                <input
                    class="input"
                    id=id
                    type=input_type
                    autocomplete=autocomplete
                    autocapitalize="off"
                    spellcheck="false"
                    disabled=disabled
                    aria-describedby=format!("{hint_id} {problem_id}")
                    aria-invalid=move || problem.with(Option::is_some).then_some("true")
                    prop:value=value
                    on:input=move |event| value.set(event_target_value(&event))
                />
                {toggle}
            </div>
            <FieldProblem id=problem_id problem />
        </div>
    }
}

/// What a list is searched for, above it.
#[component]
pub fn SearchField(
    /// What may be typed; also its name for those who do not see it.
    #[prop(into)]
    label: Signal<String>,
    query: RwSignal<String>,
    /// Somebody is about to search.
    #[prop(optional, into)]
    on_focus: Option<Callback<()>>,
) -> impl IntoView {
    let focused = move |_| {
        if let Some(on_focus) = on_focus {
            on_focus.run(());
        }
    };
    view! {
        <div class="search" role="search">
            <Icon name=IconName::Search />
            <input
                class="input search__input"
                type="search"
                autocomplete="off"
                enterkeyhint="search"
                aria-label=label
                placeholder=label
                prop:value=query
                on:focus=focused
                on:input=move |event| query.set(event_target_value(&event))
            />
        </div>
    }
}

/// Several lines of text.
#[component]
pub fn TextArea(
    #[prop(into)] label: Signal<String>,
    value: RwSignal<String>,
    #[prop(optional, into)] hint: Signal<String>,
    #[prop(optional, into)] problem: Signal<Option<String>>,
    #[prop(optional, into)] disabled: Signal<bool>,
) -> impl IntoView {
    let id = unique_id("field");
    let (hint_id, problem_id) = (format!("{id}-hint"), format!("{id}-problem"));
    view! {
        <div class="field">
            <label class="field__label" for=id.clone()>
                {label}
            </label>
            <p class="field__hint" id=hint_id.clone() hidden=move || hint.with(String::is_empty)>
                {hint}
            </p>
            <textarea
                autocomplete="off"
                class="input input--multiline"
                id=id
                rows="3"
                disabled=disabled
                aria-describedby=format!("{hint_id} {problem_id}")
                aria-invalid=move || problem.with(Option::is_some).then_some("true")
                prop:value=value
                on:input=move |event| value.set(event_target_value(&event))
            ></textarea>
            <FieldProblem id=problem_id problem />
        </div>
    }
}
