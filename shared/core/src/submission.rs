//! What was captured, and what becomes of it.
//!
//! * [`versions`]: what older builds wrote, read as what this one writes.

pub mod versions;

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset, Utc};
use doorstep_form::LeftOver;
use serde::{Deserialize, Serialize};

use crate::hash::ContentHash;
use crate::ids::{CaseId, CommentId, FormVersionId, MediaId, SubmissionId, TaskId, UserId};
use crate::media::QuarantinedMedia;

/// Version of [`SubmissionContent`] that this build writes. [`versions`] reads
/// the older ones: what is in an outbox is never rewritten.
pub const SUBMISSION_VERSION: u32 = 2;

/// Where a submission stands.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ids", derive(sea_orm::DeriveValueType), sea_orm(value_type = "String"))]
pub enum SubmissionState {
    /// Waits for a decision.
    Submitted,
    /// Entered into the ledger.
    Approved,
    /// Sent back for correction; the correction is a new revision.
    Returned,
    /// Not entered, and not to be corrected.
    Rejected,
}

impl SubmissionState {
    /// The stable word stored in the database.
    pub fn code(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Approved => "approved",
            Self::Returned => "returned",
            Self::Rejected => "rejected",
        }
    }
}

crate::code::written_as_code!(SubmissionState { Submitted, Approved, Returned, Rejected });

/// What a reviewer decides.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    Approve,
    Return,
    Reject,
}

/// The one transition function of review: `submitted` and nothing else can
/// be decided. `None` when the decision is not possible from `state`.
pub fn decide(state: SubmissionState, decision: Decision) -> Option<SubmissionState> {
    match (state, decision) {
        (SubmissionState::Submitted, Decision::Approve) => Some(SubmissionState::Approved),
        (SubmissionState::Submitted, Decision::Return) => Some(SubmissionState::Returned),
        (SubmissionState::Submitted, Decision::Reject) => Some(SubmissionState::Rejected),
        _ => None,
    }
}

/// The surveyor of a submission can never decide on it (DESIGN §2).
pub fn may_review(author: UserId, reviewer: UserId) -> bool {
    author != reviewer
}

/// A position as the phone measured it, WGS-84.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Place {
    pub latitude_degrees: f64,
    pub longitude_degrees: f64,
    pub altitude_m: Option<f64>,
    /// Radius of the 95 % circle.
    pub accuracy_m: f64,
    pub at: DateTime<FixedOffset>,
}

/// Largest file. A 1600 px photo is about 400 KB; half an hour of speech or
/// twenty seconds of film still fit.
pub const FILE_BYTES_MAX: usize = 20 * 1024 * 1024;

/// Where a picture came from.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureSource {
    /// The app's own camera.
    InApp,
    /// The phone's camera app.
    Camera,
    /// Chosen among the pictures on the phone: it may be anybody's and of any
    /// time.
    Gallery,
}

/// How a picture came about, as the phone says.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Capture {
    pub source: CaptureSource,
    /// When the app got the picture, by the phone's clock.
    pub at: DateTime<FixedOffset>,
    /// Where the phone was then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Of the bytes as the camera made them, before the picture was made
    /// smaller and its words were burned in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_sha256: Option<ContentHash>,
    /// When the picture itself says that it was taken (EXIF).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<DateTime<FixedOffset>>,
    /// Where the picture itself says that it was taken (EXIF).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_where: Option<Spot>,
}

/// A point on the earth, WGS-84.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Spot {
    pub latitude_degrees: f64,
    pub longitude_degrees: f64,
}

/// The mean radius of the earth (IUGG).
const EARTH_M: f64 = 6_371_008.8;

impl Spot {
    /// What a form's `geopoint` says: `latitude longitude [altitude
    /// [accuracy]]`, in degrees and metres. `None` when it says no point.
    pub fn of_geopoint(text: &str) -> Option<Self> {
        let mut numbers = text.split_whitespace().map_while(|number| number.parse::<f64>().ok());
        let spot = Self { latitude_degrees: numbers.next()?, longitude_degrees: numbers.next()? };
        let is_on_earth = spot.latitude_degrees.abs() <= 90.0 && spot.longitude_degrees.abs() <= 180.0;
        is_on_earth.then_some(spot)
    }

    /// Metres to another point, along the ground of a round earth: right to
    /// about half a percent.
    pub fn metres_to(self, other: Self) -> f64 {
        let (from, to) = (self.latitude_degrees.to_radians(), other.latitude_degrees.to_radians());
        let east = (other.longitude_degrees - self.longitude_degrees).to_radians();
        let half = ((to - from) / 2.0).sin().powi(2) + from.cos() * to.cos() * (east / 2.0).sin().powi(2);
        2.0 * EARTH_M * half.sqrt().min(1.0).asin()
    }
}

impl Place {
    /// The point alone.
    pub fn spot(&self) -> Spot {
        Spot { latitude_degrees: self.latitude_degrees, longitude_degrees: self.longitude_degrees }
    }
}

/// A file that a submission expects.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct MediaReference {
    pub media_id: MediaId,
    /// The question, as a node path: `/g_n/ph`.
    pub path: String,
    /// The value of the question.
    pub file_name: String,
    pub sha256: ContentHash,
    pub size_bytes: u64,
    /// As the phone says: `image/jpeg`, `audio/webm`.
    pub content_type: String,
    /// How a picture came about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture: Option<Capture>,
    /// The photo that this is a small picture of: sent first, shown until the
    /// photo is there, and never waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview_of: Option<MediaId>,
}

/// What a phone captured: the body of a `submission` operation. Its canonical
/// JSON is what the receipt's hash is over.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct SubmissionContent {
    pub submission_id: SubmissionId,
    /// The first revision's identifier; the submission's own for revision 1.
    pub root_id: SubmissionId,
    /// 1 for the first capture, then 2, 3, … for corrections.
    pub revision: u32,
    pub form_version_id: FormVersionId,
    pub form_id: String,
    pub case_id: CaseId,
    pub task_id: Option<TaskId>,
    /// The case's version that the person saw.
    pub case_version: u64,
    pub started_at: DateTime<FixedOffset>,
    pub finished_at: DateTime<FixedOffset>,
    /// Values by question name, groups as objects, repeats as arrays.
    pub instance: serde_json::Value,
    pub media: Vec<MediaReference>,
    /// When each question got its last answer: seconds after `started_at`, by
    /// node path. Negative where the phone's clock was set back meanwhile.
    pub answer_seconds: BTreeMap<String, i64>,
    pub place: Option<Place>,
    /// Answers that were given before the form changed and have no place in
    /// `form_version_id`: nothing is computed of them, and the reviewer sees
    /// them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_over: Vec<LeftOver>,
}

impl SubmissionContent {
    /// The hash that receipts name.
    pub fn hash(&self) -> Result<ContentHash, serde_json::Error> {
        serde_json::to_value(self).map(|value| ContentHash::of_json(&value))
    }
}

/// A remark of a reviewer, on the whole or on one question.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Comment {
    pub id: CommentId,
    /// The question's node path; `None`: the submission as a whole.
    pub path: Option<String>,
    pub text: String,
    pub author_name: String,
    pub at: DateTime<Utc>,
}

/// What became of a submission, as its author's phone learns it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct SubmissionStatus {
    pub submission_id: SubmissionId,
    pub root_id: SubmissionId,
    pub revision: u32,
    pub form_id: String,
    pub form_version_id: FormVersionId,
    pub case_id: CaseId,
    pub task_id: Option<TaskId>,
    pub state: SubmissionState,
    pub sha256: ContentHash,
    pub received_at: DateTime<Utc>,
    pub decided_at: Option<DateTime<Utc>>,
    pub comments: Vec<Comment>,
    /// Files that the server still waits for.
    pub media_missing: Vec<MediaId>,
    /// Files that arrived and are not what they should be: they are kept, and
    /// have to be taken again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media_quarantined: Vec<QuarantinedMedia>,
    /// The whole content, only while it is returned, so that it can be
    /// corrected on any phone of its author. A phone may have pulled it before
    /// its app was updated.
    #[serde(default, deserialize_with = "versions::of_any_version")]
    pub content: Option<SubmissionContent>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_geopoint_is_a_spot_and_far_from_others() {
        let here = Spot::of_geopoint("34.12345 108.98765 400 8");
        assert_eq!(here, Some(Spot { latitude_degrees: 34.123_45, longitude_degrees: 108.987_65 }));
        for wrong in ["", "34.1", "north 108", "95 10", "NaN 10"] {
            assert_eq!(Spot::of_geopoint(wrong), None, "{wrong}");
        }
        let here = Spot { latitude_degrees: 0.0, longitude_degrees: 0.0 };
        let one_degree = Spot { latitude_degrees: 1.0, longitude_degrees: 0.0 };
        assert!((here.metres_to(one_degree) - 111_195.0).abs() < 1.0);
        assert!((one_degree.metres_to(one_degree)).abs() < 0.001);
    }

    #[test]
    fn only_a_submitted_one_can_be_decided() {
        use {Decision as D, SubmissionState as S};
        assert_eq!(decide(S::Submitted, D::Approve), Some(S::Approved));
        assert_eq!(decide(S::Submitted, D::Return), Some(S::Returned));
        assert_eq!(decide(S::Submitted, D::Reject), Some(S::Rejected));
        for state in [S::Approved, S::Returned, S::Rejected] {
            for decision in [D::Approve, D::Return, D::Reject] {
                assert_eq!(decide(state, decision), None, "{state:?} {decision:?}");
            }
        }
    }
}
