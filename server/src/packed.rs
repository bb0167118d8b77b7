//! What phones fetch on slow networks, pressed harder than other answers.
//!
//! The middleware packs as it goes, with little effort. A page of a first sync
//! and a form are whole before they leave: with more effort they are a tenth to
//! a sixth smaller, at the price of some milliseconds for a megabyte.

use actix_web::http::header::{
    AcceptEncoding, CONTENT_ENCODING, CONTENT_TYPE, ContentEncoding, Encoding, Header, VARY,
};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use brotli::enc::BrotliEncoderParams;

use crate::error::{Error, Result};

/// Of 11. From here on it looks for repetitions in all that came before.
const EFFORT: i32 = 5;
/// Shorter ones are not worth a thread of their own.
const BYTES_MIN: usize = 4 * 1024;

/// Answers with this JSON, packed if the caller reads that.
///
/// # Errors
/// When it cannot be packed, which only a lack of memory brings about.
pub(crate) async fn json(
    request: &HttpRequest,
    mut answer: HttpResponseBuilder,
    bytes: Vec<u8>,
) -> Result<HttpResponse> {
    answer.insert_header((CONTENT_TYPE, "application/json"));
    // The middleware packs what is left, for others.
    if bytes.len() < BYTES_MIN || !reads_brotli(request) {
        return Ok(answer.body(bytes));
    }
    let packed = tokio::task::spawn_blocking(move || pack(&bytes)).await.map_err(Error::internal)??;
    answer.insert_header((CONTENT_ENCODING, ContentEncoding::Brotli.as_str()));
    answer.append_header((VARY, "accept-encoding"));
    Ok(answer.body(packed))
}

fn reads_brotli(request: &HttpRequest) -> bool {
    let wanted = AcceptEncoding::parse(request).ok();
    let best = wanted.and_then(|wanted| {
        let ours = [Encoding::brotli(), Encoding::gzip(), Encoding::identity()];
        wanted.negotiate(ours.iter())
    });
    best == Some(Encoding::brotli())
}

fn pack(bytes: &[u8]) -> Result<Vec<u8>> {
    let how =
        BrotliEncoderParams { quality: EFFORT, size_hint: bytes.len(), ..BrotliEncoderParams::default() };
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut &*bytes, &mut packed, &how).map_err(Error::internal)?;
    Ok(packed)
}
