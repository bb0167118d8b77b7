//! A session driven by bytes, and what must hold afterwards.

use arbitrary::Unstructured;
use doorstep_form::{
    Attachments, Context, Form, NodePath, NodeView, Plan, ProblemKind, Session, Workbook, verify,
};
use std::collections::BTreeMap;
use std::sync::Arc;

const STEPS_MAX: usize = 60;

/// What is typed, whatever is asked.
const VALUES: [&str; 26] = [
    "",
    "1",
    "-5",
    "0",
    "2",
    "９９",
    "abc",
    "p",
    "q",
    "p q",
    "yes",
    "no",
    "2026-02-30",
    "2026-11-23",
    "1e9",
    "NaN",
    "34 108",
    "34.1 108.9 400 5",
    "34 108;34 109;35 109;34 108",
    "\u{0}",
    "走访",
    "1.5",
    "08:30:00.000+08:00",
    "2026-11-23T09:30:00.000+08:00",
    "OK",
    "999999",
];

/// Forms that the engine must compute the same way step by step and anew. None
/// of them reads the clock, which steps may move.
const FORMS: [&str; 3] = [
    include_str!("../seeds/household.md"),
    include_str!("../seeds/nested.md"),
    include_str!("../seeds/cascade.md"),
];

pub(crate) fn context() -> Context {
    let now = chrono::DateTime::from_timestamp(1_795_400_000, 0).unwrap_or_default();
    Context {
        now: now.fixed_offset(),
        seed: 1,
        username: "wang".to_owned(),
        device_id: "device-1".to_owned(),
        ..Context::default()
    }
}

/// A plan for a form that came as tables.
pub(crate) fn plan(table: &str) -> Option<Plan> {
    let form = Workbook::read_markdown(table).and_then(|workbook| Form::from_workbook(&workbook)).ok()?.0;
    Plan::new(form, &Attachments::new()).ok()
}

/// The plan of one of the forms here.
pub(crate) fn own(number: u8) -> Result<Arc<Plan>, String> {
    let form = FORMS.get(usize::from(number) % FORMS.len()).copied().unwrap_or_default();
    plan(form).map(Arc::new).ok_or_else(|| format!("the form {number} of the fuzz program has mistakes"))
}

/// The first byte chooses the form, the others the steps.
///
/// # Errors
/// What does not hold.
pub(crate) fn steps(bytes: &[u8]) -> Result<(), String> {
    let Some((form, steps)) = bytes.split_first() else { return Ok(()) };
    let session = drive(own(*form)?, steps);
    holds(&session)
}

/// Does whatever the bytes say.
pub(crate) fn drive(plan: Arc<Plan>, bytes: &[u8]) -> Session {
    let mut session = Session::start(plan, context(), &BTreeMap::new());
    let mut draw = Unstructured::new(bytes);
    for _ in 0..STEPS_MAX {
        if draw.is_empty() || step(&mut session, &mut draw).is_err() {
            break;
        }
    }
    session
}

fn step(session: &mut Session, draw: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let paths: Vec<NodePath> = session.pages().into_iter().flat_map(|page| page.nodes).collect();
    if paths.is_empty() {
        return Err(arbitrary::Error::NotEnoughData);
    }
    let path = draw.choose(&paths)?;
    match draw.int_in_range(0_u8..=11)? {
        0 | 1 => drop(session.add_repeat(path)),
        2 => drop(session.remove_repeat(path)),
        3 => drop(session.set_now(context().now + chrono::TimeDelta::hours(draw.int_in_range(-100..=100)?))),
        4 => {
            let languages = session.plan().form().languages().to_vec();
            if let Ok(language) = draw.choose(&languages) {
                session.set_language(language);
            }
        }
        5 | 6 => {
            // A choice that is offered.
            let choices = session.node(path).map(|view| view.choices).unwrap_or_default();
            if let Ok(choice) = draw.choose(&choices) {
                drop(session.answer(path, &choice.value));
            }
        }
        _ => drop(session.answer(path, draw.choose(&VALUES)?)),
    }
    drop(session.node(path));
    Ok(())
}

/// Step by step and anew come to the same; a draft fits its form; what is
/// finished is what the server computes.
pub(crate) fn holds(session: &Session) -> Result<(), String> {
    let draft = session.instance();
    let plan = Arc::clone(session.plan());
    let (again, left_over) = Session::reread(Arc::clone(&plan), context(), &draft);
    if !left_over.is_empty() {
        return Err(format!("draft does not fit its own form: {left_over:?}"));
    }
    if again.instance() != draft {
        return Err(format!("step by step is not anew: {draft} / {}", again.instance()));
    }
    let mut again = again;
    again.set_language(session.language());
    for path in session.pages().into_iter().flat_map(|page| page.nodes) {
        let (one, other) = (lasting(session, &path), lasting(&again, &path));
        if one != other {
            return Err(format!("a node differs when computed anew: {one:?} / {other:?}"));
        }
    }
    if session.problems() != again.problems() {
        return Err(format!(
            "problems differ when computed anew: {:?} / {:?}",
            session.problems(),
            again.problems()
        ));
    }
    let text = serde_json::to_string(&draft).map_err(|cause| format!("draft is no JSON: {cause}"))?;
    if serde_json::from_str::<serde_json::Value>(&text).ok().as_ref() != Some(&draft) {
        return Err("a draft changes on its way through JSON".to_owned());
    }
    finished(session.clone(), plan)
}

/// A node without what only the session knows in which it happened.
fn lasting(session: &Session, path: &NodePath) -> Option<NodeView> {
    let mut view = session.node(path)?;
    if view.problem == Some(ProblemKind::NotStored) {
        (view.problem, view.constraint_message) = (None, None);
    }
    Some(view)
}

fn finished(mut session: Session, plan: Arc<Plan>) -> Result<(), String> {
    let context = context();
    if let Ok(submission) = session.finish(context.now) {
        let verification = verify(plan, context, &submission);
        if !verification.differences.is_empty() || !verification.problems.is_empty() {
            return Err(format!(
                "the server disagrees: {:?} {:?}",
                verification.differences, verification.problems
            ));
        }
    }
    Ok(())
}
