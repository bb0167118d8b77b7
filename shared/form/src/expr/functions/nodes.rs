//! Sets of nodes, lists and where an expression stands.

use super::Result;
use crate::expr::ast::{Call, Expr};
use crate::expr::environment::Handle;
use crate::expr::evaluate::{Evaluator, Focus};
use crate::expr::value::Value;

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn counted(count: usize) -> Value {
    Value::Number(count as f64)
}

pub(super) fn last(_: &mut Evaluator<'_>, _: &Call, focus: &Focus) -> Result {
    Ok(counted(focus.size))
}

/// In a predicate, the position in the set being filtered. With an argument
/// (`position(..)`), the position of that node among its siblings of the same
/// name: which instance of a repeat it is.
pub(super) fn position(evaluator: &mut Evaluator<'_>, call: &Call, focus: &Focus) -> Result {
    match call.arguments.first() {
        None => Ok(counted(focus.position)),
        Some(argument) => {
            let nodes = evaluator.nodes(argument, focus)?;
            Ok(nodes
                .first()
                .map_or(Value::Number(f64::NAN), |&node| counted(evaluator.environment.position(node))))
        }
    }
}

pub(super) fn count(_: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    Ok(match arguments.first() {
        Some(Value::Nodes(nodes)) => counted(nodes.len()),
        _ => counted(0),
    })
}

pub(super) fn count_non_empty(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    Ok(match arguments.first() {
        Some(Value::Nodes(nodes)) => {
            let filled = nodes.iter().filter(|&&node| !evaluator.environment.text(node).is_empty());
            counted(filled.count())
        }
        _ => counted(0),
    })
}

fn named_node(
    evaluator: &mut Evaluator<'_>,
    call: &Call,
    focus: &Focus,
) -> std::result::Result<Option<Handle>, crate::expr::EvaluationError> {
    match call.arguments.first() {
        None => Ok(Some(focus.node)),
        Some(argument) => Ok(evaluator.nodes(argument, focus)?.first().copied()),
    }
}

pub(super) fn name(evaluator: &mut Evaluator<'_>, call: &Call, focus: &Focus) -> Result {
    let node = named_node(evaluator, call, focus)?;
    Ok(Value::Text(node.map_or_else(String::new, |node| evaluator.environment.name(node).to_owned())))
}

pub(super) fn local_name(evaluator: &mut Evaluator<'_>, call: &Call, focus: &Focus) -> Result {
    let node = named_node(evaluator, call, focus)?;
    Ok(Value::Text(node.map_or_else(String::new, |node| {
        let name = evaluator.environment.name(node);
        name.rsplit(':').next().unwrap_or_default().to_owned()
    })))
}

pub(super) fn instance(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    let name = arguments.into_iter().next().map_or_else(String::new, |value| evaluator.to_text(value));
    Ok(Value::Nodes(evaluator.environment.list(&name).into_iter().collect()))
}

pub(super) fn current(_: &mut Evaluator<'_>, _: &Call, focus: &Focus) -> Result {
    Ok(Value::Nodes(vec![focus.origin]))
}

/// The label of a choice; the plan has turned the second argument, which names
/// the question, into a path.
pub(super) fn choice_name(evaluator: &mut Evaluator<'_>, call: &Call, focus: &Focus) -> Result {
    let [value, question] = call.arguments.as_slice() else {
        return Ok(Value::empty());
    };
    let value = evaluator.text(value, focus)?;
    let question = match question {
        Expr::Path(_) => evaluator.nodes(question, focus)?.first().copied(),
        _ => None,
    };
    let label = question.and_then(|question| evaluator.environment.choice_label(question, &value));
    Ok(Value::Text(label.unwrap_or_default()))
}

pub(super) fn version(evaluator: &mut Evaluator<'_>, _: Vec<Value>) -> Result {
    Ok(Value::Text(evaluator.environment.version().to_owned()))
}
