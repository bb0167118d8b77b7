//! Forms on the phone: every workbook of the pack, and one with every kind of
//! question.

use anyhow::{Context, Result, ensure};
use doorstep_core::pack::FormVersionRecord;
use doorstep_core::text::Language;
use doorstep_tests::cdp::By;
use doorstep_tests::scene::{form_files, pack_file};
use doorstep_tests::workbook::xlsx;
use doorstep_tests::{pictures, wait};
use serde::Deserialize;
use serde_json::json;

use super::handset::{Handset, Screen, by_id};
use super::pictures::Album;
use super::stage::Stage;

const FILLER: &str = include_str!("filler.js");
const EVERY_QUESTION: &str = include_str!("../../fixtures/every_question.md");

/// More pages than any form has.
const PAGES_MAX: usize = 40;

/// What a page still wants, once everything simple is answered.
#[derive(Debug, Deserialize)]
struct Left {
    failed: Vec<String>,
    /// Questions for files, with what they accept.
    files: Vec<(String, String)>,
    unsupported: bool,
}

/// Opens the elder and begins a form that nothing asks for.
pub(super) async fn begin(
    worker: &Handset,
    stage: &Stage,
    form: &FormVersionRecord,
    language: Language,
) -> Result<()> {
    if !worker.page.all(&By::css(".fill__progress")).await?.is_empty() {
        worker.page.evaluate::<Option<()>>("history.back()").await?;
        worker.page.gone(By::css(".fill__progress")).await?;
    }
    worker.go_to("/").await?;
    worker.page.click(by_id(stage.elder)).await?;
    let title = json!(form.title.get(language));
    let button = format!(
        "Array.from(document.querySelectorAll('button.button--secondary')).find(button => button.innerText.includes({title}))"
    );
    worker.page.until(&button).await?;
    worker.page.evaluate::<Option<()>>(&format!("{button}.click()")).await?;
    worker.page.the(By::css(".fill__progress")).await?;
    Ok(())
}

async fn progress(worker: &Handset) -> Result<(usize, usize)> {
    let text: String =
        worker.page.evaluate("document.querySelector('.fill__progress .numbers').innerText").await?;
    let (step, all) = text.split_once('/').with_context(|| text.clone())?;
    Ok((step.trim().parse()?, all.trim().parse()?))
}

/// Answers what is on the page.
async fn fill_page(worker: &Handset) -> Result<()> {
    let left: Left = worker.page.evaluate(&format!("({FILLER})()")).await?;
    ensure!(!left.unsupported, "a question that the phone cannot take");
    ensure!(left.failed.is_empty(), "not answered: {:?}", left.failed);
    for (path, accepted) in left.files {
        let (name, bytes) = match accepted.as_str() {
            "image/*" => ("photo.jpg", pictures::photo(7, 320, 240)?),
            "audio/*" => ("sound.mp3", b"ID3 sound".to_vec()),
            "video/*" => ("film.mp4", b"film".to_vec()),
            _ => ("paper.pdf", b"%PDF-1.4".to_vec()),
        };
        let file = worker.file(name, &bytes)?;
        let input = format!("[data-path='{path}'] input[type='file']");
        worker.page.the(By::css(input)).await?.set_files(&[file.as_path()]).await?;
        worker.saved(&path).await?;
    }
    Ok(())
}

/// On to the next step; what is missing is said first, and then skipped.
async fn go_on(worker: &Handset, step: usize) -> Result<()> {
    const NEXT: &str = "document.querySelector('.actions .button--primary').click()";
    const WARNED: &str = "document.querySelector('.field__problem[role=alert]') !== null";
    for can_warn in [true, false] {
        worker.page.evaluate::<Option<()>>(NEXT).await?;
        let went = wait::until("the next step", async || {
            let went = progress(worker).await?.0 > step;
            let warned = can_warn && !went && worker.page.evaluate::<bool>(WARNED).await?;
            Ok((went || warned).then_some(went))
        })
        .await?;
        if went {
            return Ok(());
        }
    }
    let text = worker.page.text().await?;
    anyhow::bail!("step {step} does not end: {text}")
}

/// Fills a form page by page, to its last.
async fn fill(worker: &Handset, album: Option<&Album>, name: &str) -> Result<()> {
    for page in 0..PAGES_MAX {
        let (step, all) = progress(worker).await?;
        if step == all {
            return Ok(());
        }
        fill_page(worker).await.with_context(|| format!("{name}, page {step} of {all}"))?;
        if let Some(album) = album {
            album.take(worker, &format!("{name}-{page}")).await?;
        }
        go_on(worker, step).await.with_context(|| format!("{name}, page {step} of {all}"))?;
    }
    anyhow::bail!("{name} does not end")
}

#[tokio::test]
async fn every_form_of_the_pack_is_filled_on_the_phone() -> Result<()> {
    let stage = Stage::set().await?;
    let workbooks = form_files()?.iter().map(|name| pack_file(name)).collect::<Result<Vec<_>>>()?;
    assert_eq!(workbooks.len(), 23);
    let forms = stage.scene.offer(&workbooks).await?;
    let worker = Handset::unpack(&stage.gate.base_url(), Screen::Phone).await?;
    worker.log_in("grid_worker").await?;
    worker.ready_for_the_field(stage.elder).await?;
    for form in forms.iter().filter(|form| form.form_id != "elder_visit") {
        begin(&worker, &stage, form, Language::Zh).await.with_context(|| form.form_id.clone())?;
        fill(&worker, None, &form.form_id).await?;
    }
    worker.assert_no_errors();
    Ok(())
}

async fn every_question(screen: Screen, english: bool, large: bool, who: &'static str) -> Result<()> {
    let stage = Stage::set().await?;
    let forms = stage.scene.offer(&[xlsx(EVERY_QUESTION)?]).await?;
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
    if large {
        worker.go_to("/me").await?;
        worker.press_button(if english { "Large" } else { "大字" }).await?;
        worker.page.the(By::css("html[data-text='large']")).await?;
    }
    begin(&worker, &stage, form, language).await?;
    album.take(&worker, "every-first").await?;
    fill(&worker, Some(&album), "every").await?;
    album.take(&worker, "every-check").await?;
    worker.assert_no_errors();
    Ok(())
}

#[tokio::test]
async fn every_question_on_a_phone_in_chinese() -> Result<()> {
    every_question(Screen::Phone, false, false, "phone-zh").await
}

#[tokio::test]
async fn every_question_on_a_phone_in_english() -> Result<()> {
    every_question(Screen::Phone, true, false, "phone-en").await
}

#[tokio::test]
async fn every_question_in_large_letters() -> Result<()> {
    every_question(Screen::Phone, false, true, "phone-zh-large").await
}

#[tokio::test]
async fn every_question_in_large_english_letters() -> Result<()> {
    every_question(Screen::Phone, true, true, "phone-en-large").await
}

#[tokio::test]
async fn every_question_at_a_desk_in_chinese() -> Result<()> {
    every_question(Screen::Desk, false, false, "desk-zh").await
}

#[tokio::test]
async fn every_question_at_a_desk_in_english() -> Result<()> {
    every_question(Screen::Desk, true, false, "desk-en").await
}

#[tokio::test]
async fn instances_are_added_and_removed_and_outlive_the_page() -> Result<()> {
    let stage = Stage::set().await?;
    let forms = stage.scene.offer(&[xlsx(EVERY_QUESTION)?]).await?;
    let worker = Handset::unpack(&stage.gate.base_url(), Screen::Phone).await?;
    worker.log_in("grid_worker").await?;
    worker.ready_for_the_field(stage.elder).await?;
    begin(&worker, &stage, forms.first().context("the form")?, Language::Zh).await?;
    while worker.page.all(&By::css("[data-repeat='/member']")).await?.is_empty() {
        let (step, all) = progress(&worker).await?;
        ensure!(step < all, "there is no repeat");
        go_on(&worker, step).await?;
    }
    worker.write("/member[1]/m_name", "赵示例").await?;
    for (place, name) in [(2, "钱示例"), (3, "孙示例")] {
        worker.press_button("添加家庭成员").await?;
        worker.write(&format!("/member[{place}]/m_name"), name).await?;
    }
    worker.press_button("删除第 2 条").await?;
    worker.press_button("删除").await?;
    worker.page.gone(By::css("[data-instance='/member[3]']")).await?;
    assert_eq!(worker.written("/member[2]/m_name").await?, "孙示例");
    worker.write("/member[2]/m_age", "30").await?;

    let worker = worker.lose_power().await?;
    worker.unlock().await?;
    worker.page.click(by_id(stage.elder)).await?;
    worker.press_button("继续填写").await?;
    for (path, text) in
        [("/member[1]/m_name", "赵示例"), ("/member[2]/m_name", "孙示例"), ("/member[2]/m_age", "30")]
    {
        assert_eq!(worker.written(path).await?, text, "{path}");
    }
    worker.assert_no_errors();
    Ok(())
}
