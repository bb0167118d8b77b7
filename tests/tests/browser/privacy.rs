//! Nothing personal is on the phone's disk in the clear.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use doorstep_tests::cdp::By;
use serde_json::json;

use super::handset::{Handset, Screen, by_id};
use super::stage::{ELDER, Stage};

/// Everything that a page of the origin can read from its storage, as places
/// in which one of the needles occurs, and how many values were looked at.
const SEARCH: &str = r"(async (needles) => {
    const found = [], decoder = new TextDecoder();
    let values = 0;
    const look = (place, value, depth) => {
        values += 1;
        const texts = [];
        if (typeof value === 'string') texts.push(value);
        else if (value instanceof ArrayBuffer) texts.push(decoder.decode(value));
        else if (ArrayBuffer.isView(value)) texts.push(decoder.decode(value));
        else if (value && typeof value === 'object' && depth < 6) {
            for (const [name, member] of Object.entries(value)) { look(place, name, 9); look(place, member, depth + 1); }
        }
        for (const text of texts) for (const needle of needles) if (text.includes(needle)) found.push(`${needle} in ${place}`);
    };
    const done = (request) => new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
    });
    let rows = 0;
    for (const { name } of await indexedDB.databases()) {
        const database = await done(indexedDB.open(name));
        for (const store of database.objectStoreNames) {
            const table = database.transaction(store).objectStore(store);
            const [keys, entries] = [await done(table.getAllKeys()), await done(table.getAll())];
            rows += entries.length;
            keys.forEach((key) => look(`${name}/${store} key`, key, 0));
            entries.forEach((entry) => look(`${name}/${store}`, entry, 0));
        }
        database.close();
    }
    for (const [place, storage] of [['localStorage', localStorage], ['sessionStorage', sessionStorage]]) {
        for (let index = 0; index < storage.length; index += 1) {
            const key = storage.key(index);
            look(place, key, 0); look(place, storage.getItem(key), 0);
        }
    }
    for (const name of await caches.keys()) {
        const cache = await caches.open(name);
        for (const request of await cache.keys()) {
            look(`cache ${name}`, request.url, 0);
            look(`cache ${request.url}`, await (await cache.match(request)).arrayBuffer(), 0);
        }
    }
    look('title', document.title, 0);
    return { found, values, rows };
})";

/// Fields whose contents the browser keeps for a restored session.
const KEPT_BY_THE_BROWSER: &str = r#"[...document.querySelectorAll('input:not([type=file]), textarea, select')]
    .filter((field) => field.getAttribute('autocomplete') !== 'off').map((field) => field.outerHTML)"#;

#[derive(serde::Deserialize)]
struct Searched {
    found: Vec<String>,
    values: usize,
    rows: usize,
}

async fn search(person: &Handset, needles: &[&str]) -> Result<Searched> {
    person.page.evaluate(&format!("{SEARCH}({})", json!(needles))).await
}

/// Files below `folder` that hold one of the needles, in UTF-8 or UTF-16.
fn on_the_disk(folder: &Path, needles: &[&str]) -> Result<(Vec<String>, usize)> {
    let (mut found, mut files) = (Vec::new(), 0);
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            let (more, count) = on_the_disk(&path, needles)?;
            found.extend(more);
            files += count;
            continue;
        }
        // Sockets and links to processes are no files.
        let Ok(bytes) = std::fs::read(&path) else { continue };
        files += 1;
        for needle in needles {
            let wide: Vec<u8> = needle.encode_utf16().flat_map(u16::to_le_bytes).collect();
            for pattern in [needle.as_bytes(), &wide] {
                if bytes.windows(pattern.len()).any(|window| window == pattern) {
                    found.push(format!("{needle} in {}", path.display()));
                }
            }
        }
    }
    Ok((found, files))
}

#[tokio::test]
async fn nothing_personal_is_on_the_disk_in_the_clear() -> Result<()> {
    let stage = Stage::set().await?;
    let worker = Handset::unpack(&stage.gate.base_url(), Screen::Phone).await?;
    worker.log_in("grid_worker").await?;
    worker.ready_for_the_field(stage.elder).await?;
    stage.gate.cut();
    worker.page.click(by_id(stage.elder)).await?;
    worker.press_button("开始走访").await?;
    worker.page.the(By::css("[data-path='/e_name']")).await?;
    worker.next_to("/g_visit/met").await?;
    worker.choose("/g_visit/met", "refused").await?;
    let remark = "独一无二的说明文字";
    worker.write("/g_visit/unmet_note", remark).await?;
    let needles = [ELDER, remark, "一组1号", "13800000001", "王示例"];
    worker.page.says(ELDER).await?;

    let searched = search(&worker, &needles).await?;
    assert_eq!(searched.found, Vec::<String>::new());
    let (rows, values) = (searched.rows, searched.values);
    ensure!(rows >= 10 && values > 50, "the store is full: {rows} rows with {values} values");
    // The search does find what is there: a draft has its identifier in a key.
    let address = worker.page.address().await?;
    let draft = address.trim_start_matches("/fill/").split(['/', '?', '#']).next().unwrap_or_default();
    ensure!(!draft.is_empty(), "a draft is open at {address}");
    let known = search(&worker, &[draft]).await?;
    ensure!(!known.found.is_empty(), "the search would find something");

    // The browser would write what is in a field to its session files, sooner
    // or later, if the field did not forbid it.
    let kept: Vec<String> = worker.page.evaluate(KEPT_BY_THE_BROWSER).await?;
    assert_eq!(kept, Vec::<String>::new());

    let profile = worker.put_away().await?;
    let (found, files) = on_the_disk(profile.path(), &needles).context("reading the profile")?;
    assert_eq!(found, Vec::<String>::new());
    ensure!(files > 10, "a profile of {files} files");
    Ok(())
}
