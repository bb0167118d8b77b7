//! Instance JSON → XML.

use super::{Identity, TEXT, WrittenInstance, add_attachment};
use crate::form::{Form, Node, NodeKind};
use crate::view::{LeftOver, LeftOverReason};
use crate::xform::markup::{Content, Element, is_name, is_xml};
use crate::xform::names::local;
use serde_json::{Map, Value};

/// Writes an instance of a form, as OpenRosa servers take it: elements in the
/// order of the form, the form's identity and version on the root, and the
/// instance's own identity in `meta`.
///
/// Only what the instance says is written: a question that does not apply is
/// absent from a submission.
pub fn instance_to_xml(form: &Form, instance: &Value, identity: &Identity) -> WrittenInstance {
    let mut writer = Writer { attachments: Vec::new(), left_over: Vec::new() };
    let mut root = Element::new(form.root.as_str());
    if let Some(uri) = form.namespaces.get("") {
        root.set("xmlns", uri);
    }
    root.set("id", form.id.as_str());
    root.set_some(form.version_attribute(), &form.version);
    match instance {
        Value::Object(object) => writer.object(&form.root_attributes, &form.nodes, object, "", &mut root),
        Value::Null => {}
        other => writer.leave("/", other, LeftOverReason::WrongShape),
    }
    identify(&mut root, form, identity);
    let mut prefixes = Vec::new();
    used_prefixes(&root, &mut prefixes);
    for prefix in prefixes {
        if let Some(uri) = form.namespaces.get(&prefix) {
            root.set(&format!("xmlns:{prefix}"), uri);
        }
    }
    let mut xml = String::from("<?xml version=\"1.0\"?>");
    root.line(&mut xml);
    WrittenInstance { xml, attachments: writer.attachments, left_over: writer.left_over }
}

/// Puts the identity into `meta`, where the instance does not say it already.
fn identify(root: &mut Element, form: &Form, identity: &Identity) {
    let wanted = [
        ("instanceID", &identity.instance_id),
        ("deprecatedID", &identity.deprecated_id),
        ("instanceName", &identity.instance_name),
    ];
    if wanted.iter().all(|(_, value)| value.is_none()) {
        return;
    }
    let of_form = form.nodes.iter().find(|node| local(&node.name) == "meta");
    let name = of_form.map_or("meta", |node| node.name.as_str());
    let prefix = name.split_once(':').map_or(String::new(), |(prefix, _)| format!("{prefix}:"));
    if !root.children.iter().any(|child| is_element(child, "meta")) {
        root.push(Element::new(name));
    }
    let meta = root.children.iter_mut().find_map(|child| match child {
        Content::Element(element) if local(&element.name) == "meta" => Some(element),
        _ => None,
    });
    let Some(meta) = meta else { return };
    for (name, value) in wanted {
        let Some(value) = value else { continue };
        let there = meta.children.iter_mut().find_map(|child| match child {
            Content::Element(element) if local(&element.name) == name => Some(element),
            _ => None,
        });
        match there {
            Some(element) if element.children.is_empty() => {
                element.children.push(Content::Text(value.clone()));
            }
            Some(_) => {}
            None => meta.push(Element::new(format!("{prefix}{name}")).saying(value)),
        }
    }
}

fn is_element(child: &Content, name: &str) -> bool {
    matches!(child, Content::Element(element) if local(&element.name) == name)
}

fn used_prefixes(element: &Element, found: &mut Vec<String>) {
    let names = element.attributes.iter().map(|(name, _)| name.as_str()).chain([element.name.as_str()]);
    for name in names {
        if let Some((prefix, _)) = name.split_once(':')
            && !found.iter().any(|known| known == prefix)
        {
            found.push(prefix.to_owned());
        }
    }
    for child in &element.children {
        if let Content::Element(child) = child {
            used_prefixes(child, found);
        }
    }
}

/// One instance of a repeat, as a form writes it out.
pub(in crate::xform) fn element(node: &Node, instance: &Value) -> Element {
    let mut writer = Writer { attachments: Vec::new(), left_over: Vec::new() };
    writer.element(node, instance, "").unwrap_or_else(|| Element::new(node.name.as_str()))
}

struct Writer {
    attachments: Vec<String>,
    left_over: Vec<LeftOver>,
}

impl Writer {
    fn leave(&mut self, path: &str, value: &Value, reason: LeftOverReason) {
        self.left_over.push(LeftOver { path: path.to_owned(), value: value.clone(), reason });
    }

    /// The contents of a container, in the order of the form.
    fn object(
        &mut self,
        attributes: &[Node],
        nodes: &[Node],
        object: &Map<String, Value>,
        above: &str,
        into: &mut Element,
    ) {
        self.attributes(attributes, object, above, into);
        for node in nodes {
            let Some(value) = object.get(&node.name) else { continue };
            let path = format!("{above}/{}", node.name);
            if node.kind != NodeKind::Repeat {
                if let Some(child) = self.element(node, value, &path) {
                    into.push(child);
                }
                continue;
            }
            match value {
                Value::Array(instances) => {
                    for (place, instance) in instances.iter().enumerate() {
                        if let Some(child) = self.element(node, instance, &format!("{path}[{}]", place + 1)) {
                            into.push(child);
                        }
                    }
                }
                Value::Null => {}
                other => self.leave(&path, other, LeftOverReason::WrongShape),
            }
        }
        for (name, value) in object.iter().filter(|(name, _)| !name.starts_with('@')) {
            if !nodes.iter().any(|node| node.name == *name) {
                self.leave(&format!("{above}/{name}"), value, LeftOverReason::UnknownName);
            }
        }
    }

    fn attributes(&mut self, known: &[Node], object: &Map<String, Value>, above: &str, into: &mut Element) {
        for node in known {
            if let Some(value) = object.get(&format!("@{}", node.name))
                && is_name(&node.name)
            {
                let path = format!("{above}/@{}", node.name);
                if let Some(text) = self.text(value, &path) {
                    into.set(&node.name, text);
                }
            }
        }
        for (name, value) in object {
            let Some(attribute) = name.strip_prefix('@') else { continue };
            if !known.iter().any(|node| node.name == attribute) {
                self.leave(&format!("{above}/{name}"), value, LeftOverReason::UnknownName);
            }
        }
    }

    fn element(&mut self, node: &Node, value: &Value, path: &str) -> Option<Element> {
        if !is_name(&node.name) {
            self.leave(path, value, LeftOverReason::UnknownName);
            return None;
        }
        let mut element = Element::new(node.name.as_str());
        if let Some(uri) = &node.namespace {
            element.set("xmlns", uri);
        }
        match value {
            Value::Object(object) if node.kind.is_container() => {
                self.object(&node.attributes, &node.children, object, path, &mut element);
            }
            Value::Object(object) => {
                self.attributes(&node.attributes, object, path, &mut element);
                for (name, value) in object {
                    if name == TEXT {
                        let text = self.text(value, path)?;
                        add_attachment(&mut self.attachments, node, &text);
                        element = element.saying(&text);
                    } else if !name.starts_with('@') {
                        self.leave(&format!("{path}/{name}"), value, LeftOverReason::UnknownName);
                    }
                }
            }
            Value::Null => {}
            other if node.kind.is_container() => {
                self.leave(path, other, LeftOverReason::WrongShape);
                return None;
            }
            other => {
                let text = self.text(other, path)?;
                add_attachment(&mut self.attachments, node, &text);
                element = element.saying(&text);
            }
        }
        Some(element)
    }

    /// A value as text; what XML cannot say is left over whole.
    fn text(&mut self, value: &Value, path: &str) -> Option<String> {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            Value::Null => String::new(),
            Value::Array(_) | Value::Object(_) => {
                self.leave(path, value, LeftOverReason::WrongShape);
                return None;
            }
        };
        if !text.chars().all(is_xml) {
            self.leave(path, value, LeftOverReason::WrongShape);
        }
        Some(text)
    }
}
