//! Tree → value: operators, comparisons and conversions. Paths are in
//! [`super::paths`].

use super::ast::{Call, Expr, Operator};
use super::environment::{Dialect, Environment, Handle, Nodes};
use super::functions::Implementation;
use super::value::Value;
use super::{EvaluationError, MAX_STEPS};
use regex_lite::Regex;
use std::borrow::Cow;

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
    pub(crate) dialect: Dialect,
    steps_left: u64,
    /// The last pattern that came as data, with what it says.
    pub(super) pattern: Option<(String, Regex)>,
}

pub(super) type Result<T> = std::result::Result<T, EvaluationError>;

impl<'a> Evaluator<'a> {
    pub(crate) fn new(environment: &'a dyn Environment) -> Self {
        Self { environment, dialect: environment.dialect(), steps_left: MAX_STEPS, pattern: None }
    }

    /// Takes from the budget.
    pub(crate) fn spend(&mut self, steps: usize) -> Result<()> {
        self.steps_left = self.steps_left.saturating_sub(steps as u64 + 1);
        if self.steps_left == 0 {
            return Err(EvaluationError::new("the expression takes too long to compute"));
        }
        Ok(())
    }

    pub(crate) fn evaluate(&mut self, expression: &'a Expr, focus: &Focus) -> Result<Value<'a>> {
        self.spend(0)?;
        match expression {
            Expr::Number(number) => Ok(Value::Number(*number)),
            Expr::Text(text) => Ok(Value::text(text.as_str())),
            Expr::Negate(inner) => Ok(Value::Number(-self.number(inner, focus)?)),
            Expr::Chain(first, rest) => self.chain(first, rest, focus),
            Expr::Union(parts) => {
                let mut nodes = Nodes::new();
                for part in parts {
                    nodes.extend(self.nodes(part, focus)?);
                }
                Ok(Value::Nodes(self.in_document_order(nodes)))
            }
            Expr::Path(path) => self.path(path, focus),
            Expr::Call(call) => self.call(call, focus),
            Expr::Unknown(unknown) => Err(EvaluationError::new(unknown.error.message.as_str())),
        }
    }

    pub(crate) fn text(&mut self, expression: &'a Expr, focus: &Focus) -> Result<Cow<'a, str>> {
        let value = self.evaluate(expression, focus)?;
        Ok(self.to_text(value))
    }

    pub(crate) fn number(&mut self, expression: &'a Expr, focus: &Focus) -> Result<f64> {
        let value = self.evaluate(expression, focus)?;
        Ok(self.to_number(&value))
    }

    pub(crate) fn boolean(&mut self, expression: &'a Expr, focus: &Focus) -> Result<bool> {
        let value = self.evaluate(expression, focus)?;
        Ok(self.to_boolean(&value))
    }

    /// The nodes of a path; a value that is none is no node.
    pub(crate) fn nodes(&mut self, expression: &'a Expr, focus: &Focus) -> Result<Nodes> {
        match self.evaluate(expression, focus)? {
            Value::Nodes(nodes) => Ok(nodes),
            _ => Ok(Nodes::new()),
        }
    }

    /// A set of nodes as the value of its first node; empty text for none.
    pub(crate) fn scalar(&self, value: Value<'a>) -> Value<'a> {
        match value {
            Value::Nodes(nodes) => {
                nodes.first().map_or_else(Value::empty, |&node| self.environment.value(node))
            }
            other => other,
        }
    }

    pub(crate) fn to_text(&self, value: Value<'a>) -> Cow<'a, str> {
        match value {
            Value::Nodes(nodes) => {
                nodes.first().map_or(Cow::Borrowed(""), |&node| self.environment.text(node))
            }
            other => other.scalar_text(),
        }
    }

    pub(crate) fn to_number(&self, value: &Value<'a>) -> f64 {
        match value {
            Value::Nodes(nodes) => nodes.first().map_or(f64::NAN, |&node| self.number_at(node)),
            other => self.scalar_number(other),
        }
    }

    /// The value of a node as a number.
    pub(crate) fn number_at(&self, node: Handle) -> f64 {
        self.scalar_number(&self.environment.value(node))
    }

    fn scalar_number(&self, value: &Value<'a>) -> f64 {
        match (value, self.dialect) {
            (Value::Number(number), _) => *number,
            (Value::Text(text), Dialect::XPath1) => {
                super::value::plain_number(text.trim_matches(super::value::is_space)).unwrap_or(f64::NAN)
            }
            (value, _) => value.scalar_number(self.environment.zone()),
        }
    }

    pub(crate) fn to_boolean(&self, value: &Value<'a>) -> bool {
        match value {
            Value::Nodes(nodes) if self.dialect == Dialect::XPath1 => !nodes.is_empty(),
            Value::Nodes(nodes) => {
                nodes.first().is_some_and(|&node| self.environment.value(node).scalar_boolean())
            }
            other => other.scalar_boolean(),
        }
    }

    fn chain(&mut self, first: &'a Expr, rest: &'a [(Operator, Expr)], focus: &Focus) -> Result<Value<'a>> {
        let mut left = self.evaluate(first, focus)?;
        for (operator, operand) in rest {
            left = match operator {
                Operator::Or => Value::Boolean(self.to_boolean(&left) || self.boolean(operand, focus)?),
                Operator::And => Value::Boolean(self.to_boolean(&left) && self.boolean(operand, focus)?),
                Operator::Equal
                | Operator::NotEqual
                | Operator::Less
                | Operator::LessOrEqual
                | Operator::Greater
                | Operator::GreaterOrEqual => {
                    let right = self.evaluate(operand, focus)?;
                    Value::Boolean(self.compare(*operator, &left, &right)?)
                }
                Operator::Subtract => {
                    let right = self.evaluate(operand, focus)?;
                    Value::Number(self.difference(left, right))
                }
                _ => {
                    let right = self.number(operand, focus)?;
                    let left = self.to_number(&left);
                    Value::Number(match operator {
                        Operator::Add => left + right,
                        Operator::Multiply => left * right,
                        Operator::Divide => left / right,
                        _ => left % right,
                    })
                }
            };
        }
        Ok(left)
    }

    /// Two days are whole days apart, whatever fractions of days the zone and
    /// the digits of numbers would make of it.
    fn difference(&self, left: Value<'a>, right: Value<'a>) -> f64 {
        if self.dialect == Dialect::XForms {
            let (left, right) = (self.scalar(left), self.scalar(right));
            if let (Some(left), Some(right)) = (left.day(), right.day())
                && let Ok(days) = i32::try_from(left.signed_duration_since(right).num_days())
            {
                return f64::from(days);
            }
            return self.scalar_number(&left) - self.scalar_number(&right);
        }
        self.to_number(&left) - self.to_number(&right)
    }

    /// A comparison holds for sets when it holds for some pair. In forms, a set
    /// without nodes compares as an empty text, as JavaRosa has it; in plain
    /// XPath nothing holds for it.
    fn compare(&mut self, operator: Operator, left: &Value<'a>, right: &Value<'a>) -> Result<bool> {
        if let Value::Nodes(nodes) = left {
            if self.compares_as_one(operator, nodes, right) {
                let value = self.one(nodes);
                return self.compare(operator, &value, right);
            }
            for &node in nodes {
                let value = self.environment.value(node);
                if self.compare(operator, &value, right)? {
                    return Ok(true);
                }
            }
            return Ok(false);
        }
        if let Value::Nodes(nodes) = right {
            if self.compares_as_one(operator, nodes, left) {
                let value = self.one(nodes);
                return self.compare(operator, left, &value);
            }
            for &node in nodes {
                let value = self.environment.value(node);
                if self.compare(operator, left, &value)? {
                    return Ok(true);
                }
            }
            return Ok(false);
        }
        self.spend(1)?;
        Ok(self.compare_scalars(operator, left, right))
    }

    /// Whether a set stands for one value, rather than for each of its nodes.
    fn compares_as_one(&self, operator: Operator, nodes: &Nodes, other: &Value<'a>) -> bool {
        match self.dialect {
            Dialect::XForms => nodes.len() < 2,
            Dialect::XPath1 => {
                matches!(operator, Operator::Equal | Operator::NotEqual) && matches!(other, Value::Boolean(_))
            }
        }
    }

    fn one(&self, nodes: &Nodes) -> Value<'a> {
        match self.dialect {
            Dialect::XForms => nodes.first().map_or_else(Value::empty, |&node| self.environment.value(node)),
            Dialect::XPath1 => Value::Boolean(!nodes.is_empty()),
        }
    }

    fn compare_scalars(&self, operator: Operator, left: &Value<'a>, right: &Value<'a>) -> bool {
        let numbers = || (self.scalar_number(left), self.scalar_number(right));
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

    fn call(&mut self, call: &'a Call, focus: &Focus) -> Result<Value<'a>> {
        match call.function.implementation {
            Implementation::Full(run) => run(self, call, focus),
            Implementation::Number(compute) => {
                let number = self.number_argument(call, 0, focus)?;
                Ok(Value::Number(compute(number)))
            }
            Implementation::Numbers(compute) => {
                let first = self.number_argument(call, 0, focus)?;
                let second = self.number_argument(call, 1, focus)?;
                Ok(Value::Number(compute(first, second)))
            }
        }
    }

    /// The argument at this place; empty text where there is none.
    pub(super) fn argument(&mut self, call: &'a Call, place: usize, focus: &Focus) -> Result<Value<'a>> {
        match call.arguments.get(place) {
            Some(argument) => self.evaluate(argument, focus),
            None => Ok(Value::empty()),
        }
    }

    /// The argument at this place, a set of nodes by its first.
    pub(super) fn scalar_argument(
        &mut self,
        call: &'a Call,
        place: usize,
        focus: &Focus,
    ) -> Result<Value<'a>> {
        let value = self.argument(call, place, focus)?;
        Ok(self.scalar(value))
    }

    pub(super) fn text_argument(
        &mut self,
        call: &'a Call,
        place: usize,
        focus: &Focus,
    ) -> Result<Cow<'a, str>> {
        let value = self.argument(call, place, focus)?;
        Ok(self.to_text(value))
    }

    pub(super) fn number_argument(&mut self, call: &'a Call, place: usize, focus: &Focus) -> Result<f64> {
        let value = self.argument(call, place, focus)?;
        Ok(self.to_number(&value))
    }

    pub(super) fn boolean_argument(&mut self, call: &'a Call, place: usize, focus: &Focus) -> Result<bool> {
        let value = self.argument(call, place, focus)?;
        Ok(self.to_boolean(&value))
    }

    /// The argument at this place, which must be a set of nodes.
    pub(super) fn nodes_argument(&mut self, call: &'a Call, place: usize, focus: &Focus) -> Result<Nodes> {
        match self.argument(call, place, focus)? {
            Value::Nodes(nodes) => Ok(nodes),
            _ => Err(EvaluationError::new(format!(
                "{}() needs a path as its argument number {}, not a value",
                call.function.name,
                place + 1
            ))),
        }
    }
}
