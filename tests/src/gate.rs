//! The network between a client and the server: a TCP proxy that can be cut,
//! go silent, break in the middle of an answer, or be slow, at any moment.
//!
//! Browsers' own "offline" switch does not reach their service workers; this
//! does, and it breaks what is under way.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const CHUNK_BYTES: usize = 16 * 1024;

/// What the network does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// Everything passes.
    Open,
    /// Connections break, new ones too.
    Cut,
    /// Connections stay and are accepted; nothing passes until it opens again.
    BlackHole,
    /// So many more bytes of answers pass, then it is [`Mode::Cut`].
    CutAfter { answer_bytes: u64 },
    /// So many bytes a second pass each way, on each connection.
    Slow { bytes_per_s: u32 },
    /// Every piece of data waits this long.
    Late { by: Duration },
}

/// A gate in front of a server.
#[derive(Debug)]
pub struct Gate {
    address: SocketAddr,
    modes: watch::Sender<Mode>,
    counts: Arc<Counts>,
    end: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Counts {
    connections: AtomicU64,
    bytes_to_server: AtomicU64,
    bytes_to_client: AtomicU64,
    /// With [`Mode::CutAfter`]: what may still pass.
    answer_bytes_left: AtomicU64,
}

impl Gate {
    /// An open gate before the server at `target`, on a port of its own.
    ///
    /// # Errors
    /// When there is no port to be had.
    pub fn before(target: SocketAddr) -> Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (modes, mode) = watch::channel(Mode::Open);
        let (end, ended) = tokio::sync::oneshot::channel();
        let counts = Arc::new(Counts::default());
        let passage = Passage { target, mode, modes: modes.clone(), counts: Arc::clone(&counts) };
        // A thread of its own: the gate works also while a test computes.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("gate".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = ended => {}
                    _ = accept(listener, passage) => {}
                }
            });
        })?;
        Ok(Self { address, modes, counts, end: Some(end), thread: Some(thread) })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:…`
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes what the network does, also for connections that are open.
    pub fn set(&self, mode: Mode) {
        if let Mode::CutAfter { answer_bytes } = mode {
            self.counts.answer_bytes_left.store(answer_bytes, Ordering::SeqCst);
        }
        self.modes.send_replace(mode);
    }

    /// Lets everything pass.
    pub fn open(&self) {
        self.set(Mode::Open);
    }

    /// Breaks every connection.
    pub fn cut(&self) {
        self.set(Mode::Cut);
    }

    /// What it does now: [`Mode::CutAfter`] becomes [`Mode::Cut`].
    pub fn mode(&self) -> Mode {
        *self.modes.borrow()
    }

    /// Connections that clients tried, so far.
    pub fn connections(&self) -> u64 {
        self.counts.connections.load(Ordering::SeqCst)
    }

    /// Bytes that have passed to the server.
    pub fn bytes_to_server(&self) -> u64 {
        self.counts.bytes_to_server.load(Ordering::SeqCst)
    }

    /// Bytes that have passed to clients.
    pub fn bytes_to_client(&self) -> u64 {
        self.counts.bytes_to_client.load(Ordering::SeqCst)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            let _ = end.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[derive(Clone)]
struct Passage {
    target: SocketAddr,
    mode: watch::Receiver<Mode>,
    modes: watch::Sender<Mode>,
    counts: Arc<Counts>,
}

async fn accept(listener: std::net::TcpListener, passage: Passage) -> Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (client, _) = listener.accept().await?;
        passage.counts.connections.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(pass(client, passage.clone()));
    }
}

/// One connection, until either side or the gate ends it.
async fn pass(client: TcpStream, mut passage: Passage) -> Result<()> {
    if !passage.admitted().await {
        return Ok(());
    }
    let server = TcpStream::connect(passage.target).await.context("the server is not there")?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut watcher = passage.clone();
    tokio::select! {
        () = watcher.until_cut() => {}
        _ = async {
            tokio::join!(
                pump(from_client, to_server, Direction::ToServer, passage.clone()),
                pump(from_server, to_client, Direction::ToClient, passage.clone()),
            )
        } => {}
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Direction {
    ToServer,
    ToClient,
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    direction: Direction,
    mut passage: Passage,
) -> Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            to.shutdown().await?;
            return Ok(());
        }
        if !passage.admitted().await {
            return Ok(());
        }
        let mut piece = buffer.get(..length).unwrap_or_default();
        let mode = *passage.mode.borrow();
        let mut last = false;
        match mode {
            Mode::Slow { bytes_per_s } => {
                let length = u32::try_from(length).unwrap_or(u32::MAX);
                let seconds = f64::from(length) / f64::from(bytes_per_s.max(1));
                tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
            }
            Mode::Late { by } => tokio::time::sleep(by).await,
            Mode::CutAfter { .. } if direction == Direction::ToClient => {
                let left = &passage.counts.answer_bytes_left;
                let allowed = left.load(Ordering::SeqCst).min(piece.len() as u64);
                left.fetch_sub(allowed, Ordering::SeqCst);
                last = usize::try_from(allowed).is_ok_and(|allowed| allowed < piece.len());
                piece = piece.get(..usize::try_from(allowed)?).unwrap_or_default();
            }
            _ => {}
        }
        to.write_all(piece).await?;
        let counter = match direction {
            Direction::ToServer => &passage.counts.bytes_to_server,
            Direction::ToClient => &passage.counts.bytes_to_client,
        };
        counter.fetch_add(piece.len() as u64, Ordering::SeqCst);
        if last {
            passage.modes.send_replace(Mode::Cut);
            return Ok(());
        }
    }
}

impl Passage {
    /// Waits while nothing passes; false once the gate is cut.
    async fn admitted(&mut self) -> bool {
        match self.mode.wait_for(|mode| *mode != Mode::BlackHole).await {
            Ok(mode) => *mode != Mode::Cut,
            Err(_) => false,
        }
    }

    async fn until_cut(&mut self) {
        let _ = self.mode.wait_for(|mode| *mode == Mode::Cut).await;
    }
}
