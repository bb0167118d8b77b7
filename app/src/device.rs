//! The browser and the phone.
use leptos::prelude::*;
/// Something that Doorstep cannot do without.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Capability {
    SecureContext,
    IndexedDb,
    WebCrypto,
    ServiceWorker,
}
/// Whether the browser promised to keep what is stored.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Persistence {
    #[default]
    Unknown,
    Promised,
    Refused,
    Unsupported,
}
/// What the screens need to know of the phone.
#[derive(Clone, Copy, Debug)]
pub struct Device {
    online: RwSignal<bool>,
    update: RwSignal<bool>,
    persistence: RwSignal<Persistence>,
    draft_open: RwSignal<bool>,
}
impl Device {
    pub fn watch() -> Self {
        Self {
            online: RwSignal::new(true),
            update: RwSignal::new(false),
            persistence: RwSignal::default(),
            draft_open: RwSignal::new(false),
        }
    }
    /// Tracks.
    pub fn online(self) -> bool {
        self.online.get()
    }
    /// A new version waits. Tracks.
    pub fn update_available(self) -> bool {
        self.update.get()
    }
    pub fn apply_update(self) {}
    /// Tracks.
    pub fn persistence(self) -> Persistence {
        self.persistence.get()
    }
    pub fn request_persistence(self) {}
    /// The Fill screen says so, so that no update comes in between.
    pub fn set_draft_open(self, open: bool) {
        self.draft_open.set(open);
    }
}
