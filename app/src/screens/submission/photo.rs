//! The files of a submission among its answers: pictures small, each a button
//! that opens it; sound and film played in place; papers fetched when somebody
//! wants them. What is not there says why.

use std::sync::Arc;

use doorstep_core::api::MediaRecord;
use doorstep_core::ids::MediaId;
use doorstep_core::submission::{Capture, CaptureSource};
use leptos::prelude::*;

use super::files::{Alike, Files};
use super::served::{Picture, Player, Size};
use crate::app::use_office;
use crate::i18n::*;
use crate::screens::parts::spoken;
use crate::ui::{Badge, Button, ButtonKind, Icon, IconName, Loaded, Tone};

/// The picture behind an answer.
#[component]
pub(super) fn Photo(
    files: Files,
    /// `None` when the submission does not name the file.
    id: Option<MediaId>,
    /// How it came about, where the phone says.
    capture: Option<Capture>,
    /// Whether something about it does not fit together.
    doubtful: bool,
    /// What it shows: the question.
    label: String,
) -> impl IntoView {
    let i18n = use_i18n();
    let Some(id) = id else { return view! { <Missing name=None /> }.into_any() };
    let record = Memo::new(move |_| files.record(id));
    let preview = Memo::new(move |_| files.preview(id));
    // Drawings look like each other; photos do not.
    Effect::new(move |_| {
        let is_photo = |record: MediaRecord| record.address.is_some() && record.content_type != "image/png";
        if record.get().is_some_and(is_photo) {
            files.ask_alike(id);
        }
    });
    let opens = {
        let label = label.clone();
        move |shown: MediaRecord, is_preview: bool| {
            let name = label.clone();
            let address = shown.address.unwrap_or_default();
            view! {
                <button
                    type="button"
                    class="photo"
                    data-id=id.to_string()
                    data-preview=is_preview.then(|| shown.media_id.to_string())
                    aria-label=move || t_string!(i18n, submission.photo_open, label = name.clone())
                    on:click=move |_| files.open.set(Some(id))
                >
                    <Picture id=shown.media_id address size=Size::Thumbnail alt=label.clone() pressed=true />
                    {is_preview.then(|| view! { <span class="photo__mark">{t!(i18n, viewer.preview)}</span> })}
                </button>
            }
        }
    };
    let shown = move || match (record.get(), preview.get()) {
        (Some(record), _) if record.quarantine.is_some() => view! { <Quarantined record /> }.into_any(),
        (Some(record), _) if record.address.is_some() => opens(record, false).into_any(),
        (_, Some(preview)) => view! {
            {opens(preview, true)}
            <p class="small soft">{t!(i18n, viewer.preview_text)}</p>
        }
        .into_any(),
        (record, None) => view! { <Missing name=record.map(|record| record.file_name) /> }.into_any(),
    };
    let from_gallery = capture.is_some_and(|capture| capture.source == CaptureSource::Gallery);
    let alike = move || match files.alike(id) {
        Some(Alike::Found(photos)) if !photos.is_empty() => Some(photos.len()),
        _ => None,
    };
    let marks = move || {
        let alike = alike();
        (from_gallery || doubtful || alike.is_some()).then(|| {
            view! {
                <p class="cluster photo__origin">
                    {from_gallery
                        .then(|| {
                            view! { <Badge tone=Tone::Warning>{t!(i18n, submission.photo_gallery)}</Badge> }
                        })}
                    {(doubtful && !from_gallery)
                        .then(|| {
                            view! {
                                <Badge tone=Tone::Warning icon=IconName::Alert>
                                    {t!(i18n, viewer.doubtful)}
                                </Badge>
                            }
                        })}
                    {alike
                        .map(|count| {
                            view! {
                                <Badge tone=Tone::Warning icon=IconName::Photo>
                                    {t!(i18n, viewer.alike_found, count = count)}
                                </Badge>
                            }
                        })}
                </p>
            }
        })
    };
    view! {
        {shown}
        {marks}
    }
    .into_any()
}

/// A file that the server does not have yet.
#[component]
pub(super) fn Missing(name: Option<String>) -> impl IntoView {
    let i18n = use_i18n();
    // What was captured is called by its identifier, which says nothing.
    let said = |name: &String| name.split('.').next().is_some_and(|stem| stem.parse::<MediaId>().is_err());
    let name = name.filter(said);
    let words = move || match &name {
        Some(name) => t_string!(i18n, viewer.missing, name = name.clone()),
        None => t_string!(i18n, submission.photo_missing).to_owned(),
    };
    view! {
        <p class="photo photo--missing">
            <Icon name=IconName::CloudOff />
            <span>{words}</span>
        </p>
    }
}

/// A file that is kept and not shown: why, and what to do.
#[component]
pub(super) fn Quarantined(record: MediaRecord) -> impl IntoView {
    let i18n = use_i18n();
    let reason = record.quarantine;
    let reason = move || reason.map(|reason| reason.message().get(spoken(i18n)).to_owned());
    let wanted = RwSignal::new(false);
    view! {
        <div class="quarantine" data-quarantine=record.quarantine.map(|reason| reason.code())>
            <p class="quarantine__title">
                <Icon name=IconName::Alert />
                <strong>{t!(i18n, viewer.quarantined)}</strong>
            </p>
            <p>{reason} " " {t!(i18n, viewer.quarantined_next)}</p>
            <Show
                when=move || wanted.get()
                fallback=move || {
                    view! {
                        <Button kind=ButtonKind::Quiet icon=IconName::Download on_press=move || wanted.set(true)>
                            {t!(i18n, viewer.save_original)}
                        </Button>
                    }
                }
            >
                <p class="small soft">{t!(i18n, viewer.save_text)}</p>
                // A name that no program opens by itself.
                <Fetched id=record.media_id file_name=format!("{}.quarantine", record.file_name) />
            </Show>
        </div>
    }
}

/// The file behind an answer that is no picture: played, or saved.
#[component]
pub(super) fn Attached(
    files: Files,
    /// `None` when the submission does not name the file.
    id: Option<MediaId>,
    /// What it is: the question.
    label: String,
) -> impl IntoView {
    let Some(id) = id else { return view! { <Missing name=None /> }.into_any() };
    let record = Memo::new(move |_| files.record(id));
    (move || match record.get() {
        Some(record) if record.quarantine.is_some() => view! { <Quarantined record /> }.into_any(),
        Some(record) if record.stored => view! { <Arrived record label=label.clone() /> }.into_any(),
        record => view! { <Missing name=record.map(|record| record.file_name) /> }.into_any(),
    })
    .into_any()
}

#[component]
fn Arrived(record: MediaRecord, label: String) -> impl IntoView {
    let i18n = use_i18n();
    let wanted = RwSignal::new(false);
    let ending = record.file_name.rsplit_once('.').map_or("", |(_, ending)| ending).to_uppercase();
    let is_film = record.content_type.starts_with("video/");
    let plays = is_film || record.content_type.starts_with("audio/");
    let icon = match (plays, is_film) {
        (true, true) => IconName::Video,
        (true, false) => IconName::Mic,
        _ => IconName::File,
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
            {match record.address.clone().filter(|_| plays) {
                Some(address) => {
                    view! { <Player id=record.media_id address is_film label=label.clone() /> }.into_any()
                }
                None => {
                    view! { <Fetched id=record.media_id file_name=record.file_name.clone() /> }.into_any()
                }
            }}
        </Show>
    }
}

/// A file to be saved under its name.
#[component]
fn Fetched(id: MediaId, file_name: String) -> impl IntoView {
    let i18n = use_i18n();
    let office = use_office();
    let file = LocalResource::new(move || async move { office.file(id).await.map(Arc::new) });
    view! {
        <Loaded
            resource=file
            view=move |url| {
                // The resource holds the address for as long as it is offered.
                view! {
                    <a
                        class="button button--secondary"
                        href=url.address().to_owned()
                        download=file_name.clone()
                    >
                        <Icon name=IconName::Download />
                        {t!(i18n, submission.file_save)}
                    </a>
                }
            }
        />
    }
}
