//! A phone that sends its photos one after the other over one connection, by
//! tus, each in one request. It does as little as a client can: what it costs
//! would be missing to the server, which is on the same machine.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use doorstep_core::api::FILES;
use doorstep_core::ids::MediaId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::photos::Photo;

/// An answer of ours is shorter.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// Somebody with a token and announced photos.
pub(crate) struct Phone {
    pub(crate) token: String,
    pub(crate) photo: Arc<Photo>,
    /// Which photo is announced under which identifier.
    pub(crate) announced: Vec<(u32, MediaId)>,
}

impl Phone {
    /// Sends everything; answers how long each took.
    pub(crate) async fn send_all(self, server: SocketAddr) -> Result<Vec<Duration>> {
        let mut line = Line::open(server).await?;
        let mut took = Vec::with_capacity(self.announced.len());
        let length = self.photo.size_bytes();
        for (number, id) in &self.announced {
            let head = format!(
                "POST {FILES}/{id} HTTP/1.1\r\nhost: {server}\r\nauthorization: Bearer {}\r\n\
                 tus-resumable: 1.0.0\r\nupload-length: {length}\r\n\
                 content-type: application/offset+octet-stream\r\ncontent-length: {length}\r\n\r\n",
                self.token
            );
            let (start, rest) = self.photo.numbered(*number);
            let began = Instant::now();
            let answer = line.ask(&[head.as_bytes(), &start, rest]).await?;
            took.push(began.elapsed());
            ensure!(answer.starts_with("HTTP/1.1 201"), "{answer}");
        }
        Ok(took)
    }
}

/// A connection over which one request follows another.
pub(crate) struct Line {
    stream: TcpStream,
}

impl Line {
    pub(crate) async fn open(server: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream })
    }

    /// Sends a request in its pieces, and reads the whole answer.
    pub(crate) async fn ask(&mut self, pieces: &[&[u8]]) -> Result<String> {
        for piece in pieces {
            self.stream.write_all(piece).await?;
        }
        let mut answer = Vec::new();
        loop {
            ensure!(answer.len() < ANSWER_BYTES_MAX, "an endless answer");
            let read = self.stream.read_buf(&mut answer).await?;
            ensure!(read > 0, "the line was cut");
            let text = String::from_utf8_lossy(&answer);
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.unwrap_or("0").parse().context("a length")?;
            if body.len() >= length {
                return Ok(text.into_owned());
            }
        }
    }
}
