//! Where the files of a test go.
//!
//! `TEST_MEDIA_URL` unset: into the server's data folder. Set to
//! `s3://bucket?endpoint=…`, with its keys in the `AWS_…` variables: into a
//! folder of its own in that bucket. The server opens either, so few tests can
//! tell which it is.

use std::net::SocketAddr;

use anyhow::{Context, Result};

/// The variable that names a bucket to test on.
pub const VARIABLE: &str = "TEST_MEDIA_URL";

/// A folder of its own in the bucket, as `MEDIA_URL` says it; nothing where
/// files are kept in folders.
pub fn of_a_test() -> Option<String> {
    let url = std::env::var(VARIABLE).ok().filter(|url| !url.is_empty())?;
    let (bucket, settings) = url.split_once('?').unwrap_or((&url, ""));
    Some(format!("{}/{}?{settings}", bucket.trim_end_matches('/'), uuid::Uuid::new_v4()))
}

/// Where the bucket's server listens.
///
/// # Errors
/// When the address names none, or not as `http://127.0.0.1:…`.
pub fn endpoint(media_url: &str) -> Result<SocketAddr> {
    let (_, endpoint) = media_url.split_once("endpoint=http://").context("an endpoint on this machine")?;
    Ok(endpoint.split('&').next().unwrap_or_default().parse()?)
}
