//! A whole file: put under its hash, entered, and told of.

use actix_web::web::Bytes;
use chrono::{DateTime, Utc};
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::UserId;
use doorstep_core::problem::ProblemCode;
use doorstep_core::sync::{StreamName, item_kind};
use object_store::path::Path as StoreKey;
use object_store::{ObjectStoreExt, PutPayload};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Set};

use super::inside::{self, JUST_BYTES};
use super::jobs;
use crate::app::Components;
use crate::db::Transaction;
use crate::db::entity::{media, submission, submission_media};
use crate::error::{Error, Result};
use crate::streams::Changes;

/// A file that is on the disk.
pub(super) struct Kept {
    sha256: ContentHash,
    size_bytes: i64,
    /// Of a picture: none, until somebody has looked into it.
    content_type: &'static str,
    to_be_examined: bool,
    store_key: String,
}

/// Puts the bytes on the disk. What is in a picture is found out later: a
/// phone in a valley does not wait for that.
pub(super) async fn keep(
    components: &Components,
    expected: &submission_media::Model,
    bytes: Bytes,
) -> Result<Kept> {
    let to_be_examined = expected.content_type.starts_with("image/");
    let kept = Kept {
        sha256: expected.sha256.clone(),
        size_bytes: i64::try_from(bytes.len()).map_err(Error::internal)?,
        content_type: match to_be_examined {
            true => JUST_BYTES,
            false => inside::played_as(&expected.content_type, &bytes),
        },
        to_be_examined,
        store_key: store_key(&expected.sha256),
    };
    put_object(components, &kept.store_key, bytes).await?;
    Ok(kept)
}

/// Puts bytes on the disk of the store: when this answers, they are there
/// whatever happens to this process.
pub(crate) async fn put_object(
    components: &Components,
    key: &str,
    bytes: impl Into<PutPayload>,
) -> Result<()> {
    components.media.put(&StoreKey::from(key), bytes.into()).await.map_err(store_refuses).map(drop)
}

pub(super) fn store_refuses(cause: object_store::Error) -> Error {
    Error::problem(ProblemCode::StorageFull).because(cause)
}

/// `aa/bb/{sha256}`: no folder grows without bound.
pub(crate) fn store_key(sha256: &ContentHash) -> String {
    let digits = sha256.as_str();
    let pair = |at: usize| digits.get(at..at + 2).unwrap_or_default();
    format!("{}/{}/{digits}", pair(0), pair(2))
}

/// Whether the file is known and its bytes are where they should be.
pub(super) async fn stored(components: &Components, sha256: &ContentHash) -> Result<bool> {
    let Some(row) = media::Entity::find_by_id(sha256.clone()).one(components.database.read()).await? else {
        return Ok(false);
    };
    match components.media.head(&StoreKey::from(row.store_key)).await {
        Ok(_) => Ok(true),
        Err(object_store::Error::NotFound { .. }) => Ok(false),
        Err(cause) => Err(store_refuses(cause)),
    }
}

/// Enters the file, and tells its author's phone that it has arrived. Their
/// other submissions that wait for the same bytes have them too; another
/// person's do not: to know a hash is not to have the file.
pub(super) async fn enter(
    transaction: &Transaction,
    file: &Kept,
    author: UserId,
    now: DateTime<Utc>,
) -> Result<()> {
    if file.to_be_examined {
        // Also of a file that is known: it may have come because the disk had
        // lost it, and its small sizes with it.
        jobs::add(transaction, &file.sha256, now).await?;
    }
    let waiting = submission_media::Entity::find()
        .filter(submission_media::Column::Sha256.eq(file.sha256.clone()))
        .filter(submission_media::Column::StoredAt.is_null())
        .all(transaction)
        .await?;
    let submissions = submission::Entity::find()
        .filter(submission::Column::Id.is_in(waiting.iter().map(|row| row.submission_id)))
        .filter(submission::Column::AuthorId.eq(author))
        .all(transaction)
        .await?;
    let county = match submissions.first() {
        Some(submission) => submission.county.clone(),
        // It came twice at once, and the other was quicker.
        None => return Ok(()),
    };
    let row = media::ActiveModel {
        sha256: Set(file.sha256.clone()),
        county: Set(county.clone()),
        size_bytes: Set(file.size_bytes),
        content_type: Set(file.content_type.to_owned()),
        width_px: Set(0),
        height_px: Set(0),
        store_key: Set(file.store_key.clone()),
        thumbnail_key: Set(None),
        stored_at: Set(now),
        examined_at: Set((!file.to_be_examined).then_some(now)),
        quarantine: Set(None),
        preview_key: Set(None),
        fingerprint: Set(None),
    };
    media::Entity::insert(row)
        .on_conflict(OnConflict::column(media::Column::Sha256).do_nothing().to_owned())
        .exec_without_returning(transaction)
        .await?;
    submission_media::Entity::update_many()
        .col_expr(submission_media::Column::StoredAt, now.into())
        .filter(submission_media::Column::Sha256.eq(file.sha256.clone()))
        .filter(submission_media::Column::StoredAt.is_null())
        .filter(submission_media::Column::SubmissionId.is_in(submissions.iter().map(|row| row.id)))
        .exec(transaction)
        .await?;
    let mut changes = Changes::new();
    for submission in &submissions {
        changes.put(StreamName::User(author), item_kind::SUBMISSION, submission.id.0);
    }
    changes.number(transaction, &county).await
}
