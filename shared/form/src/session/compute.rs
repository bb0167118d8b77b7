//! What depends on a change, computed in the order of the plan.

use super::Session;
use crate::expr::{EvaluationError, Evaluator, Expr, Focus, Handle, Value, number_text};
use crate::form::NodeKind;
use crate::order::set_of;
use crate::path::NodePath;
use crate::plan::{Formula, Plan, Property};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Most things computed for one answer. The plan has no cycles, so only the
/// sheer size of an instance can come near it.
const MAX_COMPUTED: usize = 20_000_000;

/// What waits to be computed, and what changed so far.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Rank, item, node and property. For the number of a repeat's instances
    /// the item is the one around the repeat.
    waiting: BTreeSet<(u32, u32, u32, Property)>,
    pub(super) changed: BTreeSet<u32>,
    /// Repeats (below an item) whose instances came or went.
    pub(super) series: BTreeSet<(u32, u32)>,
}

impl Queue {
    pub(super) fn push(&mut self, plan: &Plan, property: Property, node: u32, item: u32) {
        self.waiting.insert((plan.rank(property, node), item, node, property));
    }
}

impl Session {
    pub(super) fn enqueue_everything(&mut self, queue: &mut Queue) {
        for item in self.inside(0) {
            self.enqueue_all_of(item, queue);
        }
    }

    /// Puts everything that reads this item into the queue.
    pub(super) fn notify(&mut self, item: u32, queue: &mut Queue) {
        if let Some(node) = self.item(item).map(|item| item.node) {
            self.notify_from(item, node, queue);
        }
    }

    /// Puts everything that reads this node, near this item, into the queue.
    pub(super) fn notify_from(&mut self, near: u32, node: u32, queue: &mut Queue) {
        let plan = Arc::clone(&self.plan);
        let Some(planned) = plan.node(node) else { return };
        for dependent in &planned.dependents {
            let from = dependent.scope.and_then(|scope| self.around(near, scope)).unwrap_or(0);
            let counts_instances = dependent.property == Property::Value
                && plan.node(dependent.node).is_some_and(|reader| reader.repeat_count.is_some());
            // A repeat may have no instance yet; its parent always is there.
            let target = if counts_instances {
                plan.node(dependent.node).and_then(|reader| reader.parent).unwrap_or(0)
            } else {
                dependent.node
            };
            let from = match self.item(from) {
                Some(item) if plan.holds(item.node, target) => from,
                _ => 0,
            };
            for item in self.items_below(from, target) {
                queue.push(&plan, dependent.property, dependent.node, item);
            }
        }
    }

    /// Computes until nothing waits.
    pub(super) fn run(&mut self, queue: &mut Queue) {
        let mut left = MAX_COMPUTED;
        while let Some((_, item, node, property)) = queue.waiting.pop_first() {
            left -= 1;
            if left == 0 {
                queue.waiting.clear();
                return;
            }
            if self.item(item).is_none_or(|item| item.removed) {
                continue;
            }
            let plan = Arc::clone(&self.plan);
            let Some(planned) = plan.node(node) else { continue };
            match property {
                Property::Value => match &planned.repeat_count {
                    Some(count) => self.count_instances(item, node, count, queue),
                    None => self.calculate(item, planned.calculation.as_ref(), queue),
                },
                Property::Relevance => self.decide_relevance(item, planned.relevant.as_ref(), queue),
                Property::Required => {
                    let required = self.holds(item, planned.required.as_ref());
                    if let Some(found) = self.item_mut(item).filter(|found| found.required != required) {
                        found.required = required;
                        queue.changed.insert(item);
                        queue.push(&plan, Property::Validity, node, item);
                    }
                }
                Property::ReadOnly => {
                    let read_only = self.holds(item, planned.read_only.as_ref());
                    if let Some(found) = self.item_mut(item).filter(|found| found.read_only != read_only) {
                        found.read_only = read_only;
                        queue.changed.insert(item);
                    }
                }
                Property::Validity => self.check(item, queue),
                Property::Look => {
                    queue.changed.insert(item);
                }
            }
        }
    }

    fn holds(&mut self, item: u32, formula: Option<&Formula>) -> bool {
        let Some(formula) = formula else { return false };
        match Evaluator::new(self).boolean(&formula.expression, &Focus::on(Handle::Item(item))) {
            Ok(holds) => holds,
            Err(error) => {
                self.fail(item, &error);
                false
            }
        }
    }

    pub(super) fn fail(&mut self, item: u32, error: &EvaluationError) {
        if let Some(item) = self.item_mut(item) {
            item.failure = Some(error.message.clone());
        }
    }

    /// The value of an expression as it is stored: NaN, which stands for "no
    /// number", is empty.
    pub(super) fn compute_text(&self, expression: &Expr, item: u32) -> Result<String, EvaluationError> {
        let mut evaluator = Evaluator::new(self);
        let value = evaluator.evaluate(expression, &Focus::on(Handle::Item(item)))?;
        Ok(match value {
            Value::Number(number) if number.is_nan() => String::new(),
            Value::Number(number) => number_text(number),
            other => evaluator.to_text(other).into_owned(),
        })
    }

    fn calculate(&mut self, item: u32, formula: Option<&Formula>, queue: &mut Queue) {
        let Some(formula) = formula else { return };
        match self.compute_text(&formula.expression, item) {
            Ok(mut value) => {
                if value.len() > super::MAX_VALUE_BYTES {
                    value.clear();
                    self.fail(item, &EvaluationError::new("the computed text is too long"));
                }
                let value = self.shaped(item, value);
                self.set_value(item, value, queue);
            }
            Err(error) => {
                self.fail(item, &error);
                self.set_value(item, String::new(), queue);
            }
        }
    }

    /// A computed whole number is stored without its fraction.
    fn shaped(&self, item: u32, value: String) -> String {
        match self.planned(item).map(|node| node.kind) {
            Some(NodeKind::Integer) => match value.parse::<f64>() {
                Ok(number) => number_text(number.trunc()),
                Err(_) => value,
            },
            _ => value,
        }
    }

    fn decide_relevance(&mut self, item: u32, formula: Option<&Formula>, queue: &mut Queue) {
        if formula.is_none() {
            return;
        }
        let own = self.holds(item, formula);
        if let Some(found) = self.item_mut(item) {
            found.own_relevant = own;
        }
        self.spread_relevance(item, queue);
    }

    /// Carries relevance down from an item to where it no longer changes.
    pub(super) fn spread_relevance(&mut self, item: u32, queue: &mut Queue) {
        let plan = Arc::clone(&self.plan);
        let mut waiting = vec![item];
        while let Some(next) = waiting.pop() {
            let Some(found) = self.item(next) else { continue };
            let around =
                found.parent.and_then(|parent| self.item(parent)).is_none_or(|parent| parent.relevant);
            let relevant = around && found.own_relevant;
            if found.relevant == relevant {
                continue;
            }
            let node = found.node;
            waiting.extend(found.children.iter().flatten());
            if let Some(found) = self.item_mut(next) {
                found.relevant = relevant;
            }
            queue.changed.insert(next);
            queue.push(&plan, Property::Validity, node, next);
            self.notify(next, queue);
        }
    }

    /// Brings a repeat to the number of instances that the form computes.
    fn count_instances(&mut self, parent: u32, node: u32, formula: &Formula, queue: &mut Queue) {
        let wanted = match Evaluator::new(self).number(&formula.expression, &Focus::on(Handle::Item(parent)))
        {
            Ok(number) => number,
            Err(error) => {
                self.fail(parent, &error);
                return;
            }
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "clamped; NaN becomes 0"
        )]
        let wanted = wanted.clamp(0.0, super::MAX_INSTANCES as f64) as usize;
        while self.instances(parent, node).len() < wanted {
            if self.grow(parent, node, queue).is_none() {
                break;
            }
        }
        while self.instances(parent, node).len() > wanted {
            match self.instances(parent, node).last() {
                Some(&last) => self.detach(last, queue),
                None => break,
            }
        }
    }

    /// Paths of what changed, each once, in the order of their text.
    pub(super) fn changed_paths(&self, queue: Queue) -> Vec<NodePath> {
        let items = queue
            .changed
            .into_iter()
            .filter(|&item| item != 0 && self.item(item).is_some_and(|item| !item.removed))
            .map(|item| self.path(item));
        let series = queue.series.into_iter().map(|(parent, node)| self.series_path(parent, node));
        set_of(items.chain(series)).into_iter().collect()
    }
}
