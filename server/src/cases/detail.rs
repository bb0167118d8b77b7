//! `GET /api/v1/cases/{id}`: a case with its history.

use std::collections::BTreeMap;

use actix_web::web;
use doorstep_core::api::CaseDetail;
use doorstep_core::ids::{CaseId, SubmissionId};
use doorstep_core::problem::ProblemCode;
use doorstep_core::role::Action;
use doorstep_core::task::TaskState;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{events_after, find, task_record, visits};
use crate::app::Components;
use crate::auth::permit::{Permit, ReadCases};
use crate::db::entity::{submission, task};
use crate::error::Result;
use crate::{area, pack, submissions, users};

/// `GET /api/v1/cases/{id}`. A case that the asker may not see is not there.
pub(crate) async fn detail(
    components: web::Data<Components>,
    permit: Permit<ReadCases>,
    id: web::Path<CaseId>,
) -> Result<web::Json<CaseDetail>> {
    let detail = components.database.snapshot(async |transaction| {
        let case = find(transaction, *id).await?.ok_or(ProblemCode::NotFound)?;
        let pack = pack::current(transaction, permit.county()).await?;
        let programme = pack.as_ref().and_then(|pack| pack.programme(&case.kind));
        let path = area::path(transaction, case.area_id).await?;
        if !permit.may(Action::ReadCases, &path, programme) {
            return Err(ProblemCode::NotFound.into());
        }
        let events = events_after(transaction, case.id, 0).await?;
        let visited: Vec<SubmissionId> = events.iter().filter_map(|event| event.submission_id).collect();
        let mut visits = visits(transaction, &visited).await?;
        visits.sort_by_key(|visit| std::cmp::Reverse((visit.visited_on, visit.submission_id)));
        let mut tasks = Vec::new();
        let rows = task::Entity::find()
            .filter(task::Column::CaseId.eq(case.id))
            .filter(task::Column::State.is_in([TaskState::Open, TaskState::Submitted]))
            .order_by_asc(task::Column::DueOn)
            .order_by_asc(task::Column::Id)
            .all(transaction)
            .await?;
        for row in rows {
            tasks.push(task_record(row)?);
        }
        let captured: Vec<SubmissionId> = submission::Entity::find()
            .select_only()
            .column(submission::Column::Id)
            .filter(submission::Column::CaseId.eq(case.id))
            .into_tuple()
            .all(transaction)
            .await?;
        let comments = submissions::comments(transaction, &captured).await?;
        let actors: Vec<_> = events.iter().map(|event| event.actor).collect();
        let people: BTreeMap<_, _> = users::display_names(transaction, &actors).await?.into_iter().collect();
        Ok(CaseDetail {
            area_name: area::name(transaction, case.area_id).await?,
            case,
            events,
            visits,
            tasks,
            comments: comments.into_values().flatten().collect(),
            people,
        })
    });
    detail.await.map(web::Json)
}
