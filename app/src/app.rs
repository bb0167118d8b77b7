//! The map of the app: routes, guards, and the contexts that screens use.
//!
//! # What a screen has
//!
//! ```ignore
//! let session = use_session();     // who is here, and their phone
//! let sync = use_sync();           // the state of sync; sync.start(), sync.saved()
//! let office = use_office();       // what needs the server now
//! let settings = use_settings();   // language, text size
//! let device = use_device();       // online? update? storage? what is missing?
//! now(); today(); new_id::<DraftId>();           // crate::clock
//! error.explain().get(settings.language())       // crate::explain::Explain, for every error
//! ```
//!
//! All of them are `Copy` and may be captured by any closure. Methods whose
//! name is a noun track the signal behind it.
//!
//! Reading what the phone holds: never keep the phone, ask for it each time.
//!
//! ```ignore
//! let entries = LocalResource::new(move || {
//!     session.changes().track(&[Table::Record, Table::Draft, Table::Operation]);
//!     async move { session.phone()?.today(today()).await }      // Result<_, PhoneError>
//! });
//! ```
//!
//! Writing: `session.phone()?.answer(..).await?`, then `sync.saved()` after a
//! finished visit. Every write wakes the readers of its tables.
//!
//! | door | what |
//! |---|---|
//! | `session.state()` | [`crate::session::SessionState`]; `App` shows the right gate by itself |
//! | `session.users()` | the people on this phone, for the PIN screen |
//! | `session.log_in(name, password).await` | then the state is `ChoosePin`, `Locked` or `Open` |
//! | `session.choose_pin(pin).await`, `session.unlock(user_id, pin).await` | then `Open` |
//! | `session.lock()`, `session.sign_out(SignOut::KeepUnsent).await` | |
//! | `session.choose_user(..)`, `session.other_account()` | between the PIN and the login screen |
//! | `session.me()`, `session.login_needed()` | |
//! | `crate::camera::take(&file, max_pixels, moment).await` | a `web_sys::File` → `NewFile` or `CameraError` |
//! | `crate::camera::ObjectUrl::new(&bytes, "image/jpeg")` | an address for `<img src>`, until dropped |
//! | `crate::place::locate().await` | `Place` or `PlaceError` |
//!
//! Routes: `/`, `/login` (again, when the login is over), `/case/:id`,
//! `/fill/:draft`, `/outbox`, `/me`, `/queue`, `/submission/:id`,
//! `/ledger/:case`, `/devices`. Gates (`LoginScreen`, `PinScreen`) are shown in
//! place of the route, so that whoever unlocks is where they were. What is
//! behind them comes in a file of its own ([`crate::inside`]).

use leptos::prelude::*;
use leptos_router::components::{Route, Router, Routes};
use leptos_router::path;

use crate::device::Device;
use crate::inside::{self, Inside};
use crate::office::Office;
use crate::screens;
use crate::session::{Session, SessionState};
use crate::settings::Settings;
use crate::sync::Synchroniser;

/// Who is here, and the phone they opened.
pub fn use_session() -> Session {
    expect_context()
}

/// The state of sync, and its button.
pub fn use_sync() -> Synchroniser {
    expect_context()
}

/// What needs the server now: reviewing, looking after phones.
pub fn use_office() -> Office {
    expect_context()
}

/// Language and text size.
pub fn use_settings() -> Settings {
    expect_context()
}

/// The browser and the phone it runs on.
pub fn use_device() -> Device {
    expect_context()
}

/// The whole app.
#[component]
pub fn App() -> impl IntoView {
    let settings = Settings::load();
    let device = Device::watch();
    let session = Session::start(settings);
    provide_context(settings);
    provide_context(device);
    provide_context(session);
    provide_context(Synchroniser::new(session));
    provide_context(Office::new(session));
    crate::i18n::provide(settings);
    let gate = Memo::new(move |_| session.gate());
    inside::fetch_soon();

    move || match gate.get() {
        Gate::Starting => view! { <screens::StartingScreen /> }.into_any(),
        Gate::Unsupported => view! { <screens::UnsupportedScreen /> }.into_any(),
        Gate::Broken => view! { <screens::BrokenScreen /> }.into_any(),
        Gate::Login => view! { <screens::LoginScreen /> }.into_any(),
        Gate::Pin => view! { <screens::PinScreen /> }.into_any(),
        Gate::Open => view! { <Inside /> }.into_any(),
    }
}

/// What a session's state lets a person see.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Gate {
    Starting,
    Unsupported,
    Broken,
    Login,
    Pin,
    Open,
}

impl From<&SessionState> for Gate {
    fn from(state: &SessionState) -> Self {
        match state {
            SessionState::Starting => Self::Starting,
            SessionState::Unsupported { .. } => Self::Unsupported,
            SessionState::Broken { .. } => Self::Broken,
            SessionState::LoggedOut => Self::Login,
            SessionState::ChoosePin { .. } | SessionState::Locked { .. } => Self::Pin,
            SessionState::Open { .. } => Self::Open,
        }
    }
}

/// Every route, for somebody who is in, with sync at work. `Frame` is the bar,
/// the navigation and the notices around a screen. Only [`crate::inside`] may
/// use it.
#[component]
pub(crate) fn Routed() -> impl IntoView {
    use_sync().start_for(use_device());
    view! {
        <Router>
            <screens::Frame>
                <Routes fallback=|| view! { <screens::NotFoundScreen /> }>
                    <Route path=path!("/") view=|| view! { <screens::HomeScreen /> }.into_any() />
                    <Route path=path!("/login") view=|| view! { <screens::LoginAgainScreen /> }.into_any() />
                    <Route path=path!("/case/:id") view=|| view! { <screens::CaseScreen /> }.into_any() />
                    <Route path=path!("/fill/:draft") view=|| view! { <screens::FillScreen /> }.into_any() />
                    <Route path=path!("/outbox") view=|| view! { <screens::OutboxScreen /> }.into_any() />
                    <Route path=path!("/me") view=|| view! { <screens::MeScreen /> }.into_any() />
                    <Route path=path!("/queue") view=|| view! { <screens::QueueScreen /> }.into_any() />
                    <Route path=path!("/submission/:id") view=|| view! { <screens::SubmissionScreen /> }.into_any() />
                    <Route path=path!("/ledger/:case") view=|| view! { <screens::LedgerScreen /> }.into_any() />
                    <Route path=path!("/devices") view=|| view! { <screens::DevicesScreen /> }.into_any() />
                </Routes>
            </screens::Frame>
        </Router>
    }
}
