//! Everything around the product: building the phone app, running the demo,
//! the tests and what they need, and the rules that no compiler checks.
//!
//! * [`demo`]: the real application with a synthetic county.
//! * [`conformance`]: other people's test cases against the form engine.
//! * [`dist`] builds the phone app with the help of [`toolchain`].
//! * [`test`] runs every test; [`postgres`], [`s3`] and [`chromium103`] are
//!   what some of them need. [`tidy`]: the rules.
//! * [`bench`]: how fast the form engine is, beside others.
//! * [`browser`]: a page in a headless Chromium that does one thing.
//! * [`fuzz`]: made-up inputs for the form engine. [`sim`]: sync, simulated.
//! * [`oracle`]: the form engine and two others, step by step.
//! * [`packages`] installs what is missing, or says exactly what to install.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod browser;
mod chromium103;
mod conformance;
mod console;
mod demo;
mod dist;
mod fuzz;
mod oracle;
mod packages;
mod postgres;
mod s3;
mod sim;
mod test;
mod tidy;
mod toolchain;
mod workspace;

/// Builds, runs and checks Doorstep.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// The real application with a synthetic county, on an embedded database.
    Demo(demo::Options),
    /// Every test, or the parts that are named; ends with `N passed, N failed`.
    Test { parts: Vec<test::Part> },
    /// The phone app, into `app/dist`: what the server carries and serves.
    Dist,
    /// The rules that no compiler checks, and the licences of what we depend on.
    Tidy,
    /// Other people's test cases against the form engine: per file and in all `N passed, N failed`.
    Conformance(conformance::Options),
    /// How fast the form engine is, beside other engines where they are installed.
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Made-up inputs for the doors of the form engine; without a target they are listed.
    Fuzz(fuzz::Options),
    /// Made-up forms and sessions, step by step on three engines: where they differ.
    Oracle(oracle::Options),
    /// Sync, simulated: the real phone and server under everything that can go wrong.
    Sim(sim::Options),
    /// The first story and the short matrix of faults in a real Chromium 103.
    Chromium103,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Demo(options) => demo::run(&options),
        Task::Test { parts } => test::run(&parts),
        Task::Dist => dist::run(toolchain::Made::Small),
        Task::Tidy => tidy::run(),
        Task::Conformance(options) => conformance::run(&options),
        Task::Bench(bench) => bench::run(&bench),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Oracle(options) => oracle::run(&options),
        Task::Sim(options) => sim::run(&options),
        Task::Chromium103 => chromium103::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            console::failed(format_args!("{cause:#}"));
            ExitCode::FAILURE
        }
    }
}
