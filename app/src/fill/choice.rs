//! Answers that are chosen.

use doorstep_form::ChoiceView;
use leptos::prelude::*;

use super::question::Handle;
use crate::i18n::*;
use crate::ui::{Button, ButtonKind, Dialog, Icon, IconName, TextField, TextKind};

/// Most lines of a searched list on the screen at once.
const SHOWN_MAX: usize = 60;
/// Shorter lists need no search.
const SEARCH_FROM: usize = 9;

/// What can be chosen; set anew only when it changes.
fn choices(handle: Handle) -> Memo<Vec<ChoiceView>> {
    Memo::new(move |_| handle.view.with(|view| view.choices.clone()))
}

/// A few short answers fit side by side.
fn fits_one_line(choices: &[ChoiceView]) -> bool {
    let width =
        |label: &str| label.chars().map(|letter| if letter.is_ascii() { 1 } else { 2 }).sum::<usize>();
    (2..=3).contains(&choices.len())
        && choices.iter().all(|choice| width(&choice.label) <= 24 / choices.len() - 2)
}

fn key(choice: &ChoiceView) -> (String, String) {
    (choice.value.clone(), choice.label.clone())
}

/// One of a few: large cards.
#[component]
pub fn ChooseOne(handle: Handle) -> impl IntoView {
    let i18n = use_i18n();
    let choices = choices(handle);
    let group = handle.id.get_value();
    let card = move |choice: ChoiceView| {
        let value = StoredValue::new(choice.value);
        view! {
            <label class="choice">
                <input
                    autocomplete="off"
                    class="choice__input"
                    type="radio"
                    name=group.clone()
                    value=value.get_value()
                    prop:checked=move || value.with_value(|value| handle.is(value))
                    on:change=move |_| handle.answer(value.get_value())
                />
                <span class="choice__face choice__face--one">{choice.label}</span>
            </label>
        }
    };
    let can_clear = move || handle.view.with(|view| !view.required && !view.value.is_empty());
    view! {
        <div
            class="choices"
            class:choices--inline=move || choices.with(|choices| fits_one_line(choices))
            role="radiogroup"
            id=handle.id.get_value()
            aria-labelledby=handle.label_id.get_value()
            aria-describedby=handle.described_by.get_value()
            aria-required=move || handle.view.with(|view| view.required).then_some("true")
        >
            <For each=move || choices.get() key=key children=card />
        </div>
        <Show when=move || choices.with(Vec::is_empty)>
            <p class="soft">{t!(i18n, fill.no_choices)}</p>
        </Show>
        <Show when=can_clear>
            <Button kind=ButtonKind::Quiet on_press=move || handle.answer(String::new())>
                {t!(i18n, fill.clear)}
            </Button>
        </Show>
    }
}

/// Any number: cards to tick.
#[component]
pub fn ChooseMany(handle: Handle) -> impl IntoView {
    let i18n = use_i18n();
    let choices = choices(handle);
    let toggle = move |value: String| {
        let given = handle.value_untracked();
        let mut chosen: Vec<&str> = given.split_whitespace().collect();
        match chosen.iter().position(|one| *one == value) {
            Some(position) => {
                chosen.remove(position);
            }
            None => chosen.push(&value),
        }
        handle.answer(chosen.join(" "));
    };
    let card = move |choice: ChoiceView| {
        let value = StoredValue::new(choice.value);
        let ticked =
            move || value.with_value(|value| handle.value().split_whitespace().any(|one| one == value));
        view! {
            <label class="choice">
                <input
                    autocomplete="off"
                    class="choice__input"
                    type="checkbox"
                    value=value.get_value()
                    prop:checked=ticked
                    on:change=move |_| toggle(value.get_value())
                />
                <span class="choice__face choice__face--many">{choice.label}</span>
            </label>
        }
    };
    view! {
        <div
            class="choices choices--pairs"
            role="group"
            id=handle.id.get_value()
            aria-labelledby=handle.label_id.get_value()
            aria-describedby=handle.described_by.get_value()
        >
            <For each=move || choices.get() key=key children=card />
        </div>
        <Show when=move || choices.with(Vec::is_empty)>
            <p class="soft">{t!(i18n, fill.no_choices)}</p>
        </Show>
    }
}

/// A box to tick.
#[component]
pub fn AcknowledgeField(handle: Handle) -> impl IntoView {
    let i18n = use_i18n();
    let ticked = move || handle.is("OK");
    let toggle = move |_| {
        let value = if handle.value_untracked() == "OK" { "" } else { "OK" };
        handle.answer(value.to_owned());
    };
    view! {
        <label class="choice">
            <input
                autocomplete="off"
                class="choice__input"
                type="checkbox"
                id=handle.id.get_value()
                aria-labelledby=handle.label_id.get_value()
                aria-describedby=handle.described_by.get_value()
                prop:checked=ticked
                on:change=toggle
            />
            <span class="choice__face choice__face--many">{t!(i18n, fill.confirm)}</span>
        </label>
    }
}

/// One of many: a button with what is chosen, and a list to search by label,
/// pinyin initials or code.
#[component]
pub fn SearchOne(handle: Handle) -> impl IntoView {
    let i18n = use_i18n();
    let choices = choices(handle);
    let open = RwSignal::new(false);
    let words = RwSignal::new(String::new());
    let chosen = Memo::new(move |_| {
        let value = handle.value();
        let label = choices.with(|choices| {
            choices.iter().find(|choice| choice.value == value).map(|choice| choice.label.clone())
        });
        label.or((!value.is_empty()).then_some(value))
    });
    let found = Memo::new(move |_| {
        let words = words.with(|words| words.trim().to_lowercase());
        choices.with(|choices| {
            choices.iter().filter(|choice| matches(choice, &words)).cloned().collect::<Vec<_>>()
        })
    });
    let title = Signal::derive(move || handle.view.with(|view| view.label.clone()));
    let line = move |choice: ChoiceView| {
        let value = StoredValue::new(choice.value);
        let here = move || value.with_value(|value| handle.is(value));
        view! {
            <li>
                <button
                    type="button"
                    class="row"
                    aria-pressed=move || if here() { "true" } else { "false" }
                    on:click=move |_| {
                        handle.answer(value.get_value());
                        open.set(false);
                    }
                >
                    <span class="row__body">{choice.label}</span>
                    {move || here().then(|| view! { <Icon name=IconName::Check /> })}
                </button>
            </li>
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
            on:click=move |_| {
                words.set(String::new());
                open.set(true);
            }
        >
            <span class="picker__text">
                {move || chosen.get().unwrap_or_else(|| t_string!(i18n, fill.choose).to_owned())}
            </span>
            <Icon name=IconName::Chevron />
        </button>
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
        </Dialog>
    }
}

fn matches(choice: &ChoiceView, words: &str) -> bool {
    words.is_empty()
        || choice.label.to_lowercase().contains(words)
        || choice.initials.to_lowercase().starts_with(words)
        || choice.value.starts_with(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(value: &str, label: &str, initials: &str) -> ChoiceView {
        ChoiceView {
            value: value.to_owned(),
            label: label.to_owned(),
            initials: initials.to_owned(),
            media: std::collections::BTreeMap::new(),
        }
    }

    #[test]
    fn a_village_is_found_by_label_initials_or_code() {
        let village = choice("610199001001", "东街社区", "djsq");
        for words in ["", "东街", "社区", "dj", "61019900"] {
            assert!(matches(&village, words), "{words}");
        }
        for words in ["西", "jd", "001"] {
            assert!(!matches(&village, words), "{words}");
        }
    }

    #[test]
    fn short_answers_share_a_line() {
        let (yes, no) = (choice("1", "是", ""), choice("0", "否", ""));
        assert!(fits_one_line(&[yes.clone(), no.clone()]));
        assert!(!fits_one_line(&[yes, choice("0", "否,而且还有很长的说明文字", "")]));
        assert!(!fits_one_line(&[no]));
    }
}
