//! What a phone seals so that only the server can open it.
//!
//! * A copy of its data key, so that a forgotten PIN never costs what was not
//!   sent. The phone makes it when the PIN is chosen and keeps it; the server
//!   sees it only when the same person, having just logged in with the
//!   password, asks to have it opened.
//! * A copy of each finished operation, so that a locked phone can send what it
//!   cannot read, with a token that is good for nothing else.
//!
//! The scheme is ECIES over P-256, of parts that every browser has: an
//! ephemeral ECDH key, HKDF-SHA-256 (salt: both public keys, the ephemeral one
//! first; info: [`INFO`] or [`OPERATION_INFO`]), AES-256-GCM over the 32 bytes
//! of the data key or the JSON of a [`crate::sync::Operation`], authenticated
//! with [`label`] or [`operation_label`]. Bytes are base64url without padding.

use serde::{Deserialize, Serialize};

use crate::hash::ContentHash;
use crate::ids::{DeviceId, OperationId, UserId};

/// `POST`: [`SealedKey`] → [`OpenedKey`].
pub const SEALED_KEY: &str = "/api/v1/sealed-key";

/// `POST`: [`SealedPush`] → [`SealedPushAnswer`].
pub const SEALED_PUSH: &str = "/api/v1/sealed-push";

/// What the key for an operation is derived for.
pub const OPERATION_INFO: &str = "doorstep sealed operation 1";

/// What the wrapping key is derived for.
pub const INFO: &str = "doorstep sealed data key 1";

/// Bytes of a data key.
pub const DATA_KEY_BYTES: usize = 32;

/// Bytes of the nonce of AES-GCM.
pub const NONCE_BYTES: usize = 12;

/// What is authenticated with the data key: whose it is. A copy that was made
/// for one person is never opened for another.
pub fn label(user: UserId) -> String {
    format!("doorstep-sealed-key\n{user}")
}

/// What is authenticated with an operation: whose it is, and which.
pub fn operation_label(user: UserId, op_id: OperationId) -> String {
    format!("doorstep-sealed-operation\n{user}\n{op_id}")
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
