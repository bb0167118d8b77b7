//! A sheet as a table with headers, and the languages its headers name.

use crate::form::{Text, Words};
use crate::problem::{AuthoringProblem, did_you_mean};
use crate::workbook::{Row, Sheet, column_letters};
use std::collections::BTreeMap;

/// The languages of a form, numbered as they turn up; the default language is
/// number 0.
pub(super) struct Languages {
    names: Vec<String>,
    /// No column has named the default language yet.
    default_unseen: bool,
}

/// What a form without languages calls its only one.
const UNNAMED: &str = "default";

impl Languages {
    pub(super) fn new(default_language: &str) -> Self {
        let name = if default_language.is_empty() { UNNAMED } else { default_language };
        Self { names: vec![name.to_owned()], default_unseen: true }
    }

    /// Number of the language of a header; an empty name means the default.
    fn number(&mut self, name: &str) -> usize {
        if name.is_empty() {
            self.default_unseen = false;
            return 0;
        }
        if let Some(number) = self.names.iter().position(|known| known == name) {
            self.default_unseen &= number != 0;
            return number;
        }
        // Without a default in the settings, the first named language is it.
        if self.default_unseen && self.names.len() == 1 && self.names.iter().all(|known| known == UNNAMED) {
            self.names = vec![name.to_owned()];
            self.default_unseen = false;
            return 0;
        }
        self.names.push(name.to_owned());
        self.names.len() - 1
    }

    pub(super) fn into_names(self) -> Vec<String> {
        self.names
    }
}

/// A header understood: which column of the specification, in which language.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Column {
    /// Header as the author wrote it.
    header: String,
    /// Base name in lower case, without language: `label`.
    base: String,
    /// Number of the language, for translated columns.
    language: Option<usize>,
}

/// Columns that exist in several languages.
const TRANSLATED: [&str; 9] = [
    "label",
    "hint",
    "guidance_hint",
    "constraint_message",
    "required_message",
    "image",
    "audio",
    "video",
    "big-image",
];

/// Other spellings that XLSForm allows.
const ALIASES: [(&str, &str); 20] = [
    ("caption", "label"),
    ("command", "type"),
    ("tag", "name"),
    ("value", "name"),
    ("list name", "list_name"),
    ("relevance", "relevant"),
    ("readonly", "read_only"),
    ("read only", "read_only"),
    ("calculate", "calculation"),
    ("constraint message", "constraint_message"),
    ("constraining message", "constraint_message"),
    ("required message", "required_message"),
    ("repeat count", "repeat_count"),
    ("jr:count", "repeat_count"),
    ("noapperrorstring", "constraint_message"),
    ("choice filter", "choice_filter"),
    ("title", "form_title"),
    ("id_string", "form_id"),
    ("set form title", "form_title"),
    ("set form id", "form_id"),
];

/// A sheet below its headers.
pub(super) struct Table<'a> {
    pub(super) sheet: &'a str,
    columns: Vec<Option<Column>>,
    pub(super) rows: &'a [Row],
}

impl<'a> Table<'a> {
    /// `own_columns` says whether headers that mean nothing to XLSForm are the
    /// author's own data (choices) or probably a mistake.
    pub(super) fn new(
        sheet: &'a Sheet,
        name: &'a str,
        known: &[&str],
        languages: &mut Languages,
        problems: &mut Vec<AuthoringProblem>,
    ) -> Option<Table<'a>> {
        let (headers, rows) = sheet.rows.split_first()?;
        let mut columns: Vec<Option<Column>> = Vec::new();
        for (index, written) in headers.cells.iter().enumerate() {
            if written.trim().is_empty() {
                columns.push(None);
                continue;
            }
            let column = understand(written, known, languages);
            let twin = columns
                .iter()
                .flatten()
                .any(|other| other.base == column.base && other.language == column.language);
            if twin {
                problems.push(
                    AuthoringProblem::error(name, format!("the column \"{written}\" is there twice"))
                        .at_row(headers.number)
                        .at_column(&column_letters(index), written)
                        .finding(written),
                );
            }
            columns.push(Some(column));
        }
        Some(Table { sheet: name, columns, rows })
    }

    /// Base names of the columns with their numbers.
    pub(super) fn bases(&self) -> impl Iterator<Item = (usize, &str)> {
        self.columns
            .iter()
            .enumerate()
            .filter_map(|(index, column)| Some((index, column.as_ref()?.base.as_str())))
    }

    pub(super) fn has(&self, base: &str) -> bool {
        self.bases().any(|(_, found)| found == base)
    }

    /// The cell of this column without surrounding space; empty when missing.
    pub(super) fn cell(&self, row: &'a Row, base: &str) -> &'a str {
        self.columns
            .iter()
            .zip(&row.cells)
            .find(|(column, _)| column.as_ref().is_some_and(|column| column.base == base))
            .map_or("", |(_, cell)| cell.trim())
    }

    /// The cells of this column in all languages.
    pub(super) fn text(&self, row: &Row, base: &str) -> Text {
        let mut texts: Vec<Words> = Vec::new();
        for (column, cell) in self.columns.iter().zip(&row.cells) {
            let Some(column) = column.as_ref().filter(|column| column.base == base) else {
                continue;
            };
            let cell = cell.trim();
            if cell.is_empty() {
                continue;
            }
            let language = column.language.unwrap_or(0);
            if texts.len() <= language {
                texts.resize(language + 1, Words::default());
            }
            if let Some(text) = texts.get_mut(language) {
                *text = Words::written(cell);
            }
        }
        Text(texts)
    }

    /// A problem with the cell of this column.
    pub(super) fn problem(&self, row: &Row, base: &str, message: impl Into<String>) -> AuthoringProblem {
        let place = self.columns.iter().enumerate().find_map(|(index, column)| {
            column.as_ref().filter(|column| column.base == base).map(|column| (index, column.header.as_str()))
        });
        let problem = AuthoringProblem::error(self.sheet, message).at_row(row.number);
        match place {
            Some((index, header)) => problem
                .at_column(&column_letters(index), header)
                .finding(row.cells.get(index).map_or("", |cell| cell.trim())),
            None => problem.at_column("", base),
        }
    }

    /// Header → letters, under the names by which [`Form`](crate::Form) looks
    /// them up: `relevant`, and `label::English (en)` for translated ones.
    pub(super) fn letters(&self, languages: &Languages) -> BTreeMap<String, String> {
        let mut letters = BTreeMap::new();
        for (index, column) in self.columns.iter().enumerate() {
            let Some(column) = column else { continue };
            let key = match column.language.and_then(|number| languages.names.get(number)) {
                Some(language) => format!("{}::{language}", column.base),
                None => column.base.clone(),
            };
            letters.insert(key, column_letters(index));
        }
        letters
    }

    /// Refuses columns that are filled and mean something the engine does not
    /// do, and warns about headers that mean nothing.
    pub(super) fn check_columns(
        &self,
        known: &[&str],
        unsupported: &[&str],
        harmless: &[&str],
        problems: &mut Vec<AuthoringProblem>,
    ) {
        for (index, column) in self.columns.iter().enumerate() {
            let Some(column) = column else { continue };
            let base = column.base.as_str();
            if known.contains(&base) || harmless.contains(&base) {
                continue;
            }
            let prefix = base.split(':').next().unwrap_or_default();
            if unsupported.contains(&base) || unsupported.contains(&prefix) {
                for row in self.rows {
                    let cell = row.cells.get(index).map_or("", |cell| cell.trim());
                    if !cell.is_empty() {
                        problems.push(
                            AuthoringProblem::error(
                                self.sheet,
                                format!("the column \"{}\" is not supported yet", column.header),
                            )
                            .at_row(row.number)
                            .at_column(&column_letters(index), &column.header)
                            .finding(cell),
                        );
                    }
                }
            } else {
                let mut problem = AuthoringProblem::warning(
                    self.sheet,
                    format!("the column \"{}\" means nothing to XLSForm and is not read", column.header),
                );
                problem.row = Some(1);
                problems.push(
                    problem
                        .at_column(&column_letters(index), &column.header)
                        .finding(&column.header)
                        .suggesting(did_you_mean(base, known.iter().copied())),
                );
            }
        }
    }
}

/// `label::English (en)`, `Label : English`, `media::image::中文`, `body::accuracyThreshold`.
fn understand(written: &str, known: &[&str], languages: &mut Languages) -> Column {
    let header = written.trim().to_owned();
    let (first, rest) = match header.split_once("::") {
        Some((first, rest)) => (first, Some(rest)),
        // One colon separates a language only behind a column that has them.
        None => match header.split_once(':') {
            Some((first, rest)) if TRANSLATED.contains(&first.trim().to_lowercase().as_str()) => {
                (first, Some(rest))
            }
            _ => (header.as_str(), None),
        },
    };
    let (first, rest) = match (first.trim().eq_ignore_ascii_case("media"), rest) {
        (true, Some(rest)) => match rest.split_once("::") {
            Some((kind, language)) => (kind, Some(language)),
            None => (rest, None),
        },
        _ => (first, rest),
    };
    let mut base = first.trim().to_lowercase();
    if let Some((_, name)) =
        ALIASES.iter().find(|(alias, name)| *alias == base && !known.contains(alias) && known.contains(name))
    {
        base = (*name).to_owned();
    }
    if TRANSLATED.contains(&base.as_str()) {
        let language = languages.number(rest.unwrap_or_default().trim());
        return Column { header, base, language: Some(language) };
    }
    if rest.is_some() {
        base = header.to_lowercase();
    } else if !known.contains(&base.as_str()) {
        // An author's own column keeps its capitals: filters refer to it.
        base = header.clone();
    }
    Column { header, base, language: None }
}
