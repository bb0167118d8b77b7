//! A body becomes durable pieces of an upload, and at the end a file.
//!
//! What has arrived counts, however the request ends: a writer works in a
//! task of its own, which goes on when the connection is gone. It puts what
//! it has on the disk once there is a [`STRETCH_BYTES`] of it, and every
//! [`SAVE_EVERY`]. The tail stays in memory until it is large enough to be a
//! piece for good, so that a line that breaks every second does not leave a
//! thousand crumbs.

use std::time::Duration;

use actix_web::web::{self, Bytes};
use doorstep_core::hash::ContentHash;
use doorstep_core::problem::ProblemCode;
use futures::StreamExt;
use object_store::{ObjectStoreExt, PutPayload, PutPayloadMut};
use ring::digest;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::announced::Announced;
use super::entering::Arrived;
use super::keep::{self, put_object, store_refuses};
use super::sealed;
use super::upload::{self, Part, Progress};
use crate::app::Components;
use crate::db::entity::upload as row;
use crate::error::{Error, Result};

/// What is in memory of one upload, at most.
pub(super) const STRETCH_BYTES: usize = 1024 * 1024;
/// Pieces smaller than this are put together with what comes after them.
const PIECE_BYTES_MIN: usize = 256 * 1024;
/// What is read at once and is smaller than this is copied together.
const CHUNK_BYTES_MIN: usize = 4 * 1024;
/// What arrived is made durable so often, and the writer is heard of.
const SAVE_EVERY: Duration = Duration::from_secs(2);
/// A connection that is silent for so long is dead.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// What a client says that a body's digest is.
#[derive(Clone)]
pub(super) struct Checksum {
    pub(super) algorithm: &'static digest::Algorithm,
    pub(super) expected: Vec<u8>,
}

/// How a body ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    Whole,
    /// The connection broke, fell silent, or the server stops.
    Cut,
}

/// Whoever may add to an upload.
pub(super) struct Writer {
    components: web::Data<Components>,
    announced: Announced,
    upload: row::Model,
    /// Whether the row is in the database.
    begun: bool,
    parts: Vec<Part>,
    /// What comes after `parts`, but for its beginning when that is saved.
    tail: PutPayloadMut,
    /// So much of the tail is the last of `parts`.
    tail_saved: usize,
    unrecorded_bytes: u64,
}

impl Writer {
    /// Of an upload of which nothing has come and nothing may ever be stored:
    /// a file that arrives at once needs no row.
    pub(super) fn begin(components: web::Data<Components>, announced: Announced, upload: row::Model) -> Self {
        let upload = row::Model { writer: Some(Uuid::new_v4()), ..upload };
        Self::new(components, announced, upload, Vec::new(), false)
    }

    /// Of one that is under way.
    ///
    /// # Errors
    /// `upload_busy`, `upload_unknown`.
    pub(super) async fn take(
        components: web::Data<Components>,
        announced: Announced,
        id: Uuid,
    ) -> Result<Self> {
        let upload = upload::take(&components, id).await?;
        let parts: Vec<Part> = serde_json::from_str(&upload.parts)?;
        Ok(Self::new(components, announced, upload, parts, true))
    }

    fn new(
        components: web::Data<Components>,
        announced: Announced,
        upload: row::Model,
        parts: Vec<Part>,
        begun: bool,
    ) -> Self {
        let (tail, tail_saved, unrecorded_bytes) = (PutPayloadMut::new(), 0, 0);
        Self { components, announced, upload, begun, parts, tail, tail_saved, unrecorded_bytes }
    }

    /// Where the next byte goes.
    pub(super) fn offset(&self) -> u64 {
        let saved: u64 = self.parts.iter().map(|part| part.size_bytes).sum();
        saved + (self.tail.content_length() - self.tail_saved) as u64
    }

    fn size(&self) -> u64 {
        u64::try_from(self.upload.size_bytes).unwrap_or_default()
    }

    /// Takes a body in from where the upload stands. When it has all of the
    /// file then, the file is verified, kept and entered. Answers the offset.
    pub(super) async fn receive(
        mut self,
        mut body: web::Payload,
        length: Option<u64>,
        checksum: Option<Checksum>,
    ) -> Result<u64> {
        let outcome = async {
            self.reopen_tail().await?;
            self.take_in(&mut body, length, checksum).await
        };
        match outcome.await {
            Ok(_) if self.offset() == self.size() => self.finish().await,
            Ok(end) => {
                self.save().await?;
                self.record(false).await?;
                match end {
                    End::Whole => Ok(self.offset()),
                    End::Cut => Err(Error::problem(ProblemCode::InvalidRequest).detail(
                        "上传中断;已收到的部分保留,请从中断处继续。",
                        "The upload broke off. What has arrived is kept: go on from there.",
                    )),
                }
            }
            Err(error) => {
                self.let_go().await;
                Err(error)
            }
        }
    }

    /// A small last piece is read again, to become part of a larger one.
    async fn reopen_tail(&mut self) -> Result<()> {
        let small = |part: &&Part| part.size_bytes < PIECE_BYTES_MIN as u64;
        let Some(last) = self.parts.last().filter(small) else { return Ok(()) };
        let bytes = self.piece(last).await?;
        self.tail_saved = bytes.len();
        self.tail.push(bytes);
        Ok(())
    }

    async fn piece(&self, part: &Part) -> Result<Bytes> {
        let key = upload::part_key(self.upload.id, &part.name);
        let bytes = self.components.media.get(&key).await.map_err(store_refuses)?;
        let bytes = bytes.bytes().await.map_err(store_refuses)?;
        if bytes.len() as u64 == part.size_bytes {
            return Ok(bytes);
        }
        Err(Error::internal(anyhow::anyhow!("the piece {key} has {} bytes", bytes.len())))
    }

    async fn take_in(
        &mut self,
        body: &mut web::Payload,
        length: Option<u64>,
        checksum: Option<Checksum>,
    ) -> Result<End> {
        let mut stopping = self.components.stopping();
        let mut digest = checksum.as_ref().map(|checksum| digest::Context::new(checksum.algorithm));
        let room = self.size() - self.offset();
        let (mut taken, mut heard) = (0_u64, Instant::now());
        let mut save_at = heard + SAVE_EVERY;
        let end = loop {
            tokio::select! {
                chunk = body.next() => match chunk {
                    Some(Ok(chunk)) => {
                        taken += chunk.len() as u64;
                        if taken > room {
                            return Err(too_much(self.size()));
                        }
                        if let Some(digest) = &mut digest {
                            digest.update(&chunk);
                        }
                        heard = Instant::now();
                        self.unrecorded_bytes += chunk.len() as u64;
                        // Large ones stay where they were read into. A small
                        // one would hold more there than it is.
                        match chunk.len() < CHUNK_BYTES_MIN {
                            true => self.tail.extend_from_slice(&chunk),
                            false => self.tail.push(chunk),
                        }
                    }
                    None if length.is_none_or(|length| length == taken) => break End::Whole,
                    Some(Err(_)) | None => break End::Cut,
                },
                () = sleep_until(save_at) => {
                    if heard.elapsed() > SILENCE_MAX {
                        break End::Cut;
                    }
                }
                _ = stopping.wait_for(|stopping| *stopping) => break End::Cut,
            }
            let last = taken == room;
            let due = Instant::now() >= save_at;
            let held = self.tail.content_length();
            if !last && (held >= STRETCH_BYTES || (due && held > self.tail_saved)) {
                self.save().await?;
                // What was promised to have a checksum counts once it has it.
                if checksum.is_none() {
                    self.record(true).await?;
                } else if due {
                    self.stay().await?;
                }
            }
            if due {
                save_at = Instant::now() + SAVE_EVERY;
            }
        };
        if let (End::Whole, Some(checksum), Some(digest)) = (end, checksum, digest)
            && digest.finish().as_ref() != checksum.expected
        {
            return Err(ProblemCode::UploadChecksumMismatch.into());
        }
        Ok(end)
    }

    /// Makes the tail durable.
    async fn save(&mut self) -> Result<()> {
        if self.tail.content_length() == self.tail_saved {
            return Ok(());
        }
        self.ensure_begun().await?;
        let before: u64 = self.parts.iter().map(|part| part.size_bytes).sum();
        let begins = before - self.tail_saved as u64;
        // A name of its own: one that was taken over must not write over what
        // counts.
        let name = format!("{begins}-{}", Uuid::new_v4().simple());
        let bytes = std::mem::take(&mut self.tail).freeze();
        let size = bytes.content_length();
        let grown = size >= PIECE_BYTES_MIN;
        if !grown {
            bytes.clone().into_iter().for_each(|chunk| self.tail.push(chunk));
        }
        let key = upload::part_key(self.upload.id, &name);
        put_object(&self.components, key.as_ref(), bytes).await?;
        if self.tail_saved > 0 {
            // The row still names it, until it is recorded; it goes with the
            // upload's other pieces.
            self.parts.pop();
        }
        self.parts.push(Part { name, size_bytes: size as u64 });
        self.tail_saved = if grown { 0 } else { size };
        Ok(())
    }

    async fn ensure_begun(&mut self) -> Result<()> {
        if self.begun {
            return Ok(());
        }
        self.upload.writer_until = Some(self.components.clock.now() + upload::HEARD_OF_WITHIN);
        if !upload::begin(&self.components, &self.upload).await? {
            return Err(ProblemCode::UploadBusy.into());
        }
        self.begun = true;
        Ok(())
    }

    /// Notes what is durable.
    async fn record(&mut self, goes_on: bool) -> Result<()> {
        if !self.begun {
            return Ok(());
        }
        let progress = Progress {
            offset_bytes: self.parts.iter().map(|part| part.size_bytes).sum(),
            parts: &self.parts,
            received_bytes: self.unrecorded_bytes,
            goes_on,
        };
        if !upload::record(&self.components, &self.upload, &progress).await? {
            return Err(ProblemCode::UploadBusy.into());
        }
        self.upload.offset_bytes = i64::try_from(progress.offset_bytes).map_err(Error::internal)?;
        self.upload.parts = serde_json::to_string(&self.parts)?;
        self.unrecorded_bytes = 0;
        Ok(())
    }

    /// Says that it is still there, and nothing of what it has.
    async fn stay(&self) -> Result<()> {
        if self.begun && !self.say_again(true).await? {
            return Err(ProblemCode::UploadBusy.into());
        }
        Ok(())
    }

    async fn say_again(&self, goes_on: bool) -> Result<bool> {
        let parts: Vec<Part> = serde_json::from_str(&self.upload.parts)?;
        let offset_bytes = upload::offset_of(&self.upload);
        let progress = Progress { offset_bytes, parts: &parts, received_bytes: 0, goes_on };
        upload::record(&self.components, &self.upload, &progress).await
    }

    /// Ends without adding anything. Where even that fails, the next writer
    /// waits until this one was not heard of for a while.
    pub(super) async fn let_go(&self) {
        if self.begun
            && let Err(error) = self.say_again(false).await
        {
            tracing::warn!(%error, "a writer could not let go of its upload");
        }
    }

    /// All of the file is here: verifies, keeps and enters it.
    async fn finish(mut self) -> Result<u64> {
        let outcome = self.keep().await;
        match outcome {
            Ok(()) => Ok(self.size()),
            Err(error) => {
                // Bytes that are not what was announced are of no use.
                match error.code() {
                    ProblemCode::MediaHashMismatch | ProblemCode::SealedFileUnreadable => {
                        self.begin_again().await?;
                    }
                    _ => self.let_go().await,
                }
                Err(error)
            }
        }
    }

    async fn keep(&mut self) -> Result<()> {
        let _turn = self.components.assembling.acquire(self.size()).await?;
        let bytes = match self.upload.sealed_key.clone() {
            Some(key) => self.opened(&key).await?,
            None => self.whole().await?,
        };
        let mut digest = digest::Context::new(&digest::SHA256);
        bytes.iter().for_each(|chunk| digest.update(chunk));
        let sha256 =
            digest.finish().as_ref().try_into().map(ContentHash::from_digest).map_err(Error::internal)?;
        if sha256 != self.announced.expected.sha256 {
            return Err(ProblemCode::MediaHashMismatch.into());
        }
        let file = keep::keep(&self.components, &self.announced, bytes).await?;
        let arrived = Arrived { file, author: self.upload.user_id, received_bytes: self.unrecorded_bytes };
        let ended = self.components.entering.enter(&self.components, arrived).await?;
        self.components.examining.look();
        upload::remove_all_pieces(&self.components, ended).await;
        Ok(())
    }

    /// What is in memory; what of it is saved as well is no part any more.
    fn take_tail(&mut self) -> PutPayload {
        if self.tail_saved > 0 {
            self.parts.pop();
            self.tail_saved = 0;
        }
        std::mem::take(&mut self.tail).freeze()
    }

    /// The file in a sealed upload. One copy of it is in memory, and a piece.
    async fn opened(&mut self, key: &str) -> Result<PutPayload> {
        let tail = self.take_tail();
        let mut bytes = Vec::with_capacity(usize::try_from(self.size()).map_err(Error::internal)?);
        for part in &self.parts {
            bytes.extend_from_slice(&self.piece(part).await?);
        }
        tail.iter().for_each(|chunk| bytes.extend_from_slice(chunk));
        drop(tail);
        Ok(sealed::open(&self.components, &self.upload, key, bytes)?.into())
    }

    async fn whole(&mut self) -> Result<PutPayload> {
        let tail = self.take_tail();
        if self.parts.is_empty() {
            return Ok(tail);
        }
        let mut bytes = PutPayloadMut::new();
        for part in &self.parts {
            bytes.push(self.piece(part).await?);
        }
        tail.into_iter().for_each(|chunk| bytes.push(chunk));
        Ok(bytes.freeze())
    }

    async fn begin_again(&mut self) -> Result<()> {
        self.parts.clear();
        if self.upload.sealed_key.is_some() {
            // The same would come again: its phone sends it plain.
            self.record(true).await?;
            return match self.begun {
                true => upload::terminate(&self.components, self.upload.id).await,
                false => Ok(()),
            };
        }
        if self.begun {
            self.record(false).await?;
            return upload::remove_pieces(&self.components, self.upload.id).await;
        }
        self.upload.writer = None;
        upload::begin(&self.components, &self.upload).await.map(drop)
    }
}

pub(super) fn too_much(size_bytes: u64) -> Error {
    Error::problem(ProblemCode::TooLarge).detail(
        format!("这个文件只有 {size_bytes} 字节,发送的内容超出了。"),
        format!("The file has {size_bytes} bytes, and more than that was sent."),
    )
}
