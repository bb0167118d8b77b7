//! How the form lies on the screen: tables of questions, and that nothing
//! moves under the finger.

use anyhow::{Context, Result};
use doorstep_core::text::Language;
use doorstep_tests::cdp::By;
use doorstep_tests::workbook::xlsx;
use serde_json::json;

use super::forms::begin;
use super::handset::{Handset, Screen};
use super::pictures::Album;
use super::stage::Stage;

const TABLE: &str = "
    | survey   |                        |      |                      |                      |              |          |
    |          | type                   | name | label::中文 (zh)     | label::English (en)  | appearance   | required |
    |          | begin_group            | g    | 服务满意度           | Satisfaction         | table-list   |          |
    |          | select_one degree      | food | 饭菜                 | Meals                |              | yes      |
    |          | select_one degree      | tidy | 房间和院子的卫生情况 | Cleanliness of house and yard |     |          |
    |          | select_one degree      | kind | 态度                 | Kindness             |              |          |
    |          | end_group              |      |                      |                      |              |          |
    |          | begin_group            | h    | 其他                 | Other                |              |          |
    |          | select_multiple degree | head | 哪些天来过?          | On which days?       | label        |          |
    |          | select_multiple degree | one  | 护理员               | Carer                | list-nolabel |          |
    |          | select_multiple degree | two  | 邻居                 | Neighbour            | list-nolabel |          |
    |          | select_one degree      | lone | 单独一题             | On its own           | list-nolabel |          |
    |          | text                   | note | 备注                 | Remarks              |              |          |
    |          | select_one degree      | lost | 没有标签的题         | Without a head       | list-nolabel |          |
    |          | end_group              |      |                      |                      |              |          |
    | choices  |                        |      |                      |                      |              |          |
    |          | list_name              | name | label::中文 (zh)     | label::English (en)  |              |          |
    |          | degree                 | 1    | 很不满意             | Very dissatisfied    |              |          |
    |          | degree                 | 2    | 不满意               | Dissatisfied         |              |          |
    |          | degree                 | 3    | 一般                 | Neither              |              |          |
    |          | degree                 | 4    | 满意                 | Satisfied            |              |          |
    |          | degree                 | 5    | 非常满意             | Extremely satisfied  |              |          |
    | settings |                        |      |                      |                      |              |          |
    |          | form_id                | form_title | version | default_language |              |          |          |
    |          | table                  | 表格 | 1                    | 中文 (zh)            |              |          |
";

async fn a_table(screen: Screen, english: bool, who: &'static str) -> Result<()> {
    let stage = Stage::set().await?;
    let forms = stage.scene.offer(&[xlsx(TABLE)?]).await?;
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
    begin(&worker, &stage, form, language).await?;
    let (title, food, satisfied) = if english {
        ("Satisfaction", "Meals", "Satisfied")
    } else {
        ("服务满意度", "饭菜", "满意")
    };
    // The words of the group are the title of the page, not a warning in it.
    assert_eq!(worker.page.the(By::css(".page__title")).await?.text().await?, title);
    assert_eq!(worker.page.all(&By::css(".notice")).await?.len(), 0);
    for (role, count) in [("columnheader", 5), ("rowheader", 3), ("radio", 15)] {
        let found: usize = worker
            .page
            .evaluate(&format!("document.querySelectorAll({}).length", json!(selector(role))))
            .await?;
        assert_eq!(found, count, "{role}");
    }
    // A mark says its question and its words.
    let required = if english { "required" } else { "必填" };
    let mark = worker.page.the(By::role("radio", format!("{food} {required} {satisfied}"))).await?;
    album.take(&worker, "table-empty").await?;
    mark.click().await?;
    worker.saved("/g/food").await?;
    worker.chosen("/g/food", "4").await?;
    worker.choose("/g/tidy", "1").await?;
    // Pressed once more, a mark goes where no answer is needed.
    worker.page.click(By::css("[data-path='/g/tidy'] input[value='1']")).await?;
    worker.page.until("!document.querySelector(\"[data-path='/g/tidy'] input[value='1']\").checked").await?;
    worker.saved("/g/tidy").await?;
    worker.choose("/g/tidy", "5").await?;
    album.take(&worker, "table").await?;

    worker.press_button(if english { "Next" } else { "下一步" }).await?;
    worker.page.the(By::css("[data-path='/h/one']")).await?;
    let tables: usize = worker.page.evaluate("document.querySelectorAll('table').length").await?;
    assert_eq!(tables, 1);
    for (path, value) in [("/h/one", "2"), ("/h/one", "3"), ("/h/two", "5"), ("/h/lone", "1")] {
        worker.choose(path, value).await?;
    }
    // Without a head the words stand with the question.
    let words = worker.page.the(By::css("[data-path='/h/lost']")).await?.text().await?;
    assert!(words.contains(satisfied), "{words}");
    album.take(&worker, "table-other").await?;
    worker.press_button(if english { "Next" } else { "下一步" }).await?;
    worker.page.says(if english { "Dissatisfied, Neither" } else { "不满意、一般" }).await?;
    worker.assert_no_errors();
    Ok(())
}

fn selector(role: &str) -> String {
    if role == "radio" { "table input[type=radio]".to_owned() } else { format!("table [role={role}]") }
}

#[tokio::test]
async fn a_table_on_a_phone() -> Result<()> {
    a_table(Screen::Phone, false, "360-zh").await
}

#[tokio::test]
async fn a_table_on_a_phone_in_english() -> Result<()> {
    a_table(Screen::Phone, true, "360-en").await
}

#[tokio::test]
async fn a_table_at_a_desk() -> Result<()> {
    a_table(Screen::Desk, false, "1280-zh").await
}

#[tokio::test]
async fn a_table_at_a_desk_in_english() -> Result<()> {
    a_table(Screen::Desk, true, "1280-en").await
}

const STILL: &str = "
    | survey   |               |       |                |            |                       |
    |          | type          | name  | label          | appearance | parameters            |
    |          | begin_group   | g     | 不动           |            |                       |
    |          | select_one yn | cards | 独自居住吗?    |            |                       |
    |          | select_one yn | scale | 满意吗?        | likert     |                       |
    |          | range         | slide | 疼痛程度       |            | start=0 end=10 step=1 |
    |          | range         | stars | 总体评价       | rating     | start=1 end=5 step=1  |
    |          | text          | last  | 备注           |            |                       |
    |          | end_group     |       |                |            |                       |
    | choices  |               |       |                |            |                       |
    |          | list_name     | name  | label          |            |                       |
    |          | yn            | 1     | 是             |            |                       |
    |          | yn            | 0     | 否             |            |                       |
    | settings |               |       |                |            |                       |
    |          | form_id       | form_title | version   |            |                       |
    |          | still         | 不动表 | 1             |            |                       |
";

#[tokio::test]
async fn nothing_moves_when_an_answer_comes_or_goes() -> Result<()> {
    let stage = Stage::set().await?;
    let forms = stage.scene.offer(&[xlsx(STILL)?]).await?;
    let worker = Handset::unpack(&stage.gate.base_url(), Screen::Phone).await?;
    worker.log_in("grid_worker").await?;
    worker.ready_for_the_field(stage.elder).await?;
    begin(&worker, &stage, forms.first().context("the form")?, Language::Zh).await?;
    worker.page.the(By::css("[data-path='/g/last']")).await?;
    let places = async || -> Result<Vec<f64>> {
        worker
            .page
            .evaluate(
                "Array.from(document.querySelectorAll('.question'), (question) => \
                 Math.round(question.getBoundingClientRect().top + scrollY))",
            )
            .await
    };
    let before = places().await?;
    worker.choose("/g/cards", "1").await?;
    worker.choose("/g/scale", "0").await?;
    worker.choose("/g/stars", "4").await?;
    worker.page.click(By::css("[data-path='/g/slide'] .icon-button:last-of-type")).await?;
    worker.saved("/g/slide").await?;
    assert_eq!(places().await?, before, "answers came");
    for path in ["/g/cards", "/g/scale", "/g/slide", "/g/stars"] {
        let clear = format!("[data-path='{path}'] .question__clear");
        worker.page.click(By::css(&clear)).await?;
        let hidden =
            format!("getComputedStyle(document.querySelector({})).visibility === 'hidden'", json!(clear));
        worker.page.until(&hidden).await?;
    }
    worker.page.until("document.querySelectorAll('.question input:checked').length === 0").await?;
    assert_eq!(places().await?, before, "answers went");
    worker.assert_no_errors();
    Ok(())
}
