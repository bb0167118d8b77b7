//! The body: containers and controls.

use super::super::markup::Element;
use super::super::names::local;
use super::{ListNames, Writer, carry};
use crate::form::{BodyItem, Media, Node, NodeKind, Text};

impl<'f> Writer<'f> {
    pub(super) fn body(&mut self, itext: &ListNames<'_>) -> Element {
        let mut body = Element::new("h:body");
        body.set_some("class", &self.form.style);
        let form = self.form;
        let root = format!("/{}", form.root);
        match &form.body {
            Some(items) => self.items(items, itext, &mut body),
            None => self.nodes(&form.nodes, &root, itext, &mut body),
        }
        body
    }

    /// What is shown follows the instance.
    fn nodes(&mut self, nodes: &'f [Node], above: &str, itext: &ListNames<'_>, into: &mut Element) {
        for node in nodes {
            let path = format!("{above}/{}", node.name);
            if node.kind.is_container() {
                if !shows(node) {
                    continue;
                }
                self.container(node, &path, into, |writer, inner| {
                    writer.nodes(&node.children, &path, itext, inner);
                });
            } else if node.kind.is_shown() {
                let control = self.control(node, &path, itext);
                into.push(control);
            }
        }
    }

    fn items(&mut self, items: &'f [BodyItem], itext: &ListNames<'_>, into: &mut Element) {
        for item in items {
            match item {
                BodyItem::Node(path) => {
                    if let Some(node) = find(&self.form.nodes, self.form.root.as_str(), path) {
                        let control = self.control(node, path, itext);
                        into.push(control);
                    }
                }
                BodyItem::Container(path, items) => {
                    if let Some(node) = find(&self.form.nodes, self.form.root.as_str(), path) {
                        self.container(node, path, into, |writer, inner| writer.items(items, itext, inner));
                    }
                }
                BodyItem::Group { label, appearance, items } => {
                    let mut group = Element::new("group");
                    group.set_some("appearance", appearance);
                    let id = format!("/{}:group:label", self.form.root);
                    if let Some(label) =
                        self.label("label", &id, (label, &Text::default(), &Media::new()), "")
                    {
                        group.push(label);
                    }
                    self.items(items, itext, &mut group);
                    into.push(group);
                }
            }
        }
    }

    fn container(
        &mut self,
        node: &'f Node,
        path: &str,
        into: &mut Element,
        inside: impl FnOnce(&mut Self, &mut Element),
    ) {
        let mut group = Element::new("group");
        let is_repeat = node.kind == NodeKind::Repeat;
        let mut inner = Element::new("repeat").with("nodeset", path);
        {
            let outer = if is_repeat { &mut inner } else { &mut group };
            outer.set_some("appearance", &node.appearance);
            carry(outer, &node.body_attributes, |value| self.references.expand(value, path));
        }
        group.set("ref", path);
        let words = (&node.label, &Text::default(), &node.media);
        let label = self.label("label", &format!("{path}:label"), words, path);
        if let Some(label) = label.or_else(|| is_repeat.then(|| Element::new("label"))) {
            group.push(label);
        }
        let hint = (&node.hint, &node.guidance_hint, &Media::new());
        if let Some(hint) = self.label("hint", &format!("{path}:hint"), hint, path) {
            group.push(hint);
        }
        if !is_repeat {
            inside(self, &mut group);
            self.add_actions(node, path, &mut group);
            into.push(group);
            return;
        }
        if let Some(count) = &node.repeat_count {
            inner.set("jr:count", self.references.expand(count, path));
        }
        if node.no_add_remove {
            inner.set("jr:noAddRemove", "true()");
        }
        inside(self, &mut inner);
        self.add_actions(node, path, &mut inner);
        for action in self.on_new_repeat.remove(path).unwrap_or_default() {
            inner.push(action);
        }
        into.push(group.holding(inner));
    }

    fn control(&mut self, node: &'f Node, path: &str, itext: &ListNames<'_>) -> Element {
        let query = self.query(node, path);
        let name = match node.kind {
            _ if query.is_some() => "input",
            NodeKind::SelectOne => "select1",
            NodeKind::SelectMultiple => "select",
            NodeKind::Rank => "odk:rank",
            NodeKind::Acknowledge => "trigger",
            NodeKind::Range => "range",
            NodeKind::Image | NodeKind::Audio | NodeKind::Video | NodeKind::File => "upload",
            _ => "input",
        };
        let mut control = Element::new(name).with("ref", path);
        if let Some(query) = &query {
            control.set("query", query.as_str());
        }
        if let Some(usual) = super::super::read::media_type(node.kind) {
            control.set("mediatype", usual);
        }
        control.set_some("appearance", &node.appearance);
        carry(&mut control, &node.body_attributes, |value| self.references.expand(value, path));
        let label = (&node.label, &Text::default(), &node.media);
        let label = self.label("label", &format!("{path}:label"), label, path);
        let hint = (&node.hint, &node.guidance_hint, &Media::new());
        let hint = self.label("hint", &format!("{path}:hint"), hint, path);
        // Clients expect a label before a hint, and in the head of a table.
        let expected = hint.is_some() || node.appearance.split(' ').any(|word| word == "label");
        if let Some(label) = label.or_else(|| expected.then(|| Element::new("label"))) {
            control.push(label);
        }
        if let Some(hint) = hint {
            control.push(hint);
        }
        if query.is_none() {
            self.choices(node, path, itext, &mut control);
        }
        self.tags(node, path, &mut control);
        self.add_actions(node, path, &mut control);
        for action in self.triggered.get(node.name.as_str()).into_iter().flatten() {
            control.push(action.clone());
        }
        control
    }

    /// A node that is shown twice acts once.
    fn add_actions(&mut self, node: &Node, path: &str, element: &mut Element) {
        if node.actions.is_empty() || !self.acting.insert(path.to_owned()) {
            return;
        }
        for action in &node.actions {
            element.push(self.action(action, path));
        }
    }

    pub(super) fn label(
        &mut self,
        name: &str,
        id: &str,
        words: (&Text, &Text, &Media),
        reader: &str,
    ) -> Option<Element> {
        self.texts.label(name, id, words, (&self.references, reader))
    }
}

/// Whether a container has a place in the body: it is a repeat, has a label, or
/// something in it is shown.
fn shows(node: &Node) -> bool {
    let own = (node.kind == NodeKind::Repeat && !super::instance::recurs(node))
        || !node.label.is_empty()
        || !node.appearance.is_empty();
    (own && local(&node.name) != "meta")
        || node
            .children
            .iter()
            .any(|child| if child.kind.is_container() { shows(child) } else { child.kind.is_shown() })
}

/// The node at a path of names.
fn find<'f>(nodes: &'f [Node], root: &str, path: &str) -> Option<&'f Node> {
    let mut rest = path.strip_prefix('/')?.strip_prefix(root)?.strip_prefix('/')?;
    let mut nodes = nodes;
    loop {
        let (name, below) = rest.split_once('/').map_or((rest, None), |(name, below)| (name, Some(below)));
        let node = nodes.iter().find(|node| node.name == name)?;
        match below {
            None => return Some(node),
            Some(below) => {
                rest = below;
                nodes = &node.children;
            }
        }
    }
}
