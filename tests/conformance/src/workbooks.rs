//! Real workbooks of other projects, with the XForms that come of them.

use crate::structure::Structure;
use crate::{Known, Report};
use doorstep_form::{AuthoringProblem, Form, Severity, Workbook};
use serde::Deserialize;

#[derive(Deserialize)]
struct Entry {
    sha: String,
    ok: bool,
    error: Option<String>,
}

pub(crate) fn run(
    index: &[u8],
    known: &Known,
    read: &dyn Fn(&str) -> anyhow::Result<Vec<u8>>,
) -> anyhow::Result<Report> {
    let entries: Vec<Entry> = serde_json::from_slice(index)?;
    let mut report = Report::default();
    for entry in entries {
        let file = |extension: &str| read(&format!("xlsforms/files/{}.{extension}", entry.sha));
        let bytes = file("xlsx").or_else(|_| file("xls"))?;
        let expected = if entry.ok {
            Some(String::from_utf8(read(&format!("xlsforms/xforms/{}.xml", entry.sha))?)?)
        } else {
            None
        };
        report.note(known, &entry.sha, check(&entry, &bytes, expected.as_deref()));
    }
    Ok(report)
}

fn told(problems: &[AuthoringProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Parts of the messages of warnings that an author can act upon.
const EXPLAINED: [&str; 19] = [
    "is an expression here",
    "empty ones are not read",
    "\"flat\" is not part",
    "no form_id",
    "nothing uses the list",
    "has no label",
    "pictures are sent in full size",
    "has no column",
    "is not read",
    "only in English",
    "do not tell this number",
    "only in its capitals",
    "is not a choice of the list",
    "only the first row",
    "has no value to calculate",
    "only a begin_repeat row",
    "for lists that are filtered",
    "Community Health Toolkit",
    "only a select has choices",
];

fn check(entry: &Entry, bytes: &[u8], expected: Option<&str>) -> Result<(), String> {
    let outcome = Workbook::read_xlsx(bytes).and_then(|workbook| Form::from_workbook(&workbook));
    let (form, warnings) = match (outcome, &entry.error) {
        (Err(_), Some(_)) => return Ok(()),
        (Ok(_), Some(error)) => return Err(format!("loads, but should be an error: {error}")),
        (Err(problems), None) => {
            let errors: Vec<AuthoringProblem> =
                problems.into_iter().filter(|problem| problem.severity == Severity::Error).collect();
            return Err(format!("is an error, but should load:\n{}", told(&errors)));
        }
        (Ok(outcome), None) => outcome,
    };
    let unexplained: Vec<AuthoringProblem> = warnings
        .into_iter()
        .filter(|warning| {
            warning.suggestion.is_none() || !EXPLAINED.iter().any(|known| warning.message.contains(known))
        })
        .collect();
    if !unexplained.is_empty() {
        return Err(format!("warns without a way to correct it:\n{}", told(&unexplained)));
    }
    let Some(expected) = expected else { return Ok(()) };
    let xml = doorstep_form::xform::write(&form);
    let differences = Structure::read(expected)?.differences(&Structure::read(&xml)?);
    if differences.is_empty() { Ok(()) } else { Err(differences.join("\n")) }
}
