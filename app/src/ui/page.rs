//! A screen: its bar with the title, and its content.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;

use super::{IconButton, IconName};
use crate::i18n::*;

/// What every screen shows under its bar; whoever is around the screens
/// provides it as a context.
#[derive(Clone)]
pub struct UnderBar(pub ViewFn);

/// A screen. The title takes the focus when the screen opens, so that a screen
/// reader begins there, and is the title of the window.
///
/// Browsers keep the titles of windows in their history, on the disk and in
/// the clear: where the title is somebody's name, `window_title` is not.
#[component]
pub fn Page(
    #[prop(into)] title: Signal<String>,
    /// Instead of the title, for the window.
    #[prop(optional)]
    window_title: Option<Signal<String>>,
    /// With a button that leads back.
    #[prop(optional)]
    back: bool,
    /// For tables and two columns on a desk.
    #[prop(optional)]
    broad: bool,
    /// [`IconButton`]s at the end of the bar.
    #[prop(optional, into)]
    actions: ViewFn,
    children: Children,
) -> impl IntoView {
    let i18n = use_i18n();
    let heading = NodeRef::<leptos::html::H1>::new();
    let opened = StoredValue::new(false);
    Effect::new(move |_| {
        if let Some(heading) = heading.get()
            && !opened.get_value()
        {
            opened.set_value(true);
            // Fails only for elements that are gone.
            let _ = heading.focus();
        }
    });
    Effect::new(move |_| {
        let title = window_title.unwrap_or(title).get();
        document().set_title(&format!("{title} · {}", t_string!(i18n, common.app_name)));
    });
    let navigate = use_navigate();
    let go_back = move || {
        let history = window().history();
        if history.as_ref().is_ok_and(|history| history.length().unwrap_or(0) > 1) {
            if let Ok(history) = history {
                let _ = history.back();
            }
        } else {
            navigate("/", NavigateOptions { replace: true, ..NavigateOptions::default() });
        }
    };
    view! {
        <div class="page" class:page--broad=broad>
            <header class="page__bar">
                {back
                    .then(|| {
                        view! {
                            <IconButton
                                name=IconName::Back
                                label=Signal::derive(move || t_string!(i18n, common.back).to_owned())
                                on_press=go_back
                            />
                        }
                    })}
                <h1 class="page__title" tabindex="-1" node_ref=heading>
                    {title}
                </h1>
                <div class="page__actions">{actions.run()}</div>
            </header>
            {use_context::<UnderBar>().map(|under| under.0.run())}
            <main class="page__content" id="content">
                {children()}
            </main>
        </div>
    }
}

/// The one or two things to do next: they stay at the bottom of the screen.
#[component]
pub fn Actions(children: Children) -> impl IntoView {
    view! { <div class="actions">{children()}</div> }
}
