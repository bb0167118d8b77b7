//! An address that leads nowhere.

use leptos::prelude::*;

use crate::i18n::*;
use crate::ui::{Empty, IconName, Page};

/// Every path that no other screen has.
#[component]
pub fn NotFoundScreen() -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <Page title=Signal::derive(move || t_string!(i18n, today.nowhere).to_owned()) back=true>
            <Empty
                icon=IconName::Info
                title=Signal::derive(move || t_string!(i18n, today.nowhere_title).to_owned())
                text=Signal::derive(move || t_string!(i18n, today.nowhere_text).to_owned())
            >
                <a class="button button--secondary" href="/">
                    {t!(i18n, today.go_home)}
                </a>
            </Empty>
        </Page>
    }
}
