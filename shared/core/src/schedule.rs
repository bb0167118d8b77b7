//! Schedule rules + ledger + today → the next task.
//!
//! Due dates count from the last approved visit that counts; a failed attempt
//! does not reset them (domain report §4).

use chrono::{Days, Months, NaiveDate};
use thiserror::Error;

use crate::case::{CaseRecord, CaseStatus};
use crate::pack::{Interval, Pack, ScheduleRule};
use crate::role::Role;

/// When the next visit of a case is due, and by which rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DueVisit {
    pub rule: String,
    pub form_id: String,
    pub role: Role,
    pub opens_on: NaiveDate,
    pub due_on: NaiveDate,
    pub grace_until: NaiveDate,
}

/// A rule whose condition does not evaluate.
#[derive(Debug, Error)]
#[error("schedule rule {rule}: {message}; correct sheet `schedules` of the ledger workbook")]
pub struct RuleError {
    pub rule: String,
    pub message: String,
}

/// The visits that `case` is due for: for every form that has rules for its
/// kind, the first rule that holds. A closed case is due for nothing.
///
/// `condition` evaluates a rule's expression over the case (the form engine
/// does; passed in so that this stays arithmetic). It gets the whole rule,
/// because `${last_visit_on}` is that of the rule's form.
///
/// # Errors
/// When a rule's expression fails; the pack is checked at publication, so
/// this says that a published pack is wrong.
pub fn due_visits(
    pack: &Pack,
    case: &CaseRecord,
    today: NaiveDate,
    condition: &dyn Fn(&ScheduleRule, &CaseRecord) -> Result<bool, String>,
) -> Result<Vec<DueVisit>, RuleError> {
    let mut due: Vec<DueVisit> = Vec::new();
    if case.status == CaseStatus::Closed {
        return Ok(due);
    }
    for rule in pack.schedules.iter().filter(|rule| rule.kind == case.kind && valid_on(rule, today)) {
        if due.iter().any(|found| found.form_id == rule.form_id) {
            continue;
        }
        let holds = rule.when.is_empty()
            || condition(rule, case).map_err(|message| RuleError { rule: rule.rule.clone(), message })?;
        if holds {
            due.push(due_by(rule, case.last_visits.get(&rule.form_id).copied(), today));
        }
    }
    Ok(due)
}

fn valid_on(rule: &ScheduleRule, today: NaiveDate) -> bool {
    rule.valid_from.is_none_or(|from| from <= today) && rule.valid_to.is_none_or(|to| today <= to)
}

/// A case that was never visited is due at once.
fn due_by(rule: &ScheduleRule, last_visit: Option<NaiveDate>, today: NaiveDate) -> DueVisit {
    let due_on = last_visit.map_or(today, |last| after(last, rule.interval));
    DueVisit {
        rule: rule.rule.clone(),
        form_id: rule.form_id.clone(),
        role: rule.role,
        opens_on: last_visit.map_or(today, |last| last.max(opening(due_on, rule.interval))),
        due_on,
        grace_until: due_on.checked_add_days(Days::new(rule.grace_days.into())).unwrap_or(due_on),
    }
}

/// The day an interval after `date`. A month after 31 January is the last day
/// of February.
pub fn after(date: NaiveDate, interval: Interval) -> NaiveDate {
    match interval {
        Interval::Days(days) => date.checked_add_days(Days::new(days.into())),
        Interval::Months(months) => date.checked_add_months(Months::new(months)),
    }
    .unwrap_or(date)
}

/// A visit can be made in the last third of its interval: earlier would only
/// shift the rhythm.
fn opening(due_on: NaiveDate, interval: Interval) -> NaiveDate {
    let days = match interval {
        Interval::Days(days) => u64::from(days),
        Interval::Months(months) => u64::from(months) * 30,
    };
    due_on.checked_sub_days(Days::new(days / 3)).unwrap_or(due_on)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{AreaId, CaseId};
    use std::collections::BTreeMap;
    use uuid::Uuid;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap_or_default()
    }

    fn rule(name: &str, when: &str, interval: Interval, grace_days: u32) -> ScheduleRule {
        ScheduleRule {
            rule: name.into(),
            kind: "elder".into(),
            form_id: "elder_visit".into(),
            when: when.into(),
            interval,
            grace_days,
            role: Role::GridWorker,
            valid_from: None,
            valid_to: None,
            basis: String::new(),
        }
    }

    fn pack(schedules: Vec<ScheduleRule>) -> Pack {
        Pack {
            version: "1".into(),
            kinds: vec![],
            properties: vec![],
            forms: vec![],
            writes: vec![],
            prefill: vec![],
            schedules,
        }
    }

    fn case(risk: &str, last: Option<&str>) -> CaseRecord {
        CaseRecord {
            id: CaseId(Uuid::from_u128(1)),
            kind: "elder".into(),
            parent: None,
            area_id: AreaId(Uuid::from_u128(2)),
            county: "610199".into(),
            label: "某某".into(),
            status: CaseStatus::Open,
            properties: BTreeMap::from([("risk".into(), risk.into())]),
            last_visits: last.map(|date| ("elder_visit".to_owned(), day(date))).into_iter().collect(),
            version: 1,
        }
    }

    fn is_risk(rule: &ScheduleRule, case: &CaseRecord) -> Result<bool, String> {
        Ok(case.properties.get("risk") == Some(&rule.when))
    }

    #[test]
    fn the_first_rule_that_holds_sets_the_date() -> Result<(), RuleError> {
        let pack =
            pack(vec![rule("red", "red", Interval::Days(7), 1), rule("all", "", Interval::Months(1), 7)]);
        let red = due_visits(&pack, &case("red", Some("2026-11-01")), day("2026-11-02"), &is_risk)?;
        assert_eq!(
            (red[0].rule.as_str(), red[0].due_on, red[0].grace_until),
            ("red", day("2026-11-08"), day("2026-11-09"))
        );
        let green = due_visits(&pack, &case("green", Some("2026-01-31")), day("2026-11-02"), &is_risk)?;
        assert_eq!((green.len(), green[0].due_on), (1, day("2026-02-28")), "a month after 31 January");
        Ok(())
    }

    #[test]
    fn never_visited_is_due_today_and_closed_is_never_due() -> Result<(), RuleError> {
        let pack = pack(vec![rule("all", "", Interval::Months(1), 7)]);
        let due = due_visits(&pack, &case("green", None), day("2026-11-02"), &is_risk)?;
        assert_eq!(due[0].due_on, day("2026-11-02"));
        let mut closed = case("green", None);
        closed.status = CaseStatus::Closed;
        assert!(due_visits(&pack, &closed, day("2026-11-02"), &is_risk)?.is_empty());
        Ok(())
    }

    #[test]
    fn a_rule_holds_only_between_its_dates() -> Result<(), RuleError> {
        let mut old = rule("old", "", Interval::Days(3), 0);
        old.valid_to = Some(day("2025-12-31"));
        let pack = pack(vec![old, rule("new", "", Interval::Days(5), 0)]);
        let case = case("green", Some("2026-01-01"));
        assert_eq!(due_visits(&pack, &case, day("2025-12-31"), &is_risk)?[0].rule, "old");
        assert_eq!(due_visits(&pack, &case, day("2026-01-01"), &is_risk)?[0].rule, "new");
        Ok(())
    }
}
