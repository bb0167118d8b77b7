//! The settings sheet: the form as a whole.

use super::headers::SheetKind;
use super::languages::Languages;
use super::names::{EXPECTED, is_name};
use super::table::{Table, headers};
use crate::form::{Default, Node, NodeKind};
use crate::problem::AuthoringProblem;
use crate::workbook::{Row, Workbook};
use std::collections::BTreeMap;

pub(super) struct Settings {
    pub(super) id: String,
    pub(super) version: String,
    pub(super) title: String,
    pub(super) default_language: String,
    pub(super) style: String,
    pub(super) root: String,
    pub(super) root_attributes: Vec<Node>,
    pub(super) namespaces: BTreeMap<String, String>,
    pub(super) submission: BTreeMap<String, String>,
    pub(super) instance_name: Option<String>,
    pub(super) instance_name_column: Option<String>,
    pub(super) allow_choice_duplicates: bool,
    pub(super) clean_text_values: bool,
    /// The preload of `instanceID`, where it is not the usual one.
    pub(super) instance_id: Option<String>,
    pub(super) no_instance_id: bool,
    /// A choice "none" that excludes all others is added to every
    /// select_multiple.
    pub(super) add_none_option: bool,
    /// Groups are only shown: the instance has none.
    pub(super) flat: bool,
    pub(super) table: Option<Table>,
}

const KNOWN: &[&str] = &[
    "form_title",
    "form_id",
    "version",
    "default_language",
    "style",
    "instance_name",
    "allow_choice_duplicates",
    "name",
    "public_key",
    "submission_url",
    "auto_send",
    "auto_delete",
    "client_editable",
    "clean_text_values",
    "namespaces",
    "instance_xmlns",
    "prefix",
    "delimiter",
    "omit_instance_id",
    "instance_id",
    "add_none_option",
    "flat",
    "sms_keyword",
    "sms_separator",
    "sms_allow_media",
    "sms_date_format",
    "sms_datetime_format",
    "sms_response",
];

fn is_yes(cell: &str) -> bool {
    matches!(cell.to_lowercase().as_str(), "yes" | "true" | "true()")
}

fn is_no(cell: &str) -> bool {
    matches!(cell.to_lowercase().as_str(), "no" | "false" | "false()")
}

pub(super) fn read(workbook: &Workbook, problems: &mut Vec<AuthoringProblem>) -> Settings {
    let headers = headers(workbook, "settings", SheetKind::Settings, KNOWN);
    let table = workbook
        .sheet("settings")
        .and_then(|sheet| Table::new(sheet, "settings", &headers, &Languages::none(), problems));
    let empty = Row::default();
    let row = table.as_ref().and_then(|table| table.rows.first()).unwrap_or(&empty);
    let cell = |base: &str| table.as_ref().map_or("", |table| table.cell(row, base)).to_owned();
    if let Some(table) = &table {
        table.check_headers(KNOWN, problems);
        if let Some(second) = table.rows.get(1) {
            problems.push(
                AuthoringProblem::warning("settings", "only the first row below the headers is read")
                    .at_row(second.number)
                    .suggesting(Some("remove this row".to_owned())),
            );
        }
        if let Some((_, base)) =
            table.bases().find(|(_, base)| base.starts_with("sms_") && !cell(base).is_empty())
        {
            problems.push(
                table
                    .warning(row, base, "forms are not sent as text messages; the column is not read")
                    .suggesting(Some("remove it".to_owned())),
            );
        }
    }
    let root = Some(cell("name")).filter(|name| !name.is_empty()).unwrap_or_else(|| "data".to_owned());
    if let Some(table) = table.as_ref().filter(|_| !is_name(&root)) {
        problems.push(table.problem(row, "name", format!("\"{root}\" cannot be a name: {EXPECTED}")));
    }
    if is_yes(&cell("omit_instance_id"))
        && !cell("public_key").is_empty()
        && let Some(table) = &table
    {
        problems.push(table.problem(
            row,
            "omit_instance_id",
            "a form that is encrypted needs its instanceID",
        ));
    }
    let id = cell("form_id");
    let instance_name_column = table.as_ref().map(|table| table.place("instance_name").0);
    Settings {
        version: cell("version"),
        title: cell("form_title"),
        default_language: cell("default_language"),
        style: cell("style"),
        instance_name: Some(cell("instance_name")).filter(|name| !name.is_empty()),
        instance_name_column: instance_name_column.filter(|letters| !letters.is_empty()),
        allow_choice_duplicates: is_yes(&cell("allow_choice_duplicates")),
        clean_text_values: !is_no(&cell("clean_text_values")),
        instance_id: Some(cell("instance_id")).filter(|preload| !preload.is_empty()),
        no_instance_id: is_yes(&cell("omit_instance_id")),
        add_none_option: is_yes(&cell("add_none_option")),
        flat: is_yes(&cell("flat")),
        root_attributes: root_attributes(table.as_ref(), row),
        namespaces: namespaces(&cell("namespaces")),
        submission: submission(&cell),
        id,
        root,
        table,
    }
}

/// What the form is called when the survey sheet does not say it either.
pub(super) fn complete(
    settings: &mut Settings,
    in_survey: Vec<(&'static str, String)>,
    problems: &mut Vec<AuthoringProblem>,
) {
    for (setting, value) in in_survey {
        match setting {
            "form_id" => settings.id = value,
            _ => settings.title = value,
        }
    }
    if settings.id.is_empty() {
        settings.id = "data".to_owned();
        problems.push(
            AuthoringProblem::warning("settings", "the form has no form_id; \"data\" is taken")
                .at_row(2)
                .at_column("", "form_id")
                .suggesting(Some("write a form_id that no other form has".to_owned())),
        );
    }
    if settings.title.is_empty() {
        settings.title = settings.id.clone();
    }
}

fn root_attributes(table: Option<&Table>, row: &Row) -> Vec<Node> {
    let Some(table) = table else { return Vec::new() };
    let mut attributes = table.grouped(row, "attribute");
    for (column, attribute) in
        [("instance_xmlns", "xmlns"), ("prefix", "odk:prefix"), ("delimiter", "odk:delimiter")]
    {
        if let Some(value) = table.filled(row, column) {
            attributes.insert(attribute.to_owned(), value);
        }
    }
    attributes
        .into_iter()
        .filter(|(name, _)| !matches!(name.as_str(), "id" | "version"))
        .map(|(name, value)| {
            let mut attribute = Node::new(&name, NodeKind::Attribute, 0);
            attribute.default = Some(Default::Value(value));
            attribute
        })
        .collect()
}

/// `esri="http://esri.com/xforms" x="…"`
fn namespaces(cell: &str) -> BTreeMap<String, String> {
    cell.split_whitespace()
        .filter_map(|part| part.split_once('='))
        .filter(|(prefix, uri)| !prefix.is_empty() && !uri.contains('='))
        .map(|(prefix, uri)| (prefix.to_owned(), uri.replace(['"', '\''], "")))
        .collect()
}

fn submission(cell: &dyn Fn(&str) -> String) -> BTreeMap<String, String> {
    let mut submission = BTreeMap::new();
    for (column, attribute) in [
        ("submission_url", "action"),
        ("public_key", "base64RsaPublicKey"),
        ("auto_send", "orx:auto-send"),
        ("auto_delete", "orx:auto-delete"),
    ] {
        let value = cell(column);
        if !value.is_empty() {
            submission.insert(attribute.to_owned(), value);
        }
    }
    if submission.contains_key("action") {
        submission.insert("method".to_owned(), "post".to_owned());
    }
    if is_yes(&cell("client_editable")) {
        submission.insert("odk:client-editable".to_owned(), "true".to_owned());
    }
    submission
}
