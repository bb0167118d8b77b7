//! What stands behind the gates, in a file of its own: screens, form engine,
//! sync. The first screen does not wait for it.
//!
//! `cargo xtask dist` cuts the app at [`open`]: whatever only this function
//! reaches is fetched when it is first asked for. It is asked for as soon as
//! the first gate is on the screen and nothing else is to be done, so few
//! people ever wait; the service worker keeps it with everything else.
//!
//! Nothing outside may use what belongs inside, or it becomes part of the
//! first load: no screen behind the gates, no `doorstep_form::Session`.
//! `docs/pwa-size.md` says how to find what did.

use std::time::Duration;

use futures::FutureExt;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::wasm_split::{SplitLoaderError, wasm_split};

use crate::app::Routed;
use crate::screens::{StartingScreen, UnreachableScreen};

/// Where nothing says when the browser has time: the first gate is painted by
/// then.
const FETCH_AFTER: Duration = Duration::from_millis(300);

/// Where the file with everything inside is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Arrival {
    Coming,
    Here,
    /// No network, and not kept by the service worker yet.
    Failed,
}

/// The cut.
#[wasm_split(inside, wasm_split_path = ::leptos::wasm_split, preload(fetch), fallible)]
fn open() -> Result<AnyView, SplitLoaderError> {
    Ok(view! { <Routed /> }.into_any())
}

/// Fetches it when there is time, so that it is there when it is wanted.
pub(crate) fn fetch_soon() {
    let start = || {
        spawn_local(async {
            // Whoever comes in asks again, and is told.
            let _ = fetch().await;
        });
    };
    if request_idle_callback_with_handle(start).is_err() {
        set_timeout(start, FETCH_AFTER);
    }
}

/// Everything for somebody who is in, as soon as it is here.
#[component]
pub(crate) fn Inside() -> impl IntoView {
    let arrival = RwSignal::new(Arrival::Coming);
    let ask = move || {
        arrival.set(Arrival::Coming);
        spawn_local(async move {
            let answer = fetch().await;
            // Whoever has locked meanwhile waits for nothing.
            arrival.try_set(if answer.is_ok() { Arrival::Here } else { Arrival::Failed });
        });
    };
    ask();
    move || match arrival.get() {
        Arrival::Coming => view! { <StartingScreen /> }.into_any(),
        Arrival::Failed => view! { <UnreachableScreen on_again=ask /> }.into_any(),
        // What is here answers at once, and within this component's owner.
        Arrival::Here => match open().now_or_never() {
            Some(Ok(view)) => view,
            Some(Err(_)) | None => view! { <UnreachableScreen on_again=ask /> }.into_any(),
        },
    }
}
