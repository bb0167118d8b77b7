//! Before anything can be done: starting, and why it cannot start.

use leptos::prelude::*;

use crate::app::{use_session, use_settings};
use crate::device::Capability;
use crate::explain::Explain;
use crate::i18n::*;
use crate::screens::login::Gate;
use crate::session::SessionState;
use crate::ui::{Button, ButtonKind, Loading, Notice, Tone};

/// The store is being opened.
#[component]
pub fn StartingScreen() -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <main class="starting">
            <h1 class="gate__brand">{t!(i18n, common.app_name)}</h1>
            <Loading />
        </main>
    }
}

/// The browser lacks something; says what, and what to do.
#[component]
pub fn UnsupportedScreen() -> impl IntoView {
    let i18n = use_i18n();
    let session = use_session();
    let missing = move || match session.state() {
        SessionState::Unsupported { missing } => missing,
        _ => Vec::new(),
    };
    let name = move |capability: Capability| match capability {
        Capability::SecureContext => t_string!(i18n, gates.missing_secure_context),
        Capability::IndexedDb => t_string!(i18n, gates.missing_indexed_db),
        Capability::WebCrypto => t_string!(i18n, gates.missing_web_crypto),
        Capability::RecentBrowser => t_string!(i18n, gates.missing_recent),
        Capability::ServiceWorker => t_string!(i18n, gates.missing_service_worker),
    };
    view! {
        <Gate title=Signal::derive(move || t_string!(i18n, gates.unsupported_title).to_owned())>
            <Notice tone=Tone::Bad>
                <p>{t!(i18n, gates.unsupported_text)}</p>
                <ul class="gate__marks">
                    {move || {
                        missing()
                            .into_iter()
                            .map(|capability| view! { <li>{name(capability)}</li> })
                            .collect_view()
                    }}
                </ul>
            </Notice>
            <p>{t!(i18n, gates.unsupported_do)}</p>
            <ol class="gate__steps">
                <li>{t!(i18n, gates.unsupported_step_https)}</li>
                <li>{t!(i18n, gates.unsupported_step_private)}</li>
                <li>{t!(i18n, gates.unsupported_step_update)}</li>
            </ol>
            <Reload />
        </Gate>
    }
}

/// The phone's own storage does not open; says why, and that nothing should
/// be cleared.
#[component]
pub fn BrokenScreen() -> impl IntoView {
    let i18n = use_i18n();
    let session = use_session();
    let settings = use_settings();
    let reason = move || match session.state() {
        SessionState::Broken { error } => error.explain().get(settings.language()).to_owned(),
        _ => String::new(),
    };
    view! {
        <Gate title=Signal::derive(move || t_string!(i18n, gates.broken_title).to_owned())>
            <Notice tone=Tone::Bad>
                <p>{reason}</p>
            </Notice>
            <ol class="gate__steps">
                <li>{t!(i18n, gates.broken_step_reload)}</li>
                <li>{t!(i18n, gates.broken_step_space)}</li>
                <li>{t!(i18n, gates.broken_step_keep)}</li>
                <li>{t!(i18n, gates.broken_step_admin)}</li>
            </ol>
            <Reload />
        </Gate>
    }
}

/// The part of the app behind the gates did not come.
#[component]
pub fn UnreachableScreen(#[prop(into)] on_again: Callback<()>) -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <Gate title=Signal::derive(move || t_string!(i18n, gates.unreachable_title).to_owned())>
            <Notice tone=Tone::Warning>
                <p>{t!(i18n, gates.unreachable_text)}</p>
            </Notice>
            <Button wide=true on_press=move || on_again.run(())>
                {t!(i18n, common.try_again)}
            </Button>
            // A server that was renewed meanwhile has other files.
            <Reload kind=ButtonKind::Quiet />
        </Gate>
    }
}

#[component]
fn Reload(#[prop(optional)] kind: ButtonKind) -> impl IntoView {
    let i18n = use_i18n();
    // A browser that refuses to reload leaves the page as it is.
    let reload = move || drop(window().location().reload());
    view! {
        <Button wide=true kind=kind on_press=reload>
            {t!(i18n, gates.reload)}
        </Button>
    }
}
