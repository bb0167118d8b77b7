//! How files are given out: addresses that need no token and end with what
//! they were made for, parts of files, and nothing that a browser runs.

use anyhow::{Context, Result};
use chrono::TimeDelta;
use doorstep_core::api::{FILES, FileAddress, LOGOUT, MediaRecord, SimilarAnswer};
use doorstep_core::case::CaseAction;
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{MediaId, SubmissionId};
use doorstep_core::problem::ProblemCode;
use doorstep_core::submission::{Place, Spot};
use doorstep_tests::caller::{Answer, Caller};
use doorstep_tests::county;
use doorstep_tests::elder_visit::{ELDER_SIGNATURE, ORDINARY, PHOTO, WORKER_SIGNATURE};
use doorstep_tests::office::Office;
use doorstep_tests::phone::TestPhone;
use doorstep_tests::pictures;
use doorstep_tests::scene::{Scene, set};
use doorstep_tests::wait::until;
use reqwest::Method;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

/// The facts of a file, once somebody has looked into it.
async fn record(office: &Office, submission: SubmissionId, id: MediaId) -> Result<MediaRecord> {
    until("the file is examined", async || {
        let detail = office.submission(submission).await?;
        let record = detail.media.into_iter().find(|record| record.media_id == id).context("its record")?;
        Ok((record.width_px.is_some() || record.quarantine.is_some()).then_some(record))
    })
    .await
}

async fn get_with(caller: &Caller, address: &str, headers: &[(&str, &str)]) -> Result<Answer> {
    let mut request = caller.request(Method::GET, address);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    caller.send(request).await
}

#[tokio::test]
async fn an_address_works_without_a_token_and_no_longer_than_it_says() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let photo = pictures::photo(1, 800, 600)?;
    let (content, id) = phone.visit_with_file(scene.elder, PHOTO, photo.clone(), "image/jpeg").await?;
    phone.push_only().await?;
    let office = scene.office("supervisor").await?;
    let waiting = office.submission(content.submission_id).await?;
    assert!(waiting.media.iter().all(|file| file.address.is_none()), "what is not there has no address");
    office.caller.get(&format!("{FILES}/{id}/address")).await?.refused(ProblemCode::NotFound)?;
    phone.sync().await?;

    let address = record(&office, content.submission_id, id).await?.address.context("an address")?;
    let stranger = office.caller.stranger();
    let answer = stranger.get(&address).await?;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("image/jpeg")));
    assert_eq!(answer.bytes, photo);
    assert_eq!(answer.header("etag"), Some(format!("\"{}-original\"", ContentHash::of(&photo)).as_str()));
    assert_eq!(answer.header("content-security-policy"), Some("sandbox; default-src 'none'"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("content-disposition"), Some("inline"));
    let caching = answer.header("cache-control").context("caching")?;
    let seconds: i64 = caching
        .strip_prefix("private, max-age=")
        .and_then(|rest| rest.strip_suffix(", immutable"))
        .with_context(|| caching.to_owned())?
        .parse()?;
    assert!((600..=1200).contains(&seconds), "{seconds}");
    let small = stranger.get(&format!("{address}&size=thumbnail")).await?;
    assert_eq!(small.status, 200);
    assert!(small.bytes.len() < photo.len());

    // Asked for again shortly after, it is the same: browsers find what they have.
    let same: FileAddress = office.caller.get(&format!("{FILES}/{id}/address")).await?.ok()?;
    assert_eq!(same.address, address);
    assert_eq!((same.until - scene.now()).num_seconds(), seconds);

    scene.server.advance(TimeDelta::seconds(seconds - 1));
    assert_eq!(stranger.get(&address).await?.status, 200);
    scene.server.advance(TimeDelta::seconds(1));
    stranger.get(&address).await?.refused(ProblemCode::FileAddressOver)?;
    // Somebody who is in gets another.
    let next: FileAddress = office.caller.get(&format!("{FILES}/{id}/address")).await?.ok()?;
    assert_ne!(next.address, address);
    assert_eq!(stranger.get(&next.address).await?.bytes, photo);
    Ok(())
}

#[tokio::test]
async fn an_address_is_for_one_file_one_session_and_one_moment() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let (photo, other) = (pictures::photo(1, 320, 240)?, pictures::photo(2, 320, 240)?);
    let (content, id) = phone.visit_with_file(scene.elder, PHOTO, photo, "image/jpeg").await?;
    let (_, other_id) = phone.visit_with_file(scene.elder, PHOTO, other, "image/jpeg").await?;
    phone.sync().await?;
    let office = scene.office("supervisor").await?;
    let stranger = office.caller.stranger();
    let address = record(&office, content.submission_id, id).await?.address.context("an address")?;
    let (path, query) = address.split_once('?').context("a query")?;
    let parts: Vec<&str> = query.split('&').collect();
    let [until, session, signature] = parts.as_slice() else { anyhow::bail!("{query}") };
    let far: FileAddress = scene.caller("county").await?.get(&format!("{FILES}/{id}/address")).await?.ok()?;
    let (_, far) = far.address.split_once('?').context("a query")?;
    let far_session = far.split('&').nth(1).context("a session")?;
    let mut flipped = (*signature).to_owned();
    let last = if flipped.pop() == Some('A') { 'Q' } else { 'A' };
    flipped.push(last);
    for (what, wrong) in [
        ("another file", format!("{FILES}/{other_id}?{query}")),
        ("no such file", format!("{FILES}/{}?{query}", Uuid::now_v7())),
        ("a later moment", format!("{path}?until=9999999999&{session}&{signature}")),
        ("another session", format!("{path}?{until}&{far_session}&{signature}")),
        ("an altered signature", format!("{path}?{until}&{session}&{flipped}")),
        ("no signature", format!("{path}?{until}&{session}")),
        ("an empty signature", format!("{path}?{until}&{session}&sig=")),
        ("a signature alone", format!("{path}?{signature}")),
    ] {
        let refused = stranger.get(&wrong).await?;
        refused.refused(ProblemCode::FileAddressOver).with_context(|| what.to_owned())?;
        // A token beside it does not make it better.
        office.caller.get(&wrong).await?.refused(ProblemCode::FileAddressOver)?;
    }
    // Nor does an address open anything else.
    stranger.get(&format!("{path}/similar?{query}")).await?.refused(ProblemCode::SessionExpired)?;
    stranger.get(&format!("{path}/address?{query}")).await?.refused(ProblemCode::SessionExpired)?;
    assert_eq!(stranger.get(&address).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn an_address_ends_with_the_session_and_with_the_permission() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let (_, id) =
        phone.visit_with_file(scene.elder, PHOTO, pictures::photo(1, 320, 240)?, "image/jpeg").await?;
    phone.sync().await?;
    let (_, leaving, _) = county::log_in(&scene.server, "supervisor").await?;
    let staying = scene.caller("supervisor").await?;
    let stranger = staying.stranger();
    let of = async |caller: &Caller| -> Result<String> {
        Ok(caller.get(&format!("{FILES}/{id}/address")).await?.ok::<FileAddress>()?.address)
    };
    let (gone, kept) = (of(&leaving).await?, of(&staying).await?);
    assert_ne!(gone, kept);
    assert_eq!(leaving.post(LOGOUT, &()).await?.status, 204);
    stranger.get(&gone).await?.refused(ProblemCode::SessionExpired)?;
    assert_eq!(stranger.get(&kept).await?.status, 200);

    scene.take_roles("supervisor").await?;
    stranger.get(&kept).await?.refused(ProblemCode::NotFound)?;
    staying.get(&format!("{FILES}/{id}/address")).await?.refused(ProblemCode::NotFound)?;
    Ok(())
}

#[tokio::test]
async fn whoever_may_not_see_a_file_does_not_learn_that_it_exists() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let (_, id) =
        phone.visit_with_file(scene.elder, PHOTO, pictures::photo(1, 320, 240)?, "image/jpeg").await?;
    phone.sync().await?;
    let nowhere = MediaId(Uuid::now_v7());
    for login_name in ["far_supervisor", "next_worker", "admin"] {
        let caller = scene.caller(login_name).await?;
        for end in ["", "?size=thumbnail", "/address", "/similar"] {
            let there = caller.get(&format!("{FILES}/{id}{end}")).await?.problem()?;
            let not_there = caller.get(&format!("{FILES}/{nowhere}{end}")).await?.problem()?;
            assert_eq!(there.code, ProblemCode::NotFound, "{login_name} {end}");
            assert_eq!((there.code, there.detail), (not_there.code, not_there.detail), "{login_name} {end}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn nothing_in_quarantine_has_an_address() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let page = b"<!doctype html><script>alert(1)</script>".to_vec();
    let (content, id) = phone.visit_with_file(scene.elder, PHOTO, page, "image/jpeg").await?;
    phone.sync().await?;
    let office = scene.office("supervisor").await?;
    let found = record(&office, content.submission_id, id).await?;
    assert!(found.quarantine.is_some());
    assert_eq!(found.address, None);
    office.caller.get(&format!("{FILES}/{id}/address")).await?.refused(ProblemCode::MediaQuarantined)?;
    Ok(())
}

#[tokio::test]
async fn an_address_from_before_a_file_was_looked_into_gives_nothing_out_either() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let photo = pictures::photo(1, 320, 240)?;
    let (content, id) = phone.visit_with_file(scene.elder, PHOTO, photo, "image/jpeg").await?;
    phone.sync().await?;
    let office = scene.office("supervisor").await?;
    let address = record(&office, content.submission_id, id).await?.address.context("an address")?;
    let sha256 = content.media.iter().find(|file| file.media_id == id).context("it")?.sha256.clone();
    let reason = doorstep_core::media::QuarantineReason::MoreInside;
    doorstep::db::entity::media::Entity::update_many()
        .col_expr(doorstep::db::entity::media::Column::Quarantine, Some(reason).into())
        .filter(doorstep::db::entity::media::Column::Sha256.eq(sha256))
        .exec(scene.server.components.database.read())
        .await?;
    for end in ["", "&size=thumbnail", "&size=preview"] {
        let refused = office.caller.stranger().get(&format!("{address}{end}")).await?;
        refused.refused(ProblemCode::MediaQuarantined)?;
    }
    Ok(())
}

#[tokio::test]
async fn sound_is_played_in_parts() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    // As recordings of browsers begin.
    let mut sound = b"\x1a\x45\xdf\xa3".to_vec();
    sound.extend((0..9_996_u32).map(|at| u8::try_from(at % 251).unwrap_or_default()));
    let (_, id) = phone.visit_with_file(scene.elder, PHOTO, sound.clone(), "audio/webm").await?;
    phone.sync().await?;
    let caller = scene.caller("supervisor").await?;
    let address: FileAddress = caller.get(&format!("{FILES}/{id}/address")).await?.ok()?;
    let stranger = caller.stranger();
    let whole = get_with(&stranger, &address.address, &[("accept-encoding", "gzip, br")]).await?;
    assert_eq!((whole.status, whole.header("content-type")), (200, Some("audio/webm")));
    assert_eq!(whole.header("accept-ranges"), Some("bytes"));
    assert_eq!(whole.bytes, sound);
    let tag = whole.header("etag").context("a tag")?.to_owned();
    let part = async |range: &str, if_range: Option<&str>| {
        let mut headers = vec![("range", range)];
        headers.extend(if_range.map(|tag| ("if-range", tag)));
        get_with(&stranger, &address.address, &headers).await
    };
    for (range, from, to) in [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=9990-", 9_990, 10_000),
        ("bytes=-5", 9_995, 10_000),
        ("bytes=-20000", 0, 10_000),
        ("bytes=9000-99999", 9_000, 10_000),
    ] {
        let answer = part(range, None).await?;
        assert_eq!(answer.status, 206, "{range}: {}", answer.text());
        assert_eq!(answer.bytes, sound[from..to], "{range}");
        let said = format!("bytes {from}-{}/10000", to - 1);
        assert_eq!(answer.header("content-range"), Some(said.as_str()), "{range}");
        assert_eq!(answer.header("content-length"), Some((to - from).to_string().as_str()), "{range}");
        assert_eq!(answer.header("etag"), Some(tag.as_str()));
        assert_eq!(answer.header("content-security-policy"), Some("sandbox; default-src 'none'"));
    }
    for range in ["bytes=10000-", "bytes=20000-20001", "bytes=-0"] {
        let answer = part(range, None).await?;
        answer.refused(ProblemCode::RangeNotSatisfiable)?;
        assert_eq!(answer.header("content-range"), Some("bytes */10000"), "{range}");
    }
    // What is no single range is not followed.
    for range in ["bytes=0-1,5-6", "bytes=5-2", "lines=1-2", "bytes=", "nonsense"] {
        let answer = part(range, None).await?;
        assert_eq!((answer.status, answer.bytes.len()), (200, sound.len()), "{range}");
    }
    assert_eq!(part("bytes=0-9", Some(&tag)).await?.status, 206);
    for other in ["\"another\"", &format!("W/{tag}"), "Sat, 29 Oct 1994 19:43:31 GMT"] {
        assert_eq!(part("bytes=0-9", Some(other)).await?.status, 200, "{other}");
    }
    // What is there already is not sent again, in parts neither.
    for tags in [tag.as_str(), "*", &format!("\"x\", W/{tag}")] {
        let headers = [("if-none-match", tags), ("range", "bytes=0-9")];
        let answer = get_with(&stranger, &address.address, &headers).await?;
        assert_eq!((answer.status, answer.bytes.len()), (304, 0), "{tags}");
        assert_eq!(answer.header("etag"), Some(tag.as_str()));
    }
    let other = get_with(&stranger, &address.address, &[("if-none-match", "\"x\"")]).await?;
    assert_eq!(other.status, 200);
    // With a token it is the same.
    let by_token = get_with(&caller, &format!("{FILES}/{id}"), &[("range", "bytes=-5")]).await?;
    assert_eq!((by_token.status, by_token.bytes.as_slice()), (206, &sound[9_995..]));
    Ok(())
}

#[tokio::test]
async fn papers_are_only_ever_saved() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let paper = b"%PDF-1.7 and so on".to_vec();
    let (_, id) = phone.visit_with_file(scene.elder, PHOTO, paper.clone(), "application/pdf").await?;
    phone.sync().await?;
    let caller = scene.caller("supervisor").await?;
    let address: FileAddress = caller.get(&format!("{FILES}/{id}/address")).await?.ok()?;
    let answer = caller.stranger().get(&address.address).await?;
    assert_eq!(answer.bytes, paper);
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
    assert_eq!(answer.header("content-disposition"), Some("attachment"));
    assert_eq!(answer.header("content-security-policy"), Some("sandbox; default-src 'none'"));
    Ok(())
}

/// A visit with a photo and a small picture of it, finished somewhere.
async fn photographed(
    phone: &TestPhone,
    scene: &Scene,
    photo: Vec<u8>,
    small: Vec<u8>,
    place: Option<Place>,
) -> Result<(SubmissionId, MediaId)> {
    let mut draft = phone.start_visit(scene.elder).await?;
    phone.answer(&mut draft, ORDINARY).await?;
    let (id, _) = phone.photograph(&mut draft, PHOTO, photo, small).await?;
    let seed = Uuid::new_v4().as_fields().0 / 2;
    phone.attach(&mut draft, WORKER_SIGNATURE, pictures::signature(seed)?, "image/png").await?;
    phone.attach(&mut draft, ELDER_SIGNATURE, pictures::signature(seed + 1)?, "image/png").await?;
    Ok((phone.finish_at(&mut draft, place).await?.submission_id, id))
}

#[tokio::test]
async fn small_pictures_are_no_look_alikes() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let mut visits = Vec::new();
    for width_px in [800, 640] {
        let height_px = width_px * 3 / 4;
        let photo = pictures::landscape(1, width_px, height_px)?;
        let small = pictures::landscape(1, width_px / 4, height_px / 4)?;
        visits.push(photographed(&phone, &scene, photo, small, None).await?);
        phone.sync().await?;
        scene.all_examined().await?;
        scene.server.advance(TimeDelta::minutes(1));
    }
    let office = scene.office("supervisor").await?;
    let [(first, photo), (second, alike)] = visits.as_slice() else { anyhow::bail!("two visits") };
    for (submission, id) in [(first, photo), (second, alike)] {
        record(&office, *submission, *id).await?;
    }
    let found: SimilarAnswer = until("the fingerprints", async || {
        let found: SimilarAnswer = office.caller.get(&format!("{FILES}/{photo}/similar")).await?.ok()?;
        Ok((!found.photos.is_empty()).then_some(found))
    })
    .await?;
    let ids: Vec<MediaId> = found.photos.iter().map(|photo| photo.media_id).collect();
    assert_eq!(ids, [*alike]);
    let shown = office.caller.stranger().get(&format!("{}&size=thumbnail", found.photos[0].address)).await?;
    assert_eq!((shown.status, shown.header("content-type")), (200, Some("image/webp")));
    Ok(())
}

#[tokio::test]
async fn a_correction_comes_with_the_files_before_it() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let before = pictures::photo(1, 320, 240)?;
    let (first, before_id) = phone.visit_with_file(scene.elder, PHOTO, before.clone(), "image/jpeg").await?;
    phone.sync().await?;
    let office = scene.office("supervisor").await?;
    record(&office, first.submission_id, before_id).await?;
    assert_eq!(office.submission(first.submission_id).await?.previous_media, []);
    office.give_back(first.submission_id, "照片看不清,请重拍").await?;
    phone.sync().await?;
    let mut draft = phone.start_correction(first.submission_id).await?;
    let after_id = phone.attach(&mut draft, PHOTO, pictures::photo(2, 320, 240)?, "image/jpeg").await?;
    let second = phone.finish(&mut draft).await?;
    phone.sync().await?;
    let detail = office.submission(second.submission_id).await?;
    let of = |files: &[MediaRecord], id| files.iter().find(|file| file.media_id == id).cloned();
    assert!(of(&detail.media, after_id).is_some() && of(&detail.media, before_id).is_none());
    let old = of(&detail.previous_media, before_id).context("the photo before")?;
    let shown = office.caller.stranger().get(&old.address.context("an address")?).await?;
    assert_eq!(shown.bytes, before);
    Ok(())
}

#[tokio::test]
async fn a_case_is_where_the_ledger_says_or_where_it_was_last_visited() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let office = scene.office("supervisor").await?;
    let at = |north: f64| Place {
        latitude_degrees: north,
        longitude_degrees: 108.9,
        altitude_m: None,
        accuracy_m: 9.0,
        at: phone.now(),
    };
    let small = pictures::photo(9, 32, 24)?;
    let visit = async |seed: u32, place| -> Result<SubmissionId> {
        let photo = pictures::photo(seed, 320, 240)?;
        let (id, _) = photographed(&phone, &scene, photo, small.clone(), place).await?;
        phone.sync().await?;
        scene.all_examined().await?;
        scene.server.advance(TimeDelta::minutes(5));
        Ok(id)
    };
    let first = visit(1, Some(at(34.1))).await?;
    assert_eq!(office.submission(first).await?.case_place, None, "its own place says nothing");
    office.approve(first).await?;
    let second = visit(2, Some(at(34.2))).await?;
    let known = office.submission(second).await?.case_place.context("the visit before")?;
    assert_eq!(known.spot, Spot { latitude_degrees: 34.1, longitude_degrees: 108.9 });
    assert!(known.visited_at.is_some());
    let north = Spot { latitude_degrees: 34.2, longitude_degrees: 108.9 };
    assert!((known.spot.metres_to(north) - 11_120.0).abs() < 10.0);

    let written = vec![set("gps", None, "34.15 108.95 0 0")];
    let stays = CaseAction::Moved { area_id: scene.county.area(county::Place::Grid)? };
    scene.record(scene.elder, stays, written).await?;
    let known = office.submission(second).await?.case_place.context("the ledger's place")?;
    assert_eq!(known.spot, Spot { latitude_degrees: 34.15, longitude_degrees: 108.95 });
    assert_eq!(known.visited_at, None);
    Ok(())
}
