//! The photos and signatures of a submission: small in the text, whole on
//! request.

use std::sync::Arc;

use doorstep_core::api::MediaRecord;
use doorstep_core::ids::MediaId;
use leptos::prelude::*;

use crate::app::use_office;
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
            <Picture id size=PictureSize::Thumbnail label />
        </button>
        <Dialog open title>
            <div class="photo__full">
                <Picture id size=PictureSize::Full label=full_label.clone() />
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

/// Asks the server for a picture; its address lives as long as it is shown.
#[component]
fn Picture(id: MediaId, size: PictureSize, label: String) -> impl IntoView {
    let office = use_office();
    let picture = LocalResource::new(move || async move { office.picture(id, size).await.map(Arc::new) });
    view! {
        <Loaded
            resource=picture
            view=move |url| {
                // The resource holds the address for as long as it is shown.
                view! { <img class="photo__picture" src=url.address().to_owned() alt=label.clone() /> }
            }
        />
    }
}
