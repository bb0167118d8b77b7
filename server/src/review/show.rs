//! One submission with everything that a reviewer decides on.

use std::collections::HashMap;

use doorstep_core::api::{MediaRecord, SubmissionDetail};
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{SubmissionId, UserId};
use doorstep_core::problem::ProblemCode;
use doorstep_core::role::Action;
use doorstep_core::submission::{SubmissionContent, SubmissionState, may_review};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use super::outcome::{self, Outcome};
use super::queue::form_titles;
use crate::app::Components;
use crate::auth::permit::{Permit, ReadSubmissions};
use crate::db::entity::{media, submission, submission_media};
use crate::error::Result;
use crate::evidence;
use crate::submissions::{content_of, status};
use crate::{area, cases, pack, users};

pub(super) async fn detail(
    components: &Components,
    permit: &Permit<ReadSubmissions>,
    id: SubmissionId,
) -> Result<SubmissionDetail> {
    components
        .database
        .snapshot(async |transaction| {
            let row = submission::Entity::find_by_id(id).one(transaction).await?;
            let row = row.ok_or(ProblemCode::NotFound)?;
            let case = cases::find(transaction, row.case_id).await?.ok_or(ProblemCode::NotFound)?;
            let pack = pack::current(transaction, permit.county()).await?;
            let programme = pack.as_ref().and_then(|pack| pack.programme(&case.kind));
            let path = area::path(transaction, case.area_id).await?;
            if !permit.may(Action::ReadSubmissions, &path, programme) {
                return Err(ProblemCode::NotFound.into());
            }
            let may_decide = permit.may(Action::Review, &path, programme);
            let blocked = blocked(&row, permit.user_id(), may_decide);
            let conflicts = match (&pack, row.state) {
                (Some(pack), SubmissionState::Submitted) => {
                    let writes = Outcome::of(pack, &row, &case)?.writes;
                    outcome::conflicts(transaction, &row, &case, &writes).await?
                }
                _ => Vec::new(),
            };
            let statuses = status(transaction, &[id]).await?;
            let title = form_titles(transaction, &[row.form_version_id]).await?.remove(&row.form_version_id);
            let author = users::display_names(transaction, &[row.author_id]).await?.remove(&row.author_id);
            Ok(SubmissionDetail {
                evidence: evidence::standing(transaction, &row).await?,
                status: statuses.into_iter().next().ok_or(ProblemCode::NotFound)?,
                content: content_of(&row)?,
                form_title: title.unwrap_or_default(),
                area_name: area::name(transaction, case.area_id).await?,
                case,
                author_name: author.unwrap_or_default(),
                alert_level: u8::try_from(row.alert_level).unwrap_or_default(),
                alert_codes: serde_json::from_str(&row.alert_codes)?,
                media: files(transaction, id).await?,
                form_problems: serde_json::from_str(&row.form_problems)?,
                differences: serde_json::from_str(&row.differences)?,
                conflicts,
                previous: previous(transaction, &row).await?,
                blocked,
            })
        })
        .await
}

fn blocked(row: &submission::Model, reviewer: UserId, may_decide: bool) -> Option<ProblemCode> {
    if row.state != SubmissionState::Submitted {
        Some(ProblemCode::NotReviewable)
    } else if !may_review(row.author_id, reviewer) {
        Some(ProblemCode::OwnSubmission)
    } else if !may_decide {
        Some(ProblemCode::NoPermission)
    } else {
        None
    }
}

async fn files(connection: &impl ConnectionTrait, id: SubmissionId) -> Result<Vec<MediaRecord>> {
    let expected = submission_media::Entity::find()
        .filter(submission_media::Column::SubmissionId.eq(id))
        .order_by_asc(submission_media::Column::Path)
        .order_by_asc(submission_media::Column::MediaId)
        .all(connection)
        .await?;
    let found: HashMap<ContentHash, media::Model> = media::Entity::find()
        .filter(media::Column::Sha256.is_in(expected.iter().map(|file| file.sha256.clone())))
        .all(connection)
        .await?
        .into_iter()
        .map(|row| (row.sha256.clone(), row))
        .collect();
    Ok(expected
        .into_iter()
        .map(|file| {
            let stored = file.stored_at.is_some();
            let known = found.get(&file.sha256).filter(|_| stored);
            let shown = known.filter(|row| row.width_px > 0 && row.quarantine.is_none());
            MediaRecord {
                media_id: file.media_id,
                path: file.path,
                file_name: file.file_name,
                content_type: file.content_type,
                stored,
                quarantine: known.and_then(|row| row.quarantine),
                preview_of: file.preview_of,
                width_px: shown.and_then(|row| u32::try_from(row.width_px).ok()),
                height_px: shown.and_then(|row| u32::try_from(row.height_px).ok()),
            }
        })
        .collect())
}

/// What was sent before, if this is a correction.
async fn previous(
    connection: &impl ConnectionTrait,
    row: &submission::Model,
) -> Result<Option<SubmissionContent>> {
    let before = submission::Entity::find()
        .filter(submission::Column::RootId.eq(row.root_id))
        .filter(submission::Column::Revision.lt(row.revision))
        .order_by_desc(submission::Column::Revision)
        .one(connection)
        .await?;
    before.as_ref().map(content_of).transpose()
}
