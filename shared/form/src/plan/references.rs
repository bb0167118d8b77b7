//! Names of questions in paths, and paths that mean what a name means.

use super::bind::{Binder, Place};
use crate::expr::{self, Axis, Expr, ExpressionError, Path, Start, Step, Test};
use crate::form::NodeKind;
use crate::problem::did_you_mean;

impl Binder<'_> {
    /// `${last-saved#name}` is a path into the instance that was saved last.
    pub(super) fn recall(&mut self, path: &mut Path) {
        let Start::Named(name, position) = &path.start else { return };
        let Some(name) = name.strip_prefix("last-saved#").map(str::to_owned) else { return };
        let Some(node) = self.resolve(&name, *position) else { return };
        let Ok(Expr::Path(recalled)) = expr::parse("instance('__last-saved')/.") else { return };
        let mut steps = self.plan.steps_from_root(node);
        if let Some(last) = steps.last_mut() {
            last.predicates = std::mem::take(&mut path.predicates);
        }
        steps.append(&mut path.steps);
        path.steps = steps;
        path.start = recalled.start;
    }

    /// A path without predicates that leads to one node, and to those of its
    /// instances that `${name}` would mean, becomes a reference. So do absolute
    /// paths: within a repeat they mean its own instance (ODK XForms).
    pub(super) fn as_reference(&mut self, path: &mut Path, from: &[Place]) {
        let start = match &path.start {
            _ if !path.predicates.is_empty() || self.everywhere => return,
            Start::Root => Place::Document,
            Start::Focus if self.depth == 0 && from.len() == 1 => Place::Node(self.owner, self.home),
            Start::Expression(inner) => match inner.as_ref() {
                Expr::Call(call) if call.function.name == "current" => Place::Node(self.owner, self.home),
                _ => return,
            },
            _ => return,
        };
        let absolute = start == Place::Document;
        let mut at = start;
        // The farthest step so far that a reference can replace.
        let mut best: Option<(usize, u32)> = None;
        for (count, step) in path.steps.iter().enumerate() {
            let Some(next) = self.only_step(at, step) else { break };
            let Place::Node(node, pinned) = next else { break };
            if !step.predicates.is_empty() {
                let repeat = self.plan.node(node).is_some_and(|node| node.kind == NodeKind::Repeat);
                if !repeat && (absolute || pinned == self.plan.common_region(self.home, node)) {
                    let Some(step) = path.steps.get_mut(count) else { break };
                    path.predicates = std::mem::take(&mut step.predicates);
                    best = Some((count + 1, node));
                }
                break;
            }
            if absolute || pinned == self.plan.common_region(self.home, node) {
                best = Some((count + 1, node));
            }
            at = next;
        }
        if let Some((count, node)) = best
            // Inside a list of all instances the next step must begin anew.
            && (count == path.steps.len()
                || self.plan.node(node).is_some_and(|node| node.kind != NodeKind::Repeat))
        {
            path.steps.drain(..count);
            path.start = Start::Node(node);
        }
    }

    /// Where a step leads, when that is one node.
    fn only_step(&self, at: Place, step: &Step) -> Option<Place> {
        let (Place::Node(..) | Place::Document) = at else { return None };
        if step.lookup.is_some() {
            return None;
        }
        match (step.axis, &step.test) {
            (Axis::Parent, Test::Node | Test::Any)
            | (Axis::Itself, Test::Node | Test::Any)
            | (Axis::Child | Axis::Attribute, Test::Name(_)) => {}
            _ => return None,
        }
        // By far the most steps go to a child of a name.
        if let (Axis::Child, Test::Name(name), Place::Node(node, pinned)) = (step.axis, &step.test, at) {
            return self.plan.child_named(node, name).map(|child| Place::Node(child, pinned));
        }
        let mut found = self.walk(at, step.axis).into_iter().filter(|&place| self.passes(place, &step.test));
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }

    /// `${name}` stands for the only node of that name.
    pub(super) fn resolve(&mut self, name: &str, position: usize) -> Option<u32> {
        let asked = |node: &&u32| self.plan.node(**node).is_some_and(|node| node.row > 0);
        let problem = match self.plan.names.get(name).map(Vec::as_slice) {
            Some([node]) => return Some(*node),
            // What the engine adds, such as the label of an entity, is not meant.
            Some(several) if several.iter().filter(asked).count() == 1 => {
                return several.iter().find(asked).copied();
            }
            Some(several) => {
                let rows: Vec<String> = several
                    .iter()
                    .filter_map(|&node| self.plan.node(node))
                    .map(|node| node.row.to_string())
                    .collect();
                ExpressionError::new(
                    position,
                    format!(
                        "${{{name}}} could mean any of the rows {}: the name is used more than once",
                        rows.join(", ")
                    ),
                )
            }
            None => ExpressionError {
                suggestion: did_you_mean(name, self.plan.names.keys().map(String::as_str)),
                ..ExpressionError::new(position, format!("unknown name \"{name}\""))
            },
        };
        self.findings.problems.push(problem);
        None
    }
}
