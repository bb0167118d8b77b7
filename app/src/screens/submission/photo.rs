//! The files of a submission: pictures small in the text and whole on request;
//! sound, film and papers fetched when somebody wants them.

use std::sync::Arc;

use doorstep_core::api::MediaRecord;
use doorstep_core::ids::MediaId;
use doorstep_core::phone::Failure;
use doorstep_core::submission::{Capture, CaptureSource};
use leptos::prelude::*;

use crate::app::use_office;
use crate::camera::ObjectUrl;
use crate::clock::today;
use crate::i18n::*;
use crate::office::PictureSize;
use crate::screens::parts::spoken;
use crate::screens::words;
use crate::ui::{Badge, Button, ButtonKind, Dialog, DialogActions, Icon, IconName, Loaded, Tone};

/// The file behind an answer: its thumbnail, which opens the whole picture.
#[component]
pub(super) fn Photo(
    /// `None` when the submission does not name the file.
    media: Option<MediaRecord>,
    /// A small picture of it that is here already.
    preview: Option<MediaId>,
    /// How it came about, where the phone says.
    capture: Option<Capture>,
    /// What it shows: the question.
    label: String,
) -> impl IntoView {
    let i18n = use_i18n();
    let origin = move || capture.clone().map(|capture| origin(i18n, &capture));
    let Some(media) = media.filter(|media| media.stored) else {
        let small = preview.map(|id| {
            view! { <div class="photo" data-preview=id.to_string()><Thumbnail id label=label.clone() /></div> }
        });
        let words = move || {
            if preview.is_some() {
                t_string!(i18n, submission.photo_coming)
            } else {
                t_string!(i18n, submission.photo_missing)
            }
        };
        return view! {
            {small}
            <p class="photo photo--missing">
                <Icon name=IconName::CloudOff />
                <span>{words}</span>
            </p>
            {origin}
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
        {origin}
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

/// Whether it came from the gallery, and when the picture itself says that it
/// was taken where that is another day.
fn origin(i18n: leptos_i18n::I18nContext<Locale>, capture: &Capture) -> AnyView {
    let from_gallery = (capture.source == CaptureSource::Gallery).then(|| {
        view! { <Badge tone=Tone::Warning>{t_string!(i18n, submission.photo_gallery)}</Badge> }
    });
    let other_day =
        capture.taken_at.filter(|taken| taken.date_naive() != capture.at.date_naive()).map(|taken| {
            let language = spoken(i18n);
            let at = words::moment(language, taken, today());
            view! { <span class="small">{t_string!(i18n, submission.photo_taken, at = at)}</span> }
        });
    let some = from_gallery.is_some() || other_day.is_some();
    some.then(|| view! { <p class="cluster photo__origin">{from_gallery} {other_day}</p> }).into_any()
}

/// The file behind an answer that is no picture: played, or saved.
#[component]
pub(super) fn Attached(
    /// `None` when the submission does not name the file.
    media: Option<MediaRecord>,
    /// What it is: the question.
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
    let wanted = RwSignal::new(false);
    let (id, content_type, file_name) = (media.media_id, media.content_type, media.file_name);
    let ending = file_name.rsplit_once('.').map_or("", |(_, ending)| ending).to_uppercase();
    let plays = content_type.starts_with("audio/") || content_type.starts_with("video/");
    let icon = if content_type.starts_with("video/") {
        IconName::Video
    } else if plays {
        IconName::Mic
    } else {
        IconName::File
    };
    let words = move || {
        if plays { t_string!(i18n, submission.file_play) } else { t_string!(i18n, submission.file_open) }
    };
    view! {
        <Show
            when=move || wanted.get()
            fallback=move || {
                let ending = ending.clone();
                view! {
                    <Button kind=ButtonKind::Secondary icon on_press=move || wanted.set(true)>
                        {words}
                        " "
                        <span class="soft small">{ending}</span>
                    </Button>
                }
            }
        >
            <Fetched id content_type=content_type.clone() file_name=file_name.clone() label=label.clone() />
        </Show>
    }
    .into_any()
}

#[component]
fn Fetched(id: MediaId, content_type: String, file_name: String, label: String) -> impl IntoView {
    let i18n = use_i18n();
    let office = use_office();
    let file = LocalResource::new(move || async move { office.file(id).await.map(Arc::new) });
    view! {
        <Loaded
            resource=file
            view=move |url| {
                let source = url.address().to_owned();
                if content_type.starts_with("audio/") {
                    view! { <audio class="player" controls=true src=source aria-label=label.clone()></audio> }
                        .into_any()
                } else if content_type.starts_with("video/") {
                    view! {
                        <video
                            class="player player--film"
                            controls=true
                            playsinline=true
                            src=source
                            aria-label=label.clone()
                        ></video>
                    }
                        .into_any()
                } else {
                    view! {
                        <a class="button button--secondary" href=source download=file_name.clone()>
                            <Icon name=IconName::Download />
                            {t_string!(i18n, submission.file_save)}
                        </a>
                    }
                        .into_any()
                }
            }
        />
    }
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
