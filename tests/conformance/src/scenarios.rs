//! Recorded form sessions: each step is made again and the state after it
//! compared. Where the two recorded engines disagree, either side will do.

mod file;
mod state;
mod submission;

use crate::{Failure, Known, Report};
use anyhow::Context as _;
use chrono::{DateTime, FixedOffset, Offset, TimeZone, Utc};
use doorstep_form::xform::{self, Identity};
use doorstep_form::{Attachments, AuthoringProblem, Context, NodePath, Plan, Session};
use file::{File, Step, Vector};
use serde_json::{Map, Value};
use state::{choices, differs, labels, values, violations};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

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
        let listed = known.differences(&vector.id);
        match replay(vector, plan, listed)? {
            Outcome::Compared(Ok(())) if !listed.is_empty() => report.known += 1,
            Outcome::Compared(Err(why)) if !listed.is_empty() => {
                report.failures.push(Failure { id: vector.id.clone(), why });
            }
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
    let (form, _) = xform::read(xml).map_err(|problems| told(&problems))?;
    Plan::new(form, attachments).map(Arc::new).map_err(|problems| told(&problems))
}

fn told(problems: &[AuthoringProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Makes all steps; `listed` is what may differ, and has to.
fn replay(vector: &Vector, plan: Result<Arc<Plan>, String>, listed: &[String]) -> anyhow::Result<Outcome> {
    let refused_by_javarosa = vector.javarosa.as_str().is_some_and(|said| said.starts_with("load_error"));
    let plan = match (plan, &vector.load_error) {
        // What the recording engine is known to do wrong is right the other way.
        (Ok(_), Some(_)) if vector.expect_fail => return Ok(Outcome::Compared(Ok(()))),
        (Ok(_), _) if vector.expect_fail && refused_by_javarosa => {
            return Ok(Outcome::Compared(Err("the form should be rejected, but loads".to_owned())));
        }
        (Err(_), Some(_)) if !vector.expect_fail => return Ok(Outcome::Compared(Ok(()))),
        (Ok(_), Some(error)) => {
            return Ok(Outcome::Compared(Err(format!("the form should be rejected ({error}), but loads"))));
        }
        (Err(_), None) if refused_by_javarosa => return Ok(Outcome::Compared(Ok(()))),
        (Err(problems), _) => {
            return Ok(Outcome::Compared(Err(format!("the form does not load: {problems}"))));
        }
        (Ok(plan), None) => plan,
    };
    // Where a device is comes from the device, and what it said is not in the
    // form of answers.
    if vector.geolocations.is_some() {
        return Ok(Outcome::Skipped);
    }
    let (session, corrects) = match begin(vector, plan)? {
        Ok(begun) => begun,
        Err(why) => return Ok(Outcome::Compared(Err(why))),
    };
    let mut replay = Replay {
        session,
        corrects,
        expected: BTreeMap::new(),
        volatile: vector.volatile_functions,
        // A check that failed says what is right; without one, JavaRosa does.
        only_javarosa: vector.expect_fail && !vector.steps.iter().any(|step| step.pass == Some(false)),
        doubtful: vector.expect_fail,
        drawn: BTreeSet::new(),
        listed,
        met: BTreeSet::new(),
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
    let gone = listed.iter().find(|one| !replay.met.contains(*one));
    Ok(Outcome::Compared(match gone {
        Some(gone) => Err(format!("listed as a known difference, but is as recorded: {gone}")),
        None => Ok(()),
    }))
}

/// A new session, or one that goes on with an instance; and the identity of the
/// instance that it corrects, where the host of the recording said that it does.
fn begin(vector: &Vector, plan: Arc<Plan>) -> anyhow::Result<Result<(Session, Option<String>), String>> {
    let context = context(vector)?;
    let recorded = || vector.steps.first().and_then(|step| step.xml.as_deref());
    let xml = match (vector.fork.as_deref(), &vector.edit_instance, &vector.fork_from_xml) {
        (Some("newInstance"), ..) | (None, None, _) => {
            return Ok(Ok((Session::start(plan, context, &BTreeMap::new()), None)));
        }
        (_, Some(xml), _) => Some(xml.as_str()),
        // What these go on with is not recorded, but what came of it: that has
        // to stay as it is.
        (Some("restoreWebFormsInstanceState"), ..) => recorded(),
        (_, None, xml) => xml.as_deref(),
    };
    let xml = xml.context("a session goes on with an instance that is not there")?;
    let read = match xform::instance_from_xml(plan.form(), xml) {
        Ok(read) => read,
        Err(problems) => return Ok(Err(format!("the instance cannot be read: {}", told(&problems)))),
    };
    let corrected =
        read.identity.instance_id.filter(|_| recorded().is_some_and(|xml| xml.contains("deprecatedID>")));
    Ok(Ok((Session::resume(plan, context, &read.instance).0, corrected)))
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

struct Replay<'l> {
    session: Session,
    /// Identity of the instance that this one corrects.
    corrects: Option<String>,
    expected: BTreeMap<String, Map<String, Value>>,
    /// The form draws lots: where the engines drew differently, so may this one.
    volatile: bool,
    /// The recording engine is known to be wrong: only the other counts.
    only_javarosa: bool,
    /// It is known to be wrong somewhere.
    doubtful: bool,
    /// What was drawn so far.
    drawn: BTreeSet<(String, String)>,
    /// What is known to differ, and what of that did.
    listed: &'l [String],
    met: BTreeSet<String>,
}

impl Replay<'_> {
    /// Makes a step and compares; false when the step cannot be made here.
    fn step(&mut self, step: &Step) -> Result<bool, String> {
        match step.op.as_str() {
            "answer" => {
                let Some(value) = answer(&step.value) else { return Ok(false) };
                // Some tests answer wherever they stand.
                let Some(reference) = step.r#ref.as_deref() else { return Ok(step.error.is_some()) };
                let outcome = path(reference).and_then(|path| {
                    self.session.answer(&path, &value).map_err(|error| error.to_string())?;
                    Ok(path)
                });
                if let Some(thrown) = &step.error {
                    return self.refused(outcome, thrown).map(|()| true);
                }
                outcome?;
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
        if step.op == "check" && self.doubtful && step.pass == Some(false) {
            let outcome = self.check(step);
            self.unless_listed(outcome)?;
        }
        if matches!(step.op.as_str(), "nav" | "observe" | "check") {
            return Ok(true);
        }
        let nothing = Map::new();
        let expected = std::mem::take(&mut self.expected);
        for (reference, state) in &expected {
            let other = step.javarosa_disagrees.get(reference).unwrap_or(&nothing);
            let mut state = state.clone();
            if self.only_javarosa {
                // Of what the recording engine takes away, it knows nothing else.
                if other.get("rel") == Some(&Value::Bool(true)) {
                    state.retain(|key, _| matches!(key.as_str(), "t" | "vt"));
                }
                // Of instances that only JavaRosa has, nothing is recorded.
                state.remove("count");
                state.extend(other.iter().map(|(key, value)| (key.clone(), value.clone())));
            }
            if self.volatile {
                let taken_away = state.get("rel") == Some(&Value::Bool(false));
                state.retain(|key, value| {
                    let mark = (reference.clone(), key.clone());
                    let uuid = value.as_str().is_some_and(state::is_uuid);
                    let drawn = other.contains_key(key) || self.drawn.contains(&mark) || uuid;
                    if drawn {
                        self.drawn.insert(mark);
                    }
                    !drawn
                });
                // Of what the recording engine takes away, and the other does not,
                // nothing else is known.
                if taken_away && !state.contains_key("rel") {
                    state.retain(|key, _| matches!(key.as_str(), "t" | "vt"));
                }
            }
            // An instance that the other engine has not got.
            let missing = |reference: &str| {
                let of =
                    |name: &String| name.strip_prefix(reference.trim_end_matches("[]")).map(str::to_owned);
                let names =
                    step.javarosa_disagrees.iter().filter(|(_, other)| other.contains_key("$missing"));
                names
                    .filter_map(|(name, _)| of(name))
                    .filter(|rest| rest.starts_with('[') && rest.ends_with(']'))
                    .count()
            };
            let mut other = other.clone();
            if let Some(count) =
                state.get("count").and_then(Value::as_u64).filter(|_| reference.ends_with("[]"))
            {
                let fewer = u64::try_from(missing(reference)).unwrap_or(0);
                other.insert("count".to_owned(), Value::from(count.saturating_sub(fewer)));
            }
            let outcome = self.compare(reference, &state, &other);
            self.unless_listed(outcome)?;
        }
        self.expected = expected;
        let comparable = !self.volatile && !self.doubtful && !step.xml_volatile;
        // Where the engines differ in what is there, the XML is of one of them.
        let unlike = |other: &Map<String, Value>| other.contains_key("$missing") || other.contains_key("rel");
        let comparable = comparable && !step.javarosa_disagrees.values().any(unlike);
        if let Some(xml) = step.xml.as_deref().filter(|_| comparable) {
            let outcome = self.compare_xml(xml, &step.javarosa_disagrees);
            self.unless_listed(outcome)?;
        }
        Ok(true)
    }

    /// Passes over what is known to differ.
    fn unless_listed(&mut self, outcome: Result<(), String>) -> Result<(), String> {
        let Err(why) = outcome else { return Ok(()) };
        let begins = |one: &&String| {
            let rest = why.strip_prefix(one.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', ' ']))
        };
        match self.listed.iter().find(begins) {
            Some(one) => {
                self.met.insert(one.clone());
                Ok(())
            }
            None => Err(why),
        }
    }

    /// What the recorded engine throws for is refused here, or kept as a problem
    /// that expressions do not see.
    fn refused(&self, outcome: Result<NodePath, String>, thrown: &str) -> Result<(), String> {
        let Ok(path) = outcome else { return Ok(()) };
        match self.session.node(&path).and_then(|view| view.problem) {
            Some(_) => Ok(()),
            None => Err(format!("should be refused ({thrown}), but is taken")),
        }
    }

    /// What a check expects, where it is about one node.
    fn check(&self, step: &Step) -> Result<(), String> {
        let Some(reference) = step.actual.get("ref").and_then(Value::as_str) else { return Ok(()) };
        let Some(view) = self.session.node(&path(reference)?) else {
            return Err(format!("{reference} is not there"));
        };
        let holds = match step.matcher.as_deref() {
            Some("toEqualAnswer") => {
                let expected = step.expected.as_str().unwrap_or_default();
                view.value == expected || state::same_numbers(&view.value, expected)
            }
            Some("toHaveAnswerCloseTo") => {
                let number = |name| step.expected.get(name).and_then(Value::as_f64);
                let ours = view.value.parse::<f64>().ok();
                ours.zip(number("value"))
                    .zip(number("tolerance"))
                    .is_some_and(|((ours, value), tolerance)| (ours - value).abs() <= tolerance)
            }
            Some("toBeNonRelevant") => !view.relevant,
            Some("toBeRelevant") => view.relevant,
            _ => true,
        };
        if holds {
            Ok(())
        } else {
            Err(format!("{reference} check: expected {}, found {:?}", step.expected, view.value))
        }
    }

    fn compare_xml(
        &self,
        recorded: &str,
        others: &BTreeMap<String, Map<String, Value>>,
    ) -> Result<(), String> {
        let identity = Identity { deprecated_id: self.corrects.clone(), ..Identity::default() };
        let form = self.session.plan().form();
        let ours = xform::instance_to_xml(form, &self.session.submission(), &identity).xml;
        let nothing = Map::new();
        let is_note = |reference: &str| {
            let state = self.expected.get(reference);
            state.is_some_and(|state| state.get("t").and_then(Value::as_str) == Some("note"))
        };
        let as_good = |reference: &str, recorded: &str, ours: &str| {
            let Some(view) = path(reference).ok().and_then(|path| self.session.node(&path)) else {
                return submission::volatile_text(recorded);
            };
            let mut state = self.expected.get(reference).cloned().unwrap_or_default();
            let volatile =
                state.insert("v".to_owned(), Value::from(recorded)).is_some_and(|v| state::volatile(&v));
            let other = others.get(reference).unwrap_or(&nothing);
            volatile
                || submission::volatile_text(recorded)
                || (view.value == ours && values(reference, &state, other, &view).is_ok())
        };
        submission::compare(recorded, &ours, submission::Leniency { text: &as_good, silent: &is_note })
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

/// An answer as it is stored; `None` for what only a host can give.
fn answer(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text.clone()),
        Value::Array(several) => {
            let several: Option<Vec<&str>> = several.iter().map(Value::as_str).collect();
            Some(several?.join(" "))
        }
        Value::Object(object) => {
            let name = object.get("name").and_then(Value::as_str).map(str::to_owned);
            name.or_else(|| place(object.get("value")?))
        }
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(_) => None,
    }
}

/// A place as a device gives it.
fn place(value: &Value) -> Option<String> {
    let number = |name: &str| value.get(name).and_then(Value::as_f64);
    let known = [number("latitude"), number("longitude"), number("altitude"), number("accuracy")];
    let last = known.iter().rposition(Option::is_some).filter(|&last| last > 0)?;
    let texts = known.iter().take(last + 1).map(|number| number.unwrap_or(0.0).to_string());
    Some(texts.collect::<Vec<_>>().join(" "))
}

/// `/data/group/question` → `/group/question`
fn path(reference: &str) -> Result<NodePath, String> {
    let inner = reference.trim_start_matches('/').split_once('/').map_or("", |(_, rest)| rest);
    format!("/{inner}").parse().map_err(|error| format!("{error}"))
}
