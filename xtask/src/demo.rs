//! The real application with a synthetic county: the phone app, the server
//! with the app inside, and the server's own demonstration.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::console::step;
use crate::{dist, workspace};

/// What the server's `demo` is told.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The port to serve on.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The data folder.
    #[arg(long, default_value = "data/demo")]
    data: PathBuf,
    /// HTTPS on the local network, with a self-signed certificate and a QR code.
    #[arg(long)]
    lan: bool,
}

/// Builds everything and serves until it is stopped.
///
/// # Errors
/// When something does not build, or the server does not start.
pub(crate) fn run(options: &Options) -> Result<()> {
    step("1/3 the phone app (on a fresh machine this takes some minutes)");
    dist::run()?;
    step("2/3 the server, with the app inside");
    workspace::run(workspace::cargo().args(["build", "--release", "--package", "doorstep"]))?;
    step("3/3 the county");
    let server = workspace::target_folder()?.join("release").join("doorstep");
    let mut command = std::process::Command::new(server);
    command.current_dir(workspace::root()).arg("demo");
    command.args(["--port", &options.port.to_string()]).arg("--data").arg(&options.data);
    if options.lan {
        command.arg("--lan");
    }
    workspace::run(&mut command)
}
