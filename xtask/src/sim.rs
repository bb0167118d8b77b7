//! `cargo xtask sim`: the simulation of sync, by the program in `tests/sim`.

use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::console::step;
use crate::workspace;

const PACKAGE: &str = "doorstep-sim";

/// Goes to the program as it is.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// --seeds N, --seed S, --phones N, --steps N, --trace, --without RULE
    #[arg(value_name = "OPTIONS", trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Builds the program and starts it.
///
/// # Errors
/// When a seed failed.
pub(crate) fn run(options: &Options) -> Result<()> {
    step("building the simulation");
    workspace::run(workspace::cargo().args(["build", "--package", PACKAGE]))?;
    let program = workspace::target_folder()?.join("debug").join(PACKAGE);
    workspace::run(Command::new(program).args(&options.arguments).current_dir(workspace::root()))
}
