//! Names in expressions → nodes of the plan; and what an expression reads.
//!
//! Binding walks an expression once, following every path through the form as
//! if all instances were there. So it knows which nodes can be read, finds
//! names that lead nowhere, and sees which filters an index can answer. Paths
//! that mean what a reference means become references, which cost less.

use super::{Plan, lookups};
use crate::expr::{self, Axis, Call, Expr, ExpressionError, Path, Start, Step, Test};
use crate::form::NodeKind;
use crate::problem::did_you_mean;

/// Where a path can be, as far as the form (without an instance) tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Document,
    /// A node, and the innermost region known to be that of the owner.
    Node(u32, u32),
    List(u16),
    ListRoot(u16),
    Row(u16),
    Cell,
    /// Somewhere in an XML document.
    Elsewhere,
}

/// A node that an expression reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) node: u32,
    /// The innermost region whose own instance alone is read.
    pub(super) scope: u32,
    /// Other instances of the owner's own repeat, chosen by a predicate.
    pub(super) crosses: bool,
}

/// What binding found out about one expression.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) reads: Vec<Read>,
    pub(super) reads_clock: bool,
    pub(super) draws_lots: bool,
    pub(super) reads_last_saved: bool,
    pub(super) lookups: Vec<(u16, String)>,
    pub(super) problems: Vec<ExpressionError>,
}

pub(super) struct Binder<'a> {
    pub(super) plan: &'a Plan,
    /// The node the expression belongs to, and the region it is seen from.
    pub(super) owner: u32,
    pub(super) home: u32,
    pub(super) findings: Findings,
    /// How many predicates are around: there the focus is another node.
    pub(super) depth: usize,
    /// Within something that reads all instances, as `indexed-repeat` does.
    pub(super) everywhere: bool,
}

impl<'a> Binder<'a> {
    /// For an expression of a node.
    pub(super) fn new(plan: &'a Plan, owner: u32) -> Binder<'a> {
        let home = plan.node(owner).map_or(0, |node| node.region);
        Binder { plan, owner, home, findings: Findings::default(), depth: 0, everywhere: false }
    }

    /// For an expression of a repeat as a whole, seen from around it.
    pub(super) fn around(plan: &'a Plan, owner: u32) -> Binder<'a> {
        Binder { home: plan.seat(owner), ..Binder::new(plan, owner) }
    }

    /// Binds an expression whose relative paths start at the owner; returns
    /// where its result can be, when it is a path.
    pub(super) fn bind_all(&mut self, expression: &mut Expr) -> Vec<Place> {
        let from = [Place::Node(self.owner, self.home)];
        self.bind(expression, &from)
    }

    /// The same, with relative paths from elsewhere.
    pub(super) fn bind_from(&mut self, expression: &mut Expr, from: &[Place]) -> Vec<Place> {
        self.depth += 1;
        let places = self.bind(expression, from);
        self.depth -= 1;
        places
    }

    fn bind(&mut self, expression: &mut Expr, from: &[Place]) -> Vec<Place> {
        match expression {
            Expr::Number(_) | Expr::Text(_) | Expr::Unknown(_) => Vec::new(),
            Expr::Negate(inner) => {
                self.bind(inner, from);
                Vec::new()
            }
            Expr::Chain(first, rest) => {
                let absent = self.compares_absent(first, rest, from);
                self.bind(first, from);
                for (_, operand) in rest {
                    self.bind(operand, from);
                }
                if absent {
                    *expression = lookups::never();
                }
                Vec::new()
            }
            Expr::Union(parts) => parts.iter_mut().flat_map(|part| self.bind(part, from)).collect(),
            Expr::Path(path) => self.path(path, from),
            Expr::Call(call) => self.call(call, from),
        }
    }

    fn call(&mut self, call: &mut Call, from: &[Place]) -> Vec<Place> {
        self.findings.reads_clock |= call.function.kind == expr::Kind::Clock;
        self.findings.draws_lots |= matches!(call.function.name, "random" | "uuid")
            || (call.function.name == "randomize" && call.arguments.len() < 2);
        match call.function.name {
            "jr:choice-name" => self.choice_name(call),
            "pulldata" => self.pulldata(call),
            _ => {}
        }
        // Where the instance stands among those of its repeat.
        let repeat = self.plan.node(self.owner).is_some_and(|node| node.region == self.owner);
        if matches!(call.function.name, "position" | "last")
            && call.arguments.is_empty()
            && repeat
            && self.depth == 0
            && self.home == self.owner
        {
            self.findings.reads.push(Read { node: self.owner, scope: self.owner, crosses: true });
        }
        let mut places = Vec::new();
        for (number, argument) in call.arguments.iter_mut().enumerate() {
            let before = self.everywhere;
            // The node and the repeats mean all instances; the numbers choose.
            self.everywhere |= call.function.name == "indexed-repeat" && (number == 0 || number % 2 == 1);
            let found = self.bind(argument, from);
            self.everywhere = before;
            if number == 0 && call.function.name == "randomize" {
                places = found;
            }
        }
        match call.function.name {
            "current" => vec![Place::Node(self.owner, self.home)],
            "instance" => self.list(call).into_iter().collect(),
            "position" | "name" | "local-name" if call.arguments.is_empty() => Vec::new(),
            "string" | "number" | "string-length" | "normalize-space" if call.arguments.is_empty() => {
                self.read_all(from, false);
                Vec::new()
            }
            "once" => Vec::new(),
            _ => places,
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
        let plain = match question {
            Expr::Path(path) => path.clone(),
            _ => return,
        };
        // A question without choices has no names of them.
        let mut probe = Binder { owner: self.owner, home: self.home, ..Binder::new(self.plan, self.owner) };
        let places = probe.bind_all(&mut Expr::Path(plain));
        let chooses = |place: &Place| match place {
            Place::Node(node, _) => self
                .plan
                .node(*node)
                .is_none_or(|node| node.kind.is_select() || node.kind == NodeKind::Attribute),
            _ => true,
        };
        if !places.is_empty() && !places.iter().any(chooses) {
            self.findings.problems.push(ExpressionError::new(
                position,
                "the second argument of jr:choice-name() must be a question with choices",
            ));
        }
    }

    /// `pulldata('list', 'wanted', 'key', …)` finds a row by a column.
    fn pulldata(&mut self, call: &Call) {
        if let [Expr::Text(list), _, Expr::Text(column), _] = call.arguments.as_slice()
            && let Some(&number) =
                self.plan.list_names.get(list.strip_suffix(".csv").unwrap_or(list.as_str()))
        {
            self.findings.lookups.push((number, column.clone()));
        }
    }

    fn list(&mut self, call: &Call) -> Option<Place> {
        let Some(Expr::Text(name)) = call.arguments.first() else {
            self.findings.problems.push(ExpressionError::new(
                call.position,
                "the name of the list is expected in quotation marks: instance('villages')",
            ));
            return None;
        };
        if let Some(&list) = self.plan.list_names.get(name) {
            return Some(Place::List(list));
        }
        if self.plan.is_document(name) {
            self.findings.reads_last_saved |= self.plan.is_last_saved(name);
            return Some(Place::Elsewhere);
        }
        let known = self.plan.list_names.keys().chain(self.plan.document_names.keys());
        self.findings.problems.push(ExpressionError {
            suggestion: did_you_mean(name, known.map(String::as_str)),
            ..ExpressionError::new(call.position, format!("there is no list \"{name}\""))
        });
        None
    }

    fn path(&mut self, path: &mut Path, from: &[Place]) -> Vec<Place> {
        self.recall(path);
        self.as_reference(path, from);
        let mut places = match &mut path.start {
            Start::Focus => from.to_vec(),
            Start::Root => vec![Place::Document],
            Start::Node(node) => {
                vec![Place::Node(*node, self.plan.common_region(self.home, *node))]
            }
            Start::Expression(start) => self.bind(start, from),
            // What is wrong with it was told.
            Start::Named(name, _) if name.contains('#') => return Vec::new(),
            Start::Named(name, position) => match self.resolve(name, *position) {
                Some(node) => {
                    path.start = Start::Node(node);
                    vec![Place::Node(node, self.plan.common_region(self.home, node))]
                }
                None => return Vec::new(),
            },
        };
        let chosen = !path.predicates.is_empty() || path.steps.iter().any(|step| !step.predicates.is_empty());
        for predicate in &mut path.predicates {
            self.predicate(predicate, &places);
        }
        for step in &mut path.steps {
            places = self.step(step, &places);
        }
        self.read_all(&places, chosen);
        places
    }

    fn predicate(&mut self, predicate: &mut Expr, places: &[Place]) {
        self.depth += 1;
        self.bind(predicate, places);
        self.depth -= 1;
    }

    fn step(&mut self, step: &mut Step, from: &[Place]) -> Vec<Place> {
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
            } else if !columns.is_empty() && self.plan.form.is_from_workbook() {
                let list = self.plan.list(*list).map_or("", |list| list.name.as_str());
                self.findings.problems.push(ExpressionError {
                    suggestion: did_you_mean(name, columns.iter().map(String::as_str)),
                    ..ExpressionError::new(1, format!("the list \"{list}\" has no column \"{name}\""))
                });
            }
        } else if let (Test::Name(name), true, true) =
            (&step.test, places.is_empty(), from.iter().any(|place| matches!(place, Place::Node(..))))
            && self.plan.form.is_from_workbook()
        {
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
            self.predicate(predicate, &places);
        }
        if let (Some(lookup), [Place::ListRoot(list)]) = (&mut step.lookup, from) {
            self.findings.lookups.push((*list, lookup.column.clone()));
            // The key is a copy of part of the predicate; what it reads and
            // what is wrong with it was noted there.
            let noted = std::mem::take(&mut self.findings);
            self.depth += 1;
            self.bind(&mut lookup.key, &[]);
            self.depth -= 1;
            self.findings = noted;
        }
        places
    }

    pub(super) fn walk(&self, place: Place, axis: Axis) -> Vec<Place> {
        let node = |number: u32| self.plan.node(number);
        let down = |children: &[u32], pinned: u32| -> Vec<Place> {
            children.iter().map(|&child| Place::Node(child, pinned)).collect()
        };
        match (axis, place) {
            (Axis::Itself, _) => vec![place],
            (_, Place::Elsewhere) => vec![Place::Elsewhere],
            (Axis::Child, Place::Document) => vec![Place::Node(0, 0)],
            (Axis::Child, Place::Node(number, pinned)) => {
                node(number).map_or_else(Vec::new, |node| down(&node.children, pinned))
            }
            (Axis::Attribute, Place::Node(number, pinned)) => {
                node(number).map_or_else(Vec::new, |node| down(&node.attributes, pinned))
            }
            (Axis::Child, Place::List(list)) => vec![Place::ListRoot(list)],
            (Axis::Child, Place::ListRoot(list)) => vec![Place::Row(list)],
            (Axis::Parent, Place::Node(number, pinned)) => {
                match node(number).and_then(|node| node.parent) {
                    // Above the repeat, its own instance is one of many again.
                    Some(parent) if pinned == number => {
                        vec![Place::Node(parent, self.plan.outer_region(number))]
                    }
                    Some(parent) => vec![Place::Node(parent, pinned)],
                    None => vec![Place::Document],
                }
            }
            (Axis::Parent, Place::ListRoot(list)) => vec![Place::List(list)],
            (Axis::Parent, Place::Row(list)) => vec![Place::ListRoot(list)],
            (Axis::Child | Axis::Parent | Axis::Attribute | Axis::Namespace, _) => Vec::new(),
            // The remaining axes are rare in forms. Everything the form has on
            // one side is an honest answer to what they may read.
            (_, Place::Document | Place::Node(..)) => {
                let count = u32::try_from(self.plan.nodes.len()).unwrap_or(u32::MAX);
                let (first, end, pinned) = match (axis, place) {
                    (Axis::Descendant | Axis::DescendantOrSelf, Place::Node(number, pinned)) => {
                        (number, node(number).map_or(count, |node| node.end), pinned)
                    }
                    (Axis::Ancestor | Axis::AncestorOrSelf, Place::Node(_, pinned)) => (0, count, pinned),
                    _ => (0, count, 0),
                };
                let mut places: Vec<Place> = (first..end).map(|node| Place::Node(node, pinned)).collect();
                if place == Place::Document && axis == Axis::DescendantOrSelf {
                    places.push(Place::Document);
                }
                places
            }
            (_, Place::List(list) | Place::ListRoot(list) | Place::Row(list)) => {
                vec![Place::List(list), Place::ListRoot(list), Place::Row(list)]
            }
            (_, Place::Cell) => Vec::new(),
        }
    }

    pub(super) fn passes(&self, place: Place, test: &Test) -> bool {
        match test {
            Test::Name(name) => match place {
                Place::Node(0, _) => *name == self.plan.form.root,
                Place::Node(number, _) => self.plan.node(number).is_some_and(|node| node.name == *name),
                Place::ListRoot(list) => self.plan.list(list).is_some_and(|list| list.root_name == *name),
                Place::Row(list) => self.plan.list(list).is_some_and(|list| list.item_name == *name),
                Place::Elsewhere => true,
                _ => false,
            },
            Test::Any | Test::AnyWithPrefix(_) => !matches!(place, Place::Document | Place::List(_)),
            _ => true,
        }
    }

    fn read_all(&mut self, places: &[Place], chosen: bool) {
        for place in places {
            let Place::Node(node, pinned) = *place else { continue };
            let scope = if self.everywhere { 0 } else { pinned };
            let crosses = chosen && scope != self.plan.common_region(self.home, node);
            let read = Read { node, scope, crosses };
            if !self.findings.reads.contains(&read) {
                self.findings.reads.push(read);
            }
        }
    }
}
