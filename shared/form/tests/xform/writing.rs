//! Form → XForm XML, and back.

use super::{document, rich, shown};
use doorstep_form::{Attachments, Context, Form, Plan, Session, Workbook, xform};
use std::collections::BTreeMap;
use std::sync::Arc;

fn from_table(table: &str) -> Form {
    let workbook = Workbook::read_markdown(table).map_err(|problems| shown(&problems)).expect("a table");
    Form::from_workbook(&workbook).map_err(|problems| shown(&problems)).expect("a form").0
}

/// Without the white space between elements.
fn written(table: &str) -> String {
    let xml = xform::write(&from_table(table));
    xml.lines().map(str::trim_start).collect::<Vec<_>>().join("")
}

fn assert_says(xml: &str, parts: &[&str]) {
    for part in parts {
        assert!(xml.contains(part), "{part}\nis not in\n{xml}");
    }
}

fn read(xml: &str) -> Form {
    xform::read(xml).map_err(|problems| shown(&problems)).expect("what is written is read").0
}

#[test]
fn a_simple_form_is_a_document_that_clients_know() {
    let xml = written(
        "| survey |\n| | type | name | label |\n| | text | q | Who? |\n\
         | settings |\n| | form_id | form_title | version |\n| | visit | Visit | 3 |",
    );
    assert_says(
        &xml,
        &[
            "<h:title>Visit</h:title><model odk:xforms-version=\"1.0.0\">",
            "<data id=\"visit\" version=\"3\"><q/><meta><instanceID/></meta></data>",
            "<bind nodeset=\"/data/q\" type=\"string\"/>",
            "<bind nodeset=\"/data/meta/instanceID\" type=\"string\" readonly=\"true()\" jr:preload=\"uid\"/>",
            "<h:body><input ref=\"/data/q\"><label>Who?</label></input></h:body>",
        ],
    );
}

#[test]
fn names_become_paths_relative_only_within_a_repeat() {
    let xml = written(
        "| survey |\n| | type | name | label | relevant | calculation |\n\
         | | integer | n | N | | |\n\
         | | begin_repeat | r | R | | |\n\
         | | text | a | A | ${n} > 1 | |\n\
         | | begin_group | g | G | | |\n\
         | | text | b | B ${a} | ${a} != '' | |\n\
         | | end_group | | | | |\n\
         | | end_repeat | | | | |\n\
         | | calculate | c | | | count(${r}) + indexed-repeat(${a}, ${r}, 1) |",
    );
    assert_says(
        &xml,
        &[
            "<r jr:template=\"\"><a/><g><b/></g></r><r><a/><g><b/></g></r>",
            "nodeset=\"/data/r/a\" type=\"string\" relevant=\" /data/n  &gt; 1\"",
            "nodeset=\"/data/r/g/b\" type=\"string\" relevant=\" ../../a  != ''\"",
            "calculate=\"count( /data/r ) + indexed-repeat( /data/r/a ,  /data/r , 1)\"",
            "<group ref=\"/data/r\"><label>R</label><repeat nodeset=\"/data/r\">",
            "<label>B <output value=\" ../../a \"/></label>",
        ],
    );
}

#[test]
fn lists_are_secondary_instances() {
    let xml = written(
        "| survey |\n| | type | name | label | choice_filter |\n\
         | | select_one town | t | Town | |\n\
         | | select_one village | v | Village | of = ${t} |\n\
         | choices |\n| | list_name | name | label | of |\n\
         | | town | a | A | |\n| | village | b | B & C | a |",
    );
    assert_says(
        &xml,
        &[
            "<instance id=\"village\"><root><item><name>b</name><label>B &amp; C</label><of>a</of></item></root></instance>",
            "<select1 ref=\"/data/v\"><label>Village</label><itemset nodeset=\"instance('village')/root/item[of =  /data/t ]\"><value ref=\"name\"/><label ref=\"label\"/></itemset></select1>",
        ],
    );
}

#[test]
fn within_a_repeat_a_filter_reads_from_the_current_question() {
    let xml = written(
        "| survey |\n| | type | name | label | choice_filter |\n\
         | | begin_repeat | r | R | |\n| | text | t | Town | |\n\
         | | select_one village | v | Village | of = ${t} |\n| | end_repeat | | | |\n\
         | choices |\n| | list_name | name | label | of |\n| | village | b | B | a |",
    );
    assert_says(&xml, &["instance('village')/root/item[of =  current()/../t ]"]);
}

#[test]
fn several_languages_are_translations() {
    let xml = written(
        "| survey |\n| | type | name | label::en | label::zh | hint::en | hint::zh |\n\
         | | select_one yn | q | Yes? | 是吗 | | 看 |\n\
         | choices |\n| | list_name | name | label::en | label::zh |\n| | yn | y | Yes | 是 |",
    );
    assert_says(
        &xml,
        &[
            "<translation lang=\"en\" default=\"true()\">",
            "<text id=\"/data/q:label\"><value>是吗</value></text>",
            "<text id=\"/data/q:hint\"><value>-</value></text>",
            "<text id=\"yn-0\"><value>是</value></text>",
            "<item><itextId>yn-0</itextId><name>y</name></item>",
            "<label ref=\"jr:itext('/data/q:label')\"/><hint ref=\"jr:itext('/data/q:hint')\"/>",
            "<label ref=\"jr:itext(itextId)\"/>",
        ],
    );
}

#[test]
fn computed_defaults_run_when_instances_begin() {
    let xml = written(
        "| survey |\n| | type | name | label | default |\n\
         | | date | d | D | today() |\n| | begin_repeat | r | R | |\n| | date | e | E | today() |\n\
         | | text | f | F | plain |\n| | end_repeat | | | |",
    );
    let begin = "<setvalue ref=\"/data/r/e\" event=\"odk-instance-first-load\" value=\"today()\"/>";
    let again = "<setvalue ref=\"/data/r/e\" event=\"odk-new-repeat\" value=\"today()\"/></repeat>";
    assert_says(
        &xml,
        &["<setvalue ref=\"/data/d\" event=\"odk-instance-first-load\" value=\"today()\"/>", begin, again],
    );
    assert_says(&xml, &["<r jr:template=\"\"><e/><f>plain</f></r>"]);
}

#[test]
fn what_xml_reserves_is_escaped() {
    let xml = written(
        "| survey |\n| | type | name | label | constraint | constraint_message |\n\
         | | text | q | a < b & \"c\" | . != \"<\" | not \"<\" |",
    );
    assert_says(
        &xml,
        &[
            "<label>a &lt; b &amp; \"c\"</label>",
            "constraint=\". != &quot;&lt;&quot;\"",
            "jr:constraintMsg=\"not &quot;&lt;&quot;\"",
        ],
    );
}

/// What is read again is the same form, and is written the same way.
fn assert_stable(name: &str, form: &Form) {
    let once = xform::write(form);
    let again = read(&once);
    // White space that pads a path does not survive, and means nothing.
    let unpadded = once.replace("=\" ", "=\"").replace(" \"", "\"");
    let twice = xform::write(&again);
    for (before, after) in unpadded.lines().zip(twice.lines()) {
        assert_eq!(after, before, "{name}");
    }
    assert_eq!(twice.lines().count(), unpadded.lines().count(), "{name}");
    let third = read(&xform::write(&again));
    assert_eq!(serde_json::to_value(&third).ok(), serde_json::to_value(&again).ok(), "{name}");
}

#[test]
fn a_rich_form_survives() {
    let form = read(&rich());
    assert_stable("rich", &form);
    let again = read(&xform::write(&form));
    let (before, after) =
        (serde_json::to_value(&form).expect("JSON"), serde_json::to_value(&again).expect("JSON"));
    for part in
        ["nodes", "body", "lists", "documents", "actions", "languages", "root_attributes", "externals"]
    {
        if part != "nodes" {
            assert_eq!(before[part], after[part], "{part}");
        }
    }
    let kinds = |form: &serde_json::Value| kinds_of(&form["nodes"]);
    assert_eq!(kinds(&before), kinds(&after));
    assert_says(
        &xform::write(&form),
        &["<data id=\"visit\" version=\"7\" own:sort=\"a\">", "entities:saveto=\"age\""],
    );
}

fn kinds_of(nodes: &serde_json::Value) -> Vec<String> {
    let of = |node: &serde_json::Value| {
        let mut all = vec![format!("{} {} {}", node["name"], node["kind"], node["initial"])];
        all.extend(kinds_of(&node["attributes"]));
        all.extend(kinds_of(&node["children"]));
        all
    };
    nodes.as_array().into_iter().flatten().flat_map(of).collect()
}

#[test]
fn forms_of_every_feature_survive() {
    let tables = [
        "| survey |\n| | type | name | label |\n| | begin_group | g | G |\n| | image | p | P |\n| | end_group | | |",
        "| survey |\n| | type | name | label | parameters |\n| | range | r | R | start=1 end=5 step=0.5 |",
        "| survey |\n| | type | name | label | appearance |\n| | geopoint | p | P | placement-map |",
        "| survey |\n| | type | name | label |\n| | rank l | q | Q |\n| | acknowledge | k | K |\n| | note | n | N |\n| choices |\n| | list_name | name | label |\n| | l | a | A |",
        "| survey |\n| | type | name | label | repeat_count |\n| | integer | n | N | |\n| | begin_repeat | r | R | ${n} |\n| | begin_repeat | s | S | |\n| | text | t | T ${n} | |\n| | end_repeat | | | |\n| | end_repeat | | | |",
        "| survey |\n| | type | name | label | required |\n| | start | s | | |\n| | text | t | T | yes |\n| settings |\n| | form_id | instance_name |\n| | f | concat(${t}, 'x') |",
    ];
    for table in tables {
        assert_stable(table, &from_table(table));
    }
}

#[test]
fn a_document_without_namespaces_of_its_own_is_the_same_form() {
    let xml = document("<data id=\"a\"><x/></data>", "", "<input ref=\"/data/x\"><label>X</label></input>");
    let form = read(&xml);
    assert_stable("plain", &form);
}

#[cfg(feature = "workbook")]
fn pack() -> std::path::PathBuf {
    std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../pack")
}

#[cfg(feature = "workbook")]
fn forms_of_the_pack() -> Vec<(String, Form)> {
    let mut forms = Vec::new();
    for entry in std::fs::read_dir(pack()).expect("the pack").flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "xlsx") || path.ends_with("ledger.xlsx") {
            continue;
        }
        let bytes = std::fs::read(&path).expect("a readable workbook");
        let workbook = Workbook::read_xlsx(&bytes).map_err(|problems| shown(&problems)).expect("a workbook");
        let (form, _) = Form::from_workbook(&workbook).map_err(|problems| shown(&problems)).expect("a form");
        forms.push((path.display().to_string(), form));
    }
    assert!(forms.len() > 20, "only {} workbooks", forms.len());
    forms
}

#[cfg(feature = "workbook")]
#[test]
fn every_workbook_of_the_pack_survives() {
    for (name, form) in forms_of_the_pack() {
        assert_stable(&name, &form);
    }
}

/// Everything that the first says, the second says too.
#[cfg(feature = "workbook")]
fn assert_holds(name: &str, less: &serde_json::Value, more: &serde_json::Value) {
    match (less, more) {
        (serde_json::Value::Object(less), serde_json::Value::Object(more)) => {
            for (key, value) in less {
                assert_holds(
                    &format!("{name}/{key}"),
                    value,
                    more.get(key).unwrap_or(&serde_json::Value::Null),
                );
            }
        }
        (serde_json::Value::Array(less), serde_json::Value::Array(more)) => {
            assert_eq!(less.len(), more.len(), "{name}");
            for (less, more) in less.iter().zip(more) {
                assert_holds(name, less, more);
            }
        }
        _ => assert_eq!(less, more, "{name}"),
    }
}

#[cfg(feature = "workbook")]
#[test]
fn a_form_that_went_through_xml_asks_the_same() {
    for (name, form) in forms_of_the_pack() {
        let attachments: Attachments = form
            .attachment_names()
            .into_iter()
            .filter_map(|file| {
                let text = std::fs::read_to_string(pack().join("media").join(file)).ok()?;
                Some((file.to_owned(), text))
            })
            .collect();
        let context = Context {
            now: chrono::DateTime::parse_from_rfc3339("2026-11-23T09:30:00+08:00").expect("a moment"),
            seed: 1,
            ..Context::default()
        };
        let start = |form: Form| {
            let plan = Plan::new(form, &attachments).map_err(|problems| shown(&problems)).expect("a plan");
            Session::start(Arc::new(plan), context.clone(), &BTreeMap::new())
        };
        let again = start(read(&xform::write(&form)));
        let first = start(form);
        assert_holds(&name, &first.instance(), &again.instance());
        let asked = |session: &Session| {
            let mut all: Vec<String> = session
                .problems()
                .iter()
                .map(|problem| format!("{} {:?}", problem.path, problem.kind))
                .collect();
            all.sort();
            all
        };
        assert_eq!(asked(&first), asked(&again), "{name}");
    }
}

#[test]
fn elements_that_merely_recur_get_no_template() {
    let instance = "<data id=\"a\"><x/><tag><n>1</n></tag><tag><n>2</n></tag></data>";
    let form = read(&document(instance, "", "<input ref=\"/data/x\"/>"));
    assert_stable("recurring", &form);
    let xml = xform::write(&form).lines().map(str::trim_start).collect::<String>();
    assert_says(
        &xml,
        &["<x/><tag><n>1</n></tag><tag><n>2</n></tag>", "<h:body><input ref=\"/data/x\"/></h:body>"],
    );
}

#[test]
fn tags_of_a_map_editor_survive() {
    let control = "<upload ref=\"/data/x\" mediatype=\"osm/*\"><label>House</label>\
                   <tag key=\"name\"><label>Name</label></tag></upload>";
    let form =
        read(&document("<data id=\"a\"><x/></data>", "<bind nodeset=\"/data/x\" type=\"binary\"/>", control));
    assert_stable("tags", &form);
    let xml = xform::write(&form).lines().map(str::trim_start).collect::<String>();
    assert_says(&xml, &["mediatype=\"osm/*\"", "<tag key=\"name\"><label>Name</label></tag></upload>"]);
}

#[test]
fn a_filter_on_answers_of_a_repeat_reads_within_it() {
    let xml = written(
        "| survey |\n| | type | name | label | choice_filter |\n\
         | | begin_repeat | r | R | |\n| | text | a | A | |\n| | integer | b | B | |\n| | end_repeat | | | |\n\
         | | select_one ${a} | q | Q | |",
    );
    assert_says(
        &xml,
        &["<itemset nodeset=\"/data/r[./a != '']\"><value ref=\"a\"/><label ref=\"a\"/></itemset>"],
    );
}
