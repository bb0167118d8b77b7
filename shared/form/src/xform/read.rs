//! XForm XML → [`Form`].

mod actions;
mod binds;
mod body;
mod controls;
mod instance;
mod itext;
mod kinds;
mod lists;
mod model;
mod paths;

use super::names::{self, XFORMS};
use crate::expr;
use crate::form::{Form, MAX_NESTING};
use crate::order;
use crate::problem::{AuthoringProblem, Severity};
pub(super) use controls::media_type;
use roxmltree::{Document, Node, NodeType, ParsingOptions};

/// Most bytes of an XForm.
pub const MAX_XFORM_BYTES: usize = 64 << 20;

/// Most elements, attributes and texts of an XForm.
pub const MAX_XFORM_NODES: u32 = 4_000_000;

/// How deep elements may lie inside each other, whatever they are.
const MAX_DEPTH: usize = 200;

/// After so many problems, the rest would not help.
const MAX_PROBLEMS: usize = 200;

/// Sheet under which problems of an XForm are reported.
pub(super) const SHEET: &str = "XForm";

/// Reads a form out of an XForm. Warnings come with the form; if there is any
/// error, errors and warnings come together instead. Row and column of a
/// problem are line and element of the document.
pub fn read(xml: &str) -> Result<(Form, Vec<AuthoringProblem>), Vec<AuthoringProblem>> {
    let xml = xml.strip_prefix('\u{feff}').unwrap_or(xml);
    let document = parse(xml)?;
    let mut problems = Problems::default();
    let form = model::form(&document, &mut problems);
    let mut problems = problems.list;
    order::sort_by_key(&mut problems, |problem| problem.row);
    match form {
        Some(form) if problems.iter().all(|problem| problem.severity == Severity::Warning) => {
            Ok((form, problems))
        }
        _ => Err(problems),
    }
}

/// Parses XML within the bounds of this crate.
pub(super) fn parse(xml: &str) -> Result<Document<'_>, Vec<AuthoringProblem>> {
    if xml.len() > MAX_XFORM_BYTES {
        let message = format!("the document has {} bytes; at most {MAX_XFORM_BYTES} are read", xml.len());
        return Err(vec![AuthoringProblem::error(SHEET, message)]);
    }
    let options = ParsingOptions { nodes_limit: MAX_XFORM_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(xml, options).map_err(|error| {
        let position = error.pos();
        vec![AuthoringProblem::error(SHEET, format!("this is not XML: {error}")).at_row(position.row)]
    })?;
    match too_deep(&document) {
        Some(node) => {
            let message = format!("elements lie more than {MAX_DEPTH} deep; flatten the form");
            Err(vec![at(AuthoringProblem::error(SHEET, message), node)])
        }
        None => Ok(document),
    }
}

/// The first element beyond the allowed depth.
fn too_deep<'a, 'input>(document: &'a Document<'input>) -> Option<Node<'a, 'input>> {
    let mut depth = 0_usize;
    let mut at = document.root().first_child();
    while let Some(node) = at {
        if let Some(child) = node.first_child() {
            depth += 1;
            if depth > MAX_DEPTH {
                return Some(node);
            }
            at = Some(child);
            continue;
        }
        let mut here = node;
        at = loop {
            if let Some(next) = here.next_sibling() {
                break Some(next);
            }
            match here.parent() {
                Some(parent) if parent.node_type() != NodeType::Root => {
                    depth = depth.saturating_sub(1);
                    here = parent;
                }
                _ => break None,
            }
        };
    }
    None
}

/// Line, column and element of a problem.
fn at(problem: AuthoringProblem, node: Node<'_, '_>) -> AuthoringProblem {
    let position = node.document().text_pos_at(node.range().start);
    let element = format!("<{}> in column {}", names::element_name(node), position.col);
    AuthoringProblem { column: Some(element), ..problem.at_row(position.row) }
}

/// What was found wrong so far.
#[derive(Default)]
struct Problems {
    list: Vec<AuthoringProblem>,
}

impl Problems {
    fn error(&mut self, node: Node<'_, '_>, message: impl Into<String>) {
        self.note(AuthoringProblem::error(SHEET, message), node);
    }

    fn warning(&mut self, node: Node<'_, '_>, message: impl Into<String>) {
        self.note(AuthoringProblem::warning(SHEET, message), node);
    }

    /// An expression in this attribute must be one.
    fn expression(&mut self, node: Node<'_, '_>, attribute: &str, expression: &str) {
        if let Err(error) = expr::parse(expression) {
            let problem = AuthoringProblem::error(SHEET, format!("{attribute}: {error}"));
            self.note(problem.finding(expression).suggesting(error.suggestion), node);
        }
    }

    fn note(&mut self, problem: AuthoringProblem, node: Node<'_, '_>) {
        // An error always finds room, or a form could pass for its warnings.
        let warned = problem.severity == Severity::Warning;
        if self.list.len() < MAX_PROBLEMS || (!warned && self.list.len() < 2 * MAX_PROBLEMS) {
            self.list.push(at(problem, node));
        }
    }
}

/// Says where else an element was found when it is not in its namespace.
fn misplaced(head: Node<'_, '_>, name: &str) -> String {
    match head.descendants().find(|node| node.is_element() && node.tag_name().name() == name) {
        Some(node) => format!(
            "<{name}> must be in the namespace {XFORMS}, but is in {}",
            node.tag_name().namespace().unwrap_or("none")
        ),
        None => format!("<{name}> is missing"),
    }
}

/// Whether a node may lie inside so many others.
fn nests(depth: usize) -> bool {
    depth <= MAX_NESTING
}
