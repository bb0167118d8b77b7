//! The parameters of a range: where it begins and ends, its steps and its ticks.

use crate::form::{Choice, ChoiceSource, DataType, Node};
use std::collections::{BTreeMap, BTreeSet};

/// A number with a fixed number of decimal places, so that steps of 0.1 add up.
type Fixed = i128;
const DECIMALS: usize = 12;

/// Reads `-1.5` exactly.
fn fixed(text: &str) -> Option<Fixed> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = fraction.trim_end_matches('0');
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty())
        || whole.len() > 18
        || fraction.len() > DECIMALS
        || !all_digits(whole)
        || !all_digits(fraction)
    {
        return None;
    }
    let padded = format!("{whole}{fraction:0<DECIMALS$}");
    let number: Fixed = padded.parse().ok()?;
    Some(if negative { -number } else { number })
}

fn is_whole(number: Fixed) -> bool {
    number % 10_i128.pow(12) == 0
}

struct Scale {
    start: Fixed,
    end: Fixed,
    step: Fixed,
    tick_interval: Option<Fixed>,
}

impl Scale {
    fn holds(&self, number: Fixed) -> bool {
        self.start.min(self.end) <= number && number <= self.start.max(self.end)
    }

    /// The distance between marks must be above zero and fit into the range.
    fn check_distance(&self, name: &str, distance: Fixed) -> Result<(), String> {
        if distance == 0 {
            return Err(format!("{name} of a range cannot be 0"));
        }
        if distance > (self.end - self.start).abs() {
            return Err(format!("{name} is larger than the whole range from start to end"));
        }
        Ok(())
    }
}

pub(super) fn apply(node: &mut Node, lists: &BTreeMap<String, Vec<Choice>>) -> Result<(), String> {
    let ticks = ["tick_interval", "placeholder", "tick_labelset"];
    let used = ticks.iter().find(|name| node.parameters.contains_key(**name));
    if let Some(name) = used
        && !node.appearance.is_empty()
        && !node.appearance.contains("vertical")
        && !node.appearance.contains("no-ticks")
    {
        return Err(format!(
            "{name} has no meaning with the appearance \"{}\", only with vertical and no-ticks",
            node.appearance
        ));
    }
    for (name, usual) in [("start", "1"), ("end", "10"), ("step", "1")] {
        node.parameters.entry(name.to_owned()).or_insert_with(|| usual.to_owned());
    }
    let read = |name: &str| match node.parameters.get(name) {
        None => Ok(None),
        Some(text) => fixed(text)
            .map(Some)
            .ok_or_else(|| format!("{name} of a range is a number, but \"{text}\" was found")),
    };
    let scale = Scale {
        start: read("start")?.unwrap_or_default(),
        end: read("end")?.unwrap_or_default(),
        step: read("step")?.unwrap_or_default(),
        tick_interval: read("tick_interval")?,
    };
    let placeholder = read("placeholder")?;
    scale.check_distance("step", scale.step)?;
    if let Some(interval) = scale.tick_interval {
        scale.check_distance("tick_interval", interval)?;
        if interval % scale.step != 0 {
            return Err("tick_interval is a multiple of step".to_owned());
        }
    }
    if let Some(placeholder) = placeholder {
        if (placeholder - scale.start) % scale.step != 0 {
            return Err("placeholder lies a whole number of steps from start".to_owned());
        }
        if !scale.holds(placeholder) {
            return Err("placeholder lies between start and end".to_owned());
        }
    }
    if let Some(list) = node.parameters.get("tick_labelset") {
        labels(&scale, list, lists, node.appearance.contains("no-ticks"))?;
        node.choices = Some(ChoiceSource::List(list.clone()));
    }
    let numbers = [Some(scale.start), Some(scale.end), Some(scale.step), scale.tick_interval, placeholder];
    let whole = numbers.into_iter().flatten().all(is_whole);
    node.data_type = Some(if whole { DataType::Int } else { DataType::Decimal });
    for (name, attribute) in [
        ("start", "start"),
        ("end", "end"),
        ("step", "step"),
        ("tick_interval", "odk:tick-interval"),
        ("placeholder", "odk:placeholder"),
    ] {
        if let Some(value) = node.parameters.get(name) {
            node.body_attributes.insert(attribute.to_owned(), value.clone());
        }
    }
    Ok(())
}

/// A list whose names are the numbers that its labels stand at.
fn labels(
    scale: &Scale,
    list: &str,
    lists: &BTreeMap<String, Vec<Choice>>,
    ends_only: bool,
) -> Result<(), String> {
    let Some(choices) = lists.get(list) else {
        return Err(format!("tick_labelset is a list of the choices sheet, but there is no list \"{list}\""));
    };
    let mut labelled = BTreeSet::new();
    for choice in choices {
        let name = &choice.name;
        let number = fixed(name).ok_or_else(|| {
            format!("the names of a tick_labelset are numbers, but the list \"{list}\" has \"{name}\"")
        })?;
        if !scale.holds(number) {
            return Err(format!("the tick \"{name}\" of the list \"{list}\" lies outside of the range"));
        }
        let (distance, called) = match scale.tick_interval {
            Some(interval) => (interval, "tick_interval"),
            None => (scale.step, "step"),
        };
        if (number - scale.start) % distance != 0 || (number - scale.start) % scale.step != 0 {
            return Err(format!(
                "the tick \"{name}\" of the list \"{list}\" does not lie a multiple of {called} from start"
            ));
        }
        labelled.insert(number);
    }
    if ends_only && labelled != BTreeSet::from([scale.start, scale.end]) {
        return Err(format!(
            "without ticks only start and end have labels, but the list \"{list}\" has others"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::fixed;

    #[test]
    fn decimals_are_exact() {
        assert_eq!(fixed("0.3").map(|number| number % fixed("0.1").unwrap_or(1)), Some(0));
        assert_eq!(fixed("-1.50"), Some(-1_500_000_000_000));
        assert_eq!(fixed(".5"), Some(500_000_000_000));
        for wrong in ["", "-", ".", "1e3", "1.2.3", "NaN", "1n"] {
            assert_eq!(fixed(wrong), None, "{wrong}");
        }
    }
}
