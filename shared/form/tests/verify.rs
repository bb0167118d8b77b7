//! The server's second opinion, through its public door: what it finds in an
//! honest instance (nothing) and in one that was changed on the way.

mod common;

use common::{answer, at, context, moment, path, plan};
use doorstep_form::{
    Attachments, Context, Form, LeftOverReason, Plan, ProblemKind, Session, Verification, Workbook, verify,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The server knows neither the phone's seed nor its place.
fn server() -> Context {
    Context { now: moment("2026-11-25T12:00:00+08:00"), ..Context::default() }
}

fn begin(plan: &Arc<Plan>) -> Session {
    Session::start(Arc::clone(plan), context(), &BTreeMap::new())
}

fn finished(session: &mut Session) -> Value {
    session.finish(moment("2026-11-23T10:00:00+08:00")).expect("nothing stands in the way")
}

fn nothing_to_say(plan: &Arc<Plan>, instance: &Value) {
    let opinion = verify(Arc::clone(plan), server(), instance);
    let silent = Verification {
        instance: instance.clone(),
        problems: Vec::new(),
        differences: Vec::new(),
        left_over: Vec::new(),
    };
    assert_eq!(opinion, silent);
}

/// What differs: path, claimed, computed.
fn differences(plan: &Arc<Plan>, instance: &Value) -> Vec<(String, String, String)> {
    let opinion = verify(Arc::clone(plan), server(), instance);
    opinion.differences.into_iter().map(|one| (one.path.to_string(), one.claimed, one.computed)).collect()
}

fn problems(plan: &Arc<Plan>, instance: &Value) -> Vec<(String, ProblemKind)> {
    let opinion = verify(Arc::clone(plan), server(), instance);
    opinion.problems.into_iter().map(|one| (one.path.to_string(), one.kind)).collect()
}

fn difference(at: &str, claimed: &str, computed: &str) -> (String, String, String) {
    (at.to_owned(), claimed.to_owned(), computed.to_owned())
}

#[test]
fn repeats_are_computed_instance_by_instance() {
    let plan = plan(
        "
| survey |
|        | type         | name   | label | calculation   | relevant  | constraint |
|        | begin repeat | member | M     |               |           |            |
|        | integer      | age    | Age   |               |           | . < 130    |
|        | calculate    | twice  |       | ${age} * 2    |           |            |
|        | text         | school | S     |               | ${age} < 16 |          |
|        | end repeat   |        |       |               |           |            |
|        | calculate    | total  |       | sum(${age})   |           |            |
",
    );
    let mut session = begin(&plan);
    session.add_repeat(&path("/member")).expect("one more");
    answer(&mut session, "/member[1]/age", "40");
    answer(&mut session, "/member[2]/age", "9");
    answer(&mut session, "/member[2]/school", "No. 3");
    let honest = finished(&mut session);
    nothing_to_say(&plan, &honest);

    let mut forged = honest.clone();
    forged["member"][1]["twice"] = json!("99");
    forged["member"][0]["school"] = json!("No. 1");
    forged["total"] = json!("50");
    assert_eq!(
        differences(&plan, &forged),
        [
            difference("/member[1]/school", "No. 1", ""),
            difference("/member[2]/twice", "99", "18"),
            difference("/total", "50", "49"),
        ]
    );
    let mut impossible = honest;
    impossible["member"][1]["age"] = json!("900");
    assert_eq!(problems(&plan, &impossible), [("/member[2]/age".to_owned(), ProblemKind::Constraint)]);
}

#[test]
fn instances_beyond_the_count_are_left_over() {
    let plan = plan(
        "
| survey |
|        | type         | name   | label | repeat_count |
|        | integer      | many   | Many  |              |
|        | begin repeat | member | M     | ${many}      |
|        | text         | who    | Who   |              |
|        | end repeat   |        |       |              |
",
    );
    let claimed = json!({"many": "1", "member": [{"who": "Li"}, {"who": "Wang"}]});
    let opinion = verify(Arc::clone(&plan), server(), &claimed);
    assert_eq!(opinion.instance, json!({"many": "1", "member": [{"who": "Li"}]}));
    let left: Vec<_> = opinion.left_over.iter().map(|one| (one.path.as_str(), one.reason)).collect();
    assert_eq!(left, [("/member[2]/who", LeftOverReason::TooMuch)]);
}

#[test]
fn an_entity_is_what_the_answers_make_of_it() {
    let plan = plan(
        "
| survey   |           |           |       |         |
|          | type      | name      | label | save_to |
|          | text      | who       | Who   | name_of |
|          | integer   | age       | Age   | age     |
| entities |           |           |       |         |
|          | list_name | create_if | label |         |
|          | people    | ${age} > 17 | concat(${who}, '!') | |
",
    );
    let mut session = begin(&plan);
    answer(&mut session, "/who", "Li");
    answer(&mut session, "/age", "30");
    let honest = finished(&mut session);
    let entity = &honest["meta"]["entity"];
    assert_eq!((&entity["@create"], &entity["label"]), (&json!("true"), &json!("Li!")));
    nothing_to_say(&plan, &honest);

    let mut forged = honest;
    forged["age"] = json!("10");
    forged["meta"]["entity"]["label"] = json!("Wang!");
    assert_eq!(
        differences(&plan, &forged),
        [
            difference("/meta/entity/@create", "true", "false"),
            difference("/meta/entity/label", "Wang!", "Li!"),
        ]
    );
}

const LISTS: &str = "
| survey  |                     |         |         |               |                        |
|         | type                | name    | label   | choice_filter | parameters             |
|         | select_one towns    | town    | Town    |               | randomize=true, seed=7 |
|         | select_one_from_file villages.csv | village | Village | town = ${town} |         |
|         | select_multiple towns | seen  | Seen    |               |                        |
|         | rank towns          | order   | Order   |               |                        |
|         | select_one kinds or_other | other | Other |             |                        |
| choices |                     |         |         |               |                        |
|         | list_name           | name    | label   |               |                        |
|         | towns               | t1      | Upper   |               |                        |
|         | towns               | t2      | Lower   |               |                        |
|         | towns               | t3      | Far     |               |                        |
|         | kinds               | k1      | One     |               |                        |
";

fn lists() -> Arc<Plan> {
    let workbook = Workbook::read_markdown(LISTS).expect("a table");
    let (form, _) = Form::from_workbook(&workbook).expect("a form");
    let villages = "name,label,town\nv1,East,t1\nv2,West,t1\nv3,North,t2\n".to_owned();
    let attachments = Attachments::from([("villages.csv".to_owned(), villages)]);
    Arc::new(Plan::new(form, &attachments).expect("a plan"))
}

#[test]
fn choices_are_those_of_the_lists() {
    let plan = lists();
    let mut session = begin(&plan);
    for (at, value) in [
        ("/town", "t1"),
        ("/village", "v2"),
        ("/seen", "t3 t1"),
        ("/order", "t2 t3 t1"),
        ("/other", "other"),
        ("/other_other", "by the river"),
    ] {
        answer(&mut session, at, value);
    }
    let honest = finished(&mut session);
    nothing_to_say(&plan, &honest);

    for (name, value, kind) in [
        ("town", "t9", ProblemKind::NotAChoice),
        ("village", "v3", ProblemKind::NotAChoice),
        ("seen", "t1 t9", ProblemKind::NotAChoice),
        ("order", "t2 t1", ProblemKind::Incomplete),
        ("order", "t2 t3 t1 t9", ProblemKind::NotAChoice),
        ("other", "t9", ProblemKind::NotAChoice),
    ] {
        let mut forged = honest.clone();
        forged[name] = json!(value);
        let found = problems(&plan, &forged);
        assert!(found.contains(&(format!("/{name}"), kind)), "{name} {value}: {found:?}");
    }
    let mut forged = honest;
    forged["other"] = json!("k1");
    assert_eq!(differences(&plan, &forged), [difference("/other_other", "by the river", "")]);
}

#[test]
fn the_answers_of_a_repeat_are_a_list_too() {
    let plan = plan(
        "
| survey |
|        | type              | name   | label | choice_filter |
|        | begin repeat      | member | M     |               |
|        | text              | who    | Who   |               |
|        | integer           | age    | Age   |               |
|        | end repeat        |        |       |               |
|        | select_one ${who} | head   | Head  | ${age} > 17   |
",
    );
    let members = json!([{"who": "Li", "age": "40"}, {"who": "Bao", "age": "3"}]);
    nothing_to_say(&plan, &json!({"member": members, "head": "Li"}));
    let found = problems(&plan, &json!({"member": members, "head": "Bao"}));
    assert_eq!(found, [("/head".to_owned(), ProblemKind::NotAChoice)]);
}

#[test]
fn what_happened_when_an_answer_was_given_stays_as_claimed() {
    let plan = plan(
        "
| survey |
|        | type               | name  | label | trigger  | calculation    |
|        | text               | who   | Who   |          |                |
|        | dateTime           | asked | Asked | ${who}   | now()          |
|        | background-geopoint | where |      | ${who}   |                |
|        | calculate          | lot   |       |          | once(random()) |
|        | calculate          | id    |       |          | uuid()         |
",
    );
    let phone = Context { place: "34.2 108.9 400 5".to_owned(), ..context() };
    let mut session = Session::start(Arc::clone(&plan), phone, &BTreeMap::new());
    answer(&mut session, "/who", "Li");
    assert_eq!(at(&session, "/where"), "34.2 108.9 400 5");
    let honest = finished(&mut session);
    assert!(honest["lot"].as_str().is_some_and(|lot| lot.starts_with("0.")), "{honest}");
    nothing_to_say(&plan, &honest);
}

#[cfg(feature = "xform")]
#[test]
fn nothing_is_opened_on_the_server() {
    let xml = r#"<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml">
        <h:head><h:title>t</h:title><model><instance><data id="t"><opened/><began/></data></instance>
        <setvalue event="odk-instance-load" ref="/data/opened" value="now()"/>
        <setvalue event="odk-instance-first-load" ref="/data/began" value="now()"/></model></h:head>
        <h:body><input ref="/data/opened"/><input ref="/data/began"/></h:body></h:html>"#;
    let (form, _) = doorstep_form::xform::read(xml).expect("a form");
    let plan = Arc::new(Plan::new(form, &Attachments::new()).expect("a plan"));
    let mut session = begin(&plan);
    nothing_to_say(&plan, &finished(&mut session));
}

#[test]
fn what_was_taken_from_the_instance_saved_last_stays_as_claimed() {
    let plan = plan(
        "
| survey |
|        | type      | name | label | calculation                        | default             |
|        | text      | town | Town  |                                    | ${last-saved#town}  |
|        | calculate | went |       | concat('from ', ${last-saved#town}) |                    |
|        | calculate | now_in |     | concat('in ', ${town})             |                     |
",
    );
    let last = "<data id=\"data\"><town>Hewan</town></data>".to_owned();
    let phone = Context { last_saved: Some(last), ..context() };
    let mut session = Session::start(Arc::clone(&plan), phone.clone(), &BTreeMap::new());
    assert_eq!((at(&session, "/town"), at(&session, "/went")), ("Hewan".to_owned(), "from Hewan".to_owned()));
    let honest = finished(&mut session);
    nothing_to_say(&plan, &honest);
    // Who has that instance computes from it again.
    let mut forged = honest;
    forged["went"] = json!("from nowhere");
    forged["now_in"] = json!("in Xi'an");
    let opinion = verify(Arc::clone(&plan), Context { last_saved: phone.last_saved, ..server() }, &forged);
    let paths: Vec<String> = opinion.differences.iter().map(|one| one.path.to_string()).collect();
    assert_eq!(paths, ["/went", "/now_in"]);
}

#[test]
fn values_are_the_same_however_they_are_written() {
    let plan = plan(
        "
| survey |
|        | type      | name  | label | calculation | bind::type |
|        | decimal   | kilos | Kilos |             |            |
|        | geopoint  | spot  | Spot  |             |            |
|        | dateTime  | seen  | Seen  |             |            |
|        | calculate | twice |       | ${kilos} * 2 | decimal   |
|        | calculate | there |       | ${spot}     | geopoint   |
|        | calculate | then  |       | ${seen}     | dateTime   |
",
    );
    let claimed = |twice: &str, there: &str, then: &str| {
        json!({
            "kilos": "6.5", "spot": "34 108.9 0 5", "seen": "2026-11-23T09:00:00.000+08:00",
            "twice": twice, "there": there, "then": then,
        })
    };
    let same = claimed("13.0", "34.0 108.9 0 5.0", "2026-11-23T01:00:00.000Z");
    assert_eq!(differences(&plan, &same), []);
    let other = claimed("13.1", "34.0 108.9 0 6", "2026-11-23T01:00:01.000Z");
    assert_eq!(differences(&plan, &other).len(), 3);
}

#[test]
fn now_is_the_end_wherever_it_is_recorded() {
    let plan = plan(
        "
| survey |
|        | type        | name  | label | calculation |
|        | begin group | times | Times |             |
|        | end         | done  |       |             |
|        | end group   |       |       |             |
|        | text        | who   | Who   |             |
|        | calculate   | day   |       | today()     |
",
    );
    let mut session = begin(&plan);
    answer(&mut session, "/who", "Li");
    let honest = finished(&mut session);
    assert_eq!(
        (&honest["day"], &honest["times"]["done"]),
        (&json!("2026-11-23"), &json!("2026-11-23T10:00:00.000+08:00"))
    );
    nothing_to_say(&plan, &honest);
    // A moment that is still to come is not believed.
    let mut forged = honest;
    forged["times"]["done"] = json!("2030-01-01T00:00:00.000+08:00");
    forged["day"] = json!("2030-01-01");
    assert_eq!(differences(&plan, &forged), [difference("/day", "2030-01-01", "2026-11-25")]);
}
