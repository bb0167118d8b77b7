//! Digests, base64 and signatures.

use super::Result;
use crate::expr::EvaluationError;
use crate::expr::ast::Call;
use crate::expr::evaluate::{Evaluator, Focus};
use crate::expr::value::Value;
use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use std::fmt::Write as _;

/// Reads base64 with and without the padding at its end.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// `digest(text, algorithm, encoding)`; the encoding is base64 unless it is hex.
pub(super) fn digest<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let text = evaluator.text_argument(call, 0, focus)?;
    let algorithm = evaluator.text_argument(call, 1, focus)?;
    let encoding = match call.arguments.get(2) {
        Some(encoding) => evaluator.text(encoding, focus)?,
        None => "base64".into(),
    };
    evaluator.spend(text.len())?;
    let text = text.as_bytes();
    let bytes = match algorithm.to_ascii_uppercase().as_str() {
        "MD5" => Md5::digest(text).to_vec(),
        "SHA-1" => Sha1::digest(text).to_vec(),
        "SHA-256" => Sha256::digest(text).to_vec(),
        "SHA-384" => Sha384::digest(text).to_vec(),
        "SHA-512" => Sha512::digest(text).to_vec(),
        _ => {
            return Err(EvaluationError::new(format!(
                "digest() knows MD5, SHA-1, SHA-256, SHA-384 and SHA-512, not \"{algorithm}\""
            )));
        }
    };
    match encoding.to_ascii_lowercase().as_str() {
        "base64" => Ok(Value::text(STANDARD.encode(bytes))),
        "hex" => {
            let mut text = String::new();
            for byte in bytes {
                let _ = write!(text, "{byte:02x}");
            }
            Ok(Value::text(text))
        }
        _ => Err(EvaluationError::new(format!("digest() writes base64 or hex, not \"{encoding}\""))),
    }
}

fn bytes_of(text: &str) -> Option<Vec<u8>> {
    let text: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    LENIENT.decode(text).ok()
}

/// The text that base64 stands for; empty for what is no base64. Bytes that
/// are no UTF-8 become the sign for that.
pub(super) fn base64_decode<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let text = evaluator.text_argument(call, 0, focus)?;
    evaluator.spend(text.len())?;
    let bytes = bytes_of(&text).unwrap_or_default();
    Ok(Value::text(String::from_utf8_lossy(&bytes).into_owned()))
}

/// `extract-signed(contents, key)`: the text behind the signature in the
/// contents, when the key (Ed25519, both in base64) made it; empty otherwise.
pub(super) fn extract_signed<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let contents = evaluator.text_argument(call, 0, focus)?;
    let key = evaluator.text_argument(call, 1, focus)?;
    evaluator.spend(contents.len().saturating_mul(10))?;
    Ok(Value::text(signed(&contents, &key).unwrap_or_default()))
}

fn signed(contents: &str, key: &str) -> Option<String> {
    let contents = bytes_of(contents)?;
    let key: [u8; 32] = bytes_of(key)?.try_into().ok()?;
    let key = ed25519_dalek::VerifyingKey::from_bytes(&key).ok()?;
    let (signature, message) = contents.split_first_chunk::<64>()?;
    key.verify_strict(message, &ed25519_dalek::Signature::from_bytes(signature)).ok()?;
    String::from_utf8(message.to_vec()).ok()
}
