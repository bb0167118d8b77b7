//! Workbook → form: what the sheets say, checked cell by cell.
//!
//! Every file here reads one sheet. Nothing stops at the first mistake: each
//! reader notes what is wrong and goes on with what makes sense. Columns and
//! types that the engine does not support are errors, because a form that
//! quietly lacks a rule is worse than one that does not load.

mod choices;
mod question_types;
mod rows;
mod settings;
mod survey;
mod table;

use crate::form::Form;
use crate::problem::{AuthoringProblem, Severity, did_you_mean};
use crate::workbook::Workbook;
use std::collections::BTreeMap;
use table::Languages;

/// Most problems reported for one workbook; a broken column would otherwise
/// fill the screen.
const MAX_PROBLEMS: usize = 500;

pub(crate) fn form_from_workbook(
    workbook: &Workbook,
) -> Result<(Form, Vec<AuthoringProblem>), Vec<AuthoringProblem>> {
    let mut problems = Vec::new();
    check_sheets(workbook, &mut problems);
    let settings = settings::read(workbook, &mut problems);
    let mut languages = Languages::new(&settings.default_language);
    let lists = choices::read(workbook, &settings, &mut languages, &mut problems);
    let survey = survey::read(workbook, &lists, &mut languages, &mut problems);
    let form = Form {
        id: settings.id,
        version: settings.version,
        title: settings.title,
        languages: languages.into_names(),
        style: settings.style,
        instance_name: settings.instance_name,
        root: settings.root,
        root_attributes: Vec::new(),
        namespaces: BTreeMap::new(),
        nodes: survey.nodes,
        body: None,
        actions: Vec::new(),
        lists,
        documents: BTreeMap::new(),
        texts: BTreeMap::new(),
        submission: BTreeMap::new(),
        external_lists: std::collections::BTreeSet::new(),
        externals: survey.externals,
        survey_columns: survey.columns,
        instance_name_column: settings.instance_name_column,
        model_attributes: std::collections::BTreeMap::new(),
    };
    problems.truncate(MAX_PROBLEMS);
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        Err(problems)
    } else {
        Ok((form, problems))
    }
}

/// Sheets that mean something; all others are the author's notes.
const SHEETS: [&str; 6] = ["survey", "choices", "settings", "external_choices", "entities", "osm"];

fn check_sheets(workbook: &Workbook, problems: &mut Vec<AuthoringProblem>) {
    if workbook.sheet("survey").is_none() {
        let names = workbook.sheets.iter().map(|sheet| sheet.name.as_str());
        problems.push(
            AuthoringProblem::error("survey", "the workbook has no sheet named \"survey\"")
                .finding(names.collect::<Vec<_>>().join(", ")),
        );
    }
    for name in ["external_choices", "entities", "osm"] {
        if let Some(row) = workbook.sheet(name).and_then(|sheet| sheet.rows.get(1)) {
            problems.push(
                AuthoringProblem::error(name, format!("the sheet \"{name}\" is not supported yet"))
                    .at_row(row.number),
            );
        }
    }
    for sheet in &workbook.sheets {
        let name = sheet.name.trim();
        if SHEETS.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            continue;
        }
        if let Some(suggestion) = did_you_mean(name, SHEETS) {
            problems.push(
                AuthoringProblem::warning(name, "this sheet is not read: its name is not one of XLSForm's")
                    .finding(name)
                    .suggesting(Some(suggestion)),
            );
        }
    }
}
