//! Sealing for the server, as a phone does it, written from the description in
//! `doorstep_core::sealing`.

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorstep_core::ids::{MediaId, UserId};
use doorstep_core::sealing::{self, Sealed, SealedFile, SealedOperation, SealingKey};
use doorstep_core::sync::Operation;
use p256::ecdh::diffie_hellman;
use p256::{PublicKey, SecretKey};
use ring::{aead, hkdf};

/// Seals `bytes` for the server's key.
///
/// # Errors
/// When the key is none.
pub fn seal(server: &SealingKey, info: &str, label: String, bytes: &[u8]) -> Result<Sealed> {
    let server_point = URL_SAFE_NO_PAD.decode(&server.public_key)?;
    let ephemeral = SecretKey::from_slice(&[3; 32])?;
    let point = ephemeral.public_key().to_sec1_bytes();
    let public = PublicKey::from_sec1_bytes(&server_point)?;
    let shared = diffie_hellman(ephemeral.to_nonzero_scalar(), public.as_affine());
    let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, &[&point[..], &server_point].concat());
    let prk = salt.extract(shared.raw_secret_bytes());
    let info = [info.as_bytes()];
    let wrapping = prk.expand(&info, &aead::AES_256_GCM).map_err(unspecified)?;
    let nonce = [9; sealing::NONCE_BYTES];
    let sealed = encrypt(aead::UnboundKey::from(wrapping), nonce, label, bytes)?;
    Ok(Sealed {
        key_id: server.id.clone(),
        ephemeral_public_key: URL_SAFE_NO_PAD.encode(&point),
        nonce: URL_SAFE_NO_PAD.encode(nonce),
        sealed: URL_SAFE_NO_PAD.encode(sealed),
    })
}

fn unspecified(_: ring::error::Unspecified) -> anyhow::Error {
    anyhow::anyhow!("ring refuses")
}

fn encrypt(
    key: aead::UnboundKey,
    nonce: [u8; sealing::NONCE_BYTES],
    label: String,
    bytes: &[u8],
) -> Result<Vec<u8>> {
    let (nonce, label) = (aead::Nonce::assume_unique_for_key(nonce), aead::Aad::from(label.into_bytes()));
    let mut sealed = bytes.to_vec();
    aead::LessSafeKey::new(key).seal_in_place_append_tag(nonce, label, &mut sealed).map_err(unspecified)?;
    Ok(sealed)
}

/// An operation, as a locked phone has it.
///
/// # Errors
/// When it cannot be sealed.
pub fn seal_operation(server: &SealingKey, owner: UserId, operation: &Operation) -> Result<SealedOperation> {
    let label = sealing::operation_label(owner, operation.op_id);
    let envelope = seal(server, sealing::OPERATION_INFO, label, &serde_json::to_vec(operation)?)?;
    Ok(SealedOperation { op_id: operation.op_id, envelope })
}

/// A file, as a locked phone has it, and what it sends of it. Each `seed` is
/// another key of the file.
///
/// # Errors
/// When it cannot be sealed.
pub fn seal_file(
    server: &SealingKey,
    owner: UserId,
    media_id: MediaId,
    file: &[u8],
    seed: u8,
) -> Result<(SealedFile, Vec<u8>)> {
    let key = [seed; sealing::DATA_KEY_BYTES];
    let nonce = [seed.wrapping_add(1); sealing::NONCE_BYTES];
    let unbound = aead::UnboundKey::new(&aead::AES_256_GCM, &key).map_err(unspecified)?;
    let mut bytes = nonce.to_vec();
    bytes.extend(encrypt(unbound, nonce, sealing::file_label(media_id), file)?);
    let key = seal(server, sealing::FILE_INFO, sealing::file_key_label(owner, media_id), &key)?;
    Ok((SealedFile { media_id, size_bytes: file.len() as u64, is_preview: false, key }, bytes))
}
