//! Whether photos may leave now: a person can make them wait for Wi-Fi, or
//! stop them for a while. Visits leave in any case.

use leptos::prelude::*;
use wasm_bindgen::JsValue;

use crate::browser::{get, global};
use crate::session::{Choices, Session};

/// The network that the phone is in, as far as the browser tells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Network {
    /// Wi-Fi or a cable: nobody counts bytes.
    Wifi,
    /// A mobile network.
    Mobile,
    /// The browser does not say; then photos do not wait for Wi-Fi.
    Unknown,
}

/// Why photos wait.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Held {
    Paused,
    NoWifi,
}

/// What a person wants of photos, and what the network is.
#[derive(Clone, Copy, Debug)]
pub struct Files {
    session: Session,
    network: RwSignal<Network>,
}

impl Files {
    /// By what was chosen on this phone.
    pub(super) fn new(session: Session) -> Self {
        Self { session, network: RwSignal::new(network()) }
    }

    /// Follows the network for as long as the page lives.
    pub(super) fn watch(self) {
        let connection = connection();
        if !connection.is_undefined() {
            crate::browser::listen(&connection, "change", move |_| {
                let now = network();
                if self.network.try_get_untracked() != Some(now) {
                    self.network.try_set(now);
                }
            });
        }
    }

    /// Why photos wait; nothing when they may go. Tracks.
    pub fn held(self) -> Option<Held> {
        held(self.session.choices(), self.network.get())
    }

    /// As [`Self::held`], outside of tracking.
    pub fn held_untracked(self) -> Option<Held> {
        held(self.session.choices_untracked(), self.network.get_untracked())
    }

    /// Whether photos wait for Wi-Fi. Tracks.
    pub fn wifi_only(self) -> bool {
        self.session.choices().wifi_only
    }

    /// The network. Tracks.
    pub fn network(self) -> Network {
        self.network.get()
    }

    /// Has photos wait for Wi-Fi, or not.
    pub fn set_wifi_only(self, wifi_only: bool) {
        self.session.choose(|choices| choices.wifi_only = wifi_only);
    }

    /// Stops photos, after the piece that is on its way, or lets them go on.
    pub fn set_paused(self, paused: bool) {
        self.session.choose(|choices| choices.photos_paused = paused);
    }
}

fn held(choices: Choices, network: Network) -> Option<Held> {
    if choices.photos_paused {
        Some(Held::Paused)
    } else if choices.wifi_only && network == Network::Mobile {
        Some(Held::NoWifi)
    } else {
        None
    }
}

fn connection() -> JsValue {
    get(&global("navigator"), "connection")
}

fn network() -> Network {
    let kind = connection();
    let kind = if kind.is_undefined() { None } else { get(&kind, "type").as_string() };
    match kind.as_deref() {
        Some("wifi" | "ethernet") => Network::Wifi,
        Some("cellular" | "bluetooth" | "wimax") => Network::Mobile,
        _ => Network::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_wait_when_a_person_says_so_or_the_network_is_counted() {
        let any = Choices::default();
        let wifi = Choices { wifi_only: true, ..any };
        assert_eq!(held(any, Network::Mobile), None);
        assert_eq!(held(wifi, Network::Mobile), Some(Held::NoWifi));
        assert_eq!(held(wifi, Network::Wifi), None);
        assert_eq!(held(wifi, Network::Unknown), None, "else they would wait for ever");
        assert_eq!(held(Choices { photos_paused: true, ..any }, Network::Wifi), Some(Held::Paused));
    }
}
