//! What phones hand over: once, in order, whatever the network does.

use anyhow::{Context, Result};
use chrono::TimeDelta;
use doorstep::db::entity::{change, device, task};
use doorstep::db::entity::{operation, stream, submission, submission_event, submission_media};
use doorstep_core::api::SYNC;
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::OperationId;
use doorstep_core::phone::{Failure, OperationState};
use doorstep_core::problem::ProblemCode;
use doorstep_core::submission::{SubmissionContent, SubmissionState};
use doorstep_core::sync::{
    Operation, Outcome, PUSH_OPERATIONS_MAX, PushAnswer, PushRequest, StreamHash, StreamName,
};
use doorstep_core::task::TaskState;
use doorstep_tests::caller::{Answer, Caller};
use doorstep_tests::county::{self, PASSWORD};
use doorstep_tests::gate::{Gate, Mode};
use doorstep_tests::phone::{TestPhone, gzip};
use doorstep_tests::scene::Scene;
use doorstep_tests::server::TestServer;
use reqwest::Method;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, ModelTrait, PaginatorTrait, QueryFilter, Set,
};
use uuid::Uuid;

async fn push(phone: &TestPhone, caller: &Caller, ops: Vec<Operation>) -> Result<Answer> {
    let request = PushRequest { device: phone.phone.owner().device_id, epoch: None, ops };
    caller.post(SYNC, &request).await
}

#[tokio::test]
async fn a_receipt_names_what_is_on_the_servers_disk() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    // The phone's clock is wrong, and the phone will find out by how much.
    phone.skew.set(TimeDelta::minutes(-7));
    phone.sync().await?;
    let content = phone.visit(scene.elder).await?;
    let report = phone.sync().await?;
    assert_eq!((report.operations_sent, report.files_sent), (1, 3));

    let entry = phone.phone.operations().await?.pop().context("it stays in the outbox")?;
    assert_eq!(entry.operation.skew_ms, Some(7 * 60 * 1000));
    assert!(matches!(entry.state, OperationState::Applied { .. }), "{:?}", entry.state);
    let receipt = entry.receipt.context("a receipt")?;
    let sent = ContentHash::of_json(&entry.operation.body);
    assert_eq!(receipt.sha256, sent);
    assert_eq!(receipt.sha256, content.hash()?);
    assert_eq!(receipt.received_at, scene.now());
    assert_eq!(receipt.submission_id, Some(content.submission_id));

    let connection = scene.server.components.database.read();
    let row = operation::Entity::find_by_id(entry.operation.op_id).one(connection).await?;
    let row = row.context("the operation is stored")?;
    let stored: serde_json::Value = serde_json::from_str(&row.body)?;
    assert_eq!(ContentHash::of_json(&stored), sent, "and it is what was sent");
    assert_eq!(row.sha256, sent);
    let row = submission::Entity::find_by_id(content.submission_id).one(connection).await?;
    let row = row.context("the submission is there")?;
    assert_eq!(serde_json::from_str::<SubmissionContent>(&row.content)?, content);
    assert_eq!(row.state, SubmissionState::Submitted);
    assert_eq!(phone.state(content.submission_id).await?, SubmissionState::Submitted);
    assert_eq!(phone.status(content.submission_id).await?.media_missing, []);
    assert_eq!(phone.phone.unsent().await?, doorstep_core::phone::outbox::Unsent::default());
    Ok(())
}

#[tokio::test]
async fn a_repetition_gets_the_first_answer() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    phone.visit(scene.elder).await?;
    let ops = phone.waiting().await?;
    let first: PushAnswer = push(&phone, &phone.caller(), ops.clone()).await?.ok()?;
    assert_eq!(first.last_seq, 1);
    scene.server.advance(TimeDelta::minutes(5));
    for _ in 0..3 {
        let again: PushAnswer = push(&phone, &phone.caller(), ops.clone()).await?.ok()?;
        assert_eq!(again.results, first.results, "with the first receipt's time");
        assert_eq!(again.last_seq, 1);
    }
    // Several at once, too.
    let caller = phone.caller();
    let at_once = futures::future::join_all((0..6).map(|_| push(&phone, &caller, ops.clone()))).await;
    for answer in at_once {
        assert_eq!(answer?.ok::<PushAnswer>()?.results, first.results);
    }
    let connection = scene.server.components.database.read();
    assert_eq!(submission::Entity::find().count(connection).await?, 1);
    assert_eq!(operation::Entity::find().count(connection).await?, 1);
    Ok(())
}

#[tokio::test]
async fn an_answer_that_is_lost_costs_nothing() -> Result<()> {
    let scene = Scene::start().await?;
    let gate = Gate::before(scene.server.address)?;
    let phone = TestPhone::log_in(&gate.base_url(), scene.server.clock(), "grid_worker", PASSWORD).await?;
    phone.sync().await?;
    let content = phone.visit(scene.elder).await?;
    gate.set(Mode::CutAfter { answer_bytes: 60 });
    let report = phone.try_sync().await?;
    assert_eq!(report.failure, Some(Failure::NoConnection));
    assert_eq!(phone.phone.unsent().await?.visits, 1, "as far as the phone knows");
    let connection = scene.server.components.database.read();
    assert_eq!(submission::Entity::find().count(connection).await?, 1, "the server has it");

    gate.open();
    let report = phone.sync().await?;
    assert_eq!((report.operations_sent, report.files_sent), (1, 3));
    assert_eq!(phone.state(content.submission_id).await?, SubmissionState::Submitted);
    assert_eq!(submission::Entity::find().count(connection).await?, 1);
    assert_eq!(operation::Entity::find().count(connection).await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_network_that_swallows_everything_costs_nothing_either() -> Result<()> {
    let scene = Scene::start().await?;
    let gate = Gate::before(scene.server.address)?;
    let phone = TestPhone::log_in(&gate.base_url(), scene.server.clock(), "grid_worker", PASSWORD).await?;
    phone.sync().await?;
    let content = phone.visit(scene.elder).await?;
    gate.set(Mode::BlackHole);
    let attempt = tokio::time::timeout(std::time::Duration::from_secs(2), phone.try_sync()).await;
    assert!(attempt.is_err(), "nothing comes back");
    assert_eq!(phone.phone.unsent().await?.visits, 1);
    gate.open();
    phone.sync().await?;
    assert_eq!(phone.state(content.submission_id).await?, SubmissionState::Submitted);
    Ok(())
}

#[tokio::test]
async fn a_gap_is_named_and_nothing_behind_it_is_taken() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    for _ in 0..3 {
        phone.visit(scene.elder).await?;
    }
    let ops = phone.waiting().await?;
    let [first, _, third] = ops.as_slice() else { anyhow::bail!("three operations") };
    push(&phone, &phone.caller(), vec![first.clone()]).await?.ok::<PushAnswer>()?;
    let problem =
        push(&phone, &phone.caller(), vec![third.clone()]).await?.refused(ProblemCode::OperationGap)?;
    assert_eq!(problem.expect, Some(2));
    let connection = scene.server.components.database.read();
    assert_eq!(operation::Entity::find().count(connection).await?, 1);
    // The phone knows what to do.
    phone.sync().await?;
    assert_eq!(operation::Entity::find().count(connection).await?, 3);
    Ok(())
}

#[tokio::test]
async fn a_forked_device_takes_a_new_identity_and_nothing_is_entered_twice() -> Result<()> {
    let scene = Scene::start().await?;
    let mut phone = scene.phone("grid_worker").await?;
    phone.visit(scene.elder).await?;
    let first = phone.waiting().await?.pop().context("one operation")?;
    phone.sync().await?;

    // A copy of the phone's data numbers its own work from 2 as well.
    phone.visit(scene.elder).await?;
    let mut copy = phone.waiting().await?;
    for operation in &mut copy {
        operation.op_id = OperationId(Uuid::now_v7());
        let other = serde_json::json!(Uuid::now_v7());
        operation.body["submission_id"] = other.clone();
        operation.body["root_id"] = other;
    }
    push(&phone, &phone.caller(), copy).await?.ok::<PushAnswer>()?;

    let report = phone.try_sync().await?;
    assert!(report.device_forked);
    assert!(
        matches!(&report.failure, Some(Failure::Problem(problem)) if problem.code == ProblemCode::DeviceForked)
    );
    let device = doorstep_tests::device::TestDevice::new()?;
    let answer = device.log_in(&phone.caller().stranger(), "grid_worker", PASSWORD).await?;
    phone.phone.take_new_device(device.id).await?;
    let renumbered = phone.waiting().await?;
    assert_eq!(renumbered.iter().map(|operation| operation.seq).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(renumbered.first().map(|operation| operation.op_id), Some(first.op_id));
    let caller = phone.caller().with_token(answer.tokens.access_token);
    let results: PushAnswer = push(&phone, &caller, renumbered).await?.ok()?;
    assert_eq!(results.results.len(), 2);
    assert_eq!(results.last_seq, 2);
    let connection = scene.server.components.database.read();
    assert_eq!(submission::Entity::find().count(connection).await?, 3, "two of this phone, one of its copy");
    Ok(())
}

#[tokio::test]
async fn another_devices_operations_are_not_taken() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    phone.visit(scene.elder).await?;
    let (_, other, _) = county::log_in(&scene.server, "next_worker").await?;
    let answer = push(&phone, &other, phone.waiting().await?).await?;
    answer.refused(ProblemCode::DeviceUnknown)?;
    let connection = scene.server.components.database.read();
    assert_eq!(operation::Entity::find().count(connection).await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_disabled_account_may_still_hand_over() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    phone.visit(scene.elder).await?;
    let (user, now) = (scene.county.user("grid_worker")?, scene.now());
    let database = &scene.server.components.database;
    doorstep::users::set_disabled(database.read(), user, Some(now)).await?;
    let answer = phone.push_only().await?;
    let result = answer.results.first().context("one result")?;
    assert!(matches!(result.outcome, Outcome::Parked { .. }), "{result:?}");
    phone.caller().get(SYNC).await?.refused(ProblemCode::AccountDisabled)?;
    Ok(())
}

async fn packed(caller: &Caller, json: &[u8]) -> Result<Answer> {
    let request = caller
        .request(Method::POST, SYNC)
        .header(CONTENT_TYPE, "application/json")
        .header(CONTENT_ENCODING, "gzip")
        .body(gzip(json)?);
    caller.send(request).await
}

#[tokio::test]
async fn a_push_is_counted_unpacked() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let blanks = |bytes: usize| {
        let head = format!(r#"{{"device":"{}","epoch":null,"ops":["#, phone.phone.owner().device_id);
        [head.into_bytes(), vec![b' '; bytes], b"]}".to_vec()].concat()
    };
    packed(&phone.caller(), &blanks(8 * 1024 * 1024)).await?.ok::<PushAnswer>()?;
    // Sixty-four megabytes that travel as sixty-four kilobytes.
    packed(&phone.caller(), &blanks(64 * 1024 * 1024)).await?.refused(ProblemCode::TooLarge)?;
    Ok(())
}

#[tokio::test]
async fn a_push_that_does_not_read_is_refused_as_a_whole() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    packed(&phone.caller(), b"not json").await?.refused(ProblemCode::InvalidRequest)?;
    packed(&phone.caller(), b"{}").await?.refused(ProblemCode::InvalidRequest)?;
    phone.visit(scene.elder).await?;
    let ops = vec![phone.waiting().await?.pop().context("one operation")?; PUSH_OPERATIONS_MAX + 1];
    push(&phone, &phone.caller(), ops).await?.refused(ProblemCode::TooLarge)?;
    let broken = phone
        .caller()
        .request(Method::POST, SYNC)
        .header(CONTENT_TYPE, "application/json")
        .header(CONTENT_ENCODING, "gzip")
        .body("this is no gzip");
    phone.caller().send(broken).await?.refused(ProblemCode::InvalidRequest)?;
    Ok(())
}

#[tokio::test]
async fn a_new_life_of_the_server_is_noticed_and_everything_is_sent_again() -> Result<()> {
    let mut scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let content = phone.visit(scene.elder).await?;
    phone.sync().await?;
    let components = &scene.server.components;
    components.database.begin_epoch(&components.clock).await?;
    scene.server = restarted(scene.server).await?;

    let report = phone.sync().await?;
    assert!(report.items_received > 0, "what was pulled is pulled anew");
    assert_eq!(report.operations_sent, 1, "what was acknowledged is sent again");
    assert_eq!(report.files_sent, 0, "the files it still has");
    assert_eq!(phone.phone.unsent().await?.files, 0);
    assert_eq!(phone.case_labels().await?, ["赵示例"]);
    assert_eq!(phone.state(content.submission_id).await?, SubmissionState::Submitted);
    let connection = scene.server.components.database.read();
    assert_eq!(submission::Entity::find().count(connection).await?, 1);
    assert_eq!(phone.sync().await?.operations_sent, 0, "once");
    Ok(())
}

async fn restarted(server: TestServer) -> Result<TestServer> {
    server.restart().await
}

/// What a backup from before the visit has: nothing of it.
async fn forget(scene: &Scene, content: &SubmissionContent) -> Result<()> {
    let connection = scene.server.components.database.read();
    let id = content.submission_id;
    operation::Entity::delete_many().exec(connection).await?;
    submission::Entity::delete_by_id(id).exec(connection).await?;
    submission_event::Entity::delete_many()
        .filter(submission_event::Column::SubmissionId.eq(id))
        .exec(connection)
        .await?;
    submission_media::Entity::delete_many()
        .filter(submission_media::Column::SubmissionId.eq(id))
        .exec(connection)
        .await?;
    for row in device::Entity::find().all(connection).await? {
        let mut row = row.into_active_model();
        row.last_seq = Set(0);
        row.update(connection).await?;
    }
    for row in task::Entity::find().filter(task::Column::SubmissionId.eq(id)).all(connection).await? {
        let mut row = row.into_active_model();
        row.state = Set(TaskState::Open);
        row.submission_id = Set(None);
        row.update(connection).await?;
    }
    let own = StreamName::User(scene.county.user("grid_worker")?);
    let gone = change::Entity::find()
        .filter(change::Column::Stream.eq(own.clone()))
        .filter(change::Column::ObjectId.eq(id.0))
        .one(connection)
        .await?
        .context("the submission was announced")?;
    let counter = stream::Entity::find_by_id(own).one(connection).await?.context("the stream")?;
    let mut hash = StreamHash(counter.hash.cast_unsigned());
    hash.toggle(&gone.kind, gone.object_id, gone.seq);
    gone.delete(connection).await?;
    let mut counter = counter.into_active_model();
    counter.hash = Set(hash.0.cast_signed());
    counter.update(connection).await?;
    Ok(())
}

#[tokio::test]
async fn a_server_restored_from_a_backup_gets_back_what_it_lacks() -> Result<()> {
    let mut scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let content = phone.visit(scene.elder).await?;
    phone.sync().await?;
    forget(&scene, &content).await?;
    let components = &scene.server.components;
    components.database.begin_epoch(&components.clock).await?;
    scene.server = restarted(scene.server).await?;

    let report = phone.sync().await?;
    assert_eq!((report.operations_sent, report.files_sent), (1, 3));
    assert_eq!(phone.state(content.submission_id).await?, SubmissionState::Submitted);
    let office = scene.office("supervisor").await?;
    let detail = office.submission(content.submission_id).await?;
    assert_eq!(detail.content, content);
    assert!(detail.media.iter().all(|file| file.stored));
    office.approve(content.submission_id).await?;
    Ok(())
}

#[tokio::test]
async fn a_server_that_was_put_back_without_a_word_gets_back_what_it_lacks() -> Result<()> {
    let mut scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let content = phone.visit(scene.elder).await?;
    phone.sync().await?;
    forget(&scene, &content).await?;
    // Nobody began a new epoch, and the person captures nothing new.
    scene.server = restarted(scene.server).await?;

    let report = phone.sync().await?;
    assert_eq!((report.operations_sent, report.files_sent), (1, 3));
    assert_eq!(phone.state(content.submission_id).await?, SubmissionState::Submitted);
    scene.office("supervisor").await?.approve(content.submission_id).await?;
    Ok(())
}

#[tokio::test]
async fn one_bad_item_does_not_block_the_rest() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    for _ in 0..3 {
        phone.visit(scene.elder).await?;
    }
    let mut ops = phone.waiting().await?;
    let second = ops.get_mut(1).context("three")?;
    second.body = serde_json::json!({"this is": "no submission", "\u{0}": "\u{0}"});
    let answer: PushAnswer = push(&phone, &phone.caller(), ops.clone()).await?.ok()?;
    let outcomes: Vec<bool> =
        answer.results.iter().map(|result| matches!(result.outcome, Outcome::Applied)).collect();
    assert_eq!(outcomes, [true, false, true]);
    for (result, operation) in answer.results.iter().zip(&ops) {
        assert_eq!(result.receipt.sha256, ContentHash::of_json(&operation.body));
    }
    Ok(())
}
