//! The network between a client and the server: a TCP proxy that can be cut,
//! go silent, break in the middle of an answer, or be slow, at any moment.
//!
//! Browsers' own "offline" switch does not reach their service workers; this
//! does, and it breaks what is under way.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

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
    /// So many more bytes of requests pass, then it is [`Mode::Cut`].
    CutAfterSent { request_bytes: u64 },
    /// So many more bytes of requests pass, then it is [`Mode::BlackHole`].
    BlackHoleAfter { request_bytes: u64 },
    /// So many bytes a second pass each way, on each connection.
    Slow { bytes_per_s: u32 },
    /// Every piece of data waits this long.
    Late { by: Duration },
    /// A mobile network: everybody shares its bandwidth, and everything takes
    /// its time on the way.
    Line(Line),
}

/// A network as engineers describe it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Line {
    pub down_bits_per_s: u32,
    pub up_bits_per_s: u32,
    /// There and back.
    pub round_trip: Duration,
}

impl Line {
    /// 250 / 50 kbit/s, 600 ms.
    pub const G2: Self =
        Self { down_bits_per_s: 250_000, up_bits_per_s: 50_000, round_trip: Duration::from_millis(600) };
    /// 750 / 250 kbit/s, 200 ms.
    pub const G3: Self =
        Self { down_bits_per_s: 750_000, up_bits_per_s: 250_000, round_trip: Duration::from_millis(200) };
    /// 10 / 3 Mbit/s, 50 ms.
    pub const G4: Self =
        Self { down_bits_per_s: 10_000_000, up_bits_per_s: 3_000_000, round_trip: Duration::from_millis(50) };
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
    /// With [`Mode::CutAfter`] and [`Mode::CutAfterSent`]: what may still pass.
    bytes_left: AtomicU64,
    /// With [`Mode::BlackHoleAfter`]: what may still pass.
    request_bytes_left: AtomicU64,
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
        let passage = Passage {
            target,
            mode,
            modes: modes.clone(),
            counts: Arc::clone(&counts),
            free_at: Arc::default(),
        };
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
        if let Mode::CutAfter { answer_bytes: bytes } | Mode::CutAfterSent { request_bytes: bytes } = mode {
            self.counts.bytes_left.store(bytes, Ordering::SeqCst);
        }
        if let Mode::BlackHoleAfter { request_bytes } = mode {
            self.counts.request_bytes_left.store(request_bytes, Ordering::SeqCst);
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

    /// What it does now: [`Mode::CutAfter`] and [`Mode::CutAfterSent`] become
    /// [`Mode::Cut`], and [`Mode::BlackHoleAfter`] becomes [`Mode::BlackHole`].
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
    /// With [`Mode::Line`]: when each direction has sent what it was given.
    free_at: Arc<Mutex<[Option<Instant>; 2]>>,
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
    let mode = *passage.mode.borrow();
    if let Mode::Line(line) = mode {
        // Hands are shaken before anything is said.
        tokio::time::sleep(line.round_trip).await;
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

/// Pieces on their way; a slow network keeps its sender waiting.
const PIECES_MAX: usize = 64;

async fn pump(from: OwnedReadHalf, to: OwnedWriteHalf, direction: Direction, passage: Passage) -> Result<()> {
    let (pieces, arriving) = mpsc::channel(PIECES_MAX);
    let (taken, delivered) = tokio::join!(
        take(from, pieces, direction, passage.clone()),
        deliver(to, arriving, direction, passage)
    );
    taken.and(delivered)
}

/// Takes what a side sends, and says when it will arrive.
async fn take(
    mut from: OwnedReadHalf,
    pieces: mpsc::Sender<(Instant, Vec<u8>)>,
    direction: Direction,
    mut passage: Passage,
) -> Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 || !passage.admitted().await {
            return Ok(());
        }
        let piece = buffer.get(..length).unwrap_or_default().to_vec();
        let arrives_at = passage.arrival(direction, length);
        let paced = matches!(*passage.mode.borrow(), Mode::Slow { .. } | Mode::Late { .. });
        if pieces.send((arrives_at, piece)).await.is_err() {
            return Ok(());
        }
        if paced {
            tokio::time::sleep_until(arrives_at).await;
        }
    }
}

/// Gives each piece to the other side when its time has come.
async fn deliver(
    mut to: OwnedWriteHalf,
    mut pieces: mpsc::Receiver<(Instant, Vec<u8>)>,
    direction: Direction,
    mut passage: Passage,
) -> Result<()> {
    while let Some((arrives_at, piece)) = pieces.recv().await {
        tokio::time::sleep_until(arrives_at).await;
        if !passage.admitted().await {
            return Ok(());
        }
        let mode = *passage.mode.borrow();
        let (passes, waits) = piece.split_at(passage.allowed(mode, direction, piece.len()));
        passage.write(&mut to, direction, passes).await?;
        if waits.is_empty() {
            continue;
        }
        if matches!(mode, Mode::CutAfter { .. } | Mode::CutAfterSent { .. }) {
            passage.modes.send_replace(Mode::Cut);
            return Ok(());
        }
        passage.modes.send_replace(Mode::BlackHole);
        if !passage.admitted().await {
            return Ok(());
        }
        passage.write(&mut to, direction, waits).await?;
    }
    to.shutdown().await?;
    Ok(())
}

impl Passage {
    /// Waits while nothing passes; false once the gate is cut.
    async fn admitted(&mut self) -> bool {
        match self.mode.wait_for(|mode| *mode != Mode::BlackHole).await {
            Ok(mode) => *mode != Mode::Cut,
            Err(_) => false,
        }
    }

    /// How much of a piece passes before the mode becomes another.
    fn allowed(&self, mode: Mode, direction: Direction, length: usize) -> usize {
        let left = match (mode, direction) {
            (Mode::CutAfter { .. }, Direction::ToClient)
            | (Mode::CutAfterSent { .. }, Direction::ToServer) => &self.counts.bytes_left,
            (Mode::BlackHoleAfter { .. }, Direction::ToServer) => &self.counts.request_bytes_left,
            _ => return length,
        };
        let allowed = left.load(Ordering::SeqCst).min(length as u64);
        left.fetch_sub(allowed, Ordering::SeqCst);
        usize::try_from(allowed).unwrap_or(length)
    }

    async fn write(&self, to: &mut OwnedWriteHalf, direction: Direction, bytes: &[u8]) -> Result<()> {
        to.write_all(bytes).await?;
        let counter = match direction {
            Direction::ToServer => &self.counts.bytes_to_server,
            Direction::ToClient => &self.counts.bytes_to_client,
        };
        counter.fetch_add(bytes.len() as u64, Ordering::SeqCst);
        Ok(())
    }

    /// When a piece that was sent now is there.
    fn arrival(&self, direction: Direction, length: usize) -> Instant {
        let now = Instant::now();
        let seconds = |bytes_per_s: u32| {
            let length = u32::try_from(length).unwrap_or(u32::MAX);
            Duration::from_secs_f64(f64::from(length) / f64::from(bytes_per_s.max(1)))
        };
        match *self.mode.borrow() {
            Mode::Slow { bytes_per_s } => now + seconds(bytes_per_s),
            Mode::Late { by } => now + by,
            Mode::Line(line) => {
                let (index, bits_per_s) = match direction {
                    Direction::ToServer => (0, line.up_bits_per_s),
                    Direction::ToClient => (1, line.down_bits_per_s),
                };
                let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
                let sent = free_at[index].map_or(now, |free| free.max(now)) + seconds(bits_per_s / 8);
                free_at[index] = Some(sent);
                sent + line.round_trip / 2
            }
            _ => now,
        }
    }

    async fn until_cut(&mut self) {
        let _ = self.mode.wait_for(|mode| *mode == Mode::Cut).await;
    }
}
