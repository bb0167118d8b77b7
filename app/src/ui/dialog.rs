//! A question that comes before everything else.

use leptos::prelude::*;

use super::{IconButton, IconName, unique_id};
use crate::i18n::*;

/// A dialog on the browser's own element, which keeps the focus inside and
/// gives it back. Escape and a press beside it close it. Its content exists
/// only while it is open.
#[component]
pub fn Dialog(
    open: RwSignal<bool>,
    #[prop(into)] title: Signal<String>,
    children: ChildrenFn,
) -> impl IntoView {
    let i18n = use_i18n();
    let node = NodeRef::<leptos::html::Dialog>::new();
    let title_id = StoredValue::new(unique_id("dialog"));
    Effect::new(move |_| {
        let Some(dialog) = node.get() else { return };
        if open.get() && !dialog.open() {
            // Fails only while it is not in the page.
            let _ = dialog.show_modal();
        } else if !open.get() && dialog.open() {
            dialog.close();
        }
    });
    let pressed = move |event: leptos::ev::PointerEvent| {
        let beside = node.get_untracked().is_some_and(|dialog| {
            let edges = dialog.get_bounding_client_rect();
            let (x, y) = (f64::from(event.client_x()), f64::from(event.client_y()));
            x < edges.left() || x > edges.right() || y < edges.top() || y > edges.bottom()
        });
        if beside {
            open.set(false);
        }
    };
    view! {
        <dialog
            class="dialog"
            node_ref=node
            aria-labelledby=title_id.get_value()
            on:close=move |_| open.set(false)
            on:pointerdown=pressed
        >
            <Show when=move || open.get()>
                <div class="dialog__body">
                    <div class="dialog__head">
                        <h2 class="dialog__title" id=title_id.get_value()>
                            {title}
                        </h2>
                        <IconButton
                            name=IconName::Close
                            label=Signal::derive(move || t_string!(i18n, common.close).to_owned())
                            on_press=move || open.set(false)
                        />
                    </div>
                    {children()}
                </div>
            </Show>
        </dialog>
    }
}

/// The buttons of a dialog: what it is about first.
#[component]
pub fn DialogActions(children: Children) -> impl IntoView {
    view! { <div class="dialog__actions">{children()}</div> }
}
