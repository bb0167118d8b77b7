//! `doorstep-sim --seeds N`: runs so many seeds; `cargo xtask sim` builds and
//! starts it.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a command's answer")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use doorstep::config::Config;
use doorstep_core::sync::{Rule, Rules};
use doorstep_sim::county::Template;
use doorstep_sim::plan::{Plan, Size};
use doorstep_sim::run::{Outcome, run};
use doorstep_sim::shrink::shrink;
use doorstep_sim::{killed, parallel};

/// Runs in which a failure is shrunk.
const SHRINKING_RUNS: usize = 300;
/// Times that the server is ended before everything is looked at.
const KILLS: usize = 25;
/// Visits of each writer before everything is compared.
const VISITS: usize = 12;

/// Simulates sync, or does the same with real parallel writers, or with a
/// server that is ended over and over.
#[derive(Clone, Debug, Parser)]
struct Options {
    #[command(subcommand)]
    command: Option<Hidden>,
    /// So many seeds, one after the other
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// The first seed; alone, this one and no other
    #[arg(long)]
    seed: Option<u64>,
    /// So many phones in each, instead of a few
    #[arg(long)]
    phones: Option<usize>,
    /// So many steps in each
    #[arg(long)]
    steps: Option<usize>,
    /// Leaves out a rule of sync: every seed may fail then
    #[arg(long, value_name = "RULE")]
    without: Option<String>,
    /// Prints what happened
    #[arg(long)]
    trace: bool,
    /// Seeds that run at once; one per core without it
    #[arg(long)]
    threads: Option<usize>,
    /// No simulation: real parallel writers, for so long
    #[arg(long, value_name = "MINUTES", conflicts_with = "kill")]
    parallel: Option<f64>,
    /// No simulation: the server is ended with SIGKILL under load, for so long
    #[arg(long, value_name = "MINUTES")]
    kill: Option<f64>,
}

#[derive(Clone, Debug, Subcommand)]
enum Hidden {
    /// The server that --kill ends.
    #[command(hide = true)]
    Serve {
        #[arg(long)]
        listen: SocketAddr,
        #[arg(long)]
        database_url: String,
        #[arg(long)]
        data: PathBuf,
        #[arg(long)]
        media_url: Option<String>,
    },
}

struct Seeds {
    options: Options,
    rules: Rules,
    template: Template,
    next: AtomicU64,
    end: u64,
    failed: Mutex<Vec<u64>>,
}

fn main() -> Result<()> {
    let options = Options::parse();
    if let Some(Hidden::Serve { listen, database_url, data, media_url }) = options.command {
        let config =
            Config { listen, database_url: Some(database_url), data, media_url, ..Config::default() };
        return actix_web::rt::System::new().block_on(killed::serve(&config));
    }
    if let Some(minutes) = options.parallel.or(options.kill) {
        let kills = options.kill.is_some();
        let seed = options.seed.unwrap_or_default();
        return actix_web::rt::System::new().block_on(for_minutes(minutes, seed, kills));
    }
    let rules = match &options.without {
        None => Rules::ALL,
        Some(name) => Rules::without(rule(name)?),
    };
    let (first, count) = match options.seed {
        Some(seed) if !std::env::args().any(|argument| argument.starts_with("--seeds")) => (seed, 1),
        seed => (seed.unwrap_or_default(), options.seeds),
    };
    let template = actix_web::rt::System::new().block_on(Template::make())?;
    let threads = options
        .threads
        .unwrap_or_else(|| thread::available_parallelism().map_or(1, std::num::NonZero::get))
        .clamp(1, usize::try_from(count).unwrap_or(1).max(1));
    let seeds = Arc::new(Seeds {
        options,
        rules,
        template,
        next: AtomicU64::new(first),
        end: first + count,
        failed: Mutex::default(),
    });
    let began = Instant::now();
    let runners: Vec<_> = (0..threads)
        .map(|_| {
            let seeds = Arc::clone(&seeds);
            thread::spawn(move || actix_web::rt::System::new().block_on(work(&seeds)))
        })
        .collect();
    for runner in runners {
        runner.join().ok().context("a runner ended early")?;
    }
    let mut failed = seeds.failed.lock().unwrap_or_else(PoisonError::into_inner).clone();
    failed.sort_unstable();
    println!("{count} seeds, {} failed, in {} s", failed.len(), began.elapsed().as_secs());
    ensure!(failed.is_empty(), "seeds that failed: {failed:?}");
    Ok(())
}

/// Real processes and threads, over and over until the time is up.
async fn for_minutes(minutes: f64, first_seed: u64, kills: bool) -> Result<()> {
    let until = Instant::now() + Duration::from_secs_f64(minutes * 60.0);
    let binary = std::env::current_exe()?;
    for seed in first_seed.. {
        let wrong = if kills {
            let report = Box::pin(killed::run(&binary, seed, KILLS)).await?;
            println!(
                "{seed}: {KILLS} times ended, {} syncs broken off, {} visits and {} files acknowledged, {} missing",
                report.broken_off,
                report.visits,
                report.files,
                report.wrong.len()
            );
            report.wrong
        } else {
            let report = Box::pin(parallel::run(seed, VISITS, Rules::ALL)).await?;
            println!(
                "{seed}: {} visits, {} pulls, {} moves, {} decisions, {} wrong",
                report.visits,
                report.pulls,
                report.moves,
                report.decisions,
                report.wrong.len()
            );
            report.wrong
        };
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        if Instant::now() > until {
            break;
        }
    }
    Ok(())
}

fn rule(name: &str) -> Result<Rule> {
    let known = || Rule::ALL.iter().map(|rule| format!("{rule:?}"));
    Rule::ALL.iter().copied().find(|rule| format!("{rule:?}").eq_ignore_ascii_case(name)).with_context(|| {
        format!("there is no rule {name}; there are {}", known().collect::<Vec<_>>().join(", "))
    })
}

async fn work(seeds: &Seeds) {
    loop {
        let seed = seeds.next.fetch_add(1, Ordering::SeqCst);
        if seed >= seeds.end {
            return;
        }
        let plan = Plan::of(seed, Size { phones: seeds.options.phones, steps: seeds.options.steps });
        let outcome = run(&seeds.template, &plan, seeds.rules).await;
        if seeds.options.trace {
            println!("{}", outcome.trace.join("\n"));
            println!("seed {seed}: trace {}", outcome.trace_hash());
        }
        if !outcome.wrong.is_empty() {
            seeds.failed.lock().unwrap_or_else(PoisonError::into_inner).push(seed);
            tell(seeds, &plan, outcome).await;
        }
    }
}

/// Says what went wrong, and how little of it is needed.
async fn tell(seeds: &Seeds, plan: &Plan, outcome: Outcome) {
    println!("seed {} fails:\n    {}", plan.seed, outcome.wrong.join("\n    "));
    if seeds.options.without.is_some() && seeds.options.seeds > 1 && seeds.options.seed.is_none() {
        return;
    }
    let (small, found) = shrink(&seeds.template, plan, seeds.rules, outcome, SHRINKING_RUNS).await;
    println!(
        "seed {} with {} of {} steps:\n    {}\n{}",
        plan.seed,
        small.steps.len(),
        plan.steps.len(),
        found.wrong.join("\n    "),
        found.trace.join("\n")
    );
}
