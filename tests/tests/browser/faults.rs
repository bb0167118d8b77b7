//! What goes wrong with a phone, its browser and its network, and how it ends.

use std::cell::{Cell, RefCell};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use chrono::TimeDelta;
use doorstep_tests::cdp::By;
use doorstep_tests::gate::{Line, Mode};
use doorstep_tests::wait;
use serde_json::json;

use super::handset::Handset;
use super::stage::Stage;

/// What goes wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fault {
    /// Connections break.
    Cut,
    /// Nothing passes, and nobody says so.
    BlackHole,
    /// An answer breaks off in its middle.
    CutInAnswer,
    /// 250 / 50 kbit/s.
    Slow,
    TabKilled,
    BrowserKilled,
    /// The tab is killed while a new version of the app is installed, which is
    /// then taken.
    Update,
    /// The browser gives the app no more room.
    SmallQuota,
    /// The clock is three years behind.
    ClockBehind,
    /// The clock is twenty days ahead.
    ClockAhead,
    /// A second tab is opened, and takes over.
    TwoTabs,
}

impl Fault {
    pub(super) const ALL: [Self; 11] = [
        Self::Cut,
        Self::BlackHole,
        Self::CutInAnswer,
        Self::Slow,
        Self::TabKilled,
        Self::BrowserKilled,
        Self::Update,
        Self::SmallQuota,
        Self::ClockBehind,
        Self::ClockAhead,
        Self::TwoTabs,
    ];

    fn wrong_by(self) -> TimeDelta {
        match self {
            Self::ClockBehind => TimeDelta::days(-3 * 365),
            Self::ClockAhead => TimeDelta::days(20),
            _ => TimeDelta::zero(),
        }
    }
}

/// A clock that is wrong by so many milliseconds, for a new document.
fn wrong_clock(by: TimeDelta) -> String {
    format!(
        "window.Date = new Proxy(Date, {{
            construct: (Real, given, made) =>
                Reflect.construct(Real, given.length === 0 ? [Real.now() + ({by})] : given, made),
            apply: (Real) => new Real(Real.now() + ({by})).toString(),
            get: (Real, name) => name === 'now' ? () => Real.now() + ({by}) : Reflect.get(Real, name),
        }})",
        by = by.num_milliseconds()
    )
}

/// Waits for something of a page that may be about to become another one.
async fn becomes(worker: &Handset, expression: &str) -> Result<()> {
    wait::until(expression, async || {
        Ok(worker.page.evaluate::<bool>(expression).await.unwrap_or_default().then_some(()))
    })
    .await
}

/// Half of a short answer.
const HALF_AN_ANSWER_BYTES: u64 = 60;
const REGISTRATION: &str = "navigator.serviceWorker.getRegistration()";
/// The button that syncs is pressed again after so many looks.
const LOOKS: u32 = 80;

/// Makes trouble.
pub(super) struct Trouble<'a> {
    stage: &'a Stage,
    /// The app that the server hands out.
    pwa: &'a Path,
    /// Versions of it so far.
    versions: Cell<u32>,
    /// The script that makes the clock wrong.
    clock: RefCell<Option<String>>,
}

impl<'a> Trouble<'a> {
    pub(super) fn new(stage: &'a Stage, pwa: &'a Path) -> Self {
        Self { stage, pwa, versions: Cell::new(0), clock: RefCell::default() }
    }

    /// Makes trouble, to its end, and goes to `address`. `arrived` says
    /// whether the server has what is on its way.
    pub(super) async fn strike(
        &self,
        fault: Fault,
        mut worker: Handset,
        address: &str,
        arrived: impl AsyncFn() -> Result<bool>,
    ) -> Result<Handset> {
        let gate = &self.stage.gate;
        let connections = gate.connections();
        match fault {
            Fault::Cut => {
                gate.cut();
                self.syncing(&worker, "another attempt", async || Ok(gate.connections() > connections))
                    .await?;
            }
            Fault::BlackHole => {
                // What was under way stays so; after a cut there is nothing.
                let was_cut = gate.mode() == Mode::Cut;
                gate.set(Mode::BlackHole);
                if was_cut {
                    let tried = async || Ok(gate.connections() > connections);
                    self.syncing(&worker, "a request", tried).await?;
                }
            }
            Fault::CutInAnswer => {
                gate.set(Mode::CutAfter { answer_bytes: HALF_AN_ANSWER_BYTES });
                self.syncing(&worker, "the cut", async || Ok(gate.mode() == Mode::Cut)).await?;
            }
            Fault::Slow => gate.set(Mode::Line(Line::G2)),
            Fault::TabKilled => {
                worker = worker.lose_tab(address).await?;
                worker.unlock().await?;
            }
            Fault::BrowserKilled => {
                worker = worker.lose_power().await?;
                self.turn_to(&worker, address).await?;
            }
            Fault::Update => worker = self.update(worker, address).await?,
            Fault::SmallQuota => {
                self.limit_storage(&worker, Some(1)).await?;
                gate.open();
                let felt = async || {
                    let text = worker.page.text().await.unwrap_or_default();
                    Ok(text.contains("存储空间已满") || arrived().await?)
                };
                self.syncing(&worker, "the full storage", felt).await?;
                self.limit_storage(&worker, None).await?;
            }
            Fault::ClockBehind | Fault::ClockAhead => {
                let script = json!({ "source": wrong_clock(fault.wrong_by()) });
                let added = worker.page.command("Page.addScriptToEvaluateOnNewDocument", script).await?;
                self.clock.replace(added["identifier"].as_str().map(str::to_owned));
                self.turn_to(&worker, address).await?;
                let wrong_by: f64 = worker.page.evaluate("Date.now() - performance.timeOrigin").await?;
                ensure!(wrong_by.abs() > 10.0 * 86_400_000.0, "the clock is wrong by {wrong_by} ms only");
            }
            Fault::TwoTabs => {
                let first = worker.second_tab(address).await?;
                worker.unlock().await?;
                first.says("走访已在另一个窗口打开").await?;
                first.close().await?;
            }
        }
        Ok(worker)
    }

    /// Ends what is left of it.
    pub(super) async fn mend(&self, fault: Fault, worker: Handset) -> Result<Handset> {
        let clock = self.clock.take();
        if let Some(identifier) = clock {
            let script = json!({ "identifier": identifier });
            worker.page.command("Page.removeScriptToEvaluateOnNewDocument", script).await?;
            self.turn_to(&worker, "/outbox").await.with_context(|| format!("after {fault:?}"))?;
        }
        Ok(worker)
    }

    /// Loads a page of the app.
    async fn turn_to(&self, worker: &Handset, address: &str) -> Result<()> {
        worker.page.go(&format!("{}{address}", self.stage.gate.base_url())).await?;
        worker.unlock().await
    }

    /// Waits for something of a sync, and asks for one now and then.
    pub(super) async fn syncing(
        &self,
        worker: &Handset,
        what: &str,
        seen: impl AsyncFn() -> Result<bool>,
    ) -> Result<()> {
        let mut looks = 0;
        wait::until(what, async || {
            if seen().await? {
                return Ok(Some(()));
            }
            if looks % LOOKS == 0 {
                self.press_sync(worker).await;
            }
            looks += 1;
            Ok(None)
        })
        .await
    }

    /// Presses the button that syncs; where there is none, the page is seen
    /// again, after which the app syncs, too. It may be busy, or on its way to
    /// another page.
    pub(super) async fn press_sync(&self, worker: &Handset) {
        let press = "(() => {
            const button = [...document.querySelectorAll('button')].find((button) => button.innerText.includes('立即同步'));
            if (button) button.click();
            else document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
        })()";
        drop(worker.page.evaluate::<Option<()>>(press).await);
    }

    /// So many bytes for everything of the app; `None`: as usual.
    pub(super) async fn limit_storage(&self, worker: &Handset, bytes: Option<u32>) -> Result<()> {
        let mut what = json!({ "origin": self.stage.gate.base_url() });
        if let Some(bytes) = bytes {
            what["quotaSize"] = json!(bytes);
        }
        worker.page.command("Storage.overrideQuotaForOrigin", what).await.map(drop)
    }

    /// The server hands out another version; the tab is killed while it is
    /// installed, and the next one takes it.
    async fn update(&self, worker: Handset, address: &str) -> Result<Handset> {
        let version = self.versions.get() + 1;
        self.versions.set(version);
        let file = self.pwa.join("sw.js");
        for packed in
            ["sw.js.br", "sw.js.gz"].map(|name| self.pwa.join(name)).iter().filter(|file| file.is_file())
        {
            std::fs::remove_file(packed)?;
        }
        let script = std::fs::read_to_string(&file)?;
        let (_, rest) = script.split_once("const VERSION = \"").context("a version in sw.js")?;
        let (old, _) = rest.split_once('"').context("the end of a version in sw.js")?;
        std::fs::write(&file, script.replace(old, &format!("matrix-{version}")))?;

        if self.stage.gate.mode() == Mode::Open || self.stage.gate.mode() == Mode::Cut {
            self.stage.gate.set(Mode::BlackHole);
        }
        let begin = format!("void {REGISTRATION}.then((found) => found.update())");
        worker.page.evaluate::<Option<()>>(&begin).await?;
        let worker = worker.lose_tab(address).await?;
        self.stage.gate.open();
        worker.unlock().await?;
        worker.page.the(By::css("nav.nav, .fill__progress")).await?;
        let waits = format!(
            "{REGISTRATION}.then(async (found) => found.waiting !== null || (await found.update()).waiting !== null)"
        );
        becomes(&worker, &waits).await?;
        worker
            .page
            .evaluate::<Option<()>>(&format!(
                "void {REGISTRATION}.then((found) => found.waiting.postMessage({{ type: 'apply-update' }}))"
            ))
            .await?;
        // Until it has taken over, it would load the page once more.
        let taken = format!(
            "{REGISTRATION}.then(async (found) => {{
                const names = await caches.keys();
                return found.waiting === null && found.active.state === 'activated'
                    && navigator.serviceWorker.controller === found.active
                    && names.length === 1 && names[0] === 'doorstep-matrix-{version}';
            }})"
        );
        becomes(&worker, &taken).await?;
        self.turn_to(&worker, address).await?;
        Ok(worker)
    }
}
