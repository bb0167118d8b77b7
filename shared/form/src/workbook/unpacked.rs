//! Whether an `.xlsx` file can be read within bounds.
//!
//! It is a ZIP file: some bytes of it can unpack to as many as the machine has,
//! and the library that reads it keeps all shared texts, and makes room for as
//! many as the file says there are. So each part is unpacked once before, into
//! nothing, and counted.

use std::io::{Cursor, Read};

/// Most bytes of all parts together, unpacked.
const MAX_UNPACKED_BYTES: usize = 128 << 20;
/// Most elements of the part that holds the shared texts.
const MAX_TEXT_ELEMENTS: usize = 4_000_000;
/// Where the file says how many texts it shares.
const COUNT: &[u8] = b"uniqueCount";

/// # Errors
/// Why the file is not read.
pub(super) fn check(bytes: &[u8]) -> Result<(), String> {
    within(bytes, MAX_UNPACKED_BYTES, MAX_TEXT_ELEMENTS)
}

fn within(bytes: &[u8], most_bytes: usize, most_texts: usize) -> Result<(), String> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    let mut left = most_bytes;
    for number in 0..archive.len() {
        // What cannot be unpacked is told by whoever needs it.
        let Ok(mut part) = archive.by_index(number) else { continue };
        let holds_texts =
            part.name().is_ok_and(|name| name.to_ascii_lowercase().ends_with("sharedstrings.xml"));
        let mut elements = 0;
        let mut announced = Announced::default();
        let mut buffer = vec![0; 1 << 16];
        while let Ok(read @ 1..) = part.read(&mut buffer) {
            left = left.checked_sub(read).ok_or_else(|| {
                format!("it unpacks to more than {} MiB; remove what is no form from it", most_bytes >> 20)
            })?;
            for &byte in buffer.get(..read).unwrap_or_default() {
                elements += usize::from(byte == b'<');
                announced.see(byte);
            }
            let texts = if holds_texts { elements } else { 0 };
            if texts.max(announced.most) > most_texts {
                return Err("it holds too many texts; remove what is no form from it".to_owned());
            }
        }
    }
    Ok(())
}

/// The largest number behind the name of the attribute that tells how many texts
/// there are.
#[derive(Default)]
struct Announced {
    /// How much of the name was seen.
    matched: usize,
    number: usize,
    most: usize,
}

impl Announced {
    fn see(&mut self, byte: u8) {
        if self.matched < COUNT.len() {
            let begins = usize::from(COUNT.first() == Some(&byte));
            self.matched = if COUNT.get(self.matched) == Some(&byte) { self.matched + 1 } else { begins };
            self.number = 0;
        } else if byte.is_ascii_digit() {
            self.number = self.number.saturating_mul(10).saturating_add(usize::from(byte - b'0'));
            self.most = self.most.max(self.number);
        } else if self.number > 0 || !(byte.is_ascii_whitespace() || matches!(byte, b'=' | b'"' | b'\'')) {
            self.matched = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use zip::write::SimpleFileOptions;

    fn packed(parts: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in parts {
            writer.start_file(*name, SimpleFileOptions::default()).expect("a part");
            writer.write_all(content).expect("a part");
        }
        writer.finish().expect("a file").into_inner()
    }

    #[test]
    fn what_unpacks_to_too_much_is_refused() {
        let most = 2 << 20;
        let zeros = vec![0; most / 2];
        let two = packed(&[("a", &zeros), ("b", &zeros)]);
        assert!(two.len() < 1 << 14, "it is small while it is packed");
        assert_eq!(within(&two, most, 10), Ok(()));
        let more = packed(&[("a", &zeros), ("b", &zeros), ("c", b"1")]);
        assert!(within(&more, most, 10).is_err_and(|why| why.contains("2 MiB")));
    }

    #[test]
    fn too_many_texts_are_refused() {
        let texts = b"<si/>".repeat(1_001);
        assert!(within(&packed(&[("xl/SharedStrings.xml", &texts)]), 1 << 20, 1_000).is_err());
        assert_eq!(within(&packed(&[("xl/worksheets/sheet1.xml", &texts)]), 1 << 20, 1_000), Ok(()));
    }

    #[test]
    fn texts_that_are_only_announced_are_refused() {
        for text in [
            "<sst count=\"1\" uniqueCount=\"99999999999\">",
            "<sst uniqueuniqueCount = '5000000'>",
            "<sst uniqueCount=\"99999999999999999999999999\">",
        ] {
            assert!(check(&packed(&[("xl/sharedStrings.xml", text.as_bytes())])).is_err(), "{text}");
        }
        let file = packed(&[("xl/sharedStrings.xml", b"<sst uniqueCount=\"99999999999\"/>")]);
        let told = crate::Workbook::read_xlsx(&file).expect_err("too many texts");
        let told: Vec<String> = told.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "workbook: this Excel workbook is not read: it holds too many texts; remove what is no form from it"
            ]
        );
        let fine = b"<sst uniqueCount=\"12\"><si>uniqueCount, 99999999999</si></sst>";
        assert_eq!(check(&packed(&[("xl/sharedStrings.xml", fine)])), Ok(()));
    }
}
