//! A form is published anew while somebody is in the middle of it: the draft
//! goes on with the new version, and what has no place in it is shown, sent
//! and read by the reviewer.

use anyhow::{Context, Result, ensure};
use doorstep_core::text::Language;
use doorstep_tests::cdp::By;
use doorstep_tests::workbook::xlsx;
use serde_json::json;

use super::forms::begin;
use super::handset::{Handset, Screen, by_id};
use super::pictures::Album;
use super::stage::Stage;

const FORM: &str = "
    | survey   |             |         |                  |                     |
    |          | type        | name    | label::中文 (zh) | label::English (en) |
    |          | begin_group | g       | 走访             | Visit               |
    |          | text        | n       | 情况             | Situation           |
    |          | text        | w       | 诉求             | Wishes              |
    |          | end_group   |         |                  |                     |
    | settings |             |         |                  |                     |
    |          | form_id     | form_title | version       | default_language    |
    |          | renewed     | 简表    | 1                | 中文 (zh)           |
";
const SITUATION: &str = "/g/n";
const WISHES: &str = "/g/w";

async fn a_draft_goes_on_with_the_new_form(language: Language, who: &'static str) -> Result<()> {
    let stage = Stage::set().await?;
    let forms = stage.scene.offer(&[xlsx(FORM)?]).await?;
    let worker = Handset::unpack(&stage.gate.base_url(), Screen::Phone).await?;
    let album = Album::of(who);
    let say = |zh: &'static str, en: &'static str| if language == Language::Zh { zh } else { en };
    worker.log_in("grid_worker").await?;
    worker.ready_for_the_field(stage.elder).await?;
    if language == Language::En {
        worker.speak_english().await?;
    }
    begin(&worker, &stage, forms.first().context("the form")?, language).await?;
    worker.write(SITUATION, "一切正常").await?;
    worker.write(WISHES, "想修屋顶").await?;
    worker.page.evaluate::<Option<()>>("history.back()").await?;
    worker.page.gone(By::css(".fill__progress")).await?;

    let newer =
        FORM.replace("| w       | 诉求             | Wishes ", "| advice  | 建议             | Advice ");
    ensure!(newer != FORM, "another form");
    let newer = stage.scene.offer(&[xlsx(&newer.replace("| 1  ", "| 2  "))?]).await?;
    let newer = newer.first().context("the newer form")?.id;
    worker.go_to("/outbox").await?;
    worker.press_button(say("立即同步", "Sync now")).await?;
    let fetched = format!(
        "performance.getEntriesByType('resource').some(entry => entry.name.includes({}))",
        json!(newer.to_string())
    );
    worker.page.until(&fetched).await?;
    worker.page.gone(By::css(".strip")).await?;
    // Without a network from here on: the new form is on the phone.
    stage.gate.cut();
    worker.go_to("/").await?;
    worker.page.click(by_id(stage.elder)).await?;
    worker.press_button(say("继续填写", "Continue")).await?;
    worker.page.says(say("有 1 项已填内容在新表单里没有位置", "Answers without a place in it: 1")).await?;
    assert_eq!(worker.written(SITUATION).await?, "一切正常");
    album.take(&worker, "opened").await?;
    worker.write("/g/advice", "无").await?;
    worker.press_button(say("下一步", "Next")).await?;
    worker.page.says(say("在新的表单里没有位置", "has no place for these")).await?;
    worker.page.says("想修屋顶").await?;
    album.take(&worker, "left-over").await?;
    worker.press_button(say("完成并提交", "Finish and send")).await?;
    worker.page.says(say("走访已完成", "The visit is finished")).await?;
    stage.gate.open();
    worker.will_say(say("待审核", "Waits for review")).await?;
    worker.assert_no_errors();

    let office = stage.scene.office("supervisor").await?;
    let queue = office.queue().await?;
    let id = queue.first().context("the visit")?.submission_id;
    let content = office.submission(id).await?.content;
    assert_eq!((content.instance["g"]["n"].clone(), content.form_version_id), (json!("一切正常"), newer));
    let left: Vec<_> = content.left_over.iter().map(|left| (left.path.as_str(), &left.value)).collect();
    assert_eq!(left, [(WISHES, &json!("想修屋顶"))]);
    let supervisor = Handset::unpack(&stage.scene.server.base_url(), Screen::Desk).await?;
    supervisor.log_in("supervisor").await?;
    supervisor.go_to("/queue").await?;
    supervisor.page.click(by_id(id)).await?;
    supervisor.page.says("表单更新前填写").await?;
    supervisor.page.says("想修屋顶").await?;
    album.take(&supervisor, "reviewed").await?;
    supervisor.assert_no_errors();
    Ok(())
}

#[tokio::test]
async fn a_draft_goes_on_with_a_new_version_of_its_form() -> Result<()> {
    a_draft_goes_on_with_the_new_form(Language::Zh, "360-zh-renewed").await
}

#[tokio::test]
async fn a_draft_goes_on_with_a_new_version_of_its_form_in_english() -> Result<()> {
    a_draft_goes_on_with_the_new_form(Language::En, "360-en-renewed").await
}
