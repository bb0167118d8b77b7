//! `cargo xtask bench sync`: how long a phone with thousands of cases takes,
//! behind a mobile network and with a processor six times slower than this
//! one. `DOORSTEP_BENCH_CASES` says how many cases, by commas.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use doorstep_tests::cdp::By;
use doorstep_tests::county::{PASSWORD, Place};
use doorstep_tests::gate::{Line, Mode};
use serde::Deserialize;
use serde_json::json;

use super::handset::{Handset, Screen};
use super::stage::Stage;

const CASES: &str = "DOORSTEP_BENCH_CASES";
/// Set: where the time goes is printed as well.
const PROFILE: &str = "DOORSTEP_BENCH_PROFILE";
const NETWORKS: [(&str, Line); 3] = [("2G", Line::G2), ("3G", Line::G3), ("4G", Line::G4)];
pub(super) const SLOWER: u32 = 6;

/// What one network came to.
struct Figures {
    network: &'static str,
    first: Traffic,
    idle: Traffic,
    unlock: Duration,
    /// From a letter to the list on the screen, the slowest of some.
    search: Duration,
}

struct Traffic {
    took: Duration,
    up_bytes: u64,
    down_bytes: u64,
    requests: u64,
}

#[tokio::test]
#[ignore = "a benchmark: cargo xtask bench sync"]
#[expect(clippy::print_stdout, reason = "a benchmark's table")]
async fn sync_of_thousands_of_cases() -> Result<()> {
    let wanted = std::env::var(CASES).unwrap_or_else(|_| "3000,10000".to_owned());
    for cases in wanted.split(',') {
        let cases: usize = cases.trim().parse().with_context(|| format!("{CASES}: {cases} is no number"))?;
        let stage = Stage::set().await?;
        fill(&stage, cases).await?;
        println!("\n{cases} cases, processor {SLOWER} times slower");
        println!(
            "{:<4} {:>10} {:>10} {:>8} {:>9} | {:>9} {:>8} {:>9} | {:>8} {:>8}",
            "",
            "first s",
            "down KB",
            "up KB",
            "requests",
            "no news s",
            "bytes",
            "requests",
            "unlock s",
            "search ms"
        );
        for (network, line) in NETWORKS {
            let figures = measure(&stage, network, line).await?;
            println!("{figures}");
        }
    }
    Ok(())
}

/// Elders as a county has them: no two the same.
async fn fill(stage: &Stage, cases: usize) -> Result<()> {
    const FAMILY: [&str; 12] = ["王", "李", "张", "刘", "陈", "杨", "黄", "赵", "周", "吴", "徐", "孙"];
    const GIVEN: [&str; 16] = [
        "秀英", "桂兰", "建国", "玉珍", "德明", "淑华", "永福", "凤琴", "长顺", "兰芳", "志强", "春梅",
        "文斌", "翠萍", "国庆", "金花",
    ];
    const RISK: [&str; 3] = ["green", "yellow", "red"];
    for number in 0..cases {
        // Spread, so that neighbours differ as people do.
        let spread = number.wrapping_mul(7_919) % 100_003;
        let label = format!("{}{}示例", FAMILY[spread % 12], GIVEN[spread / 12 % 16]);
        let (born, phone) =
            (1930 + spread % 35, 13_000_000_000 + (spread as u64).wrapping_mul(7_121_933) % 999_999_999);
        let address = format!("{}组{}号", 1 + spread % 9, 1 + spread / 9 % 180);
        let id_number =
            format!("610199{born}{:02}{:02}{:03}X", 1 + spread % 12, 1 + spread % 28, spread % 1000);
        let properties = [
            ("birth_year", born.to_string()),
            ("sex", (1 + spread % 2).to_string()),
            ("phone", phone.to_string()),
            ("address", address),
            ("id_number", id_number),
            ("risk", RISK[spread % 3].to_owned()),
            ("emergency_phone", (phone + 1).to_string()),
        ];
        let properties: Vec<(&str, &str)> =
            properties.iter().map(|(name, value)| (*name, value.as_str())).collect();
        stage.scene.open_elder(Place::Grid, &label, &properties).await?;
    }
    Ok(())
}

async fn measure(stage: &Stage, network: &'static str, line: Line) -> Result<Figures> {
    stage.gate.open();
    let worker = Handset::unpack(&stage.gate.base_url(), Screen::Phone).await?;
    worker.page.the(By::label("账号")).await?;
    worker.page.until("navigator.serviceWorker.ready.then(found => found.active !== null)").await?;
    worker.page.command("Emulation.setCPUThrottlingRate", json!({ "rate": SLOWER })).await?;
    stage.gate.set(Mode::Line(line));
    worker.type_login("grid_worker", PASSWORD).await?;
    worker.page.says("请设置 6 位 PIN 码").await?;
    worker.type_pin().await?;
    worker.page.says("请再输入一次").await?;
    worker.page.evaluate::<Option<()>>("performance.clearResourceTimings()").await?;
    let before = (stage.gate.bytes_to_server(), stage.gate.bytes_to_client());
    worker.type_pin().await?;
    worker.page.the(By::css("nav.nav")).await?;
    let started = Instant::now();
    worker.page.the(By::css("ul.tally")).await?;
    worker.page.gone(By::css(".strip")).await?;
    let first = traffic(stage, &worker, before, started.elapsed()).await?;

    worker.go_to("/outbox").await?;
    worker.page.evaluate::<Option<()>>("performance.clearResourceTimings()").await?;
    let before = (stage.gate.bytes_to_server(), stage.gate.bytes_to_client());
    let started = Instant::now();
    worker.press_button("立即同步").await?;
    worker.page.until("performance.getEntriesByType('resource').length > 0").await?;
    worker
        .page
        .until(
            "!document.querySelector('.outbox__summary [aria-busy=true], .outbox__summary button:disabled')",
        )
        .await?;
    let idle = traffic(stage, &worker, before, started.elapsed()).await?;

    worker.go_to("/me").await?;
    worker.press_button("锁定").await?;
    worker.page.says("请输入 6 位 PIN 码").await?;
    stage.gate.cut();
    profile(&worker, true).await?;
    let started = Instant::now();
    worker.type_pin().await?;
    worker.page.the(By::css("nav.nav")).await?;
    worker.go_to("/").await?;
    worker.page.the(By::css(".search__input")).await?;
    worker.page.the(By::css("ul.tally")).await?;
    let unlock = started.elapsed();
    profile(&worker, false).await?;
    let search = search(&worker).await?;
    Ok(Figures { network, first, idle, unlock, search })
}

async fn traffic(stage: &Stage, worker: &Handset, before: (u64, u64), took: Duration) -> Result<Traffic> {
    Ok(Traffic {
        took,
        up_bytes: stage.gate.bytes_to_server() - before.0,
        down_bytes: stage.gate.bytes_to_client() - before.1,
        requests: worker
            .page
            .evaluate(
                "performance.getEntriesByType('resource').filter(entry => entry.name.includes('/api/')).length",
            )
            .await?,
    })
}

/// Types letter by letter; how long the slowest takes until it is drawn.
#[expect(clippy::print_stdout, reason = "a benchmark's table")]
async fn search(worker: &Handset) -> Result<Duration> {
    let field = worker.page.the(By::css(".search__input")).await?;
    field.type_text("王").await?;
    worker.page.the(By::css("[data-id]")).await?;
    profile(worker, true).await?;
    let took_ms: Vec<f64> = worker
        .page
        .evaluate(
            "(async () => {
                const field = document.querySelector('.search__input');
                const took = [];
                for (const words of [
                    '李', '李桂', '李桂兰', '1', '13', '138', '三', '5组', '5组12', 'l', 'lg', 'lgl', '王',
                ]) {
                    const before = performance.now();
                    field.value = words;
                    field.dispatchEvent(new Event('input', { bubbles: true }));
                    await new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn, 0)));
                    took.push(performance.now() - before);
                }
                return took;
            })()",
        )
        .await?;
    profile(worker, false).await?;
    let slowest_ms = took_ms.iter().copied().fold(0.0, f64::max);
    if std::env::var_os(PROFILE).is_some() {
        println!("search, ms: {took_ms:.0?}");
    }
    Ok(Duration::from_secs_f64(slowest_ms / 1000.0))
}

/// Begins to look where the time goes, or prints what was seen: functions of
/// the page by their own time. Those of the app have names in a build with
/// names (`cargo xtask bench sync --profile`), else numbers.
#[expect(clippy::print_stdout, reason = "a benchmark's table")]
async fn profile(worker: &Handset, begins: bool) -> Result<()> {
    if std::env::var_os(PROFILE).is_none() {
        return Ok(());
    }
    if begins {
        worker.page.command("Profiler.enable", json!({})).await?;
        worker.page.command("Profiler.setSamplingInterval", json!({ "interval": 500 })).await?;
        worker.page.command("Profiler.start", json!({})).await?;
        return Ok(());
    }
    let profile = worker.page.command("Profiler.stop", json!({})).await?;
    let nodes: Vec<Node> = serde_json::from_value(profile["profile"]["nodes"].clone())?;
    println!(
        "where the time goes, of {} samples of 0.5 ms:",
        nodes.iter().map(|node| node.hits).sum::<u64>()
    );
    println!("  {:>6} {:>6}", "itself", "in all");
    let mut functions: Vec<(&str, Share)> = shares(&nodes).into_iter().collect();
    functions.sort_by_key(|(_, share)| std::cmp::Reverse((share.in_all, share.itself)));
    for (name, share) in functions.iter().take(FUNCTIONS_MAX) {
        let name: String = name.chars().take(NAME_MAX).collect();
        println!("  {:>6} {:>6}  {name}", share.itself, share.in_all);
    }
    Ok(())
}

/// Functions that are told of, and letters of a name.
const FUNCTIONS_MAX: usize = 90;
const NAME_MAX: usize = 120;

/// A place in the tree of calls.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    id: u64,
    call_frame: CallFrame,
    #[serde(rename = "hitCount", default)]
    hits: u64,
    #[serde(default)]
    children: Vec<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CallFrame {
    function_name: String,
}

/// In how many samples a function was on top, and in how many at all.
#[derive(Default)]
struct Share {
    itself: u64,
    in_all: u64,
}

fn shares(nodes: &[Node]) -> BTreeMap<&str, Share> {
    let by_id: BTreeMap<u64, &Node> = nodes.iter().map(|node| (node.id, node)).collect();
    let called: BTreeSet<u64> = nodes.iter().flat_map(|node| &node.children).copied().collect();
    let mut shares = BTreeMap::new();
    // Each with those that called it, so that recursion counts once.
    let mut open: Vec<(&Node, Rc<BTreeSet<&str>>)> =
        nodes.iter().filter(|node| !called.contains(&node.id)).map(|node| (node, Rc::default())).collect();
    while let Some((node, callers)) = open.pop() {
        let mut names = BTreeSet::clone(&callers);
        names.insert(node.call_frame.function_name.as_str());
        for name in &names {
            shares.entry(*name).or_insert_with(Share::default).in_all += node.hits;
        }
        shares.entry(&node.call_frame.function_name).or_insert_with(Share::default).itself += node.hits;
        let names = Rc::new(names);
        let children = node.children.iter().filter_map(|id| by_id.get(id));
        open.extend(children.map(|child| (*child, Rc::clone(&names))));
    }
    shares
}

impl std::fmt::Display for Figures {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kilobytes = |bytes: u64| f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) / 1000.0;
        write!(
            formatter,
            "{:<4} {:>10.1} {:>10.1} {:>8.1} {:>9} | {:>9.1} {:>8} {:>9} | {:>8.1} {:>8.0}",
            self.network,
            self.first.took.as_secs_f64(),
            kilobytes(self.first.down_bytes),
            kilobytes(self.first.up_bytes),
            self.first.requests,
            self.idle.took.as_secs_f64(),
            self.idle.up_bytes + self.idle.down_bytes,
            self.idle.requests,
            self.unlock.as_secs_f64(),
            self.search.as_secs_f64() * 1000.0,
        )
    }
}
