//! When to synchronise, and what the screens see of it.
use crate::device::Device;
use crate::session::Session;
use chrono::{DateTime, Utc};
use doorstep_core::ids::MediaId;
use doorstep_core::phone::Failure;
use doorstep_core::phone::outbox::Unsent;
use leptos::prelude::*;

/// What a sync is doing.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum SyncPhase {
    #[default]
    Idle,
    /// Finished visits are on their way.
    Sending { operations: usize },
    /// News arrives.
    Receiving { items: usize },
    /// A form definition arrives.
    ReceivingForm,
    /// A photo is on its way.
    SendingFile { media_id: MediaId, percent: u8, left: usize },
}

/// What the screens show of sync.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SyncStatus {
    pub phase: SyncPhase,
    pub last_success: Option<DateTime<Utc>>,
    pub unsent: Unsent,
    /// Why the last sync ended early.
    pub failure: Option<Failure>,
    /// Server time minus phone time.
    pub skew_ms: Option<i64>,
}

/// The driver of sync.
#[derive(Clone, Copy, Debug)]
pub struct Synchroniser {
    status: RwSignal<SyncStatus>,
}
impl Synchroniser {
    pub fn start_for(_session: Session, _device: Device) -> Self {
        Self { status: RwSignal::default() }
    }
    /// Tracks.
    pub fn status(self) -> SyncStatus {
        self.status.get()
    }
    /// The button.
    pub fn start(self) {}
    /// Something was finished: in two seconds.
    pub fn saved(self) {}
    /// How far a photo's upload is. Tracks.
    pub fn upload_percent(self, media_id: MediaId) -> Option<u8> {
        self.status.with(|status| match status.phase {
            SyncPhase::SendingFile { media_id: current, percent, .. } if current == media_id => Some(percent),
            _ => None,
        })
    }
}
