//! The doors of the engine: what each takes, and what must hold behind it.

use crate::seeds::Seeds;
use crate::session::{context, drive, holds, own, steps};
use crate::{grow, mutate};
use doorstep_form::{Attachments, Form, Plan, Row, Rule, Session, Sheet, Workbook, verify};
use fastrand::Rng;
use std::borrow::Cow;
use std::io::{Cursor, Read, Write};
use std::sync::Arc;

mod xml;

use xml::{make_instance_xml, make_xform, make_xpath, run_instance_xml, run_xform, run_xpath};

/// A door of the engine.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    pub name: &'static str,
    /// What its bytes are.
    pub about: &'static str,
    pub(crate) make: fn(&mut Rng, &Seeds) -> Vec<u8>,
    /// Tries an input; the error is what does not hold.
    pub run: fn(&[u8]) -> Result<(), String>,
}

/// All of them.
pub const TARGETS: [Target; 9] = [
    Target {
        name: "expression",
        about: "an expression, as a rule and in a form",
        make: make_expression,
        run: run_expression,
    },
    Target { name: "table", about: "a workbook as tables in Markdown", make: make_table, run: run_table },
    Target { name: "workbook", about: "an .xlsx file", make: make_workbook, run: run_workbook },
    Target { name: "xform", about: "an XForm", make: make_xform, run: run_xform },
    Target { name: "form-json", about: "a form as JSON", make: make_form_json, run: run_form_json },
    Target {
        name: "instance-json",
        about: "a form's number, and an instance as JSON",
        make: make_instance,
        run: run_instance,
    },
    Target {
        name: "instance-xml",
        about: "a form's number, and an instance as XML",
        make: make_instance_xml,
        run: run_instance_xml,
    },
    Target {
        name: "xpath",
        about: "an expression, a line end, an XML document",
        make: make_xpath,
        run: run_xpath,
    },
    Target { name: "session", about: "a form's number, and steps", make: make_steps, run: steps },
];

/// Steps for the forms that are made up.
const SOME_STEPS: &[u8] =
    &[7, 1, 9, 0, 3, 200, 8, 17, 5, 66, 120, 9, 2, 44, 0, 250, 13, 7, 7, 1, 90, 33, 21, 6, 180, 11, 4, 2];

fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

fn make_expression(random: &mut Rng, seeds: &Seeds) -> Vec<u8> {
    let depth = random.usize(1..5);
    let mut input = if random.bool() {
        grow::expression(random, depth).into_bytes()
    } else {
        random.choice(&seeds.expressions).cloned().unwrap_or_default()
    };
    if random.u8(0..3) > 0 {
        mutate::bytes(random, &mut input, &seeds.expressions, &grow::words());
    }
    input
}

fn run_expression(bytes: &[u8]) -> Result<(), String> {
    let expression = text(bytes);
    if let Ok(rule) = Rule::parse(&expression) {
        let lookup = |name: &str| (name != "x").then(|| name.repeat(3));
        let (one, other) = (rule.evaluate(&lookup, context().now), rule.evaluate(&lookup, context().now));
        if format!("{one:?}") != format!("{other:?}") {
            return Err(format!("evaluating twice differs: {one:?} / {other:?}"));
        }
    }
    // The calculation, the condition and the filter of a form.
    let form = [
        row(1, &["type", "name", "label", "relevant", "calculation", "choice_filter", "constraint"]),
        row(2, &["integer", "a", "A", "", "", "", &expression]),
        row(3, &["select_one l", "b", "B", "", "", &expression]),
        row(4, &["text", "text", "T", &expression]),
        row(5, &["begin repeat", "rep", "R"]),
        row(6, &["text", "x", "X"]),
        row(7, &["calculate", "y", "", "", &expression]),
        row(8, &["end repeat"]),
    ];
    let choices = [
        row(1, &["list_name", "name", "label", "k"]),
        row(2, &["l", "p", "P", "1"]),
        row(3, &["l", "q", "Q", "2"]),
    ];
    let workbook = Workbook {
        sheets: vec![
            Sheet { name: "survey".to_owned(), rows: form.to_vec() },
            Sheet { name: "choices".to_owned(), rows: choices.to_vec() },
        ],
    };
    fill(&workbook);
    Ok(())
}

fn row(number: u32, cells: &[&str]) -> Row {
    Row { number, cells: cells.iter().map(|cell| (*cell).to_owned()).collect() }
}

/// Whatever can be done with a workbook, as far as it goes.
fn fill(workbook: &Workbook) {
    if let Ok((form, _)) = Form::from_workbook(workbook) {
        fill_form(form);
    }
}

fn fill_form(form: Form) {
    let attachments: Attachments = form
        .attachment_names()
        .into_iter()
        .map(|name| (name.to_owned(), "name,label,k\np,P,1\nq,Q,2\n".to_owned()))
        .collect();
    if let Ok(plan) = Plan::new(form, &attachments) {
        let session = drive(Arc::new(plan), SOME_STEPS);
        drop(session.problems());
        drop(session.summary());
        let draft = session.instance();
        drop(Session::resume(Arc::clone(session.plan()), context(), &draft));
    }
}

/// Headers and types of workbooks.
const WORKBOOK_WORDS: [&str; 48] = [
    "survey",
    "choices",
    "settings",
    "entities",
    "type",
    "name",
    "label",
    "hint",
    "relevant",
    "constraint",
    "required",
    "calculation",
    "default",
    "choice_filter",
    "repeat_count",
    "read_only",
    "trigger",
    "appearance",
    "parameters",
    "label::English (en)",
    "media::image",
    "bind::a:b",
    "body::accuracy",
    "instance::x",
    "save_to",
    "begin_group",
    "end_group",
    "begin_repeat",
    "end_repeat",
    "select_one l",
    "select_multiple l or_other",
    "rank l",
    "select_one_from_file a.csv",
    "integer",
    "decimal",
    "text",
    "calculate",
    "note",
    "range",
    "image",
    "audit",
    "start",
    "geopoint",
    "csv-external",
    "yes",
    "true()",
    "${a}",
    "randomize=true, seed=1",
];

fn make_table(random: &mut Rng, seeds: &Seeds) -> Vec<u8> {
    let mut input = random.choice(&seeds.tables).cloned().unwrap_or_default();
    let words: Vec<&str> = if random.bool() { WORKBOOK_WORDS.to_vec() } else { grow::words() };
    mutate::bytes(random, &mut input, &seeds.tables, &words);
    input
}

fn run_table(bytes: &[u8]) -> Result<(), String> {
    if let Ok(workbook) = Workbook::read_markdown(&text(bytes)) {
        fill(&workbook);
    }
    Ok(())
}

/// Damages the archive, or a file in it, which is then packed again.
fn make_workbook(random: &mut Rng, seeds: &Seeds) -> Vec<u8> {
    let mut input = random.choice(&seeds.workbooks).cloned().unwrap_or_default();
    let again = if random.u8(0..4) > 0 { repacked(random, &input) } else { None };
    if let Some(again) = again {
        return again;
    }
    mutate::bytes(random, &mut input, &seeds.workbooks, &WORKBOOK_WORDS);
    input
}

fn repacked(random: &mut Rng, archive: &[u8]) -> Option<Vec<u8>> {
    let mut from = zip::ZipArchive::new(Cursor::new(archive)).ok()?;
    let mut to = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let damaged = random.usize(0..from.len().max(1));
    for index in 0..from.len() {
        let mut file = from.by_index(index).ok()?;
        let name = file.name().ok()?.into_owned();
        let mut content = Vec::new();
        file.read_to_end(&mut content).ok()?;
        if index == damaged || name.ends_with("sharedStrings.xml") {
            let words = [
                "<row>",
                "<c t=\"s\">",
                "<v>",
                "</v>",
                "r=\"A1\"",
                "r=\"XFD1048576\"",
                "<si><t>",
                "count=\"9\"",
                "${a}",
            ];
            mutate::bytes(random, &mut content, &[], &words);
        }
        let options =
            zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        to.start_file(name, options).ok()?;
        to.write_all(&content).ok()?;
    }
    Some(to.finish().ok()?.into_inner())
}

fn run_workbook(bytes: &[u8]) -> Result<(), String> {
    if let Ok(workbook) = Workbook::read_xlsx(bytes) {
        fill(&workbook);
    }
    Ok(())
}

/// The JSON of a form that came as tables, damaged.
fn make_form_json(random: &mut Rng, seeds: &Seeds) -> Vec<u8> {
    let table = random.choice(&seeds.tables).cloned().unwrap_or_default();
    let form = Workbook::read_markdown(&text(&table)).and_then(|workbook| Form::from_workbook(&workbook));
    let mut input = form.ok().and_then(|(form, _)| serde_json::to_vec(&form).ok()).unwrap_or_default();
    let words: Vec<&str> = if random.bool() { WORKBOOK_WORDS.to_vec() } else { grow::words() };
    mutate::bytes(random, &mut input, &[], &words);
    input
}

fn run_form_json(bytes: &[u8]) -> Result<(), String> {
    if let Ok(form) = serde_json::from_slice::<Form>(bytes) {
        let json = serde_json::to_string(&form).map_err(|cause| format!("a form is no JSON: {cause}"))?;
        let again = serde_json::from_str::<Form>(&json)
            .and_then(|form| serde_json::to_string(&form))
            .map_err(|cause| format!("a form is not read back: {cause}"))?;
        if again != json {
            return Err(format!("a form changes on its way through JSON: {json} / {again}"));
        }
        fill_form(form);
    }
    Ok(())
}

const INSTANCE_WORDS: [&str; 24] = [
    "\"a\"",
    "\"b\"",
    "\"rep\"",
    "\"x\"",
    "\"in\"",
    "\"t\"",
    "\"g\"",
    "\"z\"",
    "[",
    "]",
    "{",
    "}",
    ":",
    ",",
    "null",
    "true",
    "1e400",
    "\"p\"",
    "\"q p\"",
    "\"visit\"",
    "\"where\"",
    "\"2026-11-23\"",
    "{\"x\":\"1\"},",
    "\"village\":\"v1\",",
];

fn make_instance(random: &mut Rng, seeds: &Seeds) -> Vec<u8> {
    let mut input = random.choice(&seeds.instances).cloned().unwrap_or_default();
    if random.bool() {
        // A draft of a form that was filled at random.
        let bytes: Vec<u8> = (0..200).map(|_| random.u8(..)).collect();
        if let Ok(plan) = own(random.u8(..)) {
            input = drive(plan, &bytes).instance().to_string().into_bytes();
        }
    }
    mutate::bytes(random, &mut input, &seeds.instances, &INSTANCE_WORDS);
    input.insert(0, random.u8(..));
    input
}

fn run_instance(bytes: &[u8]) -> Result<(), String> {
    let Some((form, json)) = bytes.split_first() else { return Ok(()) };
    let Ok(instance) = serde_json::from_slice::<serde_json::Value>(json) else { return Ok(()) };
    let plan = own(*form)?;
    drop(verify(Arc::clone(&plan), context(), &instance));
    let (session, _) = Session::reread(Arc::clone(&plan), context(), &instance);
    holds(&session)?;
    holds(&Session::resume(plan, context(), &instance).0)
}

fn make_steps(random: &mut Rng, _: &Seeds) -> Vec<u8> {
    let length = 1 + random.usize(0..400);
    (0..length).map(|_| random.u8(..)).collect()
}
