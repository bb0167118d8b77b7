//! The server as a process of its own, ended with SIGKILL in the middle of
//! uploads by tus, with files in a folder or in the bucket that
//! `TEST_MEDIA_URL` names: what it said it has is there, every file that is
//! sent to its end arrives once and whole, and of what nobody goes on with
//! nothing is left after it expired.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::TimeDelta;
use doorstep::app::Components;
use doorstep::clock::Clock;
use doorstep::config::Config;
use doorstep::db::entity::{media, submission_media};
use doorstep::media::{EXPIRES_AFTER, sweep};
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{DraftId, MediaId, OperationId};
use doorstep_tests::phone::TestPhone;
use doorstep_tests::tus::Uploader;
use doorstep_tests::wait::until;
use futures::TryStreamExt;
use futures::future::join_all;
use object_store::ObjectStoreExt;
use sea_orm::EntityTrait;
use tokio::net::TcpStream;

use crate::county::{FORM, PASSWORD, login_name};
use crate::dice::Dice;
use crate::killed::{Process, prepare};

const PHONES: usize = 4;
/// Files of a phone in each life of the server: one is cut in its middle, one
/// arrives in one request, one is given up.
const WAYS: [Way; 3] = [Way::Middle, Way::Whole, Way::GivenUp];
/// The server lives so long after a first piece has arrived.
const LIFE_MS: usize = 80;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    Middle,
    Whole,
    GivenUp,
}

/// A file under way.
struct File {
    way: Way,
    uploader: Uploader,
    bytes: Vec<u8>,
    /// What the server said that it has.
    promised: usize,
    /// Where the body under way is cut.
    cut_at: usize,
}

impl File {
    fn id(&self) -> MediaId {
        self.uploader.id
    }

    /// Sends until the server is ended; what it says by then is noted.
    async fn send(&mut self, pieces: &Cell<usize>) -> Option<TcpStream> {
        let length = self.bytes.len();
        if self.way == Way::Whole {
            if let Ok(answer) = self.uploader.create_with(length, &self.bytes).await
                && answer.status == 201
            {
                self.promised = length;
            }
            return None;
        }
        self.uploader.create(length).await.ok()?;
        let first = length / 5;
        if self.uploader.send(0, &self.bytes[..first]).await.ok()?.status == 204 {
            self.promised = first;
            pieces.set(pieces.get() + 1);
        }
        self.uploader.half_send(first, length - first, &self.bytes[first..self.cut_at]).await.ok()
    }

    /// Goes on until all of it is there. Answers where it had to go on.
    async fn finish(&self) -> Result<usize> {
        let length = self.bytes.len();
        let mut began = None;
        until("a file to arrive", async || {
            let state = self.uploader.state().await?;
            if state.status == 404 {
                ensure!(self.promised == 0, "{} bytes were promised, and none are there", self.promised);
                self.uploader.create(length).await?;
                return Ok(None);
            }
            let offset: usize = state.header("upload-offset").context("an offset")?.parse()?;
            let from = *began.get_or_insert(offset);
            ensure!(from >= self.promised, "{} bytes were promised, and {from} are there", self.promised);
            if offset < length {
                // Whoever wrote when the server was ended is waited for.
                self.uploader.send(offset, &self.bytes[offset..]).await?;
                return Ok(None);
            }
            Ok(Some(from))
        })
        .await
    }
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// What must not be. Empty is how it must be.
    pub wrong: Vec<String>,
    /// Files that arrived.
    pub files: usize,
    /// Those of them that had begun before the server was ended, and went on.
    pub resumed: usize,
}

/// Ends the server `kills` times in the middle of uploads.
///
/// # Errors
/// When the server does not start again, or a phone cannot send.
pub async fn run(binary: &Path, seed: u64, kills: usize) -> Result<Report> {
    let mut process = Process::make(binary).await?;
    let clock = Clock::system();
    let mut dice = Dice::new(seed);
    prepare(&process.config(), &clock, &mut dice).await?;
    process.start().await?;
    let mut phones = Vec::new();
    for number in 0..PHONES {
        let phone = TestPhone::log_in(&process.base_url(), &clock, &login_name(number), PASSWORD).await?;
        ensure!(phone.try_sync().await?.failure.is_none(), "the first sync");
        phones.push(phone);
    }
    let mut files = Vec::new();
    for _ in 0..kills {
        let mut under_way = Vec::new();
        for phone in &phones {
            for way in WAYS {
                under_way.extend(announce(phone, way, &mut dice).await?);
            }
            phone.push_only().await?;
        }
        let life = Duration::from_millis(dice.below(LIFE_MS) as u64);
        let pieces = Cell::new(0);
        let sending = join_all(under_way.iter_mut().map(|file| file.send(&pieces)));
        let killing = async {
            until("a first piece", async || Ok((pieces.get() > 0).then_some(()))).await?;
            tokio::time::sleep(life).await;
            process.kill()
        };
        // The lines end after the server: it does not hear of it.
        let (lines, killed) = futures::future::join(sending, killing).await;
        killed?;
        drop(lines);
        process.start().await?;
        files.extend(under_way);
    }
    let mut report = Report::default();
    let sent = join_all(files.iter().filter(|file| file.way != Way::GivenUp).map(File::finish)).await;
    for outcome in sent {
        match outcome {
            Ok(from) => {
                report.files += 1;
                report.resumed += usize::from(from > 0);
            }
            Err(error) => report.wrong.push(error.to_string()),
        }
    }
    process.kill()?;
    report.wrong.extend(at_rest(&process.config(), &clock, &files).await?);
    Ok(report)
}

/// Captures a visit with a recording.
async fn announce(phone: &TestPhone, way: Way, dice: &mut Dice) -> Result<Option<File>> {
    let cases = phone.phone.cases().await?;
    let Some(case) = dice.pick(&cases).map(|case| case.id) else { return Ok(None) };
    let draft_id = DraftId(dice.id(phone.now().to_utc()));
    phone.phone.start_draft(draft_id, case, FORM, None, phone.now()).await?;
    let mut draft = phone.phone.open_draft(draft_id, "zh", phone.now()).await?;
    phone.answer(&mut draft, &[("/met", "yes"), ("/note", "一切正常")]).await?;
    let length = 50_000 + dice.below(if way == Way::Whole { 300_000 } else { 2_500_000 });
    let bytes = dice.bytes(length);
    let id = phone.attach(&mut draft, "/sound", bytes.clone(), "audio/webm").await?;
    let operation = OperationId(dice.id(phone.now().to_utc()));
    let finished = phone.phone.finish_draft(&mut draft, operation, None, phone.now(), &()).await;
    ensure!(finished.is_ok(), "the visit is not complete");
    let cut_at = length / 5 + dice.below(length - length / 5);
    let uploader = Uploader { caller: phone.caller(), id };
    Ok(Some(File { way, uploader, bytes, promised: 0, cut_at }))
}

/// After everything has expired: what the database knows is there, once and
/// whole, and nothing else is.
async fn at_rest(config: &Config, clock: &Clock, files: &[File]) -> Result<Vec<String>> {
    let clock = Clock::standing(clock.now());
    let components = Components::open(config, clock.clone()).await?;
    sweep(&components).await?;
    clock.advance(EXPIRES_AFTER + TimeDelta::seconds(1));
    sweep(&components).await?;
    let connection = components.database.read();
    let arrived: BTreeSet<MediaId> = submission_media::Entity::find()
        .all(connection)
        .await?
        .into_iter()
        .filter(|row| row.stored_at.is_some())
        .map(|row| row.media_id)
        .collect();
    let mut wrong = Vec::new();
    let mut expected: BTreeMap<String, ContentHash> = BTreeMap::new();
    for row in media::Entity::find().all(connection).await? {
        if expected.insert(row.store_key, row.sha256).is_some() {
            wrong.push("a file is there twice".to_owned());
        }
    }
    for file in files {
        let is_kept = expected.values().any(|sha256| *sha256 == ContentHash::of(&file.bytes));
        let is_done = file.way != Way::GivenUp || file.promised == file.bytes.len();
        if is_kept != arrived.contains(&file.id()) || (is_done && !is_kept) {
            wrong.push(format!("a file is kept: {is_kept}, and was sent: {is_done}"));
        }
    }
    let objects: Vec<_> = components.media.list(None).try_collect().await?;
    for object in objects {
        match expected.remove(object.location.as_ref()) {
            None => wrong.push(format!("nobody knows {}", object.location)),
            Some(sha256) => {
                let bytes = components.media.get(&object.location).await?.bytes().await?;
                if ContentHash::of(&bytes) != sha256 {
                    wrong.push("a file is not what it was".to_owned());
                }
            }
        }
    }
    wrong.extend(expected.keys().map(|key| format!("{key} is missing")));
    components.database.close().await;
    Ok(wrong)
}
