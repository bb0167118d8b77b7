//! Cells of the ledger workbook that hold an interval, a number of days, a
//! role or a day.

use std::str::FromStr;

use chrono::NaiveDate;
use doorstep_core::pack::Interval;
use doorstep_core::role::{Action, Role, allows};
use doorstep_core::text::LocalText;
use doorstep_form::{AuthoringProblem, Row, did_you_mean};

use super::table::Table;

/// Longest interval and grace.
const INTERVAL_DAYS_MAX: u32 = 3660;
const INTERVAL_MONTHS_MAX: u32 = 120;
const GRACE_DAYS_MAX: u32 = 366;

type Problems = Vec<AuthoringProblem>;

pub(super) fn interval<'t>(table: &Table<'t>, row: &'t Row, problems: &mut Problems) -> Option<Interval> {
    let text = table.filled(row, "interval", problems)?.to_lowercase();
    let of = |number: &str, max: u32| number.parse::<u32>().ok().filter(|number| (1..=max).contains(number));
    let found = match (text.strip_suffix('d'), text.strip_suffix('m')) {
        (Some(days), _) => of(days, INTERVAL_DAYS_MAX).map(Interval::Days),
        (_, Some(months)) => of(months, INTERVAL_MONTHS_MAX).map(Interval::Months),
        _ => None,
    };
    if found.is_none() {
        let message = "write a number of days or months: 7d, 14d, 1m, 12m";
        let suggestion = weeks_or_bare_number(&text);
        problems.push(table.problem(row, "interval", message).suggesting(suggestion));
    }
    found
}

/// `2w` and `14` are what people write instead.
fn weeks_or_bare_number(text: &str) -> Option<String> {
    if let Some(weeks) = text.strip_suffix('w') {
        return weeks.parse::<u32>().ok().map(|weeks| format!("write \"{}d\"", weeks.saturating_mul(7)));
    }
    text.parse::<u32>().ok().map(|days| format!("\"{days}d\" for days, \"{days}m\" for months"))
}

pub(super) fn grace_days<'t>(table: &Table<'t>, row: &'t Row, problems: &mut Problems) -> Option<u32> {
    let text = table.filled(row, "grace_days", problems)?;
    let found = text.parse::<u32>().ok().filter(|days| *days <= GRACE_DAYS_MAX);
    if found.is_none() {
        let message = format!("write a whole number of days from 0 to {GRACE_DAYS_MAX}");
        problems.push(table.problem(row, "grace_days", message));
    }
    found
}

pub(super) fn role<'t>(table: &Table<'t>, row: &'t Row, problems: &mut Problems) -> Option<Role> {
    let text = table.filled(row, "role", problems)?;
    match Role::from_str(text) {
        Ok(role) if allows(role, Action::Capture) => Some(role),
        Ok(role) => {
            let LocalText { en, .. } = role.label();
            problems.push(table.problem(row, "role", format!("the role \"{en}\" does not visit anybody")));
            None
        }
        Err(_) => {
            let named = Role::ALL.iter().find(|role| role.label().zh == text);
            let suggestion = named
                .map(|role| format!("write \"{role}\""))
                .or_else(|| did_you_mean(text, Role::ALL.iter().map(|role| role.code())));
            let capable = Role::ALL.iter().filter(|role| allows(**role, Action::Capture));
            let codes: Vec<&str> = capable.map(|role| role.code()).collect();
            let message = format!("there is no such role; the roles that visit are {}", codes.join(", "));
            problems.push(table.problem(row, "role", message).suggesting(suggestion));
            None
        }
    }
}

pub(super) fn day<'t>(
    table: &Table<'t>,
    row: &'t Row,
    column: &str,
    problems: &mut Problems,
) -> Option<NaiveDate> {
    let text = table.cell(row, column);
    if text.is_empty() {
        return None;
    }
    let found = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    if found.is_none() {
        let dashes: String = text
            .chars()
            .map(|character| if matches!(character, '/' | '.' | '年' | '月') { '-' } else { character })
            .collect();
        let suggestion = NaiveDate::parse_from_str(dashes.trim_end_matches('日'), "%Y-%m-%d")
            .ok()
            .map(|day| format!("write \"{day}\""));
        problems.push(
            table
                .problem(row, column, "write a date like 2026-01-31, or leave the cell empty")
                .suggesting(suggestion),
        );
    }
    found
}
