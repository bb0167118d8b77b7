//! Which sheets there are.

use crate::problem::{AuthoringProblem, did_you_mean};
use crate::workbook::Workbook;

/// Sheets that mean something; all others are the author's notes.
const SHEETS: [&str; 6] = ["survey", "choices", "settings", "external_choices", "entities", "osm"];

/// A workbook of one sheet is a survey, whatever the sheet is called.
pub(super) fn only_one(workbook: &Workbook) -> Option<Workbook> {
    let [sheet] = workbook.sheets.as_slice() else { return None };
    if SHEETS.iter().any(|known| known.eq_ignore_ascii_case(sheet.name.trim())) {
        return None;
    }
    let mut survey = sheet.clone();
    "survey".clone_into(&mut survey.name);
    Some(Workbook { sheets: vec![survey] })
}

/// The survey must be there; a name that is almost one of these is told.
pub(super) fn check(workbook: &Workbook, problems: &mut Vec<AuthoringProblem>) {
    if workbook.sheet("survey").is_none_or(|sheet| sheet.rows.is_empty()) {
        let names = workbook.sheets.iter().map(|sheet| sheet.name.as_str());
        problems.push(
            AuthoringProblem::error("survey", "the workbook has no sheet named \"survey\"")
                .finding(names.clone().collect::<Vec<_>>().join(", "))
                .suggesting(did_you_mean("survey", names).map(|_| "rename the sheet to survey".to_owned())),
        );
    }
    for sheet in &workbook.sheets {
        let name = sheet.name.trim();
        // An underscore says that the sheet is not meant to be read.
        if SHEETS.iter().any(|known| known.eq_ignore_ascii_case(name)) || name.starts_with('_') {
            continue;
        }
        let missing = SHEETS.into_iter().filter(|known| workbook.sheet(known).is_none());
        if let Some(suggestion) = did_you_mean(name, missing) {
            problems.push(
                AuthoringProblem::warning(name, "this sheet is not read: its name is not one of XLSForm's")
                    .finding(name)
                    .suggesting(Some(suggestion)),
            );
        }
    }
}

/// Sheet by sheet, row by row; within a row as found.
pub(super) fn sort(problems: &mut Vec<AuthoringProblem>) {
    crate::order::sort_by_key(problems, |problem| {
        let sheet = SHEETS.iter().position(|known| *known == problem.sheet).unwrap_or(SHEETS.len());
        (sheet, problem.row)
    });
}
