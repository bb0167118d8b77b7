//! How a captured file lies in its row: encrypted with a key of its own, which
//! is beside it, encrypted with the data key. So a locked phone can send the
//! row's bytes as they are to a server that was given the file's key
//! ([`doorstep_core::sealing`]), and nobody has to keep the file twice.
//!
//! Rows without [`WRAPPED`] are of an older Doorstep: encrypted with the data
//! key itself. They read as ever, and wait for the PIN.

use doorstep_core::ids::MediaId;
use doorstep_core::sealing::file_label;
use doorstep_core::store::{Entry, StoreError, Table};
use serde::Deserialize;
use wasm_bindgen::JsValue;

use super::VALUE;
use super::crypto::{CryptoError, DataKey, FileKey, SCHEMA_VERSION};
use crate::browser::get;

/// A usual photo goes at once and never gets here.
const FAR_BYTES: u64 = 256 * 1024;

/// The property of a row that is the file's key, encrypted.
pub(super) const WRAPPED: &str = "w";

fn lost(error: &CryptoError) -> StoreError {
    StoreError::Lost(error.to_string())
}

/// What is authenticated with a file's key: it cannot be moved to another row.
fn key_label(key: &str) -> String {
    format!("{}|key|{key}|{SCHEMA_VERSION}", Table::MediaBytes.name())
}

/// The file, and its key, as they are written.
pub(super) async fn encrypt(key: &DataKey, entry: &Entry) -> Result<(JsValue, JsValue), StoreError> {
    let file_key = FileKey::generate().map_err(|error| lost(&error))?;
    let handle = file_key.handle().await.map_err(|error| lost(&error))?;
    let value = handle.encrypt(&file_label(&entry.key), &entry.value).await?;
    Ok((value, key.encrypt(&key_label(&entry.key), file_key.bytes()).await?))
}

/// The key of the file in a row; `None` when it has none of its own.
pub(super) async fn key_of(key: &DataKey, id: &str, row: &JsValue) -> Result<Option<FileKey>, StoreError> {
    let wrapped = get(row, WRAPPED);
    if wrapped.is_undefined() {
        return Ok(None);
    }
    Ok(Some(FileKey::of(key.decrypt(&key_label(id), &wrapped).await?)))
}

/// The file in a row; `None` when it has no key of its own.
pub(super) async fn decrypt(key: &DataKey, id: &str, row: &JsValue) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(file_key) = key_of(key, id, row).await? else { return Ok(None) };
    let handle = file_key.handle().await.map_err(|error| lost(&error))?;
    handle.decrypt(&file_label(id), &get(row, VALUE)).await.map(Some)
}

/// What a locked phone has to know of a captured file. The whole of it would
/// bring the form engine into the first load.
#[derive(Debug, Deserialize)]
pub(super) struct FileFacts {
    pub(super) media_id: MediaId,
    pub(super) size_bytes: u64,
    #[serde(default)]
    pub(super) preview_of: Option<MediaId>,
    #[serde(default)]
    sent_bytes: Option<u64>,
    state: String,
}

impl FileFacts {
    /// Whether it belongs to a finished visit and is to be sent.
    pub(super) fn waits(&self) -> bool {
        self.state == "waiting"
    }

    /// Whether some of it has left.
    pub(super) fn is_begun(&self) -> bool {
        self.sent_bytes.is_some()
    }

    /// Whether so much has arrived that it goes on like this. A locked phone
    /// would begin it anew, and somebody who locks and unlocks all the time
    /// would never see the end of a film.
    pub(super) fn is_far(&self) -> bool {
        self.sent_bytes.is_some_and(|sent| sent >= FAR_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use doorstep_core::hash::ContentHash;
    use doorstep_core::json;
    use doorstep_core::phone::{MediaEntry, MediaState};

    use super::*;

    #[test]
    fn the_facts_are_those_of_the_entry() -> Result<(), Box<dyn std::error::Error>> {
        let id = MediaId(uuid::Uuid::from_u128(1));
        let mut entry = MediaEntry {
            media_id: id,
            submission_id: uuid::Uuid::from_u128(2).into(),
            path: "/g/photo".parse()?,
            file_name: "1.jpg".to_owned(),
            sha256: ContentHash::of(b"123"),
            size_bytes: 3,
            content_type: "image/jpeg".to_owned(),
            capture: None,
            preview_of: None,
            sent_bytes: None,
            state: MediaState::Waiting,
        };
        let facts = |entry: &MediaEntry| json::read::<FileFacts>(&json::write(entry)?);
        let plain = facts(&entry)?;
        assert_eq!((plain.media_id, plain.size_bytes, plain.preview_of), (id, 3, None));
        assert!(plain.waits() && !plain.is_begun());
        entry.sent_bytes = Some(0);
        entry.preview_of = Some(id);
        let begun = facts(&entry)?;
        assert!(!begun.is_far());
        assert!(begun.waits() && begun.is_begun() && begun.preview_of == Some(id));
        entry.sent_bytes = Some(FAR_BYTES);
        assert!(facts(&entry)?.is_far());
        for state in [
            MediaState::Captured,
            MediaState::Stored,
            MediaState::SetAside { problem: "too_large".to_owned() },
        ] {
            entry.state = state;
            assert!(!facts(&entry)?.waits(), "{:?}", entry.state);
        }
        Ok(())
    }
}
