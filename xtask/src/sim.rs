//! `cargo xtask sim`: the simulation of sync, by the program in `tests/sim`.

use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::console::step;
use crate::postgres::Cluster;
use crate::workspace;

const PACKAGE: &str = "doorstep-sim";
const DATABASE_VARIABLE: &str = "TEST_DATABASE_URL";

/// Goes to the program as it is, but for `--postgres`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// --parallel and --kill on a PostgreSQL of our own instead of SQLite
    #[arg(long)]
    postgres: bool,
    /// --seeds N, --seed S, --phones N, --steps N, --trace, --without RULE; --parallel MINUTES, --kill MINUTES
    #[arg(value_name = "OPTIONS", trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Builds the program and starts it.
///
/// # Errors
/// When a seed failed, or something was lost.
pub(crate) fn run(options: &Options) -> Result<()> {
    step("building the simulation");
    workspace::run(workspace::cargo().args(["build", "--package", PACKAGE]))?;
    let cluster = if options.postgres { Some(Cluster::start()?) } else { None };
    let mut program = Command::new(workspace::target_folder()?.join("debug").join(PACKAGE));
    program.args(&options.arguments).current_dir(workspace::root()).env_remove(DATABASE_VARIABLE);
    if let Some(cluster) = &cluster {
        program.env(DATABASE_VARIABLE, cluster.url());
    }
    workspace::run(&mut program)
}
