//! What cannot be applied yet is stored, said, and tried again.

use anyhow::{Context, Result};
use doorstep::db::entity::form_version;
use doorstep::sync::retry_parked;
use doorstep::{forms, users};
use doorstep_core::api::SYNC;
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{CaseId, FormVersionId, OperationId, SubmissionId};
use doorstep_core::phone::OperationState;
use doorstep_core::problem::ProblemCode;
use doorstep_core::role::Role;
use doorstep_core::submission::{Decision, SubmissionState};
use doorstep_core::sync::{Operation, Outcome, ParkReason, PushAnswer, PushRequest};
use doorstep_tests::county::{COUNTY, Place};
use doorstep_tests::phone::TestPhone;
use doorstep_tests::scene::{Scene, lists, pack_file};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, Set};
use uuid::Uuid;

async fn push(phone: &TestPhone, operation: Operation) -> Result<Outcome> {
    let sent = ContentHash::of_json(&operation.body);
    let request = PushRequest { device: phone.phone.owner().device_id, epoch: None, ops: vec![operation] };
    let answer: PushAnswer = phone.caller().post(SYNC, &request).await?.ok()?;
    let result = answer.results.into_iter().next().context("one result")?;
    assert_eq!(result.receipt.sha256, sent, "stored, whatever it is");
    Ok(result.outcome)
}

fn parked(reason: ParkReason) -> Outcome {
    Outcome::Parked { reason }
}

/// A visit of the elder that says something else about itself.
async fn visit_that(
    phone: &TestPhone,
    scene: &Scene,
    change: impl FnOnce(&mut Operation),
) -> Result<Operation> {
    phone.visit(scene.elder).await?;
    let mut operation = phone.waiting().await?.pop().context("an operation")?;
    change(&mut operation);
    Ok(operation)
}

fn submission_of(operation: &Operation) -> Result<SubmissionId> {
    Ok(operation.body["submission_id"].as_str().context("an identifier")?.parse()?)
}

#[tokio::test]
async fn a_visit_of_an_unknown_case_waits_for_the_case() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let case = CaseId(Uuid::now_v7());
    let operation = visit_that(&phone, &scene, |operation| {
        operation.body["case_id"] = serde_json::json!(case);
        operation.body["task_id"] = serde_json::Value::Null;
    })
    .await?;
    assert_eq!(push(&phone, operation.clone()).await?, parked(ParkReason::CaseUnknown));
    let office = scene.office("supervisor").await?;
    let list = office.parked().await?.operations;
    let shown = list.first().context("a supervisor sees it")?;
    assert_eq!(
        (list.len(), shown.op_id, &shown.reason, shown.author_name.as_str()),
        (1, operation.op_id, &ParkReason::CaseUnknown, "王示例")
    );
    assert_eq!(scene.office("far_supervisor").await?.parked().await?.operations.len(), 0);
    assert_eq!(office.queue().await?, []);

    scene.open_elder_as(case, Place::Grid, "新来的示例", &[]).await?;
    assert_eq!(retry_parked(&scene.server.components, &format!("case:{case}")).await?, 1);
    assert_eq!(office.parked().await?.operations.len(), 0);
    let entry = office.queue().await?.into_iter().next().context("now it waits for a decision")?;
    assert_eq!((entry.submission_id, entry.case_label.as_str()), (submission_of(&operation)?, "新来的示例"));
    // The author learns of it.
    let fresh = scene.phone("grid_worker").await?;
    assert_eq!(fresh.state(submission_of(&operation)?).await?, SubmissionState::Submitted);
    assert_eq!(push(&phone, operation).await?, Outcome::Applied, "and so does the phone that asks again");
    assert_eq!(retry_parked(&scene.server.components, &format!("case:{case}")).await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_visit_with_an_unpublished_form_waits_for_the_form() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let unknown = FormVersionId(Uuid::now_v7());
    let operation = visit_that(&phone, &scene, |operation| {
        operation.body["form_version_id"] = serde_json::json!(unknown);
    })
    .await?;
    assert_eq!(push(&phone, operation.clone()).await?, parked(ParkReason::FormUnknown));
    assert_eq!(retry_parked(&scene.server.components, &format!("form_version:{unknown}")).await?, 0);
    assert_eq!(scene.office("supervisor").await?.parked().await?.operations.len(), 1, "it stays");
    // The same workbook again is no new version.
    let again =
        forms::publish(&scene.server.components, COUNTY, &pack_file("elder_visit.xlsx")?, lists()?).await?;
    assert_eq!(again.id, scene.form);
    Ok(())
}

#[tokio::test]
async fn what_nobody_can_read_is_kept_all_the_same() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let blank = visit_that(&phone, &scene, |_| {}).await?;
    let operation = |seq: u64, kind: &str, v: u32, body: serde_json::Value| Operation {
        seq,
        op_id: OperationId(Uuid::now_v7()),
        kind: kind.to_owned(),
        v,
        body,
        ..blank.clone()
    };
    let mut other_root = blank.body.clone();
    other_root["root_id"] = serde_json::json!(Uuid::now_v7());
    let mut no_instance = blank.body.clone();
    no_instance["instance"] = serde_json::json!([]);
    for (seq, (kind, v, body, reason)) in (1..).zip([
        ("submission", 1, serde_json::json!("a text"), ParkReason::Unreadable),
        ("submission", 1, serde_json::json!({"submission_id": 7}), ParkReason::Unreadable),
        ("submission", 1, serde_json::json!({"nul": "\u{0}", "deep": [[[[[]]]]]}), ParkReason::Unreadable),
        ("submission", 1, other_root, ParkReason::Unreadable),
        ("submission", 1, no_instance, ParkReason::Unreadable),
        ("submission", 99, blank.body.clone(), ParkReason::KindUnknown),
        ("cancellation", 1, blank.body.clone(), ParkReason::KindUnknown),
        ("\u{0}", 1, serde_json::Value::Null, ParkReason::KindUnknown),
    ]) {
        let outcome = push(&phone, operation(seq, kind, v, body.clone())).await?;
        assert_eq!(outcome, parked(reason), "{kind} {v} {body}");
    }
    let list = scene.office("supervisor").await?.parked().await?.operations;
    assert_eq!(list.len(), 8);
    Ok(())
}

#[tokio::test]
async fn a_revoked_author_is_not_silenced() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let content = phone.visit(scene.elder).await?;
    let user = scene.county.user("grid_worker")?;
    let connection = scene.server.components.database.read();
    users::set_disabled(connection, user, Some(scene.now())).await?;
    // The phone hands over what it has; the rest of the sync is not for it.
    let report = phone.try_sync().await?;
    assert_eq!(report.operations_sent, 1);
    assert!(report.failure.is_some());
    let entry = phone.phone.operations().await?.pop().context("in the outbox")?;
    assert!(matches!(entry.state, OperationState::Parked { reason: ParkReason::AuthorRevoked, .. }));

    users::set_disabled(connection, user, None).await?;
    assert_eq!(retry_parked(&scene.server.components, &format!("user:{user}")).await?, 1);
    let report = phone.sync().await?;
    assert_eq!(report.files_sent, 3, "the photos go, too");
    assert_eq!(phone.state(content.submission_id).await?, SubmissionState::Submitted);
    scene.office("supervisor").await?.approve(content.submission_id).await?;
    Ok(())
}

#[tokio::test]
async fn a_visit_outside_of_the_authors_area_waits_for_a_grant() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let operation = visit_that(&phone, &scene, |operation| {
        operation.body["case_id"] = serde_json::json!(scene.far_elder);
        operation.body["task_id"] = serde_json::Value::Null;
    })
    .await?;
    assert_eq!(push(&phone, operation.clone()).await?, parked(ParkReason::AuthorRevoked));
    let user = scene.county.user("grid_worker")?;
    let connection = scene.server.components.database.read();
    users::grant(connection, user, Role::GridWorker, scene.county.area(Place::FarVillage)?, None).await?;
    assert_eq!(retry_parked(&scene.server.components, &format!("user:{user}")).await?, 1);
    let queue = scene.office("far_supervisor").await?.queue().await?;
    assert_eq!(queue.first().map(|entry| entry.submission_id), Some(submission_of(&operation)?));
    Ok(())
}

#[tokio::test]
async fn a_visit_made_before_the_case_moved_is_taken() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let content = phone.visit(scene.elder).await?;
    scene.move_case(scene.elder, Place::FarGrid).await?;
    phone.sync().await?;
    assert_eq!(phone.state(content.submission_id).await?, SubmissionState::Submitted);
    // It is for the supervisor of where the case is now.
    let id = content.submission_id;
    assert_eq!(scene.office("supervisor").await?.queue().await?, []);
    let missing = scene.caller("supervisor").await?.get(&format!("/api/v1/submissions/{id}")).await?;
    missing.refused(ProblemCode::NotFound)?;
    scene.office("far_supervisor").await?.approve(id).await?;
    Ok(())
}

#[tokio::test]
async fn a_correction_waits_for_what_it_corrects() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let first = phone.visit(scene.elder).await?;
    let original = phone.waiting().await?.pop().context("an operation")?;
    // Another phone of the author sends the correction of what it does not know.
    let other = scene.phone("grid_worker").await?;
    other.visit(scene.elder).await?;
    let mut correction = other.waiting().await?.pop().context("an operation")?;
    correction.body["root_id"] = serde_json::json!(first.submission_id);
    correction.body["revision"] = serde_json::json!(2);
    assert_eq!(push(&other, correction.clone()).await?, parked(ParkReason::PreviousRevisionUnknown));

    assert_eq!(push(&phone, original).await?, Outcome::Applied);
    let office = scene.office("supervisor").await?;
    assert_eq!(office.parked().await?.operations.len(), 0, "it was tried again by itself");
    let queue = office.queue().await?;
    let entry = queue.first().context("the correction waits")?;
    assert_eq!((queue.len(), entry.submission_id, entry.revision), (1, submission_of(&correction)?, 2));
    let refused = office
        .try_decide(first.submission_id, &doorstep_tests::office::request(Decision::Approve, 1, &[]))
        .await?;
    refused.refused(ProblemCode::NotReviewable)?;
    Ok(())
}

/// Puts other bytes in the place of a form's definition.
async fn replace_bundle(scene: &Scene, id: FormVersionId, bundle: Vec<u8>) -> Result<Vec<u8>> {
    let connection = scene.server.components.database.read();
    let row = form_version::Entity::find_by_id(id).one(connection).await?.context("published")?;
    let before = row.bundle.clone();
    let mut row = row.into_active_model();
    row.bundle = Set(bundle);
    row.update(connection).await?;
    Ok(before)
}

#[tokio::test]
async fn a_fault_of_the_server_keeps_nothing_out() -> Result<()> {
    let mut scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let content = phone.visit(scene.elder).await?;
    phone.visit(scene.elder).await?;
    let whole = replace_bundle(&scene, content.form_version_id, b"damaged".to_vec()).await?;
    let report = phone.try_sync().await?;
    assert_eq!(report.failure, None, "a phone is not told of it");
    let states: Vec<OperationState> =
        phone.phone.operations().await?.into_iter().map(|operation| operation.state).collect();
    assert_eq!(states.len(), 2);
    for state in states {
        assert!(matches!(state, OperationState::Parked { reason: ParkReason::Unreadable, .. }), "{state:?}");
    }

    // Repaired, the next start applies them, and the photos follow.
    replace_bundle(&scene, content.form_version_id, whole).await?;
    scene.server = scene.server.restart().await?;
    phone.sync().await?;
    let status = phone.status(content.submission_id).await?;
    assert_eq!((status.state, status.media_missing.len()), (SubmissionState::Submitted, 0));
    assert_eq!(scene.office("supervisor").await?.queue().await?.len(), 2);
    Ok(())
}
