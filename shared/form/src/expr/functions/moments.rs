//! Days and moments.

use super::Result;
use crate::expr::ast::Call;
use crate::expr::evaluate::{Evaluator, Focus};
use crate::expr::moment::{Moment, local, parse_date, parse_date_time, parse_time};
use crate::expr::value::{Value, text_to_number};

pub(super) fn today<'a>(evaluator: &mut Evaluator<'a>, _: &'a Call, _: &Focus) -> Result<'a> {
    Ok(Value::Moment(Moment::Date(evaluator.environment.now().date_naive())))
}

pub(super) fn now<'a>(evaluator: &mut Evaluator<'a>, _: &'a Call, _: &Focus) -> Result<'a> {
    Ok(Value::Moment(Moment::DateTime(evaluator.environment.now())))
}

/// What a value means as a moment: a date or moment in ISO form, or days since
/// 1970-01-01. `None` for an empty or unreadable value.
fn moment_of<'a>(evaluator: &Evaluator<'a>, value: &Value<'a>) -> Option<Moment> {
    let zone = evaluator.environment.zone();
    match value {
        Value::Moment(moment) => Some(*moment),
        Value::Number(days) => Moment::date_time_from_days(*days, zone),
        Value::Text(text) => {
            let text = text.trim();
            parse_date(text)
                .map(Moment::Date)
                .or_else(|| parse_date_time(text, zone).map(Moment::DateTime))
                .or_else(|| Moment::date_time_from_days(text_to_number(text, zone), zone))
        }
        _ => None,
    }
}

/// The day; empty for what is none.
pub(super) fn date<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let value = evaluator.scalar_argument(call, 0, focus)?;
    Ok(match moment_of(evaluator, &value) {
        Some(Moment::Date(date)) => Value::Moment(Moment::Date(date)),
        Some(Moment::DateTime(moment)) => {
            let moment = local(moment, evaluator.environment.zone());
            Value::Moment(Moment::Date(moment.date_naive()))
        }
        None => Value::empty(),
    })
}

/// The moment; empty for what is none.
pub(super) fn date_time<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let value = evaluator.scalar_argument(call, 0, focus)?;
    let zone = evaluator.environment.zone();
    Ok(match moment_of(evaluator, &value) {
        Some(moment @ Moment::Date(_)) => {
            Moment::date_time_from_days(moment.days(zone), zone).map_or_else(Value::empty, Value::Moment)
        }
        Some(moment) => Value::Moment(moment),
        None => Value::empty(),
    })
}

/// Days since 1970-01-01, with the time of day as a fraction.
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
        && let Some(fraction) = parse_time(text.trim())
    {
        return Ok(Value::Number(fraction));
    }
    let days = moment_of(evaluator, &value).map_or(f64::NAN, |moment| moment.days(zone));
    Ok(Value::Number(days - days.floor()))
}

/// `format-date(value, pattern)`; empty for what is no date. The time is shown
/// where it was written, as people remember it.
pub(super) fn format_date<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let value = evaluator.scalar_argument(call, 0, focus)?;
    let Some(moment) = moment_of(evaluator, &value) else {
        return Ok(Value::empty());
    };
    let pattern = evaluator.text_argument(call, 1, focus)?;
    evaluator.spend(pattern.len())?;
    Ok(Value::text(moment.format(&pattern)))
}
