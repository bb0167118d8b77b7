//! The file that shows a submission to somebody without this server.

use std::io::{Seek, Write};

use chrono::{DateTime, Utc};
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{DeviceId, MediaId, OperationId, SubmissionId};
use doorstep_core::submission::SubmissionContent;
use futures::StreamExt;
use object_store::ObjectStoreExt;
use object_store::path::Path as StoreKey;
use sea_orm::EntityTrait;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{chain, public_key, signed};
use crate::app::Components;
use crate::db::entity::{evidence, media, submission};
use crate::error::Error as ServerError;
use crate::submissions::content_of;

/// What [`Manifest::format`] says.
pub(super) const FORMAT: &str = "doorstep-evidence-bundle 1";
pub(super) const MANIFEST: &str = "evidence.json";
/// The body of the operation: the very bytes that were hashed.
pub(super) const SUBMISSION: &str = "submission.json";

/// The name of a file in the bundle.
pub(super) fn media_name(id: MediaId) -> String {
    format!("media/{id}")
}

/// `evidence.json`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Manifest {
    pub(super) format: String,
    pub(super) submission_id: SubmissionId,
    pub(super) device_id: DeviceId,
    /// ECDSA P-256, uncompressed SEC 1 point, base64url.
    pub(super) device_public_key: String,
    /// What the device signed, oldest first; the last is this submission.
    pub(super) chain: Vec<Link>,
    /// Files that the submission names and the server had not when this was
    /// written.
    pub(super) missing: Vec<MediaId>,
    /// A JWT over [`Receipt`], signed by the server.
    pub(super) receipt: String,
    /// Ed25519, PEM.
    pub(super) server_public_key: String,
}

/// A statement with its signature.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Link {
    pub(super) op_id: OperationId,
    pub(super) sha256: ContentHash,
    pub(super) previous: Option<ContentHash>,
    pub(super) signature: String,
}

impl From<evidence::Model> for Link {
    fn from(row: evidence::Model) -> Self {
        Self { op_id: row.signed_op_id, sha256: row.sha256, previous: row.previous, signature: row.signature }
    }
}

/// The server's word: when it received this, and whose key signed it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Receipt {
    pub submission_id: SubmissionId,
    pub sha256: ContentHash,
    /// The hash of the device's statement.
    pub link: ContentHash,
    pub device_id: DeviceId,
    pub device_public_key: String,
    pub received_at: DateTime<Utc>,
}

/// What is to be known of a bundle.
#[derive(Debug)]
pub struct Exported {
    pub statements: usize,
    pub files: usize,
    /// Files that have not arrived.
    pub missing: usize,
}

/// Why there is no bundle.
#[derive(Debug, Error)]
pub enum ExportError {
    #[error("there is no submission {0}")]
    Unknown(SubmissionId),
    #[error("the submission {0} is not signed: it was captured by an app from before there was evidence")]
    Unsigned(SubmissionId),
    #[error("the archive could not be written: {0}")]
    Archive(#[from] zip::result::ZipError),
    #[error("{0}")]
    Server(#[from] ServerError),
}

impl From<std::io::Error> for ExportError {
    fn from(error: std::io::Error) -> Self {
        Self::Archive(error.into())
    }
}

/// Writes the bundle of a submission, a zip archive, as it is stored: whether
/// it holds is for whoever reads it to find out. Files go through piece by
/// piece; `out` is written to by this thread.
///
/// # Errors
/// When there is none, it was not signed, or something cannot be read or
/// written; what was written by then is of no use.
pub async fn export(
    components: &Components,
    id: SubmissionId,
    out: impl Write + Seek,
) -> Result<Exported, ExportError> {
    let connection = components.database.read();
    let row = submission::Entity::find_by_id(id).one(connection).await.map_err(ServerError::from)?;
    let row = row.ok_or(ExportError::Unknown(id))?;
    let signed = signed(connection, id, &row.sha256).await?.ok_or(ExportError::Unsigned(id))?;
    let device_public_key = public_key(connection, signed.proof.device_id).await?.unwrap_or_default();
    let content = content_of(&row)?;
    let files = files(components, &content).await?;
    let has = |id: &MediaId| files.iter().any(|(found, _)| found == id);
    let missing: Vec<MediaId> =
        content.media.iter().map(|file| file.media_id).filter(|id| !has(id)).collect();
    let receipt = Receipt {
        submission_id: id,
        sha256: signed.operation.sha256.clone(),
        link: signed.proof.link.clone(),
        device_id: signed.proof.device_id,
        device_public_key: device_public_key.clone(),
        received_at: signed.operation.received_at,
    };
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        submission_id: id,
        device_id: signed.proof.device_id,
        device_public_key,
        chain: chain(connection, &signed.proof).await?.into_iter().map(Link::from).collect(),
        missing,
        receipt: components.tokens.sign_receipt(&receipt, components.clock.now())?,
        server_public_key: components.tokens.public_key_pem().to_owned(),
    };
    // What reviewers saw goes in; should it differ from what came, its hash tells.
    pack(components, &manifest, &row.content, &files, out).await?;
    Ok(Exported { statements: manifest.chain.len(), files: files.len(), missing: manifest.missing.len() })
}

/// Where the files are that have arrived.
async fn files(
    components: &Components,
    content: &SubmissionContent,
) -> Result<Vec<(MediaId, StoreKey)>, ServerError> {
    let mut found = Vec::new();
    for file in &content.media {
        let row = media::Entity::find_by_id(file.sha256.clone()).one(components.database.read()).await?;
        let Some(row) = row else { continue };
        let key = StoreKey::from(row.store_key);
        match components.media.head(&key).await {
            Ok(_) => found.push((file.media_id, key)),
            Err(object_store::Error::NotFound { .. }) => {}
            Err(cause) => return Err(ServerError::internal(cause)),
        }
    }
    Ok(found)
}

async fn pack(
    components: &Components,
    manifest: &Manifest,
    submission: &str,
    files: &[(MediaId, StoreKey)],
    out: impl Write + Seek,
) -> Result<(), ExportError> {
    let mut archive = ZipWriter::new(out);
    let text = SimpleFileOptions::default();
    // Photos are packed already.
    let whole = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    archive.start_file(MANIFEST, text)?;
    archive.write_all(&serde_json::to_vec_pretty(manifest).map_err(ServerError::from)?)?;
    archive.start_file(SUBMISSION, text)?;
    archive.write_all(submission.as_bytes())?;
    for (id, key) in files {
        archive.start_file(media_name(*id), whole)?;
        let mut bytes = components.media.get(key).await.map_err(ServerError::internal)?.into_stream();
        while let Some(piece) = bytes.next().await {
            archive.write_all(&piece.map_err(ServerError::internal)?)?;
        }
    }
    archive.finish()?.flush()?;
    Ok(())
}
