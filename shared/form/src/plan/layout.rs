//! What is shown in which order: pages and what is on them.

use super::{Plan, Templates};
use crate::form::{BodyItem, NodeKind, Text};
use crate::problem::AuthoringProblem;

/// Something that is shown, with what is inside it.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    /// Absent for a group that only the body of the form has.
    pub(crate) node: Option<u32>,
    /// Of such a group.
    pub(crate) label: Templates,
    pub(super) text: Text,
    pub(crate) items: Vec<Layout>,
}

/// One section.
#[derive(Debug, Clone)]
pub(crate) struct PlanPage {
    /// Whether it is a group or a repeat; the questions between two otherwise.
    pub(crate) group: bool,
    /// Which of the layout's outermost entries are on it.
    pub(crate) entries: std::ops::Range<usize>,
}

pub(super) fn arrange(plan: &mut Plan, problems: &mut Vec<AuthoringProblem>) {
    let layout = match &plan.form.body {
        Some(body) => from_body(plan, body, problems),
        None => from_nodes(plan, 0),
    };
    let mut pages: Vec<PlanPage> = Vec::new();
    for (place, entry) in layout.iter().enumerate() {
        let group = !entry.items.is_empty()
            || entry.node.is_none_or(|node| plan.node(node).is_some_and(|node| node.kind.is_container()));
        match pages.last_mut() {
            Some(page) if !group && !page.group && page.entries.end == place => page.entries.end += 1,
            _ => pages.push(PlanPage { group, entries: place..place + 1 }),
        }
    }
    let mut elsewhere = Vec::new();
    for entry in &layout {
        note_groups(plan, entry, &mut Vec::new(), &mut elsewhere);
    }
    for (group, shown) in elsewhere {
        plan.shown_in.entry(shown).or_default().push(group);
        plan.shows.entry(group).or_default().push(shown);
    }
    for (number, page) in pages.iter().enumerate() {
        for entry in layout.get(page.entries.clone()).unwrap_or_default() {
            mark(plan, entry, number);
        }
    }
    plan.layout = layout;
    plan.pages = pages;
    // What is not shown belongs to the page before it.
    let mut page = 0;
    for node in &mut plan.nodes {
        if node.page == usize::MAX {
            node.page = page;
        }
        page = node.page;
    }
}

fn mark(plan: &mut Plan, entry: &Layout, page: usize) {
    if let Some(node) = entry.node {
        set_page(plan, node, page);
    }
    if entry.node.is_none_or(|node| has_nothing(plan, node)) {
        entry.items.iter().for_each(|inner| mark(plan, inner, page));
    }
}

/// What a group of the body holds that stands on this node lies elsewhere.
fn has_nothing(plan: &Plan, node: u32) -> bool {
    plan.node(node).is_some_and(|node| node.kind != NodeKind::Repeat && node.children.is_empty())
}

/// Finds what is shown in groups without nodes of their own: pairs of both.
fn note_groups(plan: &Plan, entry: &Layout, around: &mut Vec<u32>, found: &mut Vec<(u32, u32)>) {
    if let Some(node) = entry.node {
        found.extend(around.iter().map(|&group| (group, node)));
    }
    let group = entry.node.filter(|&node| has_nothing(plan, node));
    around.extend(group);
    for inner in &entry.items {
        note_groups(plan, inner, around, found);
    }
    if group.is_some() {
        around.pop();
    }
}

fn set_page(plan: &mut Plan, node: u32, page: usize) {
    let end = plan.node(node).map_or(node, |node| node.end);
    for inside in node..end {
        if let Some(node) = plan.node_mut(inside) {
            node.page = page;
        }
    }
}

/// Everything inside a node that people see, in the order of the instance.
fn from_nodes(plan: &Plan, number: u32) -> Vec<Layout> {
    let Some(node) = plan.node(number) else { return Vec::new() };
    let mut found = Vec::new();
    for &child in &node.children {
        let Some(planned) = plan.node(child) else { continue };
        if planned.kind.is_container() {
            let items = from_nodes(plan, child);
            if !items.is_empty() {
                found.push(Layout { node: Some(child), items, ..Layout::default() });
            }
        } else if planned.kind.is_shown() {
            found.push(Layout { node: Some(child), ..Layout::default() });
        }
    }
    found
}

fn from_body(plan: &Plan, body: &[BodyItem], problems: &mut Vec<AuthoringProblem>) -> Vec<Layout> {
    let mut found = Vec::new();
    for item in body {
        match item {
            BodyItem::Node(path) => match node_at(plan, path) {
                Some(node) => found.push(Layout { node: Some(node), ..Layout::default() }),
                None => problems.push(no_node(path)),
            },
            BodyItem::Container(path, items) => match node_at(plan, path) {
                Some(node) => {
                    let items = from_body(plan, items, problems);
                    found.push(Layout { node: Some(node), items, ..Layout::default() });
                }
                None => problems.push(no_node(path)),
            },
            BodyItem::Group { label, items, .. } => {
                let items = from_body(plan, items, problems);
                if !items.is_empty() {
                    found.push(Layout { text: label.clone(), items, ..Layout::default() });
                }
            }
        }
    }
    found
}

fn no_node(path: &str) -> AuthoringProblem {
    AuthoringProblem::error("survey", "the body shows a node that the instance does not have").finding(path)
}

/// The node at a path of names, with or without the name of the root.
fn node_at(plan: &Plan, path: &str) -> Option<u32> {
    let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
    let below = |names: &[&str]| names.iter().try_fold(0_u32, |at, name| plan.child_named(at, name));
    below(&names).filter(|&node| node != 0).or_else(|| match names.split_first() {
        Some((root, rest)) if *root == plan.form.root => below(rest),
        _ => None,
    })
}
