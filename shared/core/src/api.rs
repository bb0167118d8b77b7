//! Addresses, and the bodies of requests and answers that are not sync.

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset, Utc};
use serde::{Deserialize, Serialize};

use crate::area::AreaPath;
use crate::case::{CaseEvent, CaseRecord, PropertyConflict, VisitRecord};
use crate::evidence::Standing;
use crate::ids::{AreaId, DeviceId, MediaId, OperationId, SubmissionId, UserId};
use crate::media::QuarantineReason;
use crate::role::Role;
use crate::sealing::SealingKey;
use crate::submission::{Comment, Decision, Spot, SubmissionContent, SubmissionState, SubmissionStatus};
use crate::task::TaskRecord;
use crate::text::LocalText;

/// Version of the wire that this build speaks. A server's `min_app` above it
/// stops a pull (426), never a push.
pub const APP_VERSION: u32 = 2;

/// The header in which a phone says its [`APP_VERSION`].
pub const APP_VERSION_HEADER: &str = "x-doorstep-app";

/// `POST`: [`LoginRequest`] → [`LoginAnswer`].
pub const LOGIN: &str = "/api/v1/login";
/// `POST`: [`TokenRequest`] → [`TokenAnswer`].
pub const TOKEN: &str = "/api/v1/token";
/// `POST`, no body → 204. Ends this device's session.
pub const LOGOUT: &str = "/api/v1/logout";
/// `GET` → [`Me`].
pub const ME: &str = "/api/v1/me";
/// `GET` pulls, `POST` pushes; see [`crate::sync`].
pub const SYNC: &str = "/api/v1/sync";
/// `GET /{form version id}` → [`crate::pack::FormBundle`], immutable;
/// `GET /{form version id}/files/{sha256}` → the bytes of a
/// [`crate::pack::FormFile`], immutable.
pub const FORM_VERSIONS: &str = "/api/v1/form-versions";
/// `GET` → [`QueueAnswer`].
pub const QUEUE: &str = "/api/v1/queue";
/// `GET /{submission id}` → [`SubmissionDetail`];
/// `POST /{submission id}/decision`: [`DecisionRequest`] → [`DecisionAnswer`].
pub const SUBMISSIONS: &str = "/api/v1/submissions";
/// `GET /{case id}` → [`CaseDetail`].
pub const CASES: &str = "/api/v1/cases";
/// `GET` → [`ParkedAnswer`].
pub const PARKED_OPERATIONS: &str = "/api/v1/parked-operations";
/// `/{media id}` is an upload by tus 1.0.0 (`docs/media.md`);
/// `GET /{media id}`, with `?size=thumbnail` or `?size=preview` → the picture;
/// `GET /{media id}/address` → [`FileAddress`];
/// `GET /{media id}/similar` → [`SimilarAnswer`].
pub const FILES: &str = "/files";

/// A login on a device, which it registers.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct LoginRequest {
    pub login_name: String,
    pub password: String,
    pub device: DeviceRegistration,
}

/// A phone introduces itself: an identifier it made and the public half of a
/// key that cannot leave it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct DeviceRegistration {
    pub device_id: DeviceId,
    /// What the person would recognise: browser and model.
    pub name: String,
    /// ECDSA P-256, uncompressed SEC 1 point, base64url without padding.
    pub public_key: String,
}

/// The tokens of a login.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct LoginAnswer {
    #[serde(flatten)]
    pub tokens: TokenAnswer,
    pub me: Me,
    /// For the copy of the data key that a forgotten PIN is helped with.
    pub sealing_key: SealingKey,
}

/// Asks for new tokens. The refresh token works once, and only with the
/// device's signature.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct TokenRequest {
    pub device_id: DeviceId,
    pub refresh_token: String,
    /// ECDSA P-256 with SHA-256 over [`refresh_challenge`], as r‖s, base64url
    /// without padding.
    pub signature: String,
}

/// What a device signs to refresh its tokens.
pub fn refresh_challenge(device_id: DeviceId, refresh_token: &str) -> String {
    format!("doorstep-refresh\n{device_id}\n{refresh_token}")
}

/// A pair of tokens.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct TokenAnswer {
    /// A JWT for `Authorization: Bearer`.
    pub access_token: String,
    pub access_expires_at: DateTime<Utc>,
    pub refresh_token: String,
    /// For the sealed outbox of a locked phone, and for nothing else
    /// ([`crate::sealing::SealedPush`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push_token: Option<String>,
}

/// Who is logged in.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Me {
    pub user_id: UserId,
    pub login_name: String,
    pub display_name: String,
    pub county: String,
    pub memberships: Vec<MembershipRecord>,
}

impl Me {
    /// Whether the person has `role` anywhere.
    pub fn has_role(&self, role: Role) -> bool {
        self.memberships.iter().any(|membership| membership.role == role)
    }
}

/// One role of a person, with the area's name for the screen.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct MembershipRecord {
    pub role: Role,
    pub area_id: AreaId,
    pub area_name: String,
    pub area_path: AreaPath,
    pub programme: Option<String>,
}

/// What waits for the reviewer, riskiest first.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct QueueAnswer {
    pub entries: Vec<QueueEntry>,
}

/// One submission in the queue.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct QueueEntry {
    pub submission_id: SubmissionId,
    pub revision: u32,
    pub state: SubmissionState,
    pub form_id: String,
    pub form_title: LocalText,
    pub case_label: String,
    /// From the township down: `河湾镇 上河村 第一网格`.
    pub area_name: String,
    pub author_name: String,
    pub finished_at: DateTime<FixedOffset>,
    pub received_at: DateTime<Utc>,
    /// 0 to 3, as the server computed it.
    pub alert_level: u8,
    pub alert_codes: Vec<String>,
    pub media_expected: u32,
    pub media_stored: u32,
}

/// Everything a reviewer decides on.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SubmissionDetail {
    /// How far the evidence holds that this is what the phone captured.
    pub evidence: Standing,
    pub status: SubmissionStatus,
    pub content: SubmissionContent,
    pub case: CaseRecord,
    pub form_title: LocalText,
    pub area_name: String,
    pub author_name: String,
    pub alert_level: u8,
    pub alert_codes: Vec<String>,
    pub media: Vec<MediaRecord>,
    /// What the server's own evaluation finds wrong.
    pub form_problems: Vec<FormProblem>,
    /// Values that the phone claimed and the server computed otherwise.
    pub differences: Vec<Difference>,
    pub conflicts: Vec<PropertyConflict>,
    /// The revision before this one, if it was a correction.
    pub previous: Option<SubmissionContent>,
    /// The files of the revision before.
    #[serde(default)]
    pub previous_media: Vec<MediaRecord>,
    /// Where the case is, as far as anybody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_place: Option<CasePlace>,
    /// Whether the asker may decide on it now; the reason why not.
    pub blocked: Option<crate::problem::ProblemCode>,
}

/// Where a case is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct CasePlace {
    pub spot: Spot,
    /// When the last approved visit measured it; `None`: the ledger says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visited_at: Option<DateTime<FixedOffset>>,
}

/// A rule of the form that an answer breaks.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct FormProblem {
    pub path: String,
    pub message: LocalText,
}

/// A value that differs between phone and server.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Difference {
    pub path: String,
    pub claimed: String,
    pub computed: String,
}

/// A file of a submission.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct MediaRecord {
    pub media_id: MediaId,
    pub path: String,
    pub file_name: String,
    /// As it was announced.
    #[serde(default)]
    pub content_type: String,
    pub stored: bool,
    /// When it had arrived, by the server's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored_at: Option<DateTime<Utc>>,
    /// As in [`FileAddress`]; `None` while it is not there, and of what is not
    /// shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Why it is kept and not shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<QuarantineReason>,
    /// The photo that this is a small picture of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview_of: Option<MediaId>,
    /// Of a picture.
    pub width_px: Option<u32>,
    pub height_px: Option<u32>,
}

/// Where a browser gets a file without a token, as `<img>` and `<video>` do,
/// for as long as the asker may see it and no longer than `until`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct FileAddress {
    /// A path with a query; `&size=thumbnail` and `&size=preview` may follow.
    pub address: String,
    pub until: DateTime<Utc>,
}

/// Photos of other submissions that look like one photo.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SimilarAnswer {
    /// The most alike first.
    pub photos: Vec<SimilarPhoto>,
}

/// A photo that looks like another one.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SimilarPhoto {
    pub submission_id: SubmissionId,
    pub media_id: MediaId,
    pub case_label: String,
    pub author_name: String,
    pub received_at: DateTime<Utc>,
    /// Of 64 bits, how many differ; 0 for the very same picture.
    pub differing_bits: u32,
    /// As in [`FileAddress`].
    #[serde(default)]
    pub address: String,
}

/// A reviewer's decision.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct DecisionRequest {
    pub decision: Decision,
    /// The case's version that the reviewer saw; an approval of a case that
    /// has moved on since is refused with `case_moved_on`.
    pub case_version: u64,
    /// Properties for which the ledger's value is kept.
    #[serde(default)]
    pub keep_ledger: Vec<String>,
    #[serde(default)]
    pub comments: Vec<NewComment>,
}

/// A remark to be added.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct NewComment {
    pub path: Option<String>,
    pub text: String,
}

/// What a decision did.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct DecisionAnswer {
    pub state: SubmissionState,
    pub case: CaseRecord,
    /// The tasks that are open for the case now.
    pub tasks: Vec<TaskRecord>,
}

/// A case with its history.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct CaseDetail {
    pub case: CaseRecord,
    pub area_name: String,
    pub events: Vec<CaseEvent>,
    pub visits: Vec<VisitRecord>,
    pub tasks: Vec<TaskRecord>,
    pub comments: Vec<Comment>,
    /// Display names of whoever acts in `events`.
    #[serde(default)]
    pub people: BTreeMap<UserId, String>,
}

/// Operations that wait for something.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ParkedAnswer {
    pub operations: Vec<ParkedOperation>,
}

/// An operation that is stored and could not be applied yet.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ParkedOperation {
    pub op_id: OperationId,
    pub kind: String,
    pub reason: crate::sync::ParkReason,
    pub author_name: String,
    pub received_at: DateTime<Utc>,
}
