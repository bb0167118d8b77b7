//! An instance as JSON: drafts out and in, submissions out.
//!
//! Groups are objects, repeats arrays of objects, answers strings. A draft has
//! every question, also the empty ones: so a later version of the form knows
//! which questions are new to it.

use super::compute::Queue;
use super::tree::{RELEVANT, REMOVED};
use super::{MAX_INSTANCES, MAX_VALUE_BYTES, Session};
use crate::form::NodeKind;
use crate::plan::Plan;
use crate::view::{Context, LeftOver, LeftOverReason};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The value of a question that has attributes, beside them.
const TEXT: &str = "#text";

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

    /// What [`Session::finish`] would yield now, whatever stands in its way: for
    /// hosts that show or send what is unfinished.
    pub fn submission(&self) -> Value {
        Value::Object(self.object(0, true))
    }

    fn object(&self, item: u32, relevant_only: bool) -> Map<String, Value> {
        let mut object = Map::new();
        let Some(planned) = self.planned(item) else {
            return object;
        };
        self.put_attributes(item, relevant_only, &mut object);
        for &child in &planned.children {
            let Some(node) = self.plan.node(child) else { continue };
            let one = self.child(item, child);
            if node.kind == NodeKind::Repeat {
                let instances: Vec<Value> = self
                    .instances_of(one)
                    .iter()
                    .filter(|&&one| !relevant_only || self.is(one, RELEVANT))
                    .map(|&one| Value::Object(self.object(one, relevant_only)))
                    .collect();
                // None at all says something else than nothing: a new form may
                // begin with a blank one.
                if !relevant_only || !instances.is_empty() || self.series_relevant(one) {
                    object.insert(node.name.clone(), Value::Array(instances));
                }
                continue;
            }
            if relevant_only && !self.is(one, RELEVANT) {
                continue;
            }
            if node.kind == NodeKind::Group {
                object.insert(node.name.clone(), Value::Object(self.object(one, relevant_only)));
                continue;
            }
            let value = self.raw_value(one);
            if !node.attributes.is_empty() {
                let mut whole = Map::new();
                self.put_attributes(one, relevant_only, &mut whole);
                whole.insert(TEXT.to_owned(), Value::String(value.to_owned()));
                object.insert(node.name.clone(), Value::Object(whole));
                continue;
            }
            let silent = matches!(node.kind, NodeKind::Note | NodeKind::Audit);
            if !(silent && value.is_empty()) {
                object.insert(node.name.clone(), Value::String(value.to_owned()));
            }
        }
        object
    }

    fn put_attributes(&self, item: u32, relevant_only: bool, object: &mut Map<String, Value>) {
        let attributes = self.planned(item).map_or(&[][..], |node| node.attributes.as_slice());
        for &attribute in attributes {
            let Some(node) = self.plan.node(attribute) else { continue };
            let one = self.child(item, attribute);
            if !relevant_only || self.is(one, RELEVANT) {
                object.insert(format!("@{}", node.name), Value::String(self.raw_value(one).to_owned()));
            }
        }
    }

    /// Items with their kinds, for comparing.
    pub(crate) fn leaves(&self) -> Vec<(u32, NodeKind)> {
        self.all_items()
            .into_iter()
            .filter_map(|item| Some((item, self.planned(item)?.kind)))
            .filter(|(_, kind)| !kind.is_container())
            .collect()
    }

    /// The value when the item applies, else empty.
    pub(crate) fn seen_value(&self, item: u32) -> &str {
        if self.is(item, RELEVANT) { self.raw_value(item) } else { "" }
    }

    pub(crate) fn path_of(&self, item: u32) -> crate::NodePath {
        self.path(item)
    }

    /// Replaces what a phone claims by what the caller knows.
    pub(crate) fn overwrite(&mut self, item: u32, value: &str) {
        let mut queue = Queue::default();
        self.set_value(item, value.to_owned(), &mut queue);
        self.run(&mut queue);
        self.settle(queue);
    }
}

/// Builds a session from a saved instance. Whoever goes on with it has all
/// calculations made again; else answers that a person gave over them stay.
pub(crate) fn restore(
    plan: Arc<Plan>,
    context: Context,
    instance: &Value,
    goes_on: bool,
) -> (Session, Claims) {
    let mut session = Session::empty(plan, context);
    let mut claims = Claims::default();
    match instance {
        Value::Object(object) => session.adopt(0, object, "", &mut claims),
        Value::Null => {}
        other => claims.left_over.push(left_over("/", other, LeftOverReason::WrongShape)),
    }
    // What was drawn by lot stays drawn, and so does what was taken over from an
    // instance that is not here.
    let forgotten = session.last_saved.is_none();
    let drawn = claims.values.iter().filter(|(item, value)| {
        !value.is_empty()
            && session
                .planned(**item)
                .is_some_and(|node| node.draws_lots || (forgotten && node.reads_last_saved))
    });
    session.drawn = drawn.map(|(item, _)| *item).collect();
    let mut queue = Queue::default();
    session.enqueue_everything(&mut queue);
    session.run(&mut queue);
    // Answers that a person gave over calculations.
    for (&item, value) in &claims.values {
        let editable = session.planned(item).is_some_and(|node| {
            node.kind.is_shown() && node.calculation.is_some() && node.read_only.is_none()
        });
        if !editable || value.is_empty() || session.is(item, REMOVED) {
            continue;
        }
        if !goes_on {
            session.set_value(item, value.clone(), &mut queue);
        } else if !session.same_value(item, value, session.raw_value(item)) {
            let path = session.path(item);
            let value = Value::String(value.clone());
            claims.left_over.push(left_over(path.as_str(), &value, LeftOverReason::Recomputed));
        }
    }
    session.run(&mut queue);
    session.return_uncounted(&mut claims);
    for item in session.all_items() {
        if !claims.values.contains_key(&item) {
            session.apply_computed_defaults(&[item], &mut queue);
            session.run(&mut queue);
        }
    }
    // From now on, what else it reads decides.
    let mut drawn = std::mem::take(&mut session.drawn);
    drawn.retain(|&item| session.planned(item).is_some_and(|node| node.draws_lots));
    session.drawn = drawn;
    session.live = true;
    session.settle(queue);
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
            let one = self.child(item, child);
            match (self.plan.node(child).map(|node| node.kind), value) {
                (Some(NodeKind::Repeat), _) => self.adopt_series(one, value, &path, claims),
                (Some(NodeKind::Group), Value::Object(inner)) => self.adopt(one, inner, &path, claims),
                (Some(NodeKind::Group), other) => {
                    if !is_blank(other) {
                        claims.left_over.push(left_over(&path, other, LeftOverReason::WrongShape));
                    }
                }
                // A question with attributes.
                (_, Value::Object(inner)) if inner.contains_key(TEXT) => {
                    for (name, value) in inner {
                        let path = format!("{path}/{name}");
                        if name == TEXT {
                            self.adopt_leaf(one, value, &path, claims);
                        } else if let Some(attribute) = self.child_node(one, name) {
                            let attribute = self.child(one, attribute);
                            self.adopt_leaf(attribute, value, &path, claims);
                        } else {
                            claims.left_over.push(left_over(&path, value, LeftOverReason::UnknownName));
                        }
                    }
                }
                _ => self.adopt_leaf(one, value, &path, claims),
            }
        }
    }

    /// Takes the values an instance of a repeat begins with.
    pub(super) fn adopt_initial(&mut self, instance: u32, saved: &Value) {
        if let Value::Object(object) = saved {
            self.adopt(instance, object, "", &mut Claims::default());
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

    fn adopt_series(&mut self, series: u32, value: &Value, path: &str, claims: &mut Claims) {
        let Value::Array(saved) = value else {
            if !is_blank(value) {
                claims.left_over.push(left_over(path, value, LeftOverReason::WrongShape));
            }
            return;
        };
        for (place, one) in saved.iter().enumerate() {
            let path = format!("{path}[{}]", place + 1);
            if self.instances_of(series).len() <= place
                && (place >= MAX_INSTANCES || self.push_instance(series).is_none())
            {
                claims.left_over.push(left_over(&path, one, LeftOverReason::TooMuch));
                continue;
            }
            let Some(&instance) = self.instances_of(series).get(place) else { continue };
            match one {
                Value::Object(inner) => self.adopt(instance, inner, &path, claims),
                other => claims.left_over.push(left_over(&path, other, LeftOverReason::WrongShape)),
            }
        }
        // A person may have removed the instance that a fresh form begins with.
        while let Some(&last) = self.instances_of(series).get(saved.len()..).and_then(<[u32]>::last) {
            self.drop_instance(series, last);
        }
    }

    /// Saved instances of a counted repeat beyond what the form now counts are
    /// gone after computing; they are handed back.
    fn return_uncounted(&self, claims: &mut Claims) {
        let gone: Vec<u32> = claims.values.keys().copied().filter(|&item| self.is(item, REMOVED)).collect();
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
