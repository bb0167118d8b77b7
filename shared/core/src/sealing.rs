//! The copy of a phone's data key that only the server can open, so that a
//! forgotten PIN never costs what was not sent. The phone makes it when the
//! PIN is chosen and keeps it; the server sees it only when the same person,
//! having just logged in with the password, asks to have it opened.
//!
//! The scheme is ECIES over P-256, of parts that every browser has: an
//! ephemeral ECDH key, HKDF-SHA-256 (salt: both public keys, the ephemeral one
//! first; info: [`INFO`]), AES-256-GCM over the 32 bytes of the data key,
//! authenticated with [`label`]. Bytes are base64url without padding.

use serde::{Deserialize, Serialize};

use crate::ids::UserId;

/// `POST`: [`SealedKey`] → [`OpenedKey`].
pub const SEALED_KEY: &str = "/api/v1/sealed-key";

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

/// The server's key to seal for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SealingKey {
    pub id: String,
    /// P-256, uncompressed SEC 1 point.
    pub public_key: String,
}

/// A sealed data key.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SealedKey {
    /// [`SealingKey::id`] of the key that it was sealed for.
    pub key_id: String,
    /// P-256, uncompressed SEC 1 point.
    pub ephemeral_public_key: String,
    pub nonce: String,
    /// The encrypted data key and its tag.
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
