//! What is wrong with an answer, and what a select offers.

use super::Session;
use super::compute::Queue;
use super::tree::{RELEVANT, REQUIRED, WITHHELD};
use crate::expr::{EvaluationError, Evaluator, Expr, Focus, Handle};
use crate::form::{MediaKind, NodeKind};
use crate::plan::{ChoiceText, Plan, PlanChoices};
use crate::view::{ChoiceView, ProblemKind};
use std::collections::BTreeMap;

/// Where lists keep pinyin initials.
const INITIALS_COLUMN: &str = "py";

impl Session {
    /// Decides again what is wrong with the answer of an item. What expressions
    /// may see of it comes before its own constraint, which is one of them.
    pub(super) fn check(&mut self, plan: &Plan, item: u32, queue: &mut Queue) {
        let misfit = self.misfit(plan, item);
        self.withhold(plan, item, misfit.as_ref().ok().copied().flatten(), queue);
        let judged = match misfit {
            Ok(None) => self.breach(plan, item),
            decided => decided,
        };
        let now = match judged {
            Ok(None) => self.stuck.contains(&item).then_some(ProblemKind::NotStored),
            Ok(problem) => problem,
            Err(error) => {
                self.fail(item, &error);
                Some(ProblemKind::Failed)
            }
        };
        let Some(found) = self.item_mut(item).filter(|item| item.problem != now) else { return };
        found.problem = now;
        queue.note(self, item);
    }

    /// Expressions see only what a select still offers, and nothing of an order
    /// that lacks something.
    fn withhold(&mut self, plan: &Plan, item: u32, problem: Option<ProblemKind>, queue: &mut Queue) {
        let before = self.is(item, WITHHELD);
        let withheld = matches!(problem, Some(ProblemKind::Incomplete | ProblemKind::NotAChoice));
        if !withheld && !before {
            return;
        }
        let seen = self.visible_value(item).to_owned();
        if withheld {
            let node = self.item(item).and_then(|item| plan.node(item.node));
            let choices = node.and_then(|node| node.choices.as_deref().map(|choices| (node.kind, choices)));
            let left = match choices {
                Some((kind, choices)) if problem == Some(ProblemKind::NotAChoice) => {
                    self.still_offered(item, choices, kind).unwrap_or_default()
                }
                _ => String::new(),
            };
            self.offered.insert(item, left);
        } else {
            self.offered.remove(&item);
        }
        if let Some(found) = self.item_mut(item) {
            found.set(WITHHELD, withheld);
        }
        if self.visible_value(item) != seen {
            self.notify(item, queue);
        }
    }

    fn still_offered(
        &self,
        item: u32,
        choices: &PlanChoices,
        kind: NodeKind,
    ) -> Result<String, EvaluationError> {
        let mut left = String::new();
        for one in self.raw_value(item).split_whitespace() {
            if self.offers_all(item, choices, kind, one)? {
                if !left.is_empty() {
                    left.push(' ');
                }
                left.push_str(one);
            }
        }
        Ok(left)
    }

    /// Whether the answer is none that this question takes.
    fn misfit(&self, plan: &Plan, item: u32) -> Result<Option<ProblemKind>, EvaluationError> {
        let Some(found) = self.item(item) else { return Ok(None) };
        let Some(node) = plan.node(found.node) else { return Ok(None) };
        if !found.is(RELEVANT) || node.kind.is_container() {
            return Ok(None);
        }
        if found.value.is_empty() {
            return Ok((found.is(REQUIRED) && node.kind != NodeKind::Note).then_some(ProblemKind::Required));
        }
        if !self.fits(node.kind, node.data_type, &found.value) {
            return Ok(Some(ProblemKind::WrongType));
        }
        if let Some(choices) = &node.choices {
            // The recorded list always includes all options (ODK XForms, body).
            if node.kind == NodeKind::Rank && !self.ranks_all(item, choices, &found.value)? {
                return Ok(Some(ProblemKind::Incomplete));
            }
            if !self.offers_all(item, choices, node.kind, &found.value)? {
                return Ok(Some(ProblemKind::NotAChoice));
            }
        }
        Ok(None)
    }

    /// Whether an answer that fits breaks the rule of its question.
    fn breach(&self, plan: &Plan, item: u32) -> Result<Option<ProblemKind>, EvaluationError> {
        let Some(found) = self.item(item).filter(|found| found.is(RELEVANT) && !found.value.is_empty())
        else {
            return Ok(None);
        };
        if let Some(constraint) = plan.node(found.node).and_then(|node| node.constraint.as_ref())
            && !Evaluator::new(self).boolean(constraint, &self.focus(item))?
        {
            return Ok(Some(ProblemKind::Constraint));
        }
        Ok(None)
    }

    /// Whether an order has everything that is offered.
    fn ranks_all(&self, item: u32, choices: &PlanChoices, value: &str) -> Result<bool, EvaluationError> {
        let offered = self.offered(item, choices)?;
        Ok(offered.iter().all(|choice| value.split_whitespace().any(|one| one == choice.value)))
    }

    fn offers_all(
        &self,
        item: u32,
        choices: &PlanChoices,
        kind: NodeKind,
        value: &str,
    ) -> Result<bool, EvaluationError> {
        let one_value = [value];
        let several: Vec<&str>;
        let chosen = if kind == NodeKind::SelectOne {
            &one_value[..]
        } else {
            several = value.split_whitespace().collect();
            several.as_slice()
        };
        match choices {
            // Without a filter the index answers.
            PlanChoices::List { list, value_column, filtered: None, .. } => {
                let Some(list) = self.plan.list(*list) else { return Ok(false) };
                Ok(chosen.iter().all(|one| list.row_of(*value_column, one).is_some()))
            }
            PlanChoices::List { list, value_column, filtered: Some(filter), .. } => {
                let rows = Evaluator::new(self).nodes(filter, &self.focus(item))?;
                let Some(list) = self.plan.list(*list) else { return Ok(false) };
                Ok(chosen.iter().all(|one| {
                    rows.iter().any(
                        |row| matches!(row, Handle::Row(_, row) if list.cell(*row, *value_column) == *one),
                    )
                }))
            }
            PlanChoices::Nodes { .. } => {
                let offered = self.offered(item, choices)?;
                Ok(chosen.iter().all(|one| offered.iter().any(|choice| choice.value == *one)))
            }
        }
    }

    /// What can be chosen now, in the language in use.
    pub(super) fn offered(
        &self,
        item: u32,
        choices: &PlanChoices,
    ) -> Result<Vec<ChoiceView>, EvaluationError> {
        let focus = self.focus(item);
        match choices {
            PlanChoices::Nodes { nodeset, value, label } => {
                let nodes = Evaluator::new(self).nodes(nodeset, &focus)?;
                let mut offered = Vec::with_capacity(nodes.len());
                for node in nodes {
                    let seen = Focus { node, position: 1, size: 1, origin: focus.origin };
                    let value = self.compute_text(value, &seen)?;
                    let label = match label {
                        Some(label) => self.compute_text(label, &seen)?,
                        None => value.clone(),
                    };
                    offered.push(ChoiceView {
                        value,
                        label,
                        initials: String::new(),
                        media: BTreeMap::new(),
                    });
                }
                Ok(offered)
            }
            PlanChoices::List { list: number, value_column, label, filtered } => {
                let Some(list) = self.plan.list(*number) else {
                    return Ok(Vec::new());
                };
                let initials = list.column(INITIALS_COLUMN);
                let choice = |row: u32| ChoiceView {
                    value: list.cell(row, *value_column).to_owned(),
                    label: self.row_label(*number, row, label, &focus),
                    initials: initials.map(|column| list.cell(row, column).to_owned()).unwrap_or_default(),
                    media: self.row_media(*number, row),
                };
                let Some(filter) = filtered else {
                    return Ok(list.row_numbers().map(choice).collect());
                };
                let rows = Evaluator::new(self).nodes(filter, &focus)?;
                Ok(rows
                    .into_iter()
                    .filter_map(|row| match row {
                        Handle::Row(_, row) => Some(choice(row)),
                        _ => None,
                    })
                    .collect())
            }
        }
    }

    fn row_label(&self, list: u16, row: u32, label: &ChoiceText, focus: &Focus) -> String {
        match label {
            ChoiceText::Column(column) => self.choice_text(list, row, *column, focus),
            ChoiceText::Formula(formula) => self.seen_from_row(formula, list, row, focus),
        }
    }

    fn seen_from_row(&self, formula: &Expr, list: u16, row: u32, focus: &Focus) -> String {
        let seen = Focus { node: Handle::Row(list, row), position: 1, size: 1, origin: focus.origin };
        self.compute_text(formula, &seen).unwrap_or_default()
    }

    /// A cell as people read it: labels in the language in use, with outputs.
    pub(super) fn choice_text(&self, number: u16, row: u32, column: u16, focus: &Focus) -> String {
        let Some(list) = self.plan.list(number) else { return String::new() };
        let rich = list.labels.as_ref().filter(|labels| labels.column == column);
        let templates = rich.and_then(|labels| labels.texts.get(super::tree::index(row)));
        match templates.and_then(|templates| self.fill(templates, focus)) {
            Some(text) => text,
            None => list.cell(row, column).to_owned(),
        }
    }

    fn row_media(&self, number: u16, row: u32) -> BTreeMap<MediaKind, String> {
        let labels = self.plan.list(number).and_then(|list| list.labels.as_ref());
        labels
            .and_then(|labels| labels.media.get(super::tree::index(row)))
            .map(|media| self.plain_files(media))
            .unwrap_or_default()
    }

    /// The label of a value of this select, whether the filter offers it or not.
    pub(super) fn label_of_choice(&self, item: u32, value: &str) -> Option<String> {
        match self.planned(item)?.choices.as_deref()? {
            choices @ PlanChoices::Nodes { .. } => self
                .offered(item, choices)
                .ok()?
                .into_iter()
                .find(|choice| choice.value == value)
                .map(|choice| choice.label),
            PlanChoices::List { list, value_column, label, .. } => {
                let row = self.plan.list(*list)?.row_of(*value_column, value)?;
                Some(self.row_label(*list, row, label, &self.focus(item)))
            }
        }
    }
}
