//! What depends on a change, computed in the order of the plan.

use super::Session;
use super::tree::{
    CHANGED, HEAD, OWN_RELEVANT, READ_ONLY, RELEVANT, REMOVED, REQUIRED, SERIES, WAITS, index,
};
use crate::expr::{EvaluationError, Evaluator, Expr, Focus, Value, number_text};
use crate::form::NodeKind;
use crate::order;
use crate::path::NodePath;
use crate::plan::{Dependent, Plan, PlanDefault, Property};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

/// Most things computed for one answer. Only instances of a repeat that read
/// each other, and the sheer size of an instance, can come near it.
const MAX_COMPUTED: usize = 4_000_000;

/// What waits to be computed, and what changed so far.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Rank and item of values and relevance.
    waiting: BinaryHeap<Reverse<u64>>,
    /// What only depends on them.
    later: [Vec<u32>; 3],
    /// Items that were touched: their marks are wiped at the end.
    changed: Vec<u32>,
    /// Repeats whose instances came or went.
    pub(super) series: Vec<u32>,
    /// Items that were just made: their computed defaults are still to come.
    pub(super) fresh: Vec<u32>,
    /// Questions whose change sets off actions.
    pub(super) events: Vec<u32>,
}

fn waits(property: Property) -> u16 {
    WAITS << u16::from(property as u8)
}

impl Queue {
    pub(super) fn push(&mut self, session: &mut Session, property: Property, item: u32) {
        let plan = Arc::clone(&session.plan);
        self.push_in(&plan, session, property, item);
    }

    fn push_in(&mut self, plan: &Plan, session: &mut Session, property: Property, item: u32) {
        let Some(found) = session.item_mut(item) else { return };
        if found.is(waits(property)) {
            return;
        }
        let rank = match property {
            Property::Value => plan.node(found.node).map(|node| node.value_rank),
            Property::Relevance => plan.node(found.node).map(|node| node.relevance_rank),
            Property::Look => {
                if !found.is(CHANGED) {
                    found.flags |= CHANGED;
                    self.changed.push(item);
                }
                return;
            }
            Property::ReadOnly | Property::Required | Property::Validity => None,
        };
        found.flags |= waits(property);
        match (rank, property) {
            (Some(rank), _) => self.waiting.push(Reverse(u64::from(rank) << 32 | u64::from(item))),
            (None, Property::ReadOnly) => self.later[0].push(item),
            (None, Property::Required) => self.later[1].push(item),
            (None, _) => self.later[2].push(item),
        }
    }

    /// Notes that the item changed.
    pub(super) fn note(&mut self, session: &mut Session, item: u32) {
        if let Some(found) = session.item_mut(item).filter(|item| !item.is(CHANGED)) {
            found.flags |= CHANGED;
            self.changed.push(item);
        }
    }
}

impl Session {
    pub(super) fn enqueue_everything(&mut self, queue: &mut Queue) {
        for item in self.all_items() {
            self.enqueue_all_of(item, queue);
        }
    }

    /// Puts everything that reads this item into the queue.
    pub(super) fn notify(&mut self, item: u32, queue: &mut Queue) {
        let plan = Arc::clone(&self.plan);
        let Some(node) = self.item(item).and_then(|item| plan.node(item.node)) else { return };
        for dependent in &node.dependents {
            self.wake_in(&plan, dependent, item, queue);
        }
    }

    pub(super) fn wake(&mut self, dependent: &Dependent, near: u32, queue: &mut Queue) {
        let plan = Arc::clone(&self.plan);
        self.wake_in(&plan, dependent, near, queue);
    }

    fn wake_in(&mut self, plan: &Plan, dependent: &Dependent, near: u32, queue: &mut Queue) {
        let Some(reader) = plan.node(dependent.node) else { return };
        let head = self.head_of_region(near, dependent.scope);
        let counts = dependent.property == Property::Value && reader.repeat_count.is_some();
        if counts {
            // The repeat may have no instance yet; its series is always there.
            let around = reader.parent.unwrap_or(0);
            let mut series = Vec::new();
            let offset = reader.series_offset;
            self.each_below(head, around, &mut |item| series.push(self.head(item) + offset));
            for one in series {
                queue.push_in(plan, self, Property::Value, one);
            }
        } else if self.item(head).is_some_and(|head| head.node == reader.region) {
            queue.push_in(plan, self, dependent.property, head + reader.offset);
        } else {
            let mut items = Vec::new();
            self.each_below(head, dependent.node, &mut |item| items.push(item));
            for item in items {
                queue.push_in(plan, self, dependent.property, item);
            }
        }
    }

    /// Computes until nothing waits.
    pub(super) fn run(&mut self, queue: &mut Queue) {
        let plan = Arc::clone(&self.plan);
        let mut left = MAX_COMPUTED;
        loop {
            if left == 0 {
                self.give_up(queue);
                return;
            }
            left -= 1;
            if let Some(Reverse(next)) = queue.waiting.pop() {
                let rank = usize::try_from(next >> 32).unwrap_or(usize::MAX);
                let item = u32::try_from(next & u64::from(u32::MAX)).unwrap_or(u32::MAX);
                if let Some(&(property, _)) = plan.ranked.get(rank) {
                    self.take(&plan, property, item, queue);
                }
            } else if !queue.fresh.is_empty() {
                let fresh = std::mem::take(&mut queue.fresh);
                self.apply_computed_defaults(&fresh, queue);
                self.new_repeat_actions(&fresh, queue);
            } else if !queue.events.is_empty() {
                let changed = std::mem::take(&mut queue.events);
                self.change_actions(&changed, queue);
            } else if let Some(item) = queue.later[0].pop() {
                self.take(&plan, Property::ReadOnly, item, queue);
            } else if let Some(item) = queue.later[1].pop() {
                self.take(&plan, Property::Required, item, queue);
            } else if let Some(item) = queue.later[2].pop() {
                self.take(&plan, Property::Validity, item, queue);
            } else {
                return;
            }
        }
    }

    /// Instances that read each other without end.
    fn give_up(&mut self, queue: &mut Queue) {
        let error = EvaluationError::new("values depend on each other without coming to rest");
        let waiting: Vec<u64> = queue.waiting.drain().map(|Reverse(next)| next).collect();
        for next in waiting {
            let item = u32::try_from(next & u64::from(u32::MAX)).unwrap_or(u32::MAX);
            self.fail(item, &error);
        }
        for later in &mut queue.later {
            later.clear();
        }
        queue.fresh.clear();
        queue.events.clear();
        for item in &mut self.items {
            item.flags &= !(WAITS * 0x3f);
        }
    }

    fn take(&mut self, plan: &Plan, property: Property, item: u32, queue: &mut Queue) {
        let Some(found) = self.item_mut(item) else { return };
        found.set(waits(property), false);
        if found.is(REMOVED) {
            return;
        }
        let Some(planned) = plan.node(found.node) else { return };
        match property {
            Property::Value => match &planned.repeat_count {
                Some(count) => self.count_instances(item, count, queue),
                None => {
                    if let Some(calculation) = &planned.calculation
                        && !((planned.draws_lots || planned.reads_last_saved) && self.drawn.contains(&item))
                    {
                        self.calculate(item, calculation, queue);
                    }
                }
            },
            Property::Relevance => {
                let own = planned.relevant.as_ref().is_none_or(|formula| self.holds(item, formula));
                if let Some(found) = self.item_mut(item) {
                    found.set(OWN_RELEVANT, own);
                }
                self.spread_relevance(plan, item, queue);
            }
            Property::Required => {
                let required = planned.required.as_ref().is_some_and(|formula| self.holds(item, formula));
                if self.is(item, REQUIRED) != required {
                    if let Some(found) = self.item_mut(item) {
                        found.set(REQUIRED, required);
                    }
                    queue.note(self, item);
                    queue.push_in(plan, self, Property::Validity, item);
                }
            }
            Property::ReadOnly => {
                let read_only = planned.read_only.as_ref().is_some_and(|formula| self.holds(item, formula));
                if self.is(item, READ_ONLY) != read_only {
                    if let Some(found) = self.item_mut(item) {
                        found.set(READ_ONLY, read_only);
                    }
                    // What is inside is read-only with it.
                    let mut inside = Vec::new();
                    self.each_inside(item, &mut |one| inside.push(one));
                    for one in inside {
                        queue.note(self, one);
                    }
                }
            }
            Property::Validity => self.check(plan, item, queue),
            Property::Look => queue.note(self, item),
        }
    }

    /// It, or something around it, cannot be answered by hand.
    pub(super) fn is_read_only(&self, item: u32) -> bool {
        std::iter::successors(Some(item), |&at| self.parent(at)).any(|at| self.is(at, READ_ONLY))
    }

    /// Where an expression of this item stands.
    pub(super) fn focus(&self, item: u32) -> Focus {
        let mut focus = Focus::on(self.handle(item));
        // An instance of a repeat is one of many (XForms 1.0, 7.4; JavaRosa).
        if let Some(head) = self.item(item).filter(|item| item.is(HEAD) && item.place > 0) {
            focus.position = index(head.place);
            focus.size = self.instances_of(head.up).len();
        }
        focus
    }

    fn holds(&mut self, item: u32, formula: &Expr) -> bool {
        match Evaluator::new(self).boolean(formula, &self.focus(item)) {
            Ok(holds) => holds,
            Err(error) => {
                self.fail(item, &error);
                false
            }
        }
    }

    pub(super) fn fail(&mut self, item: u32, error: &EvaluationError) {
        self.failures.insert(item, error.message.clone());
    }

    /// The value of an expression as it is stored: NaN, which stands for "no
    /// number", is empty.
    pub(super) fn compute_text(&self, expression: &Expr, focus: &Focus) -> Result<String, EvaluationError> {
        let mut evaluator = Evaluator::new(self);
        let value = evaluator.evaluate(expression, focus)?;
        Ok(match evaluator.scalar(value) {
            Value::Number(number) if number.is_nan() => String::new(),
            Value::Number(number) => number_text(number),
            other => evaluator.to_text(other).into_owned(),
        })
    }

    /// What an expression stores in an item.
    pub(super) fn compute_for(&mut self, item: u32, formula: &Expr) -> String {
        match self.compute_text(formula, &self.focus(item)) {
            Ok(value) if value.len() > super::MAX_VALUE_BYTES => {
                self.fail(item, &EvaluationError::new("the computed text is too long"));
                String::new()
            }
            // Whole but for the inexactness of fractions (JavaRosa).
            Ok(value) if value.len() > 10 && value.contains('.') => match value.parse::<f64>() {
                Ok(number) if (number - number.round()).abs() < 1e-9 => number_text(number.round()),
                _ => self.shaped(item, value),
            },
            Ok(value) => self.shaped(item, value),
            Err(error) => {
                self.fail(item, &error);
                String::new()
            }
        }
    }

    fn calculate(&mut self, item: u32, formula: &Expr, queue: &mut Queue) {
        let value = self.compute_for(item, formula);
        // An answer given over a calculation stays until that yields another.
        if self.planned(item).is_some_and(|node| node.kind.is_shown()) {
            if self.computed.get(&item) == Some(&value) {
                return;
            }
            self.computed.insert(item, value.clone());
        }
        self.set_value(item, value, queue);
    }

    /// Carries relevance down from an item to where it no longer changes.
    fn spread_relevance(&mut self, plan: &Plan, item: u32, queue: &mut Queue) {
        let mut waiting = vec![item];
        while let Some(next) = waiting.pop() {
            let around = match self.item(next) {
                Some(found) if found.is(super::tree::HEAD) => self.item(found.up),
                Some(_) => self.parent(next).and_then(|parent| self.item(parent)),
                None => continue,
            };
            let around = around.is_none_or(|around| around.is(RELEVANT));
            let Some(found) = self.item_mut(next) else { continue };
            let relevant = around && found.is(OWN_RELEVANT);
            if found.is(RELEVANT) == relevant {
                continue;
            }
            found.set(RELEVANT, relevant);
            if found.is(SERIES) {
                waiting.extend(self.instances_of(next));
                continue;
            }
            let found_node = found.node;
            let Some(node) = plan.node(found_node) else { continue };
            waiting
                .extend(node.children.iter().chain(&node.attributes).map(|&inside| self.child(next, inside)));
            queue.note(self, next);
            queue.push_in(plan, self, Property::Validity, next);
            for dependent in &node.dependents {
                self.wake_in(plan, dependent, next, queue);
            }
            for &shown in plan.shows.get(&found_node).into_iter().flatten() {
                let mut inside = Vec::new();
                self.each_seen(shown, next, &mut |item| inside.push(item));
                for item in inside {
                    queue.note(self, item);
                }
            }
        }
    }

    /// Brings a repeat to the number of instances that the form computes.
    fn count_instances(&mut self, series: u32, formula: &Expr, queue: &mut Queue) {
        let wanted = match Evaluator::new(self).number(formula, &self.focus(series)) {
            // Without a number, all stays.
            Ok(number) if number.is_nan() => return,
            Ok(number) => number,
            Err(error) => {
                self.fail(series, &error);
                return;
            }
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "clamped, and not NaN"
        )]
        let wanted = wanted.clamp(0.0, super::MAX_INSTANCES as f64) as usize;
        while self.instances_of(series).len() < wanted {
            let end = self.instances_of(series).len();
            if self.grow(series, end, queue).is_none() {
                break;
            }
        }
        while self.instances_of(series).len() > wanted {
            match self.instances_of(series).last() {
                Some(&last) => self.detach(last, queue),
                None => break,
            }
        }
    }

    pub(super) fn apply_computed_defaults(&mut self, items: &[u32], queue: &mut Queue) {
        let plan = Arc::clone(&self.plan);
        for &item in items {
            let Some(node) = self.item(item).and_then(|item| plan.node(item.node)) else { continue };
            if let Some(PlanDefault::Formula(formula)) = &node.default
                && !self.is(item, SERIES | REMOVED)
            {
                let value = self.compute_for(item, formula);
                if !value.is_empty() {
                    self.set_value(item, value, queue);
                }
            }
        }
    }

    pub(super) fn set_value(&mut self, item: u32, value: String, queue: &mut Queue) {
        let plan = Arc::clone(&self.plan);
        let live = self.live;
        let Some(found) = self.item_mut(item) else { return };
        if found.value == value {
            return;
        }
        found.value = value;
        let Some(node) = plan.node(found.node) else { return };
        queue.note(self, item);
        queue.push_in(&plan, self, Property::Validity, item);
        for dependent in &node.dependents {
            self.wake_in(&plan, dependent, item, queue);
        }
        if live && !node.on_change.is_empty() {
            queue.events.push(item);
        }
    }

    /// Forgets what changed.
    pub(super) fn settle(&mut self, queue: Queue) {
        for item in queue.changed {
            if let Some(item) = self.item_mut(item) {
                item.set(CHANGED, false);
            }
        }
    }

    /// Paths of what changed, each once, in the order of their text.
    pub(super) fn changed_paths(&mut self, mut queue: Queue) -> Vec<NodePath> {
        let mut paths: Vec<NodePath> = queue
            .changed
            .iter()
            .chain(&queue.series)
            .filter(|&&item| item != 0 && !self.is(item, REMOVED))
            .filter(|&&item| self.planned(item).is_none_or(|node| node.kind != NodeKind::Attribute))
            .map(|&item| self.path(item))
            .collect();
        queue.series.clear();
        self.settle(queue);
        order::sort_by(&mut paths, Ord::cmp);
        paths.dedup();
        paths
    }
}
