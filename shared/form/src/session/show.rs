//! Items as plain data for a screen.

use super::{Session, words};
use crate::expr::{Evaluator, Focus, Handle};
use crate::form::NodeKind;
use crate::path::NodePath;
use crate::plan::{Part, PlanChoices, Templates};
use crate::view::{ChoiceView, NodeView, PageView, Problem, ProblemKind, SummaryEntry};

impl Session {
    /// The node at this path, as it stands now. `None` when nothing is there.
    pub fn node(&self, path: &NodePath) -> Option<NodeView> {
        match self.find(path) {
            Some(item) => self.view(item),
            None => self.find_series(path).and_then(|(parent, node)| self.series_view(parent, node)),
        }
    }

    /// One section a page, in the order of the form.
    pub fn pages(&self) -> Vec<PageView> {
        let mut pages = Vec::new();
        for (index, page) in self.plan.pages.iter().enumerate() {
            let mut nodes = Vec::new();
            let mut relevant = false;
            let mut title = None;
            for &node in &page.nodes {
                let series = self.plan.node(node).is_some_and(|node| node.kind == NodeKind::Repeat);
                if series {
                    relevant |= self.series_relevant(0, node);
                    title = self.series_label(0, node);
                    self.list_series(0, node, &mut nodes);
                }
                for &item in self.instances(0, node) {
                    relevant |= self.item(item).is_some_and(|item| item.relevant);
                    if page.group.is_some() && !series {
                        title = self.label(item);
                    }
                    if !series {
                        self.list_shown(item, &mut nodes);
                    }
                }
            }
            pages.push(PageView { index, title, relevant, nodes });
        }
        pages
    }

    /// Everything that stands in the way of finishing, in the order of the form.
    pub fn problems(&self) -> Vec<Problem> {
        self.all_items()
            .filter_map(|item| {
                let found = self.item(item)?;
                let kind = found.problem.filter(|_| found.relevant)?;
                Some(Problem {
                    path: self.path(item),
                    page: self.planned(item)?.page,
                    kind,
                    message: self.message(item, kind),
                })
            })
            .collect()
    }

    /// A value by question name, as expressions see it: `None` for a name the
    /// form does not have, empty for what does not apply. Of several questions
    /// or instances, the first that has a value.
    pub fn value(&self, name: &str) -> Option<String> {
        let items = self.items_named(name);
        let seen = |&item: &u32| {
            let found = self.item(item)?;
            Some(if found.relevant { found.value.clone() } else { String::new() })
        };
        let mut values = items.iter().filter_map(seen);
        let first = values.next()?;
        if first.is_empty() {
            Some(values.find(|value| !value.is_empty()).unwrap_or_default())
        } else {
            Some(first)
        }
    }

    /// The name of this instance for people, when the form says how to make it.
    pub fn instance_name(&self) -> Option<String> {
        let formula = self.plan.instance_name.as_ref()?;
        self.compute_text(&formula.expression, 0).ok()
    }

    /// The answered questions that apply, in order, in words.
    pub fn summary(&self) -> Vec<SummaryEntry> {
        let titles: Vec<Option<String>> = self.pages().into_iter().map(|page| page.title).collect();
        let mut entries = Vec::new();
        for item in self.all_items() {
            let (Some(found), Some(node)) = (self.item(item), self.planned(item)) else {
                continue;
            };
            if !found.relevant
                || found.value.is_empty()
                || !node.kind.is_shown()
                || node.kind == NodeKind::Note
            {
                continue;
            }
            entries.push(SummaryEntry {
                path: self.path(item),
                page_title: titles.get(node.page).cloned().flatten(),
                label: self.label(item).unwrap_or_else(|| node.name.clone()),
                kind: node.kind,
                value: found.value.clone(),
                words: self.in_words(item),
            });
        }
        entries
    }

    fn view(&self, item: u32) -> Option<NodeView> {
        let found = self.item(item)?;
        let node = self.planned(item)?;
        let problem = found.problem.filter(|_| found.relevant);
        // One instance of a repeat is a group to whoever shows it.
        let kind = if node.kind == NodeKind::Repeat { NodeKind::Group } else { node.kind };
        let calculated =
            node.kind == NodeKind::Calculate || (node.kind.is_metadata() && node.kind != NodeKind::Audit);
        Some(NodeView {
            path: self.path(item),
            name: node.name.clone(),
            kind,
            value: found.value.clone(),
            relevant: found.relevant,
            required: found.required,
            read_only: found.read_only || calculated || node.kind == NodeKind::Note,
            label: self.label(item).unwrap_or_default(),
            hint: self.fill(&node.hint, item).unwrap_or_default(),
            guidance_hint: self.fill(&node.guidance_hint, item).unwrap_or_default(),
            required_message: found.required.then(|| self.message(item, ProblemKind::Required)),
            constraint_message: problem
                .filter(|kind| *kind != ProblemKind::Required)
                .map(|kind| self.message(item, kind)),
            problem,
            choices: self.choices(item),
            appearance: node.appearance.clone(),
            parameters: node.parameters.clone(),
            instances: None,
        })
    }

    fn series_view(&self, parent: u32, number: u32) -> Option<NodeView> {
        let node = self.plan.node(number)?;
        Some(NodeView {
            path: self.series_path(parent, number),
            name: node.name.clone(),
            kind: NodeKind::Repeat,
            value: String::new(),
            relevant: self.series_relevant(parent, number),
            required: false,
            // Instances that the form counts cannot be added by hand.
            read_only: node.repeat_count.is_some(),
            label: self.series_label(parent, number).unwrap_or_default(),
            hint: String::new(),
            guidance_hint: String::new(),
            required_message: None,
            constraint_message: None,
            problem: None,
            choices: Vec::new(),
            appearance: node.appearance.clone(),
            parameters: node.parameters.clone(),
            instances: Some(self.instances(parent, number).len()),
        })
    }

    /// A repeat applies when its parent does and its own rule, seen from its
    /// first instance or else from the parent, holds.
    fn series_relevant(&self, parent: u32, number: u32) -> bool {
        if !self.item(parent).is_some_and(|item| item.relevant) {
            return false;
        }
        if let Some(first) = self.instances(parent, number).first() {
            return self.item(*first).is_some_and(|item| item.relevant);
        }
        let relevant = self.plan.node(number).and_then(|node| node.relevant.as_ref());
        relevant.is_none_or(|formula| {
            Evaluator::new(self)
                .boolean(&formula.expression, &Focus::on(Handle::Item(parent)))
                .unwrap_or(false)
        })
    }

    fn series_label(&self, parent: u32, number: u32) -> Option<String> {
        let at = self.instances(parent, number).first().copied().unwrap_or(parent);
        self.fill(&self.plan.node(number)?.label, at)
    }

    fn list_series(&self, parent: u32, node: u32, nodes: &mut Vec<NodePath>) {
        nodes.push(self.series_path(parent, node));
        for &item in self.instances(parent, node) {
            nodes.push(self.path(item));
            self.list_inside(item, nodes);
        }
    }

    fn list_shown(&self, item: u32, nodes: &mut Vec<NodePath>) {
        match self.planned(item).map(|node| node.kind) {
            Some(NodeKind::Group) => self.list_inside(item, nodes),
            Some(kind) if kind.is_shown() => nodes.push(self.path(item)),
            _ => {}
        }
    }

    fn list_inside(&self, item: u32, nodes: &mut Vec<NodePath>) {
        let Some(node) = self.planned(item) else { return };
        for &child in &node.children {
            if self.plan.node(child).is_some_and(|child| child.kind == NodeKind::Repeat) {
                self.list_series(item, child, nodes);
            } else {
                for &inside in self.instances(item, child) {
                    self.list_shown(inside, nodes);
                }
            }
        }
    }

    pub(super) fn label(&self, item: u32) -> Option<String> {
        self.fill(&self.planned(item)?.label, item)
    }

    /// A text in the language in use, with its references filled in.
    fn fill(&self, templates: &Templates, item: u32) -> Option<String> {
        let parts = templates.get(self.language)?;
        let mut text = String::new();
        for part in parts {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Formula(expression) => {
                    text.push_str(&self.compute_text(expression, item).unwrap_or_default());
                }
            }
        }
        (!text.is_empty()).then_some(text)
    }

    fn chinese(&self) -> bool {
        words::is_chinese(self.language())
    }

    /// What to tell the person: the author's words, else the engine's.
    fn message(&self, item: u32, kind: ProblemKind) -> String {
        let node = self.planned(item);
        let written = match kind {
            ProblemKind::Required => node.and_then(|node| self.fill(&node.required_message, item)),
            ProblemKind::Constraint => node.and_then(|node| self.fill(&node.constraint_message, item)),
            ProblemKind::Failed => self
                .item(item)
                .and_then(|found| found.failure.as_ref())
                .map(|why| format!("{}: {why}", words::problem(ProblemKind::Failed, self.chinese()))),
            ProblemKind::NotAChoice | ProblemKind::WrongType => None,
        };
        written.unwrap_or_else(|| words::problem(kind, self.chinese()).to_owned())
    }

    fn choices(&self, item: u32) -> Vec<ChoiceView> {
        let Some(choices) = self.planned(item).and_then(|node| node.choices.as_ref()) else {
            return Vec::new();
        };
        self.offered(item, choices).unwrap_or_default()
    }

    /// The label of a value of this select, whether the filter offers it or not.
    pub(super) fn label_of_choice(&self, item: u32, value: &str) -> Option<String> {
        match self.planned(item)?.choices.as_ref()? {
            PlanChoices::Answers(_) => Some(value.to_owned()),
            PlanChoices::List { list, value_column, label_column, .. } => {
                let list = self.plan.list(*list)?;
                let row = list.rows_where(*value_column, value)?.first()?;
                Some(list.cell(*row, *label_column, self.language).to_owned())
            }
        }
    }

    fn in_words(&self, item: u32) -> String {
        let value = self.raw_value(item);
        match self.planned(item).map(|node| node.kind) {
            Some(NodeKind::SelectOne) => {
                self.label_of_choice(item, value).unwrap_or_else(|| value.to_owned())
            }
            Some(NodeKind::SelectMultiple | NodeKind::Rank) => value
                .split_whitespace()
                .map(|one| self.label_of_choice(item, one).unwrap_or_else(|| one.to_owned()))
                .collect::<Vec<_>>()
                .join(words::list_separator(self.chinese())),
            Some(NodeKind::Acknowledge) => words::confirmed(self.chinese()).to_owned(),
            // 2026-11-23T09:30:00.000+08:00 reads as 2026-11-23 09:30.
            Some(NodeKind::DateTime) => value.chars().take(16).collect::<String>().replace('T', " "),
            Some(NodeKind::Time) => value.chars().take(5).collect(),
            Some(NodeKind::Geopoint) => place_in_words(value),
            _ => value.to_owned(),
        }
    }
}

/// `34.12345, 108.9 (±12 m)`
fn place_in_words(value: &str) -> String {
    let parts: Vec<&str> = value.split_whitespace().collect();
    match parts.as_slice() {
        [latitude, longitude, _, accuracy] => format!("{latitude}, {longitude} (±{accuracy} m)"),
        [latitude, longitude, ..] => format!("{latitude}, {longitude}"),
        _ => value.to_owned(),
    }
}
