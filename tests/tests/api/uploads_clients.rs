//! Other people's clients of tus, as black boxes: tus-js-client and tuspy
//! upload through a network that is cut at random bytes, and the requests of
//! both are put to the reference server, to compare.
//!
//! They come from the public registries into a folder of the cache; where
//! that is not to be had, the tests say so and pass. `DOORSTEP_TEST_CUTS`:
//! how often the network is cut (`cargo xtask test` takes the short form).

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use doorstep::clock::Clock;
use doorstep::db::entity::media;
use doorstep::media::sweep;
use doorstep_tests::caller::Caller;
use doorstep_tests::gate::{Gate, Mode};
use doorstep_tests::pictures;
use doorstep_tests::scene::Scene;
use doorstep_tests::server::World;
use doorstep_tests::tus::{OFFSET_BYTES, Uploader};
use reqwest::Method;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::uploads::{announce, arrived, originals, pieces};

const NPM: [&str; 3] = ["tus-js-client@4.3.1", "@tus/server@2.4.5", "@tus/file-store@2.1.1"];
const PYPI: &str = "tuspy==1.1.0";
const CUTS: u64 = 40;
const FILES_OF_A_PHONE: usize = 42;

/// Where the clients are; nothing where they cannot be had.
async fn clients() -> Result<Option<PathBuf>> {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")));
    let Some(folder) = cache.map(|cache| cache.join("doorstep/tus-clients")) else { return Ok(None) };
    tokio::fs::create_dir_all(&folder).await?;
    // Tests run side by side: one of them installs.
    let _turn = INSTALLING.lock().await;
    let ready = folder.join("ready-1");
    if !ready.is_file() {
        tokio::fs::write(folder.join("package.json"), "{ \"private\": true, \"type\": \"module\" }\n")
            .await?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-fund", "--no-audit"]).args(NPM).current_dir(&folder);
        let mut environment = Command::new("python3");
        environment.args(["-m", "venv", "python"]).current_dir(&folder);
        let mut pip = Command::new(folder.join("python/bin/pip"));
        pip.args(["install", "--quiet", PYPI]).current_dir(&folder);
        for mut command in [npm, environment, pip] {
            let installed = command.stdin(Stdio::null()).kill_on_drop(true).output();
            let outcome = tokio::time::timeout(std::time::Duration::from_secs(120), installed).await;
            if !matches!(&outcome, Ok(Ok(output)) if output.status.success()) {
                say("skipped: npm and pip cannot install tus-js-client, @tus/server and tuspy here");
                return Ok(None);
            }
        }
        tokio::fs::write(&ready, "").await?;
    }
    for script in ["tus.mjs", "tus.py", "server.mjs"] {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/clients").join(script);
        tokio::fs::copy(from, folder.join(script)).await?;
    }
    Ok(Some(folder))
}

static INSTALLING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[expect(clippy::print_stdout, reason = "why a test did nothing")]
fn say(text: &str) {
    println!("{text}");
}

/// Random numbers that a seed gives again (Vigna's splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end.max(1)
    }
}

async fn run(program: &Path, script: &str, jobs: &serde_json::Value, folder: &Path) -> Result<()> {
    let list = folder.join(format!("jobs-{}.json", uuid::Uuid::new_v4()));
    tokio::fs::write(&list, jobs.to_string()).await?;
    let output = Command::new(program)
        .arg(folder.join(script))
        .arg(&list)
        .current_dir(folder)
        .env_remove("http_proxy")
        .env_remove("HTTP_PROXY")
        .kill_on_drop(true)
        .output()
        .await?;
    tokio::fs::remove_file(&list).await?;
    ensure!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Cuts the network at a random byte of requests or answers, again and again.
async fn cut_at_random(gate: &Gate, dice: &mut Dice, cuts: u64) {
    for _ in 0..cuts {
        let mode = match dice.below(4) {
            0 => Mode::CutAfter { answer_bytes: dice.below(600) },
            _ => Mode::CutAfterSent { request_bytes: dice.below(60_000) },
        };
        gate.set(mode);
        while gate.mode() != Mode::Cut {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        // So long that whoever was connected has noticed.
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    gate.open();
}

#[tokio::test]
async fn other_clients_lose_nothing_however_often_the_line_is_cut() -> Result<()> {
    let Some(folder) = clients().await? else { return Ok(()) };
    let cuts: u64 = match std::env::var("DOORSTEP_TEST_CUTS") {
        Ok(cuts) => cuts.parse().context("DOORSTEP_TEST_CUTS is no number")?,
        Err(_) => CUTS,
    };
    let mut world = World::create().await?;
    world.clock = Clock::system();
    let scene = Scene::start_in(world).await?;
    let gate = Gate::before(scene.server.address)?;
    let mut dice = Dice(20_261_128);
    // Few logins: who comes in often is told to wait.
    let (mut phone, reader) = (scene.phone("grid_worker").await?, scene.caller("supervisor").await?);
    let mut files: Vec<(Uploader, Vec<u8>)> = Vec::new();
    let (mut cut, mut phones) = (0, 1);
    while cut < cuts {
        // One push has at most fifty visits, and this one sends all of them again.
        if files.len() >= FILES_OF_A_PHONE * phones {
            phone = scene.phone("grid_worker").await?;
            phones += 1;
        }
        let mut jobs = Vec::new();
        for number in 0..6 {
            let photo = pictures::photo(uuid::Uuid::new_v4().as_fields().0, 640, 480)?;
            let uploader = announce(&scene, &phone, photo.clone(), "image/jpeg").await?;
            let path = folder.join(format!("{}.jpg", uploader.id));
            tokio::fs::write(&path, &photo).await?;
            jobs.push(json!({
                "url": format!("{}{}", gate.base_url(), uploader.address()),
                "token": uploader.caller.token,
                "path": path,
                "chunk_bytes": if number % 2 == 0 { json!(null) } else { json!(30_000) },
                "with_creation": number % 3 == 0,
            }));
            files.push((uploader, photo));
        }
        let more = (cuts - cut).min(25);
        let python = jobs.split_off(3);
        let uploads = async {
            run(Path::new("node"), "tus.mjs", &jobs.into(), &folder).await?;
            run(&folder.join("python/bin/python"), "tus.py", &python.into(), &folder).await
        };
        tokio::pin!(uploads);
        let cutting = async {
            let mut done = 0;
            while done < more {
                cut_at_random(&gate, &mut dice, 1).await;
                done += 1;
                cut += 1;
            }
            gate.open();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            outcome = &mut uploads => outcome?,
            () = cutting => {}
        }
        gate.open();
    }
    for (uploader, photo) in &files {
        arrived(&reader, uploader, photo).await?;
        tokio::fs::remove_file(folder.join(format!("{}.jpg", uploader.id))).await?;
    }
    sweep(&scene.server.components).await?;
    let kept = media::Entity::find().count(scene.server.components.database.read()).await?;
    assert_eq!(usize::try_from(kept)?, files.len(), "none twice");
    assert_eq!(originals(&scene).await?, files.len(), "no orphan remains");
    assert_eq!(pieces(&scene).await?, 0, "no piece remains");
    Ok(())
}

/// One request and what is compared of its answer.
async fn ask(
    caller: &Caller,
    method: Method,
    address: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<(u16, Option<String>)> {
    let mut request = caller.request(method, address).body(body.to_vec());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = caller.send(request).await?;
    Ok((answer.status, answer.header("upload-offset").map(str::to_owned)))
}

/// The life of an upload of ten bytes, step by step.
async fn life(
    caller: &Caller,
    collection: &str,
    address: Option<&str>,
) -> Result<Vec<(u16, Option<String>)>> {
    const RESUMABLE: (&str, &str) = ("tus-resumable", "1.0.0");
    const TYPE: (&str, &str) = ("content-type", OFFSET_BYTES);
    let at = |offset: &'static str| [RESUMABLE, TYPE, ("upload-offset", offset)];
    let request = caller.request(Method::POST, address.unwrap_or(collection));
    let created = request.header(RESUMABLE.0, RESUMABLE.1).header("upload-length", "10");
    let created = caller.send(created).await?;
    let location = created.header("location").context("a location")?.to_owned();
    let address = location.find("/files").and_then(|at| location.get(at..)).context("an address")?;
    let mut steps = vec![(created.status, None)];
    let plain = [RESUMABLE];
    steps.push(ask(caller, Method::HEAD, address, &plain, &[]).await?);
    steps.push(ask(caller, Method::PATCH, address, &at("0"), b"01234").await?);
    steps.push(ask(caller, Method::HEAD, address, &plain, &[]).await?);
    for offset in ["0", "7"] {
        let (status, _) = ask(caller, Method::PATCH, address, &at(offset), b"x").await?;
        steps.push((status, None));
    }
    let mistyped = [RESUMABLE, ("content-type", "text/plain"), ("upload-offset", "5")];
    steps.push(ask(caller, Method::PATCH, address, &mistyped, b"x").await?);
    steps.push(ask(caller, Method::PATCH, address, &[TYPE, ("upload-offset", "5")], b"x").await?);
    steps.push(ask(caller, Method::PATCH, address, &at("5"), b"56").await?);
    steps.push(ask(caller, Method::DELETE, address, &plain, &[]).await?);
    let (gone, _) = ask(caller, Method::HEAD, address, &plain, &[]).await?;
    steps.push((if gone == 410 { 404 } else { gone }, None));
    Ok(steps)
}

#[tokio::test]
async fn the_reference_server_answers_as_ours_does() -> Result<()> {
    let Some(folder) = clients().await? else { return Ok(()) };
    let store = tempfile::tempdir()?;
    let mut reference = Command::new("node")
        .arg(folder.join("server.mjs"))
        .arg(store.path())
        .current_dir(&folder)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut lines = BufReader::new(reference.stdout.take().context("its output")?).lines();
    let port = lines.next_line().await?.context("its port")?;
    let mut theirs = life(&Caller::new(format!("http://127.0.0.1:{port}"))?, "/files", None).await?;
    // The specification asks for 415 (§ PATCH); the reference server says 400.
    for step in theirs.iter_mut().filter(|step| step.0 == 400) {
        step.0 = 415;
    }
    let scene = Scene::start().await?;
    let file = super::uploads::announced_with(&scene, b"0123456789".to_vec(), "audio/webm").await?;
    let ours = life(&file.uploader.caller, "/files", Some(&file.uploader.address())).await?;
    assert_eq!(ours, theirs);
    reference.kill().await?;
    Ok(())
}
