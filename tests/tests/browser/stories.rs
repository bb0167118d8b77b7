//! One elder visit from the first login to the ledger; and one that is
//! returned and corrected.

use anyhow::{Context, Result, ensure};
use chrono::{Datelike, Months};
use doorstep_core::submission::SubmissionState;
use doorstep_tests::cdp::By;
use doorstep_tests::county::PASSWORD;

use super::handset::{Handset, Screen, by_id, camera_photo};
use super::stage::{ELDER, Stage, today};

/// Opens the elder from Today and begins the visit.
pub(super) async fn begin_visit(worker: &Handset, stage: &Stage) -> Result<()> {
    worker.page.click(by_id(stage.elder)).await?;
    worker.page.says(ELDER).await?;
    worker.press_button("开始走访").await?;
    worker.page.the(By::css("[data-path='/e_name']")).await?;
    assert_eq!(worker.written("/e_name").await?, ELDER, "the form begins with what the case knows");
    worker.chosen("/cats", "empty").await?;
    worker.chosen("/cats", "left").await?;
    Ok(())
}

/// The first page about the visit.
pub(super) async fn answer_visit(worker: &Handset) -> Result<()> {
    worker.choose("/g_visit/met", "met").await?;
    worker.locate("/g_visit/gps").await?;
    assert_eq!(worker.written("/g_visit/worker1").await?, "王示例");
    worker.confirm("/g_visit/notice_ok").await
}

async fn answer_health(worker: &Handset) -> Result<()> {
    worker.choose("/g_h/h_speak", "good").await?;
    worker.choose("/g_h/h_move", "bad").await?;
    worker.choose("/g_h/h_react", "good").await
}

async fn answer_more_health(worker: &Handset) -> Result<()> {
    worker.choose("/g_h/h_ill", "bp").await?;
    worker.choose("/g_h/h_ill", "heart").await?;
    worker.choose("/g_h/h_med", "1").await?;
    worker.choose("/g_h/h_mood", "good").await
}

/// From the questions on health to the one for a photo.
pub(super) async fn to_the_photo(worker: &Handset) -> Result<()> {
    worker.next_to("/g_h/h_speak").await?;
    answer_health(worker).await?;
    answer_more_health(worker).await?;
    answer_to_the_photo(worker).await
}

async fn answer_to_the_photo(worker: &Handset) -> Result<()> {
    worker.next_to("/g_e/e_pay").await?;
    worker.choose("/g_e/e_pay", "1").await?;
    worker.choose("/g_e/e_kin", "month").await?;
    worker.write("/g_e/e_kin_tel", "13800000000").await?;
    worker.choose("/g_e/e_abuse", "none").await?;
    worker.next_to("/g_s/s_haz").await?;
    worker.choose("/g_s/s_haz", "none").await?;
    worker.choose("/g_s/s_heat", "1").await?;
    worker.next_to("/g_n/n_serv").await?;
    worker.choose("/g_n/n_serv", "none").await?;
    worker.choose("/g_n/n_need", "none").await?;
    worker.write("/g_n/done", "打扫院子,量血压").await
}

async fn answer_the_rest(worker: &Handset, photo_seed: u32) -> Result<()> {
    answer_to_the_photo(worker).await?;
    let photo = worker.file("camera.jpg", &camera_photo(photo_seed)?)?;
    worker.photograph("/g_n/ph", &photo).await?;
    worker.next_to("/g_sign/sig_w1").await?;
    worker.sign("/g_sign/sig_w1").await?;
    worker.choose("/g_sign/sign_how", "sign").await?;
    worker.write("/g_sign/sign_by", "本人").await?;
    worker.sign("/g_sign/sig_resp").await?;
    worker.press_button("下一步").await?;
    worker.page.says("全部填好了,可以提交。").await
}

/// The whole visit, from Today to the last button.
pub(super) async fn visit(worker: &Handset, stage: &Stage, photo_seed: u32) -> Result<()> {
    begin_visit(worker, stage).await?;
    worker.next_to("/g_visit/met").await?;
    answer_visit(worker).await?;
    finish_visit(worker, photo_seed).await
}

/// The pages after the first about the visit, to the end.
pub(super) async fn finish_visit(worker: &Handset, photo_seed: u32) -> Result<()> {
    worker.next_to("/g_h/h_speak").await?;
    answer_health(worker).await?;
    answer_more_health(worker).await?;
    answer_the_rest(worker, photo_seed).await?;
    worker.press_button("完成并提交").await
}

#[tokio::test]
async fn one_elder_visit_from_the_door_to_the_ledger() -> Result<()> {
    let stage = Stage::set().await?;
    let worker = Handset::unpack(&stage.gate.base_url(), Screen::Phone).await?;
    worker.log_in("grid_worker").await?;
    worker.ready_for_the_field(stage.elder).await?;

    // No network from here on, until the visit is finished.
    stage.gate.cut();
    begin_visit(&worker, &stage).await?;
    worker.next_to("/g_visit/met").await?;
    answer_visit(&worker).await?;
    worker.next_to("/g_h/h_speak").await?;
    answer_health(&worker).await?;

    // The battery is out in the middle of a page.
    let worker = worker.lose_power().await?;
    worker.unlock().await?;
    worker.page.click(by_id(stage.elder)).await?;
    worker.press_button("继续填写").await?;
    for (path, value) in [("/g_h/h_speak", "good"), ("/g_h/h_move", "bad"), ("/g_h/h_react", "good")] {
        worker.chosen(path, value).await?;
    }
    worker.press_button("上一步").await?;
    worker.chosen("/g_visit/met", "met").await?;
    worker.page.says("34.12345").await?;
    worker.next_to("/g_h/h_speak").await?;
    answer_more_health(&worker).await?;
    answer_the_rest(&worker, 1).await?;
    worker.press_button("完成并提交").await?;
    worker.page.says("走访已完成,存进发件箱").await?;
    worker.page.says("仅在手机上").await?;
    let connections = stage.gate.connections();
    assert_eq!(stage.scene.office("supervisor").await?.queue().await?, [], "nothing has reached the server");

    // It tries, and goes through by itself once it can.
    stage.gate.open();
    worker.will_say("待审核").await?;
    ensure!(stage.gate.connections() > connections, "through the gate");

    let supervisor = Handset::unpack(&stage.scene.server.base_url(), Screen::Desk).await?;
    supervisor.log_in("supervisor").await?;
    supervisor.go_to("/queue").await?;
    let entry = stage.scene.office("supervisor").await?.queue().await?;
    let submission = entry.first().context("the visit waits")?.submission_id;
    supervisor.page.click(by_id(submission)).await?;
    for words in [ELDER, "王示例", "见到本人", "高血压、心脏病", "打扫院子,量血压", "蓝(中)"]
    {
        supervisor.page.says(words).await?;
    }
    see_pictures(&supervisor, 3).await?;
    supervisor.page.says("签名有效").await?;
    supervisor.press_button("通过").await?;
    supervisor.page.says("已通过,已记入台账。").await?;
    // A left-behind elder in an empty nest: a month from today.
    let due = today().checked_add_months(Months::new(1)).context("a month later")?;
    let due = format!("{}月{}日", due.month(), due.day());
    supervisor.page.says(&due).await?;
    supervisor.page.click(By::role("link", "查看台账")).await?;
    supervisor.page.the(By::css("[data-id]")).await?;
    supervisor.page.says(&due).await?;
    supervisor.page.says("杨示例").await?;
    supervisor.assert_no_errors();

    // And the worker's phone learns of it.
    worker.press_button("立即同步").await?;
    worker.will_say("已通过").await?;
    worker.go_to("/").await?;
    let case = format!("{}/case/{}", stage.gate.base_url(), stage.elder);
    worker.page.go(&case).await?;
    worker.unlock().await?;
    worker.page.the(by_id(submission)).await?;
    worker.page.says(&due).await?;
    worker.page.says("已见面").await?;
    worker.assert_no_errors();
    Ok(())
}

/// Waits until so many pictures are shown, not merely asked for.
async fn see_pictures(person: &Handset, count: usize) -> Result<()> {
    person
        .page
        .until(&format!(
            "[...document.querySelectorAll('[data-path] img')]\
             .filter(image => image.complete && image.naturalWidth > 0).length >= {count}"
        ))
        .await
}

#[tokio::test]
async fn returned_with_a_comment_corrected_and_approved() -> Result<()> {
    let stage = Stage::set().await?;
    let worker = Handset::unpack(&stage.gate.base_url(), Screen::Phone).await?;
    worker.log_in("grid_worker").await?;
    worker.ready_for_the_field(stage.elder).await?;
    visit(&worker, &stage, 2).await?;
    worker.will_say("待审核").await?;

    let supervisor = Handset::unpack(&stage.scene.server.base_url(), Screen::Phone).await?;
    supervisor.log_in("supervisor").await?;
    supervisor.go_to("/queue").await?;
    let office = stage.scene.office("supervisor").await?;
    let first = office.queue().await?.first().context("the visit waits")?.submission_id;
    supervisor.page.click(by_id(first)).await?;
    supervisor.page.says("打扫院子").await?;
    see_pictures(&supervisor, 3).await?;
    // Without a reason it is not possible.
    supervisor.press_button("退回更正").await?;
    supervisor.page.says("退回或不予通过时必须写明原因。").await?;
    supervisor.page.click(By::css("[data-path='/g_n/done'] button")).await?;
    supervisor
        .page
        .the(By::css("[data-path='/g_n/done'] textarea"))
        .await?
        .type_text("请写明血压数值")
        .await?;
    supervisor.press_button("退回更正").await?;
    supervisor.page.says("已退回,走访人会在手机上看到意见。").await?;

    worker.press_button("立即同步").await?;
    worker.will_say("已退回").await?;
    worker.go_to("/").await?;
    worker.page.says("退回,请更正").await?;
    worker.page.says("请写明血压数值").await?;
    worker.page.click(by_id(stage.elder)).await?;
    worker.press_button("更正").await?;
    // It opens where the comment hangs.
    worker.page.the(By::css("[data-path='/g_n/done']")).await?;
    worker.page.says("请写明血压数值").await?;
    assert_eq!(worker.written("/g_n/done").await?, "打扫院子,量血压");
    worker.write("/g_n/done", "打扫院子,血压 138/86").await?;
    worker.next_to("/g_sign/sig_w1").await?;
    worker.press_button("下一步").await?;
    worker.page.says("全部填好了,可以提交。").await?;
    worker.press_button("完成并提交").await?;
    worker.will_say("待审核").await?;

    supervisor.go_to("/queue").await?;
    let second = office.queue().await?.first().context("the correction waits")?.submission_id;
    assert_ne!(first, second);
    let row = supervisor.page.the(by_id(second)).await?;
    ensure!(row.text().await?.contains("第 2 次提交"));
    supervisor.page.click(by_id(second)).await?;
    supervisor.page.says("血压 138/86").await?;
    supervisor.page.says("原为:打扫院子,量血压").await?;
    see_pictures(&supervisor, 3).await?;
    supervisor.press_button("通过").await?;
    supervisor.page.says("已通过,已记入台账。").await?;
    let detail = office.submission(second).await?;
    assert_eq!((detail.status.state, detail.status.revision), (SubmissionState::Approved, 2));
    worker.press_button("立即同步").await?;
    worker.will_say("已通过").await?;
    worker.assert_no_errors();
    supervisor.assert_no_errors();
    Ok(())
}

#[tokio::test]
async fn the_app_says_what_is_wrong_and_opens_without_a_network() -> Result<()> {
    let stage = Stage::set().await?;
    let worker = Handset::unpack(&stage.gate.base_url(), Screen::Phone).await?;
    worker.press_button("登录").await?;
    worker.page.says("请填写账号和密码。").await?;
    worker.type_login("grid_worker", "wrong password").await?;
    worker.page.says("账号或密码不正确,请检查后重新输入。").await?;
    worker.press_button("English").await?;
    worker.page.says("The login name or password is wrong. Check both and try again.").await?;
    worker.press_button("中文").await?;
    worker.page.says("账号或密码不正确").await?;
    worker.type_login("grid_worker", PASSWORD).await?;
    worker.page.says("请设置 6 位 PIN 码").await?;
    worker.type_pin().await?;
    for digit in "000000".chars() {
        worker.page.press(&digit.to_string()).await?;
    }
    worker.page.says("两次输入不一样,请重新设置。").await?;
    worker.type_pin().await?;
    worker.page.says("请再输入一次").await?;
    worker.type_pin().await?;
    worker.ready_for_the_field(stage.elder).await?;

    stage.gate.cut();
    let worker = worker.lose_power().await?;
    worker.page.says("请输入 6 位 PIN 码").await?;
    for digit in "999999".chars() {
        worker.page.press(&digit.to_string()).await?;
    }
    worker.page.until("document.querySelector('.pin__message--bad') !== null").await?;
    worker.type_pin().await?;
    worker.page.the(by_id(stage.elder)).await?;
    worker.page.says(ELDER).await?;
    // A page that was never open is there, too, and so is one that is none.
    for (path, words) in [("/outbox", "发件箱"), ("/me", "我的"), ("/nowhere/at/all", "没有这个页面")]
    {
        worker.page.go(&format!("{}{path}", stage.gate.base_url())).await?;
        worker.unlock().await?;
        worker.page.says(words).await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_language_is_switched_everywhere_and_stays() -> Result<()> {
    let stage = Stage::set().await?;
    let worker = Handset::unpack(&stage.gate.base_url(), Screen::Phone).await?;
    worker.log_in("grid_worker").await?;
    worker.ready_for_the_field(stage.elder).await?;
    begin_visit(&worker, &stage).await?;
    worker.page.says("老年人姓名").await?;
    worker.page.go(&format!("{}/me", stage.gate.base_url())).await?;
    worker.unlock().await?;
    worker.press_button("English").await?;
    worker.page.the(By::css("a[href='/outbox']")).await?;
    worker.page.says("Outbox").await?;
    assert_eq!(worker.page.evaluate::<String>("document.documentElement.lang").await?, "en");
    worker.go_to("/").await?;
    worker.page.click(by_id(stage.elder)).await?;
    worker.page.says("Elder").await?;
    // It outlives the page.
    worker.page.reload().await?;
    worker.page.says("Enter your six-digit PIN").await?;
    Ok(())
}
