//! Starts the app in the page.

#![forbid(unsafe_code)]

fn main() {
    leptos::mount::mount_to_body(doorstep_app::app::App);
}
