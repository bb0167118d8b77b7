//! Binds where the choices of a select come from.

use super::bind::{Binder, Place};
use super::choices::{ChoiceText, PlanChoices};
use super::compile::Compiler;
use super::lookups;
use super::{Formula, Property};
use crate::expr::{self, Expr, ExpressionError, Path, Start, Test};
use crate::form::{ChoiceSource, Node, NodeKind};
use crate::problem::{AuthoringProblem, did_you_mean};

impl Compiler<'_> {
    pub(super) fn choices(&mut self, source: &Node) -> Option<PlanChoices> {
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
        let mut instances = Path::from_start(Start::Root);
        instances.steps = self.plan.steps_from_root(repeat);
        let inner = self.plan.steps_between(repeat, node);
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
                    let mut steps = self.plan.steps_between(repeat, *node);
                    steps.append(&mut path.steps);
                    path.steps = steps;
                    path.start = Start::Focus;
                }
            }
        }
    }

    /// Value and label of choices are columns that the list has (JavaRosa).
    fn refuse_absent(&mut self, list: u16, expression: &Expr, text: &str) {
        let Some(list) = self.plan.list(list).filter(|list| !list.row_numbers().is_empty()) else { return };
        let Some(name) = lookups::own_column(expression).filter(|name| list.column(name).is_none()) else {
            return;
        };
        let error = ExpressionError {
            suggestion: did_you_mean(name, list.columns.iter().map(String::as_str)),
            ..ExpressionError::new(1, format!("the list \"{}\" has no column \"{name}\"", list.name))
        };
        self.report(&error, text, "type");
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
        let (value_text, label_text) = (value, label);
        let value = seen(self, value)?;
        let label = match label {
            Some(label) => Some(seen(self, label)?),
            None => None,
        };
        if let [Place::Row(list)] = places.as_slice() {
            self.refuse_absent(*list, &value, value_text);
            if let (Some(label), Some(text)) = (&label, label_text) {
                self.refuse_absent(*list, label, text);
            }
        }
        if let [Place::Row(list)] = places.as_slice() {
            let column = |expression: &Expr| {
                lookups::own_column(expression).and_then(|name| self.plan.list(*list)?.column(name))
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
}

/// `.`
fn own_text() -> Expr {
    Expr::Path(Path::from_start(Start::Focus))
}
