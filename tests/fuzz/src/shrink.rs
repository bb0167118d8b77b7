//! A smaller input that fails in the same way.

use crate::watch;
use anyhow::{Context, Result};
use doorstep_fuzz::Target;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// After this long, what is left is small enough.
const TIME_MAX: Duration = Duration::from_secs(60);

/// Leaves out ever smaller parts, as long as it fails as before.
pub(crate) fn shrink(target: &Target, bytes: Vec<u8>, failure: &str, limit: Duration) -> Result<Vec<u8>> {
    let end = Instant::now() + TIME_MAX;
    let file = std::env::temp_dir().join(format!("doorstep-fuzz-{}", std::process::id()));
    let mut best = bytes;
    let mut part = best.len() / 2;
    while part > 0 && Instant::now() < end {
        let mut place = 0;
        while place < best.len() && Instant::now() < end {
            let mut smaller = best.clone();
            drop(smaller.drain(place..(place + part).min(best.len())));
            if fails(target, &file, &smaller, limit)?.as_deref() == Some(failure) {
                best = smaller;
            } else {
                place += part;
            }
        }
        part /= 2;
    }
    // It may never have been written.
    drop(std::fs::remove_file(&file));
    Ok(best)
}

fn fails(target: &Target, file: &PathBuf, bytes: &[u8], limit: Duration) -> Result<Option<String>> {
    std::fs::write(file, bytes).with_context(|| format!("{} cannot be written", file.display()))?;
    watch::once(&[target.name.to_owned(), format!("--input={}", file.display())], limit)
}
