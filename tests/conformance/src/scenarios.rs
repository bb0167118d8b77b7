//! Recorded form sessions: each step is made again and the state after it
//! compared. Where the two recorded engines disagree, either side will do.

use crate::{Known, Report};
use anyhow::Context as _;
use chrono::{DateTime, FixedOffset, Offset, TimeZone, Utc};
use doorstep_form::{
    Attachments, AuthoringProblem, Context, NodeKind, NodePath, NodeView, Plan, ProblemKind, Session, xform,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

#[derive(Deserialize)]
struct File {
    forms: HashMap<String, String>,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    id: String,
    form: String,
    clock: String,
    tz: String,
    #[serde(default)]
    attachments: Vec<Attachment>,
    #[serde(default)]
    preload: BTreeMap<String, String>,
    #[serde(default)]
    edit_instance: Option<String>,
    #[serde(default)]
    geolocations: Option<Value>,
    #[serde(default, rename = "fork_from_xml")]
    fork_from_xml: Option<Value>,
    #[serde(default, rename = "expect_fail")]
    expect_fail: bool,
    #[serde(default)]
    load_error: Option<String>,
    #[serde(default)]
    javarosa: Value,
    #[serde(default, rename = "volatile_functions")]
    volatile_functions: bool,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Attachment {
    url: String,
    text: String,
}

#[derive(Deserialize)]
struct Step {
    op: String,
    #[serde(default)]
    r#ref: Option<String>,
    #[serde(default)]
    value: Value,
    #[serde(default)]
    range: Option<String>,
    #[serde(default)]
    instance: Option<String>,
    #[serde(default)]
    language: Option<Value>,
    #[serde(default)]
    state: BTreeMap<String, Map<String, Value>>,
    #[serde(default)]
    removed: Vec<String>,
    #[serde(default, rename = "javarosa_disagrees")]
    javarosa_disagrees: BTreeMap<String, Map<String, Value>>,
}

/// Why a vector is not compared.
enum Outcome {
    Compared(Result<(), String>),
    Skipped,
}

pub(crate) fn run(bytes: &[u8], known: &Known) -> anyhow::Result<Report> {
    let file: File = serde_json::from_slice(bytes).context("not a file of sessions")?;
    let mut report = Report::default();
    let mut plans: HashMap<&str, Result<Arc<Plan>, String>> = HashMap::new();
    for vector in &file.vectors {
        let xml = file.forms.get(&vector.form).context("a vector names a form that is not there")?;
        let plan = if vector.attachments.is_empty() {
            plans.entry(&vector.form).or_insert_with(|| load(xml, &Attachments::new())).clone()
        } else {
            load(xml, &attachments(vector))
        };
        match replay(vector, plan)? {
            Outcome::Compared(outcome) => report.note(known, &vector.id, outcome),
            Outcome::Skipped => report.skipped += 1,
        }
    }
    Ok(report)
}

fn attachments(vector: &Vector) -> Attachments {
    let name = |url: &str| url.rsplit('/').next().unwrap_or(url).to_owned();
    vector.attachments.iter().map(|file| (name(&file.url), file.text.clone())).collect()
}

fn load(xml: &str, attachments: &Attachments) -> Result<Arc<Plan>, String> {
    let told = |problems: Vec<AuthoringProblem>| {
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    let (form, _) = xform::read(xml).map_err(told)?;
    Plan::new(form, attachments).map(Arc::new).map_err(told)
}

fn replay(vector: &Vector, plan: Result<Arc<Plan>, String>) -> anyhow::Result<Outcome> {
    // What the recording engine is known to do wrong says nothing about right.
    if vector.expect_fail {
        return Ok(Outcome::Skipped);
    }
    if let Some(error) = &vector.load_error {
        return Ok(Outcome::Compared(match plan {
            Err(_) => Ok(()),
            Ok(_) => Err(format!("the form should be rejected ({error}), but loads")),
        }));
    }
    let plan = match plan {
        Ok(plan) => plan,
        // JavaRosa, too, refuses the form.
        Err(_) if vector.javarosa.as_str().is_some_and(|said| said.starts_with("load_error")) => {
            return Ok(Outcome::Compared(Ok(())));
        }
        Err(problems) => return Ok(Outcome::Compared(Err(format!("the form does not load: {problems}")))),
    };
    // Sessions that begin with an instance as XML, or with places that a device
    // reports later, need what a host has.
    if vector.edit_instance.is_some() || vector.fork_from_xml.is_some() || vector.geolocations.is_some() {
        return Ok(Outcome::Skipped);
    }
    let context = context(vector)?;
    let mut replay = Replay {
        session: Session::start(plan, context, &BTreeMap::new()),
        expected: BTreeMap::new(),
        volatile: vector.volatile_functions,
        drawn: BTreeSet::new(),
    };
    for (number, step) in vector.steps.iter().enumerate() {
        match replay.step(step) {
            Ok(true) => {}
            Ok(false) => return Ok(Outcome::Skipped),
            Err(why) => {
                let what = step.r#ref.as_deref().or(step.range.as_deref()).unwrap_or_default();
                let why = format!("step {number}, {} {what} {}: {why}", step.op, step.value);
                return Ok(Outcome::Compared(Err(why)));
            }
        }
    }
    Ok(Outcome::Compared(Ok(())))
}

fn context(vector: &Vector) -> anyhow::Result<Context> {
    let utc: DateTime<Utc> = vector.clock.parse().context("the clock")?;
    let zone: chrono_tz::Tz = vector.tz.parse().map_err(|_| anyhow::anyhow!("unknown zone {}", vector.tz))?;
    let offset: FixedOffset = zone.offset_from_utc_datetime(&utc.naive_utc()).fix();
    let known = |name: &str| vector.preload.get(name).cloned().unwrap_or_default();
    Ok(Context {
        now: utc.with_timezone(&offset),
        seed: 1,
        username: known("username"),
        device_id: known("deviceID"),
        phone_number: known("phoneNumber"),
        email: known("email"),
        ..Context::default()
    })
}

struct Replay {
    session: Session,
    expected: BTreeMap<String, Map<String, Value>>,
    /// The form draws lots: where the engines drew differently, so may this one.
    volatile: bool,
    /// What was drawn so far.
    drawn: BTreeSet<(String, String)>,
}

impl Replay {
    /// Makes a step and compares; false when the step cannot be made here.
    fn step(&mut self, step: &Step) -> Result<bool, String> {
        match step.op.as_str() {
            "answer" => {
                let Some(value) = answer(&step.value) else { return Ok(false) };
                // Some tests answer wherever they stand.
                let Some(reference) = step.r#ref.as_deref() else { return Ok(false) };
                let path = path(reference)?;
                if let Err(error) = self.session.answer(&path, &value) {
                    return Err(error.to_string());
                }
            }
            "add_repeat" => {
                let path = path(step.range.as_deref().unwrap_or_default())?;
                self.session.add_repeat(&path).map_err(|error| error.to_string())?;
            }
            "remove_repeat" => {
                let path = path(step.instance.as_deref().unwrap_or_default())?;
                self.session.remove_repeat(&path).map_err(|error| error.to_string())?;
            }
            "language" => {
                let language = step.language.as_ref().and_then(Value::as_str).unwrap_or_default();
                if !self.session.set_language(language) {
                    return Err(format!("there is no language {language}"));
                }
            }
            // What the test looks at is in the state; where it looks from is not.
            "init" | "nav" | "observe" | "check" => {}
            _ => return Ok(false),
        }
        for gone in &step.removed {
            self.expected.remove(gone);
        }
        for (reference, state) in &step.state {
            self.expected.insert(reference.clone(), state.clone());
        }
        if matches!(step.op.as_str(), "nav" | "observe" | "check") {
            return Ok(true);
        }
        let nothing = Map::new();
        let expected = std::mem::take(&mut self.expected);
        for (reference, state) in &expected {
            let other = step.javarosa_disagrees.get(reference).unwrap_or(&nothing);
            if !self.volatile {
                self.compare(reference, state, other)?;
                continue;
            }
            let mut rest = state.clone();
            for (key, value) in state {
                let mark = (reference.clone(), key.clone());
                let drawn = other.contains_key(key) || self.drawn.contains(&mark) || is_uuid(value);
                if drawn {
                    self.drawn.insert(mark);
                    rest.remove(key);
                }
            }
            self.compare(reference, &rest, other)?;
        }
        self.expected = expected;
        Ok(true)
    }

    fn compare(
        &self,
        reference: &str,
        state: &Map<String, Value>,
        other: &Map<String, Value>,
    ) -> Result<(), String> {
        let kind = state.get("t").and_then(Value::as_str).unwrap_or_default();
        if kind == "root" || reference.matches('/').count() < 2 {
            return Ok(());
        }
        let at = path(reference.trim_end_matches("[]"))?;
        let Some(view) = self.session.node(&at) else {
            // One engine adds a meta group to forms that have none.
            let inner = reference.trim_start_matches('/').split('/').nth(1);
            if other.contains_key("$missing") || matches!(inner, Some("meta" | "orx:meta")) {
                return Ok(());
            }
            return Err(format!("{reference} is not there"));
        };
        let relevant = Value::Bool(view.relevant);
        differs(reference, "rel", state, other, &relevant)?;
        if !view.relevant || state.get("rel") == Some(&Value::Bool(false)) {
            return Ok(());
        }
        if reference.ends_with("[]") {
            let count = Value::from(view.instances.unwrap_or_default());
            return differs(reference, "count", state, other, &count);
        }
        if matches!(kind, "group" | "repeat-instance") {
            return if kind == "group" { labels(reference, state, other, &view) } else { Ok(()) };
        }
        values(reference, state, other, &view)?;
        labels(reference, state, other, &view)?;
        if kind != "model-value" {
            differs(reference, "ro", state, other, &Value::Bool(view.read_only))?;
            differs(reference, "req", state, other, &Value::Bool(view.required))?;
            violations(reference, state, other, &view)?;
            choices(reference, state, other, &view)?;
        }
        Ok(())
    }
}

fn is_uuid(value: &Value) -> bool {
    let Some(text) = value.as_str() else { return false };
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether a property is as recorded, by one engine or the other.
fn differs(
    reference: &str,
    property: &str,
    state: &Map<String, Value>,
    other: &Map<String, Value>,
    ours: &Value,
) -> Result<(), String> {
    let Some(expected) = state.get(property) else { return Ok(()) };
    let volatile = |value: &Value| {
        value.get("$volatile").is_some() || value.as_str().is_some_and(|text| text.contains("__VOLATILE__"))
    };
    if volatile(expected) || expected == ours || other.get(property) == Some(ours) {
        return Ok(());
    }
    let other = other.get(property).map(|other| format!(" (JavaRosa {other})")).unwrap_or_default();
    Err(format!("{reference} {property}: expected {expected}{other}, found {ours}"))
}

/// Values are the same when they are the same text, or the same numbers: here
/// they stay as they were typed (`89`), elsewhere they are written anew
/// (`89.0`). What is not of its type is kept here, as a problem, and lost there.
fn values(
    reference: &str,
    state: &Map<String, Value>,
    other: &Map<String, Value>,
    view: &NodeView,
) -> Result<(), String> {
    let numeric = matches!(
        state.get("vt").and_then(Value::as_str),
        Some("decimal" | "geopoint" | "geotrace" | "geoshape")
    );
    // Times stay as they were written, where one engine shifts them to local
    // time and the other does not know them.
    let moment = matches!(state.get("vt").and_then(Value::as_str), Some("time" | "dateTime"));
    if moment && other.contains_key("v") {
        return Ok(());
    }
    let lost = view.problem == Some(ProblemKind::WrongType);
    let unoffered = view.problem == Some(ProblemKind::NotAChoice);
    let same = |recorded: Option<&Value>| {
        let Some(text) = recorded.and_then(Value::as_str) else { return false };
        // Kept with the rest, and a problem, until somebody chooses again.
        let offered: Vec<&str> = view
            .value
            .split_whitespace()
            .filter(|one| view.choices.iter().any(|choice| choice.value == *one))
            .collect();
        (unoffered && text == offered.join(" "))
            || (lost && text.is_empty())
            || (numeric && same_numbers(text, &view.value))
    };
    if same(state.get("v")) || same(other.get("v")) {
        return Ok(());
    }
    differs(reference, "v", state, other, &Value::String(view.value.clone()))
}

fn same_numbers(left: &str, right: &str) -> bool {
    let numbers = |text: &str| -> Option<Vec<f64>> {
        let parts = text.split([' ', ';']).filter(|part| !part.is_empty());
        parts.map(|part| part.parse().ok()).collect()
    };
    matches!((numbers(left), numbers(right)), (Some(left), Some(right)) if left == right)
}

fn labels(
    reference: &str,
    state: &Map<String, Value>,
    other: &Map<String, Value>,
    view: &NodeView,
) -> Result<(), String> {
    let Some(expected) = state.get("label").and_then(Value::as_str) else { return Ok(()) };
    if expected.contains("__VOLATILE__") {
        return Ok(());
    }
    let found = collapsed(&view.label);
    let others = other.get("label").and_then(Value::as_str).map(collapsed);
    if collapsed(expected) == found || others.as_ref() == Some(&found) {
        return Ok(());
    }
    Err(format!("{reference} label: expected {expected:?} (JavaRosa {others:?}), found {found:?}"))
}

fn collapsed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn violations(
    reference: &str,
    state: &Map<String, Value>,
    other: &Map<String, Value>,
    view: &NodeView,
) -> Result<(), String> {
    let ours = match view.problem {
        Some(ProblemKind::Required) => Value::from("required"),
        Some(ProblemKind::Constraint) => Value::from("constraint"),
        // The recorded engines keep no such values, or say nothing about them.
        Some(_) => return Ok(()),
        None => Value::Null,
    };
    differs(reference, "viol", state, other, &ours)
}

fn choices(
    reference: &str,
    state: &Map<String, Value>,
    other: &Map<String, Value>,
    view: &NodeView,
) -> Result<(), String> {
    if !matches!(view.kind, NodeKind::SelectOne | NodeKind::SelectMultiple | NodeKind::Rank) {
        return Ok(());
    }
    let count = Value::from(view.choices.len());
    differs(reference, "nChoices", state, other, &count)?;
    let Some(expected) = state.get("choices").and_then(Value::as_array) else { return Ok(()) };
    let ours: Vec<[String; 2]> =
        view.choices.iter().map(|choice| [choice.value.clone(), collapsed(&choice.label)]).collect();
    let same = |expected: &Value, ours: &[String; 2]| match expected {
        Value::Array(pair) => {
            pair.first().and_then(Value::as_str) == Some(&ours[0])
                && pair.get(1).and_then(Value::as_str).is_none_or(|label| collapsed(label) == ours[1])
        }
        value => value.as_str() == Some(&ours[0]),
    };
    let all = |expected: &[Value]| expected.iter().zip(&ours).all(|(expected, ours)| same(expected, ours));
    // Long lists are recorded by their beginning.
    if all(expected) || other.get("choices").and_then(Value::as_array).is_some_and(|other| all(other)) {
        return Ok(());
    }
    Err(format!("{reference} choices: expected {expected:?}, found {ours:?}"))
}

/// An answer as it is stored; `None` for what only a host can give.
fn answer(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text.clone()),
        Value::Array(several) => {
            let several: Option<Vec<&str>> = several.iter().map(Value::as_str).collect();
            Some(several?.join(" "))
        }
        Value::Object(object) => object.get("name").and_then(Value::as_str).map(str::to_owned),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(_) => None,
    }
}

/// `/data/group/question` → `/group/question`
fn path(reference: &str) -> Result<NodePath, String> {
    let inner = reference.trim_start_matches('/').split_once('/').map_or("", |(_, rest)| rest);
    format!("/{inner}").parse().map_err(|error| format!("{error}"))
}
