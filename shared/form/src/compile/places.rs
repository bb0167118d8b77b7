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

fn find_repeats(nodes: &[Node], repeats: &mut Vec<String>) {
    for node in nodes {
        if node.kind == NodeKind::Repeat {
            repeats.push(node.name.clone());
        }
        find_repeats(&node.children, repeats);
    }
}

fn resolve(
    nodes: &mut [Node],
    known: &[String],
    repeats: &[String],
    table: &Table,
    problems: &mut Vec<AuthoringProblem>,
) {
    for node in nodes {
        resolve(&mut node.children, known, repeats, table, problems);
        let Some(named) = node.parameters.get("reference-geometry") else { continue };
        let repeat = named.strip_prefix("${").and_then(|name| name.strip_suffix('}'));
        let (found, names) = match repeat {
            Some(repeat) => (repeats.iter().any(|name| name == repeat), repeats),
            None => (known.contains(named), known),
        };
        match (found, repeat) {
            (true, Some(repeat)) => node.choices = Some(geometries(repeat, node.choice_filter.take())),
            (true, None) => {}
            (false, _) => {
                if let Some(row) = table.rows.iter().find(|row| row.number == node.row) {
                    problems.push(
                        table
                            .problem(
                                row,
                                "parameters",
                                format!("reference-geometry names a list or, as ${{name}}, a repeat, but \"{named}\" is neither"),
                            )
                            .suggesting(did_you_mean(
                                repeat.unwrap_or(named),
                                names.iter().map(String::as_str),
                            )),
                    );
                }
            }
        }
    }
}

/// What the instances of a repeat have in their question `geometry`.
fn geometries(repeat: &str, filter: Option<String>) -> ChoiceSource {
    let filter = match filter {
        Some(filter) => filter.replace(&format!("${{{repeat}}}/"), "./"),
        None => "./geometry != ''".to_owned(),
    };
    ChoiceSource::Nodes {
        nodeset: format!("${{{repeat}}}[{filter}]"),
        value: "geometry".to_owned(),
        label: Some("geometry".to_owned()),
    }
}
