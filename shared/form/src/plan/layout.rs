//! What is shown in which order: pages and what is on them.

use super::{Plan, Templates};
use crate::form::{BodyItem, Text};
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
        let group =
            entry.node.is_none_or(|node| plan.node(node).is_some_and(|node| node.kind.is_container()));
        match pages.last_mut() {
            Some(page) if !group && !page.group && page.entries.end == place => page.entries.end += 1,
            _ => pages.push(PlanPage { group, entries: place..place + 1 }),
        }
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
    match entry.node {
        Some(node) => set_page(plan, node, page),
        None => entry.items.iter().for_each(|inner| mark(plan, inner, page)),
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
