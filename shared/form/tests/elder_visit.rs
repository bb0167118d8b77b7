//! The elder visit of the pack, driven as a grid worker would: what is asked,
//! what is refused, what comes out. Expected values are computed by hand from
//! the formulas of the workbook.
#![cfg(feature = "workbook")]

use doorstep_form::{
    Attachments, Context, Form, NodeKind, NodePath, Plan, ProblemKind, Session, Workbook, verify,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

fn plan() -> Arc<Plan> {
    static PLAN: OnceLock<Arc<Plan>> = OnceLock::new();
    let plan = PLAN.get_or_init(|| {
        let pack = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../pack");
        let bytes = std::fs::read(pack.join("elder_visit.xlsx")).expect("the workbook");
        let workbook = Workbook::read_xlsx(&bytes).expect("a workbook");
        let (form, warnings) = Form::from_workbook(&workbook).expect("a form");
        assert_eq!(warnings, []);
        assert_eq!(form.attachment_names(), ["towns.csv", "villages.csv"]);
        assert_eq!(form.languages(), ["中文 (zh)", "English (en)"]);
        let attachments: Attachments = form
            .attachment_names()
            .into_iter()
            .map(|name| {
                let text = std::fs::read_to_string(pack.join("media").join(name)).expect("a list");
                (name.to_owned(), text)
            })
            .collect();
        Arc::new(Plan::new(form, &attachments).expect("a plan"))
    });
    Arc::clone(plan)
}

fn moment(text: &str) -> chrono::DateTime<chrono::FixedOffset> {
    chrono::DateTime::parse_from_rfc3339(text).expect("a moment")
}

fn context() -> Context {
    Context {
        now: moment("2026-11-23T09:30:00+08:00"),
        username: "wang.fang".to_owned(),
        device_id: "device-1".to_owned(),
        ..Context::default()
    }
}

/// The elder of today's list, as the case prefills the form.
fn prefill() -> BTreeMap<String, String> {
    [
        ("case_id", "case-9"),
        ("task_id", "task-3"),
        ("e_name", "赵示例"),
        ("cats", "alone age80"),
        ("town", "610199101"),
        ("village", "610199101200"),
        ("grid_code", "610199101200003"),
        ("address", "二组12号"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}

fn begin() -> Session {
    Session::start(plan(), context(), &prefill())
}

fn path(text: &str) -> NodePath {
    text.parse().expect("a path")
}

fn answer(session: &mut Session, at: &str, value: &str) -> Vec<String> {
    let changed = session.answer(&path(at), value).expect("an answer is taken");
    changed.iter().map(NodePath::to_string).collect()
}

fn answer_all(session: &mut Session, answers: &[(&str, &str)]) {
    for (at, value) in answers {
        answer(session, at, value);
    }
}

fn value(session: &Session, name: &str) -> String {
    session.value(name).expect("the form has this name")
}

type Answers<'a> = &'a [(&'a str, &'a str)];

const MET_AT_HOME: [(&str, &str); 4] = [
    ("/g_visit/met", "met"),
    ("/g_visit/gps", "34.12345 108.98765 400 8"),
    ("/g_visit/worker1", "王芳"),
    ("/g_visit/notice_ok", "OK"),
];

const NOTHING_WRONG: [(&str, &str); 17] = [
    ("/g_h/h_speak", "good"),
    ("/g_h/h_move", "fair"),
    ("/g_h/h_react", "good"),
    ("/g_h/h_ill", "bp"),
    ("/g_h/h_med", "1"),
    ("/g_h/h_mood", "good"),
    ("/g_e/e_pay", "1"),
    ("/g_e/e_kin", "month"),
    ("/g_e/e_kin_tel", "13800000000"),
    ("/g_e/e_abuse", "none"),
    ("/g_s/s_haz", "none"),
    ("/g_s/s_heat", "1"),
    ("/g_n/n_serv", "none"),
    ("/g_n/n_need", "none"),
    ("/g_n/done", "打扫卫生,聊天"),
    ("/g_n/ph", "visit.jpg"),
    ("/g_sign/sig_w1", "worker.png"),
];

const SIGNED: [(&str, &str); 3] =
    [("/g_sign/sign_how", "sign"), ("/g_sign/sign_by", "赵示例 户主"), ("/g_sign/sig_resp", "elder.png")];

fn ordinary_visit() -> Session {
    let mut session = begin();
    answer_all(&mut session, &MET_AT_HOME);
    answer_all(&mut session, &NOTHING_WRONG);
    answer_all(&mut session, &SIGNED);
    session
}

#[test]
fn an_ordinary_visit_from_first_page_to_submission() {
    let mut session = begin();
    assert_eq!(value(&session, "start"), "2026-11-23T09:30:00.000+08:00");
    assert_eq!(value(&session, "today"), "2026-11-23");
    assert_eq!(value(&session, "username"), "wang.fang");
    assert_eq!(value(&session, "visit_dt"), "2026-11-23T09:30:00.000+08:00");
    assert_eq!(value(&session, "visit_mode"), "home");
    assert_eq!(value(&session, "case_id"), "case-9");
    let titles: Vec<_> = session.pages().into_iter().map(|page| (page.title, page.relevant)).collect();
    assert_eq!(
        titles,
        [
            (None, true),
            (Some("走访信息".to_owned()), true),
            (Some("无人应答处置".to_owned()), false),
            (Some("健康".to_owned()), false),
            (Some("经济与赡养".to_owned()), false),
            (Some("居家安全".to_owned()), false),
            (Some("服务需求".to_owned()), false),
            (None, false),
            (Some("签字".to_owned()), true),
        ]
    );
    let changed = answer(&mut session, "/g_visit/met", "met");
    assert!(changed.contains(&"/g_h".to_owned()));
    assert!(changed.contains(&"/g_h/h_speak".to_owned()));
    assert!(!changed.contains(&"/g_un/un_steps".to_owned()));
    answer_all(&mut session, &MET_AT_HOME);
    answer_all(&mut session, &NOTHING_WRONG);
    answer_all(&mut session, &SIGNED);
    assert_eq!(session.problems(), []);
    // Alone 15 and over eighty 15.
    assert_eq!(value(&session, "risk_score"), "30");
    assert_eq!(value(&session, "risk"), "blue");
    assert_eq!(value(&session, "alert_level"), "0");
    assert_eq!(value(&session, "alert_codes"), "");
    assert_eq!(value(&session, "next_days"), "30");
    assert_eq!(value(&session, "next_due"), "2026-12-23");
    assert_eq!(session.instance_name().as_deref(), Some("赵示例-2026-11-23"));
    let submission = session.finish(moment("2026-11-23T10:05:00+08:00")).expect("complete");
    assert_eq!(submission["end"], "2026-11-23T10:05:00.000+08:00");
    assert_eq!(submission["g_visit"]["village"], "610199101200");
    assert_eq!(submission["next_due"], "2026-12-23");
    assert_eq!(submission["g_un"], Value::Null, "what was not asked is not there");
    assert_eq!(submission["g_visit"]["unmet_note"], Value::Null);
}

#[test]
fn nothing_can_be_finished_while_answers_are_missing() {
    let mut session = begin();
    let problems = session.finish(moment("2026-11-23T10:05:00+08:00")).expect_err("incomplete");
    let first = &problems[0];
    assert_eq!((first.path.to_string().as_str(), first.page), ("/g_visit/met", 1));
    assert_eq!((first.kind, first.message.as_str()), (ProblemKind::Required, "此项必填"));
    assert_eq!(value(&session, "end"), "", "an attempt leaves no trace");
}

#[test]
fn location_is_asked_and_required_only_at_home() {
    let mut session = begin();
    let gps = session.node(&path("/g_visit/gps")).expect("there");
    assert!(gps.relevant && gps.required);
    assert_eq!(gps.parameters["capture-accuracy"], "20");
    let changed = answer(&mut session, "/g_visit/visit_mode", "phone");
    assert_eq!(changed, ["/g_n/ph", "/g_visit/gps", "/g_visit/visit_mode"]);
    let gps = session.node(&path("/g_visit/gps")).expect("there");
    assert!(!gps.relevant && !gps.required && gps.problem.is_none());
}

#[test]
fn no_answer_protocol() {
    let mut session = begin();
    answer_all(
        &mut session,
        &[
            ("/g_visit/met", "noanswer"),
            ("/g_visit/unmet_note", "敲门无人应"),
            ("/g_visit/gps", "34.1 108.9 0 5"),
            ("/g_visit/worker1", "王芳"),
            ("/g_visit/notice_ok", "OK"),
            ("/g_un/un_steps", "knock call"),
        ],
    );
    let steps = session.node(&path("/g_un/un_steps")).expect("there");
    assert_eq!(steps.problem, Some(ProblemKind::Constraint));
    assert_eq!(steps.constraint_message.as_deref(), Some("至少完成三步(敲门、电话、问邻居或亲属)"));
    answer(&mut session, "/g_un/un_steps", "knock call neighbor");
    // Whether the elder is safe is not known yet.
    assert_eq!(value(&session, "alert_level"), "0");
    assert_eq!(value(&session, "next_days"), "3");
    assert_eq!(value(&session, "next_due"), "2026-11-26");
    answer(&mut session, "/g_un/un_found", "0");
    assert_eq!(value(&session, "alert_level"), "3");
    assert_eq!(value(&session, "alert_codes"), "NO_ANSWER_UNSAFE ");
    assert_eq!(value(&session, "next_days"), "0");
    assert_eq!(value(&session, "next_due"), "2026-11-23");
    assert!(session.node(&path("/n_alert3")).expect("there").relevant);
    assert!(!session.node(&path("/n_alert2")).expect("there").relevant);
    assert!(!session.node(&path("/g_un/un_where")).expect("there").relevant);
    answer(&mut session, "/g_un/un_found", "1");
    assert!(session.node(&path("/g_un/un_where")).expect("there").required);
    assert_eq!(value(&session, "alert_level"), "0");
    assert_eq!(value(&session, "next_due"), "2026-11-26");
}

#[test]
fn hazards_need_a_photo_and_raise_alerts() {
    let mut session = ordinary_visit();
    answer(&mut session, "/g_s/s_haz", "coal wire");
    let missing: Vec<_> = session.problems().into_iter().map(|problem| problem.path.to_string()).collect();
    assert_eq!(missing, ["/g_s/s_fixed", "/g_s/s_ph"]);
    // Not fixed yet counts as not fixed for the alert, not for the score.
    assert_eq!(value(&session, "alert_level"), "2");
    assert_eq!(value(&session, "risk_score"), "30");
    answer(&mut session, "/g_s/s_fixed", "0");
    answer(&mut session, "/g_s/s_ph", "stove.jpg");
    assert_eq!(session.problems(), []);
    assert_eq!(value(&session, "risk_score"), "50");
    assert_eq!(value(&session, "risk"), "orange");
    assert_eq!(value(&session, "alert_codes"), "CO_RISK FIRE_HAZARD ");
    assert_eq!(value(&session, "next_due"), "2026-12-07");
    assert_eq!(session.node(&path("/g_s/s_ph")).expect("there").parameters["max-pixels"], "1600");
    answer(&mut session, "/g_s/s_fixed", "1");
    assert_eq!(value(&session, "alert_level"), "0");
    assert_eq!(value(&session, "risk_score"), "30");
}

#[test]
fn each_constraint_in_both_languages() {
    let none = ("“无”不能与其他选项同时选", "\"None\" cannot be combined with others");
    let cases = [
        ("/cats", "none alone", "alone", none),
        (
            "/g_visit/grid_code",
            "610199001001003",
            "610199101200007",
            ("应为15位,且前12位等于所选村代码", "15 digits starting with the chosen village code"),
        ),
        (
            "/g_visit/grid_code",
            "12345",
            "",
            ("应为15位,且前12位等于所选村代码", "15 digits starting with the chosen village code"),
        ),
        (
            "/g_visit/visit_dt",
            "2026-11-23T09:31:00.000+08:00",
            "2026-11-23T01:30:00.000+00:00",
            ("时间不能晚于现在", "Cannot be in the future"),
        ),
        ("/g_h/h_ill", "none bp", "none", none),
        ("/g_e/e_abuse", "fraud none", "fraud", none),
        ("/g_s/s_haz", "none fire", "fire", none),
        ("/g_n/n_serv", "none meal", "meal", none),
        ("/g_n/n_need", "none legal", "legal", none),
    ];
    for (at, wrong, right, (chinese, english)) in cases {
        let mut session = ordinary_visit();
        answer(&mut session, at, wrong);
        let problem = |session: &Session| {
            let found = session.problems().into_iter().find(|problem| problem.path == path(at));
            found.map(|problem| (problem.kind, problem.message))
        };
        assert_eq!(problem(&session), Some((ProblemKind::Constraint, chinese.to_owned())), "{at} {wrong}");
        assert!(session.set_language("en"));
        assert_eq!(problem(&session), Some((ProblemKind::Constraint, english.to_owned())), "{at} {wrong}");
        answer(&mut session, at, right);
        assert_eq!(problem(&session), None, "{at} {right}");
    }
}

#[test]
fn villages_follow_the_township() {
    let mut session = begin();
    let villages = |session: &Session| -> Vec<String> {
        let node = session.node(&path("/g_visit/village")).expect("there");
        node.choices.into_iter().map(|choice| choice.value).collect()
    };
    assert!(villages(&session).iter().all(|village| village.starts_with("610199101")));
    assert!(villages(&session).contains(&"610199101200".to_owned()));
    let changed = answer(&mut session, "/g_visit/town", "610199001");
    assert!(changed.contains(&"/g_visit/village".to_owned()));
    let node = session.node(&path("/g_visit/village")).expect("there");
    assert_eq!(node.choices[0].label, "东街社区");
    assert_eq!(node.choices[0].initials, "dj");
    assert_eq!(node.problem, Some(ProblemKind::NotAChoice), "the village chosen before is no longer offered");
    answer(&mut session, "/g_visit/village", "610199001002");
    assert_eq!(session.node(&path("/g_visit/village")).expect("there").problem, None);
    answer(&mut session, "/g_visit/town", "");
    assert_eq!(villages(&session), Vec::<String>::new());
}

#[test]
fn risk_bands_and_what_follows_from_them() {
    // Each row: answers on top of the ordinary visit (30 points), then score,
    // risk, alert level, codes, days, due.
    let cases: [(Answers<'_>, [&str; 6]); 6] = [
        (&[("/cats", "none")], ["0", "green", "0", "", "30", "2026-12-23"]),
        (
            // 30 + heart 15
            &[("/g_h/h_ill", "heart dm")],
            ["45", "orange", "0", "", "14", "2026-12-07"],
        ),
        (
            // 15 + 15 + 20 (disabled and demented count once) + 15 bad moving
            &[("/cats", "alone age80 disab dement"), ("/g_h/h_move", "bad")],
            ["65", "red", "0", "", "7", "2026-11-30"],
        ),
        (
            // 30 + severe mood 30: level 2
            &[("/g_h/h_mood", "severe")],
            ["60", "red", "2", "", "7", "2026-11-30"],
        ),
        (
            // 30 + never visited 15 + hardship 10: 55, referral is level 1
            &[("/g_e/e_kin", "never"), ("/g_e/e_live", "1"), ("/g_e/e_pay", "0"), ("/g_h/h_adl", "1")],
            ["55", "orange", "1", "ADL_REASSESS PAYMENT_ISSUE REFERRAL ", "14", "2026-12-07"],
        ),
        (
            // Violence is level 3 whatever the score.
            &[("/cats", "empty"), ("/g_e/e_abuse", "violence fraud")],
            ["0", "green", "3", "ABUSE ELDER_FRAUD ", "30", "2026-12-23"],
        ),
    ];
    for (answers, expected) in cases {
        let mut session = ordinary_visit();
        answer_all(&mut session, answers);
        let names = ["risk_score", "risk", "alert_level", "alert_codes", "next_days", "next_due"];
        assert_eq!(names.map(|name| value(&session, name)), expected.map(str::to_owned), "{answers:?}");
    }
    let mut session = ordinary_visit();
    answer(&mut session, "/g_visit/met", "dead");
    assert_eq!(value(&session, "alert_level"), "1");
    assert_eq!(value(&session, "alert_codes"), "DEATH ");
    assert_eq!((value(&session, "next_days"), value(&session, "next_due")), (String::new(), String::new()));
    answer(&mut session, "/g_visit/met", "refused");
    assert_eq!(value(&session, "next_due"), "2026-11-26");
}

#[test]
fn what_does_not_apply_is_kept_while_editing_and_dropped_on_finish() {
    let mut session = ordinary_visit();
    answer_all(&mut session, &[("/g_s/s_haz", "coal"), ("/g_s/s_fixed", "0"), ("/g_s/s_ph", "stove.jpg")]);
    answer(&mut session, "/g_visit/met", "refused");
    answer(&mut session, "/g_visit/unmet_note", "不愿接受走访");
    let photo = session.node(&path("/g_s/s_ph")).expect("there");
    assert!(!photo.relevant);
    assert_eq!(photo.value, "stove.jpg", "kept");
    assert_eq!(value(&session, "s_ph"), "", "but not seen");
    assert_eq!(session.instance()["g_s"]["s_ph"], "stove.jpg");
    assert_eq!(value(&session, "risk_score"), "30", "hidden answers do not score");
    assert_eq!(value(&session, "alert_level"), "0");
    let submission = session.clone().finish(moment("2026-11-23T10:00:00+08:00")).expect("complete");
    assert_eq!(submission["g_s"], Value::Null);
    answer(&mut session, "/g_visit/met", "met");
    assert_eq!(value(&session, "s_ph"), "stove.jpg", "and comes back");
    assert_eq!(value(&session, "alert_level"), "2");
}

#[test]
fn a_draft_is_resumed_a_day_later() {
    let mut session = begin();
    answer_all(&mut session, &MET_AT_HOME);
    answer(&mut session, "/g_h/h_mood", "low");
    answer(&mut session, "/g_h/h_new", "");
    let mut draft = session.instance();
    draft["g_h"]["h_gone"] = json!("removed question");
    draft["g_e"] = json!("not a group");
    let mut later = context();
    later.now = moment("2026-11-24T08:00:00+08:00");
    later.username = "li.qiang".to_owned();
    let (mut again, left_over) = Session::resume(plan(), later, &draft);
    let paths: Vec<_> = left_over.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(paths, ["/g_e", "/g_h/h_gone"]);
    assert_eq!(left_over[1].value, "removed question");
    assert_eq!(value(&again, "start"), "2026-11-23T09:30:00.000+08:00");
    assert_eq!(value(&again, "today"), "2026-11-23");
    assert_eq!(value(&again, "username"), "wang.fang");
    assert_eq!(value(&again, "visit_dt"), "2026-11-23T09:30:00.000+08:00");
    assert_eq!(value(&again, "h_mood"), "low");
    assert_eq!(value(&again, "h_new"), "", "a default that was cleared stays cleared");
    assert_eq!(value(&again, "risk_score"), "40");
    assert_eq!(value(&again, "next_due"), "2026-12-08", "counted from the new day");
    answer_all(&mut again, &NOTHING_WRONG);
    answer_all(&mut again, &SIGNED);
    answer_all(&mut again, &[("/g_h/h_new", "0"), ("/g_e/e_live", "0")]);
    assert_eq!(again.problems(), []);
}

#[test]
fn the_server_catches_a_forged_alert() {
    let mut session = ordinary_visit();
    answer(&mut session, "/g_e/e_abuse", "violence");
    let honest = session.finish(moment("2026-11-23T10:05:00+08:00")).expect("complete");
    // It arrives days later; what the phone computed that day still holds.
    let mut server = context();
    server.now = moment("2026-11-27T18:00:00+08:00");
    let opinion = verify(plan(), server.clone(), &honest);
    assert_eq!(opinion.differences, []);
    assert_eq!(opinion.problems, []);
    assert_eq!(opinion.left_over, []);
    assert_eq!(opinion.instance, honest);
    let mut forged = honest.clone();
    forged["alert_level"] = json!("0");
    forged["g_un"] = json!({"un_where": "made up"});
    let opinion = verify(plan(), server.clone(), &forged);
    let differences: Vec<_> = opinion
        .differences
        .iter()
        .map(|one| (one.path.to_string(), one.claimed.as_str(), one.computed.as_str()))
        .collect();
    assert_eq!(
        differences,
        [("/g_un/un_where".to_owned(), "made up", ""), ("/alert_level".to_owned(), "0", "3")]
    );
    assert_eq!(opinion.instance, honest, "what is stored is what the rules give");
    server.username = "someone.else".to_owned();
    let opinion = verify(plan(), server, &honest);
    assert_eq!(opinion.differences[0].path.to_string(), "/username");
    assert_eq!(opinion.instance["username"], "someone.else");
}

#[test]
fn a_missing_photo_is_a_problem_for_the_server_too() {
    let mut session = ordinary_visit();
    let mut instance = session.finish(moment("2026-11-23T10:05:00+08:00")).expect("complete");
    instance["g_n"]["ph"] = json!("");
    instance["g_visit"]["village"] = json!("610199001001");
    let opinion = verify(plan(), context(), &instance);
    let kinds: Vec<_> = opinion.problems.iter().map(|one| (one.path.to_string(), one.kind)).collect();
    assert_eq!(
        kinds,
        [
            ("/g_visit/village".to_owned(), ProblemKind::NotAChoice),
            ("/g_visit/grid_code".to_owned(), ProblemKind::Constraint),
            ("/g_n/ph".to_owned(), ProblemKind::Required),
        ]
    );
}

#[test]
fn answers_read_in_words() {
    let mut session = ordinary_visit();
    answer(&mut session, "/g_h/h_ill", "bp heart");
    let words = |session: &Session, name: &str| {
        let entry = session.summary().into_iter().find(|entry| entry.path.name() == name);
        entry.map(|entry| (entry.page_title, entry.label, entry.words))
    };
    let shown = |title: &str, label: &str, words: &str| {
        Some((Some(title.to_owned()), label.to_owned(), words.to_owned()))
    };
    assert_eq!(words(&session, "h_ill"), shown("健康", "疾病", "高血压、心脏病"));
    assert_eq!(words(&session, "village"), shown("走访信息", "村(社区)", "上河村"));
    assert_eq!(words(&session, "visit_dt"), shown("走访信息", "走访时间", "2026-11-23 09:30"));
    assert_eq!(words(&session, "unmet_note"), None);
    assert_eq!(words(&session, "risk_score"), None, "computed values are not answers");
    assert!(session.set_language("English (en)"));
    assert_eq!(words(&session, "h_ill"), shown("Health", "Illnesses", "Hypertension, Heart disease"));
    assert!(!session.set_language("fr"));
    assert_eq!(session.language(), "English (en)");
}

#[test]
fn what_cannot_be_answered_is_refused() {
    let mut session = begin();
    for at in ["/nowhere", "/g_visit/met[2]", "/g_visit/met/x"] {
        assert!(session.answer(&path(at), "1").is_err(), "{at}");
    }
    for at in ["/g_visit", "/risk_score", "/start", "/n_alert3"] {
        let before = session.instance();
        assert!(session.answer(&path(at), "1").is_err(), "{at}");
        assert_eq!(session.instance(), before);
    }
    let note = session.node(&path("/n_alert3")).expect("there");
    assert_eq!(note.kind, NodeKind::Note);
}
