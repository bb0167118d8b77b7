//! `setvalue`, `odk:setgeopoint` and `odk:recordaudio`.

use super::Problems;
use super::binds::{Bound, missing};
use super::instance::Tree;
use super::paths::Target;
use crate::form::{Action, ActionEvent, ActionValue};
use crate::xform::names::{EVENTS, ODK, attribute, attribute_in, elements, is};
use roxmltree::Node as Element;

/// The actions of the form as a whole; those of a node go to the node.
#[derive(Default)]
pub(super) struct Actions {
    pub(super) of_form: Vec<Action>,
}

/// Where an action stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Around {
    Model,
    Repeat,
    Other,
}

pub(super) fn is_action(node: Element<'_, '_>) -> bool {
    let name = node.tag_name();
    is(node, "setvalue") || matches!(name.name(), "setgeopoint" | "recordaudio")
}

impl Actions {
    pub(super) fn of_model(
        &mut self,
        model: Element<'_, '_>,
        bound: &Bound,
        tree: &mut Tree<'_, '_>,
        problems: &mut Problems,
    ) {
        for element in elements(model).filter(|&node| is_action(node)) {
            if let Some(action) = read(element, Target::Root, Around::Model, bound, tree, problems) {
                self.of_form.push(action);
            }
        }
    }

    /// The actions directly in a control or a container, for its node.
    pub(super) fn of_node(
        &mut self,
        control: Element<'_, '_>,
        place: (Target, Around),
        bound: &Bound,
        tree: &mut Tree<'_, '_>,
        problems: &mut Problems,
    ) {
        for element in elements(control).filter(|&node| is_action(node)) {
            let Some(action) = read(element, place.0, place.1, bound, tree, problems) else { continue };
            match tree.get_mut(place.0) {
                Some(part) => part.node.actions.push(action),
                None => self.of_form.push(action),
            }
        }
    }
}

fn read(
    element: Element<'_, '_>,
    from: Target,
    around: Around,
    bound: &Bound,
    tree: &mut Tree<'_, '_>,
    problems: &mut Problems,
) -> Option<Action> {
    let name = element.tag_name().name();
    if name != "setvalue" && element.tag_name().namespace() != Some(ODK) {
        problems.warning(element, format!("<{name}> does nothing outside the namespace {ODK}"));
        return None;
    }
    let events = events(element, around, problems)?;
    let by_id = attribute(element, "bind").and_then(|id| bound.get(id)).copied();
    let reference = attribute(element, "ref");
    let target = by_id.or_else(|| tree.resolve(from, reference?));
    let target = match (target, reference) {
        (Some(target), _) => {
            if let Some(part) = tree.get_mut(target) {
                part.is_target = true;
            }
            match reference.filter(|reference| reference.contains('[')) {
                Some(reference) => reference.to_owned(),
                None => tree.path(target),
            }
        }
        (None, Some(reference)) => {
            problems.note(missing(tree, reference, "the action stores into"), element);
            return None;
        }
        (None, None) => {
            problems.error(element, format!("<{name}> stores nowhere; write ref=\"…\""));
            return None;
        }
    };
    let value = match name {
        "setgeopoint" => ActionValue::Geopoint,
        "recordaudio" => {
            let quality = attribute_in(element, ODK, "quality").or_else(|| attribute(element, "quality"));
            ActionValue::Audio(quality.unwrap_or_default().to_owned())
        }
        _ => match element.attribute("value").map(str::trim) {
            Some("") => ActionValue::Literal(String::new()),
            Some(expression) => {
                problems.expression(element, "value", expression);
                ActionValue::Expression(expression.to_owned())
            }
            // An empty value clears, whatever is written inside.
            None if element.attribute("value").is_some() => ActionValue::Literal(String::new()),
            None => {
                let text: String = element.children().filter_map(|node| node.text()).collect();
                ActionValue::Literal(text.trim().to_owned())
            }
        },
    };
    Some(Action { events, target, value, row: 0 })
}

fn events(element: Element<'_, '_>, around: Around, problems: &mut Problems) -> Option<Vec<ActionEvent>> {
    let written = attribute(element, "event").or_else(|| attribute_in(element, EVENTS, "event"));
    let Some(written) = written else {
        problems.error(element, "the action never runs; write event=\"odk-instance-first-load\"");
        return None;
    };
    let mut events = Vec::new();
    for name in written.split_ascii_whitespace() {
        let event = match name {
            // The older name means the same (ODK XForms, events).
            "odk-instance-first-load" | "xforms-ready" => ActionEvent::FirstLoad,
            "odk-instance-load" => ActionEvent::Load,
            "odk-new-repeat" | "jr-insert" => ActionEvent::NewRepeat,
            "xforms-value-changed" => ActionEvent::ValueChanged,
            _ => {
                problems.error(
                    element,
                    format!(
                        "the event \"{name}\" is not known; known are odk-instance-first-load, \
                         odk-instance-load, odk-new-repeat and xforms-value-changed"
                    ),
                );
                return None;
            }
        };
        events.push(event);
    }
    if around == Around::Model && events.contains(&ActionEvent::NewRepeat) {
        problems
            .error(element, "odk-new-repeat never happens in the model; move the action into its <repeat>");
        return None;
    }
    Some(events)
}
