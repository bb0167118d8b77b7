//! `cargo xtask bench media`: the program that measures, built as the server
//! is installed.

use anyhow::Result;
use clap::Args;

use crate::console::step;
use crate::workspace;

const PACKAGE: &str = "doorstep-load";

/// What is measured of photos.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Phones that send at once.
    #[arg(long, default_value_t = 64)]
    phones: usize,
    /// Photos of each.
    #[arg(long, default_value_t = 80)]
    photos: usize,
    /// The folder whose disk is measured, instead of the system's for temporary files.
    #[arg(long, value_name = "FOLDER")]
    folder: Option<std::path::PathBuf>,
}

pub(super) fn run(options: &Options) -> Result<()> {
    step("building the program that measures");
    workspace::run(workspace::cargo().args(["build", "--release", "--package", PACKAGE]))?;
    let program = workspace::target_folder()?.join("release").join(PACKAGE);
    let mut command = std::process::Command::new(program);
    command.args(["--phones", &options.phones.to_string(), "--photos", &options.photos.to_string()]);
    if let Some(folder) = &options.folder {
        command.arg("--folder").arg(folder);
    }
    workspace::run(&mut command)
}
