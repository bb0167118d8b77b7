//! What the form does by itself: actions on loading, on new instances of a
//! repeat, and when an answer changes.

use super::Session;
use super::compute::Queue;
use super::tree::{HEAD, REMOVED};
use crate::expr::{EvaluationError, Evaluator, Expr, Handle, Start};
use crate::form::{ActionEvent, NodeKind};
use crate::plan::{PlanAction, PlanActionValue, Property};
use std::sync::Arc;

impl Session {
    /// Runs the actions of an event in the order of the form, wherever their
    /// owners are.
    pub(super) fn load_actions(&mut self, event: ActionEvent, queue: &mut Queue) {
        let plan = Arc::clone(&self.plan);
        for action in plan.actions.iter().filter(|action| action.events.contains(&event)) {
            let mut owners = Vec::new();
            self.each_below(0, action.owner, &mut |item| owners.push(item));
            for owner in owners {
                self.act(action, owner, queue);
                self.run(queue);
            }
        }
    }

    /// Runs the actions for instances of a repeat that were just made.
    pub(super) fn new_repeat_actions(&mut self, fresh: &[u32], queue: &mut Queue) {
        let plan = Arc::clone(&self.plan);
        let new_repeat = |action: &&PlanAction| action.events.contains(&ActionEvent::NewRepeat);
        if !self.live || !plan.actions.iter().any(|action| new_repeat(&action)) {
            return;
        }
        for &head in fresh.iter().filter(|&&item| self.is(item, HEAD)).collect::<Vec<_>>() {
            let Some(repeat) = self.item(head).map(|item| item.node) else { continue };
            for action in plan.actions.iter().filter(new_repeat) {
                if plan.node(action.owner).is_some_and(|owner| owner.region == repeat) {
                    let owner = head + plan.node(action.owner).map_or(0, |owner| owner.offset);
                    self.act(action, owner, queue);
                }
            }
        }
    }

    /// Runs the actions for instances that the form counted when it was begun.
    /// Those that it came with are not new (ODK XForms, events).
    pub(super) fn counted_repeat_actions(&mut self, queue: &mut Queue) {
        let mut counted = self.all_items();
        counted.retain(|&item| {
            let Some((found, node)) = self.item(item).zip(self.planned(item)) else { return false };
            let given = node.initial.as_ref().map_or(0, Vec::len);
            found.is(HEAD) && node.repeat_count.is_some() && super::tree::index(found.place) > given
        });
        self.new_repeat_actions(&counted, queue);
        self.run(queue);
    }

    /// Runs the actions of questions whose values changed.
    pub(super) fn change_actions(&mut self, changed: &[u32], queue: &mut Queue) {
        let plan = Arc::clone(&self.plan);
        for &item in changed {
            let Some(node) = self.item(item).and_then(|item| plan.node(item.node)) else { continue };
            if self.stuck.remove(&item) {
                queue.push(self, Property::Validity, item);
            }
            for &action in &node.on_change {
                if let Some(action) = plan.actions.get(super::tree::index(action)) {
                    self.act(action, item, queue);
                }
            }
        }
    }

    /// Stores what the action says in every node that its target means.
    fn act(&mut self, action: &PlanAction, owner: u32, queue: &mut Queue) {
        if self.is(owner, REMOVED) {
            return;
        }
        let on_load = action.events.contains(&ActionEvent::FirstLoad);
        let targets = match self.targets(action, owner) {
            Ok(targets) if targets.len() <= 1 || on_load => targets,
            // From outside a repeat with several instances, none is meant.
            Ok(_) | Err(_) => {
                self.stuck.insert(owner);
                queue.push(self, Property::Validity, owner);
                return;
            }
        };
        for item in targets {
            let value = match &action.value {
                PlanActionValue::Literal(text) => self.shaped(item, text.clone()),
                PlanActionValue::Formula(formula) => self.compute_for(item, formula),
                PlanActionValue::Place => self.context.place.clone(),
                PlanActionValue::Recording => self.context.recording.clone(),
            };
            self.set_value(item, value, queue);
        }
    }

    /// The items that get the value, also those that do not apply now.
    fn targets(&self, action: &PlanAction, owner: u32) -> Result<Vec<u32>, EvaluationError> {
        if let Expr::Path(path) = action.target.as_ref()
            && let (Start::Node(node), true, true) =
                (&path.start, path.steps.is_empty(), path.predicates.is_empty())
        {
            let mut items = Vec::new();
            self.each_seen(*node, owner, &mut |item| items.push(item));
            items.retain(|&item| self.is_leaf(item));
            return Ok(items);
        }
        let found = Evaluator::new(self).nodes(&action.target, &self.focus(owner))?;
        Ok(found.into_iter().filter_map(|handle| self.item_of(handle)).collect())
    }

    /// The item that an expression found, if it is one that has a value.
    fn item_of(&self, handle: Handle) -> Option<u32> {
        let item = match handle {
            Handle::Item(item) => item,
            Handle::ItemAttribute(owner, place) => self.attribute(owner, place)?,
            _ => return None,
        };
        let container = self.planned(item).is_some_and(|node| node.kind.is_container());
        (!container).then_some(item)
    }

    /// Kinds that say by themselves what is recorded when an instance is begun.
    pub(super) fn record_place(&mut self, queue: &mut Queue) {
        let place = self.context.place.clone();
        let recording = self.context.recording.clone();
        for item in self.all_items() {
            match self.planned(item).map(|node| node.kind) {
                Some(NodeKind::StartGeopoint) if self.raw_value(item).is_empty() => {
                    self.set_value(item, place.clone(), queue);
                }
                Some(NodeKind::BackgroundAudio) if self.raw_value(item).is_empty() => {
                    self.set_value(item, recording.clone(), queue);
                }
                _ => {}
            }
        }
    }
}
