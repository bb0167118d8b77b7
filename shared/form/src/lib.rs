//! Doorstep's form engine: XLSForm workbooks, read, run and checked.
//!
//! A form passes through four stages, each a type:
//!
//! * [`Workbook`]: rows of text with their positions, from `.xlsx` or from
//!   tables in plain text;
//! * [`Form`]: a typed tree; as JSON it is what a server stores and what a
//!   phone receives;
//! * [`Plan`]: expressions parsed once, names resolved, dependencies ordered;
//!   shared between all instances of a form;
//! * [`Session`]: one live instance. An answer recomputes what depends on it
//!   and tells which nodes changed.
//!
//! The same expression language writes rules outside forms: [`Rule`]. And what
//! a phone sends is never trusted: [`verify`] computes it again.
//!
//! The crate is pure. It does no input or output, reads no clock and draws no
//! random numbers: the caller passes *now* and a seed in [`Context`]. It does
//! not panic on any input; nesting, steps and sizes are bounded, and what
//! exceeds a bound is an error or a left-over, never a crash.
//!
//! What is supported, and where this engine differs from others, is written in
//! `docs/form-engine.md`.

#![forbid(unsafe_code)]

mod compile;
mod document;
mod expr;
mod form;
pub mod order;
mod path;
mod plan;
mod problem;
mod rule;
mod session;
mod verify;
mod view;
mod workbook;
#[cfg(feature = "xform")]
pub mod xform;
pub mod xpath;

pub use form::{DataType, Form, MAX_NESTING, MediaKind, NodeKind, Text};
pub use path::{NodePath, PathError};
pub use plan::{Attachments, Plan};
pub use problem::{AuthoringProblem, Severity, did_you_mean};
pub use rule::{EvaluationError, ExpressionError, Rule, Value};
pub use session::{MAX_INSTANCES, MAX_VALUE_BYTES, Session};
pub use verify::{Verification, verify};
pub use view::{
    AnswerError, ChoiceView, Context, Difference, LeftOver, LeftOverReason, NodeView, PageView, Problem,
    ProblemKind, SummaryEntry,
};
pub use workbook::{MAX_COLUMNS, MAX_ROWS, Row, Sheet, Workbook, column_letters};
