//! What is read from somewhere: not yet, not possible, or there; and what went
//! wrong.

use doorstep_core::text::LocalText;
use leptos::prelude::*;

use super::{Button, ButtonKind, Notice, Tone};
use super::{Icon, IconName};
use crate::app::use_settings;
use crate::explain::Explain;
use crate::i18n::*;

/// Something is on its way.
#[component]
pub fn Loading() -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <p class="loading" role="status">
            <Icon name=IconName::Sync turning=true />
            {t!(i18n, common.loading)}
        </p>
    }
}

/// What went wrong with the last thing that was pressed, once it did.
#[component]
pub fn FailureNotice(error: RwSignal<Option<LocalText>>) -> impl IntoView {
    let settings = use_settings();
    move || {
        error.get().map(|text| {
            view! {
                <Notice tone=Tone::Bad>
                    <p>{move || text.get(settings.language()).to_owned()}</p>
                </Notice>
            }
        })
    }
}

/// Shows a resource: that it is on its way, why it is not there with "try
/// again", or `view` of it. What was shown stays while it is read again.
#[component]
pub fn Loaded<T, E, V>(
    resource: LocalResource<Result<T, E>>,
    view: impl Fn(T) -> V + Send + 'static,
) -> impl IntoView
where
    T: Clone + 'static,
    E: Explain + 'static,
    V: IntoView + 'static,
{
    let i18n = use_i18n();
    let settings = use_settings();
    let read = move || {
        resource.with(|read| {
            read.as_ref().map(|read| match read {
                Ok(value) => Ok(value.clone()),
                Err(error) => Err(error.explain()),
            })
        })
    };
    move || match read() {
        None => view! { <Loading /> }.into_any(),
        Some(Ok(value)) => view(value).into_any(),
        Some(Err(text)) => view! {
            <Notice tone=Tone::Bad>
                <p>{move || text.get(settings.language()).to_owned()}</p>
                <Button kind=ButtonKind::Secondary on_press=move || resource.refetch()>
                    {t!(i18n, common.try_again)}
                </Button>
            </Notice>
        }
        .into_any(),
    }
}
