//! A workbook written as tables, as the `.xlsx` that the server takes: the
//! smallest that is one, with texts in the cells and nothing compressed.

use std::fmt::Write as _;

use anyhow::{Result, anyhow};
use doorstep_form::{Workbook, column_letters};
use flate2::Crc;

const TYPES: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml";
const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";
const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";

/// The tables of `markdown` as a workbook.
///
/// # Errors
/// When the tables do not read.
pub fn xlsx(markdown: &str) -> Result<Vec<u8>> {
    let workbook = Workbook::read_markdown(markdown).map_err(|problems| anyhow!("{problems:?}"))?;
    let mut types = format!(
        "<Types xmlns=\"{PACKAGE}/content-types\">\
         <Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
         <Override PartName=\"/xl/workbook.xml\" ContentType=\"{TYPES}.sheet.main+xml\"/>"
    );
    let mut sheets = format!("<workbook xmlns=\"{MAIN}\" xmlns:r=\"{RELATIONS}\"><sheets>");
    let mut links = format!("<Relationships xmlns=\"{PACKAGE}/relationships\">");
    let mut parts = Vec::new();
    for (sheet, number) in workbook.sheets.iter().zip(1..) {
        let name = escaped(&sheet.name);
        write!(
            types,
            "<Override PartName=\"/xl/sheet{number}.xml\" ContentType=\"{TYPES}.worksheet+xml\"/>"
        )?;
        write!(sheets, "<sheet name=\"{name}\" sheetId=\"{number}\" r:id=\"r{number}\"/>")?;
        write!(
            links,
            "<Relationship Id=\"r{number}\" Type=\"{RELATIONS}/worksheet\" Target=\"sheet{number}.xml\"/>"
        )?;
        let mut text = format!("<worksheet xmlns=\"{MAIN}\"><sheetData>");
        for row in &sheet.rows {
            write!(text, "<row r=\"{}\">", row.number)?;
            for (column, cell) in row.cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
                let (letters, cell) = (column_letters(column), escaped(cell));
                write!(text, "<c r=\"{letters}{}\" t=\"inlineStr\"><is><t>{cell}</t></is></c>", row.number)?;
            }
            text.push_str("</row>");
        }
        text.push_str("</sheetData></worksheet>");
        parts.push((format!("xl/sheet{number}.xml"), text));
    }
    types.push_str("</Types>");
    sheets.push_str("</sheets></workbook>");
    links.push_str("</Relationships>");
    let root = format!(
        "<Relationships xmlns=\"{PACKAGE}/relationships\">\
         <Relationship Id=\"r\" Type=\"{RELATIONS}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
    );
    parts.push(("[Content_Types].xml".to_owned(), types));
    parts.push(("_rels/.rels".to_owned(), root));
    parts.push(("xl/workbook.xml".to_owned(), sheets));
    parts.push(("xl/_rels/workbook.xml.rels".to_owned(), links));
    zip(&parts)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// An archive that compresses nothing.
fn zip(parts: &[(String, String)]) -> Result<Vec<u8>> {
    let (mut archive, mut directory): (Vec<u8>, Vec<u8>) = (Vec::new(), Vec::new());
    for (name, text) in parts {
        let mut sum = Crc::new();
        sum.update(text.as_bytes());
        let size = u32::try_from(text.len())?.to_le_bytes();
        // Version 2.0, no flags, stored, no time.
        let mut facts: Vec<u8> = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        facts.extend(sum.sum().to_le_bytes());
        facts.extend(size);
        facts.extend(size);
        facts.extend(u16::try_from(name.len())?.to_le_bytes());
        facts.extend([0, 0]);
        let offset = u32::try_from(archive.len())?.to_le_bytes();
        archive.extend(b"PK\x03\x04");
        archive.extend(&facts);
        archive.extend(name.as_bytes());
        archive.extend(text.as_bytes());
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&facts);
        directory.extend([0; 10]);
        directory.extend(offset);
        directory.extend(name.as_bytes());
    }
    let count = u16::try_from(parts.len())?.to_le_bytes();
    let (offset, size) = (u32::try_from(archive.len())?, u32::try_from(directory.len())?);
    archive.extend(directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend(count);
    archive.extend(count);
    archive.extend(size.to_le_bytes());
    archive.extend(offset.to_le_bytes());
    archive.extend([0, 0]);
    Ok(archive)
}
