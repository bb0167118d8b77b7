//! Entering a capture: its place among the revisions of its root, its rows,
//! the files that it expects.

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset, Utc};
use doorstep_core::api::FormProblem;
use doorstep_core::case::CaseRecord;
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{EventId, MediaId, SubmissionId, UserId};
use doorstep_core::pack::Pack;
use doorstep_core::submission::{MediaReference, SubmissionContent, SubmissionState};
use doorstep_core::sync::{ParkReason, StreamName, item_kind};
use doorstep_core::text::LocalText;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Set,
};
use uuid::Uuid;

use super::{Capture, Evaluation, Parked};
use crate::cases;
use crate::db::Transaction;
use crate::db::entity::{submission, submission_event, submission_media};
use crate::error::Result;
use crate::streams::{BATCH, Changes};

/// Where a revision stands among the revisions of its root.
pub(super) struct Place {
    /// As it claims, or the next free number when that one is taken.
    pub(super) revision: i32,
    pub(super) disputed: bool,
}

/// Finds a revision's place. A correction needs its predecessor to be here; if
/// that was approved or rejected after all, or was corrected on another phone
/// too, the correction is entered and a person decides.
pub(super) async fn place_in_line(
    transaction: &Transaction,
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
/// corrected twice) is returned by this. Those that were returned are not the
/// ones to correct any more, and their author's phones learn so.
pub(super) async fn supersede(
    transaction: &Transaction,
    capture: &Capture,
    changes: &mut Changes,
) -> Result<()> {
    let line = submission::Entity::find()
        .filter(submission::Column::RootId.eq(capture.content.root_id))
        .filter(submission::Column::State.is_in([SubmissionState::Submitted, SubmissionState::Returned]))
        .all(transaction)
        .await?;
    for row in line {
        changes.put(StreamName::User(row.author_id), item_kind::SUBMISSION, row.id.0);
        if row.state == SubmissionState::Returned {
            continue;
        }
        log_state(transaction, row.id, capture.author, SubmissionState::Returned, capture.received_at)
            .await?;
        let mut row = row.into_active_model();
        row.state = Set(SubmissionState::Returned);
        row.decided_at = Set(Some(capture.received_at));
        row.update(transaction).await?;
    }
    Ok(())
}

pub(super) async fn insert(
    transaction: &Transaction,
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
async fn expect_media(transaction: &Transaction, content: &SubmissionContent, author: UserId) -> Result<()> {
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
            preview_of: Set(file.preview_of),
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
    transaction: &Transaction,
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

#[cfg(test)]
mod tests {
    use super::*;

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
