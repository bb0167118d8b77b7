//! Packages of the system: installed where that is possible, otherwise named.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, io};

use anyhow::{Result, bail};

use crate::console::step;
use crate::workspace;

/// A program of that name in the path.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Whether this process may do everything.
pub(crate) fn is_root() -> bool {
    // The owner of a process's own entry is the user it runs as.
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|entry| entry.uid() == 0)
}

/// Installs Debian packages.
///
/// # Errors
/// Where there is no apt or no right to use it, with what to do by hand.
pub(crate) fn install(packages: &[&str], what_for: &str) -> Result<()> {
    let list = packages.join(" ");
    if !Path::new("/usr/bin/apt-get").exists() {
        bail!(
            "{what_for} is missing, and there is no apt-get here to install it with; \
             install what Debian calls {list} with your package manager, and run this again"
        );
    }
    let Some(prefix) = right_to_install() else {
        bail!(
            "{what_for} is missing, and this user may not install packages; run\n  \
             sudo apt-get update && sudo apt-get install -y --no-install-recommends {list}\nand then this again"
        );
    };
    step(format_args!("installing {list}, for {what_for}"));
    // Old lists are no obstacle where the packages are already known.
    if let Err(cause) = workspace::run(&mut apt(prefix, &["update", "-qq"])) {
        step(format_args!("{cause:#}; trying with the lists that are there"));
    }
    let arguments = ["install", "-y", "-qq", "--no-install-recommends"];
    workspace::run(apt(prefix, &arguments).args(packages)).map_err(|cause| {
        cause.context(format!("{what_for} could not be installed (the packages {list}); install it by hand"))
    })
}

/// What stands before `apt-get`, if it may be used.
fn right_to_install() -> Option<&'static [&'static str]> {
    if is_root() {
        return Some(&[]);
    }
    let may = Command::new("sudo")
        .args(["-n", "true"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    may.then_some(&["sudo", "-n"])
}

fn apt(prefix: &[&str], arguments: &[&str]) -> Command {
    let words = [prefix, &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"], arguments].concat();
    let mut words = words.into_iter();
    let mut command = Command::new(words.next().unwrap_or("env"));
    command.args(words).stdin(Stdio::null()).stdout(io::stderr());
    command
}
