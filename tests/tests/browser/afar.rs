//! What an administrator asks of a phone from afar: lock, drain then wipe,
//! wipe now.

use anyhow::{Context, Result, ensure};
use doorstep::db::entity::user;
use doorstep_core::command::{
    CommandKind, CommandRecord, CommandRequest, DEVICES, DeviceRecord, DevicesAnswer, Left,
};
use doorstep_tests::caller::Caller;
use doorstep_tests::cdp::By;
use doorstep_tests::county::PASSWORD;
use doorstep_tests::wait;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, Set};

use super::handset::{Handset, PIN, Screen, by_id};
use super::pictures::Album;
use super::stage::{ELDER, Stage};
use super::stories::{answer_visit, begin_visit, finish_visit};

/// An administrator at another desk.
struct Office {
    admin: Caller,
}

impl Office {
    async fn open(stage: &Stage) -> Result<Self> {
        Ok(Self { admin: stage.scene.caller("admin").await? })
    }

    async fn worker_phone(&self) -> Result<DeviceRecord> {
        let answer: DevicesAnswer = self.admin.get(DEVICES).await?.ok()?;
        let phone = answer.devices.into_iter().find(|record| record.login_name == "grid_worker");
        phone.context("the worker's phone")
    }

    async fn ask(&self, kind: CommandKind) -> Result<()> {
        let address = format!("{DEVICES}/{}/command", self.worker_phone().await?.device_id);
        let _: DeviceRecord = self.admin.post(&address, &CommandRequest { kind: Some(kind) }).await?.ok()?;
        Ok(())
    }

    /// Waits until the phone has said so.
    async fn told(&self, what: &str, is_so: impl Fn(&CommandRecord) -> bool) -> Result<CommandRecord> {
        wait::until(what, async || Ok(self.worker_phone().await?.command.filter(&is_so))).await
    }
}

/// The databases that are left in the browser.
async fn databases(phone: &Handset) -> Result<Vec<String>> {
    phone.page.evaluate("indexedDB.databases().then(all => all.map(one => one.name).sort())").await
}

#[tokio::test]
async fn a_locked_phone_opens_after_an_online_login_with_everything_on_it() -> Result<()> {
    let stage = Stage::set().await?;
    let worker = Handset::unpack(&stage.gate.base_url(), Screen::Phone).await?;
    worker.log_in("grid_worker").await?;
    worker.ready_for_the_field(stage.elder).await?;
    begin_visit(&worker, &stage).await?;
    worker.next_to("/g_visit/met").await?;
    answer_visit(&worker).await?;
    let office = Office::open(&stage).await?;
    office.ask(CommandKind::Lock).await?;

    let worker = worker.lose_power().await?;
    worker.unlock().await?;
    worker.page.says("管理员已锁定这部手机上的走访").await?;
    office.told("the lock", |command| command.done_at.is_some()).await?;
    // The PIN alone does not open it, also not after another start.
    let worker = worker.lose_power().await?;
    worker.page.says("管理员已锁定这部手机上的走访").await?;
    worker.press_button("English").await?;
    worker.page.says("An administrator has locked Doorstep on this phone.").await?;
    worker.press_button("中文").await?;
    worker.page.gone(By::css(".pin__keys")).await?;
    worker.press_button("去登录").await?;
    worker.type_login("grid_worker", PASSWORD).await?;
    worker.page.says("请输入 6 位 PIN 码").await?;
    worker.type_digits(PIN).await?;
    worker.page.click(by_id(stage.elder)).await?;
    worker.press_button("继续填写").await?;
    worker.chosen("/g_visit/met", "met").await?;
    worker.assert_no_errors();
    Ok(())
}

#[tokio::test]
async fn a_phone_sends_everything_before_it_is_wiped() -> Result<()> {
    let stage = Stage::set().await?;
    let worker = Handset::unpack(&stage.gate.base_url(), Screen::Phone).await?;
    worker.log_in("grid_worker").await?;
    worker.ready_for_the_field(stage.elder).await?;
    stage.gate.cut();
    begin_visit(&worker, &stage).await?;
    worker.next_to("/g_visit/met").await?;
    answer_visit(&worker).await?;
    let office = Office::open(&stage).await?;
    office.ask(CommandKind::DrainThenWipe).await?;

    // A draft is something that only this phone has.
    stage.gate.open();
    let worker = worker.lose_power().await?;
    worker.unlock().await?;
    worker.page.says("1 份草稿没有上传").await?;
    let heard = office.told("the draft", |command| command.seen_at.is_some()).await?;
    assert_eq!((heard.done_at, heard.left), (None, Left { visits: 0, files: 0, drafts: 1 }));

    worker.page.click(by_id(stage.elder)).await?;
    worker.press_button("继续填写").await?;
    worker.chosen("/g_visit/met", "met").await?;
    finish_visit(&worker, 3).await?;
    worker.will_say("的数据已于").await?;
    office.told("the wipe", |command| command.done_at.is_some()).await?;
    let queue = stage.scene.office("supervisor").await?.queue().await?;
    let entry = queue.first().context("the visit has arrived")?;
    assert_eq!((queue.len(), entry.media_stored), (1, entry.media_expected), "with all files");
    assert_eq!(databases(&worker).await?, ["doorstep-device"]);
    ensure!(!worker.page.text().await?.contains("一并删除"), "nothing was lost");
    worker.assert_no_errors();
    Ok(())
}

#[tokio::test]
async fn a_phone_that_is_wiped_now_keeps_nothing_and_says_what_it_lost() -> Result<()> {
    let stage = Stage::set().await?;
    let worker = Handset::unpack(&stage.gate.base_url(), Screen::Phone).await?;
    worker.log_in("grid_worker").await?;
    worker.ready_for_the_field(stage.elder).await?;
    begin_visit(&worker, &stage).await?;
    let office = Office::open(&stage).await?;
    let admin = Handset::unpack(&stage.scene.server.base_url(), Screen::Desk).await?;
    admin.log_in("admin").await?;
    let its_row = by_id(office.worker_phone().await?.device_id);
    admin.page.the(By::label("查找姓名、登录名或手机")).await?.type_text("grid_w").await?;
    admin.page.says("1 部手机").await?;
    // First the wrong one, which the phone never hears of.
    for (kind, words) in [("lock", "锁定 · 手机还没收到"), ("wipe_now", "立即清除 · 手机还没收到")]
    {
        admin.page.click(its_row.clone()).await?;
        admin.page.click(By::css(format!("dialog[open] [data-id='{kind}'] button"))).await?;
        admin.page.says("手机下次联网并打开应用时才会收到").await?;
        admin.page.click(By::css("dialog[open] .dialog__actions button")).await?;
        admin.page.gone(By::css("dialog[open]")).await?;
        admin.page.says(words).await?;
        if kind == "lock" {
            admin.page.click(its_row.clone()).await?;
            admin.press_button("撤回要求").await?;
            admin.page.gone(By::css("dialog[open]")).await?;
            admin.page.gone(By::css("li[data-id] .badge")).await?;
        }
    }

    let worker = worker.lose_power().await?;
    worker.unlock().await?;
    worker.will_say("1 份草稿没有上传,已一并删除").await?;
    let done = office.told("the wipe", |command| command.done_at.is_some()).await?;
    admin.press_button("刷新").await?;
    admin.page.says("立即清除 · 已完成").await?;
    admin.page.click(its_row).await?;
    admin.page.says("这部手机已清除或停用").await?;
    admin.page.says("0 条走访,0 个文件,1 份草稿").await?;
    admin.assert_no_errors();
    assert_eq!(done.left, Left { visits: 0, files: 0, drafts: 1 });
    assert_eq!(databases(&worker).await?, ["doorstep-device"]);
    // It is said again, also when the phone goes off at once, until somebody
    // comes in, who begins anew.
    let worker = worker.lose_power().await?;
    worker.page.says("按管理员的要求").await?;
    worker.log_in("grid_worker").await?;
    worker.page.click(by_id(stage.elder)).await?;
    worker.page.says(ELDER).await?;
    worker.page.says("开始走访").await?;
    worker.assert_no_errors();
    Ok(())
}

/// Of a person whose name is long, of nobody, and without the server.
async fn phones_at(screen: Screen, english: bool, who: &'static str) -> Result<()> {
    let stage = Stage::set().await?;
    let album = Album::of(who);
    let say = |zh: &'static str, en: &'static str| if english { en } else { zh };
    let connection = stage.scene.server.components.database.read();
    let row = user::Entity::find().filter(user::Column::LoginName.eq("grid_worker")).one(connection).await?;
    let mut row = row.context("the worker")?.into_active_model();
    row.display_name = Set("阿卜杜热合曼·买买提吐尔逊江示例(河湾镇第三网格代班网格员)".to_owned());
    row.update(connection).await?;
    stage.scene.caller("grid_worker").await?;
    let admin = Handset::unpack(&stage.gate.base_url(), screen).await?;
    admin.log_in("admin").await?;
    if english {
        admin.speak_english().await?;
        admin.go_to("/devices").await?;
    }
    let office = Office::open(&stage).await?;
    let its_row = by_id(office.worker_phone().await?.device_id);
    admin.page.the(its_row.clone()).await?;
    album.take(&admin, "long-name").await?;
    admin.page.click(its_row).await?;
    admin.page.the(By::css("dialog[open] [data-id='lock']")).await?;
    album.take(&admin, "long-name-open").await?;
    admin.page.press("Escape").await?;
    admin.page.gone(By::css("dialog[open]")).await?;
    let field = admin.page.the(By::css(".search__input")).await?;
    field.type_text("nobody").await?;
    admin.page.says(say("没有找到", "Nobody found")).await?;
    album.take(&admin, "nobody").await?;
    stage.gate.cut();
    admin.press_button(say("刷新", "Refresh")).await?;
    admin.page.says(say("现在连不上服务器", "The server cannot be reached")).await?;
    album.take(&admin, "without-the-server").await?;
    stage.gate.open();
    admin.press_button(say("再试一次", "Try again")).await?;
    admin.page.says(say("没有找到", "Nobody found")).await?;
    admin.assert_no_errors();
    Ok(())
}

#[tokio::test]
async fn the_screen_of_phones_says_what_it_cannot_show() -> Result<()> {
    phones_at(Screen::Phone, false, "360-zh-phones").await
}

#[tokio::test]
async fn the_screen_of_phones_says_what_it_cannot_show_in_english_at_a_desk() -> Result<()> {
    phones_at(Screen::Desk, true, "1280-en-phones").await
}
