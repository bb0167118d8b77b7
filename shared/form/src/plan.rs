//! A form made ready to run: expressions parsed once, names resolved to nodes,
//! dependencies ordered, lists indexed.

mod bind;
mod build;
mod graph;
mod lists;

use crate::expr::Expr;
use crate::form::{Form, NodeKind};
use crate::order;
use crate::problem::{AuthoringProblem, Severity};
pub(crate) use lists::List;
use std::collections::{BTreeMap, HashMap};

/// Attached lists by file name: `villages.csv` → the text of the file.
pub type Attachments = BTreeMap<String, String>;

/// A form made ready to run. Shared by all its instances as `Arc<Plan>`.
#[derive(Debug)]
pub struct Plan {
    form: Form,
    /// Before their contents, in the order of the form; number 0 is the root.
    pub(crate) nodes: Vec<PlanNode>,
    pub(crate) names: HashMap<String, Vec<u32>>,
    pub(crate) lists: Vec<List>,
    pub(crate) list_names: HashMap<String, u16>,
    pub(crate) pages: Vec<PlanPage>,
    pub(crate) instance_name: Option<Formula>,
    /// Everything that must be computed again when the clock moves.
    pub(crate) clock_watchers: Vec<(Property, u32)>,
}

/// An expression with what the session must know about it.
#[derive(Debug)]
pub(crate) struct Formula {
    pub(crate) expression: Expr,
}

/// Something about a node that is computed and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Property {
    /// The calculation, or the number of instances of a repeat.
    Value,
    Relevance,
    ReadOnly,
    Required,
    /// What is wrong with the answer.
    Validity,
    /// Labels and choices: computed when looked at, but a change is announced.
    Look,
}

/// Who must be computed again when a node changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Dependent {
    pub(crate) property: Property,
    pub(crate) node: u32,
    /// Only within the same instance of this repeat; everywhere when absent.
    pub(crate) scope: Option<u32>,
}

/// The value a question begins with.
#[derive(Debug)]
pub(crate) enum PlanDefault {
    Value(String),
    Formula(Formula),
}

/// A text with references in it.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    Text(String),
    Formula(std::sync::Arc<Expr>),
}

/// One text by language; empty where it is missing everywhere.
pub(crate) type Templates = Vec<Vec<Part>>;

/// Where the choices of a select come from.
#[derive(Debug)]
pub(crate) enum PlanChoices {
    /// Rows of a list.
    List {
        list: u16,
        value_column: u16,
        label_column: u16,
        /// `instance('list')/root/item[filter]`
        filtered: Option<Formula>,
    },
    /// The answers to a question in a repeat: value and label at once.
    Answers(Formula),
}

#[derive(Debug)]
pub(crate) struct PlanNode {
    pub(crate) name: String,
    pub(crate) kind: NodeKind,
    pub(crate) row: u32,
    /// `None` for the root.
    pub(crate) parent: Option<u32>,
    /// Place among the children of the parent.
    pub(crate) slot: usize,
    pub(crate) children: Vec<u32>,
    /// First number behind everything inside this node.
    pub(crate) end: u32,
    pub(crate) page: usize,
    pub(crate) relevant: Option<Formula>,
    pub(crate) required: Option<Formula>,
    pub(crate) read_only: Option<Formula>,
    pub(crate) constraint: Option<Formula>,
    pub(crate) calculation: Option<Formula>,
    pub(crate) repeat_count: Option<Formula>,
    pub(crate) default: Option<PlanDefault>,
    pub(crate) choices: Option<PlanChoices>,
    pub(crate) label: Templates,
    pub(crate) hint: Templates,
    pub(crate) guidance_hint: Templates,
    pub(crate) required_message: Templates,
    pub(crate) constraint_message: Templates,
    pub(crate) appearance: String,
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) dependents: Vec<Dependent>,
    /// When the value and the relevance are computed, among all others.
    pub(crate) value_rank: u32,
    pub(crate) relevance_rank: u32,
}

#[derive(Debug, Clone)]
pub(crate) struct PlanPage {
    /// The group that is the page; the questions between groups otherwise.
    pub(crate) group: Option<u32>,
    /// Top-level nodes on the page.
    pub(crate) nodes: Vec<u32>,
}

impl Plan {
    /// Parses every expression, resolves names, orders what depends on what and
    /// indexes the lists.
    ///
    /// # Errors
    /// Everything wrong with expressions and attachments, each with its cell.
    pub fn new(form: Form, attachments: &Attachments) -> Result<Plan, Vec<AuthoringProblem>> {
        let mut problems = Vec::new();
        let plan = build::build(form, attachments, &mut problems);
        if problems.iter().any(|problem| problem.severity == Severity::Error) {
            order::sort_by_key(&mut problems, |problem| problem.row);
            Err(problems)
        } else {
            Ok(plan)
        }
    }

    /// The form this runs.
    pub fn form(&self) -> &Form {
        &self.form
    }

    /// Names of all questions and hidden values, for whoever prepares prefill.
    pub fn question_names(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().filter(|node| !node.kind.is_container()).map(|node| node.name.as_str())
    }

    pub(crate) fn node(&self, node: u32) -> Option<&PlanNode> {
        self.nodes.get(usize::try_from(node).unwrap_or(usize::MAX))
    }

    pub(crate) fn list(&self, list: u16) -> Option<&List> {
        self.lists.get(usize::from(list))
    }

    /// Whether `outer` is `inner` or lies around it.
    pub(crate) fn holds(&self, outer: u32, inner: u32) -> bool {
        self.node(outer).is_some_and(|node| outer <= inner && inner < node.end)
    }

    /// The nodes from just below `from` down to `to`, which lies inside it.
    pub(crate) fn way_down(&self, from: u32, to: u32) -> Vec<u32> {
        let mut way = Vec::new();
        let mut at = to;
        while at != from {
            way.push(at);
            match self.node(at).and_then(|node| node.parent) {
                Some(parent) => at = parent,
                None => break,
            }
        }
        way.reverse();
        way
    }

    /// Order of computation: values and relevance by their dependencies, then
    /// everything that only depends on them.
    pub(crate) fn rank(&self, property: Property, node: u32) -> u32 {
        let node = self.node(node);
        match property {
            Property::Value => node.map_or(0, |node| node.value_rank),
            Property::Relevance => node.map_or(0, |node| node.relevance_rank),
            Property::ReadOnly => u32::MAX - 3,
            Property::Required => u32::MAX - 2,
            Property::Validity => u32::MAX - 1,
            Property::Look => u32::MAX,
        }
    }
}
