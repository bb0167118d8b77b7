//! What was captured: taking it in, and saying what became of it.
//!
//! Nothing is refused for its content. [`apply`] enters a capture, or says
//! what it waits for; in both cases the caller stores the operation.
//!
//! * `enter`: its rows, and its place among revisions. `evaluate`: the engine's second opinion. `status`: what the author's
//!   phone learns.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use doorstep_core::case::CaseRecord;
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{CaseId, DeviceId, MediaId, UserId};
use doorstep_core::pack::Pack;
use doorstep_core::role::{self, Action};
use doorstep_core::submission::versions::{self, ContentError};
use doorstep_core::submission::{MediaReference, SubmissionContent};
use doorstep_core::sync::{ParkReason, SUBMISSION_OPERATION, StreamName, item_kind};
use sea_orm::{ConnectionTrait, EntityTrait};

use crate::auth::permit::{Permit, Purpose};
use crate::cases;
use crate::db::Transaction;
use crate::db::entity::submission;
use crate::error::Result;
use crate::streams::Changes;
use crate::{area, pack, users};

mod enter;
mod evaluate;
mod status;

pub(crate) use enter::log_state;
pub(crate) use evaluate::{Evaluation, answers, evaluate};
pub use status::status;
pub(crate) use status::{comments, content_of};

/// Most files of one submission.
const MEDIA_MAX: usize = 500;
/// See [`Parked::until_the_next_start`].
const WAITS_FOR_A_START: &str = "start";

/// A pushed operation that reads as a submission.
#[derive(Clone, Debug)]
pub(crate) struct Capture {
    pub(crate) content: SubmissionContent,
    /// The content as it came, in its canonical writing.
    pub(crate) text: String,
    pub(crate) sha256: ContentHash,
    pub(crate) author: UserId,
    pub(crate) device: DeviceId,
    pub(crate) received_at: DateTime<Utc>,
}

/// What became of a capture.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Applied {
    /// It waits for a reviewer.
    Entered,
    /// The same, and something before it needs a person's eye: its
    /// predecessor was decided otherwise or corrected twice.
    Conflict,
    /// It cannot be entered (yet).
    Parked(Parked),
}

/// Why something is parked, and the word under which
/// [`crate::sync::retry_parked`] finds it; `None`: until somebody looks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Parked {
    pub(crate) reason: ParkReason,
    pub(crate) waits_for: Option<String>,
}

impl Parked {
    fn for_good(reason: ParkReason) -> Self {
        Self { reason, waits_for: None }
    }

    /// A fault of this server's: another build may do better.
    pub(crate) fn until_the_next_start() -> Self {
        Self::until(ParkReason::Unreadable, WAITS_FOR_A_START.to_owned())
    }

    fn until(reason: ParkReason, waits_for: String) -> Self {
        Self { reason, waits_for: Some(waits_for) }
    }
}

fn kind_word(kind: &str, v: u32) -> String {
    let kind: String = kind.chars().take(40).collect();
    format!("kind:{}:{v}", storable(&kind))
}

/// Reads the body of an operation as a submission.
///
/// # Errors
/// Why it has to be parked: a kind or version that this build does not know,
/// or a body that is not what it says.
pub(crate) fn read(kind: &str, v: u32, body: &serde_json::Value) -> Result<SubmissionContent, Parked> {
    let unknown = || Parked::until(ParkReason::KindUnknown, kind_word(kind, v));
    if kind != SUBMISSION_OPERATION {
        return Err(unknown());
    }
    let unreadable = |why: &dyn std::fmt::Display| {
        tracing::warn!(%why, "a submission does not read and is parked");
        Parked::for_good(ParkReason::Unreadable)
    };
    let content = versions::read(v, body).map_err(|cause| match cause {
        ContentError::VersionUnknown(_) => unknown(),
        ContentError::Unreadable(why) => unreadable(&why),
    })?;
    match why_unusable(&content) {
        None => Ok(content),
        Some(why) => Err(unreadable(&why)),
    }
}

/// What of a content that reads cannot be true.
fn why_unusable(content: &SubmissionContent) -> Option<&'static str> {
    let is_first = content.root_id == content.submission_id;
    let numbers_fit = i32::try_from(content.revision).is_ok()
        && i64::try_from(content.case_version).is_ok()
        && content.media.iter().all(|file| i64::try_from(file.size_bytes).is_ok());
    let texts_fit = content
        .media
        .iter()
        .flat_map(|file| [&file.path, &file.file_name, &file.content_type])
        .all(|text| !text.contains('\0') && text.len() < 1000);
    let mut files: BTreeMap<MediaId, &MediaReference> = BTreeMap::new();
    let files_agree =
        content.media.iter().all(|file| files.insert(file.media_id, file).is_none_or(|other| other == file));
    if content.revision == 0 || is_first != (content.revision == 1) {
        Some("revision 1, and only that, is its own root")
    } else if !content.instance.is_object() {
        Some("the instance is no object")
    } else if !numbers_fit || !texts_fit || content.media.len() > MEDIA_MAX {
        Some("a number, a text or the list of files is too large")
    } else if !files_agree {
        Some("one file is announced in two ways")
    } else {
        None
    }
}

/// A text that both databases take: PostgreSQL knows no NUL.
pub(crate) fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Enters a capture, or says what it waits for. `evaluation` is what
/// [`evaluate`] made of it; `None`: its form is not known here.
///
/// Safe to repeat: a submission that is here already with the same content
/// counts as entered. One with the same identifier and another content is
/// parked as unreadable, for good: the first stays what it is, and the second
/// is kept where a person can look at it.
pub(crate) async fn apply(
    transaction: &Transaction,
    capture: &Capture,
    evaluation: Option<&Evaluation>,
    changes: &mut Changes,
) -> Result<Applied> {
    let content = &capture.content;
    let author = users::find(transaction, capture.author).await?;
    // First of all the case: everything about it happens one after the other.
    let case = cases::lock(transaction, content.case_id).await?;
    if let Some(known) = submission::Entity::find_by_id(content.submission_id).one(transaction).await? {
        let same = known.sha256 == capture.sha256 && known.author_id == capture.author;
        return Ok(if same {
            Applied::Entered
        } else {
            Applied::Parked(Parked::for_good(ParkReason::Unreadable))
        });
    }
    let revoked =
        || Applied::Parked(Parked::until(ParkReason::AuthorRevoked, format!("user:{}", capture.author)));
    if author.disabled_at.is_some() {
        return Ok(revoked());
    }
    let Some(evaluation) = evaluation else {
        let waits_for = format!("form_version:{}", content.form_version_id);
        return Ok(Applied::Parked(Parked::until(ParkReason::FormUnknown, waits_for)));
    };
    if evaluation.form_id != content.form_id {
        return Ok(Applied::Parked(Parked::for_good(ParkReason::Unreadable)));
    }
    let Some(case) = case else {
        let waits_for = format!("case:{}", content.case_id);
        return Ok(Applied::Parked(Parked::until(ParkReason::CaseUnknown, waits_for)));
    };
    let pack = pack::current(transaction, &author.county).await?;
    if !may_capture(transaction, pack.as_ref(), capture, &case).await? {
        return Ok(revoked());
    }
    let place = match enter::place_in_line(transaction, capture).await? {
        Ok(place) => place,
        Err(parked) => return Ok(Applied::Parked(parked)),
    };
    enter::supersede(transaction, capture, changes).await?;
    enter::insert(transaction, capture, evaluation, pack.as_ref(), &case, place.revision).await?;
    if let Some(task) = content.task_id {
        cases::hand_in(transaction, task, content, changes).await?;
    }
    changes.put(StreamName::User(capture.author), item_kind::SUBMISSION, content.submission_id.0);
    Ok(if place.disputed { Applied::Conflict } else { Applied::Entered })
}

/// Whether the author may capture about the case: where it is, or where it was
/// when they saw it (it may have moved while they had no network).
async fn may_capture(
    transaction: &Transaction,
    pack: Option<&Pack>,
    capture: &Capture,
    case: &CaseRecord,
) -> Result<bool> {
    let actor = users::actor(transaction, capture.author).await?;
    let programme = pack.and_then(|pack| pack.programme(&case.kind));
    let here = area::path(transaction, case.area_id).await?;
    if role::can(&actor, Action::Capture, &here, programme) {
        return Ok(true);
    }
    let seen = cases::area_at(transaction, case.id, capture.content.case_version).await?;
    match seen.filter(|area| *area != case.area_id) {
        None => Ok(false),
        Some(area) => {
            let there = area::path(transaction, area).await?;
            Ok(role::can(&actor, Action::Capture, &there, programme))
        }
    }
}

/// Whether somebody may see a submission and its files: its author, and who
/// may read submissions about its case, where that is now.
///
/// # Errors
/// When the database refuses.
pub async fn may_see<P: Purpose>(
    connection: &impl ConnectionTrait,
    permit: &Permit<P>,
    author: UserId,
    case_id: CaseId,
) -> Result<bool> {
    if permit.user_id() == author {
        return Ok(!permit.is_disabled());
    }
    let Some(case) = cases::find(connection, case_id).await? else { return Ok(false) };
    let pack = pack::current(connection, permit.county()).await?;
    let programme = pack.as_ref().and_then(|pack| pack.programme(&case.kind));
    let path = area::path(connection, case.area_id).await?;
    Ok(permit.may(Action::ReadSubmissions, &path, programme))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use uuid::Uuid;

    fn body() -> serde_json::Value {
        let id = Uuid::from_u128(1);
        json!({
            "submission_id": id, "root_id": id, "revision": 1,
            "form_version_id": Uuid::from_u128(2), "form_id": "elder_visit",
            "case_id": Uuid::from_u128(3), "task_id": null, "case_version": 1,
            "started_at": "2026-11-23T09:00:00+08:00", "finished_at": "2026-11-23T09:30:00+08:00",
            "instance": {"met": "met"}, "media": [], "answer_times": [], "place": null,
        })
    }

    fn reason(kind: &str, v: u32, body: &serde_json::Value) -> Option<ParkReason> {
        read(kind, v, body).err().map(|parked| parked.reason)
    }

    #[test]
    fn what_does_not_read_is_parked_with_its_reason() {
        assert_eq!(reason("submission", 1, &body()), None, "an older version is read");
        assert_eq!(reason("submission", 2, &body()), Some(ParkReason::Unreadable));
        assert_eq!(reason("submission", 99, &body()), Some(ParkReason::KindUnknown));
        assert_eq!(reason("amendment\0", 1, &body()), Some(ParkReason::KindUnknown));
        assert_eq!(reason("submission", 1, &json!("x")), Some(ParkReason::Unreadable));
        for (field, value) in [
            ("revision", json!(0)),
            ("revision", json!(2)),
            ("root_id", json!(Uuid::from_u128(9))),
            ("instance", json!([])),
            ("case_version", json!(u64::MAX)),
            ("case_id", json!("nope")),
        ] {
            let mut bad = body();
            bad[field] = value.clone();
            assert_eq!(reason("submission", 1, &bad), Some(ParkReason::Unreadable), "{field} {value}");
        }
    }

    #[test]
    fn one_file_is_announced_once_or_twice_the_same_way() {
        let file = |name: &str| {
            json!({
                "media_id": Uuid::from_u128(5), "path": "/ph", "file_name": name, "size_bytes": 3,
                "sha256": ContentHash::of(b"abc"), "content_type": "image/jpeg",
            })
        };
        let mut twice = body();
        twice["media"] = json!([file("a.jpg"), file("a.jpg")]);
        assert_eq!(reason("submission", 1, &twice), None);
        twice["media"] = json!([file("a.jpg"), file("b.jpg")]);
        assert_eq!(reason("submission", 1, &twice), Some(ParkReason::Unreadable));
        twice["media"] = json!([file("a\0.jpg")]);
        assert_eq!(reason("submission", 1, &twice), Some(ParkReason::Unreadable));
    }
}
