//! The screens, one file each. Which one a path shows is in [`crate::app`].

pub mod fill;
pub mod frame;
pub mod login;
pub mod pin;
pub mod start;

pub use fill::FillScreen;
pub use frame::Frame;
pub use login::{LoginAgainScreen, LoginScreen};
pub use pin::PinScreen;
pub use start::{BrokenScreen, StartingScreen, UnsupportedScreen};

use leptos::prelude::*;

// The owner of each of these replaces its name by a module.
macro_rules! to_come {
    ($($name:ident)*) => {$(
        #[component]
        pub fn $name() -> impl IntoView {}
    )*};
}
to_come! { HomeScreen CaseScreen OutboxScreen MeScreen QueueScreen SubmissionScreen LedgerScreen NotFoundScreen }
