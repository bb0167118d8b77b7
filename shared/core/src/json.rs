//! JSON in and out, for the phone: one way for every type.
//!
//! A type that is read both from text and from a [`Value`] is compiled twice.
//! So text becomes a [`Value`] first, whatever it is to be.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Error, Value};

/// Reads a `T`. Of a member that is there twice the later counts.
///
/// # Errors
/// When the bytes are no JSON, or not that of a `T`.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    T::deserialize(value(bytes)?)
}

/// Reads a `T` without a [`Value`] between: three times as fast, and the type
/// is compiled once more. For what is read by the thousand.
///
/// # Errors
/// As [`read`]; a member that is there twice is one.
pub fn read_directly<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes)
}

/// Reads any JSON.
///
/// # Errors
/// When the bytes are no JSON.
pub fn value(bytes: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice(bytes)
}

/// Writes JSON.
///
/// # Errors
/// When the value has no JSON, as a map whose keys are no texts.
pub fn write(value: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value)
}
