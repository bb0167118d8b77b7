//! `cargo xtask conformance`: other people's test cases, run against the form
//! engine. The cases are data that lie beside the clone; none are kept in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};

use crate::browser::{self, Page};
use crate::console::{line, step};
use crate::toolchain::{Made, Toolchain};
use crate::workspace;

const PACKAGE: &str = "doorstep-conformance";
/// Names the folder of the vectors, where they are not beside the clone.
const VECTORS_VARIABLE: &str = "DOORSTEP_VECTORS";

/// A browser that says nothing for so long is stopped.
const WASM_TIME_MAX: Duration = Duration::from_secs(900);
/// Fetches the files and runs the program, which begins by itself.
const SCRIPT: &str = "export async function answer() {
  const files = new Map();
  for (const name of NAMES) {
    const response = await fetch('/vectors/' + encodeURI(name));
    files.set(name, new Uint8Array(await response.arrayBuffer()));
  }
  globalThis.doorstepFiles = files;
  try {
    await start();
  } catch (cause) {
    throw new Error(globalThis.doorstepPanic ?? cause);
  }
  if (globalThis.doorstepPanic) throw new Error(globalThis.doorstepPanic);
  return globalThis.doorstepOutcome;
}
";

/// What is run, and how the outcome is told.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Folders with vectors [default: DOORSTEP_VECTORS, else ../shared/vectors]
    #[arg(value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// Every outcome as JSON, instead of lines.
    #[arg(long)]
    json: bool,
    /// Only the files whose names begin so, e.g. xpath.
    #[arg(long, value_name = "PREFIX")]
    only: Option<String>,
    /// Compiled to wasm and run in Chromium.
    #[arg(long)]
    wasm: bool,
}

/// What came out of one file of vectors, as the program tells it.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Report {
    pub(crate) passed: u64,
    pub(crate) failures: Vec<Failure>,
    pub(crate) known: u64,
    pub(crate) skipped: u64,
}

/// A case that did not do what it should.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Failure {
    pub(crate) id: String,
    pub(crate) why: String,
}

pub(crate) type Reports = BTreeMap<String, Report>;

/// Runs the vectors and prints what came out.
///
/// # Errors
/// When a case failed that is not listed as known, or none ran.
pub(crate) fn run(options: &Options) -> Result<()> {
    let folders = if options.folders.is_empty() {
        vec![vectors().with_context(|| {
            format!(
                "there are no vectors in {}; name a folder, or set {VECTORS_VARIABLE}",
                beside_the_clone().display()
            )
        })?]
    } else {
        options.folders.clone()
    };
    let reports = if options.wasm {
        as_wasm(&folders, options.only.as_deref())?
    } else {
        reports(&folders, options.only.as_deref())?
    };
    if options.json {
        line(serde_json::to_string_pretty(&reports).context("the outcome cannot be written as JSON")?);
    } else {
        for report in reports.values() {
            for failure in &report.failures {
                line(format_args!("FAILED {}\n    {}", failure.id, failure.why.replace('\n', "\n    ")));
            }
        }
        tell(&reports);
    }
    let (passed, failed) = sum(&reports);
    if !options.json {
        line(format_args!("{passed} passed, {failed} failed"));
    }
    ensure!(failed == 0 && passed > 0, "not every vector passed");
    Ok(())
}

/// The folder of the vectors, where there is one.
pub(crate) fn vectors() -> Option<PathBuf> {
    let folder = env::var_os(VECTORS_VARIABLE)
        .filter(|folder| !folder.is_empty())
        .map_or_else(beside_the_clone, PathBuf::from);
    folder.is_dir().then_some(folder)
}

fn beside_the_clone() -> PathBuf {
    workspace::beside("shared/vectors")
}

/// Cases that fail and are still to be put right. They are failures here; the
/// run of all tests fails only for others, so that nothing that passed is lost.
///
/// # Errors
/// When the list cannot be read.
pub(crate) fn open() -> Result<BTreeSet<String>> {
    let list = workspace::root().join("tests/conformance/open.tsv");
    let text = fs::read_to_string(&list).with_context(|| format!("{} cannot be read", list.display()))?;
    Ok(text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split('\t').next())
        .filter(|id| !id.is_empty())
        .map(str::to_owned)
        .collect())
}

/// A line for each file.
pub(crate) fn tell(reports: &Reports) {
    for (file, report) in reports {
        line(format_args!(
            "{file}: {} passed, {} failed ({} known, {} skipped)",
            report.passed,
            report.failures.len(),
            report.known,
            report.skipped
        ));
    }
}

/// How many passed and failed in all.
pub(crate) fn sum(reports: &Reports) -> (u64, u64) {
    reports.values().fold((0, 0), |(passed, failed), report| {
        (passed + report.passed, failed + u64::try_from(report.failures.len()).unwrap_or(u64::MAX))
    })
}

/// Builds the program, optimised, and runs it over the folders.
///
/// # Errors
/// When it does not build, or a file is not what its name says.
pub(crate) fn reports(folders: &[PathBuf], only: Option<&str>) -> Result<Reports> {
    step("building the conformance program");
    workspace::run(workspace::cargo().args(["build", "--release", "--package", PACKAGE]))?;
    step("running the vectors");
    let mut command = Command::new(workspace::target_folder()?.join("release").join(PACKAGE));
    command.arg("--json").args(folders).stderr(Stdio::inherit());
    if let Some(only) = only {
        command.arg(format!("--only={only}"));
    }
    // Its exit code only repeats what the outcome says.
    let output = command.output().with_context(|| format!("{PACKAGE} cannot be started"))?;
    if output.stdout.is_empty() {
        bail!("{PACKAGE} ended early ({})", output.status);
    }
    serde_json::from_slice(&output.stdout).with_context(|| format!("{PACKAGE} does not answer with JSON"))
}

/// The same in a browser, file by file.
fn as_wasm(folders: &[PathBuf], only: Option<&str>) -> Result<Reports> {
    let wasm = Toolchain::find_or_install()?.build(PACKAGE, "the conformance program", Made::Small)?;
    let wasm = fs::read(&wasm).with_context(|| format!("{} cannot be read", wasm.display()))?;
    let mut all = Reports::new();
    for folder in folders {
        let mut page = Page::with_program(&wasm)?;
        let mut names = Vec::new();
        collect(folder, "", only, &mut |name, bytes| {
            page.files.insert(format!("/vectors/{name}"), bytes);
            names.push(name);
        })?;
        let names = serde_json::to_string(&names).context("names that are no text")?;
        page.script.push_str(&SCRIPT.replace("NAMES", &names));
        step(format_args!("running the vectors of {} in Chromium", folder.display()));
        let answer = browser::answer(&page, WASM_TIME_MAX)?;
        let reports: Reports = serde_json::from_str(&answer).context("the page does not answer with JSON")?;
        all.extend(
            reports.into_iter().map(|(name, report)| (folder.join(name).display().to_string(), report)),
        );
    }
    Ok(all)
}

/// Every file below a folder that the program may ask for, by its name within.
fn collect(
    folder: &Path,
    within: &str,
    only: Option<&str>,
    take: &mut impl FnMut(String, Vec<u8>),
) -> Result<()> {
    let unreadable = || format!("{} cannot be read", folder.display());
    for entry in fs::read_dir(folder).with_context(unreadable)? {
        let path = entry.with_context(unreadable)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let name = format!("{within}{name}");
        if only.is_some_and(|only| !name.starts_with(only) && !only.starts_with(&name)) {
            continue;
        }
        if path.is_dir() {
            // What is in a folder belongs to the file that names it.
            collect(&path, &format!("{name}/"), None, take)?;
        } else {
            take(name, fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_read_and_added_up() -> Result<()> {
        let reports: Reports = serde_json::from_str(
            r#"{
                "a/xpath.json": {"passed": 3, "failures": [{"id": "x", "why": "1, not 2"}], "known": 1, "skipped": 0},
                "b/xpath.json": {"passed": 4, "failures": [], "known": 0, "skipped": 2}
            }"#,
        )?;
        assert_eq!(sum(&reports), (7, 1));
        Ok(())
    }
}
