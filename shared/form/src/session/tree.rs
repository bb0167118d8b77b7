//! The items of an instance and the ways between them.
//!
//! All nodes between one repeat and the repeats inside it lie side by side, in
//! the order of the form: the *head* (the instance of the repeat, or the root)
//! first. So the item of a node is its head plus the node's offset. A repeat
//! inside has one item there, its *series*, which holds the heads of its
//! instances.

use super::compute::Queue;
use super::{MAX_INSTANCES, Session};
use crate::form::NodeKind;
use crate::path::NodePath;
use crate::plan::{PlanDefault, PlanNode, Property};
use crate::view::ProblemKind;
use std::sync::Arc;

/// Most items of one instance. Nested repeats multiply.
const MAX_ITEMS: usize = 2_000_000;
/// Above the root.
pub(super) const NOTHING: u32 = u32::MAX;

/// Its own rule holds.
pub(super) const OWN_RELEVANT: u16 = 1;
/// Its own rule and those of everything around it hold.
pub(super) const RELEVANT: u16 = 1 << 1;
pub(super) const REQUIRED: u16 = 1 << 2;
pub(super) const READ_ONLY: u16 = 1 << 3;
pub(super) const REMOVED: u16 = 1 << 4;
/// It holds the instances of a repeat.
pub(super) const SERIES: u16 = 1 << 5;
/// It is the first of its region.
pub(super) const HEAD: u16 = 1 << 6;
/// It changed since the queue was begun.
pub(super) const CHANGED: u16 = 1 << 7;
/// Part of the answer is not offered any more: expressions see the rest.
pub(super) const WITHHELD: u16 = 1 << 14;
/// What waits in the queue; one bit for each property.
pub(super) const WAITS: u16 = 1 << 8;

/// A question, a group, an attribute, one instance of a repeat, or all of them.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) value: String,
    /// Number of the node in the plan.
    pub(super) node: u32,
    /// The head of its region; the series, for the head of a repeat's instance.
    pub(super) up: u32,
    /// Of a head, which instance of its repeat it is, from 1; of a series, its
    /// place among the series.
    pub(super) place: u32,
    pub(super) flags: u16,
    pub(super) problem: Option<ProblemKind>,
}

impl Item {
    pub(super) fn is(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    pub(super) fn set(&mut self, flag: u16, on: bool) {
        if on {
            self.flags |= flag;
        } else {
            self.flags &= !flag;
        }
    }
}

pub(super) fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

impl Session {
    pub(super) fn item(&self, item: u32) -> Option<&Item> {
        self.items.get(index(item))
    }

    pub(super) fn item_mut(&mut self, item: u32) -> Option<&mut Item> {
        self.items.get_mut(index(item))
    }

    pub(super) fn is(&self, item: u32, flag: u16) -> bool {
        self.item(item).is_some_and(|item| item.is(flag))
    }

    pub(super) fn planned(&self, item: u32) -> Option<&PlanNode> {
        self.plan.node(self.item(item)?.node)
    }

    pub(super) fn raw_value(&self, item: u32) -> &str {
        self.item(item).map_or("", |item| item.value.as_str())
    }

    /// The value as expressions see it.
    pub(super) fn visible_value(&self, item: u32) -> &str {
        match self.item(item) {
            Some(found) if found.is(WITHHELD) => self.offered.get(&item).map_or("", String::as_str),
            Some(found) => found.value.as_str(),
            None => "",
        }
    }

    /// The head of the region that the item lies in.
    pub(super) fn head(&self, item: u32) -> u32 {
        match self.item(item) {
            Some(found) if !found.is(HEAD) => found.up,
            _ => item,
        }
    }

    /// The head of the region around the region of a head.
    fn outer_head(&self, head: u32) -> Option<u32> {
        let series = self.item(head)?.up;
        self.item(series).map(|series| series.up)
    }

    /// The head around an item (or itself) that is an instance of this region.
    pub(super) fn head_of_region(&self, item: u32, region: u32) -> u32 {
        let mut head = self.head(item);
        while self.item(head).is_some_and(|found| found.node != region) {
            match self.outer_head(head) {
                Some(outer) => head = outer,
                None => return 0,
            }
        }
        head
    }

    /// The heads of a series.
    pub(super) fn instances_of(&self, series: u32) -> &[u32] {
        self.item(series)
            .filter(|series| series.is(SERIES))
            .and_then(|series| self.series.get(index(series.place)))
            .map_or(&[], Vec::as_slice)
    }

    /// The series of a repeat, in the region of a head.
    pub(super) fn series_in(&self, head: u32, repeat: u32) -> u32 {
        head + self.plan.node(repeat).map_or(0, |node| node.series_offset)
    }

    /// The item around this one.
    pub(super) fn parent(&self, item: u32) -> Option<u32> {
        let found = self.item(item)?;
        let parent = self.plan.node(found.node)?.parent?;
        // A series and its instances lie in what is around the repeat.
        let head = match (found.is(HEAD), found.is(SERIES)) {
            (true, _) => self.outer_head(item)?,
            _ => found.up,
        };
        Some(head + self.plan.node(parent)?.offset)
    }

    /// Calls `see` with every item of a node in and below the region of a head,
    /// in order. A repeat's items are its instances.
    pub(super) fn each_below(&self, head: u32, node: u32, see: &mut dyn FnMut(u32)) {
        let (Some(from), Some(planned)) = (self.item(head), self.plan.node(node)) else { return };
        if from.node == planned.region {
            see(head + planned.offset);
            return;
        }
        let way = self.plan.repeats_between(from.node, node);
        self.descend(head, &way, planned.offset, see);
    }

    fn descend(&self, head: u32, way: &[u32], offset: u32, see: &mut dyn FnMut(u32)) {
        match way.split_first() {
            None => see(head + offset),
            Some((&repeat, rest)) => {
                for &instance in self.instances_of(self.series_in(head, repeat)) {
                    self.descend(instance, rest, offset, see);
                }
            }
        }
    }

    /// The items of a node seen from an item: those of the nearest region
    /// around both.
    pub(super) fn each_seen(&self, node: u32, from: u32, see: &mut dyn FnMut(u32)) {
        let seat = self.plan.seat(node);
        let mut head = self.head(from);
        while let Some(found) = self.item(head) {
            if found.node == seat || self.plan.holds(found.node, seat) {
                break;
            }
            match self.outer_head(head) {
                Some(outer) => head = outer,
                None => break,
            }
        }
        self.each_below(head, node, see);
    }

    pub(super) fn items_named(&self, name: &str) -> Vec<u32> {
        let nodes = self.plan.names.get(name).map_or(&[][..], Vec::as_slice);
        let mut items = Vec::new();
        for &node in nodes {
            self.each_below(0, node, &mut |item| items.push(item));
        }
        items
    }

    /// The item that stands for a child of an item: its series, for a repeat.
    pub(super) fn child(&self, item: u32, child: u32) -> u32 {
        let head = self.head(item);
        match self.plan.node(child) {
            Some(node) if node.kind == NodeKind::Repeat => head + node.series_offset,
            Some(node) => head + node.offset,
            None => NOTHING,
        }
    }

    /// The item and everything inside it that has a node of its own, before its
    /// contents: attributes first, and every instance of a repeat.
    pub(super) fn each_inside(&self, item: u32, see: &mut dyn FnMut(u32)) {
        let mut waiting = vec![item];
        while let Some(next) = waiting.pop() {
            let Some(found) = self.item(next) else { continue };
            if found.is(SERIES) {
                waiting.extend(self.instances_of(next).iter().rev());
                continue;
            }
            see(next);
            let Some(node) = self.plan.node(found.node) else { continue };
            waiting.extend(node.children.iter().rev().map(|&child| self.child(next, child)));
            waiting.extend(node.attributes.iter().rev().map(|&attribute| self.child(next, attribute)));
        }
    }

    /// All items in the order of the form.
    pub(super) fn all_items(&self) -> Vec<u32> {
        let mut items = Vec::with_capacity(self.items.len());
        self.each_inside(0, &mut |item| items.push(item));
        items
    }

    /// Makes the items of a region: blank ones, with literal defaults, and the
    /// instances that its repeats begin with. Returns the head.
    pub(super) fn sprout(&mut self, region: u32, up: u32, place: u32) -> Option<u32> {
        let plan = Arc::clone(&self.plan);
        let slots = &plan.regions.get(&region)?.slots;
        if self.items.len() + slots.len() > MAX_ITEMS {
            return None;
        }
        let head = number(self.items.len());
        let relevant = up == NOTHING || self.is(up, RELEVANT);
        let fresh = OWN_RELEVANT | if relevant { RELEVANT } else { 0 };
        self.items.reserve(slots.len());
        for (offset, slot) in slots.iter().enumerate() {
            let node = plan.node(slot.node)?;
            let value = match &node.default {
                Some(PlanDefault::Value(value)) if !slot.series => value.clone(),
                _ => String::new(),
            };
            let mut item = Item { value, node: slot.node, up: head, place: 0, flags: fresh, problem: None };
            if offset == 0 {
                item.up = up;
                item.place = place;
                item.flags |= HEAD;
            } else if slot.series {
                item.flags |= SERIES;
                item.place = number(self.series.len());
                self.series.push(Vec::new());
            }
            self.items.push(item);
        }
        for (offset, slot) in slots.iter().enumerate().filter(|(_, slot)| slot.series) {
            let node = plan.node(slot.node)?;
            let series = head + number(offset);
            match &node.initial {
                _ if node.repeat_count.is_some() => {}
                None => drop(self.push_instance(series)),
                Some(initial) if initial.is_empty() && node.fixed => drop(self.push_instance(series)),
                Some(initial) => {
                    for saved in initial {
                        if let Some(instance) = self.push_instance(series) {
                            self.adopt_initial(instance, saved);
                        }
                    }
                }
            }
        }
        Some(head)
    }

    /// Adds a blank instance at the end, without computing anything.
    pub(super) fn push_instance(&mut self, series: u32) -> Option<u32> {
        let count = self.instances_of(series).len();
        self.insert_instance(series, count)
    }

    fn insert_instance(&mut self, series: u32, at: usize) -> Option<u32> {
        let repeat = self.item(series)?.node;
        let place = index(self.item(series)?.place);
        if self.instances_of(series).len() >= MAX_INSTANCES {
            return None;
        }
        let instance = self.sprout(repeat, series, number(at + 1))?;
        // What the form counts begins with the instances that it came with.
        let plan = Arc::clone(&self.plan);
        let given = plan.node(repeat).filter(|node| node.repeat_count.is_some());
        if let Some(saved) = given.and_then(|node| node.initial.as_ref()?.get(at)) {
            self.adopt_initial(instance, saved);
        }
        let list = self.series.get_mut(place)?;
        list.insert(at.min(list.len()), instance);
        Some(instance)
    }

    /// Adds an instance of a repeat, before the one that is now at this place
    /// (from 0), and has it computed.
    pub(super) fn grow(&mut self, series: u32, at: usize, queue: &mut Queue) -> Option<u32> {
        let instance = self.insert_instance(series, at)?;
        self.renumber(series, at + 1, queue);
        let mut inside = Vec::new();
        self.each_inside(instance, &mut |item| inside.push(item));
        for &item in &inside {
            self.enqueue_all_of(item, queue);
            queue.note(self, item);
        }
        queue.fresh.extend(inside);
        self.notify_series(series, queue);
        Some(instance)
    }

    /// Takes an instance of a repeat out.
    pub(super) fn detach(&mut self, instance: u32, queue: &mut Queue) {
        let Some(series) = self.item(instance).map(|item| item.up) else { return };
        let Some(at) = self.drop_instance(series, instance) else { return };
        self.renumber(series, at, queue);
        self.notify_series(series, queue);
    }

    /// The same, without computing anything. Returns where it was.
    pub(super) fn drop_instance(&mut self, series: u32, instance: u32) -> Option<usize> {
        let at = self.instances_of(series).iter().position(|&one| one == instance)?;
        let place = self.item(series).map_or(usize::MAX, |series| index(series.place));
        self.series.get_mut(place)?.remove(at);
        let mut inside = Vec::new();
        self.each_inside(instance, &mut |item| inside.push(item));
        for item in inside {
            if let Some(item) = self.item_mut(item) {
                item.flags |= REMOVED;
                item.value = String::new();
            }
        }
        Some(at)
    }

    /// Instances from this place on stand elsewhere now.
    fn renumber(&mut self, series: u32, from: usize, queue: &mut Queue) {
        let moved: Vec<u32> = self.instances_of(series).iter().skip(from).copied().collect();
        for (one, place) in moved.into_iter().zip(from + 1..) {
            if let Some(item) = self.item_mut(one) {
                item.place = number(place);
            }
            let mut inside = Vec::new();
            self.each_inside(one, &mut |item| inside.push(item));
            for item in inside {
                queue.note(self, item);
            }
            self.notify(one, queue);
        }
    }

    /// Instances came or went: everything that reads the repeat or what is in
    /// it looks again.
    fn notify_series(&mut self, series: u32, queue: &mut Queue) {
        queue.series.push(series);
        let plan = Arc::clone(&self.plan);
        let Some(repeat) = self.item(series).map(|item| item.node) else { return };
        let watchers = plan.regions.get(&repeat).map_or(&[][..], |region| region.watchers.as_slice());
        for dependent in watchers {
            self.wake(dependent, series, queue);
        }
    }

    pub(super) fn path(&self, item: u32) -> NodePath {
        let mut steps: Vec<u32> = Vec::new();
        let mut at = Some(item);
        while let Some(number) = at.filter(|&number| number != 0) {
            steps.push(number);
            at = self.parent(number);
        }
        let mut text = String::with_capacity(steps.len() * 12);
        for &step in steps.iter().rev() {
            let (Some(found), Some(node)) = (self.item(step), self.planned(step)) else { continue };
            text.push('/');
            if node.kind == NodeKind::Attribute {
                text.push('@');
            }
            text.push_str(&node.name);
            if found.is(HEAD) {
                text.push('[');
                text.push_str(&found.place.to_string());
                text.push(']');
            }
        }
        if text.is_empty() {
            text.push('/');
        }
        NodePath::composed(text)
    }

    /// The item at a path. A repeat as a whole is its series.
    pub(super) fn find(&self, path: &NodePath) -> Option<u32> {
        let mut at = 0;
        for (name, position) in path.steps() {
            // What comes behind a repeat without a position is nowhere.
            if self.is(at, SERIES) {
                return None;
            }
            let node = self.child_node(at, name)?;
            let child = self.child(at, node);
            at = match (self.is(child, SERIES), position) {
                (true, Some(position)) => *self.instances_of(child).get(position.checked_sub(1)?)?,
                (true, None) | (false, None | Some(1)) => child,
                _ => return None,
            };
        }
        (at != 0).then_some(at)
    }

    pub(super) fn child_node(&self, item: u32, name: &str) -> Option<u32> {
        let node = self.planned(item)?;
        let (among, name) = match name.strip_prefix('@') {
            Some(name) => (&node.attributes, name),
            None => (&node.children, name),
        };
        among.iter().copied().find(|&child| self.plan.node(child).is_some_and(|child| child.name == name))
    }

    pub(super) fn enqueue_all_of(&mut self, item: u32, queue: &mut Queue) {
        let plan = Arc::clone(&self.plan);
        let Some(node) = self.item(item).and_then(|item| plan.node(item.node)) else { return };
        for (present, property) in [
            (node.relevant.is_some(), Property::Relevance),
            (node.required.is_some(), Property::Required),
            (node.read_only.is_some(), Property::ReadOnly),
            (node.calculation.is_some(), Property::Value),
            (!node.kind.is_container(), Property::Validity),
        ] {
            if present {
                queue.push(self, property, item);
            }
        }
        // Counts belong to the repeat as a whole.
        for &child in &node.children {
            if plan.node(child).is_some_and(|child| child.repeat_count.is_some()) {
                let series = self.child(item, child);
                queue.push(self, Property::Value, series);
            }
        }
    }
}
