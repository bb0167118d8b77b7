//! The ledger (台账): cases are projections of events, and only events.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ids::{AreaId, CaseId, EventId, SubmissionId, UserId};

/// Whether a case is still visited.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ids", derive(sea_orm::DeriveValueType), sea_orm(value_type = "String"))]
pub enum CaseStatus {
    Open,
    Closed,
}

impl CaseStatus {
    /// The stable word stored in the database.
    pub fn code(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

crate::code::written_as_code!(CaseStatus { Open, Closed });

/// One case as the ledger knows it now, and as phones hold it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CaseRecord {
    pub id: CaseId,
    /// A kind declared in the pack, e.g. `elder`.
    pub kind: String,
    pub parent: Option<CaseId>,
    pub area_id: AreaId,
    /// The six-digit county code: partition and shard key.
    pub county: String,
    /// What people call it: the elder's name, the shop's name.
    pub label: String,
    pub status: CaseStatus,
    /// Values as forms write them, by property name.
    pub properties: BTreeMap<String, String>,
    /// The date of the last approved visit that counts, by form.
    pub last_visits: BTreeMap<String, NaiveDate>,
    /// Counts events; the base of every conflict check.
    pub version: u64,
}

/// One property that an event changed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PropertyChange {
    pub property: String,
    pub old: Option<String>,
    pub new: Option<String>,
}

/// What an event did, besides changing properties.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum CaseAction {
    /// The case entered the ledger.
    Opened { kind: String, parent: Option<CaseId>, area_id: AreaId, county: String, label: String },
    /// An approved submission was entered.
    Visited {
        form_id: String,
        visited_on: NaiveDate,
        /// Whether the visit resets the due date; a failed attempt does not.
        counted: bool,
        /// Whether the visit ended the case (death, moved away for good).
        closes: bool,
    },
    /// The case moved to another area.
    Moved { area_id: AreaId },
}

/// One entry of the append-only log behind a case.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CaseEvent {
    pub id: EventId,
    pub case_id: CaseId,
    /// The case's version after this event; 1 is `Opened`.
    pub version: u64,
    /// The submission that was approved; `None` only for imports.
    pub submission_id: Option<SubmissionId>,
    /// Who approved or imported.
    pub actor: UserId,
    pub at: DateTime<Utc>,
    #[serde(flatten)]
    pub action: CaseAction,
    pub changes: Vec<PropertyChange>,
}

/// Why an event does not fit on a case.
#[derive(Debug, Error, Eq, PartialEq)]
pub enum LedgerError {
    #[error("event {event} of case {case} has version {found}, expected {expected}")]
    Version { event: EventId, case: CaseId, found: u64, expected: u64 },
    #[error("case {0} was opened twice")]
    OpenedTwice(CaseId),
    #[error("case {0} has no opening event")]
    NotOpened(CaseId),
}

/// The case after `event`. Folding a case's events in order rebuilds it.
///
/// # Errors
/// When the event is not the next one of this case.
pub fn apply(case: Option<CaseRecord>, event: &CaseEvent) -> Result<CaseRecord, LedgerError> {
    let expected = case.as_ref().map_or(1, |case| case.version + 1);
    if event.version != expected {
        return Err(LedgerError::Version {
            event: event.id,
            case: event.case_id,
            found: event.version,
            expected,
        });
    }
    let mut case = match (case, &event.action) {
        (None, CaseAction::Opened { kind, parent, area_id, county, label }) => CaseRecord {
            id: event.case_id,
            kind: kind.clone(),
            parent: *parent,
            area_id: *area_id,
            county: county.clone(),
            label: label.clone(),
            status: CaseStatus::Open,
            properties: BTreeMap::new(),
            last_visits: BTreeMap::new(),
            version: 0,
        },
        (None, _) => return Err(LedgerError::NotOpened(event.case_id)),
        (Some(case), CaseAction::Opened { .. }) => return Err(LedgerError::OpenedTwice(case.id)),
        (Some(mut case), CaseAction::Visited { form_id, visited_on, counted, closes }) => {
            if *counted {
                let last = case.last_visits.entry(form_id.clone()).or_insert(*visited_on);
                *last = (*last).max(*visited_on);
            }
            if *closes {
                case.status = CaseStatus::Closed;
            }
            case
        }
        (Some(mut case), CaseAction::Moved { area_id }) => {
            case.area_id = *area_id;
            case
        }
    };
    for change in &event.changes {
        match &change.new {
            Some(value) => case.properties.insert(change.property.clone(), value.clone()),
            None => case.properties.remove(&change.property),
        };
    }
    case.version = event.version;
    Ok(case)
}

/// The changes that turn the case's properties into `wanted`; properties that
/// are not named there stay.
pub fn changes_to(case: &CaseRecord, wanted: &BTreeMap<String, String>) -> Vec<PropertyChange> {
    wanted
        .iter()
        .filter_map(|(property, value)| {
            let old = case.properties.get(property).cloned();
            let new = (!value.is_empty()).then(|| value.clone());
            (old != new).then(|| PropertyChange { property: property.clone(), old, new })
        })
        .collect()
}

/// A property that moved on in the ledger after the submission was begun and
/// that the submission would set to something else: a person decides.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PropertyConflict {
    pub property: String,
    /// What the worker saw when they began.
    pub base: Option<String>,
    /// What the ledger says now.
    pub ledger: Option<String>,
    /// What the submission would write.
    pub submitted: Option<String>,
}

/// The field-level conflicts of `wanted` against a case whose events since
/// the submission's base version are `since`.
pub fn conflicts(
    case: &CaseRecord,
    since: &[CaseEvent],
    wanted: &BTreeMap<String, String>,
) -> Vec<PropertyConflict> {
    changes_to(case, wanted)
        .into_iter()
        .filter_map(|change| {
            let first = since
                .iter()
                .flat_map(|event| &event.changes)
                .find(|moved| moved.property == change.property)?;
            Some(PropertyConflict {
                property: change.property,
                base: first.old.clone(),
                ledger: change.old,
                submitted: change.new,
            })
        })
        .collect()
}

/// An approved visit as phones see it in a case's history.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct VisitRecord {
    pub submission_id: SubmissionId,
    pub case_id: CaseId,
    pub form_id: String,
    pub visited_on: NaiveDate,
    pub worker_name: String,
    pub counted: bool,
    /// 0 to 3, as the form computed it and the server verified.
    pub alert_level: u8,
    pub alert_codes: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn event(version: u64, action: CaseAction, changes: &[(&str, Option<&str>, Option<&str>)]) -> CaseEvent {
        CaseEvent {
            id: EventId(Uuid::from_u128(version.into())),
            case_id: CaseId(Uuid::from_u128(7)),
            version,
            submission_id: None,
            actor: UserId(Uuid::from_u128(8)),
            at: DateTime::UNIX_EPOCH,
            action,
            changes: changes
                .iter()
                .map(|(property, old, new)| PropertyChange {
                    property: (*property).to_owned(),
                    old: old.map(str::to_owned),
                    new: new.map(str::to_owned),
                })
                .collect(),
        }
    }

    fn opened() -> CaseEvent {
        event(
            1,
            CaseAction::Opened {
                kind: "elder".into(),
                parent: None,
                area_id: AreaId(Uuid::from_u128(9)),
                county: "610199".into(),
                label: "王小明".into(),
            },
            &[("risk", None, Some("green"))],
        )
    }

    fn visited(version: u64, day: u32, counted: bool, risk: (&str, &str)) -> CaseEvent {
        event(
            version,
            CaseAction::Visited {
                form_id: "elder_visit".into(),
                visited_on: NaiveDate::from_ymd_opt(2026, 11, day).unwrap_or_default(),
                counted,
                closes: false,
            },
            &[("risk", Some(risk.0), Some(risk.1))],
        )
    }

    #[test]
    fn a_case_is_the_fold_of_its_events() -> Result<(), LedgerError> {
        let case = apply(None, &opened())?;
        let case = apply(Some(case), &visited(2, 3, true, ("green", "red")))?;
        let case = apply(Some(case), &visited(3, 9, false, ("red", "blue")))?;
        assert_eq!(case.version, 3);
        assert_eq!(case.properties["risk"], "blue");
        assert_eq!(
            Some(case.last_visits["elder_visit"]),
            NaiveDate::from_ymd_opt(2026, 11, 3),
            "a failed attempt does not count"
        );
        Ok(())
    }

    #[test]
    fn events_apply_once_and_in_order() {
        assert_eq!(
            apply(None, &visited(1, 3, true, ("a", "b"))),
            Err(LedgerError::NotOpened(CaseId(Uuid::from_u128(7))))
        );
        let case = apply(None, &opened()).ok();
        assert!(matches!(apply(case.clone(), &opened()), Err(LedgerError::Version { .. })));
        assert!(matches!(
            apply(case, &visited(3, 3, true, ("a", "b"))),
            Err(LedgerError::Version { expected: 2, .. })
        ));
    }

    #[test]
    fn only_properties_that_moved_and_differ_conflict() -> Result<(), LedgerError> {
        let moved = visited(2, 3, true, ("green", "red"));
        let case = apply(Some(apply(None, &opened())?), &moved)?;
        let wanted =
            BTreeMap::from([("risk".to_owned(), "blue".to_owned()), ("phone".to_owned(), "1".to_owned())]);
        let found = conflicts(&case, std::slice::from_ref(&moved), &wanted);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].base.as_deref(), found[0].ledger.as_deref()), (Some("green"), Some("red")));
        let same = BTreeMap::from([("risk".to_owned(), "red".to_owned())]);
        assert!(conflicts(&case, &[moved], &same).is_empty(), "agreeing is no conflict");
        Ok(())
    }
}
