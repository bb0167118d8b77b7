//! Which camera takes the photos, and whether the phone's camera app once cost
//! one: an Android phone with little memory closes the browser while the camera
//! app is open, and the picture goes with it.

use doorstep_core::json;
use doorstep_core::store::StoreError;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use wasm_bindgen_futures::spawn_local;

use super::Session;
use crate::store::device::{DeviceStore, Note};

/// What this phone knows of its cameras.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct CameraNote {
    /// The app's own camera was chosen.
    pub in_app: bool,
    /// The phone's camera app is open; the page has not heard of it since.
    pub away: bool,
    /// The page was closed meanwhile, and the person was not asked yet.
    pub lost: bool,
}

impl CameraNote {
    /// What is known when the app starts: a camera app that was never heard of
    /// again took the page with it.
    pub(super) async fn remembered(device: &DeviceStore) -> Result<Self, StoreError> {
        let kept = device.note(Note::Camera).await?;
        let note: Self = kept.and_then(|kept| json::read(&kept).ok()).unwrap_or_default();
        Ok(Self { away: false, lost: note.lost || note.away, ..note })
    }
}

impl Session {
    /// What this phone knows of its cameras. Tracks.
    pub fn camera(self) -> CameraNote {
        self.camera.get()
    }

    /// Remembers something of the cameras, on the disk before long. A phone
    /// that refuses forgets it when the app is closed.
    pub fn note_camera(self, change: impl FnOnce(&mut CameraNote)) {
        let mut note = self.camera.get_untracked();
        change(&mut note);
        if note == self.camera.get_untracked() {
            return;
        }
        self.camera.set(note);
        spawn_local(async move {
            let (Ok(device), Ok(bytes)) = (self.device(), json::write(&self.camera.get_untracked())) else {
                return;
            };
            if let Err(error) = device.put_note(Note::Camera, &bytes).await {
                leptos::logging::log!("the camera's note is not written: {error}");
            }
        });
    }
}
