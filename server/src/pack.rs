//! The pack: policy as data, published from `pack/ledger.xlsx`.
//!
//! [`read`] turns a workbook into a [`Pack`] or into everything that is wrong
//! with it. [`publish`] stores it and announces it in the reference stream.
//!
//! A publication takes effect at once for prefill, for what approvals write,
//! and for every task that is planned from then on. Tasks that are planned
//! already keep their dates until the case's next ledger event plans anew:
//! nobody's list for today changes under their hands, and a rule that is to
//! apply from a certain day says so with `valid_from`.

use std::collections::{BTreeMap, BTreeSet};

use doorstep_core::ids::PackVersionId;
use doorstep_core::pack::{FormUse, Pack};
use doorstep_core::sync::{StreamName, item_kind};
use doorstep_form::{AuthoringProblem, Rule, Workbook, did_you_mean};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, Set,
};
use thiserror::Error;

use crate::app::Components;
use crate::db::Transaction;
use crate::db::entity::{form, form_version, pack_version};
use crate::error::{Error as RequestError, Result};
use crate::forms;
use crate::streams::Changes;

mod cells;
mod read;
mod table;

/// One mistake in the ledger workbook: sheet, row, column, what is wrong and
/// a likely correction. The same as forms report.
pub use doorstep_form::AuthoringProblem as PackProblem;

/// The question names of published forms, by form.
pub type KnownForms = BTreeMap<String, BTreeSet<String>>;

/// Why a workbook was not published. Nothing was changed.
#[derive(Debug, Error)]
pub enum PublishError {
    /// What its author has to correct.
    #[error("{}", listed(.0))]
    Problems(Vec<AuthoringProblem>),
    /// The database, not the workbook.
    #[error(transparent)]
    Failed(#[from] RequestError),
}

impl From<Vec<AuthoringProblem>> for PublishError {
    fn from(problems: Vec<AuthoringProblem>) -> Self {
        Self::Problems(problems)
    }
}

/// One a line, as a terminal shows them.
fn listed(problems: &[AuthoringProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Reads a ledger workbook on its own. Names of questions are not checked.
///
/// # Errors
/// Every mistake in it, in the order of its sheets.
pub fn read(workbook: &[u8]) -> Result<Pack, Vec<PackProblem>> {
    read_with(workbook, &KnownForms::new())
}

/// Reads a ledger workbook against the forms that are published: expressions
/// over answers may name their questions only. A form that is not published
/// yet is not checked; [`forms::publish`] makes up for it.
///
/// # Errors
/// Every mistake in it, in the order of its sheets.
pub fn read_with(workbook: &[u8], forms: &KnownForms) -> Result<Pack, Vec<PackProblem>> {
    read::pack(&Workbook::read_xlsx(workbook)?, forms)
}

/// Publishes a ledger workbook for a county. The same bytes again are no new
/// version; the bytes of an older version make that one current again.
///
/// # Errors
/// Everything that is wrong with the workbook, or a refusal of the database.
pub async fn publish(
    components: &Components,
    county: &str,
    workbook: &[u8],
) -> Result<PackVersionId, PublishError> {
    let known = forms::known(components, county).await?;
    let pack = read_with(workbook, &known)?;
    let definition = serde_json::to_string(&pack).map_err(RequestError::from)?;
    let id = PackVersionId(uuid::Uuid::now_v7());
    let now = components.clock.now();
    let outcome = components
        .database
        .write(async |transaction| {
            let versions = pack_version::Entity::find()
                .filter(pack_version::Column::County.eq(county))
                .filter(
                    Condition::any()
                        .add(pack_version::Column::Version.eq(&pack.version))
                        .add(pack_version::Column::Current.eq(true)),
                )
                .all(transaction)
                .await?;
            let same = versions.iter().find(|row| row.version == pack.version);
            if same.is_some_and(|row| row.workbook != workbook) {
                return Ok(Err(vec![version_taken(&pack.version)]));
            }
            if let Some(row) = same.filter(|row| row.current) {
                return Ok(Ok(row.id));
            }
            let mut changes = Changes::new();
            for row in versions.iter().filter(|row| row.current) {
                changes.gone(StreamName::Reference, item_kind::PACK, row.id.0);
                let mut row = row.clone().into_active_model();
                row.current = Set(false);
                row.update(transaction).await?;
            }
            let id = match same {
                Some(row) => {
                    let mut row = row.clone().into_active_model();
                    row.current = Set(true);
                    row.update(transaction).await?.id
                }
                None => {
                    let row = pack_version::ActiveModel {
                        id: Set(id),
                        county: Set(county.to_owned()),
                        version: Set(pack.version.clone()),
                        workbook: Set(workbook.to_owned()),
                        definition: Set(definition.clone()),
                        current: Set(true),
                        published_at: Set(now),
                    };
                    row.insert(transaction).await?.id
                }
            };
            changes.put(StreamName::Reference, item_kind::PACK, id.0);
            for form_use in &pack.forms {
                name_form(transaction, county, form_use, &mut changes).await?;
            }
            changes.number(transaction, county).await?;
            Ok(Ok(id))
        })
        .await?;
    Ok(outcome?)
}

fn version_taken(version: &str) -> AuthoringProblem {
    AuthoringProblem::error("settings", "this version is published already with other contents; raise it")
        .at_row(2)
        .at_column("", "version")
        .finding(version)
}

/// Gives a published form the name that the pack has for it.
async fn name_form(
    transaction: &Transaction,
    county: &str,
    form_use: &FormUse,
    changes: &mut Changes,
) -> Result<()> {
    let Some(form) = form::Entity::find()
        .filter(form::Column::County.eq(county))
        .filter(form::Column::FormId.eq(&form_use.form_id))
        .one(transaction)
        .await?
    else {
        return Ok(());
    };
    let versions = form_version::Entity::find()
        .filter(form_version::Column::Form.eq(form.id))
        .filter(
            Condition::any()
                .add(form_version::Column::TitleZh.ne(&form_use.label.zh))
                .add(form_version::Column::TitleEn.ne(&form_use.label.en)),
        )
        .all(transaction)
        .await?;
    for version in versions {
        changes.put(StreamName::Reference, item_kind::FORM, version.id.0);
        let mut version = version.into_active_model();
        version.title_zh = Set(form_use.label.zh.clone());
        version.title_en = Set(form_use.label.en.clone());
        version.update(transaction).await?;
    }
    Ok(())
}

/// The pack that a county works by. `None` before the first publication.
///
/// # Errors
/// When the database refuses, or holds something that is no pack.
pub async fn current(connection: &impl ConnectionTrait, county: &str) -> Result<Option<Pack>> {
    let row = pack_version::Entity::find()
        .filter(pack_version::Column::County.eq(county))
        .filter(pack_version::Column::Current.eq(true))
        .one(connection)
        .await?;
    Ok(row.map(|row| serde_json::from_str(&row.definition)).transpose()?)
}

/// What the pack says about a form and the form does not have: the check of
/// [`read_with`] from the other side, for a form that is published later.
pub(crate) fn missing_questions(
    pack: &Pack,
    form_id: &str,
    questions: &BTreeSet<String>,
) -> Vec<AuthoringProblem> {
    let uses = pack.forms.iter().filter(|used| used.form_id == form_id);
    let writes = pack.writes.iter().filter(|write| write.form_id == form_id);
    let mut expressions: Vec<(&str, &str)> = Vec::new();
    expressions.extend(uses.flat_map(|used| [("forms", &*used.counts_when), ("forms", &*used.closes_when)]));
    expressions.extend(writes.flat_map(|write| [("writes", &*write.value), ("writes", &*write.when)]));
    let mut missing: BTreeSet<(&str, String)> = BTreeSet::new();
    for (sheet, expression) in expressions {
        if let Ok(rule) = Rule::parse(expression) {
            missing.extend(
                rule.names().filter(|name| !questions.contains(*name)).map(|name| (sheet, name.to_owned())),
            );
        }
    }
    missing.extend(
        pack.prefill
            .iter()
            .filter(|prefill| prefill.form_id == form_id && !questions.contains(&prefill.question))
            .map(|prefill| ("prefill", prefill.question.clone())),
    );
    missing
        .into_iter()
        .map(|(sheet, name)| {
            let close = did_you_mean(&name, questions.iter().map(String::as_str));
            AuthoringProblem::error(
                "survey",
                format!(
                    "sheet {sheet} of the ledger workbook (version {}) uses the question \"{name}\", which \
                     this form does not have; add it, or publish a ledger workbook without it first",
                    pack.version
                ),
            )
            .at_column("", "name")
            .finding(name)
            .suggesting(close)
        })
        .collect()
}

#[cfg(test)]
mod tests;
