//! A worker and how it ends.

use anyhow::{Context, Result};
use std::io::{BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Beyond this much memory, in KiB, the system refuses; which is a finding.
const MEMORY_KIB: u64 = 4 << 20;

/// What became of a worker.
pub(crate) struct Watched {
    /// The number of the input it was at.
    pub(crate) last: Option<u64>,
    /// Why it ended, in words that are the same for the same cause; nothing
    /// when the time was over.
    pub(crate) failure: Option<String>,
    /// What it said before.
    pub(crate) said: String,
}

/// Starts this program once more, bounded in memory.
fn start(arguments: &[String]) -> Result<Child> {
    let program = std::env::current_exe().context("this program has no path")?;
    Command::new("sh")
        .args(["-c", &format!("ulimit -v {MEMORY_KIB}; exec \"$0\" \"$@\"")])
        .arg(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("a worker cannot be started")
}

/// Runs a worker until it fails, hangs for `limit`, or `end` comes.
pub(crate) fn worker(arguments: &[String], limit: Duration, end: Instant) -> Result<Watched> {
    let mut child = start(arguments)?;
    let mut numbers = BufReader::new(child.stdout.take().context("a worker without an output")?);
    let mut errors = child.stderr.take().context("a worker without errors")?;
    let (send, receive) = channel();
    let reader = thread::spawn(move || {
        let mut number = [0; 8];
        while numbers.read_exact(&mut number).is_ok() && send.send(u64::from_le_bytes(number)).is_ok() {}
    });
    let listener = thread::spawn(move || {
        let mut said = Vec::new();
        // What cannot be read is missing from the report, nothing else.
        drop(errors.read_to_end(&mut said));
        String::from_utf8_lossy(&said).into_owned()
    });
    let (last, outcome) = follow(&receive, limit, end);
    if outcome != Outcome::Ended {
        drop(child.kill());
    }
    let status = child.wait().context("a worker cannot be waited for")?;
    drop(receive);
    drop(reader.join());
    let said = listener.join().unwrap_or_default();
    let failure = match outcome {
        Outcome::TimeIsOver => None,
        Outcome::Hangs => Some(format!("takes longer than {} seconds", limit.as_secs())),
        Outcome::Ended => Some(cause(&said, &status.to_string())),
    };
    Ok(Watched { last, failure, said: said.chars().take(2_000).collect() })
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Ended,
    Hangs,
    TimeIsOver,
}

fn follow(numbers: &Receiver<u64>, limit: Duration, end: Instant) -> (Option<u64>, Outcome) {
    let mut last = None;
    loop {
        match numbers.recv_timeout(limit) {
            Ok(number) => last = Some(number),
            Err(RecvTimeoutError::Timeout) => return (last, Outcome::Hangs),
            Err(RecvTimeoutError::Disconnected) => return (last, Outcome::Ended),
        }
        if Instant::now() >= end {
            return (last, Outcome::TimeIsOver);
        }
    }
}

/// Runs one input; why it fails, if it does.
pub(crate) fn once(arguments: &[String], limit: Duration) -> Result<Option<String>> {
    let mut child = start(arguments)?;
    let begun = Instant::now();
    let mut errors = child.stderr.take().context("a worker without errors")?;
    let listener = thread::spawn(move || {
        let mut said = Vec::new();
        drop(errors.read_to_end(&mut said));
        String::from_utf8_lossy(&said).into_owned()
    });
    let status = loop {
        if let Some(status) = child.try_wait().context("a worker cannot be waited for")? {
            break Some(status);
        }
        if begun.elapsed() >= limit {
            drop(child.kill());
            drop(child.wait());
            break None;
        }
        thread::sleep(Duration::from_millis(1));
    };
    let said = listener.join().unwrap_or_default();
    Ok(match status {
        None => Some(format!("takes longer than {} seconds", limit.as_secs())),
        Some(status) if status.success() => None,
        Some(status) => Some(cause(&said, &status.to_string())),
    })
}

/// The same words for the same cause: the place of a panic, the begin of a
/// sentence, or the signal.
fn cause(said: &str, status: &str) -> String {
    if let Some((_, place)) = said.split_once("panicked at ") {
        return format!("panics at {}", place.lines().next().unwrap_or_default().trim_end_matches(':'));
    }
    if said.contains("overflowed its stack") {
        return "overflows the stack".to_owned();
    }
    if said.contains("memory allocation of") {
        return "takes too much memory".to_owned();
    }
    match said.lines().find_map(|line| line.strip_prefix("Error: ")) {
        Some(sentence) => sentence.split(':').next().unwrap_or_default().to_owned(),
        None => format!("ends with {status}"),
    }
}
