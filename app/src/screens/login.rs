use leptos::prelude::*;
#[component]
pub fn LoginAgainScreen() -> impl IntoView {}
#[component]
pub fn LoginScreen() -> impl IntoView {}
