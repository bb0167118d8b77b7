//! The body: containers and what is shown in which order.

use super::actions::{Actions, Around, is_action};
use super::binds::{Bound, missing};
use super::instance::Tree;
use super::itext::{Itext, Label};
use super::lists::{Lists, is_dynamic};
use super::paths::{Target, steps};
use super::{Problems, controls};
use crate::expr::{self, Axis, Expr, Start};
use crate::form::{BodyItem, Node, NodeKind};
use crate::xform::names::{JAVAROSA, attribute, attribute_in, attribute_name, elements, is, local};
use roxmltree::Node as Element;
use std::collections::HashSet;

/// Paths of all repeats of a body: names below the root, without prefixes.
pub(super) fn repeat_paths(body: Element<'_, '_>, root: Element<'_, '_>) -> HashSet<Vec<String>> {
    fn walk(element: Element<'_, '_>, here: &[String], found: &mut HashSet<Vec<String>>) {
        for child in elements(element) {
            let reference = match child.tag_name().name() {
                "repeat" => attribute(child, "nodeset").or_else(|| attribute(child, "ref")),
                "group" => attribute(child, "ref"),
                _ => continue,
            };
            let path = reference.and_then(|reference| follow(here, reference));
            if let Some(path) = path.clone().filter(|_| is(child, "repeat")) {
                found.insert(path);
            }
            walk(child, path.as_deref().unwrap_or(here), found);
        }
    }
    let mut found = HashSet::new();
    walk(body, &[], &mut found);
    let by_id =
        elements(root.parent_element().and_then(|instance| instance.parent_element()).unwrap_or(root))
            .filter(|&node| is(node, "bind"))
            .filter_map(|bind| Some((attribute(bind, "id")?, attribute(bind, "nodeset")?)));
    let by_id: Vec<_> = by_id.collect();
    for repeat in body.descendants().filter(|&node| is(node, "repeat")) {
        let Some(id) = attribute(repeat, "bind") else { continue };
        let named = by_id.iter().filter(|(name, _)| *name == id);
        found.extend(named.filter_map(|(_, nodeset)| follow(&[], nodeset)));
    }
    found
}

fn follow(here: &[String], reference: &str) -> Option<Vec<String>> {
    let (absolute, steps) = steps(reference)?;
    let mut path = if absolute { Vec::new() } else { here.to_vec() };
    for step in steps.into_iter().skip(usize::from(absolute)) {
        match step {
            "." | "current()" => {}
            ".." => {
                path.pop()?;
            }
            name => path.push(local(name).to_owned()),
        }
    }
    Some(path)
}

/// Reads the body into the tree.
pub(super) struct Body<'t, 'a, 'input> {
    pub(super) tree: &'t mut Tree<'a, 'input>,
    pub(super) itext: &'t Itext,
    pub(super) bound: &'t Bound,
    pub(super) actions: Actions,
    pub(super) lists: Lists,
    pub(super) problems: &'t mut Problems,
}

impl Body<'_, '_, '_> {
    /// What is shown in an element; references in it start at `here`.
    pub(super) fn items(&mut self, element: Element<'_, '_>, here: Target) -> Vec<BodyItem> {
        let mut items = Vec::new();
        for child in elements(element) {
            let name = child.tag_name().name();
            if is(child, "group") {
                items.extend(self.group(child, here));
            } else if is(child, "repeat") {
                items.extend(self.repeat(child, None, here));
            } else if let Some(kind) = controls::kind(child) {
                items.extend(self.control(child, kind, here));
            } else if !is_action(child) && !matches!(name, "label" | "hint" | "help" | "alert") {
                self.problems.warning(child, format!("<{name}> is not known and not shown"));
            }
        }
        items
    }

    /// Where a control or a container belongs; `Err` when it leads nowhere.
    pub(super) fn target(&mut self, control: Element<'_, '_>, here: Target) -> Result<Option<Target>, ()> {
        if let Some(id) = attribute(control, "bind") {
            return match self.bound.get(id) {
                Some(&target) => Ok(Some(target)),
                None => {
                    self.problems.error(control, format!("there is no bind with the id \"{id}\""));
                    Err(())
                }
            };
        }
        let Some(path) = attribute(control, "ref").or_else(|| attribute(control, "nodeset")) else {
            return Ok(None);
        };
        match self.tree.resolve(here, path) {
            Some(target) => Ok(Some(target)),
            None => {
                self.problems.note(missing(self.tree, path, "it is not shown: this asks for"), control);
                Err(())
            }
        }
    }

    fn group(&mut self, group: Element<'_, '_>, here: Target) -> Option<BodyItem> {
        let target = self.target(group, here).ok()?;
        let mut inner = elements(group).filter(|&node| {
            !is_action(node) && !matches!(node.tag_name().name(), "label" | "hint" | "help" | "alert")
        });
        if let (Some(only), None) = (inner.next(), inner.next())
            && is(only, "repeat")
        {
            let repeat = self.target(only, target.unwrap_or(here)).ok()?;
            let repeat = repeat.filter(|repeat| target.is_none_or(|target| target == *repeat));
            if repeat.is_some() {
                return self.repeat(only, Some(group), here);
            }
        }
        let container = target.and_then(Target::part);
        let (mut is_leaf, mut again) = (false, false);
        if let Some(part) = container.and_then(|part| self.tree.parts.get_mut(part))
            && !part.node.kind.is_container()
        {
            is_leaf = true;
            again = std::mem::replace(&mut part.shows_group, true);
            let asked = part.control.is_some();
            let path = self.tree.path(target.unwrap_or(here));
            if asked {
                self.problems.error(group, format!("{path} is a question; a group needs a node of its own"));
                return None;
            }
            let message = format!("{path} has nothing in it; what the group shows lies elsewhere");
            self.problems.warning(group, message);
        }
        let place = target.unwrap_or(here);
        self.actions.of_node(group, (place, Around::Other), self.bound, self.tree, self.problems);
        let label = self.label_of(group, "label");
        let appearance = attribute(group, "appearance").unwrap_or_default().to_owned();
        let items = self.items(group, place);
        let Some(part) = container else {
            return Some(BodyItem::Group { label: label.text, appearance, items });
        };
        let hint = self.label_of(group, "hint");
        let path = self.tree.path(Target::Part(part));
        if let Some(part) = self.tree.parts.get_mut(part)
            && part.control.is_none()
            && !again
        {
            part.control = (!is_leaf).then_some(NodeKind::Group);
            set_words(&mut part.node, label, hint);
            part.node.appearance = appearance;
            other_attributes(&mut part.node, group);
        }
        Some(BodyItem::Container(path, items))
    }

    /// A repeat, with the group around it that carries its label.
    fn repeat(
        &mut self,
        repeat: Element<'_, '_>,
        group: Option<Element<'_, '_>>,
        here: Target,
    ) -> Option<BodyItem> {
        let above = match group {
            Some(group) => self.target(group, here).ok()?.unwrap_or(here),
            None => here,
        };
        let Some(target) = self.target(repeat, above).ok()? else {
            self.problems.error(repeat, "the repeat has no nodes; write nodeset=\"…\"");
            return None;
        };
        let place = (target, Around::Repeat);
        for element in group.into_iter().chain([repeat]) {
            self.actions.of_node(element, place, self.bound, self.tree, self.problems);
        }
        let outer = group.unwrap_or(repeat);
        let mut label = self.label_of(outer, "label");
        if label.text.is_empty() {
            label = self.label_of(repeat, "label");
        }
        let hint = self.label_of(outer, "hint");
        let count = attribute_in(repeat, JAVAROSA, "count");
        if let Some(count) = count {
            self.problems.expression(repeat, "jr:count", count);
        }
        let count = count.map(|count| from_repeat(count, &self.tree.path(above), &self.tree.path(target)));
        let items = self.items(repeat, target);
        let path = self.tree.path(target);
        let part = self.tree.get_mut(target).filter(|part| part.node.kind == NodeKind::Repeat);
        let Some(part) = part else {
            self.problems.error(repeat, format!("{path} is no element of the form that could repeat"));
            return None;
        };
        if part.control.is_none() {
            part.control = Some(NodeKind::Repeat);
            set_words(&mut part.node, label, hint);
            let looks: Vec<&str> =
                group.into_iter().chain([repeat]).filter_map(|one| attribute(one, "appearance")).collect();
            part.node.appearance = looks.join(" ");
            part.node.repeat_count = count;
            part.node.no_add_remove =
                attribute_in(repeat, JAVAROSA, "noAddRemove").is_some_and(|value| value != "false()");
            for element in group.into_iter().chain([repeat]) {
                other_attributes(&mut part.node, element);
            }
        }
        Some(BodyItem::Container(path, items))
    }

    /// The label or hint directly in an element.
    pub(super) fn label_of(&mut self, element: Element<'_, '_>, name: &str) -> Label {
        let Some(label) = elements(element).find(|&node| is(node, name)) else {
            return Label::default();
        };
        self.lists.dynamic |= attribute(label, "ref").is_some_and(is_dynamic);
        self.itext.label(label, self.problems)
    }
}

/// A count that begins with a name is seen from what is around the control
/// (JavaRosa), one that begins with `..` from the repeat (ODK Web Forms). The form
/// says all from the repeat.
fn from_repeat(count: &str, above: &str, repeat: &str) -> String {
    let levels = repeat.strip_prefix(above).map_or(0, |between| between.matches('/').count());
    let named = matches!(expr::parse(count), Ok(Expr::Path(path)) if matches!(path.start, Start::Focus)
        && path.steps.first().is_some_and(|step| step.axis == Axis::Child));
    if named { format!("{}{}", "../".repeat(levels), count.trim()) } else { count.to_owned() }
}

/// Label, hint and guidance go to the node.
pub(super) fn set_words(node: &mut Node, label: Label, hint: Label) {
    node.label = label.text;
    node.media = label.media;
    node.hint = hint.text;
    node.guidance_hint = if hint.guidance.is_empty() { label.guidance } else { hint.guidance };
}

/// Attributes of a control that the engine carries along.
pub(super) fn other_attributes(node: &mut Node, control: Element<'_, '_>) {
    for one in control.attributes() {
        let known = match one.namespace() {
            None => matches!(one.name(), "ref" | "nodeset" | "bind" | "appearance"),
            Some(JAVAROSA) => matches!(one.name(), "count" | "noAddRemove"),
            Some(_) => false,
        };
        if !known {
            node.body_attributes.insert(attribute_name(control, &one).to_owned(), one.value().to_owned());
        }
    }
}
