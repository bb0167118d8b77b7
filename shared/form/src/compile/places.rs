//! `reference-geometry`: what the map of a place shows beside it.

use super::externals::Externals;
use super::table::Table;
use crate::form::{Choice, ChoiceSource, Node, NodeKind};
use crate::problem::{AuthoringProblem, did_you_mean};
use std::collections::BTreeMap;

/// Finds the lists and repeats that the parameters name.
pub(super) fn check(
    nodes: &mut [Node],
    lists: &BTreeMap<String, Vec<Choice>>,
    externals: &Externals,
    entities: Option<&Table>,
    table: &Table,
    problems: &mut Vec<AuthoringProblem>,
) {
    let mut known: Vec<String> = lists.keys().cloned().collect();
    known.extend(externals.found.iter().map(|external| external.name.clone()));
    if let Some(entities) = entities {
        known.extend(entities.rows.iter().map(|row| entities.cell(row, "list_name").to_owned()));
    }
    let mut repeats = Vec::new();
    find_repeats(nodes, &mut repeats);
    resolve(nodes, &known, &repeats, table, problems);
}

/// A repeat and the paths within it of all that it holds.
struct Repeat {
    name: String,
    inside: Vec<(String, String)>,
}

fn paths(nodes: &[Node], above: &str, inside: &mut Vec<(String, String)>) {
    for node in nodes {
        let path = format!("{above}/{}", node.name);
        paths(&node.children, &path, inside);
        inside.push((node.name.clone(), path));
    }
}

fn find_repeats(nodes: &[Node], repeats: &mut Vec<Repeat>) {
    for node in nodes {
        if node.kind == NodeKind::Repeat {
            let mut inside = Vec::new();
            paths(&node.children, ".", &mut inside);
            repeats.push(Repeat { name: node.name.clone(), inside });
        }
        find_repeats(&node.children, repeats);
    }
}

fn resolve(
    nodes: &mut [Node],
    known: &[String],
    repeats: &[Repeat],
    table: &Table,
    problems: &mut Vec<AuthoringProblem>,
) {
    for node in nodes {
        resolve(&mut node.children, known, repeats, table, problems);
        let Some(named) = node.parameters.get("reference-geometry") else { continue };
        let repeat = named.strip_prefix("${").and_then(|name| name.strip_suffix('}'));
        let wanted = repeats.iter().find(|known| Some(known.name.as_str()) == repeat);
        match (wanted, repeat) {
            (Some(repeat), _) => node.choices = Some(geometries(repeat, node.choice_filter.take())),
            (None, None) if known.contains(named) => {}
            _ => {
                if let Some(row) = table.rows.iter().find(|row| row.number == node.row) {
                    problems.push(
                        table
                            .problem(
                                row,
                                "parameters",
                                format!("reference-geometry names a list or, as ${{name}}, a repeat, but \"{named}\" is neither"),
                            )
                            .suggesting(match repeat {
                                Some(repeat) => {
                                    did_you_mean(repeat, repeats.iter().map(|known| known.name.as_str()))
                                }
                                None => did_you_mean(named, known.iter().map(String::as_str)),
                            }),
                    );
                }
            }
        }
    }
}

/// What the instances of a repeat have in their question `geometry`.
fn geometries(repeat: &Repeat, filter: Option<String>) -> ChoiceSource {
    let filter = match filter {
        Some(filter) => repeat
            .inside
            .iter()
            .fold(filter, |filter, (name, path)| filter.replace(&format!("${{{name}}}"), path)),
        None => "./geometry != ''".to_owned(),
    };
    ChoiceSource::Nodes {
        nodeset: format!("${{{}}}[{filter}]", repeat.name),
        value: "geometry".to_owned(),
        label: Some("geometry".to_owned()),
    }
}
