//! References (`${name}`) and expressions in all cells of all sheets.

use super::names::is_plain_name;
use super::table::{Table, cell_at};
use crate::expr;
use crate::form::{Node, NodeKind};
use crate::problem::{AuthoringProblem, Severity, did_you_mean};
use crate::workbook::{Row, column_letters};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Name → rows that have it.
pub(super) struct Names {
    rows: BTreeMap<String, Vec<u32>>,
    /// Names of what can be answered or computed, with its kind.
    questions: BTreeMap<String, NodeKind>,
    /// The rows of the repeats around each of them, outermost first.
    repeats: BTreeMap<String, Vec<u32>>,
}

impl Names {
    pub(super) fn of(nodes: &[Node], root: &str) -> Names {
        let mut names = Names { rows: BTreeMap::new(), questions: BTreeMap::new(), repeats: BTreeMap::new() };
        names.add(nodes, &mut Vec::new());
        for always in ["instanceID", root] {
            names.rows.entry(always.to_owned()).or_insert_with(|| vec![0]);
        }
        names
    }

    fn add(&mut self, nodes: &[Node], around: &mut Vec<u32>) {
        for node in nodes {
            // `meta` and what is in it is not asked for by a row of this name.
            if node.row > 0 {
                self.rows.entry(node.name.clone()).or_default().push(node.row);
            }
            if !node.kind.is_container() {
                self.questions.insert(node.name.clone(), node.kind);
                self.repeats.insert(node.name.clone(), around.clone());
            }
            let repeats = node.kind == NodeKind::Repeat;
            around.extend(repeats.then_some(node.row));
            self.add(&node.children, around);
            around.truncate(around.len() - usize::from(repeats));
        }
    }

    fn problem(&self, name: &str) -> Option<(String, Option<String>)> {
        match self.rows.get(name).map(Vec::as_slice) {
            None => Some((
                format!("unknown name \"{name}\""),
                did_you_mean(name, self.rows.keys().map(String::as_str)),
            )),
            Some([_]) => None,
            Some(rows) => {
                let rows: Vec<String> = rows.iter().map(u32::to_string).collect();
                Some((
                    format!(
                        "${{{name}}} could mean any of the rows {}: the name is used more than once",
                        rows.join(", ")
                    ),
                    Some("rename all but one".to_owned()),
                ))
            }
        }
    }
}

/// A reference in a text.
enum Reference<'a> {
    To(&'a str),
    Broken(&'a str),
}

fn references(text: &str) -> Vec<Reference<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once("${") {
        let Some((name, after)) = behind.split_once('}') else {
            found.push(Reference::Broken(behind));
            break;
        };
        let plain = name.strip_prefix("last-saved#").unwrap_or(name);
        found.push(if is_plain_name(plain) { Reference::To(plain) } else { Reference::Broken(name) });
        rest = after;
    }
    found
}

/// The names that a text refers to.
pub(super) fn names_in(text: &str) -> Vec<&str> {
    references(text)
        .into_iter()
        .filter_map(|reference| match reference {
            Reference::To(name) => Some(name),
            Reference::Broken(_) => None,
        })
        .collect()
}

/// Checks the references in all columns that `wanted` picks.
pub(super) fn check(
    table: &Table,
    names: &Names,
    wanted: impl Fn(&str) -> bool,
    problems: &mut Vec<AuthoringProblem>,
) {
    let columns: Vec<usize> =
        table.bases().filter(|(_, base)| wanted(base)).map(|(index, _)| index).collect();
    for row in &table.rows {
        for &index in &columns {
            let cell = cell_at(row, index);
            if cell.contains("${") {
                check_cell(table, row, index, cell, names, problems);
            }
        }
    }
}

fn check_cell(
    table: &Table,
    row: &Row,
    index: usize,
    cell: &str,
    names: &Names,
    problems: &mut Vec<AuthoringProblem>,
) {
    let mut told: Vec<&str> = Vec::new();
    for reference in references(cell) {
        match reference {
            Reference::Broken(written) => problems.push(
                table
                    .problem_at(row, index, format!("\"${{{written}\" is not a reference"))
                    .suggesting(Some("a reference is ${, the name of a question, and }".to_owned())),
            ),
            Reference::To(name) if told.contains(&name) => {}
            Reference::To(name) => {
                told.push(name);
                if let Some((message, suggestion)) = names.problem(name) {
                    problems.push(table.problem_at(row, index, message).suggesting(suggestion));
                }
            }
        }
    }
}

/// A question with a trigger is computed when an answer is given, so somebody
/// must be able to give one.
pub(super) fn check_triggers(
    table: &Table,
    names: &Names,
    nodes: &[Node],
    problems: &mut Vec<AuthoringProblem>,
) {
    for node in nodes {
        for trigger in &node.triggers {
            let Some(row) = table.rows.iter().find(|row| row.number == node.row) else { continue };
            let questions = names.questions.keys().map(String::as_str);
            match names.questions.get(trigger) {
                None => problems.push(
                    table
                        .problem(row, "trigger", format!("there is no question \"{trigger}\""))
                        .suggesting(did_you_mean(trigger, questions)),
                ),
                Some(NodeKind::Calculate) => problems.push(
                    table
                        .problem(row, "trigger", format!("\"{trigger}\" is not shown, so nobody answers it"))
                        .suggesting(Some(format!(
                            "name a question, or refer to ${{{trigger}}} in the calculation"
                        ))),
                ),
                Some(_) => {
                    let around = |name: &str| names.repeats.get(name).map_or(&[][..], Vec::as_slice);
                    // From outside, each instance could be meant, and none is.
                    if !around(trigger).starts_with(around(&node.name)) {
                        let message = format!(
                            "\"{trigger}\" is outside the repeat: where there are several instances, none gets the value"
                        );
                        problems.push(table.warning(row, "trigger", message).suggesting(Some(format!(
                            "refer to ${{{trigger}}} in the calculation, without a trigger"
                        ))));
                    }
                }
            }
        }
        check_triggers(table, names, &node.children, problems);
    }
}

/// Columns of the survey sheet that hold expressions.
const EXPRESSIONS: [&str; 7] =
    ["relevant", "required", "constraint", "calculation", "read_only", "repeat_count", "choice_filter"];

/// What cannot be read as an expression. A plan says so too; but it is only made
/// when nothing else is wrong, and an author wants to know everything at once.
pub(super) fn check_syntax(table: &Table, columns: &[&str], problems: &mut Vec<AuthoringProblem>) {
    for row in &table.rows {
        for (index, base) in table.bases() {
            let cell = cell_at(row, index);
            if cell.is_empty() || !columns.contains(&base) {
                continue;
            }
            let simple = matches!(cell.to_lowercase().as_str(), "yes" | "no" | "true" | "false");
            if let Err(error) = expr::parse(cell)
                && !simple
            {
                problems.push(table.problem_at(row, index, error.message).suggesting(error.suggestion));
            }
        }
    }
}

/// Functions that need what this engine has not.
pub(super) fn warn_about_elsewhere(table: &Table, problems: &mut Vec<AuthoringProblem>) {
    for row in &table.rows {
        for (index, _) in table.bases().filter(|(_, base)| EXPRESSIONS.contains(base)) {
            let cell = cell_at(row, index);
            for name in expr::ELSEWHERE.iter().filter(|name| cell.contains(&format!("{name}("))) {
                let problem = table.problem_at(
                    row,
                    index,
                    format!("{name}() needs a server of the Community Health Toolkit; here it has no value"),
                );
                problems.push(AuthoringProblem { severity: Severity::Warning, ..problem });
            }
        }
    }
}

/// The expressions of the survey sheet.
pub(super) fn check_survey_syntax(table: &Table, problems: &mut Vec<AuthoringProblem>) {
    check_syntax(table, &EXPRESSIONS, problems);
}

/// Lists that nothing names.
pub(super) fn warn_about_unused_lists<'a>(
    lists: impl Iterator<Item = &'a String>,
    choices: &Table,
    survey: &Table,
    problems: &mut Vec<AuthoringProblem>,
) {
    let part_of_name = |next: char| next.is_alphanumeric() || matches!(next, '_' | '-' | '.');
    let mut unused: BTreeSet<&String> = lists.filter(|list| list.chars().all(part_of_name)).collect();
    // Nearly all are named by a type, so the words of the other cells are
    // looked at only for what is left.
    for row in &survey.rows {
        for word in survey.cell(row, "type").split(' ') {
            unused.retain(|list| *list != word);
        }
    }
    if !unused.is_empty() {
        let cells = survey.rows.iter().flat_map(|row| &row.cells);
        let words: HashSet<&str> = cells.flat_map(|cell| cell.split(|next| !part_of_name(next))).collect();
        unused.retain(|list| !words.contains(list.as_str()));
    }
    for list in unused {
        let Some(row) = choices.rows.iter().find(|row| choices.cell(row, "list_name") == list) else {
            continue;
        };
        let (index, _) = choices.bases().find(|(_, base)| *base == "list_name").unwrap_or((0, ""));
        let mut problem = choices.warning(row, "list_name", format!("nothing uses the list \"{list}\""));
        problem.column = Some(format!("{} (list_name)", column_letters(index)));
        problem.suggestion = Some(
            did_you_mean(list, survey.rows.iter().flat_map(|row| survey.cell(row, "type").split(' ').nth(1)))
                .unwrap_or_else(|| "remove it, or write select_one and its name".to_owned()),
        );
        problems.push(problem);
    }
}
