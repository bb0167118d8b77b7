//! What servers send: brotli and gzip, made once and as small as they get.

use std::io::Write;
use std::thread;

use brotli::enc::BrotliEncoderParams;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::bundle::Asset;

const BROTLI_QUALITY: i32 = 11;
/// The window of brotli as a power of two; 24 is the most that browsers take.
const BROTLI_WINDOW_BITS: i32 = 24;
/// Compressed already.
const COMPRESSED: [&str; 4] = ["png", "jpg", "webp", "woff2"];

/// A file with what is sent in its place.
pub(super) struct Packed {
    pub asset: Asset,
    pub brotli: Option<Vec<u8>>,
    pub gzip: Option<Vec<u8>>,
}

/// Compresses all of them, at the same time.
pub(super) fn all(assets: Vec<Asset>) -> Vec<Packed> {
    thread::scope(|scope| {
        let packing: Vec<_> = assets.into_iter().map(|asset| scope.spawn(|| pack(asset))).collect();
        packing
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

fn pack(asset: Asset) -> Packed {
    let ending = asset.name.rsplit('.').next().unwrap_or_default();
    if COMPRESSED.contains(&ending) {
        return Packed { asset, brotli: None, gzip: None };
    }
    let smaller =
        |bytes: std::io::Result<Vec<u8>>| bytes.ok().filter(|bytes| bytes.len() < asset.bytes.len());
    let brotli = smaller(brotli(&asset.bytes));
    let gzip = smaller(gzip(&asset.bytes));
    Packed { asset, brotli, gzip }
}

fn brotli(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let parameters = BrotliEncoderParams {
        quality: BROTLI_QUALITY,
        lgwin: BROTLI_WINDOW_BITS,
        size_hint: bytes.len(),
        ..BrotliEncoderParams::default()
    };
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut &*bytes, &mut packed, &parameters)?;
    Ok(packed)
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}
