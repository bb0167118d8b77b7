use leptos::prelude::*;
#[component]
pub fn Frame(children: Children) -> impl IntoView {
    children()
}
