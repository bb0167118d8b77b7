//! The items of an instance and the ways between them.

use super::compute::Queue;
use super::{MAX_INSTANCES, Session};
use crate::form::NodeKind;
use crate::path::NodePath;
use crate::plan::{Plan, PlanDefault, PlanNode, Property};
use crate::view::ProblemKind;
use std::sync::Arc;

/// Most items of one instance. Nested repeats multiply.
const MAX_ITEMS: usize = 2_000_000;

/// A question, a group, or one instance of a repeat.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// Number of the node in the plan.
    pub(super) node: u32,
    pub(super) parent: Option<u32>,
    /// Which instance of its repeat it is, from 1.
    pub(super) position: usize,
    pub(super) value: String,
    /// Its own rule holds.
    pub(super) own_relevant: bool,
    /// Its own rule and those of everything around it hold.
    pub(super) relevant: bool,
    pub(super) required: bool,
    pub(super) read_only: bool,
    pub(super) problem: Option<ProblemKind>,
    /// Why a rule could not be computed.
    pub(super) failure: Option<String>,
    /// For each child of the node its items: one, or any number for a repeat.
    pub(super) children: Vec<Vec<u32>>,
    pub(super) removed: bool,
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Session {
    pub(super) fn item(&self, item: u32) -> Option<&Item> {
        self.items.get(index(item))
    }

    pub(super) fn item_mut(&mut self, item: u32) -> Option<&mut Item> {
        self.items.get_mut(index(item))
    }

    pub(super) fn planned(&self, item: u32) -> Option<&PlanNode> {
        self.plan.node(self.item(item)?.node)
    }

    /// The same, borrowed from the plan only.
    pub(super) fn planned_in<'a>(&self, plan: &'a Plan, item: u32) -> Option<&'a PlanNode> {
        plan.node(self.item(item)?.node)
    }

    pub(super) fn raw_value(&self, item: u32) -> &str {
        self.item(item).map_or("", |item| item.value.as_str())
    }

    /// Makes the items of a fresh instance.
    pub(super) fn plant(&mut self) {
        self.sprout(0, None, 1);
    }

    /// Makes an item with everything inside it; repeats begin with one
    /// instance, unless the form counts them. Returns the number of the item.
    pub(super) fn sprout(&mut self, node: u32, parent: Option<u32>, position: usize) -> u32 {
        let plan = Arc::clone(&self.plan);
        let number = u32::try_from(self.items.len()).unwrap_or(u32::MAX);
        let Some(planned) = plan.node(node) else {
            return number;
        };
        let value = match &planned.default {
            Some(PlanDefault::Value(value)) => value.clone(),
            _ => String::new(),
        };
        let relevant = parent.and_then(|parent| self.item(parent)).is_none_or(|parent| parent.relevant);
        self.items.push(Item {
            node,
            parent,
            position,
            value,
            own_relevant: true,
            relevant,
            required: false,
            read_only: false,
            problem: None,
            failure: None,
            children: Vec::new(),
            removed: false,
        });
        let mut children = Vec::with_capacity(planned.children.len());
        for &child in &planned.children {
            let counted = plan.node(child).is_some_and(|child| child.repeat_count.is_some());
            children.push(if counted { Vec::new() } else { vec![self.sprout(child, Some(number), 1)] });
        }
        if let Some(item) = self.item_mut(number) {
            item.children = children;
        }
        number
    }

    /// Adds an instance of a repeat below a parent item and has it computed.
    pub(super) fn grow(&mut self, parent: u32, node: u32, queue: &mut Queue) -> Option<u32> {
        let count = self.instances(parent, node).len();
        if count >= MAX_INSTANCES || !self.has_room(node) {
            return None;
        }
        let slot = self.plan.node(node)?.slot;
        let item = self.sprout(node, Some(parent), count + 1);
        self.item_mut(parent)?.children.get_mut(slot)?.push(item);
        for inside in self.inside(item) {
            self.enqueue_all_of(inside, queue);
            self.apply_computed_default(inside, queue);
            queue.changed.insert(inside);
        }
        self.notify_series(parent, node, queue);
        Some(item)
    }

    /// Whether one more instance of this repeat stays within the bounds.
    pub(super) fn has_room(&self, node: u32) -> bool {
        let size = self.plan.node(node).map_or(0, |planned| index(planned.end - node));
        self.items.len() + size <= MAX_ITEMS
    }

    /// Takes an instance of a repeat out.
    pub(super) fn detach(&mut self, item: u32, queue: &mut Queue) {
        let Some((node, Some(parent))) = self.item(item).map(|item| (item.node, item.parent)) else {
            return;
        };
        let slot = self.plan.node(node).map_or(0, |node| node.slot);
        let mut moved = Vec::new();
        if let Some(series) = self.item_mut(parent).and_then(|parent| parent.children.get_mut(slot)) {
            let at = series.iter().position(|&one| one == item).unwrap_or(series.len());
            series.retain(|&one| one != item);
            moved.extend(series.iter().skip(at).copied());
        }
        for inside in self.inside(item) {
            self.notify(inside, queue);
            if let Some(inside) = self.item_mut(inside) {
                inside.removed = true;
            }
        }
        for one in moved {
            if let Some(one) = self.item_mut(one) {
                one.position -= 1;
            }
            queue.changed.insert(one);
        }
        self.notify_series(parent, node, queue);
    }

    /// Instances came or went: everything that reads the repeat or what is in
    /// it looks again.
    fn notify_series(&mut self, parent: u32, node: u32, queue: &mut Queue) {
        queue.series.insert((parent, node));
        let plan = Arc::clone(&self.plan);
        let end = plan.node(node).map_or(node, |planned| planned.end);
        for inside in node..end {
            self.notify_from(parent, inside, queue);
        }
    }

    /// The item and everything inside it, before its contents.
    pub(super) fn inside(&self, item: u32) -> Vec<u32> {
        let mut found = Vec::new();
        let mut waiting = vec![item];
        while let Some(next) = waiting.pop() {
            found.push(next);
            if let Some(next) = self.item(next) {
                waiting.extend(next.children.iter().rev().flat_map(|items| items.iter().rev()));
            }
        }
        found
    }

    /// All items in the order of the form.
    pub(super) fn all_items(&self) -> impl Iterator<Item = u32> {
        self.inside(0).into_iter()
    }

    /// Items of a repeat below a parent item.
    pub(super) fn instances(&self, parent: u32, node: u32) -> &[u32] {
        let slot = self.plan.node(node).map_or(usize::MAX, |node| node.slot);
        self.item(parent).and_then(|parent| parent.children.get(slot)).map_or(&[], Vec::as_slice)
    }

    /// Items of a node below (or at) an item, in all instances.
    pub(super) fn items_below(&self, from: u32, node: u32) -> Vec<u32> {
        let Some(start) = self.item(from).map(|item| item.node) else {
            return Vec::new();
        };
        let mut here = vec![from];
        if start == node {
            return here;
        }
        for step in self.plan.way_down(start, node) {
            here = here.into_iter().flat_map(|item| self.instances(item, step).iter().copied()).collect();
        }
        here
    }

    pub(super) fn items_named(&self, name: &str) -> Vec<u32> {
        let nodes = self.plan.names.get(name).map_or(&[][..], Vec::as_slice);
        nodes.iter().flat_map(|&node| self.items_below(0, node)).collect()
    }

    /// The item around this one (or itself) that belongs to the node.
    pub(super) fn around(&self, item: u32, node: u32) -> Option<u32> {
        let mut at = Some(item);
        while let Some(number) = at {
            let found = self.item(number)?;
            if found.node == node {
                return Some(number);
            }
            at = found.parent;
        }
        None
    }

    pub(super) fn path(&self, item: u32) -> NodePath {
        let mut steps = Vec::new();
        let mut at = self.item(item);
        while let Some(found) = at {
            let Some(planned) = self.plan.node(found.node) else { break };
            let Some(parent) = found.parent else { break };
            steps.push(if planned.kind == NodeKind::Repeat {
                format!("{}[{}]", planned.name, found.position)
            } else {
                planned.name.clone()
            });
            at = self.item(parent);
        }
        steps.reverse();
        NodePath::composed(format!("/{}", steps.join("/")))
    }

    /// The path of a repeat as a whole.
    pub(super) fn series_path(&self, parent: u32, node: u32) -> NodePath {
        let above = self.path(parent);
        let name = self.plan.node(node).map_or("", |node| node.name.as_str());
        NodePath::composed(format!("{}/{name}", above.as_str().trim_end_matches('/')))
    }

    /// The item at a path. A repeat as a whole is not an item.
    pub(super) fn find(&self, path: &NodePath) -> Option<u32> {
        let mut at = 0;
        for (name, position) in path.steps() {
            let node = self.child_node(at, name)?;
            let repeat = self.plan.node(node)?.kind == NodeKind::Repeat;
            let place = match (repeat, position) {
                (true, Some(position)) => position.checked_sub(1)?,
                (false, None | Some(1)) => 0,
                _ => return None,
            };
            at = *self.instances(at, node).get(place)?;
        }
        (at != 0).then_some(at)
    }

    /// Parent item and node of a repeat as a whole.
    pub(super) fn find_series(&self, path: &NodePath) -> Option<(u32, u32)> {
        let (above, name) = path.as_str().rsplit_once('/')?;
        let parent = if above.is_empty() { 0 } else { self.find(&NodePath::composed(above.to_owned()))? };
        let node = self.child_node(parent, name)?;
        (self.plan.node(node)?.kind == NodeKind::Repeat).then_some((parent, node))
    }

    pub(super) fn child_node(&self, item: u32, name: &str) -> Option<u32> {
        self.planned(item)?
            .children
            .iter()
            .copied()
            .find(|&child| self.plan.node(child).is_some_and(|child| child.name == name))
    }

    pub(super) fn enqueue_all_of(&self, item: u32, queue: &mut Queue) {
        let plan = &self.plan;
        let Some(found) = self.item(item) else { return };
        let Some(node) = plan.node(found.node) else { return };
        for (present, property) in [
            (node.relevant.is_some(), Property::Relevance),
            (node.required.is_some(), Property::Required),
            (node.read_only.is_some(), Property::ReadOnly),
            (node.calculation.is_some(), Property::Value),
            (true, Property::Validity),
        ] {
            if present {
                queue.push(plan, property, found.node, item);
            }
        }
        // Counts belong to the repeat as a whole, computed from its parent.
        for &child in &node.children {
            if plan.node(child).is_some_and(|child| child.repeat_count.is_some()) {
                queue.push(plan, Property::Value, child, item);
            }
        }
    }
}
