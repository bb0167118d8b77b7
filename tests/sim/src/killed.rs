//! The server as a process of its own, ended over and over under load with
//! SIGKILL, on the database that `TEST_DATABASE_URL` names, or on SQLite:
//! nothing that it acknowledged may be missing.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use doorstep::app::{self, Components};
use doorstep::clock::Clock;
use doorstep::config::Config;
use doorstep::db::entity::{media, operation};
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::OperationId;
use doorstep_core::phone::MediaState;
use doorstep_tests::bucket;
use doorstep_tests::caller::Caller;
use doorstep_tests::database::TestDatabase;
use doorstep_tests::phone::TestPhone;
use doorstep_tests::wait::until;
use futures::future::join_all;
use object_store::ObjectStoreExt;
use object_store::path::Path as StoreKey;
use sea_orm::EntityTrait;
use tempfile::TempDir;

use crate::county::{self, PASSWORD, login_name};
use crate::dice::Dice;
use crate::office::enter;
use crate::parallel::{capture, taken_once};
use crate::{check, parked};

const PHONES: usize = 5;
const CASES: usize = 6;
/// The server lives at most so long.
const LIFE_MS: usize = 500;
/// A server that is there says so at once.
const READY_WITHIN: Duration = Duration::from_secs(5);
/// Syncs until a phone has to be done, once nobody ends the server any more.
const LAST_SYNCS: usize = 5;

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// What must not be. Empty is how it must be.
    pub wrong: Vec<String>,
    /// Acknowledged before the last time that the server was ended.
    pub visits: usize,
    pub files: usize,
    /// Syncs that the end of the server broke off.
    pub broken_off: usize,
}

/// What the server acknowledged.
#[derive(Debug, Default)]
struct Word {
    operations: BTreeMap<OperationId, ContentHash>,
    files: BTreeMap<ContentHash, ()>,
}

/// A server's process, and where it keeps what it has.
pub(crate) struct Process {
    binary: PathBuf,
    data: TempDir,
    database: TestDatabase,
    media_url: Option<String>,
    address: SocketAddr,
    child: Option<Child>,
}

impl Process {
    /// One that does not run yet, with an empty database and an empty store.
    pub(crate) async fn make(binary: &Path) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        drop(listener);
        Ok(Self {
            binary: binary.to_owned(),
            data: county::scratch()?,
            database: TestDatabase::create().await?,
            media_url: bucket::of_a_test(),
            address,
            child: None,
        })
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn config(&self) -> Config {
        Config {
            listen: self.address,
            data: self.data.path().to_owned(),
            database_url: Some(self.database.url().to_owned()),
            media_url: self.media_url.clone(),
            ..Config::default()
        }
    }

    pub(crate) async fn start(&mut self) -> Result<()> {
        let child = Command::new(&self.binary)
            .arg("serve")
            .args(["--listen", &self.address.to_string()])
            .args(["--database-url", self.database.url()])
            .arg("--data")
            .arg(self.data.path())
            .args(self.media_url.iter().flat_map(|url| ["--media-url", url]))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("{} cannot be started", self.binary.display()))?;
        self.child = Some(child);
        let caller = Caller::with_timeout(format!("http://{}", self.address), READY_WITHIN)?;
        until("the server to be ready", async || {
            let answer = caller.get("/readyz").await.ok();
            Ok(answer.filter(|answer| answer.status == 200).map(drop))
        })
        .await
    }

    /// SIGKILL: it has no last word.
    pub(crate) fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().context("the server cannot be ended")?;
            child.wait().context("the server cannot be waited for")?;
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Whoever asserted something has said so; nothing is left running.
        let _ = self.kill();
    }
}

/// Ends the server `kills` times while phones send. `binary` is this
/// package's program, which serves when it is told to ([`serve`]).
///
/// # Errors
/// When the server does not start again, or a phone does what it must not.
pub async fn run(binary: &Path, seed: u64, kills: usize) -> Result<Report> {
    let mut process = Process::make(binary).await?;
    let clock = Clock::system();
    let mut dice = Dice::new(seed);
    prepare(&process.config(), &clock, &mut dice).await?;
    process.start().await?;
    let mut phones = Vec::new();
    for number in 0..PHONES {
        phones.push(TestPhone::log_in(&process.base_url(), &clock, &login_name(number), PASSWORD).await?);
    }
    for phone in &phones {
        let report = phone.try_sync().await?;
        ensure!(report.failure.is_none(), "the first sync: {report:?}");
    }

    let (word, report, over) =
        (RefCell::new(Word::default()), RefCell::new(Report::default()), Cell::new(false));
    let sending = join_all(phones.iter().map(|phone| {
        let mut dice = Dice::new(dice.number());
        let (word, report, over) = (&word, &report, &over);
        async move {
            while !over.get() {
                capture(phone, &mut dice).await?;
                if phone.try_sync().await?.failure.is_some() {
                    report.borrow_mut().broken_off += 1;
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                note(phone, word).await?;
            }
            anyhow::Ok(())
        }
    }));
    let mut killing_dice = Dice::new(dice.number());
    let killing = async {
        for _ in 0..kills {
            tokio::time::sleep(Duration::from_millis(killing_dice.below(LIFE_MS) as u64)).await;
            process.kill()?;
            process.start().await?;
        }
        anyhow::Ok(())
    };
    let (sent, killed) = futures::future::join(sending, async {
        let killed = killing.await;
        over.set(true);
        killed
    })
    .await;
    killed?;
    sent.into_iter().collect::<Result<Vec<()>>>()?;
    let word = word.into_inner();
    let mut report = report.into_inner();
    report.visits = word.operations.len();
    report.files = word.files.len();
    for phone in &phones {
        let mut left = None;
        for _ in 0..LAST_SYNCS {
            left = phone.try_sync().await?.failure;
        }
        report.wrong.extend(left.map(|failure| format!("a sync at the end: {failure:?}")));
        if phone.wire.repairs.get() > 0 {
            report.wrong.push("a phone had to pull streams again".to_owned());
        }
    }
    process.kill()?;
    let components = Components::open(&process.config(), clock).await?;
    doorstep::sync::retry_everything(&components).await?;
    report.wrong.extend(missing(&components, &word).await?);
    report.wrong.extend(taken_once(&components, &phones).await?);
    report.wrong.extend(parked::applicable(&components).await?);
    report.wrong.extend(check::ledger(&components).await?);
    report.wrong.extend(check::streams(&components).await?);
    components.database.close().await;
    Ok(report)
}

/// The county, its people and its cases.
pub(crate) async fn prepare(config: &Config, clock: &Clock, dice: &mut Dice) -> Result<()> {
    let components = Components::open(config, clock.clone()).await?;
    let hash = county::password_hash()?;
    Box::pin(county::found(&components, &hash)).await?;
    county::employ(&components, PHONES, &hash).await?;
    for number in 0..CASES {
        let id = dice.id(clock.now()).into();
        enter(&components, id, county::grid(number), format!("老人{number}")).await?;
    }
    components.database.close().await;
    Ok(())
}

/// Notes what the phone was told is safe.
async fn note(phone: &TestPhone, word: &RefCell<Word>) -> Result<()> {
    let (operations, files) = (phone.phone.operations().await?, phone.phone.media().await?);
    let mut word = word.borrow_mut();
    for entry in operations.into_iter().filter(|entry| entry.is_acknowledged()) {
        word.operations.insert(entry.operation.op_id, ContentHash::of_json(&entry.operation.body));
    }
    for file in files.into_iter().filter(|file| file.state == MediaState::Stored) {
        word.files.insert(file.sha256, ());
    }
    Ok(())
}

/// What the server gave its word for and has not.
async fn missing(components: &Components, word: &Word) -> Result<Vec<String>> {
    let connection = components.database.read();
    let rows = operation::Entity::find().all(connection).await?;
    let held: BTreeMap<OperationId, ContentHash> =
        rows.into_iter().map(|row| (row.op_id, ContentHash::of(row.body.as_bytes()))).collect();
    let mut wrong = Vec::new();
    for (op_id, sha256) in &word.operations {
        if held.get(op_id) != Some(sha256) {
            wrong.push("a visit that was acknowledged is not there".to_owned());
        }
    }
    for sha256 in word.files.keys() {
        let row = media::Entity::find_by_id(sha256.clone()).one(connection).await?;
        let bytes = match row {
            None => None,
            Some(row) => match components.media.get(&StoreKey::from(row.store_key)).await {
                Ok(object) => object.bytes().await.ok(),
                Err(_) => None,
            },
        };
        if bytes.is_none_or(|bytes| ContentHash::of(&bytes) != *sha256) {
            wrong.push("a file that was acknowledged is not there".to_owned());
        }
    }
    Ok(wrong)
}

/// What the program does when it is the server: what `doorstep serve` does.
///
/// # Errors
/// When the server does not start.
pub async fn serve(config: &Config) -> Result<()> {
    let listener = app::listen(config.listen)?;
    let components = Components::open(config, Clock::system()).await?;
    Ok(app::build(components, listener, None)?.run().await?)
}
