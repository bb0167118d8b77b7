//! The doors that take XML: XForms, instances, and documents that expressions
//! look at.

use super::{fill_form, make_expression, text};
use crate::seeds::Seeds;
use crate::session::{context, drive, holds, own};
use crate::{grow, mutate};
use doorstep_form::xpath::{Dialect, Expression, World, XmlDocument};
use doorstep_form::{Session, xform};
use fastrand::Rng;
use std::sync::Arc;

const XFORM_WORDS: [&str; 40] = [
    "<bind nodeset=\"/data/name\"/>",
    "<instance>",
    "</instance>",
    "<itext>",
    "<value>",
    "</value>",
    "<output value=\".\"/>",
    "<setvalue event=\"odk-new-repeat\" ref=\"/data/days\"/>",
    "<repeat nodeset=\"/data/member\">",
    "</repeat>",
    "<group>",
    "</group>",
    "<input ref=\"/data/name\"/>",
    "<select ref=\"/data/kind\"/>",
    "<upload/>",
    "<trigger/>",
    "<rank/>",
    "jr:template=\"\"",
    "jr:count",
    "jr:preload=\"timestamp\"",
    "jr:preloadParams=\"end\"",
    "calculate",
    "relevant",
    "constraint",
    "readonly",
    "required",
    "type=\"geopoint\"",
    "type=\"binary\"",
    "src=\"jr://instance/last-saved\"",
    "nodeset",
    "ref",
    "/data/member",
    "/data",
    "instance('kinds')/root/item",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "xmlns=\"\"",
    "<data>",
];

pub(super) fn make_xform(random: &mut Rng, seeds: &Seeds) -> Vec<u8> {
    let mut input = random.choice(&seeds.xforms).cloned().unwrap_or_default();
    let words: Vec<&str> = if random.u8(0..3) > 0 { XFORM_WORDS.to_vec() } else { grow::words() };
    mutate::bytes(random, &mut input, &seeds.xforms, &words);
    input
}

pub(super) fn run_xform(bytes: &[u8]) -> Result<(), String> {
    if let Ok((form, _)) = xform::read(&text(bytes)) {
        // What the first writing makes plain stays as it is.
        let mut written = vec![xform::write(&form)];
        while let Some(Ok((again, _))) =
            written.last().filter(|_| written.len() < 3).map(|last| xform::read(last))
        {
            written.push(xform::write(&again));
        }
        if let [_, second, third] = written.as_slice()
            && second != third
        {
            return Err(format!("an XForm changes when read and written again: {second} / {third}"));
        }
        fill_form(form);
    }
    Ok(())
}

const INSTANCE_XML_WORDS: [&str; 24] = [
    "<a>1</a>",
    "<b>p</b>",
    "<rep>",
    "</rep>",
    "<x/>",
    "<in><t/></in>",
    "<g><z>2</z></g>",
    "<visit>",
    "</visit>",
    "<meta>",
    "<instanceID>uuid:1</instanceID>",
    "</meta>",
    "id=\"data\"",
    "version=\"1\"",
    "jr:template=\"\"",
    "xmlns=\"urn:x\"",
    "<orx:meta xmlns:orx=\"http://openrosa.org/xforms\"/>",
    "<!-- c -->",
    "<![CDATA[<]]>",
    "&#x0;",
    "<data>",
    "</data>",
    "<other k=\"v\"/>",
    "<!DOCTYPE data [<!ENTITY e \"eeee\">]>",
];

/// The XML of an instance that was filled at random, damaged.
pub(super) fn make_instance_xml(random: &mut Rng, seeds: &Seeds) -> Vec<u8> {
    let number = random.u8(..);
    let bytes: Vec<u8> = (0..200).map(|_| random.u8(..)).collect();
    let mut input = Vec::new();
    if let Ok(plan) = own(number) {
        let session = drive(Arc::clone(&plan), &bytes);
        let identity =
            xform::Identity { instance_id: Some("uuid:1".to_owned()), ..xform::Identity::default() };
        input = xform::instance_to_xml(plan.form(), &session.instance(), &identity).xml.into_bytes();
    }
    mutate::bytes(random, &mut input, &seeds.xforms, &INSTANCE_XML_WORDS);
    input.insert(0, number);
    input
}

pub(super) fn run_instance_xml(bytes: &[u8]) -> Result<(), String> {
    let Some((number, xml)) = bytes.split_first() else { return Ok(()) };
    let plan = own(*number)?;
    let Ok(read) = xform::instance_from_xml(plan.form(), &text(xml)) else { return Ok(()) };
    let (session, _) = Session::reread(Arc::clone(&plan), context(), &read.instance);
    holds(&session)?;
    // What a session says is the same after XML as before.
    let draft = session.instance();
    let written = xform::instance_to_xml(plan.form(), &draft, &read.identity);
    let again = xform::instance_from_xml(plan.form(), &written.xml)
        .map_err(|problems| format!("what was written is not read: {problems:?}: {}", written.xml))?;
    let (same, left_over) = Session::reread(plan, context(), &again.instance);
    if !written.left_over.is_empty() || !left_over.is_empty() {
        return Ok(());
    }
    if same.instance() != draft {
        return Err(format!("an instance changes on its way through XML: {draft} / {}", same.instance()));
    }
    Ok(())
}

pub(super) fn make_xpath(random: &mut Rng, seeds: &Seeds) -> Vec<u8> {
    let mut input = make_expression(random, seeds);
    input.retain(|byte| *byte != b'\n');
    input.push(b'\n');
    let mut document = random.choice(&seeds.xforms).cloned().unwrap_or_default();
    if random.bool() {
        mutate::bytes(random, &mut document, &seeds.xforms, &INSTANCE_XML_WORDS);
    }
    input.extend(document);
    input
}

pub(super) fn run_xpath(bytes: &[u8]) -> Result<(), String> {
    let input = text(bytes);
    let Some((expression, document)) = input.split_once('\n') else { return Ok(()) };
    let (Ok(expression), Ok(document)) = (Expression::parse(expression), XmlDocument::parse(document)) else {
        return Ok(());
    };
    let now = context().now;
    for dialect in [Dialect::XPath1, Dialect::XForms] {
        let world = World {
            document: &document,
            top: None,
            namespaces: [("h".to_owned(), "http://www.w3.org/1999/xhtml".to_owned())].into(),
            language: None,
            now,
            zone: now.offset(),
            dialect,
            seed: 1,
        };
        let (one, other) = (
            expression.evaluate(&world, document.root_element()),
            expression.evaluate(&world, document.root_element()),
        );
        if format!("{one:?}") != format!("{other:?}") {
            return Err(format!("evaluating twice differs: {one:?} / {other:?}"));
        }
    }
    Ok(())
}
