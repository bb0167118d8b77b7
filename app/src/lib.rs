//! Doorstep on the phone: an app in the browser that works without a network.
//!
//! [`app`] is the map: routes, and the contexts that screens use. Below the
//! screens are [`session`] (who is here, and is the store open), [`sync`],
//! [`office`] (what needs the server now), [`store`] and [`api`], the only
//! module that speaks HTTP. [`inside`] is where the app is cut in two files. The rules are not here but in `doorstep-core`.

#![forbid(unsafe_code)]

pub mod api;
pub mod app;
pub mod browser;
pub mod camera;
pub mod clock;
pub mod device;
pub mod explain;
pub mod fill;
pub mod i18n;
pub mod inside;
pub mod network;
pub mod office;
pub mod place;
pub mod screens;
pub mod session;
pub mod settings;
pub mod store;
pub mod sync;
pub mod ui;
