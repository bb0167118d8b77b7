//! The borders of the engine: XForms and instances as XML.
#![cfg(feature = "xform")]

mod garbage;
mod instances;
mod reading;
mod writing;

use doorstep_form::{AuthoringProblem, Form, xform};
use serde_json::Value;

/// An XForm around these parts.
fn document(instance: &str, model: &str, body: &str) -> String {
    format!(
        r#"<?xml version="1.0"?>
<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml"
 xmlns:ev="http://www.w3.org/2001/xml-events" xmlns:jr="http://openrosa.org/javarosa"
 xmlns:orx="http://openrosa.org/xforms" xmlns:odk="http://www.opendatakit.org/xforms"
 xmlns:entities="http://www.opendatakit.org/xforms/entities" xmlns:own="urn:own">
<h:head><h:title>Visit</h:title><model odk:xforms-version="1.0.0">
<instance>{instance}</instance>
{model}
</model></h:head>
<h:body>{body}</h:body></h:html>"#
    )
}

fn read(instance: &str, model: &str, body: &str) -> Form {
    match xform::read(&document(instance, model, body)) {
        Ok((form, _)) => form,
        Err(problems) => panic!("{}", shown(&problems)),
    }
}

fn as_json(form: &Form) -> Value {
    serde_json::to_value(form).expect("forms are plain data")
}

/// The node at a path of names, as JSON.
fn node(form: &Value, path: &str) -> Value {
    let mut nodes = &form["nodes"];
    let mut found = &Value::Null;
    for name in path.split('/') {
        let (list, name) = match name.strip_prefix('@') {
            Some(name) => (&found["attributes"], name),
            None => (nodes, name),
        };
        found = list
            .as_array()
            .and_then(|all| all.iter().find(|node| node["name"] == name))
            .unwrap_or_else(|| panic!("there is no {path}"));
        nodes = &found["children"];
    }
    found.clone()
}

fn shown(problems: &[AuthoringProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Errors and warnings of a document.
fn problems(instance: &str, model: &str, body: &str) -> String {
    match xform::read(&document(instance, model, body)) {
        Ok((_, warnings)) => shown(&warnings),
        Err(problems) => shown(&problems),
    }
}

fn is_rejected(instance: &str, model: &str, body: &str) -> bool {
    xform::read(&document(instance, model, body)).is_err()
}

/// A form with something of everything.
fn rich() -> String {
    document(
        r#"<data id="visit" version="7" own:sort="a"><start/><name>Li</name><age/>
<village/><kin jr:template=""><kin_name/><tie kind="">son</tie><pet jr:template=""><pet_name/></pet></kin>
<kin><kin_name>Wang</kin_name><tie kind="x">son</tie></kin>
<photo/><score/><income/><secret>1</secret>
<meta><instanceID/><instanceName/><entity dataset="people" create="1" id=""><label/></entity></meta></data>"#,
        r#"<itext><translation lang="en" default="true()">
<text id="age-label"><value>How old is <output value="/data/name"/>?</value><value form="image">jr://images/age.png</value></text>
<text id="age-hint"><value>In years</value><value form="guidance">Ask for the papers</value></text>
<text id="v-0"><value>North</value></text><text id="v-1"><value>South</value></text>
</translation><translation lang="zh">
<text id="age-label"><value><output value="/data/name"/>几岁?</value></text>
<text id="age-hint"><value>周岁</value></text>
<text id="v-0"><value>北村</value></text><text id="v-1"><value>南村</value></text>
</translation></itext>
<instance id="villages"><root><item><itextId>v-0</itextId><name>n</name><size>5</size></item><item><itextId>v-1</itextId><name>s</name><size>9</size></item></root></instance>
<instance id="towns" src="jr://file-csv/towns.csv"/>
<bind nodeset="/data/start" type="dateTime" jr:preload="timestamp" jr:preloadParams="start"/>
<bind nodeset="/data/name" type="string" required="true()" jr:requiredMsg="Who?"/>
<bind nodeset="/data/age" type="int" relevant="/data/name != ''" constraint=". &lt; 130" jr:constraintMsg="jr:itext('age-hint')" entities:saveto="age"/>
<bind nodeset="/data/village" type="string"/>
<bind nodeset="/data/kin/kin_name" type="string"/>
<bind nodeset="/data/kin/tie" type="string"/>
<bind nodeset="/data/photo" type="binary" orx:max-pixels="1000"/>
<bind nodeset="/data/score" type="int"/>
<bind nodeset="/data/income" type="decimal" calculate="/data/age * 2"/>
<bind nodeset="/data/meta/instanceID" type="string" readonly="true()" jr:preload="uid"/>
<bind nodeset="/data/meta/instanceName" type="string" calculate="/data/name"/>
<bind nodeset="/data/meta/entity/@id" type="string" readonly="true()"/>
<setvalue event="odk-instance-first-load" ref="/data/meta/entity/@id" value="uuid()"/>"#,
        r#"<input ref="/data/name"><label>Name</label>
<setvalue event="xforms-value-changed" ref="/data/secret" value="/data/secret + 1"/></input>
<group appearance="field-list"><label>Page</label>
<input ref="/data/age" appearance="thousands-sep"><label ref="jr:itext('age-label')"/><hint ref="jr:itext('age-hint')"/></input>
<select1 ref="/data/village" appearance="minimal"><label>Where</label>
<itemset nodeset="randomize(instance('villages')/root/item[size &gt; 3])"><value ref="name"/><label ref="jr:itext(itextId)"/></itemset></select1></group>
<group ref="/data/kin"><label>Kin</label><repeat nodeset="/data/kin" jr:count="/data/score" jr:noAddRemove="true()">
<input ref="/data/kin/kin_name"><label>Name</label></input>
<select ref="/data/kin/tie"><label>Tie</label><item><label>Son</label><value>son</value></item><item><label>Other than <output value="../kin_name"/></label><value>other</value></item></select>
<group ref="/data/kin/pet"><label/><repeat nodeset="/data/kin/pet"><input ref="/data/kin/pet/pet_name"><label>Pet</label></input></repeat></group>
<setvalue event="odk-new-repeat" ref="/data/kin/kin_name" value="'?'"/></repeat></group>
<upload ref="/data/photo" mediatype="image/*"><label>Photo</label></upload>
<range ref="/data/score" start="0" end="10" step="2"><label>Score</label></range>"#,
    )
}
