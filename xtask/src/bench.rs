//! `cargo xtask bench forms`: the form engine native and as wasm in Chromium,
//! and other people's engines on the same forms, in one run and side by side.
//! `cargo xtask bench sync`: a phone with thousands of cases behind mobile
//! networks, in Chromium. `cargo xtask bench shutter`: a photo on it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::browser::{self, Page};
use crate::console::{failed, line, step};
use crate::toolchain::{Made, Toolchain};
use crate::{dist, workspace};

mod compare;
mod media;
mod peers;

pub(crate) use peers::{Peers, class_path};

const PACKAGE: &str = "doorstep-bench";
/// Forms and scripts that time the peers, beside the clone.
pub(crate) const BESIDE: &str = "shared/bench/forms";
const GIVEN: [usize; 3] = [100, 500, 2_000];
const GENERATED: usize = 10_000;
const LIST_ROWS: usize = 20_000;
const RICHEST: &str = "hh_economic_survey.xlsx";
/// A browser that says nothing for so long is stopped.
const TIME_MAX: Duration = Duration::from_secs(600);

/// What can be measured.
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// Loading and filling forms of 100 to 10,000 questions.
    Forms(Options),
    /// First sync, sync without news, unlocking and searching with thousands of cases, behind 2G, 3G and 4G.
    Sync(SyncOptions),
    /// Photos that many phones send at once, beside what the machine can do; thumbnails; photos that look alike.
    Media(media::Options),
    /// From the shutter to the photo on the phone's disk, with a processor six times slower.
    Shutter,
}

/// What is measured of sync.
#[derive(Debug, Args)]
pub(crate) struct SyncOptions {
    /// How many cases the phone holds, by commas.
    #[arg(long, value_name = "NUMBERS", default_value = "3000,10000")]
    cases: String,
    /// Also where the time goes, function by function; names make the app larger, so the bytes are others.
    #[arg(long)]
    profile: bool,
}

/// Where the benchmarks of the browser are: `tests/tests/browser`.
const SYNC_IN_BROWSER: &str = "browser::bench::sync_of_thousands_of_cases";
const SHUTTER_IN_BROWSER: &str = "browser::shutter::from_the_shutter_to_the_disk";

fn sync(options: &SyncOptions) -> Result<()> {
    let cases = ("DOORSTEP_BENCH_CASES", options.cases.as_str());
    if options.profile {
        in_browser(SYNC_IN_BROWSER, Made::Named, &[cases, ("DOORSTEP_BENCH_PROFILE", "1")])
    } else {
        in_browser(SYNC_IN_BROWSER, Made::Small, &[cases])
    }
}

/// Builds the app, and runs one of the browser's benchmarks.
fn in_browser(name: &str, made: Made, environment: &[(&str, &str)]) -> Result<()> {
    dist::run(made)?;
    step("building the program that measures");
    workspace::run(
        workspace::cargo()
            .args(["test", "--workspace", "--test", "browser", "--"])
            .args(["--ignored", "--nocapture", "--exact", name])
            .envs(environment.iter().copied()),
    )
}

/// What is measured beside the engine itself.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Every figure as JSON, instead of tables.
    #[arg(long)]
    json: bool,
    /// Only forms whose names contain this, e.g. 2000.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Without the run as wasm in Chromium.
    #[arg(long)]
    no_wasm: bool,
    /// Without the other engines.
    #[arg(long)]
    no_peers: bool,
    /// First install the other engines (pyxform's wheel with JavaRosa, and @getodk/xforms-engine) from the
    /// public registries into the cache folder.
    #[arg(long)]
    install_peers: bool,
}

/// A form, and where everybody finds it.
struct Form {
    name: String,
    /// What the program is told: a file, or how to make the form.
    ours: String,
    media: Option<PathBuf>,
    /// The same form as the XML that other engines read.
    xml: Option<PathBuf>,
}

/// Measure → engine → figures, as each engine tells them.
pub(crate) type Figures = BTreeMap<&'static str, Value>;

/// Runs what is asked for.
///
/// # Errors
/// When our own engine cannot be measured. What other engines cannot do is
/// told, and the run goes on.
pub(crate) fn run(bench: &Bench) -> Result<()> {
    let options = match bench {
        Bench::Forms(options) => options,
        Bench::Sync(options) => return sync(options),
        Bench::Shutter => return in_browser(SHUTTER_IN_BROWSER, Made::Small, &[]),
        Bench::Media(options) => return media::run(options),
    };
    let wanted = |form: &Form| options.only.as_deref().is_none_or(|only| form.name.contains(only));
    let forms: Vec<Form> = forms().into_iter().filter(wanted).collect();
    ensure!(!forms.is_empty(), "no form has such a name");
    let peers = peers(options)?;
    step("building the program that measures");
    workspace::run(workspace::cargo().args(["build", "--release", "--package", PACKAGE]))?;
    let native = workspace::target_folder()?.join("release").join(PACKAGE);
    let wasm = wasm(options)?;
    let mut all = Vec::new();
    for form in &forms {
        let figures = measure(form, &native, wasm.as_deref(), peers.as_ref())?;
        if !options.json {
            compare::tell(&form.name, &figures);
        }
        all.push(json!({ "form": form.name, "engines": figures }));
    }
    if options.json {
        line(serde_json::to_string_pretty(&all).context("figures that are no JSON")?);
    }
    Ok(())
}

fn peers(options: &Options) -> Result<Option<Peers>> {
    if options.no_peers {
        return Ok(None);
    }
    if options.install_peers {
        Peers::install()?;
    }
    let peers = Peers::find(&workspace::beside(BESIDE));
    for missing in &peers.missing {
        step(missing);
    }
    Ok(Some(peers))
}

fn wasm(options: &Options) -> Result<Option<Vec<u8>>> {
    if options.no_wasm {
        return Ok(None);
    }
    if browser::chromium().is_none() {
        step("no chromium, so nothing is measured as wasm; apt-get install chromium brings one");
        return Ok(None);
    }
    let file = Toolchain::find_or_install()?.build(PACKAGE, "the program that measures", Made::Small)?;
    Ok(Some(fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))?))
}

fn forms() -> Vec<Form> {
    let beside = workspace::beside(BESIDE).join("forms");
    let mut forms: Vec<Form> = GIVEN
        .into_iter()
        .map(|questions| {
            let file = |ending: &str| {
                Some(beside.join(format!("bench{questions}.{ending}"))).filter(|file| file.is_file())
            };
            let ours = file("xml")
                .map_or_else(|| format!("generated:{questions}"), |file| file.display().to_string());
            Form { name: format!("{questions} questions"), ours, media: None, xml: file("xml") }
        })
        .collect();
    forms.push(Form {
        name: format!("{GENERATED} questions"),
        ours: format!("generated:{GENERATED}"),
        media: None,
        xml: None,
    });
    forms.push(Form {
        name: format!("list of {LIST_ROWS} rows"),
        ours: format!("list:{LIST_ROWS}"),
        media: None,
        xml: None,
    });
    let pack = workspace::root().join("pack");
    forms.push(Form {
        name: format!("pack/{RICHEST}"),
        ours: pack.join(RICHEST).display().to_string(),
        media: Some(pack.join("media")),
        xml: None,
    });
    forms
}

fn measure(form: &Form, native: &Path, wasm: Option<&[u8]>, peers: Option<&Peers>) -> Result<Figures> {
    let mut figures = Figures::new();
    step(format_args!("{}: native", form.name));
    let mut command = Command::new(native);
    command.arg(&form.ours).args(&form.media).stderr(Stdio::inherit());
    figures.insert(compare::NATIVE, answer_of(&mut command).context(form.name.clone())?);
    if let Some(wasm) = wasm {
        step(format_args!("{}: wasm in Chromium", form.name));
        figures.insert(compare::WASM, in_chromium(form, wasm).context(form.name.clone())?);
    }
    if let (Some(peers), Some(xml)) = (peers, &form.xml) {
        for (name, outcome) in peers.measure(xml) {
            match outcome {
                Ok(found) => drop(figures.insert(name, found)),
                Err(cause) => failed(format_args!("{name} on {}: {cause:#}", form.name)),
            }
        }
    }
    Ok(figures)
}

/// What a program prints as JSON on its last line.
fn answer_of(command: &mut Command) -> Result<Value> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("{name} cannot be started"))?;
    ensure!(
        output.status.success(),
        "{name} failed ({}) {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().rev().find(|text| text.starts_with('{')).context("no figures were printed")?;
    serde_json::from_str(last).context("what was printed are no figures")
}

fn in_chromium(form: &Form, wasm: &[u8]) -> Result<Value> {
    let mut page = Page::with_program(wasm)?;
    let path = Path::new(&form.ours);
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let bytes = if path.is_file() { read(path)? } else { Vec::new() };
    let mut attachments = Vec::new();
    if let Some(media) = &form.media {
        for entry in fs::read_dir(media).with_context(|| format!("{} cannot be read", media.display()))? {
            let path = entry.with_context(|| format!("{} cannot be read", media.display()))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if let Ok(text) = fs::read_to_string(&path) {
                attachments.push((name, text));
            }
        }
    }
    let name = if path.is_file() { &file } else { &form.ours };
    let input =
        json!({ "name": name, "file": file, "attachments": attachments, "base64": STANDARD.encode(bytes) });
    page.files.insert("/input.json".to_owned(), serde_json::to_vec(&input)?);
    page.script.push_str(
        "export async function answer() {
  const input = await (await fetch('/input.json')).json();
  input.bytes = Uint8Array.from(atob(input.base64), (byte) => byte.charCodeAt(0));
  globalThis.doorstepInput = input;
  await start();
  return globalThis.doorstepOutcome;
}
",
    );
    let answer: Value =
        serde_json::from_str(&browser::answer(&page, TIME_MAX)?).context("the page answers no JSON")?;
    ensure!(answer["error"].is_null(), "{}", answer["error"].as_str().unwrap_or_default());
    Ok(answer)
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).with_context(|| format!("{} cannot be read", file.display()))
}
