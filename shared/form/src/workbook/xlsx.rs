//! Spreadsheet files.

use super::{MAX_COLUMNS, MAX_ROWS, Row, Sheet, Workbook};
use crate::problem::AuthoringProblem;
use calamine::{DataRef, Reader, Xlsx, XlsxError};
use std::collections::BTreeMap;
use std::io::Cursor;

/// Most cells of a sheet, empty ones before the last of a row included.
const MAX_CELLS: usize = 4_000_000;

pub(super) fn read(bytes: &[u8]) -> Result<Workbook, Vec<AuthoringProblem>> {
    let mut file: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|error| {
        vec![AuthoringProblem::error("workbook", format!("this is not an Excel workbook (.xlsx): {error}"))]
    })?;
    let mut workbook = Workbook::default();
    let mut problems = Vec::new();
    for name in file.sheet_names() {
        match rows(&mut file, &name) {
            Ok(Some(rows)) => workbook.sheets.push(Sheet { name, rows }),
            Ok(None) => problems.push(AuthoringProblem::error(
                &name,
                format!(
                    "the sheet is too large; at most {MAX_ROWS} rows, {MAX_COLUMNS} columns and {MAX_CELLS} cells are read"
                ),
            )),
            Err(error) => {
                problems.push(AuthoringProblem::error(&name, format!("the sheet cannot be read: {error}")));
            }
        }
    }
    if problems.is_empty() { Ok(workbook) } else { Err(problems) }
}

/// The rows with text in them; nothing when there are too many. Cell by cell:
/// a file of some bytes can name the last cell of the largest sheet.
fn rows(file: &mut Xlsx<Cursor<&[u8]>>, name: &str) -> Result<Option<Vec<Row>>, XlsxError> {
    let mut cells = file.worksheet_cells_reader(name)?;
    let mut rows: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    let mut left = MAX_CELLS;
    while let Some(cell) = cells.next_cell()? {
        let text = cell_text(cell.get_value());
        if text.is_empty() {
            continue;
        }
        let (row, column) = cell.get_position();
        let column = usize::try_from(column).unwrap_or(usize::MAX);
        if usize::try_from(row).unwrap_or(usize::MAX) >= MAX_ROWS || column >= MAX_COLUMNS {
            return Ok(None);
        }
        let texts = rows.entry(row).or_default();
        if texts.len() <= column {
            match left.checked_sub(column + 1 - texts.len()) {
                None => return Ok(None),
                Some(fewer) => left = fewer,
            }
            texts.resize(column + 1, String::new());
        }
        if let Some(place) = texts.get_mut(column) {
            *place = text;
        }
    }
    Ok(Some(rows.into_iter().map(|(row, cells)| Row { number: row + 1, cells }).collect()))
}

fn cell_text(cell: &DataRef<'_>) -> String {
    match cell {
        DataRef::Empty => String::new(),
        DataRef::SharedString(text) => text.trim().to_owned(),
        DataRef::String(text) => text.trim().to_owned(),
        DataRef::Float(number) => crate::expr::number_text(*number),
        DataRef::Int(number) => number.to_string(),
        DataRef::Bool(value) => if *value { "TRUE" } else { "FALSE" }.to_owned(),
        DataRef::DateTime(moment) => date_text(moment),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::Error(error) => error.to_string(),
    }
}

/// A cell formatted as a date holds days since 1899-12-30.
fn date_text(moment: &calamine::ExcelDateTime) -> String {
    let serial = moment.as_f64();
    let epoch = chrono::NaiveDate::from_ymd_opt(1899, 12, 30).unwrap_or_default();
    let milliseconds = (serial * 86_400_000.0).round();
    if !milliseconds.is_finite() || milliseconds.abs() > 1e15 {
        return crate::expr::number_text(serial);
    }
    #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
    let duration = chrono::Duration::milliseconds(milliseconds as i64);
    match epoch.and_time(chrono::NaiveTime::MIN).checked_add_signed(duration) {
        None => crate::expr::number_text(serial),
        Some(date) if serial.fract() == 0.0 => date.format("%Y-%m-%d").to_string(),
        Some(date) if serial < 1.0 => date.format("%H:%M:%S").to_string(),
        Some(date) => date.format("%Y-%m-%dT%H:%M:%S").to_string(),
    }
}
