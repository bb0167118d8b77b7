//! `cargo xtask oracle`: forms and sessions made from a seed, run step by step
//! on three engines: ours, JavaRosa and `@getodk/xforms-engine`.
//!
//! pyxform makes XForms of the made-up workbooks. The web engine draws the
//! answers and tells the state after each step, JavaRosa takes the same steps;
//! together that is a file of vectors, which the conformance program runs ours
//! against. What the two agree on, ours has to say too.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::{Map, Value, json};

use crate::bench::Peers;
use crate::console::{line, step};
use crate::{conformance, workspace};

mod forms;

/// What the sessions are recorded at: the zone and the clock of the scripts.
const ZONE: &str = "America/Phoenix";
/// What of a node is compared while it is relevant.
const COMPARED: [&str; 6] = ["v", "ro", "req", "viol", "label", "choices"];
const STEPS: usize = 20;

/// How much is compared, and from what it is made.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// What forms and answers are drawn from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many sessions; four on each form.
    #[arg(long, default_value_t = 40)]
    sessions: u64,
}

/// Makes the sessions and prints where engines differ.
///
/// # Errors
/// When an engine is missing, with what to install, or ours differs from what
/// the two others agree on.
pub(crate) fn run(options: &Options) -> Result<()> {
    Peers::install()?;
    let peers = Peers::find(&workspace::beside(crate::bench::BESIDE));
    let (Some(jar), Some(folder)) = (&peers.jar, &peers.node) else {
        anyhow::bail!("{}", peers.missing.join("; "));
    };
    for script in ["fuzz.mjs", "env.mjs", "Replay.java"] {
        let from = workspace::beside(crate::bench::BESIDE).join(script);
        ensure!(from.is_file(), "the scripts that replay sessions are not there: {}", from.display());
        fs::copy(&from, folder.join(script))
            .with_context(|| format!("{} cannot be copied", from.display()))?;
    }
    let work = workspace::target_folder()?.join("doorstep-oracle").join(options.seed.to_string());
    fs::create_dir_all(&work).with_context(|| format!("{} cannot be created", work.display()))?;
    convert(options, folder, &work)?;
    record(options, folder, &work)?;
    replay(jar, folder, &work)?;
    let differing = merge(&work)?;
    line(format_args!("where the web engine and JavaRosa differ: {differing} nodes"));
    let reports = conformance::reports(std::slice::from_ref(&work), Some("scenarios"))?;
    for failure in reports.values().flat_map(|report| &report.failures) {
        line(format_args!("DIFFERS {}\n    {}", failure.id, failure.why.replace('\n', "\n    ")));
    }
    let (passed, failed) = conformance::sum(&reports);
    line(format_args!("{passed} sessions agree, {failed} differ; the recorded sessions: {}", work.display()));
    ensure!(failed == 0 && passed > 0, "not every session agrees");
    Ok(())
}

/// Workbooks → `list.json` with the XForms that pyxform makes of them.
fn convert(options: &Options, folder: &Path, work: &Path) -> Result<()> {
    step("making forms");
    let number = options.sessions.div_ceil(4).max(1);
    let workbooks: Vec<Value> = (0..number)
        .map(|form| json!({ "id": format!("form-{}-{form}", options.seed), "md": forms::workbook(options.seed, form) }))
        .collect();
    write(&work.join("workbooks.json"), &serde_json::to_vec(&workbooks)?)?;
    let convert = "import json, sys\n\
                   from pyxform.xls2xform import convert\n\
                   forms = json.load(open(sys.argv[1]))\n\
                   made = [{'id': f['id'], 'source': 'oracle', 'xml': convert(f['md'], form_name='data').xform} for f in forms]\n\
                   json.dump(made, open(sys.argv[2], 'w'))\n";
    workspace::run(
        Command::new(folder.join("python/bin/python"))
            .args(["-c", convert])
            .args([work.join("workbooks.json"), work.join("list.json")]),
    )
}

/// Random sessions on the web engine → `recorded.jsonl`.
fn record(options: &Options, folder: &Path, work: &Path) -> Result<()> {
    step("recording sessions with xforms-engine");
    let recorded = work.join("recorded.jsonl");
    // The script adds to what is there.
    drop(fs::remove_file(&recorded));
    workspace::run(
        Command::new("node")
            .arg("fuzz.mjs")
            .args([work.join("list.json"), recorded])
            .env("TZ", ZONE)
            .env("OPS", STEPS.to_string())
            .env("SEEDS", options.sessions.min(4).to_string())
            .current_dir(folder),
    )
}

/// The same steps on JavaRosa → `replayed.jsonl`.
fn replay(jar: &Path, folder: &Path, work: &Path) -> Result<()> {
    step("replaying them with JavaRosa");
    let mut forms: BTreeMap<String, Value> = BTreeMap::new();
    let mut lines = Vec::new();
    for mut record in read_lines(&work.join("recorded.jsonl"))? {
        let form = text(&record["form_id"]);
        if record["xml"].is_string() {
            forms.insert(form.clone(), record["xml"].clone());
        }
        record["xml"] = forms.get(&form).cloned().unwrap_or_default();
        for (number, step) in record["steps"].as_array_mut().into_iter().flatten().enumerate() {
            step["i"] = json!(number);
        }
        lines.push(record.to_string());
    }
    write(&work.join("steps.jsonl"), lines.join("\n").as_bytes())?;
    let classes = folder.join("classes");
    fs::create_dir_all(&classes).with_context(|| format!("{} cannot be created", classes.display()))?;
    workspace::run(
        Command::new("javac").arg("-cp").arg(jar).arg("-d").arg(&classes).arg(folder.join("Replay.java")),
    )?;
    workspace::run(
        Command::new("java")
            .arg(format!("-Duser.timezone={ZONE}"))
            .arg("-cp")
            .arg(crate::bench::class_path(&classes, jar))
            .arg("Replay")
            .args([work.join("steps.jsonl"), work.join("replayed.jsonl")])
            .stdout(std::io::stderr()),
    )
}

/// Both → `scenarios.json`, in the format of the vectors; how many nodes the
/// two engines differ in.
fn merge(work: &Path) -> Result<usize> {
    let mut replayed: BTreeMap<String, Value> =
        read_lines(&work.join("replayed.jsonl"))?.into_iter().map(|one| (text(&one["id"]), one)).collect();
    let mut forms = Map::new();
    let mut vectors = Vec::new();
    let mut differing = 0;
    for mut record in read_lines(&work.join("steps.jsonl"))? {
        let (id, form) = (text(&record["id"]), text(&record["form_id"]));
        forms.insert(form.clone(), record["xml"].take());
        let other = replayed.remove(&id).unwrap_or_default();
        let mut steps = record["steps"].take();
        differing += mark(&mut steps, &other["steps"]);
        vectors.push(json!({
            "id": id, "form": form, "clock": record["clock"], "tz": ZONE, "steps": steps,
            "javarosa": other.get("loadError").cloned().map_or(json!("ok"), |cause| json!(format!("load_error: {}", text(&cause)))),
        }));
    }
    write(
        &work.join("scenarios.json"),
        &serde_json::to_vec(&json!({ "forms": forms, "vectors": vectors }))?,
    )?;
    Ok(differing)
}

/// Adds JavaRosa's side where it differs.
fn mark(steps: &mut Value, others: &Value) -> usize {
    let mut ours: BTreeMap<String, Value> = BTreeMap::new();
    let mut theirs: BTreeMap<String, Value> = BTreeMap::new();
    let mut differing = 0;
    let mut others = others.clone();
    forget_identity(steps);
    forget_identity(&mut others);
    for (step, other) in
        steps.as_array_mut().into_iter().flatten().zip(others.as_array().into_iter().flatten())
    {
        follow(&mut ours, step);
        follow(&mut theirs, other);
        let mut disagrees = Map::new();
        for (reference, state) in &ours {
            let difference = theirs.get(reference).map(|other| difference(state, other)).unwrap_or_default();
            if !difference.is_empty() {
                differing += 1;
                disagrees.insert(reference.clone(), Value::Object(difference));
            }
        }
        step["javarosa_disagrees"] = Value::Object(disagrees);
    }
    differing
}

/// The identity of an instance is another in every run.
fn forget_identity(steps: &mut Value) {
    for step in steps.as_array_mut().into_iter().flatten() {
        for (reference, state) in step["state"].as_object_mut().into_iter().flatten() {
            if reference.ends_with("/meta/instanceID") {
                state["v"] = json!({ "$volatile": true });
            }
        }
    }
}

/// A step tells only what is new.
fn follow(states: &mut BTreeMap<String, Value>, step: &Value) {
    for removed in step["removed"].as_array().into_iter().flatten() {
        states.remove(&text(removed));
    }
    for (reference, state) in step["state"].as_object().into_iter().flatten() {
        states.insert(reference.clone(), state.clone());
    }
}

fn difference(state: &Value, other: &Value) -> Map<String, Value> {
    let mut found = Map::new();
    if other["rel"] != state["rel"] {
        found.insert("rel".to_owned(), other["rel"].clone());
        return found;
    }
    if state["rel"] != true {
        return found;
    }
    for name in COMPARED {
        let (Some(one), Some(two)) = (state.get(name), other.get(name)) else { continue };
        if plain(one) != plain(two) {
            found.insert(name.to_owned(), two.clone());
        }
    }
    found
}

/// White space is no difference.
fn plain(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(text.split_whitespace().collect::<Vec<_>>().join(" ")),
        Value::Array(values) => values.iter().map(plain).collect(),
        other => other.clone(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn read_lines(file: &PathBuf) -> Result<Vec<Value>> {
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    text.lines().map(|line| serde_json::from_str(line).context("a record that is no JSON")).collect()
}

fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(file, bytes).with_context(|| format!("{} cannot be written", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_side_that_differs_is_noted_step_by_step() {
        let mut steps = json!([
            { "state": { "/data/a": { "rel": true, "v": "1", "label": "A  b" }, "/data/b": { "rel": false, "v": "x" } } },
            { "state": { "/data/a": { "rel": true, "v": "2" } } },
        ]);
        let others = json!([
            { "state": { "/data/a": { "rel": true, "v": "1", "label": "A b" }, "/data/b": { "rel": false, "v": "y" } } },
            { "state": { "/data/b": { "rel": true, "v": "y" } } },
        ]);
        assert_eq!(mark(&mut steps, &others), 2);
        assert_eq!(steps[0]["javarosa_disagrees"], json!({}));
        assert_eq!(
            steps[1]["javarosa_disagrees"],
            json!({ "/data/a": { "v": "1" }, "/data/b": { "rel": true } })
        );
    }
}
