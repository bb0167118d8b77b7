//! Photos on their way: they wait for Wi-Fi or for their person, break off and
//! go on from where the server stands, in words that anybody understands.

use anyhow::{Context, Result, ensure};
use doorstep_core::api::FILES;
use doorstep_core::hash::ContentHash;
use doorstep_core::submission::{CaptureSource, MediaReference};
use doorstep_core::text::Language;
use doorstep_tests::cdp::By;
use doorstep_tests::elder_visit::PHOTO;
use doorstep_tests::gate::Mode;
use doorstep_tests::pictures;
use doorstep_tests::wait;
use doorstep_tests::workbook::xlsx;
use serde_json::json;

use super::forms::begin;
use super::handset::{Handset, Screen, by_id, camera_photo};
use super::pictures::Album;
use super::stage::Stage;
use super::stories::{answer_visit, begin_visit, to_the_photo, visit};

/// Headless browsers are in no network that they could name.
const MOBILE: &str = "Object.defineProperty(NetworkInformation.prototype, 'type', \
     { get: () => sessionStorage.getItem('test-network') ?? 'cellular', configurable: true });";
const WIFI: &str = "sessionStorage.setItem('test-network', 'wifi'); \
     navigator.connection.dispatchEvent(new Event('change')); true";

/// The note that the camera app is open is on the disk.
const NOTED: &str = "new Promise(done => indexedDB.open('doorstep-device').onsuccess = ({ target }) => \
     target.result.transaction('notice').objectStore('notice').get('choices').onsuccess = found => { \
     target.result.close(); done(found.target.result !== undefined); })";

/// Of a photo; more than this has left when the network breaks.
const PART_BYTES: u64 = 100_000;

#[tokio::test]
async fn photos_wait_for_wifi_and_go_on_where_they_broke_off() -> Result<()> {
    let stage = Stage::set().await?;
    let worker = Handset::unpack(&stage.gate.base_url(), Screen::Phone).await?;
    let album = Album::of("360-zh-uploads");
    worker.page.command("Page.addScriptToEvaluateOnNewDocument", json!({ "source": MOBILE })).await?;
    worker.page.reload().await?;
    worker.log_in("grid_worker").await?;
    worker.ready_for_the_field(stage.elder).await?;
    worker.go_to("/me").await?;
    worker.press_button("仅 Wi-Fi").await?;
    worker.page.says("走访记录照常上传").await?;
    album.take(&worker, "me").await?;
    worker.go_to("/").await?;

    visit(&worker, &stage, 3).await?;
    worker.page.says("走访已完成,存进发件箱").await?;
    // The visit itself does not wait.
    worker.will_say("待审核").await?;
    worker.page.says("照片在等 Wi-Fi").await?;
    worker.page.says("等 Wi-Fi").await?;
    album.take(&worker, "waits").await?;
    worker.speak_english().await?;
    worker.go_to("/outbox").await?;
    worker.page.says("waits for Wi-Fi").await?;
    album.take(&worker, "waits-in-english").await?;
    worker.go_to("/me").await?;
    worker.press_button("中文").await?;
    worker.go_to("/outbox").await?;
    let office = stage.scene.office("supervisor").await?;
    let stored = async || {
        let queue = office.queue().await?;
        let entry = queue.first().context("the visit")?;
        ensure!(queue.len() == 1, "once");
        anyhow::Ok((entry.media_stored, entry.media_expected))
    };
    assert_eq!(stored().await?.0, 0, "no photo has left");

    // The phone is in a Wi-Fi, a slow one that breaks in the middle of a photo.
    stage.gate.set(Mode::Slow { bytes_per_s: 40_000 });
    let before = stage.gate.bytes_to_server();
    worker.page.evaluate::<bool>(WIFI).await?;
    worker.page.says("正在传").await?;
    album.take(&worker, "sending").await?;
    wait::until("a part of the photo", async || {
        Ok((stage.gate.bytes_to_server() - before > PART_BYTES).then_some(()))
    })
    .await?;
    stage.gate.cut();
    worker.page.says("会接着传").await?;
    album.take(&worker, "broke-off").await?;
    // The reviewer has a small picture meanwhile.
    let queue = office.queue().await?;
    let id = queue.first().context("the visit")?.submission_id;
    let detail = office.submission(id).await?;
    let here: Vec<_> = detail.media.iter().filter(|file| file.stored).collect();
    assert!(here.iter().any(|file| file.preview_of.is_some()), "{:?}", detail.media);
    assert!(detail.media.iter().any(|file| file.path == PHOTO && !file.stored), "{:?}", detail.media);

    // Paused stays paused, also after the phone was off.
    worker.press_button("暂停传照片").await?;
    worker.page.says("照片已暂停上传").await?;
    let worker = worker.lose_power().await?;
    stage.gate.open();
    worker.unlock().await?;
    worker.go_to("/outbox").await?;
    worker.page.says("照片已暂停上传").await?;
    let (arrived, expected) = stored().await?;
    ensure!(arrived < expected, "the photo waits: {arrived} of {expected}");
    let before = stage.gate.bytes_to_server();
    worker.press_button("继续传照片").await?;
    wait::until("all files", async || {
        let (arrived, expected) = stored().await?;
        Ok((arrived == expected).then_some(()))
    })
    .await?;
    worker.page.says("全部已上传").await?;
    ensure!(stage.gate.bytes_to_server() > before, "the rest has left");
    worker.assert_no_errors();

    // What the phone says of the photo, and what is burned into it.
    let content = office.submission(id).await?.content;
    let is_photo = |file: &&MediaReference| file.path == PHOTO && file.preview_of.is_none();
    let photo = content.media.iter().find(is_photo).context("the photo")?;
    let capture = photo.capture.as_ref().context("how it came about")?;
    assert_eq!(capture.source, CaptureSource::Camera);
    assert_eq!(capture.original_sha256, Some(ContentHash::of(&camera_photo(3)?)));
    assert!(capture.place.as_ref().is_some_and(|place| place.accuracy_m > 0.0));
    let small = content.media.iter().find(|file| file.preview_of == Some(photo.media_id));
    assert!(small.context("a small picture")?.size_bytes <= 15 * 1024);
    let stored = stage.scene.caller("supervisor").await?.get(&format!("{FILES}/{}", photo.media_id)).await?;
    let picture = image::load_from_memory(&stored.bytes)?.to_luma8();
    assert_eq!(picture.dimensions(), (1600, 1200));
    let brightness = |from: u32, to: u32| {
        let rows = (from..to).flat_map(|y| (0..1600).map(move |x| (x, y)));
        let sum: u64 = rows.map(|(x, y)| u64::from(picture.get_pixel(x, y).0[0])).sum();
        sum / u64::from((to - from) * 1600)
    };
    let (middle, edge) = (brightness(400, 800), brightness(1150, 1200));
    assert!(edge < middle * 7 / 10, "a dark band below: {edge} of {middle}");
    assert!(brightness(0, 100) > middle * 9 / 10, "and nowhere else");
    Ok(())
}

/// The camera of the app, by Chromium's made-up one.
#[tokio::test]
async fn the_apps_own_camera_is_offered_after_a_photo_was_lost() -> Result<()> {
    let stage = Stage::set().await?;
    let worker = Handset::unpack(&stage.gate.base_url(), Screen::Phone).await?;
    let album = Album::of("360-zh-camera");
    worker.log_in("grid_worker").await?;
    worker.ready_for_the_field(stage.elder).await?;
    begin_visit(&worker, &stage).await?;
    worker.next_to("/g_visit/met").await?;
    answer_visit(&worker).await?;
    to_the_photo(&worker).await?;
    let input = format!("[data-path='{PHOTO}'] input[capture]");
    // The camera app opens, and the browser does not live to see the end of it.
    worker.page.command("Page.setInterceptFileChooserDialog", json!({ "enabled": true })).await?;
    worker.page.evaluate::<bool>(&format!("document.querySelector(`{input}`).click(); true")).await?;
    worker.page.until(NOTED).await?;
    let worker = worker.lose_power().await?;
    worker.unlock().await?;
    worker.page.click(by_id(stage.elder)).await?;
    worker.press_button("继续填写").await?;
    worker.page.says("上次拍照时").await?;
    album.take(&worker, "lost").await?;
    worker.press_in(PHOTO, "用应用内相机").await?;
    worker.press_in(PHOTO, "拍照").await?;
    worker.page.until("document.querySelector('dialog[open] video')?.videoWidth > 0").await?;
    worker.page.click(By::css("dialog[open] .dialog__actions .button--primary:not([disabled])")).await?;
    worker.page.the(By::css(format!("[data-path='{PHOTO}'] img[src^='blob:']"))).await?;
    worker.saved(PHOTO).await?;
    album.take(&worker, "taken").await?;
    // The choice is remembered.
    let worker = worker.lose_power().await?;
    worker.unlock().await?;
    worker.page.click(by_id(stage.elder)).await?;
    worker.press_button("继续填写").await?;
    worker.page.the(By::css(format!("[data-path='{PHOTO}'] img[src^='blob:']"))).await?;
    worker.page.gone(By::css(input)).await?;
    worker.assert_no_errors();
    Ok(())
}

const ROOMS: &str = "
    | survey   |              |      |                  |                     |
    |          | type         | name | label::中文 (zh) | label::English (en) |
    |          | begin_repeat | room | 更多照片         | More photos         |
    |          | image        | ph   | 照片             | Photo               |
    |          | end_repeat   |      |                  |                     |
    | settings |              |      |                  |                     |
    |          | form_id      | form_title | version    | default_language    |
    |          | rooms        | 房屋照片 | 1            | 中文 (zh)           |
";

/// In a repeat the camera stays open: each shot has an instance of its own.
async fn several_photos(language: Language, who: &'static str) -> Result<()> {
    let stage = Stage::set().await?;
    let forms = stage.scene.offer(&[xlsx(ROOMS)?]).await?;
    let worker = Handset::unpack(&stage.gate.base_url(), Screen::Phone).await?;
    let album = Album::of(who);
    let say = |zh: &'static str, en: &'static str| if language == Language::Zh { zh } else { en };
    worker.log_in("grid_worker").await?;
    worker.ready_for_the_field(stage.elder).await?;
    if language == Language::En {
        worker.speak_english().await?;
    }
    begin(&worker, &stage, forms.first().context("the form")?, language).await?;
    worker.press_in("/room[1]/ph", say("用应用内相机", "Use the camera in the app")).await?;
    worker.press_in("/room[1]/ph", say("拍照", "Take a photo")).await?;
    worker.page.until("document.querySelector('dialog[open] video')?.videoWidth > 0").await?;
    for taken in 1..=2 {
        worker.page.click(By::role("button", say("拍下,再拍一张", "Shoot and go on"))).await?;
        let count =
            if language == Language::Zh { format!("已拍 {taken} 张") } else { format!("{taken} taken") };
        worker.page.says(&count).await?;
    }
    album.take(&worker, "camera").await?;
    worker.page.click(By::css("dialog[open] .dialog__actions .button--primary:not([disabled])")).await?;
    worker.page.gone(By::css("dialog[open]")).await?;
    for path in ["/room[1]/ph", "/room[2]/ph", "/room[3]/ph"] {
        worker.page.the(By::css(format!("[data-path='{path}'] img[src^='blob:']"))).await?;
        worker.saved(path).await?;
    }
    worker.page.gone(By::css("[data-instance='/room[4]']")).await?;
    album.take(&worker, "taken").await?;
    worker.assert_no_errors();
    Ok(())
}

#[tokio::test]
async fn several_photos_are_taken_in_a_row() -> Result<()> {
    several_photos(Language::Zh, "360-zh-several").await
}

#[tokio::test]
async fn several_photos_are_taken_in_a_row_in_english() -> Result<()> {
    several_photos(Language::En, "360-en-several").await
}

/// As today's cameras make them.
#[tokio::test]
async fn a_picture_of_fifty_megapixels_is_a_photo_like_any_other() -> Result<()> {
    let stage = Stage::set().await?;
    let forms = stage.scene.offer(&[xlsx(ROOMS)?]).await?;
    let worker = Handset::unpack(&stage.gate.base_url(), Screen::Phone).await?;
    worker.log_in("grid_worker").await?;
    worker.ready_for_the_field(stage.elder).await?;
    begin(&worker, &stage, forms.first().context("the form")?, Language::Zh).await?;
    let small = image::load_from_memory(&pictures::landscape(3, 512, 384)?)?;
    let mut large = std::io::Cursor::new(Vec::new());
    small
        .resize_exact(8192, 6144, image::imageops::FilterType::Nearest)
        .write_to(&mut large, image::ImageFormat::Jpeg)?;
    let large = worker.file("large.jpg", &large.into_inner())?;
    worker.photograph("/room[1]/ph", &large).await?;
    worker.saved("/room[1]/ph").await?;
    let shown = "document.querySelector(\"[data-path='/room[1]/ph'] img[src^='blob:']\")";
    worker.page.until(&format!("{shown}?.naturalWidth === 1600 && {shown}.naturalHeight === 1200")).await?;
    worker.assert_no_errors();
    Ok(())
}
