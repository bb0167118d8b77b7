//! Operations that are stored and could not be applied yet.

use std::collections::{HashMap, VecDeque};

use doorstep_core::api::{ParkedAnswer, ParkedOperation};
use doorstep_core::area::AreaLevel;
use doorstep_core::ids::{AreaId, CaseId, FormVersionId, OperationId, SubmissionId, UserId};
use doorstep_core::role::{self, Action};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};

use super::push::{PARKED, reason, set_outcome};
use crate::app::Components;
use crate::auth::permit::{Permit, ReadParked};
use crate::db::entity::{area, case, form_version, operation, submission};
use crate::error::Result;
use crate::streams::Changes;
use crate::submissions::{self, Applied, Capture};
use crate::{cases, pack, users};

/// Most that is listed at once.
const LIST_MAX: u64 = 500;

/// Tries what waits for `waits_for` again, oldest first: `case:{id}` after a
/// case was opened, `form_version:{id}` after a form was published,
/// `user:{id}` after an account was enabled or given a role,
/// `submission:{root}` after a revision arrived. Call it after the commit of
/// what they wait for. Returns how many were applied; their authors' streams
/// say so.
///
/// # Errors
/// When the database refuses. One operation that fails does not stop the
/// others; it stays parked, and the log says why.
pub async fn retry_parked(components: &Components, waits_for: &str) -> Result<usize> {
    let mut applied = 0;
    let mut words = VecDeque::from([waits_for.to_owned()]);
    while let Some(word) = words.pop_front() {
        let waiting: Vec<OperationId> = operation::Entity::find()
            .select_only()
            .column(operation::Column::OpId)
            .filter(operation::Column::WaitsFor.eq(&word))
            .filter(operation::Column::Outcome.eq(PARKED))
            .order_by_asc(operation::Column::ReceivedAt)
            .order_by_asc(operation::Column::Seq)
            .into_tuple()
            .all(components.database.read())
            .await?;
        for op_id in waiting {
            match retry(components, op_id).await {
                Ok(None) => {}
                Ok(Some(root)) => {
                    applied += 1;
                    // A correction may wait for just this one.
                    words.push_back(format!("submission:{root}"));
                }
                Err(error) => tracing::error!(%op_id, %error, "a parked operation could not be tried again"),
            }
        }
    }
    Ok(applied)
}

/// Tries everything again that waits for something. The server does so when it
/// starts and now and then: a build before this one may not have been able to
/// read it, and whoever was to try it again may have been ended just before.
///
/// # Errors
/// As [`retry_parked`].
pub async fn retry_everything(components: &Components) -> Result<usize> {
    let words: Vec<Option<String>> = operation::Entity::find()
        .select_only()
        .column(operation::Column::WaitsFor)
        .filter(operation::Column::Outcome.eq(PARKED))
        .filter(operation::Column::WaitsFor.is_not_null())
        .distinct()
        .order_by_asc(operation::Column::WaitsFor)
        .into_tuple()
        .all(components.database.read())
        .await?;
    let mut applied = 0;
    for word in words.into_iter().flatten() {
        applied += retry_parked(components, &word).await?;
    }
    Ok(applied)
}

/// Tries the corrections again that wait for a revision of this submission's
/// root.
pub(super) async fn retry_corrections(components: &Components, submission: SubmissionId) -> Result<usize> {
    let root: Option<SubmissionId> = submission::Entity::find_by_id(submission)
        .select_only()
        .column(submission::Column::RootId)
        .into_tuple()
        .one(components.database.read())
        .await?;
    match root {
        Some(root) => retry_parked(components, &format!("submission:{root}")).await,
        None => Ok(0),
    }
}

/// Tries one again, in a transaction of its own. Returns the root of the
/// submission if it was applied.
async fn retry(components: &Components, op_id: OperationId) -> Result<Option<SubmissionId>> {
    let read = components.database.read();
    let Some(row) = operation::Entity::find_by_id(op_id).one(read).await? else { return Ok(None) };
    let body = serde_json::from_str(&row.body)?;
    let v = u32::try_from(row.v).unwrap_or_default();
    let Ok(content) = submissions::read(&row.kind, v, &body) else { return Ok(None) };
    let author = users::find(read, row.user_id).await?;
    let evaluation = submissions::evaluate(components, &content, &author.login_name).await?;
    let capture = Capture {
        text: row.body,
        sha256: row.sha256,
        author: row.user_id,
        device: row.device_id,
        received_at: row.received_at,
        content,
    };
    components
        .database
        .write(async |transaction| {
            let row = operation::Entity::find_by_id(op_id).lock_exclusive().one(transaction).await?;
            // Somebody else may have been quicker.
            let Some(mut row) = row.filter(|row| row.outcome == PARKED) else { return Ok(None) };
            let mut changes = Changes::new();
            let applied =
                submissions::apply(transaction, &capture, evaluation.as_ref(), &mut changes).await?;
            let before = row.clone();
            set_outcome(&mut row, &applied)?;
            row.submission_id = Some(capture.content.submission_id);
            if row == before {
                return Ok(None);
            }
            let county = row.county.clone();
            row.into_active_model().reset_all().update(transaction).await?;
            changes.number(transaction, &county).await?;
            let is_parked = matches!(applied, Applied::Parked(_));
            Ok((!is_parked).then_some(capture.content.root_id))
        })
        .await
}

/// Whether what an operation waits for is there by now.
pub(super) async fn is_there(components: &Components, waits_for: &str) -> Result<bool> {
    let read = components.database.read();
    let Some((what, id)) = waits_for.split_once(':') else { return Ok(false) };
    let Ok(id) = id.parse::<uuid::Uuid>() else { return Ok(false) };
    let found = match what {
        "case" => case::Entity::find_by_id(CaseId(id)).one(read).await?.is_some(),
        "form_version" => {
            let ids: Option<FormVersionId> = form_version::Entity::find_by_id(FormVersionId(id))
                .select_only()
                .column(form_version::Column::Id)
                .into_tuple()
                .one(read)
                .await?;
            ids.is_some()
        }
        "submission" => {
            let ids: Option<SubmissionId> = submission::Entity::find()
                .select_only()
                .column(submission::Column::Id)
                .filter(submission::Column::RootId.eq(id))
                .into_tuple()
                .one(read)
                .await?;
            ids.is_some()
        }
        // The account was looked at in the transaction that parked it; who
        // enables it, or gives it a role, tries again.
        _ => false,
    };
    Ok(found)
}

/// What is parked, oldest first, for people who can do something about it:
/// about a case where they may see parked operations; of an author who works
/// in their area; and, what can be placed nowhere, for the county.
pub(super) async fn list(components: &Components, permit: &Permit<ReadParked>) -> Result<ParkedAnswer> {
    let read = components.database.read();
    let rows = operation::Entity::find()
        .filter(operation::Column::County.eq(permit.county()))
        .filter(operation::Column::Outcome.eq(PARKED))
        .order_by_asc(operation::Column::ReceivedAt)
        .limit(LIST_MAX)
        .all(read)
        .await?;
    let pack = pack::current(read, permit.county()).await?;
    let scopes: Vec<_> =
        permit.actor().scopes.iter().filter(|scope| role::allows(scope.role, Action::ReadParked)).collect();
    let levels: HashMap<AreaId, AreaLevel> = area::Entity::find()
        .filter(area::Column::Id.is_in(scopes.iter().map(|scope| scope.area_id)))
        .all(read)
        .await?
        .into_iter()
        .map(|area| (area.id, area.level))
        .collect();
    let of_the_county = scopes
        .iter()
        .any(|scope| levels.get(&scope.area_id).is_some_and(|level| *level <= AreaLevel::County));
    let authors: Vec<UserId> = rows.iter().map(|row| row.user_id).collect();
    let names = users::display_names(read, &authors).await?;
    let mut operations = Vec::new();
    for row in rows {
        let author = users::actor(read, row.user_id).await?;
        let is_colleague = author
            .scopes
            .iter()
            .any(|scope| permit.may(Action::ReadParked, &scope.area_path, scope.programme.as_deref()));
        let visible = of_the_county
            || is_colleague
            || match case_of(&row) {
                None => false,
                Some(case) => match cases::find(read, case).await? {
                    None => false,
                    Some(case) => {
                        let programme = pack.as_ref().and_then(|pack| pack.programme(&case.kind));
                        let path = crate::area::path(read, case.area_id).await?;
                        permit.may(Action::ReadParked, &path, programme)
                    }
                },
            };
        if visible {
            operations.push(ParkedOperation {
                op_id: row.op_id,
                reason: reason(&row)?,
                author_name: names.get(&row.user_id).cloned().unwrap_or_default(),
                received_at: row.received_at,
                kind: row.kind,
            });
        }
    }
    Ok(ParkedAnswer { operations })
}

fn case_of(row: &operation::Model) -> Option<CaseId> {
    let body: serde_json::Value = serde_json::from_str(&row.body).ok()?;
    body.get("case_id")?.as_str()?.parse().ok()
}
