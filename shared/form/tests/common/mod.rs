//! Forms written as tables, and short ways to drive them.
#![allow(dead_code, clippy::allow_attributes, reason = "each test file uses its own part")]

use doorstep_form::{Attachments, AuthoringProblem, Context, Form, NodePath, Plan, Session, Workbook};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) fn moment(text: &str) -> chrono::DateTime<chrono::FixedOffset> {
    chrono::DateTime::parse_from_rfc3339(text).expect("a moment")
}

pub(crate) fn context() -> Context {
    Context {
        now: moment("2026-11-23T09:30:00+08:00"),
        seed: 1,
        username: "wang".to_owned(),
        device_id: "device-1".to_owned(),
        ..Context::default()
    }
}

/// Errors and warnings of all stages.
pub(crate) fn problems(table: &str) -> Vec<AuthoringProblem> {
    let read = Workbook::read_markdown(table).and_then(|workbook| Form::from_workbook(&workbook));
    match read {
        Err(problems) => problems,
        Ok((form, warnings)) => match Plan::new(form, &Attachments::new()) {
            Ok(_) => warnings,
            Err(problems) => problems,
        },
    }
}

pub(crate) fn shown(table: &str) -> Vec<String> {
    problems(table).iter().map(ToString::to_string).filter(|problem| !problem.contains("form_id")).collect()
}

pub(crate) fn plan(table: &str) -> Arc<Plan> {
    let workbook = Workbook::read_markdown(table).expect("a table");
    let (form, _) = Form::from_workbook(&workbook).expect("a form");
    Arc::new(Plan::new(form, &Attachments::new()).expect("a plan"))
}

pub(crate) fn start(table: &str) -> Session {
    Session::start(plan(table), context(), &BTreeMap::new())
}

pub(crate) fn path(text: &str) -> NodePath {
    text.parse().expect("a path")
}

pub(crate) fn answer(session: &mut Session, at: &str, value: &str) -> Vec<String> {
    let changed = session.answer(&path(at), value).expect("an answer is taken");
    changed.iter().map(NodePath::to_string).collect()
}

pub(crate) fn at(session: &Session, place: &str) -> String {
    session.node(&path(place)).expect("a node").value
}
