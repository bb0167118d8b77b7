//! The screens, one file each. Which one a path shows is in [`crate::app`].

mod case;
mod fill;
mod frame;
mod home;
mod ledger;
mod login;
mod me;
mod not_found;
mod outbox;
mod parts;
mod pin;
mod queue;
mod start;
mod submission;
mod words;

pub use case::CaseScreen;
pub use fill::FillScreen;
pub use frame::Frame;
pub use home::HomeScreen;
pub use ledger::LedgerScreen;
pub use login::{LoginAgainScreen, LoginScreen};
pub use me::MeScreen;
pub use not_found::NotFoundScreen;
pub use outbox::OutboxScreen;
pub use pin::PinScreen;
pub use queue::QueueScreen;
pub use start::{BrokenScreen, StartingScreen, UnsupportedScreen};
pub use submission::SubmissionScreen;
