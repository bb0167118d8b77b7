//! Server and phone start anew in the middle of a photo: it goes on from where
//! the server stands, and arrives once. `cargo xtask test s3` tells the same
//! with the files in a bucket.

use anyhow::{Context, Result, ensure};
use doorstep::db::entity::upload;
use doorstep_core::api::FILES;
use doorstep_core::hash::ContentHash;
use doorstep_tests::gate::Mode;
use doorstep_tests::server::TestServer;
use doorstep_tests::wait;
use sea_orm::EntityTrait;

use super::handset::{Handset, PATIENCE, Screen};
use super::stage::Stage;
use super::stories::visit;

/// Slow enough that a photo takes ten seconds.
const SLOW: Mode = Mode::Slow { bytes_per_s: 30_000 };

/// Waits until more than `sent` bytes of a photo are durable, and not all.
async fn in_the_middle(stage: &Stage, sent: i64) -> Result<i64> {
    wait::until_within(PATIENCE, "a part of a photo", async || {
        let uploads = upload::Entity::find().all(stage.scene.server.components.database.read()).await?;
        let under_way =
            |upload: &&upload::Model| (sent + 1..upload.size_bytes).contains(&upload.offset_bytes);
        Ok(uploads.iter().find(under_way).map(|upload| upload.offset_bytes))
    })
    .await
}

/// The server is gone in the middle of whatever it did, and there again.
async fn server_starts_anew(stage: &mut Stage) -> Result<()> {
    let world = stage.scene.server.stop()?;
    stage.scene.server = TestServer::start_in(world).await?;
    Ok(())
}

#[tokio::test]
async fn a_photo_outlives_server_and_phone() -> Result<()> {
    let mut stage = Stage::set().await?;
    let worker = Handset::unpack(&stage.gate.base_url(), Screen::Phone).await?;
    worker.log_in("grid_worker").await?;
    worker.ready_for_the_field(stage.elder).await?;
    stage.gate.cut();
    visit(&worker, &stage, 7).await?;
    worker.page.says("走访已完成,存进发件箱").await?;

    stage.gate.set(SLOW);
    let sent = in_the_middle(&stage, 0).await?;
    server_starts_anew(&mut stage).await?;
    let sent = in_the_middle(&stage, sent).await?;
    let worker = worker.lose_power().await?;
    worker.unlock().await?;
    worker.go_to("/outbox").await?;
    in_the_middle(&stage, sent).await?;
    let worker = worker.lose_power().await?;
    server_starts_anew(&mut stage).await?;
    stage.gate.open();
    worker.unlock().await?;
    worker.go_to("/outbox").await?;
    worker.will_say("全部已上传").await?;
    worker.assert_no_errors();

    let office = stage.scene.office("supervisor").await?;
    let queue = office.queue().await?;
    ensure!(queue.len() == 1, "once: {queue:?}");
    let id = queue.first().context("the visit")?.submission_id;
    let announced = office.submission(id).await?.content.media;
    for file in &announced {
        let answer = office.caller.get(&format!("{FILES}/{}", file.media_id)).await?;
        assert_eq!(ContentHash::of(&answer.bytes), file.sha256, "{}", file.path);
    }
    wait::until("the server to tidy up", async || {
        let files = stage.scene.server.files().await?;
        Ok((!files.iter().any(|key| key.starts_with("uploads/"))).then_some(()))
    })
    .await?;
    let files = stage.scene.server.files().await?;
    let originals = files.iter().filter(|key| !key.ends_with(".webp")).count();
    assert_eq!(originals, announced.len(), "none twice, none that nobody asked for: {files:?}");
    Ok(())
}
