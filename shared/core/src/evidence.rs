//! Evidence (docs/evidence.md): what shows later that a submission is what a
//! phone captured, whole and in its place among what that phone captured.
//!
//! The device's key, which cannot leave the phone, signs a [`Statement`]: the
//! hash of the submission (which covers the hashes of its photos), and the hash
//! of the statement before it. A byte that changed, a photo that was swapped, a
//! submission that is missing or was slipped in: each breaks something.

use serde::{Deserialize, Serialize};

use crate::hash::ContentHash;
use crate::ids::{DeviceId, OperationId};

/// The first line of a statement.
pub const STATEMENT: &str = "doorstep-evidence 1";

/// What a device says of one operation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Statement {
    pub device_id: DeviceId,
    pub op_id: OperationId,
    /// The canonical JSON of the operation's body.
    pub sha256: ContentHash,
    /// The hash of the device's statement before; `None`: it is the first.
    pub previous: Option<ContentHash>,
}

impl Statement {
    /// The text that is signed: five lines, the last one ended too.
    pub fn text(&self) -> String {
        let previous = self.previous.as_ref().map_or("-", ContentHash::as_str);
        format!("{STATEMENT}\n{}\n{}\n{}\n{previous}\n", self.device_id, self.op_id, self.sha256)
    }

    /// What the next statement names.
    pub fn hash(&self) -> ContentHash {
        ContentHash::of(self.text().as_bytes())
    }
}

/// What travels with an operation.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Proof {
    /// The device that signed. After a fork the operation comes from another.
    pub device_id: DeviceId,
    pub previous: Option<ContentHash>,
    /// ECDSA P-256 with SHA-256 over [`Statement::text`]: 64 bytes (r, s) in
    /// base64url without padding, as WebCrypto makes them.
    pub signature: String,
}

impl Proof {
    /// What was signed, if the operation is the one with this body.
    pub fn statement(&self, op_id: OperationId, sha256: ContentHash) -> Statement {
        Statement { device_id: self.device_id, op_id, sha256, previous: self.previous.clone() }
    }
}

/// Who signs for a device. The key is where only it can use it.
#[expect(
    async_fn_in_trait,
    reason = "used with static dispatch on one thread; a browser's futures are not Send"
)]
pub trait Notary {
    /// The signature of the text, as [`Proof::signature`] has it; `None` when
    /// there can be none: what was captured is worth more than its signature.
    async fn sign(&self, text: &str) -> Option<String>;
}

/// Nobody signs.
impl Notary for () {
    async fn sign(&self, _: &str) -> Option<String> {
        None
    }
}

/// How far a submission's evidence holds.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Signed, and what came before it on the phone is here, once.
    Whole,
    /// Signed; what the phone captured before it is not here (yet).
    Gap,
    /// Signed; the phone signed another in its place: its data lived on in a
    /// copy, or somebody has the key.
    Fork,
    /// The signature is not that of this content by this device.
    Broken,
    /// Not signed: captured by an app from before there was evidence.
    Unsigned,
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_statement_is_the_text_that_the_document_gives() {
        let statement = Statement {
            device_id: DeviceId(Uuid::from_u128(1)),
            op_id: OperationId(Uuid::from_u128(2)),
            sha256: ContentHash::of(b"body"),
            previous: None,
        };
        assert_eq!(
            statement.text(),
            "doorstep-evidence 1\n\
             00000000-0000-0000-0000-000000000001\n\
             00000000-0000-0000-0000-000000000002\n\
             230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5\n\
             -\n"
        );
        let next = Statement { previous: Some(statement.hash()), ..statement.clone() };
        assert_ne!(next.hash(), statement.hash());
        assert!(next.text().ends_with(&format!("{}\n", statement.hash())));
    }
}
