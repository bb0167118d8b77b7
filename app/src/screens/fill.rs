//! Filling in a form.

use leptos::prelude::*;

/// The draft of `/fill/:draft`, one section a page.
#[component]
pub fn FillScreen() -> impl IntoView {}
