//! Lists that come as files: selects from files, rows that only name a file,
//! and the function `pulldata`.

use super::survey::Reader;
use super::table::Table;
use crate::form::{Choice, External};
use crate::problem::AuthoringProblem;
use crate::workbook::Row;
use std::collections::BTreeMap;

#[derive(Default)]
pub(super) struct Externals {
    pub(super) found: Vec<External>,
    /// Row in which a `csv-external` or `xml-external` names the list.
    named: BTreeMap<String, u32>,
}

impl Externals {
    /// A file that some row asks for; several rows may ask for the same.
    pub(super) fn add(&mut self, reader: &mut Reader<'_>, row: &Row, name: &str, file: &str) {
        if let Some(problem) = self.note(reader.table, row, "type", name, file) {
            reader.problems.push(problem);
        }
    }

    /// A row that only names a file; no two have the same name.
    pub(super) fn add_named(&mut self, reader: &mut Reader<'_>, row: &Row, name: &str, file: &str) {
        if let Some(first) = self.named.insert(name.to_owned(), row.number) {
            reader.error(row, "name", format!("the list \"{name}\" is named in row {first} already"));
            return;
        }
        self.add(reader, row, name, file);
    }

    fn note(
        &mut self,
        table: &Table,
        row: &Row,
        column: &str,
        name: &str,
        file: &str,
    ) -> Option<AuthoringProblem> {
        match self.found.iter().find(|external| external.name == name) {
            Some(other) if other.file != file => Some(table.problem(
                row,
                column,
                format!(
                    "\"{file}\" and \"{}\" in row {} would be the same list \"{name}\"",
                    other.file, other.row
                ),
            )),
            Some(_) => None,
            None => {
                self.found.push(External { name: name.to_owned(), file: file.to_owned(), row: row.number });
                None
            }
        }
    }

    /// The files that `pulldata('file', …)` reads.
    pub(super) fn add_pulldata(&mut self, table: &Table, problems: &mut Vec<AuthoringProblem>) {
        let columns =
            ["calculation", "constraint", "read_only", "required", "relevant", "choice_filter", "default"];
        for row in &table.rows {
            if !row.cells.iter().any(|cell| cell.contains("pulldata")) {
                continue;
            }
            for column in columns {
                for name in pulldata_names(table.cell(row, column)) {
                    problems.extend(self.note(table, row, column, name, &format!("{name}.csv")));
                }
            }
        }
    }

    /// No list of the workbook has the name of a file.
    pub(super) fn check_against(
        &self,
        lists: &BTreeMap<String, Vec<Choice>>,
        table: &Table,
        problems: &mut Vec<AuthoringProblem>,
    ) {
        for external in self.found.iter().filter(|external| lists.contains_key(&external.name)) {
            let (letters, header) = table.place("type");
            problems.push(
                AuthoringProblem::error(
                    &table.sheet,
                    format!(
                        "the list \"{}\" of the choices sheet and the file \"{}\" have the same name",
                        external.name, external.file
                    ),
                )
                .at_row(external.row)
                .at_column(&letters, &header)
                .finding(&external.file)
                .suggesting(Some("rename the list".to_owned())),
            );
        }
    }
}

/// First arguments of `pulldata`, where they are texts.
fn pulldata_names(expression: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for (at, word) in expression.match_indices("pulldata") {
        let behind = expression.get(at + word.len()..).unwrap_or_default().trim_start();
        let Some(behind) = behind.strip_prefix('(').map(str::trim_start) else { continue };
        for quote in ['\'', '"', '‘', '’', '“', '”'] {
            if let Some(text) = behind.strip_prefix(quote) {
                let end = text.find(['\'', '"', '‘', '’', '“', '”']).unwrap_or(0);
                names.extend(text.get(..end).map(str::trim).filter(|name| !name.is_empty()));
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::pulldata_names;

    #[test]
    fn finds_the_files_of_pulldata() {
        let expression =
            "if(pulldata('a', 'x', 'k', ${k}) = 1, pulldata( \"b\", 'x', 'k', 1), pulldata(${c}, 1))";
        assert_eq!(pulldata_names(expression), ["a", "b"]);
    }
}
