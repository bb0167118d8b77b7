//! Everything around the product: building the phone app, running the demo,
//! the tests and what they need, and the rules that no compiler checks.
//!
//! [`dist`] builds the app with the help of [`toolchain`]; [`packages`] installs
//! what is missing, or says exactly what to install.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod console;
mod dist;
mod packages;
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
    /// The phone app, into `app/dist`: what the server carries and serves.
    Dist,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Dist => dist::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            console::failed(format_args!("{cause:#}"));
            ExitCode::FAILURE
        }
    }
}
