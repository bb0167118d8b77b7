//! What phones seal (`doorstep_core::sealing`): the key to seal for, opening the
//! spare copy of a data key for somebody who has just logged in, and opening
//! operations and the keys of files that a locked phone sent.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use doorstep_core::ids::{MediaId, SessionId, UserId};
use doorstep_core::problem::ProblemCode;
use doorstep_core::sealing::{
    self, DATA_KEY_BYTES, NONCE_BYTES, OpenedKey, Sealed, SealedKey, SealedOperation, SealingKey,
};
use p256::ecdh::diffie_hellman;
use p256::{PublicKey, SecretKey};
use ring::{aead, hkdf};
use sea_orm::{ActiveModelTrait, EntityTrait, QueryOrder, Set};

use crate::app::Components;
use crate::clock::Clock;
use crate::db::Database;
use crate::db::entity::{sealing_key, session};
use crate::error::{Error, Result};

/// A copy is opened for so long after the password was given.
pub const FRESH_LOGIN: TimeDelta = TimeDelta::minutes(10);

/// The server's sealing keys: the newest is sealed for, all of them open.
pub struct SealingKeys {
    newest: SealingKey,
    secrets: HashMap<String, SecretKey>,
}

impl SealingKeys {
    /// Reads the keys, and makes one where there is none.
    pub async fn load(database: &Database, clock: &Clock) -> Result<Self> {
        let rows = database
            .write(async |transaction| {
                let rows = sealing_key::Entity::find()
                    .order_by_desc(sealing_key::Column::CreatedAt)
                    .all(transaction)
                    .await?;
                if !rows.is_empty() {
                    return Ok(rows);
                }
                let secret = new_secret()?;
                let row = sealing_key::ActiveModel {
                    id: Set(uuid::Uuid::now_v7().to_string()),
                    private_key: Set(URL_SAFE_NO_PAD.encode(secret.to_bytes())),
                    public_key: Set(URL_SAFE_NO_PAD.encode(secret.public_key().to_sec1_bytes())),
                    created_at: Set(clock.now()),
                };
                Ok(vec![row.insert(transaction).await?])
            })
            .await?;
        Self::of(rows)
    }

    fn of(rows: Vec<sealing_key::Model>) -> Result<Self> {
        let Some(newest) = rows.first() else {
            return Err(Error::internal(anyhow::anyhow!("there is no sealing key")));
        };
        let newest = SealingKey { id: newest.id.clone(), public_key: newest.public_key.clone() };
        let secrets = rows
            .into_iter()
            .map(|row| {
                let bytes = URL_SAFE_NO_PAD.decode(&row.private_key).map_err(Error::internal)?;
                Ok((row.id, SecretKey::from_slice(&bytes).map_err(Error::internal)?))
            })
            .collect::<Result<_>>()?;
        Ok(Self { newest, secrets })
    }

    /// What phones seal for.
    pub fn public(&self) -> &SealingKey {
        &self.newest
    }

    /// The data key in a copy that was sealed for this person; nothing when it
    /// was not, or was altered.
    pub(crate) fn open(&self, user: UserId, sealed: &SealedKey) -> Option<Vec<u8>> {
        let data_key = self.unseal(sealing::INFO, sealing::label(user), sealed)?;
        (data_key.len() == DATA_KEY_BYTES).then_some(data_key)
    }

    /// The JSON of an operation that was sealed by this person; nothing when it
    /// was not, or was altered.
    pub(crate) fn open_operation(&self, user: UserId, sealed: &SealedOperation) -> Option<Vec<u8>> {
        let label = sealing::operation_label(user, sealed.op_id);
        self.unseal(sealing::OPERATION_INFO, label, &sealed.envelope)
    }

    /// The key of a file that this person sealed; nothing when they did not, or
    /// it was altered.
    pub(crate) fn open_file_key(&self, user: UserId, media_id: MediaId, sealed: &Sealed) -> Option<Vec<u8>> {
        let key = self.unseal(sealing::FILE_INFO, sealing::file_key_label(user, media_id), sealed)?;
        (key.len() == DATA_KEY_BYTES).then_some(key)
    }

    fn unseal(&self, info: &str, label: String, sealed: &Sealed) -> Option<Vec<u8>> {
        let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        let secret = self.secrets.get(&sealed.key_id)?;
        let point = decoded(&sealed.ephemeral_public_key)?;
        let ephemeral = PublicKey::from_sec1_bytes(&point).ok()?;
        let shared = diffie_hellman(secret.to_nonzero_scalar(), ephemeral.as_affine());

        let own = secret.public_key().to_sec1_bytes();
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, &[point.as_slice(), &own].concat());
        let prk = salt.extract(shared.raw_secret_bytes());
        let info = [info.as_bytes()];
        let wrapping = prk.expand(&info, &aead::AES_256_GCM).ok()?;
        let wrapping = aead::LessSafeKey::new(aead::UnboundKey::from(wrapping));

        let nonce: [u8; NONCE_BYTES] = decoded(&sealed.nonce)?.try_into().ok()?;
        let mut bytes = decoded(&sealed.sealed)?;
        let label = aead::Aad::from(label.into_bytes());
        let nonce = aead::Nonce::assume_unique_for_key(nonce);
        wrapping.open_in_place(nonce, label, &mut bytes).ok().map(|opened| opened.to_vec())
    }
}

/// A random scalar: one in 2³² tries is none, and the next one is.
fn new_secret() -> Result<SecretKey> {
    for _ in 0..8 {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(Error::internal)?;
        if let Ok(secret) = SecretKey::from_slice(&bytes) {
            return Ok(secret);
        }
    }
    Err(Error::internal(anyhow::anyhow!("the system's random numbers are no keys")))
}

/// Opens a copy for somebody whose login is fresh: whoever found a phone with
/// a running session does not get at its content without the password.
///
/// # Errors
/// `login_not_fresh`, `sealed_key_unknown`.
pub async fn open(
    components: &Components,
    user: UserId,
    session: SessionId,
    sealed: &SealedKey,
) -> Result<OpenedKey> {
    let now = components.clock.now();
    let session = session::Entity::find_by_id(session).one(components.database.read()).await?;
    session.filter(|session| now - session.created_at <= FRESH_LOGIN).ok_or(ProblemCode::LoginNotFresh)?;
    let Some(data_key) = components.sealing.open(user, sealed) else {
        tracing::warn!(%user, key_id = %sealed.key_id, "a sealed data key could not be opened");
        return Err(ProblemCode::SealedKeyUnknown.into());
    };
    tracing::info!(%user, "a sealed data key was opened after a login");
    Ok(OpenedKey { data_key: URL_SAFE_NO_PAD.encode(data_key) })
}
