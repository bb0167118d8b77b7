//! Forms: published from workbooks, fetched by phones, compiled once.
//!
//! A version never changes: its bundle is stored as the bytes that phones
//! fetch, under the hash of these bytes. Older versions stay, for drafts that
//! were begun with them and for what was captured with them.
//!
//! * [`enclosed`]: lists and files that are given with a workbook.
//! * [`files`]: pictures, sounds and films beside the words.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH, VARY};
use actix_web::{HttpRequest, HttpResponse, web};
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{FormId, FormVersionId};
use doorstep_core::pack::{FormBundle, FormVersionRecord};
use doorstep_core::phone::records;
use doorstep_core::problem::ProblemCode;
use doorstep_core::sync::{StreamName, item_kind};
use doorstep_core::text::LocalText;
use doorstep_form::{Attachments, AuthoringProblem, Form, Plan, Workbook};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, Set,
};

use crate::app::Components;
use crate::auth::permit::{LoggedIn, Permit};
use crate::db::Transaction;
use crate::db::entity::{form, form_list, form_version};
use crate::error::{Error, Result};
use crate::pack::{self, KnownForms, PublishError};
use crate::packed;
use crate::streams::Changes;
use crate::sync;

pub mod enclosed;
pub mod files;

pub use enclosed::Enclosed;
use files::Chosen;

/// So many compiled forms are kept: more than a county has in use.
const PLANS_MAX: usize = 48;
/// Bundles never change; who is logged out asks in vain all the same, because
/// only this browser keeps them.
const NEVER_CHANGES: &str = "private, max-age=31536000, immutable";

/// Compiled plans by version, the most recently used last.
#[derive(Debug, Default)]
pub struct Cache {
    plans: Mutex<Vec<(FormVersionId, Arc<Plan>)>>,
}

impl Cache {
    /// The plan of a version. `None`: no such version is published here.
    ///
    /// # Errors
    /// When the database refuses, or holds what no longer compiles.
    pub async fn plan(
        &self,
        connection: &impl ConnectionTrait,
        id: FormVersionId,
    ) -> Result<Option<Arc<Plan>>> {
        if let Some(plan) = self.kept(id) {
            return Ok(Some(plan));
        }
        let Some(row) = form_version::Entity::find_by_id(id).one(connection).await? else { return Ok(None) };
        let plan =
            tokio::task::spawn_blocking(move || plan_of(&row.bundle)).await.map_err(Error::internal)??;
        let plan = Arc::new(plan);
        self.keep(id, &plan);
        Ok(Some(plan))
    }

    fn kept(&self, id: FormVersionId) -> Option<Arc<Plan>> {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        let found = plans.iter().position(|(known, _)| *known == id)?;
        let entry = plans.remove(found);
        let plan = Arc::clone(&entry.1);
        plans.push(entry);
        Some(plan)
    }

    fn keep(&self, id: FormVersionId, plan: &Arc<Plan>) {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if plans.iter().all(|(known, _)| *known != id) {
            plans.push((id, Arc::clone(plan)));
        }
        let surplus = plans.len().saturating_sub(PLANS_MAX);
        plans.drain(..surplus);
    }
}

fn plan_of(bundle: &[u8]) -> Result<Plan> {
    let bundle: FormBundle = serde_json::from_slice(bundle)?;
    records::plan_of(&bundle).map_err(Error::internal)
}

/// A workbook that compiled.
struct Compiled {
    form: serde_json::Value,
    form_id: String,
    version: String,
    title: String,
    questions: BTreeSet<String>,
    /// Those that the form draws on.
    attachments: Attachments,
    /// Those that it shows.
    files: Vec<Chosen>,
}

fn compile(workbook: &[u8], enclosed: Enclosed) -> Result<Compiled, PublishError> {
    let workbook = Workbook::read_xlsx(workbook)?;
    let (form, mut warnings) = Form::from_workbook(&workbook)?;
    warnings.extend(files::absent(&form, enclosed.files.keys().map(String::as_str)));
    for warning in warnings {
        tracing::warn!(form = form.id(), "{warning}");
    }
    let files = files::choose(&form, enclosed.files)?;
    let mut attachments = enclosed.lists;
    attachments.retain(|name, _| form.attachment_names().contains(&name.as_str()));
    let json = serde_json::to_value(&form).map_err(Error::from)?;
    let plan = Plan::new(form, &attachments)?;
    let form = plan.form();
    if form.version().is_empty() {
        return Err(PublishError::Problems(vec![
            AuthoringProblem::error("settings", "a form that is published has a version, such as 2026112401")
                .at_row(2)
                .at_column("", "version"),
        ]));
    }
    Ok(Compiled {
        form: json,
        form_id: form.id().to_owned(),
        version: form.version().to_owned(),
        title: form.title().to_owned(),
        questions: plan.question_names().map(str::to_owned).collect(),
        attachments,
        files,
    })
}

/// Publishes a form for a county. Of the lists and files that are given those
/// are taken that the form names. The same workbook with the same lists and
/// files is no new version; that of an older version makes it current again.
///
/// # Errors
/// Everything that is wrong with the workbook, its lists and its files, or a
/// refusal of the database.
pub async fn publish(
    components: &Components,
    county: &str,
    workbook: &[u8],
    enclosed: impl Into<Enclosed>,
) -> Result<FormVersionRecord, PublishError> {
    let (bytes, enclosed) = (workbook.to_owned(), enclosed.into());
    let compiled =
        tokio::task::spawn_blocking(move || compile(&bytes, enclosed)).await.map_err(Error::internal)??;
    let mut title = LocalText::new(compiled.title.clone(), compiled.title.clone());
    if let Some(pack) = pack::current(components.database.read(), county).await? {
        let missing = pack::missing_questions(&pack, &compiled.form_id, &compiled.questions);
        if !missing.is_empty() {
            return Err(PublishError::Problems(missing));
        }
        if let Some(form_use) = pack.form_use(&compiled.form_id) {
            title = form_use.label.clone();
        }
    }
    let id = id_of(county, &compiled, workbook)?;
    let bundle = FormBundle {
        form_version_id: id,
        form: compiled.form.clone(),
        attachments: compiled.attachments.clone(),
    };
    let bundle = serde_json::to_vec(&bundle).map_err(Error::from)?;
    // Before the database says that they are there.
    files::keep(components, &compiled.files).await?;
    let now = components.clock.now();
    let new = NewVersion { county, compiled: &compiled, id, title, workbook, bundle };
    let outcome = components.database.write(async |transaction| store(transaction, &new, now).await).await?;
    let record = outcome?;
    // A capture that came before its form was waiting for this.
    sync::retry_parked(components, &format!("form_version:{}", record.id)).await?;
    Ok(record)
}

/// The identifier of a version follows from what it is. Published again after
/// a restore from an older backup, it is the one that phones captured with.
fn id_of(county: &str, compiled: &Compiled, workbook: &[u8]) -> Result<FormVersionId> {
    let what = serde_json::json!({
        "county": county,
        "form_id": compiled.form_id,
        "version": compiled.version,
        "workbook": ContentHash::of(workbook),
        "lists": compiled.attachments,
    });
    let hash = ContentHash::of_json(&what);
    let digits = hash.as_str().get(..32).unwrap_or_default();
    let bytes = u128::from_str_radix(digits, 16).map_err(Error::internal)?.to_be_bytes();
    Ok(FormVersionId(uuid::Builder::from_custom_bytes(bytes).into_uuid()))
}

struct NewVersion<'a> {
    county: &'a str,
    compiled: &'a Compiled,
    id: FormVersionId,
    title: LocalText,
    workbook: &'a [u8],
    bundle: Vec<u8>,
}

/// Stores a version and makes it the current one.
async fn store(
    transaction: &Transaction,
    new: &NewVersion<'_>,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<Result<FormVersionRecord, Vec<AuthoringProblem>>> {
    let form_id = &new.compiled.form_id;
    let form = find_or_add_form(transaction, new.county, form_id).await?;
    let versions = form_version::Entity::find()
        .filter(form_version::Column::Form.eq(form))
        .filter(
            Condition::any()
                .add(form_version::Column::Version.eq(&new.compiled.version))
                .add(form_version::Column::Current.eq(true)),
        )
        .all(transaction)
        .await?;
    let same = versions.iter().find(|row| row.version == new.compiled.version);
    if let Some(row) = same {
        let lists = form_list::Entity::find()
            .filter(form_list::Column::FormVersionId.eq(row.id))
            .all(transaction)
            .await?;
        let lists: Attachments = lists.into_iter().map(|list| (list.file_name, list.content)).collect();
        let files = files::of_versions(transaction, [row.id]).await?.remove(&row.id).unwrap_or_default();
        let same_files = files.iter().eq(new.compiled.files.iter().map(|file| &file.facts));
        if row.workbook != new.workbook || lists != new.compiled.attachments || !same_files {
            return Ok(Err(vec![version_taken(&new.compiled.version)]));
        }
        if row.current {
            return Ok(Ok(record(row, new)));
        }
    }
    let mut changes = Changes::new();
    for row in versions.iter().filter(|row| row.current) {
        changes.put(StreamName::Reference, item_kind::FORM, row.id.0);
        let mut row = row.clone().into_active_model();
        row.current = Set(false);
        row.update(transaction).await?;
    }
    let row = match same {
        Some(row) => {
            let mut row = row.clone().into_active_model();
            row.current = Set(true);
            row.update(transaction).await?
        }
        None => insert(transaction, form, new, now).await?,
    };
    changes.put(StreamName::Reference, item_kind::FORM, row.id.0);
    changes.number(transaction, new.county).await?;
    Ok(Ok(record(&row, new)))
}

fn version_taken(version: &str) -> AuthoringProblem {
    AuthoringProblem::error(
        "settings",
        "this version is published already with other contents; raise it whenever the workbook, a list or a file changes",
    )
    .at_row(2)
    .at_column("", "version")
    .finding(version)
}

async fn find_or_add_form(transaction: &Transaction, county: &str, form_id: &str) -> Result<FormId> {
    let known = form::Entity::find()
        .filter(form::Column::County.eq(county))
        .filter(form::Column::FormId.eq(form_id))
        .one(transaction)
        .await?;
    if let Some(known) = known {
        return Ok(known.id);
    }
    let row = form::ActiveModel {
        id: Set(FormId(uuid::Uuid::now_v7())),
        county: Set(county.to_owned()),
        form_id: Set(form_id.to_owned()),
    };
    Ok(row.insert(transaction).await?.id)
}

async fn insert(
    transaction: &Transaction,
    form: FormId,
    new: &NewVersion<'_>,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<form_version::Model> {
    let row = form_version::ActiveModel {
        id: Set(new.id),
        form: Set(form),
        version: Set(new.compiled.version.clone()),
        title_zh: Set(new.title.zh.clone()),
        title_en: Set(new.title.en.clone()),
        workbook: Set(new.workbook.to_owned()),
        bundle: Set(new.bundle.clone()),
        sha256: Set(ContentHash::of(&new.bundle)),
        current: Set(true),
        published_at: Set(now),
    }
    .insert(transaction)
    .await?;
    for (file_name, content) in &new.compiled.attachments {
        form_list::ActiveModel {
            form_version_id: Set(new.id),
            file_name: Set(file_name.clone()),
            content: Set(content.clone()),
        }
        .insert(transaction)
        .await?;
    }
    files::enter(transaction, new.id, &new.compiled.files).await?;
    Ok(row)
}

/// A version as phones learn it.
fn record(row: &form_version::Model, new: &NewVersion<'_>) -> FormVersionRecord {
    FormVersionRecord {
        id: row.id,
        form_id: new.compiled.form_id.clone(),
        version: row.version.clone(),
        title: LocalText::new(row.title_zh.clone(), row.title_en.clone()),
        sha256: row.sha256.clone(),
        size_bytes: row.bundle.len() as u64,
        current: row.current,
        files: new.compiled.files.iter().map(|file| file.facts.clone()).collect(),
    }
}

/// The questions of a county's current forms.
pub(crate) async fn known(components: &Components, county: &str) -> Result<KnownForms> {
    let connection = components.database.read();
    let forms = form::Entity::find().filter(form::Column::County.eq(county)).all(connection).await?;
    let mut known = KnownForms::new();
    for form in forms {
        let current = form_version::Entity::find()
            .filter(form_version::Column::Form.eq(form.id))
            .filter(form_version::Column::Current.eq(true))
            .one(connection)
            .await?;
        let Some(current) = current else { continue };
        if let Some(plan) = components.forms.plan(connection, current.id).await? {
            known.insert(form.form_id, plan.question_names().map(str::to_owned).collect());
        }
    }
    Ok(known)
}

/// A form of another county is as good as none.
async fn check_county(connection: &impl ConnectionTrait, form: FormId, county: &str) -> Result<()> {
    let form = form::Entity::find_by_id(form).one(connection).await?;
    if form.is_some_and(|form| form.county == county) { Ok(()) } else { Err(ProblemCode::NotFound.into()) }
}

/// `GET /api/v1/form-versions/{id}`: the bytes as they were hashed.
pub(crate) async fn bundle(
    request: HttpRequest,
    components: web::Data<Components>,
    permit: Permit<LoggedIn>,
    id: web::Path<FormVersionId>,
) -> Result<HttpResponse> {
    let connection = components.database.read();
    let row = form_version::Entity::find_by_id(id.into_inner())
        .one(connection)
        .await?
        .ok_or(ProblemCode::NotFound)?;
    check_county(connection, row.form, permit.county()).await?;
    let tag = format!("\"{}\"", row.sha256);
    let unchanged = request
        .headers()
        .get(IF_NONE_MATCH)
        .and_then(|tags| tags.to_str().ok())
        .is_some_and(|tags| tags.contains(&tag));
    let mut answer = if unchanged { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer
        .insert_header((CACHE_CONTROL, NEVER_CHANGES))
        .insert_header((ETAG, tag))
        .insert_header((VARY, "authorization"));
    if unchanged { Ok(answer.finish()) } else { packed::json(&request, answer, row.bundle).await }
}
