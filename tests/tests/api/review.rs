//! What a reviewer sees and decides, and what becomes of it in the ledger and
//! on the phone.

use anyhow::{Context, Result};
use chrono::{NaiveDate, TimeDelta};
use doorstep::db::entity::{case_event, outbox};
use doorstep_core::api::{NewComment, SUBMISSIONS};
use doorstep_core::case::{CaseAction, CaseStatus};
use doorstep_core::ids::{CaseId, SubmissionId};
use doorstep_core::phone::{Failure, TaskProgress};
use doorstep_core::problem::ProblemCode;
use doorstep_core::submission::{Decision, SubmissionContent, SubmissionState};
use doorstep_core::sync::{Outcome, PushAnswer, PushRequest};
use doorstep_core::task::{TaskOrigin, TaskState, Urgency};
use doorstep_tests::county::{COUNTY, Place};
use doorstep_tests::elder_visit::{FORM, NOBODY_OPENED, PHOTO};
use doorstep_tests::office::request;
use doorstep_tests::phone::TestPhone;
use doorstep_tests::pictures;
use doorstep_tests::scene::{Scene, set};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

async fn sent(phone: &TestPhone, case: CaseId, changes: &[(&str, &str)]) -> Result<SubmissionContent> {
    let content = phone.visit_with(case, changes).await?;
    phone.sync().await?;
    Ok(content)
}

#[tokio::test]
async fn the_queue_begins_with_the_riskiest_then_with_who_waits_longest() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let mut waiting = Vec::new();
    for (label, changes) in [
        ("平安甲", vec![]),
        ("打人", vec![("/g_e/e_abuse", "violence fraud")]),
        ("困难", vec![("/g_e/e_live", "1")]),
        ("平安乙", vec![]),
        ("煤炉", vec![("/g_h/h_mood", "severe")]),
    ] {
        let case = scene.open_elder(Place::Grid, label, &[]).await?;
        scene.all_examined().await?;
        scene.server.advance(TimeDelta::minutes(1));
        phone.sync().await?;
        waiting.push(sent(&phone, case, &changes).await?);
    }
    let office = scene.office("supervisor").await?;
    let queue = office.queue().await?;
    let shown: Vec<(&str, u8)> =
        queue.iter().map(|entry| (entry.case_label.as_str(), entry.alert_level)).collect();
    assert_eq!(shown, [("打人", 3), ("煤炉", 2), ("困难", 1), ("平安甲", 0), ("平安乙", 0)]);
    let first = queue.first().context("an entry")?;
    assert_eq!(first.alert_codes, ["ABUSE", "ELDER_FRAUD"]);
    assert_eq!(first.author_name, "王示例");
    assert_eq!(first.area_name, "河湾镇 上河村 第一网格");
    assert_eq!((first.form_title.zh.as_str(), first.form_title.en.as_str()), ("老年人探访", "Elder visit"));
    assert_eq!((first.media_expected, first.media_stored, first.revision), (3, 3, 1));
    assert_eq!(first.state, SubmissionState::Submitted);
    office.approve(first.submission_id).await?;
    assert_eq!(office.queue().await?.len(), 4, "what is decided does not wait");
    assert_eq!(scene.office("far_supervisor").await?.queue().await?, []);
    assert_eq!(scene.office("child_supervisor").await?.queue().await?, []);
    assert_eq!(scene.office("county").await?.queue().await?.len(), 4);
    Ok(())
}

#[tokio::test]
async fn an_approval_reaches_the_ledger_the_next_task_the_outbox_and_the_phone() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let today = phone.phone.today(scene.server.clock().today()).await?.entries;
    let entry = today.first().context("the elder is due")?;
    assert_eq!((today.len(), entry.urgency, entry.progress), (1, Urgency::DueToday, TaskProgress::ToDo));
    let content = sent(&phone, scene.elder, &[("/g_h/h_ill", "bp heart"), ("/g_h/h_move", "bad")]).await?;
    assert_eq!(content.task_id, Some(entry.task.id));
    let today = phone.phone.today(scene.server.clock().today()).await?.entries;
    assert_eq!(today.first().map(|entry| entry.progress), Some(TaskProgress::Sent));

    let office = scene.office("supervisor").await?;
    let detail = office.submission(content.submission_id).await?;
    assert_eq!(detail.content, content);
    assert_eq!(detail.form_problems, []);
    assert_eq!(detail.differences, []);
    assert_eq!(detail.conflicts, []);
    assert_eq!((detail.blocked, detail.previous.is_none()), (None, true));
    assert!(detail.media.iter().all(|file| file.stored && file.width_px.is_some()), "{:?}", detail.media);
    scene.server.advance(TimeDelta::minutes(20));
    let answer = office.approve(content.submission_id).await?;

    // Heart 15 and bad mobility 15: blue. An empty nest is due a month later.
    assert_eq!(answer.state, SubmissionState::Approved);
    assert_eq!(answer.case.version, 2);
    for (property, value) in [
        ("risk", "blue"),
        ("risk_score", "30"),
        ("illnesses", "bp heart"),
        ("mobility", "bad"),
        ("last_contact", "met"),
        ("emergency_phone", "13800000000"),
        ("last_alert_level", "0"),
    ] {
        assert_eq!(answer.case.properties.get(property).map(String::as_str), Some(value), "{property}");
    }
    assert_eq!(answer.case.last_visits.get(FORM), Some(&day("2026-11-23")));
    let [next] = answer.tasks.as_slice() else { anyhow::bail!("one task: {:?}", answer.tasks) };
    assert_eq!(
        (next.opens_on, next.due_on, next.grace_until),
        (day("2026-12-13"), day("2026-12-23"), day("2026-12-30"))
    );
    assert_eq!(next.origin, TaskOrigin::Schedule { rule: "elder_hardship".to_owned() });
    assert_eq!((next.state, next.assignee), (TaskState::Open, Some(scene.county.user("grid_worker")?)));

    let connection = scene.server.components.database.read();
    let event = case_event::Entity::find()
        .filter(case_event::Column::SubmissionId.eq(content.submission_id))
        .one(connection)
        .await?
        .context("the ledger's event")?;
    assert_eq!(event.actor_id, scene.county.user("supervisor")?);
    let rows = outbox::Entity::find().order_by_asc(outbox::Column::Number).all(connection).await?;
    let numbers: Vec<i64> = rows.iter().map(|row| row.number).collect();
    assert_eq!(numbers, (1..=4).collect::<Vec<_>>(), "three cases opened, one visited, no gap");
    let last = rows.last().context("rows")?;
    assert_eq!((last.event_id, last.county.as_str()), (event.id, COUNTY));
    assert!(last.body.contains(&event.id.to_string()) && last.body.contains("blue"), "{}", last.body);

    phone.sync().await?;
    assert_eq!(phone.state(content.submission_id).await?, SubmissionState::Approved);
    let view = phone.phone.case(scene.elder, scene.server.clock().today()).await?;
    assert_eq!(view.case, answer.case);
    let visit = view.visits.first().context("the visit")?;
    assert_eq!(
        (visit.visited_on, visit.worker_name.as_str(), visit.counted),
        (day("2026-11-23"), "王示例", true)
    );
    let task = view.tasks.first().context("the next task")?;
    assert_eq!((view.tasks.len(), task.task.due_on, task.urgency), (1, day("2026-12-23"), Urgency::Upcoming));
    assert_eq!(view.area_names, ["河湾镇", "上河村", "第一网格"]);
    assert_eq!(phone.wire.repairs.get(), 0);

    let case = office.case(scene.elder).await?;
    assert_eq!((case.events.len(), case.visits.len(), case.tasks.len()), (2, 1, 1));
    assert_eq!(case.people.get(&event.actor_id).map(String::as_str), Some("杨示例"));
    Ok(())
}

#[tokio::test]
async fn the_next_due_date_follows_the_risk_that_was_found() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let office = scene.office("supervisor").await?;
    for (changes, rule, due_on) in [
        // Severe mood 30, heart 15, bad mobility 15: red, a week.
        (
            &[("/g_h/h_mood", "severe"), ("/g_h/h_ill", "heart"), ("/g_h/h_move", "bad")][..],
            "elder_red",
            "2026-11-30",
        ),
        (&[("/cats", "alone age80")][..], "elder_alone_80", "2026-11-30"),
        (&[("/g_h/h_ill", "stroke")][..], "elder_severe_illness", "2026-11-30"),
        // Heart 15, bad mobility 15, hardship 10: orange, two weeks.
        (
            &[("/g_h/h_ill", "heart"), ("/g_h/h_move", "bad"), ("/g_e/e_live", "1")][..],
            "elder_yellow",
            "2026-12-07",
        ),
        (&[][..], "elder_hardship", "2026-12-23"),
    ] {
        let case = scene.open_elder(Place::Grid, rule, &[]).await?;
        phone.sync().await?;
        let content = sent(&phone, case, changes).await?;
        let answer = office.approve(content.submission_id).await?;
        let task = answer.tasks.first().context("a task")?;
        assert_eq!(
            (&task.origin, task.due_on),
            (&TaskOrigin::Schedule { rule: rule.to_owned() }, day(due_on))
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_failed_attempt_does_not_reset_the_due_date() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let mut draft = phone.start_visit(scene.elder).await?;
    phone.answer(&mut draft, NOBODY_OPENED).await?;
    phone.attach(&mut draft, "/g_sign/sig_w1", pictures::signature(1)?, "image/png").await?;
    phone.attach(&mut draft, PHOTO, pictures::photo(1, 64, 48)?, "image/jpeg").await?;
    let content = phone.finish(&mut draft).await?;
    assert_eq!(content.media.len(), 1, "a photo of a question that does not apply is not part of it");
    phone.sync().await?;

    let office = scene.office("supervisor").await?;
    let detail = office.submission(content.submission_id).await?;
    assert_eq!(
        (detail.alert_level, detail.alert_codes.as_slice()),
        (3, &["NO_ANSWER_UNSAFE".to_owned()][..])
    );
    let before = scene.phone("grid_worker").await?.open_task(scene.elder).await?;
    assert_eq!(before, None, "it was handed in");
    let answer = office.approve(content.submission_id).await?;
    assert_eq!(answer.case.last_visits.get(FORM), None);
    assert_eq!(answer.case.properties.get("risk").map(String::as_str), Some("green"), "nobody was seen");
    assert_eq!(answer.case.properties.get("last_contact").map(String::as_str), Some("noanswer"));
    let task = answer.tasks.first().context("still to be done")?;
    assert_eq!((answer.tasks.len(), task.state, task.due_on), (1, TaskState::Open, day("2026-11-23")));
    Ok(())
}

#[tokio::test]
async fn a_death_closes_the_case_and_nothing_is_due() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let content =
        sent(&phone, scene.elder, &[("/g_visit/met", "dead"), ("/g_visit/unmet_note", "邻居告知")]).await?;
    let answer = scene.office("supervisor").await?.approve(content.submission_id).await?;
    assert_eq!((answer.case.status, answer.tasks.as_slice()), (CaseStatus::Closed, &[][..]));
    phone.sync().await?;
    assert_eq!(phone.phone.today(scene.server.clock().today()).await?.entries, []);
    Ok(())
}

#[tokio::test]
async fn nothing_is_approved_without_its_files() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let content = phone.visit(scene.elder).await?;
    phone.push_only().await?;
    let office = scene.office("supervisor").await?;
    let detail = office.submission(content.submission_id).await?;
    assert!(detail.media.iter().all(|file| !file.stored));
    let entry = office.queue().await?.pop().context("it waits")?;
    assert_eq!((entry.media_expected, entry.media_stored), (3, 0));
    let decision = request(Decision::Approve, detail.case.version, &[]);
    office.try_decide(content.submission_id, &decision).await?.refused(ProblemCode::MediaMissing)?;
    phone.sync().await?;
    let answer = office.try_decide(content.submission_id, &decision).await?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    Ok(())
}

#[tokio::test]
async fn a_return_needs_a_reason() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let content = sent(&phone, scene.elder, &[]).await?;
    let office = scene.office("supervisor").await?;
    for decision in [Decision::Return, Decision::Reject] {
        for comments in [&[][..], &[(None, " \n ")][..]] {
            let answer = office.try_decide(content.submission_id, &request(decision, 1, comments)).await?;
            answer.refused(ProblemCode::CommentRequired)?;
        }
    }
    assert_eq!(office.queue().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn returned_corrected_approved() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let first = sent(&phone, scene.elder, &[]).await?;
    let office = scene.office("supervisor").await?;
    scene.server.advance(TimeDelta::minutes(20));
    let returned = office
        .decide(
            first.submission_id,
            Decision::Return,
            &[(Some("/g_n/done"), "请写清楚做了什么"), (None, "照片看不清")],
        )
        .await?;
    assert_eq!((returned.state, returned.case.version), (SubmissionState::Returned, 1));
    assert_eq!(returned.tasks.first().map(|task| task.state), Some(TaskState::Open));

    phone.sync().await?;
    let status = phone.status(first.submission_id).await?;
    assert_eq!(status.state, SubmissionState::Returned);
    let comments: Vec<(Option<&str>, &str, &str)> = status
        .comments
        .iter()
        .map(|comment| (comment.path.as_deref(), comment.text.as_str(), comment.author_name.as_str()))
        .collect();
    let expected = [(None, "照片看不清", "杨示例"), (Some("/g_n/done"), "请写清楚做了什么", "杨示例")];
    for comment in expected {
        assert!(comments.contains(&comment), "{comments:?}");
    }
    assert_eq!(status.content.as_ref(), Some(&first));
    assert_eq!(phone.phone.returned().await?.len(), 1);
    let today = phone.phone.today(scene.server.clock().today()).await?.entries;
    assert_eq!(today.first().map(|entry| entry.progress), Some(TaskProgress::Returned(first.submission_id)));

    // On another phone of the same person, to which the photos never were.
    let other = scene.phone("grid_worker").await?;
    let mut draft = other.start_correction(first.submission_id).await?;
    assert_eq!(draft.record.comments.len(), 2);
    other.answer(&mut draft, &[("/g_n/done", "打扫院子,量血压")]).await?;
    other.attach(&mut draft, PHOTO, pictures::photo(99, 400, 300)?, "image/jpeg").await?;
    let second = other.finish(&mut draft).await?;
    assert_eq!((second.revision, second.root_id), (2, first.submission_id));
    let report = other.sync().await?;
    assert_eq!((report.operations_sent, report.files_sent), (1, 1), "only the new photo is sent");

    let queue = office.queue().await?;
    let entry = queue.first().context("the correction waits")?;
    assert_eq!((queue.len(), entry.submission_id, entry.revision), (1, second.submission_id, 2));
    let detail = office.submission(second.submission_id).await?;
    assert_eq!(detail.previous.as_ref(), Some(&first));
    assert!(detail.media.iter().all(|file| file.stored));
    let answer = office.approve(second.submission_id).await?;
    assert_eq!((answer.state, answer.case.version), (SubmissionState::Approved, 2));

    for phone in [&phone, &other] {
        phone.sync().await?;
        assert_eq!(phone.state(first.submission_id).await?, SubmissionState::Returned);
        assert_eq!(phone.state(second.submission_id).await?, SubmissionState::Approved);
        assert_eq!(phone.phone.returned().await?.len(), 0);
        let view = phone.phone.case(scene.elder, scene.server.clock().today()).await?;
        assert_eq!(view.visits.len(), 1);
        assert_eq!(phone.wire.repairs.get(), 0);
    }
    Ok(())
}

#[tokio::test]
async fn a_rejection_is_final_and_the_visit_is_still_due() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let content = sent(&phone, scene.elder, &[]).await?;
    let office = scene.office("supervisor").await?;
    let answer = office.decide(content.submission_id, Decision::Reject, &[(None, "不是本人")]).await?;
    assert_eq!((answer.state, answer.case.version), (SubmissionState::Rejected, 1));
    phone.sync().await?;
    assert_eq!(phone.state(content.submission_id).await?, SubmissionState::Rejected);
    let today = phone.phone.today(scene.server.clock().today()).await?.entries;
    assert_eq!(today.first().map(|entry| entry.progress), Some(TaskProgress::ToDo));
    assert!(phone.start_correction(content.submission_id).await.is_err());
    Ok(())
}

#[tokio::test]
async fn what_was_decided_is_decided() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let content = sent(&phone, scene.elder, &[]).await?;
    let office = scene.office("supervisor").await?;
    office.approve(content.submission_id).await?;
    for decision in [Decision::Approve, Decision::Return, Decision::Reject] {
        let again = request(decision, 2, &[(None, "再来一次")]);
        office.try_decide(content.submission_id, &again).await?.refused(ProblemCode::NotReviewable)?;
    }
    let detail = office.submission(content.submission_id).await?;
    assert_eq!(detail.blocked, Some(ProblemCode::NotReviewable));
    assert_eq!(office.case(scene.elder).await?.visits.len(), 1);
    Ok(())
}

#[tokio::test]
async fn two_reviewers_at_once_enter_it_once() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let content = sent(&phone, scene.elder, &[]).await?;
    let offices = [scene.office("supervisor").await?, scene.office("county").await?];
    let decision = request(Decision::Approve, 1, &[]);
    let attempts = (0..6).map(|number| {
        let office = &offices[number % 2];
        office.try_decide(content.submission_id, &decision)
    });
    let mut approved = 0;
    for answer in futures::future::join_all(attempts).await {
        let answer = answer?;
        if answer.status == 200 {
            approved += 1;
        } else {
            answer.refused(ProblemCode::NotReviewable)?;
        }
    }
    assert_eq!(approved, 1);
    assert_eq!(offices[0].case(scene.elder).await?.events.len(), 2);
    Ok(())
}

#[tokio::test]
async fn nobody_reviews_what_they_captured() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("supervisor").await?;
    let content = sent(&phone, scene.elder, &[]).await?;
    let office = scene.office("supervisor").await?;
    let detail = office.submission(content.submission_id).await?;
    assert_eq!(detail.blocked, Some(ProblemCode::OwnSubmission));
    let decision = request(Decision::Approve, detail.case.version, &[]);
    office.try_decide(content.submission_id, &decision).await?.refused(ProblemCode::OwnSubmission)?;
    scene.office("county").await?.approve(content.submission_id).await?;
    Ok(())
}

#[tokio::test]
async fn where_the_ledger_moved_on_a_person_decides_field_by_field() -> Result<()> {
    let scene = Scene::start().await?;
    let (one, other) = (scene.phone("grid_worker").await?, scene.phone("supervisor").await?);
    let first = sent(&one, scene.elder, &[("/g_h/h_move", "bad"), ("/g_e/e_kin", "week")]).await?;
    let second = sent(&other, scene.elder, &[("/g_h/h_move", "good"), ("/g_h/h_ill", "dm")]).await?;
    assert_eq!((first.case_version, second.case_version), (1, 1));
    let office = scene.office("county").await?;
    let seen = office.submission(second.submission_id).await?;
    assert_eq!(seen.conflicts, [], "nothing has moved yet");
    office.approve(first.submission_id).await?;

    // Whoever looked before that is stopped, with what is in the way.
    let stale = request(Decision::Approve, seen.case.version, &[]);
    let problem = office.try_decide(second.submission_id, &stale).await?.refused(ProblemCode::CaseMovedOn)?;
    assert_eq!(problem.case_version, Some(2));
    let detail = office.submission(second.submission_id).await?;
    assert_eq!(detail.conflicts, problem.conflicts);
    let conflict = detail.conflicts.iter().find(|conflict| conflict.property == "mobility");
    let conflict = conflict.context("mobility was found otherwise")?;
    assert_eq!(
        (conflict.base.as_deref(), conflict.ledger.as_deref(), conflict.submitted.as_deref()),
        (None, Some("bad"), Some("good"))
    );
    assert!(
        !detail.conflicts.iter().any(|conflict| conflict.property == "last_contact"),
        "both found the same"
    );

    let mut settled = request(Decision::Approve, detail.case.version, &[]);
    settled.keep_ledger = vec!["mobility".to_owned()];
    let answer: doorstep_core::api::DecisionAnswer =
        office.try_decide(second.submission_id, &settled).await?.ok()?;
    let property = |name: &str| answer.case.properties.get(name).map(String::as_str);
    assert_eq!(property("mobility"), Some("bad"), "the ledger's value was kept");
    assert_eq!(property("illnesses"), Some("dm"), "the others were taken");
    assert_eq!(property("kin_visits"), Some("month"));
    assert_eq!(answer.case.version, 3);
    Ok(())
}

#[tokio::test]
async fn a_change_by_an_import_is_a_conflict_too() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let content = sent(&phone, scene.elder, &[]).await?;
    let visited = CaseAction::Visited {
        form_id: FORM.to_owned(),
        visited_on: day("2026-11-22"),
        counted: true,
        closes: false,
    };
    scene.record(scene.elder, visited, vec![set("address", Some("一组1号"), "三组9号")]).await?;
    let office = scene.office("supervisor").await?;
    let detail = office.submission(content.submission_id).await?;
    let conflict = detail.conflicts.first().context("the address")?;
    assert_eq!(
        (conflict.property.as_str(), conflict.base.as_deref(), conflict.ledger.as_deref()),
        ("address", Some("一组1号"), Some("三组9号"))
    );
    Ok(())
}

/// Sends a visit with another instance than the form made of it.
async fn forged(
    phone: &TestPhone,
    case: CaseId,
    forge: impl FnOnce(&mut serde_json::Value),
) -> Result<SubmissionId> {
    let content = phone.visit(case).await?;
    let mut operation = phone.waiting().await?.pop().context("an operation")?;
    forge(&mut operation.body["instance"]);
    let request = PushRequest { device: phone.phone.owner().device_id, epoch: None, ops: vec![operation] };
    let answer: PushAnswer = phone.caller().post(doorstep_core::api::SYNC, &request).await?.ok()?;
    let outcome = answer.results.first().context("a result")?.outcome.clone();
    assert_eq!(outcome, Outcome::Applied, "nothing is refused for its content");
    let report = phone.try_sync().await?;
    // The receipt names another hash than the phone's own.
    assert!(!matches!(report.failure, Some(Failure::Store(_))), "{report:?}");
    for file in phone.phone.media().await? {
        let bytes = phone.phone.media_bytes(file.media_id).await?.context("bytes")?;
        let uploader = doorstep_tests::tus::Uploader { caller: phone.caller(), id: file.media_id };
        assert_eq!(uploader.send_whole(&bytes).await?.status, 201);
    }
    Ok(content.submission_id)
}

#[tokio::test]
async fn what_breaks_the_forms_rules_can_be_returned_and_not_approved() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let id = forged(&phone, scene.elder, |instance| {
        instance["g_n"]["ph"] = "".into();
        instance["g_h"]["h_ill"] = "none bp".into();
    })
    .await?;
    let office = scene.office("supervisor").await?;
    let detail = office.submission(id).await?;
    let paths: Vec<&str> = detail.form_problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, ["/g_h/h_ill", "/g_n/ph"]);
    for problem in &detail.form_problems {
        assert!(!problem.message.zh.is_empty() && !problem.message.en.is_empty(), "{problem:?}");
    }
    let decision = request(Decision::Approve, detail.case.version, &[]);
    let problem = office.try_decide(id, &decision).await?.refused(ProblemCode::FormInvalid)?;
    assert_eq!(problem.errors.len(), 2);
    assert_eq!(office.give_back(id, "请补照片").await?.state, SubmissionState::Returned);
    Ok(())
}

#[tokio::test]
async fn what_the_phone_computed_is_not_trusted() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let id = forged(&phone, scene.elder, |instance| {
        instance["g_e"]["e_abuse"] = "violence".into();
        instance["alert_level"] = "0".into();
        instance["risk"] = "red".into();
    })
    .await?;
    let office = scene.office("supervisor").await?;
    let detail = office.submission(id).await?;
    assert_eq!((detail.alert_level, detail.alert_codes.as_slice()), (3, &["ABUSE".to_owned()][..]));
    let differences: Vec<(&str, &str, &str)> = detail
        .differences
        .iter()
        .map(|one| (one.path.as_str(), one.claimed.as_str(), one.computed.as_str()))
        .collect();
    assert!(differences.contains(&("/alert_level", "0", "3")), "{differences:?}");
    assert!(differences.contains(&("/risk", "red", "green")), "{differences:?}");
    let answer = office.approve(id).await?;
    assert_eq!(answer.case.properties.get("risk").map(String::as_str), Some("green"));
    assert_eq!(answer.case.properties.get("last_alert_level").map(String::as_str), Some("3"));
    Ok(())
}

#[tokio::test]
async fn comments_are_bounded_and_what_does_not_read_is_refused() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let content = sent(&phone, scene.elder, &[]).await?;
    let office = scene.office("supervisor").await?;
    let mut long = request(Decision::Return, 1, &[]);
    long.comments = vec![NewComment { path: None, text: "长".repeat(100_000) }];
    office.try_decide(content.submission_id, &long).await?.refused(ProblemCode::InvalidRequest)?;
    let path = format!("{SUBMISSIONS}/{}/decision", content.submission_id);
    let unknown = serde_json::json!({"decision": "burn", "case_version": 1});
    office.caller.post(&path, &unknown).await?.refused(ProblemCode::InvalidRequest)?;
    office.caller.get(&format!("{SUBMISSIONS}/nonsense")).await?.refused(ProblemCode::NotFound)?;
    Ok(())
}
