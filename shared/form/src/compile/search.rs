//! The appearance `search(…)` of ODK Collect, which takes the choices from a file.

use super::table::Table;
use crate::form::{ChoiceSource, Node};
use crate::problem::AuthoringProblem;

/// Its lists hold names of columns, so no other select can use them; and a
/// select from a file has its file already.
pub(super) fn check(nodes: &[Node], table: &Table, problems: &mut Vec<AuthoringProblem>) {
    let mut selects = Vec::new();
    find(nodes, &mut selects);
    let searches = |node: &Node| node.appearance.contains("search(");
    for node in selects.iter().filter(|node| searches(node)) {
        let message = match &node.choices {
            Some(ChoiceSource::File { file, .. }) => {
                format!("search() cannot be used with a select from the file \"{file}\"")
            }
            Some(ChoiceSource::List(list)) => {
                let other = selects.iter().find(|other| {
                    !searches(other)
                        && other.choices.as_ref() == node.choices.as_ref()
                        && other.row != node.row
                });
                match other {
                    Some(other) => format!(
                        "with search(), the list \"{list}\" names columns of a file, but \"{}\" in row {} offers it as it is",
                        other.name, other.row
                    ),
                    None => continue,
                }
            }
            _ => continue,
        };
        if let Some(row) = table.rows.iter().find(|row| row.number == node.row) {
            problems.push(
                table
                    .problem(row, "appearance", message)
                    .suggesting(Some("use another list, or remove search()".to_owned())),
            );
        }
    }
}

fn find<'a>(nodes: &'a [Node], selects: &mut Vec<&'a Node>) {
    for node in nodes {
        if node.choices.is_some() && node.kind.is_select() {
            selects.push(node);
        }
        find(&node.children, selects);
    }
}
