//! Waiting for what has to happen, without guessing how long it takes.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Far more than anything takes on a loaded machine: whoever reaches it has
/// failed.
pub const DEADLINE: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(25);

/// Asks again and again until there is an answer.
///
/// # Errors
/// When there was none before [`DEADLINE`], or `ask` fails.
pub async fn until<T>(what: &str, ask: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    until_within(DEADLINE, what, ask).await
}

/// [`until`], with a deadline of its own.
///
/// # Errors
/// When there was no answer in time, or `ask` fails.
pub async fn until_within<T>(
    deadline: Duration,
    what: &str,
    mut ask: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await? {
            return Ok(answer);
        }
        if started.elapsed() > deadline {
            bail!("waited {} s in vain for {what}", deadline.as_secs());
        }
        tokio::time::sleep(PAUSE).await;
    }
}
