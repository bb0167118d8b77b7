//! Tables in plain text, for tests and for forms in a message.

use super::{Row, Sheet, Workbook};
use crate::problem::AuthoringProblem;

pub(super) fn read(text: &str) -> Result<Workbook, Vec<AuthoringProblem>> {
    let mut workbook = Workbook::default();
    let mut problems = Vec::new();
    for (line, number) in text.lines().zip(1_u32..) {
        let line = without_remark(line.trim());
        if line.is_empty() {
            continue;
        }
        let Some(inner) = line.strip_prefix('|') else {
            problems.push(outside(number, line, "a line of a table begins with |"));
            continue;
        };
        let inner = inner.strip_suffix('|').filter(|inner| !inner.ends_with('\\')).unwrap_or(inner);
        let mut cells = split_cells(inner);
        let first = if cells.is_empty() { String::new() } else { cells.remove(0) };
        if !first.is_empty() {
            if is_ruler(&first) {
                continue;
            }
            workbook.sheets.push(Sheet { name: first, rows: Vec::new() });
        }
        if cells.iter().all(|cell| cell.is_empty() || is_ruler(cell)) {
            continue;
        }
        match workbook.sheets.last_mut() {
            None => problems.push(outside(number, line, "the first row names a sheet, such as | survey |")),
            Some(sheet) => {
                let number = u32::try_from(sheet.rows.len() + 1).unwrap_or(u32::MAX);
                sheet.rows.push(Row { number, cells });
            }
        }
    }
    if problems.is_empty() { Ok(workbook) } else { Err(problems) }
}

/// Remarks stand on a line of their own or behind the last bar.
fn without_remark(line: &str) -> &str {
    if line.starts_with('#') {
        return "";
    }
    match line.rsplit_once('|') {
        Some((table, behind)) if behind.trim_start().starts_with('#') => {
            line.get(..=table.len()).unwrap_or(line)
        }
        _ => line,
    }
}

fn outside(row: u32, line: &str, message: &str) -> AuthoringProblem {
    AuthoringProblem::error("table", message).at_row(row).finding(line)
}

/// `|` separates cells; `\|` is a bar within one.
fn split_cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters.peek() == Some(&'|') => {
                characters.next();
                if let Some(cell) = cells.last_mut() {
                    cell.push('|');
                }
            }
            '|' => cells.push(String::new()),
            other => {
                if let Some(cell) = cells.last_mut() {
                    cell.push(other);
                }
            }
        }
    }
    cells.iter().map(|cell| cell.trim().to_owned()).collect()
}

fn is_ruler(cell: &str) -> bool {
    cell.len() >= 3 && cell.chars().all(|character| matches!(character, '-' | ':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_tables_of_the_community() {
        let workbook = read(
            "
            # a remark
            | survey |      |         |
            |        | type | name    | # another
            |--------|------|---------|
            |        | text | a\\|b #1 |

            |        | note |         |
            | choices |
            |        | name |
            ",
        )
        .expect("a table");
        let rows = |sheet: usize| -> Vec<(u32, Vec<&str>)> {
            let rows = workbook.sheets.get(sheet).map_or(&[][..], |sheet| &sheet.rows);
            rows.iter().map(|row| (row.number, row.cells.iter().map(String::as_str).collect())).collect()
        };
        assert_eq!(rows(0), [(1, vec!["type", "name"]), (2, vec!["text", "a|b #1"]), (3, vec!["note", ""])]);
        assert_eq!(rows(1), [(1, vec!["name"])]);
        assert!(read("survey").is_err());
        assert!(read("| | type |").is_err());
    }
}
