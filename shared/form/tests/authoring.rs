//! What an author is told: which cell, what is wrong, what to write instead.

mod common;

use common::{problems, shown};
use doorstep_form::{Attachments, Form, Plan, Severity, Workbook};

#[test]
fn everything_wrong_is_told_at_once_with_its_cell() {
    let told = shown(
        "
| survey  |                  |        |       |               |             |
|         | type             | name   | label | relevant      | constraint  |
|         | intger           | age    | Age   |               |             |
|         | select_one colur | colour | Hue   |               |             |
|         | text             | 1st    | First |               |             |
|         | text             |        | None  |               |             |
|         | text             | colour | Twice |               |             |
|         | begin_group      | g      | Group |               |             |
|         | end_repeat       |        |       |               |             |
| choices |                  |        |       |               |             |
|         | list_name        | name   | label |               |             |
|         | colour           | red    | Red   |               |             |
|         | colour           | red    | Again |               |             |
|         | colour           |        | Blue  |               |             |
",
    );
    assert_eq!(
        told,
        [
            "survey!A2 (type): \"intger\" is not a type of XLSForm; did you mean \"integer\"?",
            "survey!A3 (type): the choices sheet has no list \"colur\"; did you mean \"colour\"?",
            "survey!B4 (name): \"1st\" cannot be a name: expected a letter or _, then letters, digits, -, _ and .",
            "survey!B5 (name): this row has no name",
            "survey!B6 (name): the name \"colour\" is taken by row 3 in the same group",
            "survey!A8 (type): end_repeat does not match the begin_group of \"g\" in row 7",
            "choices!B3 (name): the list \"colour\" has the choice \"red\" already in row 2; rename one of them, or set allow_choice_duplicates to yes in the settings",
            "choices!B4 (name): this choice of the list \"colour\" has no name, so there is nothing to store",
        ]
    );
}

#[test]
fn expressions_are_checked_cell_by_cell() {
    let told = shown(
        "
| survey |         |      |            |                |               |                      |
|        | type    | name | label      | relevant       | constraint    | calculation          |
|        | integer | age  | Age        |                | . >= 0 and    |                      |
|        | text    | who  | Of ${agee} | ${aeg} > 18    | regex(., '[') |                      |
|        | text    | tel  | Phone      | selectd(1, 2)  | . = 'x        | if(${age} > 1, 2)    |
|        | text    | end1 | End        | ${age} ! = 1   | (. = 1        |                      |
",
    );
    assert_eq!(
        told,
        [
            "survey!E2 (constraint): something is missing at the end",
            "survey!C3 (label): unknown name \"agee\"; did you mean \"age\"?",
            "survey!D3 (relevant): unknown name \"aeg\"; did you mean \"age\"?",
            told[3].as_str(),
            "survey!D4 (relevant): there is no function selectd(); did you mean \"selected\"?",
            "survey!E4 (constraint): the quotation mark ' is never closed",
            "survey!F4 (calculation): if() takes 3 arguments, but 2 are given",
            "survey!D5 (relevant): the character ! has no meaning here; \"not equal\" is written !=, \"not\" is written not(…)",
            "survey!E5 (constraint): the opening parenthesis is never closed: ) is missing at the end",
        ]
    );
    assert!(told[3].starts_with("survey!E3 (constraint): the pattern \"[\" cannot be used"), "{}", told[3]);
}

#[test]
fn circles_are_shown_as_a_chain() {
    let told = shown(
        "
| survey |           |      |       |           |                 |
|        | type      | name | label | relevant  | calculation     |
|        | calculate | a    |       |           | ${b} + 1        |
|        | calculate | b    |       |           | ${c} + 1        |
|        | text      | c    | C     | ${a} > 1  |                 |
|        | calculate | self |       |           | ${self} + 1     |
|        | calculate | fine |       |           | once(now())     |
",
    );
    assert_eq!(
        told,
        [
            "survey!E2 (calculation): these depend on each other in a circle: a (calculation, row 2) → c (relevant, row 4) → b (calculation, row 3) → a (calculation, row 2)",
            "survey!E5 (calculation): these depend on each other in a circle: self (calculation, row 5) → self (calculation, row 5)",
        ]
    );
}

#[test]
fn warnings_do_not_keep_a_form_from_loading() {
    let told = problems(
        "
| survey |         |      |       |            |
|        | type    | name | label | relevent   |
|        | integer | age  | Age   | true()     |
",
    );
    assert!(told.iter().all(|problem| problem.severity == Severity::Warning), "{told:?}");
    let column = told.iter().find(|problem| problem.found == "relevent").expect("told");
    assert_eq!(column.suggestion.as_deref(), Some("did you mean \"relevant\"?"));
    assert_eq!((column.row, column.column.as_deref()), (Some(1), Some("D (relevent)")));
}

#[test]
fn files_and_their_columns_are_checked() {
    let table = "
| survey |                                 |      |       |               |
|        | type                            | name | label | choice_filter |
|        | select_one_from_file places.csv | p    | Place | town = ${q}   |
|        | text                            | q    | Q     |               |
";
    let workbook = Workbook::read_markdown(table).expect("a table");
    let (form, _) = Form::from_workbook(&workbook).expect("a form");
    let told = |file: &str, text: &str| -> Vec<String> {
        let attachments = Attachments::from([(file.to_owned(), text.to_owned())]);
        let problems = Plan::new(form.clone(), &attachments).expect_err("wrong");
        problems.iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        told("place.csv", ""),
        ["survey!2 (type): the file \"places.csv\" is missing; did you mean \"place.csv\"?"]
    );
    assert_eq!(
        told("places.csv", "name,lable,twon\n1,One,x\n2,Two,y,z\n"),
        [
            "survey!A2 (type): the file of \"places\" has no column \"label\"; did you mean \"lable\"?",
            "survey!D2 (choice_filter): the list \"places\" has no column \"town\"; did you mean \"twon\"?",
            "places.csv!3: the row has 4 cells, but the header 3; put a cell that contains a comma into quotation marks",
        ]
    );
}

#[test]
fn unusable_input_is_an_error_not_a_crash() {
    for text in ["", "| choices |\n", "no table", "| survey | \n| | type |\n", "| | a |"] {
        let told = problems(text);
        assert!(told.iter().any(|problem| problem.severity == Severity::Error), "{text:?}");
    }
}

/// Every sheet ends where 60 rows are empty, as in pyxform.
#[test]
fn rows_far_below_the_rest_are_not_read() {
    let table = "
| survey  |                |      |       |
|         | type           | name | label |
|         | select_one far | q    | Q     |
| choices |                |      |       |
|         | list_name      | name | label |
|         | near           | a    | A     |
|         | far            | b    | B     |
";
    let mut workbook = doorstep_form::Workbook::read_markdown(table).expect("a table");
    let told = |workbook: &doorstep_form::Workbook| {
        let problems = match Form::from_workbook(workbook) {
            Ok((_, warnings)) => warnings,
            Err(problems) => problems,
        };
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let choices = workbook.sheets.iter_mut().find(|sheet| sheet.name == "choices").expect("a sheet");
    choices.rows[2].number = 2 + 61;
    assert!(!told(&workbook).contains("not read"), "60 empty rows are passed over");
    let choices = workbook.sheets.iter_mut().find(|sheet| sheet.name == "choices").expect("a sheet");
    choices.rows[2].number += 1;
    let told = told(&workbook);
    assert!(told.contains("choices!64: rows below 60 empty ones are not read"), "{told}");
    assert!(told.contains("the choices sheet has no list \"far\""), "{told}");
}

#[test]
fn a_trigger_from_outside_a_repeat_is_doubtful() {
    let table = "
| survey |
|        | type         | name  | label | trigger  | calculation |
|        | text         | who   | Who   |          |             |
|        | begin repeat | visit | Visit |          |             |
|        | text         | place | Place |          |             |
|        | calculate    | seen  |       | ${place} | now()       |
|        | calculate    | asked |       | ${who}   | now()       |
|        | end repeat   |       |       |          |             |
|        | calculate    | last  |       | ${place} | now()       |
";
    assert_eq!(
        shown(table),
        [
            "survey!D6 (trigger): \"who\" is outside the repeat: where there are several instances, none gets the value; refer to ${who} in the calculation, without a trigger"
        ]
    );
}
