//! `cargo xtask bench shutter`: how long after the shutter a photo is on the
//! phone's disk, on a phone with a processor six times slower than this one.

use anyhow::{Result, bail};
use doorstep_core::text::Language;
use doorstep_tests::cdp::By;
use doorstep_tests::pictures;
use doorstep_tests::workbook::xlsx;
use serde::Deserialize;
use serde_json::json;

use super::bench::SLOWER;
use super::forms::begin;
use super::handset::{Handset, Screen};
use super::stage::Stage;

const FORM: &str = "
    | survey   |             |         |       |
    |          | type        | name    | label |
    |          | begin_group | g       | 照片  |
    |          | image       | p1      | 一    |
    |          | image       | p2      | 二    |
    |          | image       | p3      | 三    |
    |          | image       | p4      | 四    |
    |          | image       | p5      | 五    |
    |          | end_group   |         |       |
    | settings |             |         |       |
    |          | form_id     | form_title | version |
    |          | shutter     | 快门    | 1     |
";
const PHOTOS: u32 = 5;
/// Twelve megapixels, as cheap phones have them.
const CAMERA: (u32, u32) = (4000, 3000);

/// Notes how long the worker that makes the photo takes: Chromium slows the
/// page down, not its workers.
const WATCH_WORKER: &str = "{
    const Real = Worker;
    window.Worker = class extends Real {
        constructor(...given) {
            super(...given);
            const began = performance.now();
            this.addEventListener('message', () => window.workerMs = performance.now() - began);
        }
    };
}";

#[derive(Clone, Copy, Debug, Deserialize)]
struct Took {
    all_ms: f64,
    worker_ms: f64,
}

impl Took {
    /// With the worker as slow as the page.
    fn slowed_ms(self) -> f64 {
        self.all_ms + self.worker_ms * f64::from(SLOWER - 1)
    }
}

/// From the event that the page hears to the photo, shown and saved.
fn until_saved(path: &str, begins: &str) -> String {
    format!(
        "new Promise((done) => {{
            const box = () => document.querySelector(\"[data-path='{path}'][data-saved='true']\");
            const saved = (began) => {{
                if (!box()?.querySelector(\"img[src^='blob:']\")) return setTimeout(saved, 4, began);
                done({{ all_ms: performance.now() - began, worker_ms: window.workerMs ?? 0 }});
            }};
            window.workerMs = 0;
            {begins}
        }})"
    )
}

#[tokio::test]
#[ignore = "a benchmark: cargo xtask bench shutter"]
#[expect(clippy::print_stdout, reason = "a benchmark's table")]
async fn from_the_shutter_to_the_disk() -> Result<()> {
    let stage = Stage::set().await?;
    let other = FORM.replace("| shutter ", "| other   ").replace("| 快门 ", "| 相机 ");
    let forms = stage.scene.offer(&[xlsx(FORM)?, xlsx(&other)?]).await?;
    let [form, other] = forms.as_slice() else { bail!("two forms") };
    println!("\nfrom the shutter to the photo on the disk, ms; page {SLOWER} times slower, {PHOTOS} photos");
    println!(
        "{:<34} {:>8} {:>8} {:>10} {:>22}",
        "", "median", "slowest", "of worker", "median, worker slowed"
    );
    let worker = Handset::unpack(&stage.gate.base_url(), Screen::Phone).await?;
    worker.page.command("Page.addScriptToEvaluateOnNewDocument", json!({ "source": WATCH_WORKER })).await?;
    worker.page.reload().await?;
    worker.log_in("grid_worker").await?;
    worker.ready_for_the_field(stage.elder).await?;
    begin(&worker, &stage, form, Language::Zh).await?;
    let mut took = Vec::new();
    for number in 1..=PHOTOS {
        took.push(by_file(&worker, number).await?);
    }
    tell("a photo of the system's camera, 12 MP", took);

    begin(&worker, &stage, other, Language::Zh).await?;
    worker.press_in("/g/p1", "用应用内相机").await?;
    let mut took = Vec::new();
    for number in 1..=PHOTOS {
        took.push(by_own_camera(&worker, number).await?);
    }
    tell("the app's own camera", took);
    Ok(())
}

async fn slow(worker: &Handset, rate: u32) -> Result<()> {
    worker.page.command("Emulation.setCPUThrottlingRate", json!({ "rate": rate })).await.map(drop)
}

async fn by_file(worker: &Handset, number: u32) -> Result<Took> {
    let path = format!("/g/p{number}");
    let photo = worker.file("camera.jpg", &pictures::photo(number, CAMERA.0, CAMERA.1)?)?;
    worker.page.the(By::css(format!("[data-path='{path}'] input[type='file']"))).await?;
    let heard =
        "document.addEventListener('change', () => saved(performance.now()), { capture: true, once: true });";
    slow(worker, SLOWER).await?;
    worker.page.evaluate::<bool>(&format!("window.took = {}; true", until_saved(&path, heard))).await?;
    worker.choose_photo(&path, &photo).await?;
    let took = worker.page.evaluate("window.took").await?;
    slow(worker, 1).await?;
    Ok(took)
}

async fn by_own_camera(worker: &Handset, number: u32) -> Result<Took> {
    const SHUTTER: &str = "dialog[open] .dialog__actions .button--primary:not([disabled])";
    let path = format!("/g/p{number}");
    worker.press_in(&path, "拍照").await?;
    worker.page.until("document.querySelector('dialog[open] video')?.videoWidth > 0").await?;
    worker.page.the(By::css(SHUTTER)).await?;
    slow(worker, SLOWER).await?;
    let press = format!(
        "const began = performance.now(); document.querySelector('{SHUTTER}').click(); saved(began);"
    );
    let took = worker.page.evaluate(&until_saved(&path, &press)).await?;
    slow(worker, 1).await?;
    Ok(took)
}

#[expect(clippy::print_stdout, reason = "a benchmark's table")]
fn tell(name: &str, mut took: Vec<Took>) {
    took.sort_by(|left, right| left.all_ms.total_cmp(&right.all_ms));
    let (Some(median), Some(slowest)) = (took.get(took.len() / 2), took.last()) else { return };
    println!(
        "{name:<34} {:>8.0} {:>8.0} {:>10.0} {:>22.0}",
        median.all_ms,
        slowest.all_ms,
        median.worker_ms,
        median.slowed_ms()
    );
}
