//! Expressions outside forms: schedule rules, alert rules, prefill.
use chrono::{DateTime, FixedOffset};

/// An expression that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[error("{message} (at character {position})")]
pub struct ExpressionError {
    /// Where, in characters from 1.
    pub position: usize,
    /// What is wrong, in plain words.
    pub message: String,
}
/// An expression that cannot be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[error("{message}")]
pub struct EvaluationError {
    /// What is wrong, in plain words.
    pub message: String,
}
/// What an expression yields.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A number; may be NaN.
    Number(f64),
    /// A truth value.
    Boolean(bool),
}
impl Value {
    /// Whether it counts as true.
    pub fn to_boolean(&self) -> bool {
        matches!(self, Value::Boolean(true))
    }
    /// As a number; NaN when it is none.
    pub fn to_number(&self) -> f64 {
        if let Value::Number(number) = self { *number } else { f64::NAN }
    }
    /// As text.
    pub fn to_text(&self) -> String {
        if let Value::Text(text) = self { text.clone() } else { String::new() }
    }
}
/// An expression over named values.
#[derive(Debug, Clone)]
pub struct Rule {
    names: Vec<String>,
}
impl Rule {
    /// Reads an expression.
    pub fn parse(_text: &str) -> Result<Rule, ExpressionError> {
        Ok(Rule { names: Vec::new() })
    }
    /// The names it refers to, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }
    /// Computes it; a name for which `lookup` gives `None` is empty.
    pub fn evaluate(
        &self,
        _lookup: &dyn Fn(&str) -> Option<String>,
        _now: DateTime<FixedOffset>,
    ) -> Result<Value, EvaluationError> {
        Ok(Value::Text(String::new()))
    }
}
