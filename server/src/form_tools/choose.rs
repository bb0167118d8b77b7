//! Choices in the terminal: how they are listed, and what a typed line means.

use doorstep_form::{ChoiceView, NodeKind, NodeView};

/// So many choices are listed at once.
const LISTED_MAX: usize = 30;

/// What a typed line means for a question with choices.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// These values, as they are stored.
    Value(String),
    /// Several choices have these words in their labels.
    Several(Vec<ChoiceView>),
    /// No choice is meant by this word.
    None(String),
}

/// Whether positions in the list may be typed: where no value is a number.
fn by_number(choices: &[ChoiceView]) -> bool {
    choices.iter().all(|choice| choice.value.parse::<f64>().is_err())
}

/// The choices as lines, each with what to type for it.
pub(crate) fn listed(choices: &[ChoiceView]) -> Vec<String> {
    let numbers = by_number(choices);
    let mut lines: Vec<String> = choices
        .iter()
        .zip(1..)
        .take(LISTED_MAX)
        .map(|(choice, number)| {
            let number = if numbers { format!("{number:>3}  ") } else { "  ".to_owned() };
            format!("{number}{:<12} {}", choice.value, choice.label)
        })
        .collect();
    if let Some(more) = choices.len().checked_sub(LISTED_MAX).filter(|more| *more > 0) {
        lines.push(format!("  … and {more} more; type part of a label to find one"));
    }
    lines
}

/// What `typed` means: values, positions in the list, or part of a label.
pub(crate) fn meant(view: &NodeView, typed: &str) -> Choice {
    if view.choices.iter().any(|choice| choice.value == typed) {
        return Choice::Value(typed.to_owned());
    }
    if view.kind == NodeKind::SelectOne {
        return match one(&view.choices, typed) {
            Ok(value) => Choice::Value(value),
            Err(choice) => choice,
        };
    }
    let mut values = Vec::new();
    for word in typed.split([' ', ',', '，', '、']).filter(|word| !word.is_empty()) {
        match one(&view.choices, word) {
            Ok(value) => values.push(value),
            Err(choice) => return choice,
        }
    }
    Choice::Value(values.join(" "))
}

fn one(choices: &[ChoiceView], word: &str) -> Result<String, Choice> {
    if let Some(choice) = choices.iter().find(|choice| choice.value == word) {
        return Ok(choice.value.clone());
    }
    if by_number(choices)
        && let Some(choice) = word
            .parse::<usize>()
            .ok()
            .and_then(|number| number.checked_sub(1))
            .and_then(|index| choices.get(index))
    {
        return Ok(choice.value.clone());
    }
    let lower = word.to_lowercase();
    let fitting: Vec<&ChoiceView> =
        choices.iter().filter(|choice| choice.label.to_lowercase().contains(&lower)).collect();
    match fitting.as_slice() {
        [] => Err(Choice::None(word.to_owned())),
        [only] => Ok(only.value.clone()),
        several => Err(Choice::Several(several.iter().map(|choice| (*choice).clone()).collect())),
    }
}
