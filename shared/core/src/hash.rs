//! Content hashes, and the one way of writing JSON that is hashed.

use std::fmt;
use std::str::FromStr;

use doorstep_form::order;
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// A SHA-256 as 64 lower-case hexadecimal digits.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
#[cfg_attr(feature = "ids", derive(sea_orm::DeriveValueType), sea_orm(value_type = "String"))]
pub struct ContentHash(String);

#[cfg(feature = "ids")]
impl sea_orm::TryFromU64 for ContentHash {
    fn try_from_u64(_: u64) -> Result<Self, sea_orm::DbErr> {
        Err(sea_orm::DbErr::ConvertFromU64("ContentHash"))
    }
}

/// What is wrong with a text that should be a SHA-256.
#[derive(Debug, Error)]
#[error("a SHA-256 is 64 hexadecimal digits, this is {0:?}")]
pub struct NotAContentHash(String);

impl ContentHash {
    /// The hash of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(hexadecimal(&Sha256::digest(bytes)))
    }

    /// The hash of `value` in its canonical writing (see [`canonical_json`]).
    pub fn of_json(value: &serde_json::Value) -> Self {
        Self::of(canonical_json(value).as_bytes())
    }

    /// From the 32 raw bytes of a digest made piece by piece.
    pub fn from_digest(digest: &[u8; 32]) -> Self {
        Self(hexadecimal(digest))
    }

    /// The 32 raw bytes.
    pub fn digest(&self) -> Option<[u8; 32]> {
        let mut digest = [0; 32];
        for (byte, at) in digest.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(self.0.get(at..at + 2)?, 16).ok()?;
        }
        Some(digest)
    }

    /// The 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for ContentHash {
    type Err = NotAContentHash;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if digits { Ok(Self(text.to_owned())) } else { Err(NotAContentHash(text.chars().take(80).collect())) }
    }
}

impl<'de> Deserialize<'de> for ContentHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// JSON without white space and with object keys in code point order, so that
/// phone and server hash the same bytes. Instance values are strings, so the
/// writing of numbers (RFC 8785 §3.2.2.3) hardly comes up.
pub fn canonical_json(value: &serde_json::Value) -> String {
    // serde_json keeps objects in a BTreeMap unless `preserve_order` is on;
    // this asserts the order rather than trusting a feature flag.
    fn write(value: &serde_json::Value, out: &mut String) {
        match value {
            serde_json::Value::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                order::sort_by(&mut members, |(left, _), (right, _)| left.cmp(right));
                out.push('{');
                for (index, (key, member)) in members.into_iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    out.push_str(&serde_json::Value::String(key.clone()).to_string());
                    out.push(':');
                    write(member, out);
                }
                out.push('}');
            }
            serde_json::Value::Array(elements) => {
                out.push('[');
                for (index, element) in elements.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    write(element, out);
                }
                out.push(']');
            }
            scalar => out.push_str(&scalar.to_string()),
        }
    }
    let mut out = String::new();
    write(value, &mut out);
    out
}

/// Lower-case hexadecimal digits of `bytes`.
pub fn hexadecimal(bytes: &[u8]) -> String {
    use fmt::Write;
    let mut digits = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String does not fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_json_sorts_keys_at_every_depth() {
        let value = serde_json::json!({"b": [{"z": "1", "a": "é"}], "a": null});
        assert_eq!(canonical_json(&value), r#"{"a":null,"b":[{"a":"é","z":"1"}]}"#);
    }

    #[test]
    fn a_hash_is_read_only_in_its_one_writing() {
        let hash = ContentHash::of(b"");
        assert_eq!(hash.as_str(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert!(hash.as_str().parse::<ContentHash>().is_ok());
        assert!(hash.as_str().to_uppercase().parse::<ContentHash>().is_err());
        assert!("../../etc/passwd".parse::<ContentHash>().is_err());
    }
}
