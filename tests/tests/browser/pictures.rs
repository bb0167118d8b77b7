//! Pictures of every screen in both languages and both sizes, into the folder
//! that `DOORSTEP_SCREENSHOTS` names; and, with or without it, that no screen
//! is wider than its window or shows what nobody should be shown.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use doorstep_tests::cdp::By;
use doorstep_tests::county;
use doorstep_tests::elder_visit::{ELDER_SIGNATURE, ORDINARY, PHOTO, WORKER_SIGNATURE};
use doorstep_tests::pictures;

use super::handset::{Handset, Screen, by_id};
use super::stage::Stage;

const VARIABLE: &str = "DOORSTEP_SCREENSHOTS";
const LOOKS: &str = include_str!("looks.js");

/// Takes pictures of what somebody sees.
pub(super) struct Album {
    folder: Option<PathBuf>,
    who: &'static str,
}

impl Album {
    /// Of what `who` sees.
    pub(super) fn of(who: &'static str) -> Self {
        Self { folder: std::env::var_os(VARIABLE).map(PathBuf::from), who }
    }

    /// A picture; and the screen must fit its window.
    pub(super) async fn take(&self, person: &Handset, name: &str) -> Result<()> {
        // Bars that stay stand where they belong.
        person.page.evaluate::<Option<()>>("void scrollTo(0, 0)").await?;
        if let Some(folder) = &self.folder {
            // What covers the window is as large as the window.
            let covered = "document.querySelector('dialog.lightbox[open]') !== null";
            let whole_page = !person.page.evaluate::<bool>(covered).await?;
            let file = folder.join(format!("{}-{name}.png", self.who));
            person.page.screenshot(&file, whole_page).await?;
        }
        let wide: f64 = person
            .page
            .evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            .await?;
        ensure!(wide <= 0.0, "{} {name}: {wide} px wider than the window", self.who);
        let wrong: Vec<String> = person.page.evaluate(&format!("({LOOKS})()")).await?;
        ensure!(wrong.is_empty(), "{} {name}:\n{}", self.who, wrong.join("\n"));
        Ok(())
    }
}

async fn gallery(screen: Screen, english: bool, who: &'static str) -> Result<()> {
    let stage = Stage::set().await?;
    let album = Album::of(who);
    // Something waits, something was returned, something is approved.
    let phone = county::phone(&stage.scene.server, "grid_worker").await?;
    phone.sync().await?;
    let office = stage.scene.office("supervisor").await?;
    let returned = phone.visit_with(stage.scene.elder, &[("/g_e/e_live", "1")]).await?;
    phone.sync().await?;
    office.give_back(returned.submission_id, "照片看不清,请重拍").await?;
    let mut draft = phone.start_visit(stage.elder).await?;
    phone.answer(&mut draft, ORDINARY).await?;
    phone.answer(&mut draft, &[("/g_e/e_abuse", "fraud"), ("/g_h/h_mood", "severe")]).await?;
    for (path, seed) in [(WORKER_SIGNATURE, 5), (ELDER_SIGNATURE, 6)] {
        phone.attach(&mut draft, path, pictures::signature(seed)?, "image/png").await?;
    }
    phone.attach(&mut draft, PHOTO, pictures::photo(7, 1200, 900)?, "image/jpeg").await?;
    let waiting = phone.finish(&mut draft).await?;
    phone.sync().await?;

    let worker = Handset::unpack(&stage.gate.base_url(), screen).await?;
    worker.page.the(By::label("账号")).await?;
    album.take(&worker, "login").await?;
    worker.log_in("grid_worker").await?;
    worker.ready_for_the_field(stage.scene.elder).await?;
    if english {
        worker.speak_english().await?;
    }
    for (name, path) in [("today", "/"), ("outbox", "/outbox"), ("me", "/me")] {
        worker.go_to(path).await?;
        worker.page.gone(By::css("[aria-busy='true']")).await?;
        album.take(&worker, name).await?;
    }
    worker.go_to("/").await?;
    // 欧阳示例老人 by the initials of the surname and of what follows.
    let search = worker.page.the(By::css(".search__input")).await?;
    search.type_text("OY s").await?;
    worker.page.gone(by_id(stage.scene.elder)).await?;
    worker.page.the(by_id(stage.elder)).await?;
    album.take(&worker, "search").await?;
    search.replace_text("zhaosl").await?;
    worker.page.click(by_id(stage.scene.elder)).await?;
    worker.page.says("照片看不清").await?;
    album.take(&worker, "case").await?;
    let correct = if english { "Correct" } else { "更正" };
    worker.press_button(correct).await?;
    worker.page.the(By::css("[data-path]")).await?;
    album.take(&worker, "fill").await?;

    let supervisor = Handset::unpack(&stage.scene.server.base_url(), screen).await?;
    supervisor.log_in("supervisor").await?;
    if english {
        supervisor.go_to("/me").await?;
        supervisor.press_button("English").await?;
        supervisor.page.says("Language").await?;
    }
    supervisor.go_to("/queue").await?;
    supervisor.page.the(by_id(waiting.submission_id)).await?;
    album.take(&supervisor, "queue").await?;
    supervisor.page.click(by_id(waiting.submission_id)).await?;
    supervisor.page.the(By::css("[data-path] img[src^='/files/']")).await?;
    supervisor.page.gone(By::css(".served__coming")).await?;
    album.take(&supervisor, "submission").await?;
    supervisor.press_button(if english { "Approve" } else { "通过" }).await?;
    supervisor.page.click(By::css(format!("a[href='/ledger/{}']", stage.elder))).await?;
    supervisor.page.the(By::css("li.history")).await?;
    album.take(&supervisor, "ledger").await?;
    worker.assert_no_errors();
    supervisor.assert_no_errors();
    devices(&stage, &album, screen, english).await?;
    Ok(())
}

/// What an administrator sees of phones.
async fn devices(stage: &Stage, album: &Album, screen: Screen, english: bool) -> Result<()> {
    let admin = Handset::unpack(&stage.scene.server.base_url(), screen).await?;
    admin.log_in("admin").await?;
    if english {
        admin.go_to("/me").await?;
        admin.press_button("English").await?;
        admin.page.says("Language").await?;
        admin.go_to("/devices").await?;
    }
    admin.page.the(By::css("li[data-id] .row")).await?;
    album.take(&admin, "devices").await?;
    admin.page.click(By::css("li[data-id] .row")).await?;
    admin.page.the(By::css("dialog[open] [data-id='lock']")).await?;
    album.take(&admin, "device").await?;
    admin.page.click(By::css("dialog[open] [data-id='wipe_now'] button")).await?;
    admin.page.the(By::css("dialog[open] .button--danger")).await?;
    album.take(&admin, "device-wipe").await?;
    admin.assert_no_errors();
    Ok(())
}

#[tokio::test]
async fn every_screen_fits_a_phone() -> Result<()> {
    gallery(Screen::Phone, false, "360-zh").await
}

#[tokio::test]
async fn every_screen_fits_a_phone_in_english() -> Result<()> {
    gallery(Screen::Phone, true, "360-en").await
}

#[tokio::test]
async fn every_screen_fits_a_desk() -> Result<()> {
    gallery(Screen::Desk, false, "1280-zh").await
}

#[tokio::test]
async fn every_screen_fits_a_desk_in_english() -> Result<()> {
    gallery(Screen::Desk, true, "1280-en").await
}
