//! Access tokens: JWT, EdDSA, thirty minutes. The keys are made on the first
//! start and kept in the database, so that every copy of the server has them.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use doorstep_core::ids::{DeviceId, SessionId, UserId};
use doorstep_core::problem::ProblemCode;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use sea_orm::{ActiveModelTrait, EntityTrait, QueryOrder, Set};
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::db::Database;
use crate::db::entity::signing_key;
use crate::error::{Error, Result};
use crate::evidence::Receipt;

/// How long an access token works.
pub const ACCESS_TOKEN_LIFE: TimeDelta = TimeDelta::minutes(30);

/// How long a locked phone can send without another login or trade of tokens.
pub const PUSH_TOKEN_LIFE: TimeDelta = TimeDelta::days(30);

const ISSUER: &str = "doorstep";
const AUDIENCE: &str = "doorstep-api";
const PUSH_AUDIENCE: &str = "doorstep-sealed-push";
const RECEIPT_AUDIENCE: &str = "doorstep-evidence";

/// Signs and reads access tokens.
pub struct Tokens {
    key_id: String,
    signing: EncodingKey,
    public_key_pem: String,
    /// Every key that may have signed a token that is still good, by name.
    verifying: HashMap<String, DecodingKey>,
    validation: Validation,
    push_validation: Validation,
}

/// What a token says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Claims {
    pub user_id: UserId,
    pub device_id: DeviceId,
    pub session_id: SessionId,
}

/// The claims as the token carries them.
#[derive(Debug, Deserialize, Serialize)]
struct WireClaims {
    iss: String,
    aud: String,
    sub: UserId,
    device: DeviceId,
    session: SessionId,
    iat: i64,
    exp: i64,
}

impl Tokens {
    /// Reads the keys, and makes one where there is none.
    pub async fn load(database: &Database, clock: &Clock) -> Result<Self> {
        let keys = database
            .write(async |transaction| {
                let keys = signing_key::Entity::find()
                    .order_by_desc(signing_key::Column::CreatedAt)
                    .all(transaction)
                    .await?;
                if !keys.is_empty() {
                    return Ok(keys);
                }
                let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).map_err(Error::internal)?;
                let key = signing_key::ActiveModel {
                    id: Set(uuid::Uuid::now_v7().to_string()),
                    private_key_pem: Set(pair.serialize_pem()),
                    public_key_pem: Set(pair.public_key_pem()),
                    created_at: Set(clock.now()),
                };
                Ok(vec![key.insert(transaction).await?])
            })
            .await?;
        Self::of(&keys)
    }

    fn of(keys: &[signing_key::Model]) -> Result<Self> {
        let Some(newest) = keys.first() else {
            return Err(Error::internal(anyhow::anyhow!("there is no signing key")));
        };
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        // Expiry is checked against our own clock.
        validation.validate_exp = false;
        let mut push_validation = validation.clone();
        push_validation.set_audience(&[PUSH_AUDIENCE]);
        let verifying = keys
            .iter()
            .map(|key| Ok((key.id.clone(), DecodingKey::from_ed_pem(key.public_key_pem.as_bytes())?)))
            .collect::<Result<_, jsonwebtoken::errors::Error>>()
            .map_err(Error::internal)?;
        Ok(Self {
            key_id: newest.id.clone(),
            signing: EncodingKey::from_ed_pem(newest.private_key_pem.as_bytes()).map_err(Error::internal)?,
            public_key_pem: newest.public_key_pem.clone(),
            verifying,
            validation,
            push_validation,
        })
    }

    /// A token, and when it ends.
    pub fn issue(&self, claims: Claims, now: DateTime<Utc>) -> Result<(String, DateTime<Utc>)> {
        let expires_at = now + ACCESS_TOKEN_LIFE;
        Ok((self.sign(claims, AUDIENCE, now, expires_at)?, expires_at))
    }

    /// A token for the sealed outbox of a locked phone. It ends with its
    /// session, too.
    pub fn issue_push(&self, claims: Claims, now: DateTime<Utc>) -> Result<String> {
        self.sign(claims, PUSH_AUDIENCE, now, now + PUSH_TOKEN_LIFE)
    }

    /// The server's word for evidence, as a JWT. It does not end.
    pub(crate) fn sign_receipt(&self, receipt: &Receipt, now: DateTime<Utc>) -> Result<String> {
        let header = Header { kid: Some(self.key_id.clone()), ..Header::new(Algorithm::EdDSA) };
        let claims = WireReceipt {
            iss: ISSUER.to_owned(),
            aud: RECEIPT_AUDIENCE.to_owned(),
            iat: now.timestamp(),
            receipt: receipt.clone(),
        };
        jsonwebtoken::encode(&header, &claims, &self.signing).map_err(Error::internal)
    }

    /// Signs a text that is no token. The same text has the same signature, for
    /// as long as the key is the newest.
    pub(crate) fn sign_text(&self, text: &str) -> Result<String> {
        jsonwebtoken::crypto::sign(text.as_bytes(), &self.signing, Algorithm::EdDSA).map_err(Error::internal)
    }

    /// Whether one of our keys signed the text.
    pub(crate) fn has_signed(&self, text: &str, signature: &str) -> bool {
        self.verifying.values().any(|key| {
            // What is no signature at all did not sign it either.
            jsonwebtoken::crypto::verify(signature, text.as_bytes(), key, Algorithm::EdDSA).unwrap_or(false)
        })
    }

    /// The key that verifies what is signed now (Ed25519, PEM).
    pub fn public_key_pem(&self) -> &str {
        &self.public_key_pem
    }

    fn sign(
        &self,
        claims: Claims,
        audience: &str,
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Result<String> {
        let header = Header { kid: Some(self.key_id.clone()), ..Header::new(Algorithm::EdDSA) };
        let claims = WireClaims {
            iss: ISSUER.to_owned(),
            aud: audience.to_owned(),
            sub: claims.user_id,
            device: claims.device_id,
            session: claims.session_id,
            iat: now.timestamp(),
            exp: expires_at.timestamp(),
        };
        jsonwebtoken::encode(&header, &claims, &self.signing).map_err(Error::internal)
    }

    /// What a token says, if it is ours and still good.
    ///
    /// # Errors
    /// `session_expired` whatever is wrong with it: to the holder it is the
    /// same.
    pub fn read(&self, token: &str, now: DateTime<Utc>) -> Result<Claims> {
        self.read_for(&self.validation, token, now)
    }

    /// As [`Self::read`], of a token for the sealed outbox.
    ///
    /// # Errors
    /// `session_expired`.
    pub fn read_push(&self, token: &str, now: DateTime<Utc>) -> Result<Claims> {
        self.read_for(&self.push_validation, token, now)
    }

    fn read_for(&self, validation: &Validation, token: &str, now: DateTime<Utc>) -> Result<Claims> {
        let expired =
            |cause: jsonwebtoken::errors::Error| Error::from(ProblemCode::SessionExpired).because(cause);
        let header = jsonwebtoken::decode_header(token).map_err(expired)?;
        let key =
            header.kid.and_then(|key_id| self.verifying.get(&key_id)).ok_or(ProblemCode::SessionExpired)?;
        let claims = jsonwebtoken::decode::<WireClaims>(token, key, validation).map_err(expired)?.claims;
        if claims.exp <= now.timestamp() {
            return Err(ProblemCode::SessionExpired.into());
        }
        Ok(Claims { user_id: claims.sub, device_id: claims.device, session_id: claims.session })
    }
}

/// A receipt as the token carries it.
#[derive(Debug, Deserialize, Serialize)]
struct WireReceipt {
    iss: String,
    aud: String,
    iat: i64,
    receipt: Receipt,
}

/// What a receipt says, if the key signed it.
pub(crate) fn read_receipt(token: &str, public_key_pem: &str) -> Option<Receipt> {
    let key = DecodingKey::from_ed_pem(public_key_pem.as_bytes()).ok()?;
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[RECEIPT_AUDIENCE]);
    validation.set_required_spec_claims(&["iss", "aud"]);
    validation.validate_exp = false;
    jsonwebtoken::decode::<WireReceipt>(token, &key, &validation).ok().map(|token| token.claims.receipt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn tokens(id: &str) -> Result<Tokens> {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).map_err(Error::internal)?;
        Tokens::of(&[signing_key::Model {
            id: id.to_owned(),
            private_key_pem: pair.serialize_pem(),
            public_key_pem: pair.public_key_pem(),
            created_at: DateTime::default(),
        }])
    }

    #[test]
    fn a_token_is_good_for_half_an_hour_and_only_here() -> Result<()> {
        let claims = Claims {
            user_id: UserId(Uuid::from_u128(1)),
            device_id: DeviceId(Uuid::from_u128(2)),
            session_id: SessionId(Uuid::from_u128(3)),
        };
        let now = DateTime::from_timestamp(1_795_000_000, 0).unwrap_or_default();
        let ours = tokens("a")?;
        let (token, expires_at) = ours.issue(claims, now)?;
        assert_eq!(expires_at, now + ACCESS_TOKEN_LIFE);
        assert_eq!(ours.read(&token, now + TimeDelta::minutes(29))?, claims);
        for (reader, token, at, why) in [
            (&ours, token.clone(), expires_at, "over"),
            (&tokens("a")?, token.clone(), now, "another server's key of the same name"),
            (&tokens("b")?, token.clone(), now, "a key of another name"),
            (&ours, format!("{token}x"), now, "altered"),
            (&ours, "nonsense".to_owned(), now, "nonsense"),
            (&ours, String::new(), now, "empty"),
        ] {
            assert_eq!(
                reader.read(&token, at).map_err(|error| error.code()),
                Err(ProblemCode::SessionExpired),
                "{why}"
            );
        }
        Ok(())
    }
}
