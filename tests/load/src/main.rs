//! `cargo xtask bench media`: how many photos the server takes from many
//! phones at once, beside what this machine could do at most; how fast it
//! makes them small; how fast it finds those that look alike.
//!
//! * [`announced`]: a database in which everything is announced. [`photos`]:
//!   photos as large as phones send them.
//! * [`process`]: the server as a process of its own. [`phone`]: a phone that
//!   costs next to nothing, so that it takes nothing from the server.
//! * [`limits`]: what the machine can do without the server.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "figures")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::{Parser, Subcommand};
use doorstep::config::Config;
use doorstep::media::Similar;

mod announced;
mod limits;
mod phone;
mod photos;
mod process;

/// Measures how the server takes photos.
#[derive(Debug, Parser)]
struct Options {
    #[command(subcommand)]
    command: Option<Hidden>,
    /// Phones that send at once
    #[arg(long, default_value_t = 64)]
    phones: usize,
    /// Photos of each
    #[arg(long, default_value_t = 80)]
    photos: usize,
    /// Fingerprints to search in
    #[arg(long, default_value_t = 1_000_000)]
    fingerprints: u32,
    /// Another folder than the system's for temporary files: its disk is what is measured
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Hidden {
    /// The server that is measured.
    #[command(hide = true)]
    Serve {
        #[arg(long)]
        listen: SocketAddr,
        #[arg(long)]
        data: PathBuf,
    },
    /// A server that does nothing with what it gets.
    #[command(hide = true)]
    Sink {
        #[arg(long)]
        listen: SocketAddr,
    },
}

/// How long thumbnails are counted.
const THUMBNAILS_FOR: Duration = Duration::from_secs(20);
const SEARCHES: usize = 200;
/// As `doorstep::media` searches.
const DIFFERING_BITS_MAX: u32 = 8;

fn main() -> Result<()> {
    let options = Options::parse();
    let system = actix_web::rt::System::new();
    match &options.command {
        Some(Hidden::Serve { listen, data }) => {
            let config = Config { listen: *listen, data: data.clone(), ..Config::default() };
            system.block_on(process::serve(&config))
        }
        Some(Hidden::Sink { listen }) => system.block_on(limits::sink(*listen)),
        None => system.block_on(Box::pin(measure(&options))),
    }
}

async fn measure(options: &Options) -> Result<()> {
    let mut folder = tempfile::Builder::new();
    folder.prefix("doorstep-load-");
    let folder = match &options.folder {
        Some(place) => folder.tempdir_in(place)?,
        None => folder.tempdir()?,
    };
    println!("this machine at most");
    let files = limits::files_a_second(folder.path())?;
    println!("  new files of 200 KB with fsync          {files:>8.0} a second");
    let bodies = limits::bodies_a_second(options.phones).await?;
    println!("  bodies of 200 KB through bare actix     {bodies:>8.0} a second");

    let data = folder.path().join("data");
    let phones = announced::prepare(&data, options.phones, options.photos).await?;
    let mut server = process::Process::start(&["serve", "--data", &data.display().to_string()]).await?;
    let at_rest = server.memory_kilobytes()?;
    let began = Instant::now();
    let address = server.address;
    let sent = futures::future::try_join_all(phones.into_iter().map(|phone| phone.send_all(address))).await?;
    let took = began.elapsed().as_secs_f64();
    let mut waited: Vec<Duration> = sent.into_iter().flatten().collect();
    waited.sort_unstable();
    let peak = server.peak_kilobytes()?;
    println!("{} phones at once, photos of {} KB", options.phones, photos::SIZE_BYTES / 1000);
    let taken = waited.len() as f64 / took;
    println!("  taken, durable in a folder              {taken:>8.0} a second");
    println!("  of the files that the disk takes        {:>8.0} %", 100.0 * taken / files);
    println!("  of the bodies that actix takes          {:>8.0} %", 100.0 * taken / bodies);
    println!("  answered after, median                  {:>8.0} ms", milliseconds(&waited, 50));
    println!("  answered after, 95 of 100               {:>8.0} ms", milliseconds(&waited, 95));
    println!("  memory of the server before             {:>8.0} MB", at_rest as f64 / 1024.0);
    println!("  memory of the server at most            {:>8.0} MB", peak as f64 / 1024.0);

    let made = announced::thumbnails_a_second(&data, THUMBNAILS_FOR).await?;
    println!("looked into, with two small sizes and fingerprint");
    println!("  photos                                  {made:>8.1} a second");
    let peak = server.peak_kilobytes()?;
    println!("  memory of the server at most            {:>8.0} MB", peak as f64 / 1024.0);
    server.end().await?;

    let mut searches = searches(options.fingerprints);
    searches.sort_unstable();
    println!("search among {} fingerprints", options.fingerprints);
    println!("  median                                  {:>8.1} ms", milliseconds(&searches, 50));
    println!("  95 of 100                               {:>8.1} ms", milliseconds(&searches, 95));
    Ok(())
}

/// How long each search took.
fn searches(fingerprints: u32) -> Vec<Duration> {
    let mut random = fastrand::Rng::with_seed(1);
    let mut similar = Similar::default();
    for _ in 0..fingerprints {
        let mut sha256 = [0; 32];
        random.fill(&mut sha256);
        similar.put(sha256, random.u64(..));
    }
    (0..SEARCHES)
        .map(|_| {
            let wanted = random.u64(..);
            let began = Instant::now();
            std::hint::black_box(similar.near(wanted, DIFFERING_BITS_MAX));
            began.elapsed()
        })
        .collect()
}

/// What so many of a hundred do not exceed.
fn milliseconds(sorted: &[Duration], percent: usize) -> f64 {
    let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(place).map_or(0.0, |found| found.as_secs_f64() * 1000.0)
}
