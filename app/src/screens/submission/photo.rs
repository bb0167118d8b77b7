//! The photos and signatures of a submission: small in the text, whole on
//! request.

use std::sync::Arc;

use doorstep_core::api::MediaRecord;
use doorstep_core::ids::MediaId;
use doorstep_core::phone::Failure;
use leptos::prelude::*;

use crate::app::use_office;
use crate::camera::ObjectUrl;
use crate::i18n::*;
use crate::office::PictureSize;
use crate::ui::{Button, ButtonKind, Dialog, DialogActions, Icon, IconName, Loaded};

/// The file behind an answer: its thumbnail, which opens the whole picture.
#[component]
pub(super) fn Photo(
    /// `None` when the submission does not name the file.
    media: Option<MediaRecord>,
    /// What it shows: the question.
    label: String,
) -> impl IntoView {
    let i18n = use_i18n();
    let Some(media) = media.filter(|media| media.stored) else {
        return view! {
            <p class="photo photo--missing">
                <Icon name=IconName::CloudOff />
                <span>{move || t_string!(i18n, submission.photo_missing)}</span>
            </p>
        }
        .into_any();
    };
    let open = RwSignal::new(false);
    let id = media.media_id;
    let title = label.clone();
    let full_label = label.clone();
    let button_label = label.clone();
    view! {
        <button
            type="button"
            class="photo"
            data-id=id.to_string()
            aria-label=move || t_string!(i18n, submission.photo_open, label = button_label.clone())
            on:click=move |_| open.set(true)
        >
            <Thumbnail id label />
        </button>
        <Dialog open title>
            <div class="photo__full">
                <FullPicture id label=full_label.clone() />
            </div>
            <DialogActions>
                <Button kind=ButtonKind::Secondary on_press=move || open.set(false)>
                    {move || t_string!(i18n, common.close)}
                </Button>
            </DialogActions>
        </Dialog>
    }
    .into_any()
}

fn ask(id: MediaId, size: PictureSize) -> LocalResource<Result<Arc<ObjectUrl>, Failure>> {
    let office = use_office();
    LocalResource::new(move || async move { office.picture(id, size).await.map(Arc::new) })
}

/// Inside the button: says what is wrong without another button.
#[component]
fn Thumbnail(id: MediaId, label: String) -> impl IntoView {
    let i18n = use_i18n();
    let picture = ask(id, PictureSize::Thumbnail);
    move || match picture.get() {
        None => view! { <Icon name=IconName::Sync turning=true /> }.into_any(),
        // The resource holds the address for as long as it is shown.
        Some(Ok(url)) => {
            view! { <img class="photo__picture" src=url.address().to_owned() alt=label.clone() /> }.into_any()
        }
        Some(Err(_)) => view! {
            <span class="photo__note">
                <Icon name=IconName::CloudOff />
                {t_string!(i18n, submission.photo_failed)}
            </span>
        }
        .into_any(),
    }
}

/// The picture as it came, while the dialog is open.
#[component]
fn FullPicture(id: MediaId, label: String) -> impl IntoView {
    let picture = ask(id, PictureSize::Full);
    view! {
        <Loaded
            resource=picture
            view=move |url| {
                view! { <img class="photo__picture" src=url.address().to_owned() alt=label.clone() /> }
            }
        />
    }
}
