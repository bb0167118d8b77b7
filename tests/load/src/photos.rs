//! Photos as phones send them: JPEG, 1,600 pixels long, 260 KB, and no two
//! alike by a byte.

use anyhow::{Result, ensure};
use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage};

/// What each has.
pub(crate) const SIZE_BYTES: usize = 260_000;
const WIDTH_PX: u32 = 1600;
const HEIGHT_PX: u32 = 1200;
const QUALITY: u8 = 70;
/// A comment's head and its four bytes.
const MARK_BYTES: usize = 8;

/// A photo without its number. The mark after its first two bytes says which
/// of them it is.
pub(crate) struct Photo {
    bytes: Vec<u8>,
}

impl Photo {
    /// Hills, with as much noise as makes a photo of [`SIZE_BYTES`].
    pub(crate) fn make() -> Result<Self> {
        let (mut least, mut most) = (0.0_f64, 255.0_f64);
        let mut best = Vec::new();
        for _ in 0..8 {
            let noise = (least + most) / 2.0;
            let bytes = with_noise(noise)?;
            if bytes.len() + MARK_BYTES <= SIZE_BYTES {
                least = noise;
                best = bytes;
            } else {
                most = noise;
            }
        }
        ensure!(best.len() > SIZE_BYTES / 2, "no photo of that size");
        // What is missing is a comment of spaces.
        let missing = SIZE_BYTES - MARK_BYTES - best.len();
        let mut bytes = best.get(..2).unwrap_or_default().to_vec();
        let mut left = missing;
        while left >= 4 {
            let length = left.min(60_000);
            bytes.extend([0xff, 0xfe]);
            bytes.extend(u16::try_from(length - 2)?.to_be_bytes());
            bytes.resize(bytes.len() + length - 4, b' ');
            left -= length;
        }
        bytes.extend_from_slice(best.get(2..).unwrap_or_default());
        Ok(Self { bytes })
    }

    /// The beginning of the photo with this number, and the rest of it.
    pub(crate) fn numbered(&self, number: u32) -> ([u8; 2 + MARK_BYTES], &[u8]) {
        let [one, two, three, four] = number.to_be_bytes();
        let start = [0xff, 0xd8, 0xff, 0xfe, 0, 6, one, two, three, four];
        (start, self.bytes.get(2..).unwrap_or_default())
    }

    pub(crate) fn size_bytes(&self) -> usize {
        self.bytes.len() + MARK_BYTES
    }
}

fn with_noise(noise: f64) -> Result<Vec<u8>> {
    let mut random = fastrand::Rng::with_seed(7);
    let image = RgbImage::from_fn(WIDTH_PX, HEIGHT_PX, |x, y| {
        let (x, y) = (f64::from(x) / f64::from(WIDTH_PX), f64::from(y) / f64::from(HEIGHT_PX));
        let hills = (x * 17.0).sin() + (y * 13.0 + x * 9.0).cos();
        let level = (hills + 2.0) * 50.0 + (random.f64() - 0.5) * noise;
        let level = level.clamp(0.0, 255.0) as u8;
        Rgb([level, level / 2 + 60, 200 - level / 2])
    });
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode_image(&image)?;
    Ok(bytes)
}
