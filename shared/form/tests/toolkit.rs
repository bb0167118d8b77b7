//! What only workbooks of the Community Health Toolkit use, and other names that
//! JavaRosa knows: one test a rule.

mod common;

use common::{at, context, shown, start};
use doorstep_form::Rule;

fn computed(expression: &str) -> String {
    let rule = Rule::parse(expression).expect("an expression");
    match rule.evaluate(&|_| Some(String::new()), context().now) {
        Ok(value) => value.to_text(),
        Err(error) => format!("error: {error}"),
    }
}

fn check(table: &[(&str, &str)]) {
    for (expression, expected) in table {
        assert_eq!(computed(expression), *expected, "{expression}");
    }
}

#[test]
fn whole_units_between_two_dates() {
    check(&[
        ("difference-in-months('2026-01-15', '2026-03-14')", "1"),
        ("difference-in-months('2026-01-15', '2026-03-15')", "2"),
        ("cht:difference-in-months('2026-03-15', '2026-01-15')", "-2"),
        // A month that lacks the day ends with it.
        ("difference-in-months('2026-01-31', '2026-02-28')", "1"),
        ("cht:difference-in-years('2020-02-29', '2026-02-27')", "5"),
        ("cht:difference-in-years('2020-02-29', '2026-02-28')", "6"),
        ("cht:difference-in-weeks('2026-01-01', '2026-01-14')", "1"),
        ("cht:difference-in-days('2026-01-01', '2026-01-14')", "13"),
        ("cht:difference-in-days('2026-01-01T12:00:00+08:00', '2026-01-03T11:00:00+08:00')", "1"),
        ("difference-in-months('', '2026-03-14')", ""),
        ("difference-in-months('2026-01-15', 'soon')", ""),
    ]);
}

#[test]
fn dates_are_added_to() {
    check(&[
        ("add-date('2026-01-31', 0, 1)", "2026-02-28"),
        ("add-date('2024-02-29', 1)", "2025-02-28"),
        ("add-date('2026-01-01', 0, 0, -1)", "2025-12-31"),
        ("add-date('2026-01-01', '', 'x', 2)", "2026-01-03"),
        ("add-date('2026-01-01', 0, 0, 0, 9, 30)", "2026-01-01T09:30:00.000+08:00"),
        ("add-date('2026-01-01', 1000000000)", ""),
        ("add-date('', 1)", ""),
        ("add-date('2026-01-01')", "2026-01-01"),
        ("parse-timestamp-to-date(1764550800000)", "2025-12-01T09:00:00.000+08:00"),
        ("parse-timestamp-to-date('never')", ""),
    ]);
}

#[test]
fn texts_are_stripped_and_checked() {
    check(&[
        ("cht:strip-whitespace('  a b\u{3000}c ')", "abc"),
        ("cht:validate-luhn('79927398713')", "true"),
        ("cht:validate-luhn('79927398710')", "false"),
        ("cht:validate-luhn('79927398713', 11)", "true"),
        ("cht:validate-luhn('79927398713', 10)", "false"),
        ("cht:validate-luhn('7992-7398-713')", "false"),
        ("cht:validate-luhn('')", "false"),
    ]);
}

#[test]
fn other_names_of_javarosa() {
    check(&[
        ("is-selected('a b', 'b')", "true"),
        ("enclosed-area('0 0;0 1;1 1;1 0;0 0') = area('0 0;0 1;1 1;1 0;0 0')", "true"),
        ("enclosed-area('0 0;0 1;1 1;1 0;0 0') > 1000000", "true"),
        ("depend(3, 'a', 'b')", "3"),
    ]);
}

#[test]
fn what_needs_another_server_loads_with_a_warning() {
    let table = "
| survey |
|        | type      | name  | label | calculation                                   |
|        | decimal   | kilos | Kilos |                                               |
|        | calculate | score |       | z-score('wfa', 'male', 12, ${kilos})          |
|        | calculate | other |       | coalesce(${score}, 'none')                    |
";
    assert_eq!(
        shown(table),
        [
            "survey!D3 (calculation): z-score() needs a server of the Community Health Toolkit; here it has no value"
        ]
    );
    let mut session = start(table);
    common::answer(&mut session, "/kilos", "9");
    assert_eq!((at(&session, "/score"), at(&session, "/other")), (String::new(), "none".to_owned()));
}
