//! The cell `parameters`: `max-pixels=1600 quality=low`, and what it means for
//! each type.

use super::survey::Reader;
use super::{audit, range};
use crate::form::{Choice, ChoiceSource, Node, NodeKind};
use crate::problem::did_you_mean;
use crate::workbook::Row;
use std::collections::BTreeMap;

pub(super) type Parameters = BTreeMap<String, String>;

/// Splits the cell; spaces, commas and semicolons separate. Values are in lower
/// case, but for names of columns and questions.
pub(super) fn parse(cell: &str) -> Result<Parameters, String> {
    let mut parts: Vec<&str> = Vec::new();
    for word in cell.split(|character: char| character.is_whitespace() || matches!(character, ',' | ';')) {
        for (position, part) in word.split('=').enumerate() {
            if position > 0 {
                parts.push("=");
            }
            if !part.is_empty() {
                parts.push(part);
            }
        }
    }
    let mut parameters = Parameters::new();
    let mut rest = parts.as_slice();
    while let [first, ..] = rest {
        let [name, "=", value, behind @ ..] = rest else {
            return Err(format!("\"{first}\" is not a parameter: expected name=value"));
        };
        if *name == "=" || *value == "=" {
            return Err(format!("\"{cell}\" holds a = without a name and a value: expected name=value"));
        }
        let name = name.to_lowercase();
        let value = if matches!(name.as_str(), "label" | "value") || value.contains("${") {
            (*value).to_owned()
        } else {
            value.to_lowercase()
        };
        parameters.insert(name, value);
        rest = behind;
    }
    Ok(parameters)
}

/// Which parameters a type takes; `None` where nothing reads them.
fn accepted(node: &Node) -> Option<&'static [&'static str]> {
    Some(match (node.kind, &node.choices) {
        (NodeKind::SelectOne | NodeKind::SelectMultiple, Some(ChoiceSource::File { .. })) => {
            &["label", "randomize", "seed", "value"]
        }
        (NodeKind::SelectOne | NodeKind::SelectMultiple | NodeKind::Rank, _) => &["randomize", "seed"],
        (NodeKind::Text, _) => &["rows"],
        (NodeKind::Image, _) => &["app", "max-pixels"],
        (NodeKind::Audio | NodeKind::BackgroundAudio, _) => &["quality"],
        (NodeKind::Geopoint, _) => {
            &["allow-mock-accuracy", "capture-accuracy", "reference-geometry", "warning-accuracy"]
        }
        (NodeKind::Geotrace | NodeKind::Geoshape, _) => {
            &["allow-mock-accuracy", "incremental", "reference-geometry"]
        }
        (NodeKind::Range, _) => &["end", "placeholder", "start", "step", "tick_interval", "tick_labelset"],
        (NodeKind::Audit, _) => &[
            "identify-user",
            "location-max-age",
            "location-min-interval",
            "location-priority",
            "track-changes",
            "track-changes-reasons",
        ],
        _ => return None,
    })
}

/// Reads the cell into the node, and what other clients read from attributes.
pub(super) fn apply(
    reader: &mut Reader<'_>,
    row: &Row,
    node: &mut Node,
    lists: &BTreeMap<String, Vec<Choice>>,
) {
    match parse(reader.table.cell(row, "parameters")) {
        Ok(parameters) => node.parameters = parameters,
        Err(message) => return reader.error(row, "parameters", message),
    }
    if let Some(accepted) = accepted(node) {
        for name in node.parameters.keys().filter(|name| !accepted.contains(&name.as_str())) {
            let problem = reader
                .table
                .problem(
                    row,
                    "parameters",
                    format!("this type has no parameter \"{name}\"; it takes {}", accepted.join(", ")),
                )
                .suggesting(did_you_mean(name, accepted.iter().copied()));
            reader.problems.push(problem);
        }
    }
    let outcome = match node.kind {
        NodeKind::Range => range::apply(node, lists),
        NodeKind::Audit => audit::apply(node),
        NodeKind::Geopoint | NodeKind::Geotrace | NodeKind::Geoshape => place(node),
        NodeKind::Image => image(node),
        _ => other(node),
    };
    if let Err(message) = outcome {
        reader.error(row, "parameters", message);
    }
    if node.kind == NodeKind::Image && !node.parameters.contains_key("max-pixels") && reader.asks_for_size {
        reader.asks_for_size = false;
        let warning = reader
            .table
            .warning(row, "parameters", "pictures are sent in full size")
            .suggesting(Some("write max-pixels=1600 to save time and data".to_owned()));
        reader.problems.push(warning);
    }
}

fn number(name: &str, value: &str) -> Result<f64, String> {
    value
        .parse::<f64>()
        .ok()
        .filter(|number| number.is_finite())
        .ok_or_else(|| format!("{name} is a number, but \"{value}\" was found"))
}

fn whole(name: &str, value: &str) -> Result<(), String> {
    value
        .parse::<i64>()
        .map(|_| ())
        .map_err(|_| format!("{name} is a whole number, but \"{value}\" was found"))
}

/// `true` or `false`.
pub(super) fn truth(name: &str, value: &str) -> Result<bool, String> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("{name} is true or false, but \"{value}\" was found")),
    }
}

/// Parameters of places.
fn place(node: &mut Node) -> Result<(), String> {
    for (name, attribute) in
        [("capture-accuracy", "accuracyThreshold"), ("warning-accuracy", "unacceptableAccuracyThreshold")]
    {
        if let Some(value) = node.parameters.get(name) {
            number(name, value)?;
            node.body_attributes.insert(attribute.to_owned(), value.clone());
        }
    }
    if let Some(value) = node.parameters.get("incremental") {
        if !matches!(value.as_str(), "true" | "true()" | "yes") {
            return Err(format!("incremental is true or is left out, but \"{value}\" was found"));
        }
        node.body_attributes.insert("incremental".to_owned(), "true".to_owned());
    }
    if let Some(value) = node.parameters.get("allow-mock-accuracy") {
        truth("allow-mock-accuracy", value)?;
        node.bind_attributes.insert("odk:allow-mock-accuracy".to_owned(), value.clone());
    }
    if let Some(value) = node.parameters.get("reference-geometry") {
        node.choices = Some(ChoiceSource::List(value.clone()));
    }
    Ok(())
}

/// Parameters of pictures.
fn image(node: &mut Node) -> Result<(), String> {
    if let Some(value) = node.parameters.get("max-pixels") {
        whole("max-pixels", value)?;
        node.bind_attributes.insert("orx:max-pixels".to_owned(), value.clone());
    }
    if let Some(value) = node.parameters.get("app")
        && matches!(node.appearance.as_str(), "" | "annotate")
    {
        package(value)?;
        node.body_attributes.insert("intent".to_owned(), value.clone());
    }
    Ok(())
}

/// `org.example.camera`: the name of an Android application.
fn package(name: &str) -> Result<(), String> {
    let segments: Vec<&str> = name.split('.').collect();
    let fine = segments.len() > 1
        && segments.iter().all(|segment| {
            segment.starts_with(|first: char| first.is_ascii_alphabetic())
                && segment.chars().all(|next| next.is_ascii_alphanumeric() || next == '_')
        });
    if fine {
        Ok(())
    } else {
        Err(format!("app is the name of a package such as org.example.camera, but \"{name}\" was found"))
    }
}

/// Parameters of texts, sounds and selects.
fn other(node: &mut Node) -> Result<(), String> {
    if let Some(value) = node.parameters.get("rows")
        && node.kind == NodeKind::Text
    {
        whole("rows", value)?;
        node.body_attributes.insert("rows".to_owned(), value.clone());
    }
    if let Some(value) = node.parameters.get("quality") {
        let qualities: &[&str] = match node.kind {
            NodeKind::Audio => &["voice-only", "low", "normal", "external"],
            NodeKind::BackgroundAudio => &["voice-only", "low", "normal"],
            _ => return Ok(()),
        };
        if !qualities.contains(&value.as_str()) {
            return Err(format!("quality is one of {}, but \"{value}\" was found", qualities.join(", ")));
        }
        if node.kind == NodeKind::Audio {
            node.bind_attributes.insert("odk:quality".to_owned(), value.clone());
        }
    }
    if !node.kind.is_select() {
        return Ok(());
    }
    if let Some(ChoiceSource::File { value, label, .. }) = &mut node.choices {
        for (name, column) in [("value", value), ("label", label)] {
            if let Some(given) = node.parameters.get(name) {
                if !super::names::is_name(given) {
                    return Err(format!("{name} is the name of a column, but \"{given}\" was found"));
                }
                column.clone_from(given);
            }
        }
    }
    if let Some(value) = node.parameters.get("randomize") {
        truth("randomize", value)?;
    }
    match node.parameters.get("seed") {
        Some(_) if !node.parameters.contains_key("randomize") => {
            Err("a seed has a meaning only together with randomize=true".to_owned())
        }
        Some(seed) if !seed.starts_with("${") => number("seed", seed)
            .map(|_| ())
            .map_err(|_| format!("seed is a number or ${{name}}, but \"{seed}\" was found")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn pairs_are_separated_by_spaces_commas_and_semicolons() {
        let read = |cell| parse(cell).map(|pairs| pairs.into_iter().collect::<Vec<_>>());
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(read("  "), Ok(Vec::new()));
        assert_eq!(
            read("Start=1; end = 5,step=2"),
            Ok(vec![pair("end", "5"), pair("start", "1"), pair("step", "2")])
        );
        assert_eq!(read("value=ID randomize=True"), Ok(vec![pair("randomize", "true"), pair("value", "ID")]));
        for wrong in ["start", "start=", "=1", "start==1", "a b=1", "a=1 b"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
