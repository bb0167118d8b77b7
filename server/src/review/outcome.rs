//! What an approval writes to the ledger, as the pack says: which properties,
//! whether the visit counts, whether it ends the case, and its date.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use doorstep_core::case::{self, CaseAction, CaseRecord, PropertyConflict};
use doorstep_core::pack::Pack;
use doorstep_form::Rule;
use sea_orm::ConnectionTrait;

use crate::cases;
use crate::clock::{china_offset, date_in_china};
use crate::db::entity::submission;
use crate::error::{Error, Result};
use crate::submissions::answers;

/// Questions that say when a visit was, in order of preference: the pack's
/// forms ask for `visit_dt`; every form records `today`.
const DATE_QUESTIONS: &[&str] = &["visit_dt", "visit_date", "today"];

/// What a submission means for its case.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Properties to be written, by name; empty removes.
    pub(super) writes: BTreeMap<String, String>,
    pub(super) action: CaseAction,
}

impl Outcome {
    /// Evaluates the pack's sheets `writes` and `forms` over the answers that
    /// the server itself computed. A form that the pack does not list counts
    /// as a visit and writes nothing.
    ///
    /// # Errors
    /// `internal` when an expression of the pack fails; it was checked at
    /// publication, so a published pack is wrong.
    pub(super) fn of(pack: &Pack, row: &submission::Model, case: &CaseRecord) -> Result<Self> {
        let answers = answers(&serde_json::from_str(&row.verified_instance)?);
        let evaluate = |expression: &str| evaluate(expression, &answers, row);
        let form_use = pack.form_use(&row.form_id).filter(|form| form.kind == case.kind);
        let holds = |expression: &str| evaluate(expression).map(|value| value.to_boolean());
        let counted = match form_use.map(|form| form.counts_when.trim()) {
            None | Some("") => true,
            Some(condition) => holds(condition)?,
        };
        let closes = match form_use.map(|form| form.closes_when.trim()) {
            None | Some("") => false,
            Some(condition) => holds(condition)?,
        };
        let mut writes = BTreeMap::new();
        let rules = pack.writes.iter().filter(|write| form_use.is_some() && write.form_id == row.form_id);
        for write in rules {
            if write.when.trim().is_empty() || holds(&write.when)? {
                writes.insert(write.property.clone(), evaluate(&write.value)?.to_text());
            }
        }
        let action = CaseAction::Visited {
            form_id: row.form_id.clone(),
            visited_on: visited_on(&answers, row),
            counted,
            closes,
        };
        Ok(Self { writes, action })
    }
}

fn evaluate(
    expression: &str,
    answers: &BTreeMap<String, String>,
    row: &submission::Model,
) -> Result<doorstep_form::Value> {
    let wrong = |why: String| {
        Error::internal(anyhow::anyhow!(
            "the pack's expression {expression:?} for form {} fails: {why}; correct the ledger workbook",
            row.form_id
        ))
    };
    let rule = Rule::parse(expression).map_err(|why| wrong(why.to_string()))?;
    let now = row.finished_at.with_timezone(&china_offset());
    rule.evaluate(&|name| answers.get(name).cloned(), now).map_err(|why| wrong(why.to_string()))
}

/// The day of the visit. What the form says, but never later than the day on
/// which the submission arrived: a slip in a date must not push the next visit
/// out of sight. Without a date in the form, the day on which it was finished.
fn visited_on(answers: &BTreeMap<String, String>, row: &submission::Model) -> NaiveDate {
    let said = DATE_QUESTIONS.iter().find_map(|name| {
        let date = answers.get(*name)?.get(..10)?;
        NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()
    });
    said.unwrap_or_else(|| date_in_china(row.finished_at)).min(date_in_china(row.received_at))
}

/// Where the ledger moved on since the author saw the case, and the submission
/// would write something else.
pub(super) async fn conflicts(
    connection: &impl ConnectionTrait,
    row: &submission::Model,
    case: &CaseRecord,
    writes: &BTreeMap<String, String>,
) -> Result<Vec<PropertyConflict>> {
    let base = u64::try_from(row.case_version).map_err(Error::internal)?;
    if base >= case.version {
        return Ok(Vec::new());
    }
    let since = cases::events_after(connection, case.id, base).await?;
    Ok(case::conflicts(case, &since, writes))
}
