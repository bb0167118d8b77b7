//! Repeats: added, removed, counted, summed up, and chosen from.

mod common;

use common::{answer, at, context, path, plan, start};
use doorstep_form::{AnswerError, NodeKind, NodePath, Session};
use serde_json::json;

const HOUSEHOLD: &str = "
| survey |              |          |          |             |                                     |                |
|        | type         | name     | label    | relevant    | calculation                         | repeat_count   |
|        | integer      | bonus    | Bonus    |             |                                     |                |
|        | begin_repeat | member   | Member   |             |                                     |                |
|        | text         | m_name   | Name     |             |                                     |                |
|        | integer      | m_age    | Age      |             |                                     |                |
|        | text         | m_school | School   | ${m_age}<18 |                                     |                |
|        | calculate    | m_score  |          |             | coalesce(${m_age}, 0) + ${bonus}    |                |
|        | calculate    | m_place  |          |             | position(..)                        |                |
|        | end_repeat   |          |          |             |                                     |                |
|        | calculate    | total    |          |             | sum(${m_age})                       |                |
|        | calculate    | people   |          |             | count(${member})                    |                |
|        | calculate    | names    |          |             | join(', ', ${m_name})               |                |
|        | select_one ${m_name} | head | Head    |             |                                     |                |
|        | integer      | wanted   | Phones   |             |                                     |                |
|        | begin_repeat | phone    | Phone    |             |                                     | ${wanted}      |
|        | text         | number   | Number   |             |                                     |                |
|        | end_repeat   |          |          |             |                                     |                |
";

fn household() -> Session {
    let mut session = start(HOUSEHOLD);
    answer(&mut session, "/bonus", "100");
    answer(&mut session, "/member[1]/m_name", "Zhao");
    answer(&mut session, "/member[1]/m_age", "70");
    session.add_repeat(&path("/member")).expect("one more");
    answer(&mut session, "/member[2]/m_name", "Qian");
    answer(&mut session, "/member[2]/m_age", "9");
    session
}

#[test]
fn each_instance_sees_its_own_answers() {
    let session = household();
    assert_eq!(at(&session, "/member[1]/m_score"), "170");
    assert_eq!(at(&session, "/member[2]/m_score"), "109");
    assert_eq!(at(&session, "/member[2]/m_place"), "2");
    assert!(!session.node(&path("/member[1]/m_school")).expect("there").relevant);
    assert!(session.node(&path("/member[2]/m_school")).expect("there").relevant);
    assert_eq!(session.value("total").as_deref(), Some("79"));
    assert_eq!(session.value("people").as_deref(), Some("2"));
    assert_eq!(session.value("names").as_deref(), Some("Zhao, Qian"));
}

#[test]
fn an_answer_touches_only_what_depends_on_it() {
    let mut session = household();
    let changed = answer(&mut session, "/member[2]/m_age", "10");
    assert_eq!(changed, ["/member[2]/m_age", "/member[2]/m_score", "/total"]);
    let changed = answer(&mut session, "/bonus", "1");
    assert_eq!(changed, ["/bonus", "/member[1]/m_score", "/member[2]/m_score"]);
}

#[test]
fn removing_one_moves_the_others_up() {
    let mut session = household();
    let changed = session.remove_repeat(&path("/member[1]")).expect("removed");
    assert!(changed.contains(&path("/member")));
    assert_eq!(at(&session, "/member[1]/m_name"), "Qian");
    assert_eq!(at(&session, "/member[1]/m_place"), "1");
    assert!(session.node(&path("/member[2]")).is_none());
    assert_eq!(session.value("total").as_deref(), Some("9"));
    session.remove_repeat(&path("/member[1]")).expect("removed");
    assert_eq!(session.value("people").as_deref(), Some("0"));
    assert_eq!(session.value("total").as_deref(), Some("0"));
    assert_eq!(session.node(&path("/member")).expect("there").instances, Some(0));
}

#[test]
fn answers_in_a_repeat_can_be_chosen_from() {
    let mut session = household();
    let choices = session.node(&path("/head")).expect("there").choices;
    let values: Vec<_> = choices.iter().map(|choice| choice.value.as_str()).collect();
    assert_eq!(values, ["Zhao", "Qian"]);
    answer(&mut session, "/head", "Zhao");
    let changed = answer(&mut session, "/member[1]/m_name", "Zhao Example");
    assert!(changed.contains(&"/head".to_owned()));
    assert_eq!(session.problems().len(), 1, "the head is nobody now");
}

#[test]
fn the_form_can_count_instances_itself() {
    let mut session = start(HOUSEHOLD);
    assert_eq!(session.node(&path("/phone")).expect("there").instances, Some(0));
    let changed = answer(&mut session, "/wanted", "２");
    assert!(changed.contains(&"/phone[2]/number".to_owned()), "{changed:?}");
    answer(&mut session, "/phone[2]/number", "123");
    assert_eq!(session.add_repeat(&path("/phone")), Err(AnswerError::FixedRepeat(path("/phone"))));
    answer(&mut session, "/wanted", "1");
    assert!(session.node(&path("/phone[2]")).is_none());
    answer(&mut session, "/wanted", "999999999");
    assert_eq!(session.node(&path("/phone")).expect("there").instances, Some(doorstep_form::MAX_INSTANCES));
}

#[test]
fn pages_list_the_repeat_its_instances_and_their_questions() {
    let session = household();
    let pages = session.pages();
    let nodes: Vec<String> = pages[1].nodes.iter().map(NodePath::to_string).collect();
    assert_eq!(pages[1].title.as_deref(), Some("Member"));
    assert_eq!(
        nodes,
        [
            "/member",
            "/member[1]",
            "/member[1]/m_name",
            "/member[1]/m_age",
            "/member[1]/m_school",
            "/member[2]",
            "/member[2]/m_name",
            "/member[2]/m_age",
            "/member[2]/m_school",
        ]
    );
    assert_eq!(session.node(&path("/member")).expect("there").kind, NodeKind::Repeat);
    assert_eq!(session.node(&path("/member[1]")).expect("there").kind, NodeKind::Group);
}

#[test]
fn drafts_and_submissions_hold_all_instances() {
    let mut session = household();
    let draft = session.instance();
    let (again, left_over) = Session::resume(plan(HOUSEHOLD), context(), &draft);
    assert_eq!(left_over, []);
    assert_eq!(again.instance(), draft);
    let done = session.finish(common::moment("2026-11-23T10:00:00+08:00")).expect("nothing is required");
    assert_eq!(done["member"][1]["m_age"], json!("9"));
    assert_eq!(done["member"][0]["m_school"], json!(null), "not asked of grown-ups");
    let empty = json!({"member": [], "wanted": "1", "phone": [{"number": "1"}, {"number": "2"}]});
    let (again, left_over) = Session::resume(plan(HOUSEHOLD), context(), &empty);
    assert_eq!(again.value("people").as_deref(), Some("0"));
    assert_eq!(at(&again, "/phone[1]/number"), "1");
    assert_eq!(left_over.len(), 1, "the second phone is handed back");
    assert_eq!(left_over[0].value, json!("2"));
}
