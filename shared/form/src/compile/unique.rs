//! Names that are there twice.

use super::table::Table;
use crate::form::{Node, NodeKind};
use crate::problem::AuthoringProblem;
use std::collections::{BTreeMap, HashMap};

/// Neighbours need different names, because they become keys of one object;
/// repeats need names that no other repeat has.
pub(super) fn check(nodes: &[Node], table: &Table, problems: &mut Vec<AuthoringProblem>) {
    neighbours(nodes, table, problems);
    let mut rows = BTreeMap::new();
    repeats(nodes, &mut rows, table, problems);
}

fn tell(
    table: &Table,
    node: &Node,
    warn: bool,
    message: String,
    suggestion: Option<&str>,
    problems: &mut Vec<AuthoringProblem>,
) {
    if let Some(row) = table.rows.iter().find(|row| row.number == node.row) {
        let problem =
            if warn { table.warning(row, "name", message) } else { table.problem(row, "name", message) };
        problems.push(problem.suggesting(suggestion.map(str::to_owned)));
    }
}

fn neighbours(nodes: &[Node], table: &Table, problems: &mut Vec<AuthoringProblem>) {
    let mut rows: HashMap<&str, u32> = HashMap::new();
    let mut folded: HashMap<String, u32> = HashMap::new();
    for node in nodes {
        let name = &node.name;
        let same = rows.insert(name, node.row);
        let alike = folded.insert(name.to_lowercase(), node.row);
        match (same, alike) {
            (Some(first), _) => tell(
                table,
                node,
                false,
                format!("the name \"{name}\" is taken by row {first} in the same group"),
                None,
                problems,
            ),
            (None, Some(first)) => tell(
                table,
                node,
                true,
                format!("the name \"{name}\" differs from that in row {first} only in its capitals"),
                Some("choose a name that people can tell apart"),
                problems,
            ),
            (None, None) => {}
        }
        if name == "meta" && node.row > 0 {
            let is_group = node.kind == NodeKind::Group;
            tell(
                table,
                node,
                is_group,
                "the name \"meta\" is for what the form records about itself".to_owned(),
                Some("choose another name"),
                problems,
            );
        }
        neighbours(&node.children, table, problems);
    }
}

fn repeats<'a>(
    nodes: &'a [Node],
    rows: &mut BTreeMap<&'a str, u32>,
    table: &Table,
    problems: &mut Vec<AuthoringProblem>,
) {
    for node in nodes {
        if node.kind == NodeKind::Repeat
            && let Some(first) = rows.insert(&node.name, node.row)
        {
            tell(
                table,
                node,
                false,
                format!("the repeat in row {first} is called \"{}\" already", node.name),
                Some("repeats need different names, also in different groups"),
                problems,
            );
        }
        repeats(&node.children, rows, table, problems);
    }
}
