//! The wire of sync (DESIGN §6): streams, cursors, operations, receipts.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, FixedOffset, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::command::DeviceCommand;
use crate::evidence::Proof;
use crate::hash::ContentHash;
use crate::ids::{AreaId, DeviceId, OperationId, SubmissionId, UserId};

mod cursor;
mod rules;

pub use cursor::{BadCursor, Cursor};
pub use rules::{Rule, Rules};

/// The kind of operation that carries a [`crate::submission::SubmissionContent`].
pub const SUBMISSION_OPERATION: &str = "submission";

/// Most operations of one push.
pub const PUSH_OPERATIONS_MAX: usize = 50;
/// Most items of one page of a pull.
pub const PULL_ITEMS_MAX: u32 = 1000;
/// Items of a page when the phone does not say.
pub const PULL_ITEMS_DEFAULT: u32 = 1000;

/// A sequence of changes that a phone follows from a position. The order of
/// the variants is the order of a first sync: reference, own, cases, visits.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "ids", derive(sea_orm::DeriveValueType), sea_orm(value_type = "String"))]
pub enum StreamName {
    /// Forms, pack and areas: everybody follows it.
    Reference,
    /// One user's tasks and what became of their submissions.
    User(UserId),
    /// The cases of one area and programme.
    Cases(AreaId, String),
    /// The approved visits of one area and programme.
    Visits(AreaId, String),
}

#[cfg(feature = "ids")]
impl sea_orm::TryFromU64 for StreamName {
    fn try_from_u64(_: u64) -> Result<Self, sea_orm::DbErr> {
        Err(sea_orm::DbErr::ConvertFromU64("StreamName"))
    }
}

/// A text that names no stream.
#[derive(Debug, Error)]
#[error("{0:?} names no stream")]
pub struct UnknownStream(String);

impl fmt::Display for StreamName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reference => formatter.write_str("ref"),
            Self::User(user) => write!(formatter, "user:{user}"),
            Self::Cases(area, programme) => write!(formatter, "cases:{area}:{programme}"),
            Self::Visits(area, programme) => write!(formatter, "visits:{area}:{programme}"),
        }
    }
}

impl FromStr for StreamName {
    type Err = UnknownStream;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownStream(text.to_owned());
        let mut parts = text.splitn(3, ':');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("ref"), None, None) => Ok(Self::Reference),
            (Some("user"), Some(user), None) => user.parse().map(Self::User).map_err(|_| unknown()),
            (Some("cases"), Some(area), Some(programme)) => {
                Ok(Self::Cases(area.parse().map_err(|_| unknown())?, programme.to_owned()))
            }
            (Some("visits"), Some(area), Some(programme)) => {
                Ok(Self::Visits(area.parse().map_err(|_| unknown())?, programme.to_owned()))
            }
            _ => Err(unknown()),
        }
    }
}

impl Serialize for StreamName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StreamName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Names one life of a server's database: a restore from backup begins a new
/// one. A phone that is answered in another life than the one it asked in has
/// to do with a restored server; which number is higher does not matter, since
/// the clock that it came from may have been wrong.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Epoch(pub i64);

/// Kinds of objects in streams. A phone stores kinds that it does not know
/// and shows them to nobody.
pub mod item_kind {
    /// [`crate::pack::FormVersionRecord`].
    pub const FORM: &str = "form";
    /// [`crate::pack::PackRecord`].
    pub const PACK: &str = "pack";
    /// [`crate::area::AreaRecord`].
    pub const AREA: &str = "area";
    /// [`crate::task::TaskRecord`].
    pub const TASK: &str = "task";
    /// [`crate::submission::SubmissionStatus`].
    pub const SUBMISSION: &str = "submission";
    /// [`crate::case::CaseRecord`].
    pub const CASE: &str = "case";
    /// [`crate::case::VisitRecord`].
    pub const VISIT: &str = "visit";
}

/// The query of `GET /api/v1/sync`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct PullRequest {
    /// `None`: from the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Items wanted, at most [`PULL_ITEMS_MAX`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// Streams to be sent from the beginning again, comma-separated: their
    /// hash did not match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<String>,
    /// The epoch that the phone knew when it asked. It stays on the phone: the
    /// cursor tells the server.
    #[serde(skip)]
    pub epoch: Option<Epoch>,
}

impl PullRequest {
    /// Asks for the page after one that was not the last.
    pub fn after(answer: &PullAnswer) -> Self {
        Self { cursor: Some(answer.cursor.clone()), epoch: Some(answer.epoch), ..Self::default() }
    }
}

/// A page of what changed.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct PullAnswer {
    pub epoch: Epoch,
    pub server_time: DateTime<Utc>,
    /// The last operation of this device that the server has.
    pub last_seq: u64,
    /// Streams that are no longer the user's: their rows are deleted, the
    /// outbox is not.
    pub drop: Vec<StreamName>,
    pub items: Vec<PullItem>,
    pub cursor: String,
    /// Whether another page follows at once.
    pub more: bool,
    /// The oldest [`crate::api::APP_VERSION`] that may pull.
    pub min_app: u32,
    /// On the last page: each stream's hash over what is live in it.
    #[serde(default)]
    pub hash: BTreeMap<StreamName, StreamHash>,
    /// What an administrator asks of this device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<DeviceCommand>,
}

/// One object that changed in a stream.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct PullItem {
    pub stream: StreamName,
    pub seq: i64,
    /// See [`item_kind`].
    pub kind: String,
    pub id: uuid::Uuid,
    /// `None`: the object is gone from this stream.
    pub body: Option<serde_json::Value>,
}

/// Exclusive-or over the entries that are live in a stream, so that it can be
/// kept up as entries come and go.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct StreamHash(pub u64);

impl StreamHash {
    /// Adds an entry, or takes it away again.
    pub fn toggle(&mut self, kind: &str, id: uuid::Uuid, seq: i64) {
        let digest = Sha256::digest(format!("{kind}|{id}|{seq}"));
        let mut first = [0_u8; 8];
        for (byte, of_digest) in first.iter_mut().zip(digest) {
            *byte = of_digest;
        }
        self.0 ^= u64::from_be_bytes(first);
    }
}

impl Serialize for StreamHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:016x}", self.0))
    }
}

impl<'de> Deserialize<'de> for StreamHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        u64::from_str_radix(&text, 16).map(Self).map_err(serde::de::Error::custom)
    }
}

/// One thing a person did on a phone. Never rewritten once it is queued.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Operation {
    /// 1, 2, 3, … on this device, without gaps.
    pub seq: u64,
    pub op_id: OperationId,
    /// [`SUBMISSION_OPERATION`]; what the server does not know, it parks.
    pub kind: String,
    /// The body's version.
    pub v: u32,
    /// By the phone's clock.
    pub at: DateTime<FixedOffset>,
    /// Server time minus phone time, as last measured.
    pub skew_ms: Option<i64>,
    pub body: serde_json::Value,
    /// The device's word for it; apps from before there was evidence give none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
}

/// `POST /api/v1/sync`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct PushRequest {
    pub device: DeviceId,
    /// The epoch the phone last saw.
    pub epoch: Option<Epoch>,
    /// In order of `seq`.
    pub ops: Vec<Operation>,
}

/// What became of pushed operations.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct PushAnswer {
    pub epoch: Epoch,
    pub server_time: DateTime<Utc>,
    pub last_seq: u64,
    pub results: Vec<OperationResult>,
}

/// The first answer to an operation; a repetition gets the same.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct OperationResult {
    pub seq: u64,
    pub op_id: OperationId,
    #[serde(flatten)]
    pub outcome: Outcome,
    pub receipt: Receipt,
}

/// Nothing is refused for its content.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    Applied,
    /// Applied, and a person has to settle something.
    Conflict,
    /// Stored; applied when what it waits for is there.
    Parked {
        reason: ParkReason,
    },
}

/// What a parked operation waits for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ParkReason {
    /// The case is not in the ledger (yet).
    CaseUnknown,
    /// The form version is not published here.
    FormUnknown,
    /// The author was disabled or has lost the area.
    AuthorRevoked,
    /// A kind or version of operation that this server does not know.
    KindUnknown,
    /// The body does not read as what its kind says.
    Unreadable,
    /// The revision it corrects is not here (yet).
    PreviousRevisionUnknown,
}

/// The server's word that an operation is on its disk. Names the hash of what
/// it stored, so that the phone can compare.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Receipt {
    /// The canonical JSON of the operation's body.
    pub sha256: ContentHash,
    pub received_at: DateTime<Utc>,
    pub submission_id: Option<SubmissionId>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn streams_read_back_and_sort_in_the_order_of_a_first_sync() -> Result<(), UnknownStream> {
        let area = AreaId(Uuid::from_u128(3));
        let streams = [
            StreamName::Reference,
            StreamName::User(UserId(Uuid::from_u128(4))),
            StreamName::Cases(area, "elder".into()),
            StreamName::Visits(area, "elder".into()),
        ];
        for stream in &streams {
            assert_eq!(&stream.to_string().parse::<StreamName>()?, stream);
        }
        assert!(streams.is_sorted());
        for bad in ["", "cases", "cases:x:elder", "user:1", "other", "ref:1"] {
            assert!(bad.parse::<StreamName>().is_err(), "{bad}");
        }
        Ok(())
    }

    #[test]
    fn a_stream_hash_does_not_depend_on_order_and_undoes() {
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut forward = StreamHash::default();
        forward.toggle("case", one, 1);
        forward.toggle("task", two, 2);
        let mut backward = StreamHash::default();
        backward.toggle("task", two, 2);
        backward.toggle("case", one, 1);
        assert_eq!(forward, backward);
        backward.toggle("case", one, 1);
        assert_ne!(forward, backward);
        backward.toggle("task", two, 2);
        assert_eq!(backward, StreamHash::default());
    }
}
