//! `doorstep-sim --seeds N`: runs so many seeds; `cargo xtask sim` builds and
//! starts it.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a command's answer")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use doorstep_core::sync::{Rule, Rules};
use doorstep_sim::county::Template;
use doorstep_sim::plan::{Plan, Size};
use doorstep_sim::run::{Outcome, run};
use doorstep_sim::shrink::shrink;

/// Runs in which a failure is shrunk.
const SHRINKING_RUNS: usize = 300;

/// What is simulated.
#[derive(Clone, Debug, Parser)]
struct Options {
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
