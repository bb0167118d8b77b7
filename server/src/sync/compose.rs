//! The bodies of pulled items, composed from the rows as they are now: a few
//! queries per kind, not per item.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{AreaId, CaseId, FormId, FormVersionId, PackVersionId, SubmissionId, TaskId};
use doorstep_core::pack::{FormVersionRecord, PackRecord};
use doorstep_core::sync::{StreamName, item_kind};
use doorstep_core::text::LocalText;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::db::entity::{form, form_version, pack_version, task};
use crate::error::{Error, Result};
use crate::forms::files;
use crate::streams::BATCH;
use crate::{area, cases, submissions};

/// Bodies by kind and identifier.
#[derive(Debug, Default)]
pub(super) struct Bodies(HashMap<(String, Uuid), Value>);

impl Bodies {
    /// The body of an object that is live in `stream`. An object can be in
    /// several streams of one page, so it stays.
    pub(super) fn body(&self, stream: &StreamName, kind: &str, id: Uuid) -> Option<Value> {
        let body = self.0.get(&(kind.to_owned(), id)).cloned();
        if body.is_none() {
            tracing::error!(%stream, kind, %id, "a stream has an object that is not there");
        }
        body
    }

    fn add(&mut self, kind: &str, id: Uuid, body: &impl Serialize) -> Result<()> {
        self.0.insert((kind.to_owned(), id), serde_json::to_value(body)?);
        Ok(())
    }
}

/// Composes the bodies of the objects, with area codes as they are on `today`.
pub(super) async fn bodies(
    connection: &impl ConnectionTrait,
    today: NaiveDate,
    objects: impl Iterator<Item = (String, Uuid)>,
) -> Result<Bodies> {
    let mut by_kind: HashMap<String, BTreeSet<Uuid>> = HashMap::new();
    for (kind, id) in objects {
        by_kind.entry(kind).or_default().insert(id);
    }
    let mut bodies = Bodies::default();
    for (kind, ids) in by_kind {
        let ids: Vec<Uuid> = ids.into_iter().collect();
        for ids in ids.chunks(BATCH) {
            compose(connection, today, &kind, ids, &mut bodies).await?;
        }
    }
    Ok(bodies)
}

async fn compose(
    connection: &impl ConnectionTrait,
    today: NaiveDate,
    kind: &str,
    ids: &[Uuid],
    bodies: &mut Bodies,
) -> Result<()> {
    match kind {
        item_kind::FORM => {
            for form in forms(connection, &typed::<FormVersionId>(ids)).await? {
                bodies.add(kind, form.id.0, &form)?;
            }
        }
        item_kind::PACK => {
            for pack in packs(connection, &typed::<PackVersionId>(ids)).await? {
                bodies.add(kind, pack.id.0, &pack)?;
            }
        }
        item_kind::AREA => {
            for area in area::records(connection, &typed::<AreaId>(ids), today).await? {
                bodies.add(kind, area.id.0, &area)?;
            }
        }
        item_kind::TASK => {
            let rows = task::Entity::find()
                .filter(task::Column::Id.is_in(typed::<TaskId>(ids)))
                .all(connection)
                .await?;
            for row in rows {
                bodies.add(kind, row.id.0, &cases::task_record(row)?)?;
            }
        }
        item_kind::SUBMISSION => {
            for status in submissions::status(connection, &typed::<SubmissionId>(ids)).await? {
                bodies.add(kind, status.submission_id.0, &status)?;
            }
        }
        item_kind::CASE => {
            for (id, case) in cases::find_many(connection, &typed::<CaseId>(ids)).await? {
                bodies.add(kind, id.0, &case)?;
            }
        }
        item_kind::VISIT => {
            for visit in cases::visits(connection, &typed::<SubmissionId>(ids)).await? {
                bodies.add(kind, visit.submission_id.0, &visit)?;
            }
        }
        unknown => return Err(Error::internal(anyhow::anyhow!("a stream has the unknown kind {unknown}"))),
    }
    Ok(())
}

fn typed<T: From<Uuid>>(ids: &[Uuid]) -> Vec<T> {
    ids.iter().copied().map(T::from).collect()
}

/// A form version without its bytes.
#[derive(FromQueryResult)]
struct FormFacts {
    id: FormVersionId,
    form: FormId,
    version: String,
    title_zh: String,
    title_en: String,
    sha256: ContentHash,
    size_bytes: i64,
    current: bool,
}

async fn forms(connection: &impl ConnectionTrait, ids: &[FormVersionId]) -> Result<Vec<FormVersionRecord>> {
    let facts = form_version::Entity::find()
        .select_only()
        .columns([
            form_version::Column::Id,
            form_version::Column::Form,
            form_version::Column::Version,
            form_version::Column::TitleZh,
            form_version::Column::TitleEn,
            form_version::Column::Sha256,
            form_version::Column::Current,
        ])
        .column_as(Expr::cust("CAST(LENGTH(bundle) AS BIGINT)"), "size_bytes")
        .filter(form_version::Column::Id.is_in(ids.iter().copied()))
        .into_model::<FormFacts>()
        .all(connection)
        .await?;
    let names: HashMap<FormId, String> = form::Entity::find()
        .filter(form::Column::Id.is_in(facts.iter().map(|facts| facts.form)))
        .all(connection)
        .await?
        .into_iter()
        .map(|form| (form.id, form.form_id))
        .collect();
    let mut files = files::of_versions(connection, ids.iter().copied()).await?;
    facts
        .into_iter()
        .map(|facts| {
            Ok(FormVersionRecord {
                id: facts.id,
                form_id: names.get(&facts.form).cloned().unwrap_or_default(),
                version: facts.version,
                title: LocalText::new(facts.title_zh, facts.title_en),
                sha256: facts.sha256,
                size_bytes: u64::try_from(facts.size_bytes).map_err(Error::internal)?,
                current: facts.current,
                files: files.remove(&facts.id).unwrap_or_default(),
            })
        })
        .collect()
}

async fn packs(connection: &impl ConnectionTrait, ids: &[PackVersionId]) -> Result<Vec<PackRecord>> {
    let rows: Vec<(PackVersionId, String)> = pack_version::Entity::find()
        .select_only()
        .columns([pack_version::Column::Id, pack_version::Column::Definition])
        .filter(pack_version::Column::Id.is_in(ids.iter().copied()))
        .into_tuple()
        .all(connection)
        .await?;
    rows.into_iter()
        .map(|(id, definition)| Ok(PackRecord { id, pack: serde_json::from_str(&definition)? }))
        .collect()
}
