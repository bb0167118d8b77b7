//! Workbooks as Markdown tables with the XForm, or the error, that comes of
//! them.
//!
//! An XForm is compared as a whole, by what it means (`structure.rs`), so the
//! single assertions of a case need no look of their own: they hold for the
//! XForm that is given. Whether the expressions can run is not asked: the cases
//! are full of words that stand for nothing.

use crate::structure::Structure;
use crate::{Known, Report};
use doorstep_form::{Attachments, AuthoringProblem, Form, Plan, Row, Severity, Sheet, Workbook};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct File {
    vectors: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    form_name: String,
    md: Option<String>,
    ss_structure: Option<BTreeMap<String, Vec<serde_json::Map<String, serde_json::Value>>>>,
    error: Option<String>,
    xform: Option<String>,
    #[serde(default)]
    warnings: Vec<String>,
    expect: Expectation,
}

#[derive(Deserialize)]
struct Expectation {
    warnings_count: Option<usize>,
    #[serde(default, rename = "odk_validate_error__contains")]
    refused_by_validator: Vec<String>,
}

pub(crate) fn run(bytes: &[u8], known: &Known) -> anyhow::Result<Report> {
    let file: File = serde_json::from_slice(bytes)?;
    let mut report = Report::default();
    for case in file.vectors {
        match workbook(&case) {
            Ok(workbook) => report.note(known, &case.id, check(&case, &workbook)),
            Err(error) => report.note(known, &case.id, Err(error)),
        }
    }
    Ok(report)
}

fn workbook(case: &Case) -> Result<Workbook, String> {
    let mut workbook = match (&case.md, &case.ss_structure) {
        (Some(table), _) => Workbook::read_markdown(table).map_err(|problems| told(&problems))?,
        (None, Some(sheets)) => from_rows(sheets),
        (None, None) => return Err("the case has no workbook".to_owned()),
    };
    if case.form_name != "data" {
        name_root(&mut workbook, &case.form_name);
    }
    Ok(workbook)
}

/// Rows as maps, column → cell.
fn from_rows(sheets: &BTreeMap<String, Vec<serde_json::Map<String, serde_json::Value>>>) -> Workbook {
    let sheet = |(name, rows): (&String, &Vec<serde_json::Map<String, serde_json::Value>>)| {
        let mut columns: Vec<&String> = Vec::new();
        for column in rows.iter().flat_map(|row| row.keys()) {
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
        let header = Row { number: 1, cells: columns.iter().map(|column| (*column).clone()).collect() };
        let body = rows.iter().zip(2_u32..).map(|(row, number)| Row {
            number,
            cells: columns
                .iter()
                .map(|column| match row.get(*column) {
                    None | Some(serde_json::Value::Null) => String::new(),
                    Some(serde_json::Value::String(text)) => text.clone(),
                    Some(other) => other.to_string(),
                })
                .collect(),
        });
        Sheet { name: name.clone(), rows: std::iter::once(header).chain(body).collect() }
    };
    Workbook { sheets: sheets.iter().map(sheet).collect() }
}

/// The cases give the name of the root beside the workbook; here it is a
/// setting, unless there is one already.
fn name_root(workbook: &mut Workbook, name: &str) {
    if workbook.sheet("settings").is_none() {
        let names = workbook.sheets.iter().map(|sheet| sheet.name.clone()).collect::<Vec<_>>();
        // One sheet of any name is a survey; it stays the only one.
        if let [only] = names.as_slice()
            && !only.eq_ignore_ascii_case("survey")
        {
            return;
        }
        workbook.sheets.push(Sheet { name: "settings".to_owned(), rows: Vec::new() });
    }
    let Some(settings) = workbook.sheets.iter_mut().find(|sheet| sheet.name.eq_ignore_ascii_case("settings"))
    else {
        return;
    };
    for number in 1..=2 {
        if settings.rows.len() < number {
            settings.rows.push(Row { number: u32::try_from(number).unwrap_or(2), cells: Vec::new() });
        }
    }
    let [headers, values, ..] = settings.rows.as_mut_slice() else { return };
    if headers.cells.iter().any(|cell| cell.trim() == "name") {
        return;
    }
    values.cells.resize(headers.cells.len(), String::new());
    headers.cells.push("name".to_owned());
    values.cells.push(name.to_owned());
}

fn told(problems: &[AuthoringProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Files that a form asks for, blank.
fn files(form: &Form) -> Attachments {
    form.attachment_names().into_iter().map(|name| (name.to_owned(), "name,label\n".to_owned())).collect()
}

fn check(case: &Case, workbook: &Workbook) -> Result<(), String> {
    let outcome = Form::from_workbook(workbook);
    if let Some(error) = &case.error {
        let problems = match outcome {
            Err(problems) => problems,
            Ok((form, _)) => match Plan::new(form.clone(), &files(&form)) {
                Err(problems) => problems,
                Ok(_) => return Err(format!("loads, but should be an error: {error}")),
            },
        };
        return check_place(error, &problems);
    }
    let (form, warnings) = match outcome {
        Ok(outcome) => outcome,
        // The oracle made a form that its own validator refused.
        Err(_) if !case.expect.refused_by_validator.is_empty() => return Ok(()),
        Err(problems) => return Err(format!("is an error, but should load:\n{}", told(&problems))),
    };
    check_warnings(case, &warnings)?;
    let Some(expected) = &case.xform else { return Err("the case has no XForm".to_owned()) };
    let xml = doorstep_form::xform::write(&form);
    let differences = Structure::read(expected)?.differences(&Structure::read(&xml)?);
    if differences.is_empty() { Ok(()) } else { Err(differences.join("\n")) }
}

/// `[row : 2] On the 'survey' sheet, …`: one of ours is there too.
fn check_place(error: &str, problems: &[AuthoringProblem]) -> Result<(), String> {
    let row = error
        .split_once("[row : ")
        .and_then(|(_, rest)| rest.split_once(']'))
        .and_then(|(row, _)| row.trim().parse::<u32>().ok());
    let sheet = error
        .split_once("On the '")
        .and_then(|(_, rest)| rest.split_once('\''))
        .map(|(sheet, _)| sheet)
        .filter(|sheet| ["survey", "choices", "settings", "entities"].contains(sheet));
    // Headers are in row 1, whatever the case counts.
    let headers = error.contains("one or more column names are invalid");
    let fits = problems.iter().any(|problem| {
        problem.severity == Severity::Error
            && (headers || row.is_none_or(|row| problem.row == Some(row) || sheet == Some("settings")))
            && sheet.is_none_or(|sheet| problem.sheet == sheet)
    });
    if fits {
        Ok(())
    } else {
        Err(format!("is an error elsewhere than expected: {error}\n{}", told(problems)))
    }
}

/// Warnings that the oracle does not have, each of them worth telling.
fn is_ours(warning: &AuthoringProblem) -> bool {
    ["no form_id", "nothing uses the list", "is an expression here"]
        .iter()
        .any(|part| warning.message.contains(part))
}

fn check_warnings(case: &Case, warnings: &[AuthoringProblem]) -> Result<(), String> {
    let others: Vec<AuthoringProblem> =
        warnings.iter().filter(|warning| !is_ours(warning)).cloned().collect();
    if case.warnings.is_empty() && case.expect.warnings_count == Some(0) && !others.is_empty() {
        return Err(format!("warns without need:\n{}", told(&others)));
    }
    let wanted: Vec<&String> = case.warnings.iter().filter(|warning| !is_only_theirs(warning)).collect();
    match (wanted.first(), warnings.is_empty()) {
        (Some(warning), true) => Err(format!("does not warn: {warning}")),
        _ => Ok(()),
    }
}

/// Warnings about their own ways: language subtags, which here are free names,
/// and columns that the form does not use.
fn is_only_theirs(warning: &str) -> bool {
    warning.contains("valid machine-readable codes") || warning.contains("'disabled' column")
}
