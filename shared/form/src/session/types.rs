//! Values by their types: how they are read, tidied and stored.

use super::Session;
use crate::expr::{
    Moment, Value, date_time_text, number_text, parse_date, parse_date_time, parse_time, text_to_number,
};
use crate::form::{DataType, NodeKind};

impl Session {
    /// A stored text as expressions see it: numbers as numbers, days and moments
    /// as such. What is not of its type stays text.
    pub(super) fn typed<'a>(&self, item: u32, text: &'a str) -> Value<'a> {
        let zone = self.context.now.offset();
        let plain = || Value::text(text);
        if text.is_empty() {
            return plain();
        }
        match self.planned(item).map(|node| node.data_type) {
            Some(DataType::Int | DataType::Decimal) => {
                let number = text_to_number(text, zone);
                if number.is_nan() { Value::empty() } else { Value::Number(number) }
            }
            Some(DataType::Date) => {
                parse_date(text).map_or_else(plain, |date| Value::Moment(Moment::Date(date)))
            }
            Some(DataType::DateTime) => parse_date_time(text, zone)
                .map_or_else(plain, |moment| Value::Moment(Moment::DateTime(moment))),
            Some(DataType::Boolean) => match text {
                "true" | "1" => Value::Boolean(true),
                "false" | "0" => Value::Boolean(false),
                _ => plain(),
            },
            _ => plain(),
        }
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
            DataType::DateTime => parse_date_time(value, zone).is_some(),
            DataType::Geopoint => is_place(value),
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
