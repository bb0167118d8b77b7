//! Whether something is parked that could be applied: worked out anew from
//! what is in the database, not by the code that parks.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use doorstep::app::Components;
use doorstep::db::entity::{case, case_event, form_version, operation, submission};
use doorstep::{area, pack, users};
use doorstep_core::case::CaseAction;
use doorstep_core::ids::AreaId;
use doorstep_core::role::{self, Action};
use doorstep_core::submission::{SubmissionContent, versions};
use doorstep_core::sync::SUBMISSION_OPERATION;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::county::COUNTY;

/// Parked operations that nothing stands in the way of.
///
/// # Errors
/// When the database refuses.
pub async fn applicable(components: &Components) -> Result<Vec<String>> {
    let connection = components.database.read();
    let rows = operation::Entity::find()
        .filter(operation::Column::Outcome.eq("parked"))
        .order_by_asc(operation::Column::OpId)
        .all(connection)
        .await?;
    let mut wrong = Vec::new();
    for row in rows {
        let reason = row.park_reason.clone().unwrap_or_default();
        if stands_in_the_way(components, &row).await?.is_none() {
            wrong.push(format!("something is parked as {reason} and could be applied"));
        }
    }
    Ok(wrong)
}

async fn stands_in_the_way(components: &Components, row: &operation::Model) -> Result<Option<&'static str>> {
    let connection = components.database.read();
    if row.kind != SUBMISSION_OPERATION {
        return Ok(Some("an unknown kind"));
    }
    let body = serde_json::from_str(&row.body)?;
    let Ok(content) = versions::read(u32::try_from(row.v)?, &body) else {
        return Ok(Some("it does not read"));
    };
    if submission::Entity::find_by_id(content.submission_id).one(connection).await?.is_some() {
        return Ok(Some("another content under the same name"));
    }
    let author = users::find(connection, row.user_id).await?;
    if author.disabled_at.is_some() {
        return Ok(Some("a disabled author"));
    }
    // Every case was entered and every form published again before.
    if form_version::Entity::find_by_id(content.form_version_id).one(connection).await?.is_none() {
        return Ok(None);
    }
    let Some(case) = case::Entity::find_by_id(content.case_id).one(connection).await? else {
        return Ok(None);
    };
    let mut areas = BTreeSet::from([case.area_id]);
    areas.extend(seen_in(components, &content).await?);
    let actor = users::actor(connection, row.user_id).await?;
    let pack = pack::current(connection, COUNTY).await?.context("no pack")?;
    let mut may = false;
    for area in areas {
        let path = area::path(connection, area).await?;
        may |= role::can(&actor, Action::Capture, &path, pack.programme(&case.kind));
    }
    if !may {
        return Ok(Some("an author without the area"));
    }
    if content.revision > 1 {
        let line = submission::Entity::find()
            .filter(submission::Column::RootId.eq(content.root_id))
            .all(connection)
            .await?;
        let before = line.iter().any(|known| {
            i64::from(known.revision) == i64::from(content.revision) - 1
                && known.author_id == row.user_id
                && known.case_id == content.case_id
        });
        if !before {
            return Ok(Some("no revision before it"));
        }
    }
    Ok(None)
}

/// Where the case was when the author saw it.
async fn seen_in(components: &Components, content: &SubmissionContent) -> Result<Option<AreaId>> {
    let events = case_event::Entity::find()
        .filter(case_event::Column::CaseId.eq(content.case_id))
        .filter(case_event::Column::Version.lte(i64::try_from(content.case_version).unwrap_or(i64::MAX)))
        .order_by_asc(case_event::Column::Version)
        .all(components.database.read())
        .await?;
    let mut area = None;
    for event in events {
        match serde_json::from_str::<CaseAction>(&event.action)? {
            CaseAction::Opened { area_id, .. } | CaseAction::Moved { area_id } => area = Some(area_id),
            CaseAction::Visited { .. } => {}
        }
    }
    Ok(area)
}
