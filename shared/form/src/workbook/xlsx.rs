//! Spreadsheet files.

use super::{MAX_COLUMNS, MAX_ROWS, Row, Sheet, Workbook};
use crate::problem::AuthoringProblem;
use calamine::{Data, Reader, Xls, Xlsx};
use std::io::Cursor;

/// How the older format (`.xls`) begins.
const COMPOUND_FILE: [u8; 4] = [0xd0, 0xcf, 0x11, 0xe0];

pub(super) fn read(bytes: &[u8]) -> Result<Workbook, Vec<AuthoringProblem>> {
    let refusal = |error: &dyn std::fmt::Display| {
        vec![AuthoringProblem::error(
            "workbook",
            format!("this is not an Excel workbook (.xlsx or .xls): {error}"),
        )]
    };
    if bytes.starts_with(&COMPOUND_FILE) {
        sheets(Xls::new(Cursor::new(bytes)).map_err(|error| refusal(&error))?)
    } else {
        sheets(Xlsx::new(Cursor::new(bytes)).map_err(|error| refusal(&error))?)
    }
}

fn sheets<'a, R: Reader<Cursor<&'a [u8]>>>(mut file: R) -> Result<Workbook, Vec<AuthoringProblem>> {
    let mut workbook = Workbook::default();
    let mut problems = Vec::new();
    for name in file.sheet_names() {
        match file.worksheet_range(&name) {
            Err(error) => {
                problems.push(AuthoringProblem::error(&name, format!("the sheet cannot be read: {error:?}")))
            }
            Ok(range) => {
                let (height, width) = range.get_size();
                if height > MAX_ROWS || width > MAX_COLUMNS {
                    problems.push(AuthoringProblem::error(
                        &name,
                        format!(
                            "the sheet has {height} rows and {width} columns; at most {MAX_ROWS} rows and {MAX_COLUMNS} columns are read"
                        ),
                    ));
                    continue;
                }
                workbook.sheets.push(sheet_from_range(name, &range));
            }
        }
    }
    if problems.is_empty() { Ok(workbook) } else { Err(problems) }
}

fn sheet_from_range(name: String, range: &calamine::Range<Data>) -> Sheet {
    let (first_row, first_column) = range.start().unwrap_or((0, 0));
    let indent = usize::try_from(first_column).unwrap_or(0);
    let mut rows = Vec::new();
    for (cells, number) in range.rows().zip(first_row.saturating_add(1)..) {
        let mut texts = vec![String::new(); indent];
        texts.extend(cells.iter().map(cell_text));
        while texts.last().is_some_and(String::is_empty) {
            texts.pop();
        }
        if !texts.is_empty() {
            rows.push(Row { number, cells: texts });
        }
    }
    Sheet { name, rows }
}

fn cell_text(cell: &Data) -> String {
    match cell {
        Data::Empty => String::new(),
        Data::String(text) => text.trim().to_owned(),
        Data::Float(number) => crate::expr::number_text(*number),
        Data::Int(number) => number.to_string(),
        Data::Bool(value) => if *value { "TRUE" } else { "FALSE" }.to_owned(),
        Data::DateTime(moment) => date_text(moment),
        Data::DateTimeIso(text) | Data::DurationIso(text) => text.clone(),
        Data::Error(error) => error.to_string(),
    }
}

/// Days between the two calendars of spreadsheets.
const CALENDARS: f64 = 1462.0;

/// A cell formatted as a date holds days since 1899-12-30, or in workbooks that
/// say so since 1904-01-01.
fn date_text(moment: &calamine::ExcelDateTime) -> String {
    let mut serial = moment.as_f64();
    let epoch = chrono::NaiveDate::from_ymd_opt(1899, 12, 30).unwrap_or_default();
    let milliseconds = (serial * 86_400_000.0).round();
    if !milliseconds.is_finite() || milliseconds.abs() > 1e15 {
        return crate::expr::number_text(serial);
    }
    // What lies between the years 1900 and 9999 the library can read.
    if (60.0..2_950_000.0).contains(&serial) {
        let years = serial / 365.2425 + 1899.99;
        let (year, ..) = moment.to_ymd_hms_milli();
        if f64::from(year) > years + 2.0 {
            serial += CALENDARS;
        }
    }
    let milliseconds = (serial * 86_400_000.0).round();
    #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
    let duration = chrono::Duration::milliseconds(milliseconds as i64);
    match epoch.and_time(chrono::NaiveTime::MIN).checked_add_signed(duration) {
        None => crate::expr::number_text(serial),
        Some(date) if serial.fract() == 0.0 => date.format("%Y-%m-%d").to_string(),
        Some(date) if serial < 1.0 => date.format("%H:%M:%S").to_string(),
        Some(date) => date.format("%Y-%m-%dT%H:%M:%S").to_string(),
    }
}
