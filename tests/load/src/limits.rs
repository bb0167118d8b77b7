//! What the machine can do without the server.

use std::fs::{self, File};
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::{Result, ensure};
use futures::StreamExt;

use crate::phone::Line;
use crate::process::Process;

const SIZE_BYTES: usize = 200_000;
const MEASURED_FOR: Duration = Duration::from_secs(5);
const WRITERS: usize = 16;

/// New files a second, each written and given to the disk before the next.
pub(crate) fn files_a_second(folder: &Path) -> Result<f64> {
    let folder = folder.join("limit");
    fs::create_dir_all(&folder)?;
    let bytes = vec![7; SIZE_BYTES];
    let next = AtomicU32::new(0);
    let began = Instant::now();
    let write = || -> Result<()> {
        while began.elapsed() < MEASURED_FOR {
            let mut file = File::create(folder.join(next.fetch_add(1, Ordering::Relaxed).to_string()))?;
            file.write_all(&bytes)?;
            file.sync_all()?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS).map(|_| scope.spawn(write)).collect();
        writers
            .into_iter()
            .try_for_each(|writer| writer.join().unwrap_or_else(|_| anyhow::bail!("a writer ended")))
    })?;
    let took = began.elapsed().as_secs_f64();
    fs::remove_dir_all(&folder)?;
    Ok(f64::from(next.into_inner()) / took)
}

/// Bodies a second that go through actix, which does nothing with them.
pub(crate) async fn bodies_a_second(lines: usize) -> Result<f64> {
    let mut server = Process::start(&["sink"]).await?;
    let address = server.address;
    let began = Instant::now();
    let body = vec![7; SIZE_BYTES];
    let head = format!("POST / HTTP/1.1\r\nhost: {address}\r\ncontent-length: {SIZE_BYTES}\r\n\r\n");
    let sent = futures::future::try_join_all((0..lines).map(|_| async {
        let mut line = Line::open(address).await?;
        let mut sent = 0_u32;
        while began.elapsed() < MEASURED_FOR {
            let answer = line.ask(&[head.as_bytes(), &body]).await?;
            ensure!(answer.starts_with("HTTP/1.1 204"), "{answer}");
            sent += 1;
        }
        anyhow::Ok(sent)
    }))
    .await?;
    let took = began.elapsed().as_secs_f64();
    server.end().await?;
    Ok(f64::from(sent.iter().sum::<u32>()) / took)
}

/// Reads every body and forgets it.
pub(crate) async fn sink(listen: SocketAddr) -> Result<()> {
    async fn swallow(mut body: web::Payload) -> Result<HttpResponse, actix_web::Error> {
        while let Some(chunk) = body.next().await {
            drop(chunk?);
        }
        Ok(HttpResponse::NoContent().finish())
    }
    Ok(HttpServer::new(|| App::new().default_service(web::to(swallow))).bind(listen)?.run().await?)
}
