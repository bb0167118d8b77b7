//! Backup files that phones have written (`doorstep_core::phone::backup`),
//! taken in by whoever runs the server: the phone is gone, and its person does
//! not log in on another.
//!
//! What is in a file goes the very way of an ordinary push, in the name of its
//! author, from a device of its own whose identifier is the backup's. So taking
//! a file in twice, or after another phone has sent the same, enters nothing
//! twice.

use doorstep_core::ids::{DeviceId, MediaId};
use doorstep_core::phone::PhoneError;
use doorstep_core::phone::backup::{BackupError, BackupFile, Contents, frame_label};
use doorstep_core::problem::ProblemCode;
use doorstep_core::sealing::{DATA_KEY_BYTES, NONCE_BYTES};
use doorstep_core::sync::{Operation, Outcome, ParkReason};
use ring::aead;
use sea_orm::sea_query::OnConflict;
use sea_orm::{EntityTrait, Set};
use thiserror::Error;

use crate::app::Components;
use crate::auth::permit::{self, HandOver, Permit};
use crate::db::entity::{device, operation};
use crate::error::{Error, Result};
use crate::{media, sync};

/// Why a file was not taken in, or not wholly. What was taken in stays, and
/// taking the file in again goes on behind it.
#[derive(Debug, Error)]
pub enum ImportError {
    #[error(transparent)]
    File(#[from] PhoneError),
    #[error(
        "the file was sealed for another server, or its key was altered: take it to the server that its phone belongs to"
    )]
    OtherServer,
    #[error("the file's author has no account here: is this the server that the phone belongs to?")]
    AuthorUnknown,
    #[error("{0}")]
    Server(#[from] Error),
}

impl From<BackupError> for ImportError {
    fn from(error: BackupError) -> Self {
        Self::File(error.into())
    }
}

/// What became of the contents of a file.
#[derive(Debug, Default)]
pub struct Imported {
    pub login_name: String,
    pub visits_new: usize,
    /// The server had them already.
    pub visits_known: usize,
    /// Of all of them: what waits for something, and for what.
    pub parked: Vec<ParkReason>,
    pub files_new: usize,
    pub files_known: usize,
    /// Files whose visit waits: take the file in again once it was applied.
    pub files_early: usize,
    /// Files that the server does not keep, with the reason.
    pub files_refused: Vec<(MediaId, Error)>,
    /// Left in the file: only a person can finish them, on a phone.
    pub drafts: usize,
}

/// Takes a backup file in.
///
/// # Errors
/// See [`ImportError`].
pub async fn import(components: &Components, bytes: &[u8]) -> Result<Imported, ImportError> {
    let file = BackupFile::read(bytes)?;
    let author = file.header.user_id;
    let device_id = DeviceId(file.header.backup_id);
    let permit = permit::of_author(components, author, device_id).await?.ok_or(ImportError::AuthorUnknown)?;
    let key = components.sealing.open(author, &file.header.key).ok_or(ImportError::OtherServer)?;
    let contents = Contents::read(&open(&key, &file)?)?;
    let mut imported = Imported {
        login_name: permit.user().login_name.clone(),
        drafts: contents.drafts,
        ..Imported::default()
    };
    register(components, &permit).await?;
    for (seq, operation) in (1..).zip(contents.operations) {
        take(components, &permit, Operation { seq, ..operation }, &mut imported).await?;
    }
    for (entry, bytes) in contents.files {
        match media::take_in(components, author, entry.media_id, bytes.into()).await {
            Ok(true) => imported.files_new += 1,
            Ok(false) => imported.files_known += 1,
            Err(error) if error.code() == ProblemCode::MediaNotExpected => imported.files_early += 1,
            Err(error) if is_of_the_file(error.code()) => {
                imported.files_refused.push((entry.media_id, error));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(imported)
}

/// Whether trying again would end the same.
fn is_of_the_file(code: ProblemCode) -> bool {
    matches!(code, ProblemCode::MediaHashMismatch | ProblemCode::TooLarge)
}

async fn take(
    components: &Components,
    permit: &Permit<HandOver>,
    operation: Operation,
    imported: &mut Imported,
) -> Result<()> {
    let known = operation::Entity::find_by_id(operation.op_id).one(components.database.read()).await?;
    let result = sync::take(components, permit, &operation).await?;
    if known.is_some() {
        imported.visits_known += 1;
    } else {
        imported.visits_new += 1;
    }
    if let Outcome::Parked { reason } = result.outcome {
        imported.parked.push(reason);
    }
    Ok(())
}

/// The rows of a file.
fn open(key: &[u8], file: &BackupFile<'_>) -> Result<Vec<Vec<u8>>, BackupError> {
    debug_assert_eq!(key.len(), DATA_KEY_BYTES);
    let key = aead::UnboundKey::new(&aead::AES_256_GCM, key).map_err(|_| BackupError::Damaged)?;
    let key = aead::LessSafeKey::new(key);
    let mut rows = Vec::with_capacity(file.frames.len());
    for (number, frame) in file.frames.iter().enumerate() {
        let (nonce, sealed) = frame.split_first_chunk::<NONCE_BYTES>().ok_or(BackupError::Damaged)?;
        let label = aead::Aad::from(frame_label(&file.header, number).into_bytes());
        let mut sealed = sealed.to_vec();
        let nonce = aead::Nonce::assume_unique_for_key(*nonce);
        let row = key.open_in_place(nonce, label, &mut sealed).map_err(|_| BackupError::Damaged)?;
        rows.push(row.to_vec());
    }
    Ok(rows)
}

/// Enters the file as a device that nobody can log in with, if it is new.
async fn register(components: &Components, permit: &Permit<HandOver>) -> Result<()> {
    let now = components.clock.now();
    let row = device::ActiveModel {
        id: Set(permit.device_id()),
        user_id: Set(permit.user_id()),
        name: Set("备份文件 backup file".to_owned()),
        public_key: Set(String::new()),
        last_seq: Set(0),
        registered_at: Set(now),
        last_seen_at: Set(now),
        revoked_at: Set(Some(now)),
        storage_recreated_at: Set(None),
    };
    components
        .database
        .write(async |transaction| {
            device::Entity::insert(row.clone())
                .on_conflict(OnConflict::column(device::Column::Id).do_nothing().to_owned())
                .exec_without_returning(transaction)
                .await?;
            Ok(())
        })
        .await
}
