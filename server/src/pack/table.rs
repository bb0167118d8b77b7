//! One sheet of the ledger workbook below its headers.

use std::collections::BTreeMap;

use doorstep_core::text::LocalText;
use doorstep_form::{AuthoringProblem, Row, Workbook, column_letters, did_you_mean};

/// The two columns of a text, as every workbook of ours writes them.
pub(super) const LABELS: [&str; 2] = ["label::中文 (zh)", "label::English (en)"];

/// A sheet whose columns are known.
pub(super) struct Table<'a> {
    name: &'static str,
    /// Column name → index and header as written.
    columns: BTreeMap<&'static str, (usize, &'a str)>,
    rows: &'a [Row],
}

impl<'a> Table<'a> {
    /// Finds a sheet and its columns; what is missing, unknown or there twice
    /// is a problem. Columns whose name begins with `note` belong to the
    /// author.
    pub(super) fn open(
        workbook: &'a Workbook,
        name: &'static str,
        known: &[&'static str],
        problems: &mut Vec<AuthoringProblem>,
    ) -> Self {
        let empty = Self { name, columns: BTreeMap::new(), rows: &[] };
        let Some(sheet) = workbook.sheet(name) else {
            let names: Vec<&str> = workbook.sheets.iter().map(|sheet| sheet.name.trim()).collect();
            problems.push(
                AuthoringProblem::error(name, format!("the workbook has no sheet named \"{name}\""))
                    .finding(names.join(", "))
                    .suggesting(
                        did_you_mean(name, names.iter().copied()).map(|close| format!("rename: {close}")),
                    ),
            );
            return empty;
        };
        let Some((headers, rows)) = sheet.rows.split_first() else {
            problems.push(
                AuthoringProblem::error(name, "the sheet is empty; its first row names the columns")
                    .suggesting(Some(known.join(", "))),
            );
            return empty;
        };
        let mut columns: BTreeMap<&'static str, (usize, &str)> = BTreeMap::new();
        for (index, header) in headers.cells.iter().enumerate() {
            let header = header.trim();
            if header.is_empty() || header.to_lowercase().starts_with("note") {
                continue;
            }
            let problem = |message: String| {
                AuthoringProblem::error(name, message)
                    .at_row(headers.number)
                    .at_column(&column_letters(index), header)
                    .finding(header)
            };
            match known.iter().find(|known| same_header(known, header)) {
                None => problems.push(
                    problem(format!(
                        "the column \"{header}\" means nothing here; call it \"note\" if it is a remark"
                    ))
                    .suggesting(did_you_mean(header, known.iter().copied())),
                ),
                Some(known) if columns.contains_key(known) => {
                    problems.push(problem(format!("the column \"{header}\" is there twice; remove one")));
                }
                Some(known) => {
                    columns.insert(known, (index, header));
                }
            }
        }
        for missing in known.iter().filter(|known| !columns.contains_key(*known)) {
            problems.push(
                AuthoringProblem::error(name, format!("the column \"{missing}\" is missing"))
                    .at_row(headers.number)
                    .at_column("", missing),
            );
        }
        Self { name, columns, rows }
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &'a Row> + use<'a> {
        self.rows.iter()
    }

    /// The cell without surrounding space; empty when it or its column is
    /// missing.
    pub(super) fn cell(&self, row: &'a Row, column: &str) -> &'a str {
        self.columns.get(column).and_then(|(index, _)| row.cells.get(*index)).map_or("", |cell| cell.trim())
    }

    /// A problem with a cell.
    pub(super) fn problem(&self, row: &Row, column: &str, message: impl Into<String>) -> AuthoringProblem {
        let problem = AuthoringProblem::error(self.name, message).at_row(row.number);
        match self.columns.get(column) {
            Some((index, header)) => problem
                .at_column(&column_letters(*index), header)
                .finding(row.cells.get(*index).map_or("", |cell| cell.trim())),
            None => problem.at_column("", column),
        }
    }

    /// A cell that must be filled. Says so only where the column is there:
    /// one missing column is one problem.
    pub(super) fn filled(
        &self,
        row: &'a Row,
        column: &str,
        problems: &mut Vec<AuthoringProblem>,
    ) -> Option<&'a str> {
        let cell = self.cell(row, column);
        if cell.is_empty() && self.columns.contains_key(column) {
            problems.push(self.problem(row, column, format!("the cell is empty; {column} is needed here")));
        }
        (!cell.is_empty()).then_some(cell)
    }

    /// A code: what is stored and never shown, so it must not vary in writing.
    pub(super) fn code(
        &self,
        row: &'a Row,
        column: &str,
        problems: &mut Vec<AuthoringProblem>,
    ) -> Option<&'a str> {
        let cell = self.filled(row, column, problems)?;
        let usable = cell.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && cell.chars().all(|character| character.is_ascii_alphanumeric() || character == '_');
        if !usable {
            problems.push(
                self.problem(
                    row,
                    column,
                    "a code has letters from a to z, digits and underscores, and begins with a letter",
                )
                .suggesting(repaired(cell)),
            );
        }
        usable.then_some(cell)
    }

    /// Words in both languages, both needed.
    pub(super) fn label(&self, row: &'a Row, problems: &mut Vec<AuthoringProblem>) -> LocalText {
        let [zh, en] = LABELS.map(|column| self.filled(row, column, problems).unwrap_or_default());
        LocalText::new(zh, en)
    }
}

/// `Label::English (en)`, `label :: English(en)`: languages are compared by
/// their code, everything by its letters.
fn same_header(known: &str, header: &str) -> bool {
    fn plain(header: &str) -> String {
        let header: String = header
            .chars()
            .filter(|character| !character.is_whitespace())
            .flat_map(char::to_lowercase)
            .collect();
        match (header.split_once("::"), header.rsplit_once('(')) {
            (Some((base, _)), Some((_, code))) => format!("{base}::{}", code.trim_end_matches(')')),
            _ => header,
        }
    }
    plain(known) == plain(header)
}

/// The code that somebody may have meant: `Elder visit` → `elder_visit`.
fn repaired(cell: &str) -> Option<String> {
    let code: String = cell
        .chars()
        .map(|character| if matches!(character, ' ' | '-' | '.') { '_' } else { character })
        .filter(|character| character.is_ascii_alphanumeric() || *character == '_')
        .collect();
    (!code.is_empty() && code.starts_with(|first: char| first.is_ascii_alphabetic()))
        .then(|| format!("write \"{}\"", code.to_lowercase()))
}
