//! What a phone seals so that only the server can open it.
//!
//! * A copy of its data key, so that a forgotten PIN never costs what was not
//!   sent. The phone makes it when the PIN is chosen and keeps it; the server
//!   sees it only when the same person, having just logged in with the
//!   password, asks to have it opened.
//! * A copy of each finished operation, so that a locked phone can send what it
//!   cannot read, with a token that is good for nothing else.
//! * The key of each file of a finished visit. A file is encrypted with a key of
//!   its own, so what lies on the phone is what a locked phone sends: a nonce,
//!   and AES-256-GCM over the file, authenticated with [`file_label`]. It goes
//!   the way of any file (`docs/media.md`), with [`file_metadata`].
//!
//! The scheme is ECIES over P-256, of parts that every browser has: an
//! ephemeral ECDH key, HKDF-SHA-256 (salt: both public keys, the ephemeral one
//! first; info: [`INFO`], [`OPERATION_INFO`] or [`FILE_INFO`]), AES-256-GCM over
//! the 32 bytes of the key or the JSON of a [`crate::sync::Operation`],
//! authenticated with [`label`], [`operation_label`] or [`file_key_label`].
//! Bytes are base64url without padding.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::hash::ContentHash;
use crate::ids::{DeviceId, MediaId, OperationId, UserId};
use crate::json;

/// `POST`: [`SealedKey`] → [`OpenedKey`].
pub const SEALED_KEY: &str = "/api/v1/sealed-key";

/// `POST`: [`SealedPush`] → [`SealedPushAnswer`].
pub const SEALED_PUSH: &str = "/api/v1/sealed-push";

/// What the key for an operation is derived for.
pub const OPERATION_INFO: &str = "doorstep sealed operation 1";

/// What the wrapping key is derived for.
pub const INFO: &str = "doorstep sealed data key 1";

/// What the key for a file's key is derived for.
pub const FILE_INFO: &str = "doorstep sealed file 1";

/// Bytes of a data key, and of a file's key.
pub const DATA_KEY_BYTES: usize = 32;

/// Bytes of the nonce of AES-GCM.
pub const NONCE_BYTES: usize = 12;

/// Bytes of the tag of AES-GCM.
pub const TAG_BYTES: usize = 16;

/// So much longer is a sealed file than what is in it.
pub const SEALED_FILE_EXTRA_BYTES: u64 = (NONCE_BYTES + TAG_BYTES) as u64;

/// The key in `Upload-Metadata` whose value is a sealed file's key.
const FILE_METADATA: &str = "sealed";

/// What is authenticated with the data key: whose it is. A copy that was made
/// for one person is never opened for another.
pub fn label(user: UserId) -> String {
    format!("doorstep-sealed-key\n{user}")
}

/// What is authenticated with an operation: whose it is, and which.
pub fn operation_label(user: UserId, op_id: OperationId) -> String {
    format!("doorstep-sealed-operation\n{user}\n{op_id}")
}

/// What is authenticated with a file: which it is.
pub fn file_label(media_id: impl std::fmt::Display) -> String {
    format!("doorstep-sealed-file\n{media_id}")
}

/// What is authenticated with a file's key: whose it is, and which.
pub fn file_key_label(user: UserId, media_id: MediaId) -> String {
    format!("doorstep-sealed-file-key\n{user}\n{media_id}")
}

/// `Upload-Metadata` of a sealed file.
pub fn file_metadata(key: &Sealed) -> String {
    // Plain structs always write as JSON.
    format!("{FILE_METADATA} {}", STANDARD.encode(json::write(key).unwrap_or_default()))
}

/// The sealed key in an `Upload-Metadata`; nothing when there is none.
pub fn read_file_metadata(metadata: &str) -> Option<Sealed> {
    let value = metadata.split(',').find_map(|pair| match pair.trim().split_once(' ') {
        Some((FILE_METADATA, value)) => Some(value),
        _ => None,
    })?;
    json::read(&STANDARD.decode(value).ok()?).ok()
}

/// What a device signs to send sealed operations.
pub fn sealed_push_challenge(
    device_id: DeviceId,
    push_token: &str,
    operations: &[SealedOperation],
) -> String {
    // Plain structs always write as JSON.
    let operations = serde_json::to_value(operations).unwrap_or_default();
    format!("doorstep-sealed-push\n{device_id}\n{push_token}\n{}", ContentHash::of_json(&operations))
}

/// The server's key to seal for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SealingKey {
    pub id: String,
    /// P-256, uncompressed SEC 1 point.
    pub public_key: String,
}

/// A sealed data key.
pub type SealedKey = Sealed;

/// An operation of the outbox, which a locked phone can send and not read.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SealedOperation {
    pub op_id: OperationId,
    pub envelope: Sealed,
}

/// A file of a finished visit, which a locked phone can send and not read.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SealedFile {
    pub media_id: MediaId,
    /// Of the file itself: sealed, it is [`SEALED_FILE_EXTRA_BYTES`] longer.
    pub size_bytes: u64,
    /// It is the small picture of a photo.
    pub is_preview: bool,
    pub key: Sealed,
}

impl SealedFile {
    /// Bytes that are sent.
    pub fn sealed_bytes(&self) -> u64 {
        self.size_bytes.saturating_add(SEALED_FILE_EXTRA_BYTES)
    }
}

/// What a locked phone sends.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SealedPush {
    pub device_id: DeviceId,
    /// Of the last login or trade of tokens.
    pub push_token: String,
    /// In the order of the outbox.
    pub operations: Vec<SealedOperation>,
    /// ECDSA P-256 with SHA-256 over [`sealed_push_challenge`], as r‖s,
    /// base64url without padding.
    pub signature: String,
}

/// What the server has of it. Receipts come with the ordinary push.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SealedPushAnswer {
    pub taken: Vec<OperationId>,
}

/// Bytes that only the server can read.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Sealed {
    /// [`SealingKey::id`] of the key that it was sealed for.
    pub key_id: String,
    /// P-256, uncompressed SEC 1 point.
    pub ephemeral_public_key: String,
    pub nonce: String,
    /// The encrypted bytes and their tag.
    pub sealed: String,
}

/// What was in a [`SealedKey`].
#[derive(Clone, Deserialize, Serialize)]
pub struct OpenedKey {
    pub data_key: String,
}

impl std::fmt::Debug for OpenedKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("OpenedKey").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_file_is_read_from_its_metadata_and_nothing_else_is() {
        let key = Sealed {
            key_id: "k".to_owned(),
            ephemeral_public_key: "BA".to_owned(),
            nonce: "AA".to_owned(),
            sealed: "_-".to_owned(),
        };
        let metadata = file_metadata(&key);
        assert_eq!(read_file_metadata(&metadata).as_ref(), Some(&key));
        assert_eq!(read_file_metadata(&format!("filename YS5qcGc=, {metadata},is_draft")), Some(key));
        for other in ["", "sealed", "sealed ***", "sealed e30=", "filename YS5qcGc=", "unsealed e30="] {
            assert_eq!(read_file_metadata(other), None, "{other}");
        }
    }
}
