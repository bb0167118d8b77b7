//! Binds, and the actions that the model holds.

use super::super::markup::Element;
use super::{Place, Writer, carry};
use crate::form::{Action, ActionEvent, ActionValue, DataType, Default as Initially, Node, NodeKind};

/// What the model says beside the instances.
#[derive(Default)]
struct Said {
    binds: Vec<Element>,
    happenings: Vec<Element>,
}

impl<'f> Writer<'f> {
    /// Binds in the order of the instance, and behind them what happens by itself.
    pub(super) fn binds(&mut self) -> Vec<Element> {
        let mut out = Said::default();
        let root = format!("/{}", self.form.root);
        let form = self.form;
        for attribute in &form.root_attributes {
            self.attribute_bind(attribute, &root, None, &mut out);
        }
        for node in &form.nodes {
            self.node(node, &root, None, &mut out);
        }
        out.binds.append(&mut out.happenings);
        out.binds
    }

    fn node(&mut self, node: &'f Node, above: &str, repeat: Option<&str>, out: &mut Said) {
        let path = format!("{above}/{}", node.name);
        let around = if node.kind == NodeKind::Repeat { Some(path.as_str()) } else { repeat };
        self.bind(node, &path, out);
        self.happenings(node, Place { path: &path, repeat: around }, out);
        for attribute in &node.attributes {
            self.attribute_bind(attribute, &path, around, out);
        }
        for child in &node.children {
            self.node(child, &path, around, out);
        }
    }

    fn attribute_bind(&mut self, node: &'f Node, above: &str, repeat: Option<&str>, out: &mut Said) {
        let path = format!("{above}/@{}", node.name);
        let says = node.calculation.is_some()
            || node.relevant.is_some()
            || node.read_only.is_some()
            || node.required.is_some()
            || node.constraint.is_some()
            || node.data_type.is_some()
            || node.save_to.is_some()
            || matches!(node.default, Some(Initially::Expression(_)))
            || !node.bind_attributes.is_empty();
        if says {
            self.bind(node, &path, out);
        }
        self.happenings(node, Place { path: &path, repeat }, out);
    }

    fn bind(&mut self, node: &Node, path: &str, out: &mut Said) {
        let mut bind = Element::new("bind").with("nodeset", path);
        if !node.kind.is_container() {
            bind.set("type", type_name(node));
        }
        let expand = |expression: &Option<String>| {
            expression.as_ref().map(|expression| self.references.expand(expression, path))
        };
        let calculation = if node.triggers.is_empty() { expand(&node.calculation) } else { None };
        let always_read = matches!(node.kind, NodeKind::Note | NodeKind::InstanceId);
        let expressions = [
            ("required", expand(&node.required)),
            ("relevant", expand(&node.relevant)),
            ("readonly", expand(&node.read_only).or_else(|| always_read.then(|| "true()".to_owned()))),
            ("constraint", expand(&node.constraint)),
            ("calculate", calculation),
        ];
        for (name, expression) in expressions {
            if let Some(expression) = expression {
                bind.set(name, expression);
            }
        }
        let messages =
            [("jr:requiredMsg", &node.required_message), ("jr:constraintMsg", &node.constraint_message)];
        for (name, text) in messages {
            let message = self.texts.message(&format!("{path}:{name}"), text, (&self.references, path));
            if let Some(message) = message {
                bind.set(name, message);
            }
        }
        if let Some((preload, parameters)) = preload(node.kind) {
            bind.set("jr:preload", preload);
            bind.set_some("jr:preloadParams", parameters);
        }
        if let Some(property) = &node.save_to {
            bind.set("entities:saveto", property.as_str());
            self.has_entities = true;
        }
        carry(&mut bind, &node.bind_attributes, |value| self.references.expand(value, path));
        if bind.attributes.len() > 1 {
            out.binds.push(bind);
        }
    }

    /// What happens by itself to a node: its default, its trigger, its kind.
    fn happenings(&mut self, node: &'f Node, place: Place<'_>, out: &mut Said) {
        if let Some(Initially::Expression(expression)) = &node.default {
            let value = ActionValue::Expression(expression.clone());
            out.happenings.push(self.happening(place.path, ActionEvent::FirstLoad, value.clone()));
            if let Some(repeat) = place.repeat {
                let element = self.happening(place.path, ActionEvent::NewRepeat, value);
                self.on_new_repeat.entry(repeat.to_owned()).or_default().push(element);
            }
        }
        match node.kind {
            NodeKind::StartGeopoint => {
                out.happenings.push(self.happening(
                    place.path,
                    ActionEvent::FirstLoad,
                    ActionValue::Geopoint,
                ));
            }
            NodeKind::BackgroundAudio => {
                let quality = node.parameters.get("quality").cloned().unwrap_or_default();
                out.happenings.push(self.happening(
                    place.path,
                    ActionEvent::Load,
                    ActionValue::Audio(quality),
                ));
            }
            _ => {}
        }
        for trigger in &node.triggers {
            let value = match (&node.calculation, node.kind) {
                (_, NodeKind::BackgroundGeopoint) => ActionValue::Geopoint,
                (Some(expression), _) => ActionValue::Expression(expression.clone()),
                (None, _) => ActionValue::Literal(String::new()),
            };
            let element = self.happening(place.path, ActionEvent::ValueChanged, value);
            self.triggered.entry(trigger.as_str()).or_default().push(element);
        }
        // Actions belong into a control; a node without one leaves them to the model.
        if !node.kind.is_shown() && !node.kind.is_container() {
            for action in &node.actions {
                out.happenings.push(self.action(action, place.path));
            }
        }
    }

    fn happening(&self, path: &str, event: ActionEvent, value: ActionValue) -> Element {
        self.action(&Action { events: vec![event], target: path.to_owned(), value, row: 0 }, path)
    }
}

/// What the `type` of a bind says.
fn type_name(node: &Node) -> &'static str {
    if node.kind == NodeKind::Rank && node.data_type.is_none() {
        return "odk:rank";
    }
    match node.data_type.unwrap_or_else(|| node.kind.data_type()) {
        DataType::String => "string",
        DataType::Int => "int",
        DataType::Decimal => "decimal",
        DataType::Boolean => "boolean",
        DataType::Date => "date",
        DataType::Time => "time",
        DataType::DateTime => "dateTime",
        DataType::Geopoint => "geopoint",
        DataType::Geotrace => "geotrace",
        DataType::Geoshape => "geoshape",
        DataType::Binary => "binary",
        DataType::Barcode => "barcode",
        DataType::Intent => "intent",
    }
}

fn preload(kind: NodeKind) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        NodeKind::Start => ("timestamp", "start"),
        NodeKind::End => ("timestamp", "end"),
        NodeKind::Today => ("date", "today"),
        NodeKind::Username => ("property", "username"),
        NodeKind::DeviceId => ("property", "deviceid"),
        NodeKind::PhoneNumber => ("property", "phonenumber"),
        NodeKind::Email => ("property", "email"),
        NodeKind::SimSerial => ("property", "simserial"),
        NodeKind::SubscriberId => ("property", "subscriberid"),
        NodeKind::InstanceId => ("uid", ""),
        _ => return None,
    })
}
