//! What the first bytes of a picture say: its kind and its size, before
//! anything is decoded. A header that cannot be read is no error: the browser
//! has the last word.

/// Width and height in pixels as a person sees them: turned as the camera was.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Size {
    pub width: u32,
    pub height: u32,
}

impl Size {
    /// The longer side.
    pub(super) fn longest(self) -> u32 {
        self.width.max(self.height)
    }

    /// How many pixels.
    pub(super) fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// The largest of the same shape whose longer side is at most `max`.
    pub(super) fn within(self, max: u32) -> Self {
        let longest = self.longest().max(1);
        if longest <= max {
            return self;
        }
        let scaled = |side: u32| {
            let exact = u64::from(side) * u64::from(max) + u64::from(longest) / 2;
            u32::try_from(exact / u64::from(longest)).unwrap_or(max).max(1)
        };
        Self { width: scaled(self.width), height: scaled(self.height) }
    }
}

/// The size that a JPEG, PNG or WebP claims.
pub(super) fn size_of(bytes: &[u8]) -> Option<Size> {
    match bytes {
        [0xff, 0xd8, rest @ ..] => jpeg(rest),
        [0x89, b'P', b'N', b'G', 13, 10, 26, 10, rest @ ..] => {
            let header = rest.get(..16)?;
            Some(Size { width: big_endian(header, 8)?, height: big_endian(header, 12)? })
        }
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', rest @ ..] => webp(rest),
        _ => None,
    }
}

fn big_endian(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map(u32::from_be_bytes)
}

fn short(bytes: &[u8], at: usize, little_endian: bool) -> Option<u16> {
    let two: [u8; 2] = bytes.get(at..at + 2)?.try_into().ok()?;
    Some(if little_endian { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) })
}

fn jpeg(mut rest: &[u8]) -> Option<Size> {
    let mut turned = false;
    loop {
        let [0xff, marker, after @ ..] = rest else { return None };
        match marker {
            // Fill bytes, and markers that stand alone.
            0xff => {
                rest = rest.get(1..)?;
                continue;
            }
            0x01 | 0xd0..=0xd8 => {
                rest = after;
                continue;
            }
            _ => {}
        }
        let length = usize::from(short(after, 0, false)?);
        let segment = after.get(2..length.max(2))?;
        match marker {
            0xe1 => turned = turned || is_turned(segment),
            // Start of frame, of whatever coding; C4, C8 and CC are tables.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                let (height, width) =
                    (u32::from(short(segment, 1, false)?), u32::from(short(segment, 3, false)?));
                return Some(if turned {
                    Size { width: height, height: width }
                } else {
                    Size { width, height }
                });
            }
            // Start of scan, or the end, before any size.
            0xda | 0xd9 => return None,
            _ => {}
        }
        rest = after.get(length..)?;
    }
}

/// Whether EXIF says that the sensor lay on its side.
fn is_turned(segment: &[u8]) -> bool {
    let orientation = || {
        let tiff = segment.strip_prefix(b"Exif\0\0")?;
        let little_endian = tiff.starts_with(b"II");
        let long = |at: usize| {
            let (low, high) = (short(tiff, at, little_endian)?, short(tiff, at + 2, little_endian)?);
            let (low, high) = if little_endian { (low, high) } else { (high, low) };
            Some(u32::from(high) << 16 | u32::from(low))
        };
        let directory = usize::try_from(long(4)?).ok()?;
        let entries = usize::from(short(tiff, directory, little_endian)?);
        (0..entries)
            .map(|index| directory + 2 + index * 12)
            .find(|entry| short(tiff, *entry, little_endian) == Some(0x0112))
            .and_then(|entry| short(tiff, entry + 8, little_endian))
    };
    matches!(orientation(), Some(5..=8))
}

fn webp(rest: &[u8]) -> Option<Size> {
    let (kind, data) = (rest.get(..4)?, rest.get(8..)?);
    match kind {
        b"VP8X" => {
            let three = |at: usize| {
                let [low, middle, high] = data.get(at..at + 3)?.try_into().ok()?;
                Some(u32::from_le_bytes([low, middle, high, 0]) + 1)
            };
            Some(Size { width: three(4)?, height: three(7)? })
        }
        b"VP8 " => {
            let side = |at: usize| short(data, at, true).map(|side| u32::from(side & 0x3fff));
            Some(Size { width: side(6)?, height: side(8)? })
        }
        b"VP8L" => {
            let bits = u32::from_le_bytes(data.get(1..5)?.try_into().ok()?);
            Some(Size { width: (bits & 0x3fff) + 1, height: (bits >> 14 & 0x3fff) + 1 })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
        let length = u16::try_from(data.len() + 2).expect("short test data").to_be_bytes();
        [&[0xff, marker], length.as_slice(), data].concat()
    }

    fn jpeg_of(width: u16, height: u16, exif: Option<&[u8]>) -> Vec<u8> {
        let mut bytes = vec![0xff, 0xd8];
        bytes.extend(segment(0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"));
        if let Some(exif) = exif {
            bytes.extend(segment(0xe1, exif));
        }
        bytes.extend(segment(0xc4, &[0; 20]));
        let frame = [&[8], height.to_be_bytes().as_slice(), &width.to_be_bytes(), &[1, 1, 0x11, 0]].concat();
        bytes.extend(segment(0xc2, &frame));
        bytes
    }

    fn exif(little_endian: bool, orientation: u16) -> Vec<u8> {
        let two = |value: u16| if little_endian { value.to_le_bytes() } else { value.to_be_bytes() };
        let four = |value: u32| if little_endian { value.to_le_bytes() } else { value.to_be_bytes() };
        let mut bytes = b"Exif\0\0".to_vec();
        bytes.extend(if little_endian { b"II" } else { b"MM" });
        bytes.extend(two(42));
        bytes.extend(four(8));
        bytes.extend(two(2));
        for (tag, value) in [(0x0100, 9), (0x0112, orientation)] {
            bytes.extend(two(tag));
            bytes.extend(two(3));
            bytes.extend(four(1));
            bytes.extend(two(value));
            bytes.extend(two(0));
        }
        bytes
    }

    #[test]
    fn a_jpeg_says_its_size_as_it_is_seen() {
        let size = |bytes: &[u8]| size_of(bytes).map(|size| (size.width, size.height));
        assert_eq!(size(&jpeg_of(4000, 3000, None)), Some((4000, 3000)));
        for little_endian in [true, false] {
            assert_eq!(size(&jpeg_of(4000, 3000, Some(&exif(little_endian, 1)))), Some((4000, 3000)));
            assert_eq!(size(&jpeg_of(4000, 3000, Some(&exif(little_endian, 3)))), Some((4000, 3000)));
            assert_eq!(size(&jpeg_of(4000, 3000, Some(&exif(little_endian, 6)))), Some((3000, 4000)));
        }
    }

    #[test]
    fn png_and_webp_say_their_size() {
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        png.extend(800_u32.to_be_bytes());
        png.extend(600_u32.to_be_bytes());
        assert_eq!(size_of(&png), Some(Size { width: 800, height: 600 }));
        let webp =
            |kind: &[u8; 4], data: &[u8]| [b"RIFF\0\0\0\0WEBP".as_slice(), kind, &[0; 4], data].concat();
        let extended = webp(b"VP8X", &[0, 0, 0, 0, 0x1f, 0x03, 0, 0x57, 0x02, 0]);
        assert_eq!(size_of(&extended), Some(Size { width: 800, height: 600 }));
        let lossy = webp(b"VP8 ", &[0, 0, 0, 0x9d, 0x01, 0x2a, 0x20, 0x03, 0x58, 0x02]);
        assert_eq!(size_of(&lossy), Some(Size { width: 800, height: 600 }));
        let lossless = webp(b"VP8L", &[0x2f, 0x1f, 0xc3, 0x95, 0x00]);
        assert_eq!(size_of(&lossless), Some(Size { width: 800, height: 600 }));
    }

    #[test]
    fn whatever_is_cut_off_has_no_size() {
        for whole in
            [jpeg_of(4000, 3000, Some(&exif(true, 6))), b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0".to_vec()]
        {
            for length in 0..whole.len().saturating_sub(8) {
                let start: Vec<u8> = whole.iter().copied().take(length).collect();
                assert_eq!(size_of(&start), None, "{length}");
            }
        }
        assert_eq!(size_of(b"%PDF-1.7 and so on, not a picture"), None);
    }

    #[test]
    fn within_keeps_the_shape() {
        let size = |width, height| Size { width, height };
        assert_eq!(size(8000, 6000).within(1600), size(1600, 1200));
        assert_eq!(size(3000, 4000).within(1600), size(1200, 1600));
        assert_eq!(size(800, 600).within(1600), size(800, 600));
        assert_eq!(size(50_000, 1).within(1600), size(1600, 1));
        assert_eq!(size(0, 0).within(1600), size(0, 0));
    }
}
