//! Server and phone start anew in the middle of a photo: it goes on from where
//! the server stands, and arrives once. `cargo xtask test s3` tells the same
//! with the files in a bucket.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use doorstep_core::api::FILES;
use doorstep_core::hash::ContentHash;
use doorstep_tests::gate::Mode;
use doorstep_tests::server::TestServer;
use doorstep_tests::wait;

use super::handset::{Handset, PATIENCE, Screen};
use super::stage::Stage;
use super::stories::visit;

/// Slow enough that a photo takes ten seconds.
const SLOW: Mode = Mode::Slow { bytes_per_s: 30_000 };
/// More than goes before the photo, and less than the photo.
const PART_BYTES: u64 = 100_000;

/// Waits until another part has left, and the photo is not there yet.
async fn in_the_middle(stage: &Stage) -> Result<()> {
    let before = stage.gate.bytes_to_server();
    wait::until_within(PATIENCE, "a part of the photo", async || {
        Ok((stage.gate.bytes_to_server() - before > PART_BYTES).then_some(()))
    })
    .await?;
    let queue = stage.scene.office("supervisor").await?.queue().await?;
    let visit = queue.first().context("the visit is there")?;
    ensure!(visit.media_stored < visit.media_expected, "in the middle: {visit:?}");
    Ok(())
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
    in_the_middle(&stage).await?;
    server_starts_anew(&mut stage).await?;
    in_the_middle(&stage).await?;
    let worker = worker.lose_power().await?;
    worker.unlock().await?;
    worker.go_to("/outbox").await?;
    in_the_middle(&stage).await?;
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
    // Two signatures by the same hand are one file.
    let expected: BTreeSet<&ContentHash> = announced.iter().map(|file| &file.sha256).collect();
    assert_eq!(originals, expected.len(), "none twice, none that nobody asked for: {files:?}");
    Ok(())
}
