//! tus 1.0.0: what it takes, what it answers, and what it refuses.

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use doorstep::media::{self, EXPIRES_AFTER, FILE_BYTES_MAX};
use doorstep_core::api::FILES;
use doorstep_core::ids::MediaId;
use doorstep_core::problem::ProblemCode;
use doorstep_tests::caller::{Answer, Caller};
use doorstep_tests::elder_visit::PHOTO;
use doorstep_tests::phone::TestPhone;
use doorstep_tests::pictures;
use doorstep_tests::scene::Scene;
use doorstep_tests::tus::{OFFSET_BYTES, Uploader};
use object_store::ObjectStoreExt;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use uuid::Uuid;

/// A visit that the server has, and whose photo it waits for.
pub(super) struct Announced {
    pub(super) phone: TestPhone,
    pub(super) uploader: Uploader,
    pub(super) photo: Vec<u8>,
}

pub(super) async fn announced(scene: &Scene) -> Result<Announced> {
    let seed = Uuid::new_v4().as_fields().0;
    announced_with(scene, pictures::photo(seed, 640, 480)?, "image/jpeg").await
}

pub(super) async fn announced_with(scene: &Scene, photo: Vec<u8>, content_type: &str) -> Result<Announced> {
    let phone = scene.phone("grid_worker").await?;
    let uploader = announce(scene, &phone, photo.clone(), content_type).await?;
    Ok(Announced { phone, uploader, photo })
}

/// Captures a visit with this photo, and sends all of it but the photo.
pub(super) async fn announce(
    scene: &Scene,
    phone: &TestPhone,
    photo: Vec<u8>,
    content_type: &str,
) -> Result<Uploader> {
    let (_, id) = phone.visit_with_file(scene.elder, PHOTO, photo, content_type).await?;
    phone.push_only().await?;
    Ok(Uploader { caller: phone.caller(), id })
}

/// The keys of what the server keeps.
pub(super) async fn keys(scene: &Scene) -> Result<Vec<String>> {
    scene.server.files().await
}

/// Files as they came, without the small sizes that come later.
pub(super) async fn originals(scene: &Scene) -> Result<usize> {
    Ok(keys(scene).await?.iter().filter(|key| !key.ends_with(".webp")).count())
}

pub(super) async fn pieces(scene: &Scene) -> Result<usize> {
    Ok(keys(scene).await?.iter().filter(|key| key.starts_with("uploads/")).count())
}

fn offset(answer: &Answer) -> Option<usize> {
    answer.header("upload-offset")?.parse().ok()
}

pub(super) async fn is_whole(scene: &Scene, announced: &Announced) -> Result<()> {
    arrived(&scene.caller("supervisor").await?, &announced.uploader, &announced.photo).await?;
    assert_eq!(pieces(scene).await?, 0, "{:?}", keys(scene).await?);
    Ok(())
}

/// The server says that it has all of it, and shows it as it was.
pub(super) async fn arrived(reader: &Caller, uploader: &Uploader, photo: &[u8]) -> Result<()> {
    assert_eq!(uploader.offset().await?, photo.len());
    let answer = reader.get(&uploader.address()).await?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.bytes, photo);
    Ok(())
}

#[tokio::test]
async fn a_file_arrives_piece_by_piece() -> Result<()> {
    let scene = Scene::start().await?;
    let announced = announced(&scene).await?;
    let (uploader, photo) = (&announced.uploader, &announced.photo);
    assert_eq!(uploader.state().await?.status, 404, "nothing is under way");

    let created = uploader.create(photo.len()).await?;
    assert_eq!((created.status, created.header("tus-resumable")), (201, Some("1.0.0")), "{}", created.text());
    assert_eq!(created.header("location"), Some(uploader.address().as_str()));
    assert!(created.header("upload-expires").is_some_and(|at| at.ends_with("GMT")));
    let again = uploader.create(photo.len()).await?;
    assert_eq!((again.status, again.header("location")), (201, created.header("location")));

    let (first, rest) = photo.split_at(10_000);
    let answer = uploader.send(0, first).await?;
    assert_eq!((answer.status, offset(&answer)), (204, Some(first.len())), "{}", answer.text());
    assert!(answer.header("upload-expires").is_some());
    let state = uploader.state().await?;
    assert_eq!((state.status, offset(&state)), (200, Some(first.len())));
    assert_eq!(state.header("upload-length"), Some(photo.len().to_string().as_str()));
    assert_eq!(state.header("cache-control"), Some("no-store"));

    let problem = uploader.send(0, first).await?;
    assert_eq!(offset(&problem), Some(first.len()), "the refusal says where it is");
    assert_eq!(problem.refused(ProblemCode::UploadOffsetDiffers)?.expect, Some(first.len() as u64));
    assert_eq!(uploader.create(photo.len()).await?.header("upload-offset"), Some("10000"));
    uploader.caller.get(&uploader.address()).await?.refused(ProblemCode::NotFound)?;

    let answer = uploader.send(first.len(), rest).await?;
    assert_eq!((answer.status, offset(&answer)), (204, Some(photo.len())), "{}", answer.text());
    assert_eq!(answer.header("upload-expires"), None, "what is whole does not expire");
    is_whole(&scene, &announced).await?;

    // A client whose last answer was lost.
    let answer = uploader.send(first.len(), rest).await?;
    answer.refused(ProblemCode::UploadOffsetDiffers)?;
    assert_eq!(offset(&answer), Some(photo.len()));
    assert_eq!(uploader.send(photo.len(), &[]).await?.status, 204);
    let created = uploader.create(photo.len()).await?;
    assert_eq!((created.status, offset(&created)), (201, Some(photo.len())));
    assert_eq!(announced.phone.sync().await?.files_sent, 2, "the signatures");
    Ok(())
}

#[tokio::test]
async fn a_file_arrives_with_its_creation() -> Result<()> {
    let scene = Scene::start().await?;
    let whole = announced(&scene).await?;
    let answer = whole.uploader.create_with(whole.photo.len(), &whole.photo).await?;
    assert_eq!((answer.status, offset(&answer)), (201, Some(whole.photo.len())), "{}", answer.text());
    is_whole(&scene, &whole).await?;

    let part = announced(&scene).await?;
    let (first, rest) = part.photo.split_at(1000);
    let answer = part.uploader.create_with(part.photo.len(), first).await?;
    assert_eq!((answer.status, offset(&answer)), (201, Some(1000)), "{}", answer.text());
    let again = part.uploader.create_with(part.photo.len(), first).await?;
    assert_eq!((again.status, offset(&again)), (201, Some(1000)), "its body is passed over");
    assert_eq!(part.uploader.send(1000, rest).await?.status, 204);
    is_whole(&scene, &part).await?;
    Ok(())
}

#[tokio::test]
async fn many_small_pieces_make_one_large_file() -> Result<()> {
    let scene = Scene::start().await?;
    let bytes: Vec<u8> =
        (0..3_500_000_u32).flat_map(|number| number.to_le_bytes().into_iter().take(1)).collect();
    let announced = announced_with(&scene, bytes.clone(), "video/mp4").await?;
    announced.uploader.create(bytes.len()).await?;
    let mut offset = 0;
    for (index, size) in [1, 70_000, 70_000, 70_000, 70_000, 1_500_000, 5, 900_000].into_iter().enumerate() {
        let piece = bytes.get(offset..offset + size).context("a piece")?;
        let answer = announced.uploader.send(offset, piece).await?;
        assert_eq!(answer.status, 204, "{index}: {}", answer.text());
        offset += size;
        assert_eq!(announced.uploader.offset().await?, offset);
    }
    let rest = bytes.get(offset..).context("the rest")?;
    assert_eq!(announced.uploader.caller.send(announced.uploader.piece(offset, rest)).await?.status, 204);
    is_whole(&scene, &announced).await
}

#[tokio::test]
async fn what_the_server_can_do_is_told_to_anybody() -> Result<()> {
    let scene = Scene::start().await?;
    let stranger = scene.caller("grid_worker").await?.stranger();
    for address in [FILES.to_owned(), format!("{FILES}/{}", Uuid::now_v7())] {
        let answer = stranger.send(stranger.request(Method::OPTIONS, &address)).await?;
        assert_eq!((answer.status, answer.header("tus-version")), (204, Some("1.0.0")), "{address}");
        assert_eq!(answer.header("tus-resumable"), Some("1.0.0"));
        assert_eq!(answer.header("tus-max-size"), Some(FILE_BYTES_MAX.to_string().as_str()));
        let extensions = answer.header("tus-extension").unwrap_or_default();
        assert_eq!(extensions, "creation,creation-with-upload,termination,checksum,expiration");
        assert_eq!(answer.header("tus-checksum-algorithm"), Some("sha1,sha256"));
    }
    Ok(())
}

#[tokio::test]
async fn what_is_no_proper_request_is_refused_and_changes_nothing() -> Result<()> {
    let scene = Scene::start().await?;
    let announced = announced(&scene).await?;
    let (uploader, photo) = (&announced.uploader, &announced.photo);
    let length = photo.len();
    let refused = async |request: reqwest::RequestBuilder, code: ProblemCode| -> Result<Answer> {
        let answer = uploader.caller.send(request).await?;
        answer.refused(code).with_context(|| format!("{code:?}"))?;
        assert_eq!(answer.header("tus-resumable"), Some("1.0.0"), "{code:?}");
        Ok(answer)
    };
    let bare = |method: Method| uploader.caller.request(method, &uploader.address());
    let post = || uploader.request(Method::POST);
    let version = refused(bare(Method::POST), ProblemCode::UploadVersionUnknown).await?;
    assert_eq!(version.header("tus-version"), Some("1.0.0"));
    refused(bare(Method::PATCH).header("tus-resumable", "0.2.2"), ProblemCode::UploadVersionUnknown).await?;
    refused(uploader.piece(0, photo), ProblemCode::UploadUnknown).await?;
    refused(uploader.request(Method::DELETE), ProblemCode::UploadUnknown).await?;

    refused(post(), ProblemCode::InvalidRequest).await?;
    for wrong in ["x", "-1", "+5", "99999999999999999999999"] {
        refused(post().header("upload-length", wrong), ProblemCode::InvalidRequest).await?;
    }
    refused(post().header("upload-defer-length", "1"), ProblemCode::UploadLengthDiffers).await?;
    refused(post().header("upload-length", length + 1), ProblemCode::UploadLengthDiffers).await?;
    let with_metadata =
        |metadata: &str| post().header("upload-length", length).header("upload-metadata", metadata);
    for wrong in ["filename *", "a Zg==,,b", "a b c"] {
        refused(with_metadata(wrong), ProblemCode::InvalidRequest).await?;
    }
    refused(with_metadata(&"k Zm9v,".repeat(600)), ProblemCode::InvalidRequest).await?;
    let of_type = |content_type: &str| {
        post().header("upload-length", length).header(CONTENT_TYPE, content_type).body(photo.clone())
    };
    refused(of_type("image/jpeg"), ProblemCode::UploadTypeWrong).await?;
    assert_eq!(uploader.state().await?.status, 404, "nothing was begun");

    assert_eq!(uploader.caller.send(with_metadata("filename YS5qcGc=,is_draft")).await?.status, 201);
    let state = uploader.state().await?;
    assert_eq!(state.header("upload-metadata"), Some("filename YS5qcGc=,is_draft"));
    let patch = || uploader.request(Method::PATCH).body(photo.clone());
    refused(patch().header("upload-offset", 0), ProblemCode::UploadTypeWrong).await?;
    refused(patch().header(CONTENT_TYPE, OFFSET_BYTES), ProblemCode::InvalidRequest).await?;
    refused(uploader.piece(1, &photo[1..]), ProblemCode::UploadOffsetDiffers).await?;
    let mut more = photo.clone();
    more.push(0);
    refused(uploader.piece(0, &more), ProblemCode::TooLarge).await?;
    for wrong in ["md5 AAAA", "sha256", "sha1 ***"] {
        let request = uploader.piece(0, photo).header("upload-checksum", wrong);
        refused(request, ProblemCode::InvalidRequest).await?;
    }
    for algorithm in ["sha1", "sha256"] {
        let wrong = format!("{algorithm} {}", STANDARD.encode([7; 20]));
        let request = uploader.piece(0, &photo[..5000]).header("upload-checksum", wrong);
        refused(request, ProblemCode::UploadChecksumMismatch).await?;
    }
    assert_eq!(uploader.offset().await?, 0, "none of it counts");
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &photo[..5000]);
    let right = format!("sha1 {}", STANDARD.encode(digest));
    let request = uploader.piece(0, &photo[..5000]).header("upload-checksum", right);
    assert_eq!(uploader.caller.send(request).await?.status, 204);
    assert_eq!(uploader.send(5000, &photo[5000..]).await?.status, 204);
    is_whole(&scene, &announced).await
}

#[tokio::test]
async fn nobody_sends_what_they_did_not_announce() -> Result<()> {
    let scene = Scene::start().await?;
    let announced = announced(&scene).await?;
    let length = announced.photo.len();
    announced.uploader.create_with(length, &announced.photo[..100]).await?;
    let id = announced.uploader.id;
    let other = Uploader { caller: scene.caller("next_worker").await?, id };
    let unknown = Uploader { caller: announced.phone.caller(), id: MediaId(Uuid::now_v7()) };
    for uploader in [&other, &unknown] {
        uploader.create(length).await?.refused(ProblemCode::MediaNotExpected)?;
        uploader.send(100, b"x").await?.refused(ProblemCode::MediaNotExpected)?;
        assert_eq!(uploader.state().await?.status, 404);
        let ended = uploader.caller.send(uploader.request(Method::DELETE)).await?;
        ended.refused(ProblemCode::MediaNotExpected)?;
    }
    let stranger = Uploader { caller: other.caller.stranger(), id };
    let answer = stranger.create(length).await?;
    answer.refused(ProblemCode::SessionExpired)?;
    assert_eq!(answer.header("tus-resumable"), Some("1.0.0"));
    assert_eq!(announced.uploader.offset().await?, 100);
    Ok(())
}

#[tokio::test]
async fn a_network_without_patch_uses_post() -> Result<()> {
    let scene = Scene::start().await?;
    let announced = announced(&scene).await?;
    let (uploader, photo) = (&announced.uploader, &announced.photo);
    uploader.create(photo.len()).await?;
    let meant = |method: &str| uploader.request(Method::POST).header("x-http-method-override", method);
    let patch = meant("PATCH").header("upload-offset", 0).header(CONTENT_TYPE, OFFSET_BYTES);
    assert_eq!(uploader.caller.send(patch.body(photo[..100].to_vec())).await?.status, 204);
    let head = uploader.caller.send(meant("HEAD")).await?;
    assert_eq!((head.status, offset(&head)), (200, Some(100)));
    assert_eq!(uploader.caller.send(meant("DELETE")).await?.status, 204);
    assert_eq!(uploader.state().await?.status, 404);
    uploader.caller.send(meant("BREW")).await?.refused(ProblemCode::MethodNotAllowed)?;
    Ok(())
}

#[tokio::test]
async fn what_is_terminated_or_expires_leaves_nothing() -> Result<()> {
    let scene = Scene::start().await?;
    let announced = announced(&scene).await?;
    let (uploader, photo) = (&announced.uploader, &announced.photo);
    uploader.create_with(photo.len(), &photo[..100]).await?;
    assert_eq!(pieces(&scene).await?, 1);
    assert_eq!(uploader.caller.send(uploader.request(Method::DELETE)).await?.status, 204);
    assert_eq!((pieces(&scene).await?, uploader.state().await?.status), (0, 404));

    uploader.create_with(photo.len(), &photo[..100]).await?;
    scene.server.advance(EXPIRES_AFTER - TimeDelta::seconds(1));
    media::sweep(&scene.server.components).await?;
    assert_eq!(pieces(&scene).await?, 1);
    scene.server.advance(TimeDelta::seconds(2));
    // A piece of an upload that is gone, as a server leaves it that is ended.
    let orphan = object_store::path::Path::from(format!("uploads/{}/0-x", Uuid::now_v7()));
    scene.server.components.media.put(&orphan, "bytes".into()).await?;
    assert_eq!(media::sweep(&scene.server.components).await?, 1);
    assert_eq!(pieces(&scene).await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_file_that_came_with_another_visit_is_whole_at_once() -> Result<()> {
    let scene = Scene::start().await?;
    let first = announced(&scene).await?;
    first.uploader.create_with(first.photo.len(), &first.photo).await?;
    let before = originals(&scene).await?;
    let second = announced_with(&scene, first.photo.clone(), "image/jpeg").await?;
    assert_ne!(first.uploader.id, second.uploader.id);
    assert_eq!(second.uploader.offset().await?, second.photo.len());
    let created = second.uploader.create_with(second.photo.len(), &second.photo).await?;
    assert_eq!((created.status, offset(&created)), (201, Some(second.photo.len())));
    is_whole(&scene, &second).await?;
    assert_eq!(originals(&scene).await?, before);

    // The same photo, twice under way: one of them arrives.
    let (third, fourth) = (announced(&scene).await?, announced(&scene).await?);
    let twice = announced_with(&scene, third.photo.clone(), "image/jpeg").await?;
    third.uploader.create_with(third.photo.len(), &third.photo[..500]).await?;
    twice.uploader.create_with(twice.photo.len(), &twice.photo[..900]).await?;
    assert_eq!(third.uploader.send(500, &third.photo[500..]).await?.status, 204);
    is_whole(&scene, &third).await?;
    is_whole(&scene, &twice).await?;
    assert_eq!(fourth.uploader.state().await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn a_day_has_a_limit_for_each_person() -> Result<()> {
    let mut world = doorstep_tests::server::World::create().await?;
    world.upload_megabytes_per_day = Some(1);
    let scene = Scene::start_in(world).await?;
    let large = announced_with(&scene, vec![1; 900_000], "audio/webm").await?;
    assert_eq!(large.uploader.create_with(large.photo.len(), &large.photo).await?.status, 201);
    let more = announced_with(&scene, vec![2; 200_000], "audio/webm").await?;
    let answer = more.uploader.create_with(more.photo.len(), &more.photo).await?;
    let problem = answer.refused(ProblemCode::UploadQuotaReached)?;
    // It is 09:30: the next day begins in fourteen and a half hours.
    assert_eq!(problem.retry_after_s, Some(14 * 3600 + 1800));
    assert_eq!(more.uploader.create(more.photo.len()).await?.status, 201, "it can be begun");
    more.uploader.send(0, &more.photo).await?.refused(ProblemCode::UploadQuotaReached)?;
    scene.server.advance(TimeDelta::hours(15));
    let phone = scene.phone("grid_worker").await?;
    let tomorrow = Uploader { caller: phone.caller(), id: more.uploader.id };
    assert_eq!(tomorrow.send(0, &more.photo).await?.status, 204);
    Ok(())
}
