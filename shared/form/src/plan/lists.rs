//! Lists of choices, from the choices sheet or from attached files, with
//! indexes for the columns that filters compare for equality.

use super::{Attachments, Templates, documents};
use crate::document::{XmlDocument, XmlError};
use crate::form::{Choice, External, Form, Media, Text};
use crate::problem::{AuthoringProblem, Severity, did_you_mean};
use std::collections::HashMap;

/// Most rows of one list.
const MAX_LIST_ROWS: usize = 1_000_000;
/// What stands for the file of the instance that was saved last.
pub(super) const LAST_SAVED: &str = "jr://instance/last-saved";
const NO_ROW: u32 = u32::MAX;

/// Rows and columns of text. All cells are in one text, row by row.
#[derive(Debug, Default)]
pub(crate) struct List {
    pub(crate) name: String,
    /// What its elements are called in paths.
    pub(crate) root_name: String,
    pub(crate) item_name: String,
    pub(crate) columns: Vec<String>,
    rows: u32,
    text: String,
    /// Where each cell ends in the text.
    ends: Vec<u32>,
    /// Which cells the rows do not have at all, where rows differ.
    absent: Option<Vec<bool>>,
    /// The list of the form: labels with translations, outputs and media.
    pub(crate) labels: Option<Labels>,
    indexes: HashMap<u16, Index>,
}

/// What choices say beside their first plain label.
#[derive(Debug)]
pub(crate) struct Labels {
    /// The column they replace.
    pub(crate) column: u16,
    pub(crate) texts: Vec<Templates>,
    pub(crate) media: Vec<Media>,
}

/// The rows by the hash of one column's text: the first row of each slot, and
/// for each row the next one of its slot.
#[derive(Debug)]
struct Index {
    first: Vec<u32>,
    next: Vec<u32>,
}

impl List {
    /// A list without rows.
    pub(super) fn new(name: &str, columns: Vec<String>) -> List {
        List {
            name: name.to_owned(),
            root_name: "root".to_owned(),
            item_name: "item".to_owned(),
            columns,
            ..List::default()
        }
    }

    /// Adds a row; missing cells are empty, further ones are left out.
    pub(super) fn push_row<'a>(&mut self, cells: impl Iterator<Item = &'a str>) {
        let mut left = self.columns.len();
        for cell in cells.take(left) {
            self.text.push_str(cell);
            self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
            left -= 1;
        }
        for _ in 0..left {
            self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
        }
        self.rows += 1;
    }

    /// Adds a row some of whose cells are not there at all.
    pub(super) fn push_ragged(&mut self, cells: &[Option<&str>]) {
        let before = self.ends.len();
        self.push_row(cells.iter().map(|cell| cell.unwrap_or_default()));
        if cells.iter().any(Option::is_none) {
            self.absent.get_or_insert_with(|| vec![false; before]);
        }
        if let Some(absent) = &mut self.absent {
            absent.extend(cells.iter().map(Option::is_none));
        }
    }

    pub(crate) fn column(&self, name: &str) -> Option<u16> {
        let index = self.columns.iter().position(|column| column == name)?;
        u16::try_from(index).ok()
    }

    /// A cell as text; empty beyond the row.
    pub(crate) fn cell(&self, row: u32, column: u16) -> &str {
        let Some(at) = self.place(row, column) else { return "" };
        let start = match at.checked_sub(1) {
            Some(before) => self.ends.get(before).copied().unwrap_or(0),
            None => 0,
        };
        let end = self.ends.get(at).copied().unwrap_or(start);
        let place = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        self.text.get(place(start)..place(end)).unwrap_or_default()
    }

    /// Whether the row has the cell, if only empty.
    pub(crate) fn has_cell(&self, row: u32, column: u16) -> bool {
        match &self.absent {
            None => true,
            Some(absent) => self.place(row, column).is_some_and(|at| absent.get(at) == Some(&false)),
        }
    }

    fn place(&self, row: u32, column: u16) -> Option<usize> {
        if usize::from(column) >= self.columns.len() || row >= self.rows {
            return None;
        }
        usize::try_from(row).ok()?.checked_mul(self.columns.len())?.checked_add(usize::from(column))
    }

    pub(crate) fn row_numbers(&self) -> std::ops::Range<u32> {
        0..self.rows
    }

    /// Calls `found` with each row whose cell equals the key, in order; false
    /// without an index.
    pub(crate) fn rows_where(&self, column: u16, key: &str, mut found: impl FnMut(u32)) -> bool {
        let Some(index) = self.indexes.get(&column) else { return false };
        let mut row = index.first.get(slot(key, index.first.len())).copied().unwrap_or(NO_ROW);
        while row != NO_ROW {
            if self.cell(row, column) == key {
                found(row);
            }
            row = usize::try_from(row).ok().and_then(|row| index.next.get(row)).copied().unwrap_or(NO_ROW);
        }
        true
    }

    /// The first row whose cell equals the key.
    pub(crate) fn row_of(&self, column: u16, key: &str) -> Option<u32> {
        let mut first = None;
        if !self.rows_where(column, key, |row| first = first.or(Some(row))) {
            first = self.row_numbers().find(|&row| self.cell(row, column) == key);
        }
        first
    }

    pub(super) fn index_column(&mut self, column: u16) {
        if self.indexes.contains_key(&column) {
            return;
        }
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
        let rows = usize::try_from(self.rows).unwrap_or(0);
        let mut first = vec![NO_ROW; (rows * 2).next_power_of_two()];
        let mut next = vec![NO_ROW; rows];
        for row in self.row_numbers().rev() {
            let at = slot(self.cell(row, column), first.len());
            if let (Some(head), Some(link)) =
                (first.get_mut(at), usize::try_from(row).ok().and_then(|row| next.get_mut(row)))
            {
                *link = std::mem::replace(head, row);
            }
        }
        self.indexes.insert(column, Index { first, next });
    }
}

/// FNV-1a, folded into a table whose size is a power of two.
fn slot(key: &str, size: usize) -> usize {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in key.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^= hash >> 32;
    usize::try_from(hash & 0xffff_ffff).unwrap_or(0) & size.saturating_sub(1)
}

/// Lists, and by their names the documents that are none.
pub(super) fn read_all(
    form: &Form,
    attachments: &Attachments,
    problems: &mut Vec<AuthoringProblem>,
) -> (Vec<List>, Vec<(String, XmlDocument)>) {
    let mut lists: Vec<List> = form.lists.iter().map(|(name, choices)| from_choices(name, choices)).collect();
    let mut documents = Vec::new();
    for external in form.externals.iter().filter(|external| external.file != LAST_SAVED) {
        let text = attachments.get(&external.file).filter(|_| has_extension(&external.file, "xml"));
        match text {
            None => lists.push(from_file(form, external, attachments, problems)),
            Some(xml) => match read_xml(&external.name, xml, &mut lists, &mut documents) {
                Ok(()) => {}
                Err(error) => {
                    problems.push(AuthoringProblem::error(&external.file, error.to_string()));
                    lists.push(List::new(&external.name, Vec::new()));
                }
            },
        }
    }
    for (name, xml) in &form.documents {
        if let Err(error) = read_xml(name, xml, &mut lists, &mut documents) {
            let message = format!("the instance \"{name}\": {error}");
            problems.push(AuthoringProblem::error("survey", message));
        }
    }
    if lists.len().max(documents.len()) >= usize::from(u16::MAX) {
        problems.push(AuthoringProblem::error("choices", "there are too many lists"));
        lists.truncate(usize::from(u16::MAX));
        documents.truncate(usize::from(u16::MAX) - 1);
    }
    (lists, documents)
}

fn read_xml(
    name: &str,
    xml: &str,
    lists: &mut Vec<List>,
    documents: &mut Vec<(String, XmlDocument)>,
) -> Result<(), XmlError> {
    match documents::regular(name, xml) {
        Some(list) => lists.push(list),
        None if xml.trim().is_empty() => lists.push(List::new(name, Vec::new())),
        None => documents.push((name.to_owned(), XmlDocument::parse(xml)?)),
    }
    Ok(())
}

fn has_extension(file: &str, wanted: &str) -> bool {
    file.rsplit_once('.').is_some_and(|(_, extension)| extension.eq_ignore_ascii_case(wanted))
}

/// Only the plain labels of the first language are cells; the others are bound
/// later, since they may have outputs.
fn from_choices(name: &str, choices: &[Choice]) -> List {
    let mut columns = vec!["name".to_owned(), "label".to_owned()];
    let mut known: HashMap<&str, usize> = HashMap::new();
    for choice in choices {
        for column in choice.columns.keys() {
            if !known.contains_key(column.as_str()) && !columns.contains(column) {
                known.insert(column, columns.len());
                columns.push(column.clone());
            }
        }
    }
    let mut list = List::new(name, columns);
    let own: Vec<String> = list.columns.iter().skip(2).cloned().collect();
    for choice in choices {
        // A picture needs no words.
        let label = match choice.label.is_empty() {
            true if choice.media.is_empty() => choice.name.as_str(),
            _ => plain(&choice.label),
        };
        list.push_row(
            [choice.name.as_str(), label]
                .into_iter()
                .chain(own.iter().map(|column| choice.columns.get(column).map_or("", String::as_str))),
        );
    }
    list
}

fn plain(label: &Text) -> &str {
    label.in_language(0).and_then(|words| words.plain()).unwrap_or_default()
}

fn from_file(
    form: &Form,
    external: &External,
    attachments: &Attachments,
    problems: &mut Vec<AuthoringProblem>,
) -> List {
    let Some(text) = attachments.get(&external.file) else {
        let missing = AuthoringProblem::error("survey", format!("the file \"{}\" is missing", external.file))
            .at_row(external.row)
            .at_column("", "type")
            .finding(&external.file)
            .suggesting(did_you_mean(&external.file, attachments.keys().map(String::as_str)));
        // A form that came as XML works without the file, as elsewhere.
        let severity = if form.is_from_workbook() { Severity::Error } else { Severity::Warning };
        problems.push(AuthoringProblem { severity, ..missing });
        return List::new(&external.name, Vec::new());
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !has_extension(&external.file, "geojson") {
        return from_csv(external, text, problems);
    }
    documents::from_geojson(&external.name, text).unwrap_or_else(|message| {
        problems.push(AuthoringProblem::error(&external.file, message));
        List::new(&external.name, Vec::new())
    })
}

/// Cells are separated by commas, or by semicolons, tabs or bars where the
/// header has those and no comma. White space belongs to the cell, and empty
/// lines are no rows (RFC 4180; JavaRosa).
fn from_csv(external: &External, text: &str, problems: &mut Vec<AuthoringProblem>) -> List {
    let header = text.lines().next().unwrap_or_default();
    let delimiter = [b',', b';', b'\t', b'|'].into_iter().find(|&one| header.contains(char::from(one)));
    let mut list = List::new(&external.name, Vec::new());
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .delimiter(delimiter.unwrap_or(b','))
        .from_reader(text.as_bytes());
    match reader.headers() {
        Ok(headers) => list.columns = headers.iter().map(str::to_owned).collect(),
        Err(error) => {
            problems.push(AuthoringProblem::error(&external.file, format!("not a CSV file: {error}")));
        }
    }
    if list.columns.len() > crate::MAX_COLUMNS {
        problems.push(AuthoringProblem::error(&external.file, "there are too many columns"));
        list.columns.truncate(crate::MAX_COLUMNS);
    }
    if let [only] = list.columns.as_slice()
        && !could_be_name(only.trim())
    {
        problems.push(
            AuthoringProblem::error(&external.file, "the header has one column, and that has no name")
                .at_row(1)
                .finding(only)
                .suggesting(Some("separate the columns by commas, semicolons, tabs or bars (|)".to_owned())),
        );
        return List::new(&external.name, Vec::new());
    }
    let mut record = csv::StringRecord::new();
    loop {
        let read = reader.read_record(&mut record);
        // A cell may hold several lines, and an empty line is no row.
        let line = record.position().map_or(0, |position| position.line());
        let number = u32::try_from(line).unwrap_or(u32::MAX);
        match read {
            Ok(false) => break,
            // Spreadsheets write empty cells behind the last column.
            Ok(true) if record.iter().skip(list.columns.len()).any(|cell| !cell.is_empty()) => problems.push(
                AuthoringProblem::error(
                    &external.file,
                    format!("the row has {} cells, but the header {}", record.len(), list.columns.len()),
                )
                .at_row(number)
                .suggesting(Some("put a cell that contains a comma into quotation marks".to_owned())),
            ),
            Ok(true) => list.push_row(record.iter()),
            Err(error) => problems.push(
                AuthoringProblem::error(&external.file, format!("the row cannot be read: {error}"))
                    .at_row(number),
            ),
        }
        if list.row_numbers().len() > MAX_LIST_ROWS || problems.len() > 500 {
            problems.push(AuthoringProblem::error(
                &external.file,
                "the file has too many rows or too many mistakes",
            ));
            break;
        }
    }
    list
}

/// Else it is several columns, with a mark between them that nobody told about.
fn could_be_name(column: &str) -> bool {
    column.chars().all(|one| one.is_alphanumeric() || "_-.: ".contains(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn villages(rows: u32) -> List {
        let mut list = List::new("villages", vec!["name".to_owned(), "town".to_owned()]);
        for row in 0..rows {
            list.push_row([format!("v{row}").as_str(), format!("t{}", row % 7).as_str()].into_iter());
        }
        list
    }

    #[test]
    fn an_index_finds_the_same_rows_as_looking_at_all() {
        let mut list = villages(100);
        assert!(!list.rows_where(1, "t3", |_| ()), "no index yet");
        list.index_column(1);
        for key in ["t0", "t3", "t6", "t7", ""] {
            let mut found = Vec::new();
            assert!(list.rows_where(1, key, |row| found.push(row)));
            let expected: Vec<u32> = list.row_numbers().filter(|&row| list.cell(row, 1) == key).collect();
            assert_eq!(found, expected, "{key}");
        }
    }

    #[test]
    fn rows_may_lack_cells() {
        let mut list = villages(1);
        list.push_ragged(&[Some("a"), None]);
        list.push_ragged(&[Some("b"), Some("")]);
        assert!(list.has_cell(0, 1) && !list.has_cell(1, 1) && list.has_cell(2, 1));
        assert_eq!((list.cell(0, 1), list.cell(1, 1), list.cell(2, 0)), ("t0", "", "b"));
        assert_eq!(list.cell(9, 9), "");
    }
}
