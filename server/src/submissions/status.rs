//! What became of submissions, as their author's phone learns it.

use std::collections::{BTreeMap, HashMap};

use doorstep_core::ids::{MediaId, SubmissionId, UserId};
use doorstep_core::media::{QuarantineReason, QuarantinedMedia};
use doorstep_core::submission::{Comment, SubmissionContent, SubmissionState, SubmissionStatus, versions};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect};

use crate::db::entity::{media, submission, submission_comment, submission_media};
use crate::error::{Error, Result};
use crate::streams::BATCH;
use crate::users;

/// The status of several submissions, in a handful of queries; unknown ones
/// are left out.
///
/// # Errors
/// When the database refuses.
pub async fn status(
    connection: &impl ConnectionTrait,
    ids: &[SubmissionId],
) -> Result<Vec<SubmissionStatus>> {
    let mut statuses = Vec::new();
    for ids in ids.chunks(BATCH) {
        let rows = submission::Entity::find()
            .filter(submission::Column::Id.is_in(ids.iter().copied()))
            .all(connection)
            .await?;
        let mut comments = comments(connection, ids).await?;
        let mut missing = missing_media(connection, ids).await?;
        let mut quarantined = quarantined_media(connection, ids).await?;
        let roots: Vec<SubmissionId> = rows.iter().map(|row| row.root_id).collect();
        let latest = latest_revisions(connection, &roots).await?;
        for row in rows {
            // The content of a returned one, while it is the one to correct.
            let to_correct = row.state == SubmissionState::Returned
                && latest.get(&row.root_id).is_none_or(|latest| *latest <= row.revision);
            statuses.push(SubmissionStatus {
                submission_id: row.id,
                root_id: row.root_id,
                revision: u32::try_from(row.revision).map_err(Error::internal)?,
                form_id: row.form_id.clone(),
                form_version_id: row.form_version_id,
                case_id: row.case_id,
                task_id: row.task_id,
                state: row.state,
                sha256: row.sha256.clone(),
                received_at: row.received_at,
                decided_at: row.decided_at,
                comments: comments.remove(&row.id).unwrap_or_default(),
                media_missing: missing.remove(&row.id).unwrap_or_default(),
                media_quarantined: quarantined.remove(&row.id).unwrap_or_default(),
                content: if to_correct { Some(content_of(&row)?) } else { None },
            });
        }
    }
    Ok(statuses)
}

/// What a submission's row says was captured.
pub(crate) fn content_of(row: &submission::Model) -> Result<SubmissionContent> {
    versions::read_any(&serde_json::from_str(&row.content)?).map_err(Error::internal)
}

/// The remarks on several submissions, oldest first.
pub(crate) async fn comments(
    connection: &impl ConnectionTrait,
    ids: &[SubmissionId],
) -> Result<BTreeMap<SubmissionId, Vec<Comment>>> {
    let mut rows = Vec::new();
    for ids in ids.chunks(BATCH) {
        rows.extend(
            submission_comment::Entity::find()
                .filter(submission_comment::Column::SubmissionId.is_in(ids.iter().copied()))
                .order_by_asc(submission_comment::Column::At)
                .order_by_asc(submission_comment::Column::Id)
                .all(connection)
                .await?,
        );
    }
    let authors: Vec<UserId> = rows.iter().map(|row| row.author_id).collect();
    let names = users::display_names(connection, &authors).await?;
    let mut comments: BTreeMap<SubmissionId, Vec<Comment>> = BTreeMap::new();
    for row in rows {
        comments.entry(row.submission_id).or_default().push(Comment {
            id: row.id,
            path: row.path,
            text: row.text,
            author_name: names.get(&row.author_id).cloned().unwrap_or_default(),
            at: row.at,
        });
    }
    Ok(comments)
}

async fn missing_media(
    connection: &impl ConnectionTrait,
    ids: &[SubmissionId],
) -> Result<HashMap<SubmissionId, Vec<MediaId>>> {
    let rows: Vec<(SubmissionId, MediaId)> = submission_media::Entity::find()
        .select_only()
        .columns([submission_media::Column::SubmissionId, submission_media::Column::MediaId])
        .filter(submission_media::Column::SubmissionId.is_in(ids.iter().copied()))
        .filter(submission_media::Column::StoredAt.is_null())
        .order_by_asc(submission_media::Column::MediaId)
        .into_tuple()
        .all(connection)
        .await?;
    let mut missing: HashMap<SubmissionId, Vec<MediaId>> = HashMap::new();
    for (submission, media) in rows {
        missing.entry(submission).or_default().push(media);
    }
    Ok(missing)
}

async fn quarantined_media(
    connection: &impl ConnectionTrait,
    ids: &[SubmissionId],
) -> Result<HashMap<SubmissionId, Vec<QuarantinedMedia>>> {
    let rows: Vec<(SubmissionId, MediaId, QuarantineReason)> = submission_media::Entity::find()
        .select_only()
        .columns([submission_media::Column::SubmissionId, submission_media::Column::MediaId])
        .column(media::Column::Quarantine)
        .join(
            JoinType::InnerJoin,
            submission_media::Entity::belongs_to(media::Entity)
                .from(submission_media::Column::Sha256)
                .to(media::Column::Sha256)
                .into(),
        )
        .filter(submission_media::Column::SubmissionId.is_in(ids.iter().copied()))
        .filter(submission_media::Column::StoredAt.is_not_null())
        .filter(media::Column::Quarantine.is_not_null())
        .order_by_asc(submission_media::Column::MediaId)
        .into_tuple()
        .all(connection)
        .await?;
    let mut quarantined: HashMap<SubmissionId, Vec<QuarantinedMedia>> = HashMap::new();
    for (submission, media_id, reason) in rows {
        quarantined.entry(submission).or_default().push(QuarantinedMedia { media_id, reason });
    }
    Ok(quarantined)
}

async fn latest_revisions(
    connection: &impl ConnectionTrait,
    roots: &[SubmissionId],
) -> Result<HashMap<SubmissionId, i32>> {
    Ok(submission::Entity::find()
        .select_only()
        .column(submission::Column::RootId)
        .column_as(submission::Column::Revision.max(), "latest")
        .filter(submission::Column::RootId.is_in(roots.iter().copied()))
        .group_by(submission::Column::RootId)
        .into_tuple::<(SubmissionId, i32)>()
        .all(connection)
        .await?
        .into_iter()
        .collect())
}
