//! Things in an order: moved by buttons, by dragging, or by keys.

use doorstep_form::ChoiceView;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::choice::choices;
use super::question::Handle;
use crate::i18n::*;
use crate::ui::{Button, ButtonKind, Icon, IconName};

/// The offered values in the order that was given; what is new comes last.
fn in_order(given: &str, choices: &[ChoiceView]) -> Vec<String> {
    let offered = |value: &str| choices.iter().any(|choice| choice.value == value);
    let mut order: Vec<String> = Vec::new();
    let given = given.split_whitespace().filter(|value| offered(value));
    for value in given.chain(choices.iter().map(|choice| choice.value.as_str())) {
        if !order.iter().any(|there| there == value) {
            order.push(value.to_owned());
        }
    }
    order
}

/// The order after one is moved to a place.
fn moved(mut order: Vec<String>, value: &str, to: usize) -> Vec<String> {
    if let Some(from) = order.iter().position(|there| there == value) {
        let taken = order.remove(from);
        order.insert(to.min(order.len()), taken);
    }
    order
}

/// The widget of a rank.
#[component]
pub fn RankField(handle: Handle) -> impl IntoView {
    let i18n = use_i18n();
    let choices = choices(handle);
    // While a finger drags, the order is the finger's.
    let dragged = RwSignal::new(None::<(String, Vec<String>)>);
    let order = Memo::new(move |_| match dragged.get() {
        Some((_, order)) => order,
        None => choices.with(|choices| in_order(&handle.value(), choices)),
    });
    let said = RwSignal::new(String::new());
    let list = NodeRef::<leptos::html::Ol>::new();
    let label_of = move |value: &str| {
        choices.with(|choices| {
            let found = choices.iter().find(|choice| choice.value == value);
            found.map_or_else(|| value.to_owned(), |choice| choice.label.clone())
        })
    };
    let place = move |value: &str, to: usize| {
        handle.answer(moved(order.get_untracked(), value, to).join(" "));
        said.set(t_string!(
            i18n,
            fill.rank_moved,
            what = untrack(|| label_of(value)),
            place = (to + 1).to_string()
        ));
    };
    let drop_there = move || {
        if let Some((value, order)) = dragged.get_untracked() {
            let at = order.iter().position(|there| *there == value).unwrap_or(0);
            handle.answer(order.join(" "));
            dragged.set(None);
            said.set(t_string!(
                i18n,
                fill.rank_moved,
                what = untrack(|| label_of(&value)),
                place = (at + 1).to_string()
            ));
        }
    };
    let drag = move |event: leptos::ev::PointerEvent| {
        let Some((value, _)) = dragged.get_untracked() else { return };
        let Some(list) = list.get_untracked() else { return };
        if let Some(to) = place_under(&list, f64::from(event.client_y())) {
            dragged.update(|dragged| {
                if let Some((_, order)) = dragged {
                    *order = moved(std::mem::take(order), &value, to);
                }
            });
        }
    };
    let line = move |value: String| {
        let value = StoredValue::new(value);
        let at = Memo::new(move |_| {
            order.with(|order| {
                value.with_value(|value| order.iter().position(|there| there == value).unwrap_or(0))
            })
        });
        let label = move || value.with_value(|value| label_of(value));
        let held = move || {
            dragged.with(|dragged| {
                dragged.as_ref().is_some_and(|(held, _)| value.with_value(|value| held == value))
            })
        };
        let step = move |up: bool| {
            let at = at.get_untracked();
            let to = if up { at.checked_sub(1) } else { Some(at + 1) };
            if let Some(to) = to.filter(|to| *to < order.with_untracked(Vec::len)) {
                value.with_value(|value| place(value, to));
                let button = format!(
                    "{}-{}-{}",
                    handle.id.get_value(),
                    value.get_value(),
                    if up { "up" } else { "down" }
                );
                request_animation_frame(move || focus(&button));
            }
        };
        let grab = move |event: leptos::ev::PointerEvent| {
            event.prevent_default();
            if let Some(list) = list.get_untracked() {
                // By the list, which stays: a line that is moved in the page
                // loses the finger. Without capture the finger has to stay on
                // the list.
                let _ = list.set_pointer_capture(event.pointer_id());
            }
            dragged.set(Some((value.get_value(), order.get_untracked())));
        };
        let keys = move |event: leptos::ev::KeyboardEvent| {
            match event.key().as_str() {
                "ArrowUp" => step(true),
                "ArrowDown" => step(false),
                _ => return,
            }
            event.prevent_default();
        };
        let button = move |up: bool| {
            let word = if up { "up" } else { "down" };
            view! {
                <button
                    type="button"
                    class="icon-button"
                    id=format!("{}-{}-{word}", handle.id.get_value(), value.get_value())
                    aria-label=move || {
                        if up {
                            t_string!(i18n, fill.rank_up, what = label())
                        } else {
                            t_string!(i18n, fill.rank_down, what = label())
                        }
                    }
                    aria-disabled=move || {
                        let last = order.with(|order| order.len().saturating_sub(1));
                        (if up { at.get() == 0 } else { at.get() >= last }).then_some("true")
                    }
                    on:click=move |_| step(up)
                    on:keydown=keys
                >
                    <Icon name=if up { IconName::Up } else { IconName::Down } />
                </button>
            }
        };
        view! {
            <li class="rank__line" class:rank__line--held=held data-value=value.get_value()>
                <span
                    class="rank__grip"
                    aria-hidden="true"
                    on:pointerdown=grab
                >
                    <Icon name=IconName::Grip />
                </span>
                <span class="rank__place numbers" class:soft=move || !handle.is_answered()>
                    {move || at.get() + 1}
                </span>
                <span class="rank__words">{label}</span>
                {button(true)}
                {button(false)}
            </li>
        }
    };
    view! {
        <ol
            class="rank"
            class:rank--open=move || !handle.is_answered()
            node_ref=list
            id=handle.id.get_value()
            aria-labelledby=handle.label_id.get_value()
            aria-describedby=handle.described_by.get_value()
            on:pointermove=drag
            on:pointerup=move |_| drop_there()
            on:pointercancel=move |_| dragged.set(None)
        >
            <For each=move || order.get() key=String::clone children=line />
        </ol>
        <p class="unseen" role="status">
            {said}
        </p>
        <Show when=move || !handle.is_answered() && !choices.with(Vec::is_empty)>
            <div class="cluster">
                <Button
                    kind=ButtonKind::Secondary
                    icon=IconName::Check
                    on_press=move || handle.answer(order.get_untracked().join(" "))
                >
                    {t!(i18n, fill.rank_as_it_is)}
                </Button>
            </div>
        </Show>
        <Show when=move || choices.with(Vec::is_empty)>
            <p class="soft">{t!(i18n, fill.no_choices)}</p>
        </Show>
    }
}

fn focus(id: &str) {
    if let Some(element) =
        document().get_element_by_id(id).and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok())
    {
        // Fails only for elements that are gone.
        let _ = element.focus();
    }
}

/// Which line of a list is at this height of the window; the first above it,
/// the last below it.
fn place_under(list: &web_sys::HtmlOListElement, y: f64) -> Option<usize> {
    let lines = list.children();
    let last = usize::try_from(lines.length()).ok()?.checked_sub(1)?;
    let edges = list.get_bounding_client_rect();
    if y < edges.top() {
        return Some(0);
    }
    if y > edges.bottom() {
        return Some(last);
    }
    (0..lines.length()).find_map(|at| {
        let edges = lines.item(at)?.get_bounding_client_rect();
        (edges.top()..=edges.bottom()).contains(&y).then(|| usize::try_from(at).ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices(values: &[&str]) -> Vec<ChoiceView> {
        let each = values.iter().map(|value| serde_json::json!({ "value": value, "label": value }));
        each.filter_map(|choice| serde_json::from_value(choice).ok()).collect()
    }

    #[test]
    fn what_is_no_longer_offered_goes_and_what_is_new_comes_last() {
        let offered = choices(&["a", "b", "c", "d"]);
        assert_eq!(in_order("", &offered), ["a", "b", "c", "d"]);
        assert_eq!(in_order("c x a", &offered), ["c", "a", "b", "d"]);
        assert_eq!(in_order("c c", &choices(&["a", "c"])), ["c", "a"]);
    }

    #[test]
    fn one_is_moved_and_the_others_keep_their_order() {
        let order = || ["a", "b", "c"].map(str::to_owned).to_vec();
        assert_eq!(moved(order(), "a", 2), ["b", "c", "a"]);
        assert_eq!(moved(order(), "c", 0), ["c", "a", "b"]);
        assert_eq!(moved(order(), "b", 9), ["a", "c", "b"]);
        assert_eq!(moved(order(), "x", 0), ["a", "b", "c"]);
    }
}
