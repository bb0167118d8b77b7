//! The settings sheet: the form as a whole.

use super::table::{Languages, Table};
use crate::problem::AuthoringProblem;
use crate::workbook::{Row, Workbook, column_letters};

pub(super) struct Settings {
    pub(super) id: String,
    pub(super) version: String,
    pub(super) title: String,
    pub(super) default_language: String,
    pub(super) style: String,
    pub(super) root: String,
    pub(super) instance_name: Option<String>,
    pub(super) instance_name_column: Option<String>,
    pub(super) allow_choice_duplicates: bool,
}

const KNOWN: [&str; 8] = [
    "form_title",
    "form_id",
    "version",
    "default_language",
    "style",
    "instance_name",
    "allow_choice_duplicates",
    "name",
];

/// Settings that would change how the form runs.
const UNSUPPORTED: [&str; 8] = [
    "public_key",
    "instance_xmlns",
    "namespaces",
    "prefix",
    "delimiter",
    "client_editable",
    "attribute",
    "entity_features",
];

/// Settings that only tell other programs how to send; sending is not the
/// engine's business.
const HARMLESS: [&str; 7] = [
    "submission_url",
    "auto_send",
    "auto_delete",
    "sms_keyword",
    "sms_separator",
    "compact_prefix",
    "clean_text_values",
];

pub(super) fn read(workbook: &Workbook, problems: &mut Vec<AuthoringProblem>) -> Settings {
    let empty = Row::default();
    let mut no_languages = Languages::new("");
    let table = workbook
        .sheet("settings")
        .and_then(|sheet| Table::new(sheet, "settings", &KNOWN, &mut no_languages, problems));
    let row = table.as_ref().and_then(|table| table.rows.first()).unwrap_or(&empty);
    let cell = |base: &str| table.as_ref().map_or("", |table| table.cell(row, base)).to_owned();
    if let Some(table) = &table {
        table.check_columns(&KNOWN, &UNSUPPORTED, &HARMLESS, problems);
        if let Some(second) = table.rows.get(1) {
            problems.push(
                AuthoringProblem::warning("settings", "only the first row below the headers is read")
                    .at_row(second.number),
            );
        }
    }
    let mut id = cell("form_id");
    if id.is_empty() {
        id = "data".to_owned();
        problems.push(
            AuthoringProblem::warning("settings", "the form has no form_id; \"data\" is taken")
                .at_row(2)
                .at_column("", "form_id"),
        );
    }
    let title = Some(cell("form_title")).filter(|title| !title.is_empty()).unwrap_or_else(|| id.clone());
    let root = Some(cell("name")).filter(|name| !name.is_empty()).unwrap_or_else(|| "data".to_owned());
    let allow = cell("allow_choice_duplicates");
    let instance_name_column = table.as_ref().and_then(|table| {
        table.bases().find(|(_, base)| *base == "instance_name").map(|(index, _)| column_letters(index))
    });
    Settings {
        version: cell("version"),
        default_language: cell("default_language"),
        style: cell("style"),
        instance_name: Some(cell("instance_name")).filter(|name| !name.is_empty()),
        instance_name_column,
        allow_choice_duplicates: allow.eq_ignore_ascii_case("yes") || allow.eq_ignore_ascii_case("true"),
        id,
        title,
        root,
    }
}
