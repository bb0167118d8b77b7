//! Photos on their way: they wait for Wi-Fi or for their person, break off and
//! go on from where the server stands, in words that anybody understands.

use anyhow::{Context, Result, ensure};
use doorstep_tests::gate::Mode;
use doorstep_tests::wait;
use serde_json::json;

use super::handset::{Handset, Screen};
use super::pictures::Album;
use super::stage::Stage;
use super::stories::visit;

/// Headless browsers are in no network that they could name.
const MOBILE: &str = "Object.defineProperty(NetworkInformation.prototype, 'type', \
     { get: () => sessionStorage.getItem('test-network') ?? 'cellular', configurable: true });";
const WIFI: &str = "sessionStorage.setItem('test-network', 'wifi'); \
     navigator.connection.dispatchEvent(new Event('change')); true";

/// Of a photo; more than this has left when the network breaks.
const PART_BYTES: u64 = 100_000;

#[tokio::test]
async fn photos_wait_for_wifi_and_go_on_where_they_broke_off() -> Result<()> {
    let stage = Stage::set().await?;
    let worker = Handset::unpack(&stage.gate.base_url(), Screen::Phone).await?;
    let album = Album::of("360-zh-uploads");
    worker
        .page
        .command("Page.addScriptToEvaluateOnNewDocument", json!({ "source": MOBILE }))
        .await?;
    worker.page.reload().await?;
    worker.log_in("grid_worker").await?;
    worker.ready_for_the_field(stage.elder).await?;
    worker.go_to("/me").await?;
    worker.press_button("仅 Wi-Fi").await?;
    worker.page.says("走访记录照常上传").await?;
    album.take(&worker, "me").await?;
    worker.go_to("/").await?;

    visit(&worker, &stage, 3).await?;
    worker.page.says("走访已完成,存进发件箱").await?;
    // The visit itself does not wait.
    worker.will_say("待审核").await?;
    worker.page.says("照片在等 Wi-Fi").await?;
    worker.page.says("等 Wi-Fi").await?;
    album.take(&worker, "waits").await?;
    let office = stage.scene.office("supervisor").await?;
    let stored = async || {
        let queue = office.queue().await?;
        let entry = queue.first().context("the visit")?;
        ensure!(queue.len() == 1, "once");
        anyhow::Ok((entry.media_stored, entry.media_expected))
    };
    assert_eq!(stored().await?.0, 0, "no photo has left");

    // The phone is in a Wi-Fi, a slow one that breaks in the middle of a photo.
    stage.gate.set(Mode::Slow { bytes_per_s: 40_000 });
    let before = stage.gate.bytes_to_server();
    worker.page.evaluate::<bool>(WIFI).await?;
    worker.page.says("正在传").await?;
    album.take(&worker, "sending").await?;
    wait::until("a part of the photo", async || {
        Ok((stage.gate.bytes_to_server() - before > PART_BYTES).then_some(()))
    })
    .await?;
    stage.gate.cut();
    worker.page.says("会接着传").await?;
    album.take(&worker, "broke-off").await?;

    // Paused stays paused, also after the phone was off.
    worker.press_button("暂停传照片").await?;
    worker.page.says("照片已暂停上传").await?;
    let worker = worker.lose_power().await?;
    stage.gate.open();
    worker.unlock().await?;
    worker.go_to("/outbox").await?;
    worker.page.says("照片已暂停上传").await?;
    let (arrived, expected) = stored().await?;
    ensure!(arrived < expected, "the photo waits: {arrived} of {expected}");
    let before = stage.gate.bytes_to_server();
    worker.press_button("继续传照片").await?;
    wait::until("all files", async || {
        let (arrived, expected) = stored().await?;
        Ok((arrived == expected).then_some(()))
    })
    .await?;
    worker.page.says("全部已上传").await?;
    ensure!(stage.gate.bytes_to_server() > before, "the rest has left");
    worker.assert_no_errors();
    Ok(())
}
