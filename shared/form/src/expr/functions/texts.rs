//! Text and space-separated selections. Positions count characters.

use super::Result;
use crate::expr::EvaluationError;
use crate::expr::ast::Call;
use crate::expr::evaluate::{Evaluator, Focus};
use crate::expr::value::{Value, is_space};
use std::borrow::Cow;

type Texts<'a> = std::result::Result<(Cow<'a, str>, Cow<'a, str>), EvaluationError>;

/// The text of the only argument, or of the node in focus.
fn own_text<'a>(
    evaluator: &mut Evaluator<'a>,
    call: &'a Call,
    focus: &Focus,
) -> std::result::Result<Cow<'a, str>, EvaluationError> {
    match call.arguments.first() {
        Some(argument) => evaluator.text(argument, focus),
        None => Ok(evaluator.environment.text(focus.node)),
    }
}

#[expect(clippy::cast_precision_loss, reason = "lengths are far below 2^52")]
fn counted<'a>(count: usize) -> Value<'a> {
    Value::Number(count as f64)
}

pub(super) fn string<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    own_text(evaluator, call, focus).map(Value::Text)
}

/// Every node of a set is joined on, as ODK extends it.
pub(super) fn concat<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    joined(evaluator, call, focus, 0, "")
}

/// `join(separator, …)`
pub(super) fn join<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let separator = evaluator.text_argument(call, 0, focus)?;
    joined(evaluator, call, focus, 1, &separator)
}

/// The texts of the arguments from this one on, every node of a set by itself.
fn joined<'a>(
    evaluator: &mut Evaluator<'a>,
    call: &'a Call,
    focus: &Focus,
    first: usize,
    separator: &str,
) -> Result<'a> {
    let mut text = String::new();
    let mut begun = false;
    let mut add = |evaluator: &mut Evaluator<'a>, part: &str| {
        if std::mem::replace(&mut begun, true) {
            text.push_str(separator);
        }
        text.push_str(part);
        evaluator.spend(part.len() + separator.len())
    };
    for argument in call.arguments.iter().skip(first) {
        match evaluator.evaluate(argument, focus)? {
            Value::Nodes(nodes) => {
                for node in nodes {
                    let part = evaluator.environment.text(node);
                    add(evaluator, &part)?;
                }
            }
            value => {
                let part = evaluator.to_text(value);
                add(evaluator, &part)?;
            }
        }
    }
    Ok(Value::text(text))
}

fn two<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Texts<'a> {
    Ok((evaluator.text_argument(call, 0, focus)?, evaluator.text_argument(call, 1, focus)?))
}

pub(super) fn starts_with<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let (text, part) = two(evaluator, call, focus)?;
    Ok(Value::Boolean(text.starts_with(part.as_ref())))
}

pub(super) fn ends_with<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let (text, part) = two(evaluator, call, focus)?;
    Ok(Value::Boolean(text.ends_with(part.as_ref())))
}

pub(super) fn contains<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let (text, part) = two(evaluator, call, focus)?;
    Ok(Value::Boolean(text.contains(part.as_ref())))
}

pub(super) fn substring_before<'a>(
    evaluator: &mut Evaluator<'a>,
    call: &'a Call,
    focus: &Focus,
) -> Result<'a> {
    let (text, part) = two(evaluator, call, focus)?;
    Ok(Value::text(text.split_once(part.as_ref()).map_or("", |(before, _)| before).to_owned()))
}

pub(super) fn substring_after<'a>(
    evaluator: &mut Evaluator<'a>,
    call: &'a Call,
    focus: &Focus,
) -> Result<'a> {
    let (text, part) = two(evaluator, call, focus)?;
    Ok(Value::text(text.split_once(part.as_ref()).map_or("", |(_, after)| after).to_owned()))
}

/// XPath's `substring(text, from, length)`: from 1, bounds rounded.
pub(super) fn substring<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let half_up = |number: f64| (number + 0.5).floor();
    let text = evaluator.text_argument(call, 0, focus)?;
    let from = half_up(evaluator.number_argument(call, 1, focus)?);
    let until = match call.arguments.get(2) {
        Some(length) => from + half_up(evaluator.number(length, focus)?),
        None => f64::INFINITY,
    };
    evaluator.spend(text.len())?;
    let part = text.chars().zip(1_u32..).filter(|(_, position)| {
        let position = f64::from(*position);
        position >= from && position < until
    });
    Ok(Value::text(part.map(|(character, _)| character).collect::<String>()))
}

/// ODK's `substr(text, from, until)`: from 0, `until` not included, negative
/// counts from the end.
pub(super) fn substr<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let text = evaluator.text_argument(call, 0, focus)?;
    let length = text.chars().count();
    evaluator.spend(text.len())?;
    let from = bound(evaluator.number_argument(call, 1, focus)?, length);
    let until = match call.arguments.get(2) {
        Some(until) => bound(evaluator.number(until, focus)?, length),
        None => length,
    };
    Ok(Value::text(text.chars().take(until).skip(from).collect::<String>()))
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

pub(super) fn string_length<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let text = own_text(evaluator, call, focus)?;
    Ok(counted(text.chars().count()))
}

pub(super) fn normalize_space<'a>(
    evaluator: &mut Evaluator<'a>,
    call: &'a Call,
    focus: &Focus,
) -> Result<'a> {
    let text = own_text(evaluator, call, focus)?;
    let mut plain = String::with_capacity(text.len());
    for word in text.split(is_space).filter(|word| !word.is_empty()) {
        if !plain.is_empty() {
            plain.push(' ');
        }
        plain.push_str(word);
    }
    Ok(Value::text(plain))
}

pub(super) fn translate<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let (text, from) = two(evaluator, call, focus)?;
    let to: Vec<char> = evaluator.text_argument(call, 2, focus)?.chars().collect();
    let from: Vec<char> = from.chars().collect();
    evaluator.spend(text.len().saturating_mul(from.len().max(1)))?;
    let translated =
        text.chars().filter_map(|character| match from.iter().position(|&one| one == character) {
            None => Some(character),
            Some(index) => to.get(index).copied(),
        });
    Ok(Value::text(translated.collect::<String>()))
}

/// Whether a space-separated selection holds this choice. Of no choice, only
/// nothing holds it.
pub(super) fn selected<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let (selection, choice) = two(evaluator, call, focus)?;
    let choice = choice.trim();
    let mut chosen = selection.split_whitespace();
    Ok(Value::Boolean(match choice {
        "" => chosen.next().is_none(),
        choice => chosen.any(|one| one == choice),
    }))
}

/// The choice at this place of the selection, from 0; empty beyond its end.
pub(super) fn selected_at<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let selection = evaluator.text_argument(call, 0, focus)?;
    let index = evaluator.number_argument(call, 1, focus)?.trunc();
    let mut choices = selection.split_whitespace().zip(0_u32..);
    let choice = choices.find(|(_, place)| f64::from(*place) == index);
    Ok(Value::text(choice.map_or_else(String::new, |(choice, _)| choice.to_owned())))
}

pub(super) fn count_selected<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let selection = evaluator.text_argument(call, 0, focus)?;
    Ok(counted(selection.split_whitespace().count()))
}
