//! Pictures and sounds beside the words of a form, without a network.

use anyhow::{Context, Result};
use doorstep::forms::Enclosed;
use doorstep_core::text::Language;
use doorstep_tests::cdp::By;
use doorstep_tests::pictures;
use doorstep_tests::scene::lists;
use doorstep_tests::workbook::xlsx;
use serde_json::json;

use super::forms::begin;
use super::handset::{Handset, Screen};
use super::pictures::Album;
use super::stage::Stage;

const FORM: &str = "
    | survey   |                 |       |                  |                     |              |                  |              |            |
    |          | type            | name  | label::中文 (zh) | label::English (en) | media::image | media::big-image | media::audio | appearance |
    |          | begin_group     | g     | 取暖             | Heating             |              |                  |              |            |
    |          | note            | hear  | 先听说明         | Listen first        |              |                  | say.wav      |            |
    |          | select_one fuel | stove | 用什么取暖?      | How is it heated?   | stove.jpg    | stove-big.jpg    |              |            |
    |          | select_one fuel | list  | 以前用什么?      | And before?         |              |                  |              | minimal    |
    |          | select_multiple fuel | pack | 还有哪些?     | What else is there? |              |                  |              | columns-2  |
    |          | text            | lost  | 烟囱完好吗?      | Is the chimney whole? | nowhere.png |                  |              |            |
    |          | end_group       |       |                  |                     |              |                  |              |            |
    | choices  |                 |       |                  |                     |              |                  |              |            |
    |          | list_name       | name  | label::中文 (zh) | label::English (en) | media::image | media::big-image | media::audio |            |
    |          | fuel            | coal  | 煤炉             | Coal stove          | coal.jpg     |                  | say.wav      |            |
    |          | fuel            | gas   | 天然气           | Gas                 | gas.png      |                  |              |            |
    |          | fuel            | none  | 不取暖           | Not at all          |              |                  |              |            |
    | settings |                 |       |                  |                     |              |                  |              |            |
    |          | form_id         | form_title | version     | default_language    |              |                  |              |            |
    |          | stove           | 取暖调查 | 1             | 中文 (zh)           |              |                  |              |            |
";

/// Half a second of a tone, 8 bits, 8000 a second.
fn sound() -> Vec<u8> {
    let samples: Vec<u8> = (0..4000_u32).map(|at| if at / 10 % 2 == 0 { 96 } else { 160 }).collect();
    let size = |bytes: usize| u32::try_from(bytes).unwrap_or_default().to_le_bytes();
    let mut wave = b"RIFF".to_vec();
    wave.extend(size(36 + samples.len()));
    wave.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data");
    wave.extend(size(samples.len()));
    wave.extend(samples);
    wave
}

fn enclosed() -> Result<Enclosed> {
    let mut enclosed = Enclosed::from(lists()?);
    for (name, bytes) in [
        ("say.wav", sound()),
        ("stove.jpg", pictures::photo(21, 480, 360)?),
        ("stove-big.jpg", pictures::photo(21, 1600, 1200)?),
        ("coal.jpg", pictures::photo(22, 320, 240)?),
        ("gas.png", pictures::signature(23)?),
    ] {
        enclosed.add(name.to_owned(), bytes)?;
    }
    Ok(enclosed)
}

/// Waits until the pictures of a selector are there, and whole.
async fn seen(worker: &Handset, selector: &str, count: usize) -> Result<()> {
    let images = format!("Array.from(document.querySelectorAll({}))", json!(selector));
    let whole = format!(
        "{images}.length === {count} && {images}.every((image) => image.complete && image.naturalWidth > 0)"
    );
    worker.page.until(&whole).await.with_context(|| selector.to_owned())
}

async fn with_pictures(screen: Screen, english: bool, who: &'static str) -> Result<()> {
    let stage = Stage::set().await?;
    let forms = stage.scene.offer_with(&[xlsx(FORM)?], enclosed()?).await?;
    let form = forms.first().context("the form")?;
    let album = Album::of(who);
    let worker = Handset::unpack(&stage.gate.base_url(), screen).await?;
    worker.log_in("grid_worker").await?;
    worker.ready_for_the_field(stage.elder).await?;
    let mut language = Language::Zh;
    if english {
        worker.speak_english().await?;
        language = Language::En;
    }
    stage.gate.cut();
    begin(&worker, &stage, form, language).await?;
    seen(&worker, "[data-path='/g/stove'] .beside img", 1).await?;
    seen(&worker, "[data-path='/g/stove'] .choices img", 2).await?;
    seen(&worker, "[data-path='/g/pack'] .choices img", 2).await?;
    // Nobody published this one, and the phone says so.
    let absent = worker.page.the(By::css("[data-path='/g/lost'] [data-absent='nowhere.png']")).await?;
    assert!(absent.text().await?.contains("nowhere.png"));
    // Sounds are sounds.
    for selector in ["[data-path='/g/hear'] audio", "[data-path='/g/stove'] audio"] {
        worker.page.until(&format!("document.querySelector({})?.readyState >= 1", json!(selector))).await?;
    }
    album.take(&worker, "media").await?;

    // A press on the picture of a choice chooses it; the button beside it
    // only speaks.
    let speak = worker.page.the(By::css("[data-path='/g/stove'] .choice__more button")).await?;
    speak.click().await?;
    worker.page.until("document.querySelector(\"[data-path='/g/stove'] audio\").currentTime > 0").await?;
    worker
        .page
        .until("document.querySelectorAll(\"[data-path='/g/stove'] input:checked\").length === 0")
        .await?;
    worker.page.click(By::css("[data-path='/g/stove'] .choice")).await?;
    worker.chosen("/g/stove", "coal").await?;
    worker.saved("/g/stove").await?;

    // The large picture, on request.
    worker.page.click(By::css("[data-path='/g/stove'] .beside__open")).await?;
    seen(&worker, "dialog[open] img", 1).await?;
    let wide: u32 = worker.page.evaluate("document.querySelector('dialog[open] img').naturalWidth").await?;
    assert_eq!(wide, 1600);
    album.take(&worker, "media-large").await?;
    worker.page.press("Escape").await?;
    worker.page.gone(By::css("dialog[open]")).await?;

    // In a list, too.
    worker.page.click(By::css("[data-path='/g/list'] .picker")).await?;
    seen(&worker, "dialog[open] .picker__list img", 2).await?;
    album.take(&worker, "media-list").await?;
    worker.page.click(By::css("dialog[open] .picker__list .row")).await?;
    worker.saved("/g/list").await?;

    if english {
        return Ok(());
    }
    // What is on the phone's disk stays there.
    let worker = worker.lose_power().await?;
    worker.unlock().await?;
    worker.page.click(super::handset::by_id(stage.elder)).await?;
    worker.press_button("继续填写").await?;
    seen(&worker, "[data-path='/g/stove'] .choices img", 2).await?;
    worker.chosen("/g/stove", "coal").await?;
    worker.assert_no_errors();
    Ok(())
}

#[tokio::test]
async fn pictures_beside_the_words_on_a_phone() -> Result<()> {
    with_pictures(Screen::Phone, false, "360-zh").await
}

#[tokio::test]
async fn pictures_beside_the_words_at_a_desk_in_english() -> Result<()> {
    with_pictures(Screen::Desk, true, "1280-en").await
}

#[tokio::test]
async fn a_picture_that_comes_later_is_shown_when_it_comes() -> Result<()> {
    let stage = Stage::set().await?;
    let forms = stage.scene.offer_with(&[xlsx(FORM)?], enclosed()?).await?;
    let form = forms.first().context("the form")?;
    // The server has lost its files, as after a restore without the media.
    std::fs::remove_dir_all(
        stage.scene.server.media_folder().context("files are in a folder")?.join("forms"),
    )?;
    let worker = Handset::unpack(&stage.gate.base_url(), Screen::Phone).await?;
    worker.log_in("grid_worker").await?;
    worker.ready_for_the_field(stage.elder).await?;
    begin(&worker, &stage, form, Language::Zh).await?;
    worker.page.the(By::css("[data-path='/g/stove'] [data-absent='stove.jpg']")).await?;
    worker.page.says("还没有下载到手机").await?;
    Album::of("360-zh").take(&worker, "media-missing").await?;
    // Published once more; the next sync brings them, and the form shows them.
    stage.scene.offer_with(&[xlsx(FORM)?], enclosed()?).await?;
    worker
        .page
        .evaluate::<Option<()>>(
            "void document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))",
        )
        .await?;
    seen(&worker, "[data-path='/g/stove'] .choices img", 2).await?;
    worker.assert_no_errors();
    Ok(())
}
