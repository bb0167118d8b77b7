//! Files made byte by byte: one that is fine, and what people with other
//! intentions make of it.

use super::*;

const SECTOR: usize = 512;

fn record(kind: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).expect("a short record");
    [&kind.to_le_bytes()[..], &length.to_le_bytes(), data].concat()
}

fn cell(kind: u16, row: u16, column: u16, rest: &[u8]) -> Vec<u8> {
    record(kind, &[&row.to_le_bytes()[..], &column.to_le_bytes(), &[0, 0], rest].concat())
}

/// A record for a text among the shared ones.
fn shared(row: u16, column: u16, text: u32) -> Vec<u8> {
    cell(SHARED_TEXT, row, column, &text.to_le_bytes())
}

fn dimensions(rows: u32, columns: u16) -> Vec<u8> {
    let data = [&0_u32.to_le_bytes()[..], &rows.to_le_bytes(), &[0, 0], &columns.to_le_bytes(), &[0, 0]];
    record(DIMENSIONS, &data.concat())
}

/// A workbook of one sheet: what is said before it, and its records.
fn stream(globals: &[Vec<u8>], sheet: &[Vec<u8>]) -> Vec<u8> {
    let begin = record(BEGIN, &[0, 6, 5, 0, 0, 0, 0, 0]);
    let end = record(END, &[]);
    // The name of the sheet is "s".
    let bound = |at: u32| record(SHEET, &[&at.to_le_bytes()[..], &[0, 0, 1, 0, b's']].concat());
    let before = begin.len() + bound(0).len() + globals.concat().len() + end.len();
    let mut stream =
        [begin.clone(), bound(u32::try_from(before).expect("short")), globals.concat(), end.clone()].concat();
    stream.extend([begin, sheet.concat(), end].concat());
    stream
}

fn numbers_as_bytes(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// The file around a stream: header, one sector of the table of chains, one of
/// the directory, then the stream.
fn file(stream: &[u8]) -> Vec<u8> {
    let mut stream = stream.to_vec();
    // Shorter streams lie elsewhere.
    stream.resize(stream.len().max(4096).next_multiple_of(SECTOR), 0);
    let count = u32::try_from(stream.len() / SECTOR).expect("few");
    let tables = (count + 2).div_ceil(128) + 1;
    let mut header = vec![0; SECTOR];
    header[..8].copy_from_slice(&[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]);
    header[26..34].copy_from_slice(&[3, 0, 0xfe, 0xff, 9, 0, 6, 0]);
    header[44..48].copy_from_slice(&tables.to_le_bytes());
    header[48..52].copy_from_slice(&tables.to_le_bytes());
    header[68..72].copy_from_slice(&END_OF_CHAIN.to_le_bytes());
    let places: Vec<u32> = (0..109).map(|place| if place < tables { place } else { u32::MAX }).collect();
    header[76..].copy_from_slice(&numbers_as_bytes(&places));
    // The table itself, the directory, and the stream sector by sector.
    let mut table = vec![0xffff_fffd; usize::try_from(tables).expect("few")];
    table.push(END_OF_CHAIN);
    let first = tables + 1;
    table.extend((0..count).map(|place| if place + 1 < count { first + place + 1 } else { END_OF_CHAIN }));
    table.resize(usize::try_from(tables * 128).expect("few"), u32::MAX);
    let entry = |name: &str, start: u32, length: u32| {
        let mut entry = vec![0; 128];
        for (place, unit) in name.encode_utf16().enumerate() {
            entry[place * 2..place * 2 + 2].copy_from_slice(&unit.to_le_bytes());
        }
        entry[116..120].copy_from_slice(&start.to_le_bytes());
        entry[120..124].copy_from_slice(&length.to_le_bytes());
        entry
    };
    let length = u32::try_from(stream.len()).expect("short");
    let mut directory = [entry("Root Entry", END_OF_CHAIN, 0), entry("Workbook", first, length)].concat();
    directory.resize(SECTOR, 0);
    [header, numbers_as_bytes(&table), directory, stream].concat()
}

fn refused(globals: &[Vec<u8>], sheet: &[Vec<u8>], because: &str) {
    let outcome = check(&file(&stream(globals, sheet)));
    assert!(outcome.as_ref().is_err_and(|why| why.contains(because)), "{because}: {outcome:?}");
}

/// Shared texts of these lengths.
fn texts(lengths: &[u16]) -> Vec<u8> {
    let mut data = vec![0; 8];
    for length in lengths {
        data.extend(length.to_le_bytes());
        data.push(0);
        data.extend(vec![b'a'; usize::from(*length)]);
    }
    record(SHARED_TEXTS, &data)
}

#[test]
fn a_file_as_people_have_it_is_read() {
    let sheet =
        [dimensions(2, 2), shared(0, 0, 0), shared(1, 1, 1), cell(0x0203, 1, 0, &1_f64.to_le_bytes())];
    let bytes = file(&stream(&[texts(&[4, 5])], &sheet));
    assert_eq!(check(&bytes), Ok(()));
    let workbook = crate::Workbook::read_xlsx(&bytes).expect("a workbook");
    let rows: Vec<Vec<String>> = workbook.sheets[0].rows.iter().map(|row| row.cells.clone()).collect();
    assert_eq!(rows, [vec!["aaaa".to_owned()], vec!["1".to_owned(), "aaaaa".to_owned()]]);
}

#[test]
fn texts_may_go_on_in_other_records() {
    let whole = texts(&[300, 4]);
    let (first, rest) = whole[4..].split_at(100);
    // What goes on says anew how wide its characters are.
    let parts = [record(SHARED_TEXTS, first), record(CONTINUE, &[&[0], rest].concat())].concat();
    assert_eq!(check(&file(&stream(&[parts], &[shared(0, 0, 1)]))), Ok(()));
}

#[test]
fn a_table_as_large_as_its_last_cell_is_refused() {
    refused(&[], &[dimensions(u32::MAX, 256)], "cells");
    refused(&[], &[dimensions(70_000, 256)], "cells");
    let number = 1_f64.to_le_bytes();
    refused(&[], &[cell(0x0203, 0, 0, &number), cell(0x0203, u16::MAX, u16::MAX, &number)], "cells");
    // Rows that end before they begin.
    let backwards = [&9_u32.to_le_bytes()[..], &1_u32.to_le_bytes(), &[0, 0, 9, 0, 0, 0]].concat();
    refused(&[], &[record(DIMENSIONS, &backwards)], "no size");
}

#[test]
fn a_text_that_cells_repeat_counts_for_each() {
    let cells = vec![shared(0, 0, 0); MAX_CHARACTERS / 8_000 + 1];
    refused(&[texts(&[8_000])], &cells, "too much text");
    assert_eq!(check(&file(&stream(&[texts(&[8])], &cells))), Ok(()));
}

#[test]
fn formulas_are_bounded() {
    refused(&[], &vec![cell(FORMULA, 0, 0, &[0; 8_000]); 140], "formulas");
    refused(&vec![record(NAME, &[0; 8_000]); 140], &[], "formulas");
}

#[test]
fn a_sheet_listed_often_is_read_often() {
    let begin = record(BEGIN, &[0; 8]);
    let rows = vec![cell(0x0203, 0, 0, &[0; 8]); 100].concat();
    let sheets = vec![record(SHEET, &[12, 0, 0, 0, 0, 0, 0, 0]); 100].concat();
    // Each of them begins behind the first record and ends with the stream.
    let bytes = [begin, rows, sheets].concat();
    assert_eq!(Counted::default().workbook(&bytes), Ok(()));
    let mut nearly_full = Counted { records: MAX_RECORDS - 1_000, ..Counted::default() };
    assert!(nearly_full.workbook(&bytes).is_err_and(|why| why.contains("too many records")));
}

#[test]
fn chains_that_go_round_or_lead_nowhere_are_refused() {
    let fine = file(&stream(&[], &[shared(0, 0, 0)]));
    let changed = |at: usize, to: u32| {
        let mut bytes = fine.clone();
        bytes[at..at + 4].copy_from_slice(&to.to_le_bytes());
        check(&bytes)
    };
    assert_eq!(check(&fine), Ok(()));
    let tables = usize::try_from(u32_at(&fine, 44).expect("a number")).expect("few");
    // The chain of the directory, that of the stream (of which no more is read
    // than its length), and the one that goes on with the table.
    let directory = u32::try_from(tables).expect("few");
    assert!(changed(SECTOR + tables * 4, directory).is_err(), "the directory goes round");
    assert!(changed(SECTOR + (tables + 2) * 4, 77_777).is_err(), "the stream leads nowhere");
    assert!(changed(68, 0).is_err(), "the table goes on with itself");
    assert!(changed(48, 99_999).is_err(), "there is no directory");
    for length in [0, 4, 100, SECTOR, SECTOR + 10, fine.len() - 1] {
        let _ = check(&fine[..length]);
    }
    assert!(check(&vec![0xd0; MAX_BYTES + 1]).is_err_and(|why| why.contains("larger than")));
}
