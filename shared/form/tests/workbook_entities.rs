//! Entities of workbooks: what a submission creates or updates.
#![cfg(feature = "xform")]

use doorstep_form::{Attachments, Form, Plan, Workbook, xform};

fn read(entities: &str, survey: &str) -> Result<String, Vec<String>> {
    let table = format!(
        "
| survey   |              |      |       |         |
|          | type         | name | label | save_to |
{survey}
| entities |              |      |       |         |
{entities}
"
    );
    let form = Workbook::read_markdown(&table).and_then(|workbook| Form::from_workbook(&workbook));
    match form {
        Ok((form, _)) => Ok(xform::write(&form).lines().map(str::trim).collect()),
        Err(problems) => {
            Err(problems.iter().map(ToString::to_string).filter(|line| !line.contains("form_id")).collect())
        }
    }
}

const QUESTION: &str = "|          | text         | who  | Who   | name_of |";

#[test]
fn an_entity_is_created_with_an_id_of_its_own() {
    let xml = read("| | list_name | label |\n| | people | ${who} |", QUESTION).expect("a form");
    for part in [
        "entities:entities-version=\"2024.1.0\"",
        "dataset=\"people\"",
        "create=\"1\"",
        "nodeset=\"/data/meta/entity/@id\"",
        "value=\"uuid()\"",
        "entities:saveto=\"name_of\"",
        "nodeset=\"/data/meta/entity/label\"",
    ] {
        assert!(xml.contains(part), "{part} is not in\n{xml}");
    }
    assert!(!xml.contains("update="), "{xml}");
}

#[test]
fn an_entity_is_updated_by_its_id() {
    let xml = read("| | list_name | entity_id |\n| | people | ${who} |", QUESTION).expect("a form");
    for part in [
        "update=\"1\"",
        "baseVersion=\"\"",
        "instance('people')/root/item[name=",
        "/__version",
        "/__trunkVersion",
        "/__branchId",
    ] {
        assert!(xml.contains(part), "{part} is not in\n{xml}");
    }
    assert!(!xml.contains("create="), "{xml}");
}

#[test]
fn an_entity_of_a_repeat_lies_in_it() {
    let survey = "
|          | begin_repeat | r    | R     |         |
|          | text         | who  | Who   | name_of |
|          | end_repeat   |      |       |         |";
    let xml = read("| | list_name | label |\n| | people | ${who} |", survey).expect("a form");
    for part in ["2025.1.0", "/data/r/meta/entity/@id", "event=\"odk-new-repeat\""] {
        assert!(xml.contains(part), "{part} is not in\n{xml}");
    }
}

#[test]
fn what_makes_no_entity_is_told() {
    for (entities, survey, expected) in [
        (
            "| | list_name |\n| | people |",
            QUESTION,
            "entities!2 (label): a new entity of \"people\" needs a label",
        ),
        (
            "| | list_name | label | update_if |\n| | people | L | true() |",
            QUESTION,
            "entities!2 (entity_id): which entity is updated? entity_id is empty",
        ),
        (
            "| | list_name | label | create_if | entity_id |\n| | people | L | true() | ${who} |",
            QUESTION,
            "entities!2 (update_if): with entity_id and create_if, update_if says when the entity is updated",
        ),
        (
            "| | list_name | label | colour |\n| | people | ${who} | red |",
            QUESTION,
            "entities!C2 (colour): the column \"colour\" means nothing to an entity",
        ),
        (
            "| | list_name | label |\n| | __p | ${who} |",
            QUESTION,
            "entities!A2 (list_name): the name of a list of entities has no point",
        ),
        (
            "| | list_name | label |\n| | a | ${who} |\n| | b | ${who} |",
            QUESTION,
            "survey!D2 (save_to): with several lists of entities, save_to says which one is meant; write a#name_of",
        ),
        (
            "| | list_name | label |\n| | people | ${who} |",
            "| | text | who | Who | Label |",
            "survey!D2 (save_to): a property cannot be called \"Label\"",
        ),
        (
            "| | list_name | label |\n| | people | ${who} |",
            "| | text | who | Who | a |\n| | text | more | More | a |",
            "survey!D3 (save_to): row 2 saves to the property \"a\" already",
        ),
        (
            "| | list_name | label |\n| | people | ${hwo} |",
            QUESTION,
            "entities!B2 (label): unknown name \"hwo\"; did you mean \"who\"?",
        ),
        (
            "| | list_name | label |\n| | people | L |",
            "| | begin_repeat | r | R | |\n| | text | a | A | x |\n| | end_repeat | | | |\n| | begin_repeat | s | S | |\n| | text | b | B | y |\n| | end_repeat | | | |",
            "survey!D6 (save_to): the entity of \"people\" is made of answers in",
        ),
    ] {
        let told = read(entities, survey).expect_err(expected);
        assert!(told.iter().any(|line| line.starts_with(expected)), "{expected}\n{told:#?}");
    }
}

/// What a plan finds wrong with an entity, as its author sees it.
fn planned(entities: &str) -> Vec<String> {
    let table = format!(
        "
| survey   |      |      |       |         |
|          | type | name | label | save_to |
|          | text | who  | Who   | name_of |
| entities |      |      |       |         |
{entities}
"
    );
    let workbook = Workbook::read_markdown(&table).expect("a table");
    let (form, _) = Form::from_workbook(&workbook).expect("a form");
    // As a server keeps it, and as it is read again.
    let kept = serde_json::to_string(&form).expect("plain data");
    let form: Form = serde_json::from_str(&kept).expect("the same form");
    let problems = Plan::new(form, &Attachments::new()).expect_err("something is wrong");
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn what_a_plan_finds_names_the_cell_of_the_entity() {
    assert_eq!(
        planned("| | list_name | create_if | label |\n| | people | instance('gone')/root/item | ${who} |"),
        ["entities!B2 (create_if): there is no list \"gone\""]
    );
    assert_eq!(
        planned("| | list_name | label | |\n| | people | instance('gone')/root/item | |"),
        ["entities!B2 (label): there is no list \"gone\""]
    );
    // Several attributes are made of the id; each mistake is told once.
    assert_eq!(
        planned("| | list_name | entity_id | |\n| | people | instance('gone')/root/item/name | |"),
        [
            "entities!B2 (entity_id): there is no list \"people\"",
            "entities!B2 (entity_id): there is no list \"gone\"",
        ]
    );
}

/// The label of an entity is not a question of that name.
#[test]
fn a_question_may_be_called_label() {
    let table = "
| survey   |      |       |       |             |
|          | type | name  | label | calculation |
|          | text | label | Label |             |
|          | calculate | twice | | concat(${label}, ${label}) |
| entities |      |       |       |             |
|          | list_name | label | |             |
|          | people | ${label} | |             |
";
    let workbook = Workbook::read_markdown(table).expect("a table");
    let (form, _) = Form::from_workbook(&workbook).expect("a form");
    let plan = Plan::new(form, &Attachments::new());
    assert!(plan.is_ok(), "{:?}", plan.err());
}
