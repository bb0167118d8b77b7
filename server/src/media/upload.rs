//! Uploads under way: what of each file is durable, and who writes it.
//!
//! Durable pieces are objects `uploads/{upload}/{offset}-{number}` of the
//! store, so a folder and S3 are alike, and every copy of the server goes on
//! where another stopped. The row names the pieces that count; it changes
//! after they are on the disk.
//!
//! One writer at a time: it has its number in the row, and every change of
//! the row names it. A writer that has not been heard of for
//! [`HEARD_OF_WITHIN`] is taken over, and what it still tries is of no effect.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{MediaId, UserId};
use doorstep_core::problem::ProblemCode;
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectStoreExt;
use object_store::path::Path as StoreKey;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    QuerySelect, Set,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::keep::store_refuses;
use super::orphans;
use crate::app::Components;
use crate::clock::china_offset;
use crate::db::entity::{submission_media, upload, upload_day};
use crate::db::{Transaction, only};
use crate::error::{Error, Result};
use crate::streams::BATCH;

/// An upload that gets nothing for so long is given up; the phone still has
/// the file and begins it again.
pub const EXPIRES_AFTER: TimeDelta = TimeDelta::days(14);
/// Files that one person may have under way.
pub const UNFINISHED_MAX: u64 = 2_000;
/// A writer that says nothing for so long may be taken over.
pub const HEARD_OF_WITHIN: TimeDelta = TimeDelta::seconds(5);
/// How long a second writer is kept waiting before it is told that there is
/// one: whoever lost its connection is usually gone by then.
const WAIT_FOR_WRITER: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(50);
const FOLDER: &str = "uploads";

/// A durable piece.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Part {
    /// The last segment of its key.
    pub(super) name: String,
    pub(super) size_bytes: u64,
}

pub(super) fn part_key(upload: Uuid, name: &str) -> StoreKey {
    StoreKey::from(format!("{FOLDER}/{upload}/{name}"))
}

pub(super) fn offset_of(row: &upload::Model) -> u64 {
    u64::try_from(row.offset_bytes).unwrap_or_default()
}

/// The person's upload of a file.
pub(super) async fn find(
    connection: &impl ConnectionTrait,
    media_id: MediaId,
    user_id: UserId,
) -> Result<Option<upload::Model>> {
    let of_person = upload::Entity::find()
        .filter(upload::Column::MediaId.eq(media_id))
        .filter(upload::Column::UserId.eq(user_id));
    Ok(only(of_person, connection).await?)
}

/// An upload of which nothing has come yet; it is not in the database.
pub(super) fn fresh(
    expected: &submission_media::Model,
    user_id: UserId,
    (size, metadata, sealed_key): (u64, &str, Option<String>),
    now: DateTime<Utc>,
) -> Result<upload::Model> {
    Ok(upload::Model {
        id: Uuid::now_v7(),
        media_id: expected.media_id,
        user_id,
        sha256: expected.sha256.clone(),
        size_bytes: i64::try_from(size).map_err(Error::internal)?,
        offset_bytes: 0,
        parts: "[]".to_owned(),
        metadata: metadata.to_owned(),
        sealed_key,
        began_at: now,
        expires_at: now + EXPIRES_AFTER,
        writer: None,
        writer_until: None,
    })
}

/// Enters an upload, unless the person has one of this file. False then.
pub(super) async fn begin(components: &Components, row: &upload::Model) -> Result<bool> {
    components
        .database
        .write(async |transaction| {
            let under_way = upload::Entity::find()
                .filter(upload::Column::UserId.eq(row.user_id))
                .count(transaction)
                .await?;
            if under_way >= UNFINISHED_MAX {
                return Err(Error::problem(ProblemCode::UploadQuotaReached).detail(
                    format!("同时上传的文件不能超过 {UNFINISHED_MAX} 个。"),
                    format!("At most {UNFINISHED_MAX} files may be under way at once."),
                ));
            }
            let row: upload::ActiveModel = row.clone().into();
            let inserted = upload::Entity::insert(row.reset_all())
                .on_conflict(
                    OnConflict::columns([upload::Column::MediaId, upload::Column::UserId])
                        .do_nothing()
                        .to_owned(),
                )
                .exec_without_returning(transaction)
                .await?;
            Ok(inserted > 0)
        })
        .await
}

/// Becomes the writer of an upload, and reads it again as the writer.
///
/// # Errors
/// `upload_busy` while somebody else writes; `upload_unknown` once it is gone.
pub(super) async fn take(components: &Components, id: Uuid) -> Result<upload::Model> {
    let writer = Uuid::new_v4();
    let patience = tokio::time::Instant::now() + WAIT_FOR_WRITER;
    loop {
        let now = components.clock.now();
        let taken = components
            .database
            .write(async |transaction| {
                let free = Condition::any()
                    .add(upload::Column::Writer.is_null())
                    .add(upload::Column::WriterUntil.lt(now));
                let taken = upload::Entity::update_many()
                    .col_expr(upload::Column::Writer, Expr::value(writer))
                    .col_expr(upload::Column::WriterUntil, Expr::value(now + HEARD_OF_WITHIN))
                    .filter(upload::Column::Id.eq(id))
                    .filter(free)
                    .exec(transaction)
                    .await?;
                let row = upload::Entity::find_by_id(id).one(transaction).await?;
                let row = row.ok_or(ProblemCode::UploadUnknown)?;
                Ok((taken.rows_affected > 0).then_some(row))
            })
            .await?;
        match taken {
            Some(row) => return Ok(row),
            None if tokio::time::Instant::now() < patience => tokio::time::sleep(LOOK_EVERY).await,
            None => {
                let wait = Duration::from_secs(1);
                return Err(Error::problem(ProblemCode::UploadBusy).retry_after(wait));
            }
        }
    }
}

/// The person's upload, which was just found to be `row`. Waits a moment for
/// a writer to come to its end, so that what is told of the upload is what the
/// next one will find.
pub(super) async fn settled(
    components: &Components,
    (media_id, user_id): (MediaId, UserId),
    mut row: Option<upload::Model>,
) -> Result<Option<upload::Model>> {
    let patience = tokio::time::Instant::now() + WAIT_FOR_WRITER;
    loop {
        let now = components.clock.now();
        let written = row
            .as_ref()
            .is_some_and(|row| row.writer.is_some() && row.writer_until.is_some_and(|until| until >= now));
        if !written || tokio::time::Instant::now() >= patience {
            return Ok(row);
        }
        tokio::time::sleep(LOOK_EVERY).await;
        row = find(components.database.read(), media_id, user_id).await?;
    }
}

/// What a writer says of its upload.
pub(super) struct Progress<'a> {
    pub(super) offset_bytes: u64,
    pub(super) parts: &'a [Part],
    /// What came since the last word, for the count of the day.
    pub(super) received_bytes: u64,
    /// Whether it goes on.
    pub(super) goes_on: bool,
}

/// Notes what is durable now. False when another writer has taken over.
pub(super) async fn record(
    components: &Components,
    row: &upload::Model,
    progress: &Progress<'_>,
) -> Result<bool> {
    let now = components.clock.now();
    let (writer, until) = match progress.goes_on {
        true => (row.writer, Some(now + HEARD_OF_WITHIN)),
        false => (None, None),
    };
    let parts = serde_json::to_string(progress.parts)?;
    let offset = i64::try_from(progress.offset_bytes).map_err(Error::internal)?;
    components
        .database
        .write(async |transaction| {
            let changed = upload::Entity::update_many()
                .col_expr(upload::Column::OffsetBytes, Expr::value(offset))
                .col_expr(upload::Column::Parts, Expr::value(parts.clone()))
                .col_expr(upload::Column::ExpiresAt, Expr::value(now + EXPIRES_AFTER))
                .col_expr(upload::Column::Writer, Expr::value(writer))
                .col_expr(upload::Column::WriterUntil, Expr::value(until))
                .filter(upload::Column::Id.eq(row.id))
                .filter(upload::Column::Writer.eq(row.writer))
                .exec(transaction)
                .await?;
            if changed.rows_affected == 0 {
                return Ok(false);
            }
            count(transaction, [(row.user_id, progress.received_bytes)], now).await?;
            Ok(true)
        })
        .await
}

/// Adds to what people have sent today.
pub(super) async fn count(
    transaction: &Transaction,
    received: impl IntoIterator<Item = (UserId, u64)>,
    now: DateTime<Utc>,
) -> Result<()> {
    let mut sums: BTreeMap<UserId, u64> = BTreeMap::new();
    for (user_id, bytes) in received.into_iter().filter(|(_, bytes)| *bytes > 0) {
        *sums.entry(user_id).or_default() += bytes;
    }
    let row = |(user_id, bytes): (UserId, u64)| {
        let received_bytes = i64::try_from(bytes).map_err(Error::internal)?;
        Ok(upload_day::ActiveModel {
            user_id: Set(user_id),
            day: Set(day_of(now)),
            received_bytes: Set(received_bytes),
        })
    };
    let rows: Vec<upload_day::ActiveModel> = sums.into_iter().map(row).collect::<Result<_>>()?;
    if rows.is_empty() {
        return Ok(());
    }
    let sum = Expr::col((upload_day::Entity, upload_day::Column::ReceivedBytes))
        .add(Expr::col((Alias::new("excluded"), upload_day::Column::ReceivedBytes)));
    upload_day::Entity::insert_many(rows)
        .on_conflict(
            OnConflict::columns([upload_day::Column::UserId, upload_day::Column::Day])
                .value(upload_day::Column::ReceivedBytes, sum)
                .to_owned(),
        )
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

pub(super) fn day_of(now: DateTime<Utc>) -> NaiveDate {
    now.with_timezone(&china_offset()).date_naive()
}

/// Asks whether somebody who has sent so much today may send so much more.
///
/// # Errors
/// `upload_quota_reached`, with the time until tomorrow.
pub(super) fn allow(components: &Components, sent_today_bytes: u64, more_bytes: u64) -> Result<()> {
    if sent_today_bytes.saturating_add(more_bytes) <= components.upload_bytes_per_day {
        return Ok(());
    }
    let now = components.clock.now();
    let tomorrow = day_of(now).succ_opt().and_then(|day| day.and_hms_opt(0, 0, 0));
    let tomorrow = tomorrow.and_then(|at| at.and_local_timezone(china_offset()).single());
    let wait = tomorrow.map_or(TimeDelta::hours(1), |at| at.to_utc() - now);
    Err(Error::problem(ProblemCode::UploadQuotaReached).retry_after(wait.to_std().unwrap_or_default()))
}

/// Takes away the uploads of bytes that are kept now, each by who sent them;
/// tells of each which had pieces.
pub(super) async fn done_with(
    transaction: &Transaction,
    sent: &[(UserId, &ContentHash)],
) -> Result<Vec<Vec<Uuid>>> {
    let mut rows = upload::Entity::find()
        .filter(upload::Column::UserId.is_in(sent.iter().map(|(user_id, _)| *user_id)))
        .filter(upload::Column::Sha256.is_in(sent.iter().map(|(_, sha256)| (*sha256).clone())))
        .all(transaction)
        .await?;
    rows.retain(|row| sent.contains(&(row.user_id, &row.sha256)));
    remove_rows(transaction, rows.iter().map(|row| row.id).collect()).await?;
    let with_pieces = |(user_id, sha256): &(UserId, &ContentHash)| {
        let is_of = |row: &&upload::Model| row.user_id == *user_id && row.sha256 == **sha256;
        rows.iter().filter(is_of).filter(|row| row.parts != "[]").map(|row| row.id).collect()
    };
    Ok(sent.iter().map(with_pieces).collect())
}

async fn remove_rows(transaction: &Transaction, ids: Vec<Uuid>) -> Result<()> {
    if !ids.is_empty() {
        upload::Entity::delete_many().filter(upload::Column::Id.is_in(ids)).exec(transaction).await?;
    }
    Ok(())
}

/// Ends an upload for good.
pub(super) async fn terminate(components: &Components, id: Uuid) -> Result<()> {
    components.database.write(async |transaction| remove_rows(transaction, vec![id]).await).await?;
    remove_pieces(components, id).await
}

/// Removes the pieces of uploads that are over.
pub(super) async fn remove_all_pieces(components: &Components, ids: Vec<Uuid>) {
    for id in ids {
        if let Err(error) = remove_pieces(components, id).await {
            tracing::warn!(%error, "pieces of an upload stay until they are swept away");
        }
    }
}

/// Removes every piece of an upload, also those that never counted.
pub(super) async fn remove_pieces(components: &Components, id: Uuid) -> Result<()> {
    let folder = StoreKey::from(format!("{FOLDER}/{id}"));
    let pieces: Vec<StoreKey> = components
        .media
        .list(Some(&folder))
        .map_ok(|piece| piece.location)
        .try_collect()
        .await
        .map_err(store_refuses)?;
    for piece in pieces {
        match components.media.delete(&piece).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(cause) => return Err(store_refuses(cause)),
        }
    }
    Ok(())
}

/// Removes uploads that got nothing for [`EXPIRES_AFTER`], pieces that belong
/// to no upload (whoever should have removed them was ended first, or wrote
/// after it was taken over), and whole files that nobody knows. Answers how
/// many uploads and whole files it removed.
///
/// # Errors
/// When the database or the store refuses.
pub async fn sweep(components: &Components) -> Result<usize> {
    let now = components.clock.now();
    let expired = components
        .database
        .write(async |transaction| {
            let ids: Vec<Uuid> = upload::Entity::find()
                .select_only()
                .column(upload::Column::Id)
                .filter(upload::Column::ExpiresAt.lte(now))
                .limit(u64::try_from(BATCH).unwrap_or_default())
                .into_tuple()
                .all(transaction)
                .await?;
            remove_rows(transaction, ids.clone()).await?;
            upload_day::Entity::delete_many()
                .filter(upload_day::Column::Day.lt(day_of(now - TimeDelta::days(7))))
                .exec(transaction)
                .await?;
            Ok(ids.len())
        })
        .await?;
    // First what is there, then who has it: a row is older than its pieces.
    let folder = StoreKey::from(FOLDER);
    let listed = components.media.list_with_delimiter(Some(&folder)).await.map_err(store_refuses)?;
    let found: Vec<Uuid> = listed
        .common_prefixes
        .iter()
        .filter_map(|prefix| prefix.parts().next_back()?.as_ref().parse().ok())
        .collect();
    for ids in found.chunks(BATCH) {
        let known: Vec<Uuid> = upload::Entity::find()
            .select_only()
            .column(upload::Column::Id)
            .filter(upload::Column::Id.is_in(ids.iter().copied()))
            .into_tuple()
            .all(components.database.read())
            .await?;
        let orphans = ids.iter().filter(|id| !known.contains(id));
        futures::stream::iter(orphans)
            .map(Ok)
            .try_for_each(async |id| remove_pieces(components, *id).await)
            .await?;
    }
    Ok(expired + orphans::sweep(components).await?)
}
