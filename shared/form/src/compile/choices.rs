//! The choices sheet: lists of answers; and the sheets `external_choices` and
//! `osm`, which look like it.

use super::names::is_name;
use super::table::Table;
use crate::form::{Choice, Media, MediaKind};
use crate::problem::{AuthoringProblem, Severity};
use crate::workbook::Row;
use std::collections::{BTreeMap, HashMap};

pub(super) const KNOWN: &[&str] =
    &["list_name", "name", "label", "image", "audio", "video", "big-image", "sms_option"];

const MEDIA: [(&str, MediaKind); 4] = [
    ("image", MediaKind::Image),
    ("big-image", MediaKind::BigImage),
    ("audio", MediaKind::Audio),
    ("video", MediaKind::Video),
];

/// The files that belong to a label.
pub(super) fn media(table: &Table, row: &Row) -> Media {
    let mut media = Media::new();
    for (column, kind) in MEDIA {
        let files = table.text(row, column);
        if !files.is_empty() {
            media.insert(kind, files);
        }
    }
    media
}

/// The lists of the sheet. `strict` is for the choices sheet itself, whose
/// columns become elements and whose names are stored.
pub(super) fn read(
    table: &Table,
    strict: bool,
    allow_duplicates: bool,
    problems: &mut Vec<AuthoringProblem>,
) -> BTreeMap<String, Vec<Choice>> {
    let mut lists: BTreeMap<String, Vec<Choice>> = BTreeMap::new();
    if !table.rows.is_empty() && !table.require(&["name"], problems) {
        return lists;
    }
    let own = own_columns(table, strict, problems);
    let mut first_rows: HashMap<(String, String), u32> = HashMap::new();
    let mut without_label: Vec<&Row> = Vec::new();
    for row in &table.rows {
        let list = table.cell(row, "list_name");
        let name = table.cell(row, "name");
        let label = table.text(row, "label");
        if list.is_empty() {
            if !name.is_empty() || !label.is_empty() {
                let mut problem =
                    table.warning(row, "list_name", "this choice belongs to no list and is not read");
                problem.suggestion = Some("write the name of a list, or remove the row".to_owned());
                problems.push(problem);
            }
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
        if label.is_empty() {
            without_label.push(row);
        }
        if let Some(first) = first_rows.insert((list.to_owned(), name.to_owned()), row.number)
            && strict
            && !allow_duplicates
        {
            problems.push(
                table
                    .problem(
                        row,
                        "name",
                        format!("the list \"{list}\" has the choice \"{name}\" already in row {first}"),
                    )
                    .suggesting(Some(
                        "rename one of them, or set allow_choice_duplicates to yes in the settings"
                            .to_owned(),
                    )),
            );
        }
        let columns = own
            .iter()
            .map(|(index, column)| (column.clone(), super::table::cell_at(row, *index).to_owned()))
            .filter(|(_, cell)| !cell.is_empty())
            .collect();
        lists.entry(list.to_owned()).or_default().push(Choice {
            name: name.to_owned(),
            label,
            media: media(table, row),
            columns,
        });
    }
    if strict {
        warn_about_labels(table, &without_label, problems);
    }
    lists
}

/// The author's own columns, for filters.
fn own_columns(table: &Table, strict: bool, problems: &mut Vec<AuthoringProblem>) -> Vec<(usize, String)> {
    let mut own = Vec::new();
    for (index, base) in table.bases().filter(|(_, base)| !KNOWN.contains(base) && !base.contains("::")) {
        if !strict || is_name(base) {
            own.push((index, base.to_owned()));
            continue;
        }
        let mut problem = AuthoringProblem::warning(
            &table.sheet,
            format!("the column \"{base}\" is not read: expressions cannot name it"),
        )
        .at_row(table.header_row)
        .at_column(&crate::workbook::column_letters(index), base)
        .finding(base);
        problem.suggestion = Some("use letters, digits, -, _ and . only".to_owned());
        problems.push(problem);
    }
    own
}

fn warn_about_labels(table: &Table, rows: &[&Row], problems: &mut Vec<AuthoringProblem>) {
    let Some(first) = rows.first() else { return };
    let others = match rows.len() - 1 {
        0 => String::new(),
        others => format!(", and so have {others} more"),
    };
    let name = table.cell(first, "name");
    let mut problem = table.problem(
        first,
        "label",
        format!("the choice \"{name}\" has no label{others}; the name is shown"),
    );
    problem.severity = Severity::Warning;
    problem.suggestion = Some("write a label".to_owned());
    problems.push(problem);
}
