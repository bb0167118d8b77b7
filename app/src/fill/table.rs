//! Several questions with the same choices as lines of one table: the choices
//! stand once above, each line has marks alone. A screen reader hears the
//! words with every mark.

use doorstep_form::{ChoiceView, NodePath};
use leptos::prelude::*;

use super::Filling;

/// That a question is a line of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct InTable;

impl InTable {
    pub(super) fn is_around() -> bool {
        use_context::<Self>().is_some()
    }
}

/// The choices of a table, those of its first question that applies.
#[component]
pub(super) fn TableHead(filling: Filling, nodes: Memo<Vec<NodePath>>) -> impl IntoView {
    let choices = Memo::new(move |_| {
        let found = nodes.get().into_iter().filter_map(|path| filling.question(&path));
        let mut choices = found.map(|question| {
            question.view.with(|view| if view.relevant { view.choices.clone() } else { Vec::new() })
        });
        choices.find(|choices| !choices.is_empty()).unwrap_or_default()
    });
    view! { <Head choices /> }
}

/// Words above the marks.
#[component]
pub(super) fn Head(choices: Memo<Vec<ChoiceView>>) -> impl IntoView {
    view! {
        <div class="choices choices--row table__head" aria-hidden="true">
            <For
                each=move || choices.get()
                key=super::choice::key
                children=|choice| view! { <span class="table__word">{choice.label}</span> }
            />
        </div>
    }
}
