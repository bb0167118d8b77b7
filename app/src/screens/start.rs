use leptos::prelude::*;
#[component]
pub fn BrokenScreen() -> impl IntoView {}
#[component]
pub fn StartingScreen() -> impl IntoView {}
#[component]
pub fn UnsupportedScreen() -> impl IntoView {}
