//! Where things are, and cargo as a child that sees what its caller saw.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// What `cargo run` adds to the environment of a program. A cargo below would
/// take them for changes and build again what it has.
const FROM_CARGO_RUN: [&str; 9] = [
    "CARGO_BIN_NAME",
    "CARGO_CRATE_NAME",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_LINKS",
    "CARGO_MANIFEST_PATH",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_RUSTC_CURRENT_DIR",
    "CARGO_BIN_EXE",
    "OUT_DIR",
];
const LIBRARY_PATH: &str = "LD_LIBRARY_PATH";

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package.parent().map_or_else(|| package.clone(), Path::to_owned)
}

/// What lies beside the clone, in the folder around it.
pub(crate) fn beside(place: &str) -> PathBuf {
    let root = root();
    root.parent().unwrap_or(&root).join(place)
}

/// Where cargo builds.
///
/// # Errors
/// When cargo cannot read the workspace.
pub(crate) fn target_folder() -> Result<PathBuf> {
    let metadata = metadata(&["--no-deps"])?;
    let folder = metadata["target_directory"].as_str().context("cargo metadata names no target folder")?;
    Ok(PathBuf::from(folder))
}

/// What `cargo metadata` says: without asking the network where what is needed
/// was fetched before, and after fetching it where not. Every platform's
/// dependencies are needed, and a build fetches only its own.
///
/// # Errors
/// When cargo cannot read the workspace, or cannot fetch what it lacks.
pub(crate) fn metadata(options: &[&str]) -> Result<Value> {
    let ask = |place: &[&str]| {
        cargo()
            .args(["metadata", "--format-version", "1"])
            .args(place)
            .args(options)
            .output()
            .context("cargo metadata cannot be started")
    };
    let mut output = ask(&["--offline"])?;
    if !output.status.success() {
        output = ask(&["--locked"])?;
    }
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim());
    serde_json::from_slice(&output.stdout).context("cargo metadata does not answer with JSON")
}

/// Where downloads and unpacked tools are kept from one clone to the next.
///
/// # Errors
/// When the environment names no home.
pub(crate) fn cache_folder() -> Result<PathBuf> {
    let cache = env::var_os("XDG_CACHE_HOME")
        .filter(|folder| !folder.is_empty())
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cache")))
        .context("there is no home folder to keep a cache in; set XDG_CACHE_HOME")?;
    Ok(cache.join("doorstep"))
}

/// The cargo that runs this task.
pub(crate) fn cargo() -> Command {
    cargo_at(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// A cargo in the folder of the workspace, with the caller's environment.
pub(crate) fn cargo_at(program: impl Into<OsString>) -> Command {
    let mut command = Command::new(program.into());
    command.current_dir(root());
    for name in FROM_CARGO_RUN {
        command.env_remove(name);
    }
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_")) {
            command.env_remove(name);
        }
    }
    match library_path() {
        None => command.env_remove(LIBRARY_PATH),
        Some(path) => command.env(LIBRARY_PATH, path),
    };
    command
}

/// The caller's library path: cargo puts the folders of the toolchain and of
/// the build before it.
fn library_path() -> Option<OsString> {
    let path = env::var_os(LIBRARY_PATH)?;
    let own: Vec<PathBuf> = env::split_paths(&path)
        .filter(|folder| {
            let text = folder.to_string_lossy();
            !text.contains("/toolchains/") && !text.ends_with("/deps") && !text.contains("/build/")
        })
        .filter(|folder| !folder.join(".cargo-lock").exists() && !folder.join("rustlib").exists())
        .collect();
    if own.is_empty() { None } else { env::join_paths(own).ok() }
}

/// The whole sentence of a failed command.
///
/// # Errors
/// When the command cannot be started or fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let arguments: Vec<_> =
        command.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let status = command.status().with_context(|| format!("{name} cannot be started"))?;
    ensure!(status.success(), "{name} {} failed ({status})", arguments.join(" "));
    Ok(())
}
