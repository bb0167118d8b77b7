//! What expressions compute with, and how one kind becomes another.
//!
//! The conversions are XPath's, with JavaRosa's additions: a moment is a number
//! of days since 1970-01-01 (in local time), and a text that is written like a
//! date counts as that number.

use super::environment::Handle;
use super::moment::{Moment, parse_date, parse_date_time, parse_time};
use chrono::FixedOffset;

/// A value while an expression is computed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Number(f64),
    Boolean(bool),
    Moment(Moment),
    /// Nodes in document order, without those that are not relevant.
    Nodes(Vec<Handle>),
}

impl Value {
    pub(crate) fn empty() -> Value {
        Value::Text(String::new())
    }

    /// Whether a value that is not a set of nodes counts as true. A text does
    /// when it has any character, even `0` or `false`.
    pub(super) fn scalar_boolean(&self) -> bool {
        match self {
            Value::Text(text) => !text.is_empty(),
            Value::Number(number) => *number != 0.0 && !number.is_nan(),
            Value::Boolean(value) => *value,
            Value::Moment(_) => true,
            Value::Nodes(nodes) => !nodes.is_empty(),
        }
    }

    /// A value that is not a set of nodes, as a number; NaN when it is none.
    pub(super) fn scalar_number(&self, offset: FixedOffset) -> f64 {
        match self {
            Value::Text(text) => text_to_number(text, offset),
            Value::Number(number) => *number,
            Value::Boolean(value) => f64::from(u8::from(*value)),
            Value::Moment(moment) => moment.days(offset),
            Value::Nodes(_) => f64::NAN,
        }
    }

    /// A value that is not a set of nodes, as text.
    pub(super) fn scalar_text(self) -> String {
        match self {
            Value::Text(text) => text,
            Value::Number(number) => number_text(number),
            Value::Boolean(value) => value.to_string(),
            Value::Moment(moment) => moment.text(),
            Value::Nodes(_) => String::new(),
        }
    }
}

/// A number as XPath writes it: `3`, `0.5`, never an exponent.
pub(crate) fn number_text(number: f64) -> String {
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else if number == 0.0 {
        "0".to_owned()
    } else {
        number.to_string()
    }
}

/// A text as a number: decimal digits, or a date, a moment or a time of day in
/// ISO form, which count in days. NaN for everything else, also for exponents.
pub(crate) fn text_to_number(text: &str, offset: FixedOffset) -> f64 {
    let text = text.trim();
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let plain = !unsigned.is_empty()
        && unsigned.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && unsigned.bytes().any(|byte| byte.is_ascii_digit());
    if plain {
        return text.parse().unwrap_or(f64::NAN);
    }
    if let Some(date) = parse_date(text) {
        return Moment::Date(date).days(offset);
    }
    if let Some(date_time) = parse_date_time(text, offset) {
        return Moment::DateTime(date_time).days(offset);
    }
    parse_time(text).unwrap_or(f64::NAN)
}
