//! The primary instance → a tree of nodes, repeats with the instances that a
//! new form begins with.

use super::paths::Target;
use super::{Problems, nests};
use crate::form::{Default as Initially, MAX_NESTING, Node, NodeKind};
use crate::xform::names::{self, JAVAROSA};
use roxmltree::Node as Element;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashSet};

/// The instance under construction: nodes that know where they are.
pub(super) struct Tree<'a, 'input> {
    pub(super) root: Element<'a, 'input>,
    pub(super) root_name: String,
    pub(super) top: Vec<usize>,
    pub(super) root_attributes: Vec<usize>,
    pub(super) parts: Vec<Part>,
}

/// A node of the instance and what the rest of the form says about it.
pub(super) struct Part {
    pub(super) node: Node,
    pub(super) parent: Option<usize>,
    pub(super) children: Vec<usize>,
    pub(super) attributes: Vec<usize>,
    /// Type of the bind, as written.
    pub(super) bind_type: Option<String>,
    pub(super) preload: Option<(String, String)>,
    /// A bind spoke about it.
    pub(super) bound: bool,
    /// A control of the body shows it.
    pub(super) control: Option<NodeKind>,
    /// A group of the body stands on it, though it holds no nodes.
    pub(super) shows_group: bool,
    /// An action stores something in it.
    pub(super) is_target: bool,
}

impl Part {
    /// Holds a value and no other nodes.
    fn is_leaf(&self) -> bool {
        self.children.is_empty() && self.node.kind != NodeKind::Repeat
    }

    pub(super) fn is_attribute(&self) -> bool {
        self.node.kind == NodeKind::Attribute
    }
}

/// Builds the tree. `repeats` are the paths of all repeats in the body.
pub(super) fn tree<'a, 'input>(
    root: Element<'a, 'input>,
    repeats: &HashSet<Vec<String>>,
    problems: &mut Problems,
) -> Tree<'a, 'input> {
    let mut tree = Tree {
        root,
        root_name: names::element_name(root).to_owned(),
        top: Vec::new(),
        root_attributes: Vec::new(),
        parts: Vec::new(),
    };
    let mut builder = Builder { tree: &mut tree, repeats, problems, path: Vec::new() };
    let (top, root_attributes) =
        (builder.children(None, &[root], Some(root)), builder.attributes(None, &[root]));
    tree.top = top;
    tree.root_attributes = root_attributes;
    tree
}

struct Builder<'t, 'a, 'input> {
    tree: &'t mut Tree<'a, 'input>,
    repeats: &'t HashSet<Vec<String>>,
    problems: &'t mut Problems,
    /// Names from the root to here, without prefixes.
    path: Vec<String>,
}

impl<'a, 'input> Builder<'_, 'a, 'input> {
    /// The nodes in a container that all these elements are; `fresh` is the one
    /// that new instances copy, when their values are copied at all.
    fn children(
        &mut self,
        parent: Option<usize>,
        containers: &[Element<'a, 'input>],
        fresh: Option<Element<'a, 'input>>,
    ) -> Vec<usize> {
        let mut order: Vec<&str> = Vec::new();
        let mut by_name: BTreeMap<&str, Vec<Element<'a, 'input>>> = BTreeMap::new();
        for &container in containers {
            for child in names::elements(container) {
                let name = names::element_name(child);
                by_name
                    .entry(name)
                    .or_insert_with(|| {
                        order.push(name);
                        Vec::new()
                    })
                    .push(child);
            }
        }
        let mut made = Vec::new();
        for name in order {
            let Some(elements) = by_name.remove(name) else { continue };
            let Some(&first) = elements.first() else { continue };
            if !nests(self.path.len()) {
                self.problems.error(
                    first,
                    format!("groups lie more than {MAX_NESTING} deep; move \"{name}\" further up"),
                );
                continue;
            }
            self.path.push(names::local(name).to_owned());
            made.push(self.part(parent, name, &elements, fresh));
            self.path.pop();
        }
        made
    }

    fn part(
        &mut self,
        parent: Option<usize>,
        name: &str,
        elements: &[Element<'a, 'input>],
        fresh: Option<Element<'a, 'input>>,
    ) -> usize {
        let template = elements.iter().copied().find(|&element| is_template(element));
        let several = elements
            .windows(2)
            .any(|pair| matches!(pair, [one, other] if one.parent() == other.parent() && !is_template(*one)));
        let in_body = self.repeats.contains(&self.path);
        let repeats = template.is_some() || several || in_body;
        let place = self.tree.parts.len();
        let mut node = Node::new(name, if repeats { NodeKind::Repeat } else { NodeKind::Hidden }, 0);
        node.namespace = own_namespace(elements.first().copied());
        node.no_add_remove = repeats && !in_body;
        self.tree.parts.push(Part::new(node, parent));
        let (structure, inner) = if repeats {
            let mut structure: Vec<_> = elements.to_vec();
            if let Some(template) = template {
                structure.retain(|element| *element != template);
                structure.insert(0, template);
            }
            (structure, template)
        } else {
            let inner = elements.iter().copied().find(|element| element.parent() == fresh && fresh.is_some());
            (elements.to_vec(), inner)
        };
        let attributes = self.attributes(Some(place), &structure);
        let children = self.children(Some(place), &structure, inner);
        let leaf = children.is_empty();
        let value = inner.filter(|_| leaf).map(leaf_value).unwrap_or_default();
        let given: Vec<_> = elements
            .iter()
            .copied()
            .filter(|&element| element.parent() == fresh && fresh.is_some() && !is_template(element))
            .collect();
        let Some(part) = self.tree.parts.get_mut(place) else { return place };
        part.children = children;
        part.attributes = attributes;
        if !leaf && !repeats {
            part.node.kind = NodeKind::Group;
        }
        part.node.default = (!value.is_empty()).then_some(Initially::Value(value));
        if repeats && fresh.is_some() {
            let initial: Vec<Value> = given.iter().map(|&one| self.instance(place, one)).collect();
            let blank = matches!(initial.as_slice(), [one] if *one == self.blank(place));
            if let Some(part) = self.tree.parts.get_mut(place).filter(|_| !blank) {
                part.node.initial = Some(initial);
            }
        }
        place
    }

    fn attributes(&mut self, parent: Option<usize>, elements: &[Element<'a, 'input>]) -> Vec<usize> {
        let mut made: Vec<usize> = Vec::new();
        for &element in elements {
            for attribute in element.attributes() {
                let name = names::attribute_name(element, &attribute);
                let known = made
                    .iter()
                    .any(|&part| self.tree.parts.get(part).is_some_and(|part| part.node.name == name));
                let template = attribute.namespace() == Some(JAVAROSA) && attribute.name() == "template";
                if known || template {
                    continue;
                }
                let mut node = Node::new(name, NodeKind::Attribute, 0);
                let value = attribute.value();
                node.default = (!value.is_empty()).then(|| Initially::Value(value.to_owned()));
                made.push(self.tree.parts.len());
                self.tree.parts.push(Part::new(node, parent));
            }
        }
        made
    }

    /// One element as a draft says it.
    fn instance(&self, part: usize, element: Element<'a, 'input>) -> Value {
        let Some(part) = self.tree.parts.get(part) else { return Value::Null };
        let mut object = Map::new();
        for attribute in element.attributes() {
            let name = names::attribute_name(element, &attribute);
            let known =
                |&place: &usize| self.tree.parts.get(place).is_some_and(|part| part.node.name == name);
            if part.attributes.iter().any(known) {
                object.insert(format!("@{name}"), Value::String(attribute.value().to_owned()));
            }
        }
        if part.is_leaf() {
            return leaf(object, leaf_value(element));
        }
        for &child in &part.children {
            let Some(planned) = self.tree.parts.get(child) else { continue };
            let name = planned.node.name.as_str();
            let mut found = names::elements(element)
                .filter(|one| names::element_name(*one) == name && !is_template(*one));
            let value = if planned.node.kind == NodeKind::Repeat {
                Value::Array(found.map(|one| self.instance(child, one)).collect())
            } else {
                found.next().map_or_else(|| self.blank(child), |one| self.instance(child, one))
            };
            object.insert(name.to_owned(), value);
        }
        Value::Object(object)
    }

    /// A new instance of a part as a draft says it.
    fn blank(&self, part: usize) -> Value {
        let Some(part) = self.tree.parts.get(part) else { return Value::Null };
        let attributes = part.attributes.iter().filter_map(|&attribute| self.tree.parts.get(attribute));
        let mut object: Map<String, Value> = attributes
            .map(|part| (format!("@{}", part.node.name), Value::String(literal(&part.node).to_owned())))
            .collect();
        if part.is_leaf() {
            return leaf(object, literal(&part.node).to_owned());
        }
        for &child in &part.children {
            let Some(planned) = self.tree.parts.get(child) else { continue };
            let value = match (planned.node.kind, &planned.node.initial) {
                (NodeKind::Repeat, Some(initial)) => Value::Array(initial.clone()),
                (NodeKind::Repeat, None) => Value::Array(vec![self.blank(child)]),
                _ => self.blank(child),
            };
            object.insert(planned.node.name.clone(), value);
        }
        Value::Object(object)
    }
}

/// A question as a draft says it: its text, beside its attributes if it has any.
fn leaf(mut attributes: Map<String, Value>, text: String) -> Value {
    if attributes.is_empty() {
        return Value::String(text);
    }
    attributes.insert("#text".to_owned(), Value::String(text));
    Value::Object(attributes)
}

impl Part {
    pub(super) fn new(node: Node, parent: Option<usize>) -> Part {
        Part {
            node,
            parent,
            children: Vec::new(),
            attributes: Vec::new(),
            bind_type: None,
            preload: None,
            bound: false,
            control: None,
            shows_group: false,
            is_target: false,
        }
    }
}

impl Tree<'_, '_> {
    pub(super) fn get(&self, target: Target) -> Option<&Part> {
        self.parts.get(target.part()?)
    }

    pub(super) fn get_mut(&mut self, target: Target) -> Option<&mut Part> {
        self.parts.get_mut(target.part()?)
    }
}

fn literal(node: &Node) -> &str {
    match &node.default {
        Some(Initially::Value(value)) => value,
        _ => "",
    }
}

fn is_template(element: Element<'_, '_>) -> bool {
    element.has_attribute((JAVAROSA, "template"))
}

/// The text of a leaf, free of white space around it, as all clients read it.
fn leaf_value(element: Element<'_, '_>) -> String {
    let text: String = element.children().filter(Element::is_text).filter_map(|node| node.text()).collect();
    text.trim().to_owned()
}

/// The namespace of an element without prefix, where it is not that around it.
fn own_namespace(element: Option<Element<'_, '_>>) -> Option<String> {
    let element = element?;
    if names::element_name(element).contains(':') {
        return None;
    }
    let own = element.tag_name().namespace();
    let around = element.parent_element().and_then(|parent| parent.default_namespace());
    (own != around).then(|| own.unwrap_or_default().to_owned())
}
