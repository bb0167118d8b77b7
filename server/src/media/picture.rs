//! Pictures, as strangers send them: decoded under limits, made small.

use std::io::Cursor;

use doorstep_core::problem::ProblemCode;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, Rgb, RgbImage};

use crate::error::{Error, Result};

/// Most pixels that are decoded. The header says how many there are, so a
/// bomb is refused before anything is unpacked.
pub const PIXELS_MAX: u64 = 50_000_000;
/// Longest side of a thumbnail.
pub const THUMBNAIL_SIDE_PX: u32 = 320;
/// Memory that decoding one picture may take: the most pixels with four bytes
/// each, and as much again for the decoder.
pub(super) const MEMORY_BYTES_MAX: u64 = 400 * 1024 * 1024;
const THUMBNAIL_QUALITY: u8 = 80;

/// A picture that decoded.
#[derive(Debug)]
pub(super) struct Picture {
    /// By its contents.
    pub(super) content_type: &'static str,
    /// As stored, before any rotation that it asks for.
    pub(super) width_px: u32,
    pub(super) height_px: u32,
    /// JPEG, the way up that the picture asks for.
    pub(super) thumbnail: Vec<u8>,
}

/// Decodes a picture and makes its thumbnail. Slow: not for the threads that
/// answer requests.
///
/// # Errors
/// `media_not_an_image`, `media_too_many_pixels`.
pub(super) fn examine(bytes: &[u8]) -> Result<Picture> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(Error::internal)?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MEMORY_BYTES_MAX);
    reader.limits(limits);
    let content_type = match reader.format() {
        Some(ImageFormat::Jpeg) if is_whole_jpeg(bytes) => "image/jpeg",
        Some(ImageFormat::Png) => "image/png",
        Some(ImageFormat::WebP) => "image/webp",
        _ => return Err(ProblemCode::MediaNotAnImage.into()),
    };
    let mut decoder = reader.into_decoder().map_err(refused)?;
    let (width_px, height_px) = decoder.dimensions();
    if u64::from(width_px) * u64::from(height_px) > PIXELS_MAX || decoder.total_bytes() > MEMORY_BYTES_MAX {
        return Err(ProblemCode::MediaTooManyPixels.into());
    }
    let orientation = decoder.orientation().map_err(refused)?;
    let image = DynamicImage::from_decoder(decoder).map_err(refused)?;
    let mut small = if width_px.max(height_px) > THUMBNAIL_SIDE_PX {
        image.thumbnail(THUMBNAIL_SIDE_PX, THUMBNAIL_SIDE_PX)
    } else {
        image
    };
    small.apply_orientation(orientation);
    let mut thumbnail = Vec::new();
    JpegEncoder::new_with_quality(&mut thumbnail, THUMBNAIL_QUALITY)
        .encode_image(&on_white(&small))
        .map_err(Error::internal)?;
    Ok(Picture { content_type, width_px, height_px, thumbnail })
}

fn refused(cause: ImageError) -> Error {
    let code = match &cause {
        ImageError::Limits(_) => ProblemCode::MediaTooManyPixels,
        _ => ProblemCode::MediaNotAnImage,
    };
    Error::problem(code).because(cause)
}

/// A signature is ink on nothing; JPEG has no nothing, so it gets paper.
fn on_white(image: &DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.to_rgb8();
    }
    let image = image.to_rgba8();
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        let [red, green, blue, alpha] = image.get_pixel(x, y).0;
        let mixed = |ink: u8| {
            let sum = u16::from(ink) * u16::from(alpha) + 255 * (255 - u16::from(alpha));
            u8::try_from(sum / 255).unwrap_or(u8::MAX)
        };
        Rgb([mixed(red), mixed(green), mixed(blue)])
    })
}

/// Whether a JPEG goes on to its end: the decoder forgives one that breaks
/// off and paints the rest grey. A thumbnail inside the head has an end of
/// its own, so the search begins where the picture does.
fn is_whole_jpeg(bytes: &[u8]) -> bool {
    const START_OF_SCAN: u8 = 0xda;
    let mut rest = bytes.get(2..).unwrap_or_default();
    while let [0xff, marker, after @ ..] = rest {
        match *marker {
            // Padding before a marker.
            0xff => rest = rest.get(1..).unwrap_or_default(),
            START_OF_SCAN => return after.windows(2).any(|pair| pair == [0xff, 0xd9]),
            // Markers without contents.
            0x01 | 0xd0..=0xd8 => rest = after,
            _ => {
                let [high, low, ..] = after else { return false };
                rest = after.get(usize::from(u16::from_be_bytes([*high, *low]))..).unwrap_or_default();
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GenericImageView, Rgba, RgbaImage};
    use std::io::Write;

    fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Vec::new();
        image.write_to(&mut Cursor::new(&mut bytes), format).expect("an image");
        bytes
    }

    /// Left half red, right half blue.
    fn photo(width: u32, height: u32) -> DynamicImage {
        let image = RgbImage::from_fn(width, height, |x, _| {
            if x < width / 2 { Rgb([200, 20, 20]) } else { Rgb([20, 20, 200]) }
        });
        DynamicImage::ImageRgb8(image)
    }

    fn refusal(bytes: &[u8]) -> Option<ProblemCode> {
        examine(bytes).err().map(|error| error.code())
    }

    fn thumbnail(picture: &Picture) -> DynamicImage {
        image::load_from_memory_with_format(&picture.thumbnail, ImageFormat::Jpeg).expect("a JPEG")
    }

    fn crc(chunk: &[u8]) -> [u8; 4] {
        let mut crc = flate2::Crc::new();
        crc.update(chunk);
        crc.sum().to_be_bytes()
    }

    /// A PNG whose head claims a size that its few bytes do not have.
    fn claiming(width: u32, height: u32) -> Vec<u8> {
        let mut head = b"IHDR".to_vec();
        head.extend(width.to_be_bytes());
        head.extend(height.to_be_bytes());
        head.extend([8, 2, 0, 0, 0]);
        let mut packed = flate2::write::ZlibEncoder::new(b"IDAT".to_vec(), flate2::Compression::fast());
        packed.write_all(&[0; 64]).expect("memory");
        let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
        for chunk in [head, packed.finish().expect("memory"), b"IEND".to_vec()] {
            bytes.extend(u32::try_from(chunk.len() - 4).expect("short").to_be_bytes());
            bytes.extend(&chunk);
            bytes.extend(crc(&chunk));
        }
        bytes
    }

    #[test]
    fn the_three_formats_are_told_by_their_contents() -> Result<()> {
        let formats = [
            (ImageFormat::Jpeg, "image/jpeg"),
            (ImageFormat::Png, "image/png"),
            (ImageFormat::WebP, "image/webp"),
        ];
        for (format, content_type) in formats {
            let picture = examine(&encoded(&photo(800, 600), format))?;
            assert_eq!((picture.content_type, picture.width_px, picture.height_px), (content_type, 800, 600));
            assert_eq!(thumbnail(&picture).dimensions(), (320, 240));
        }
        let small = examine(&encoded(&photo(40, 30), ImageFormat::Png))?;
        assert_eq!(thumbnail(&small).dimensions(), (40, 30), "nothing is blown up");
        Ok(())
    }

    #[test]
    fn a_bomb_is_refused_by_its_head() {
        // Decoding it would fail for want of bytes: so it was not tried.
        assert_eq!(refusal(&claiming(10_000, 6_000)), Some(ProblemCode::MediaTooManyPixels));
        assert_eq!(refusal(&claiming(60_000, 1_000)), Some(ProblemCode::MediaTooManyPixels));
        assert_eq!(
            refusal(&claiming(100, 100)),
            Some(ProblemCode::MediaNotAnImage),
            "it lied about its size"
        );
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        for bytes in
            [&b""[..], b"<svg/>", b"<html>photo.jpg</html>", b"\xff\xd8\xff", b"GIF89a......", b"%PDF-1.7"]
        {
            assert_eq!(refusal(bytes), Some(ProblemCode::MediaNotAnImage), "{bytes:?}");
        }
        let mut disguised = b"\xff\xd8\xff\xe0\x00\x10JFIF".to_vec();
        disguised.extend(b"just text ".repeat(100));
        assert_eq!(refusal(&disguised), Some(ProblemCode::MediaNotAnImage));
    }

    #[test]
    fn a_file_that_breaks_off_is_refused() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
            let whole = encoded(&photo(400, 300), format);
            let half = whole.get(..whole.len() / 2).unwrap_or_default();
            assert_eq!(refusal(half), Some(ProblemCode::MediaNotAnImage), "{format:?}");
        }
    }

    #[test]
    fn the_thumbnail_is_the_way_up_that_the_picture_asks_for() -> Result<()> {
        let upright = encoded(&photo(640, 320), ImageFormat::Jpeg);
        // An EXIF segment with the one entry orientation = 6: turn it right.
        let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01".to_vec();
        exif.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0]);
        let mut turned = upright.get(..2).unwrap_or_default().to_vec();
        turned.extend([0xff, 0xe1]);
        turned.extend(u16::try_from(exif.len() + 2).expect("short").to_be_bytes());
        turned.extend(exif);
        turned.extend(upright.get(2..).unwrap_or_default());

        let picture = examine(&turned)?;
        assert_eq!((picture.width_px, picture.height_px), (640, 320), "the bytes are kept as they came");
        let small = thumbnail(&picture);
        assert_eq!(small.dimensions(), (160, 320));
        let [red, _, blue, _] = small.get_pixel(80, 20).0;
        assert!(red > blue, "the left half is on top");
        Ok(())
    }

    #[test]
    fn a_signature_is_put_on_white() -> Result<()> {
        let mut ink = RgbaImage::new(100, 50);
        ink.put_pixel(50, 25, Rgba([0, 0, 0, 255]));
        let picture = examine(&encoded(&DynamicImage::ImageRgba8(ink), ImageFormat::Png))?;
        let [red, green, blue, _] = thumbnail(&picture).get_pixel(5, 5).0;
        assert!(red > 240 && green > 240 && blue > 240);
        Ok(())
    }
}
