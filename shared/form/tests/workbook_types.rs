//! Types, columns and settings of workbooks, in all their spellings: that they
//! load, and what other clients get of them.
#![cfg(feature = "xform")]

mod common;

use doorstep_form::{AuthoringProblem, Form, Workbook, xform};

fn read(table: &str) -> Result<(Form, Vec<AuthoringProblem>), Vec<AuthoringProblem>> {
    Workbook::read_markdown(table).and_then(|workbook| Form::from_workbook(&workbook))
}

/// The XForm of a table that loads, without white space between elements.
fn written(table: &str) -> String {
    let (form, _) = read(table).unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    });
    xform::write(&form).lines().map(str::trim).collect()
}

/// What is told about a table, but for the missing id.
fn told(table: &str) -> Vec<String> {
    let problems = match read(table) {
        Ok((_, warnings)) => warnings,
        Err(problems) => problems,
    };
    problems.iter().map(ToString::to_string).filter(|line| !line.contains("form_id")).collect()
}

fn holds(xml: &str, parts: &[&str]) {
    for part in parts {
        assert!(xml.contains(part), "{part} is not in\n{xml}");
    }
}

#[test]
fn every_spelling_of_a_type_is_understood() {
    for (written_type, expected) in [
        ("string", "<input ref=\"/data/q\""),
        ("add decimal prompt", "type=\"decimal\""),
        ("q dateTime", "type=\"dateTime\""),
        ("photo", "mediatype=\"image/*\""),
        ("gps", "type=\"geopoint\""),
        ("imei", "jr:preloadParams=\"deviceid\""),
        ("get phone number", "jr:preloadParams=\"phonenumber\""),
        ("start time", "jr:preload=\"timestamp\""),
        ("uri:email", "jr:preloadParams=\"uri:email\""),
        ("percentage", "constraint=\"0 &lt;= . and . &lt;= 100\""),
        ("start-geopoint", "<odk:setgeopoint"),
        ("background-audio", "<odk:recordaudio"),
        ("select one from yn", "<select1 ref=\"/data/q\""),
        ("select all that apply yn", "<select ref=\"/data/q\""),
        ("rank yn", "<odk:rank ref=\"/data/q\""),
    ] {
        let xml = written(&format!(
            "
| survey  |                |      |       |
|         | type           | name | label |
|         | {written_type} | q    | Q     |
| choices |                |      |       |
|         | list name      | name | label |
|         | yn             | y    | Yes   |
"
        ));
        assert!(xml.contains(expected), "{written_type}: {expected} is not in\n{xml}");
    }
}

#[test]
fn columns_have_older_names_and_groups_of_names() {
    let xml = written(
        "
| survey |         |      |         |                  |                     |                     |                 |                |
|        | command | tag  | caption | bind:jr:requiredMsg | bind::odk:length | body::accuracyThreshold | instance::unit | required |
|        | text    | a    | A       | needed           | 8                   |                     | m               | yes            |
",
    );
    holds(&xml, &["jr:requiredMsg=\"needed\"", "odk:length=\"8\"", "<a unit=\"m\"", "required=\"true()\""]);
    assert_eq!(
        told("| survey | | | | |\n| | type | name | label | caption |\n| | text | a | A | B |\n"),
        [
            "survey!D1 (caption): \"caption\" and \"label\" are two names of the same column; remove one of them"
        ]
    );
}

#[test]
fn parameters_are_checked_and_reach_other_clients() {
    let xml = written(
        "
| survey  |                   |      |       |                                     |
|         | type              | name | label | parameters                          |
|         | range             | r    | R     | start=0 end=1 step=0.1              |
|         | image             | i    | I     | max-pixels=1600                     |
|         | text              | t    | T     | rows=3                              |
|         | audio             | s    | S     | quality=low                         |
|         | select_one l      | c    | C     | randomize=true, seed=${t}           |
| choices |                   |      |       |                                     |
|         | list_name         | name | label |                                     |
|         | l                 | a    | A     |                                     |
",
    );
    holds(
        &xml,
        &[
            "step=\"0.1\"",
            "type=\"decimal\"",
            "orx:max-pixels=\"1600\"",
            "rows=\"3\"",
            "odk:quality=\"low\"",
            "randomize(",
        ],
    );
    let row = |kind: &str, parameters: &str| {
        told(&format!(
            "| survey | | | | |\n| | type | name | label | parameters |\n| | {kind} | q | Q | {parameters} |\n"
        ))
    };
    for (kind, parameters, message) in [
        ("range", "start=a", "start of a range is a number, but \"a\" was found"),
        ("range", "step=0", "step of a range cannot be 0"),
        ("range", "step=20", "step is larger than the whole range from start to end"),
        ("range", "step=2 tick_interval=3", "tick_interval is a multiple of step"),
        ("range", "placeholder=11", "placeholder lies between start and end"),
        ("text", "rows=many", "rows is a whole number, but \"many\" was found"),
        ("text", "row=1", "this type has no parameter \"row\"; it takes rows"),
        ("text", "rows", "\"rows\" is not a parameter: expected name=value"),
        (
            "audio",
            "quality=best",
            "quality is one of voice-only, low, normal, external, but \"best\" was found",
        ),
        ("geopoint", "capture-accuracy=near", "capture-accuracy is a number, but \"near\" was found"),
        ("geotrace", "incremental=false", "incremental is true or is left out, but \"false\" was found"),
    ] {
        let told = row(kind, parameters);
        assert!(told.iter().any(|line| line.contains(message)), "{kind} {parameters}: {told:?}");
        assert!(told.iter().any(|line| line.starts_with("survey!D2")), "{told:?}");
    }
}

#[test]
fn triggers_set_a_value_when_an_answer_changes() {
    let xml = written(
        "
| survey |                     |      |       |             |         |
|        | type                | name | label | calculation | trigger |
|        | text                | a    | A     |             |         |
|        | dateTime            | when |       | now()       | ${a}    |
|        | background-geopoint | at   |       |             | ${a}    |
",
    );
    holds(&xml, &["event=\"xforms-value-changed\"", "value=\"now()\"", "<odk:setgeopoint"]);
    assert!(!xml.contains("calculate=\"now()\""), "{xml}");
    let told = told(
        "
| survey |                     |      |       |             |         |
|        | type                | name | label | calculation | trigger |
|        | calculate           | c    |       | 1           |         |
|        | text                | a    | A     |             | ${c}    |
|        | text                | b    | B     |             | ${d}    |
|        | background-geopoint | at   |       |             |         |
",
    );
    assert_eq!(
        told,
        [
            "survey!E3 (trigger): \"c\" is not shown, so nobody answers it; name a question, or refer to ${c} in the calculation",
            "survey!E4 (trigger): there is no question \"d\"; did you mean \"a\"?",
            "survey!E5 (trigger): a background-geopoint needs a question that triggers it",
        ]
    );
}

#[test]
fn rows_that_stand_for_several_nodes() {
    let xml = written(
        "
| survey  |                        |         |             |             |              |
|         | type                   | name    | label       | appearance  | repeat_count |
|         | select_one l or_other  | s       | S           |             |              |
|         | begin loop over l      | each    | Each        |             |              |
|         | integer                | n       | %(label)s?  |             |              |
|         | end loop               |         |             |             |              |
|         | begin_group            | g       | Table       | table-list  |              |
|         | select_one yn          | q1      | Q1          |             |              |
|         | select_one yn          | q2      | Q2          |             |              |
|         | end_group              |         |             |             |              |
|         | begin_repeat           | r       | R           |             | 1 + 2        |
|         | text                   | t       | T           |             |              |
|         | end_repeat             |         |             |             |              |
| choices |                        |         |             |             |              |
|         | list_name              | name    | label       |             |              |
|         | l                      | tea     | Tea         |             |              |
|         | yn                     | y       | Yes         |             |              |
",
    );
    holds(
        &xml,
        &[
            "<name>other</name>",
            "<label>Specify other.</label>",
            "selected(../s, 'other')",
            "ref=\"/data/each/tea/n\"",
            "<label>Tea?</label>",
            "ref=\"/data/g/reserved_name_for_field_list_labels_7\"",
            "appearance=\"list-nolabel\"",
            "appearance=\"field-list\"",
            "jr:count=\" /data/r_count \"",
            "calculate=\"1 + 2\"",
        ],
    );
}

#[test]
fn settings_reach_other_clients() {
    let xml = written(
        "
| survey   |         |            |         |                |           |           |            |                              |
|          | type    | name       | label   |                |           |           |            |                              |
|          | text    | a          | A       |                |           |           |            |                              |
| settings |         |            |         |                |           |           |            |                              |
|          | form_id | set form title | version | submission_url | auto_send | name  | style      | namespaces                   |
|          | visit   | The visit  | 7       | https://a.test | true      | root      | pages      | x=\"urn:x\"                    |
",
    );
    holds(
        &xml,
        &[
            "<h:title>The visit</h:title>",
            "<root id=\"visit\" version=\"7\"",
            "action=\"https://a.test\"",
            "orx:auto-send=\"true\"",
            "class=\"pages\"",
            "xmlns:x=\"urn:x\"",
        ],
    );
}

#[test]
fn files_and_lists_have_different_names() {
    let told = told(
        "
| survey  |                              |      |       |             |
|         | type                         | name | label | calculation |
|         | select_one_from_file towns.csv | a  | A     |             |
|         | select_one_from_file towns.xml | b  | B     |             |
|         | xml-external                 | l    |       |             |
|         | calculate                    | c    |       | pulldata('people', 'a', 'b', 'c') |
| choices |                              |      |       |             |
|         | list_name                    | name | label |             |
|         | l                            | x    | X     |             |
",
    );
    assert_eq!(
        told,
        [
            "survey!A3 (type): \"towns.xml\" and \"towns.csv\" in row 2 would be the same list \"towns\"",
            "survey!A4 (type): the list \"l\" of the choices sheet and the file \"l.xml\" have the same name; rename the list",
        ]
    );
}

#[test]
fn languages_are_told_where_they_are_missing() {
    let told = told(
        "
| survey |      |      |             |            |
|        | type | name | label::A (a) | hint::B (b) |
|        | text | q    | Q           | H          |
",
    );
    assert_eq!(
        told,
        [
            "survey!1 (hint): the language \"A (a)\" has no column \"hint\", while others have it; add the column hint::A (a)",
            "survey!1 (label): the language \"B (b)\" has no column \"label\", while others have it; add the column label::B (b)",
        ]
    );
}

#[test]
fn workbooks_of_the_community_health_toolkit_load_with_warnings() {
    let table = "
| survey |             |         |       |
|        | type        | name    | label |
|        | begin group | inputs  | Inputs |
|        | hidden      | source  |       |
|        | begin group | contact | Contact |
|        | db:person   | _id     | Who   |
|        | tel         | phone   | Phone |
|        | text        | blank   | NO_LABEL |
|        | end group   |         |       |
|        | end group   |         |       |
|        | begin group | meta    | Meta  |
|        | text        | note    | Note  |
|        | end group   |         |       |
";
    let (_, warnings) = read(table).expect("a form");
    let lines: Vec<String> =
        warnings.iter().map(ToString::to_string).filter(|line| !line.contains("form_id")).collect();
    assert_eq!(
        lines,
        [
            "survey!A5 (type): this type exists only in the Community Health Toolkit; it is taken as a text; write text",
            "survey!A6 (type): this type exists only in the Community Health Toolkit; it is taken as a text; write text",
            "survey!B10 (name): the name \"meta\" is for what the form records about itself; choose another name",
        ]
    );
    holds(&written(table), &["type=\"db:person\"", "type=\"tel\"", "<instanceID"]);
}

/// Groups are shown and are not in the instance; what they say of all that is in
/// them goes to each, as in pyxform.
#[test]
fn a_flat_form_has_no_groups_in_its_instance() {
    let table = "
| survey   |              |       |       |             |            |
|          | type         | name  | label | relevant    | appearance |
|          | text         | who   | Who   |             |            |
|          | begin_group  | more  | More  | ${who} = 'x' or ${who} = 'y' | field-list |
|          | text         | a     | A     |             |            |
|          | begin_group  | deep  | Deep  | ${a} != ''  |            |
|          | text         | b     | B ${a} | ${a} = '1' |            |
|          | end_group    |       |       |             |            |
|          | begin_repeat | kin   | Kin   |             |            |
|          | begin_group  | g     | G     |             |            |
|          | text         | name  | Name  |             |            |
|          | end_group    |       |       |             |            |
|          | end_repeat   |       |       |             |            |
|          | end_group    |       |       |             |            |
| settings |              |       |       |             |            |
|          | flat         |       |       |             |            |
|          | yes          |       |       |             |            |
";
    assert_eq!(told(table), [""; 0]);
    let xml = written(table);
    holds(
        &xml,
        &[
            "<who/><a/><b/><kin jr:template=\"\"><name/></kin>",
            "nodeset=\"/data/a\" type=\"string\" relevant=\" /data/who  = 'x' or  /data/who  = 'y'\"",
            "<group appearance=\"field-list\"><label>More</label><input ref=\"/data/a\">",
            "<group><label>Deep</label><input ref=\"/data/b\">",
            "<repeat nodeset=\"/data/kin\"><group><label>G</label><input ref=\"/data/kin/name\">",
        ],
    );
    let mut session = common::start(table);
    let shown = |session: &doorstep_form::Session, at: &str| {
        session.node(&common::path(at)).expect("a node").relevant
    };
    assert!(!shown(&session, "/a") && !shown(&session, "/kin[1]"));
    common::answer(&mut session, "/who", "y");
    assert!(shown(&session, "/a") && shown(&session, "/kin[1]/name") && !shown(&session, "/b"));
    common::answer(&mut session, "/a", "1");
    assert!(shown(&session, "/b"));
    common::answer(&mut session, "/who", "z");
    assert!(!shown(&session, "/b") && !shown(&session, "/kin[1]"));
    // Two groups may not hold questions of one name.
    let twice = table.replace("| b     | B ${a}", "| who   | B");
    assert!(told(&twice).iter().any(|line| line.contains("the name \"who\" is taken by row 2")));
}
