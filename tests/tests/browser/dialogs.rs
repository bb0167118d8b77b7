//! What opens over the form: pads to draw on, the camera that reads codes,
//! lists to look through. Each with its picture, on every screen.

use anyhow::{Context, Result};
use doorstep_core::text::Language;
use doorstep_tests::cdp::By;
use doorstep_tests::pictures;
use doorstep_tests::workbook::xlsx;
use serde_json::json;

use super::devices::READER;
use super::forms::begin;
use super::handset::{Handset, Screen};
use super::pictures::Album;
use super::stage::Stage;

const OVER: &str = "
    | survey   |                  |      |                      |                             |            |
    |          | type             | name | label::中文 (zh)     | label::English (en)         | appearance |
    |          | begin_group      | g    | 取证                 | Evidence                    |            |
    |          | image            | m    | 现场照片             | Photo of the place          | annotate   |
    |          | image            | d    | 房屋周围的位置草图   | Sketch of the surroundings  | draw       |
    |          | image            | s    | 被走访人签字         | Signature of the person     | signature  |
    |          | audio            | a    | 录音                 | Recording                   |            |
    |          | barcode          | b    | 残疾人证条码         | Barcode of the card         |            |
    |          | select_one need  | one  | 最急需什么?          | What is needed most?        | minimal    |
    |          | select_multiple need | any | 还需要哪些?       | And what else?              | minimal    |
    |          | end_group        |      |                      |                             |            |
    |          | begin_repeat     | r    | 家庭成员             | Family member               |            |
    |          | text             | n    | 姓名                 | Name                        |            |
    |          | end_repeat       |      |                      |                             |            |
    | choices  |                  |      |                      |                             |            |
    |          | list_name        | name | label::中文 (zh)     | label::English (en)         |            |
    |          | need             | 1    | 助餐                 | Meals                       |            |
    |          | need             | 2    | 助浴                 | Bathing                     |            |
    |          | need             | 3    | 保洁                 | Cleaning                    |            |
    |          | need             | 4    | 陪同就医和代办手续   | Going along to the doctor and to offices |  |
    |          | need             | 5    | 代购                 | Shopping                    |            |
    |          | need             | 6    | 理发                 | Haircut                     |            |
    |          | need             | 7    | 维修                 | Repairs                     |            |
    |          | need             | 8    | 陪伴聊天             | Company                     |            |
    |          | need             | 9    | 紧急呼叫设备         | Emergency button            |            |
    | settings |                  |      |                      |                             |            |
    |          | form_id          | form_title | version        | default_language            |            |
    |          | over             | 取证 | 1                    | 中文 (zh)                   |            |
";

async fn over_the_form(screen: Screen, english: bool, who: &'static str) -> Result<()> {
    let stage = Stage::set().await?;
    let forms = stage.scene.offer(&[xlsx(OVER)?]).await?;
    let album = Album::of(who);
    let worker = Handset::unpack(&stage.gate.base_url(), screen).await?;
    let script = json!({ "source": READER.replace("value > 40", "false") });
    worker.page.command("Page.addScriptToEvaluateOnNewDocument", script).await?;
    worker.page.reload().await?;
    worker.log_in("grid_worker").await?;
    worker.ready_for_the_field(stage.elder).await?;
    let mut language = Language::Zh;
    if english {
        worker.speak_english().await?;
        language = Language::En;
    }
    begin(&worker, &stage, forms.first().context("the form")?, language).await?;
    let photo = worker.file("photo.jpg", &pictures::photo(11, 1200, 900)?)?;
    worker.photograph("/g/m", &photo).await?;
    let say = |zh: &'static str, en: &'static str| if english { en } else { zh };
    for (name, path, button) in [
        ("marks", "/g/m", say("在照片上标注", "Mark the photo")),
        ("sketch", "/g/d", say("画图", "Draw")),
        ("signature", "/g/s", say("签字", "Sign")),
    ] {
        worker.press_in(path, button).await?;
        worker.draw_on("dialog[open] canvas").await?;
        album.take(&worker, &format!("over-{name}")).await?;
        worker.page.press("Escape").await?;
        worker.page.gone(By::css("dialog[open]")).await?;
    }
    worker.press_in("/g/b", say("扫码", "Scan")).await?;
    worker.page.until("document.querySelector('dialog[open] video').videoWidth > 0").await?;
    album.take(&worker, "over-scanner").await?;
    worker.page.press("Escape").await?;
    for (name, path) in [("list", "/g/one"), ("lists", "/g/any")] {
        worker.page.the(By::css(format!("[data-path='{path}'] .picker"))).await?.click().await?;
        worker.page.the(By::css("dialog[open] .picker__list .row")).await?;
        album.take(&worker, &format!("over-{name}")).await?;
        worker.page.press("Escape").await?;
        worker.page.gone(By::css("dialog[open]")).await?;
    }
    worker.press_in("/g/a", say("录音", "Record")).await?;
    worker.page.the(By::css("[data-path='/g/a'] .recording")).await?;
    // A recorder gives nothing before it has run for a moment.
    let runs = "(document.querySelector(\"[data-path='/g/a'] .recording .numbers\")?.innerText ?? '0:00').startsWith('0:00') === false";
    worker.page.until(runs).await?;
    album.take(&worker, "recording").await?;
    worker.press_in("/g/a", say("停止并保存", "Stop and keep")).await?;
    worker.saved("/g/a").await?;
    worker.press_button(say("下一步", "Next")).await?;
    worker.page.the(By::css("[data-path='/r[1]/n']")).await?;
    worker.press_button(say("删除第 1 条", "Remove entry 1")).await?;
    worker.page.the(By::css("dialog[open] .dialog__actions")).await?;
    album.take(&worker, "over-remove").await?;
    worker.assert_no_errors();
    Ok(())
}

#[tokio::test]
async fn what_opens_over_the_form_on_a_phone() -> Result<()> {
    over_the_form(Screen::Phone, false, "360-zh").await
}

#[tokio::test]
async fn what_opens_over_the_form_on_a_phone_in_english() -> Result<()> {
    over_the_form(Screen::Phone, true, "360-en").await
}

#[tokio::test]
async fn what_opens_over_the_form_at_a_desk() -> Result<()> {
    over_the_form(Screen::Desk, false, "1280-zh").await
}

#[tokio::test]
async fn what_opens_over_the_form_at_a_desk_in_english() -> Result<()> {
    over_the_form(Screen::Desk, true, "1280-en").await
}
