//! A picture as large as the screen, with what is known of it: enlarged and
//! moved by wheel, fingers, keys and buttons, one after the other, and two
//! beside each other.

pub mod compare;
pub mod panel;
pub mod side;
pub mod zoom;

use std::sync::Arc;

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::SubmissionData;
use super::files::{Files, Shot, Shots};
use crate::i18n::*;
use crate::ui::{IconButton, IconName, unique_id};
use compare::{Choice, candidates};
use panel::{Hands, Panel};
use side::Side;
use zoom::{NUDGE_PX, STEP, Zoom};

/// The open picture of the screen, when there is one.
#[component]
pub(super) fn Lightbox(data: Arc<SubmissionData>, shots: Shots, files: Files) -> impl IntoView {
    let node = NodeRef::<leptos::html::Dialog>::new();
    let title_id = StoredValue::new(unique_id("lightbox"));
    let shots = StoredValue::new(shots);
    let data = StoredValue::new(data);
    let at = Memo::new(move |_| {
        let id = files.open.get()?;
        shots.with_value(|shots| shots.iter().position(|shot| shot.id() == id))
    });
    let is_open = Memo::new(move |_| at.get().is_some());
    let zoom = RwSignal::new(Zoom::WHOLE);
    Effect::new(move |_| {
        let Some(dialog) = node.get() else { return };
        if is_open.get() && !dialog.open() {
            // Fails only while it is not in the page.
            let _ = dialog.show_modal();
        } else if !is_open.get() && dialog.open() {
            dialog.close();
        }
    });
    // Another picture begins whole.
    Effect::new(move |_| {
        at.track();
        zoom.set(Zoom::WHOLE);
    });
    let turn = move |by: isize| {
        let count = shots.with_value(|shots| shots.len());
        let Some(next) = at.get_untracked().and_then(|at| at.checked_add_signed(by)) else {
            // Before the first is the last.
            return files.open.set(shots.with_value(|shots| shots.last().map(Shot::id)));
        };
        let next = if next < count { next } else { 0 };
        files.open.set(shots.with_value(|shots| shots.get(next).map(Shot::id)));
    };
    let hands = Hands::new(zoom, Callback::new(turn));
    // Of the window: what had the focus may have gone with the picture before.
    let keys = window_event_listener(leptos::ev::keydown, move |event| {
        if is_open.get_untracked() {
            on_key(&event, zoom, hands, &turn);
        }
    });
    on_cleanup(move || keys.remove());
    view! {
        <dialog
            class="lightbox"
            node_ref=node
            aria-labelledby=title_id.get_value()
            on:close=move |_| files.open.set(None)
        >
            <Show when=move || is_open.get()>
                <Frame data shots files at zoom hands turn=Callback::new(turn) title_id />
            </Show>
        </dialog>
    }
}

/// Whether nothing of the lightbox has the focus.
fn is_adrift() -> bool {
    let active = document().active_element();
    active.is_none_or(|active| active.closest(".lightbox__frame").ok().flatten().is_none())
}

/// The dialog from inside: it stays while the pictures change, and so does the
/// focus.
#[component]
fn Frame(
    data: StoredValue<Arc<SubmissionData>>,
    shots: StoredValue<Shots>,
    files: Files,
    at: Memo<Option<usize>>,
    zoom: RwSignal<Zoom>,
    hands: Hands,
    turn: Callback<isize>,
    title_id: StoredValue<String>,
) -> impl IntoView {
    let i18n = use_i18n();
    let shot = Memo::new(move |_| shots.with_value(|shots| shots.get(at.get()?).cloned()));
    let count = shots.with_value(|shots| shots.len());
    let question = Signal::derive(move || shot.get().map(|shot| shot.question).unwrap_or_default());
    let position = move || {
        let at = at.get().map_or(0, |at| at + 1);
        t_string!(i18n, viewer.position, at = at, of = count)
    };
    let percent = Memo::new(move |_| zoom.get().percent());
    let zoomed = move || t_string!(i18n, viewer.zoomed, percent = percent.get());
    let said = move || {
        let (what, position, zoomed) = (question.get(), position(), zoomed());
        t_string!(i18n, viewer.now_shown, what = what, position = position, zoomed = zoomed)
    };
    // Whoever opens it with keys goes on with keys.
    let stage = NodeRef::<leptos::html::Div>::new();
    Effect::new(move |_| {
        if let Some(stage) = stage.get() {
            // Fails only for elements that are gone.
            let _ = stage.focus();
        }
    });
    let hint_id = StoredValue::new(unique_id("lightbox-hint"));
    let has_side = RwSignal::new(true);
    let choices = Memo::new(move |_| {
        shot.get().map(|shot| candidates(&shot, &shots.get_value(), files)).unwrap_or_default()
    });
    let choice = RwSignal::new(None::<String>);
    // What is compared with is another for each picture.
    Effect::new(move |_| {
        at.track();
        choice.set(None);
    });
    // What was pressed may be gone with the picture before; the keys go on.
    Effect::new(move |_| {
        at.track();
        choice.track();
        request_animation_frame(move || {
            if let Some(stage) = stage.try_get_untracked().flatten()
                && is_adrift()
            {
                let _ = stage.focus();
            }
        });
    });
    // What is known of the next picture is read from its beginning.
    let side = NodeRef::<leptos::html::Aside>::new();
    Effect::new(move |_| {
        at.track();
        if let Some(side) = side.get_untracked() {
            side.set_scroll_top(0);
        }
    });
    let beside = Memo::new(move |_| {
        let key = choice.get()?;
        choices.with(|choices| choices.iter().find(|known| known.key == key).cloned())
    });
    let compare = move || {
        let first = choices.with_untracked(|choices| choices.first().map(|first| first.key.clone()));
        choice.update(|choice| *choice = if choice.is_some() { None } else { first });
        zoom.set(Zoom::WHOLE);
    };
    let panels = move || {
        let shown = shot.get()?;
        let second = beside.get();
        let caption = second.is_some().then(|| t_string!(i18n, viewer.this_one).to_owned());
        let first = Choice::of_shot(&shown, caption.unwrap_or_default());
        let panels: Vec<Choice> = std::iter::once(first).chain(second).collect();
        let panels =
            panels.into_iter().map(|choice| view! { <Panel choice files zoom hands /> }).collect_view();
        Some(panels)
    };
    let label = move |words: fn(leptos_i18n::I18nContext<Locale>) -> &'static str| {
        Signal::derive(move || words(i18n).to_owned())
    };
    view! {
        <div class="lightbox__frame" class:lightbox__frame--alone=move || !has_side.get()>
            <header class="lightbox__bar">
                <div class="lightbox__words">
                    <h2 class="lightbox__title" id=title_id.get_value()>
                        {question}
                    </h2>
                    <p class="small numbers">{position}</p>
                </div>
                <IconButton
                    name=IconName::Info
                    label=label(|i18n| t_string!(i18n, viewer.facts))
                    on_press=move || has_side.update(|has_side| *has_side = !*has_side)
                />
                <IconButton
                    name=IconName::Close
                    label=label(|i18n| t_string!(i18n, common.close))
                    on_press=move || files.open.set(None)
                />
            </header>
            <div class="lightbox__main">
                <div
                    class="lightbox__stage"
                    class:lightbox__stage--two=move || beside.with(Option::is_some)
                    node_ref=stage
                    tabindex="0"
                    autofocus=true
                    role="group"
                    aria-label=question
                    aria-describedby=hint_id.get_value()
                >
                    {panels}
                </div>
                <Show when=move || { count > 1 }>
                    <div class="lightbox__turn lightbox__turn--back">
                        <IconButton
                            name=IconName::Back
                            label=label(|i18n| t_string!(i18n, viewer.previous))
                            on_press=move || turn.run(-1)
                        />
                    </div>
                    <div class="lightbox__turn lightbox__turn--on">
                        <IconButton
                            name=IconName::Chevron
                            label=label(|i18n| t_string!(i18n, viewer.next))
                            on_press=move || turn.run(1)
                        />
                    </div>
                </Show>
            </div>
            <div class="lightbox__tools" role="toolbar" aria-label=question>
                <IconButton
                    name=IconName::Minus
                    label=label(|i18n| t_string!(i18n, viewer.zoom_out))
                    on_press=move || hands.zoom_by(1.0 / STEP)
                />
                <button
                    type="button"
                    class="lightbox__percent numbers"
                    aria-label=move || t_string!(i18n, viewer.whole)
                    title=move || t_string!(i18n, viewer.whole)
                    on:click=move |_| zoom.set(Zoom::WHOLE)
                >
                    {move || format!("{}%", percent.get())}
                </button>
                <IconButton
                    name=IconName::Plus
                    label=label(|i18n| t_string!(i18n, viewer.zoom_in))
                    on_press=move || hands.zoom_by(STEP)
                />
                <Show when=move || choices.with(|choices| !choices.is_empty())>
                    <button
                        type="button"
                        class="lightbox__compare"
                        aria-pressed=move || if choice.with(Option::is_some) { "true" } else { "false" }
                        on:click=move |_| compare()
                    >
                        {t!(i18n, viewer.compare)}
                    </button>
                </Show>
                <Show when=move || choice.with(Option::is_some)>
                    <Chooser choices choice />
                </Show>
            </div>
            <p class="unseen" id=hint_id.get_value()>
                {t!(i18n, viewer.hint)}
            </p>
            <p class="unseen" role="status">
                {said}
            </p>
            <Show when=move || has_side.get()>
                <aside class="lightbox__side" node_ref=side aria-label=move || t_string!(i18n, viewer.facts)>
                    {move || {
                        shot.get().map(|shot| view! { <Side data=data.get_value() shot files choice /> })
                    }}
                </aside>
            </Show>
        </div>
    }
}

/// What the picture is compared with.
#[component]
fn Chooser(choices: Memo<Vec<Choice>>, choice: RwSignal<Option<String>>) -> impl IntoView {
    let i18n = use_i18n();
    let options = move || {
        let chosen = choice.get();
        choices
            .get()
            .into_iter()
            .map(|known| {
                let is_chosen = chosen.as_ref() == Some(&known.key);
                let caption = known.caption(i18n);
                view! {
                    <option value=known.key.clone() selected=is_chosen>
                        {caption}
                    </option>
                }
            })
            .collect_view()
    };
    view! {
        <select
            class="lightbox__chooser"
            aria-label=move || t_string!(i18n, viewer.compare_with)
            on:change=move |event| choice.set(Some(event_target_value(&event)))
        >
            {options}
        </select>
    }
}

/// Arrows turn the pages while the picture is whole, and move it when it is
/// enlarged.
fn on_key(event: &KeyboardEvent, zoom: RwSignal<Zoom>, hands: Hands, turn: &dyn Fn(isize)) {
    let in_field = event
        .target()
        .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
        .is_some_and(|element| matches!(element.tag_name().as_str(), "SELECT" | "INPUT" | "TEXTAREA"));
    if in_field || event.ctrl_key() || event.meta_key() || event.alt_key() {
        return;
    }
    let is_whole = zoom.get_untracked().is_whole();
    match (event.key().as_str(), is_whole) {
        ("ArrowLeft", true) | ("PageUp", _) => turn(-1),
        ("ArrowRight", true) | ("PageDown", _) => turn(1),
        ("ArrowLeft", false) => hands.move_by((NUDGE_PX, 0.0)),
        ("ArrowRight", false) => hands.move_by((-NUDGE_PX, 0.0)),
        ("ArrowUp", false) => hands.move_by((0.0, NUDGE_PX)),
        ("ArrowDown", false) => hands.move_by((0.0, -NUDGE_PX)),
        ("+" | "=", _) => hands.zoom_by(STEP),
        ("-" | "_", _) => hands.zoom_by(1.0 / STEP),
        ("0", _) => zoom.set(Zoom::WHOLE),
        // Escape is the browser's.
        _ => return,
    }
    event.prevent_default();
}
