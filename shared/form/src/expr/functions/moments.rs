//! Days and moments.

use super::Result;
use crate::expr::evaluate::Evaluator;
use crate::expr::moment::{Moment, parse_date, parse_date_time, parse_time};
use crate::expr::value::{Value, text_to_number};

pub(super) fn today(evaluator: &mut Evaluator<'_>, _: Vec<Value>) -> Result {
    Ok(Value::Moment(Moment::Date(evaluator.environment.now().date_naive())))
}

pub(super) fn now(evaluator: &mut Evaluator<'_>, _: Vec<Value>) -> Result {
    Ok(Value::Moment(Moment::DateTime(evaluator.environment.now())))
}

/// What the first argument means as a moment: a date or moment in ISO form, or
/// days since 1970-01-01. `None` for an empty or unreadable value.
fn moment_of(evaluator: &Evaluator<'_>, value: Option<Value>) -> Option<Moment> {
    match evaluator.scalar(value?) {
        Value::Moment(moment) => Some(moment),
        Value::Number(days) => Moment::date_time_from_days(days, evaluator.offset()),
        Value::Text(text) => {
            let text = text.trim();
            parse_date(text)
                .map(Moment::Date)
                .or_else(|| parse_date_time(text, evaluator.offset()).map(Moment::DateTime))
                .or_else(|| {
                    Moment::date_time_from_days(text_to_number(text, evaluator.offset()), evaluator.offset())
                })
        }
        _ => None,
    }
}

/// The day; empty for what is none.
pub(super) fn date(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    let offset = evaluator.offset();
    Ok(match moment_of(evaluator, arguments.into_iter().next()) {
        Some(Moment::Date(date)) => Value::Moment(Moment::Date(date)),
        Some(Moment::DateTime(moment)) => {
            Value::Moment(Moment::Date(moment.with_timezone(&offset).date_naive()))
        }
        None => Value::empty(),
    })
}

/// The moment; empty for what is none.
pub(super) fn date_time(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    let offset = evaluator.offset();
    Ok(match moment_of(evaluator, arguments.into_iter().next()) {
        Some(moment @ Moment::Date(_)) => {
            Moment::date_time_from_days(moment.days(offset), offset).map_or_else(Value::empty, Value::Moment)
        }
        Some(moment) => Value::Moment(moment),
        None => Value::empty(),
    })
}

/// Days since 1970-01-01, with the time of day as a fraction.
pub(super) fn decimal_date_time(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    let offset = evaluator.offset();
    let moment = moment_of(evaluator, arguments.into_iter().next());
    Ok(Value::Number(moment.map_or(f64::NAN, |moment| moment.days(offset))))
}

/// The time of day as a fraction of the day.
pub(super) fn decimal_time(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    let offset = evaluator.offset();
    let value = arguments.into_iter().next().map(|value| evaluator.scalar(value));
    if let Some(Value::Text(text)) = &value
        && let Some(fraction) = parse_time(text.trim())
    {
        return Ok(Value::Number(fraction));
    }
    let days = moment_of(evaluator, value).map_or(f64::NAN, |moment| moment.days(offset));
    Ok(Value::Number(days - days.floor()))
}

/// `format-date(value, pattern)`; empty for what is no date. The time is shown
/// where it was written, as people remember it.
pub(super) fn format_date(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    let mut arguments = arguments.into_iter();
    let moment = moment_of(evaluator, arguments.next());
    let pattern = arguments.next().map_or_else(String::new, |value| evaluator.to_text(value));
    Ok(Value::Text(moment.map_or_else(String::new, |moment| moment.format(&pattern))))
}
