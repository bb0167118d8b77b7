//! The real server without a socket, which can be ended before and after any
//! commit, and whose disk can be put back to what it was.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::body::to_bytes;
use actix_web::dev::Service;
use actix_web::http::Method;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::test::{TestRequest, init_service};
use actix_web::web;
use anyhow::{Context, Result};
use doorstep::app::{Components, application};
use doorstep::clock::Clock;
use doorstep::db::{Moment, Watcher};
use doorstep::sync;
use doorstep_core::phone::Reply;
use doorstep_core::phone::synchronise::UPLOAD_OFFSET;
use doorstep_core::sync::Rules;
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use tempfile::TempDir;
use tokio::sync::Notify;

use crate::county::{DATABASE, Template, config, scratch};

/// One HTTP request.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: Method,
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// Which of the county's addresses it comes from.
    pub from: u8,
}

impl Call {
    /// A request without a body.
    pub fn new(method: Method, path: impl Into<String>, from: usize) -> Self {
        let from = u8::try_from(from % 250).unwrap_or_default();
        Self { method, path: path.into(), headers: Vec::new(), body: Vec::new(), from }
    }

    /// A JSON body.
    ///
    /// # Errors
    /// When the value has no JSON.
    pub fn json(mut self, value: &impl serde::Serialize) -> Result<Self> {
        self.body = serde_json::to_vec(value)?;
        self.headers.push(("content-type", "application/json".to_owned()));
        Ok(self)
    }

    /// Who asks.
    #[must_use]
    pub fn by(mut self, token: &str) -> Self {
        self.headers.push(("authorization", format!("Bearer {token}")));
        self
    }
}

type Door = Rc<dyn Fn(Call) -> LocalBoxFuture<'static, Reply>>;

/// Burns at one of the next commits.
#[derive(Debug, Default)]
struct Fuse {
    /// How many more times that side of a commit is passed; 0: not lit.
    left: AtomicU32,
    side: Mutex<Option<Moment>>,
    burnt: Notify,
}

impl Fuse {
    fn light(&self, commits: u32, side: Moment) {
        *self.side.lock().unwrap_or_else(PoisonError::into_inner) = Some(side);
        self.left.store(commits, Ordering::SeqCst);
    }

    fn burns(&self, moment: Moment) -> bool {
        if *self.side.lock().unwrap_or_else(PoisonError::into_inner) != Some(moment) {
            return false;
        }
        let left = self.left.load(Ordering::SeqCst);
        if left > 0 {
            self.left.store(left - 1, Ordering::SeqCst);
        }
        left == 1
    }
}

/// What a disk was at some moment.
#[derive(Clone, Debug)]
pub struct Backup {
    folder: PathBuf,
    /// The files that were stored then.
    media: Vec<PathBuf>,
}

/// A server and its disk.
pub struct SimServer {
    scratch: TempDir,
    /// Counts the folders that its database has lived in.
    lives: usize,
    copies: usize,
    pub components: web::Data<Components>,
    door: Door,
    fuse: Arc<Fuse>,
    clock: Clock,
    rules: Rules,
}

impl SimServer {
    /// A server with the county of `template`.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start(template: &Template, clock: Clock, rules: Rules) -> Result<Self> {
        let scratch = scratch()?;
        let life = life_in(scratch.path(), 0);
        fs::create_dir_all(&life)?;
        template.copy_to(&life)?;
        let fuse = Arc::new(Fuse::default());
        let components = open(&life, scratch.path(), &clock, rules, &fuse).await?;
        let (components, door) = enter(components).await;
        Ok(Self { scratch, lives: 0, copies: 0, components, door, fuse, clock, rules })
    }

    /// Asks the server. `None`: it ended meanwhile, and has started again.
    ///
    /// # Errors
    /// When it does not start again.
    pub async fn call(&mut self, call: Call) -> Result<Option<Reply>> {
        let answer = (self.door)(call);
        self.unless_it_ends(answer).await
    }

    /// Does something on the server that has no address yet. `None`: the
    /// server ended meanwhile, and has started again.
    ///
    /// # Errors
    /// When it does not start again.
    pub async fn run<T>(&mut self, work: impl AsyncFnOnce(web::Data<Components>) -> T) -> Result<Option<T>> {
        let work = Box::pin(work(self.components.clone()));
        self.unless_it_ends(work).await
    }

    async fn unless_it_ends<T>(&mut self, work: impl Future<Output = T> + Unpin) -> Result<Option<T>> {
        let fuse = Arc::clone(&self.fuse);
        let done = tokio::select! {
            biased;
            done = work => Some(done),
            () = fuse.burnt.notified() => None,
        };
        if done.is_none() {
            Box::pin(self.start_again()).await?;
        }
        Ok(done)
    }

    /// Ends it at one of the next commits.
    pub fn end_at(&self, commits: u32, side: Moment) {
        self.fuse.light(commits.max(1), side);
    }

    /// Puts the fuse out.
    pub fn be_safe(&self) {
        self.fuse.light(0, Moment::BeforeCommit);
    }

    /// Ends it as a power cut does, and starts it again.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_again(&mut self) -> Result<()> {
        let life = self.life();
        self.live_on_from(&life, false).await
    }

    /// Copies its disk.
    ///
    /// # Errors
    /// When the copy cannot be written.
    pub fn back_up(&mut self) -> Result<Backup> {
        let folder = self.scratch.path().join(format!("backup-{}", self.copies));
        self.copies += 1;
        fs::create_dir_all(&folder)?;
        copy_database(&self.life(), &folder)?;
        Ok(Backup { folder, media: files_below(&self.media())? })
    }

    /// Puts its disk back to what it was, as an operator does: the files that
    /// were stored since are gone too, if the backup had them.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn restore(&mut self, backup: &Backup, files_too: bool) -> Result<()> {
        if files_too {
            for file in files_below(&self.media())? {
                if !backup.media.contains(&file) {
                    fs::remove_file(file)?;
                }
            }
        }
        self.live_on_from(&backup.folder, true).await
    }

    async fn live_on_from(&mut self, disk: &Path, is_restored: bool) -> Result<()> {
        self.be_safe();
        let before = self.life();
        self.lives += 1;
        let life = self.life();
        fs::create_dir_all(&life)?;
        // As the disk is this very moment: whoever ended had no last word.
        copy_database(disk, &life)?;
        // Nobody waits for the old one: a task that it had begun by itself (a
        // file being entered) stands at the fuse for ever, and holds its
        // connection.
        actix_web::rt::spawn(self.components.database.clone().close());
        fs::remove_dir_all(before)?;
        let opening = open(&life, self.scratch.path(), &self.clock, self.rules, &self.fuse);
        let mut components = Box::pin(opening).await?;
        if is_restored {
            components.epoch = components.database.begin_epoch(&self.clock).await?;
        }
        (self.components, self.door) = enter(components).await;
        Box::pin(sync::retry_everything(&self.components)).await?;
        Ok(())
    }

    fn life(&self) -> PathBuf {
        life_in(self.scratch.path(), self.lives)
    }

    fn media(&self) -> PathBuf {
        media_in(self.scratch.path())
    }
}

fn life_in(scratch: &Path, lives: usize) -> PathBuf {
    scratch.join(format!("life-{lives}"))
}

fn media_in(scratch: &Path) -> PathBuf {
    scratch.join("media")
}

async fn open(
    life: &Path,
    scratch: &Path,
    clock: &Clock,
    rules: Rules,
    fuse: &Arc<Fuse>,
) -> Result<Components> {
    let mut components = Components::open(&config(life, &media_in(scratch)), clock.clone()).await?;
    let fuse = Arc::clone(fuse);
    let watcher = Watcher::new(move |moment| {
        if fuse.burns(moment) {
            fuse.burnt.notify_one();
            std::future::pending().boxed()
        } else {
            std::future::ready(()).boxed()
        }
    });
    components.database = components.database.in_simulation(rules, Some(watcher));
    Ok(components)
}

async fn enter(components: Components) -> (web::Data<Components>, Door) {
    let components = web::Data::new(components);
    let service = Rc::new(init_service(application(components.clone())).await);
    let door: Door = Rc::new(move |call: Call| {
        let service = Rc::clone(&service);
        let mut request = TestRequest::with_uri(&call.path)
            .method(call.method)
            .peer_addr(SocketAddr::from((Ipv4Addr::new(10, 0, 0, call.from), 40_000)))
            .set_payload(call.body);
        for header in call.headers {
            request = request.insert_header(header);
        }
        Box::pin(async move {
            match service.call(request.to_request()).await {
                Ok(response) => {
                    let (_, response) = response.into_parts();
                    reply(response.map_into_boxed_body()).await
                }
                Err(failure) => reply(failure.error_response()).await,
            }
        })
    });
    (components, door)
}

/// An answer that breaks off has the status 0.
async fn reply(response: actix_web::HttpResponse) -> Reply {
    let status = response.status().as_u16();
    let header = |name| {
        let value = response.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let content_type = header(CONTENT_TYPE.as_str());
    let upload_offset = header(UPLOAD_OFFSET).parse().ok();
    match to_bytes(response.into_body()).await {
        Ok(bytes) => Reply { status, content_type, bytes: bytes.to_vec(), upload_offset },
        Err(_) => Reply { status: 0, content_type, bytes: Vec::new(), upload_offset: None },
    }
}

/// The file and its log; what readers share is made anew.
fn copy_database(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from.join(DATABASE), to.join(DATABASE)).context("the database's file")?;
    let log = format!("{DATABASE}-wal");
    if from.join(&log).is_file() {
        fs::copy(from.join(&log), to.join(&log)).context("the database's log")?;
    }
    Ok(())
}

fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    if !folder.is_dir() {
        return Ok(files);
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
