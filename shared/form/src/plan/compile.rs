//! Parses and binds every expression of the form.

use super::bind::{Binder, Findings, Place};
use super::choices::{ChoiceText, PlanChoices};
use super::lists::Labels;
use super::{
    Dependent, Formula, NodeTexts, Part, Plan, PlanAction, PlanActionValue, PlanDefault, Property, Templates,
};
use crate::expr::{self, Axis, Expr, ExpressionError, Path, Start, Step, Test};
use crate::form::{
    Action, ActionEvent, ActionValue, ChoiceSource, Default, Media, Node, NodeKind, Piece, Text, Words,
};
use crate::problem::{AuthoringProblem, did_you_mean};
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
struct Compiler<'a> {
    plan: &'a mut Plan,
    problems: &'a mut Vec<AuthoringProblem>,
    row: u32,
    number: u32,
}

impl Compiler<'_> {
    fn node(&mut self, source: &Node) {
        let relevant = self.formula(source.relevant.as_deref(), "relevant", Property::Relevance);
        let required = self.formula(source.required.as_deref(), "required", Property::Required);
        let read_only = self.formula(source.read_only.as_deref(), "read_only", Property::ReadOnly);
        let constraint = self.formula(source.constraint.as_deref(), "constraint", Property::Validity);
        let mut draws_lots = false;
        let calculation = if source.triggers.is_empty() {
            let (formula, draws) = self.calculation(source.calculation.as_deref());
            draws_lots = draws;
            formula
        } else {
            self.triggers(source);
            None
        };
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
            node.draws_lots = draws_lots;
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

    fn calculation(&mut self, text: Option<&str>) -> (Option<Formula>, bool) {
        let Some(text) = text else { return (None, false) };
        let Some((expression, findings)) = self.bound(text, "calculation", false) else {
            return (None, false);
        };
        self.watch(&findings, Property::Value);
        (Some(Box::new(expression)), findings.draws_lots)
    }

    /// The number of instances, seen from around the repeat.
    fn count(&mut self, text: Option<&str>) -> Option<Formula> {
        let (expression, findings) = self.bound(text?, "repeat_count", true)?;
        self.watch(&findings, Property::Value);
        Some(Box::new(expression))
    }

    /// Parses and binds what is computed once.
    fn unwatched(&mut self, text: &str, header: &str) -> Option<Formula> {
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

    fn parse(&mut self, text: &str, header: &str) -> Option<Expr> {
        match expr::parse(text) {
            Ok(expression) => Some(expression),
            Err(error) => {
                self.report(&error, text, header);
                None
            }
        }
    }

    fn finish(&mut self, findings: &Findings, text: &str, header: &str) {
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

    fn report(&mut self, error: &ExpressionError, text: &str, header: &str) {
        let columns = &self.plan.form.survey_columns;
        let plain = header.split("::").next().unwrap_or(header);
        let letter = columns.get(header).or_else(|| columns.get(plain)).map_or("", String::as_str);
        self.problems.push(
            AuthoringProblem::error("survey", error.message.clone())
                .at_row(self.row)
                .at_column(letter, header)
                .finding(text)
                .suggesting(error.suggestion.clone()),
        );
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

    fn watch(&mut self, findings: &Findings, property: Property) {
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

    fn choices(&mut self, source: &Node) -> Option<PlanChoices> {
        // Labels of a scale and the background of a map restrict nothing.
        if matches!(
            source.kind,
            NodeKind::Range | NodeKind::Geopoint | NodeKind::Geotrace | NodeKind::Geoshape
        ) {
            return None;
        }
        match source.choices.as_ref()? {
            ChoiceSource::List(name) => self.listed(source, name, "name", "label"),
            ChoiceSource::File { file, value, label } => {
                let stem = file.rsplit_once('.').map_or(file.as_str(), |(stem, _)| stem);
                self.listed(source, stem, value, label)
            }
            ChoiceSource::Repeat(name) => self.answers(source, name),
            ChoiceSource::Nodes { nodeset, value, label } => {
                self.nodes(source, nodeset, value, label.as_deref())
            }
        }
    }

    /// The rows of a list: all of them, or those that the filter lets through.
    fn listed(&mut self, source: &Node, name: &str, value: &str, label: &str) -> Option<PlanChoices> {
        let Some(list) = self.plan.list_names.get(name).copied() else {
            // A file that could not be a list, such as XML of any shape.
            if !self.plan.is_document(name) {
                return None;
            }
            let filter =
                source.choice_filter.as_ref().map_or_else(String::new, |filter| format!("[{filter}]"));
            return self.nodes(source, &format!("instance('{name}')/root/item{filter}"), value, Some(label));
        };
        let columns = self.plan.list(list).map_or_else(Vec::new, |list| list.columns.clone());
        if columns.is_empty() {
            return None;
        }
        let mut places = [0_u16; 2];
        for (place, column) in places.iter_mut().zip([value, label]) {
            match self.plan.list(list).and_then(|list| list.column(column)) {
                Some(found) => *place = found,
                None => {
                    let letter = self.plan.form.survey_columns.get("type").cloned().unwrap_or_default();
                    self.problems.push(
                        AuthoringProblem::error(
                            "survey",
                            format!("the file of \"{name}\" has no column \"{column}\""),
                        )
                        .at_row(self.row)
                        .at_column(&letter, "type")
                        .finding(columns.join(", "))
                        .suggesting(did_you_mean(column, columns.iter().map(String::as_str))),
                    );
                }
            }
        }
        let [value_column, label_column] = places;
        if let Some(list) = self.plan.lists.get_mut(usize::from(list)) {
            list.index_column(value_column);
        }
        let random =
            source.parameters.get("randomize").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let filtered = match (&source.choice_filter, random) {
            (None, false) => None,
            (filter, random) => {
                let predicate = match filter {
                    Some(filter) => Some(self.parse(filter, "choice_filter")?),
                    None => None,
                };
                self.filter(filter.as_deref().unwrap_or_default(), predicate, name, random.then_some(source))
            }
        };
        Some(PlanChoices::List { list, value_column, label: ChoiceText::Column(label_column), filtered })
    }

    /// `instance('list')/root/item[filter]`, so that a filter and a path are
    /// one thing to the evaluator and to the indexes.
    fn filter(
        &mut self,
        filter: &str,
        predicate: Option<Expr>,
        list: &str,
        shuffled: Option<&Node>,
    ) -> Option<Formula> {
        let Ok(Expr::Path(mut path)) = expr::parse("instance('')/root/item") else {
            return None;
        };
        if let Start::Expression(start) = &mut path.start
            && let Expr::Call(call) = start.as_mut()
        {
            call.arguments = vec![Expr::Text(list.to_owned())];
        }
        let names = self.plan.list_names.get(list).and_then(|&list| {
            self.plan.list(list).map(|list| [list.root_name.clone(), list.item_name.clone()])
        });
        for (step, name) in path.steps.iter_mut().zip(names.into_iter().flatten()) {
            step.test = Test::Name(name);
        }
        if let Some(rows) = path.steps.last_mut() {
            rows.predicates.extend(predicate);
        }
        let mut expression = Expr::Path(path);
        if let Some(source) = shuffled {
            expression = self.shuffled(source, expression)?;
        }
        self.watched_choices(expression, filter, "choice_filter")
    }

    /// `randomize(choices, seed)`
    fn shuffled(&mut self, source: &Node, choices: Expr) -> Option<Expr> {
        let text = match source.parameters.get("seed") {
            Some(seed) => format!("randomize(., {seed})"),
            None => "randomize(.)".to_owned(),
        };
        match self.parse(&text, "parameters")? {
            Expr::Call(mut call) => {
                if let Some(first) = call.arguments.first_mut() {
                    *first = choices;
                }
                Some(Expr::Call(call))
            }
            _ => None,
        }
    }

    fn watched_choices(&mut self, mut expression: Expr, text: &str, header: &str) -> Option<Formula> {
        let mut binder = Binder::new(self.plan, self.number);
        binder.bind_all(&mut expression);
        let findings = binder.findings;
        self.finish(&findings, text, header);
        self.watch(&findings, Property::Look);
        self.watch(&findings, Property::Validity);
        Some(Box::new(expression))
    }

    /// The answers to a question in all instances of its repeat, as values and
    /// labels at once. In the filter, names of that repeat mean the instance
    /// that is looked at.
    fn answers(&mut self, source: &Node, name: &str) -> Option<PlanChoices> {
        let reference = format!("${{{name}}}");
        let node = match self.plan.names.get(name).map(Vec::as_slice) {
            Some([node]) => *node,
            _ => {
                // Unknown or ambiguous: the binder says which.
                self.unwatched(&reference, "type")?;
                return None;
            }
        };
        let repeat = self.plan.node(node).map_or(0, |node| node.region);
        if repeat == 0 {
            let error = ExpressionError::new(
                1,
                format!("\"{name}\" is not inside a repeat, so there is nothing to choose from"),
            );
            self.report(&error, &reference, "type");
            return None;
        }
        let mut instances = self.path_from_root(repeat);
        let inner = self.path_down(repeat, node);
        if let Some(filter) = &source.choice_filter {
            let mut predicate = self.parse(filter, "choice_filter")?;
            self.seen_from(&mut predicate, repeat);
            if let Some(step) = instances.steps.last_mut() {
                step.predicates.push(predicate);
            }
        }
        // Every instance that has an answer.
        let mut answered = Path::from_start(Start::Focus);
        answered.steps.clone_from(&inner);
        if let Ok(Expr::Chain(_, rest)) = expr::parse("'' != ''")
            && let Some(step) = instances.steps.last_mut()
        {
            step.predicates.push(Expr::Chain(Box::new(Expr::Path(answered)), rest));
        }
        instances.steps.extend(inner);
        let mut nodeset = Expr::Path(instances);
        if source.parameters.get("randomize").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            nodeset = self.shuffled(source, nodeset)?;
        }
        let text = source.choice_filter.as_deref().unwrap_or(&reference);
        let nodeset = self.watched_choices(nodeset, text, "choice_filter")?;
        Some(PlanChoices::Nodes { nodeset, value: Box::new(own_text()), label: None })
    }

    fn path_from_root(&self, node: u32) -> Path {
        let mut path = Path::from_start(Start::Root);
        let root = self.plan.node(0).map_or_else(String::new, |root| root.name.clone());
        path.steps.push(Step::new(Axis::Child, Test::Name(root)));
        path.steps.extend(self.path_down(0, node));
        path
    }

    /// Steps from a node to one inside it.
    fn path_down(&self, from: u32, to: u32) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut at = to;
        while at != from {
            let Some(node) = self.plan.node(at) else { break };
            steps.push(Step::new(Axis::Child, Test::Name(node.name.clone())));
            at = node.parent.unwrap_or(from);
        }
        steps.reverse();
        steps
    }

    /// Turns `${name}` of what is inside the repeat into a path from one of its
    /// instances.
    fn seen_from(&self, expression: &mut Expr, repeat: u32) {
        match expression {
            Expr::Number(_) | Expr::Text(_) | Expr::Unknown(_) => {}
            Expr::Negate(inner) => self.seen_from(inner, repeat),
            Expr::Chain(first, rest) => {
                self.seen_from(first, repeat);
                rest.iter_mut().for_each(|(_, operand)| self.seen_from(operand, repeat));
            }
            Expr::Union(parts) => parts.iter_mut().for_each(|part| self.seen_from(part, repeat)),
            Expr::Call(call) => call.arguments.iter_mut().for_each(|one| self.seen_from(one, repeat)),
            Expr::Path(path) => {
                let Start::Named(name, _) = &path.start else { return };
                if let Some([node]) = self.plan.names.get(name).map(Vec::as_slice)
                    && *node != repeat
                    && self.plan.holds(repeat, *node)
                {
                    let mut steps = self.path_down(repeat, *node);
                    steps.append(&mut path.steps);
                    path.steps = steps;
                    path.start = Start::Focus;
                }
            }
        }
    }

    /// Whatever nodes an expression finds. Rows of a list are told apart, since
    /// indexes and columns serve them.
    fn nodes(
        &mut self,
        source: &Node,
        nodeset: &str,
        value: &str,
        label: Option<&str>,
    ) -> Option<PlanChoices> {
        let mut expression = self.parse(nodeset, "choice_filter")?;
        if source.parameters.get("randomize").is_some_and(|value| value.eq_ignore_ascii_case("true"))
            && !matches!(&expression, Expr::Call(call) if call.function.name == "randomize")
        {
            expression = self.shuffled(source, expression)?;
        }
        let mut binder = Binder::new(self.plan, self.number);
        let places = binder.bind_all(&mut expression);
        let findings = binder.findings;
        self.finish(&findings, nodeset, "choice_filter");
        self.watch(&findings, Property::Look);
        self.watch(&findings, Property::Validity);
        let seen = |compiler: &mut Self, text: &str| {
            let mut expression = compiler.parse(text, "type")?;
            let mut binder = Binder::new(compiler.plan, compiler.number);
            binder.bind_from(&mut expression, &places);
            let findings = binder.findings;
            compiler.finish(&findings, text, "type");
            compiler.watch(&findings, Property::Look);
            Some(expression)
        };
        let value = seen(self, value)?;
        let label = match label {
            Some(label) => Some(seen(self, label)?),
            None => None,
        };
        if let [Place::Row(list)] = places.as_slice() {
            let column = |expression: &Expr| {
                super::bind::own_column(expression).and_then(|name| self.plan.list(*list)?.column(name))
            };
            let (list, value_column) = (*list, column(&value));
            let label_text = match &label {
                None => value_column.map(ChoiceText::Column),
                Some(label) => Some(
                    column(label)
                        .map_or_else(|| ChoiceText::Formula(Box::new(label.clone())), ChoiceText::Column),
                ),
            };
            if let (Some(value_column), Some(label)) = (value_column, label_text) {
                if let Some(list) = self.plan.lists.get_mut(usize::from(list)) {
                    list.index_column(value_column);
                }
                let whole = matches!(&expression, Expr::Path(path)
                    if path.steps.iter().all(|step| step.predicates.is_empty()));
                let filtered = (!whole).then(|| Box::new(expression));
                return Some(PlanChoices::List { list, value_column, label, filtered });
            }
        }
        Some(PlanChoices::Nodes {
            nodeset: Box::new(expression),
            value: Box::new(value),
            label: label.map(Box::new),
        })
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

/// `.`
fn own_text() -> Expr {
    Expr::Path(Path::from_start(Start::Focus))
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
