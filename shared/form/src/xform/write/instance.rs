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
        root.set_some("version", &form.version);
        attributes(&mut root, &form.root_attributes);
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
        let has_body = !node.no_add_remove || self.is_shown_repeat(node);
        if has_body && templates {
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

    /// A repeat that the body knows, other than elements that merely recur.
    fn is_shown_repeat(&self, node: &Node) -> bool {
        self.form.body.is_none() || node.repeat_count.is_some() || !node.label.is_empty()
    }

    fn one(&mut self, node: &Node, templates: bool) -> Element {
        let mut element = Element::new(node.name.as_str());
        if let Some(uri) = &node.namespace {
            element.set("xmlns", uri);
        }
        attributes(&mut element, &node.attributes);
        for child in &node.children {
            self.fresh(child, templates, &mut element);
        }
        if node.children.is_empty() { element.saying(literal(node)) } else { element }
    }
}

fn attributes(element: &mut Element, attributes: &[Node]) {
    for attribute in attributes {
        element.set(&attribute.name, literal(attribute));
    }
}
