//! A whole file: put under its hash, entered, and told of.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{MediaId, SubmissionId, UserId};
use doorstep_core::problem::ProblemCode;
use doorstep_core::sync::{StreamName, item_kind};
use object_store::path::Path as StoreKey;
use object_store::{ObjectStoreExt, PutPayload};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, JoinType, QueryFilter, QuerySelect, Set};
use uuid::Uuid;

use super::announced::Announced;
use super::entering::Arrived;
use super::inside::{self, JUST_BYTES};
use super::{jobs, orphans, upload};
use crate::app::Components;
use crate::db::Transaction;
use crate::db::entity::{media, submission, submission_media};
use crate::error::{Error, Result};
use crate::streams::Changes;

/// A file that is on the disk.
#[derive(Clone)]
pub(super) struct Kept {
    sha256: ContentHash,
    size_bytes: i64,
    /// Of a picture: none, until somebody has looked into it.
    content_type: &'static str,
    to_be_examined: bool,
    store_key: String,
}

impl Kept {
    fn row(&self, county: &str, now: DateTime<Utc>) -> media::ActiveModel {
        media::ActiveModel {
            sha256: Set(self.sha256.clone()),
            county: Set(county.to_owned()),
            size_bytes: Set(self.size_bytes),
            content_type: Set(self.content_type.to_owned()),
            width_px: Set(0),
            height_px: Set(0),
            store_key: Set(self.store_key.clone()),
            thumbnail_key: Set(None),
            stored_at: Set(now),
            examined_at: Set((!self.to_be_examined).then_some(now)),
            quarantine: Set(None),
            preview_key: Set(None),
            fingerprint: Set(None),
        }
    }
}

/// Puts the bytes on the disk. What is in a picture is found out later: a
/// phone in a valley does not wait for that.
pub(super) async fn keep(components: &Components, announced: &Announced, bytes: PutPayload) -> Result<Kept> {
    let expected = &announced.expected;
    let to_be_examined = expected.content_type.starts_with("image/");
    let kept = Kept {
        sha256: expected.sha256.clone(),
        size_bytes: i64::try_from(bytes.content_length()).map_err(Error::internal)?,
        content_type: match to_be_examined {
            true => JUST_BYTES,
            false => inside::played_as(&expected.content_type, &beginning(&bytes)),
        },
        to_be_examined,
        store_key: store_key(&expected.sha256),
    };
    if !announced.is_safe_in_the_store(components.clock.now()) {
        orphans::take_back(components, &kept.sha256).await?;
    }
    put_object(components, &kept.store_key, bytes).await?;
    Ok(kept)
}

/// So much as tells sounds and films apart.
fn beginning(bytes: &PutPayload) -> Vec<u8> {
    bytes.iter().flatten().copied().take(16).collect()
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

/// `aa/{sha256}`: in 256 folders. A new folder has to be made durable as well,
/// so with more of them nearly every file would pay for one; and a million
/// photos are some ten thousand files in each, which file systems find by
/// index.
pub(super) fn store_key(sha256: &ContentHash) -> String {
    let digits = sha256.as_str();
    format!("{}/{digits}", digits.get(..2).unwrap_or_default())
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

/// Enters files, and tells their authors' phones that they have arrived. Other
/// submissions of an author that wait for the same bytes have them too; another
/// person's do not: to know a hash is not to have the file. Answers of each
/// file which uploads had pieces that are of no use any more.
pub(super) async fn enter(
    transaction: &Transaction,
    arrived: &[Arrived],
    now: DateTime<Utc>,
) -> Result<Vec<Vec<Uuid>>> {
    upload::count(transaction, arrived.iter().map(|one| (one.author, one.received_bytes)), now).await?;
    let senders: Vec<(UserId, &ContentHash)> =
        arrived.iter().map(|one| (one.author, &one.file.sha256)).collect();
    let ended = upload::done_with(transaction, &senders).await?;
    // In one order, whoever else enters some of them.
    let files: BTreeMap<&ContentHash, &Kept> =
        arrived.iter().map(|one| (&one.file.sha256, &one.file)).collect();
    // Also of a file that is known: it may have come because the disk had lost
    // it, and its small sizes with it.
    let to_be_examined = files.values().filter(|file| file.to_be_examined).map(|file| &file.sha256);
    jobs::add(transaction, to_be_examined, now).await?;
    let waiting: Vec<(SubmissionId, MediaId, ContentHash, UserId, String)> = submission_media::Entity::find()
        .select_only()
        .columns([submission_media::Column::SubmissionId, submission_media::Column::MediaId])
        .column(submission_media::Column::Sha256)
        .columns([submission::Column::AuthorId, submission::Column::County])
        .join(JoinType::InnerJoin, super::of_submission())
        .filter(submission_media::Column::Sha256.is_in(files.keys().copied().cloned()))
        .filter(submission_media::Column::StoredAt.is_null())
        .into_tuple()
        .all(transaction)
        .await?;
    let sent: HashSet<(UserId, &ContentHash)> = senders.into_iter().collect();
    let mut rows = BTreeMap::new();
    let mut stored = Vec::new();
    let mut changes: BTreeMap<&str, Changes> = BTreeMap::new();
    // None of them waits: it came twice at once, and the other was quicker.
    for (submission_id, media_id, sha256, author, county) in &waiting {
        let (Some(file), true) = (files.get(sha256), sent.contains(&(*author, sha256))) else { continue };
        rows.entry(sha256).or_insert_with(|| file.row(county, now));
        stored.push((*submission_id, *media_id));
        let changes = changes.entry(county).or_default();
        changes.put(StreamName::User(*author), item_kind::SUBMISSION, submission_id.0);
    }
    if stored.is_empty() {
        return Ok(ended);
    }
    media::Entity::insert_many(rows.into_values())
        .on_conflict(OnConflict::column(media::Column::Sha256).do_nothing().to_owned())
        .exec_without_returning(transaction)
        .await?;
    let key = Expr::tuple([
        Expr::col(submission_media::Column::SubmissionId),
        Expr::col(submission_media::Column::MediaId),
    ]);
    submission_media::Entity::update_many()
        .col_expr(submission_media::Column::StoredAt, now.into())
        // SQLite looks for pairs in the whole table, unless it is told where.
        .filter(submission_media::Column::SubmissionId.is_in(stored.iter().map(|(id, _)| *id)))
        .filter(key.in_tuples(stored))
        .exec(transaction)
        .await?;
    for (county, changes) in changes {
        changes.number(transaction, county).await?;
    }
    Ok(ended)
}
