//! The setting `flat`: groups are shown and are not in the instance (pyxform,
//! for ODK Tables).

use super::table::Table;
use crate::form::{BodyItem, Node, NodeKind};
use crate::problem::AuthoringProblem;

/// Takes the groups out of the instance: what is in them moves to where they
/// are and applies, or is read-only, as they did. Repeats and `meta` stay.
/// Returns the body, which shows the groups all the same.
pub(super) fn take_out_groups(
    nodes: &mut Vec<Node>,
    root: &str,
    table: &Table,
    problems: &mut Vec<AuthoringProblem>,
) -> Vec<BodyItem> {
    let mut flattener = Flattener { table, problems };
    let mut flat = Vec::new();
    let body = flattener.take_out(std::mem::take(nodes), &format!("/{root}"), &Rules::default(), &mut flat);
    *nodes = flat;
    body
}

/// What the groups around a node say about it.
#[derive(Default)]
struct Rules {
    relevant: Option<String>,
    read_only: Option<String>,
}

struct Flattener<'a> {
    table: &'a Table,
    problems: &'a mut Vec<AuthoringProblem>,
}

impl Flattener<'_> {
    /// Adds the nodes, without the groups among them, to those at `above`.
    fn take_out(
        &mut self,
        nodes: Vec<Node>,
        above: &str,
        rules: &Rules,
        flat: &mut Vec<Node>,
    ) -> Vec<BodyItem> {
        let mut items = Vec::new();
        for mut node in nodes {
            node.relevant = joined(&rules.relevant, "and", node.relevant);
            node.read_only = joined(&rules.read_only, "or", node.read_only);
            let path = format!("{above}/{}", node.name);
            let inside = std::mem::take(&mut node.children);
            match node.kind {
                NodeKind::Group if node.name != "meta" => {
                    self.warn(&node);
                    let rules = Rules { relevant: node.relevant, read_only: node.read_only };
                    let items_inside = self.take_out(inside, above, &rules, flat);
                    items.push(BodyItem::Group {
                        label: node.label,
                        appearance: node.appearance,
                        items: items_inside,
                    });
                    continue;
                }
                NodeKind::Repeat => {
                    let items_inside = self.take_out(inside, &path, &Rules::default(), &mut node.children);
                    items.push(BodyItem::Container(path, items_inside));
                }
                kind => {
                    node.children = inside;
                    if kind.is_shown() {
                        items.push(BodyItem::Node(path));
                    }
                }
            }
            flat.push(node);
        }
        items
    }

    /// Only words and looks of a group are part of the body.
    fn warn(&mut self, group: &Node) {
        let lost =
            !group.media.is_empty() || !group.body_attributes.is_empty() || !group.attributes.is_empty();
        if let Some(row) = self.table.rows.iter().find(|row| lost && row.number == group.row) {
            let message = "media and attributes of this group are left out, since the form is flat";
            let problem = self.table.warning(row, "name", message);
            self.problems.push(problem.suggesting(Some("remove them, or the setting flat".to_owned())));
        }
    }
}

fn joined(group: &Option<String>, operator: &str, own: Option<String>) -> Option<String> {
    match (group, own) {
        (Some(group), Some(own)) => Some(format!("({group}) {operator} ({own})")),
        (group, own) => own.or_else(|| group.clone()),
    }
}
