//! Functions that only the Community Health Toolkit has, as its documentation
//! says ("CHT XPath functions"), so that its workbooks can be used.

use super::Result;
use super::moments::moment_of;
use crate::expr::EvaluationError;
use crate::expr::ast::Call;
use crate::expr::evaluate::{Evaluator, Focus};
use crate::expr::moment::Moment;
use crate::expr::value::Value;
use chrono::{DateTime, Datelike, Duration, Months, NaiveDateTime, TimeZone};

/// A moment by the local clock; `None` for what is none.
fn local<'a>(
    evaluator: &mut Evaluator<'a>,
    call: &'a Call,
    place: usize,
    focus: &Focus,
) -> std::result::Result<Option<NaiveDateTime>, EvaluationError> {
    let value = evaluator.scalar_argument(call, place, focus)?;
    let moment = moment_of(evaluator, &value).map(|moment| moment.local(evaluator.environment.zone()));
    Ok(moment.map(|moment| moment.date().and_time(moment.time())))
}

/// How many whole units lie between two moments, towards zero; empty where one
/// is none.
fn between<'a>(
    evaluator: &mut Evaluator<'a>,
    call: &'a Call,
    focus: &Focus,
    units: impl Fn(NaiveDateTime, NaiveDateTime) -> i64,
) -> Result<'a> {
    let (first, second) = (local(evaluator, call, 0, focus)?, local(evaluator, call, 1, focus)?);
    let (Some(first), Some(second)) = (first, second) else { return Ok(Value::empty()) };
    let number = if first <= second { units(first, second) } else { -units(second, first) };
    #[expect(clippy::cast_precision_loss, reason = "days of any date are exact")]
    Ok(Value::Number(number as f64))
}

/// Whole months: the most that can be added to the earlier moment without going
/// beyond the later one. A month later than its 31st is the end of a shorter one.
fn months(earlier: NaiveDateTime, later: NaiveDateTime) -> i64 {
    let index = |moment: NaiveDateTime| i64::from(moment.year()) * 12 + i64::from(moment.month0());
    let months = index(later) - index(earlier);
    let added = u32::try_from(months).ok().and_then(|months| earlier.checked_add_months(Months::new(months)));
    months - i64::from(added.is_some_and(|added| added > later))
}

pub(super) fn difference_in_days<'a>(e: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    between(e, call, focus, |earlier, later| (later - earlier).num_days())
}

pub(super) fn difference_in_weeks<'a>(e: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    between(e, call, focus, |earlier, later| (later - earlier).num_weeks())
}

pub(super) fn difference_in_months<'a>(e: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    between(e, call, focus, months)
}

pub(super) fn difference_in_years<'a>(e: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    between(e, call, focus, |earlier, later| months(earlier, later) / 12)
}

/// `add-date(date, years, months, days, hours, minutes)`: what is missing or no
/// number adds nothing; a day that the month lacks is its last one.
pub(super) fn add_date<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let Some(mut moment) = local(evaluator, call, 0, focus)? else { return Ok(Value::empty()) };
    for place in 1..call.arguments.len() {
        let number = evaluator.number_argument(call, place, focus)?.round();
        if number.is_nan() {
            continue;
        }
        match added(moment, place, number) {
            Some(later) => moment = later,
            None => return Ok(Value::empty()),
        }
    }
    let zone = evaluator.environment.zone();
    let offset = zone.at_local(moment);
    let moment = offset.from_local_datetime(&moment).single();
    Ok(moment.map_or_else(Value::empty, |moment| Value::Moment(Moment::DateTime(moment).local(zone))))
}

/// `None` beyond the dates there are.
fn added(moment: NaiveDateTime, place: usize, number: f64) -> Option<NaiveDateTime> {
    #[expect(clippy::cast_possible_truncation, reason = "bounded just before")]
    let number = (number.abs() < 1e9).then_some(number as i64)?;
    let by_months = |months: i64| {
        let count = Months::new(u32::try_from(months.unsigned_abs()).ok()?);
        if months < 0 { moment.checked_sub_months(count) } else { moment.checked_add_months(count) }
    };
    match place {
        1 => by_months(number.checked_mul(12)?),
        2 => by_months(number),
        3 => moment.checked_add_signed(Duration::try_days(number)?),
        4 => moment.checked_add_signed(Duration::try_hours(number)?),
        _ => moment.checked_add_signed(Duration::try_minutes(number)?),
    }
}

/// The moment that lies so many milliseconds behind 1970-01-01T00:00 UTC.
pub(super) fn parse_timestamp_to_date<'a>(
    evaluator: &mut Evaluator<'a>,
    call: &'a Call,
    focus: &Focus,
) -> Result<'a> {
    let milliseconds = evaluator.number_argument(call, 0, focus)?.trunc();
    if milliseconds.is_nan() || milliseconds.abs() > 8.64e15 {
        return Ok(Value::empty());
    }
    #[expect(clippy::cast_possible_truncation, reason = "bounded just before")]
    let moment = DateTime::from_timestamp_millis(milliseconds as i64);
    let zone = evaluator.environment.zone();
    Ok(moment.map_or_else(Value::empty, |moment| {
        Value::Moment(Moment::DateTime(crate::expr::moment::local(moment.fixed_offset(), zone)))
    }))
}

/// The text without any white space.
pub(super) fn strip_whitespace<'a>(
    evaluator: &mut Evaluator<'a>,
    call: &'a Call,
    focus: &Focus,
) -> Result<'a> {
    let text = evaluator.text_argument(call, 0, focus)?;
    evaluator.spend(text.len())?;
    Ok(Value::text(text.split_whitespace().collect::<String>()))
}

/// Whether the last digit checks the others by Luhn's rule, and there are as many
/// digits as the second argument says, where it is there.
pub(super) fn validate_luhn<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let text = evaluator.text_argument(call, 0, focus)?;
    evaluator.spend(text.len())?;
    let digits: Option<Vec<u32>> = text.trim().chars().map(|one| one.to_digit(10)).collect();
    let Some(digits) = digits.filter(|digits| !digits.is_empty()) else { return Ok(Value::Boolean(false)) };
    #[expect(clippy::cast_precision_loss, reason = "a text is not that long")]
    if call.arguments.len() > 1 && evaluator.number_argument(call, 1, focus)? != digits.len() as f64 {
        return Ok(Value::Boolean(false));
    }
    let sum: u32 = digits
        .iter()
        .rev()
        .zip([1, 2].into_iter().cycle())
        .map(|(digit, weight)| digit * weight)
        .map(|product| if product > 9 { product - 9 } else { product })
        .fold(0, |sum, product| (sum + product) % 10);
    Ok(Value::Boolean(sum == 0))
}

/// What needs tables or scripts that only a server of the toolkit has.
pub(super) fn elsewhere<'a>(_: &mut Evaluator<'a>, call: &'a Call, _: &Focus) -> Result<'a> {
    Err(EvaluationError::new(format!(
        "{}() needs what only a server of the Community Health Toolkit has",
        call.function.name
    )))
}
