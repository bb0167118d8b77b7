//! `doorstep-conformance DIR… [--json]`: runs the vectors of each folder.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a command's answer")]

use anyhow::Context;
use doorstep_conformance::{FILES, Known, Report, run};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let json = arguments.iter().any(|argument| argument == "--json");
    let only = arguments.iter().find_map(|argument| argument.strip_prefix("--only="));
    let known = Known::listed();
    let mut reports: BTreeMap<String, Report> = BTreeMap::new();
    for folder in arguments.iter().filter(|argument| !argument.starts_with("--")) {
        let folder = Path::new(folder);
        let read = |name: &str| std::fs::read(folder.join(name)).with_context(|| format!("{name} cannot be read"));
        for name in FILES {
            if folder.join(name).is_file() && only.is_none_or(|only| name.starts_with(only)) {
                reports.insert(folder.join(name).display().to_string(), run(name, &known, &read)?);
            }
        }
    }
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
