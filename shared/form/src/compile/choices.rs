//! The choices sheet: lists of answers.

use super::settings::Settings;
use super::table::{Languages, Table};
use crate::form::Choice;
use crate::form::Media;
use crate::problem::AuthoringProblem;
use crate::workbook::Workbook;
use std::collections::{BTreeMap, HashMap};

const KNOWN: [&str; 3] = ["list_name", "name", "label"];
const UNSUPPORTED: [&str; 5] = ["image", "audio", "video", "big-image", "media"];

pub(super) fn read(
    workbook: &Workbook,
    settings: &Settings,
    languages: &mut Languages,
    problems: &mut Vec<AuthoringProblem>,
) -> BTreeMap<String, Vec<Choice>> {
    let mut lists: BTreeMap<String, Vec<Choice>> = BTreeMap::new();
    let Some(table) =
        workbook.sheet("choices").and_then(|sheet| Table::new(sheet, "choices", &KNOWN, languages, problems))
    else {
        return lists;
    };
    let own: Vec<String> = table
        .bases()
        .map(|(_, base)| base)
        .filter(|base| !KNOWN.contains(base) && !UNSUPPORTED.contains(base))
        .map(str::to_owned)
        .collect();
    let own_names: Vec<&str> = own.iter().map(String::as_str).collect();
    table.check_columns(&KNOWN, &UNSUPPORTED, &own_names, problems);
    let mut first_rows: HashMap<(String, String), u32> = HashMap::new();
    for row in table.rows {
        let list = table.cell(row, "list_name");
        let name = table.cell(row, "name");
        let label = table.text(row, "label");
        if list.is_empty() && name.is_empty() && label.is_empty() {
            continue;
        }
        if list.is_empty() {
            problems.push(table.problem(
                row,
                "list_name",
                "this choice belongs to no list: list_name is empty",
            ));
            continue;
        }
        if name.is_empty() {
            problems.push(table.problem(
                row,
                "name",
                format!("this choice of the list \"{list}\" has no name, so there is nothing to store"),
            ));
            continue;
        }
        if let Some(text) = label.0.iter().find(|text| text.plain().is_none()) {
            problems.push(
                table
                    .problem(row, "label", "references in the labels of choices are not supported yet")
                    .finding(text.to_string()),
            );
        }
        if label.is_empty() {
            let mut problem =
                table.problem(row, "label", format!("the choice \"{name}\" has no label; its name is shown"));
            problem.severity = crate::Severity::Warning;
            problems.push(problem);
        }
        if let Some(first) = first_rows.insert((list.to_owned(), name.to_owned()), row.number)
            && !settings.allow_choice_duplicates
        {
            problems.push(table.problem(
                row,
                "name",
                format!("the list \"{list}\" has the choice \"{name}\" already in row {first}"),
            ));
        }
        let columns = own_names
            .iter()
            .map(|&column| (column.to_owned(), table.cell(row, column).to_owned()))
            .filter(|(_, cell)| !cell.is_empty())
            .collect();
        lists.entry(list.to_owned()).or_default().push(Choice {
            name: name.to_owned(),
            label,
            media: Media::new(),
            columns,
        });
    }
    lists
}
