//! `cargo xtask conformance`: other people's test cases, run against the form
//! engine. The cases are data that lie beside the clone; none are kept in it.

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};

use crate::console::{line, step};
use crate::workspace;

const PACKAGE: &str = "doorstep-conformance";
/// Names the folder of the vectors, where they are not beside the clone.
const VECTORS_VARIABLE: &str = "DOORSTEP_VECTORS";

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
    let reports = reports(&folders, options.only.as_deref())?;
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
