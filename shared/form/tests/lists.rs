//! Lists in files and the selects that draw on them: one test a rule.

#![cfg(feature = "xform")]

mod common;

use common::{context, path};
use doorstep_form::{Attachments, NodeView, Plan, ProblemKind, Session, xform};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A form with a list from a file, and a select over it.
fn read(list: &str, nodeset: &str) -> Result<Session, String> {
    let xml = format!(
        r#"<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml"
            xmlns:jr="http://openrosa.org/javarosa" xmlns:odk="http://www.opendatakit.org/xforms">
            <h:head><h:title>t</h:title><model><instance><data id="t"><key/><one/><order/><told/></data></instance>
            <instance id="places" src="jr://file-csv/places.csv"/>
            <bind nodeset="/data/told" calculate="concat('[', /data/order, ']')"/>
            <bind nodeset="/data/one" constraint=". != 'b'"/></model></h:head>
            <h:body><input ref="/data/key"/>
            <select1 ref="/data/one"><itemset nodeset="{nodeset}"><value ref="name"/><label ref="label"/></itemset></select1>
            <odk:rank ref="/data/order"><itemset nodeset="{nodeset}"><value ref="name"/><label ref="label"/></itemset></odk:rank>
            </h:body></h:html>"#
    );
    let (form, _) = xform::read(&xml).expect("a form");
    let attachments = Attachments::from([("places.csv".to_owned(), list.to_owned())]);
    match Plan::new(form, &attachments) {
        Ok(plan) => Ok(Session::start(Arc::new(plan), context(), &BTreeMap::new())),
        Err(problems) => Err(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    }
}

const ALL: &str = "instance('places')/root/item";

fn at(session: &Session, place: &str) -> NodeView {
    session.node(&path(place)).expect("a node")
}

fn answer(session: &mut Session, place: &str, value: &str) {
    session.answer(&path(place), value).expect("an answer is taken");
}

/// Values and labels.
fn offered(session: &Session) -> Vec<(String, String)> {
    at(session, "/one").choices.into_iter().map(|choice| (choice.value, choice.label)).collect()
}

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(value, label)| ((*value).to_owned(), (*label).to_owned())).collect()
}

#[test]
fn cells_are_separated_by_what_the_header_has() {
    for mark in [",", ";", "\t", "|"] {
        let list = ["name,label", "a,Ash", "b,\"Oak, old\""].join("\n").replace(',', mark);
        let session = read(&list, ALL).expect("a list");
        let oak = format!("Oak{mark} old");
        assert_eq!(offered(&session), pairs(&[("a", "Ash"), ("b", &oak)]), "{mark}");
    }
}

#[test]
fn a_header_without_any_such_mark_is_no_table() {
    let told = read("name$label\na$Ash\n", ALL).expect_err("no table");
    assert_eq!(
        told,
        "places.csv!1: the header has one column, and that has no name; \
         separate the columns by commas, semicolons, tabs or bars (|)"
    );
    // One column that has a name is a list, with labels or without.
    let told = read("name\na\n", ALL).expect_err("no labels");
    assert!(told.contains("has no column \"label\""), "{told}");
}

#[test]
fn empty_lines_are_no_rows_and_empty_cells_at_the_end_no_mistake() {
    let session = read("name,label,,\n\na,Ash,,\n\n\nb,Oak\n\n", ALL).expect("a list");
    assert_eq!(offered(&session), pairs(&[("a", "Ash"), ("b", "Oak")]));
    let told = read("name,label\n\n\"a\nb\",Ash\nb,Oak,more\n", ALL).expect_err("a row too long");
    assert!(told.starts_with("places.csv!5: the row has 3 cells, but the header 2"), "{told}");
}

#[test]
fn white_space_belongs_to_a_cell() {
    let session = read("name,label\n a , Ash\n", ALL).expect("a list");
    assert_eq!(offered(&session), pairs(&[(" a ", " Ash")]));
    // In the header it makes another column, which is told.
    let told = read("name ,label\na,Ash\n", ALL).expect_err("no such column");
    assert!(told.contains("the list \"places\" has no column \"name\""), "{told}");
}

/// Value and label of choices are columns that the list has, unless it has
/// nothing at all (JavaRosa).
#[test]
fn choices_are_made_of_columns_that_are_there() {
    let told = read("nam,label\na,Ash\n", ALL).expect_err("no such column");
    assert!(told.contains("has no column \"name\"; did you mean \"nam\"?"), "{told}");
    let session = read("nam,label\n", ALL).expect("an empty list");
    assert_eq!(offered(&session), []);
}

#[test]
fn nothing_holds_for_a_column_that_is_not_there() {
    let list = "name,label,town\na,Ash,\nb,Oak,t1\n";
    for (condition, expected) in [
        ("town = /data/key", vec![("a", "Ash")]),
        ("village = /data/key", vec![]),
        ("/data/key = village", vec![]),
        ("village != 'x'", vec![]),
        ("village &lt; 5", vec![]),
        ("town = 't1' or village = /data/key", vec![("b", "Oak")]),
    ] {
        let session = read(list, &format!("{ALL}[{condition}]")).expect("a list");
        assert_eq!(offered(&session), pairs(&expected), "{condition}");
    }
}

/// The recorded list always includes all options (ODK XForms, body elements).
#[test]
fn an_order_has_everything_that_is_offered() {
    let list = "name,label,town\na,Ash,t1\nb,Oak,t1\nc,Elm,t2\n";
    let mut session = read(list, &format!("{ALL}[selected(/data/key, town)]")).expect("a list");
    let stands = |session: &Session| {
        let order = at(session, "/order");
        (order.value, order.problem, at(session, "/told").value)
    };
    let state = |value: &str, problem, seen: &str| (value.to_owned(), problem, seen.to_owned());
    answer(&mut session, "/key", "t1");
    answer(&mut session, "/order", "b a");
    assert_eq!(stands(&session), state("b a", None, "[b a]"));
    answer(&mut session, "/order", "b");
    assert_eq!(stands(&session), state("b", Some(ProblemKind::Incomplete), "[]"));
    answer(&mut session, "/order", "b a");
    // More is offered: the order has to be made again, and is kept until then.
    answer(&mut session, "/key", "t1 t2");
    assert_eq!(stands(&session), state("b a", Some(ProblemKind::Incomplete), "[]"));
    answer(&mut session, "/order", "b c a");
    assert_eq!(stands(&session), state("b c a", None, "[b c a]"));
    // Less is offered: the rest is still an order.
    answer(&mut session, "/key", "t1");
    assert_eq!(stands(&session), state("b c a", Some(ProblemKind::NotAChoice), "[b a]"));
    let told = session.problems();
    assert_eq!(told.len(), 1);
}

/// Found by `cargo xtask fuzz session`: the rule was asked while the answer
/// before was still the one that expressions did not see.
#[test]
fn a_rule_sees_the_answer_that_follows_one_that_is_not_offered() {
    let mut session = read("name,label\na,Ash\nb,Oak\n", ALL).expect("a list");
    for (given, problem) in
        [("zz", Some(ProblemKind::NotAChoice)), ("b", Some(ProblemKind::Constraint)), ("a", None)]
    {
        answer(&mut session, "/one", given);
        assert_eq!(at(&session, "/one").problem, problem, "{given}");
    }
}
