//! Truth and choice between values.

use super::Result;
use crate::expr::ast::Call;
use crate::expr::evaluate::{Evaluator, Focus};
use crate::expr::value::Value;

pub(super) fn boolean(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    let truth = arguments.first().is_some_and(|value| evaluator.to_boolean(value));
    Ok(Value::Boolean(truth))
}

pub(super) fn not(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    let truth = arguments.first().is_some_and(|value| evaluator.to_boolean(value));
    Ok(Value::Boolean(!truth))
}

pub(super) fn r#true(_: &mut Evaluator<'_>, _: Vec<Value>) -> Result {
    Ok(Value::Boolean(true))
}

pub(super) fn r#false(_: &mut Evaluator<'_>, _: Vec<Value>) -> Result {
    Ok(Value::Boolean(false))
}

/// `if(condition, then, else)` computes only the branch it yields.
pub(super) fn r#if(evaluator: &mut Evaluator<'_>, call: &Call, focus: &Focus) -> Result {
    let [condition, then, otherwise] = call.arguments.as_slice() else {
        return Ok(Value::empty());
    };
    let branch = if evaluator.boolean(condition, focus)? { then } else { otherwise };
    let value = evaluator.evaluate(branch, focus)?;
    Ok(evaluator.scalar(value))
}

/// The first argument that is not empty.
pub(super) fn coalesce(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    for argument in arguments {
        let value = evaluator.scalar(argument);
        if !evaluator.to_text(value.clone()).is_empty() {
            return Ok(value);
        }
    }
    Ok(Value::empty())
}

/// The value the node already has; if it has none, the argument.
pub(super) fn once(evaluator: &mut Evaluator<'_>, call: &Call, focus: &Focus) -> Result {
    let present = evaluator.environment.text(focus.origin);
    if !present.is_empty() {
        return Ok(Value::Text(present));
    }
    match call.arguments.first() {
        Some(argument) => {
            let value = evaluator.evaluate(argument, focus)?;
            Ok(evaluator.scalar(value))
        }
        None => Ok(Value::empty()),
    }
}

/// True for `1` and `true`, in any case of letters.
pub(super) fn boolean_from_string(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    let Some(value) = arguments.into_iter().next() else {
        return Ok(Value::Boolean(false));
    };
    let text = evaluator.to_text(value);
    Ok(Value::Boolean(text == "1" || text.eq_ignore_ascii_case("true")))
}

/// `checklist(least, most, …)`: how many of the rest are true lies between the
/// bounds; a negative bound is none.
pub(super) fn checklist(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    let [least, most, rest @ ..] = arguments.as_slice() else {
        return Ok(Value::Boolean(false));
    };
    let mut count = 0.0;
    for value in rest {
        match value {
            Value::Nodes(nodes) => {
                for &node in nodes {
                    let value = evaluator.environment.value(node);
                    count += f64::from(u8::from(evaluator.to_boolean(&value)));
                }
            }
            value => count += f64::from(u8::from(evaluator.to_boolean(value))),
        }
    }
    Ok(Value::Boolean(is_between(evaluator, count, least, most)))
}

/// `weighted-checklist(least, most, value, weight, value, weight, …)`
pub(super) fn weighted_checklist(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    let [least, most, rest @ ..] = arguments.as_slice() else {
        return Ok(Value::Boolean(false));
    };
    let mut sum = 0.0;
    for pair in rest.chunks(2) {
        if let [value, weight] = pair
            && evaluator.to_boolean(value)
        {
            sum += evaluator.to_number(weight);
        }
    }
    Ok(Value::Boolean(is_between(evaluator, sum, least, most)))
}

fn is_between(evaluator: &Evaluator<'_>, number: f64, least: &Value, most: &Value) -> bool {
    let (least, most) = (evaluator.to_number(least), evaluator.to_number(most));
    (least < 0.0 || number >= least) && (most < 0.0 || number <= most)
}
