//! What is in what, on one page: groups within groups, instances within
//! repeats.

use std::collections::{HashMap, HashSet};

use doorstep_form::NodePath;

/// The nodes of a page, each under what it is in.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Outline {
    top: Vec<NodePath>,
    inside: HashMap<NodePath, Vec<NodePath>>,
}

impl Outline {
    /// Of the nodes that a page lists, in their order.
    pub fn of(nodes: &[NodePath]) -> Self {
        let mut outline = Self::default();
        let mut seen = HashSet::new();
        for node in nodes {
            let mut around: Option<NodePath> = None;
            for path in line(node) {
                if seen.insert(path.clone()) {
                    match &around {
                        None => outline.top.push(path.clone()),
                        Some(around) => {
                            outline.inside.entry(around.clone()).or_default().push(path.clone());
                        }
                    }
                }
                around = Some(path);
            }
        }
        outline
    }

    /// What the page begins with.
    pub fn top(&self) -> &[NodePath] {
        &self.top
    }

    /// What is in a group, a repeat or an instance of one.
    pub fn inside(&self, container: &NodePath) -> &[NodePath] {
        self.inside.get(container).map_or(&[], Vec::as_slice)
    }
}

/// These nodes, and everything they are in.
pub(super) fn with_containers<'a>(nodes: impl Iterator<Item = &'a NodePath>) -> HashSet<NodePath> {
    nodes.flat_map(line).collect()
}

/// What a node is in, from the outside, and the node: `/g`, `/g/member`,
/// `/g/member[2]`, `/g/member[2]/name`.
fn line(node: &NodePath) -> Vec<NodePath> {
    let mut text = String::new();
    let mut line = Vec::new();
    for (name, position) in node.steps() {
        text = format!("{text}/{name}");
        line.extend(text.parse());
        if let Some(position) = position {
            text = format!("{text}[{position}]");
            line.extend(text.parse());
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(texts: &[&str]) -> Vec<NodePath> {
        texts.iter().filter_map(|text| text.parse().ok()).collect()
    }

    #[test]
    fn nodes_are_under_what_they_are_in() -> Result<(), doorstep_form::PathError> {
        let page =
            paths(&["/g/a", "/g/h/b", "/g/m", "/g/m[1]", "/g/m[1]/n", "/g/m[2]", "/g/m[2]/h/n", "/g/c"]);
        let outline = Outline::of(&page);
        assert_eq!(outline.top(), paths(&["/g"]));
        let inside = |path: &str| path.parse().map(|path| outline.inside(&path).to_vec());
        assert_eq!(inside("/g")?, paths(&["/g/a", "/g/h", "/g/m", "/g/c"]));
        assert_eq!(inside("/g/m")?, paths(&["/g/m[1]", "/g/m[2]"]));
        assert_eq!(inside("/g/m[2]")?, paths(&["/g/m[2]/h"]));
        assert_eq!(inside("/g/m[2]/h")?, paths(&["/g/m[2]/h/n"]));
        assert_eq!(inside("/g/a")?, []);
        let all = with_containers(page.iter());
        assert_eq!(all.len(), page.len() + 3, "{all:?}");
        Ok(())
    }
}
