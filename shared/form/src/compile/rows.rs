//! One row of the survey sheet → one node.

use super::table::Table;
use crate::expr;
use crate::form::{Choice, ChoiceSource, Default, Node, NodeKind};
use crate::problem::{AuthoringProblem, Severity, did_you_mean};
use crate::workbook::Row;
use std::collections::BTreeMap;

/// Reads the cells that all kinds of rows share.
pub(super) fn node(
    table: &Table<'_>,
    row: &Row,
    kind: NodeKind,
    lists: &BTreeMap<String, Vec<Choice>>,
    choices: Option<ChoiceSource>,
    problems: &mut Vec<AuthoringProblem>,
) -> Node {
    let some = |base: &str| Some(table.cell(row, base).to_owned()).filter(|cell| !cell.is_empty());
    let mut node = Node::new(&name(table, row, problems), kind, row.number);
    node.label = table.text(row, "label");
    node.hint = table.text(row, "hint");
    node.guidance_hint = table.text(row, "guidance_hint");
    node.required = some("required").and_then(|cell| yes_no(&cell));
    node.required_message = table.text(row, "required_message");
    node.relevant = some("relevant");
    node.constraint = some("constraint");
    node.constraint_message = table.text(row, "constraint_message");
    node.calculation = some("calculation");
    node.read_only = some("read_only").and_then(|cell| yes_no(&cell));
    node.repeat_count = some("repeat_count");
    node.choice_filter = some("choice_filter");
    node.appearance = table.cell(row, "appearance").to_owned();
    node.parameters = parameters(table, row, problems);
    node.choices = choices;
    if let Some(ChoiceSource::File { value, label, .. }) = &mut node.choices {
        if let Some(column) = node.parameters.get("value") {
            column.clone_into(value);
        }
        if let Some(column) = node.parameters.get("label") {
            column.clone_into(label);
        }
    }
    node.default = some("default").map(|cell| default(&cell));
    check_use(table, row, &node, problems);
    check_choices(table, row, &node, lists, problems);
    node
}

fn name(table: &Table<'_>, row: &Row, problems: &mut Vec<AuthoringProblem>) -> String {
    let name = table.cell(row, "name");
    if name.is_empty() {
        problems.push(table.problem(row, "name", "this row has no name"));
        return format!("row_{}", row.number);
    }
    let mut characters = name.chars();
    let begins = characters.next().is_some_and(|first| first == '_' || first.is_alphabetic());
    let goes_on = characters.all(|next| next.is_alphanumeric() || matches!(next, '_' | '-' | '.'));
    if !(begins && goes_on) {
        problems.push(table.problem(
            row,
            "name",
            format!("\"{name}\" cannot be a name: expected a letter or _, then letters, digits, -, _ and ."),
        ));
        return format!("row_{}", row.number);
    }
    name.to_owned()
}

/// `yes` and `no` in the spellings of the specification; anything else is an
/// expression. `None` when it never holds.
fn yes_no(cell: &str) -> Option<String> {
    match cell.to_lowercase().as_str() {
        "yes" | "true" | "true()" => Some("true()".to_owned()),
        "no" | "false" | "false()" => None,
        _ => Some(cell.to_owned()),
    }
}

/// A default is computed when it refers to something or calls a function; a
/// text such as `n/a` or `2-3` is taken as it is.
fn default(cell: &str) -> Default {
    let calls = cell.contains('(') && cell.contains(')');
    let quoted = cell.starts_with('\'') || cell.starts_with('"');
    if cell.contains("${") || ((calls || quoted) && expr::parse(cell).is_ok()) {
        Default::Expression(cell.to_owned())
    } else {
        Default::Value(cell.to_owned())
    }
}

/// `max-pixels=1600 quality=low`; spaces, commas and semicolons separate.
fn parameters(
    table: &Table<'_>,
    row: &Row,
    problems: &mut Vec<AuthoringProblem>,
) -> BTreeMap<String, String> {
    let cell = table.cell(row, "parameters");
    let mut parameters = BTreeMap::new();
    for part in cell.split([' ', ',', ';', '\n']).filter(|part| !part.is_empty()) {
        match part.split_once('=') {
            Some((name, value)) if !name.is_empty() => {
                parameters.insert(name.to_owned(), value.to_owned());
            }
            _ => problems.push(table.problem(
                row,
                "parameters",
                format!("\"{part}\" is not a parameter: expected name=value without spaces around ="),
            )),
        }
    }
    for unsupported in ["randomize", "seed"] {
        if parameters.get(unsupported).is_some_and(|value| value != "false") {
            problems.push(table.problem(
                row,
                "parameters",
                format!("the parameter {unsupported} is not supported yet"),
            ));
        }
    }
    parameters
}

/// Cells that have no meaning for this kind of row.
fn check_use(table: &Table<'_>, row: &Row, node: &Node, problems: &mut Vec<AuthoringProblem>) {
    if node.kind.is_shown() && node.label.is_empty() && node.hint.is_empty() {
        let mut problem =
            table.problem(row, "label", format!("\"{}\" has neither label nor hint", node.name));
        problem.severity = Severity::Warning;
        problems.push(problem);
    }
    let calculated = node.calculation.is_some() || matches!(node.default, Some(Default::Expression(_)));
    if node.kind == NodeKind::Calculate && !calculated {
        problems.push(table.problem(
            row,
            "calculation",
            format!("\"{}\" is a calculate, but its calculation is empty", node.name),
        ));
    }
    if node.kind.is_container() && node.calculation.is_some() {
        problems.push(table.problem(row, "calculation", "a group or repeat has no value to calculate"));
    }
    if node.repeat_count.is_some() && node.kind != NodeKind::Repeat {
        problems.push(table.problem(row, "repeat_count", "only a begin_repeat row has a repeat_count"));
    }
    if node.choice_filter.is_some() && node.choices.is_none() {
        problems.push(table.problem(row, "choice_filter", "only a select has choices to filter"));
    }
    if node.kind == NodeKind::Range {
        for (parameter, usual) in [("start", "1"), ("end", "10"), ("step", "1")] {
            let value = node.parameters.get(parameter).map_or(usual, String::as_str);
            if value.parse::<f64>().is_err() {
                problems.push(table.problem(
                    row,
                    "parameters",
                    format!("{parameter} of a range is a number, but \"{value}\" was found"),
                ));
            }
        }
    }
    let trigger = table.cell(row, "trigger");
    if !trigger.is_empty() {
        problems.push(table.problem(row, "trigger", "the column \"trigger\" is not supported yet"));
    }
}

fn check_choices(
    table: &Table<'_>,
    row: &Row,
    node: &Node,
    lists: &BTreeMap<String, Vec<Choice>>,
    problems: &mut Vec<AuthoringProblem>,
) {
    let Some(ChoiceSource::List(list)) = &node.choices else {
        return;
    };
    let Some(choices) = lists.get(list) else {
        problems.push(
            table
                .problem(row, "type", format!("the choices sheet has no list \"{list}\""))
                .suggesting(did_you_mean(list, lists.keys().map(String::as_str))),
        );
        return;
    };
    if node.kind != NodeKind::SelectOne
        && let Some(choice) = choices.iter().find(|choice| choice.name.contains(char::is_whitespace))
    {
        problems.push(table.problem(
            row,
            "type",
            format!(
                "the choice \"{}\" of the list \"{list}\" contains a space, which separates answers here",
                choice.name
            ),
        ));
    }
    if let Some(Default::Value(value)) = &node.default {
        let names: Vec<&str> = choices.iter().map(|choice| choice.name.as_str()).collect();
        let parts: Vec<&str> = if node.kind == NodeKind::SelectOne {
            vec![value.as_str()]
        } else {
            value.split_whitespace().collect()
        };
        for part in parts.into_iter().filter(|part| !names.contains(part)) {
            problems.push(
                table
                    .problem(
                        row,
                        "default",
                        format!("the default \"{part}\" is not a choice of the list \"{list}\""),
                    )
                    .suggesting(did_you_mean(part, names.iter().copied())),
            );
        }
    }
}
