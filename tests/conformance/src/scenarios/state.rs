//! Whether a node is as it was recorded, by one engine or the other.

use doorstep_form::{NodeKind, NodeView, ProblemKind};
use serde_json::{Map, Value};

pub(super) fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether a recorded value differs from run to run.
pub(super) fn volatile(value: &Value) -> bool {
    value.get("$volatile").is_some() || value.as_str().is_some_and(|text| text.contains("__VOLATILE__"))
}

/// Whether a property is as recorded, by one engine or the other.
pub(super) fn differs(
    reference: &str,
    property: &str,
    state: &Map<String, Value>,
    other: &Map<String, Value>,
    ours: &Value,
) -> Result<(), String> {
    let Some(expected) = state.get(property) else { return Ok(()) };
    if volatile(expected) || expected == ours || other.get(property) == Some(ours) {
        return Ok(());
    }
    let other = other.get(property).map(|other| format!(" (JavaRosa {other})")).unwrap_or_default();
    Err(format!("{reference} {property}: expected {expected}{other}, found {ours}"))
}

/// Kept here, as a problem, while expressions see nothing; lost there.
pub(super) fn is_lost(view: &NodeView) -> bool {
    matches!(view.problem, Some(ProblemKind::WrongType | ProblemKind::Incomplete))
}

/// Values are the same when they are the same text, or the same numbers: here
/// they stay as they were typed (`89`), elsewhere they are written anew
/// (`89.0`). What is not of its type is kept here, as a problem, and lost there.
pub(super) fn values(
    reference: &str,
    state: &Map<String, Value>,
    other: &Map<String, Value>,
    view: &NodeView,
) -> Result<(), String> {
    let numeric = matches!(
        state.get("vt").and_then(Value::as_str),
        Some("decimal" | "geopoint" | "geotrace" | "geoshape")
    );
    // Times stay as they were written, where one engine shifts them to local
    // time and the other does not know them.
    let moment = matches!(state.get("vt").and_then(Value::as_str), Some("time" | "dateTime"));
    if moment && other.contains_key("v") {
        return Ok(());
    }
    let lost = is_lost(view);
    let unoffered = view.problem == Some(ProblemKind::NotAChoice);
    let same = |recorded: Option<&Value>| {
        let Some(text) = recorded.and_then(Value::as_str) else { return false };
        // Kept with the rest, and a problem, until somebody chooses again.
        let offered: Vec<&str> = view
            .value
            .split_whitespace()
            .filter(|one| view.choices.iter().any(|choice| choice.value == *one))
            .collect();
        (unoffered && text == offered.join(" "))
            || (lost && text.is_empty())
            || (numeric && same_numbers(text, &view.value))
    };
    if same(state.get("v")) || same(other.get("v")) {
        return Ok(());
    }
    differs(reference, "v", state, other, &Value::String(view.value.clone()))
}

pub(super) fn same_numbers(left: &str, right: &str) -> bool {
    let numbers = |text: &str| -> Option<Vec<f64>> {
        let parts = text.split([' ', ';']).filter(|part| !part.is_empty());
        parts.map(|part| part.parse().ok()).collect()
    };
    matches!((numbers(left), numbers(right)), (Some(left), Some(right)) if left == right)
}

pub(super) fn labels(
    reference: &str,
    state: &Map<String, Value>,
    other: &Map<String, Value>,
    view: &NodeView,
) -> Result<(), String> {
    let Some(expected) = state.get("label").and_then(Value::as_str) else { return Ok(()) };
    if expected.contains("__VOLATILE__") {
        return Ok(());
    }
    let found = collapsed(&view.label);
    let others = other.get("label").and_then(Value::as_str).map(collapsed);
    if collapsed(expected) == found || others.as_ref() == Some(&found) {
        return Ok(());
    }
    Err(format!("{reference} label: expected {expected:?} (JavaRosa {others:?}), found {found:?}"))
}

fn collapsed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(super) fn violations(
    reference: &str,
    state: &Map<String, Value>,
    other: &Map<String, Value>,
    view: &NodeView,
) -> Result<(), String> {
    let ours = match view.problem {
        Some(ProblemKind::Required) => Value::from("required"),
        Some(ProblemKind::Constraint) => Value::from("constraint"),
        // The recorded engines keep no such values, or say nothing about them.
        Some(_) => return Ok(()),
        None => Value::Null,
    };
    differs(reference, "viol", state, other, &ours)
}

pub(super) fn choices(
    reference: &str,
    state: &Map<String, Value>,
    other: &Map<String, Value>,
    view: &NodeView,
) -> Result<(), String> {
    if !matches!(view.kind, NodeKind::SelectOne | NodeKind::SelectMultiple | NodeKind::Rank) {
        return Ok(());
    }
    let count = Value::from(view.choices.len());
    differs(reference, "nChoices", state, other, &count)?;
    let Some(expected) = state.get("choices").and_then(Value::as_array) else { return Ok(()) };
    let ours: Vec<[String; 2]> =
        view.choices.iter().map(|choice| [choice.value.clone(), collapsed(&choice.label)]).collect();
    let same = |expected: &Value, ours: &[String; 2]| match expected {
        Value::Array(pair) => {
            pair.first().and_then(Value::as_str) == Some(&ours[0])
                && pair.get(1).and_then(Value::as_str).is_none_or(|label| collapsed(label) == ours[1])
        }
        value => value.as_str() == Some(&ours[0]),
    };
    let all = |expected: &[Value]| expected.iter().zip(&ours).all(|(expected, ours)| same(expected, ours));
    // Long lists are recorded by their beginning.
    if all(expected) || other.get("choices").and_then(Value::as_array).is_some_and(|other| all(other)) {
        return Ok(());
    }
    Err(format!("{reference} choices: expected {expected:?}, found {ours:?}"))
}
