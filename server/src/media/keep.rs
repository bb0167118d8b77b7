//! A whole file: looked at, put under its hash, entered, and told of.

use chrono::{DateTime, Utc};
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::UserId;
use doorstep_core::problem::ProblemCode;
use doorstep_core::sync::{StreamName, item_kind};
use object_store::path::Path as StoreKey;
use object_store::{ObjectStoreExt, PutPayload};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Set};

use super::picture::Picture;
use crate::app::Components;
use crate::db::Transaction;
use crate::db::entity::{media, submission, submission_media};
use crate::error::{Error, Result};
use crate::streams::Changes;

/// Types of sound and film that browsers play. Everything else that is no
/// picture is just bytes.
const PLAYED: [&str; 9] = [
    "audio/mp4",
    "audio/mpeg",
    "audio/ogg",
    "audio/wav",
    "audio/webm",
    "audio/aac",
    "video/mp4",
    "video/quicktime",
    "video/webm",
];
pub(super) const JUST_BYTES: &str = "application/octet-stream";

/// A file that is on the disk.
pub(super) struct Kept {
    sha256: ContentHash,
    size_bytes: i64,
    content_type: &'static str,
    /// Nothing for what is no picture.
    width_px: u32,
    height_px: u32,
    store_key: String,
    thumbnail_key: Option<String>,
}

/// Looks at the bytes, and puts them and their thumbnail on the disk.
pub(super) async fn keep(
    components: &Components,
    expected: &submission_media::Model,
    bytes: actix_web::web::Bytes,
) -> Result<Kept> {
    let size_bytes = i64::try_from(bytes.len()).map_err(Error::internal)?;
    let store_key = store_key(&expected.sha256);
    let mut kept = Kept {
        sha256: expected.sha256.clone(),
        size_bytes,
        content_type: PLAYED
            .into_iter()
            .find(|played| *played == expected.content_type)
            .unwrap_or(JUST_BYTES),
        width_px: 0,
        height_px: 0,
        store_key: store_key.clone(),
        thumbnail_key: None,
    };
    if expected.content_type.starts_with("image/") {
        let Picture { content_type, width_px, height_px, thumbnail } =
            components.decoding.examine(bytes.clone()).await?;
        let key = format!("{store_key}.thumbnail.jpg");
        put_object(components, &key, thumbnail).await?;
        kept = Kept { content_type, width_px, height_px, thumbnail_key: Some(key), ..kept };
    }
    put_object(components, &store_key, bytes).await?;
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
        width_px: Set(i32::try_from(file.width_px).map_err(Error::internal)?),
        height_px: Set(i32::try_from(file.height_px).map_err(Error::internal)?),
        store_key: Set(file.store_key.clone()),
        thumbnail_key: Set(file.thumbnail_key.clone()),
        stored_at: Set(now),
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
