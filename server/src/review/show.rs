//! One submission with everything that a reviewer decides on.

use std::collections::HashMap;

use doorstep_core::api::{CasePlace, MediaRecord, SubmissionDetail};
use doorstep_core::case::CaseRecord;
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{SubmissionId, UserId};
use doorstep_core::problem::ProblemCode;
use doorstep_core::role::Action;
use doorstep_core::submission::{Spot, SubmissionState, may_review};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::outcome::{self, Outcome};
use super::queue::form_titles;
use crate::app::Components;
use crate::auth::permit::{Permit, ReadSubmissions};
use crate::db::entity::{media, submission, submission_media};
use crate::error::Result;
use crate::evidence;
use crate::media::address_of;
use crate::submissions::{content_of, status};
use crate::{area, cases, pack, users};

/// The property of a case that says where it is.
const PLACE_PROPERTY: &str = "gps";
/// A place that so many visits did not measure is not measured.
const VISITS_LOOKED_AT: u64 = 5;

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
            let before = previous(transaction, &row).await?;
            let case_place = place_of_case(transaction, &case, row.root_id).await?;
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
                media: files(components, permit, transaction, id).await?,
                form_problems: serde_json::from_str(&row.form_problems)?,
                differences: serde_json::from_str(&row.differences)?,
                conflicts,
                previous_media: match &before {
                    Some(before) => files(components, permit, transaction, before.id).await?,
                    None => Vec::new(),
                },
                previous: before.as_ref().map(content_of).transpose()?,
                case_place,
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

async fn files(
    components: &Components,
    permit: &Permit<ReadSubmissions>,
    connection: &impl ConnectionTrait,
    id: SubmissionId,
) -> Result<Vec<MediaRecord>> {
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
    expected
        .into_iter()
        .map(|file| {
            let stored = file.stored_at.is_some();
            let known = found.get(&file.sha256).filter(|_| stored);
            let shown = known.filter(|row| row.width_px > 0 && row.quarantine.is_none());
            let given = known.filter(|row| row.quarantine.is_none());
            let address = given.map(|_| address_of(components, permit.session_id(), file.media_id));
            Ok(MediaRecord {
                media_id: file.media_id,
                path: file.path,
                file_name: file.file_name,
                content_type: file.content_type,
                stored,
                stored_at: file.stored_at,
                address: address.transpose()?.map(|address| address.address),
                quarantine: known.and_then(|row| row.quarantine),
                preview_of: file.preview_of,
                width_px: shown.and_then(|row| u32::try_from(row.width_px).ok()),
                height_px: shown.and_then(|row| u32::try_from(row.height_px).ok()),
            })
        })
        .collect()
}

/// What was sent before, if this is a correction.
async fn previous(
    connection: &impl ConnectionTrait,
    row: &submission::Model,
) -> Result<Option<submission::Model>> {
    let before = submission::Entity::find()
        .filter(submission::Column::RootId.eq(row.root_id))
        .filter(submission::Column::Revision.lt(row.revision))
        .order_by_desc(submission::Column::Revision)
        .one(connection)
        .await?;
    Ok(before)
}

/// Where the case is: what the ledger says (the property `gps`, written as
/// forms write a `geopoint`), else where the last approved visit was.
async fn place_of_case(
    connection: &impl ConnectionTrait,
    case: &CaseRecord,
    root_id: SubmissionId,
) -> Result<Option<CasePlace>> {
    if let Some(spot) = case.properties.get(PLACE_PROPERTY).and_then(|text| Spot::of_geopoint(text)) {
        return Ok(Some(CasePlace { spot, visited_at: None }));
    }
    let visits = submission::Entity::find()
        .filter(submission::Column::CaseId.eq(case.id))
        .filter(submission::Column::State.eq(SubmissionState::Approved))
        .filter(submission::Column::RootId.ne(root_id))
        .order_by_desc(submission::Column::FinishedAt)
        .order_by_desc(submission::Column::Id)
        .limit(VISITS_LOOKED_AT)
        .all(connection)
        .await?;
    for visit in &visits {
        let content = content_of(visit)?;
        if let Some(place) = content.place {
            return Ok(Some(CasePlace { spot: place.spot(), visited_at: Some(content.finished_at) }));
        }
    }
    Ok(None)
}
