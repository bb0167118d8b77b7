//! Starts the app in the page; in a worker, what the page has it for.

#![forbid(unsafe_code)]

use doorstep_app::store::stretch;

fn main() {
    if stretch::is_worker() {
        return stretch::serve();
    }
    leptos::mount::mount_to_body(doorstep_app::app::App);
}
