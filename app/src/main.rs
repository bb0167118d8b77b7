//! Doorstep on the phone: an app in the browser that works without a network.
//!
//! [`app`] is the map: routes, and the contexts that screens use. Below the
//! screens are [`session`] (who is here, and is the store open), [`sync`],
//! [`office`] (what needs the server now), [`store`] and [`api`], the only
//! module that speaks HTTP. The rules are not here but in `doorstep-core`.

#![forbid(unsafe_code)]

mod api;
mod app;
mod browser;
mod camera;
mod clock;
mod device;
mod explain;
mod fill;
mod i18n;
mod office;
mod place;
mod screens;
mod session;
mod settings;
mod store;
mod sync;
mod ui;

fn main() {
    leptos::mount::mount_to_body(app::App);
}
