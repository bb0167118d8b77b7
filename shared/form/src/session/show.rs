//! Items as plain data for a screen.

use super::tree::{RELEVANT, REQUIRED, SERIES};
use super::{Session, words};
use crate::expr::Evaluator;
use crate::form::{NodeKind, TABLE_TITLE};
use crate::path::NodePath;
use crate::plan::{Layout, NodeTexts, Templates};
use crate::view::{ChoiceView, NodeView, PageView, Problem, ProblemKind, SummaryEntry};
use std::collections::BTreeMap;

impl Session {
    /// The node at this path, as it stands now. `None` when nothing is there.
    pub fn node(&self, path: &NodePath) -> Option<NodeView> {
        let item = self.find(path)?;
        if self.is(item, SERIES) { self.series_view(item) } else { self.view(item) }
    }

    /// Every path of the instance in the order of the form, also of what is not
    /// shown: a repeat as a whole, then its instances.
    pub fn paths(&self) -> Vec<NodePath> {
        let mut paths = Vec::new();
        for item in self.all_items() {
            if item == 0 || self.planned(item).is_some_and(|node| node.kind == NodeKind::Attribute) {
                continue;
            }
            paths.push(self.path(item));
        }
        paths
    }

    /// One section a page, in the order of the form.
    pub fn pages(&self) -> Vec<PageView> {
        let mut pages = Vec::new();
        for (index, page) in self.plan.pages.iter().enumerate() {
            let mut shown = PageView { index, title: None, relevant: false, nodes: Vec::new() };
            for entry in self.plan.layout.get(page.entries.clone()).unwrap_or_default() {
                self.list_entry(entry, 0, &mut shown);
                if !page.group {
                    continue;
                }
                shown.title = match entry.node {
                    None => self.fill(&entry.label, &self.focus(0)),
                    Some(node) => {
                        let item = self.child_of_head(0, node);
                        if self.is(item, SERIES) {
                            self.series_label(item)
                        } else {
                            self.label(item).or_else(|| self.table_title(node))
                        }
                    }
                };
            }
            pages.push(shown);
        }
        pages
    }

    /// What a group says of itself in the note before its table.
    fn table_title(&self, group: u32) -> Option<String> {
        let first = *self.plan.node(group)?.children.first()?;
        let note = self.plan.node(first)?;
        let is_title = note.kind == NodeKind::Note && note.name.starts_with(TABLE_TITLE);
        if is_title { self.label(self.child_of_head(0, first)) } else { None }
    }

    /// The item of a node in the region of a head: its series, for a repeat.
    fn child_of_head(&self, head: u32, node: u32) -> u32 {
        match self.plan.node(node) {
            Some(planned) if planned.kind == NodeKind::Repeat => self.series_in(head, node),
            Some(planned) => head + planned.offset,
            None => head,
        }
    }

    /// Lists what an entry of the layout shows in the region of a head.
    fn list_entry(&self, entry: &Layout, head: u32, page: &mut PageView) {
        let Some(node) = entry.node else {
            entry.items.iter().for_each(|inner| self.list_entry(inner, head, page));
            return;
        };
        // What is inside a repeat without being shown there has no one place.
        let seat = self.plan.seat(node);
        if self.item(head).is_none_or(|head| head.node != seat) {
            return;
        }
        let item = self.child_of_head(head, node);
        if self.is(item, SERIES) {
            page.relevant |= self.series_relevant(item) && !self.is_hidden(item);
            page.nodes.push(self.path(item));
            for &instance in self.instances_of(item) {
                page.relevant |= self.shows(instance);
                page.nodes.push(self.path(instance));
                entry.items.iter().for_each(|inner| self.list_entry(inner, instance, page));
            }
            return;
        }
        if entry.items.is_empty() && self.is_leaf(item) {
            page.relevant |= self.shows(item);
            page.nodes.push(self.path(item));
        } else {
            page.relevant |= self.shows(item);
            entry.items.iter().for_each(|inner| self.list_entry(inner, head, page));
        }
    }

    /// Everything that stands in the way of finishing, in the order of the form.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !self.items.iter().any(|item| item.problem.is_some()) {
            return problems;
        }
        self.each_inside(0, &mut |item| {
            let found = self.item(item).filter(|_| self.shows(item)).and_then(|item| item.problem);
            let Some(kind) = found.filter(|kind| kind.hinders()) else { return };
            problems.push(Problem {
                path: self.path(item),
                page: self.planned(item).map_or(0, |node| node.page),
                kind,
                message: self.message(item, kind),
            });
        });
        problems
    }

    /// A value by question name, as expressions see it: `None` for a name the
    /// form does not have, empty for what does not apply. Of several questions
    /// or instances, the first that has a value.
    pub fn value(&self, name: &str) -> Option<String> {
        let items = self.items_named(name);
        let seen = |&item: &u32| {
            let found = self.item(item)?;
            Some(if found.is(RELEVANT) { found.value.clone() } else { String::new() })
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
        self.compute_text(formula, &self.focus(0)).ok()
    }

    /// The answered questions that apply, in order, in words.
    pub fn summary(&self) -> Vec<SummaryEntry> {
        let titles: Vec<Option<String>> = self.pages().into_iter().map(|page| page.title).collect();
        let mut entries = Vec::new();
        for item in self.all_items() {
            let (Some(found), Some(node)) = (self.item(item), self.planned(item)) else {
                continue;
            };
            if !found.is(RELEVANT)
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
        let relevant = self.shows(item);
        let problem = found.problem.filter(|_| relevant);
        // One instance of a repeat is a group to whoever shows it.
        let kind = if node.kind == NodeKind::Repeat { NodeKind::Group } else { node.kind };
        let calculated =
            node.kind == NodeKind::Calculate || (node.kind.is_metadata() && node.kind != NodeKind::Audit);
        let text = |select: fn(&NodeTexts) -> &Templates| {
            node.texts.as_ref().and_then(|texts| self.fill(select(texts), &self.focus(item)))
        };
        Some(NodeView {
            path: self.path(item),
            name: node.name.clone(),
            kind,
            value: found.value.clone(),
            relevant,
            required: found.is(REQUIRED),
            read_only: self.is_read_only(item) || calculated || node.kind == NodeKind::Note,
            label: text(|texts| &texts.label).unwrap_or_default(),
            hint: text(|texts| &texts.hint).unwrap_or_default(),
            guidance_hint: text(|texts| &texts.guidance_hint).unwrap_or_default(),
            required_message: found.is(REQUIRED).then(|| self.message(item, ProblemKind::Required)),
            constraint_message: problem
                .filter(|kind| *kind != ProblemKind::Required)
                .map(|kind| self.message(item, kind)),
            problem,
            media: self.media(item),
            choices: self.choices(item),
            appearance: node.appearance.clone(),
            parameters: node.parameters.clone(),
            instances: None,
        })
    }

    fn series_view(&self, series: u32) -> Option<NodeView> {
        let node = self.planned(series)?;
        Some(NodeView {
            path: self.path(series),
            name: node.name.clone(),
            kind: NodeKind::Repeat,
            value: String::new(),
            relevant: self.series_relevant(series) && !self.is_hidden(series),
            required: false,
            // Instances that the form counts cannot be added by hand.
            read_only: node.fixed,
            label: self.series_label(series).unwrap_or_default(),
            hint: String::new(),
            guidance_hint: String::new(),
            required_message: None,
            constraint_message: None,
            problem: None,
            media: BTreeMap::new(),
            choices: Vec::new(),
            appearance: node.appearance.clone(),
            parameters: node.parameters.clone(),
            instances: Some(self.instances_of(series).len()),
        })
    }

    /// It applies, and so does every group of the body that it is shown in.
    fn shows(&self, item: u32) -> bool {
        self.is(item, RELEVANT) && !self.is_hidden(item)
    }

    /// A group without nodes of its own, in which the body shows it, does not
    /// apply. That hides it; what it holds stays as it is (JavaRosa).
    fn is_hidden(&self, item: u32) -> bool {
        let groups = self.item(item).and_then(|item| self.plan.shown_in.get(&item.node));
        groups.into_iter().flatten().any(|&group| {
            let mut applies = true;
            self.each_seen(group, item, &mut |group| applies &= self.is(group, RELEVANT));
            !applies
        })
    }

    /// A repeat applies when what is around it does and its own rule, seen from
    /// its first instance or else from the whole, holds.
    pub(super) fn series_relevant(&self, series: u32) -> bool {
        if !self.is(series, RELEVANT) {
            return false;
        }
        if let Some(&first) = self.instances_of(series).first() {
            return self.is(first, RELEVANT);
        }
        let relevant = self.planned(series).and_then(|node| node.relevant.as_ref());
        relevant
            .is_none_or(|formula| Evaluator::new(self).boolean(formula, &self.focus(series)).unwrap_or(false))
    }

    fn series_label(&self, series: u32) -> Option<String> {
        let at = self.instances_of(series).first().copied().unwrap_or(series);
        self.label(at)
    }

    pub(super) fn label(&self, item: u32) -> Option<String> {
        let texts = self.planned(item)?.texts.as_ref()?;
        self.fill(&texts.label, &self.focus(item))
    }

    fn media(&self, item: u32) -> BTreeMap<crate::form::MediaKind, String> {
        let texts = self.planned(item).and_then(|node| node.texts.as_ref());
        texts.map(|texts| self.files(&texts.media, &self.focus(item))).unwrap_or_default()
    }

    fn chinese(&self) -> bool {
        words::is_chinese(self.language())
    }

    /// What to tell the person: the author's words, else the engine's.
    fn message(&self, item: u32, kind: ProblemKind) -> String {
        let texts = self.planned(item).and_then(|node| node.texts.as_ref());
        let written = match kind {
            ProblemKind::Required => {
                texts.and_then(|texts| self.fill(&texts.required_message, &self.focus(item)))
            }
            ProblemKind::Constraint => {
                texts.and_then(|texts| self.fill(&texts.constraint_message, &self.focus(item)))
            }
            ProblemKind::Failed => self
                .failures
                .get(&item)
                .map(|why| format!("{}: {why}", words::problem(ProblemKind::Failed, self.chinese()))),
            ProblemKind::NotAChoice
            | ProblemKind::Incomplete
            | ProblemKind::WrongType
            | ProblemKind::NotStored => None,
        };
        written.unwrap_or_else(|| words::problem(kind, self.chinese()).to_owned())
    }

    fn choices(&self, item: u32) -> Vec<ChoiceView> {
        let Some(choices) = self.planned(item).and_then(|node| node.choices.as_deref()) else {
            return Vec::new();
        };
        self.offered(item, choices).unwrap_or_default()
    }

    fn in_words(&self, item: u32) -> String {
        let value = self.raw_value(item);
        match self.planned(item).map(|node| node.kind) {
            Some(NodeKind::SelectOne) => {
                self.label_of_choice(item, value).unwrap_or_else(|| value.to_owned())
            }
            Some(kind @ (NodeKind::SelectMultiple | NodeKind::Rank)) => value
                .split_whitespace()
                .zip(1_usize..)
                .map(|(one, place)| {
                    let label = self.label_of_choice(item, one).unwrap_or_else(|| one.to_owned());
                    if kind == NodeKind::Rank { format!("{place}. {label}") } else { label }
                })
                .collect::<Vec<_>>()
                .join(words::list_separator(self.chinese())),
            Some(NodeKind::Acknowledge) => words::confirmed(self.chinese()).to_owned(),
            // 2026-11-23T09:30:00.000+08:00 reads as 2026-11-23 09:30.
            Some(NodeKind::DateTime) => value.chars().take(16).collect::<String>().replace('T', " "),
            Some(NodeKind::Time) => value.chars().take(5).collect(),
            Some(NodeKind::Geopoint) => place_in_words(value),
            Some(NodeKind::Geotrace | NodeKind::Geoshape) => {
                value.split(';').map(place_in_words).collect::<Vec<_>>().join("; ")
            }
            _ => value.to_owned(),
        }
    }
}

/// `34.12345, 108.9 (±12 m)`
fn place_in_words(value: &str) -> String {
    let parts: Vec<&str> = value.split_whitespace().collect();
    match parts.as_slice() {
        // Nobody measured what was typed.
        [latitude, longitude, _, accuracy] if accuracy.parse() != Ok(0.0) => {
            format!("{latitude}, {longitude} (±{accuracy} m)")
        }
        [latitude, longitude, ..] => format!("{latitude}, {longitude}"),
        _ => value.to_owned(),
    }
}
