//! Lists of choices, from the choices sheet or from attached files, with
//! indexes for the columns that filters compare for equality.

use super::Attachments;
use crate::form::{Choice, External, Form, Piece, Text, Words};
use crate::problem::{AuthoringProblem, did_you_mean};
use std::collections::HashMap;

/// Most rows of one list.
const MAX_LIST_ROWS: usize = 1_000_000;

#[derive(Debug)]
pub(crate) struct List {
    pub(crate) name: String,
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
    /// Translated labels; they replace the column `label`.
    labels: Option<Vec<Text>>,
    indexes: HashMap<u16, HashMap<String, Vec<u32>>>,
}

impl List {
    pub(crate) fn column(&self, name: &str) -> Option<u16> {
        let index = self.columns.iter().position(|column| column == name)?;
        u16::try_from(index).ok()
    }

    /// A cell as text; empty beyond the row.
    pub(crate) fn cell(&self, row: u32, column: u16, language: usize) -> &str {
        let row = usize::try_from(row).unwrap_or(usize::MAX);
        if let Some(labels) = &self.labels
            && self.columns.get(usize::from(column)).is_some_and(|name| name == "label")
        {
            return labels.get(row).and_then(|text| text.in_language(language)?.plain()).unwrap_or_default();
        }
        self.rows.get(row).and_then(|cells| cells.get(usize::from(column))).map_or("", String::as_str)
    }

    pub(crate) fn row_numbers(&self) -> std::ops::Range<u32> {
        0..u32::try_from(self.rows.len()).unwrap_or(u32::MAX)
    }

    /// Rows whose cell equals the key; `None` without an index.
    pub(crate) fn rows_where(&self, column: u16, key: &str) -> Option<&[u32]> {
        let index = self.indexes.get(&column)?;
        Some(index.get(key).map_or(&[], Vec::as_slice))
    }

    pub(super) fn index_column(&mut self, column: u16) {
        if self.indexes.contains_key(&column) {
            return;
        }
        let mut index: HashMap<String, Vec<u32>> = HashMap::new();
        for row in self.row_numbers() {
            index.entry(self.cell(row, column, 0).to_owned()).or_default().push(row);
        }
        self.indexes.insert(column, index);
    }
}

pub(super) fn read_all(
    form: &Form,
    attachments: &Attachments,
    problems: &mut Vec<AuthoringProblem>,
) -> Vec<List> {
    let mut lists: Vec<List> = form.lists.iter().map(|(name, choices)| from_choices(name, choices)).collect();
    for external in &form.externals {
        lists.push(from_file(external, attachments, problems));
    }
    if lists.len() > usize::from(u16::MAX) {
        problems.push(AuthoringProblem::error("choices", "there are too many lists"));
        lists.truncate(usize::from(u16::MAX));
    }
    lists
}

fn from_choices(name: &str, choices: &[Choice]) -> List {
    let mut columns = vec!["name".to_owned(), "label".to_owned()];
    for choice in choices {
        for column in choice.columns.keys() {
            if !columns.contains(column) {
                columns.push(column.clone());
            }
        }
    }
    let rows = choices.iter().map(|choice| {
        let mut cells = vec![choice.name.clone(), String::new()];
        cells.extend(
            columns.iter().skip(2).map(|column| choice.columns.get(column).cloned().unwrap_or_default()),
        );
        cells
    });
    let labels = choices.iter().map(|choice| {
        if choice.label.is_empty() {
            Text(vec![Words(vec![Piece::Text(choice.name.clone())])])
        } else {
            choice.label.clone()
        }
    });
    List {
        name: name.to_owned(),
        rows: rows.collect(),
        labels: Some(labels.collect()),
        columns,
        indexes: HashMap::new(),
    }
}

fn from_file(external: &External, attachments: &Attachments, problems: &mut Vec<AuthoringProblem>) -> List {
    let mut list = List {
        name: external.name.clone(),
        columns: Vec::new(),
        rows: Vec::new(),
        labels: None,
        indexes: HashMap::new(),
    };
    let Some(text) = attachments.get(&external.file) else {
        problems.push(
            AuthoringProblem::error("survey", format!("the file \"{}\" is missing", external.file))
                .at_row(external.row)
                .at_column("", "type")
                .finding(&external.file)
                .suggesting(did_you_mean(&external.file, attachments.keys().map(String::as_str))),
        );
        return list;
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    match reader.headers() {
        Ok(headers) => list.columns = headers.iter().map(|header| header.trim().to_owned()).collect(),
        Err(error) => {
            problems.push(AuthoringProblem::error(&external.file, format!("not a CSV file: {error}")))
        }
    }
    if list.columns.len() > crate::MAX_COLUMNS {
        problems.push(AuthoringProblem::error(&external.file, "there are too many columns"));
        list.columns.truncate(crate::MAX_COLUMNS);
    }
    for (record, number) in reader.records().zip(2_u32..) {
        match record {
            Ok(record) if record.len() > list.columns.len() => problems.push(
                AuthoringProblem::error(
                    &external.file,
                    format!("the row has {} cells, but the header {}", record.len(), list.columns.len()),
                )
                .at_row(number)
                .suggesting(Some("put a cell that contains a comma into quotation marks".to_owned())),
            ),
            Ok(record) => list.rows.push(record.iter().map(|cell| cell.trim().to_owned()).collect()),
            Err(error) => problems.push(
                AuthoringProblem::error(&external.file, format!("the row cannot be read: {error}"))
                    .at_row(number),
            ),
        }
        if list.rows.len() > MAX_LIST_ROWS || problems.len() > 500 {
            problems.push(AuthoringProblem::error(
                &external.file,
                "the file has too many rows or too many mistakes",
            ));
            break;
        }
    }
    list
}
