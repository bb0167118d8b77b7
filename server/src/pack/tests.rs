//! The workbook of the repository is right, and wrong ones say where.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use doorstep_core::pack::Interval;
use doorstep_core::role::Role;
use doorstep_form::{Attachments, Context, Form, Plan, Row, Session, Workbook};

use super::*;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../pack")
}

fn elder_visit() -> Plan {
    let bytes = std::fs::read(folder().join("elder_visit.xlsx")).expect("the form");
    let workbook = Workbook::read_xlsx(&bytes).expect("a workbook");
    let (form, _) = Form::from_workbook(&workbook).expect("a form");
    let attachments: Attachments = ["towns.csv", "villages.csv"]
        .map(|name| {
            let text = std::fs::read_to_string(folder().join("media").join(name)).expect("a list");
            (name.to_owned(), text)
        })
        .into();
    Plan::new(form, &attachments).expect("a plan")
}

fn ledger() -> Vec<u8> {
    std::fs::read(folder().join("ledger.xlsx")).expect("the ledger workbook")
}

fn published() -> Pack {
    let known = KnownForms::from([(
        "elder_visit".to_owned(),
        elder_visit().question_names().map(str::to_owned).collect(),
    )]);
    match read_with(&ledger(), &known) {
        Ok(pack) => pack,
        Err(problems) => panic!("{}", listed(&problems)),
    }
}

#[test]
fn the_workbook_of_the_repository_is_right() {
    let pack = published();
    assert_eq!(pack.programme("elder"), Some("elder"));
    let intervals: Vec<(&str, Interval, u32, Role)> = pack
        .schedules
        .iter()
        .map(|rule| (rule.rule.as_str(), rule.interval, rule.grace_days, rule.role))
        .collect();
    assert_eq!(intervals[0], ("elder_red", Interval::Days(7), 1, Role::GridWorker));
    assert!(intervals.contains(&("elder_yellow", Interval::Days(14), 3, Role::GridWorker)));
    assert!(intervals.contains(&("elder_hardship", Interval::Months(1), 7, Role::GridWorker)));
    let risk = pack.property("elder", "risk").expect("a property");
    assert_eq!(risk.values["red"].en, "Red (high)");
    assert_eq!(pack.form_use("elder_visit").map(|used| used.label.zh.as_str()), Some("老年人探访"));
    let cats = pack.property("elder", "cats").expect("a property");
    assert_eq!(cats.values.len(), 10, "the words of the form's list");
}

/// What the pack starts a visit with is accepted by the form's own rules.
#[test]
fn prefilled_answers_pass_the_forms_constraints() {
    let pack = published();
    let plan = Arc::new(elder_visit());
    let now = chrono::DateTime::parse_from_rfc3339("2026-11-24T09:00:00+08:00").expect("a moment");
    let lookup = |name: &str| {
        Some(
            match name {
                "label" => "王示兰",
                "cats" => "alone age80",
                "township_code" => "610199101",
                "village_code" => "610199101204",
                "grid_code" => "610199101204003",
                "address" => "二组12号",
                "user_name" => "李例明",
                "emergency_phone" => "000-00001234",
                _ => return None,
            }
            .to_owned(),
        )
    };
    let prefill: BTreeMap<String, String> = pack
        .prefill
        .iter()
        .map(|line| {
            let value = Rule::parse(&line.value).expect("checked").evaluate(&lookup, now).expect("a value");
            (line.question.clone(), value.to_text())
        })
        .collect();
    let context =
        Context { now, seed: 1, username: "li".to_owned(), device_id: "d".to_owned(), ..Context::default() };
    let session = Session::start(plan, context, &prefill);
    let filled = ["e_name", "cats", "town", "village", "grid_code", "address", "worker1"];
    for problem in session.problems() {
        assert!(
            !filled.iter().any(|name| problem.path.to_string().ends_with(&format!("/{name}"))),
            "{problem:?}"
        );
    }
    for name in filled {
        assert!(session.value(name).is_some_and(|value| !value.is_empty()), "{name}");
    }
}

/// What is wrong with the workbook once a sheet was edited, a line each.
fn problems(sheet: &str, edit: impl Fn(&mut Vec<Vec<String>>)) -> Vec<String> {
    let known = KnownForms::from([(
        "elder_visit".to_owned(),
        elder_visit().question_names().map(str::to_owned).collect(),
    )]);
    let mut workbook = Workbook::read_xlsx(&ledger()).expect("the ledger workbook");
    for edited in workbook.sheets.iter_mut().filter(|known| known.name == sheet) {
        let mut cells: Vec<Vec<String>> = edited.rows.iter().map(|row| row.cells.clone()).collect();
        edit(&mut cells);
        edited.rows = (1..).zip(cells).map(|(number, cells)| Row { number, cells }).collect();
    }
    read::pack(&workbook, &known).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

#[test]
fn every_mistake_is_named_with_its_cell_and_a_likely_correction() {
    let found = problems("schedules", |rows| {
        rows[1][3] = "${risc} = 'red'".to_owned();
        rows[1][4] = "2w".to_owned();
        rows[2][6] = "网格员".to_owned();
        rows[3][7] = "2026/01/31".to_owned();
        rows[4][9] = String::new();
        rows[5][3] = "selected(${cats}, 'alone'".to_owned();
        rows[5][2] = "elder_vist".to_owned();
    });
    let expected = [
        "schedules!D2 (when): a case of kind \"elder\" has nothing named \"risc\"; did you mean \"risk\"?",
        "schedules!E2 (interval): write a number of days or months: 7d, 14d, 1m, 12m; write \"14d\"",
        "schedules!G3 (role): there is no such role",
        "schedules!H4 (valid_from): write a date like 2026-01-31, or leave the cell empty; write \"2026-01-31\"",
        "schedules!J5 (basis): the cell is empty",
        "schedules!C6 (form_id): sheet forms does not say what this form is about; did you mean \"elder_visit\"?",
        "schedules!D6 (when): this is not an expression",
    ];
    for expected in expected {
        assert!(found.iter().any(|line| line.starts_with(expected)), "{expected}\nin\n{}", found.join("\n"));
    }
    assert_eq!(found.len(), expected.len(), "{}", found.join("\n"));
}

#[test]
fn names_are_checked_against_the_form_and_the_kind() {
    let found = problems("writes", |rows| {
        rows[1][1] = "risks".to_owned();
        rows[2][2] = "${risk_skore}".to_owned();
    });
    assert!(
        found.iter().any(|line| line.contains("B2 (property)") && line.contains("\"risk\"")),
        "{found:?}"
    );
    assert!(
        found.iter().any(|line| line.contains("C3 (value)") && line.contains("\"risk_score\"")),
        "{found:?}"
    );
    assert_eq!(found.len(), 2, "{found:?}");

    let found = problems("prefill", |rows| rows[1][1] = "case_idd".to_owned());
    assert!(found.iter().any(|line| line.contains("prefill!B2 (question)")), "{found:?}");
}

#[test]
fn sheets_columns_and_twins_are_named() {
    let found = problems("kinds", |rows| {
        rows[0][3] = "program".to_owned();
        let twin = rows[1].clone();
        rows.push(twin);
    });
    assert!(found.iter().any(|line| line.contains("kinds!D1 (program)")), "{found:?}");
    assert!(found.iter().any(|line| line.contains("the column \"programme\" is missing")), "{found:?}");

    let found = problems("properties", |rows| {
        let twin = rows[1].clone();
        rows.push(twin);
        rows[2][4] = "maybe".to_owned();
    });
    assert!(found.iter().any(|line| line.contains("there twice")), "{found:?}");
    assert!(found.iter().any(|line| line.contains("write yes or no")), "{found:?}");
    assert!(read(b"not a workbook").is_err());
}

#[test]
fn a_form_without_a_question_that_the_pack_uses_is_not_published() {
    let pack = published();
    let mut questions: BTreeSet<String> = elder_visit().question_names().map(str::to_owned).collect();
    assert_eq!(missing_questions(&pack, "elder_visit", &questions), []);
    questions.remove("risk");
    let found = missing_questions(&pack, "elder_visit", &questions);
    assert_eq!(found.len(), 1);
    assert!(found[0].to_string().contains("\"risk\""), "{}", found[0]);
}
