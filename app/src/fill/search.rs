//! Answers from lists too long for cards: a button with what is chosen, and a
//! list to search by label, pinyin initials or code.

use doorstep_core::pinyin::{Letters, plain};
use doorstep_form::ChoiceView;
use leptos::prelude::*;

use super::choice::{choices, key, toggled};
use super::media::ChoicePicture;
use super::question::Handle;
use crate::i18n::*;
use crate::ui::{Button, ButtonKind, Dialog, DialogActions, Icon, IconName, TextField, TextKind};

/// Most lines of a searched list on the screen at once.
const SHOWN_MAX: usize = 60;
/// Shorter lists need no search.
const SEARCH_FROM: usize = 9;

/// One of many.
#[component]
pub fn SearchOne(handle: Handle) -> impl IntoView {
    let open = RwSignal::new(false);
    let quick = handle.looks("quick");
    let choose = move |value: String| {
        handle.answer(value);
        open.set(false);
        if quick {
            handle.filling.ask_to_go_on();
        }
    };
    let clear = move || choose(String::new());
    let can_clear = move || handle.view.with(|view| !view.required) && handle.is_answered();
    view! {
        <Picker handle open />
        <Choosing handle open on_choose=choose>
            <Show when=can_clear>
                <DialogActions>
                    <Clear on_press=clear />
                </DialogActions>
            </Show>
        </Choosing>
    }
}

#[component]
fn Clear(#[prop(into)] on_press: Callback<()>) -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <Button kind=ButtonKind::Secondary on_press>
            {t!(i18n, fill.clear)}
        </Button>
    }
}

/// Any number of many.
#[component]
pub fn SearchMany(handle: Handle) -> impl IntoView {
    let i18n = use_i18n();
    let open = RwSignal::new(false);
    let choose = move |value: String| handle.answer(toggled(&handle.value_untracked(), &value));
    view! {
        <Picker handle open />
        <Choosing handle open on_choose=choose>
            <DialogActions>
                <Button on_press=move || open.set(false)>{t!(i18n, fill.done)}</Button>
                <Show when=move || handle.is_answered()>
                    <Clear on_press=move || handle.answer(String::new()) />
                </Show>
            </DialogActions>
        </Choosing>
    }
}

/// The button: what is chosen, or that something can be.
#[component]
fn Picker(handle: Handle, open: RwSignal<bool>) -> impl IntoView {
    let i18n = use_i18n();
    let choices = choices(handle);
    let chosen = Memo::new(move |_| {
        let value = handle.value();
        let label = |one: &str| {
            choices.with(|choices| {
                let found = choices.iter().find(|choice| choice.value == one);
                found.map_or_else(|| one.to_owned(), |choice| choice.label.clone())
            })
        };
        value.split_whitespace().map(label).collect::<Vec<_>>()
    });
    let words = move || {
        let chosen = chosen.get();
        if chosen.is_empty() {
            t_string!(i18n, fill.choose).to_owned()
        } else {
            chosen.join(t_string!(i18n, fill.list_separator))
        }
    };
    view! {
        <button
            type="button"
            class="input picker"
            id=handle.id.get_value()
            aria-haspopup="dialog"
            aria-describedby=handle.described_by.get_value()
            aria-invalid=move || handle.invalid()
            on:click=move |_| open.set(true)
        >
            <span class="picker__text" class:soft=move || chosen.with(Vec::is_empty)>
                {words}
            </span>
            <Icon name=IconName::Chevron />
        </button>
    }
}

/// The list over the form.
#[component]
fn Choosing(
    handle: Handle,
    open: RwSignal<bool>,
    #[prop(into)] on_choose: Callback<String>,
    children: ChildrenFn,
) -> impl IntoView {
    let i18n = use_i18n();
    let choices = choices(handle);
    let words = RwSignal::new(String::new());
    Effect::new(move |_| {
        if open.get() {
            words.set(String::new());
        }
    });
    let found = Memo::new(move |_| {
        let words = words.with(|words| plain(words));
        let letters = Letters::new(&words);
        choices.with(|choices| {
            let found = choices.iter().filter(|choice| matches(choice, &words, letters.as_ref()));
            found.cloned().collect::<Vec<_>>()
        })
    });
    let title = Signal::derive(move || handle.view.with(|view| view.label.clone()));
    let line = move |choice: ChoiceView| {
        let value = StoredValue::new(choice.value.clone());
        let label = choice.label.clone();
        let here =
            move || value.with_value(|value| handle.value().split_whitespace().any(|one| one == value));
        view! {
            <li>
                <button
                    type="button"
                    class="row"
                    aria-pressed=move || if here() { "true" } else { "false" }
                    on:click=move |_| on_choose.run(value.get_value())
                >
                    <ChoicePicture filling=handle.filling choice in_list=true />
                    <span class="row__body">{label}</span>
                    {move || here().then(|| view! { <Icon name=IconName::Check /> })}
                </button>
            </li>
        }
    };
    let children = StoredValue::new(children);
    view! {
        <Dialog open title>
            <Show when=move || { choices.with(Vec::len) >= SEARCH_FROM }>
                <TextField
                    label=Signal::derive(move || t_string!(i18n, fill.search).to_owned())
                    hint=Signal::derive(move || t_string!(i18n, fill.search_hint).to_owned())
                    value=words
                    kind=TextKind::Search
                />
            </Show>
            <ul class="list picker__list">
                <For
                    each=move || found.get().into_iter().take(SHOWN_MAX)
                    key=key
                    children=line
                />
            </ul>
            <Show when=move || found.with(Vec::is_empty)>
                <p class="soft">
                    {move || {
                        if choices.with(Vec::is_empty) {
                            t_string!(i18n, fill.no_choices)
                        } else {
                            t_string!(i18n, fill.nothing_found)
                        }
                    }}
                </p>
            </Show>
            <Show when=move || { found.with(Vec::len) > SHOWN_MAX }>
                <p class="soft">{t!(i18n, fill.more_found)}</p>
            </Show>
            {children.with_value(|children| children())}
        </Dialog>
    }
}

fn matches(choice: &ChoiceView, words: &str, letters: Option<&Letters>) -> bool {
    if words.is_empty() || choice.value.starts_with(words) || plain(&choice.initials).starts_with(words) {
        return true;
    }
    let label = plain(&choice.label);
    label.contains(words) || letters.is_some_and(|letters| letters.find(&label).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_village_is_found_by_label_initials_or_code() -> Result<(), serde_json::Error> {
        let village = serde_json::json!({ "value": "610199001001", "label": "东街社区", "initials": "djsq" });
        let village: ChoiceView = serde_json::from_value(village)?;
        let matches = |choice, words: &str| matches(choice, words, Letters::new(words).as_ref());
        for words in ["", "东街", "社区", "dj", "61019900"] {
            assert!(matches(&village, words), "{words}");
        }
        for words in ["西", "jd", "001"] {
            assert!(!matches(&village, words), "{words}");
        }
        let village = serde_json::json!({ "value": "610199001002", "label": "柞水社区" });
        let village: ChoiceView = serde_json::from_value(village)?;
        for words in ["zssq", "zhashui", "sq", "柞s"] {
            assert!(matches(&village, words), "{words}, of a list without a column of initials");
        }
        Ok(())
    }
}
