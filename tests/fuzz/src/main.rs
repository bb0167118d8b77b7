//! `doorstep-fuzz TARGET --minutes N --seed S`: throws made-up inputs at a door
//! of the engine for a while; `cargo xtask fuzz` builds and starts it.
//!
//! The inputs run in a process of their own, the worker, which says the number
//! of each before it begins. When it dies, or says nothing for some seconds,
//! that number makes the input again; the input is shrunk, and kept.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a command's answer")]

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use doorstep_fuzz::{Seeds, TARGETS, Target, findings, input};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

mod shrink;
mod watch;

/// What is thrown where, and for how long.
#[derive(Debug, Parser)]
struct Options {
    /// A door of the engine, or `all`; without one they are listed
    target: Option<String>,
    /// How long each target is tried
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// What all inputs are drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A folder with more seeds: .xlsx, .md, .xml, .json, and .txt with an expression on each line
    #[arg(long, value_name = "DIR")]
    seeds: Option<PathBuf>,
    /// Only this input, from a file
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// How long one input may take
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    limit: u64,
    /// Says the number of each input; begins with this one
    #[arg(long, hide = true)]
    worker: Option<u64>,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let Some(name) = &options.target else {
        for target in TARGETS {
            println!("{:<14} {}", target.name, target.about);
        }
        return Ok(());
    };
    let targets: Vec<Target> =
        TARGETS.into_iter().filter(|target| name == "all" || target.name == name).collect();
    ensure!(!targets.is_empty(), "there is no target {name}; without one they are listed");
    if let (Some(file), Some(target)) = (&options.input, targets.first()) {
        let bytes = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
        return (target.run)(&bytes).map_err(|broken| anyhow::anyhow!(broken));
    }
    if let (Some(first), Some(target)) = (options.worker, targets.first()) {
        return work(target, &options, first);
    }
    let mut found = 0;
    for target in &targets {
        found += hunt(target, &options)?;
    }
    ensure!(found == 0, "{found} findings; each is a file in {}", findings().display());
    Ok(())
}

/// One input after the other, until somebody ends this process.
fn work(target: &Target, options: &Options, first: u64) -> Result<()> {
    let seeds = Seeds::read(options.seeds.as_deref());
    let mut output = std::io::stdout().lock();
    for number in first.. {
        output.write_all(&number.to_le_bytes())?;
        output.flush()?;
        if let Err(broken) = (target.run)(&input(target, &seeds, options.seed, number)) {
            bail!("{broken}");
        }
    }
    Ok(())
}

/// Watches workers until the time is over; how many different findings.
fn hunt(target: &Target, options: &Options) -> Result<usize> {
    let seeds = Seeds::read(options.seeds.as_deref());
    let end = Instant::now() + Duration::from_secs_f64(options.minutes * 60.0);
    let limit = Duration::from_secs(options.limit);
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    let mut next = 0;
    while Instant::now() < end {
        let mut arguments: Vec<String> =
            vec![target.name.to_owned(), format!("--seed={}", options.seed), format!("--worker={next}")];
        arguments.extend(options.seeds.iter().map(|folder| format!("--seeds={}", folder.display())));
        let watched = watch::worker(&arguments, limit, end)?;
        let Some(number) = watched.last else { bail!("the worker did not begin: {}", watched.said) };
        next = number + 1;
        let Some(failure) = watched.failure else { break };
        let times = found.entry(failure.clone()).or_default();
        *times += 1;
        if *times == 1 {
            println!("{}: input {number} of seed {}: {failure}", target.name, options.seed);
            let bytes = input(target, &seeds, options.seed, number);
            let small = shrink::shrink(target, bytes, &failure, limit)?;
            let file = keep(target, &small)?;
            println!("    kept as {}\n    {}", file.display(), watched.said.trim().replace('\n', "\n    "));
        }
    }
    println!("{}: {next} inputs of seed {}, {} findings", target.name, options.seed, found.len());
    for (failure, times) in &found {
        println!("    {times} times: {failure}");
    }
    Ok(found.len())
}

fn keep(target: &Target, bytes: &[u8]) -> Result<PathBuf> {
    let folder = findings().join(target.name);
    std::fs::create_dir_all(&folder).with_context(|| format!("{} cannot be created", folder.display()))?;
    let name: String = Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let file: &Path = &folder.join(name);
    std::fs::write(file, bytes).with_context(|| format!("{} cannot be written", file.display()))?;
    Ok(file.to_owned())
}
