//! A phone that is locked sends what was finished, photos too, and cannot read
//! them.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use doorstep_core::api::FILES;
use doorstep_core::hash::ContentHash;
use doorstep_tests::wait;
use serde_json::json;

use super::handset::{Handset, Screen};
use super::stage::{ELDER, Stage};
use super::stories::{answer_visit, begin_visit, finish_visit, visit};

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
    ensure!(sealed.contains("file|"), "and of the keys of its files: {sealed}");
    ensure!(!sealed.contains(ELDER) && !sealed.contains("打扫院子"), "nobody reads it without the server");

    // Also when the phone was off meanwhile.
    let worker = worker.lose_power().await?;
    worker.page.says("请输入 6 位 PIN 码").await?;
    stage.gate.open();
    worker.will_say("锁定期间已上传 1 条记录").await?;
    worker.will_say("锁定期间已上传照片等文件 3 个").await?;
    let office = stage.scene.office("supervisor").await?;
    let queue = office.queue().await?;
    let entry = queue.first().context("the visit is there before anybody gives the PIN")?;
    ensure!(queue.len() == 1 && entry.media_stored == entry.media_expected, "with its photos: {entry:?}");
    let first = entry.submission_id;
    let content = office.submission(first).await?.content;
    let reader = stage.scene.caller("supervisor").await?;
    for file in &content.media {
        let answer = reader.get(&format!("{FILES}/{}", file.media_id)).await?;
        ensure!(answer.status == 200 && ContentHash::of(&answer.bytes) == file.sha256, "{}", file.path);
    }
    let sealed: String = worker.page.evaluate(SEALED_TABLE).await?;
    ensure!(!sealed.contains("operation|") && !sealed.contains("file|"), "the copies are gone: {sealed}");

    // Sync finds everything done.
    let kept = originals(&stage).await?;
    let before = stage.gate.bytes_to_server();
    worker.unlock().await?;
    worker.go_to("/outbox").await?;
    worker.will_say("待审核").await?;
    worker.will_say("全部已上传").await?;
    let photo = content.media.iter().map(|file| file.size_bytes).max().context("a photo")?;
    let sent = stage.gate.bytes_to_server() - before;
    ensure!(sent < photo, "no photo was sent again: {sent} of {photo}");
    let queue = office.queue().await?;
    ensure!(queue.len() == 1 && queue.iter().all(|entry| entry.submission_id == first), "once");
    assert_eq!(originals(&stage).await?, kept, "nothing is there twice");
    worker.assert_no_errors();
    Ok(())
}

/// The keys of files as they came: the small sizes come later.
async fn originals(stage: &Stage) -> Result<BTreeSet<String>> {
    Ok(stage.scene.server.files().await?.into_iter().filter(|key| !key.ends_with(".webp")).collect())
}

/// Headless browsers are in no network that they could name.
const MOBILE: &str = "Object.defineProperty(NetworkInformation.prototype, 'type', \
     { get: () => sessionStorage.getItem('test-network') ?? 'cellular', configurable: true });";
const WIFI: &str = "sessionStorage.setItem('test-network', 'wifi'); \
     navigator.connection.dispatchEvent(new Event('change')); true";

/// Shows the test the data key as it is unwrapped. It stays a handle.
const SHOW_KEY: &str = "const unwrap = SubtleCrypto.prototype.unwrapKey;
    SubtleCrypto.prototype.unwrapKey = async function (...given) {
        return window.dataKey = await unwrap.apply(this, given);
    };";

/// Writes the largest file as Doorstep wrote it before files had keys of their
/// own: encrypted with the data key itself.
const WRITE_AS_BEFORE: &str = "(async () => {
    const all = await indexedDB.databases();
    const name = all.map(one => one.name).find(name => name !== 'doorstep-device');
    const done = (request) => new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
    });
    const aes = (iv, label) => ({ name: 'AES-GCM', iv, additionalData: new TextEncoder().encode(label) });
    const open = (key, label, stored) =>
        crypto.subtle.decrypt(aes(stored.slice(0, 12), label), key, stored.slice(12));
    const database = await done(indexedDB.open(name));
    const rows = await done(database.transaction('media_bytes').objectStore('media_bytes').getAll());
    const row = rows.sort((one, other) => other.v.byteLength - one.v.byteLength)[0];
    const raw = await open(window.dataKey, `media_bytes|key|${row.k}|1`, row.w);
    const key = await crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['decrypt']);
    const file = await open(key, `doorstep-sealed-file\n${row.k}`, row.v);
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const label = aes(iv, `media_bytes|${row.k}|0|1`);
    const sealed = await crypto.subtle.encrypt(label, window.dataKey, file);
    const v = new Uint8Array(12 + sealed.byteLength);
    v.set(iv);
    v.set(new Uint8Array(sealed), 12);
    const store = database.transaction('media_bytes', 'readwrite').objectStore('media_bytes');
    await done(store.put({ k: row.k, r: 0, v: v.buffer }));
    database.close();
    return row.k;
})()";

/// A photo from before an update is sent after the PIN; the other files, while
/// the phone is locked, and as its person chose.
#[tokio::test]
async fn what_cannot_be_sealed_waits_for_the_pin_and_the_rest_for_wifi() -> Result<()> {
    let stage = Stage::set().await?;
    let worker = Handset::unpack(&stage.gate.base_url(), Screen::Phone).await?;
    for source in [MOBILE, SHOW_KEY] {
        worker.page.command("Page.addScriptToEvaluateOnNewDocument", json!({ "source": source })).await?;
    }
    worker.page.reload().await?;
    worker.log_in("grid_worker").await?;
    worker.ready_for_the_field(stage.elder).await?;
    worker.go_to("/me").await?;
    worker.press_button("仅 Wi-Fi").await?;
    worker.page.says("走访记录照常上传").await?;
    worker.go_to("/").await?;
    stage.gate.cut();
    visit(&worker, &stage, 5).await?;
    worker.page.says("走访已完成,存进发件箱").await?;
    let old: String = worker.page.evaluate(WRITE_AS_BEFORE).await?;
    worker.go_to("/me").await?;
    worker.press_button("锁定").await?;
    worker.page.says("照片等文件 3 个在等 Wi-Fi").await?;

    stage.gate.open();
    worker.will_say("锁定期间已上传 1 条记录").await?;
    worker.page.says("照片等文件 3 个在等 Wi-Fi").await?;
    let office = stage.scene.office("supervisor").await?;
    let id = office.queue().await?.first().context("the visit")?.submission_id;
    let waiting = async || {
        let media = office.submission(id).await?.media;
        let waiting: Vec<String> =
            media.iter().filter(|file| !file.stored).map(|file| file.media_id.to_string()).collect();
        anyhow::Ok((waiting, media.len()))
    };
    let (all, expected) = waiting().await?;
    assert_eq!(all.len(), expected, "no file has left");
    worker.page.evaluate::<bool>(WIFI).await?;
    worker.will_say("锁定期间已上传照片等文件 2 个").await?;
    assert_eq!(waiting().await?.0, [old], "the one that nobody could seal");

    worker.unlock().await?;
    wait::until("all files", async || Ok(waiting().await?.0.is_empty().then_some(()))).await?;
    worker.go_to("/outbox").await?;
    worker.will_say("全部已上传").await?;
    worker.assert_no_errors();
    Ok(())
}
