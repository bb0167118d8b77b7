//! Days and moments.

use super::Result;
use crate::expr::ast::Call;
use crate::expr::evaluate::{Evaluator, Focus};
use crate::expr::moment::{Moment, parse_date, parse_date_time, parse_time};
use crate::expr::value::{Value, text_to_number};
use chrono::Timelike;

pub(super) fn today<'a>(evaluator: &mut Evaluator<'a>, _: &'a Call, _: &Focus) -> Result<'a> {
    Ok(Value::Moment(Moment::Date(evaluator.environment.now().date_naive())))
}

pub(super) fn now<'a>(evaluator: &mut Evaluator<'a>, _: &'a Call, _: &Focus) -> Result<'a> {
    Ok(Value::Moment(Moment::DateTime(evaluator.environment.now())))
}

/// What a value means as a moment: a date or moment in ISO form, or days since
/// 1970-01-01. `None` for an empty or unreadable value.
pub(super) fn moment_of<'a>(evaluator: &Evaluator<'a>, value: &Value<'a>) -> Option<Moment> {
    let zone = evaluator.environment.zone();
    match value {
        Value::Moment(moment) => Some(*moment),
        Value::Number(days) => Moment::from_days(*days, zone),
        Value::Text(text) => {
            let text = text.trim();
            parse_date(text)
                .map(Moment::Date)
                .or_else(|| parse_date_time(text, zone).map(Moment::DateTime))
                .or_else(|| Moment::from_days(text_to_number(text, zone), zone))
        }
        _ => None,
    }
}

/// What `now()` and its like mean as a day; a text or a number keeps its time,
/// where it has one. Empty for what is neither.
pub(super) fn date<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let value = evaluator.scalar_argument(call, 0, focus)?;
    let zone = evaluator.environment.zone();
    Ok(match moment_of(evaluator, &value).map(|moment| moment.local(zone)) {
        Some(Moment::DateTime(moment)) if matches!(value, Value::Moment(_)) => {
            Value::Moment(Moment::Date(moment.date_naive()))
        }
        Some(moment) => Value::Moment(moment),
        None => Value::empty(),
    })
}

/// The moment, by the local clock; empty for what is none.
pub(super) fn date_time<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let value = evaluator.scalar_argument(call, 0, focus)?;
    let zone = evaluator.environment.zone();
    let moment = moment_of(evaluator, &value).map(|moment| moment.local(zone));
    Ok(moment.map_or_else(Value::empty, Value::Moment))
}

/// Days since 1970-01-01T00:00 UTC, with a fraction.
pub(super) fn decimal_date_time<'a>(
    evaluator: &mut Evaluator<'a>,
    call: &'a Call,
    focus: &Focus,
) -> Result<'a> {
    let value = evaluator.scalar_argument(call, 0, focus)?;
    let zone = evaluator.environment.zone();
    Ok(Value::Number(moment_of(evaluator, &value).map_or(f64::NAN, |moment| moment.days(zone))))
}

/// The time of day as a fraction of the day.
pub(super) fn decimal_time<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let value = evaluator.scalar_argument(call, 0, focus)?;
    let zone = evaluator.environment.zone();
    if let Value::Text(text) = &value
        && let Some(fraction) = parse_time(text.trim(), zone)
    {
        return Ok(Value::Number(fraction));
    }
    Ok(Value::Number(match moment_of(evaluator, &value).map(|moment| moment.local(zone)) {
        Some(Moment::Date(_)) => 0.0,
        Some(Moment::DateTime(moment)) => {
            f64::from(moment.num_seconds_from_midnight()) / 86_400.0
                + f64::from(moment.nanosecond() / 1_000_000) / 86_400_000.0
        }
        None => f64::NAN,
    }))
}

/// `format-date(value, pattern)`, by the local clock; empty for what is no date.
pub(super) fn format_date<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let value = evaluator.scalar_argument(call, 0, focus)?;
    let Some(moment) = moment_of(evaluator, &value) else {
        return Ok(Value::empty());
    };
    let pattern = evaluator.text_argument(call, 1, focus)?;
    evaluator.spend(pattern.len())?;
    Ok(Value::text(moment.local(evaluator.environment.zone()).format(&pattern)))
}
