//! What was captured: taking it in, and saying what became of it.
//!
//! Nothing is refused for its content. [`apply`] enters a capture, or says
//! what it waits for; in both cases the caller stores the operation.
//!
//! * `evaluate`: the engine's second opinion. `status`: what the author's
//!   phone learns.

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset, Utc};
use doorstep_core::api::FormProblem;
use doorstep_core::case::CaseRecord;
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{CaseId, DeviceId, EventId, MediaId, SubmissionId, UserId};
use doorstep_core::pack::Pack;
use doorstep_core::role::{self, Action};
use doorstep_core::submission::{MediaReference, SUBMISSION_VERSION, SubmissionContent, SubmissionState};
use doorstep_core::sync::{ParkReason, SUBMISSION_OPERATION, StreamName, item_kind};
use doorstep_core::text::LocalText;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait, Set,
};
use uuid::Uuid;

use crate::auth::permit::{Permit, Purpose};
use crate::cases;
use crate::db::entity::{submission, submission_event, submission_media};
use crate::error::Result;
use crate::streams::{BATCH, Changes};
use crate::{area, pack, users};

mod evaluate;
mod status;

pub(crate) use evaluate::{Evaluation, answers, evaluate};
pub use status::status;
pub(crate) use status::{comments, content_of};

/// Most files of one submission.
const MEDIA_MAX: usize = 500;

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

    fn until(reason: ParkReason, waits_for: String) -> Self {
        Self { reason, waits_for: Some(waits_for) }
    }
}

/// Reads the body of an operation as a submission.
///
/// # Errors
/// Why it has to be parked: a kind or version that this build does not know,
/// or a body that is not what it says.
pub(crate) fn read(kind: &str, v: u32, body: &serde_json::Value) -> Result<SubmissionContent, Parked> {
    if kind != SUBMISSION_OPERATION || v != SUBMISSION_VERSION {
        let kind: String = kind.chars().take(40).collect();
        return Err(Parked::until(ParkReason::KindUnknown, format!("kind:{}:{v}", storable(&kind))));
    }
    let unreadable = |why: &dyn std::fmt::Display| {
        tracing::warn!(%why, "a submission does not read and is parked");
        Parked::for_good(ParkReason::Unreadable)
    };
    let content: SubmissionContent =
        serde_json::from_value(body.clone()).map_err(|cause| unreadable(&cause))?;
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
    transaction: &DatabaseTransaction,
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
    let place = match place_in_line(transaction, capture).await? {
        Ok(place) => place,
        Err(parked) => return Ok(Applied::Parked(parked)),
    };
    supersede(transaction, capture, changes).await?;
    insert(transaction, capture, evaluation, pack.as_ref(), &case, place.revision).await?;
    if let Some(task) = content.task_id {
        cases::hand_in(transaction, task, case.id, content.submission_id, changes).await?;
    }
    changes.put(StreamName::User(capture.author), item_kind::SUBMISSION, content.submission_id.0);
    Ok(if place.disputed { Applied::Conflict } else { Applied::Entered })
}

/// Whether the author may capture about the case: where it is, or where it was
/// when they saw it (it may have moved while they had no network).
async fn may_capture(
    transaction: &DatabaseTransaction,
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

/// Where a revision stands among the revisions of its root.
struct Place {
    /// As it claims, or the next free number when that one is taken.
    revision: i32,
    disputed: bool,
}

/// Finds a revision's place. A correction needs its predecessor to be here; if
/// that was approved or rejected after all, or was corrected on another phone
/// too, the correction is entered and a person decides.
async fn place_in_line(
    transaction: &DatabaseTransaction,
    capture: &Capture,
) -> Result<Result<Place, Parked>> {
    let content = &capture.content;
    let revision = i32::try_from(content.revision).unwrap_or(i32::MAX);
    if revision == 1 {
        return Ok(Ok(Place { revision, disputed: false }));
    }
    let line = submission::Entity::find()
        .filter(submission::Column::RootId.eq(content.root_id))
        .order_by_asc(submission::Column::Revision)
        .all(transaction)
        .await?;
    let Some(predecessor) = line.iter().find(|row| row.revision == revision - 1) else {
        let waits_for = format!("submission:{}", content.root_id);
        return Ok(Err(Parked::until(ParkReason::PreviousRevisionUnknown, waits_for)));
    };
    if predecessor.author_id != capture.author || predecessor.case_id != content.case_id {
        return Ok(Err(Parked::for_good(ParkReason::Unreadable)));
    }
    let last = line.last().map_or(0, |row| row.revision);
    let decided =
        line.iter().any(|row| matches!(row.state, SubmissionState::Approved | SubmissionState::Rejected));
    Ok(Ok(Place { revision: revision.max(last.saturating_add(1)), disputed: last >= revision || decided }))
}

/// Of a line of revisions only the last can be decided: one before it that
/// still waits (the server was restored from before its return, or it was
/// corrected twice) is returned by this.
async fn supersede(
    transaction: &DatabaseTransaction,
    capture: &Capture,
    changes: &mut Changes,
) -> Result<()> {
    let waiting = submission::Entity::find()
        .filter(submission::Column::RootId.eq(capture.content.root_id))
        .filter(submission::Column::State.eq(SubmissionState::Submitted))
        .all(transaction)
        .await?;
    for row in waiting {
        changes.put(StreamName::User(row.author_id), item_kind::SUBMISSION, row.id.0);
        log_state(transaction, row.id, capture.author, SubmissionState::Returned, capture.received_at)
            .await?;
        let mut row = row.into_active_model();
        row.state = Set(SubmissionState::Returned);
        row.decided_at = Set(Some(capture.received_at));
        row.update(transaction).await?;
    }
    Ok(())
}

async fn insert(
    transaction: &DatabaseTransaction,
    capture: &Capture,
    evaluation: &Evaluation,
    pack: Option<&Pack>,
    case: &CaseRecord,
    revision: i32,
) -> Result<()> {
    let content = &capture.content;
    let mut problems = evaluation.problems.clone();
    let wanted_kind = pack.and_then(|pack| pack.form_use(&content.form_id)).map(|form| &form.kind);
    if wanted_kind.is_some_and(|kind| *kind != case.kind) {
        problems.push(FormProblem {
            path: "/".to_owned(),
            message: LocalText::new("此表单不适用于这类对象。", "This form is not for this kind of case."),
        });
    }
    let row = submission::ActiveModel {
        id: Set(content.submission_id),
        county: Set(case.county.clone()),
        root_id: Set(content.root_id),
        revision: Set(revision),
        form_version_id: Set(content.form_version_id),
        form_id: Set(content.form_id.clone()),
        case_id: Set(content.case_id),
        task_id: Set(content.task_id),
        case_version: Set(cases::signed(content.case_version)?),
        author_id: Set(capture.author),
        device_id: Set(capture.device),
        state: Set(SubmissionState::Submitted),
        content: Set(capture.text.clone()),
        sha256: Set(capture.sha256.clone()),
        verified_instance: Set(serde_json::to_string(&evaluation.instance)?),
        form_problems: Set(serde_json::to_string(&problems)?),
        differences: Set(serde_json::to_string(&evaluation.differences)?),
        alert_level: Set(evaluation.alert_level),
        alert_codes: Set(serde_json::to_string(&evaluation.alert_codes)?),
        finished_at: Set(storable_instant(content.finished_at, capture.received_at)),
        received_at: Set(capture.received_at),
        decided_at: Set(None),
        decided_by: Set(None),
    };
    submission::Entity::insert(row).exec_without_returning(transaction).await?;
    expect_media(transaction, content, capture.author).await?;
    log_state(
        transaction,
        content.submission_id,
        capture.author,
        SubmissionState::Submitted,
        capture.received_at,
    )
    .await
}

/// A phone's clock may say anything; the databases order by this. The content
/// keeps what it said.
fn storable_instant(claimed: DateTime<FixedOffset>, received_at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(claimed.timestamp_micros())
        .filter(|at| *at >= DateTime::UNIX_EPOCH && *at <= received_at + chrono::TimeDelta::days(36_500))
        .unwrap_or(received_at)
}

/// Lists the files that the submission expects. Those that its author has sent
/// before (a correction keeps its photos) need not be sent again; another
/// person's do not count: to know a hash is not to have the file.
async fn expect_media(
    transaction: &DatabaseTransaction,
    content: &SubmissionContent,
    author: UserId,
) -> Result<()> {
    let files: BTreeMap<MediaId, &MediaReference> =
        content.media.iter().map(|file| (file.media_id, file)).collect();
    let own = submission::Entity::find()
        .select_only()
        .column(submission::Column::Id)
        .filter(submission::Column::AuthorId.eq(author))
        .into_query();
    let stored: BTreeMap<ContentHash, DateTime<Utc>> = submission_media::Entity::find()
        .select_only()
        .columns([submission_media::Column::Sha256, submission_media::Column::StoredAt])
        .filter(submission_media::Column::Sha256.is_in(files.values().map(|file| file.sha256.clone())))
        .filter(submission_media::Column::StoredAt.is_not_null())
        .filter(submission_media::Column::SubmissionId.in_subquery(own))
        .into_tuple::<(ContentHash, DateTime<Utc>)>()
        .all(transaction)
        .await?
        .into_iter()
        .collect();
    let mut rows = Vec::new();
    for file in files.into_values() {
        rows.push(submission_media::ActiveModel {
            submission_id: Set(content.submission_id),
            media_id: Set(file.media_id),
            path: Set(file.path.clone()),
            file_name: Set(file.file_name.clone()),
            sha256: Set(file.sha256.clone()),
            size_bytes: Set(cases::signed(file.size_bytes)?),
            content_type: Set(file.content_type.clone()),
            stored_at: Set(stored.get(&file.sha256).copied()),
        });
    }
    for rows in rows.chunks(BATCH) {
        submission_media::Entity::insert_many(rows.iter().cloned())
            .exec_without_returning(transaction)
            .await?;
    }
    Ok(())
}

/// Notes a step in a submission's life.
pub(crate) async fn log_state(
    transaction: &DatabaseTransaction,
    submission_id: SubmissionId,
    actor: UserId,
    state: SubmissionState,
    at: DateTime<Utc>,
) -> Result<()> {
    let row = submission_event::ActiveModel {
        id: Set(EventId(Uuid::now_v7())),
        submission_id: Set(submission_id),
        actor_id: Set(actor),
        state: Set(state),
        at: Set(at),
    };
    submission_event::Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
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
        assert_eq!(reason("submission", 1, &body()), None);
        assert_eq!(reason("submission", 2, &body()), Some(ParkReason::KindUnknown));
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

    #[test]
    fn an_impossible_clock_does_not_reach_the_order() {
        let received = DateTime::from_timestamp_micros(1_795_449_599_000_000).unwrap_or_default();
        let at = |text: &str| {
            let claimed = DateTime::parse_from_rfc3339(text).unwrap_or_default();
            storable_instant(claimed, received)
        };
        assert_eq!(at("2026-11-23T09:30:00+08:00").to_rfc3339(), "2026-11-23T01:30:00+00:00");
        assert_eq!(at("0001-01-01T00:00:00Z"), received);
        assert_eq!(at("9999-01-01T00:00:00Z"), received);
    }
}
