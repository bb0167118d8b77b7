//! How a reviewer looks at pictures: small ones, the large one with what is
//! known of it, two beside each other, what is not there and why.

use anyhow::{Context, Result};
use chrono::TimeDelta;
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{MediaId, SubmissionId};
use doorstep_core::phone::NewFile;
use doorstep_core::submission::{Capture, CaptureSource, Place, Spot};
use doorstep_tests::cdp::By;
use doorstep_tests::county;
use doorstep_tests::elder_visit::{ELDER_SIGNATURE, ORDINARY, PHOTO, WORKER_SIGNATURE};
use doorstep_tests::office::Office;
use doorstep_tests::phone::TestPhone;
use doorstep_tests::pictures;
use doorstep_tests::tus::Uploader;
use doorstep_tests::wait::until;
use serde_json::json;
use uuid::Uuid;

use super::handset::{Handset, Screen, by_id};
use super::pictures::Album;
use super::stage::{ELDER, Stage};

const HAZARD_PHOTO: &str = "/g_s/s_ph";
const OPEN_PICTURE: &str = "dialog.lightbox[open] .panel__picture img";

/// A correction that waits for its reviewer.
struct Waiting {
    submission: SubmissionId,
    photo: MediaId,
    hazard: MediaId,
    /// The approved visit with a photo that looks like this one's.
    earlier: SubmissionId,
    alike: MediaId,
}

fn place(phone: &TestPhone, latitude_degrees: f64, accuracy_m: f64) -> Place {
    Place { latitude_degrees, longitude_degrees: 108.987_65, altitude_m: None, accuracy_m, at: phone.now() }
}

fn photo(bytes: Vec<u8>, capture: Capture) -> NewFile {
    let id = MediaId(Uuid::now_v7());
    NewFile { capture: Some(capture), ..NewFile::plain(id, bytes, "image/jpeg".to_owned()) }
}

fn capture(phone: &TestPhone, source: CaptureSource, place: Option<Place>) -> Capture {
    let original_sha256 = Some(ContentHash::of(b"as the camera made it"));
    Capture { source, at: phone.now(), place, original_sha256, taken_at: None, taken_where: None }
}

/// A visit that was approved; and one that was returned and corrected, with a
/// photo of the gallery, one of the camera, and a signature that is a page.
async fn something_waits(stage: &Stage, phone: &TestPhone, office: &Office) -> Result<Waiting> {
    let seed = Uuid::new_v4().as_fields().0 / 4;
    let mut draft = phone.start_visit(stage.elder).await?;
    phone.answer(&mut draft, ORDINARY).await?;
    let first = photo(pictures::landscape(1, 640, 480)?, capture(phone, CaptureSource::Camera, None));
    let alike = first.media_id;
    phone.attach_file(&mut draft, PHOTO, first).await?;
    sign(phone, &mut draft, seed).await?;
    let earlier = phone.finish_at(&mut draft, Some(place(phone, 34.123, 9.0))).await?.submission_id;
    phone.sync().await?;
    office.approve(earlier).await?;
    phone.sync().await?;

    let mut draft = phone.start_visit(stage.elder).await?;
    phone.answer(&mut draft, ORDINARY).await?;
    phone.attach(&mut draft, PHOTO, pictures::landscape(5, 1000, 750)?, "image/jpeg").await?;
    sign(phone, &mut draft, seed + 2).await?;
    let returned = phone.finish(&mut draft).await?.submission_id;
    phone.sync().await?;
    office.give_back(returned, "照片看不清,请重拍").await?;
    phone.sync().await?;

    let mut draft = phone.start_correction(returned).await?;
    phone.answer(&mut draft, &[("/g_s/s_haz", "coal"), ("/g_s/s_fixed", "1")]).await?;
    let chosen = Capture {
        taken_at: Some(phone.now() - TimeDelta::days(3)),
        taken_where: Some(Spot { latitude_degrees: 34.323, longitude_degrees: 108.987_65 }),
        ..capture(phone, CaptureSource::Gallery, None)
    };
    let chosen = photo(pictures::landscape(1, 1200, 900)?, chosen);
    let near = capture(phone, CaptureSource::Camera, Some(place(phone, 34.123_5, 12.0)));
    let near = photo(pictures::landscape(9, 1600, 1200)?, near);
    let (photo, hazard) = (chosen.media_id, near.media_id);
    phone.attach_file(&mut draft, PHOTO, chosen).await?;
    phone.attach_file(&mut draft, HAZARD_PHOTO, near).await?;
    let page = b"<!doctype html><script>alert(1)</script>".to_vec();
    phone.attach(&mut draft, ELDER_SIGNATURE, page, "image/png").await?;
    let submission = phone.finish_at(&mut draft, Some(place(phone, 34.123, 9.0))).await?.submission_id;
    phone.sync().await?;
    until("all files are looked into", async || {
        let detail = office.submission(submission).await?;
        let is_known = |file: &doorstep_core::api::MediaRecord| {
            file.stored && (file.width_px.is_some() || file.quarantine.is_some())
        };
        Ok(detail.media.iter().all(is_known).then_some(()))
    })
    .await?;
    Ok(Waiting { submission, photo, hazard, earlier, alike })
}

async fn sign(phone: &TestPhone, draft: &mut doorstep_core::phone::OpenDraft, seed: u32) -> Result<()> {
    for (path, seed) in [(WORKER_SIGNATURE, seed), (ELDER_SIGNATURE, seed + 1)] {
        phone.attach(draft, path, pictures::signature(seed)?, "image/png").await?;
    }
    Ok(())
}

/// The reviewer, with the submission open.
async fn reviewer(stage: &Stage, screen: Screen, english: bool, id: SubmissionId) -> Result<Handset> {
    let supervisor = Handset::unpack(&stage.gate.base_url(), screen).await?;
    supervisor.log_in("supervisor").await?;
    if english {
        supervisor.go_to("/me").await?;
        supervisor.press_button("English").await?;
        supervisor.page.says("Language").await?;
    }
    supervisor.go_to("/queue").await?;
    supervisor.page.click(by_id(id)).await?;
    Ok(supervisor)
}

fn thumbnail(id: MediaId) -> By {
    By::css(format!("button.photo[data-id='{id}']"))
}

/// Waits until all pictures of a selector are shown, and how many.
async fn shown(person: &Handset, selector: &str, count: usize) -> Result<()> {
    let images = format!("Array.from(document.querySelectorAll({}))", json!(selector));
    person
        .page
        .until(&format!(
            "{images}.length === {count} && {images}.every((image) => image.complete && image.naturalWidth > 0)"
        ))
        .await
        .with_context(|| selector.to_owned())
}

async fn enlarged(person: &Handset, percent: &str) -> Result<()> {
    let says = format!("document.querySelector('.lightbox__percent')?.innerText === '{percent}'");
    person.page.until(&says).await.with_context(|| percent.to_owned())
}

async fn looks_closely(screen: Screen, english: bool, who: &'static str) -> Result<()> {
    let stage = Stage::set().await?;
    let album = Album::of(who);
    let phone = county::phone(&stage.scene.server, "grid_worker").await?;
    phone.sync().await?;
    let office = stage.scene.office("supervisor").await?;
    let waiting = something_waits(&stage, &phone, &office).await?;
    let supervisor = reviewer(&stage, screen, english, waiting.submission).await?;
    let page = &supervisor.page;
    let say = |zh: &'static str, en: &'static str| if english { en } else { zh };

    // Small, with what has to be seen without opening it.
    shown(&supervisor, "[data-path] button.photo img", 3).await?;
    page.says(say("来自相册", "from the gallery")).await?;
    page.says(say("与其他走访的照片相似(1)", "Looks like photos of other visits (1)")).await?;
    page.the(By::css("[data-quarantine='disguised']")).await?;
    page.says(say("请退回,让走访人重新拍摄", "Return the visit, so that it is taken again")).await?;
    page.says(say("1 份照片或文件未通过安全检查", "Did not pass the safety check, so")).await?;
    page.gone(By::css(".served__coming")).await?;
    album.take(&supervisor, "pictures").await?;

    // Large, with everything that is known of it.
    page.click(thumbnail(waiting.photo)).await?;
    shown(&supervisor, OPEN_PICTURE, 1).await?;
    let wide: u32 = page.evaluate(&format!("document.querySelector('{OPEN_PICTURE}').naturalWidth")).await?;
    assert_eq!(wide, 1200);
    for words in [
        say("来自相册,不一定是当场拍的", "From the gallery: perhaps not taken there and then"),
        say("照片自带时间", "The picture says it was taken"),
        say("34.32300, 108.98765", "34.32300, 108.98765"),
        say("22.2 公里", "22.2 km"),
        say("较远,请核实", "Far away. Ask about it."),
        say("1200 × 900 像素", "1200 × 900 pixels"),
        "王示例",
    ] {
        page.says(words).await?;
    }
    page.the(By::css(format!("li[data-alike='{}']", waiting.alike))).await?;
    shown(&supervisor, "dialog[open] .alike img", 1).await?;
    album.take(&supervisor, "lightbox").await?;

    // By keys.
    page.until("document.activeElement?.matches('.lightbox__stage')").await?;
    enlarged(&supervisor, "100%").await?;
    page.press("+").await?;
    enlarged(&supervisor, "150%").await?;
    let moved = "document.querySelector('.panel__picture').style.transform";
    let before: String = page.evaluate(moved).await?;
    page.press("ArrowRight").await?;
    page.until(&format!("{moved} !== {}", json!(before))).await?;
    page.press("-").await?;
    enlarged(&supervisor, "100%").await?;
    // By buttons.
    supervisor.press_button(say("放大", "Zoom in")).await?;
    enlarged(&supervisor, "150%").await?;
    supervisor.press_button(say("看整张", "Whole picture")).await?;
    enlarged(&supervisor, "100%").await?;
    match screen {
        Screen::Desk => turn_the_wheel(&supervisor).await?,
        Screen::Phone => pinch(&supervisor).await?,
    }
    album.take(&supervisor, "lightbox-large").await?;
    page.press("0").await?;

    // What was there before, and what looks like it.
    supervisor.press_button(say("对比两张", "Compare two")).await?;
    shown(&supervisor, OPEN_PICTURE, 2).await?;
    page.says(say("更正前:", "Before: ")).await?;
    album.take(&supervisor, "lightbox-before").await?;
    page.click(By::css(format!("li[data-alike='{}'] button", waiting.alike))).await?;
    page.the(By::css(format!("[data-panel='{}']", waiting.alike))).await?;
    shown(&supervisor, OPEN_PICTURE, 2).await?;
    album.take(&supervisor, "lightbox-alike").await?;

    // The next one: taken near the door.
    page.press("PageUp").await?;
    page.the(By::css(format!("[data-panel='{}']", waiting.hazard))).await?;
    // What was pressed is gone, and the focus is still in the dialog.
    page.until("document.activeElement?.closest('.lightbox__frame') !== null").await?;
    page.the(By::css("[data-metres='56']")).await?;
    page.says(say("56 米", "56 m")).await?;
    page.says(say("没有发现相似的照片", "None found")).await?;
    let far: bool =
        page.evaluate("document.querySelector('dialog[open]').innerText.includes('核实')").await?;
    assert!(!far, "there is nothing to ask about");
    // And one that is not shown.
    page.press("PageUp").await?;
    page.the(By::css("dialog[open] [data-quarantine='disguised']")).await?;
    album.take(&supervisor, "lightbox-quarantine").await?;
    page.press("PageDown").await?;
    page.the(By::css(format!("[data-panel='{}']", waiting.hazard))).await?;
    page.press("PageDown").await?;
    page.the(By::css(format!("[data-panel='{}']", waiting.photo))).await?;
    page.press("Escape").await?;
    page.gone(By::css("dialog[open]")).await?;
    // The focus is where it was.
    page.until(&format!("document.activeElement?.dataset.id === '{}'", waiting.photo)).await?;

    // To the visit that has the same picture.
    page.click(thumbnail(waiting.photo)).await?;
    page.click(By::css(format!("dialog[open] a[href='/submission/{}']", waiting.earlier))).await?;
    page.the(thumbnail(waiting.alike)).await?;
    page.gone(By::css("dialog[open]")).await?;
    page.says(ELDER).await?;
    supervisor.assert_no_errors();
    Ok(())
}

async fn middle(person: &Handset) -> Result<(f64, f64)> {
    person
        .page
        .evaluate(
            "(() => { const box = document.querySelector('.panel').getBoundingClientRect(); \
             return [box.left + box.width / 2, box.top + box.height / 2]; })()",
        )
        .await
}

/// Two turns in, and a hand that moves the picture.
async fn turn_the_wheel(person: &Handset) -> Result<()> {
    let (x, y) = middle(person).await?;
    for percent in ["150%", "225%"] {
        let turn = json!({ "type": "mouseWheel", "x": x, "y": y, "deltaX": 0, "deltaY": -120 });
        person.page.command("Input.dispatchMouseEvent", turn).await?;
        enlarged(person, percent).await?;
    }
    let moved = "document.querySelector('.panel__picture').style.transform";
    let before: String = person.page.evaluate(moved).await?;
    for (kind, x) in [("mousePressed", x), ("mouseMoved", x + 80.0), ("mouseReleased", x + 80.0)] {
        let buttons = u8::from(kind != "mouseReleased");
        let hand =
            json!({ "type": kind, "x": x, "y": y, "button": "left", "buttons": buttons, "clickCount": 1 });
        person.page.command("Input.dispatchMouseEvent", hand).await?;
    }
    person.page.until(&format!("{moved} !== {}", json!(before))).await
}

/// Two fingers apart.
async fn pinch(person: &Handset) -> Result<()> {
    let (x, y) = middle(person).await?;
    for (kind, apart) in [("touchStart", 30.0), ("touchMove", 45.0), ("touchMove", 60.0)] {
        let fingers = json!([{ "x": x - apart, "y": y, "id": 1 }, { "x": x + apart, "y": y, "id": 2 }]);
        person
            .page
            .command("Input.dispatchTouchEvent", json!({ "type": kind, "touchPoints": fingers }))
            .await?;
    }
    person.page.command("Input.dispatchTouchEvent", json!({ "type": "touchEnd", "touchPoints": [] })).await?;
    enlarged(person, "200%").await
}

#[tokio::test]
async fn a_reviewer_looks_closely() -> Result<()> {
    looks_closely(Screen::Desk, false, "1280-zh-viewing").await
}

#[tokio::test]
async fn a_reviewer_looks_closely_in_english() -> Result<()> {
    looks_closely(Screen::Desk, true, "1280-en-viewing").await
}

#[tokio::test]
async fn a_reviewer_looks_closely_on_a_phone() -> Result<()> {
    looks_closely(Screen::Phone, false, "360-zh-viewing").await
}

#[tokio::test]
async fn a_reviewer_looks_closely_on_a_phone_in_english() -> Result<()> {
    looks_closely(Screen::Phone, true, "360-en-viewing").await
}

#[tokio::test]
async fn what_is_still_on_the_phone_is_shown_small_until_it_is_there() -> Result<()> {
    let stage = Stage::set().await?;
    let phone = county::phone(&stage.scene.server, "grid_worker").await?;
    phone.sync().await?;
    let mut draft = phone.start_visit(stage.elder).await?;
    phone.answer(&mut draft, ORDINARY).await?;
    let small = pictures::landscape(3, 160, 120)?;
    let (photo, preview) =
        phone.photograph(&mut draft, PHOTO, pictures::landscape(3, 1600, 1200)?, small.clone()).await?;
    sign(&phone, &mut draft, 77).await?;
    let content = phone.finish(&mut draft).await?;
    phone.push_only().await?;
    let uploader = Uploader { caller: phone.caller(), id: preview };
    assert_eq!(uploader.create_with(small.len(), &small).await?.status, 201);

    for (screen, who) in [(Screen::Phone, "360-zh-viewing"), (Screen::Desk, "1280-zh-viewing")] {
        let supervisor = reviewer(&stage, screen, false, content.submission_id).await?;
        let page = &supervisor.page;
        page.the(By::css(format!("button.photo[data-preview='{preview}'] img"))).await?;
        page.says("照片本身还在手机上").await?;
        page.says("尚未传到").await?;
        page.says("还有 3 份照片、签字或附件没有传到:探访照片").await?;
        page.gone(By::css(".served__coming")).await?;
        let album = Album::of(who);
        album.take(&supervisor, "preview").await?;
        page.click(thumbnail(photo)).await?;
        shown(&supervisor, OPEN_PICTURE, 1).await?;
        let wide: u32 =
            page.evaluate(&format!("document.querySelector('{OPEN_PICTURE}').naturalWidth")).await?;
        assert_eq!(wide, 160);
        album.take(&supervisor, "preview-large").await?;
        if matches!(screen, Screen::Phone) {
            continue;
        }
        // It arrives, and is shown without anybody asking.
        phone.sync().await?;
        page.until(&format!("document.querySelector('{OPEN_PICTURE}')?.naturalWidth === 1600")).await?;
        page.press("Escape").await?;
        page.gone(By::css("dialog[open]")).await?;
        page.gone(By::css("[data-preview]")).await?;
        shown(&supervisor, "[data-path] button.photo img", 3).await?;
        supervisor.assert_no_errors();
    }
    Ok(())
}

#[tokio::test]
async fn an_address_that_ran_out_is_renewed_and_without_a_network_it_says_so() -> Result<()> {
    let stage = Stage::set().await?;
    let phone = county::phone(&stage.scene.server, "grid_worker").await?;
    phone.sync().await?;
    let content = phone.visit(stage.elder).await?;
    phone.sync().await?;
    let photo = content.media.iter().find(|file| file.path == PHOTO).context("the photo")?.media_id;
    let supervisor = reviewer(&stage, Screen::Desk, false, content.submission_id).await?;
    let page = &supervisor.page;
    shown(&supervisor, "[data-path] button.photo img", 3).await?;
    let small = format!("button.photo[data-id='{photo}'] img");
    // As if the page had been left open for an hour.
    page.evaluate::<Option<()>>(&format!(
        "void (document.querySelector(\"{small}\").src = \
         document.querySelector(\"{small}\").src.replace(/until=[0-9]+/, 'until=1600000000'))"
    ))
    .await?;
    page.until(&format!(
        "(() => {{ const image = document.querySelector(\"{small}\"); \
         return image && !image.src.includes('until=1600000000') && image.complete && image.naturalWidth > 0; }})()"
    ))
    .await?;

    stage.gate.cut();
    page.click(thumbnail(photo)).await?;
    page.says("连不上服务器").await?;
    stage.gate.open();
    supervisor.press_button("再试一次").await?;
    shown(&supervisor, OPEN_PICTURE, 1).await?;
    page.press("Escape").await?;
    page.gone(By::css("dialog[open]")).await?;
    supervisor.assert_no_errors();
    Ok(())
}
