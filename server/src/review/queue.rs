//! What waits for a reviewer.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use doorstep_core::api::{QueueAnswer, QueueEntry};
use doorstep_core::ids::{AreaId, CaseId, FormVersionId, SubmissionId, UserId};
use doorstep_core::pack::Pack;
use doorstep_core::role::{self, Action, Scope};
use doorstep_core::submission::SubmissionState;
use doorstep_core::text::LocalText;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait,
};

use crate::app::Components;
use crate::auth::permit::{Permit, ReadSubmissions};
use crate::clock::china_offset;
use crate::db::entity::{case, form_version, submission, submission_media};
use crate::error::{Error, Result};
use crate::streams::BATCH;
use crate::{area, cases, pack, users};

/// Most entries of one answer; the riskiest come first.
const ENTRIES_MAX: u64 = 500;

/// A submission without its answers.
#[derive(FromQueryResult)]
struct Waiting {
    id: SubmissionId,
    revision: i32,
    state: SubmissionState,
    form_id: String,
    form_version_id: FormVersionId,
    case_id: CaseId,
    author_id: UserId,
    finished_at: DateTime<Utc>,
    received_at: DateTime<Utc>,
    alert_level: i16,
    alert_codes: String,
}

/// What waits in the asker's areas and programmes: highest alert first, then
/// whoever waits longest.
pub(super) async fn queue(components: &Components, permit: &Permit<ReadSubmissions>) -> Result<QueueAnswer> {
    let entries = components.database.snapshot(async |transaction| {
        let pack = pack::current(transaction, permit.county()).await?;
        let mut visible = Condition::any();
        for scope in &permit.actor().scopes {
            if role::allows(scope.role, Action::ReadSubmissions) {
                visible = visible.add(of_cases_in(scope, pack.as_ref()));
            }
        }
        // An empty condition would be everything.
        if visible.is_empty() {
            return Ok(Vec::new());
        }
        let waiting = submission::Entity::find()
            .select_only()
            .columns([
                submission::Column::Id,
                submission::Column::Revision,
                submission::Column::State,
                submission::Column::FormId,
                submission::Column::FormVersionId,
                submission::Column::CaseId,
                submission::Column::AuthorId,
                submission::Column::FinishedAt,
                submission::Column::ReceivedAt,
                submission::Column::AlertLevel,
                submission::Column::AlertCodes,
            ])
            .filter(submission::Column::County.eq(permit.county()))
            .filter(submission::Column::State.eq(SubmissionState::Submitted))
            .filter(visible)
            .order_by_desc(submission::Column::AlertLevel)
            .order_by_asc(submission::Column::ReceivedAt)
            .order_by_asc(submission::Column::Id)
            .limit(ENTRIES_MAX)
            .into_model::<Waiting>()
            .all(transaction)
            .await?;
        entries(transaction, waiting).await
    });
    Ok(QueueAnswer { entries: entries.await? })
}

/// Submissions about cases in the area and programme of a scope.
fn of_cases_in(scope: &Scope, pack: Option<&Pack>) -> sea_orm::sea_query::Expr {
    let areas = crate::db::entity::area::Entity::find()
        .select_only()
        .column(crate::db::entity::area::Column::Id)
        .filter(crate::db::entity::area::Column::Path.starts_with(&scope.area_path.0))
        .into_query();
    let mut of_scope = case::Entity::find()
        .select_only()
        .column(case::Column::Id)
        .filter(case::Column::AreaId.in_subquery(areas));
    if let Some(programme) = &scope.programme {
        let kinds = pack
            .iter()
            .flat_map(|pack| &pack.kinds)
            .filter(|kind| kind.programme == *programme)
            .map(|kind| kind.kind.clone());
        of_scope = of_scope.filter(case::Column::Kind.is_in(kinds));
    }
    submission::Column::CaseId.in_subquery(of_scope.into_query())
}

async fn entries(connection: &impl ConnectionTrait, waiting: Vec<Waiting>) -> Result<Vec<QueueEntry>> {
    let ids: Vec<SubmissionId> = waiting.iter().map(|row| row.id).collect();
    let case_ids: Vec<CaseId> = waiting.iter().map(|row| row.case_id).collect();
    let cases = cases::find_many(connection, &case_ids).await?;
    let area_ids: Vec<AreaId> =
        cases.values().map(|case| case.area_id).collect::<HashSet<_>>().into_iter().collect();
    let area_names = area::names(connection, &area_ids).await?;
    let authors: Vec<UserId> = waiting.iter().map(|row| row.author_id).collect();
    let author_names = users::display_names(connection, &authors).await?;
    let versions: Vec<FormVersionId> =
        waiting.iter().map(|row| row.form_version_id).collect::<HashSet<_>>().into_iter().collect();
    let titles = form_titles(connection, &versions).await?;
    let files = file_counts(connection, &ids).await?;
    waiting
        .into_iter()
        .map(|row| {
            let case = cases.get(&row.case_id);
            let (media_expected, media_stored) = files.get(&row.id).copied().unwrap_or_default();
            Ok(QueueEntry {
                submission_id: row.id,
                revision: u32::try_from(row.revision).map_err(Error::internal)?,
                state: row.state,
                form_title: titles.get(&row.form_version_id).cloned().unwrap_or_default(),
                form_id: row.form_id,
                case_label: case.map(|case| case.label.clone()).unwrap_or_default(),
                area_name: case.and_then(|case| area_names.get(&case.area_id)).cloned().unwrap_or_default(),
                author_name: author_names.get(&row.author_id).cloned().unwrap_or_default(),
                finished_at: row.finished_at.with_timezone(&china_offset()),
                received_at: row.received_at,
                alert_level: u8::try_from(row.alert_level).unwrap_or_default(),
                alert_codes: serde_json::from_str(&row.alert_codes)?,
                media_expected,
                media_stored,
            })
        })
        .collect()
}

/// What form versions are called.
pub(super) async fn form_titles(
    connection: &impl ConnectionTrait,
    ids: &[FormVersionId],
) -> Result<HashMap<FormVersionId, LocalText>> {
    let rows: Vec<(FormVersionId, String, String)> = form_version::Entity::find()
        .select_only()
        .columns([form_version::Column::Id, form_version::Column::TitleZh, form_version::Column::TitleEn])
        .filter(form_version::Column::Id.is_in(ids.iter().copied()))
        .into_tuple()
        .all(connection)
        .await?;
    Ok(rows.into_iter().map(|(id, zh, en)| (id, LocalText::new(zh, en))).collect())
}

/// How many files each submission expects, and how many of them are here.
async fn file_counts(
    connection: &impl ConnectionTrait,
    ids: &[SubmissionId],
) -> Result<HashMap<SubmissionId, (u32, u32)>> {
    let mut counts: HashMap<SubmissionId, (u32, u32)> = HashMap::new();
    for ids in ids.chunks(BATCH) {
        let rows: Vec<(SubmissionId, Option<DateTime<Utc>>)> = submission_media::Entity::find()
            .select_only()
            .columns([submission_media::Column::SubmissionId, submission_media::Column::StoredAt])
            .filter(submission_media::Column::SubmissionId.is_in(ids.iter().copied()))
            .filter(submission_media::Column::PreviewOf.is_null())
            .into_tuple()
            .all(connection)
            .await?;
        for (submission, stored_at) in rows {
            let (expected, stored) = counts.entry(submission).or_default();
            *expected += 1;
            *stored += u32::from(stored_at.is_some());
        }
    }
    Ok(counts)
}
