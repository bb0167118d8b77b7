//! A form made ready to run: expressions parsed once, names resolved to nodes,
//! dependencies ordered, lists indexed.

mod actions;
mod bind;
mod build;
mod choices;
mod compile;
mod compile_choices;
mod documents;
mod graph;
mod layout;
mod lists;
mod lookups;
mod references;
mod texts;

use crate::document::XmlDocument;
use crate::expr::{Axis, Expr, Step, Test};
use crate::form::{DataType, Form, NodeKind};
use crate::order;
use crate::problem::{AuthoringProblem, Severity};
pub(crate) use actions::{PlanAction, PlanActionValue};
pub(crate) use choices::{ChoiceText, PlanChoices};
pub(crate) use layout::{Layout, PlanPage};
pub(crate) use lists::List;
use std::collections::{BTreeMap, HashMap};
pub(crate) use texts::{NodeTexts, Part, Templates, in_language};

/// The number of the instance that was saved last among the documents.
pub(crate) const LAST_SAVED: u16 = u16::MAX;

/// Attached lists by file name: `villages.csv` → the text of the file.
pub type Attachments = BTreeMap<String, String>;

/// A form made ready to run. Shared by all its instances as `Arc<Plan>`.
#[derive(Debug)]
pub struct Plan {
    form: Form,
    /// Before their contents, in the order of the form; number 0 is the root.
    /// Attributes come right behind their element.
    pub(crate) nodes: Vec<PlanNode>,
    pub(crate) names: HashMap<String, Vec<u32>>,
    pub(crate) lists: Vec<List>,
    pub(crate) list_names: HashMap<String, u16>,
    /// Secondary instances of any other shape.
    pub(crate) documents: Vec<XmlDocument>,
    /// Their names; [`LAST_SAVED`] for the instance that was saved last.
    pub(crate) document_names: HashMap<String, u16>,
    /// Texts that expressions name by id.
    pub(crate) texts: BTreeMap<String, Templates>,
    pub(crate) layout: Vec<Layout>,
    /// What the body shows in groups that have no nodes of their own: which ones.
    pub(crate) shown_in: HashMap<u32, Vec<u32>>,
    /// The other way round.
    pub(crate) shows: HashMap<u32, Vec<u32>>,
    pub(crate) pages: Vec<PlanPage>,
    pub(crate) instance_name: Option<Formula>,
    /// Everything that must be computed again when the clock moves.
    pub(crate) clock_watchers: Vec<(Property, u32)>,
    pub(crate) actions: Vec<PlanAction>,
    /// For each node that is the root or a repeat, what an instance of it has.
    pub(crate) regions: HashMap<u32, Region>,
    /// What is computed at each rank below [`Plan::ranks`].
    pub(crate) ranked: Vec<(Property, u32)>,
}

/// The part of the form between one repeat and the repeats inside it. An
/// instance of it is one run of items.
#[derive(Debug, Default)]
pub(crate) struct Region {
    /// The nodes of the items, in their order; a repeat inside stands for all
    /// its instances.
    pub(crate) slots: Vec<Slot>,
    /// Who looks again when instances come or go.
    pub(crate) watchers: Vec<Dependent>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot {
    pub(crate) node: u32,
    /// It holds the instances of the repeat rather than being one.
    pub(crate) series: bool,
}

/// An expression, bound to the form.
pub(crate) type Formula = Box<Expr>;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Dependent {
    pub(crate) property: Property,
    pub(crate) node: u32,
    /// Only within the same instance of this repeat; everywhere for the root.
    pub(crate) scope: u32,
    /// Reads other instances of a repeat that it is in, chosen by a predicate:
    /// not a circle by itself.
    pub(crate) crosses: bool,
}

/// The value a question begins with.
#[derive(Debug)]
pub(crate) enum PlanDefault {
    Value(String),
    Formula(Formula),
}

#[derive(Debug)]
pub(crate) struct PlanNode {
    pub(crate) name: String,
    pub(crate) kind: NodeKind,
    pub(crate) data_type: DataType,
    /// What is recorded in it by itself.
    pub(crate) records: Option<NodeKind>,
    pub(crate) row: u32,
    /// `None` for the root.
    pub(crate) parent: Option<u32>,
    pub(crate) children: Vec<u32>,
    pub(crate) attributes: Vec<u32>,
    /// First number behind everything inside this node.
    pub(crate) end: u32,
    /// The repeat around it (itself, for a repeat), or the root.
    pub(crate) region: u32,
    /// Place of its item in an instance of the region.
    pub(crate) offset: u32,
    /// Of a repeat: place of what holds its instances, in the region around.
    pub(crate) series_offset: u32,
    pub(crate) page: usize,
    pub(crate) relevant: Option<Formula>,
    pub(crate) required: Option<Formula>,
    pub(crate) read_only: Option<Formula>,
    pub(crate) constraint: Option<Formula>,
    pub(crate) calculation: Option<Formula>,
    /// The calculation draws lots: made once, it stays.
    pub(crate) draws_lots: bool,
    /// The calculation reads the instance that was saved last, which a server
    /// has not got.
    pub(crate) reads_last_saved: bool,
    pub(crate) repeat_count: Option<Formula>,
    /// Of a repeat: the instances it begins with; one blank one when absent.
    pub(crate) initial: Option<Vec<serde_json::Value>>,
    /// People neither add nor remove instances.
    pub(crate) fixed: bool,
    pub(crate) default: Option<PlanDefault>,
    pub(crate) choices: Option<Box<PlanChoices>>,
    pub(crate) texts: Option<Box<NodeTexts>>,
    pub(crate) appearance: String,
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) dependents: Vec<Dependent>,
    /// Actions that run when the value changes.
    pub(crate) on_change: Vec<u32>,
    /// When the value and the relevance are computed, among all others.
    pub(crate) value_rank: u32,
    pub(crate) relevance_rank: u32,
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
        self.nodes
            .iter()
            .filter(|node| !node.kind.is_container() && node.kind != NodeKind::Attribute)
            .map(|node| node.name.as_str())
    }

    pub(crate) fn node(&self, node: u32) -> Option<&PlanNode> {
        self.nodes.get(usize::try_from(node).unwrap_or(usize::MAX))
    }

    fn node_mut(&mut self, node: u32) -> Option<&mut PlanNode> {
        self.nodes.get_mut(usize::try_from(node).unwrap_or(usize::MAX))
    }

    pub(crate) fn list(&self, list: u16) -> Option<&List> {
        self.lists.get(usize::from(list))
    }

    /// Whether this names a secondary instance that is no list.
    fn is_document(&self, name: &str) -> bool {
        self.document_names.contains_key(name)
    }

    fn is_last_saved(&self, name: &str) -> bool {
        self.document_names.get(name) == Some(&LAST_SAVED)
    }

    /// The only child of this name.
    fn child_named(&self, parent: u32, name: &str) -> Option<u32> {
        let among = self.names.get(name)?;
        let mut found =
            among.iter().filter(|&&node| self.node(node).is_some_and(|node| node.parent == Some(parent)));
        let first = found.next()?;
        found.next().is_none().then_some(*first)
    }

    /// The steps of an absolute path to a node.
    fn steps_from_root(&self, node: u32) -> Vec<Step> {
        let root = self.node(0).map_or_else(String::new, |root| root.name.clone());
        let mut steps = vec![Step::new(Axis::Child, Test::Name(root))];
        steps.extend(self.steps_between(0, node));
        steps
    }

    /// Steps from a node to one inside it.
    fn steps_between(&self, from: u32, to: u32) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut at = to;
        while at != from {
            let Some(node) = self.node(at) else { break };
            steps.push(Step::new(Axis::Child, Test::Name(node.name.clone())));
            at = node.parent.unwrap_or(from);
        }
        steps.reverse();
        steps
    }

    /// Whether `outer` is `inner` or lies around it.
    pub(crate) fn holds(&self, outer: u32, inner: u32) -> bool {
        self.node(outer).is_some_and(|node| outer <= inner && inner < node.end)
    }

    /// The region around a region; the root is around itself.
    pub(crate) fn outer_region(&self, region: u32) -> u32 {
        self.node(region)
            .and_then(|node| node.parent)
            .and_then(|parent| self.node(parent))
            .map_or(0, |parent| parent.region)
    }

    /// The region in which the items of a node are found: for a repeat the one
    /// around it, since from outside all its instances are meant.
    pub(crate) fn seat(&self, node: u32) -> u32 {
        match self.node(node) {
            Some(found) if found.kind == NodeKind::Repeat => self.outer_region(node),
            Some(found) => found.region,
            None => 0,
        }
    }

    /// The innermost region that holds both.
    pub(crate) fn common_region(&self, region: u32, node: u32) -> u32 {
        let mut at = region;
        let seat = self.seat(node);
        while at != 0 && !self.holds(at, seat) {
            at = self.outer_region(at);
        }
        at
    }

    /// The repeats from just below a region down to the region of a node.
    pub(crate) fn repeats_between(&self, region: u32, node: u32) -> Vec<u32> {
        let mut way = Vec::new();
        let mut at = self.node(node).map_or(0, |node| node.region);
        while at != region && at != 0 {
            way.push(at);
            at = self.outer_region(at);
        }
        way.reverse();
        way
    }
}
