//! A phone that is locked sends what was finished, and cannot read it.

use anyhow::{Context, Result, ensure};
use doorstep_tests::wait;

use super::handset::{Handset, Screen};
use super::stage::{ELDER, Stage};
use super::stories::{answer_visit, begin_visit, finish_visit};

/// Everything in the table that opens without a PIN, as text.
const SEALED_TABLE: &str = "(async () => {
    const all = await indexedDB.databases();
    const name = all.map(one => one.name).find(name => name !== 'doorstep-device');
    const done = (request) => new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
    });
    const database = await done(indexedDB.open(name));
    const rows = await done(database.transaction('sealed').objectStore('sealed').getAll());
    database.close();
    return rows.map(row => row.k + ' ' + new TextDecoder().decode(row.v)).join('\\n');
})()";

#[tokio::test]
async fn a_locked_phone_sends_what_was_finished_and_nothing_is_there_twice() -> Result<()> {
    let stage = Stage::set().await?;
    let worker = Handset::unpack(&stage.gate.base_url(), Screen::Phone).await?;
    worker.log_in("grid_worker").await?;
    worker.ready_for_the_field(stage.elder).await?;
    stage.gate.cut();
    begin_visit(&worker, &stage).await?;
    worker.next_to("/g_visit/met").await?;
    answer_visit(&worker).await?;
    finish_visit(&worker, 4).await?;
    worker.page.says("走访已完成,存进发件箱").await?;
    worker.go_to("/me").await?;
    worker.press_button("锁定").await?;
    worker.page.says("有 1 条填好的记录待上传").await?;
    let sealed: String = worker.page.evaluate(SEALED_TABLE).await?;
    ensure!(sealed.contains("operation|"), "a sealed copy: {sealed}");
    ensure!(!sealed.contains(ELDER) && !sealed.contains("打扫院子"), "nobody reads it without the server");

    // Also when the phone was off meanwhile.
    let worker = worker.lose_power().await?;
    worker.page.says("请输入 6 位 PIN 码").await?;
    stage.gate.open();
    worker.will_say("锁定期间已上传 1 条记录").await?;
    let office = stage.scene.office("supervisor").await?;
    let queue = office.queue().await?;
    let entry = queue.first().context("the visit is there before anybody gives the PIN")?;
    assert_eq!((queue.len(), entry.media_stored), (1, 0), "photos wait for the PIN");
    let first = entry.submission_id;
    let sealed: String = worker.page.evaluate(SEALED_TABLE).await?;
    ensure!(!sealed.contains("operation|"), "the copy is gone: {sealed}");

    worker.unlock().await?;
    worker.go_to("/outbox").await?;
    worker.will_say("待审核").await?;
    wait::until("the photos", async || {
        let queue = office.queue().await?;
        ensure!(queue.len() == 1, "nothing is there twice");
        let entry = queue.first().context("the visit")?;
        ensure!(entry.submission_id == first, "the same visit");
        Ok((entry.media_stored == entry.media_expected).then_some(()))
    })
    .await?;
    worker.assert_no_errors();
    Ok(())
}
