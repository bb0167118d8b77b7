//! Whether photos may leave now: a person can make them wait for Wi-Fi, or
//! stop them for a while. Visits leave in any case.

use leptos::prelude::*;

use crate::network::{Network, connection};
use crate::session::{Held, Session};

/// What a person wants of photos, and what the network is.
#[derive(Clone, Copy, Debug)]
pub struct Files {
    session: Session,
    network: RwSignal<Network>,
}

impl Files {
    /// By what was chosen on this phone.
    pub(super) fn new(session: Session) -> Self {
        Self { session, network: RwSignal::new(Network::now()) }
    }

    /// Follows the network for as long as the page lives.
    pub(super) fn watch(self) {
        let connection = connection();
        if !connection.is_undefined() {
            crate::browser::listen(&connection, "change", move |_| {
                let now = Network::now();
                if self.network.try_get_untracked() != Some(now) {
                    self.network.try_set(now);
                }
            });
        }
    }

    /// Why photos wait; nothing when they may go. Tracks.
    pub fn held(self) -> Option<Held> {
        self.session.choices().hold(self.network.get())
    }

    /// As [`Self::held`], outside of tracking.
    pub fn held_untracked(self) -> Option<Held> {
        self.session.choices_untracked().hold(self.network.get_untracked())
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
