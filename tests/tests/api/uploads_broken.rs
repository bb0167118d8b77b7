//! Uploads that break: lines that are cut or fall silent, servers that stop,
//! two who send at once, bytes that are damaged.

use anyhow::Result;
use chrono::TimeDelta;
use doorstep::media::HEARD_OF_WITHIN;
use doorstep_core::problem::ProblemCode;
use doorstep_tests::scene::Scene;
use doorstep_tests::tus::Uploader;
use doorstep_tests::wait::until;

use super::uploads::{announced, announced_with, is_whole, pieces};

#[tokio::test]
async fn what_arrived_before_a_cut_counts() -> Result<()> {
    let scene = Scene::start().await?;
    let announced = announced(&scene).await?;
    let (uploader, photo) = (&announced.uploader, &announced.photo);
    uploader.create(photo.len()).await?;
    let mut offset = 0;
    for more in [1, 20_000, 3_333] {
        let rest = photo.len() - offset;
        let line = uploader.half_send(offset, rest, &photo[offset..offset + more]).await?;
        drop(line);
        offset += more;
        // The server hears of it in its own time.
        until("what arrived is durable", async || Ok((uploader.offset().await? == offset).then_some(())))
            .await?;
    }
    assert_eq!(uploader.send(offset, &photo[offset..]).await?.status, 204);
    is_whole(&scene, &announced).await
}

#[tokio::test]
async fn one_at_a_time_and_nobody_waits_for_the_dead() -> Result<()> {
    let scene = Scene::start().await?;
    let announced = announced(&scene).await?;
    let (uploader, photo) = (&announced.uploader, &announced.photo);
    uploader.create(photo.len()).await?;
    // A connection that died without a word: nothing will ever come of it.
    let dead = uploader.half_send(0, photo.len(), &photo[..7000]).await?;
    until("what arrived is durable", async || Ok((uploader.offset().await? == 7000).then_some(()))).await?;
    let answer = uploader.send(7000, &photo[7000..]).await?;
    let problem = answer.refused(ProblemCode::UploadBusy)?;
    assert_eq!(problem.retry_after_s, Some(1));
    scene.server.advance(HEARD_OF_WITHIN + TimeDelta::seconds(1));
    assert_eq!(uploader.send(7000, &photo[7000..9000]).await?.status, 204, "it is taken over");
    drop(dead);
    assert_eq!(uploader.offset().await?, 9000, "what the dead leaves behind is of no effect");
    assert_eq!(uploader.send(9000, &photo[9000..]).await?.status, 204);
    is_whole(&scene, &announced).await
}

#[tokio::test]
async fn a_server_that_stops_in_the_middle_goes_on_where_it_was() -> Result<()> {
    let mut scene = Scene::start().await?;
    let large: Vec<u8> = (0..2_500_000_u32).map(|number| number.to_le_bytes()[1]).collect();
    let announced = announced_with(&scene, large.clone(), "audio/webm").await?;
    let uploader = &announced.uploader;
    uploader.create(large.len()).await?;
    assert_eq!(uploader.send(0, &large[..300_000]).await?.status, 204);
    let line = uploader.half_send(300_000, large.len() - 300_000, &large[300_000..2_000_000]).await?;
    until("a stretch is durable", async || Ok((uploader.offset().await? > 300_000).then_some(()))).await?;
    scene.server = scene.server.restart().await?;
    drop(line);
    // Whoever wrote when it was ended is not heard of again.
    scene.server.advance(HEARD_OF_WITHIN + TimeDelta::seconds(1));
    let offset = uploader.offset().await?;
    assert!((300_001..=2_000_000).contains(&offset), "{offset}");
    assert_eq!(uploader.send(offset, &large[offset..]).await?.status, 204);
    is_whole(&scene, &announced).await
}

#[tokio::test]
async fn copies_of_the_server_share_an_upload() -> Result<()> {
    let scene = Scene::start().await?;
    let announced = announced(&scene).await?;
    let (uploader, photo) = (&announced.uploader, &announced.photo);
    let other = scene.server.another().await?;
    let there = Uploader { caller: uploader.caller.elsewhere(other.base_url()), id: uploader.id };
    uploader.create(photo.len()).await?;
    assert_eq!(uploader.send(0, &photo[..5000]).await?.status, 204);
    assert_eq!(there.offset().await?, 5000);
    let line = there.half_send(5000, photo.len() - 5000, &photo[5000..6000]).await?;
    until("the other has it", async || Ok((uploader.offset().await? == 6000).then_some(()))).await?;
    uploader.send(6000, &photo[6000..]).await?.refused(ProblemCode::UploadBusy)?;
    drop(line);
    until("the line is free", async || {
        let answer = uploader.send(6000, &photo[6000..]).await?;
        Ok((answer.status == 204).then_some(()))
    })
    .await?;
    is_whole(&scene, &announced).await
}

#[tokio::test]
async fn a_damaged_file_begins_again() -> Result<()> {
    let scene = Scene::start().await?;
    let announced = announced(&scene).await?;
    let (uploader, photo) = (&announced.uploader, &announced.photo);
    let mut damaged = photo.clone();
    damaged[6000] ^= 1;
    let at_once = uploader.create_with(photo.len(), &damaged).await?;
    at_once.refused(ProblemCode::MediaHashMismatch)?;
    assert_eq!(uploader.offset().await?, 0);
    assert_eq!(uploader.send(0, &damaged[..10_000]).await?.status, 204);
    let last = uploader.send(10_000, &damaged[10_000..]).await?;
    last.refused(ProblemCode::MediaHashMismatch)?;
    assert_eq!((uploader.offset().await?, pieces(&scene).await?), (0, 0));
    assert_eq!(uploader.send(0, photo).await?.status, 204);
    is_whole(&scene, &announced).await
}

#[tokio::test]
async fn a_disk_that_refuses_keeps_what_it_has() -> Result<()> {
    let scene = Scene::start().await?;
    let announced = announced(&scene).await?;
    let (uploader, photo) = (&announced.uploader, &announced.photo);
    assert_eq!(uploader.create_with(photo.len(), &photo[..10_000]).await?.status, 201);
    // The tests may run as root, who may write everywhere: so a file is where
    // the folder of the photo will be. (`bucket` has the same for S3.)
    let hash = doorstep_core::hash::ContentHash::of(photo);
    let Some(folder) = scene.server.media_folder() else { return Ok(()) };
    let folder = folder.join(hash.as_str().get(..2).unwrap_or_default());
    std::fs::write(&folder, b"")?;
    uploader.send(10_000, &photo[10_000..]).await?.refused(ProblemCode::StorageFull)?;
    assert_eq!(uploader.offset().await?, 10_000);
    std::fs::remove_file(&folder)?;
    assert_eq!(uploader.send(10_000, &photo[10_000..]).await?.status, 204);
    is_whole(&scene, &announced).await
}

#[tokio::test]
async fn a_copy_that_starts_does_not_sweep_what_is_under_way() -> Result<()> {
    let scene = Scene::start().await?;
    let announced = announced(&scene).await?;
    announced.uploader.create_with(announced.photo.len(), &announced.photo[..100]).await?;
    let other = scene.server.another().await?;
    doorstep::media::sweep(&other.components).await?;
    assert_eq!((announced.uploader.offset().await?, pieces(&scene).await?), (100, 1));
    Ok(())
}
