//! Camera, microphone, finger and receiver: what a phone has beside its
//! screen, as far as a browser can be made to have it. Sound and film come
//! from Chromium's own false devices, places from the protocol.

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use doorstep_core::text::Language;
use doorstep_tests::cdp::By;
use doorstep_tests::pictures;
use doorstep_tests::workbook::xlsx;
use serde_json::json;

use super::forms::begin;
use super::handset::{Handset, Screen, by_id};
use super::pictures::Album;
use super::stage::Stage;

const CAPTURES: &str = "
    | survey   |             |      |           |            |                      |
    |          | type        | name | label     | appearance | parameters           |
    |          | begin_group | g    | 取证      |            |                      |
    |          | audio       | a    | 录音      |            |                      |
    |          | video       | v    | 录像      |            |                      |
    |          | file        | f    | 材料      |            |                      |
    |          | image       | m    | 现场照片  | annotate   |                      |
    |          | image       | d    | 草图      | draw       |                      |
    |          | barcode     | b    | 条码      |            |                      |
    |          | end_group   |      |           |            |                      |
    | settings |             |      |           |            |                      |
    |          | form_id     | form_title | version |        |                      |
    |          | captures    | 取证表     | 1       |        |                      |
";

const PLACES: &str = "
    | survey   |             |      |           |                      |
    |          | type        | name | label     | parameters           |
    |          | begin_group | g    | 位置      |                      |
    |          | geopoint    | p    | 房屋位置  | capture-accuracy=1   |
    |          | geotrace    | t    | 入户道路  |                      |
    |          | geoshape    | s    | 院落范围  |                      |
    |          | end_group   |      |           |                      |
    | settings |             |      |           |                      |
    |          | form_id     | form_title | version |                  |
    |          | places      | 位置表     | 1       |                  |
";

const ORDER: &str = "
    | survey   |             |      |            |
    |          | type        | name | label      |
    |          | begin_group | g    | 顺序       |
    |          | rank need   | r    | 按急需排序 |
    |          | end_group   |      |            |
    | choices  |             |      |            |
    |          | list_name   | name | label      |
    |          | need        | meal | 助餐       |
    |          | need        | bath | 助浴       |
    |          | need        | tidy | 保洁       |
    |          | need        | care | 陪同就医   |
    | settings |             |      |            |
    |          | form_id     | form_title | version |
    |          | order       | 顺序表     | 1       |
";

/// A worker who has begun the form.
async fn filling(stage: &Stage, form: &str, screen: Screen) -> Result<Handset> {
    let forms = stage.scene.offer(&[xlsx(form)?]).await?;
    let worker = Handset::unpack(&stage.gate.base_url(), screen).await?;
    worker.log_in("grid_worker").await?;
    worker.ready_for_the_field(stage.elder).await?;
    begin(&worker, stage, forms.first().context("the form")?, Language::Zh).await?;
    Ok(worker)
}

/// Waits until a sound or film of a question can be played, and has a length
/// or a size.
async fn plays(worker: &Handset, inside: &str, kind: &str) -> Result<()> {
    let element = json!(format!("{inside} {kind}[src]"));
    worker.page.until(&format!("document.querySelector({element})")).await?;
    worker.page.until(&format!("document.querySelector({element}).readyState >= 1")).await?;
    let failed: bool =
        worker.page.evaluate(&format!("document.querySelector({element}).error !== null")).await?;
    ensure!(!failed, "the {kind} does not play");
    // It goes on by itself: there is something in it.
    worker
        .page
        .evaluate::<Option<()>>(&format!("document.querySelector({element}).play().then(() => null)"))
        .await?;
    worker.page.until(&format!("document.querySelector({element}).currentTime > 0")).await
}

/// How many pixels of a picture are about this colour.
async fn pixels_like(worker: &Handset, image: &str, [red, green, blue]: [u8; 3]) -> Result<u64> {
    let image = json!(image);
    worker
        .page
        .evaluate(&format!(
            "(async () => {{
                const image = document.querySelector({image});
                await image.decode();
                const canvas = document.createElement('canvas');
                [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
                const pen = canvas.getContext('2d');
                pen.drawImage(image, 0, 0);
                const {{ data }} = pen.getImageData(0, 0, canvas.width, canvas.height);
                let found = 0;
                for (let at = 0; at < data.length; at += 4) {{
                    const away = Math.abs(data[at] - {red}) + Math.abs(data[at + 1] - {green}) + Math.abs(data[at + 2] - {blue});
                    if (away < 60) found += 1;
                }}
                return found;
            }})()"
        ))
        .await
}

/// A film of a second, made by the browser's own false camera.
async fn film(worker: &Handset) -> Result<Vec<u8>> {
    let text: String = worker
        .page
        .evaluate(
            "(async () => {
                const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 160, height: 120 } });
                const recorder = new MediaRecorder(stream, { mimeType: 'video/webm' });
                const pieces = [];
                recorder.ondataavailable = (event) => pieces.push(event.data);
                const ended = new Promise((done) => { recorder.onstop = done; });
                recorder.start();
                await new Promise((done) => setTimeout(done, 1000));
                recorder.stop();
                await ended;
                stream.getTracks().forEach((track) => track.stop());
                const bytes = new Uint8Array(await new Blob(pieces).arrayBuffer());
                return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
            })()",
        )
        .await?;
    let bytes = STANDARD.decode(text)?;
    ensure!(bytes.len() > 500, "a film of {} bytes", bytes.len());
    Ok(bytes)
}

#[tokio::test]
async fn sound_film_papers_and_drawings_are_captured_and_reviewed() -> Result<()> {
    let stage = Stage::set().await?;
    let worker = filling(&stage, CAPTURES, Screen::Phone).await?;

    // Sound, with a meter that shows that something is heard.
    worker.press_in("/g/a", "录音").await?;
    worker.page.the(By::css("[data-path='/g/a'] .recording")).await?;
    worker.page.until("document.querySelector(\"[data-path='/g/a'] progress\").value > 0").await?;
    worker.press_in("/g/a", "停止并保存").await?;
    worker.saved("/g/a").await?;
    plays(&worker, "[data-path='/g/a']", "audio").await?;

    let film = worker.file("film.webm", &film(&worker).await?)?;
    let input = worker.page.the(By::css("[data-path='/g/v'] input[type='file']")).await?;
    input.set_files(&[film.as_path()]).await?;
    worker.saved("/g/v").await?;
    plays(&worker, "[data-path='/g/v']", "video").await?;

    let paper = worker.file("paper.pdf", b"%PDF-1.4 paper")?;
    let input = worker.page.the(By::css("[data-path='/g/f'] input[type='file']")).await?;
    input.set_files(&[paper.as_path()]).await?;
    worker.saved("/g/f").await?;
    worker.page.says("PDF · 1 KB").await?;

    // Marks on a photo are red, and on the photo.
    let photo = worker.file("photo.jpg", &pictures::photo(9, 1200, 900)?)?;
    worker.photograph("/g/m", &photo).await?;
    let image = "[data-path='/g/m'] img";
    let before = pixels_like(&worker, image, [196, 40, 27]).await?;
    let address = worker.page.the(By::css(image)).await?.attribute("src").await?;
    worker.press_in("/g/m", "在照片上标注").await?;
    worker.draw_on("dialog[open] canvas").await?;
    worker.press_button("完成").await?;
    worker.page.gone(By::css("dialog[open]")).await?;
    let fresh = format!("document.querySelector({}).src !== {}", json!(image), json!(address));
    worker.page.until(&fresh).await?;
    let after = pixels_like(&worker, image, [196, 40, 27]).await?;
    ensure!(after > before + 200, "{before} red pixels, then {after}");

    // A sketch in blue: the second stroke is taken back, the first stays.
    worker.press_in("/g/d", "画图").await?;
    worker.page.click(By::role("button", "蓝色")).await?;
    worker.draw_on("dialog[open] canvas").await?;
    worker.page.click(By::role("button", "红色")).await?;
    worker.draw_on("dialog[open] canvas").await?;
    worker.press_button("撤销一笔").await?;
    worker.press_button("完成").await?;
    worker.saved("/g/d").await?;
    let sketch = "[data-path='/g/d'] img";
    worker.page.the(By::css(sketch)).await?;
    ensure!(pixels_like(&worker, sketch, [27, 85, 196]).await? > 50, "the blue stroke is there");
    ensure!(pixels_like(&worker, sketch, [196, 40, 27]).await? == 0, "the red stroke is gone");

    worker.write("/g/b", "6901234567892").await?;
    worker.press_button("下一步").await?;
    worker.press_button("完成并提交").await?;
    worker.will_say("待审核").await?;

    // The reviewer hears, sees and saves what the worker captured.
    let entry = stage.scene.office("supervisor").await?.queue().await?;
    let submission = entry.first().context("it waits")?.submission_id;
    let media = async || {
        let detail = stage.scene.office("supervisor").await?.submission(submission).await?;
        Ok(detail.media.iter().all(|media| media.stored).then_some(()))
    };
    doorstep_tests::wait::until("all files to arrive", media).await?;
    let supervisor = Handset::unpack(&stage.scene.server.base_url(), Screen::Desk).await?;
    supervisor.log_in("supervisor").await?;
    supervisor.go_to("/queue").await?;
    supervisor.page.click(by_id(submission)).await?;
    supervisor.press_in("/g/a", "播放").await?;
    plays(&supervisor, "[data-path='/g/a']", "audio").await?;
    supervisor.press_in("/g/v", "播放").await?;
    plays(&supervisor, "[data-path='/g/v']", "video").await?;
    supervisor.press_in("/g/f", "取文件").await?;
    let folder = tempfile::tempdir()?;
    let wish = json!({ "behavior": "allow", "downloadPath": folder.path() });
    supervisor.page.command("Page.setDownloadBehavior", wish).await?;
    supervisor.page.click(By::css("[data-path='/g/f'] a[download$='.pdf']")).await?;
    doorstep_tests::wait::until("the papers on the disk", async || {
        let files = std::fs::read_dir(folder.path())?.collect::<std::io::Result<Vec<_>>>()?;
        let saved =
            files.first().filter(|file| file.path().extension().is_some_and(|ending| ending == "pdf"));
        let bytes = saved.map(|file| std::fs::read(file.path())).transpose()?;
        Ok(bytes.filter(|bytes| bytes == b"%PDF-1.4 paper"))
    })
    .await?;
    supervisor.page.says("6901234567892").await?;
    for path in ["/g/m", "/g/d"] {
        supervisor.page.the(By::css(format!("[data-path='{path}'] img[src^='/files/']"))).await?;
    }
    Album::of("1280-zh").take(&supervisor, "submission-files").await?;
    supervisor.page.viewport(360, 740, true).await?;
    Album::of("360-zh").take(&supervisor, "submission-files").await?;
    worker.assert_no_errors();
    supervisor.assert_no_errors();
    Ok(())
}

/// What Chromium has on phones and lacks here: reads a code as soon as the
/// camera shows a picture. Remembers the cameras.
pub(super) const READER: &str = "
    window.cameras = [];
    const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (wish) => {
        const stream = await ask(wish);
        window.cameras.push(stream);
        return stream;
    };
    window.BarcodeDetector = class {
        async detect(film) {
            if (film.videoWidth === 0) throw new DOMException('no picture yet', 'InvalidStateError');
            const canvas = new OffscreenCanvas(film.videoWidth, film.videoHeight);
            const pen = canvas.getContext('2d');
            pen.drawImage(film, 0, 0);
            const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
            return data.some((value, at) => at % 4 !== 3 && value > 40) ? [{ rawValue: '6901234567892' }] : [];
        }
    };
";

#[tokio::test]
async fn a_code_is_scanned_where_the_browser_can_and_typed_where_not() -> Result<()> {
    let stage = Stage::set().await?;
    let worker = filling(&stage, CAPTURES, Screen::Phone).await?;
    let can: bool = worker.page.evaluate("typeof BarcodeDetector === 'function'").await?;
    let scan = By::role("button", "扫码");
    assert_eq!(!worker.page.all(&scan).await?.is_empty(), can, "the button is there where it works");
    worker.write("/g/b", "690 1").await?;

    let script = json!({ "source": READER });
    worker.page.command("Page.addScriptToEvaluateOnNewDocument", script).await?;
    worker.page.reload().await?;
    worker.unlock().await?;
    assert_eq!(worker.written("/g/b").await?, "690 1");
    worker.page.click(scan.clone()).await?;
    worker
        .page
        .until("document.querySelector(\"[data-path='/g/b'] input\").value === '6901234567892'")
        .await?;
    worker.page.gone(By::css("dialog[open]")).await?;
    worker.saved("/g/b").await?;
    let off = "cameras.length > 0 && cameras.every((camera) => camera.getTracks().every((track) => track.readyState === 'ended'))";
    worker.page.until(off).await?;

    // Whoever closes it before lets the camera go, too.
    worker.page.evaluate::<Option<()>>("void (BarcodeDetector.prototype.detect = async () => [])").await?;
    worker.page.click(scan).await?;
    worker.page.until("cameras.length === 2").await?;
    worker.press_button("取消").await?;
    worker.page.until(off).await?;
    assert_eq!(worker.written("/g/b").await?, "6901234567892");
    worker.assert_no_errors();
    Ok(())
}

#[tokio::test]
async fn every_place_arrives_also_from_a_phone_that_does_not_move() -> Result<()> {
    let stage = Stage::set().await?;
    let worker = filling(&stage, PLACES, Screen::Phone).await?;
    // Wants a metre and gets eight: it goes on listening.
    worker.press_in("/g/p", "在这里定位").await?;
    worker.page.says("误差约 8 米,等待更准的位置").await?;
    for (path, points) in [("/g/t", 4), ("/g/s", 3)] {
        for point in 1..=points {
            worker.press_in(path, "添加当前位置").await?;
            let there = format!(
                "document.querySelectorAll(\"[data-path='{path}'] .track__point\").length === {point}"
            );
            worker.page.until(&there).await?;
        }
    }
    worker.press_in("/g/p", "就用这个位置").await?;
    worker.saved("/g/p").await?;
    // Again at once, without a pause that a browser could use.
    for _ in 0..3 {
        worker.press_in("/g/p", "清除").await?;
        worker.page.says("还没有定位").await?;
        worker.press_in("/g/p", "在这里定位").await?;
        worker.press_in("/g/p", "就用这个位置").await?;
        worker.page.the(By::css("[data-path='/g/p'] .place__measured")).await?;
    }
    worker.assert_no_errors();
    Ok(())
}

#[tokio::test]
async fn an_order_is_made_by_finger_and_by_keys() -> Result<()> {
    an_order(Screen::Phone).await
}

#[tokio::test]
async fn an_order_is_made_by_mouse_and_by_keys() -> Result<()> {
    an_order(Screen::Desk).await
}

async fn an_order(screen: Screen) -> Result<()> {
    let stage = Stage::set().await?;
    let worker = filling(&stage, ORDER, screen).await?;
    let order = async || -> Result<String> {
        worker
            .page
            .evaluate(
                "Array.from(document.querySelectorAll('.rank__line'), line => line.dataset.value).join(' ')",
            )
            .await
    };
    assert_eq!(order().await?, "meal bath tidy care");
    // From the first place to the third, along the edge of the list.
    let grip = |value: &str| format!(".rank__line[data-value='{value}'] .rank__grip");
    worker.drag(&grip("meal"), &grip("tidy"), 0.0).await?;
    worker.saved("/g/r").await?;
    assert_eq!(order().await?, "bath tidy meal care");
    // A finger slips off the handle, to the words.
    worker.drag(&grip("care"), &grip("bath"), 120.0).await?;
    worker.page.until("document.querySelector('.rank__line').dataset.value === 'care'").await?;
    assert_eq!(order().await?, "care bath tidy meal");
    // And beyond the end of the list.
    worker.drag(&grip("care"), ".actions", 0.0).await?;
    worker.page.until("document.querySelector('.rank__line').dataset.value === 'bath'").await?;
    assert_eq!(order().await?, "bath tidy meal care");
    ensure!(worker.page.all(&By::css(".rank__line--held")).await?.is_empty(), "nothing is held any more");

    // By keys: the focus goes with the line.
    let up = "document.querySelector(\"[aria-label='把“陪同就医”上移']\")";
    worker.page.evaluate::<Option<()>>(&format!("{up}.focus()")).await?;
    for (key, expected) in [
        ("ArrowUp", "bath tidy care meal"),
        ("ArrowUp", "bath care tidy meal"),
        ("ArrowDown", "bath tidy care meal"),
        ("Enter", "bath tidy meal care"),
    ] {
        worker.page.press(key).await?;
        let there = format!(
            "Array.from(document.querySelectorAll('.rank__line'), line => line.dataset.value).join(' ') === {}",
            json!(expected)
        );
        worker.page.until(&there).await.with_context(|| format!("{key}: {expected}"))?;
        worker
            .page
            .until("document.activeElement.closest('.rank__line')?.dataset.value === 'care'")
            .await
            .with_context(|| format!("the focus after {key}"))?;
    }
    worker.page.says("“陪同就医”现在排第 4").await?;
    worker.press_in("/g/r", "清除").await?;
    worker.page.says("就按这个顺序").await?;
    worker.assert_no_errors();
    Ok(())
}
