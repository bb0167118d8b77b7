//! Instance XML → JSON.

use super::{Identity, ReadInstance, TEXT, add_attachment};
use crate::form::{Form, Node, NodeKind};
use crate::problem::AuthoringProblem;
use crate::view::{LeftOver, LeftOverReason};
use crate::xform::names::{self, JAVAROSA, attribute_name, element_name, elements, local};
use crate::{MAX_INSTANCES, MAX_VALUE_BYTES};
use roxmltree::Node as Element;
use serde_json::{Map, Value};

/// Reads an instance of a form.
///
/// A repeat without instances is an empty list; a question that does not apply
/// is absent, one without an answer is empty.
///
/// # Errors
/// When this is not XML, or exceeds the bounds of the engine.
pub fn instance_from_xml(form: &Form, xml: &str) -> Result<ReadInstance, Vec<AuthoringProblem>> {
    let xml = xml.strip_prefix('\u{feff}').unwrap_or(xml);
    let document = crate::xform::read::parse(xml)?;
    let root = document.root_element();
    let mut reader = Reader { attachments: Vec::new(), left_over: Vec::new() };
    let mut object = Map::new();
    if local(element_name(root)) != local(&form.root) {
        reader.leave("/", markup(root), LeftOverReason::UnknownName);
    } else {
        reader.attributes(root, &form.root_attributes, "", &["id", "version"], &mut object);
        reader.children(root, &form.nodes, "", &mut object);
    }
    let version = root.attribute("version").or_else(|| root.attribute((names::OPENROSA, "version")));
    Ok(ReadInstance {
        form_id: root.attribute("id").unwrap_or_default().to_owned(),
        version: version.unwrap_or_default().to_owned(),
        identity: identity(root),
        instance: Value::Object(object),
        attachments: reader.attachments,
        left_over: reader.left_over,
    })
}

fn identity(root: Element<'_, '_>) -> Identity {
    let meta = elements(root).find(|node| node.tag_name().name() == "meta");
    let value = |name: &str| {
        let found = elements(meta?).find(|node| node.tag_name().name() == name)?;
        Some(text(found).trim().to_owned()).filter(|value| !value.is_empty())
    };
    Identity {
        instance_id: value("instanceID"),
        deprecated_id: value("deprecatedID"),
        instance_name: value("instanceName"),
    }
}

/// Whether [`Identity`] says what this element of `meta` does.
fn is_identity(element: Element<'_, '_>) -> bool {
    let in_meta = element.parent_element().is_some_and(|parent| {
        parent.tag_name().name() == "meta"
            && parent.parent_element().is_some_and(|root| root.parent_element().is_none())
    });
    in_meta && matches!(element.tag_name().name(), "instanceID" | "deprecatedID" | "instanceName")
}

struct Reader {
    attachments: Vec<String>,
    left_over: Vec<LeftOver>,
}

impl Reader {
    fn leave(&mut self, path: &str, value: String, reason: LeftOverReason) {
        self.left_over.push(LeftOver { path: path.to_owned(), value: Value::String(value), reason });
    }

    fn children(
        &mut self,
        parent: Element<'_, '_>,
        nodes: &[Node],
        above: &str,
        object: &mut Map<String, Value>,
    ) {
        for node in nodes.iter().filter(|node| node.kind == NodeKind::Repeat) {
            object.insert(node.name.clone(), Value::Array(Vec::new()));
        }
        for child in parent.children() {
            if child.is_text() {
                let words = child.text().unwrap_or_default();
                if !words.trim().is_empty() {
                    self.leave(&format!("{above}/{TEXT}"), words.to_owned(), LeftOverReason::WrongShape);
                }
            } else if child.is_element() && !child.has_attribute((JAVAROSA, "template")) {
                self.child(child, nodes, above, object);
            }
        }
    }

    fn child(
        &mut self,
        element: Element<'_, '_>,
        nodes: &[Node],
        above: &str,
        object: &mut Map<String, Value>,
    ) {
        let name = element_name(element);
        let exact = nodes.iter().find(|node| node.name == name);
        let Some(node) = exact.or_else(|| nodes.iter().find(|node| local(&node.name) == local(name))) else {
            let only_identity = is_identity(element)
                || (local(name) == "meta" && above.is_empty() && elements(element).all(is_identity));
            if !only_identity {
                self.leave(&format!("{above}/{name}"), markup(element), LeftOverReason::UnknownName);
            }
            return;
        };
        let path = format!("{above}/{}", node.name);
        if node.kind == NodeKind::Repeat {
            let many = match object.get(&node.name) {
                Some(Value::Array(instances)) => instances.len(),
                _ => 0,
            };
            let path = format!("{path}[{}]", many + 1);
            if many >= MAX_INSTANCES {
                return self.leave(&path, markup(element), LeftOverReason::TooMuch);
            }
            let value = self.value(element, node, &path);
            if let Some(Value::Array(instances)) = object.get_mut(&node.name) {
                instances.push(value);
            }
            return;
        }
        if object.contains_key(&node.name) {
            return self.leave(&format!("{path}[2]"), markup(element), LeftOverReason::WrongShape);
        }
        let value = self.value(element, node, &path);
        object.insert(node.name.clone(), value);
    }

    fn value(&mut self, element: Element<'_, '_>, node: &Node, path: &str) -> Value {
        let mut object = Map::new();
        self.attributes(element, &node.attributes, path, &[], &mut object);
        if node.kind.is_container() {
            self.children(element, &node.children, path, &mut object);
            return Value::Object(object);
        }
        for inside in elements(element) {
            let path = format!("{path}/{}", element_name(inside));
            self.leave(&path, markup(inside), LeftOverReason::UnknownName);
        }
        let text = text(element);
        if text.len() > MAX_VALUE_BYTES {
            self.leave(path, text, LeftOverReason::TooMuch);
            return Value::String(String::new());
        }
        add_attachment(&mut self.attachments, node, &text);
        if node.attributes.is_empty() {
            return Value::String(text);
        }
        object.insert(TEXT.to_owned(), Value::String(text));
        Value::Object(object)
    }

    fn attributes(
        &mut self,
        element: Element<'_, '_>,
        known: &[Node],
        path: &str,
        elsewhere: &[&str],
        object: &mut Map<String, Value>,
    ) {
        for attribute in element.attributes() {
            let name = attribute_name(element, &attribute);
            let exact = known.iter().find(|node| node.name == name);
            match exact.or_else(|| known.iter().find(|node| local(&node.name) == attribute.name())) {
                Some(node) => {
                    object.insert(format!("@{}", node.name), Value::String(attribute.value().to_owned()));
                }
                None if elsewhere.contains(&attribute.name()) => {}
                None => {
                    let path = format!("{path}/@{name}");
                    self.leave(&path, attribute.value().to_owned(), LeftOverReason::UnknownName);
                }
            }
        }
    }
}

/// The text of an element as it is.
fn text(element: Element<'_, '_>) -> String {
    element.children().filter(Element::is_text).filter_map(|node| node.text()).collect()
}

/// The element as XML.
fn markup(element: Element<'_, '_>) -> String {
    element.document().input_text().get(element.range()).unwrap_or_default().to_owned()
}
