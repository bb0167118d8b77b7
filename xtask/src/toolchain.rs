//! A compiler for the phone app and what runs beside it in a browser: where the wasm32 target comes from.
//!
//! `DOORSTEP_WASM_TOOLCHAIN` decides: `auto` takes what is there, else asks
//! rustup, else takes Debian's packages. Debian has no standard library for
//! wasm32 without an operating system, but its source, so the library is built
//! with the app (`-Zbuild-std`, which a stable compiler does when told that it
//! may).

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::console::step;
use crate::packages;
use crate::workspace;

const TARGET: &str = "wasm32-unknown-unknown";
const CHOICE: &str = "DOORSTEP_WASM_TOOLCHAIN";

const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-19"];
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_LLD: &str = "/usr/lib/llvm-19/bin/lld";

/// Which way the person wants.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Choice {
    Auto,
    Rustup,
    Debian,
}

impl Choice {
    fn from_environment() -> Result<Self> {
        match env::var(CHOICE).as_deref() {
            Err(env::VarError::NotPresent) | Ok("" | "auto") => Ok(Self::Auto),
            Ok("rustup") => Ok(Self::Rustup),
            Ok("debian") => Ok(Self::Debian),
            Ok(other) => bail!("{CHOICE}={other} is not known; it is auto, rustup or debian"),
            Err(cause) => bail!("{CHOICE}: {cause}"),
        }
    }
}

/// What a program is built for; `Cargo.toml` has both profiles.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Made {
    /// As small as it gets.
    Small,
    /// The same, but functions keep their names: to see where time goes.
    Named,
    /// Soon: for one person on the same machine.
    Quickly,
}

impl Made {
    fn profile(self) -> &'static str {
        match self {
            Self::Small | Self::Named => "wasm",
            Self::Quickly => "wasm-demo",
        }
    }
}

/// A compiler that can build for wasm32.
#[derive(Debug)]
pub(crate) enum Toolchain {
    /// The compiler that built this, which has the target.
    Present,
    /// Debian's compiler, which builds the target's library itself.
    Debian,
}

impl Toolchain {
    /// Finds one, or installs it.
    ///
    /// # Errors
    /// When there is none and none can be had, with what to do.
    pub(crate) fn find_or_install() -> Result<Self> {
        let choice = Choice::from_environment()?;
        if choice != Choice::Debian {
            if has_target()? {
                return Ok(Self::Present);
            }
            match add_by_rustup() {
                Ok(()) if has_target()? => return Ok(Self::Present),
                Ok(()) => step("rustup added the target, but not to the compiler that is used here"),
                Err(cause) => step(format_args!("rustup cannot add {TARGET}: {cause:#}")),
            }
            if choice == Choice::Rustup {
                bail!(
                    "there is no standard library for {TARGET}; run `rustup target add {TARGET}` for the toolchain \
                     that runs cargo here, or set {CHOICE}=debian on a Debian machine"
                );
            }
        }
        if !debian_is_complete() {
            packages::install(&DEBIAN_PACKAGES, "a compiler for the phone app (wasm32)").with_context(|| {
                format!("there is no compiler for {TARGET}: `rustup target add {TARGET}` is the other way to one")
            })?;
        }
        ensure!(
            debian_is_complete(),
            "Debian's packages {} are asked for, but one is not installed, or {DEBIAN_RUSTC}, {DEBIAN_CARGO}, {DEBIAN_LLD} or the library's \
             source under {} is not there",
            DEBIAN_PACKAGES.join(", "),
            debian_library().display(),
        );
        Ok(Self::Debian)
    }

    /// Builds the program of a package; the answer is its wasm file.
    ///
    /// # Errors
    /// When it does not build; the compiler has said why.
    pub(crate) fn build(&self, package: &str, what: &str, made: Made) -> Result<PathBuf> {
        let target_folder = workspace::target_folder()?;
        let (mut cargo, target_folder) = match self {
            Self::Present => (workspace::cargo(), target_folder),
            Self::Debian => {
                let mut cargo = workspace::cargo_at(DEBIAN_CARGO);
                // What is compiled by another compiler is kept apart.
                let folder = target_folder.join("wasm-debian");
                cargo
                    // A browser has no backtraces of ours, and what reads them takes long to compile.
                    .args(["build", "-Zbuild-std=std,panic_abort", "-Zbuild-std-features=default"])
                    .env_remove("RUSTUP_TOOLCHAIN")
                    .env_remove("RUSTDOC")
                    .env("RUSTC", DEBIAN_RUSTC)
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("CARGO", DEBIAN_CARGO)
                    .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", DEBIAN_LLD);
                (cargo, folder)
            }
        };
        if matches!(self, Self::Present) {
            cargo.arg("build");
        }
        // Flags from the environment would push out those of .cargo/config.toml.
        cargo
            .args(["--target", TARGET, "--profile", made.profile(), "--package", package])
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env("CARGO_TARGET_DIR", &target_folder);
        step(format_args!("building {what} ({})", self.name()));
        workspace::run(&mut cargo)?;
        Ok(target_folder.join(TARGET).join(made.profile()).join(package).with_extension("wasm"))
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Present => "wasm32 by this toolchain",
            Self::Debian => "wasm32 by Debian's compiler",
        }
    }
}

/// Whether the compiler that cargo uses here has the target's library.
fn has_target() -> Result<bool> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--print", "sysroot"])
        .current_dir(workspace::root())
        .output()
        .context("rustc cannot be started")?;
    ensure!(output.status.success(), "rustc --print sysroot failed");
    let sysroot = String::from_utf8_lossy(&output.stdout);
    Ok(Path::new(sysroot.trim()).join("lib/rustlib").join(TARGET).join("lib").is_dir())
}

fn add_by_rustup() -> Result<()> {
    ensure!(packages::program("rustup").is_some(), "there is no rustup");
    step(format_args!("asking rustup for {TARGET}"));
    let mut rustup = Command::new("rustup");
    rustup
        .args(["target", "add", TARGET])
        .current_dir(workspace::root())
        .stdin(Stdio::null())
        .stdout(std::io::stderr());
    workspace::run(&mut rustup)
}

fn debian_is_complete() -> bool {
    let installed = Command::new("dpkg-query")
        .args(["--show", "--showformat=${db:Status-Status}\n"])
        .args(DEBIAN_PACKAGES)
        .stderr(Stdio::null())
        .output()
        .is_ok_and(|output| {
            output.status.success()
                && String::from_utf8_lossy(&output.stdout).lines().all(|status| status == "installed")
        });
    installed
        && [DEBIAN_RUSTC, DEBIAN_CARGO, DEBIAN_LLD].iter().all(|file| Path::new(file).is_file())
        && debian_library().join("Cargo.toml").is_file()
}

/// Where the source of the standard library has to be: below the sysroot.
fn debian_library() -> PathBuf {
    PathBuf::from("/usr/lib/rustlib/src/rust/library")
}
