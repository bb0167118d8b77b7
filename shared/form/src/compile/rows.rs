//! One row of the survey sheet → one node.

use super::defaults::default;
use super::names::{EXPECTED, is_name};
use super::parameters;
use super::survey::Reader;
use super::type_names::PlainType;
use crate::form::{
    Choice, ChoiceSource, DataType, Default, Media, MediaKind, NamedText, Node, NodeKind, Piece, Text, Words,
};
use crate::problem::did_you_mean;
use crate::workbook::Row;
use std::collections::BTreeMap;

/// What workbooks of the Community Health Toolkit write where nothing is shown.
const NO_LABEL: &str = "NO_LABEL";

type Lists = BTreeMap<String, Vec<Choice>>;

/// Reads the cells that all kinds of rows share.
pub(super) fn node(
    reader: &mut Reader<'_>,
    row: &Row,
    kind: NodeKind,
    choices: Option<ChoiceSource>,
    lists: &Lists,
) -> Node {
    let name = name(reader, row, kind);
    let table = reader.table;
    let some = |base: &str| table.filled(row, base);
    let mut node = Node::new(&name, kind, row.number);
    node.label = table.text(row, "label");
    node.hint = table.text(row, "hint");
    node.guidance_hint = table.text(row, "guidance_hint");
    node.required = some("required").and_then(|cell| yes_no(&cell));
    node.required_message = table.text(row, "required_message");
    node.relevant = some("relevant").map(|cell| truth(&cell));
    node.constraint = some("constraint").map(|cell| truth(&cell));
    node.constraint_message = table.text(row, "constraint_message");
    node.calculation = some("calculation");
    node.read_only = some("read_only").and_then(|cell| yes_no(&cell));
    node.repeat_count = some("repeat_count");
    node.choice_filter = some("choice_filter");
    node.appearance = table.cell(row, "appearance").to_owned();
    node.choices = choices;
    node.default = some("default").map(|cell| default(&cell, kind));
    node.media = media(reader, row, &node.name);
    node.body_attributes = table.grouped(row, "body");
    node.bind_attributes = table.grouped(row, "bind");
    // Where the text has languages or references, the attribute names it.
    let message = reader.table.text(row, "bind::jr:noAppErrorString");
    if message.0.len() > 1 || message.0.first().is_some_and(|words| words.plain().is_none()) {
        let id = format!("{}:jr:noAppErrorString", node.name);
        node.bind_attributes.insert("jr:noAppErrorString".to_owned(), format!("jr:itext('{id}')"));
        reader.texts.insert(id, NamedText { text: message, media: Media::new() });
    }
    if let Some(written) = node.bind_attributes.remove("type") {
        match data_type(&written) {
            Some(data_type) => node.data_type = Some(data_type),
            None => {
                node.bind_attributes.insert("type".to_owned(), written);
            }
        }
    }
    for (name, value) in table.grouped(row, "instance") {
        let mut attribute = Node::new(&name, NodeKind::Attribute, row.number);
        attribute.default = Some(Default::Value(value));
        node.attributes.push(attribute);
    }
    if kind == NodeKind::Image
        && let Some(Default::Value(file)) = &mut node.default
        && !file.contains("jr://images/")
    {
        file.insert_str(0, "jr://images/");
    }
    if !kind.is_container() {
        node.triggers = triggers(reader, row);
    }
    parameters::apply(reader, row, &mut node, lists);
    let named_as_blank = node.label.0.iter().any(|words| words.plain() == Some(NO_LABEL));
    if named_as_blank {
        node.label = Text::default();
    }
    hide_what_has_no_label(&mut node);
    check_use(reader, row, kind, &node, named_as_blank);
    check_choices(reader, row, &node, lists);
    node
}

/// The log of the filling always has the same name.
pub(super) fn audit(reader: &mut Reader<'_>, row: &Row, lists: &Lists) -> Node {
    let name = reader.table.cell(row, "name");
    if !matches!(name, "" | "audit") {
        reader.error(row, "name", "the name of an audit is always \"audit\"; leave it empty");
    }
    let mut node = Node::new("audit", NodeKind::Audit, row.number);
    node.bind_attributes = reader.table.grouped(row, "bind");
    parameters::apply(reader, row, &mut node, lists);
    node
}

/// What a type says beyond its kind, unless the row says something itself.
pub(super) fn add_type(node: &mut Node, plain: &PlainType) {
    if let (Some(constraint), None) = (plain.constraint, &node.constraint) {
        node.constraint = Some(constraint.to_owned());
    }
    if let Some(hint) = plain.hint.filter(|_| node.hint.is_empty()) {
        node.hint = Text(vec![Words(vec![Piece::Text(hint.to_owned())])]);
    }
    if let Some((attribute, value)) = plain.bind {
        node.bind_attributes.entry(attribute.to_owned()).or_insert_with(|| value.to_owned());
    }
}

fn name(reader: &mut Reader<'_>, row: &Row, kind: NodeKind) -> String {
    let name = reader.table.cell(row, "name").to_owned();
    if name.is_empty() && kind == NodeKind::Note {
        return format!("generated_note_name_{}", row.number);
    }
    if name.is_empty() {
        reader.error(row, "name", "this row has no name");
        return format!("row_{}", row.number);
    }
    // The placeholders of a loop are filled in later.
    if !is_name(&name.replace("%(name)s", "x")) {
        reader.error(row, "name", format!("\"{name}\" cannot be a name: {EXPECTED}"));
        return format!("row_{}", row.number);
    }
    name
}

/// `yes` and `no` in the spellings of the specification; anything else is an
/// expression.
fn truth(cell: &str) -> String {
    match cell.to_lowercase().as_str() {
        "yes" | "true" | "true()" => "true()".to_owned(),
        "no" | "false" | "false()" => "false()".to_owned(),
        _ => cell.to_owned(),
    }
}

/// The same; `None` when it never holds.
fn yes_no(cell: &str) -> Option<String> {
    Some(truth(cell)).filter(|expression| expression != "false()")
}

fn data_type(written: &str) -> Option<DataType> {
    Some(match written {
        "string" => DataType::String,
        "int" | "integer" => DataType::Int,
        "decimal" => DataType::Decimal,
        "boolean" => DataType::Boolean,
        "date" => DataType::Date,
        "time" => DataType::Time,
        "dateTime" => DataType::DateTime,
        "geopoint" => DataType::Geopoint,
        "geotrace" => DataType::Geotrace,
        "geoshape" => DataType::Geoshape,
        "binary" => DataType::Binary,
        "barcode" => DataType::Barcode,
        "intent" => DataType::Intent,
        _ => return None,
    })
}

fn media(reader: &mut Reader<'_>, row: &Row, name: &str) -> Media {
    let media = super::choices::media(reader.table, row);
    if media.contains_key(&MediaKind::BigImage) && !media.contains_key(&MediaKind::Image) {
        reader.error(
            row,
            "big-image",
            format!("\"{name}\" has a big-image, but no image; the large picture is shown for the small one"),
        );
    }
    media
}

/// `${a}, ${b}`
fn triggers(reader: &mut Reader<'_>, row: &Row) -> Vec<String> {
    let cell = reader.table.cell(row, "trigger");
    if cell.is_empty() {
        return Vec::new();
    }
    let mut names = Vec::new();
    for part in cell.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        match part.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
            Some(name) if is_name(name) => names.push(name.to_owned()),
            _ => {
                let problem = reader
                    .table
                    .problem(row, "trigger", format!("\"{part}\" is not a reference to a question"))
                    .suggesting(Some("write ${name}, and a comma between several".to_owned()));
                reader.problems.push(problem);
            }
        }
    }
    names
}

/// A value that is computed and has nothing to show is not shown.
fn hide_what_has_no_label(node: &mut Node) {
    let computed = node.calculation.is_some() || !node.triggers.is_empty();
    if computed && node.label.is_empty() && node.hint.is_empty() && node.kind.is_shown() {
        if node.data_type.is_none() && node.kind != NodeKind::Range {
            node.data_type = Some(node.kind.data_type()).filter(|kind| *kind != DataType::String);
        }
        if node.kind == NodeKind::Note {
            node.read_only = Some("true()".to_owned());
        }
        node.kind = NodeKind::Calculate;
    }
}

/// Cells that have no meaning for this kind of row.
fn check_use(reader: &mut Reader<'_>, row: &Row, written: NodeKind, node: &Node, blank: bool) {
    let titled = !(node.label.is_empty() && node.hint.is_empty() && node.media.is_empty());
    if node.kind.is_shown() && !titled && !blank {
        reader.error(row, "label", format!("\"{}\" has neither label nor hint", node.name));
    }
    let calculated = node.calculation.is_some() || matches!(node.default, Some(Default::Expression(_)));
    if written == NodeKind::Calculate && !calculated {
        reader.error(
            row,
            "calculation",
            format!("\"{}\" is a calculate, but its calculation is empty", node.name),
        );
    }
    if node.kind.is_container() && node.calculation.is_some() {
        reader.warning(row, "calculation", "a group or repeat has no value to calculate", "leave it empty");
    }
    if node.repeat_count.is_some() && node.kind != NodeKind::Repeat {
        reader.warning(row, "repeat_count", "only a begin_repeat row has a repeat_count", "leave it empty");
    }
    if node.choice_filter.is_some() && node.choices.is_none() {
        reader.warning(row, "choice_filter", "only a select has choices to filter", "leave it empty");
    }
    if matches!(node.kind, NodeKind::SimSerial | NodeKind::SubscriberId) {
        reader.warning(row, "type", "devices of today do not tell this number", "remove the row");
    }
    if node.kind == NodeKind::BackgroundGeopoint {
        if node.triggers.is_empty() {
            reader.error(row, "trigger", "a background-geopoint needs a question that triggers it");
        }
        if node.calculation.is_some() {
            reader.error(row, "calculation", "a background-geopoint is measured, not calculated");
        }
    }
}

fn check_choices(reader: &mut Reader<'_>, row: &Row, node: &Node, lists: &Lists) {
    let Some(ChoiceSource::List(list)) = &node.choices else {
        return;
    };
    let Some(choices) = lists.get(list).filter(|_| node.kind.is_select()) else {
        return;
    };
    if node.kind == NodeKind::SelectMultiple
        && let Some(choice) = choices.iter().find(|choice| choice.name.contains(char::is_whitespace))
    {
        reader.error(
            row,
            "type",
            format!(
                "the choice \"{}\" of the list \"{list}\" contains a space, which separates answers here",
                choice.name
            ),
        );
    }
    if let Some(Default::Value(value)) = &node.default {
        let names: Vec<&str> = choices.iter().map(|choice| choice.name.as_str()).collect();
        let parts: Vec<&str> = if node.kind == NodeKind::SelectOne {
            vec![value.as_str()]
        } else {
            value.split_whitespace().collect()
        };
        for part in parts.into_iter().filter(|part| !names.contains(part)) {
            let message = format!("the default \"{part}\" is not a choice of the list \"{list}\"");
            let suggestion = did_you_mean(part, names.iter().copied())
                .unwrap_or_else(|| "write the name of a choice".to_owned());
            reader.warning(row, "default", &message, &suggestion);
        }
    }
}
