//! Instances of repeats by their number.

use super::Result;
use crate::expr::EvaluationError;
use crate::expr::ast::{Call, Expr, Path, Start};
use crate::expr::environment::{Handle, Nodes};
use crate::expr::evaluate::{Evaluator, Focus};
use crate::expr::value::Value;
use smallvec::SmallVec;

/// `indexed-repeat(node, repeat, index, …)`: the nodes inside the instance of
/// this number, counted from 1, of a repeat; further pairs are for repeats
/// around or inside it, in any order. It is short for steps with
/// `[position() = index]`.
pub(super) fn indexed_repeat<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let (Some(target), pairs) = (call.arguments.first(), call.arguments.get(1..).unwrap_or_default()) else {
        return Ok(Value::empty());
    };
    if pairs.len() % 2 != 0 {
        return Err(EvaluationError::new(
            "indexed-repeat() takes a node and pairs of a repeat and its index",
        ));
    }
    let mut chosen: SmallVec<[(usize, &'a Expr, f64); 3]> = SmallVec::new();
    for pair in pairs.chunks_exact(2) {
        let [repeat, index] = pair else { continue };
        let wanted = evaluator.number(index, focus)?.trunc();
        // With one repeat there is no order to find.
        let depth = if pairs.len() == 2 { 0 } else { depth(evaluator, repeat, focus)? };
        chosen.push((depth, repeat, wanted));
    }
    // From the outermost inwards.
    chosen.sort_by_key(|(depth, _, _)| *depth);
    let mut instance = None;
    for (_, repeat, wanted) in chosen {
        let instances = within(evaluator, repeat, instance, focus)?;
        let found = instances.iter().zip(1_u32..).find(|(_, place)| f64::from(*place) == wanted);
        match found {
            Some((&found, _)) => instance = Some(found),
            None => return Ok(Value::Nodes(Nodes::new())),
        }
    }
    within(evaluator, target, instance, focus).map(Value::Nodes)
}

/// How many nodes are around the instances of a repeat.
fn depth<'a>(
    evaluator: &mut Evaluator<'a>,
    repeat: &'a Expr,
    focus: &Focus,
) -> std::result::Result<usize, EvaluationError> {
    let mut at = within(evaluator, repeat, None, focus)?.first().copied();
    let mut depth = 0;
    while let Some(node) = at {
        depth += 1;
        at = evaluator.environment.parent(node);
    }
    Ok(depth)
}

/// The nodes of a path that lie inside the instance chosen so far.
fn within<'a>(
    evaluator: &mut Evaluator<'a>,
    path: &'a Expr,
    instance: Option<Handle>,
    focus: &Focus,
) -> std::result::Result<Nodes, EvaluationError> {
    let Expr::Path(path @ Path { start, predicates, steps }) = path else {
        return Err(EvaluationError::new("indexed-repeat() needs paths to a node and to its repeats"));
    };
    // A resolved name is looked for from inside the instance.
    if let (Start::Node(node), true, true) = (start, predicates.is_empty(), steps.is_empty()) {
        let mut found = Nodes::new();
        evaluator.environment.reference(*node, instance.unwrap_or(focus.origin), &mut found);
        return Ok(found);
    }
    let Value::Nodes(mut found) = evaluator.path(path, focus)? else {
        return Ok(Nodes::new());
    };
    if let Some(instance) = instance {
        evaluator.spend(found.len())?;
        found.retain(|node| {
            let mut at = Some(*node);
            while at.is_some_and(|at| at != instance) {
                at = at.and_then(|at| evaluator.environment.parent(at));
            }
            at.is_some()
        });
    }
    Ok(found)
}
