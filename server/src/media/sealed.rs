//! Files that a locked phone sends and cannot read (`doorstep_core::sealing`):
//! they come as any upload does, a little longer, and are opened when they are
//! whole.

use actix_web::web::Bytes;
use doorstep_core::ids::{MediaId, UserId};
use doorstep_core::json;
use doorstep_core::problem::ProblemCode;
use doorstep_core::sealing::{self, NONCE_BYTES, Sealed};
use ring::aead;

use crate::app::Components;
use crate::db::entity::upload;
use crate::error::{Error, Result};

/// The key that an upload begins with, as it is kept. It is opened once now: a
/// phone that cannot be understood does not send for nothing.
///
/// # Errors
/// `sealed_file_unreadable`.
pub(super) fn key(
    components: &Components,
    author: UserId,
    media_id: MediaId,
    metadata: &str,
) -> Result<String> {
    let sealed = sealing::read_file_metadata(metadata).ok_or(ProblemCode::SealedFileUnreadable)?;
    open_key(components, author, media_id, &sealed)?;
    String::from_utf8(json::write(&sealed)?).map_err(Error::internal)
}

fn open_key(
    components: &Components,
    author: UserId,
    media_id: MediaId,
    sealed: &Sealed,
) -> Result<aead::LessSafeKey> {
    let key = components.sealing.open_file_key(author, media_id, sealed);
    let key = key.and_then(|key| aead::UnboundKey::new(&aead::AES_256_GCM, &key).ok());
    let Some(key) = key else {
        tracing::warn!(%author, %media_id, key_id = %sealed.key_id, "the key of a sealed file does not open");
        return Err(ProblemCode::SealedFileUnreadable.into());
    };
    Ok(aead::LessSafeKey::new(key))
}

/// The file in what has come, opened where it lies.
///
/// # Errors
/// `sealed_file_unreadable`.
pub(super) fn open(
    components: &Components,
    upload: &upload::Model,
    sealed_key: &str,
    mut bytes: Vec<u8>,
) -> Result<Bytes> {
    let (author, media_id) = (upload.user_id, upload.media_id);
    let sealed: Sealed = json::read(sealed_key.as_bytes())?;
    let key = open_key(components, author, media_id, &sealed)?;
    let opened = bytes.split_first_chunk_mut::<NONCE_BYTES>().and_then(|(nonce, rest)| {
        let nonce = aead::Nonce::assume_unique_for_key(*nonce);
        let label = aead::Aad::from(sealing::file_label(media_id).into_bytes());
        key.open_in_place(nonce, label, rest).ok().map(|file| file.len())
    });
    let Some(length) = opened else {
        tracing::warn!(%author, %media_id, "a sealed file does not open");
        return Err(ProblemCode::SealedFileUnreadable.into());
    };
    Ok(Bytes::from(bytes).slice(NONCE_BYTES..NONCE_BYTES + length))
}
