//! The real application with a synthetic county: the phone app, the server
//! with the app inside, and the server's own demonstration.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command};

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::console::step;
use crate::toolchain::{Made, Toolchain};
use crate::{dist, packages, workspace};

/// See `Cargo.toml`: quick to build.
const PROFILE: &str = "demo";

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
    let ahead = begin_server()?;
    let app = dist::run(Made::Quickly);
    if let Some(ahead) = ahead {
        finish(ahead)?;
    }
    app?;
    step("2/3 the server, with the app inside");
    workspace::run(&mut build_server(workspace::cargo()))?;
    step("3/3 the county");
    let server = workspace::target_folder()?.join(PROFILE).join("doorstep");
    let mut command = Command::new(server);
    command.current_dir(workspace::root()).arg("demo");
    command.args(["--port", &options.port.to_string()]).arg("--data").arg(&options.data);
    if options.lan {
        command.arg("--lan");
    }
    workspace::run(&mut command)
}

fn build_server(mut cargo: Command) -> Command {
    // It has a database and a folder of its own: PostgreSQL and S3 are not in it.
    cargo.args(["build", "--profile", PROFILE, "--package", "doorstep", "--no-default-features"]);
    cargo
}

/// On a fresh machine the server is compiled beside the app, without it: the
/// app's last minutes leave a core idle, and what the server is made of takes
/// as long again. The app is put inside afterwards.
fn begin_server() -> Result<Option<Child>> {
    if dist::is_built() {
        return Ok(None);
    }
    Toolchain::find_or_install()?;
    step("meanwhile: what the server is made of");
    // A file that the server is compiled with: when it has become the app's,
    // cargo compiles the program anew, and not the library.
    let folder = dist::dist_folder();
    let shell = folder.join("index.html");
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&shell, ""))
        .with_context(|| format!("{} cannot be written", shell.display()))?;
    let child = build_server(polite_cargo()).arg("--quiet").spawn().context("cargo cannot be started")?;
    Ok(Some(child))
}

/// A cargo that leaves the cores to the app's where both want one: the app
/// takes longer.
fn polite_cargo() -> Command {
    let Some(nice) = packages::program("nice") else { return workspace::cargo() };
    let mut cargo = workspace::cargo_at(nice);
    cargo.args(["-n", "10"]).arg(workspace::cargo().get_program());
    cargo
}

fn finish(mut ahead: Child) -> Result<()> {
    let status = ahead.wait().context("the build of the server cannot be waited for")?;
    ensure!(status.success(), "the server does not build ({status}); the compiler has said why");
    Ok(())
}
