//! Approved visits as phones see them in a case's history.

use std::collections::HashMap;

use doorstep_core::case::{CaseAction, VisitRecord};
use doorstep_core::ids::{SubmissionId, UserId};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};

use crate::db::entity::{case_event, submission};
use crate::error::Result;
use crate::streams::BATCH;
use crate::users;

/// Of a submission, what its visit shows.
#[derive(FromQueryResult)]
struct Facts {
    id: SubmissionId,
    author_id: UserId,
    alert_level: i16,
    alert_codes: String,
}

/// The visits that these submissions became; those that became none are left
/// out.
pub(crate) async fn visits(
    connection: &impl ConnectionTrait,
    ids: &[SubmissionId],
) -> Result<Vec<VisitRecord>> {
    let mut visits = Vec::new();
    for ids in ids.chunks(BATCH) {
        let facts: HashMap<SubmissionId, Facts> = submission::Entity::find()
            .select_only()
            .columns([
                submission::Column::Id,
                submission::Column::AuthorId,
                submission::Column::AlertLevel,
                submission::Column::AlertCodes,
            ])
            .filter(submission::Column::Id.is_in(ids.iter().copied()))
            .into_model::<Facts>()
            .all(connection)
            .await?
            .into_iter()
            .map(|facts| (facts.id, facts))
            .collect();
        let authors: Vec<UserId> = facts.values().map(|facts| facts.author_id).collect();
        let names = users::display_names(connection, &authors).await?;
        let events = case_event::Entity::find()
            .filter(case_event::Column::SubmissionId.is_in(ids.iter().copied()))
            .all(connection)
            .await?;
        for event in events {
            let action: CaseAction = serde_json::from_str(&event.action)?;
            let CaseAction::Visited { form_id, visited_on, counted, .. } = action else { continue };
            let Some(facts) = event.submission_id.and_then(|id| facts.get(&id)) else { continue };
            visits.push(VisitRecord {
                submission_id: facts.id,
                case_id: event.case_id,
                form_id,
                visited_on,
                worker_name: names.get(&facts.author_id).cloned().unwrap_or_default(),
                counted,
                alert_level: u8::try_from(facts.alert_level).unwrap_or_default(),
                alert_codes: serde_json::from_str(&facts.alert_codes)?,
            });
        }
    }
    Ok(visits)
}
