//! The primary instance.

use super::super::markup::Element;
use super::{Writer, literal};
use crate::form::{Node, NodeKind};

impl Writer<'_> {
    pub(super) fn primary_instance(&mut self) -> Element {
        let form = self.form;
        let mut root = Element::new(form.root.as_str());
        if let Some(uri) = form.namespaces.get("") {
            root.set("xmlns", uri);
        }
        root.set("id", form.id.as_str());
        root.set_some(form.version_attribute(), &form.version);
        self.attributes(&mut root, &form.root_attributes);
        for node in &form.nodes {
            self.fresh(node, true, &mut root);
        }
        root
    }

    /// What a new instance has of a node; of a repeat also the template, unless
    /// one stands elsewhere.
    fn fresh(&mut self, node: &Node, templates: bool, into: &mut Element) {
        self.has_entities |= node.name == "entity" && super::super::names::local(&into.name) == "meta";
        if node.kind != NodeKind::Repeat {
            let element = self.one(node, templates);
            into.push(element);
            return;
        }
        // Without an instance, only the template says what is in one.
        let bare = node.initial.as_ref().is_some_and(Vec::is_empty);
        if templates && (bare || !recurs(node)) {
            let mut template = self.one(node, true);
            template.set("jr:template", "");
            into.push(template);
        }
        match &node.initial {
            Some(initial) => {
                for instance in initial {
                    into.push(super::super::instance::element(node, instance));
                }
            }
            None => {
                let element = self.one(node, false);
                into.push(element);
            }
        }
    }

    fn one(&mut self, node: &Node, templates: bool) -> Element {
        let mut element = Element::new(node.name.as_str());
        if let Some(uri) = &node.namespace {
            element.set("xmlns", uri);
        }
        self.attributes(&mut element, &node.attributes);
        for child in &node.children {
            self.fresh(child, templates, &mut element);
        }
        if node.children.is_empty() { element.saying(literal(node)) } else { element }
    }

    fn attributes(&self, element: &mut Element, attributes: &[Node]) {
        for attribute in attributes {
            let value = literal(attribute);
            if value.contains("${") {
                element.set(&attribute.name, self.references.expand(value, "").trim());
            } else {
                element.set(&attribute.name, value);
            }
        }
    }
}

/// Whether a repeat is but an element that recurs, which no body shows.
pub(super) fn recurs(node: &Node) -> bool {
    fn is_shown(node: &Node) -> bool {
        node.kind.is_shown() || node.children.iter().any(is_shown)
    }
    node.no_add_remove && node.repeat_count.is_none() && node.label.is_empty() && !is_shown(node)
}
