//! When and where a picture says that it was taken (EXIF 2.32): read before the
//! picture is made anew, which drops it. Anybody can write anything there; it is
//! a word to compare with, not a proof.

use chrono::{DateTime, FixedOffset, NaiveDateTime};
use doorstep_core::submission::Spot;

const EXIF_DIRECTORY: u16 = 0x8769;
const GPS_DIRECTORY: u16 = 0x8825;
const DATE_TIME: u16 = 0x0132;
const DATE_TIME_ORIGINAL: u16 = 0x9003;
const OFFSET_TIME_ORIGINAL: u16 = 0x9011;
const LATITUDE_SIGN: u16 = 1;
const LATITUDE: u16 = 2;
const LONGITUDE_SIGN: u16 = 3;
const LONGITUDE: u16 = 4;
/// No writer has more in a directory.
const ENTRIES_MAX: usize = 512;

/// What a picture says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Said {
    pub(super) taken_at: Option<DateTime<FixedOffset>>,
    pub(super) taken_where: Option<Spot>,
}

/// Reads the EXIF segment at the start of a JPEG. A time without a zone is one
/// of `here`, the phone's own.
pub(super) fn said(start: &[u8], here: FixedOffset) -> Said {
    segment(start).and_then(|tiff| Tiff::of(tiff)?.said(here)).unwrap_or_default()
}

/// The TIFF data of the first EXIF segment.
fn segment(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes.strip_prefix(&[0xff, 0xd8])?;
    loop {
        let [0xff, marker, after @ ..] = rest else { return None };
        if matches!(marker, 0xda | 0xd9) {
            return None;
        }
        let length = usize::from(u16::from_be_bytes(after.get(..2)?.try_into().ok()?));
        let content = after.get(2..length)?;
        if *marker == 0xe1
            && let Some(tiff) = content.strip_prefix(b"Exif\0\0")
        {
            return Some(tiff);
        }
        rest = after.get(length..)?;
    }
}

struct Tiff<'a> {
    bytes: &'a [u8],
    little_endian: bool,
}

/// A line of a directory: what its value is, how many, and where.
struct Field {
    kind: u16,
    count: usize,
    at: usize,
}

impl<'a> Tiff<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        match bytes.get(..2)? {
            b"II" => Some(Self { bytes, little_endian: true }),
            b"MM" => Some(Self { bytes, little_endian: false }),
            _ => None,
        }
    }

    fn short(&self, at: usize) -> Option<u16> {
        let two = self.bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if self.little_endian { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) })
    }

    fn long(&self, at: usize) -> Option<u32> {
        let four = self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.little_endian { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) })
    }

    fn place(&self, at: usize) -> Option<usize> {
        usize::try_from(self.long(at)?).ok()
    }

    fn field(&self, directory: usize, tag: u16) -> Option<Field> {
        let entries = usize::from(self.short(directory)?).min(ENTRIES_MAX);
        let mut places = (0..entries).map(|index| directory + 2 + index * 12);
        let at = places.find(|at| self.short(*at) == Some(tag))?;
        let (kind, count) = (self.short(at + 2)?, self.place(at + 4)?);
        let size = match kind {
            5 | 10 => 8,
            3 => 2,
            4 | 9 => 4,
            _ => 1,
        };
        // What fits into four bytes stands in the line itself.
        let at = if count.checked_mul(size)? <= 4 { at + 8 } else { self.place(at + 8)? };
        Some(Field { kind, count, at })
    }

    fn text(&self, directory: usize, tag: u16) -> Option<&str> {
        let field = self.field(directory, tag)?;
        let bytes = self.bytes.get(field.at..field.at.checked_add(field.count)?)?;
        let text = std::str::from_utf8(bytes).ok()?.trim_end_matches('\0').trim();
        (field.kind == 2 && !text.is_empty()).then_some(text)
    }

    /// Degrees, minutes and seconds as degrees.
    fn degrees(&self, directory: usize, tag: u16) -> Option<f64> {
        let field = self.field(directory, tag)?;
        if field.kind != 5 || field.count != 3 {
            return None;
        }
        let part = |index: usize| {
            let at = field.at.checked_add(index * 8)?;
            let (above, below) = (self.long(at)?, self.long(at + 4)?);
            (below > 0).then(|| f64::from(above) / f64::from(below))
        };
        Some(part(0)? + part(1)? / 60.0 + part(2)? / 3600.0)
    }

    fn said(&self, here: FixedOffset) -> Option<Said> {
        let root = self.place(4)?;
        let directory = |tag| self.field(root, tag).and_then(|field| self.place(field.at));
        let exif = directory(EXIF_DIRECTORY);
        let taken = exif.and_then(|exif| self.text(exif, DATE_TIME_ORIGINAL));
        let taken = taken.or_else(|| self.text(root, DATE_TIME));
        let zone = exif.and_then(|exif| self.text(exif, OFFSET_TIME_ORIGINAL));
        let zone = zone.and_then(|zone| zone.parse().ok()).unwrap_or(here);
        let taken_at = taken
            .and_then(|text| NaiveDateTime::parse_from_str(text, "%Y:%m:%d %H:%M:%S").ok())
            .and_then(|at| at.and_local_timezone(zone).single());
        let spot = |gps| {
            let signed = |degrees: f64, sign, negative| {
                if self.text(gps, sign) == Some(negative) { -degrees } else { degrees }
            };
            let latitude = signed(self.degrees(gps, LATITUDE)?, LATITUDE_SIGN, "S");
            let longitude = signed(self.degrees(gps, LONGITUDE)?, LONGITUDE_SIGN, "W");
            let somewhere = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
            // Cameras without a fix write zeros.
            let measured = latitude != 0.0 || longitude != 0.0;
            (somewhere && measured)
                .then_some(Spot { latitude_degrees: latitude, longitude_degrees: longitude })
        };
        Some(Said { taken_at, taken_where: directory(GPS_DIRECTORY).and_then(spot) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHINA: i32 = 8 * 3600;

    fn here() -> FixedOffset {
        FixedOffset::east_opt(CHINA).expect("a zone of the earth")
    }

    /// A JPEG whose EXIF says 2026-11-23 09:30 at 30.5 N, 120.25 W.
    fn picture(little_endian: bool, zone: Option<&str>) -> Vec<u8> {
        let two = |value: u16| if little_endian { value.to_le_bytes() } else { value.to_be_bytes() };
        let four = |value: u32| if little_endian { value.to_le_bytes() } else { value.to_be_bytes() };
        let line = |tag: u16, kind: u16, count: u32, value: [u8; 4]| {
            [two(tag).as_slice(), &two(kind), &four(count), &value].concat()
        };
        let directory = |lines: &[Vec<u8>]| {
            [two(u16::try_from(lines.len()).unwrap_or(0)).to_vec(), lines.concat(), vec![0; 4]].concat()
        };
        // Root at 8 (30 bytes), EXIF at 40, GPS at 80, values at 140.
        let mut tiff = vec![0; 260];
        let mut put = |at: usize, bytes: &[u8]| tiff[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, if little_endian { b"II" } else { b"MM" });
        put(2, &two(42));
        put(4, &four(8));
        put(8, &directory(&[line(0x8769, 4, 1, four(40)), line(0x8825, 4, 1, four(80))]));
        let mut exif = vec![line(0x9003, 2, 20, four(140))];
        if zone.is_some() {
            exif.push(line(0x9011, 2, 7, four(160)));
        }
        put(40, &directory(&exif));
        put(140, b"2026:11:23 09:30:00\0");
        put(160, zone.unwrap_or_default().as_bytes());
        put(
            80,
            &directory(&[
                line(1, 2, 2, *b"N\0\0\0"),
                line(2, 5, 3, four(180)),
                line(3, 2, 2, *b"W\0\0\0"),
                line(4, 5, 3, four(204)),
            ]),
        );
        for (at, parts) in [(180, [30, 1, 30, 1, 0, 1]), (204, [120, 1, 29, 2, 3000, 100])] {
            put(at, &parts.map(four).concat());
        }
        let content = [b"Exif\0\0".as_slice(), &tiff].concat();
        let length = u16::try_from(content.len() + 2).unwrap_or(0).to_be_bytes();
        [&[0xff, 0xd8, 0xff, 0xe1], length.as_slice(), &content].concat()
    }

    #[test]
    fn a_picture_says_when_and_where_in_either_order_of_bytes() {
        for little_endian in [true, false] {
            let found = said(&picture(little_endian, None), here());
            let at = found.taken_at.map(|at| at.to_rfc3339());
            assert_eq!(at.as_deref(), Some("2026-11-23T09:30:00+08:00"));
            let spot = found.taken_where.expect("a place");
            assert!((spot.latitude_degrees - 30.5).abs() < 1e-9);
            assert!((spot.longitude_degrees + 120.25).abs() < 1e-9, "{spot:?}");
            let there = said(&picture(little_endian, Some("+05:30\0")), here());
            let at = there.taken_at.map(|at| at.to_rfc3339());
            assert_eq!(at.as_deref(), Some("2026-11-23T09:30:00+05:30"));
        }
    }

    #[test]
    fn damaged_words_are_no_words_and_no_panic() {
        let whole = picture(true, Some("+05:30\0"));
        for length in 0..whole.len() {
            let _ = said(&whole[..length], here());
        }
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = value;
                let _ = said(&damaged, here());
            }
        }
        assert_eq!(said(b"\x89PNG", here()), Said::default());
        assert_eq!(said(&[], here()), Said::default());
    }
}
