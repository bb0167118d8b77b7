//! PINs: one that is forgotten, one that is changed, and what the page does
//! while one is stretched.

use anyhow::{Result, ensure};
use doorstep_tests::county::PASSWORD;

use super::handset::{Handset, PIN, Screen, by_id};
use super::stage::{ELDER, Stage};
use super::stories::{answer_visit, begin_visit};

const OTHER_PIN: &str = "314159";

#[tokio::test]
async fn a_forgotten_pin_costs_no_answer() -> Result<()> {
    let stage = Stage::set().await?;
    let worker = Handset::unpack(&stage.gate.base_url(), Screen::Phone).await?;
    worker.log_in("grid_worker").await?;
    worker.ready_for_the_field(stage.elder).await?;
    begin_visit(&worker, &stage).await?;
    worker.next_to("/g_visit/met").await?;
    answer_visit(&worker).await?;

    let worker = worker.lose_power().await?;
    worker.page.says("请输入 6 位 PIN 码").await?;
    worker.press_button("忘记 PIN 码").await?;
    worker.page.says("包括没有上传的记录和草稿,都会保留").await?;
    worker.press_button("联网登录并设置新 PIN 码").await?;
    worker.type_login("grid_worker", PASSWORD).await?;
    worker.page.says("请设置 6 位 PIN 码").await?;
    worker.type_digits(OTHER_PIN).await?;
    worker.page.says("请再输入一次").await?;
    worker.type_digits(OTHER_PIN).await?;

    worker.page.click(by_id(stage.elder)).await?;
    worker.page.says(ELDER).await?;
    worker.press_button("继续填写").await?;
    worker.chosen("/g_visit/met", "met").await?;
    worker.page.says("34.12345").await?;
    worker.assert_no_errors();
    Ok(())
}

#[tokio::test]
async fn a_changed_pin_opens_and_the_old_one_does_not() -> Result<()> {
    let stage = Stage::set().await?;
    let worker = Handset::unpack(&stage.gate.base_url(), Screen::Phone).await?;
    worker.log_in("grid_worker").await?;
    worker.ready_for_the_field(stage.elder).await?;
    stage.gate.cut();
    worker.go_to("/me").await?;
    worker.press_button("修改 PIN 码").await?;
    worker.page.says("先输入现在的 PIN 码").await?;
    worker.type_pin().await?;
    worker.page.says("输入新的 PIN 码").await?;
    worker.type_digits(OTHER_PIN).await?;
    worker.page.says("请再输入一次").await?;
    worker.type_digits(OTHER_PIN).await?;
    worker.page.says("PIN 码已修改。").await?;

    let worker = worker.lose_power().await?;
    worker.page.says("请输入 6 位 PIN 码").await?;
    worker.type_digits(PIN).await?;
    worker.page.says("PIN 码不正确").await?;
    worker.type_digits(OTHER_PIN).await?;
    worker.page.the(by_id(stage.elder)).await?;
    worker.assert_no_errors();
    Ok(())
}

/// Counts the pictures that the page draws while a worker has a PIN.
const COUNT_FRAMES: &str = "(() => {
    const post = Worker.prototype.postMessage;
    window.framesMeanwhile = 0;
    Worker.prototype.postMessage = function (message) {
        if (message.pin) {
            let goesOn = true;
            const frame = () => {
                if (!goesOn) return;
                window.framesMeanwhile += 1;
                requestAnimationFrame(frame);
            };
            requestAnimationFrame(frame);
            this.addEventListener('message', () => { goesOn = false; });
        }
        return post.call(this, message);
    };
})()";

#[tokio::test]
async fn the_page_goes_on_while_a_pin_is_stretched() -> Result<()> {
    let stage = Stage::set().await?;
    let worker = Handset::unpack(&stage.gate.base_url(), Screen::Phone).await?;
    worker.log_in("grid_worker").await?;
    worker.ready_for_the_field(stage.elder).await?;
    stage.gate.cut();

    let worker = worker.lose_power().await?;
    worker.page.says("请输入 6 位 PIN 码").await?;
    worker.page.evaluate::<Option<()>>(COUNT_FRAMES).await?;
    worker.type_pin().await?;
    worker.page.the(by_id(stage.elder)).await?;
    let frames: u32 = worker.page.evaluate("window.framesMeanwhile").await?;
    ensure!(frames > 2, "the page drew {frames} pictures");
    worker.assert_no_errors();
    Ok(())
}

#[tokio::test]
async fn without_workers_the_pin_opens_all_the_same() -> Result<()> {
    let stage = Stage::set().await?;
    let worker = Handset::unpack(&stage.gate.base_url(), Screen::Phone).await?;
    worker.log_in("grid_worker").await?;
    worker.ready_for_the_field(stage.elder).await?;

    let worker = worker.lose_power().await?;
    for missing in
        ["delete window.Worker", "window.Worker = function () { this.postMessage = () => {}; throw 1; }"]
    {
        worker.page.says("请输入 6 位 PIN 码").await?;
        worker.page.evaluate::<Option<()>>(&format!("(() => {{ {missing}; }})()")).await?;
        worker.type_digits(OTHER_PIN).await?;
        worker.page.says("PIN 码不正确").await?;
        worker.unlock().await?;
        worker.go_to("/me").await?;
        worker.press_button("锁定").await?;
    }
    worker.assert_no_errors();
    Ok(())
}
