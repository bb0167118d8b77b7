//! Values by their types: how they are read, tidied and stored.

use super::Session;
use crate::expr::{
    Moment, Value, date_time_text, number_text, parse_date, parse_date_time, parse_time, text_to_number,
};
use crate::form::{DataType, NodeKind};
use crate::plan::PlanNode;
use std::borrow::Cow;

impl Session {
    /// What expressions read in an item; nothing, where it is not of its type.
    pub(super) fn seen_text(&self, item: u32) -> Cow<'_, str> {
        let text = self.visible_value(item);
        let Some(node) = self.planned(item).filter(|_| !text.is_empty()) else { return Cow::Borrowed(text) };
        match node.data_type {
            DataType::Int | DataType::Decimal | DataType::Date | DataType::Time | DataType::DateTime
                if !self.fits(node.kind, node.data_type, text) =>
            {
                Cow::Borrowed("")
            }
            DataType::Geopoint | DataType::Geotrace | DataType::Geoshape => self.places(node, text),
            _ => Cow::Borrowed(text),
        }
    }

    /// A stored text as expressions see it: numbers as numbers, days and moments
    /// as such. What is not of its type is empty.
    pub(super) fn typed<'a>(&self, item: u32, text: &'a str) -> Value<'a> {
        let zone = self.context.now.offset();
        let Some(node) = self.planned(item).filter(|_| !text.is_empty()) else { return Value::text(text) };
        match node.data_type {
            // The values of choices are theirs, whatever the type.
            DataType::Int | DataType::Decimal if node.kind.is_select() => match text_to_number(text, zone) {
                number if number.is_nan() => Value::text(text),
                number => Value::Number(number),
            },
            DataType::Int => {
                text.parse::<i32>().map_or_else(|_| Value::empty(), |number| Value::Number(f64::from(number)))
            }
            DataType::Decimal => match text_to_number(text, zone) {
                number if is_decimal(text) && number.is_finite() => Value::Number(number),
                _ => Value::empty(),
            },
            DataType::Date => match parse_date(text) {
                Some(date) => Value::Moment(Moment::Date(date)),
                None => Value::empty(),
            },
            DataType::DateTime => match parse_date_time(text, zone).filter(|_| text.contains('T')) {
                Some(moment) => Value::Moment(Moment::DateTime(moment)),
                None => Value::empty(),
            },
            DataType::Time if parse_time(text, zone).is_none() => Value::empty(),
            DataType::Boolean => match text {
                "true" | "1" => Value::Boolean(true),
                "false" | "0" => Value::Boolean(false),
                _ => Value::text(text),
            },
            DataType::Geopoint | DataType::Geotrace | DataType::Geoshape => {
                Value::Text(self.places(node, text))
            }
            _ => Value::text(text),
        }
    }

    fn places<'a>(&self, node: &PlanNode, text: &'a str) -> Cow<'a, str> {
        if self.fits(node.kind, node.data_type, text) { decimals(text) } else { Cow::Borrowed("") }
    }

    /// What is computed, as the type of the node stores it (JavaRosa): whole
    /// numbers without a fraction, days without a time, moments with one.
    pub(super) fn shaped(&self, item: u32, value: String) -> String {
        if value.is_empty() {
            return value;
        }
        let zone = *self.context.now.offset();
        match self.planned(item).map(|node| node.data_type) {
            Some(DataType::Int) => match value.parse::<f64>() {
                Ok(number) if number.is_finite() => number_text(number.trunc()),
                _ => value,
            },
            Some(DataType::Date) if value.len() > 10 => match parse_date_time(&value, &zone) {
                Some(moment) => moment.with_timezone(&zone).date_naive().format("%Y-%m-%d").to_string(),
                None => value,
            },
            Some(DataType::DateTime) => match parse_date(&value) {
                Some(date) => match date
                    .and_hms_opt(0, 0, 0)
                    .and_then(|start| start.and_local_timezone(zone).earliest())
                {
                    Some(start) => date_time_text(start),
                    None => value,
                },
                None => value,
            },
            Some(DataType::Time) if value.contains('T') => match parse_date_time(&value, &zone) {
                Some(moment) => moment.with_timezone(&zone).format("%H:%M:%S%.3f%:z").to_string(),
                None => value,
            },
            _ => value,
        }
    }

    /// The value as it is stored: numbers and dates typed with full-width
    /// characters, and selections with any spaces, in their plain form. Text
    /// keeps what was typed.
    pub(super) fn normalised(&self, item: u32, value: &str) -> String {
        let Some(node) = self.planned(item) else { return value.to_owned() };
        match (node.kind, node.data_type) {
            (NodeKind::SelectMultiple | NodeKind::Rank, _) => {
                let mut text = String::with_capacity(value.len());
                for one in value.split_whitespace() {
                    if !text.is_empty() {
                        text.push(' ');
                    }
                    text.push_str(one);
                }
                text
            }
            (NodeKind::SelectOne, _) => value.trim().to_owned(),
            (
                _,
                DataType::Int
                | DataType::Decimal
                | DataType::Date
                | DataType::Time
                | DataType::DateTime
                | DataType::Geopoint,
            ) => {
                let plain: String = value.chars().map(half_width).collect();
                let plain = plain.trim();
                plain.strip_prefix('+').unwrap_or(plain).to_owned()
            }
            _ => value.to_owned(),
        }
    }

    /// Whether two values are the same, as the type of the node has it: other
    /// clients write `12.0` for 12, and moments by another clock.
    pub(crate) fn same_value(&self, item: u32, one: &str, other: &str) -> bool {
        if one == other {
            return true;
        }
        let zone = self.context.now.offset();
        match self.planned(item).map(|node| node.data_type) {
            Some(DataType::Int | DataType::Decimal) => {
                let (one, other) = (text_to_number(one, zone), text_to_number(other, zone));
                (one - other).abs() < 1e-9 * one.abs().max(1.0)
            }
            Some(DataType::DateTime) => {
                let (one, other) = (parse_date_time(one, zone), parse_date_time(other, zone));
                one.is_some() && one == other
            }
            Some(DataType::Geopoint | DataType::Geotrace | DataType::Geoshape) => {
                let (one, other) = (decimals(one), decimals(other));
                one.replace("; ", ";") == other.replace("; ", ";")
            }
            _ => false,
        }
    }

    /// Whether a non-empty value is of its type.
    pub(super) fn fits(&self, kind: NodeKind, data_type: DataType, value: &str) -> bool {
        if kind.is_select() {
            return true;
        }
        let zone = self.context.now.offset();
        match data_type {
            // 32 bits, as the specification has it.
            DataType::Int => value.parse::<i32>().is_ok(),
            DataType::Decimal => is_decimal(value) && text_to_number(value, zone).is_finite(),
            DataType::Date => parse_date(value).is_some(),
            DataType::Time => parse_time(value, zone).is_some(),
            // Expressions read a space for the T too; XML Schema does not.
            DataType::DateTime => value.contains('T') && parse_date_time(value, zone).is_some(),
            // A device that does not know writes zeros (JavaRosa, ODK Web Forms).
            DataType::Geopoint => {
                is_place(value) && value.split_whitespace().any(|part| part.parse() != Ok(0.0))
            }
            DataType::Geotrace | DataType::Geoshape => {
                let places: Vec<&str> =
                    value.split(';').map(str::trim).filter(|place| !place.is_empty()).collect();
                let closed =
                    data_type == DataType::Geotrace || (places.len() >= 4 && places.first() == places.last());
                places.len() >= 2 && closed && places.iter().all(|place| is_place(place))
            }
            _ => true,
        }
    }
}

/// Places as expressions see them: decimal numbers with a fraction, though
/// people and devices write `0` (JavaRosa and the web engines agree). What is no
/// place stays as it is.
fn decimals(text: &str) -> Cow<'_, str> {
    let mut shown = String::with_capacity(text.len() + 8);
    for (number, place) in text.split(';').enumerate() {
        if number > 0 {
            shown.push(';');
        }
        for (number, part) in place.split_whitespace().enumerate() {
            let Some(value) = part.parse::<f64>().ok().filter(|value| value.is_finite()) else {
                return Cow::Borrowed(text);
            };
            if number > 0 {
                shown.push(' ');
            }
            shown.push_str(&number_text(value));
            if value.fract() == 0.0 {
                shown.push_str(".0");
            }
        }
    }
    Cow::Owned(shown)
}

/// Full-width forms of ASCII characters, and the wide space, become ASCII.
fn half_width(character: char) -> char {
    match character {
        '\u{3000}' => ' ',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(character) - 0xfee0).unwrap_or(character),
        '。' => '.',
        '−' => '-',
        other => other,
    }
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.bytes().any(|byte| byte.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && digits.bytes().filter(|&byte| byte == b'.').count() <= 1
}

/// `latitude longitude altitude accuracy`; the last two may be missing.
fn is_place(text: &str) -> bool {
    let numbers: Vec<Option<f64>> = text.split_whitespace().map(|part| part.parse().ok()).collect();
    let within = |index: usize, limit: f64| {
        numbers.get(index).copied().flatten().is_some_and(|number: f64| number.abs() <= limit)
    };
    (2..=4).contains(&numbers.len())
        && numbers.iter().all(|number| number.is_some_and(f64::is_finite))
        && within(0, 90.0)
        && within(1, 180.0)
}
