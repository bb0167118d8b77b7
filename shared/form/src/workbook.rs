//! A workbook as rows of text with their positions.
//!
//! Nothing here knows what a form is. A cell is text: numbers as people see
//! them (`3`, not `3.0`), booleans as `TRUE` and `FALSE`.

#[cfg(feature = "workbook")]
mod compound;
mod markdown;
#[cfg(feature = "workbook")]
mod unpacked;
#[cfg(feature = "workbook")]
mod xlsx;

use crate::problem::AuthoringProblem;

/// How many rows of a sheet are read; more is refused.
pub const MAX_ROWS: usize = 200_000;
/// How many columns of a sheet are read; more is refused.
pub const MAX_COLUMNS: usize = 1_000;

/// Named sheets in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Workbook {
    /// The sheets.
    pub sheets: Vec<Sheet>,
}

/// A sheet: its first non-empty row holds the headers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sheet {
    /// Name on the tab.
    pub name: String,
    /// Rows with at least one non-empty cell.
    pub rows: Vec<Row>,
}

/// One row and where it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// Number as the spreadsheet shows it: the first row is 1.
    pub number: u32,
    /// Cells from column A on; trailing empty cells may be missing.
    pub cells: Vec<String>,
}

impl Workbook {
    /// Reads an `.xlsx` file, or one in the older format `.xls`.
    ///
    /// # Errors
    /// One problem when the bytes are not such a file; one a sheet that exceeds
    /// [`MAX_ROWS`], [`MAX_COLUMNS`] or the other bounds in
    /// `docs/form-engine.md`. A file that would unpack to more is refused before.
    #[cfg(feature = "workbook")]
    pub fn read_xlsx(bytes: &[u8]) -> Result<Workbook, Vec<AuthoringProblem>> {
        xlsx::read(bytes)
    }

    /// Reads the table form in which the XLSForm community writes small forms:
    ///
    /// ```text
    /// | survey |         |      |       |
    /// |        | type    | name | label |
    /// |        | integer | age  | Age   |
    /// ```
    ///
    /// A row whose first cell is filled begins a sheet; `\|` is a bar within a
    /// cell. Lines that begin with `#`, and what follows a `#` behind the last
    /// bar, are remarks; a line of `---` is a rule. Row numbers count as if
    /// each sheet were a sheet of its own: the header row is 1.
    ///
    /// # Errors
    /// A problem for each line that is not part of a table.
    pub fn read_markdown(text: &str) -> Result<Workbook, Vec<AuthoringProblem>> {
        markdown::read(text)
    }

    /// The sheet of this name, whatever the case of its letters.
    pub fn sheet(&self, name: &str) -> Option<&Sheet> {
        self.sheets.iter().find(|sheet| sheet.name.trim().eq_ignore_ascii_case(name))
    }
}

/// The letters a spreadsheet shows above the column: 0 is `A`, 26 is `AA`.
pub fn column_letters(mut index: usize) -> String {
    let mut letters = Vec::new();
    loop {
        letters.push(b'A' + u8::try_from(index % 26).unwrap_or(0));
        if index < 26 {
            break;
        }
        index = index / 26 - 1;
    }
    letters.iter().rev().map(|&letter| char::from(letter)).collect()
}

#[cfg(test)]
mod tests {
    use super::column_letters;

    #[test]
    fn letters_follow_the_spreadsheet() {
        let letters: Vec<_> = [0, 25, 26, 51, 52, 701, 702].map(column_letters).to_vec();
        assert_eq!(letters, ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]);
    }
}
