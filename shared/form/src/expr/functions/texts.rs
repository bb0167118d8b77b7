//! Text, patterns and space-separated selections. Positions count characters.

use super::Result;
use crate::expr::ast::Call;
use crate::expr::evaluate::{Evaluator, Focus};
use crate::expr::value::Value;
use crate::expr::{EvaluationError, number_text};
use regex_lite::Regex;

fn text_at(evaluator: &Evaluator<'_>, arguments: &mut [Value], index: usize) -> String {
    match arguments.get_mut(index) {
        Some(value) => evaluator.to_text(std::mem::replace(value, Value::Boolean(false))),
        None => String::new(),
    }
}

/// The text of the only argument, or of the node in focus.
fn own_text(
    evaluator: &mut Evaluator<'_>,
    call: &Call,
    focus: &Focus,
) -> std::result::Result<String, EvaluationError> {
    match call.arguments.first() {
        Some(argument) => evaluator.text(argument, focus),
        None => Ok(evaluator.environment.text(focus.node)),
    }
}

#[expect(clippy::cast_precision_loss, reason = "lengths are far below 2^52")]
fn counted(count: usize) -> Value {
    Value::Number(count as f64)
}

pub(super) fn string(evaluator: &mut Evaluator<'_>, call: &Call, focus: &Focus) -> Result {
    own_text(evaluator, call, focus).map(Value::Text)
}

/// Every node of a set is joined on, as ODK extends it.
pub(super) fn concat(evaluator: &mut Evaluator<'_>, arguments: Vec<Value>) -> Result {
    let mut text = String::new();
    for part in all_texts(evaluator, arguments)? {
        text.push_str(&part);
    }
    Ok(Value::Text(text))
}

/// `join(separator, …)`
pub(super) fn join(evaluator: &mut Evaluator<'_>, mut arguments: Vec<Value>) -> Result {
    let separator = text_at(evaluator, &mut arguments, 0);
    arguments.remove(0);
    Ok(Value::Text(all_texts(evaluator, arguments)?.join(&separator)))
}

fn all_texts(
    evaluator: &mut Evaluator<'_>,
    arguments: Vec<Value>,
) -> std::result::Result<Vec<String>, EvaluationError> {
    let mut texts = Vec::new();
    for argument in arguments {
        match argument {
            Value::Nodes(nodes) => texts.extend(nodes.iter().map(|&node| evaluator.environment.text(node))),
            value => texts.push(evaluator.to_text(value)),
        }
    }
    evaluator.spend(texts.iter().map(String::len).sum())?;
    Ok(texts)
}

pub(super) fn starts_with(evaluator: &mut Evaluator<'_>, mut arguments: Vec<Value>) -> Result {
    let (text, part) = two(evaluator, &mut arguments);
    Ok(Value::Boolean(text.starts_with(&part)))
}

pub(super) fn ends_with(evaluator: &mut Evaluator<'_>, mut arguments: Vec<Value>) -> Result {
    let (text, part) = two(evaluator, &mut arguments);
    Ok(Value::Boolean(text.ends_with(&part)))
}

pub(super) fn contains(evaluator: &mut Evaluator<'_>, mut arguments: Vec<Value>) -> Result {
    let (text, part) = two(evaluator, &mut arguments);
    Ok(Value::Boolean(text.contains(&part)))
}

pub(super) fn substring_before(evaluator: &mut Evaluator<'_>, mut arguments: Vec<Value>) -> Result {
    let (text, part) = two(evaluator, &mut arguments);
    let before = text.split_once(&part).map_or("", |(before, _)| before);
    Ok(Value::Text(before.to_owned()))
}

pub(super) fn substring_after(evaluator: &mut Evaluator<'_>, mut arguments: Vec<Value>) -> Result {
    let (text, part) = two(evaluator, &mut arguments);
    let after = text.split_once(&part).map_or("", |(_, after)| after);
    Ok(Value::Text(after.to_owned()))
}

fn two(evaluator: &Evaluator<'_>, arguments: &mut [Value]) -> (String, String) {
    (text_at(evaluator, arguments, 0), text_at(evaluator, arguments, 1))
}

/// XPath's `substring(text, from, length)`: from 1, bounds rounded.
pub(super) fn substring(evaluator: &mut Evaluator<'_>, mut arguments: Vec<Value>) -> Result {
    let half_up = |number: f64| (number + 0.5).floor();
    let from = arguments.get(1).map_or(f64::NAN, |value| half_up(evaluator.to_number(value)));
    let until = match arguments.get(2) {
        Some(length) => from + half_up(evaluator.to_number(length)),
        None => f64::INFINITY,
    };
    let text = text_at(evaluator, &mut arguments, 0);
    let part = text.chars().zip(1_u32..).filter(|(_, position)| {
        let position = f64::from(*position);
        position >= from && position < until
    });
    Ok(Value::Text(part.map(|(character, _)| character).collect()))
}

/// ODK's `substr(text, from, until)`: from 0, `until` not included, negative
/// counts from the end.
pub(super) fn substr(evaluator: &mut Evaluator<'_>, mut arguments: Vec<Value>) -> Result {
    let from = arguments.get(1).map_or(f64::NAN, |value| evaluator.to_number(value));
    let until = arguments.get(2).map(|value| evaluator.to_number(value));
    let text = text_at(evaluator, &mut arguments, 0);
    let length = text.chars().count();
    let from = bound(from, length);
    let until = until.map_or(length, |until| bound(until, length));
    Ok(Value::Text(text.chars().take(until).skip(from).collect()))
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the length of a text"
)]
fn bound(index: f64, length: usize) -> usize {
    let length = length as f64;
    let index = if index < 0.0 { index + length } else { index };
    if index.is_nan() { 0 } else { index.clamp(0.0, length) as usize }
}

pub(super) fn string_length(evaluator: &mut Evaluator<'_>, call: &Call, focus: &Focus) -> Result {
    let text = own_text(evaluator, call, focus)?;
    Ok(counted(text.chars().count()))
}

pub(super) fn normalize_space(evaluator: &mut Evaluator<'_>, call: &Call, focus: &Focus) -> Result {
    let text = own_text(evaluator, call, focus)?;
    Ok(Value::Text(text.split_whitespace().collect::<Vec<_>>().join(" ")))
}

pub(super) fn translate(evaluator: &mut Evaluator<'_>, mut arguments: Vec<Value>) -> Result {
    let (text, from) = two(evaluator, &mut arguments);
    let to: Vec<char> = text_at(evaluator, &mut arguments, 2).chars().collect();
    let from: Vec<char> = from.chars().collect();
    evaluator.spend(text.len().saturating_mul(from.len().max(1)))?;
    let translated =
        text.chars().filter_map(|character| match from.iter().position(|&one| one == character) {
            None => Some(character),
            Some(index) => to.get(index).copied(),
        });
    Ok(Value::Text(translated.collect()))
}

/// Whether a space-separated selection holds this choice.
pub(super) fn selected(evaluator: &mut Evaluator<'_>, mut arguments: Vec<Value>) -> Result {
    let (selection, choice) = two(evaluator, &mut arguments);
    let choice = choice.trim();
    Ok(Value::Boolean(!choice.is_empty() && selection.split_whitespace().any(|one| one == choice)))
}

/// The choice at this place of the selection, from 0; empty beyond its end.
pub(super) fn selected_at(evaluator: &mut Evaluator<'_>, mut arguments: Vec<Value>) -> Result {
    let index = arguments.get(1).map_or(f64::NAN, |value| evaluator.to_number(value)).trunc();
    let selection = text_at(evaluator, &mut arguments, 0);
    let mut choices = selection.split_whitespace().zip(0_u32..);
    let choice = choices.find(|(_, place)| f64::from(*place) == index);
    Ok(Value::Text(choice.map_or_else(String::new, |(choice, _)| choice.to_owned())))
}

pub(super) fn count_selected(evaluator: &mut Evaluator<'_>, mut arguments: Vec<Value>) -> Result {
    let selection = text_at(evaluator, &mut arguments, 0);
    Ok(counted(selection.split_whitespace().count()))
}

/// Whether the whole text matches the pattern, as JavaRosa has it.
pub(super) fn regex(evaluator: &mut Evaluator<'_>, call: &Call, focus: &Focus) -> Result {
    let [text, pattern] = call.arguments.as_slice() else {
        return Ok(Value::Boolean(false));
    };
    let text = evaluator.text(text, focus)?;
    evaluator.spend(text.len())?;
    if let Some(pattern) = &call.pattern {
        return Ok(Value::Boolean(pattern.is_match(&text)));
    }
    let pattern = evaluator.text(pattern, focus)?;
    evaluator.spend(pattern.len().saturating_mul(100))?;
    match full_match(&pattern) {
        Ok(regex) => Ok(Value::Boolean(regex.is_match(&text))),
        Err(error) => Err(EvaluationError::new(format!(
            "the pattern \"{}\" cannot be used: {error}",
            shortened(&pattern)
        ))),
    }
}

/// A pattern that must match from the first character to the last.
pub(crate) fn full_match(pattern: &str) -> std::result::Result<Regex, regex_lite::Error> {
    regex_lite::RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(1 << 20).build()
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
        short.push_str(&number_text(f64::from(u32::try_from(text.len()).unwrap_or(u32::MAX))));
        short.push_str(" bytes");
    }
    short
}
