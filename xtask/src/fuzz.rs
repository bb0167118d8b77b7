//! `cargo xtask fuzz`: made-up inputs for the doors of the form engine, by the
//! program in `tests/fuzz`, built fast and with every check.

use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::console::step;
use crate::workspace;

const PACKAGE: &str = "doorstep-fuzz";
const PROFILE: &str = "fuzz";

/// Goes to the program as it is.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// A target or `all`, then --minutes N, --seed S, --seeds DIR, --limit SECONDS, or --input FILE
    #[arg(value_name = "TARGET", trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Builds the program and starts it.
///
/// # Errors
/// When something was found; each finding is a file that the tests try again.
pub(crate) fn run(options: &Options) -> Result<()> {
    step("building the fuzz program");
    workspace::run(workspace::cargo().args(["build", "--profile", PROFILE, "--package", PACKAGE]))?;
    let program = workspace::target_folder()?.join(PROFILE).join(PACKAGE);
    workspace::run(Command::new(program).args(&options.arguments).current_dir(workspace::root()))
}
