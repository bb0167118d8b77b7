//! What a person chose for this phone's photos, and whether the phone's camera
//! app once cost one: an Android phone with little memory closes the browser
//! while the camera app is open, and the picture goes with it.
//!
//! On the disk at once: the browser writes its `localStorage` some seconds
//! later, and a phone that is switched off meanwhile would forget that photos
//! were to wait.

use doorstep_core::json;
use doorstep_core::store::StoreError;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use wasm_bindgen_futures::spawn_local;

use super::Session;
use crate::network::Network;
use crate::store::device::{DeviceStore, Note};

/// What was chosen on this phone, for all who use it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Choices {
    /// Photos are taken with the app's own camera.
    pub own_camera: bool,
    /// The phone's camera app is open; the page has not heard of it since.
    pub camera_away: bool,
    /// The page was closed meanwhile, and the person was not asked yet.
    pub photo_lost: bool,
    /// Photos wait for Wi-Fi.
    pub wifi_only: bool,
    /// No photo leaves.
    pub photos_paused: bool,
}

/// Why photos wait.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Held {
    Paused,
    NoWifi,
}

impl Choices {
    /// Why photos wait in this network; nothing when they may go.
    pub fn hold(self, network: Network) -> Option<Held> {
        if self.photos_paused {
            Some(Held::Paused)
        } else if self.wifi_only && network == Network::Mobile {
            Some(Held::NoWifi)
        } else {
            None
        }
    }

    /// What is known when the app starts: a camera app that was never heard of
    /// again took the page with it.
    pub(super) async fn remembered(device: &DeviceStore) -> Result<Self, StoreError> {
        let kept = device.note(Note::Choices).await?;
        let known: Self = kept.and_then(|kept| json::read(&kept).ok()).unwrap_or_default();
        Ok(Self { camera_away: false, photo_lost: known.photo_lost || known.camera_away, ..known })
    }
}

impl Session {
    /// What was chosen on this phone. Tracks.
    pub fn choices(self) -> Choices {
        self.choices.get()
    }

    /// The same, without tracking.
    pub fn choices_untracked(self) -> Choices {
        self.choices.get_untracked()
    }

    /// Chooses, and writes it down. A phone that refuses forgets it when the
    /// app is closed.
    pub fn choose(self, change: impl FnOnce(&mut Choices)) {
        let before = self.choices.get_untracked();
        let mut choices = before;
        change(&mut choices);
        if choices == before {
            return;
        }
        self.choices.set(choices);
        spawn_local(async move {
            let (Ok(device), Ok(bytes)) = (self.device(), json::write(&self.choices.get_untracked())) else {
                return;
            };
            if let Err(error) = device.put_note(Note::Choices, &bytes).await {
                leptos::logging::log!("what was chosen is not written down: {error}");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_wait_when_a_person_says_so_or_the_network_is_counted() {
        let any = Choices::default();
        let wifi = Choices { wifi_only: true, ..any };
        assert_eq!(any.hold(Network::Mobile), None);
        assert_eq!(wifi.hold(Network::Mobile), Some(Held::NoWifi));
        assert_eq!(wifi.hold(Network::Wifi), None);
        assert_eq!(wifi.hold(Network::Unknown), None, "else they would wait for ever");
        assert_eq!(Choices { photos_paused: true, ..any }.hold(Network::Wifi), Some(Held::Paused));
    }
}
