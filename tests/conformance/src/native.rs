//! The program native: folders in, lines or JSON out.

use anyhow::{Context, anyhow};
use doorstep_conformance::{FILES, Known, Report, run};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub(crate) fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let json = arguments.iter().any(|argument| argument == "--json");
    let only = arguments.iter().find_map(|argument| argument.strip_prefix("--only="));
    let folders = arguments.iter().filter(|argument| !argument.starts_with("--"));
    let mut files = Vec::new();
    for folder in folders.map(Path::new) {
        for name in FILES {
            if folder.join(name).is_file() && only.is_none_or(|only| name.starts_with(only)) {
                files.push((folder.to_owned(), name));
            }
        }
    }
    let reports = run_all(&files)?;
    let (passed, failed) = reports
        .values()
        .fold((0, 0), |(passed, failed), report| (passed + report.passed, failed + report.failures.len()));
    if json {
        println!("{}", serde_json::to_string_pretty(&reports)?);
    } else {
        for (file, report) in &reports {
            for failure in &report.failures {
                println!("FAILED {}\n    {}", failure.id, failure.why.replace('\n', "\n    "));
            }
            println!(
                "{file}: {} passed, {} failed ({} known, {} skipped)",
                report.passed,
                report.failures.len(),
                report.known,
                report.skipped
            );
        }
        println!("{passed} passed, {failed} failed");
    }
    Ok(if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The files side by side, one thread each.
fn run_all(files: &[(PathBuf, &str)]) -> anyhow::Result<BTreeMap<String, Report>> {
    let known = Known::listed();
    std::thread::scope(|scope| {
        let running: Vec<_> = files
            .iter()
            .map(|(folder, name)| {
                let known = &known;
                let thread = scope.spawn(move || {
                    let read = |name: &str| {
                        std::fs::read(folder.join(name)).with_context(|| format!("{name} cannot be read"))
                    };
                    run(name, known, &read)
                });
                (folder.join(name).display().to_string(), thread)
            })
            .collect();
        let mut reports = BTreeMap::new();
        for (file, thread) in running {
            let report = thread.join().map_err(|_| anyhow!("{file}: the engine panicked"))?;
            reports.insert(file.clone(), report.context(file)?);
        }
        Ok(reports)
    })
}
