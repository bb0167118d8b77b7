//! Truth and choice between values.

use super::Result;
use crate::expr::EvaluationError;
use crate::expr::ast::Call;
use crate::expr::evaluate::{Evaluator, Focus};
use crate::expr::value::Value;

pub(super) fn boolean<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    evaluator.boolean_argument(call, 0, focus).map(Value::Boolean)
}

pub(super) fn not<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    evaluator.boolean_argument(call, 0, focus).map(|truth| Value::Boolean(!truth))
}

pub(super) fn r#true<'a>(_: &mut Evaluator<'a>, _: &'a Call, _: &Focus) -> Result<'a> {
    Ok(Value::Boolean(true))
}

pub(super) fn r#false<'a>(_: &mut Evaluator<'a>, _: &'a Call, _: &Focus) -> Result<'a> {
    Ok(Value::Boolean(false))
}

/// `if(condition, then, else)` computes only the branch it yields.
pub(super) fn r#if<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let branch = if evaluator.boolean_argument(call, 0, focus)? { 1 } else { 2 };
    evaluator.argument(call, branch, focus)
}

/// The first argument that is not empty; a number that is none is empty.
pub(super) fn coalesce<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    for argument in &call.arguments {
        let value = evaluator.evaluate(argument, focus)?;
        let value = evaluator.scalar(value);
        match &value {
            Value::Text(text) if text.is_empty() => {}
            Value::Number(number) if number.is_nan() => {}
            _ => return Ok(value),
        }
    }
    Ok(Value::empty())
}

/// The first argument; the others are only read, so that a change of them has it
/// computed again.
pub(super) fn depend<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    evaluator.argument(call, 0, focus)
}

/// The value the node already has; if it has none, the argument.
pub(super) fn once<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let present = evaluator.environment.text(focus.origin);
    if !present.is_empty() {
        return Ok(Value::Text(present));
    }
    match evaluator.scalar_argument(call, 0, focus)? {
        Value::Number(number) if number.is_nan() => Ok(Value::empty()),
        value => Ok(value),
    }
}

/// True for `1` and `true`, and nothing else.
pub(super) fn boolean_from_string<'a>(
    evaluator: &mut Evaluator<'a>,
    call: &'a Call,
    focus: &Focus,
) -> Result<'a> {
    let text = evaluator.text_argument(call, 0, focus)?;
    Ok(Value::Boolean(text == "1" || text == "true"))
}

/// `checklist(least, most, …)`: how many of the rest are true lies between the
/// bounds; a negative bound is none. Of a set, each node counts.
pub(super) fn checklist<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let mut count = 0.0;
    for argument in call.arguments.iter().skip(2) {
        match evaluator.evaluate(argument, focus)? {
            Value::Nodes(nodes) => {
                for node in nodes {
                    let value = evaluator.environment.value(node);
                    count += f64::from(u8::from(evaluator.to_boolean(&value)));
                }
            }
            value => count += f64::from(u8::from(evaluator.to_boolean(&value))),
        }
    }
    is_between(evaluator, call, focus, count)
}

/// `weighted-checklist(least, most, value, weight, value, weight, …)`. Value
/// and weight may be two sets of the same size.
pub(super) fn weighted_checklist<'a>(
    evaluator: &mut Evaluator<'a>,
    call: &'a Call,
    focus: &Focus,
) -> Result<'a> {
    let mut sum = 0.0;
    for pair in call.arguments.chunks(2).skip(1) {
        let [value, weight] = pair else {
            return Err(EvaluationError::new(
                "weighted-checklist() takes pairs of a value and its weight: its last weight is missing",
            ));
        };
        let value = evaluator.evaluate(value, focus)?;
        let weight = evaluator.evaluate(weight, focus)?;
        match (&value, &weight) {
            (Value::Nodes(values), Value::Nodes(weights)) if values.len() != 1 || weights.len() != 1 => {
                if values.len() != weights.len() {
                    return Err(EvaluationError::new(format!(
                        "weighted-checklist() has {} values but {} weights",
                        values.len(),
                        weights.len()
                    )));
                }
                for (&value, &weight) in values.iter().zip(weights) {
                    let value = evaluator.environment.value(value);
                    if evaluator.to_boolean(&value) {
                        sum += evaluator.number_at(weight);
                    }
                }
            }
            _ => {
                if evaluator.to_boolean(&value) {
                    sum += evaluator.to_number(&weight);
                }
            }
        }
    }
    is_between(evaluator, call, focus, sum)
}

fn is_between<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus, number: f64) -> Result<'a> {
    let least = evaluator.number_argument(call, 0, focus)?;
    let most = evaluator.number_argument(call, 1, focus)?;
    Ok(Value::Boolean((least < 0.0 || number >= least) && (most < 0.0 || number <= most)))
}
