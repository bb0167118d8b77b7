//! Arithmetic.

use super::Result;
use crate::expr::ast::Call;
use crate::expr::evaluate::{Evaluator, Focus};
use crate::expr::value::Value;

pub(super) fn number(evaluator: &mut Evaluator<'_>, call: &Call, focus: &Focus) -> Result {
    let number = match call.arguments.first() {
        Some(argument) => evaluator.number(argument, focus)?,
        None => evaluator.to_number(&Value::Nodes(vec![focus.node])),
    };
    Ok(Value::Number(number))
}

/// The numbers in the arguments: every node of a set, or the value itself.
fn all_numbers(evaluator: &Evaluator<'_>, arguments: &[Value]) -> Vec<f64> {
    let mut numbers = Vec::new();
    for argument in arguments {
        match argument {
            Value::Nodes(nodes) => {
                for &node in nodes {
                    numbers.push(evaluator.to_number(&evaluator.environment.value(node)));
                }
            }
            value => numbers.push(evaluator.to_number(value)),
        }
    }
    numbers
}

/// Empty nodes count as nothing, so that a form can add up answers while they
/// are still coming in.
pub(super) fn sum(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    let mut total = 0.0;
    for argument in &arguments {
        match argument {
            Value::Nodes(nodes) => {
                for &node in nodes {
                    if !evaluator.environment.text(node).is_empty() {
                        total += evaluator.to_number(&evaluator.environment.value(node));
                    }
                }
            }
            value => total += evaluator.to_number(value),
        }
    }
    Ok(Value::Number(total))
}

pub(super) fn max(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    extreme(evaluator, &arguments, |number, best| number > best)
}

pub(super) fn min(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    extreme(evaluator, &arguments, |number, best| number < best)
}

/// Empty for no numbers at all; NaN as soon as one is NaN.
fn extreme(evaluator: &Evaluator<'_>, arguments: &[Value], better: fn(f64, f64) -> bool) -> Result {
    let numbers = all_numbers(evaluator, arguments);
    let mut best = f64::NAN;
    for (index, number) in numbers.iter().enumerate() {
        if number.is_nan() {
            return Ok(Value::Number(f64::NAN));
        }
        if index == 0 || better(*number, best) {
            best = *number;
        }
    }
    Ok(Value::Number(best))
}

/// Rounds a half upwards (XPath). With a second argument, to that many places
/// after the point, or before it when negative (ODK). A comma may stand for the
/// point, as JavaRosa has it.
pub(super) fn round(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    let mut arguments = arguments.into_iter();
    let number = match arguments.next().map(|value| evaluator.scalar(value)) {
        Some(Value::Text(text)) => evaluator.to_number(&Value::Text(text.replace(',', "."))),
        Some(value) => evaluator.to_number(&value),
        None => f64::NAN,
    };
    let places = arguments.next().map_or(0.0, |value| evaluator.to_number(&value).trunc());
    if number.is_nan() || number.is_infinite() || places.is_nan() {
        return Ok(Value::Number(if number.is_infinite() { number } else { f64::NAN }));
    }
    #[expect(clippy::cast_possible_truncation, reason = "clamped")]
    let places = places.clamp(-20.0, 20.0) as i32;
    Ok(Value::Number(round_half_up(number, places)))
}

/// Rounds the number as it is written in decimals: 1.005 to two places is 1.01,
/// although its binary form lies below.
fn round_half_up(number: f64, places: i32) -> f64 {
    if places == 0 {
        return (number + 0.5).floor();
    }
    let shifted: f64 = format!("{number}e{places}").parse().unwrap_or(f64::NAN);
    let rounded = (shifted + 0.5).floor();
    format!("{rounded}e{}", -places).parse().unwrap_or(f64::NAN)
}

fn unary(evaluator: &Evaluator<'_>, arguments: &[Value], compute: fn(f64) -> f64) -> Result {
    let number = arguments.first().map_or(f64::NAN, |value| evaluator.to_number(value));
    Ok(Value::Number(compute(number)))
}

fn binary(evaluator: &Evaluator<'_>, arguments: &[Value], compute: fn(f64, f64) -> f64) -> Result {
    let number = |index: usize| arguments.get(index).map_or(f64::NAN, |value| evaluator.to_number(value));
    Ok(Value::Number(compute(number(0), number(1))))
}

pub(super) fn floor(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    unary(evaluator, &arguments, f64::floor)
}

pub(super) fn ceiling(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    unary(evaluator, &arguments, f64::ceil)
}

/// Cuts off what is behind the point.
pub(super) fn int(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    unary(evaluator, &arguments, f64::trunc)
}

pub(super) fn pow(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    binary(evaluator, &arguments, f64::powf)
}

pub(super) fn abs(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    unary(evaluator, &arguments, f64::abs)
}

pub(super) fn sqrt(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    unary(evaluator, &arguments, f64::sqrt)
}

pub(super) fn log(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    unary(evaluator, &arguments, f64::ln)
}

pub(super) fn log10(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    unary(evaluator, &arguments, f64::log10)
}

pub(super) fn exp(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    unary(evaluator, &arguments, f64::exp)
}

pub(super) fn exp10(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    unary(evaluator, &arguments, |number| 10_f64.powf(number))
}

pub(super) fn pi(_: &mut Evaluator<'_>, _: Vec<Value>) -> Result {
    Ok(Value::Number(std::f64::consts::PI))
}

pub(super) fn sin(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    unary(evaluator, &arguments, f64::sin)
}

pub(super) fn cos(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    unary(evaluator, &arguments, f64::cos)
}

pub(super) fn tan(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    unary(evaluator, &arguments, f64::tan)
}

pub(super) fn asin(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    unary(evaluator, &arguments, f64::asin)
}

pub(super) fn acos(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    unary(evaluator, &arguments, f64::acos)
}

pub(super) fn atan(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    unary(evaluator, &arguments, f64::atan)
}

pub(super) fn atan2(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    binary(evaluator, &arguments, f64::atan2)
}
