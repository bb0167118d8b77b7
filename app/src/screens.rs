//! The screens, one file each. Which one a path shows is in [`crate::app`].

pub mod case;
pub mod devices;
pub mod fill;
pub mod frame;
pub mod home;
pub mod ledger;
pub mod login;
pub mod me;
pub mod not_found;
pub mod outbox;
pub mod parts;
pub mod pin;
pub mod queue;
pub mod start;
pub mod submission;
pub mod words;

pub use case::CaseScreen;
pub use devices::DevicesScreen;
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
pub use start::{BrokenScreen, StartingScreen, UnreachableScreen, UnsupportedScreen};
pub use submission::SubmissionScreen;
