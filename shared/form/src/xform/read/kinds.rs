//! What a node is: decided by its control, its type and where it gets its value.

use super::Problems;
use super::instance::{Part, Tree};
use super::paths::Target;
use crate::form::{DataType, Default as Initially, NodeKind};
use crate::xform::names::local;

/// Gives every node its kind.
pub(super) fn decide(tree: &mut Tree<'_, '_>, problems: &mut Problems) {
    let audit = tree.resolve(Target::Root, "meta/audit").and_then(Target::part);
    let root = tree.root;
    for (place, part) in tree.parts.iter_mut().enumerate() {
        let written = part.bind_type.as_deref().map(data_type);
        if let Some(None) = written {
            let unknown = part.bind_type.as_deref().unwrap_or_default();
            problems.warning(
                root,
                format!(
                    "the type \"{unknown}\" of \"{}\" is not known; its values are taken as text",
                    part.node.name
                ),
            );
        }
        if part.node.kind == NodeKind::Attribute {
            keep_preload(part);
            part.node.data_type = written.flatten().filter(|&data| data != DataType::String);
            continue;
        }
        if !part.children.is_empty()
            || part.node.kind.is_container()
            || part.node.kind == NodeKind::InstanceId
        {
            continue;
        }
        let data = written.flatten().unwrap_or(DataType::String);
        let kind = match part.control {
            Some(NodeKind::Text) => input(part, data),
            Some(control) => control,
            None if Some(place) == audit && data == DataType::Binary => NodeKind::Audit,
            None => hidden(part),
        };
        part.node.kind = kind;
        if matches!(kind, NodeKind::SelectMultiple | NodeKind::Rank)
            && let Some(Initially::Value(chosen)) = &mut part.node.default
        {
            *chosen = chosen.split_whitespace().collect::<Vec<_>>().join(" ");
        }
        keep_preload(part);
        part.node.data_type = (data != kind.data_type() && part.bind_type.is_some()).then_some(data);
    }
}

/// A preload that the kind does not say begins a value like any computed
/// default; one that has no such meaning is kept as it was written.
fn keep_preload(part: &mut Part) {
    let Some((preload, parameters)) = &part.preload else { return };
    if preloaded(preload, parameters) == Some(part.node.kind) {
        return;
    }
    if part.node.default.is_none()
        && part.node.calculation.is_none()
        && let Some(expression) = begins_as(preload, parameters)
    {
        part.node.default = Some(Initially::Expression(expression));
        return;
    }
    part.node.bind_attributes.insert("jr:preload".to_owned(), preload.clone());
    if !parameters.is_empty() {
        part.node.bind_attributes.insert("jr:preloadParams".to_owned(), parameters.clone());
    }
}

/// The expression that a preload stands for.
fn begins_as(preload: &str, parameters: &str) -> Option<String> {
    Some(match (preload, parameters) {
        ("uid", _) => "concat('uuid:', uuid())".to_owned(),
        ("timestamp", "start") => "now()".to_owned(),
        ("date", "today") => "today()".to_owned(),
        ("property", "username" | "deviceid" | "email" | "phonenumber") => {
            format!("property('{parameters}')")
        }
        _ => return None,
    })
}

fn input(part: &Part, data: DataType) -> NodeKind {
    match data {
        DataType::Int => NodeKind::Integer,
        DataType::Decimal => NodeKind::Decimal,
        DataType::Date => NodeKind::Date,
        DataType::Time => NodeKind::Time,
        DataType::DateTime => NodeKind::DateTime,
        DataType::Geopoint => NodeKind::Geopoint,
        DataType::Geotrace => NodeKind::Geotrace,
        DataType::Geoshape => NodeKind::Geoshape,
        DataType::Barcode => NodeKind::Barcode,
        DataType::String | DataType::Boolean | DataType::Binary | DataType::Intent => {
            let node = &part.node;
            let only_read = node.read_only.as_deref() == Some("true()")
                && node.calculation.is_none()
                && node.default.is_none()
                && part.preload.is_none()
                && !part.is_target;
            if only_read && data == DataType::String { NodeKind::Note } else { NodeKind::Text }
        }
    }
}

fn hidden(part: &Part) -> NodeKind {
    if let Some((preload, parameters)) = &part.preload
        && let Some(kind) = preloaded(preload, parameters)
    {
        return kind;
    }
    if part.node.calculation.is_some() { NodeKind::Calculate } else { NodeKind::Hidden }
}

/// The kind that a preload stands for.
fn preloaded(preload: &str, parameters: &str) -> Option<NodeKind> {
    Some(match (preload, parameters) {
        ("uid", _) => NodeKind::InstanceId,
        ("timestamp", "start") => NodeKind::Start,
        ("timestamp", "end") => NodeKind::End,
        ("date", "today") => NodeKind::Today,
        ("property", "username") => NodeKind::Username,
        ("property", "deviceid") => NodeKind::DeviceId,
        ("property", "email") => NodeKind::Email,
        ("property", "phonenumber") => NodeKind::PhoneNumber,
        ("property", "simserial") => NodeKind::SimSerial,
        ("property", "subscriberid") => NodeKind::SubscriberId,
        _ => return None,
    })
}

/// The data type of a bind's `type`, with or without a prefix.
pub(super) fn data_type(written: &str) -> Option<DataType> {
    Some(match local(written) {
        "string" | "select1" | "select" | "rank" | "note" | "text" => DataType::String,
        "int" | "integer" | "long" | "short" | "byte" => DataType::Int,
        "decimal" | "double" | "float" => DataType::Decimal,
        "boolean" => DataType::Boolean,
        "date" => DataType::Date,
        "time" => DataType::Time,
        "dateTime" | "datetime" => DataType::DateTime,
        "geopoint" => DataType::Geopoint,
        "geotrace" => DataType::Geotrace,
        "geoshape" => DataType::Geoshape,
        "binary" => DataType::Binary,
        "barcode" => DataType::Barcode,
        "intent" => DataType::Intent,
        _ => return None,
    })
}
