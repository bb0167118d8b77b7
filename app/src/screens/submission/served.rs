//! Files as the browser gets them from the server by itself: by an address
//! that is good for some minutes. When one has run out, another is asked for,
//! and nobody notices.

use doorstep_core::ids::MediaId;
use doorstep_core::text::LocalText;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsValue;

use crate::app::{use_device, use_office, use_settings};
use crate::browser::{get, set};
use crate::explain::Explain;
use crate::i18n::*;
use crate::office::Office;
use crate::ui::{Button, ButtonKind, Icon, IconName};

/// How large a picture is wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Size {
    Thumbnail,
    Whole,
}

impl Size {
    fn of(self, address: &str) -> String {
        match self {
            Self::Thumbnail => format!("{address}&size=thumbnail"),
            Self::Whole => address.to_owned(),
        }
    }
}

/// Where a file is got from, and what went wrong.
#[derive(Clone, Copy)]
struct Source {
    id: MediaId,
    office: Office,
    address: RwSignal<String>,
    /// Counts addresses: the element is made anew for each, because the same
    /// address again would not be read again.
    turn: RwSignal<u32>,
    /// The address was asked for because another did not work, and has not
    /// worked yet.
    is_second: StoredValue<bool>,
    trouble: RwSignal<Option<LocalText>>,
}

impl Source {
    fn new(id: MediaId, address: String) -> Self {
        let source = Self {
            id,
            office: use_office(),
            address: RwSignal::new(address),
            turn: RwSignal::new(0),
            is_second: StoredValue::new(false),
            trouble: RwSignal::new(None),
        };
        let device = use_device();
        // What failed without a network is tried again with one.
        Effect::new(move |was: Option<bool>| {
            let online = device.online();
            if online && was == Some(false) && source.trouble.with_untracked(Option::is_some) {
                source.ask();
            }
            online
        });
        source
    }

    /// Asks for another address. The screen may be gone when it comes.
    fn ask(self) {
        self.trouble.set(None);
        spawn_local(async move {
            match self.office.address(self.id).await {
                Ok(found) => {
                    self.is_second.try_set_value(true);
                    self.address.try_set(found.address);
                    self.turn.try_update(|turn| *turn += 1);
                }
                Err(failure) => {
                    self.trouble.try_set(Some(failure.explain()));
                }
            }
        });
    }

    /// The browser could not read it: perhaps only the address has run out.
    fn failed(self) {
        if self.is_second.get_value() {
            self.is_second.set_value(false);
            self.trouble.set(Some(LocalText::new(
                "没有读到。请检查网络,再试一次。",
                "It could not be read. Check the network and try again.",
            )));
        } else {
            self.ask();
        }
    }

    fn worked(self) {
        self.is_second.set_value(false);
    }
}

/// A picture of the server.
#[component]
pub(super) fn Picture(
    id: MediaId,
    address: String,
    size: Size,
    #[prop(into)] alt: String,
    /// Where it stands in a button, there is no other button in it.
    #[prop(optional)]
    pressed: bool,
) -> impl IntoView {
    let source = Source::new(id, address);
    let is_there = RwSignal::new(false);
    let picture = move |_| {
        is_there.set(false);
        let alt = alt.clone();
        let address = size.of(&source.address.get_untracked());
        view! {
            <img
                class="served__picture"
                class:served__picture--coming=move || !is_there.get()
                src=address
                alt=alt
                draggable="false"
                on:load=move |_| {
                    is_there.set(true);
                    source.worked();
                }
                on:error=move |_| source.failed()
            />
        }
    };
    view! {
        <Show
            when=move || source.trouble.with(Option::is_none)
            fallback=move || view! { <Trouble source pressed /> }
        >
            <For each=move || [source.turn.get()] key=|turn| *turn children=picture.clone() />
            <Show when=move || !is_there.get()>
                <span class="served__coming">
                    <Icon name=IconName::Sync turning=true />
                </span>
            </Show>
        </Show>
    }
}

#[component]
fn Trouble(source: Source, pressed: bool) -> impl IntoView {
    let i18n = use_i18n();
    let settings = use_settings();
    if pressed {
        return view! {
            <span class="photo__note">
                <Icon name=IconName::CloudOff />
                {t!(i18n, submission.photo_failed)}
            </span>
        }
        .into_any();
    }
    let words = move || source.trouble.get().map(|text| text.get(settings.language()).to_owned());
    view! {
        <div class="served__trouble" role="alert">
            <Icon name=IconName::CloudOff />
            <p>{words}</p>
            <Button kind=ButtonKind::Secondary on_press=move || source.ask()>
                {t!(i18n, common.try_again)}
            </Button>
        </div>
    }
    .into_any()
}

/// Sound or film, played where it stands. It comes in parts, so it begins at
/// once and can be wound.
#[component]
pub(super) fn Player(
    id: MediaId,
    address: String,
    is_film: bool,
    #[prop(into)] label: String,
) -> impl IntoView {
    let source = Source::new(id, address);
    // Where it was when its address ran out, in seconds.
    let went_to = StoredValue::new(0.0_f64);
    let failed = move |event: leptos::ev::ErrorEvent| {
        if let Some(at) = event.target().and_then(|player| get(&player, "currentTime").as_f64()) {
            went_to.set_value(at);
        }
        source.failed();
    };
    let loaded = move |event: leptos::ev::Event| {
        let at = went_to.get_value();
        if let Some(player) = event.target().filter(|_| at > 0.0) {
            set(&player, "currentTime", &JsValue::from_f64(at));
            went_to.set_value(0.0);
        }
        source.worked();
    };
    let player = move |_| {
        let (address, label) = (source.address.get_untracked(), label.clone());
        if is_film {
            view! {
                <video
                    class="player player--film"
                    controls=true
                    playsinline=true
                    autoplay=true
                    src=address
                    aria-label=label
                    on:error=failed
                    on:loadedmetadata=loaded
                ></video>
            }
            .into_any()
        } else {
            view! {
                <audio
                    class="player"
                    controls=true
                    autoplay=true
                    src=address
                    aria-label=label
                    on:error=failed
                    on:loadedmetadata=loaded
                ></audio>
            }
            .into_any()
        }
    };
    view! {
        <Show
            when=move || source.trouble.with(Option::is_none)
            fallback=move || view! { <Trouble source pressed=false /> }
        >
            <For each=move || [source.turn.get()] key=|turn| *turn children=player.clone() />
        </Show>
    }
}
