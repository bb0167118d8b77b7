//! Photos and signatures: what is taken, what is not, who may see them.

use anyhow::{Context, Result};
use doorstep::media::{FILE_BYTES_MAX, PREVIEW_SIDE_PX, THUMBNAIL_SIDE_PX};
use doorstep_core::api::{FILES, SYNC};
use doorstep_core::ids::MediaId;
use doorstep_core::phone::{Failure, MediaState};
use doorstep_core::problem::ProblemCode;
use doorstep_core::submission::SubmissionContent;
use doorstep_core::sync::{PushAnswer, PushRequest};
use doorstep_tests::county::{PASSWORD, Place};
use doorstep_tests::elder_visit::{ELDER_SIGNATURE, ORDINARY, PHOTO, WORKER_SIGNATURE};
use doorstep_tests::gate::{Gate, Mode};
use doorstep_tests::phone::TestPhone;
use doorstep_tests::pictures;
use doorstep_tests::scene::Scene;
use doorstep_tests::tus::Uploader;
use uuid::Uuid;

fn file(id: MediaId) -> String {
    format!("{FILES}/{id}")
}

/// A finished visit with these bytes as its photo.
async fn visit_with_photo(
    phone: &TestPhone,
    scene: &Scene,
    photo: Vec<u8>,
) -> Result<(SubmissionContent, MediaId)> {
    let mut draft = phone.start_visit(scene.elder).await?;
    phone.answer(&mut draft, ORDINARY).await?;
    let id = phone.attach(&mut draft, PHOTO, photo, "image/jpeg").await?;
    // Others than of the visit before: the server has those already.
    let seed = Uuid::new_v4().as_fields().0 / 2;
    phone.attach(&mut draft, WORKER_SIGNATURE, pictures::signature(seed)?, "image/png").await?;
    phone.attach(&mut draft, ELDER_SIGNATURE, pictures::signature(seed + 1)?, "image/png").await?;
    Ok((phone.finish(&mut draft).await?, id))
}

async fn state(phone: &TestPhone, id: MediaId) -> Result<MediaState> {
    let media = phone.phone.media().await?;
    Ok(media.into_iter().find(|entry| entry.media_id == id).context("the file's facts")?.state)
}

#[tokio::test]
async fn a_photo_comes_back_as_it_was_and_small() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let photo = pictures::photo(1, 1600, 1200)?;
    let (content, id) = visit_with_photo(&phone, &scene, photo.clone()).await?;
    assert_eq!(phone.sync().await?.files_sent, 3);
    let office = scene.office("supervisor").await?;
    let original = office.caller.get(&file(id)).await?;
    assert_eq!((original.status, original.header("content-type")), (200, Some("image/jpeg")));
    assert_eq!(original.bytes, photo, "the bytes are kept as they came");
    let cache = original.header("cache-control").unwrap_or_default();
    assert!(cache.contains("private"), "{cache}");

    let thumbnail = office.caller.get(&format!("{}?size=thumbnail", file(id))).await?;
    assert_eq!((thumbnail.status, thumbnail.header("content-type")), (200, Some("image/webp")));
    let small = image::load_from_memory(&thumbnail.bytes)?;
    assert_eq!(small.width().max(small.height()), THUMBNAIL_SIDE_PX);
    assert!(thumbnail.bytes.len() < photo.len() / 4);
    let preview = office.caller.get(&format!("{}?size=preview", file(id))).await?;
    assert_eq!((preview.status, preview.header("content-type")), (200, Some("image/webp")));
    let larger = image::load_from_memory(&preview.bytes)?;
    assert_eq!(larger.width().max(larger.height()), PREVIEW_SIDE_PX);

    let detail = office.submission(content.submission_id).await?;
    let record = detail.media.iter().find(|record| record.media_id == id).context("its record")?;
    assert_eq!((record.width_px, record.height_px, record.path.as_str()), (Some(1600), Some(1200), PHOTO));
    Ok(())
}

#[tokio::test]
async fn sound_and_papers_are_kept_unseen_and_never_run() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    // The question asks for a photo; what is announced decides.
    for (content_type, told, shown) in [
        ("audio/webm", "audio/webm", "inline"),
        ("audio/mp4", "application/octet-stream", "attachment"),
        ("application/pdf", "application/octet-stream", "attachment"),
        ("text/html", "application/octet-stream", "attachment"),
    ] {
        let mut draft = phone.start_visit(scene.elder).await?;
        phone.answer(&mut draft, ORDINARY).await?;
        let mut bytes = format!("<script>{content_type}</script>").into_bytes();
        if shown == "inline" {
            // As recordings begin: the type is told by the bytes.
            bytes.splice(..0, *b"\x1a\x45\xdf\xa3");
        }
        let id = phone.attach(&mut draft, PHOTO, bytes.clone(), content_type).await?;
        let seed = Uuid::new_v4().as_fields().0 / 2;
        phone.attach(&mut draft, WORKER_SIGNATURE, pictures::signature(seed)?, "image/png").await?;
        phone.attach(&mut draft, ELDER_SIGNATURE, pictures::signature(seed + 1)?, "image/png").await?;
        phone.finish(&mut draft).await?;
        phone.sync().await?;
        assert_eq!(state(&phone, id).await?, MediaState::Stored, "{content_type}");
        let answer = scene.office("supervisor").await?.caller.get(&file(id)).await?;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(told)), "{content_type}");
        assert_eq!(answer.header("content-disposition"), Some(shown), "{content_type}");
        assert_eq!(answer.bytes, bytes);
    }
    Ok(())
}

#[tokio::test]
async fn nobody_else_sees_them() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let (_, id) = visit_with_photo(&phone, &scene, pictures::photo(1, 64, 48)?).await?;
    phone.sync().await?;
    for login_name in ["grid_worker", "supervisor", "county"] {
        let answer = scene.caller(login_name).await?.get(&file(id)).await?;
        assert_eq!(answer.status, 200, "{login_name}: {}", answer.text());
    }
    for login_name in [
        "next_worker",
        "far_worker",
        "far_supervisor",
        "child_supervisor",
        "child_director",
        "investigator",
        "inspector",
        "admin",
        "auditor",
        "viewer",
    ] {
        let caller = scene.caller(login_name).await?;
        for path in [file(id), format!("{}?size=thumbnail", file(id))] {
            let problem = caller.get(&path).await?.problem()?;
            // As if there was no such file.
            assert_eq!(problem.code, ProblemCode::NotFound, "{login_name}: {problem:?}");
        }
    }
    let stranger = phone.caller().stranger();
    stranger.get(&file(id)).await?.refused(ProblemCode::SessionExpired)?;
    Ok(())
}

#[tokio::test]
async fn only_what_was_announced_by_its_sender_is_taken() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let photo = pictures::photo(1, 64, 48)?;
    let (_, id) = visit_with_photo(&phone, &scene, photo.clone()).await?;
    let own = Uploader { caller: phone.caller(), id };
    own.send_whole(&photo).await?.refused(ProblemCode::MediaNotExpected)?;
    phone.push_only().await?;
    let unknown = Uploader { caller: phone.caller(), id: MediaId(Uuid::now_v7()) };
    unknown.send_whole(&photo).await?.refused(ProblemCode::MediaNotExpected)?;
    let other = Uploader { caller: scene.caller("next_worker").await?, id };
    other.send_whole(&photo).await?.refused(ProblemCode::MediaNotExpected)?;
    phone.caller().get(&file(id)).await?.refused(ProblemCode::NotFound)?;
    assert_eq!(own.send_whole(&photo).await?.status, 201);
    assert_eq!(phone.caller().get(&file(id)).await?.bytes, photo);
    Ok(())
}

#[tokio::test]
async fn damaged_on_the_way_is_sent_again() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let photo = pictures::photo(1, 64, 48)?;
    let (_, id) = visit_with_photo(&phone, &scene, photo.clone()).await?;
    phone.push_only().await?;
    let mut damaged = photo.clone();
    damaged[100] ^= 1;
    let uploader = Uploader { caller: phone.caller(), id };
    uploader.send_whole(&damaged).await?.refused(ProblemCode::MediaHashMismatch)?;
    let shorter = &photo[..photo.len() - 1];
    uploader.send_whole(shorter).await?.refused(ProblemCode::UploadLengthDiffers)?;
    assert_eq!(phone.sync().await?.files_sent, 3);
    Ok(())
}

#[tokio::test]
async fn what_is_too_large_is_said_to_be() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let (_, id) = visit_with_photo(&phone, &scene, pictures::photo(1, 64, 48)?).await?;
    let mut operation = phone.waiting().await?.pop().context("an operation")?;
    let files = operation.body["media"].as_array_mut().context("the files")?;
    let photo = files.iter_mut().find(|file| file["media_id"] == id.to_string()).context("the photo")?;
    photo["size_bytes"] = (FILE_BYTES_MAX + 1).into();
    let request = PushRequest { device: phone.phone.owner().device_id, epoch: None, ops: vec![operation] };
    phone.caller().post(SYNC, &request).await?.ok::<PushAnswer>()?;
    let uploader = Uploader { caller: phone.caller(), id };
    uploader.create(FILE_BYTES_MAX + 1).await?.refused(ProblemCode::TooLarge)?;
    Ok(())
}

#[tokio::test]
async fn the_same_photo_again_costs_nothing() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let photo = pictures::photo(1, 640, 480)?;
    let (_, id) = visit_with_photo(&phone, &scene, photo.clone()).await?;
    phone.sync().await?;
    scene.all_examined().await?;
    let before = scene.server.files().await?.len();
    let again = Uploader { caller: phone.caller(), id }.send_whole(&photo).await?;
    assert_eq!(again.header("upload-offset"), Some(photo.len().to_string().as_str()));

    // In another visit of the same person, under another name.
    let (second, other) = visit_with_photo(&phone, &scene, photo).await?;
    assert_ne!(other, id);
    let report = phone.sync().await?;
    assert_eq!((report.operations_sent, report.files_sent), (1, 2), "the server has the photo's bytes");
    assert_eq!(phone.status(second.submission_id).await?.media_missing, []);
    assert_eq!(state(&phone, other).await?, MediaState::Stored);
    scene.all_examined().await?;
    assert_eq!(scene.server.files().await?.len(), before + 6, "two signatures and their small sizes more");
    assert_eq!(scene.caller("supervisor").await?.get(&file(other)).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn an_upload_whose_answer_is_lost_is_not_stored_twice() -> Result<()> {
    let scene = Scene::start().await?;
    let gate = Gate::before(scene.server.address)?;
    let phone = TestPhone::log_in(&gate.base_url(), scene.server.clock(), "grid_worker", PASSWORD).await?;
    phone.sync().await?;
    let photo = pictures::photo(1, 640, 480)?;
    let (content, id) = visit_with_photo(&phone, &scene, photo.clone()).await?;
    phone.push_only().await?;
    gate.set(Mode::CutAfter { answer_bytes: 30 });
    assert!(Uploader { caller: phone.caller(), id }.send_whole(&photo).await.is_err());
    assert_eq!(phone.try_sync().await?.failure, Some(Failure::NoConnection));
    scene.all_examined().await?;
    assert_eq!(scene.server.files().await?.len(), 3, "the photo and its small sizes");
    gate.open();
    phone.sync().await?;
    scene.all_examined().await?;
    assert_eq!(scene.server.files().await?.len(), 9, "three files in three sizes");
    assert_eq!(phone.status(content.submission_id).await?.media_missing, []);
    assert_eq!(phone.phone.unsent().await?.files, 0);
    Ok(())
}

#[tokio::test]
async fn a_small_picture_goes_first_and_is_never_waited_for() -> Result<()> {
    let scene = Scene::start().await?;
    let other = scene.open_elder(Place::Grid, "另一位示例老人", &[]).await?;
    let phone = scene.phone("grid_worker").await?;
    let office = scene.office("supervisor").await?;
    let (small, no_picture) = (pictures::photo(9, 32, 24)?, b"no picture at all".to_vec());
    for (case, seed, small, is_usable) in [(scene.elder, 1, small, true), (other, 2, no_picture, false)] {
        let mut draft = phone.start_visit(case).await?;
        phone.answer(&mut draft, ORDINARY).await?;
        let photo = pictures::photo(seed, 320, 240)?;
        let (id, small_id) = phone.photograph(&mut draft, PHOTO, photo, small).await?;
        for (path, ink) in [(WORKER_SIGNATURE, seed * 2), (ELDER_SIGNATURE, seed * 2 + 1)] {
            phone.attach(&mut draft, path, pictures::signature(ink)?, "image/png").await?;
        }
        let content = phone.finish(&mut draft).await?;
        assert_eq!(content.media.len(), 4);
        phone.push_only().await?;
        let entry =
            office.queue().await?.into_iter().find(|entry| entry.submission_id == content.submission_id);
        let entry = entry.expect("the visit is in the queue");
        assert_eq!((entry.media_stored, entry.media_expected), (0, 3), "photo and two signatures");
        assert_eq!(phone.sync().await?.files_sent, 3);
        scene.all_examined().await?;
        let detail = office.submission(content.submission_id).await?;
        let here: Vec<_> = detail
            .media
            .iter()
            .filter(|file| file.stored && file.quarantine.is_none())
            .map(|file| (file.media_id, file.preview_of))
            .collect();
        assert_eq!(here.contains(&(small_id, Some(id))), is_usable);
        assert!(here.contains(&(id, None)));
        assert_eq!(phone.phone.unsent().await?.files, 0);
        office.approve(content.submission_id).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_disk_that_refuses_loses_nothing() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let (content, id) = visit_with_photo(&phone, &scene, pictures::photo(1, 640, 480)?).await?;
    // The tests may run as root, who may write everywhere: so a file is where
    // the folder was. (`bucket` has the same for S3.)
    let Some(folder) = scene.server.media_folder() else { return Ok(()) };
    std::fs::remove_dir_all(&folder)?;
    std::fs::write(&folder, b"")?;
    let report = phone.try_sync().await?;
    assert!(
        matches!(&report.failure, Some(Failure::Problem(problem)) if problem.code == ProblemCode::StorageFull),
        "{report:?}"
    );
    assert_eq!(report.operations_sent, 1, "the visit itself is safe");
    assert_eq!(state(&phone, id).await?, MediaState::Waiting);
    assert!(phone.phone.media_bytes(id).await?.is_some(), "the phone keeps the photo");
    assert_eq!(phone.status(content.submission_id).await?.media_missing.len(), 3);

    std::fs::remove_file(&folder)?;
    std::fs::create_dir(&folder)?;
    let report = phone.sync().await?;
    assert_eq!(report.files_sent, 3);
    assert_eq!(phone.status(content.submission_id).await?.media_missing, []);
    Ok(())
}

#[tokio::test]
async fn a_file_that_vanished_from_the_disk_can_be_sent_again() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let photo = pictures::photo(1, 640, 480)?;
    let (_, id) = visit_with_photo(&phone, &scene, photo.clone()).await?;
    phone.sync().await?;
    // Else the small sizes are written while the folder goes.
    scene.all_examined().await?;
    scene.server.lose_files("").await?;
    phone.caller().get(&file(id)).await?.refused(ProblemCode::NotFound)?;
    assert_eq!(Uploader { caller: phone.caller(), id }.send_whole(&photo).await?.status, 201);
    assert_eq!(phone.caller().get(&file(id)).await?.bytes, photo);
    Ok(())
}
