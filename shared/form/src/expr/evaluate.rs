//! Tree → value.

use super::ast::{Axis, Call, Expr, Lookup, Operator, Path, Start, Step, Test};
use super::environment::{Environment, Handle};
use super::functions::Implementation;
use super::value::Value;
use super::{EvaluationError, MAX_STEPS};
use crate::order;
use chrono::FixedOffset;
use std::collections::HashSet;

/// Where in the tree an expression stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Focus {
    /// The node that relative paths start from.
    pub(crate) node: Handle,
    /// Position of that node in the set being filtered, from 1.
    pub(crate) position: usize,
    /// Size of that set.
    pub(crate) size: usize,
    /// The node the whole expression belongs to: `current()`, and what
    /// `${name}` is seen from.
    pub(crate) origin: Handle,
}

impl Focus {
    pub(crate) fn on(node: Handle) -> Focus {
        Focus { node, position: 1, size: 1, origin: node }
    }
}

/// One evaluation: an environment and a budget.
pub(crate) struct Evaluator<'a> {
    pub(crate) environment: &'a dyn Environment,
    steps_left: u64,
}

type Result<T> = std::result::Result<T, EvaluationError>;

impl<'a> Evaluator<'a> {
    pub(crate) fn new(environment: &'a dyn Environment) -> Self {
        Self { environment, steps_left: MAX_STEPS }
    }

    pub(crate) fn offset(&self) -> FixedOffset {
        *self.environment.now().offset()
    }

    /// Takes from the budget.
    pub(crate) fn spend(&mut self, steps: usize) -> Result<()> {
        self.steps_left = self.steps_left.saturating_sub(steps as u64 + 1);
        if self.steps_left == 0 {
            return Err(EvaluationError::new("the expression takes too long to compute"));
        }
        Ok(())
    }

    pub(crate) fn evaluate(&mut self, expression: &Expr, focus: &Focus) -> Result<Value> {
        self.spend(0)?;
        match expression {
            Expr::Number(number) => Ok(Value::Number(*number)),
            Expr::Text(text) => Ok(Value::Text(text.clone())),
            Expr::Negate(inner) => Ok(Value::Number(-self.number(inner, focus)?)),
            Expr::Chain(first, rest) => self.chain(first, rest, focus),
            Expr::Union(parts) => {
                let mut nodes = Vec::new();
                for part in parts {
                    nodes.extend(self.nodes(part, focus)?);
                }
                Ok(Value::Nodes(self.in_document_order(nodes)))
            }
            Expr::Path(path) => self.path(path, focus),
            Expr::Call(call) => self.call(call, focus),
        }
    }

    pub(crate) fn text(&mut self, expression: &Expr, focus: &Focus) -> Result<String> {
        let value = self.evaluate(expression, focus)?;
        Ok(self.to_text(value))
    }

    pub(crate) fn number(&mut self, expression: &Expr, focus: &Focus) -> Result<f64> {
        let value = self.evaluate(expression, focus)?;
        Ok(self.to_number(&value))
    }

    pub(crate) fn boolean(&mut self, expression: &Expr, focus: &Focus) -> Result<bool> {
        let value = self.evaluate(expression, focus)?;
        Ok(self.to_boolean(&value))
    }

    /// The nodes of a path; a value that is none is no node.
    pub(crate) fn nodes(&mut self, expression: &Expr, focus: &Focus) -> Result<Vec<Handle>> {
        match self.evaluate(expression, focus)? {
            Value::Nodes(nodes) => Ok(nodes),
            _ => Ok(Vec::new()),
        }
    }

    /// A set of nodes as the value of its first node; empty text for none.
    pub(crate) fn scalar(&self, value: Value) -> Value {
        match value {
            Value::Nodes(nodes) => {
                nodes.first().map_or_else(Value::empty, |&node| self.environment.value(node))
            }
            other => other,
        }
    }

    pub(crate) fn to_text(&self, value: Value) -> String {
        match value {
            Value::Nodes(nodes) => {
                nodes.first().map_or_else(String::new, |&node| self.environment.text(node))
            }
            other => other.scalar_text(),
        }
    }

    pub(crate) fn to_number(&self, value: &Value) -> f64 {
        match value {
            Value::Nodes(nodes) => nodes
                .first()
                .map_or(f64::NAN, |&node| self.environment.value(node).scalar_number(self.offset())),
            other => other.scalar_number(self.offset()),
        }
    }

    pub(crate) fn to_boolean(&self, value: &Value) -> bool {
        match value {
            Value::Nodes(nodes) => {
                nodes.first().is_some_and(|&node| self.environment.value(node).scalar_boolean())
            }
            other => other.scalar_boolean(),
        }
    }

    fn chain(&mut self, first: &Expr, rest: &[(Operator, Expr)], focus: &Focus) -> Result<Value> {
        let mut left = self.evaluate(first, focus)?;
        for (operator, operand) in rest {
            left = match operator {
                Operator::Or => Value::Boolean(self.to_boolean(&left) || self.boolean(operand, focus)?),
                Operator::And => Value::Boolean(self.to_boolean(&left) && self.boolean(operand, focus)?),
                _ => {
                    let right = self.evaluate(operand, focus)?;
                    self.apply(*operator, left, right)?
                }
            };
        }
        Ok(left)
    }

    fn apply(&mut self, operator: Operator, left: Value, right: Value) -> Result<Value> {
        if matches!(
            operator,
            Operator::Equal
                | Operator::NotEqual
                | Operator::Less
                | Operator::LessOrEqual
                | Operator::Greater
                | Operator::GreaterOrEqual
        ) {
            return Ok(Value::Boolean(self.compare(operator, left, right)?));
        }
        let (left, right) = (self.to_number(&left), self.to_number(&right));
        Ok(Value::Number(match operator {
            Operator::Add => left + right,
            Operator::Subtract => left - right,
            Operator::Multiply => left * right,
            Operator::Divide => left / right,
            _ => left % right,
        }))
    }

    /// A comparison holds for sets when it holds for some pair; a set without
    /// nodes compares as an empty text, as JavaRosa has it.
    fn compare(&mut self, operator: Operator, left: Value, right: Value) -> Result<bool> {
        match (&left, &right) {
            (Value::Nodes(nodes), _) if nodes.len() > 1 => {
                for &node in nodes {
                    let value = self.environment.value(node);
                    if self.compare(operator, value, right.clone())? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            (_, Value::Nodes(nodes)) if nodes.len() > 1 => {
                for &node in nodes {
                    let value = self.environment.value(node);
                    if self.compare(operator, left.clone(), value)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            _ => {
                self.spend(1)?;
                let (left, right) = (self.scalar(left), self.scalar(right));
                Ok(self.compare_scalars(operator, &left, &right))
            }
        }
    }

    fn compare_scalars(&self, operator: Operator, left: &Value, right: &Value) -> bool {
        let offset = self.offset();
        let numbers = || (left.scalar_number(offset), right.scalar_number(offset));
        match operator {
            Operator::Equal | Operator::NotEqual => {
                let equal = match (left, right) {
                    (Value::Boolean(_), _) | (_, Value::Boolean(_)) => {
                        left.scalar_boolean() == right.scalar_boolean()
                    }
                    (Value::Text(left), Value::Text(right)) => left == right,
                    _ => {
                        let (left, right) = numbers();
                        left == right || (left - right).abs() < 1e-12
                    }
                };
                equal == (operator == Operator::Equal)
            }
            _ => {
                let (left, right) = numbers();
                match operator {
                    Operator::Less => left < right,
                    Operator::LessOrEqual => left <= right,
                    Operator::Greater => left > right,
                    _ => left >= right,
                }
            }
        }
    }

    fn call(&mut self, call: &Call, focus: &Focus) -> Result<Value> {
        match call.function.implementation {
            Implementation::Eager(run) => {
                let mut arguments = Vec::with_capacity(call.arguments.len());
                for argument in &call.arguments {
                    arguments.push(self.evaluate(argument, focus)?);
                }
                run(self, arguments)
            }
            Implementation::Lazy(run) => run(self, call, focus),
        }
    }

    fn path(&mut self, path: &Path, focus: &Focus) -> Result<Value> {
        let mut nodes = match &path.start {
            Start::Focus => vec![focus.node],
            Start::Root => self.environment.top(focus.node).into_iter().collect(),
            Start::Node(node) => self.environment.reference(*node, focus.origin),
            Start::Named(name, _) => {
                return Ok(Value::Text(self.environment.named(name).unwrap_or_default()));
            }
            Start::Expression(start) => match self.evaluate(start, focus)? {
                Value::Nodes(nodes) => nodes,
                other if path.predicates.is_empty() && path.steps.is_empty() => return Ok(other),
                _ => Vec::new(),
            },
        };
        for predicate in &path.predicates {
            nodes = self.filter(nodes, predicate, focus)?;
        }
        for step in &path.steps {
            nodes = self.step(nodes, step, focus)?;
        }
        Ok(Value::Nodes(nodes))
    }

    fn step(&mut self, from: Vec<Handle>, step: &Step, focus: &Focus) -> Result<Vec<Handle>> {
        let several = from.len() > 1;
        let mut found = Vec::new();
        for node in from {
            if let Some(rows) = self.indexed_rows(node, step, focus)? {
                found.extend(rows);
                continue;
            }
            let mut selected = self.axis(node, step.axis, &step.test)?;
            for predicate in &step.predicates {
                selected = self.filter(selected, predicate, focus)?;
            }
            if step.axis.is_reverse() {
                selected.reverse();
            }
            found.extend(selected);
        }
        let ordered = matches!(step.axis, Axis::Child | Axis::Itself);
        Ok(if several && !ordered { self.in_document_order(found) } else { found })
    }

    /// Rows of a list by its index, where the step has a key and the list an
    /// index for it. A key that is not text compares as a number, which an
    /// index of texts cannot answer.
    fn indexed_rows(&mut self, node: Handle, step: &Step, focus: &Focus) -> Result<Option<Vec<Handle>>> {
        let (Some(lookup), Handle::ListRoot(list), Axis::Child) = (&step.lookup, node, step.axis) else {
            return Ok(None);
        };
        let Lookup { column, key, exact } = lookup;
        let key = self.evaluate(key, focus)?;
        let Value::Text(key) = self.scalar(key) else {
            return Ok(None);
        };
        let Some(mut rows) = self.environment.rows_where(list, column, &key) else {
            return Ok(None);
        };
        let skip = usize::from(*exact);
        for predicate in step.predicates.iter().skip(skip) {
            rows = self.filter(rows, predicate, focus)?;
        }
        Ok(Some(rows))
    }

    /// Nodes for which the predicate holds; a number means that position.
    fn filter(&mut self, nodes: Vec<Handle>, predicate: &Expr, focus: &Focus) -> Result<Vec<Handle>> {
        if let Expr::Number(number) = predicate {
            let chosen = nodes.iter().zip(1_u32..).find(|(_, position)| f64::from(*position) == *number);
            return Ok(chosen.map(|(&node, _)| node).into_iter().collect());
        }
        let size = nodes.len();
        let mut kept = Vec::new();
        for (index, node) in nodes.into_iter().enumerate() {
            let inner = Focus { node, position: index + 1, size, origin: focus.origin };
            let value = self.evaluate(predicate, &inner)?;
            #[expect(clippy::cast_precision_loss, reason = "positions are far below 2^52")]
            let holds = match &value {
                Value::Number(number) => *number == inner.position as f64,
                other => self.to_boolean(other),
            };
            if holds {
                kept.push(node);
            }
        }
        Ok(kept)
    }

    /// Nodes on the axis that pass the test; backwards for reverse axes.
    fn axis(&mut self, node: Handle, axis: Axis, test: &Test) -> Result<Vec<Handle>> {
        let environment = self.environment;
        let wanted = match test {
            Test::Name(name) => Some(name.as_str()),
            _ => None,
        };
        let mut found = match axis {
            Axis::Child => environment.children(node, wanted),
            Axis::Itself => vec![node],
            Axis::Parent => environment.parent(node).into_iter().collect(),
            Axis::Descendant | Axis::DescendantOrSelf => {
                let mut found = Vec::new();
                if axis == Axis::DescendantOrSelf {
                    found.push(node);
                }
                self.descend(node, &mut found)?;
                found
            }
            Axis::Ancestor | Axis::AncestorOrSelf => {
                let mut found = Vec::new();
                if axis == Axis::AncestorOrSelf {
                    found.push(node);
                }
                let mut at = node;
                while let Some(parent) = environment.parent(at) {
                    found.push(parent);
                    at = parent;
                }
                found
            }
            Axis::FollowingSibling | Axis::PrecedingSibling => self.siblings(node, axis),
            Axis::Following | Axis::Preceding => self.beyond(node, axis)?,
            // The engine has no attributes and no namespace nodes yet; the plan
            // refuses expressions that ask for them.
            Axis::Attribute | Axis::Namespace => Vec::new(),
        };
        self.spend(found.len())?;
        found.retain(|&candidate| match test {
            Test::Node => true,
            Test::Any | Test::AnyWithPrefix(_) => !matches!(candidate, Handle::Document | Handle::List(_)),
            Test::Name(name) => environment.name(candidate) == name,
            Test::Text | Test::Comment | Test::ProcessingInstruction(_) => false,
        });
        Ok(found)
    }

    fn descend(&mut self, node: Handle, found: &mut Vec<Handle>) -> Result<()> {
        let mut waiting = self.environment.children(node, None);
        waiting.reverse();
        while let Some(next) = waiting.pop() {
            self.spend(1)?;
            found.push(next);
            let mut children = self.environment.children(next, None);
            children.reverse();
            waiting.extend(children);
        }
        Ok(())
    }

    fn siblings(&self, node: Handle, axis: Axis) -> Vec<Handle> {
        let Some(parent) = self.environment.parent(node) else {
            return Vec::new();
        };
        let all = self.environment.children(parent, None);
        let at = all.iter().position(|&sibling| sibling == node).unwrap_or(all.len());
        if axis == Axis::FollowingSibling {
            all.into_iter().skip(at + 1).collect()
        } else {
            let mut before: Vec<Handle> = all.into_iter().take(at).collect();
            before.reverse();
            before
        }
    }

    /// Everything after (or before) the node that is not around or inside it.
    fn beyond(&mut self, node: Handle, axis: Axis) -> Result<Vec<Handle>> {
        let side = if axis == Axis::Following { Axis::FollowingSibling } else { Axis::PrecedingSibling };
        let mut found = Vec::new();
        let mut at = Some(node);
        while let Some(current) = at {
            for sibling in self.siblings(current, side) {
                let mut branch = vec![sibling];
                self.descend(sibling, &mut branch)?;
                if axis == Axis::Preceding {
                    branch.reverse();
                }
                found.extend(branch);
            }
            at = self.environment.parent(current);
        }
        Ok(found)
    }

    /// Each node once, in document order.
    fn in_document_order(&self, nodes: Vec<Handle>) -> Vec<Handle> {
        let mut seen = HashSet::new();
        let mut keyed: Vec<(Vec<usize>, Handle)> = nodes
            .into_iter()
            .filter(|&node| seen.insert(node))
            .map(|node| (self.address(node), node))
            .collect();
        order::sort_by(&mut keyed, Ord::cmp);
        keyed.into_iter().map(|(_, node)| node).collect()
    }

    /// Positions from the top of the tree down to the node.
    fn address(&self, node: Handle) -> Vec<usize> {
        let mut address = Vec::new();
        let mut at = node;
        while let Some(parent) = self.environment.parent(at) {
            let siblings = self.environment.children(parent, None);
            address.push(siblings.iter().position(|&sibling| sibling == at).unwrap_or(0));
            at = parent;
        }
        address.reverse();
        address
    }
}
