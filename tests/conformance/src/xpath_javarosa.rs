//! `xpath-javarosa.json`: expressions that are computed, and expressions of
//! which only the form is judged.

use crate::xpath::number_of;
use crate::xpath_tree::outline;
use crate::{Known, Report};
use anyhow::Context;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use doorstep_form::xpath::{Dialect, Expression, Outcome, World, XmlDocument};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Debug, Deserialize)]
struct File {
    eval: Vec<Eval>,
    parse: Vec<Parse>,
}

#[derive(Debug, Deserialize)]
struct Eval {
    id: String,
    expr: String,
    tz: String,
    r#type: String,
    expected: Value,
    xml: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Parse {
    expr: String,
    valid: bool,
    ast: Option<String>,
}

/// Functions and variables that the suite's own host adds to the language.
const OF_THE_HOST: [&str; 13] = [
    "testfunc(",
    "add(",
    "foo(",
    "check-types(",
    "get-custom(",
    "raw(",
    "proto(",
    "null-proto(",
    "convertible(",
    "inconvertible(",
    "read(",
    "write(",
    "$var",
];

pub(crate) fn run(bytes: &[u8], known: &Known) -> anyhow::Result<Report> {
    let file: File = serde_json::from_slice(bytes)?;
    let mut report = Report::default();
    for case in &file.eval {
        if OF_THE_HOST.iter().any(|name| case.expr.contains(name)) {
            // They are not part of the language, and it says so.
            let refused = Expression::parse(&case.expr).map(|expression| evaluate(case, &expression));
            match refused {
                Ok(Ok(Ok(outcome))) => {
                    let why = format!("{}\nmust be refused, but came {outcome:?}", case.expr);
                    report.note(known, &case.id, Err(why));
                }
                _ => report.skipped += 1,
            }
            continue;
        }
        let outcome = check(case).map_err(|why| format!("{}\n{why}", case.expr));
        report.note(known, &case.id, outcome);
    }
    for (index, case) in file.parse.iter().enumerate() {
        let outcome = match (Expression::parse(&case.expr), case.valid) {
            (Ok(found), true) => compare_tree(case, &found.outline()),
            (Err(_), false) => Ok(()),
            (Ok(_), false) => Err(format!("{}\nmust not be readable", case.expr)),
            (Err(error), true) => Err(format!("{}\ncannot be read: {error}", case.expr)),
        };
        report.note(known, &format!("jrx-parse-{index:03}"), outcome);
    }
    Ok(report)
}

/// Whether the expression was read as the recorded tree says.
fn compare_tree(case: &Parse, found: &str) -> Result<(), String> {
    let Some(tree) = &case.ast else { return Ok(()) };
    let wanted = outline(tree).ok_or_else(|| format!("the recorded tree is not understood: {tree}"))?;
    if wanted == found { Ok(()) } else { Err(format!("{}\nread as {found}\nexpected {wanted}", case.expr)) }
}

fn evaluate(case: &Eval, expression: &Expression) -> anyhow::Result<Result<Outcome, String>> {
    let document = XmlDocument::parse(case.xml.as_deref().unwrap_or("<data/>"))?;
    let zone: Tz = case.tz.parse().ok().context("an unknown zone")?;
    let world = world(&document, &zone);
    Ok(expression.evaluate(&world, document.root()).map_err(|error| error.message))
}

fn world<'a>(document: &'a XmlDocument, zone: &'a Tz) -> World<'a> {
    World {
        document,
        top: None,
        namespaces: BTreeMap::new(),
        language: None,
        now: DateTime::<Utc>::UNIX_EPOCH.with_timezone(zone).fixed_offset(),
        zone,
        dialect: Dialect::XForms,
        seed: 20_261_124,
    }
}

fn check(case: &Eval) -> Result<(), String> {
    let expression = match Expression::parse(&case.expr) {
        Ok(expression) => expression,
        Err(_) if case.r#type == "error" => return Ok(()),
        Err(error) => return Err(format!("cannot be read: {error}")),
    };
    let outcome = evaluate(case, &expression).map_err(|error| error.to_string())?;
    let outcome = match (outcome, case.r#type.as_str()) {
        (Err(_), "error") => return Ok(()),
        (Err(error), _) => return Err(format!("expected {}, but failed: {error}", case.expected)),
        (Ok(outcome), "error") => return Err(format!("must fail, but came {outcome:?}")),
        (Ok(outcome), _) => outcome,
    };
    let same = match (&outcome, case.r#type.as_str()) {
        (Outcome::Nodes(nodes), "nodeset") => {
            let wanted = case.expected.as_array().map_or(0, Vec::len);
            nodes.len() == wanted && is_same_place(case, &expression)?
        }
        (outcome, "number") => is_near(number(case, &expression, outcome)?, number_of(&case.expected)),
        (Outcome::Nodes(_), "string") => {
            text(case, &expression)? == case.expected.as_str().unwrap_or_default()
        }
        (Outcome::Text(text), "string") => Some(text.as_str()) == case.expected.as_str(),
        (Outcome::Boolean(found), "boolean") => Some(*found) == case.expected.as_bool(),
        (Outcome::Text(text), "date") => {
            let wanted = case.expected.as_str().unwrap_or_default();
            let wanted: DateTime<Utc> = wanted.parse().map_err(|_| format!("no moment: {wanted}"))?;
            let text = if text.contains('T') { text.clone() } else { format!("{text}T00:00:00Z") };
            text.parse::<DateTime<Utc>>().is_ok_and(|found| found == wanted)
        }
        _ => false,
    };
    if same {
        Ok(())
    } else {
        Err(format!("expected {} {}, but came {outcome:?}", case.r#type, case.expected))
    }
}

/// Whether the nodes are those that the expected paths lead to.
fn is_same_place(case: &Eval, expression: &Expression) -> Result<bool, String> {
    let found = evaluate(case, expression).map_err(|error| error.to_string())?;
    let mut wanted = Vec::new();
    for path in case.expected.as_array().into_iter().flatten() {
        let path = Expression::parse(path.as_str().unwrap_or_default()).map_err(|error| error.to_string())?;
        if let Outcome::Nodes(nodes) = evaluate(case, &path).map_err(|error| error.to_string())?? {
            wanted.extend(nodes);
        }
    }
    Ok(found == Ok(Outcome::Nodes(wanted)))
}

fn number(case: &Eval, expression: &Expression, outcome: &Outcome) -> Result<f64, String> {
    if let Outcome::Number(number) = outcome {
        return Ok(*number);
    }
    let document =
        XmlDocument::parse(case.xml.as_deref().unwrap_or("<data/>")).map_err(|error| error.to_string())?;
    let zone: Tz = case.tz.parse().map_err(|_| "an unknown zone".to_owned())?;
    expression.number(&world(&document, &zone), document.root()).map_err(|error| error.message)
}

fn text(case: &Eval, expression: &Expression) -> Result<String, String> {
    let document =
        XmlDocument::parse(case.xml.as_deref().unwrap_or("<data/>")).map_err(|error| error.to_string())?;
    let zone: Tz = case.tz.parse().map_err(|_| "an unknown zone".to_owned())?;
    expression.text(&world(&document, &zone), document.root()).map_err(|error| error.message)
}

/// The suite itself compares numbers to some twelve digits.
fn is_near(found: f64, wanted: f64) -> bool {
    found.is_nan() && wanted.is_nan()
        || found == wanted
        || (found - wanted).abs() <= 1e-10 * wanted.abs().max(1.0)
}
