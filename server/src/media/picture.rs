//! Pictures, as strangers send them: decoded under limits, made small, and
//! told by what they look like.

use std::io::Cursor;

use doorstep_core::media::QuarantineReason;
use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, Rgb, RgbImage};

use super::inside::{self, Format};

/// Most pixels that are decoded. The header says how many there are, so a
/// bomb is refused before anything is unpacked.
pub const PIXELS_MAX: u64 = 50_000_000;
/// Longest side of a thumbnail, for lists.
pub const THUMBNAIL_SIDE_PX: u32 = 320;
/// Longest side of a preview, for a phone's whole screen.
pub const PREVIEW_SIDE_PX: u32 = 1024;
/// Memory that decoding one picture may take: the most pixels with four bytes
/// each, and as much again for the decoder.
pub(super) const MEMORY_BYTES_MAX: u64 = 400 * 1024 * 1024;
/// Of WebP: photos look as they do as JPEG of 80, and take half the room.
const QUALITY: f32 = 75.0;
/// How hard libwebp tries, of 6. Its usual 4 takes three times as long and
/// saves seven of a hundred bytes.
const METHOD: i32 = 2;

/// A picture that decoded.
#[derive(Debug)]
pub(super) struct Picture {
    /// By its contents.
    pub(super) content_type: &'static str,
    /// As stored, before any rotation that it asks for.
    pub(super) width_px: u32,
    pub(super) height_px: u32,
    /// WebP, the way up that the picture asks for.
    pub(super) thumbnail: Vec<u8>,
    pub(super) preview: Vec<u8>,
    /// See [`fingerprint`].
    pub(super) fingerprint: u64,
}

/// Looks into a file that was announced as a picture. Slow: not for the
/// threads that answer requests.
///
/// # Errors
/// What is wrong with it.
pub(super) fn examine(bytes: &[u8]) -> Result<Picture, QuarantineReason> {
    let Some(format) = Format::of(bytes) else { return Err(inside::instead_of_a_picture(bytes)) };
    let mut reader = ImageReader::with_format(
        Cursor::new(bytes),
        match format {
            Format::Jpeg => ImageFormat::Jpeg,
            Format::Png => ImageFormat::Png,
            Format::WebP => ImageFormat::WebP,
        },
    );
    let mut limits = Limits::default();
    limits.max_alloc = Some(MEMORY_BYTES_MAX);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|cause| refused(&cause))?;
    let (width_px, height_px) = decoder.dimensions();
    if u64::from(width_px) * u64::from(height_px) > PIXELS_MAX || decoder.total_bytes() > MEMORY_BYTES_MAX {
        return Err(QuarantineReason::TooLarge);
    }
    if let Some(reason) = inside::objection(format, bytes) {
        return Err(reason);
    }
    let orientation = decoder.orientation().map_err(|cause| refused(&cause))?;
    let image = DynamicImage::from_decoder(decoder).map_err(|cause| refused(&cause))?;
    let mut preview = within(image, PREVIEW_SIDE_PX);
    preview.apply_orientation(orientation);
    let preview = on_white(preview);
    let (fingerprint, encoded_preview) = (fingerprint(&preview), encoded(&preview)?);
    let small = within(DynamicImage::ImageRgb8(preview), THUMBNAIL_SIDE_PX).into_rgb8();
    Ok(Picture {
        content_type: format.content_type(),
        width_px,
        height_px,
        thumbnail: encoded(&small)?,
        preview: encoded_preview,
        fingerprint,
    })
}

fn refused(cause: &ImageError) -> QuarantineReason {
    match cause {
        ImageError::Limits(_) => QuarantineReason::TooLarge,
        _ => QuarantineReason::Damaged,
    }
}

/// Nothing is blown up.
fn within(image: DynamicImage, side_px: u32) -> DynamicImage {
    if image.width().max(image.height()) > side_px { image.thumbnail(side_px, side_px) } else { image }
}

fn encoded(image: &RgbImage) -> Result<Vec<u8>, QuarantineReason> {
    let encoder = webp::Encoder::from_rgb(image, image.width(), image.height());
    let mut config = webp::WebPConfig::new().map_err(|()| QuarantineReason::Damaged)?;
    config.quality = QUALITY;
    config.method = METHOD;
    // It refuses what has no pixels.
    let encoded = encoder.encode_advanced(&config).map_err(|_| QuarantineReason::Damaged)?;
    Ok(encoded.to_vec())
}

/// Sixty-four bits that are alike for pictures that look alike, whatever their
/// size and compression: of nine by eight fields, whether each is brighter
/// than its right neighbour (the difference hash of Neal Krawetz, 2013).
fn fingerprint(image: &RgbImage) -> u64 {
    let grey = imageops::grayscale(image);
    let fields = imageops::resize(&grey, 9, 8, FilterType::Triangle);
    let mut bits = 0_u64;
    for y in 0..8 {
        for x in 0..8 {
            let brighter = fields.get_pixel(x, y).0 > fields.get_pixel(x + 1, y).0;
            bits = bits << 1 | u64::from(brighter);
        }
    }
    bits
}

/// A signature is ink on nothing; and its small sizes have no nothing, so it
/// gets paper.
fn on_white(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let image = image.into_rgba8();
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        let [red, green, blue, alpha] = image.get_pixel(x, y).0;
        let mixed = |ink: u8| {
            let sum = u16::from(ink) * u16::from(alpha) + 255 * (255 - u16::from(alpha));
            u8::try_from(sum / 255).unwrap_or(u8::MAX)
        };
        Rgb([mixed(red), mixed(green), mixed(blue)])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GenericImageView, Rgba, RgbaImage};
    use std::io::Write;

    fn file(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
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

    fn refusal(bytes: &[u8]) -> Option<QuarantineReason> {
        examine(bytes).err()
    }

    fn thumbnail(picture: &Picture) -> DynamicImage {
        image::load_from_memory_with_format(&picture.thumbnail, ImageFormat::WebP).expect("a WebP")
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
    fn the_three_formats_are_told_by_their_contents() -> Result<(), QuarantineReason> {
        let formats = [
            (ImageFormat::Jpeg, "image/jpeg"),
            (ImageFormat::Png, "image/png"),
            (ImageFormat::WebP, "image/webp"),
        ];
        for (format, content_type) in formats {
            let picture = examine(&file(&photo(800, 600), format))?;
            assert_eq!((picture.content_type, picture.width_px, picture.height_px), (content_type, 800, 600));
            assert_eq!(thumbnail(&picture).dimensions(), (320, 240));
        }
        let small = examine(&file(&photo(40, 30), ImageFormat::Png))?;
        assert_eq!(thumbnail(&small).dimensions(), (40, 30), "nothing is blown up");
        Ok(())
    }

    #[test]
    fn a_bomb_is_refused_by_its_head() {
        // Decoding it would fail for want of bytes: so it was not tried.
        assert_eq!(refusal(&claiming(10_000, 6_000)), Some(QuarantineReason::TooLarge));
        assert_eq!(refusal(&claiming(60_000, 1_000)), Some(QuarantineReason::TooLarge));
        assert_eq!(refusal(&claiming(100, 100)), Some(QuarantineReason::Damaged), "it lied about its size");
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        for (bytes, reason) in [
            (&b""[..], QuarantineReason::NotAnImage),
            (b"<svg/>", QuarantineReason::Disguised),
            (b"\xff\xd8\xff", QuarantineReason::Damaged),
            (b"GIF89a......", QuarantineReason::NotAnImage),
        ] {
            assert_eq!(refusal(bytes), Some(reason), "{bytes:?}");
        }
        let mut disguised = b"\xff\xd8\xff\xe0\x00\x10JFIF".to_vec();
        disguised.extend(b"just text ".repeat(100));
        assert_eq!(refusal(&disguised), Some(QuarantineReason::Damaged));
    }

    #[test]
    fn what_follows_or_hides_in_a_picture_is_found() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
            let whole = file(&photo(400, 300), format);
            assert_eq!(refusal(&whole), None, "{format:?}");
            let with = |more: &[u8]| [whole.as_slice(), more].concat();
            assert_eq!(refusal(&with(&[0; 512])), None, "{format:?}: padding");
            for more in [&b"PK\x03\x04zip"[..], b"<html>", b"x", &whole] {
                assert_eq!(refusal(&with(more)), Some(QuarantineReason::MoreInside), "{format:?}");
            }
        }
        // In a comment, where a picture may have any text.
        let jpeg = file(&photo(400, 300), ImageFormat::Jpeg);
        let commented = |text: &[u8]| {
            let length = u16::try_from(text.len() + 2).expect("short").to_be_bytes();
            [&jpeg[..2], &[0xff, 0xfe], &length, text, &jpeg[2..]].concat()
        };
        assert_eq!(refusal(&commented(b"a fine day")), None);
        for text in [&b"<ScRiPt>alert(1)</script>"[..], b"PK\x01\x02 list PK\x05\x06", b"<?php x"] {
            assert_eq!(refusal(&commented(text)), Some(QuarantineReason::MoreInside));
        }
    }

    #[test]
    fn pictures_that_look_alike_have_like_fingerprints() -> Result<(), QuarantineReason> {
        let scene = |shift: u32| {
            DynamicImage::ImageRgb8(RgbImage::from_fn(800, 600, |x, y| {
                let wave = ((x + shift) / 97 * 53 + y / 83 * 31 + x * y / 4000) % 256;
                let level = u8::try_from(wave).unwrap_or_default();
                Rgb([level, level / 2, 255 - level])
            }))
        };
        let of = |image: &DynamicImage, format| examine(&file(image, format)).map(|found| found.fingerprint);
        let first = of(&scene(0), ImageFormat::Png)?;
        let smaller = of(&scene(0).thumbnail(300, 300), ImageFormat::Jpeg)?;
        let other = of(&scene(341), ImageFormat::Png)?;
        assert!((first ^ smaller).count_ones() <= 6, "{}", (first ^ smaller).count_ones());
        assert!((first ^ other).count_ones() > 12, "{}", (first ^ other).count_ones());
        Ok(())
    }

    #[test]
    fn a_file_that_breaks_off_is_refused() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
            let whole = file(&photo(400, 300), format);
            let half = whole.get(..whole.len() / 2).unwrap_or_default();
            assert_eq!(refusal(half), Some(QuarantineReason::Damaged), "{format:?}");
        }
    }

    #[test]
    fn the_thumbnail_is_the_way_up_that_the_picture_asks_for() -> Result<(), QuarantineReason> {
        let upright = file(&photo(640, 320), ImageFormat::Jpeg);
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
    fn a_signature_is_put_on_white() -> Result<(), QuarantineReason> {
        let mut ink = RgbaImage::new(100, 50);
        ink.put_pixel(50, 25, Rgba([0, 0, 0, 255]));
        let picture = examine(&file(&DynamicImage::ImageRgba8(ink), ImageFormat::Png))?;
        let [red, green, blue, _] = thumbnail(&picture).get_pixel(5, 5).0;
        assert!(red > 240 && green > 240 && blue > 240);
        Ok(())
    }
}
