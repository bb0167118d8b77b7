//! Instances: XML ↔ JSON.

use super::{read, rich};
use doorstep_form::{Form, LeftOverReason, xform};
use serde_json::{Value, json};
use xform::Identity;

fn form() -> Form {
    read(
        r#"<data id="v" version="2" own:sort=""><name/><photo/><g><x own:unit=""/></g><r><y/><s><z/></s></r><orx:meta><orx:instanceID/></orx:meta></data>"#,
        r#"<bind nodeset="/data/photo" type="binary"/>"#,
        r#"<upload ref="/data/photo" mediatype="image/*"/><repeat nodeset="/data/r"><input ref="/data/r/y"/><repeat nodeset="/data/r/s"><input ref="/data/r/s/z"/></repeat></repeat>"#,
    )
}

fn from_xml(xml: &str) -> xform::ReadInstance {
    xform::instance_from_xml(&form(), xml).expect("an instance")
}

fn to_xml(instance: &Value) -> xform::WrittenInstance {
    xform::instance_to_xml(&form(), instance, &Identity::default())
}

const FULL: &str = r#"<data id="v" version="2" own:sort="b" xmlns:own="urn:own" xmlns:orx="http://openrosa.org/xforms"><name>Li &amp; Wang</name><photo>p.jpg</photo><g><x own:unit="kg">5</x></g><r><y>1</y><s><z>a</z></s><s><z/></s></r><r><y/></r><orx:meta><orx:instanceID>uuid:1</orx:instanceID></orx:meta></data>"#;

#[test]
fn groups_are_objects_and_repeats_lists() {
    let read = from_xml(FULL);
    assert_eq!(
        read.instance,
        json!({
            "@own:sort": "b",
            "name": "Li & Wang",
            "photo": "p.jpg",
            "g": {"x": {"@own:unit": "kg", "#text": "5"}},
            "r": [{"y": "1", "s": [{"z": "a"}, {"z": ""}]}, {"y": "", "s": []}],
            "orx:meta": {"orx:instanceID": "uuid:1"}
        })
    );
    assert_eq!((read.form_id.as_str(), read.version.as_str()), ("v", "2"));
    assert_eq!(read.attachments, ["p.jpg"]);
    assert_eq!(read.identity.instance_id.as_deref(), Some("uuid:1"));
    assert_eq!(read.left_over, []);
}

#[test]
fn nothing_is_lost_on_the_way_back() {
    let read = from_xml(FULL);
    let written = to_xml(&read.instance);
    assert_eq!(written.left_over, []);
    assert_eq!(written.attachments, ["p.jpg"]);
    assert_eq!(from_xml(&written.xml).instance, read.instance);
    assert!(written.xml.contains("<r><y>1</y><s><z>a</z></s><s><z/></s></r><r><y/></r>"), "{}", written.xml);
    assert!(written.xml.contains("xmlns:orx=\"http://openrosa.org/xforms\""), "{}", written.xml);
}

#[test]
fn every_text_survives() {
    let texts =
        ["", " ", "  two\n lines\t", "a\r\nb\r", "<b>&amp;</b>", "]]>", "\"'", "中文 😀", "\u{85}\u{2028}"];
    for text in texts {
        let instance = json!({"name": text, "g": {"x": {"@own:unit": text, "#text": text}}, "r": []});
        let written = to_xml(&instance);
        assert_eq!(written.left_over, []);
        assert_eq!(from_xml(&written.xml).instance["name"], text);
        assert_eq!(from_xml(&written.xml).instance["g"]["x"]["@own:unit"], text, "{}", written.xml);
    }
    let read = from_xml("<data><name><![CDATA[a < b]]> &#x4e2d;</name></data>");
    assert_eq!(read.instance["name"], "a < b 中");
}

#[test]
fn prefixes_may_be_others_than_the_forms() {
    let read = from_xml(
        r#"<data id="v" xmlns="urn:whatever"><m:meta xmlns:m="http://openrosa.org/xforms"><m:instanceID>uuid:9</m:instanceID></m:meta></data>"#,
    );
    assert_eq!(read.instance["orx:meta"]["orx:instanceID"], "uuid:9");
}

#[test]
fn what_the_form_does_not_know_is_handed_back() {
    let read = from_xml(
        r#"<data id="v" by="me"><name>A<b>c</b></name><name>B</name><old><deep>1</deep></old><g>stray</g><orx:meta xmlns:orx="http://openrosa.org/xforms"/></data>"#,
    );
    let left: Vec<(&str, &str, LeftOverReason)> = read
        .left_over
        .iter()
        .map(|one| (one.path.as_str(), one.value.as_str().unwrap_or_default(), one.reason))
        .collect();
    assert_eq!(
        left,
        [
            ("/@by", "me", LeftOverReason::UnknownName),
            ("/name/b", "<b>c</b>", LeftOverReason::UnknownName),
            ("/name[2]", "<name>B</name>", LeftOverReason::WrongShape),
            ("/old", "<old><deep>1</deep></old>", LeftOverReason::UnknownName),
            ("/g/#text", "stray", LeftOverReason::WrongShape),
        ]
    );
    let written = to_xml(&json!({"what": 1, "g": 5, "r": "x", "name": ["a"], "@no": "1"}));
    let paths: Vec<&str> = written.left_over.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(paths, ["/@no", "/name", "/g", "/r", "/what"]);
}

#[test]
fn what_xml_cannot_say_is_handed_back() {
    let written = to_xml(&json!({"name": "a\u{0}b"}));
    assert_eq!(written.left_over.len(), 1);
    assert_eq!(from_xml(&written.xml).instance["name"], "ab");
}

#[test]
fn another_form_has_no_place_here() {
    let read = from_xml("<other><name>A</name></other>");
    assert_eq!(read.instance, json!({}));
    assert_eq!(read.left_over[0].value, "<other><name>A</name></other>");
}

#[test]
fn the_identity_goes_into_meta() {
    let identity = Identity {
        instance_id: Some("uuid:2".to_owned()),
        deprecated_id: Some("uuid:1".to_owned()),
        instance_name: None,
    };
    let xml = xform::instance_to_xml(&form(), &json!({"orx:meta": {"orx:instanceID": ""}}), &identity).xml;
    assert!(
        xml.contains("<orx:meta><orx:instanceID>uuid:2</orx:instanceID><orx:deprecatedID>uuid:1</orx:deprecatedID></orx:meta>"),
        "{xml}"
    );
    let back = from_xml(&xml);
    assert_eq!(back.identity, identity);
    assert_eq!(back.left_over, []);
}

#[test]
fn a_session_fills_what_xml_brings_back() {
    let (form, _) = xform::read(&rich()).expect("a form");
    let xml = r#"<data id="visit"><name>Zhao</name><kin><kin_name>A</kin_name><tie kind="k">son</tie></kin></data>"#;
    let read = xform::instance_from_xml(&form, xml).expect("an instance");
    assert_eq!(
        read.instance["kin"],
        json!([{"kin_name": "A", "tie": {"@kind": "k", "#text": "son"}, "pet": []}])
    );
    let again = xform::instance_to_xml(&form, &read.instance, &Identity::default());
    assert!(
        again.xml.contains("<name>Zhao</name><kin><kin_name>A</kin_name><tie kind=\"k\">son</tie></kin>"),
        "{}",
        again.xml
    );
}
