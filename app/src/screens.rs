//! The screens. Placeholders until the real ones arrive.
use leptos::prelude::*;

macro_rules! placeholders {
    ($($name:ident)*) => {$(
        #[component]
        pub fn $name() -> impl IntoView { stringify!($name) }
    )*};
}
placeholders! {
    StartingScreen UnsupportedScreen BrokenScreen LoginScreen PinScreen HomeScreen LoginAgainScreen CaseScreen
    FillScreen OutboxScreen MeScreen QueueScreen SubmissionScreen LedgerScreen NotFoundScreen
}

/// The bar, the navigation and the notices around a screen.
#[component]
pub fn Frame(children: Children) -> impl IntoView {
    children()
}
