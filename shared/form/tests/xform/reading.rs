//! XForm XML → form, rule by rule.

use super::{as_json, document, is_rejected, node, problems, read, rich, shown};
use doorstep_form::xform;
use serde_json::json;

#[test]
fn title_identity_and_version_come_from_their_places() {
    let form = read(r#"<data id="a" version="2"><x/></data>"#, "", "");
    assert_eq!((form.id(), form.version(), form.title()), ("a", "2", "Visit"));
    let form = read(r#"<data id="a" orx:version="3"><x/></data>"#, "", "");
    assert_eq!(form.version(), "3");
}

#[test]
fn a_form_without_a_title_is_called_by_its_identity() {
    let untitled = document(r#"<data id="a"><x/></data>"#, "", "").replace("<h:title>Visit</h:title>", "");
    let (form, warnings) = xform::read(&untitled).expect("a form");
    assert_eq!(form.title(), "a");
    assert!(shown(&warnings).contains("the form has no <title>"));
}

/// The version keeps the attribute in which the form has it, also in instances.
#[test]
fn the_version_is_written_where_it_was_read() {
    for (attribute, other) in [("version", "orx:version"), ("orx:version", "version")] {
        let form = read(&format!(r#"<data id="a" {attribute}="3"><x/></data>"#), "", "");
        let identity = xform::Identity::default();
        let written = [xform::write(&form), xform::instance_to_xml(&form, &json!({"x": "1"}), &identity).xml];
        for xml in written {
            assert!(xml.contains(&format!(" {attribute}=\"3\"")), "{xml}");
            assert!(!xml.contains(&format!(" {other}=\"3\"")), "{xml}");
        }
    }
}

/// A version that the form computes is an attribute like others.
#[test]
fn a_computed_version_is_part_of_the_instance() {
    let form = read(
        r#"<data id="a" version=""><x/></data>"#,
        r#"<bind nodeset="/data/@version" calculate="/data/x"/>"#,
        r#"<input ref="/data/x"/>"#,
    );
    let plan = doorstep_form::Plan::new(form, &Default::default()).expect("a plan");
    let context = doorstep_form::Context::default();
    let mut session = doorstep_form::Session::start(plan.into(), context, &Default::default());
    session.answer(&"/x".parse().expect("a path"), "9").expect("an answer is taken");
    let xml = xform::instance_to_xml(session.plan().form(), &session.submission(), &Default::default()).xml;
    assert!(xml.contains(r#"<data id="a" version="9""#), "{xml}");
}

#[test]
fn what_nobody_could_answer_or_show_is_refused() {
    let x = r#"<data id="a"><x/></data>"#;
    assert!(problems(x, "", r#"<select ref="/data/x"/>"#).contains("/data/x has no choices"));
    let itext = r#"<itext><translation lang="en"><text><value>A</value></text></translation></itext>"#;
    assert!(is_rejected(x, itext, ""));
}

#[test]
fn the_control_and_the_type_decide_the_kind() {
    let kinds = [
        (r#"<input ref="/data/x"/>"#, "", "text"),
        (r#"<input ref="/data/x"/>"#, r#"type="int""#, "integer"),
        (r#"<input ref="/data/x"/>"#, r#"type="xsd:decimal""#, "decimal"),
        (r#"<input ref="/data/x"/>"#, r#"type="geoshape""#, "geoshape"),
        (r#"<input ref="/data/x"/>"#, r#"type="string" readonly="true()""#, "note"),
        (r#"<input ref="/data/x"/>"#, r#"type="string" readonly="true()" calculate="1""#, "text"),
        (r#"<select1 ref="/data/x"><item><value>a</value></item></select1>"#, "", "select_one"),
        (r#"<odk:rank ref="/data/x"><item><value>a</value></item></odk:rank>"#, r#"type="odk:rank""#, "rank"),
        (r#"<trigger ref="/data/x"/>"#, "", "acknowledge"),
        (r#"<upload ref="/data/x" mediatype="video/mp4"/>"#, r#"type="binary""#, "video"),
        (r#"<upload ref="/data/x" mediatype="application/pdf"/>"#, r#"type="binary""#, "file"),
        (r#"<range ref="/data/x" start="1" end="3" step="1"/>"#, r#"type="int""#, "range"),
        ("", r#"type="string" calculate="1""#, "calculate"),
        ("", r#"type="string""#, "hidden"),
        ("", r#"type="string" jr:preload="property" jr:preloadParams="deviceid""#, "device_id"),
        ("", r#"type="date" jr:preload="date" jr:preloadParams="today""#, "today"),
    ];
    for (control, bind, kind) in kinds {
        let bind = format!(r#"<bind nodeset="/data/x" {bind}/>"#);
        let form = as_json(&read(r#"<data id="a"><x/></data>"#, &bind, control));
        assert_eq!(node(&form, "x")["kind"], kind, "{control} {bind}");
    }
}

#[test]
fn a_type_that_the_kind_does_not_say_is_kept() {
    let select = r#"<select1 ref="/data/x"><item><value>1</value></item></select1>"#;
    let form =
        as_json(&read(r#"<data id="a"><x/></data>"#, r#"<bind nodeset="/data/x" type="int"/>"#, select));
    assert_eq!(node(&form, "x")["data_type"], "int");
}

#[test]
fn a_preload_on_a_question_is_how_its_value_begins() {
    let read = |bind: &str| {
        let bind = format!(r#"<bind nodeset="/data/x" {bind}/>"#);
        node(&as_json(&read(r#"<data id="a"><x/></data>"#, &bind, r#"<input ref="/data/x"/>"#)), "x")
    };
    let today = read(r#"type="date" jr:preload="date" jr:preloadParams="today""#);
    assert_eq!((&today["kind"], &today["default"]), (&json!("date"), &json!({"expression": "today()"})));
    let end = read(r#"type="dateTime" jr:preload="timestamp" jr:preloadParams="end""#);
    assert_eq!(end["bind_attributes"], json!({"jr:preload": "timestamp", "jr:preloadParams": "end"}));
}

#[test]
fn a_value_attribute_counts_even_when_it_is_empty() {
    let action = |action: &str| {
        let action = format!(r#"<setvalue event="odk-instance-load" ref="/data/x" {action}</setvalue>"#);
        as_json(&read(r#"<data id="a"><x/></data>"#, &action, ""))["actions"][0]["value"].clone()
    };
    assert_eq!(action(r#"value="">text"#), json!({"literal": ""}));
    assert_eq!(action(">text"), json!({"literal": "text"}));
    assert_eq!(action(r#"value="1 + 1">text"#), json!({"expression": "1 + 1"}));
}

#[test]
fn binds_and_controls_find_their_nodes_in_every_spelling() {
    let form = as_json(&read(
        r#"<data id="a"><g><x/><y z=""/></g></data>"#,
        r#"<bind nodeset="g/x" type="int"/><bind id="it" nodeset=" /data/g/y " type="decimal"/>
           <bind nodeset="/data/g/y/@z" calculate="1 + 1"/>"#,
        r#"<group ref="/data/g"><input ref="x"/><input bind="it"/></group>"#,
    ));
    assert_eq!(node(&form, "g/x")["kind"], "integer");
    assert_eq!(node(&form, "g/y")["kind"], "decimal");
    assert_eq!(node(&form, "g/y/@z")["calculation"], "1 + 1");
}

#[test]
fn a_bind_says_everything_about_a_node() {
    let form = as_json(&read(
        r#"<data id="a"><x/></data>"#,
        r#"<bind nodeset="/data/x" type="string" relevant="1" required="2" readonly="3" constraint="4"
            calculate="5" jr:constraintMsg="No" jr:requiredMsg="Yes" entities:saveto="p" own:note="n"/>"#,
        r#"<input ref="/data/x"/>"#,
    ));
    let node = node(&form, "x");
    let said = ["relevant", "required", "read_only", "constraint", "calculation", "save_to"]
        .map(|name| node[name].as_str().unwrap_or_default().to_owned());
    assert_eq!(said, ["1", "2", "3", "4", "5", "p"]);
    assert_eq!((&node["constraint_message"], &node["required_message"]), (&json!(["No"]), &json!(["Yes"])));
    assert_eq!(node["bind_attributes"], json!({"own:note": "n"}));
}

#[test]
fn a_template_gives_new_instances_their_values() {
    let body = r#"<repeat nodeset="/data/r"><input ref="/data/r/x"/></repeat>"#;
    let both = r#"<data id="a"><r jr:template=""><x>new</x></r><r><x>first</x></r><r><x/></r></data>"#;
    let form = as_json(&read(both, "", body));
    assert_eq!(node(&form, "r/x")["default"], json!({"value": "new"}));
    assert_eq!(node(&form, "r")["initial"], json!([{"x": "first"}, {"x": ""}]));
    let form = as_json(&read(r#"<data id="a"><r jr:template=""><x/></r></data>"#, "", body));
    assert_eq!(node(&form, "r")["initial"], json!([]));
    let form = as_json(&read(r#"<data id="a"><r jr:template=""><x/></r><r><x/></r></data>"#, "", body));
    assert!(node(&form, "r")["initial"].is_null());
}

#[test]
fn without_a_template_only_the_first_instance_has_values() {
    let body = r#"<repeat nodeset="/data/r"><input ref="/data/r/x"/></repeat>"#;
    let form = as_json(&read(r#"<data id="a"><r><x>1</x></r></data>"#, "", body));
    assert!(node(&form, "r/x")["default"].is_null());
    assert_eq!(node(&form, "r")["initial"], json!([{"x": "1"}]));
}

#[test]
fn repeats_keep_count_and_whether_people_add() {
    let form = read(&rich_instance(), "", "");
    let form = as_json(&form);
    assert_eq!(node(&form, "kin")["kind"], "repeat");
    assert_eq!(node(&form, "kin")["no_add_remove"], true);
    let (form, _) = xform::read(&rich()).map_err(|problems| shown(&problems)).expect("a form");
    let form = as_json(&form);
    assert_eq!(node(&form, "kin")["repeat_count"], "/data/score");
    assert_eq!(node(&form, "kin")["label"], json!(["Kin"]));
    assert_eq!(node(&form, "kin")["actions"][0]["events"], json!(["new_repeat"]));
}

fn rich_instance() -> String {
    r#"<data id="a"><kin><x/></kin><kin><x/></kin></data>"#.to_owned()
}

#[test]
fn translations_become_texts_by_language() {
    let (form, _) = xform::read(&rich()).expect("a form");
    assert_eq!(form.languages(), ["en", "zh"]);
    let form = as_json(&form);
    let age = node(&form, "age");
    let output = json!({"output": "/data/name"});
    assert_eq!(age["label"][0], json!([{"text": "How old is "}, output, {"text": "?"}]));
    assert_eq!(age["label"][1], json!([output, {"text": "几岁?"}]));
    assert_eq!(age["media"], json!({"image": ["age.png", ""]}));
    assert_eq!(age["hint"], json!(["In years", "周岁"]));
    assert_eq!(age["guidance_hint"], json!(["Ask for the papers", ""]));
    assert_eq!(age["constraint_message"], age["hint"]);
    // Only what expressions ask for by a computed id.
    assert_eq!(form["texts"]["v-1"]["text"], json!(["South", "南村"]));
}

#[test]
fn the_default_language_is_first_wherever_it_stands() {
    let itext = r#"<itext><translation lang="a"/><translation lang="b" default="true()"/></itext>"#;
    assert_eq!(read(r#"<data id="a"><x/></data>"#, itext, "").languages(), ["b", "a"]);
}

#[test]
fn choices_stand_in_the_control_or_come_from_nodes() {
    let (form, _) = xform::read(&rich()).expect("a form");
    let form = as_json(&form);
    assert_eq!(
        node(&form, "village")["choices"],
        json!({"nodes": {"nodeset": "randomize(instance('villages')/root/item[size > 3])", "value": "name", "label": "jr:itext(itextId)"}})
    );
    let list = &form["lists"]["/data/kin/tie"];
    assert_eq!(node(&form, "kin/tie")["choices"], json!({"list": "/data/kin/tie"}));
    assert_eq!((&list[0]["name"], &list[0]["label"]), (&json!("son"), &json!(["Son"])));
    assert_eq!(list[1]["label"][0][1], json!({"output": "../kin_name"}));
}

#[test]
fn secondary_instances_are_carried_or_asked_for() {
    let model = r#"<instance id="in"><root own:v="1"><own:item/></root></instance>
<instance id="last" src="jr://instance/last-saved"/><instance id="f" src="jr://file/f.xml"/>"#;
    let form = read(r#"<data id="a"><x/></data>"#, model, "");
    assert_eq!(form.attachment_names(), ["f.xml", "jr://instance/last-saved"]);
    let form = as_json(&form);
    assert_eq!(form["documents"]["in"], r#"<root xmlns:own="urn:own" own:v="1"><own:item/></root>"#);
}

#[test]
fn actions_know_their_events_and_targets() {
    let form = as_json(&read(
        r#"<data id="a"><g><x/></g><place/><sound/></data>"#,
        r#"<setvalue event="odk-instance-first-load odk-instance-load" ref="/data/g/x">5</setvalue>
           <odk:recordaudio event="odk-instance-load" ref="/data/sound" odk:quality="low"/>"#,
        r#"<group ref="/data/g"><input ref="/data/g/x"><odk:setgeopoint event="xforms-value-changed" ref="../../place"/></input></group>"#,
    ));
    assert_eq!(
        form["actions"],
        json!([
            {"events": ["first_load", "load"], "target": "/data/g/x", "value": {"literal": "5"}, "row": 0},
            {"events": ["load"], "target": "/data/sound", "value": {"audio": "low"}, "row": 0}
        ])
    );
    assert_eq!(
        node(&form, "g/x")["actions"],
        json!([{"events": ["value_changed"], "target": "/data/place", "value": "geopoint", "row": 0}])
    );
}

#[test]
fn the_body_is_kept_where_it_is_not_the_order_of_the_instance() {
    let instance = r#"<data id="a"><x/><y/></data>"#;
    let same = as_json(&read(instance, "", r#"<input ref="/data/x"/><input ref="/data/y"/>"#));
    assert!(same["body"].is_null());
    let other = as_json(&read(
        instance,
        "",
        r#"<group appearance="field-list"><label>G</label><input ref="/data/y"/></group><input ref="/data/x"/>"#,
    ));
    assert_eq!(
        other["body"],
        json!([
            {"group": {"label": ["G"], "appearance": "field-list", "items": [{"node": "/data/y"}]}},
            {"node": "/data/x"}
        ])
    );
}

#[test]
fn every_instance_gets_an_identity() {
    let form = as_json(&read(r#"<data id="a"><x/></data>"#, "", ""));
    assert_eq!(node(&form, "orx:meta/orx:instanceID")["kind"], "instance_id");
    let form = as_json(&read(r#"<data id="a"><orx:meta><orx:audit/></orx:meta></data>"#, "", ""));
    assert_eq!(node(&form, "orx:meta/orx:instanceID")["kind"], "instance_id");
    let form = as_json(&read(r#"<data id="a"><meta xmlns="urn:m"><instanceID/></meta></data>"#, "", ""));
    assert_eq!(node(&form, "meta")["namespace"], "urn:m");
    assert_eq!(node(&form, "meta/instanceID")["kind"], "hidden");
}

#[test]
fn mistakes_are_told_together_with_line_and_element() {
    let told = problems(
        r#"<data id="a"><age/><sex/></data>"#,
        "<bind nodeset=\"/data/aeg\"/>\n<setvalue event=\"later\" ref=\"/data/age\"/>",
        "<upload ref=\"/data/age\" mediatype=\"jpg\"/>\n<select1 ref=\"/data/sex\"><itemset/></select1>",
    );
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 4, "{told}");
    assert!(lines[0].starts_with("XForm!8 (<bind> in column 1): "), "{told}");
    assert!(lines[0].ends_with("did you mean \"age\"?"), "{told}");
    assert!(
        lines[1].starts_with("XForm!9 (<setvalue> in column 1): the event \"later\" is not known"),
        "{told}"
    );
}

#[test]
fn what_no_client_could_follow_is_refused() {
    let instance = r#"<data id="a"><g><x/></g><y/></data>"#;
    assert!(is_rejected("<data><x/></data>", "", ""), "no identity");
    assert!(is_rejected("", "", ""), "no instance");
    assert!(is_rejected(instance, r#"<submission method="fax"/>"#, ""));
    assert!(is_rejected(instance, r#"<setvalue event="odk-new-repeat" ref="/data/y"/>"#, ""));
    assert!(is_rejected(instance, "", r#"<input ref="/data/g"/>"#), "a question on a group");
    assert!(
        is_rejected(instance, "", r#"<input ref="/data/y"/><group ref="/data/y"/>"#),
        "a group on a question"
    );
    assert!(
        is_rejected(instance, "", r#"<group ref="/data/y"/><input ref="/data/y"/>"#),
        "a question on a group"
    );
    assert!(is_rejected(instance, "", "<input/>"), "no reference");
    assert!(is_rejected(instance, "", r#"<repeat nodeset="/data"/>"#), "the form repeats");
    assert!(is_rejected(instance, r#"<itext><translation lang="a"/><translation lang="a"/></itext>"#, ""));
    assert!(!is_rejected(instance, r#"<bind nodeset="/data/nowhere"/>"#, r#"<input ref="/data/nowhere"/>"#));
    let elsewhere = document(instance, "", "").replace("<model", "<model xmlns=\"urn:other\"");
    let told = shown(&xform::read(&elsewhere).expect_err("the model is no XForms model"));
    assert!(told.contains("<model> must be in the namespace http://www.w3.org/2002/xforms"), "{told}");
}

/// The group has a corresponding element, as the specification asks, and its
/// relevance; what it shows is elsewhere. JavaRosa hides that and keeps it.
#[test]
fn a_group_on_an_element_without_contents_shows_what_is_elsewhere() {
    let instance = r#"<data id="a"><sick/><signs/><heat><fever/></heat><last/></data>"#;
    let binds = r#"<bind nodeset="/data/signs" relevant="/data/sick = 'yes'" calculate="'seen'"/><bind nodeset="/data/heat/fever" required="true()"/>"#;
    let body = r#"<input ref="/data/sick"/><group ref="/data/signs"><label>Signs</label><input ref="/data/heat/fever"/></group><input ref="/data/last"/>"#;
    assert!(problems(instance, binds, body).contains("/data/signs has nothing in it"));
    let form = read(instance, binds, body);
    // It stays what it is when it is written and read again.
    let again = xform::read(&xform::write(&form)).expect("a form").0;
    for form in [form, again] {
        let plan = doorstep_form::Plan::new(form, &Default::default()).expect("a plan");
        let context = doorstep_form::Context::default();
        let mut session = doorstep_form::Session::start(plan.into(), context, &Default::default());
        let path = |text: &str| text.parse::<doorstep_form::NodePath>().expect("a path");
        let pages = session.pages();
        assert_eq!(
            pages.iter().map(|page| page.title.as_deref()).collect::<Vec<_>>(),
            [None, Some("Signs"), None]
        );
        assert_eq!(pages[1].nodes, [path("/heat/fever")]);
        let shown = |session: &doorstep_form::Session| {
            (session.pages()[1].relevant, session.node(&path("/heat/fever")).expect("a node").relevant)
        };
        assert_eq!(shown(&session), (false, false));
        assert!(session.problems().is_empty(), "nobody misses what is not shown");
        let changed = session.answer(&path("/sick"), "yes").expect("an answer is taken");
        assert!(changed.contains(&path("/heat/fever")), "{changed:?}");
        assert_eq!(shown(&session), (true, true));
        assert_eq!(session.problems().len(), 1);
        assert_eq!(session.submission()["signs"], "seen");
        session.answer(&path("/heat/fever"), "39").expect("an answer is taken");
        session.answer(&path("/sick"), "no").expect("an answer is taken");
        assert_eq!(shown(&session), (false, false));
        assert_eq!(session.submission()["heat"], json!({"fever": "39"}), "it is kept");
        assert_eq!(session.submission().get("signs"), None);
    }
}

#[test]
fn expressions_are_checked_where_they_stand() {
    let told = problems(
        r#"<data id="a"><x/></data>"#,
        "<bind nodeset=\"/data/x\" relevant=\"1 +\"\n calculate=\"concatt('a')\"/>",
        "<select1 ref=\"/data/x\"><itemset nodeset=\"][\"><value ref=\"v\"/></itemset></select1>",
    );
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 3, "{told}");
    assert!(lines[0].starts_with("XForm!8 (<bind> in column 1): relevant: "), "{told}");
    assert!(lines[1].ends_with("did you mean \"concat\"?"), "{told}");
    assert!(lines[2].starts_with("XForm!11 (<itemset> in column 32): nodeset: "), "{told}");
}

#[test]
fn depth_and_size_are_bounded() {
    let deep =
        |levels: usize| format!(r#"<data id="a">{}{}</data>"#, "<g>".repeat(levels), "</g>".repeat(levels));
    assert!(!is_rejected(&deep(20), "", ""));
    assert!(problems(&deep(60), "", "").contains("deep"));
    assert!(problems(&deep(5_000), "", "").contains("deep"));
    assert!(xform::read("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>").is_err());
}
