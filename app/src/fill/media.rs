//! Pictures, sounds and films beside the words of a form: of questions, notes
//! and groups below their label, of choices on their card. They came with the
//! form and need no network; one that is not on the phone says so.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use doorstep_core::hash::ContentHash;
use doorstep_core::pack::FormFile;
use doorstep_core::text::LocalText;
use doorstep_form::{ChoiceView, MediaKind, NodeView};
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::Filling;
use super::choice::words_of;
use crate::app::use_settings;
use crate::browser::call_async;
use crate::camera::ObjectUrl;
use crate::explain::Explain;
use crate::i18n::*;
use crate::session::Session;
use crate::ui::{Dialog, Icon, IconButton, IconName, Loading};

/// A file beside words, as an address.
pub type FormMedia = Result<Rc<ObjectUrl>, Missing>;

/// Why a file beside words is not shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Missing {
    /// Published with the form, and not on the phone yet.
    NotYet,
    /// The form names it, and nobody published it.
    Unknown,
    /// It cannot be read.
    Failed(LocalText),
}

/// The files of a form version, and the addresses of those that were shown:
/// each is decrypted once for a draft on the screen.
#[derive(Debug, Default)]
pub(super) struct FormFiles {
    by_name: BTreeMap<String, FormFile>,
    shown: RefCell<BTreeMap<ContentHash, Rc<ObjectUrl>>>,
}

impl FormFiles {
    pub(super) fn new(files: Vec<FormFile>) -> Self {
        let by_name = files.into_iter().map(|file| (file.name.clone(), file)).collect();
        Self { by_name, shown: RefCell::default() }
    }

    pub(super) async fn find(&self, session: Session, name: &str) -> FormMedia {
        let file = self.by_name.get(name).ok_or(Missing::Unknown)?;
        let shown = self.shown.borrow().get(&file.sha256).map(Rc::clone);
        if let Some(shown) = shown {
            return Ok(shown);
        }
        let read = match session.phone_untracked() {
            Ok(phone) => phone.form_file(&file.sha256).await,
            Err(error) => Err(error),
        };
        let bytes = read.map_err(|error| Missing::Failed(error.explain()))?.ok_or(Missing::NotYet)?;
        let url = ObjectUrl::new(&bytes, &file.content_type).map(Rc::new).ok_or(Missing::Unknown)?;
        self.shown.borrow_mut().insert(file.sha256.clone(), Rc::clone(&url));
        Ok(url)
    }
}

fn found(filling: Filling, name: String) -> LocalResource<FormMedia> {
    LocalResource::new(move || {
        filling.track_form_media();
        let name = name.clone();
        async move { filling.form_media(&name).await }
    })
}

/// How much room there is for words.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Room {
    #[default]
    Line,
    /// On a card: two words.
    Card,
    /// Beside a card: a sign, and words for whoever asks it.
    Sign,
}

/// Instead of a file that is not here.
#[component]
fn Absent(name: String, kind: MediaKind, why: Missing, room: Room) -> impl IntoView {
    let i18n = use_i18n();
    let settings = use_settings();
    let icon = match kind {
        MediaKind::Image | MediaKind::BigImage => IconName::Photo,
        MediaKind::Audio => IconName::Sound,
        MediaKind::Video => IconName::Video,
    };
    let of = name.clone();
    let words = Signal::derive(move || match (&why, room) {
        (Missing::NotYet, Room::Card) => t_string!(i18n, fill.media_not_yet_short).to_owned(),
        (_, Room::Card) => t_string!(i18n, fill.media_unknown_short).to_owned(),
        (Missing::NotYet, _) => t_string!(i18n, fill.media_not_yet).to_owned(),
        (Missing::Unknown, _) => t_string!(i18n, fill.media_unknown, name = name.clone()),
        (Missing::Failed(text), _) => text.get(settings.language()).to_owned(),
    });
    let sign = room == Room::Sign;
    view! {
        <span
            class="beside__absent"
            class:beside__absent--card=room == Room::Card
            class:beside__absent--sign=sign
            data-absent=of
            title=move || sign.then(|| words.get())
        >
            <Icon name=icon />
            <span class:unseen=sign>{words}</span>
        </span>
    }
}

/// The file, or that it is not here.
#[component]
fn Beside(
    filling: Filling,
    name: String,
    kind: MediaKind,
    /// What a screen reader says of it; empty where words stand beside it.
    #[prop(into)]
    alt: Signal<String>,
    /// As large as there is room for.
    #[prop(optional)]
    large: bool,
    /// For words in its place.
    #[prop(optional)]
    room: Room,
) -> impl IntoView {
    let media = found(filling, name.clone());
    let picture = if large { "beside__picture beside__picture--large" } else { "beside__picture" };
    move || {
        let name = name.clone();
        media.with(|media| match media {
            None => view! { <Loading /> }.into_any(),
            Some(Ok(url)) => {
                let source = url.address().to_owned();
                match kind {
                    MediaKind::Image | MediaKind::BigImage => {
                        view! { <img class=picture src=source alt=alt /> }.into_any()
                    }
                    MediaKind::Audio => {
                        view! { <audio class="player" controls=true src=source aria-label=alt></audio> }
                            .into_any()
                    }
                    MediaKind::Video => view! {
                        <video
                            class="player player--film"
                            controls=true
                            playsinline=true
                            src=source
                            aria-label=alt
                        ></video>
                    }
                    .into_any(),
                }
            }
            Some(Err(why)) => view! { <Absent name kind why=why.clone() room /> }.into_any(),
        })
    }
}

/// The files beside a label, when it has some. A picture opens larger.
#[component]
pub(super) fn LabelMedia(filling: Filling, view: RwSignal<NodeView>) -> impl IntoView {
    let media = Memo::new(move |_| view.with(|view| view.media.clone()));
    let label = Signal::derive(move || view.with(|view| view.label.clone()));
    move || {
        let media = media.get();
        let small = media.get(&MediaKind::Image).or(media.get(&MediaKind::BigImage)).cloned();
        let big = media.get(&MediaKind::BigImage).or(media.get(&MediaKind::Image)).cloned();
        let picture = small.zip(big).map(|(small, big)| view! { <Enlarged filling label small big /> });
        let rest = [MediaKind::Audio, MediaKind::Video].into_iter().filter_map(|kind| {
            let name = media.get(&kind)?.clone();
            Some(view! { <Beside filling name kind alt=label /> })
        });
        (!media.is_empty()).then(|| view! { <div class="beside">{picture} {rest.collect_view()}</div> })
    }
}

/// A picture that opens larger, when it is here.
#[component]
fn Enlarged(filling: Filling, label: Signal<String>, small: String, big: String) -> impl IntoView {
    let i18n = use_i18n();
    let open = RwSignal::new(false);
    let media = found(filling, small.clone());
    let picture = move || {
        let name = small.clone();
        media.with(|media| match media {
            None => view! { <Loading /> }.into_any(),
            Some(Ok(url)) => view! {
                <button
                    type="button"
                    class="beside__open"
                    aria-label=move || t_string!(i18n, fill.media_enlarge, what = label.get())
                    on:click=move |_| open.set(true)
                >
                    <img class="beside__picture" src=url.address().to_owned() alt="" />
                </button>
            }
            .into_any(),
            Some(Err(why)) => {
                let why = why.clone();
                view! { <Absent name kind=MediaKind::Image why room=Room::Line /> }.into_any()
            }
        })
    };
    view! {
        {picture}
        <Dialog open title=label>
            <Beside filling name=big.clone() kind=MediaKind::BigImage alt=label large=true />
        </Dialog>
    }
}

/// The picture of a choice, on its card.
#[component]
pub(super) fn ChoicePicture(
    filling: Filling,
    choice: ChoiceView,
    /// Small, in a line of a list.
    #[prop(optional)]
    in_list: bool,
) -> impl IntoView {
    let name = choice.media.get(&MediaKind::Image).or(choice.media.get(&MediaKind::BigImage)).cloned();
    name.map(|name| {
        view! {
            <span class="choice__picture" class:choice__picture--small=in_list>
                <Beside filling name kind=MediaKind::Image alt=String::new() room=Room::Card />
            </span>
        }
    })
}

/// Whether a choice has something to hear or to look at closer: what cannot
/// stand on its card, because pressing that chooses.
pub(super) fn has_more(choice: &ChoiceView) -> bool {
    [MediaKind::Audio, MediaKind::Video, MediaKind::BigImage]
        .iter()
        .any(|kind| choice.media.contains_key(kind))
}

/// The buttons beside a card: to hear, to watch, to look closer.
#[component]
pub(super) fn ChoiceMore(filling: Filling, choice: ChoiceView) -> impl IntoView {
    let i18n = use_i18n();
    let words = words_of(&choice);
    let buttons = [MediaKind::Audio, MediaKind::Video, MediaKind::BigImage].into_iter().filter_map(|kind| {
        let name = choice.media.get(&kind)?.clone();
        let (open, what) = (RwSignal::new(false), words.clone());
        let title = Signal::derive({
            let words = words.clone();
            move || words.clone()
        });
        let label = Signal::derive(move || match kind {
            MediaKind::Audio => t_string!(i18n, fill.media_hear, what = what.clone()),
            MediaKind::Video => t_string!(i18n, fill.media_watch, what = what.clone()),
            _ => t_string!(i18n, fill.media_enlarge, what = what.clone()),
        });
        Some(if kind == MediaKind::Audio {
            view! { <Hear filling name label /> }.into_any()
        } else {
            let icon = if kind == MediaKind::Video { IconName::Video } else { IconName::Search };
            view! {
                <IconButton name=icon label on_press=move || open.set(true) />
                <Dialog open title>
                    <Beside filling name=name.clone() kind alt=title large=true />
                </Dialog>
            }
            .into_any()
        })
    });
    view! { <span class="choice__more">{buttons.collect_view()}</span> }
}

/// A sound that is played by one button; the next press ends it.
#[component]
fn Hear(filling: Filling, name: String, label: Signal<String>) -> impl IntoView {
    let media = found(filling, name.clone());
    let sound = NodeRef::<leptos::html::Audio>::new();
    let playing = RwSignal::new(false);
    let press = move || {
        let Some(sound) = sound.get_untracked() else { return };
        if playing.get_untracked() {
            // It may have ended by itself.
            let _ = sound.pause();
            sound.set_current_time(0.0);
            return;
        }
        spawn_local(async move {
            // A file that does not play leaves the button as it was.
            let _ = call_async(&sound, "play", &[]).await;
        });
    };
    move || {
        let name = name.clone();
        media.with(|media| match media {
            None => ().into_any(),
            Some(Ok(url)) => view! {
                <audio
                    node_ref=sound
                    src=url.address().to_owned()
                    on:play=move |_| playing.set(true)
                    on:pause=move |_| playing.set(false)
                    on:ended=move |_| playing.set(false)
                ></audio>
                {move || {
                    let icon = if playing.get() { IconName::Stop } else { IconName::Sound };
                    view! { <IconButton name=icon label on_press=press /> }
                }}
            }
            .into_any(),
            Some(Err(why)) => {
                view! { <Absent name kind=MediaKind::Audio why=why.clone() room=Room::Sign /> }.into_any()
            }
        })
    }
}
