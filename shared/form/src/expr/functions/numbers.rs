//! Arithmetic.

use super::Result;
use crate::expr::ast::Call;
use crate::expr::environment::Dialect;
use crate::expr::evaluate::{Evaluator, Focus};
use crate::expr::value::Value;
use std::borrow::Cow;

pub(super) fn number<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let number = match call.arguments.first() {
        Some(argument) => evaluator.number(argument, focus)?,
        None => evaluator.number_at(focus.node),
    };
    Ok(Value::Number(number))
}

/// In forms, empty nodes count as nothing, so that a form can add up answers
/// while they are still coming in.
pub(super) fn sum<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let mut total = 0.0;
    for node in evaluator.nodes_argument(call, 0, focus)? {
        let number = evaluator.number_at(node);
        let missing = number.is_nan()
            && evaluator.dialect == Dialect::XForms
            && evaluator.environment.text(node).is_empty();
        if !missing {
            total += number;
        }
    }
    Ok(Value::Number(total))
}

pub(super) fn max<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    extreme(evaluator, call, focus, |number, best| number > best)
}

pub(super) fn min<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    extreme(evaluator, call, focus, |number, best| number < best)
}

/// Over the numbers in the arguments: every node of a set, or the value itself.
/// NaN for no numbers at all, and as soon as one is NaN.
fn extreme<'a>(
    evaluator: &mut Evaluator<'a>,
    call: &'a Call,
    focus: &Focus,
    better: fn(f64, f64) -> bool,
) -> Result<'a> {
    let mut best = None;
    let mut offer = |number: f64| match best {
        Some(present) if !number.is_nan() && !better(number, present) => {}
        _ if best.is_some_and(f64::is_nan) => {}
        _ => best = Some(number),
    };
    for argument in &call.arguments {
        match evaluator.evaluate(argument, focus)? {
            Value::Nodes(nodes) => nodes.iter().for_each(|&node| offer(evaluator.number_at(node))),
            value => offer(evaluator.to_number(&value)),
        }
    }
    Ok(Value::Number(best.unwrap_or(f64::NAN)))
}

/// Rounds a half upwards (XPath). With a second argument, to that many places
/// after the point, or before it when negative (ODK). A comma may stand for the
/// point, as JavaRosa has it.
pub(super) fn round<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let number = match evaluator.scalar_argument(call, 0, focus)? {
        Value::Text(text) if text.contains(',') => {
            evaluator.to_number(&Value::Text(Cow::Owned(text.replace(',', "."))))
        }
        value => evaluator.to_number(&value),
    };
    let places = match call.arguments.get(1) {
        Some(places) => evaluator.number(places, focus)?.trunc(),
        None => 0.0,
    };
    if number.is_nan() || number.is_infinite() || places.is_nan() {
        return Ok(Value::Number(if number.is_infinite() { number } else { f64::NAN }));
    }
    // Absurd places are no number, as JavaRosa has it.
    if places.abs() > 30.0 {
        return Ok(Value::Number(f64::NAN));
    }
    #[expect(clippy::cast_possible_truncation, reason = "bounded just before")]
    let places = places as i32;
    Ok(Value::Number(round_half_up(number, places)))
}

/// Rounds the number as it is written in decimals: 1.005 to two places is 1.01,
/// although its binary form lies below.
pub(super) fn round_half_up(number: f64, places: i32) -> f64 {
    if places == 0 {
        return (number + 0.5).floor();
    }
    let shifted: f64 = format!("{number}e{places}").parse().unwrap_or(f64::NAN);
    let rounded = (shifted + 0.5).floor();
    format!("{rounded}e{}", -places).parse().unwrap_or(f64::NAN)
}

pub(super) fn exp10(number: f64) -> f64 {
    10_f64.powf(number)
}

pub(super) fn pi<'a>(_: &mut Evaluator<'a>, _: &'a Call, _: &Focus) -> Result<'a> {
    Ok(Value::Number(std::f64::consts::PI))
}
