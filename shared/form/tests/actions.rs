//! What a form does by itself, and what a session keeps: one test a rule.

#![cfg(feature = "xform")]

mod common;

use common::{context, moment, path};
use doorstep_form::{Attachments, Context, LeftOverReason, Plan, ProblemKind, Session, xform};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A form of this instance, these binds and actions, and this body.
fn plan(instance: &str, model: &str, body: &str) -> Arc<Plan> {
    let xml = format!(
        r#"<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml"
            xmlns:jr="http://openrosa.org/javarosa" xmlns:odk="http://www.opendatakit.org/xforms">
            <h:head><h:title>t</h:title><model><instance><data id="t">{instance}</data></instance>{model}</model></h:head>
            <h:body>{body}</h:body></h:html>"#
    );
    let (form, _) = xform::read(&xml).expect("a form");
    Arc::new(Plan::new(form, &Attachments::new()).expect("a plan"))
}

fn start(instance: &str, model: &str, body: &str) -> Session {
    Session::start(plan(instance, model, body), context(), &BTreeMap::new())
}

fn answer(session: &mut Session, at: &str, value: &str) {
    session.answer(&path(at), value).expect("an answer is taken");
}

fn value(session: &Session, at: &str) -> String {
    session.node(&path(at)).expect("a node").value
}

#[test]
fn a_changed_answer_sets_values_also_where_nothing_applies() {
    let mut session = start(
        "<a/><b/><c/>",
        r#"<bind nodeset="/data/b" relevant="/data/c = 'yes'"/>"#,
        r#"<input ref="/data/a"><setvalue event="xforms-value-changed" ref="/data/b" value="concat(/data/a, '!')"/></input>
           <input ref="/data/b"/><input ref="/data/c"/>"#,
    );
    answer(&mut session, "/a", "x");
    assert_eq!(session.value("b").as_deref(), Some(""), "it does not apply yet");
    answer(&mut session, "/c", "yes");
    assert_eq!(session.value("b").as_deref(), Some("x!"));
}

#[test]
fn a_new_instance_is_filled_and_an_old_one_is_not() {
    let mut session = start(
        "<n>7</n><rep><x/></rep>",
        "",
        r#"<input ref="/data/n"/><repeat nodeset="/data/rep"><input ref="/data/rep/x"/>
           <setvalue event="odk-new-repeat" ref="/data/rep/x" value="/data/n + position(..)"/></repeat>"#,
    );
    session.add_repeat(&path("/rep")).expect("one more");
    assert_eq!((value(&session, "/rep[1]/x"), value(&session, "/rep[2]/x")), (String::new(), "9".to_owned()));
    // In between: the others move on.
    session.add_repeat(&path("/rep[1]")).expect("one before the first");
    assert_eq!(value(&session, "/rep[1]/x"), "8");
    assert_eq!(value(&session, "/rep[3]/x"), "9");
}

#[test]
fn loading_sets_off_what_the_host_knows() {
    let plan = plan(
        "<here/>",
        r#"<bind nodeset="/data/here" type="geopoint"/><odk:setgeopoint event="odk-instance-first-load" ref="/data/here"/>"#,
        r#"<input ref="/data/here"/>"#,
    );
    let context = Context { place: "34.2 108.9 400 5".to_owned(), ..context() };
    let session = Session::start(Arc::clone(&plan), context.clone(), &BTreeMap::new());
    assert_eq!(value(&session, "/here"), "34.2 108.9 400 5");
    let elsewhere = Context { place: "1 2 3 4".to_owned(), ..context };
    let (again, _) = Session::resume(plan, elsewhere, &session.instance());
    assert_eq!(value(&again, "/here"), "34.2 108.9 400 5");
}

#[test]
fn every_opening_sets_off_its_actions_and_a_reading_does_not() {
    let plan = plan(
        "<opened/><began/><count>0</count><told/>",
        r#"<setvalue event="odk-instance-load" ref="/data/opened" value="now()"/>
           <setvalue event="xforms-ready" ref="/data/began" value="now()"/>
           <setvalue event="odk-instance-load" ref="/data/count" value="/data/count + 1"/>"#,
        r#"<input ref="/data/opened"/><input ref="/data/began"/>
           <input ref="/data/count"><setvalue event="xforms-value-changed" ref="/data/told" value="concat(/data/count, '!')"/></input>"#,
    );
    let first = "2026-11-23T09:30:00.000+08:00";
    let session = Session::start(Arc::clone(&plan), context(), &BTreeMap::new());
    assert_eq!((value(&session, "/opened").as_str(), value(&session, "/began").as_str()), (first, first));
    // What an action changes sets off others.
    assert_eq!((value(&session, "/count").as_str(), value(&session, "/told").as_str()), ("1", "1!"));
    let saved = session.instance();

    let later = Context { now: moment("2026-11-24T08:00:00+08:00"), ..context() };
    let (again, left) = Session::resume(Arc::clone(&plan), later.clone(), &saved);
    assert!(left.is_empty());
    assert_eq!(value(&again, "/opened"), "2026-11-24T08:00:00.000+08:00");
    assert_eq!(value(&again, "/began"), first, "an instance begins once");
    assert_eq!((value(&again, "/count").as_str(), value(&again, "/told").as_str()), ("2", "2!"));

    let (read, _) = Session::reread(plan, later, &saved);
    assert_eq!(read.instance(), saved);
}

#[test]
fn instances_that_the_form_counts_are_new() {
    let session = start(
        "<n>3</n><rep jr:template=''><x/></rep><rep><x>given</x></rep>",
        "",
        r#"<input ref="/data/n"/><repeat nodeset="/data/rep" jr:count="/data/n"><input ref="/data/rep/x"/>
           <setvalue event="odk-new-repeat" ref="/data/rep/x" value="concat('new ', position(..))"/></repeat>"#,
    );
    let values: Vec<String> = (1..=3).map(|place| value(&session, &format!("/rep[{place}]/x"))).collect();
    assert_eq!(values, ["given", "new 2", "new 3"]);
}

#[test]
fn an_action_that_means_several_instances_stores_nothing_and_costs_no_answer() {
    let mut session = start(
        "<a/><rep><x/></rep>",
        "",
        r#"<input ref="/data/a"><setvalue event="xforms-value-changed" ref="/data/rep/x" value="/data/a"/></input>
           <repeat nodeset="/data/rep"><input ref="/data/rep/x"/></repeat>"#,
    );
    answer(&mut session, "/a", "one");
    assert_eq!(value(&session, "/rep[1]/x"), "one");
    session.add_repeat(&path("/rep")).expect("one more");
    answer(&mut session, "/a", "two");
    assert_eq!((value(&session, "/a"), value(&session, "/rep[1]/x")), ("two".to_owned(), "one".to_owned()));
    assert_eq!(value(&session, "/rep[2]/x"), "");
    // It is said where it happened, and stands in nobody's way.
    let view = session.node(&path("/a")).expect("a node");
    assert_eq!(view.problem, Some(ProblemKind::NotStored));
    assert!(view.constraint_message.is_some_and(|message| message.contains("could not be stored")));
    assert!(session.problems().is_empty());
    session.remove_repeat(&path("/rep[2]")).expect("one less");
    answer(&mut session, "/a", "three");
    assert_eq!(session.node(&path("/a")).expect("a node").problem, None);
    assert_eq!(value(&session, "/rep[1]/x"), "three");
}

#[test]
fn attributes_are_computed_and_saved() {
    let mut session = start(
        r#"<a/><e n="0" kind="k">x</e>"#,
        r#"<bind nodeset="/data/e/@n" calculate="/data/a + 1"/>"#,
        r#"<input ref="/data/a"/><input ref="/data/e"/>"#,
    );
    answer(&mut session, "/a", "2");
    let saved = session.instance();
    assert_eq!(saved.get("e"), Some(&json!({"@n": "3", "@kind": "k", "#text": "x"})));
    let (again, left) = Session::resume(Arc::clone(session.plan()), context(), &saved);
    assert_eq!((again.instance(), left.len()), (saved, 0));
}

#[test]
fn an_absolute_path_within_a_repeat_means_its_own_instance() {
    let mut session = start(
        "<rep><x/><y/><all/></rep>",
        r#"<bind nodeset="/data/rep/x" type="int"/>
           <bind nodeset="/data/rep/y" calculate="/data/rep/x * 2"/>
           <bind nodeset="/data/rep/all" calculate="count(/data/rep) + sum(../../rep/x)"/>"#,
        r#"<repeat nodeset="/data/rep"><input ref="/data/rep/x"/></repeat>"#,
    );
    session.add_repeat(&path("/rep")).expect("one more");
    answer(&mut session, "/rep[1]/x", "5");
    answer(&mut session, "/rep[2]/x", "7");
    assert_eq!(
        (value(&session, "/rep[1]/y"), value(&session, "/rep[2]/y")),
        ("10".to_owned(), "14".to_owned())
    );
    assert_eq!(value(&session, "/rep[1]/all"), "14");
}

#[test]
fn a_count_that_is_no_number_changes_nothing() {
    let mut session = start(
        "<n>2</n><rep><x/></rep>",
        "",
        r#"<input ref="/data/n"/><repeat nodeset="/data/rep" jr:count="/data/n"><input ref="/data/rep/x"/></repeat>"#,
    );
    let count = |session: &Session| session.node(&path("/rep")).expect("a repeat").instances;
    assert_eq!(count(&session), Some(2));
    answer(&mut session, "/n", "");
    assert_eq!(count(&session), Some(2));
    answer(&mut session, "/n", "3");
    assert_eq!(count(&session), Some(3));
    assert!(session.add_repeat(&path("/rep")).is_err());
}

#[test]
fn what_is_no_longer_offered_is_kept_and_not_seen() {
    let mut session = start(
        "<town/><villages/><seen/>",
        r#"<instance id="v"><root><item><name>v1</name><town>t1</town></item><item><name>v2</name><town>t2</town></item></root></instance>
           <bind nodeset="/data/seen" calculate="concat('[', /data/villages, ']')"/>"#,
        r#"<input ref="/data/town"/><select ref="/data/villages">
           <itemset nodeset="instance('v')/root/item[town = /data/town]"><value ref="name"/><label ref="name"/></itemset></select>"#,
    );
    answer(&mut session, "/town", "t1");
    answer(&mut session, "/villages", "v1");
    assert_eq!(value(&session, "/seen"), "[v1]");
    answer(&mut session, "/town", "t2");
    assert_eq!((value(&session, "/villages"), value(&session, "/seen")), ("v1".to_owned(), "[]".to_owned()));
    assert!(session.node(&path("/villages")).expect("a node").problem.is_some());
    answer(&mut session, "/town", "t1");
    assert_eq!(value(&session, "/seen"), "[v1]");
}

#[test]
fn what_is_inside_a_read_only_group_is_read_only() {
    let mut session = start(
        "<lock/><g><x/></g>",
        r#"<bind nodeset="/data/g" readonly="/data/lock = '1'"/>"#,
        r#"<input ref="/data/lock"/><group ref="/data/g"><input ref="/data/g/x"/></group>"#,
    );
    answer(&mut session, "/g/x", "a");
    answer(&mut session, "/lock", "1");
    assert!(session.node(&path("/g/x")).expect("a node").read_only);
    assert!(session.answer(&path("/g/x"), "b").is_err());
}

#[test]
fn what_was_drawn_stays_drawn() {
    let plan = plan("<lot/>", r#"<bind nodeset="/data/lot" calculate="random()"/>"#, "");
    let session = Session::start(Arc::clone(&plan), context(), &BTreeMap::new());
    let drawn = value(&session, "/lot");
    assert!(!drawn.is_empty());
    let (again, _) = Session::resume(plan, Context { seed: 99, ..context() }, &session.instance());
    assert_eq!(value(&again, "/lot"), drawn);
}

#[test]
fn the_instance_saved_last_is_read() {
    let plan = plan(
        "<name/>",
        r#"<instance id="last" src="jr://instance/last-saved"/>
           <setvalue event="odk-instance-first-load" ref="/data/name" value="instance('last')/data/name"/>"#,
        r#"<input ref="/data/name"/>"#,
    );
    let saved = Some("<data><name>Li</name></data>".to_owned());
    let session =
        Session::start(Arc::clone(&plan), Context { last_saved: saved, ..context() }, &BTreeMap::new());
    assert_eq!(value(&session, "/name"), "Li");
    assert_eq!(value(&Session::start(plan, context(), &BTreeMap::new()), "/name"), "");
}

/// The context of a rule is one of the nodes that its bind names (XForms 1.0,
/// 7.4): of an instance of a repeat, its place.
#[test]
fn position_is_that_among_the_instances() {
    let mut session = start(
        "<rep><x/><nth/></rep><rep><x/><nth/></rep><rep><x/><nth/></rep>",
        r#"<bind nodeset="/data/rep" relevant="position() &gt; 1 and position() &lt; last()"/>
           <bind nodeset="/data/rep/nth" calculate="position(..)"/>"#,
        r#"<repeat nodeset="/data/rep"><input ref="/data/rep/x"/></repeat>"#,
    );
    let shown = |session: &Session, count: usize| -> Vec<bool> {
        (1..=count)
            .map(|place| session.node(&path(&format!("/rep[{place}]/x"))).expect("a node").relevant)
            .collect()
    };
    assert_eq!(shown(&session, 3), [false, true, false]);
    session.remove_repeat(&path("/rep[1]")).expect("one less");
    assert_eq!(shown(&session, 2), [false, false]);
    session.add_repeat(&path("/rep")).expect("one more");
    session.add_repeat(&path("/rep[1]")).expect("one before the first");
    assert_eq!(shown(&session, 4), [false, true, true, false]);
}

#[test]
fn a_count_that_begins_with_a_name_is_seen_from_around_the_repeat() {
    for (count, body) in [
        ("many", r#"<repeat nodeset="/data/outer/inner" jr:count="many">ASK</repeat>"#),
        ("../many", r#"<repeat nodeset="/data/outer/inner" jr:count="../many">ASK</repeat>"#),
        (
            "in a group",
            r#"<group ref="/data/outer/inner"><repeat nodeset="/data/outer/inner" jr:count="../many">ASK</repeat></group>"#,
        ),
    ] {
        let body = body.replace("ASK", r#"<input ref="/data/outer/inner/x"/>"#);
        let mut session = start(
            "<outer><many/><inner><x/></inner></outer>",
            r#"<bind nodeset="/data/outer/many" type="int"/>"#,
            &format!(r#"<repeat nodeset="/data/outer"><input ref="/data/outer/many"/>{body}</repeat>"#),
        );
        answer(&mut session, "/outer[1]/many", "2");
        let inner = session.node(&path("/outer[1]/inner")).expect("a repeat");
        assert_eq!(inner.instances, Some(2), "{count}");
    }
}

/// What people answered over a calculation is not lost when it is made again.
#[test]
fn opening_makes_calculations_again_and_returns_what_was_over_them() {
    let plan = plan(
        "<a>2</a><b/><c/>",
        r#"<bind nodeset="/data/a" type="int"/><bind nodeset="/data/b" type="int" calculate="/data/a * 3"/>
           <bind nodeset="/data/c" type="int" calculate="/data/a * 4" readonly="true()"/>"#,
        r#"<input ref="/data/a"/><input ref="/data/b"/><input ref="/data/c"/>"#,
    );
    let mut session = Session::start(Arc::clone(&plan), context(), &BTreeMap::new());
    answer(&mut session, "/b", "7");
    let saved = session.instance();
    let (read, left) = Session::reread(Arc::clone(&plan), context(), &saved);
    assert_eq!((value(&read, "/b"), left.len()), ("7".to_owned(), 0));
    let (again, left) = Session::resume(plan, context(), &saved);
    assert_eq!(value(&again, "/b"), "6");
    let told: Vec<_> = left.iter().map(|one| (one.path.as_str(), &one.value, one.reason)).collect();
    assert_eq!(told, [("/b", &json!("7"), LeftOverReason::Recomputed)]);
}
