//! The backup file: from a phone that never got to send, to another one.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use doorstep_tests::cdp::By;
use doorstep_tests::wait;
use serde_json::json;

use super::handset::{Handset, Screen};
use super::pictures::Album;
use super::stage::{ELDER, Stage};
use super::stories::visit;

/// Saves the backup file under "me".
async fn save(worker: &Handset, folder: &Path) -> Result<PathBuf> {
    let wish = json!({ "behavior": "allow", "downloadPath": folder });
    worker.page.command("Page.setDownloadBehavior", wish).await?;
    worker.press_button("导出未上传的内容").await?;
    wait::until("a backup file", async || {
        let files = std::fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
        let saved = files.iter().map(std::fs::DirEntry::path);
        Ok(saved.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "backup")))
    })
    .await
}

async fn bring(worker: &Handset, file: &Path) -> Result<()> {
    worker.go_to("/me").await?;
    worker.page.the(By::css("#backup input[type='file']")).await?.set_files(&[file]).await
}

#[tokio::test]
async fn what_a_lost_phone_never_sent_is_sent_by_another() -> Result<()> {
    let stage = Stage::set().await?;
    let lost = Handset::unpack(&stage.gate.base_url(), Screen::Phone).await?;
    lost.log_in("grid_worker").await?;
    lost.ready_for_the_field(stage.elder).await?;
    stage.gate.cut();
    visit(&lost, &stage, 3).await?;
    lost.page.says("仅在手机上").await?;
    lost.go_to("/me").await?;
    let folder = tempfile::tempdir()?;
    let file = save(&lost, folder.path()).await?;
    lost.page.says("已导出").await?;
    lost.page.says("1 条记录、3 个文件、0 份草稿").await?;
    let whole = std::fs::read(&file)?;
    for secret in [ELDER, "打扫院子"] {
        let secret = secret.as_bytes();
        assert!(
            !whole.windows(secret.len()).any(|window| window == secret),
            "nothing personal is in the clear"
        );
    }
    lost.assert_no_errors();
    drop(lost);

    // Another phone, through another way: the same person logs in there.
    let other = Handset::unpack(&stage.scene.server.base_url(), Screen::Phone).await?;
    other.log_in("grid_worker").await?;
    other.ready_for_the_field(stage.elder).await?;
    let half = folder.path().join("half.backup");
    std::fs::write(&half, whole.get(..whole.len() / 2).unwrap_or_default())?;
    bring(&other, &half).await?;
    other.page.says("备份文件不完整或被改动过").await?;
    bring(&other, &file).await?;
    other.page.says("新增 1 条记录、3 个文件").await?;
    Album::of("360-zh").take(&other, "backup").await?;
    other.go_to("/outbox").await?;
    other.will_say("待审核").await?;
    bring(&other, &file).await?;
    other.page.says("已导入:新增").await?;
    let queue = stage.scene.office("supervisor").await?.queue().await?;
    assert_eq!(queue.len(), 1, "once, however often it is brought in");
    let submission = queue.first().context("the visit")?.submission_id;
    let detail = stage.scene.office("supervisor").await?.submission(submission).await?;
    assert_eq!(detail.status.media_missing, [], "its photos too");
    other.assert_no_errors();
    Ok(())
}
