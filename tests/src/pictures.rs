//! Photos and signatures as phones make them, and files that pretend to be.

use std::io::{Cursor, Write};

use anyhow::Result;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::{GrayImage, ImageFormat, Luma, Rgb, RgbImage};

/// A photo, different for each `seed`, as JPEG.
///
/// # Errors
/// When it cannot be encoded.
pub fn photo(seed: u32, width_px: u32, height_px: u32) -> Result<Vec<u8>> {
    let image = RgbImage::from_fn(width_px, height_px, |x, y| {
        let mix = x.wrapping_mul(31) ^ y.wrapping_mul(17) ^ seed.wrapping_mul(2_654_435_761);
        let [red, green, blue, _] = mix.to_le_bytes();
        Rgb([red, green / 2 + 60, blue / 3 + 90])
    });
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 85).encode_image(&image)?;
    Ok(bytes)
}

/// What a camera might see, different for each `seed` and the same in every
/// size, as JPEG.
///
/// # Errors
/// When it cannot be encoded.
pub fn landscape(seed: u32, width_px: u32, height_px: u32) -> Result<Vec<u8>> {
    let turn = f64::from(seed) * 2.4;
    let image = RgbImage::from_fn(width_px, height_px, |x, y| {
        let (x, y) = (f64::from(x) / f64::from(width_px), f64::from(y) / f64::from(height_px));
        let hills = (x * 17.0 + turn * 3.0).sin() + (y * 13.0 + x * 9.0 + turn * 5.0).cos();
        let level = ((hills + 2.0) * 62.0) as u8;
        Rgb([level, level / 2 + 60, 200 - level / 2])
    });
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 85).encode_image(&image)?;
    Ok(bytes)
}

/// A signature, different for each `seed`, as PNG.
///
/// # Errors
/// When it cannot be encoded.
pub fn signature(seed: u32) -> Result<Vec<u8>> {
    let image = GrayImage::from_fn(160, 60, |x, y| {
        let wave = (x * (seed % 7 + 2) / 4 + seed % 60) % 60;
        // The first row spells the seed, so that no two are the same.
        let ink = if y == 0 { x < 32 && seed >> x & 1 == 1 } else { y.abs_diff(wave) < 2 };
        Luma([if ink { 0 } else { 255 }])
    });
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png)?;
    Ok(bytes.into_inner())
}

/// A whole and correct PNG of `width_px` × `height_px` black pixels: a few
/// kilobytes that unpack to as many bytes as it has pixels.
///
/// # Errors
/// When it cannot be packed.
pub fn bomb(width_px: u32, height_px: u32) -> Result<Vec<u8>> {
    let mut header = Vec::new();
    header.extend(width_px.to_be_bytes());
    header.extend(height_px.to_be_bytes());
    // Eight bits of grey, the usual compression and filters, not interlaced.
    header.extend([8, 0, 0, 0, 0]);
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::fast());
    // Each row begins with the number of its filter.
    let row = vec![0_u8; usize::try_from(width_px)? + 1];
    for _ in 0..height_px {
        packer.write_all(&row)?;
    }
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut png, *b"IHDR", &header)?;
    chunk(&mut png, *b"IDAT", &packer.finish()?)?;
    chunk(&mut png, *b"IEND", &[])?;
    Ok(png)
}

fn chunk(png: &mut Vec<u8>, kind: [u8; 4], content: &[u8]) -> Result<()> {
    let mut check = flate2::Crc::new();
    check.update(&kind);
    check.update(content);
    png.extend(u32::try_from(content.len())?.to_be_bytes());
    png.extend(kind);
    png.extend(content);
    png.extend(check.sum().to_be_bytes());
    Ok(())
}
