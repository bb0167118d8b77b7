//! Phones from afar: lock, drain then wipe, wipe now.

use anyhow::{Context, Result};
use doorstep::devices;
use doorstep::users;
use doorstep_core::api::SYNC;
use doorstep_core::command::{
    COMMAND, CommandAnswer, CommandKind, CommandReport, CommandRequest, DEVICES, DeviceCommand, DeviceRecord,
    DevicesAnswer, Left,
};
use doorstep_core::ids::{CommandId, DeviceId};
use doorstep_core::problem::ProblemCode;
use doorstep_core::role::Role;
use doorstep_core::sync::PullAnswer;
use doorstep_tests::caller::Caller;
use doorstep_tests::county::{self, County, Place};
use doorstep_tests::scene::Scene;
use uuid::Uuid;

const LEFT: Left = Left { visits: 2, files: 1, drafts: 3 };

async fn ask(admin: &Caller, device: DeviceId, kind: Option<CommandKind>) -> Result<DeviceRecord> {
    admin.post(&format!("{DEVICES}/{device}/command"), &CommandRequest { kind }).await?.ok()
}

async fn heard(phone: &Caller) -> Result<Option<DeviceCommand>> {
    Ok(phone.get(SYNC).await?.ok::<PullAnswer>()?.command)
}

async fn listed(admin: &Caller, device: DeviceId) -> Result<Option<DeviceRecord>> {
    let answer: DevicesAnswer = admin.get(DEVICES).await?.ok()?;
    Ok(answer.devices.into_iter().find(|record| record.device_id == device))
}

#[tokio::test]
async fn a_phone_that_lost_its_storage_is_noticed_and_one_that_only_begins_is_not() -> Result<()> {
    let scene = Scene::start().await?;
    let admin = scene.caller("admin").await?;
    let phone = scene.phone("grid_worker").await?;
    let recreated = async || -> Result<_> {
        let record = listed(&admin, phone.wire.device.id).await?.context("the phone")?;
        Ok(record.storage_recreated_at)
    };
    phone.caller().get(SYNC).await?.ok::<PullAnswer>()?;
    assert_eq!(recreated().await?, None, "whoever has sent nothing has lost nothing");
    phone.visit(scene.elder).await?;
    phone.sync().await?;
    phone.sync().await?;
    assert_eq!(recreated().await?, None, "it remembers where it was");

    // The browser threw the database away: the first thing that the next one
    // asks for is everything.
    let before = scene.now();
    phone.caller().get(SYNC).await?.ok::<PullAnswer>()?;
    assert!(recreated().await?.is_some_and(|at| at >= before), "whoever manages people sees it");
    let person = users::find_by_login_name(scene.server.components.database.read(), "grid_worker").await?;
    let seen =
        devices::records(scene.server.components.database.read(), &[person.context("the worker")?]).await?;
    assert!(seen.iter().any(|record| record.storage_recreated_at.is_some()), "and whoever runs the server");
    Ok(())
}

#[tokio::test]
async fn a_phone_hears_obeys_and_says_so() -> Result<()> {
    let scene = Scene::start().await?;
    let admin = scene.caller("admin").await?;
    let (device, phone, _) = county::log_in(&scene.server, "grid_worker").await?;
    assert_eq!(heard(&phone).await?, None);

    let asked = ask(&admin, device.id, Some(CommandKind::DrainThenWipe)).await?;
    let asked = asked.command.context("a command")?;
    assert_eq!((asked.kind, asked.seen_at, asked.done_at), (CommandKind::DrainThenWipe, None, None));
    assert_eq!(heard(&phone).await?, Some(DeviceCommand { id: asked.id, kind: asked.kind }));

    let report = CommandReport { id: asked.id, done: false, left: LEFT };
    assert_eq!(phone.post(COMMAND, &report).await?.status, 204);
    let record = listed(&admin, device.id).await?.context("the phone")?;
    assert_eq!((record.login_name.as_str(), record.revoked_at), ("grid_worker", None));
    assert_eq!(record.display_name, "王示例");
    let command = record.command.context("a command")?;
    assert_eq!((command.seen_at.is_some(), command.done_at, command.left), (true, None, LEFT));
    assert!(heard(&phone).await?.is_some(), "it is still asked");

    let report = CommandReport { id: asked.id, done: true, left: Left::default() };
    assert_eq!(phone.post(COMMAND, &report).await?.status, 204);
    let record = listed(&admin, device.id).await?.context("the phone")?;
    let command = record.command.context("a command")?;
    assert!(command.done_at.is_some() && record.revoked_at.is_some());
    // Nobody who has a copy of its keys can use them.
    phone.get(SYNC).await?.refused(ProblemCode::SessionExpired)?;
    let caller = Caller::new(scene.server.base_url())?;
    device.try_log_in(&caller, "grid_worker", county::PASSWORD).await?.refused(ProblemCode::DeviceUnknown)?;
    Ok(())
}

#[tokio::test]
async fn a_lock_is_done_once_and_ends_no_session() -> Result<()> {
    let scene = Scene::start().await?;
    let admin = scene.caller("admin").await?;
    let (device, phone, _) = county::log_in(&scene.server, "grid_worker").await?;
    let asked = ask(&admin, device.id, Some(CommandKind::Lock)).await?.command.context("a command")?;
    assert_eq!(heard(&phone).await?, Some(DeviceCommand { id: asked.id, kind: CommandKind::Lock }));
    let report = CommandReport { id: asked.id, done: true, left: LEFT };
    assert_eq!(phone.post(COMMAND, &report).await?.status, 204);
    assert_eq!(heard(&phone).await?, None);
    Ok(())
}

#[tokio::test]
async fn what_was_asked_is_replaced_and_taken_back() -> Result<()> {
    let scene = Scene::start().await?;
    let admin = scene.caller("admin").await?;
    let (device, phone, _) = county::log_in(&scene.server, "grid_worker").await?;
    for kind in [CommandKind::DrainThenWipe, CommandKind::WipeNow] {
        ask(&admin, device.id, Some(kind)).await?;
        assert_eq!(heard(&phone).await?.map(|command| command.kind), Some(kind));
    }
    assert_eq!(ask(&admin, device.id, None).await?.command, None);
    assert_eq!(heard(&phone).await?, None);

    // As `doorstep device ask` does.
    devices::set_command(&scene.server.components, device.id, Some(CommandKind::Lock), None).await?;
    assert_eq!(heard(&phone).await?.map(|command| command.kind), Some(CommandKind::Lock));
    Ok(())
}

#[tokio::test]
async fn only_who_manages_a_person_asks() -> Result<()> {
    let scene = Scene::start().await?;
    let (device, _, _) = county::log_in(&scene.server, "grid_worker").await?;
    let address = format!("{DEVICES}/{}/command", device.id);
    let lock = CommandRequest { kind: Some(CommandKind::Lock) };
    for (login_name, role) in County::accounts().filter(|(_, role)| *role != Role::Admin) {
        let caller = scene.caller(login_name).await?;
        caller.post(&address, &lock).await?.refused(ProblemCode::NoPermission)?;
        let answer = caller.get(DEVICES).await?;
        assert_eq!(answer.problem()?.code, ProblemCode::NoPermission, "{role}");
    }
    // An administrator of the other township.
    let (user, area) = (scene.county.user("viewer")?, scene.county.area(Place::FarTownship)?);
    scene
        .server
        .components
        .database
        .write(async |transaction| users::grant(transaction, user, Role::Admin, area, None).await)
        .await?;
    let elsewhere = scene.caller("viewer").await?;
    elsewhere.post(&address, &lock).await?.refused(ProblemCode::NotFound)?;
    assert_eq!(listed(&elsewhere, device.id).await?, None);
    let (far, _, _) = county::log_in(&scene.server, "far_worker").await?;
    assert!(listed(&elsewhere, far.id).await?.is_some());
    ask(&elsewhere, far.id, Some(CommandKind::Lock)).await?;

    let admin = scene.caller("admin").await?;
    let nowhere = format!("{DEVICES}/{}/command", Uuid::now_v7());
    admin.post(&nowhere, &lock).await?.refused(ProblemCode::NotFound)?;
    Ok(())
}

#[tokio::test]
async fn a_phone_answers_for_itself_alone() -> Result<()> {
    let scene = Scene::start().await?;
    let admin = scene.caller("admin").await?;
    let (device, _, _) = county::log_in(&scene.server, "grid_worker").await?;
    let other = scene.caller("next_worker").await?;
    let asked = ask(&admin, device.id, Some(CommandKind::WipeNow)).await?.command.context("a command")?;
    assert_eq!(other.get(COMMAND).await?.ok::<CommandAnswer>()?.command, None);
    for id in [asked.id, CommandId(Uuid::now_v7())] {
        let report = CommandReport { id, done: true, left: LEFT };
        other.post(COMMAND, &report).await?.refused(ProblemCode::NotFound)?;
    }
    let record = listed(&admin, device.id).await?.context("the phone")?;
    assert_eq!(record.command.context("a command")?.done_at, None);
    Ok(())
}

#[tokio::test]
async fn a_disabled_account_still_hears() -> Result<()> {
    let scene = Scene::start().await?;
    let admin = scene.caller("admin").await?;
    let (device, phone, _) = county::log_in(&scene.server, "grid_worker").await?;
    let asked = ask(&admin, device.id, Some(CommandKind::WipeNow)).await?.command.context("a command")?;
    let (user, now) = (scene.county.user("grid_worker")?, scene.now());
    scene
        .server
        .components
        .database
        .write(async |transaction| users::set_disabled(transaction, user, Some(now)).await)
        .await?;
    phone.get(SYNC).await?.refused(ProblemCode::AccountDisabled)?;
    let heard: CommandAnswer = phone.get(COMMAND).await?.ok()?;
    assert_eq!(heard.command, Some(DeviceCommand { id: asked.id, kind: CommandKind::WipeNow }));
    let report = CommandReport { id: asked.id, done: true, left: Left::default() };
    assert_eq!(phone.post(COMMAND, &report).await?.status, 204);
    Ok(())
}

#[tokio::test]
async fn a_sync_stops_at_once_or_sends_first() -> Result<()> {
    let scene = Scene::start().await?;
    let admin = scene.caller("admin").await?;
    let phone = scene.phone("grid_worker").await?;
    phone.visit(scene.elder).await?;
    let device = phone.phone.owner().device_id;
    ask(&admin, device, Some(CommandKind::WipeNow)).await?;
    let cases = phone.case_labels().await?;
    scene.open_elder(Place::Grid, "周示例", &[]).await?;
    let report = phone.sync().await?;
    assert_eq!(report.command.map(|command| command.kind), Some(CommandKind::WipeNow));
    assert_eq!((report.items_received, phone.case_labels().await?), (0, cases), "nothing more is fetched");

    ask(&admin, device, Some(CommandKind::DrainThenWipe)).await?;
    phone.visit(scene.elder).await?;
    let report = phone.sync().await?;
    assert_eq!(report.command.map(|command| command.kind), Some(CommandKind::DrainThenWipe));
    let unsent = phone.phone.unsent().await?;
    assert_eq!((unsent.visits, unsent.files), (0, 0), "everything was sent");
    Ok(())
}
