//! Puts a plan together: nodes first, then expressions, then their order.

use super::bind::{Binder, Findings, Place};
use super::{
    Attachments, Dependent, Formula, Part, Plan, PlanChoices, PlanDefault, PlanNode, PlanPage, Property,
    Templates, graph, lists,
};
use crate::expr::{self, Axis, Call, Expr, Path, Start, Step, Test};
use crate::form::{ChoiceSource, Default, Form, MAX_NESTING, Node, NodeKind, Piece, Text, Words};
use crate::problem::{AuthoringProblem, did_you_mean};
use std::collections::HashMap;
use std::sync::Arc;

/// Most nodes of a form.
const MAX_NODES: usize = 200_000;

pub(super) fn build(form: Form, attachments: &Attachments, problems: &mut Vec<AuthoringProblem>) -> Plan {
    let lists = lists::read_all(&form, attachments, problems);
    let list_names = lists.iter().zip(0_u16..).map(|(list, number)| (list.name.clone(), number)).collect();
    let mut plan = Plan {
        form,
        nodes: Vec::new(),
        names: HashMap::new(),
        lists,
        list_names,
        pages: Vec::new(),
        instance_name: None,
        clock_watchers: Vec::new(),
    };
    let top = std::mem::take(&mut plan.form.nodes);
    add_root(&mut plan, &top, problems);
    find_pages(&mut plan);
    let mut sources = Vec::new();
    flatten(&top, &mut sources);
    for (source, number) in sources.iter().zip(1_u32..) {
        Compiler { plan: &mut plan, problems, source, number }.all();
    }
    compile_instance_name(&mut plan, problems);
    drop(sources);
    plan.form.nodes = top;
    // Contents of a counted repeat wait for the count.
    graph::order(&mut plan, problems);
    plan
}

fn flatten<'a>(nodes: &'a [Node], into: &mut Vec<&'a Node>) {
    for node in nodes {
        into.push(node);
        flatten(&node.children, into);
    }
}

fn blank(name: &str, kind: NodeKind, row: u32, parent: Option<u32>, slot: usize) -> PlanNode {
    PlanNode {
        name: name.to_owned(),
        kind,
        row,
        parent,
        slot,
        children: Vec::new(),
        end: 0,
        page: 0,
        relevant: None,
        required: None,
        read_only: None,
        constraint: None,
        calculation: None,
        repeat_count: None,
        default: None,
        choices: None,
        label: Templates::new(),
        hint: Templates::new(),
        guidance_hint: Templates::new(),
        required_message: Templates::new(),
        constraint_message: Templates::new(),
        appearance: String::new(),
        parameters: std::collections::BTreeMap::new(),
        dependents: Vec::new(),
        value_rank: 0,
        relevance_rank: 0,
    }
}

fn add_root(plan: &mut Plan, top: &[Node], problems: &mut Vec<AuthoringProblem>) {
    plan.nodes.push(blank(&plan.form.root, NodeKind::Group, 0, None, 0));
    add_nodes(plan, top, 0, 0, problems);
    let end = u32::try_from(plan.nodes.len()).unwrap_or(u32::MAX);
    if let Some(root) = plan.nodes.first_mut() {
        root.end = end;
    }
}

fn add_nodes(
    plan: &mut Plan,
    nodes: &[Node],
    parent: u32,
    depth: usize,
    problems: &mut Vec<AuthoringProblem>,
) {
    if depth > MAX_NESTING || plan.nodes.len() + nodes.len() > MAX_NODES {
        problems.push(AuthoringProblem::error(
            "survey",
            format!("the form is too large: at most {MAX_NODES} rows, {MAX_NESTING} levels deep"),
        ));
        return;
    }
    for (slot, node) in nodes.iter().enumerate() {
        let number = u32::try_from(plan.nodes.len()).unwrap_or(u32::MAX);
        let mut planned = blank(&node.name, node.kind, node.row, Some(parent), slot);
        planned.appearance.clone_from(&node.appearance);
        planned.parameters.clone_from(&node.parameters);
        plan.nodes.push(planned);
        if let Some(parent) = index_of(parent).and_then(|parent| plan.nodes.get_mut(parent)) {
            parent.children.push(number);
        }
        plan.names.entry(node.name.clone()).or_default().push(number);
        add_nodes(plan, &node.children, number, depth + 1, problems);
        let end = u32::try_from(plan.nodes.len()).unwrap_or(u32::MAX);
        if let Some(node) = index_of(number).and_then(|number| plan.nodes.get_mut(number)) {
            node.end = end;
        }
    }
}

fn index_of(number: u32) -> Option<usize> {
    usize::try_from(number).ok()
}

/// Whether a group or repeat has anything for people in it.
fn shows_something(plan: &Plan, container: u32) -> bool {
    let end = plan.node(container).map_or(container, |node| node.end);
    (container..end).any(|inside| plan.node(inside).is_some_and(|node| node.kind.is_shown()))
}

/// Each top-level group or repeat is a page; what is shown between them, too.
fn find_pages(plan: &mut Plan) {
    let top = plan.nodes.first().map_or_else(Vec::new, |root| root.children.clone());
    let mut pages: Vec<PlanPage> = Vec::new();
    for number in top {
        let Some(node) = plan.node(number) else { continue };
        let (container, shown) = (node.kind.is_container(), node.kind.is_shown());
        if container && !shows_something(plan, number) {
            continue;
        }
        if container {
            pages.push(PlanPage { group: Some(number), nodes: vec![number] });
        } else if shown {
            match pages.last_mut() {
                Some(page) if page.group.is_none() => page.nodes.push(number),
                _ => pages.push(PlanPage { group: None, nodes: vec![number] }),
            }
        }
        let page = pages.len().saturating_sub(1);
        let end = plan.node(number).map_or(number, |node| node.end);
        for inside in number..end {
            if let Some(node) = index_of(inside).and_then(|inside| plan.nodes.get_mut(inside)) {
                node.page = page;
            }
        }
    }
    plan.pages = pages;
}

/// Compiles what one row says.
struct Compiler<'a> {
    plan: &'a mut Plan,
    problems: &'a mut Vec<AuthoringProblem>,
    source: &'a Node,
    number: u32,
}

impl Compiler<'_> {
    fn all(&mut self) {
        let source = self.source;
        let relevant = self.formula(source.relevant.as_deref(), "relevant", Property::Relevance);
        let required = self.formula(source.required.as_deref(), "required", Property::Required);
        let read_only = self.formula(source.read_only.as_deref(), "read_only", Property::ReadOnly);
        let constraint = self.formula(source.constraint.as_deref(), "constraint", Property::Validity);
        let calculation = self.formula(source.calculation.as_deref(), "calculation", Property::Value);
        let repeat_count = self.formula(source.repeat_count.as_deref(), "repeat_count", Property::Value);
        let default = match &source.default {
            None => None,
            Some(Default::Value(value)) => Some(PlanDefault::Value(value.clone())),
            Some(Default::Expression(text)) => self.unwatched(text, "default").map(PlanDefault::Formula),
        };
        let choices = self.choices();
        let label = self.templates(&source.label, "label");
        let hint = self.templates(&source.hint, "hint");
        let guidance_hint = self.templates(&source.guidance_hint, "guidance_hint");
        let required_message = self.templates(&source.required_message, "required_message");
        let constraint_message = self.templates(&source.constraint_message, "constraint_message");
        if let Some(node) = index_of(self.number).and_then(|number| self.plan.nodes.get_mut(number)) {
            node.relevant = relevant;
            node.required = required;
            node.read_only = read_only;
            node.constraint = constraint;
            node.calculation = calculation;
            node.repeat_count = repeat_count;
            node.default = default;
            node.choices = choices;
            node.label = label;
            node.hint = hint;
            node.guidance_hint = guidance_hint;
            node.required_message = required_message;
            node.constraint_message = constraint_message;
        }
    }

    /// Parses and binds; whatever it reads will have `property` computed again.
    fn formula(&mut self, text: Option<&str>, header: &str, property: Property) -> Option<Formula> {
        let text = text?;
        let mut expression = self.parse(text, header)?;
        let findings = self.bind(&mut expression, &[Place::Node(self.number)], text, header);
        self.watch(&findings, property);
        Some(Formula { expression })
    }

    /// Parses and binds what is computed once.
    fn unwatched(&mut self, text: &str, header: &str) -> Option<Formula> {
        let mut expression = self.parse(text, header)?;
        self.bind(&mut expression, &[Place::Node(self.number)], text, header);
        Some(Formula { expression })
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

    fn report(&mut self, error: &expr::ExpressionError, text: &str, header: &str) {
        let columns = &self.plan.form.survey_columns;
        let plain = header.split("::").next().unwrap_or(header);
        let letter = columns.get(header).or_else(|| columns.get(plain)).map_or("", String::as_str);
        self.problems.push(
            AuthoringProblem::error("survey", error.message.clone())
                .at_row(self.source.row)
                .at_column(letter, header)
                .finding(text)
                .suggesting(error.suggestion.clone()),
        );
    }

    fn bind(&mut self, expression: &mut Expr, from: &[Place], text: &str, header: &str) -> Findings {
        let mut binder = Binder { plan: self.plan, owner: self.number, findings: Findings::default() };
        binder.bind(expression, from);
        let findings = binder.findings;
        for error in &findings.problems {
            self.report(error, text, header);
        }
        for (list, column) in &findings.lookups {
            if let Some(list) = self.plan.lists.get_mut(usize::from(*list))
                && let Some(column) = list.column(column)
            {
                list.index_column(column);
            }
        }
        findings
    }

    fn watch(&mut self, findings: &Findings, property: Property) {
        for read in &findings.reads {
            let dependent = Dependent { property, node: self.number, scope: read.scope };
            // A question's own rule about its own answer is checked with it.
            if property == Property::Validity && read.node == self.number {
                continue;
            }
            if let Some(node) = index_of(read.node).and_then(|node| self.plan.nodes.get_mut(node))
                && !node.dependents.contains(&dependent)
            {
                node.dependents.push(dependent);
            }
        }
        if findings.reads_clock && !self.plan.clock_watchers.contains(&(property, self.number)) {
            self.plan.clock_watchers.push((property, self.number));
        }
    }

    fn choices(&mut self) -> Option<PlanChoices> {
        let source = self.source;
        if !source.kind.is_select() {
            return None;
        }
        let (name, value, label) = match source.choices.as_ref()? {
            ChoiceSource::List(name) => (name.as_str(), "name", "label"),
            ChoiceSource::File { file, value, label } => {
                let stem = file.rsplit_once('.').map_or(file.as_str(), |(stem, _)| stem);
                (stem, value.as_str(), label.as_str())
            }
            ChoiceSource::Nodes { .. } => return None,
            ChoiceSource::Repeat(name) => return self.answers(name).map(PlanChoices::Answers),
        };
        let list = self.plan.list_names.get(name).copied()?;
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
                        .at_row(source.row)
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
        let filtered = source.choice_filter.as_deref().and_then(|filter| self.filter(filter, name));
        Some(PlanChoices::List { list, value_column, label_column, filtered })
    }

    /// The absolute path of the question, so that all instances are meant, also
    /// from within the same repeat.
    fn answers(&mut self, name: &str) -> Option<Formula> {
        let reference = format!("${{{name}}}");
        let node = match self.plan.names.get(name).map(Vec::as_slice) {
            Some([node]) => *node,
            _ => {
                // Unknown or ambiguous: the binder says which.
                self.unwatched(&reference, "type")?;
                return None;
            }
        };
        let in_repeat = std::iter::successors(Some(node), |&at| self.plan.node(at)?.parent)
            .any(|at| self.plan.node(at).is_some_and(|node| node.kind == NodeKind::Repeat));
        if !in_repeat {
            let error = expr::ExpressionError::new(
                1,
                format!("\"{name}\" is not inside a repeat, so there is nothing to choose from"),
            );
            self.report(&error, &reference, "type");
            return None;
        }
        let mut path = Path::from_start(Start::Root);
        for at in std::iter::once(0).chain(self.plan.way_down(0, node)) {
            let name = self.plan.node(at).map_or_else(String::new, |node| node.name.clone());
            path.steps.push(Step::new(Axis::Child, Test::Name(name)));
        }
        let mut expression = Expr::Path(path);
        let findings = self.bind(&mut expression, &[Place::Node(self.number)], &reference, "type");
        self.watch(&findings, Property::Look);
        self.watch(&findings, Property::Validity);
        Some(Formula { expression })
    }

    /// `instance('list')/root/item[filter]`, so that a filter and a path are
    /// one thing to the evaluator and to the indexes.
    fn filter(&mut self, filter: &str, list: &str) -> Option<Formula> {
        let predicate = self.parse(filter, "choice_filter")?;
        let Ok(Expr::Call(instance)) = expr::parse("instance('')") else {
            return None;
        };
        let call = Call { arguments: vec![Expr::Text(list.to_owned())], ..instance };
        let mut path = Path::from_start(Start::Expression(Box::new(Expr::Call(call))));
        path.steps.push(Step::new(Axis::Child, Test::Name("root".to_owned())));
        let mut rows = Step::new(Axis::Child, Test::Name("item".to_owned()));
        rows.predicates.push(predicate);
        path.steps.push(rows);
        let mut expression = Expr::Path(path);
        let findings = self.bind(&mut expression, &[Place::Node(self.number)], filter, "choice_filter");
        self.watch(&findings, Property::Look);
        self.watch(&findings, Property::Validity);
        Some(Formula { expression })
    }

    fn templates(&mut self, text: &Text, header: &str) -> Templates {
        let languages = self.plan.form.languages.clone();
        let mut templates = Vec::new();
        if text.is_empty() {
            return templates;
        }
        for (language, written) in languages.iter().zip(0_usize..) {
            let own = text.0.get(written).filter(|own| !own.is_empty());
            let header = format!("{header}::{language}");
            templates.push(match own.or_else(|| text.in_language(written)) {
                None => Vec::new(),
                // Mistakes in a text that stands in for another are told once.
                Some(shown) if own.is_none() => self.template(shown, None),
                Some(shown) => self.template(shown, Some(&header)),
            });
        }
        templates
    }

    /// Binds the expressions within a text.
    fn template(&mut self, words: &Words, header: Option<&str>) -> Vec<Part> {
        let mut parts = Vec::new();
        for piece in &words.0 {
            let output = match piece {
                Piece::Text(text) => {
                    parts.push(Part::Text(text.clone()));
                    continue;
                }
                Piece::Output(output) => output,
            };
            let known = self.problems.len();
            let shown = header.unwrap_or("label");
            if let Some(mut expression) = self.parse(output, shown) {
                let findings = self.bind(&mut expression, &[Place::Node(self.number)], output, shown);
                self.watch(&findings, Property::Look);
                parts.push(Part::Formula(Arc::new(expression)));
            }
            if header.is_none() {
                self.problems.truncate(known);
            }
        }
        parts
    }
}

fn compile_instance_name(plan: &mut Plan, problems: &mut Vec<AuthoringProblem>) {
    let Some(text) = plan.form.instance_name.clone() else {
        return;
    };
    let letter = plan.form.instance_name_column.clone().unwrap_or_default();
    let mut report = |error: &expr::ExpressionError| {
        problems.push(
            AuthoringProblem::error("settings", error.message.clone())
                .at_row(2)
                .at_column(&letter, "instance_name")
                .finding(&text)
                .suggesting(error.suggestion.clone()),
        );
    };
    match expr::parse(&text) {
        Err(error) => report(&error),
        Ok(mut expression) => {
            let mut binder = Binder { plan, owner: 0, findings: Findings::default() };
            binder.bind(&mut expression, &[Place::Node(0)]);
            for error in &binder.findings.problems {
                report(error);
            }
            plan.instance_name = Some(Formula { expression });
        }
    }
}
