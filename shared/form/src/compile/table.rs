//! A sheet as a table with headers.

use super::headers::{Header, SheetKind, understand};
use super::languages::Languages;
use crate::form::{Text, Words};
use crate::problem::{AuthoringProblem, Severity, did_you_mean};
use crate::workbook::{Row, Sheet, Workbook, column_letters};
use std::collections::BTreeMap;

/// A header understood, with the number of its language.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Column {
    /// Header as the author wrote it.
    written: String,
    base: String,
    /// Number of the language, for translated columns.
    language: Option<usize>,
    /// The header names the language.
    named: bool,
}

/// How many empty rows may lie between two filled ones.
const MAX_GAP: u32 = 60;

/// A sheet below its headers.
pub(super) struct Table {
    pub(super) sheet: String,
    columns: Vec<Option<Column>>,
    pub(super) rows: Vec<Row>,
    pub(super) header_row: u32,
}

/// The headers of a sheet, understood; the author's empty ones are blank.
pub(super) fn headers(workbook: &Workbook, name: &str, kind: SheetKind, known: &[&str]) -> Vec<Header> {
    let cells = match workbook.sheet(name).and_then(|sheet| sheet.rows.first()) {
        Some(row) => row.cells.as_slice(),
        None => return Vec::new(),
    };
    let double = cells.iter().any(|cell| cell.contains("::"));
    cells.iter().map(|written| understand(written, kind, known, double)).collect()
}

impl Table {
    pub(super) fn new(
        sheet: &Sheet,
        name: &str,
        headers: &[Header],
        languages: &Languages,
        problems: &mut Vec<AuthoringProblem>,
    ) -> Option<Table> {
        let (first, rows) = sheet.rows.split_first()?;
        let mut table = Table {
            sheet: name.to_owned(),
            columns: Vec::new(),
            rows: rows.to_vec(),
            header_row: first.number,
        };
        for (index, (written, header)) in first.cells.iter().zip(headers).enumerate() {
            if written.trim().is_empty() {
                table.columns.push(None);
                continue;
            }
            let language = header.translated.then(|| languages.number(&header.language));
            let named = !header.language.is_empty();
            let column =
                Column { written: written.trim().to_owned(), base: header.base.clone(), language, named };
            let twin = table
                .columns
                .iter()
                .flatten()
                // A column without a language may stand beside that of the default
                // language, which then counts.
                .find(|other| {
                    other.base == column.base
                        && other.language == column.language
                        && other.named == column.named
                });
            let exact = name == "settings" && column.written == column.base;
            if let Some(twin) = twin {
                let message = if twin.written == column.written {
                    format!("the column \"{written}\" is there twice")
                } else {
                    format!("\"{written}\" and \"{}\" are two names of the same column", twin.written)
                };
                // Of settings the first one counts.
                let severity = if name == "settings" { Severity::Warning } else { Severity::Error };
                problems.push(
                    AuthoringProblem { severity, ..AuthoringProblem::error(name, message) }
                        .at_row(first.number)
                        .at_column(&column_letters(index), &column.written)
                        .finding(&column.written)
                        .suggesting(Some("remove one of them".to_owned())),
                );
            }
            if exact {
                // The usual name counts, wherever it stands.
                for other in table
                    .columns
                    .iter_mut()
                    .filter(|other| other.as_ref().is_some_and(|other| other.base == column.base))
                {
                    *other = None;
                }
            }
            table.columns.push(Some(column));
        }
        Some(table)
    }

    /// Runs of spaces become one, as XLSForm does unless the settings say
    /// otherwise.
    pub(super) fn collapse_spaces(&mut self) {
        for cell in self.rows.iter_mut().flat_map(|row| &mut row.cells) {
            if cell.contains("  ") {
                let mut collapsed = String::with_capacity(cell.len());
                for character in cell.chars() {
                    if !(character == ' ' && collapsed.ends_with(' ')) {
                        collapsed.push(character);
                    }
                }
                *cell = collapsed;
            }
        }
    }

    /// What stands far below the rest is left over from something else.
    pub(super) fn end_at_gap(&mut self, problems: &mut Vec<AuthoringProblem>) {
        let mut before = self.header_row;
        let gap = self.rows.iter().position(|row| {
            let empty = row.number.saturating_sub(before).saturating_sub(1);
            before = row.number;
            empty > MAX_GAP
        });
        let Some(gap) = gap else { return };
        if let Some(row) = self.rows.get(gap) {
            let message = format!("rows below {MAX_GAP} empty ones are not read");
            let problem = AuthoringProblem::warning(&self.sheet, message).at_row(row.number);
            problems.push(problem.suggesting(Some("remove the empty rows, or this one".to_owned())));
        }
        self.rows.truncate(gap);
    }

    /// Base names of the columns with their numbers.
    pub(super) fn bases(&self) -> impl Iterator<Item = (usize, &str)> {
        self.columns
            .iter()
            .enumerate()
            .filter_map(|(index, column)| Some((index, column.as_ref()?.base.as_str())))
    }

    /// Number and header of each column.
    pub(super) fn written(&self) -> impl Iterator<Item = (usize, &str)> {
        self.columns
            .iter()
            .enumerate()
            .filter_map(|(index, column)| Some((index, column.as_ref()?.written.as_str())))
    }

    pub(super) fn has(&self, base: &str) -> bool {
        self.bases().any(|(_, found)| found == base)
    }

    /// The cell of this column without surrounding space; empty when missing.
    pub(super) fn cell<'a>(&self, row: &'a Row, base: &str) -> &'a str {
        self.bases().find(|(_, found)| *found == base).map_or("", |(index, _)| cell_at(row, index))
    }

    /// The cell of this column, unless it is empty.
    pub(super) fn filled(&self, row: &Row, base: &str) -> Option<String> {
        Some(self.cell(row, base).to_owned()).filter(|cell| !cell.is_empty())
    }

    /// The filled cells of the columns `group::…`, by what follows.
    pub(super) fn grouped(&self, row: &Row, group: &str) -> BTreeMap<String, String> {
        self.bases()
            .filter_map(|(index, base)| {
                let name = base.strip_prefix(group)?.strip_prefix("::")?;
                Some((name.to_owned(), cell_at(row, index).to_owned()))
            })
            .filter(|(_, cell)| !cell.is_empty())
            .collect()
    }

    /// The cells of this column in all languages.
    pub(super) fn text(&self, row: &Row, base: &str) -> Text {
        let mut texts: Vec<Words> = Vec::new();
        for (index, column) in self.columns.iter().enumerate() {
            let Some(column) = column.as_ref().filter(|column| column.base == base) else {
                continue;
            };
            let cell = cell_at(row, index);
            if cell.is_empty() {
                continue;
            }
            let language = column.language.unwrap_or(0);
            if texts.len() <= language {
                texts.resize(language + 1, Words::default());
            }
            if let Some(text) = texts.get_mut(language).filter(|text| column.named || text.is_empty()) {
                *text = super::words::written(cell);
            }
        }
        Text(texts)
    }

    /// Letters and header of the first column of this name, or of the name
    /// alone where the sheet lacks it.
    pub(super) fn place(&self, base: &str) -> (String, String) {
        let found = self.columns.iter().enumerate().find_map(|(index, column)| {
            column.as_ref().filter(|column| column.base == base).map(|column| (index, column.written.clone()))
        });
        match found {
            Some((index, header)) => (column_letters(index), header),
            None => (String::new(), base.to_owned()),
        }
    }

    /// A problem with the cell of this column.
    pub(super) fn problem(&self, row: &Row, base: &str, message: impl Into<String>) -> AuthoringProblem {
        let (letters, header) = self.place(base);
        AuthoringProblem::error(&self.sheet, message)
            .at_row(row.number)
            .at_column(&letters, &header)
            .finding(self.cell(row, base))
    }

    /// A problem that leaves the form usable.
    pub(super) fn warning(&self, row: &Row, base: &str, message: impl Into<String>) -> AuthoringProblem {
        AuthoringProblem { severity: Severity::Warning, ..self.problem(row, base, message) }
    }

    /// A problem with the cell of the column with this number.
    pub(super) fn problem_at(&self, row: &Row, index: usize, message: impl Into<String>) -> AuthoringProblem {
        let header = self.columns.get(index).and_then(|column| column.as_ref());
        AuthoringProblem::error(&self.sheet, message)
            .at_row(row.number)
            .at_column(&column_letters(index), header.map_or("", |column| column.written.as_str()))
            .finding(cell_at(row, index))
    }

    /// Header → letters, under the names by which [`Form`](crate::Form) looks
    /// them up: `relevant`, and `label::English (en)` for translated ones.
    pub(super) fn letters(&self, languages: &Languages) -> BTreeMap<String, String> {
        let mut letters = BTreeMap::new();
        for (index, column) in self.columns.iter().enumerate() {
            let Some(column) = column else { continue };
            let key = match column.language.and_then(|number| languages.names().get(number)) {
                Some(language) => format!("{}::{language}", column.base),
                None => column.base.clone(),
            };
            letters.insert(key, column_letters(index));
        }
        letters
    }

    /// Warns about headers that are probably meant to be columns of XLSForm.
    pub(super) fn check_headers(&self, known: &[&str], problems: &mut Vec<AuthoringProblem>) {
        for (index, column) in self.columns.iter().enumerate() {
            let Some(column) = column else { continue };
            if known.contains(&column.base.as_str()) || column.base.contains("::") {
                continue;
            }
            let suggestion = did_you_mean(&column.base, known.iter().copied());
            if suggestion.is_some() {
                problems.push(
                    AuthoringProblem::warning(
                        &self.sheet,
                        format!("the column \"{}\" means nothing to XLSForm and is not read", column.written),
                    )
                    .at_row(self.header_row)
                    .at_column(&column_letters(index), &column.written)
                    .finding(&column.written)
                    .suggesting(suggestion),
                );
            }
        }
    }

    /// What must be there to read the sheet at all.
    pub(super) fn require(&self, columns: &[&str], problems: &mut Vec<AuthoringProblem>) -> bool {
        let mut complete = true;
        for column in columns {
            if !self.has(column) {
                complete = false;
                problems.push(
                    AuthoringProblem::error(&self.sheet, format!("the sheet has no column \"{column}\""))
                        .at_row(self.header_row)
                        .at_column("", column)
                        .suggesting(did_you_mean(column, self.written().map(|(_, written)| written))),
                );
            }
        }
        complete
    }
}

/// The cell of the column with this number without surrounding space.
pub(super) fn cell_at(row: &Row, index: usize) -> &str {
    row.cells.get(index).map_or("", |cell| cell.trim())
}
