//! `xpath.json`: expressions over documents, in both dialects.

use crate::{Known, Report};
use anyhow::Context;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use doorstep_form::xpath::{Dialect, Expression, Outcome, World, XmlDocument, XmlNode};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

#[derive(Debug, Deserialize)]
struct File {
    docs: HashMap<String, String>,
    cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
struct Case {
    id: String,
    doc: String,
    context: String,
    expr: String,
    #[serde(default)]
    ns: BTreeMap<String, Option<String>>,
    lang: Option<String>,
    now_ms: i64,
    tz: String,
    mode: String,
    root: Option<String>,
    want: String,
    expected: Expected,
    #[serde(default)]
    nondeterministic: bool,
    #[serde(default)]
    known_wrong: bool,
    #[serde(default)]
    dom_quirk: bool,
}

#[derive(Debug, Deserialize)]
struct Expected {
    r#type: String,
    #[serde(default)]
    value: Value,
}

pub(crate) fn run(bytes: &[u8], known: &Known) -> anyhow::Result<Report> {
    let file: File = serde_json::from_slice(bytes)?;
    let mut documents = HashMap::new();
    for (name, xml) in &file.docs {
        let document = XmlDocument::parse(xml).with_context(|| format!("document {name}"))?;
        documents.insert(name.as_str(), document);
    }
    let mut report = Report::default();
    for case in &file.cases {
        // A context that is no node of XPath (a doctype, a fragment) has no
        // path, and what depends on one is the DOM's business.
        if case.dom_quirk || case.known_wrong || case.context.starts_with('?') {
            report.skipped += 1;
            continue;
        }
        let document =
            documents.get(case.doc.as_str()).with_context(|| format!("{}: no document", case.id))?;
        report.note(known, &case.id, check(case, document));
    }
    Ok(report)
}

fn check(case: &Case, document: &XmlDocument) -> Result<(), String> {
    let zone: Tz = case.tz.parse().map_err(|_| format!("unknown zone {}", case.tz))?;
    let now: DateTime<Utc> = DateTime::from_timestamp_millis(case.now_ms).ok_or("no moment")?;
    let now = now.with_timezone(&zone).fixed_offset();
    let mut world = World {
        document,
        top: None,
        namespaces: case
            .ns
            .iter()
            .filter_map(|(prefix, namespace)| Some((prefix.clone(), namespace.clone()?)))
            .collect(),
        language: case.lang.clone(),
        now,
        zone: &zone,
        dialect: if case.mode == "xpath1" { Dialect::XPath1 } else { Dialect::XForms },
        seed: 20_261_124,
    };
    let context = find(&world, &case.context)?;
    world.top = case.root.as_deref().map(|root| find(&world, root)).transpose()?;
    let shown = |why: String| format!("{}\n{why}", case.expr);
    let expression = match Expression::parse(&case.expr) {
        Ok(expression) => expression,
        Err(_) if case.expected.r#type == "error" => return Ok(()),
        Err(error) => return Err(shown(format!("cannot be read: {error}"))),
    };
    let found = outcome(case, &expression, &world, context);
    compare(case, document, found).map_err(shown)
}

fn find(world: &World<'_>, path: &str) -> Result<XmlNode, String> {
    let expression = Expression::parse(path).map_err(|error| error.to_string())?;
    match expression.evaluate(world, world.document.root()).map_err(|error| error.to_string())? {
        Outcome::Nodes(nodes) if nodes.len() == 1 => Ok(nodes[0]),
        other => Err(format!("the path {path} is not one node: {other:?}")),
    }
}

/// What the expression yields, in the type that was asked for.
fn outcome(case: &Case, expression: &Expression, world: &World<'_>, at: XmlNode) -> Result<Outcome, String> {
    let outcome = match case.want.as_str() {
        "string" => expression.text(world, at).map(Outcome::Text),
        "number" => expression.number(world, at).map(Outcome::Number),
        "boolean" => expression.boolean(world, at).map(Outcome::Boolean),
        _ => expression.evaluate(world, at),
    };
    outcome.map_err(|error| error.message)
}

fn compare(case: &Case, document: &XmlDocument, found: Result<Outcome, String>) -> Result<(), String> {
    let expected = &case.expected;
    let found = match (found, expected.r#type.as_str()) {
        (Err(_), "error") => return Ok(()),
        (Ok(found), "error") => return Err(format!("an error was expected, but came {found:?}")),
        (Err(error), _) => return Err(format!("expected {}, but failed: {error}", expected.value)),
        (Ok(found), _) => found,
    };
    let same = match (&found, expected.r#type.as_str()) {
        (Outcome::Text(text), "string") => {
            let wanted = expected.value.as_str().unwrap_or_default();
            text == wanted || case.nondeterministic && is_alike(text, wanted)
        }
        (Outcome::Number(number), "number") => {
            let wanted = number_of(&expected.value);
            is_same(*number, wanted) || case.nondeterministic && (0.0..1.0).contains(number)
        }
        (Outcome::Boolean(found), "boolean") => Some(*found) == expected.value.as_bool(),
        (Outcome::Nodes(nodes), "nodeset") => {
            let mut found: Vec<(String, String)> = nodes
                .iter()
                .map(|&node| (document.path_of(node), document.text_of(node).to_owned()))
                .collect();
            let mut wanted = wanted_nodes(&expected.value);
            // Only what is shuffled by chance may come in any order.
            if case.nondeterministic {
                found.sort();
                wanted.sort();
            }
            found == wanted
        }
        (Outcome::Nodes(nodes), "node") => {
            nodes.first().is_some_and(|&node| document.path_of(node) == path_in(&expected.value))
        }
        _ => false,
    };
    if same {
        return Ok(());
    }
    let found = match &found {
        Outcome::Nodes(nodes) => {
            format!("nodes {:?}", nodes.iter().map(|&node| document.path_of(node)).collect::<Vec<_>>())
        }
        other => format!("{other:?}"),
    };
    let mut wanted = expected.value.to_string();
    if let Some(nodes) = expected.value.as_array() {
        wanted = format!("{:?}", nodes.iter().map(path_in).collect::<Vec<_>>());
    }
    Err(format!("expected {} {wanted}, but came {found}", expected.r#type))
}

/// Path and string value of the expected nodes. The DOM has a node for each
/// part of a run of text (CDATA sections), XPath one for the run.
fn wanted_nodes(nodes: &Value) -> Vec<(String, String)> {
    let mut wanted: Vec<(String, String)> = Vec::new();
    for node in nodes.as_array().into_iter().flatten() {
        let (path, text) = (path_in(node), node["string"].as_str().unwrap_or_default());
        match wanted.last_mut() {
            Some((last, run)) if *last == path && path.contains("/text()") => run.push_str(text),
            _ => wanted.push((path, text.to_owned())),
        }
    }
    wanted
}

fn path_in(node: &Value) -> String {
    node["path"].as_str().unwrap_or_default().to_owned()
}

pub(crate) fn number_of(value: &Value) -> f64 {
    match value {
        Value::Number(number) => number.as_f64().unwrap_or(f64::NAN),
        Value::String(text) => text.parse().unwrap_or(f64::NAN),
        _ => f64::NAN,
    }
}

/// The same number, as far as the last digits allow, and the same zero.
fn is_same(found: f64, wanted: f64) -> bool {
    found.is_nan() && wanted.is_nan() || found == wanted || (found - wanted).abs() <= wanted.abs() * 1e-10
}

/// Whether two random texts have the same form: both numbers from 0 to 1, or of
/// the same length, with the same signs between letters and digits when they are
/// whole identifiers.
fn is_alike(found: &str, wanted: &str) -> bool {
    let fraction = |text: &str| text.parse::<f64>().is_ok_and(|number| (0.0..1.0).contains(&number));
    let signs = |text: &str| -> String {
        text.chars().map(|one| if one.is_ascii_alphanumeric() { 'x' } else { one }).collect()
    };
    let whole = wanted.ends_with(|one: char| one.is_ascii_hexdigit()) && wanted.len().is_multiple_of(36)
        || wanted.contains(':');
    fraction(found) && fraction(wanted)
        || found.len() == wanted.len() && (!whole || signs(found) == signs(wanted))
}
