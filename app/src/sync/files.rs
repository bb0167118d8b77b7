//! Whether photos may leave now: a person can make them wait for Wi-Fi, or
//! stop them for a while. Visits leave in any case.

use leptos::prelude::*;
use wasm_bindgen::JsValue;

use crate::browser::{get, global};
use crate::settings::{read, write};

const WIFI_ONLY_KEY: &str = "doorstep-wifi-only";
const PAUSED_KEY: &str = "doorstep-photos-paused";

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
    wifi_only: RwSignal<bool>,
    paused: RwSignal<bool>,
    network: RwSignal<Network>,
}

impl Files {
    /// As it was chosen before.
    pub(super) fn load() -> Self {
        let is_set = |key| read(key).as_deref() == Some("1");
        Self {
            wifi_only: RwSignal::new(is_set(WIFI_ONLY_KEY)),
            paused: RwSignal::new(is_set(PAUSED_KEY)),
            network: RwSignal::new(network()),
        }
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
        held(self.paused.get(), self.wifi_only.get(), self.network.get())
    }

    /// As [`Self::held`], outside of tracking.
    pub fn held_untracked(self) -> Option<Held> {
        held(self.paused.get_untracked(), self.wifi_only.get_untracked(), self.network.get_untracked())
    }

    /// Whether photos wait for Wi-Fi. Tracks.
    pub fn wifi_only(self) -> bool {
        self.wifi_only.get()
    }

    /// The network. Tracks.
    pub fn network(self) -> Network {
        self.network.get()
    }

    /// Has photos wait for Wi-Fi, or not.
    pub fn set_wifi_only(self, wifi_only: bool) {
        write(WIFI_ONLY_KEY, if wifi_only { "1" } else { "0" });
        self.wifi_only.set(wifi_only);
    }

    /// Stops photos, after the piece that is on its way, or lets them go on.
    pub fn set_paused(self, paused: bool) {
        write(PAUSED_KEY, if paused { "1" } else { "0" });
        self.paused.set(paused);
    }
}

fn held(paused: bool, wifi_only: bool, network: Network) -> Option<Held> {
    if paused {
        Some(Held::Paused)
    } else if wifi_only && network == Network::Mobile {
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
        assert_eq!(held(false, false, Network::Mobile), None);
        assert_eq!(held(false, true, Network::Mobile), Some(Held::NoWifi));
        assert_eq!(held(false, true, Network::Wifi), None);
        assert_eq!(held(false, true, Network::Unknown), None, "else they would wait for ever");
        assert_eq!(held(true, false, Network::Wifi), Some(Held::Paused));
    }
}
