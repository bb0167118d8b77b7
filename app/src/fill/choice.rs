//! Answers that are chosen from cards.

use doorstep_form::{ChoiceView, NodeView};
use leptos::prelude::*;

use super::media::{ChoiceMore, ChoicePicture, has_more};
use super::question::Handle;
use crate::i18n::*;
use crate::ui::unique_id;

/// What can be chosen; set anew only when it changes.
pub(super) fn choices(handle: Handle) -> Memo<Vec<ChoiceView>> {
    Memo::new(move |_| handle.view.with(|view| view.choices.clone()))
}

/// Two choices with one key are drawn the same.
pub(super) fn key(choice: &ChoiceView) -> (String, String) {
    (choice.value.clone(), choice.label.clone())
}

/// How choices are laid out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Layout {
    /// One below the other; a few short ones side by side.
    Cards,
    /// Two or so a line.
    Pairs,
    /// As many a line as there is room for.
    Pack,
    /// This many a line.
    Columns(u8),
    /// All on one line, the words below the marks: `likert`.
    Scale,
}

impl Layout {
    fn of(view: &NodeView, otherwise: Self) -> Self {
        for word in view.appearance.split_whitespace() {
            match word {
                "likert" => return Self::Scale,
                "columns" | "horizontal" => return Self::Pairs,
                "columns-pack" | "horizontal-compact" | "compact" | "quickcompact" => return Self::Pack,
                _ => {}
            }
            let columns = ["columns-", "compact-", "quickcompact-"];
            let number = columns.iter().find_map(|prefix| word.strip_prefix(prefix)?.parse::<u8>().ok());
            if let Some(number) = number.filter(|number| *number > 0) {
                // More do not fit a phone.
                return Self::Columns(number.min(4));
            }
        }
        otherwise
    }

    fn class(self) -> &'static str {
        match self {
            Self::Cards | Self::Columns(1) => "choices",
            Self::Pairs => "choices choices--pairs",
            Self::Pack => "choices choices--pack",
            Self::Columns(2) => "choices choices--two",
            Self::Columns(3) => "choices choices--three",
            Self::Columns(_) => "choices choices--four",
            Self::Scale => "choices choices--scale",
        }
    }
}

/// A few short answers fit side by side.
fn fits_one_line(choices: &[ChoiceView]) -> bool {
    let width =
        |label: &str| label.chars().map(|letter| if letter.is_ascii() { 1 } else { 2 }).sum::<usize>();
    (2..=3).contains(&choices.len())
        && choices.iter().all(|choice| choice.media.is_empty())
        && choices.iter().all(|choice| width(&choice.label) <= 24 / choices.len() - 2)
}

/// What is read as a choice.
pub(super) fn words_of(choice: &ChoiceView) -> String {
    if choice.label.is_empty() { choice.value.clone() } else { choice.label.clone() }
}

/// One card: the native input lies over its face.
#[component]
pub(super) fn Card(
    handle: Handle,
    choice: ChoiceView,
    /// Of all cards of the question, when one of them can be chosen.
    #[prop(optional_no_strip)]
    group: Option<String>,
    /// The element whose words go before the choice's own, for a card that
    /// does not stand with its question.
    #[prop(optional_no_strip)]
    under: Option<String>,
    #[prop(into)] chosen: Signal<bool>,
    #[prop(into)] on_change: Callback<()>,
    /// The chosen one of a group was pressed once more.
    #[prop(optional, into)]
    on_again: Option<Callback<()>>,
) -> impl IntoView {
    let one = group.is_some();
    let words = words_of(&choice);
    let words_id = unique_id("choice");
    let name = under.map(|under| format!("{under} {words_id}"));
    let described_by = name.is_some().then(|| handle.described_by.get_value());
    let more =
        has_more(&choice).then(|| view! { <ChoiceMore filling=handle.filling choice=choice.clone() /> });
    let apart = more.is_some();
    let card = view! {
        <label class="choice">
            <input
                autocomplete="off"
                class="choice__input"
                type=if one { "radio" } else { "checkbox" }
                name=group
                value=choice.value.clone()
                aria-labelledby=name
                aria-describedby=described_by
                prop:checked=chosen
                on:click=move |_| {
                    if let Some(again) = on_again.filter(|_| chosen.get_untracked()) {
                        again.run(());
                    }
                }
                on:change=move |_| on_change.run(())
            />
            <span class="choice__face" class:choice__face--one=one class:choice__face--many=!one>
                <span class="choice__words">
                    <ChoicePicture filling=handle.filling choice />
                    <span id=words_id>{words}</span>
                </span>
            </span>
        </label>
    };
    // Beside the card: what is on it chooses.
    if apart {
        view! { <div class="choice-and-more">{card} {more}</div> }.into_any()
    } else {
        card.into_any()
    }
}

/// The card of one of a few.
#[component]
pub(super) fn OneCard(
    handle: Handle,
    choice: ChoiceView,
    /// See [`Card`].
    #[prop(optional_no_strip)]
    under: Option<String>,
) -> impl IntoView {
    let value = StoredValue::new(choice.value.clone());
    let quick = handle.looks("quick") || handle.looks("quickcompact");
    let in_table = under.is_some();
    let answer = move || {
        handle.answer(value.get_value());
        if quick {
            handle.filling.ask_to_go_on();
        }
    };
    // A line of a table has no room for a button that clears it.
    let again = move || {
        if in_table && handle.view.with_untracked(|view| !view.required) {
            handle.answer(String::new());
        }
    };
    view! {
        <Card
            handle
            choice
            group=Some(handle.id.get_value())
            under
            chosen=Signal::derive(move || value.with_value(|value| handle.is(value)))
            on_change=answer
            on_again=Callback::new(move |()| again())
        />
    }
}

/// The card of one of any number.
#[component]
pub(super) fn ManyCard(
    handle: Handle,
    choice: ChoiceView,
    /// See [`Card`].
    #[prop(optional_no_strip)]
    under: Option<String>,
) -> impl IntoView {
    let value = StoredValue::new(choice.value.clone());
    let ticked = move || value.with_value(|value| handle.value().split_whitespace().any(|one| one == value));
    let toggle = move || {
        handle.answer(value.with_value(|value| toggled(&handle.value_untracked(), value)));
    };
    view! { <Card handle choice under chosen=Signal::derive(ticked) on_change=toggle /> }
}

#[component]
fn NoChoices(choices: Memo<Vec<ChoiceView>>) -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <Show when=move || choices.with(Vec::is_empty)>
            <p class="soft">{t!(i18n, fill.no_choices)}</p>
        </Show>
    }
}

/// One of a few: large cards.
#[component]
pub fn ChooseOne(handle: Handle) -> impl IntoView {
    let choices = choices(handle);
    let layout = handle.view.with_untracked(|view| Layout::of(view, Layout::Cards));
    view! {
        <div
            class=layout.class()
            class:choices--inline=move || layout == Layout::Cards && choices.with(|choices| fits_one_line(choices))
            role="radiogroup"
            id=handle.id.get_value()
            aria-labelledby=handle.label_id.get_value()
            aria-describedby=handle.described_by.get_value()
            aria-required=move || handle.required()
        >
            <For each=move || choices.get() key=key children=move |choice| view! { <OneCard handle choice /> } />
        </div>
        <NoChoices choices />
    }
}

/// The chosen values with one more, or without it.
pub(super) fn toggled(given: &str, value: &str) -> String {
    let mut chosen: Vec<&str> = given.split_whitespace().collect();
    match chosen.iter().position(|one| *one == value) {
        Some(position) => {
            chosen.remove(position);
        }
        None => chosen.push(value),
    }
    chosen.join(" ")
}

/// Any number: cards to tick.
#[component]
pub fn ChooseMany(handle: Handle) -> impl IntoView {
    let choices = choices(handle);
    let layout = handle.view.with_untracked(|view| Layout::of(view, Layout::Pairs));
    view! {
        <div
            class=layout.class()
            role="group"
            id=handle.id.get_value()
            aria-labelledby=handle.label_id.get_value()
            aria-describedby=handle.described_by.get_value()
        >
            <For each=move || choices.get() key=key children=move |choice| view! { <ManyCard handle choice /> } />
        </div>
        <NoChoices choices />
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

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(value: &str, label: &str) -> ChoiceView {
        let text = serde_json::json!({ "value": value, "label": label });
        serde_json::from_value(text).expect("a choice")
    }

    #[test]
    fn short_answers_share_a_line() {
        let (yes, no) = (choice("1", "是"), choice("0", "否"));
        assert!(fits_one_line(&[yes.clone(), no.clone()]));
        assert!(!fits_one_line(&[yes, choice("0", "否,而且还有很长的说明文字")]));
        assert!(!fits_one_line(&[no]));
    }

    #[test]
    fn ticking_twice_is_not_ticking() {
        assert_eq!(toggled("", "a"), "a");
        assert_eq!(toggled("b c", "a"), "b c a");
        assert_eq!(toggled("b  a c", "a"), "b c");
    }
}
