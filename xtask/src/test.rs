//! Every test, on both databases and in a real browser, and one line at the
//! end: `N passed, N failed`.
//!
//! Everything is compiled once; the test programs are then run one by one with
//! what each of them needs around it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use serde_json::Value;

use crate::console::{failed, line, step};
use crate::postgres::Cluster;
use crate::s3;
use crate::toolchain::Made;
use crate::{conformance, dist, packages, workspace};

/// What the test run can be narrowed to.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Part {
    /// Engine, core, server, tools and the API, with SQLite.
    Sqlite,
    /// Server and API again, with PostgreSQL.
    Postgres,
    /// The tests of files again, with files in a bucket of S3.
    S3,
    /// The stories in a real Chromium.
    Browser,
    /// Other people's test cases against the form engine, where they are.
    Conformance,
}

/// The package of tests through public doors.
const TESTS: &str = "doorstep-tests";
const SERVER: &str = "doorstep";
const BROWSER: &str = "browser";
const SIMULATION: &str = "doorstep-sim";
const SIMULATION_ITSELF: &str = "sim";
/// The server that is ended over and over.
const KILLED: &str = "killed";
/// The harnesses take the database to test on from here.
const DATABASE_VARIABLE: &str = "TEST_DATABASE_URL";
const MEDIA_VARIABLE: &str = "TEST_MEDIA_URL";
const API: &str = "api";
/// The tests of the API in which files are kept.
const OF_FILES: [&str; 8] = [
    "api::bucket",
    "api::evidence",
    "api::form_media",
    "api::left_behind",
    "api::media",
    "api::quarantine",
    "api::sealed_files",
    "api::uploads",
];

/// The story of the browser that is told of either.
const STORY_OF_FILES: &str = "browser::restarts";

/// A compiled test program.
#[derive(Clone, Debug)]
struct Program {
    package: String,
    target: String,
    folder: PathBuf,
    executable: PathBuf,
}

impl Program {
    fn is_browser(&self) -> bool {
        self.package == TESTS && self.target == BROWSER
    }

    /// Whether there is something in it for either database.
    fn uses_database(&self) -> bool {
        match self.package.as_str() {
            SERVER => true,
            TESTS => self.target != BROWSER,
            // The simulation itself goes by the file of its database.
            SIMULATION => self.target != SIMULATION_ITSELF,
            _ => false,
        }
    }
}

/// What became of the tests.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Tally {
    passed: u64,
    failed: u64,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// A part that could not run counts as one failure.
    fn add_part(&mut self, name: &str, outcome: Result<Self>) {
        match outcome {
            Ok(tally) => self.add(tally),
            Err(cause) => {
                failed(format_args!("{name}: {cause:#}"));
                self.failed += 1;
            }
        }
    }
}

/// Runs `parts`, or everything.
///
/// # Errors
/// When a test failed or a part could not run.
pub(crate) fn run(parts: &[Part]) -> Result<()> {
    let wanted = |part: Part| parts.is_empty() || parts.contains(&part);
    let mut tally = Tally::default();
    if wanted(Part::Conformance) {
        tally.add_part("conformance", on_vectors());
    }
    if parts != [Part::Conformance] {
        run_programs(&wanted, &mut tally);
    }
    line(format_args!("{} passed, {} failed", tally.passed, tally.failed));
    ensure!(tally.failed == 0 && tally.passed > 0, "not every test passed");
    Ok(())
}

/// Everything that cargo compiles as tests.
fn run_programs(wanted: &impl Fn(Part) -> bool, tally: &mut Tally) {
    match compile() {
        Err(cause) => tally.add_part("compiling", Err(cause)),
        Ok(programs) => {
            if wanted(Part::Sqlite) {
                tally.add_part(
                    "sqlite",
                    run_all(programs.iter().filter(|program| !program.is_browser()), &[]),
                );
            }
            if wanted(Part::Postgres) {
                tally.add_part("postgres", on_postgres(&programs));
            }
            if wanted(Part::S3) {
                tally.add_part("s3", on_s3(&programs));
            }
            if wanted(Part::Browser) {
                tally.add_part("browser", in_browser(&programs));
            }
        }
    }
}

/// The vectors beside the clone. Without them there is nothing to run.
fn on_vectors() -> Result<Tally> {
    let Some(folder) = conformance::vectors() else {
        line("conformance: there are no vectors beside the clone, so none were run");
        return Ok(Tally::default());
    };
    let reports = conformance::reports(&[folder], None)?;
    conformance::tell(&reports);
    let (passed, failed) = conformance::sum(&reports);
    ensure!(passed + failed > 0, "no vector ran");
    let open = conformance::open()?;
    let unexpected: Vec<_> = reports
        .values()
        .flat_map(|report| &report.failures)
        .filter(|failure| !open.contains(&failure.id))
        .collect();
    for failure in &unexpected {
        line(format_args!("FAILED {}\n    {}", failure.id, failure.why.replace('\n', "\n    ")));
    }
    let unexpected = u64::try_from(unexpected.len()).unwrap_or(u64::MAX);
    line(format_args!(
        "conformance: {} vectors fail as listed in tests/conformance/open.tsv",
        failed - unexpected
    ));
    Ok(Tally { passed, failed: unexpected })
}

fn on_postgres(programs: &[Program]) -> Result<Tally> {
    let cluster = Cluster::start()?;
    run_all(programs.iter().filter(|program| program.uses_database()), &[(DATABASE_VARIABLE, cluster.url())])
}

/// What keeps files, with a real S3 server behind it.
fn on_s3(programs: &[Program]) -> Result<Tally> {
    let Some(server) = s3::Server::start()? else {
        line("s3: there is no S3 server on this machine, so files in a bucket were not tested");
        return Ok(Tally::default());
    };
    let environment = server.environment();
    let mut tally = Tally::default();
    for program in programs {
        match (program.package.as_str(), program.target.as_str()) {
            (TESTS, API) => tally.add(run_one(program, &environment, &OF_FILES)?),
            (SIMULATION, KILLED) => tally.add(run_one(program, &environment, &[])?),
            (TESTS, BROWSER) => {
                find_chromium()?;
                dist::run(Made::Small)?;
                tally.add(run_one(program, &environment, &["--test-threads=1", STORY_OF_FILES])?);
            }
            _ => {}
        }
    }
    Ok(tally)
}

fn in_browser(programs: &[Program]) -> Result<Tally> {
    find_chromium()?;
    dist::run(Made::Small)?;
    run_browser(programs, &[])
}

/// The stories of the browser, in the Chromium that `environment` may name.
fn run_browser(programs: &[Program], environment: &[(&str, String)]) -> Result<Tally> {
    let mut tally = Tally::default();
    for program in programs.iter().filter(|program| program.is_browser()) {
        tally.add(run_one(program, environment, &["--test-threads=1"])?);
    }
    ensure!(tally != Tally::default(), "no story ran");
    Ok(tally)
}

/// Runs the stories whose names contain one of `filters` in another Chromium.
///
/// # Errors
/// When one fails or none ran.
pub(crate) fn stories(filters: &[&str], environment: &[(&str, String)]) -> Result<()> {
    dist::run(Made::Small)?;
    let programs = compile()?;
    let mut tally = Tally::default();
    for program in programs.iter().filter(|program| program.is_browser()) {
        tally.add(run_one(program, environment, &[&["--test-threads=1"], filters].concat())?);
    }
    line(format_args!("{} passed, {} failed", tally.passed, tally.failed));
    ensure!(tally.failed == 0 && tally.passed > 0, "not every story passed");
    Ok(())
}

/// A Chromium and a font that has Chinese characters.
fn find_chromium() -> Result<()> {
    let mut missing = Vec::new();
    if packages::program("chromium").or_else(|| packages::program("google-chrome")).is_none() {
        missing.push("chromium");
    }
    let chinese = Command::new("fc-list").arg(":lang=zh").output();
    if !chinese.is_ok_and(|list| list.status.success() && !list.stdout.is_empty()) {
        missing.push("fontconfig");
        missing.push("fonts-noto-cjk");
    }
    if missing.is_empty() { Ok(()) } else { packages::install(&missing, "a browser for the stories") }
}

/// Compiles every test and tells where the programs are.
fn compile() -> Result<Vec<Program>> {
    step("compiling the tests");
    let output = workspace::cargo()
        .args(["test", "--workspace", "--no-run", "--message-format=json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()
        .context("cargo test cannot be started")?;
    ensure!(output.status.success(), "the tests do not compile");
    let mut programs = Vec::new();
    for text in output.stdout.split(|byte| *byte == b'\n').filter(|text| !text.is_empty()) {
        let message: Value = serde_json::from_slice(text).context("cargo says something that is no JSON")?;
        if message["reason"] == "compiler-artifact" && message["profile"]["test"] == true {
            programs.extend(program(&message));
        }
    }
    ensure!(!programs.is_empty(), "cargo names no test program");
    programs.sort_by(|left, right| (&left.package, &left.target).cmp(&(&right.package, &right.target)));
    Ok(programs)
}

fn program(message: &Value) -> Option<Program> {
    let manifest = PathBuf::from(message["manifest_path"].as_str()?);
    let folder = manifest.parent()?.to_owned();
    Some(Program {
        package: package_name(&folder)?,
        target: message["target"]["name"].as_str()?.to_owned(),
        executable: PathBuf::from(message["executable"].as_str()?),
        folder,
    })
}

/// The name of the package in a folder of the workspace.
fn package_name(folder: &std::path::Path) -> Option<String> {
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).ok()?;
    let name = manifest.lines().find_map(|text| text.strip_prefix("name = "))?;
    Some(name.trim().trim_matches('"').to_owned())
}

fn run_all<'a>(programs: impl Iterator<Item = &'a Program>, environment: &[(&str, String)]) -> Result<Tally> {
    let mut tally = Tally::default();
    for program in programs {
        tally.add(run_one(program, environment, &[])?);
    }
    Ok(tally)
}

/// Runs a test program as cargo does, and reads its closing line.
fn run_one(program: &Program, environment: &[(&str, String)], arguments: &[&str]) -> Result<Tally> {
    let is_set = |variable: &str| environment.iter().any(|(name, _)| *name == variable);
    let database = if is_set(DATABASE_VARIABLE) { ", PostgreSQL" } else { "" };
    let files = if is_set(MEDIA_VARIABLE) { ", S3" } else { "" };
    step(format_args!("{} {}{database}{files}", program.package, program.target));
    let mut child = Command::new(&program.executable)
        .args(arguments)
        .current_dir(&program.folder)
        .env("CARGO_MANIFEST_DIR", &program.folder)
        .env_remove(DATABASE_VARIABLE)
        .env_remove(MEDIA_VARIABLE)
        .envs(environment.iter().map(|(name, value)| (name, value.as_str())).collect::<BTreeMap<_, _>>())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("{} cannot be started", program.executable.display()))?;
    let output = child.stdout.take().context("a test program without an output")?;
    let tally = tally_of(BufReader::new(output), |text| line(text))?;
    let status = child.wait().context("a test program cannot be waited for")?;
    match (tally, status.success()) {
        (Some(tally), true) => Ok(tally),
        (Some(tally), false) if tally.failed > 0 => Ok(tally),
        _ => {
            failed(format_args!("{} {} ended early ({status})", program.package, program.target));
            Ok(Tally { failed: 1, ..tally.unwrap_or_default() })
        }
    }
}

/// Passes the lines on and adds up those that close a run.
fn tally_of(output: impl BufRead, pass_on: impl Fn(&str)) -> Result<Option<Tally>> {
    let mut tally: Option<Tally> = None;
    for text in output.split(b'\n') {
        let text = text.context("the output of a test program cannot be read")?;
        let text = String::from_utf8_lossy(&text);
        pass_on(&text);
        if let Some(found) = closing(&text) {
            tally.get_or_insert_default().add(found);
        }
    }
    Ok(tally)
}

/// `test result: ok. 14 passed; 0 failed; …`
fn closing(text: &str) -> Option<Tally> {
    let (_, counts) = text.strip_prefix("test result: ")?.split_once(". ")?;
    let count = |word: &str| {
        counts.split(';').find_map(|part| part.trim().strip_suffix(word)?.trim().parse::<u64>().ok())
    };
    Some(Tally { passed: count("passed")?, failed: count("failed")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_added_up_and_others_passed_over() -> Result<()> {
        let output = "running 2 tests\ntest result: ok. 14 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
                      test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s\n";
        assert_eq!(tally_of(output.as_bytes(), |_| ())?, Some(Tally { passed: 17, failed: 2 }));
        assert_eq!(tally_of("test result: nonsense\n".as_bytes(), |_| ())?, None);
        Ok(())
    }

    #[test]
    fn a_part_that_could_not_run_is_a_failure() {
        let mut tally = Tally { passed: 3, failed: 0 };
        tally.add_part("browser", Err(anyhow::anyhow!("no browser")));
        assert_eq!(tally, Tally { passed: 3, failed: 1 });
    }
}
