//! The expression language: XPath 1.0 as XForms use it, with the functions of
//! the ODK XForms specification.
//!
//! Text → tokens (`lexer`) → tree (`parser`, `ast`) → value (`evaluate`). The
//! tree is complete XPath; what the world around it looks like, an
//! [`Environment`] says, so that the same evaluator serves forms and rules.
//! Functions are rows of one table (`functions`).

mod ast;
mod environment;
mod evaluate;
mod functions;
mod lexer;
mod moment;
mod outline;
mod parser;
mod paths;
mod value;

pub(crate) use ast::{Axis, Call, Expr, Lookup, Operator, Path, Start, Step, Test, visit};
pub use environment::{Dialect, Zone};
pub(crate) use environment::{Environment, Handle, Nodes, Sort};
pub(crate) use evaluate::{Evaluator, Focus};
pub(crate) use functions::mixed;
pub(crate) use functions::{ELSEWHERE, Kind};
pub(crate) use moment::{Moment, date_time_text, parse_date, parse_date_time, parse_time};
pub(crate) use outline::outline;
pub(crate) use parser::{parse, parse_leniently};
pub(crate) use value::{Value, number_text, text_to_number};

use serde::Serialize;

/// Longest expression, in bytes.
pub(crate) const MAX_EXPRESSION_BYTES: usize = 64 * 1024;
/// How deep parentheses, calls and predicates may nest.
pub(crate) const MAX_EXPRESSION_DEPTH: usize = 100;
/// How many steps one evaluation may take before it is given up.
pub(crate) const MAX_STEPS: u64 = 20_000_000;

/// An expression that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("{message} (at character {position})")]
pub struct ExpressionError {
    /// Where, in characters from 1.
    pub position: usize,
    /// What is wrong and what is expected, in plain words.
    pub message: String,
    /// A likely correction.
    pub suggestion: Option<String>,
}

impl ExpressionError {
    pub(crate) fn new(position: usize, message: impl Into<String>) -> Self {
        Self { position, message: message.into(), suggestion: None }
    }
}

/// An expression that was read but cannot be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("{message}")]
pub struct EvaluationError {
    /// What is wrong, in plain words.
    pub message: String,
}

impl EvaluationError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}
