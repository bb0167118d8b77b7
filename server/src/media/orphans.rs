//! Whole files that the database does not know: a server put one into the
//! store, and was ended before it had entered it. The phone still has such a
//! file and sends it again; what no phone sends again is found here, and
//! removed after [`EXPIRES_AFTER`].
//!
//! Only what a submission announces is looked for, by its hash: a store that
//! two servers share, or one that is newer than a database out of a backup,
//! loses nothing by this.
//!
//! A file that is found is noted. It is removed in one transaction with its
//! note, long afterwards; whoever is about to put the file into the store
//! takes the note back first ([`take_back`]). So nothing is removed while
//! somebody puts it there, however many copies of the server there are.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use doorstep_core::hash::ContentHash;
use object_store::ObjectStoreExt;
use object_store::path::Path as StoreKey;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use tokio::sync::Mutex;

use super::keep::{store_key, store_refuses};
use super::upload::EXPIRES_AFTER;
use crate::app::Components;
use crate::db::entity::{media, media_orphan, submission_media};
use crate::db::only;
use crate::error::Result;

/// Files that are looked for in one sweep: each is a question to the store.
const LOOKED_FOR_AT_ONCE: u64 = 500;

/// How far the last sweep came.
#[derive(Clone, Debug, Default)]
pub struct Search(Arc<Mutex<Option<ContentHash>>>);

/// Says that the file is about to be put into the store, so that it is not
/// removed from there.
pub(super) async fn take_back(components: &Components, sha256: &ContentHash) -> Result<()> {
    let noted = only(media_orphan::Entity::find_by_id(sha256.clone()), components.database.read()).await?;
    if noted.is_none() {
        return Ok(());
    }
    components
        .database
        .write(async |transaction| {
            media_orphan::Entity::delete_by_id(sha256.clone()).exec(transaction).await?;
            Ok(())
        })
        .await
}

/// Finds orphans, and removes those that were found long ago. Answers how
/// many it removed.
pub(super) async fn sweep(components: &Components) -> Result<usize> {
    find(components).await?;
    remove(components).await
}

async fn find(components: &Components) -> Result<()> {
    let mut after = components.orphans.0.lock().await;
    let waiting = waited_for(components, after.as_ref()).await?;
    let is_all = (waiting.len() as u64) < LOOKED_FOR_AT_ONCE;
    let last = waiting.last().cloned();
    let now = components.clock.now();
    for sha256 in waiting {
        match components.media.head(&StoreKey::from(store_key(&sha256))).await {
            Ok(_) => note(components, sha256, now).await?,
            Err(object_store::Error::NotFound { .. }) => {}
            Err(cause) => return Err(store_refuses(cause)),
        }
    }
    *after = last.filter(|_| !is_all);
    Ok(())
}

/// What submissions wait for and nobody has noted.
async fn waited_for(components: &Components, after: Option<&ContentHash>) -> Result<Vec<ContentHash>> {
    let known = Query::select()
        .expr(Expr::val(1))
        .from(media::Entity)
        .and_where(
            Expr::col((media::Entity, media::Column::Sha256))
                .equals((submission_media::Entity, submission_media::Column::Sha256)),
        )
        .to_owned();
    let noted = Query::select()
        .expr(Expr::val(1))
        .from(media_orphan::Entity)
        .and_where(
            Expr::col((media_orphan::Entity, media_orphan::Column::Sha256))
                .equals((submission_media::Entity, submission_media::Column::Sha256)),
        )
        .to_owned();
    let mut waiting = submission_media::Entity::find()
        .select_only()
        .column(submission_media::Column::Sha256)
        .distinct()
        .filter(submission_media::Column::StoredAt.is_null())
        .filter(Expr::exists(known).not())
        .filter(Expr::exists(noted).not());
    if let Some(after) = after {
        waiting = waiting.filter(submission_media::Column::Sha256.gt(after.clone()));
    }
    Ok(waiting
        .order_by_asc(submission_media::Column::Sha256)
        .limit(LOOKED_FOR_AT_ONCE)
        .into_tuple()
        .all(components.database.read())
        .await?)
}

async fn note(components: &Components, sha256: ContentHash, now: DateTime<Utc>) -> Result<()> {
    components
        .database
        .write(async |transaction| {
            let row = media_orphan::ActiveModel { sha256: Set(sha256.clone()), found_at: Set(now) };
            media_orphan::Entity::insert(row)
                .on_conflict(OnConflict::column(media_orphan::Column::Sha256).do_nothing().to_owned())
                .exec_without_returning(transaction)
                .await?;
            Ok(())
        })
        .await
}

async fn remove(components: &Components) -> Result<usize> {
    let found_before = components.clock.now() - EXPIRES_AFTER;
    let expired = media_orphan::Entity::find()
        .filter(media_orphan::Column::FoundAt.lte(found_before))
        .limit(LOOKED_FOR_AT_ONCE)
        .all(components.database.read())
        .await?;
    let mut removed = 0;
    for orphan in expired {
        let is_removed = components
            .database
            .write(async |transaction| {
                let ended = media_orphan::Entity::delete_many()
                    .filter(media_orphan::Column::Sha256.eq(orphan.sha256.clone()))
                    .filter(media_orphan::Column::FoundAt.lte(found_before))
                    .exec(transaction)
                    .await?;
                let known = media::Entity::find_by_id(orphan.sha256.clone()).one(transaction).await?;
                if ended.rows_affected == 0 || known.is_some() {
                    return Ok(false);
                }
                // Within the transaction: who takes the note back waits for
                // this, and puts the file there afterwards.
                match components.media.delete(&StoreKey::from(store_key(&orphan.sha256))).await {
                    Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(true),
                    Err(cause) => Err(store_refuses(cause)),
                }
            })
            .await?;
        removed += usize::from(is_removed);
    }
    Ok(removed)
}
