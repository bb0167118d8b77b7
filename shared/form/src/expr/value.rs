//! What expressions compute with, and how one kind becomes another.
//!
//! The conversions are XPath's, with JavaRosa's additions: a moment is a number
//! of days since 1970-01-01 (in local time), and a text that is written like a
//! date counts as that number.

use super::environment::{Nodes, Zone};
use super::moment::{Moment, parse_date, parse_date_time, parse_time};
use chrono::NaiveDate;
use std::borrow::Cow;

/// A value while an expression is computed. Texts are borrowed from the
/// expression or from the world around it, where they can be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'a> {
    Text(Cow<'a, str>),
    Number(f64),
    Boolean(bool),
    Moment(Moment),
    /// Nodes in document order, without those that are not relevant.
    Nodes(Nodes),
}

impl<'a> Value<'a> {
    pub(crate) const fn empty() -> Value<'a> {
        Value::Text(Cow::Borrowed(""))
    }

    pub(crate) fn text(text: impl Into<Cow<'a, str>>) -> Value<'a> {
        Value::Text(text.into())
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
    pub(super) fn scalar_number(&self, zone: &dyn Zone) -> f64 {
        match self {
            Value::Text(text) => text_to_number(text, zone),
            Value::Number(number) => *number,
            Value::Boolean(value) => f64::from(u8::from(*value)),
            Value::Moment(moment) => moment.days(zone),
            Value::Nodes(_) => f64::NAN,
        }
    }

    /// A value that is a day, or a text written like one.
    pub(super) fn day(&self) -> Option<NaiveDate> {
        match self {
            Value::Moment(Moment::Date(date)) => Some(*date),
            Value::Text(text) => parse_date(text),
            _ => None,
        }
    }

    /// A value that is not a set of nodes, as text.
    pub(super) fn scalar_text(self) -> Cow<'a, str> {
        match self {
            Value::Text(text) => text,
            Value::Number(number) => Cow::Owned(number_text(number)),
            Value::Boolean(value) => Cow::Borrowed(if value { "true" } else { "false" }),
            Value::Moment(moment) => Cow::Owned(moment.text()),
            Value::Nodes(_) => Cow::Borrowed(""),
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
pub(crate) fn text_to_number(text: &str, zone: &dyn Zone) -> f64 {
    let text = text.trim_matches(is_space);
    if let Some(number) = plain_number(text) {
        return number;
    }
    // Whatever is no number and does not begin like a date or a time is none.
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    match text.as_bytes().get(digits) {
        Some(b'-') if digits == 4 => match parse_date(text) {
            Some(date) => Moment::Date(date).days(zone),
            None => parse_date_time(text, zone)
                .map_or(f64::NAN, |date_time| Moment::DateTime(date_time).days(zone)),
        },
        Some(b':') if digits > 0 => parse_time(text, zone).unwrap_or(f64::NAN),
        _ => f64::NAN,
    }
}

/// Decimal digits with at most one point and a minus sign, and nothing else.
pub(crate) fn plain_number(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let mut whole: u64 = 0;
    let mut digits = 0_u32;
    let mut point = false;
    for byte in unsigned.bytes() {
        match byte {
            b'0'..=b'9' => {
                digits += 1;
                whole = whole.saturating_mul(10).saturating_add(u64::from(byte - b'0'));
            }
            b'.' if !point => point = true,
            _ => return None,
        }
    }
    if digits == 0 {
        return None;
    }
    if point || digits > 15 {
        return text.parse().ok();
    }
    #[expect(clippy::cast_precision_loss, reason = "fifteen digits are exact")]
    let number = whole as f64;
    Some(if text.len() == unsigned.len() { number } else { -number })
}

/// What XML calls white space.
pub(crate) fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r')
}
