//! Expressions outside forms: schedule rules, alert rules, quality checks,
//! prefill. The same language, over named values instead of nodes.

use crate::expr::{self, Environment, Evaluator, Expr, Focus, Handle, Start, Zone};
pub use crate::expr::{EvaluationError, ExpressionError};
use chrono::{DateTime, FixedOffset};
use std::collections::BTreeSet;

/// What a rule yields.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A text. Dates and moments are texts in ISO form.
    Text(String),
    /// A number; may be NaN.
    Number(f64),
    /// A truth value.
    Boolean(bool),
}

impl Value {
    /// Whether it counts as true: any text with characters, any number but 0
    /// and NaN.
    pub fn to_boolean(&self) -> bool {
        match self {
            Value::Text(text) => !text.is_empty(),
            Value::Number(number) => *number != 0.0 && !number.is_nan(),
            Value::Boolean(value) => *value,
        }
    }

    /// As a number; NaN when it is none. A date counts in days since
    /// 1970-01-01.
    pub fn to_number(&self) -> f64 {
        match self {
            Value::Text(text) => match FixedOffset::east_opt(0) {
                Some(offset) => expr::text_to_number(text, &offset),
                None => f64::NAN,
            },
            Value::Number(number) => *number,
            Value::Boolean(value) => f64::from(u8::from(*value)),
        }
    }

    /// As text: `3`, `0.5`, `true`; NaN, which stands for "no number", is empty.
    pub fn to_text(&self) -> String {
        match self {
            Value::Text(text) => text.clone(),
            Value::Number(number) if number.is_nan() => String::new(),
            Value::Number(number) => expr::number_text(*number),
            Value::Boolean(value) => value.to_string(),
        }
    }
}

/// What needs an instance, its lists or its seed.
const ONLY_IN_FORMS: [&str; 13] = [
    "current",
    "id",
    "indexed-repeat",
    "instance",
    "jr:choice-name",
    "jr:itext",
    "lang",
    "once",
    "property",
    "pulldata",
    "random",
    "randomize",
    "uuid",
];

/// An expression over named values: `${risk} = 'red' and ${age} >= 80`.
#[derive(Debug, Clone)]
pub struct Rule {
    expression: Expr,
    names: BTreeSet<String>,
}

impl Rule {
    /// Reads an expression.
    ///
    /// # Errors
    /// What is wrong and where, when it is not an expression, or when it uses
    /// paths or lists, which exist only in forms.
    pub fn parse(text: &str) -> Result<Rule, ExpressionError> {
        let expression = expr::parse(text)?;
        let mut names = BTreeSet::new();
        let mut problem = None;
        expr::visit(&expression, true, &mut |part, _| match part {
            Expr::Path(path) => match &path.start {
                Start::Named(name, position) => {
                    if !path.steps.is_empty() || !path.predicates.is_empty() {
                        problem.get_or_insert_with(|| {
                            ExpressionError::new(
                                *position,
                                format!("${{{name}}} is a single value here, without steps"),
                            )
                        });
                    }
                    names.insert(name.clone());
                }
                _ => {
                    problem.get_or_insert_with(|| {
                        ExpressionError::new(1, "paths exist only in forms; write ${name} for a value")
                    });
                }
            },
            Expr::Call(call) if ONLY_IN_FORMS.contains(&call.function.name) => {
                problem.get_or_insert_with(|| {
                    ExpressionError::new(
                        call.position,
                        format!("{}() exists only in forms", call.function.name),
                    )
                });
            }
            _ => {}
        });
        match problem {
            Some(problem) => Err(problem),
            None => Ok(Rule { expression, names }),
        }
    }

    /// The names it refers to, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Computes it. A name for which `lookup` gives `None` is empty; `now` is
    /// what `now()` and `today()` mean.
    ///
    /// # Errors
    /// When it takes too many steps or a pattern that came as data is none.
    pub fn evaluate(
        &self,
        lookup: &dyn Fn(&str) -> Option<String>,
        now: DateTime<FixedOffset>,
    ) -> Result<Value, EvaluationError> {
        let world = NamedValues { lookup, now };
        let mut evaluator = Evaluator::new(&world);
        let value = evaluator.evaluate(&self.expression, &Focus::on(Handle::Document))?;
        Ok(match value {
            expr::Value::Number(number) => Value::Number(number),
            expr::Value::Boolean(value) => Value::Boolean(value),
            other => Value::Text(evaluator.to_text(other).into_owned()),
        })
    }
}

/// A world of named values without nodes.
struct NamedValues<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    now: DateTime<FixedOffset>,
}

impl Environment for NamedValues<'_> {
    fn now(&self) -> DateTime<FixedOffset> {
        self.now
    }

    fn zone(&self) -> &dyn Zone {
        self.now.offset()
    }

    fn named(&self, name: &str) -> Option<String> {
        (self.lookup)(name)
    }
}
