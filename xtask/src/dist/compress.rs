//! What servers send: brotli and gzip, made once and, but for the demo, as
//! small as they get.

use std::io::Write;
use std::thread;

use brotli::enc::BrotliEncoderParams;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::bundle::Asset;
use crate::toolchain::Made;

const BROTLI_QUALITY: i32 = 11;
/// Of what nobody fetches over a slow network.
const BROTLI_QUALITY_QUICK: i32 = 5;
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
pub(super) fn all(assets: Vec<Asset>, made: Made) -> Vec<Packed> {
    thread::scope(|scope| {
        let packing: Vec<_> =
            assets.into_iter().map(|asset| scope.spawn(move || pack(asset, made))).collect();
        packing
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

fn pack(asset: Asset, made: Made) -> Packed {
    let ending = asset.name.rsplit('.').next().unwrap_or_default();
    if COMPRESSED.contains(&ending) {
        return Packed { asset, brotli: None, gzip: None };
    }
    let smaller =
        |bytes: std::io::Result<Vec<u8>>| bytes.ok().filter(|bytes| bytes.len() < asset.bytes.len());
    let (quality, level) = match made {
        Made::Small => (BROTLI_QUALITY, Compression::best()),
        Made::Quickly | Made::Named => (BROTLI_QUALITY_QUICK, Compression::fast()),
    };
    let brotli = smaller(brotli(&asset.bytes, quality));
    let gzip = smaller(gzip(&asset.bytes, level));
    Packed { asset, brotli, gzip }
}

fn brotli(bytes: &[u8], quality: i32) -> std::io::Result<Vec<u8>> {
    let parameters = BrotliEncoderParams {
        quality,
        lgwin: BROTLI_WINDOW_BITS,
        size_hint: bytes.len(),
        ..BrotliEncoderParams::default()
    };
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut &*bytes, &mut packed, &parameters)?;
    Ok(packed)
}

fn gzip(bytes: &[u8], level: Compression) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(bytes)?;
    encoder.finish()
}
