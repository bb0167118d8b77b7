//! [`Form`] → XForm XML, as ODK Collect and its relatives read it.

mod binds;
mod body;
mod choices;
mod instance;
mod references;
mod texts;

use super::markup::{Content, Element};
use super::names::{ENTITIES, EVENTS, JAVAROSA, ODK, OPENROSA, XFORMS, XHTML};
use crate::form::{Action, ActionEvent, ActionValue, Default as Initially, Form, Node, NodeKind};
use references::References;
use std::collections::{BTreeMap, HashMap, HashSet};
use texts::Texts;

/// Writes the form as an XForm.
///
/// `${name}` becomes a path: relative where question and reader share a
/// repeat, absolute elsewhere. Lists become secondary instances, texts in
/// several languages or with media become translations, and every instance gets
/// the identity that OpenRosa asks for.
pub fn write(form: &Form) -> String {
    let completed = with_identity(form);
    Writer::new(&completed).document().document()
}

/// Everything that the parts of the document share.
struct Writer<'f> {
    form: &'f Form,
    references: References<'f>,
    texts: Texts,
    /// What `trigger` columns add to the controls of other questions.
    triggered: HashMap<&'f str, Vec<Element>>,
    /// What runs when an instance of a repeat is added, by its path.
    on_new_repeat: HashMap<String, Vec<Element>>,
    has_entities: bool,
    /// Paths of the nodes whose actions are written.
    acting: HashSet<String>,
}

/// A node with its path and the path of the repeat around it.
#[derive(Clone, Copy)]
struct Place<'p> {
    path: &'p str,
    repeat: Option<&'p str>,
}

impl<'f> Writer<'f> {
    fn new(form: &'f Form) -> Writer<'f> {
        let references = References::of(form);
        Writer {
            form,
            texts: Texts::of(form, &references),
            references,
            triggered: HashMap::new(),
            on_new_repeat: HashMap::new(),
            has_entities: false,
            acting: HashSet::new(),
        }
    }

    fn document(mut self) -> Element {
        let lists = choices::itext_lists(self.form);
        let instance = self.primary_instance();
        let binds = self.binds();
        let secondary = self.secondary_instances(&lists);
        let body = self.body(&lists);
        let actions: Vec<Element> = self
            .form
            .actions
            .iter()
            .map(|action| self.action(action, &format!("/{}", self.form.root)))
            .collect();

        let mut model = Element::new("model");
        self.versions(&mut model);
        if !self.form.submission.is_empty() {
            let mut submission = Element::new("submission");
            for (name, value) in &self.form.submission {
                submission.set(name, value);
            }
            model.push(submission);
        }
        if let Some(itext) = self.texts.itext(&self.form.languages) {
            model.push(itext);
        }
        model.push(Element::new("instance").holding(instance));
        for child in secondary.into_iter().chain(binds).chain(actions) {
            model.push(child);
        }
        let head =
            Element::new("h:head").holding(Element::new("h:title").saying(&self.form.title)).holding(model);
        self.html().holding(head).holding(body)
    }

    fn html(&self) -> Element {
        let mut html = Element::new("h:html");
        html.set("xmlns", XFORMS);
        let usual = [
            ("h", XHTML),
            ("ev", EVENTS),
            ("xsd", "http://www.w3.org/2001/XMLSchema"),
            ("jr", JAVAROSA),
            ("orx", OPENROSA),
            ("odk", ODK),
        ];
        for (prefix, uri) in usual {
            html.set(&format!("xmlns:{prefix}"), uri);
        }
        if self.has_entities {
            html.set("xmlns:entities", ENTITIES);
        }
        for (prefix, uri) in &self.form.namespaces {
            // The document's own elements use these; others are the form's.
            let taken = matches!(prefix.as_str(), "h" | "ev" | "jr" | "odk");
            if !prefix.is_empty() && !taken {
                html.set(&format!("xmlns:{prefix}"), uri);
            }
        }
        html
    }

    fn versions(&self, model: &mut Element) {
        model.set("odk:xforms-version", "1.0.0");
        if self.has_entities {
            let only_whole = |nodes: &[Node]| !nodes.iter().any(|node| below_top_entity(node, true));
            let version = if only_whole(&self.form.nodes) { "2024.1.0" } else { "2025.1.0" };
            model.set("entities:entities-version", version);
        }
        for (name, value) in &self.form.model_attributes {
            model.set(name, value);
        }
    }

    /// An action as an element; its expressions are read at `context`.
    fn action(&self, action: &Action, context: &str) -> Element {
        let name = match action.value {
            ActionValue::Geopoint => "odk:setgeopoint",
            ActionValue::Audio(_) => "odk:recordaudio",
            ActionValue::Literal(_) | ActionValue::Expression(_) => "setvalue",
        };
        let events: Vec<&str> = action.events.iter().map(|event| event_name(*event)).collect();
        let target = self.references.expand(&action.target, &format!("/{}", self.form.root));
        let mut element = Element::new(name).with("ref", target.trim()).with("event", events.join(" "));
        match &action.value {
            ActionValue::Expression(expression) => {
                let reader = target.trim();
                let reader = if self.references.is_node(reader) { reader } else { context };
                element.set("value", self.references.expand(expression, reader));
            }
            ActionValue::Literal(text) => element = element.saying(text),
            ActionValue::Audio(quality) => element.set_some("odk:quality", quality),
            ActionValue::Geopoint => {}
        }
        element
    }
}

fn event_name(event: ActionEvent) -> &'static str {
    match event {
        ActionEvent::FirstLoad => "odk-instance-first-load",
        ActionEvent::Load => "odk-instance-load",
        ActionEvent::NewRepeat => "odk-new-repeat",
        ActionEvent::ValueChanged => "xforms-value-changed",
    }
}

/// Whether an entity lies in a group or repeat, not in the form's own `meta`.
fn below_top_entity(node: &Node, at_top: bool) -> bool {
    let is_meta = super::names::local(&node.name) == "meta";
    let here = !at_top && is_meta && node.children.iter().any(|child| child.name == "entity");
    here || node.children.iter().any(|child| below_top_entity(child, at_top && is_meta))
}

/// Adds what OpenRosa asks of every instance: its identity, and its name for
/// people where the form computes one.
fn with_identity(form: &Form) -> Form {
    let mut form = form.clone();
    let alike = |node: &Node| super::names::local(&node.name) == "meta";
    let exact = form.nodes.iter().position(|node| node.name == "meta");
    let place = exact.or_else(|| form.nodes.iter().position(alike)).unwrap_or_else(|| {
        form.nodes.push(Node::new("meta", NodeKind::Group, 0));
        form.nodes.len() - 1
    });
    let Some(meta) = form.nodes.get_mut(place).filter(|meta| meta.kind == NodeKind::Group) else {
        return form;
    };
    let prefix = meta.name.split_once(':').map_or(String::new(), |(prefix, _)| format!("{prefix}:"));
    let has =
        |meta: &Node, name: &str| meta.children.iter().any(|node| super::names::local(&node.name) == name);
    if !has(meta, "instanceID") && !form.no_instance_id {
        meta.children.push(Node::new(&format!("{prefix}instanceID"), NodeKind::InstanceId, 0));
    }
    if let Some(name) = &form.instance_name
        && !has(meta, "instanceName")
    {
        let mut node = Node::new(&format!("{prefix}instanceName"), NodeKind::Calculate, 0);
        node.calculation = Some(name.clone());
        meta.children.push(node);
    }
    if meta.children.is_empty() && meta.row == 0 {
        form.nodes.remove(place);
    }
    form
}

/// Names of lists.
type ListNames<'f> = HashSet<&'f str>;

/// The value that a node begins with, when it is written out.
fn literal(node: &Node) -> &str {
    match &node.default {
        Some(Initially::Value(value)) => value,
        _ => "",
    }
}

/// Attributes of a node or control that are carried along.
fn carry(element: &mut Element, attributes: &BTreeMap<String, String>, expand: impl Fn(&str) -> String) {
    for (name, value) in attributes {
        if super::markup::is_name(name) {
            element.set(name, expand(value));
        }
    }
}

fn markup(text: &str) -> Content {
    Content::Markup(text.to_owned())
}
