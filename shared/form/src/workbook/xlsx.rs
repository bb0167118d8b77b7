//! Spreadsheet files.

use super::{MAX_COLUMNS, MAX_ROWS, Row, Sheet, Workbook, compound, unpacked};
use crate::problem::AuthoringProblem;
use calamine::{Data, DataRef, Range, Reader, Xls, Xlsx, XlsxError};
use std::collections::BTreeMap;
use std::io::Cursor;

/// Most cells of a sheet, empty ones before the last of a row included.
const MAX_CELLS: usize = 4_000_000;

/// Most bytes of text in all cells of a sheet: a text that cells share counts
/// for each of them.
const MAX_TEXT_BYTES: usize = 64 << 20;

/// How the older format (`.xls`) begins.
const COMPOUND_FILE: [u8; 4] = [0xd0, 0xcf, 0x11, 0xe0];

/// The library that reads the file overflows on some damaged ones, where that
/// is checked; such a file is only one that cannot be read.
pub(super) fn read(bytes: &[u8]) -> Result<Workbook, Vec<AuthoringProblem>> {
    std::panic::catch_unwind(|| sheets(bytes)).unwrap_or_else(|_| {
        Err(vec![AuthoringProblem::error("workbook", "this Excel workbook is damaged; save it again")])
    })
}

fn sheets(bytes: &[u8]) -> Result<Workbook, Vec<AuthoringProblem>> {
    let refusal = |error: &dyn std::fmt::Display| {
        vec![AuthoringProblem::error(
            "workbook",
            format!("this is not an Excel workbook (.xlsx or .xls): {error}"),
        )]
    };
    let too_much = |why: String| {
        vec![AuthoringProblem::error("workbook", format!("this Excel workbook is not read: {why}"))]
    };
    if bytes.starts_with(&COMPOUND_FILE) {
        compound::check(bytes).map_err(too_much)?;
        let mut file: Xls<_> = Xls::new(Cursor::new(bytes)).map_err(|error| refusal(&error))?;
        let names = file.sheet_names();
        gather(names, |name| match file.worksheet_range(name) {
            Ok(range) => Ok(rows_of_range(&range, Dates::of(name, false))),
            Err(error) => Err(error.to_string()),
        })
    } else {
        unpacked::check(bytes).map_err(too_much)?;
        let mut file: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|error| refusal(&error))?;
        let names = file.sheet_names();
        gather(names, |name| rows(&mut file, name).map_err(|error| error.to_string()))
    }
}

/// The sheets of these names; `read` gives nothing for one that is too large.
fn gather(
    names: Vec<String>,
    mut read: impl FnMut(&str) -> Result<Option<Vec<Row>>, String>,
) -> Result<Workbook, Vec<AuthoringProblem>> {
    let mut workbook = Workbook::default();
    let mut problems = Vec::new();
    for name in names {
        match read(&name) {
            Ok(Some(rows)) => workbook.sheets.push(Sheet { name, rows }),
            Ok(None) => problems.push(AuthoringProblem::error(
                &name,
                format!(
                    "the sheet is too large; at most {MAX_ROWS} rows, {MAX_COLUMNS} columns, {MAX_CELLS} cells and {} MiB of text are read",
                    MAX_TEXT_BYTES >> 20
                ),
            )),
            Err(error) => {
                problems.push(AuthoringProblem::error(&name, format!("the sheet cannot be read: {error}")));
            }
        }
    }
    if problems.is_empty() { Ok(workbook) } else { Err(problems) }
}

/// The older format has at most 65,536 rows of 256 cells.
fn rows_of_range(range: &Range<Data>, dates: Dates) -> Option<Vec<Row>> {
    let (first_row, first_column) = range.start().unwrap_or((0, 0));
    let (height, width) = range.get_size();
    let indent = usize::try_from(first_column).unwrap_or(MAX_COLUMNS);
    if height > MAX_ROWS || width + indent > MAX_COLUMNS {
        return None;
    }
    let mut rows = Vec::new();
    for (cells, number) in range.rows().zip(first_row.saturating_add(1)..) {
        let mut texts = vec![String::new(); indent];
        texts.extend(cells.iter().map(|cell| cell_text(&lent(cell), dates)));
        while texts.last().is_some_and(String::is_empty) {
            texts.pop();
        }
        if !texts.is_empty() {
            rows.push(Row { number, cells: texts });
        }
    }
    Some(rows)
}

/// The rows with text in them; nothing when there are too many. Cell by cell:
/// a file of some bytes can name the last cell of the largest sheet.
fn rows(file: &mut Xlsx<Cursor<&[u8]>>, name: &str) -> Result<Option<Vec<Row>>, XlsxError> {
    let mut cells = file.worksheet_cells_reader(name)?;
    let mut rows: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    let mut left = MAX_CELLS;
    let mut left_bytes = MAX_TEXT_BYTES;
    let dates = Dates::of(name, true);
    while let Some(cell) = cells.next_cell()? {
        let text = cell_text(cell.get_value(), dates);
        if text.is_empty() {
            continue;
        }
        match left_bytes.checked_sub(text.len()) {
            None => return Ok(None),
            Some(fewer) => left_bytes = fewer,
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

fn lent(cell: &Data) -> DataRef<'_> {
    match cell {
        Data::Empty => DataRef::Empty,
        Data::String(text) => DataRef::SharedString(text),
        Data::Float(number) => DataRef::Float(*number),
        Data::Int(number) => DataRef::Int(*number),
        Data::Bool(value) => DataRef::Bool(*value),
        Data::DateTime(moment) => DataRef::DateTime(*moment),
        Data::DateTimeIso(text) | Data::DurationIso(text) => DataRef::SharedString(text),
        Data::Error(error) => DataRef::Error(error.clone()),
    }
}

fn cell_text(cell: &DataRef<'_>, dates: Dates) -> String {
    match cell {
        DataRef::Empty => String::new(),
        DataRef::SharedString(text) => text.trim().to_owned(),
        DataRef::String(text) => text.trim().to_owned(),
        DataRef::Float(number) => crate::expr::number_text(*number),
        DataRef::Int(number) => number.to_string(),
        DataRef::Bool(value) => if *value { "TRUE" } else { "FALSE" }.to_owned(),
        DataRef::DateTime(moment) => date_text(moment, dates),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::Error(error) => error.to_string(),
    }
}

/// How cells formatted as dates become text.
#[derive(Clone, Copy)]
struct Dates {
    /// In the form of XML Schema, since questions may have them as values.
    /// Settings are names: of these, every client must make the same as pyxform.
    values: bool,
    /// Down to the millisecond; in the older format, to the second (pyxform).
    milliseconds: bool,
}

impl Dates {
    fn of(sheet: &str, milliseconds: bool) -> Dates {
        Dates { values: !sheet.trim().eq_ignore_ascii_case("settings"), milliseconds }
    }
}

/// Days between the two calendars of spreadsheets.
const CALENDARS: f64 = 1462.0;

/// A cell formatted as a date holds days since 1899-12-30, or in workbooks that
/// say so since 1904-01-01.
fn date_text(moment: &calamine::ExcelDateTime, dates: Dates) -> String {
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
    let unit = if dates.milliseconds { 1.0 } else { 1_000.0 };
    let milliseconds = (serial * 86_400_000.0 / unit).round() * unit;
    #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
    let duration = chrono::Duration::milliseconds(milliseconds as i64);
    // A fraction of no milliseconds is not written.
    let patterns = match (dates.values, milliseconds % 1_000.0 == 0.0) {
        (true, true) => ("%H:%M:%S", "%Y-%m-%dT%H:%M:%S"),
        (true, false) => ("%H:%M:%S%.3f", "%Y-%m-%dT%H:%M:%S%.3f"),
        (false, true) => ("%H:%M:%S", "%Y-%m-%d %H:%M:%S"),
        (false, false) => ("%H:%M:%S%.6f", "%Y-%m-%d %H:%M:%S%.6f"),
    };
    match epoch.and_time(chrono::NaiveTime::MIN).checked_add_signed(duration) {
        None => crate::expr::number_text(serial),
        Some(time) if serial < 1.0 && serial.fract() != 0.0 => time.format(patterns.0).to_string(),
        Some(date) if dates.values && serial.fract() == 0.0 => date.format("%Y-%m-%d").to_string(),
        Some(moment) => moment.format(patterns.1).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use calamine::{ExcelDateTime, ExcelDateTimeType};

    /// 16:26:28.971 on 2022-04-11, as a spreadsheet keeps it.
    const MOMENT: f64 = 44_662.685_057_534_72;

    fn text(sheet: &str, milliseconds: bool, serial: f64) -> String {
        let moment = ExcelDateTime::new(serial, ExcelDateTimeType::DateTime, false);
        cell_text(&DataRef::DateTime(moment), Dates::of(sheet, milliseconds))
    }

    #[test]
    fn dates_are_values_of_questions_and_names_of_forms() {
        assert_eq!(text("survey", true, MOMENT), "2022-04-11T16:26:28.971");
        assert_eq!(text("survey", false, MOMENT), "2022-04-11T16:26:29");
        assert_eq!(text("choices", true, 44662.0), "2022-04-11");
        assert_eq!(text("survey", true, 0.75), "18:00:00");
        // A version has to be the same for every client (pyxform).
        assert_eq!(text("settings", true, MOMENT), "2022-04-11 16:26:28.971000");
        assert_eq!(text(" Settings", false, MOMENT), "2022-04-11 16:26:29");
        assert_eq!(text("settings", true, 44662.0), "2022-04-11 00:00:00");
        assert_eq!(text("settings", true, 0.75), "18:00:00");
    }
}
