//! Logging in, staying logged in, logging out.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use doorstep_core::api::{
    DeviceRegistration, LoginAnswer, LoginRequest, TokenAnswer, TokenRequest, refresh_challenge,
};
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{DeviceId, SessionId, UserId};
use doorstep_core::problem::ProblemCode;
use doorstep_core::text::LocalText;
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter,
    QuerySelect, Set,
};

use crate::app::Components;
use crate::auth::password::PASSWORD_BYTES_MAX;
use crate::auth::tokens::Claims;
use crate::db::Transaction;
use crate::db::entity::{device, session, user};
use crate::error::{Error, Result};
use crate::users;

/// How long somebody stays logged in without a network.
pub const SESSION_LIFE: TimeDelta = TimeDelta::days(60);
/// Wrong passwords in a row before the account is locked.
pub const FAILED_LOGINS_MAX: i32 = 5;
/// The first lock; each further wrong password doubles it.
pub const LOCK: TimeDelta = TimeDelta::minutes(15);
const LOCK_DOUBLINGS_MAX: i32 = 6;
/// For so long after a rotation the token before it still works: its answer
/// may have been lost on the way.
pub const LOST_ANSWER_GRACE: TimeDelta = TimeDelta::seconds(60);

const DEVICE_NAME_CHARACTERS_MAX: usize = 120;
const REFRESH_TOKEN_BYTES: usize = 32;

/// Checks a password, registers the device, opens a session.
///
/// # Errors
/// `invalid_credentials`, `account_locked`, `account_disabled`,
/// `device_taken`, `device_unknown` for a revoked one, `invalid_request` for
/// an unusable device key.
pub async fn log_in(components: &Components, request: LoginRequest) -> Result<LoginAnswer> {
    let now = components.clock.now();
    if request.password.len() > PASSWORD_BYTES_MAX {
        return Err(ProblemCode::InvalidCredentials.into());
    }
    check_device_key(&request.device.public_key)?;
    let known = users::find_by_login_name(components.database.read(), &request.login_name).await?;
    if let Some(user) = &known {
        check_lock(user, now)?;
    }
    let hash = known.as_ref().map(|user| user.password_hash.clone());
    let right = components.passwords.verify(request.password, hash).await?;
    let Some(user) = known else { return Err(ProblemCode::InvalidCredentials.into()) };

    let opened = components
        .database
        .write(async |transaction| {
            // Another attempt may have locked the account while this one computed.
            let user = locked_row(transaction, user.id).await?;
            check_lock(&user, now)?;
            if !right {
                count_failure(transaction, user, now).await?;
                return Ok(None);
            }
            if user.disabled_at.is_some() {
                return Err(ProblemCode::AccountDisabled.into());
            }
            forget_failures(transaction, &user).await?;
            register(transaction, user.id, &request.device, now).await?;
            let opened = open_session(transaction, user.id, request.device.device_id, now).await?;
            Ok(Some((opened, users::me(transaction, &user).await?)))
        })
        .await?;
    let Some(((claims, refresh_token), me)) = opened else {
        return Err(ProblemCode::InvalidCredentials.into());
    };
    Ok(LoginAnswer {
        tokens: answer(components, claims, refresh_token, now)?,
        me,
        sealing_key: components.sealing.public().clone(),
    })
}

/// Trades a refresh token and the device's signature for new tokens.
///
/// # Errors
/// `device_unknown` when the device is not the one, `session_expired`.
pub async fn refresh(components: &Components, request: &TokenRequest) -> Result<TokenAnswer> {
    let now = components.clock.now();
    let rotated = components
        .database
        .write(async |transaction| {
            let device = device::Entity::find_by_id(request.device_id).one(transaction).await?;
            let device = device
                .filter(|device| device.revoked_at.is_none() && signed_by(device, request))
                .ok_or(ProblemCode::DeviceUnknown)?;
            let session = session_of_token(transaction, device.id, &request.refresh_token)
                .await?
                .filter(|session| session.revoked_at.is_none() && session.expires_at > now)
                .ok_or(ProblemCode::SessionExpired)?;
            touch(transaction, device, now).await?;
            rotate(transaction, session, &request.refresh_token, now).await
        })
        .await?;
    // The revocation of a reused token has to last, so it is not an error
    // inside of the transaction.
    let (claims, refresh_token) = rotated.ok_or(ProblemCode::SessionExpired)?;
    answer(components, claims, refresh_token, now)
}

/// Ends a session.
pub async fn log_out(components: &Components, session: SessionId) -> Result<()> {
    let now = components.clock.now();
    components
        .database
        .write(async |transaction| {
            session::Entity::update_many()
                .col_expr(session::Column::RevokedAt, Expr::value(now))
                .filter(session::Column::Id.eq(session))
                .filter(session::Column::RevokedAt.is_null())
                .exec(transaction)
                .await?;
            Ok(())
        })
        .await
}

fn answer(
    components: &Components,
    claims: Claims,
    refresh_token: String,
    now: DateTime<Utc>,
) -> Result<TokenAnswer> {
    let (access_token, access_expires_at) = components.tokens.issue(claims, now)?;
    let push_token = Some(components.tokens.issue_push(claims, now)?);
    Ok(TokenAnswer { access_token, access_expires_at, refresh_token, push_token })
}

/// The user's row, held until the transaction ends.
async fn locked_row(transaction: &Transaction, id: UserId) -> Result<user::Model> {
    let row = user::Entity::find_by_id(id).lock_exclusive().one(transaction).await?;
    Ok(row.ok_or(ProblemCode::InvalidCredentials)?)
}

fn check_lock(user: &user::Model, now: DateTime<Utc>) -> Result<()> {
    match user.locked_until {
        Some(until) if until > now => {
            let wait = (until - now).to_std().unwrap_or(Duration::ZERO);
            Err(Error::problem(ProblemCode::AccountLocked).retry_after(wait))
        }
        _ => Ok(()),
    }
}

async fn count_failure(transaction: &Transaction, user: user::Model, now: DateTime<Utc>) -> Result<()> {
    let failed_logins = user.failed_logins.saturating_add(1);
    let over = failed_logins - FAILED_LOGINS_MAX;
    let mut row = user.into_active_model();
    row.failed_logins = Set(failed_logins);
    if over >= 0 {
        row.locked_until =
            Set(Some(now + LOCK * 2_i32.pow(Ord::min(over, LOCK_DOUBLINGS_MAX).unsigned_abs())));
    }
    row.update(transaction).await?;
    Ok(())
}

async fn forget_failures(transaction: &Transaction, user: &user::Model) -> Result<()> {
    if user.failed_logins > 0 || user.locked_until.is_some() {
        let mut row = user.clone().into_active_model();
        row.failed_logins = Set(0);
        row.locked_until = Set(None);
        row.update(transaction).await?;
    }
    Ok(())
}

/// A device belongs to the person who logged in on it first. Its key may
/// change: whoever knows the password could as well take a new device.
async fn register(
    transaction: &Transaction,
    user: UserId,
    registration: &DeviceRegistration,
    now: DateTime<Utc>,
) -> Result<()> {
    let name: String = registration.name.trim().chars().take(DEVICE_NAME_CHARACTERS_MAX).collect();
    let Some(known) = device::Entity::find_by_id(registration.device_id).one(transaction).await? else {
        device::ActiveModel {
            id: Set(registration.device_id),
            user_id: Set(user),
            name: Set(name),
            public_key: Set(registration.public_key.clone()),
            last_seq: Set(0),
            registered_at: Set(now),
            last_seen_at: Set(now),
            revoked_at: Set(None),
            storage_recreated_at: Set(None),
        }
        .insert(transaction)
        .await?;
        return Ok(());
    };
    if known.user_id != user {
        return Err(ProblemCode::DeviceTaken.into());
    }
    if known.revoked_at.is_some() {
        return Err(ProblemCode::DeviceUnknown.into());
    }
    let mut row = known.into_active_model();
    row.name = Set(name);
    row.public_key = Set(registration.public_key.clone());
    row.last_seen_at = Set(now);
    row.update(transaction).await?;
    Ok(())
}

/// Opens a session, which replaces the device's earlier ones.
async fn open_session(
    transaction: &Transaction,
    user: UserId,
    device: DeviceId,
    now: DateTime<Utc>,
) -> Result<(Claims, String)> {
    session::Entity::update_many()
        .col_expr(session::Column::RevokedAt, Expr::value(now))
        .filter(session::Column::DeviceId.eq(device))
        .filter(session::Column::RevokedAt.is_null())
        .exec(transaction)
        .await?;
    let refresh_token = new_refresh_token()?;
    let claims = Claims { user_id: user, device_id: device, session_id: SessionId(uuid::Uuid::now_v7()) };
    session::ActiveModel {
        id: Set(claims.session_id),
        user_id: Set(user),
        device_id: Set(device),
        refresh_token_hash: Set(hash_of(&refresh_token)),
        previous_token_hash: Set(None),
        created_at: Set(now),
        refreshed_at: Set(now),
        expires_at: Set(now + SESSION_LIFE),
        revoked_at: Set(None),
    }
    .insert(transaction)
    .await?;
    Ok((claims, refresh_token))
}

/// The session of a device that issued `token`, now or before the last
/// rotation.
async fn session_of_token(
    connection: &impl ConnectionTrait,
    device: DeviceId,
    token: &str,
) -> Result<Option<session::Model>> {
    let hash = hash_of(token);
    Ok(session::Entity::find()
        .filter(session::Column::DeviceId.eq(device))
        .filter(session::Column::RefreshTokenHash.eq(&hash).or(session::Column::PreviousTokenHash.eq(&hash)))
        .lock_exclusive()
        .one(connection)
        .await?)
}

/// `None`: a token was used twice, so the session is over.
async fn rotate(
    transaction: &Transaction,
    session: session::Model,
    token: &str,
    now: DateTime<Utc>,
) -> Result<Option<(Claims, String)>> {
    let claims = Claims { user_id: session.user_id, device_id: session.device_id, session_id: session.id };
    let is_current = session.refresh_token_hash == hash_of(token);
    let is_lost_answer = !is_current && now - session.refreshed_at <= LOST_ANSWER_GRACE;
    let refresh_token = new_refresh_token()?;
    let mut row = session.into_active_model();
    if is_current || is_lost_answer {
        row.refresh_token_hash = Set(hash_of(&refresh_token));
        row.previous_token_hash = Set(Some(hash_of(token)));
        row.refreshed_at = Set(now);
        row.expires_at = Set(now + SESSION_LIFE);
    } else {
        tracing::warn!(session = %claims.session_id, "a refresh token was used twice: the session is revoked");
        row.revoked_at = Set(Some(now));
    }
    row.update(transaction).await?;
    Ok((is_current || is_lost_answer).then_some((claims, refresh_token)))
}

async fn touch(transaction: &Transaction, device: device::Model, now: DateTime<Utc>) -> Result<()> {
    let mut row = device.into_active_model();
    row.last_seen_at = Set(now);
    row.update(transaction).await?;
    Ok(())
}

fn new_refresh_token() -> Result<String> {
    let mut bytes = [0_u8; REFRESH_TOKEN_BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|cause| Error::internal(anyhow::anyhow!("no randomness: {cause}")))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Refresh tokens are random, so a plain hash keeps them.
fn hash_of(token: &str) -> String {
    ContentHash::of(token.as_bytes()).to_string()
}

fn device_key(public_key: &str) -> Option<VerifyingKey> {
    let point = URL_SAFE_NO_PAD.decode(public_key).ok()?;
    VerifyingKey::from_sec1_bytes(&point).ok()
}

fn check_device_key(public_key: &str) -> Result<()> {
    if device_key(public_key).is_some() {
        return Ok(());
    }
    Err(Error::problem(ProblemCode::InvalidRequest).field(
        "/device/public_key",
        LocalText::new(
            "设备公钥应为 base64url 编码的 P-256 公钥(SEC 1 未压缩格式)。",
            "Expected a P-256 public key: an uncompressed SEC 1 point in base64url.",
        ),
    ))
}

fn signed_by(device: &device::Model, request: &TokenRequest) -> bool {
    let challenge = refresh_challenge(request.device_id, &request.refresh_token);
    is_signed(&device.public_key, &challenge, &request.signature)
}

/// Whether a device's key has signed it.
pub(crate) fn is_signed(public_key: &str, challenge: &str, signature: &str) -> bool {
    let signature =
        URL_SAFE_NO_PAD.decode(signature).ok().and_then(|bytes| Signature::from_slice(&bytes).ok());
    match (device_key(public_key), signature) {
        (Some(key), Some(signature)) => key.verify(challenge.as_bytes(), &signature).is_ok(),
        _ => false,
    }
}
