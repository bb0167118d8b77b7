//! Names in expressions → nodes of the plan; and what an expression reads.
//!
//! Binding walks an expression once, following every path through the form as
//! if all instances were there. So it knows which nodes can be read, finds
//! names that lead nowhere, and sees which filters an index can answer.

use super::Plan;
use crate::expr::{self, Axis, Call, Expr, ExpressionError, Lookup, Operator, Path, Start, Step, Test};
use crate::form::NodeKind;
use crate::problem::did_you_mean;

/// Where a path can be, as far as the form (without an instance) tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Document,
    Node(u32),
    List(u16),
    ListRoot(u16),
    Row(u16),
    Cell,
}

/// A node that an expression reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) node: u32,
    /// The deepest repeat around both reader and node, when only its own
    /// instance is read.
    pub(super) scope: Option<u32>,
}

/// What binding found out about one expression.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) reads: Vec<Read>,
    pub(super) reads_clock: bool,
    pub(super) lookups: Vec<(u16, String)>,
    pub(super) problems: Vec<ExpressionError>,
}

pub(super) struct Binder<'a> {
    pub(super) plan: &'a Plan,
    /// The node the expression belongs to.
    pub(super) owner: u32,
    pub(super) findings: Findings,
}

impl Binder<'_> {
    /// Binds an expression whose relative paths start at `from`; returns where
    /// its result can be, when it is a path.
    pub(super) fn bind(&mut self, expression: &mut Expr, from: &[Place]) -> Vec<Place> {
        match expression {
            Expr::Number(_) | Expr::Text(_) | Expr::Unknown(_) => Vec::new(),
            Expr::Negate(inner) => {
                self.bind(inner, from);
                Vec::new()
            }
            Expr::Chain(first, rest) => {
                self.bind(first, from);
                for (_, operand) in rest {
                    self.bind(operand, from);
                }
                Vec::new()
            }
            Expr::Union(parts) => parts.iter_mut().flat_map(|part| self.bind(part, from)).collect(),
            Expr::Path(path) => self.path(path, from),
            Expr::Call(call) => self.call(call, from),
        }
    }

    fn call(&mut self, call: &mut Call, from: &[Place]) -> Vec<Place> {
        self.findings.reads_clock |= call.function.kind == crate::expr::Kind::Clock;
        if call.function.name == "jr:choice-name" {
            self.choice_name(call);
        }
        for argument in &mut call.arguments {
            self.bind(argument, from);
        }
        match call.function.name {
            "current" => vec![Place::Node(self.owner)],
            "instance" => self.list(call).map(Place::List).into_iter().collect(),
            "position" | "name" | "local-name" if call.arguments.is_empty() => Vec::new(),
            "string" | "number" | "string-length" | "normalize-space" if call.arguments.is_empty() => {
                self.read_all(from, false);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// The second argument is a text that names a question.
    fn choice_name(&mut self, call: &mut Call) {
        let position = call.position;
        let Some(question) = call.arguments.get_mut(1) else {
            return;
        };
        if let Expr::Text(text) = question {
            match expr::parse(text) {
                Ok(path @ Expr::Path(_)) => *question = path,
                _ => self.findings.problems.push(ExpressionError::new(
                    position,
                    "the second argument of jr:choice-name() names a question: '${name}'",
                )),
            }
        }
    }

    fn list(&mut self, call: &Call) -> Option<u16> {
        let Some(Expr::Text(name)) = call.arguments.first() else {
            self.findings.problems.push(ExpressionError::new(
                call.position,
                "the name of the list is expected in quotation marks: instance('villages')",
            ));
            return None;
        };
        let found = self.plan.list_names.get(name).copied();
        if found.is_none() {
            self.findings.problems.push(ExpressionError {
                suggestion: did_you_mean(name, self.plan.list_names.keys().map(String::as_str)),
                ..ExpressionError::new(call.position, format!("there is no list \"{name}\""))
            });
        }
        found
    }

    fn path(&mut self, path: &mut Path, from: &[Place]) -> Vec<Place> {
        let mut named = false;
        let mut places = match &mut path.start {
            Start::Focus => from.to_vec(),
            Start::Root => vec![Place::Document],
            Start::Node(node) => vec![Place::Node(*node)],
            Start::Expression(start) => self.bind(start, from),
            Start::Named(name, position) => match self.resolve(name, *position) {
                Some(node) => {
                    path.start = Start::Node(node);
                    named = true;
                    vec![Place::Node(node)]
                }
                None => return Vec::new(),
            },
        };
        for predicate in &mut path.predicates {
            self.bind(predicate, &places);
        }
        for step in &mut path.steps {
            places = self.step(step, &places);
        }
        let whole = named && path.steps.is_empty();
        self.read_all(&places, whole);
        places
    }

    /// `${name}` stands for the only node of that name.
    fn resolve(&mut self, name: &str, position: usize) -> Option<u32> {
        let problem = match self.plan.names.get(name).map(Vec::as_slice) {
            Some([node]) => return Some(*node),
            Some(several) => {
                let rows: Vec<String> = several
                    .iter()
                    .filter_map(|&node| self.plan.node(node))
                    .map(|node| node.row.to_string())
                    .collect();
                ExpressionError::new(
                    position,
                    format!(
                        "${{{name}}} could mean any of the rows {}: the name is used more than once",
                        rows.join(", ")
                    ),
                )
            }
            None if name.starts_with("last-saved#") => {
                ExpressionError::new(position, format!("${{{name}}}: last-saved is not supported yet"))
            }
            None => ExpressionError {
                suggestion: did_you_mean(name, self.plan.names.keys().map(String::as_str)),
                ..ExpressionError::new(position, format!("unknown name \"{name}\""))
            },
        };
        self.findings.problems.push(problem);
        None
    }

    fn step(&mut self, step: &mut Step, from: &[Place]) -> Vec<Place> {
        match (&step.test, step.axis) {
            (Test::Text | Test::Comment | Test::ProcessingInstruction(_), _) => {
                self.findings.problems.push(ExpressionError::new(
                    1,
                    "text(), comment() and processing-instruction() are not supported yet",
                ))
            }
            (_, Axis::Attribute | Axis::Namespace) => {
                self.findings.problems.push(ExpressionError::new(1, "attributes (@…) are not supported yet"))
            }
            _ => {}
        }
        let mut places = Vec::new();
        for &place in from {
            for found in self.walk(place, step.axis) {
                if self.passes(found, &step.test) && !places.contains(&found) {
                    places.push(found);
                }
            }
        }
        if let (Test::Name(name), [Place::Row(list), ..], Axis::Child) = (&step.test, from, step.axis) {
            let columns = self.plan.list(*list).map_or(&[][..], |list| list.columns.as_slice());
            if columns.iter().any(|column| column == name) {
                places.push(Place::Cell);
            } else if !columns.is_empty() {
                let list = self.plan.list(*list).map_or("", |list| list.name.as_str());
                self.findings.problems.push(ExpressionError {
                    suggestion: did_you_mean(name, columns.iter().map(String::as_str)),
                    ..ExpressionError::new(1, format!("the list \"{list}\" has no column \"{name}\""))
                });
            }
        } else if let (Test::Name(name), true, false) = (&step.test, places.is_empty(), from.is_empty()) {
            self.findings.problems.push(ExpressionError {
                suggestion: did_you_mean(name, self.plan.names.keys().map(String::as_str))
                    .or_else(|| self.plan.names.contains_key(name).then(|| format!("write ${{{name}}}"))),
                ..ExpressionError::new(
                    1,
                    format!("the path leads nowhere: there is no \"{name}\" at this place"),
                )
            });
        }
        if let [Place::ListRoot(list)] = from {
            step.lookup = step.predicates.first().and_then(|first| self.lookup(first, *list));
        }
        for predicate in &mut step.predicates {
            self.bind(predicate, &places);
        }
        if let (Some(lookup), [Place::ListRoot(list)]) = (&mut step.lookup, from) {
            self.findings.lookups.push((*list, lookup.column.clone()));
            // The key is a copy of part of the predicate; what it reads and
            // what is wrong with it was noted there.
            let noted = std::mem::take(&mut self.findings);
            self.bind(&mut lookup.key, &[]);
            self.findings = noted;
        }
        places
    }

    /// `column = key`, alone or among conditions that all must hold, with a key
    /// that does not depend on the row.
    fn lookup(&self, predicate: &Expr, list: u16) -> Option<Lookup> {
        let Expr::Chain(first, rest) = predicate else {
            return None;
        };
        if rest.iter().all(|(operator, _)| *operator == Operator::And) {
            let conditions = std::iter::once(first.as_ref()).chain(rest.iter().map(|(_, operand)| operand));
            return conditions
                .filter_map(|condition| self.lookup(condition, list))
                .next()
                .map(|lookup| Lookup { exact: false, ..lookup });
        }
        let [(Operator::Equal, second)] = rest.as_slice() else {
            return None;
        };
        [(first.as_ref(), second), (second, first.as_ref())].into_iter().find_map(|(column, key)| {
            let column = own_column(column)?;
            let known = self.plan.list(list)?.column(column).is_some();
            (known && !depends_on_row(key)).then(|| Lookup {
                column: column.to_owned(),
                key: Box::new(key.clone()),
                exact: true,
            })
        })
    }

    fn walk(&self, place: Place, axis: Axis) -> Vec<Place> {
        let node = |number: u32| self.plan.node(number);
        match axis {
            Axis::Itself => vec![place],
            Axis::Child => match place {
                Place::Document => vec![Place::Node(0)],
                Place::Node(number) => node(number)
                    .map_or(&[][..], |node| node.children.as_slice())
                    .iter()
                    .map(|&child| Place::Node(child))
                    .collect(),
                Place::List(list) => vec![Place::ListRoot(list)],
                Place::ListRoot(list) => vec![Place::Row(list)],
                Place::Row(_) | Place::Cell => Vec::new(),
            },
            Axis::Parent => match place {
                Place::Node(number) => {
                    vec![node(number).and_then(|node| node.parent).map_or(Place::Document, Place::Node)]
                }
                Place::ListRoot(list) => vec![Place::List(list)],
                Place::Row(list) => vec![Place::ListRoot(list)],
                _ => Vec::new(),
            },
            // The remaining axes are rare in forms. Everything the form has on
            // one side is an honest answer to what they may read.
            _ => match place {
                Place::Document | Place::Node(_) => {
                    let count = u32::try_from(self.plan.nodes.len()).unwrap_or(u32::MAX);
                    let strict = axis == Axis::Descendant || axis == Axis::DescendantOrSelf;
                    let (first, end) = match place {
                        Place::Node(number) if strict => {
                            (number, node(number).map_or(count, |node| node.end))
                        }
                        _ => (0, count),
                    };
                    let mut places: Vec<Place> = (first..end).map(Place::Node).collect();
                    if place == Place::Document && axis == Axis::DescendantOrSelf {
                        places.push(Place::Document);
                    }
                    places
                }
                Place::List(list) | Place::ListRoot(list) | Place::Row(list) => {
                    vec![Place::List(list), Place::ListRoot(list), Place::Row(list)]
                }
                Place::Cell => Vec::new(),
            },
        }
    }

    fn passes(&self, place: Place, test: &Test) -> bool {
        match test {
            Test::Name(name) => match place {
                Place::Node(0) => *name == self.plan.form.root,
                Place::Node(number) => self.plan.node(number).is_some_and(|node| node.name == *name),
                Place::ListRoot(_) => name == "root",
                Place::Row(_) => name == "item",
                _ => false,
            },
            Test::Any | Test::AnyWithPrefix(_) => !matches!(place, Place::Document | Place::List(_)),
            _ => true,
        }
    }

    fn read_all(&mut self, places: &[Place], whole_reference: bool) {
        for place in places {
            let Place::Node(node) = *place else { continue };
            // A question that looks at itself (`.`) is computed when it changes
            // anyway; the reading matters for cycles.
            let scope = (whole_reference || node == self.owner).then(|| self.common_repeat(node)).flatten();
            let read = Read { node, scope };
            if !self.findings.reads.contains(&read) {
                self.findings.reads.push(read);
            }
        }
    }

    /// The deepest repeat around both the owner and the node.
    fn common_repeat(&self, node: u32) -> Option<u32> {
        let mut at =
            if node == self.owner { Some(node) } else { self.plan.node(node).and_then(|node| node.parent) };
        while let Some(number) = at {
            let here = self.plan.node(number)?;
            if here.kind == NodeKind::Repeat && self.plan.holds(number, self.owner) {
                return Some(number);
            }
            at = here.parent;
        }
        None
    }
}

/// The name of the column, when the expression is nothing but a column.
fn own_column(expression: &Expr) -> Option<&str> {
    let Expr::Path(path) = expression else {
        return None;
    };
    match (&path.start, path.steps.as_slice()) {
        (Start::Focus, [step]) if step.axis == Axis::Child && step.predicates.is_empty() => {
            match &step.test {
                Test::Name(name) => Some(name),
                _ => None,
            }
        }
        _ => None,
    }
}

fn depends_on_row(expression: &Expr) -> bool {
    let mut depends = false;
    expr::visit(expression, true, &mut |part, focused| match part {
        Expr::Path(path) if focused => depends |= matches!(path.start, Start::Focus | Start::Root),
        Expr::Call(call) if focused => {
            depends |= call.function.kind == crate::expr::Kind::Focus
                && (call.arguments.is_empty() || call.function.name == "once");
        }
        _ => {}
    });
    depends
}
