//! How fast the form engine is, measured through its public doors: the same
//! program native and, as wasm, in a browser. `cargo xtask bench forms` builds
//! and runs it, and sets the figures beside those of other engines.
//!
//! * [`forms`] writes forms of any size;
//! * [`run`] drives a form and takes the time.
//!
//! Memory is what the program has allocated, counted by `peak_alloc`.

#![forbid(unsafe_code)]

mod clock;
mod drive;
pub mod forms;

use anyhow::{anyhow, bail};
use doorstep_form::{Attachments, Form, Plan, Session, Workbook, xform};
use peak_alloc::PeakAlloc;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Counts what is allocated; programs that measure make it theirs.
pub static ALLOCATED: PeakAlloc = PeakAlloc;

/// A form as bytes, and how to read them.
#[derive(Debug, Clone)]
pub struct Input {
    /// What it is called in the outcome.
    pub name: String,
    /// Name of the file; its ending says what the bytes are.
    pub file: String,
    pub bytes: Vec<u8>,
    pub attachments: Attachments,
}

/// What was measured of one form. Times in milliseconds, memory in megabytes
/// of 2^20 bytes.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Outcome {
    pub form: String,
    pub questions: usize,
    /// Bytes → session that takes answers, the first time in this process.
    pub load_ms: f64,
    /// The same once more.
    pub load_again_ms: f64,
    /// From the JSON that phones receive → session that takes answers.
    pub load_json_ms: f64,
    pub heap_after_load_mb: f64,
    pub answer_ms: Spread,
    /// Answers on which nothing depends but their own rule: the same however
    /// large the form is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_alone_ms: Option<Spread>,
    /// The first link of the longest chain of calculations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain_head_ms: Option<Spread>,
    /// Three chained selects, with the choices that each then offers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cascade_ms: Option<Spread>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add_repeat_10_ms: Option<Spread>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add_repeat_200_ms: Option<Spread>,
    /// Everything that stands in the way of finishing.
    pub validate_ms: f64,
    /// A draft read and everything computed anew.
    pub resume_ms: f64,
    pub serialise_ms: f64,
    pub instance_bytes: usize,
    pub heap_end_mb: f64,
}

/// How a measure spreads, in milliseconds.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Spread {
    pub n: usize,
    pub mean: f64,
    pub p50: f64,
    pub p95: f64,
    pub max: f64,
}

impl Spread {
    /// Of these; nothing spreads like zero.
    fn of(mut times: Vec<f64>) -> Spread {
        times.sort_by(f64::total_cmp);
        let at = |share: usize| times.get((times.len() * share / 100).min(times.len().saturating_sub(1)));
        let mean =
            times.iter().sum::<f64>() / f64::from(u32::try_from(times.len().max(1)).unwrap_or(u32::MAX));
        Spread {
            n: times.len(),
            mean,
            p50: at(50).copied().unwrap_or_default(),
            p95: at(95).copied().unwrap_or_default(),
            max: times.last().copied().unwrap_or_default(),
        }
    }
}

/// Reads a form of the kind that the file's ending says.
///
/// # Errors
/// When it has mistakes; all of them.
pub fn read(input: &Input) -> anyhow::Result<Form> {
    let ending = input.file.rsplit('.').next().unwrap_or_default();
    let text = || std::str::from_utf8(&input.bytes);
    let form = match ending {
        "xlsx" => Workbook::read_xlsx(&input.bytes).and_then(|workbook| Form::from_workbook(&workbook)),
        "md" => Workbook::read_markdown(text()?).and_then(|workbook| Form::from_workbook(&workbook)),
        "xml" => xform::read(text()?),
        other => bail!("a form in a file that ends in .{other} is not read here"),
    };
    form.map(|(form, _)| form).map_err(|problems| mistakes(&input.name, &problems))
}

fn mistakes(name: &str, problems: &[doorstep_form::AuthoringProblem]) -> anyhow::Error {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    anyhow!("{name}:\n{}", lines.join("\n"))
}

fn start(form: Form, input: &Input) -> anyhow::Result<Session> {
    let plan = Plan::new(form, &input.attachments).map_err(|problems| mistakes(&input.name, &problems))?;
    Ok(Session::start(Arc::new(plan), drive::context(), &BTreeMap::new()))
}

/// Drives the form and measures.
///
/// # Errors
/// When the form has mistakes or does not do what it should.
pub fn run(input: &Input) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome { form: input.name.clone(), ..Outcome::default() };
    let before = ALLOCATED.current_usage_as_mb();
    let (session, load_ms) = clock::timed(|| start(read(input)?, input));
    let mut session = session?;
    outcome.load_ms = load_ms;
    outcome.heap_after_load_mb = f64::from(ALLOCATED.current_usage_as_mb() - before);
    outcome.questions = session.plan().question_names().count();
    drive::drive(&mut session, &mut outcome)?;
    outcome.heap_end_mb = f64::from(ALLOCATED.current_usage_as_mb() - before);
    let (again, load_again_ms) = clock::timed(|| start(read(input)?, input));
    outcome.load_again_ms = load_again_ms;
    let json = serde_json::to_vec(again?.plan().form())?;
    let (from_json, load_json_ms) = clock::timed(|| start(serde_json::from_slice(&json)?, input));
    from_json?;
    outcome.load_json_ms = load_json_ms;
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_every_size_are_driven() {
        for questions in [60, 100] {
            let input = Input {
                name: "small".to_owned(),
                file: "small.md".to_owned(),
                bytes: forms::sections(questions).into_bytes(),
                attachments: Attachments::new(),
            };
            let outcome = run(&input).expect("a form that runs");
            assert!(
                outcome.questions > questions - 12 && outcome.questions <= questions + 2,
                "{}",
                outcome.questions
            );
            assert_eq!(outcome.answer_ms.n, 300);
            assert_eq!(outcome.add_repeat_200_ms.map(|spread| spread.n), Some(20));
        }
    }

    #[test]
    fn a_long_list_is_filtered() {
        let (form, list) = forms::long_list(1_000);
        let input = Input {
            name: "list".to_owned(),
            file: "list.md".to_owned(),
            bytes: form.into_bytes(),
            attachments: [("grids.csv".to_owned(), list)].into(),
        };
        let outcome = run(&input).expect("a form that runs");
        assert!(outcome.cascade_ms.is_some());
    }
}
