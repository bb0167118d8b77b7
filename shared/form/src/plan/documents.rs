//! Secondary instances as lists: XML of one root with rows of columns, and
//! GeoJSON.

use super::lists::List;
use roxmltree::{Document, Node, ParsingOptions};
use serde_json::Value;

/// A document whose rows all have the same shape, as a list. `None` when it is
/// of another shape.
pub(super) fn regular(name: &str, xml: &str) -> Option<List> {
    let options = ParsingOptions { nodes_limit: 20_000_000, allow_dtd: true, ..ParsingOptions::default() };
    let document = Document::parse_with_options(xml, options).ok()?;
    let root = document.root_element();
    let item_name = root.children().find(Node::is_element).map_or("item", |item| item.tag_name().name());
    if !is_plain(root) || !only_elements(root) {
        return None;
    }
    let mut columns: Vec<&str> = Vec::new();
    // What the first row has is mostly what all have.
    for item in root.children().filter(Node::is_element) {
        if item.tag_name().name() != item_name || !is_plain(item) || !only_elements(item) {
            return None;
        }
        for (place, cell) in item.children().filter(Node::is_element).enumerate() {
            let name = cell.tag_name().name();
            if !is_plain(cell) || cell.children().any(|inside| !inside.is_text()) {
                return None;
            }
            if columns.get(place) != Some(&name) && !columns.contains(&name) {
                columns.push(name);
            }
        }
    }
    if columns.len() > crate::MAX_COLUMNS {
        return None;
    }
    let mut list = List::new(name, columns.iter().map(|&column| column.to_owned()).collect());
    root.tag_name().name().clone_into(&mut list.root_name);
    item_name.clone_into(&mut list.item_name);
    let mut cells: Vec<Option<&str>> = Vec::with_capacity(columns.len());
    for item in root.children().filter(Node::is_element) {
        cells.clear();
        cells.resize(columns.len(), None);
        for (place, cell) in item.children().filter(Node::is_element).enumerate() {
            let name = cell.tag_name().name();
            let place = match columns.get(place) {
                Some(&column) if column == name => place,
                _ => columns.iter().position(|&column| column == name)?,
            };
            // The same name twice in a row is no column.
            let slot = cells.get_mut(place).filter(|slot| slot.is_none())?;
            *slot = Some(cell.text().unwrap_or_default());
        }
        list.push_ragged(&cells);
    }
    Some(list)
}

/// Without attributes and prefixes.
fn is_plain(node: Node<'_, '_>) -> bool {
    node.attributes().len() == 0
        && node
            .tag_name()
            .namespace()
            .is_none_or(|namespace| node.lookup_prefix(namespace).is_none_or(str::is_empty))
}

fn only_elements(node: Node<'_, '_>) -> bool {
    node.children().all(|child| {
        child.is_element()
            || child.is_comment()
            || (child.is_text() && child.text().is_none_or(|text| text.trim().is_empty()))
    })
}

/// The features of a GeoJSON file: their properties, and their place as
/// `geometry`.
pub(super) fn from_geojson(name: &str, text: &str) -> Result<List, String> {
    let whole: Value = serde_json::from_str(text).map_err(|error| format!("not a GeoJSON file: {error}"))?;
    let features = match (whole.get("type").and_then(Value::as_str), whole.get("features")) {
        (Some("FeatureCollection"), Some(Value::Array(features))) => features,
        _ => return Err("a GeoJSON file needs a FeatureCollection with features".to_owned()),
    };
    let mut columns = vec!["geometry".to_owned(), "id".to_owned()];
    for feature in features {
        if let Some(Value::Object(properties)) = feature.get("properties") {
            for key in properties.keys() {
                if !columns.contains(key) {
                    columns.push(key.clone());
                }
            }
        }
        if columns.len() > crate::MAX_COLUMNS {
            return Err("there are too many properties".to_owned());
        }
    }
    let mut list = List::new(name, columns);
    for (number, feature) in features.iter().enumerate() {
        let geometry = feature.get("geometry").filter(|geometry| !geometry.is_null());
        let place = match geometry {
            Some(geometry) => places(geometry).ok_or_else(|| {
                format!("feature {}: the geometry is none of Point, LineString and Polygon", number + 1)
            })?,
            None => String::new(),
        };
        let properties = feature.get("properties");
        let cells: Vec<Option<String>> = list
            .columns
            .iter()
            .enumerate()
            .map(|(column, name)| match column {
                0 => Some(place.clone()),
                1 => feature.get("id").or_else(|| properties?.get("id")).map(plain),
                _ => properties?.get(name).map(plain),
            })
            .collect();
        let cells: Vec<Option<&str>> = cells.iter().map(Option::as_deref).collect();
        list.push_ragged(&cells);
    }
    Ok(list)
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A geometry as questions write places: `latitude longitude altitude accuracy`.
fn places(geometry: &Value) -> Option<String> {
    let coordinates = geometry.get("coordinates")?;
    let several = |points: &Value| -> Option<String> {
        let points: Option<Vec<String>> = points.as_array()?.iter().map(place).collect();
        Some(points?.join("; "))
    };
    match geometry.get("type")?.as_str()? {
        "Point" => place(coordinates),
        "LineString" => several(coordinates),
        "Polygon" => several(coordinates.get(0)?),
        _ => None,
    }
}

fn place(point: &Value) -> Option<String> {
    let number = |index: usize| point.get(index).filter(|number| number.is_number());
    Some(format!("{} {} 0 0", number(1)?, number(0)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_columns_are_a_list() {
        let xml =
            "<towns>\n <town><code>t1</code><name>Upper</name></town>\n <town><code>t2</code></town></towns>";
        let list = regular("towns", xml).expect("a list");
        assert_eq!((list.root_name.as_str(), list.item_name.as_str()), ("towns", "town"));
        assert_eq!(list.columns, ["code", "name"]);
        assert_eq!((list.cell(0, 1), list.has_cell(1, 1)), ("Upper", false));
    }

    #[test]
    fn other_shapes_are_none() {
        for xml in [
            "<a><b x='1'><c/></b></a>",
            "<a><b><c/></b><d><c/></d></a>",
            "<a><b><c/><c/></b></a>",
            "<a>text<b><c/></b></a>",
            "<a><b><c><d/></c></b></a>",
            "<a",
        ] {
            assert!(regular("a", xml).is_none(), "{xml}");
        }
    }

    #[test]
    fn features_are_rows() {
        let text = r#"{"type": "FeatureCollection", "features": [
            {"type": "Feature", "id": "f1", "geometry": {"type": "Point", "coordinates": [108.9, 34.2]},
             "properties": {"title": "Well", "depth": 12}},
            {"type": "Feature", "geometry": {"type": "LineString", "coordinates": [[1, 2], [3, 4]]},
             "properties": {"id": "f2"}}]}"#;
        let list = from_geojson("wells", text).expect("a list");
        assert_eq!(list.cell(0, 0), "34.2 108.9 0 0");
        assert_eq!(list.cell(1, 0), "2 1 0 0; 4 3 0 0");
        assert_eq!((list.cell(0, 1), list.cell(1, 1)), ("f1", "f2"));
        assert!(from_geojson("x", "{}").is_err());
    }
}
