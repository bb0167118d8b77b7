use leptos::prelude::*;
#[component]
pub fn PinScreen() -> impl IntoView {}
