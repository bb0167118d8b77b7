//! What the simulation of sync found, each as it happened.

use anyhow::{Context, Result};
use chrono::TimeDelta;
use doorstep::db::entity::{form_list, form_version, server_state};
use doorstep::{forms, users};
use doorstep_core::api::SYNC;
use doorstep_core::ids::CaseId;
use doorstep_core::phone::{Failure, OperationState, PhoneError, SyncReport};
use doorstep_core::problem::ProblemCode;
use doorstep_core::store::{Batch, Durability, LocalStore, Table};
use doorstep_core::submission::SubmissionState;
use doorstep_core::sync::{ParkReason, PushAnswer, PushRequest};
use doorstep_tests::county::{COUNTY, Place};
use doorstep_tests::scene::{Scene, lists, pack_file};
use doorstep_tests::wait::until;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, Set};
use uuid::Uuid;

#[tokio::test]
async fn what_was_corrected_on_one_phone_is_not_offered_for_correction_on_another() -> Result<()> {
    let scene = Scene::start().await?;
    let (first, second) = (scene.phone("grid_worker").await?, scene.phone("grid_worker").await?);
    let content = first.visit(scene.elder).await?;
    first.sync().await?;
    scene.office("supervisor").await?.give_back(content.submission_id, "电话错了").await?;
    first.sync().await?;
    second.sync().await?;
    assert_eq!(second.phone.returned().await?.len(), 1);

    let mut draft = first.start_correction(content.submission_id).await?;
    first.finish(&mut draft).await?;
    first.sync().await?;
    for phone in [&first, &second] {
        phone.sync().await?;
        let status = phone.status(content.submission_id).await?;
        assert_eq!((status.state, status.content), (SubmissionState::Returned, None));
        assert_eq!(phone.phone.returned().await?, []);
    }
    Ok(())
}

#[tokio::test]
async fn a_correction_whose_form_has_not_arrived_leaves_no_draft() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let content = phone.visit(scene.elder).await?;
    phone.sync().await?;
    scene.office("supervisor").await?.give_back(content.submission_id, "电话错了").await?;
    phone.sync().await?;
    let mut loss = Batch::default();
    loss.delete_prefix(Table::FormBundle, "");
    phone.phone.store().commit(loss, Durability::Strict).await?;

    let begun = phone.start_correction(content.submission_id).await;
    let error = begun.err().context("it cannot be opened")?;
    assert!(matches!(error.downcast_ref(), Some(PhoneError::FormVersionUnknown(_))), "{error:?}");
    assert_eq!(phone.phone.drafts().await?, []);
    phone.sync().await?;
    phone.start_correction(content.submission_id).await?;
    Ok(())
}

#[tokio::test]
async fn a_form_that_is_published_again_is_the_one_that_phones_captured_with() -> Result<()> {
    let mut scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let content = phone.visit(scene.elder).await?;
    // The server is put back to before the form was published.
    let connection = scene.server.components.database.read();
    form_version::Entity::delete_by_id(scene.form).exec(connection).await?;
    form_list::Entity::delete_many()
        .filter(form_list::Column::FormVersionId.eq(scene.form))
        .exec(connection)
        .await?;
    scene.server = scene.server.restart().await?;
    phone.push_only().await?;
    let parked = scene.office("supervisor").await?.parked().await?.operations;
    assert_eq!(parked.first().context("it waits")?.reason, ParkReason::FormUnknown);

    let again =
        forms::publish(&scene.server.components, COUNTY, &pack_file("elder_visit.xlsx")?, lists()?).await?;
    assert_eq!(again.id, scene.form);
    let report = phone.sync().await?;
    assert_eq!(report.files_sent, 3);
    assert_eq!(phone.state(content.submission_id).await?, SubmissionState::Submitted);
    Ok(())
}

#[tokio::test]
async fn what_should_have_been_tried_again_is_tried_at_the_next_start() -> Result<()> {
    let mut scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    phone.visit(scene.elder).await?;
    let mut operation = phone.waiting().await?.pop().context("an operation")?;
    let case = CaseId(Uuid::now_v7());
    operation.body["case_id"] = serde_json::json!(case);
    operation.body["task_id"] = serde_json::Value::Null;
    let request = PushRequest { device: phone.phone.owner().device_id, epoch: None, ops: vec![operation] };
    phone.caller().post(SYNC, &request).await?.ok::<PushAnswer>()?;
    // The case is entered, and the server ends before it looks who waited.
    scene.open_elder_as(case, Place::Grid, "新来的示例", &[]).await?;
    let office = scene.office("supervisor").await?;
    assert_eq!((office.parked().await?.operations.len(), office.queue().await?.len()), (1, 0));
    scene.server = scene.server.restart().await?;
    // The start tries again before anything else.
    let office = scene.office("supervisor").await?;
    let applied = async || Ok((office.queue().await?.len() == 1).then_some(()));
    until("what is parked to be tried again", applied).await?;
    assert_eq!(office.parked().await?.operations.len(), 0);
    Ok(())
}

#[tokio::test]
async fn a_wrong_clock_does_not_shorten_how_long_operations_are_kept() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    phone.visit(scene.elder).await?;
    phone.visit(scene.elder).await?;
    phone.sync().await?;
    phone.skew.set(TimeDelta::days(400));
    phone.sync().await?;
    phone.sync().await?;
    assert_eq!(phone.phone.operations().await?.len(), 2, "the server has them for a minute");

    phone.skew.set(TimeDelta::zero());
    scene.server.advance(TimeDelta::days(31));
    phone.sync().await?;
    phone.sync().await?;
    assert_eq!(phone.phone.operations().await?.len(), 1, "the last one numbers the next");
    Ok(())
}

#[tokio::test]
async fn who_may_not_pull_still_sends_their_photos() -> Result<()> {
    let scene = Scene::start().await?;
    let refused = |report: &SyncReport| match &report.failure {
        Some(Failure::Problem(problem)) => Some(problem.code),
        _ => None,
    };
    let old = scene.phone("grid_worker").await?;
    let content = old.visit(scene.elder).await?;
    old.wire.be_app(0);
    let report = old.try_sync().await?;
    assert_eq!((report.operations_sent, report.files_sent), (1, 3));
    assert_eq!(refused(&report), Some(ProblemCode::AppTooOld));
    scene.office("supervisor").await?.approve(content.submission_id).await?;

    // The same of somebody whose account was disabled after the visit.
    let disabled = scene.phone("next_worker").await?;
    let content = disabled.visit(scene.next_elder).await?;
    disabled.push_only().await?;
    let (user, now) = (scene.county.user("next_worker")?, scene.now());
    users::set_disabled(scene.server.components.database.read(), user, Some(now)).await?;
    let report = disabled.try_sync().await?;
    assert_eq!(refused(&report), Some(ProblemCode::AccountDisabled));
    assert_eq!(report.files_sent, 3);
    scene.office("supervisor").await?.approve(content.submission_id).await?;
    Ok(())
}

#[tokio::test]
async fn a_restored_server_whose_clock_was_wrong_is_no_answer_from_the_past() -> Result<()> {
    let mut scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let content = phone.visit(scene.elder).await?;
    phone.sync().await?;
    // It was restored once with a clock years ahead, and once more since.
    let connection = scene.server.components.database.read();
    let row = server_state::Entity::find().one(connection).await?.context("an epoch")?;
    let lower = row.epoch - 1_000_000;
    let mut row = row.into_active_model();
    row.epoch = Set(lower);
    row.update(connection).await?;
    scene.server = scene.server.restart().await?;

    let report = phone.sync().await?;
    assert!(report.items_received > 0, "everything comes anew");
    assert_eq!(report.operations_sent, 1, "and is sent again");
    let entry = phone.phone.operations().await?.pop().context("in the outbox")?;
    assert!(matches!(entry.state, OperationState::Applied { .. }));
    assert_eq!(phone.state(content.submission_id).await?, SubmissionState::Submitted);
    Ok(())
}
