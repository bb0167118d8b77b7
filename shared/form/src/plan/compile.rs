//! Parses and binds every expression of the form.

use super::bind::{Binder, Findings};
use super::lists::Labels;
use super::{
    Dependent, Formula, NodeTexts, Part, Plan, PlanAction, PlanActionValue, PlanDefault, Property, Templates,
};
use crate::expr::{self, Expr, ExpressionError, Path, Start};
use crate::form::{Action, ActionEvent, ActionValue, Default, Media, Node, NodeKind, Piece, Text, Words};
use crate::problem::AuthoringProblem;
use std::collections::BTreeMap;

/// Everything, node by node; `sources` has what the form says of each.
pub(super) fn all(plan: &mut Plan, sources: &[Option<&Node>], problems: &mut Vec<AuthoringProblem>) {
    label_lists(plan, problems);
    for (source, number) in sources.iter().zip(0_u32..) {
        if let Some(source) = source {
            Compiler { plan, problems, row: source.row, number }.node(source);
        }
    }
    let actions = plan.form.actions.clone();
    let mut compiler = Compiler { plan, problems, row: 0, number: 0 };
    for action in &actions {
        compiler.action(action);
    }
    layout_labels(plan, problems);
    instance_name(plan, problems);
}

/// Compiles what one row says.
pub(super) struct Compiler<'a> {
    pub(super) plan: &'a mut Plan,
    pub(super) problems: &'a mut Vec<AuthoringProblem>,
    pub(super) row: u32,
    pub(super) number: u32,
}

impl Compiler<'_> {
    fn node(&mut self, source: &Node) {
        let relevant = self.formula(source.relevant.as_deref(), "relevant", Property::Relevance);
        let required = self.formula(source.required.as_deref(), "required", Property::Required);
        let read_only = self.formula(source.read_only.as_deref(), "read_only", Property::ReadOnly);
        let constraint = self.formula(source.constraint.as_deref(), "constraint", Property::Validity);
        let (calculation, found) = match &source.calculation {
            Some(text) if source.triggers.is_empty() => self.calculation(text).unzip(),
            _ => (None, None),
        };
        let found = found.unwrap_or_default();
        if !source.triggers.is_empty() {
            self.triggers(source);
        }
        let repeat_count = self.count(source.repeat_count.as_deref());
        let default = match &source.default {
            None => None,
            Some(Default::Value(value))
                if matches!(source.kind, NodeKind::SelectMultiple | NodeKind::Rank) =>
            {
                let chosen: Vec<&str> = value.split_whitespace().collect();
                Some(PlanDefault::Value(chosen.join(" ")))
            }
            Some(Default::Value(value)) => Some(PlanDefault::Value(value.clone())),
            Some(Default::Expression(text)) => self.unwatched(text, "default").map(PlanDefault::Formula),
        };
        let choices = self.choices(source).map(Box::new);
        let texts = NodeTexts {
            label: self.templates(&source.label, "label", Property::Look),
            hint: self.templates(&source.hint, "hint", Property::Look),
            guidance_hint: self.templates(&source.guidance_hint, "guidance_hint", Property::Look),
            required_message: self.templates(&source.required_message, "required_message", Property::Look),
            constraint_message: self.templates(
                &source.constraint_message,
                "constraint_message",
                Property::Look,
            ),
            media: source
                .media
                .iter()
                .map(|(kind, file)| (*kind, self.templates(file, "media", Property::Look)))
                .collect(),
        };
        if let Some(node) = self.plan.node_mut(self.number) {
            node.relevant = relevant;
            node.required = required;
            node.read_only = read_only;
            node.constraint = constraint;
            node.calculation = calculation;
            node.draws_lots = found.draws_lots;
            node.reads_last_saved = found.reads_last_saved;
            node.repeat_count = repeat_count;
            node.default = default;
            node.choices = choices;
            node.texts = (!texts.is_empty()).then(|| Box::new(texts));
        }
        for action in &source.actions {
            self.action(action);
        }
    }

    /// Parses and binds; whatever it reads will have `property` computed again.
    fn formula(&mut self, text: Option<&str>, header: &str, property: Property) -> Option<Formula> {
        let text = text?;
        let (expression, findings) = self.bound(text, header, false)?;
        self.refuse_own_value(&findings, text, header, property);
        self.watch(&findings, property);
        Some(Box::new(expression))
    }

    fn calculation(&mut self, text: &str) -> Option<(Formula, Findings)> {
        let (expression, findings) = self.bound(text, "calculation", false)?;
        self.watch(&findings, Property::Value);
        Some((Box::new(expression), findings))
    }

    /// The number of instances, seen from around the repeat.
    fn count(&mut self, text: Option<&str>) -> Option<Formula> {
        let (expression, findings) = self.bound(text?, "repeat_count", true)?;
        self.watch(&findings, Property::Value);
        Some(Box::new(expression))
    }

    /// Parses and binds what is computed once.
    pub(super) fn unwatched(&mut self, text: &str, header: &str) -> Option<Formula> {
        self.bound(text, header, false).map(|(expression, _)| Box::new(expression))
    }

    /// Parses and binds, and tells what is wrong. `around` for what a repeat as
    /// a whole says.
    fn bound(&mut self, text: &str, header: &str, around: bool) -> Option<(Expr, Findings)> {
        let mut expression = self.parse(text, header)?;
        let plan = &*self.plan;
        let mut binder =
            if around { Binder::around(plan, self.number) } else { Binder::new(plan, self.number) };
        binder.bind_all(&mut expression);
        let findings = binder.findings;
        self.finish(&findings, text, header);
        Some((expression, findings))
    }

    pub(super) fn parse(&mut self, text: &str, header: &str) -> Option<Expr> {
        match expr::parse(text) {
            Ok(expression) => Some(expression),
            Err(error) => {
                self.report(&error, text, header);
                None
            }
        }
    }

    pub(super) fn finish(&mut self, findings: &Findings, text: &str, header: &str) {
        for error in &findings.problems {
            self.report(error, text, header);
        }
        self.index(findings);
    }

    fn index(&mut self, findings: &Findings) {
        for (list, column) in &findings.lookups {
            if let Some(list) = self.plan.lists.get_mut(usize::from(*list))
                && let Some(column) = list.column(column)
            {
                list.index_column(column);
            }
        }
    }

    pub(super) fn report(&mut self, error: &ExpressionError, text: &str, header: &str) {
        let form = &self.plan.form;
        let (sheet, columns, row, header) = match self.entity_cell() {
            Some((row, header)) => ("entities", &form.entity_columns, row, header),
            None => ("survey", &form.survey_columns, self.row, header),
        };
        let plain = header.split("::").next().unwrap_or(header);
        let letter = columns.get(header).or_else(|| columns.get(plain)).map_or("", String::as_str);
        let problem = AuthoringProblem::error(sheet, error.message.clone())
            .at_row(row)
            .at_column(letter, header)
            .finding(text)
            .suggesting(error.suggestion.clone());
        // Several attributes of an entity are made of one cell.
        let told = |other: &AuthoringProblem| {
            (&other.sheet, &other.message, other.row, &other.column)
                == (&problem.sheet, &problem.message, problem.row, &problem.column)
        };
        if sheet != "entities" || !self.problems.iter().any(told) {
            self.problems.push(problem);
        }
    }

    /// Row and header of what the node says, where it is part of an entity that
    /// a sheet of its own declares.
    fn entity_cell(&self) -> Option<(u32, &'static str)> {
        let node = self.plan.node(self.number)?;
        let entity =
            self.plan.node(node.parent?).filter(|parent| parent.name == "entity" && parent.row == 0)?;
        let dataset = entity.attributes.iter().filter_map(|&one| self.plan.node(one));
        let list = dataset.into_iter().find_map(|one| match &one.default {
            Some(PlanDefault::Value(list)) if one.name == "dataset" => Some(list),
            _ => None,
        })?;
        let header = match node.name.as_str() {
            "create" => "create_if",
            "update" => "update_if",
            "label" => "label",
            _ => "entity_id",
        };
        Some((*self.plan.form.entity_rows.get(list)?, header))
    }

    /// Whether something applies, is needed or is fixed cannot hang on its own
    /// value (JavaRosa).
    fn refuse_own_value(&mut self, findings: &Findings, text: &str, header: &str, property: Property) {
        let own = findings.reads.iter().any(|read| {
            read.node == self.number && read.scope == self.plan.node(read.node).map_or(0, |node| node.region)
        });
        let leaf = self.plan.node(self.number).is_some_and(|node| !node.kind.is_container());
        if own && leaf && matches!(property, Property::Required | Property::ReadOnly) {
            let name = self.plan.node(self.number).map_or("", |node| node.name.as_str());
            let message =
                format!("this depends on itself in a circle: {name} ({header}, row {}) → {name}", self.row);
            self.report(&ExpressionError::new(1, message), text, header);
        }
    }

    pub(super) fn watch(&mut self, findings: &Findings, property: Property) {
        self.watch_for(findings, property, self.number);
    }

    fn watch_for(&mut self, findings: &Findings, property: Property, reader: u32) {
        for read in &findings.reads {
            // A question's own rule about its own answer is checked with it.
            if property == Property::Validity && read.node == reader {
                continue;
            }
            let dependent = Dependent { property, node: reader, scope: read.scope, crosses: read.crosses };
            if let Some(node) = self.plan.node_mut(read.node)
                && node.dependents.last() != Some(&dependent)
            {
                node.dependents.push(dependent);
            }
        }
        let watcher = (property, reader);
        if findings.reads_clock && !self.plan.clock_watchers.contains(&watcher) {
            self.plan.clock_watchers.push(watcher);
        }
    }

    /// `trigger`: an answer to one of these questions has the calculation made.
    fn triggers(&mut self, source: &Node) {
        let value = match source.kind {
            NodeKind::BackgroundGeopoint => PlanActionValue::Place,
            _ => match source.calculation.as_deref() {
                None => PlanActionValue::Literal(String::new()),
                Some(text) => match self.unwatched(text, "calculation") {
                    Some(formula) => PlanActionValue::Formula(formula),
                    None => return,
                },
            },
        };
        let action = u32::try_from(self.plan.actions.len()).unwrap_or(u32::MAX);
        for name in &source.triggers {
            let reference = format!("${{{name}}}");
            let Some((Expr::Path(path), _)) = self.bound(&reference, "trigger", false) else { continue };
            if let Start::Node(trigger) = path.start
                && let Some(trigger) = self.plan.node_mut(trigger)
            {
                trigger.on_change.push(action);
            }
        }
        self.plan.actions.push(PlanAction {
            events: vec![ActionEvent::ValueChanged],
            owner: self.number,
            target: Box::new(Expr::Path(Path::from_start(Start::Node(self.number)))),
            value,
        });
    }

    fn action(&mut self, action: &Action) {
        self.row = if action.row == 0 { self.row } else { action.row };
        let Some(target) = self.unwatched(&action.target, "trigger") else { return };
        // The value is seen from the node that gets it.
        let owner = self.number;
        if let Expr::Path(path) = target.as_ref()
            && let (Start::Node(node), true) = (&path.start, path.steps.is_empty())
        {
            self.number = *node;
        }
        let value = match &action.value {
            ActionValue::Literal(text) => Some(PlanActionValue::Literal(text.clone())),
            ActionValue::Expression(text) => {
                self.unwatched(text, "calculation").map(PlanActionValue::Formula)
            }
            ActionValue::Geopoint => Some(PlanActionValue::Place),
            ActionValue::Audio(_) => Some(PlanActionValue::Recording),
        };
        self.number = owner;
        let Some(value) = value else { return };
        let number = u32::try_from(self.plan.actions.len()).unwrap_or(u32::MAX);
        if action.events.contains(&ActionEvent::ValueChanged)
            && let Some(node) = self.plan.node_mut(owner)
        {
            node.on_change.push(number);
        }
        self.plan.actions.push(PlanAction { events: action.events.clone(), owner, target, value });
    }

    fn templates(&mut self, text: &Text, header: &str, property: Property) -> Templates {
        if text.is_empty() {
            return Templates::new();
        }
        let several = self.plan.form.languages.len() > 1;
        let mut templates = Templates::with_capacity(text.0.len());
        for (place, words) in text.0.iter().enumerate() {
            let language = self.plan.form.languages.get(place).filter(|_| several || header == "label");
            let shown =
                language.map_or_else(|| header.to_owned(), |language| format!("{header}::{language}"));
            let parts = self.template(words, &shown, property);
            templates.push(parts);
        }
        templates
    }

    /// Binds the expressions within a text.
    fn template(&mut self, words: &Words, header: &str, property: Property) -> Vec<Part> {
        let mut parts = Vec::with_capacity(words.0.len());
        for piece in &words.0 {
            match piece {
                Piece::Text(text) => parts.push(Part::Text(text.clone())),
                Piece::Output(output) => {
                    if let Some((expression, findings)) = self.bound(output, header, false) {
                        self.watch(&findings, property);
                        parts.push(Part::Formula(expression));
                    }
                }
            }
        }
        parts
    }
}

/// Labels of lists that are more than one plain text: translations, outputs,
/// media. Outputs are seen from the select that shows the list.
fn label_lists(plan: &mut Plan, problems: &mut Vec<AuthoringProblem>) {
    let lists = std::mem::take(&mut plan.form.lists);
    for (name, choices) in &lists {
        let rich = choices.iter().any(|choice| {
            !choice.media.is_empty()
                || choice.label.0.len() > 1
                || choice.label.0.iter().any(|words| words.plain().is_none())
        });
        let Some(&number) = plan.list_names.get(name).filter(|_| rich) else { continue };
        let mut texts = Vec::with_capacity(choices.len());
        let mut media: Vec<Media> = Vec::with_capacity(choices.len());
        for choice in choices {
            let mut compiler = Compiler { plan, problems, row: 0, number: 0 };
            texts.push(compiler.templates(&choice.label, "label", Property::Look));
            media.push(choice.media.clone());
        }
        if let Some(list) = plan.lists.get_mut(usize::from(number))
            && let Some(column) = list.column("label")
        {
            list.labels = Some(Labels { column, texts, media });
        }
    }
    plan.form.lists = lists;
    // `jr:itext('…')` finds these.
    let named = std::mem::take(&mut plan.form.texts);
    let mut texts = BTreeMap::new();
    for (id, text) in &named {
        let mut compiler = Compiler { plan, problems, row: 0, number: 0 };
        texts.insert(id.clone(), compiler.templates(&text.text, "label", Property::Look));
    }
    plan.texts = texts;
    plan.form.texts = named;
}

fn layout_labels(plan: &mut Plan, problems: &mut Vec<AuthoringProblem>) {
    fn fill(plan: &mut Plan, entries: &mut [super::Layout], problems: &mut Vec<AuthoringProblem>) {
        for entry in entries {
            let text = std::mem::take(&mut entry.text);
            if !text.is_empty() {
                let mut compiler = Compiler { plan, problems, row: 0, number: 0 };
                entry.label = compiler.templates(&text, "label", Property::Look);
            }
            fill(plan, &mut entry.items, problems);
        }
    }
    let mut layout = std::mem::take(&mut plan.layout);
    fill(plan, &mut layout, problems);
    plan.layout = layout;
}

fn instance_name(plan: &mut Plan, problems: &mut Vec<AuthoringProblem>) {
    let Some(text) = plan.form.instance_name.clone() else {
        return;
    };
    let mut found = Vec::new();
    let bound =
        Compiler { plan, problems: &mut found, row: 2, number: 0 }.bound(&text, "instance_name", false);
    let letter = plan.form.instance_name_column.clone().unwrap_or_default();
    problems.extend(found.into_iter().map(|problem| AuthoringProblem {
        sheet: "settings".to_owned(),
        ..problem.at_column(&letter, "instance_name")
    }));
    plan.instance_name = bound.map(|(expression, _)| Box::new(expression));
}
