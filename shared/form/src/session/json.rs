//! An instance as JSON: drafts out and in, submissions out.
//!
//! Groups are objects, repeats arrays of objects, answers strings. A draft has
//! every question, also the empty ones: so a later version of the form knows
//! which questions are new to it.

use super::compute::Queue;
use super::{MAX_INSTANCES, MAX_VALUE_BYTES, Session};
use crate::form::NodeKind;
use crate::plan::Plan;
use crate::view::{Context, LeftOver, LeftOverReason};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// What a saved instance said, and what of it found no place.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    /// Value by item, as saved.
    pub(crate) values: BTreeMap<u32, String>,
    pub(crate) left_over: Vec<LeftOver>,
}

impl Session {
    /// The draft: all values, also of what does not apply.
    pub fn instance(&self) -> Value {
        Value::Object(self.object(0, false))
    }

    /// What finishing would yield now, whatever its problems.
    pub(crate) fn submission(&self) -> Value {
        Value::Object(self.object(0, true))
    }

    fn object(&self, item: u32, relevant_only: bool) -> Map<String, Value> {
        let mut object = Map::new();
        let Some(planned) = self.planned(item) else {
            return object;
        };
        for &child in &planned.children {
            let Some(node) = self.plan.node(child) else { continue };
            let items: Vec<u32> = self
                .instances(item, child)
                .iter()
                .copied()
                .filter(|&one| !relevant_only || self.item(one).is_some_and(|one| one.relevant))
                .collect();
            if node.kind == NodeKind::Repeat {
                if !relevant_only || !items.is_empty() {
                    let instances = items.iter().map(|&one| Value::Object(self.object(one, relevant_only)));
                    object.insert(node.name.clone(), Value::Array(instances.collect()));
                }
                continue;
            }
            let Some(&one) = items.first() else { continue };
            if node.kind == NodeKind::Group {
                object.insert(node.name.clone(), Value::Object(self.object(one, relevant_only)));
                continue;
            }
            let value = self.raw_value(one);
            let silent = matches!(node.kind, NodeKind::Note | NodeKind::Audit);
            if !(silent && value.is_empty()) {
                object.insert(node.name.clone(), Value::String(value.to_owned()));
            }
        }
        object
    }

    /// Items with their paths, kinds and values, for comparing.
    pub(crate) fn leaves(&self) -> Vec<(u32, NodeKind)> {
        self.all_items()
            .filter_map(|item| Some((item, self.planned(item)?.kind)))
            .filter(|(_, kind)| !kind.is_container())
            .collect()
    }

    /// The value when the item applies, else empty.
    pub(crate) fn seen_value(&self, item: u32) -> &str {
        self.item(item).filter(|item| item.relevant).map_or("", |item| item.value.as_str())
    }

    pub(crate) fn path_of(&self, item: u32) -> crate::NodePath {
        self.path(item)
    }

    /// Replaces what a phone claims by what the caller knows.
    pub(crate) fn overwrite(&mut self, item: u32, value: &str) {
        let mut queue = Queue::default();
        self.set_value(item, value.to_owned(), &mut queue);
        self.run(&mut queue);
    }
}

/// Builds a session from a saved instance.
pub(crate) fn restore(plan: Arc<Plan>, context: Context, instance: &Value) -> (Session, Claims) {
    let mut session = Session::empty(plan, context);
    let mut claims = Claims::default();
    match instance {
        Value::Object(object) => session.adopt(0, object, "", &mut claims),
        Value::Null => {}
        other => claims.left_over.push(left_over("/", other, LeftOverReason::WrongShape)),
    }
    let mut queue = Queue::default();
    session.enqueue_everything(&mut queue);
    session.run(&mut queue);
    // An answer that a person gave over a calculation stays.
    for (&item, value) in &claims.values {
        let editable = session.planned(item).is_some_and(|node| {
            node.kind.is_shown() && node.calculation.is_some() && node.read_only.is_none()
        });
        if editable && !value.is_empty() {
            session.set_value(item, value.clone(), &mut queue);
        }
    }
    session.run(&mut queue);
    session.return_uncounted(&mut claims);
    let known: HashSet<u32> = claims.values.keys().copied().collect();
    session.apply_computed_defaults(|item| !known.contains(&item));
    (session, claims)
}

fn left_over(path: &str, value: &Value, reason: LeftOverReason) -> LeftOver {
    LeftOver { path: path.to_owned(), value: value.clone(), reason }
}

impl Session {
    /// Takes saved values into the items below one item.
    fn adopt(&mut self, item: u32, object: &Map<String, Value>, above: &str, claims: &mut Claims) {
        for (name, value) in object {
            let path = format!("{above}/{name}");
            let Some(child) = self.child_node(item, name) else {
                if !is_blank(value) {
                    claims.left_over.push(left_over(&path, value, LeftOverReason::UnknownName));
                }
                continue;
            };
            match self.plan.node(child).map(|node| node.kind) {
                Some(NodeKind::Repeat) => self.adopt_series(item, child, value, &path, claims),
                Some(NodeKind::Group) => {
                    let Some(&group) = self.instances(item, child).first() else { continue };
                    match value {
                        Value::Object(inner) => self.adopt(group, inner, &path, claims),
                        other if is_blank(other) => {}
                        other => claims.left_over.push(left_over(&path, other, LeftOverReason::WrongShape)),
                    }
                }
                _ => {
                    let Some(&leaf) = self.instances(item, child).first() else { continue };
                    self.adopt_leaf(leaf, value, &path, claims);
                }
            }
        }
    }

    fn adopt_leaf(&mut self, leaf: u32, value: &Value, path: &str, claims: &mut Claims) {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            Value::Null => String::new(),
            Value::Array(_) | Value::Object(_) => {
                claims.left_over.push(left_over(path, value, LeftOverReason::WrongShape));
                return;
            }
        };
        if text.len() > MAX_VALUE_BYTES {
            claims.left_over.push(left_over(path, value, LeftOverReason::TooMuch));
            return;
        }
        let text = self.normalised(leaf, &text);
        if let Some(item) = self.item_mut(leaf) {
            item.value.clone_from(&text);
        }
        claims.values.insert(leaf, text);
    }

    fn adopt_series(&mut self, parent: u32, node: u32, value: &Value, path: &str, claims: &mut Claims) {
        let Value::Array(saved) = value else {
            if !is_blank(value) {
                claims.left_over.push(left_over(path, value, LeftOverReason::WrongShape));
            }
            return;
        };
        let mut queue = Queue::default();
        for (place, one) in saved.iter().enumerate() {
            let path = format!("{path}[{}]", place + 1);
            if self.instances(parent, node).len() <= place
                && (place >= MAX_INSTANCES || self.grow_plain(parent, node).is_none())
            {
                claims.left_over.push(left_over(&path, one, LeftOverReason::TooMuch));
                continue;
            }
            let Some(&instance) = self.instances(parent, node).get(place) else { continue };
            match one {
                Value::Object(inner) => self.adopt(instance, inner, &path, claims),
                other => claims.left_over.push(left_over(&path, other, LeftOverReason::WrongShape)),
            }
        }
        // A person may have removed the instance that a fresh form begins with.
        while self.instances(parent, node).len() > saved.len() {
            match self.instances(parent, node).last() {
                Some(&last) => self.detach(last, &mut queue),
                None => break,
            }
        }
    }

    /// Adds an instance without computing anything yet.
    fn grow_plain(&mut self, parent: u32, node: u32) -> Option<u32> {
        let position = self.instances(parent, node).len() + 1;
        let slot = self.plan.node(node)?.slot;
        if !self.has_room(node) {
            return None;
        }
        let item = self.sprout(node, Some(parent), position);
        self.item_mut(parent)?.children.get_mut(slot)?.push(item);
        Some(item)
    }

    /// Saved instances of a counted repeat beyond what the form now counts are
    /// gone after computing; they are handed back.
    fn return_uncounted(&self, claims: &mut Claims) {
        let gone: Vec<u32> = claims
            .values
            .keys()
            .copied()
            .filter(|&item| self.item(item).is_some_and(|item| item.removed))
            .collect();
        for item in gone {
            let path = self.path(item);
            if let Some(value) = claims.values.remove(&item).filter(|value| !value.is_empty()) {
                let value = Value::String(value);
                claims.left_over.push(left_over(path.as_str(), &value, LeftOverReason::TooMuch));
            }
        }
    }
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(object) => object.values().all(is_blank),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
