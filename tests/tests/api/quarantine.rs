//! What is in files: hostile ones are kept and not shown, pictures that look
//! alike are found, and nothing is approved unseen.

use anyhow::{Context, Result};
use chrono::TimeDelta;
use doorstep::db::entity::{media, media_job};
use doorstep::media::{PIXELS_MAX, examine_next};
use doorstep_core::api::{DecisionAnswer, SimilarAnswer};
use doorstep_core::media::{QuarantineReason, QuarantinedMedia};
use doorstep_core::problem::ProblemCode;
use doorstep_core::submission::{Decision, SubmissionState};
use doorstep_tests::elder_visit::{ELDER_SIGNATURE, PHOTO};
use doorstep_tests::office::request;
use doorstep_tests::pictures;
use doorstep_tests::scene::Scene;
use doorstep_tests::tus::Uploader;
use doorstep_tests::wait::until;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use uuid::Uuid;

/// Files that strangers may send as a photo, and what each is.
fn hostile() -> Result<Vec<(&'static str, Vec<u8>, QuarantineReason)>> {
    let whole = pictures::photo(1, 640, 480)?;
    let png = pictures::signature(7)?;
    let bomb = pictures::bomb(8000, 7600)?;
    assert!(u64::from(8000_u32) * 7600 > PIXELS_MAX && bomb.len() < 1024 * 1024, "{}", bomb.len());
    let with = |start: &[u8], more: &[u8]| [start, more].concat();
    let text = |text: &str| text.as_bytes().to_vec();
    // An end of an archive's list of contents: 22 bytes, all of it empty.
    let archive = with(b"PK\x01\x02 a name PK\x05\x06", &[0; 18]);
    let comment = with(&[0xff, 0xfe, 0, 40], &with(b"<script>fetch('/api/v1/me')", &[b' '; 11]));
    Ok(vec![
        ("a text", text("this is no photo, whatever it is called"), QuarantineReason::NotAnImage),
        ("another kind of picture", text("GIF89a and so on"), QuarantineReason::NotAnImage),
        ("an SVG", text("<svg xmlns='http://www.w3.org/2000/svg'/>"), QuarantineReason::Disguised),
        ("a page", text("\n\n<!DocType HTML><body onload=alert(1)>"), QuarantineReason::Disguised),
        ("an archive", with(b"PK\x03\x04", &archive), QuarantineReason::Disguised),
        ("a program", with(b"\x7fELF", &[0; 60]), QuarantineReason::Disguised),
        ("half a photo", whole[..whole.len() / 2].to_vec(), QuarantineReason::Damaged),
        ("a beginning", whole[..20].to_vec(), QuarantineReason::Damaged),
        ("half a signature", png[..png.len() - 10].to_vec(), QuarantineReason::Damaged),
        ("a bomb", bomb, QuarantineReason::TooLarge),
        ("a wide bomb", pictures::bomb(60_000, 1001)?, QuarantineReason::TooLarge),
        ("a photo and an archive", with(&whole, &archive), QuarantineReason::MoreInside),
        ("a photo and a page", with(&whole, b"<html><script>alert(1)"), QuarantineReason::MoreInside),
        ("a signature and a photo", with(&png, &whole), QuarantineReason::MoreInside),
        (
            "a page in a comment",
            [&whole[..2], comment.as_slice(), &whole[2..]].concat(),
            QuarantineReason::MoreInside,
        ),
    ])
}

#[tokio::test]
async fn hostile_files_are_kept_with_their_reason_and_never_shown() -> Result<()> {
    let scene = Scene::start().await?;
    let office = scene.office("supervisor").await?;
    let phone = scene.phone("grid_worker").await?;
    for (what, bytes, reason) in hostile()? {
        let (content, id) =
            phone.visit_with_file(scene.elder, PHOTO, bytes.clone(), "image/jpeg").await.context(what)?;
        phone.push_only().await?;
        let uploader = Uploader { caller: phone.caller(), id };
        let answer = uploader.create_with(bytes.len(), &bytes).await?;
        assert_eq!(answer.status, 201, "{what}: what was captured is taken: {}", answer.text());
        phone.sync().await?;
        until(what, async || {
            let found = office.submission(content.submission_id).await?;
            let file = found.media.into_iter().find(|file| file.media_id == id).context("the file")?;
            Ok((file.quarantine == Some(reason)).then_some(file))
        })
        .await
        .with_context(|| format!("{what} is {reason}"))?;

        // The author's phone learns of it, and still has the file.
        phone.sync().await?;
        let status = phone.status(content.submission_id).await?;
        assert_eq!(status.media_quarantined, [QuarantinedMedia { media_id: id, reason }], "{what}");
        assert_eq!(status.media_missing, [], "{what}");

        // Nobody is shown it; who looks after the visit can save it.
        for path in [uploader.address(), format!("{}?size=thumbnail", uploader.address())] {
            phone.caller().get(&path).await?.refused(ProblemCode::MediaQuarantined)?;
        }
        let small = office.caller.get(&format!("{}?size=preview", uploader.address())).await?;
        small.refused(ProblemCode::MediaQuarantined)?;
        let saved = office.caller.get(&uploader.address()).await?;
        assert_eq!(saved.bytes, bytes, "{what}: the bytes are kept as they came");
        assert_eq!(saved.header("content-type"), Some("application/octet-stream"), "{what}");
        assert_eq!(saved.header("content-disposition"), Some("attachment"), "{what}");

        let refused = office.try_decide(content.submission_id, &request(Decision::Approve, 1, &[])).await?;
        let problem = refused.refused(ProblemCode::MediaQuarantined)?;
        assert_eq!(problem.errors.first().map(|error| error.pointer.as_str()), Some(PHOTO), "{what}");
        scene.server.advance(TimeDelta::minutes(1));
    }
    Ok(())
}

#[tokio::test]
async fn what_is_missing_is_named_and_nothing_is_approved_unseen() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let photo = pictures::photo(3, 320, 240)?;
    let (content, id) = phone.visit_with_file(scene.elder, PHOTO, photo.clone(), "image/jpeg").await?;
    phone.push_only().await?;
    let uploader = Uploader { caller: phone.caller(), id };
    uploader.create_with(photo.len(), &photo).await?;
    let office = scene.office("supervisor").await?;
    let refused = office.try_decide(content.submission_id, &request(Decision::Approve, 1, &[])).await?;
    let problem = refused.refused(ProblemCode::MediaMissing)?;
    assert_eq!(problem.errors.len(), 2, "the signatures: {:?}", problem.errors);
    assert!(problem.errors.iter().any(|error| error.pointer == ELDER_SIGNATURE));
    phone.sync().await?;
    let decided: DecisionAnswer =
        office.try_decide(content.submission_id, &request(Decision::Approve, 1, &[])).await?.ok()?;
    assert_eq!(decided.state, SubmissionState::Approved);
    let unseen = media::Entity::find()
        .filter(media::Column::ExaminedAt.is_null())
        .count(scene.server.components.database.read())
        .await?;
    assert_eq!(unseen, 0);
    Ok(())
}

#[tokio::test]
async fn a_file_that_ends_whoever_looks_into_it_goes_into_quarantine() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let content = phone.visit(scene.elder).await?;
    phone.sync().await?;
    let database = scene.server.components.database.read();
    scene.all_examined().await?;
    // Three workers began and were never heard of again.
    let row = media::Entity::find().one(database).await?.context("a file")?;
    let connection = scene.server.components.database.read();
    media::Entity::update_many()
        .col_expr(media::Column::ExaminedAt, Expr::value(Option::<chrono::DateTime<chrono::Utc>>::None))
        .filter(media::Column::Sha256.eq(row.sha256.clone()))
        .exec(connection)
        .await?;
    let job = media_job::Model {
        sha256: row.sha256.clone(),
        due_at: scene.now(),
        attempts: 3,
        failures: 0,
        worker: Some(Uuid::new_v4()),
        worker_until: Some(scene.now() + TimeDelta::seconds(60)),
    };
    let job: media_job::ActiveModel = job.into();
    media_job::Entity::insert(job).exec_without_returning(connection).await?;
    assert!(!examine_next(&scene.server.components).await?, "somebody is at it");
    scene.server.advance(TimeDelta::seconds(61));
    examine_next(&scene.server.components).await?;
    until("it is in quarantine", async || {
        let row = media::Entity::find_by_id(row.sha256.clone()).one(database).await?.context("a file")?;
        Ok((row.quarantine == Some(QuarantineReason::Unexaminable)).then_some(()))
    })
    .await?;
    phone.sync().await?;
    assert_eq!(phone.status(content.submission_id).await?.media_quarantined.len(), 1);
    Ok(())
}

#[tokio::test]
async fn photos_that_look_alike_are_found_by_those_who_may_see_them() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let photo = pictures::landscape(1, 800, 600)?;
    let again = pictures::landscape(1, 640, 480)?;
    let other = pictures::landscape(2, 800, 600)?;
    assert_ne!(photo, again);
    let mut visits = Vec::new();
    for bytes in [photo, again, other] {
        let (content, id) = phone.visit_with_file(scene.elder, PHOTO, bytes, "image/jpeg").await?;
        phone.sync().await?;
        visits.push((content.submission_id, Uploader { caller: phone.caller(), id }));
        scene.all_examined().await?;
        scene.server.advance(TimeDelta::minutes(1));
    }
    let office = scene.office("supervisor").await?;
    let alike = async |uploader: &Uploader| -> Result<SimilarAnswer> {
        office.caller.get(&format!("{}/similar", uploader.address())).await?.ok()
    };
    let found = alike(&visits[0].1).await?;
    assert_eq!(found.photos.len(), 1, "{found:?}");
    assert_eq!((found.photos[0].submission_id, found.photos[0].media_id), (visits[1].0, visits[1].1.id));
    assert_eq!(found.photos[0].case_label, "赵示例");
    assert_eq!(alike(&visits[2].1).await?.photos, []);
    let stranger = scene.caller("far_supervisor").await?;
    stranger.get(&format!("{}/similar", visits[0].1.address())).await?.refused(ProblemCode::NotFound)?;
    Ok(())
}
