//! Looking into files, after they arrived: a queue in the database that every
//! copy of the server works on.
//!
//! A worker claims a job by a conditional update, which is the same on both
//! databases, and says every few seconds that it is still at it. Where disk or
//! database refuse, the job waits, longer each time. Where a worker is never
//! heard of again three times, the file is what ended it: it goes into
//! quarantine.
//!
//! Whoever needs the outcome now (somebody who opens a photo, a reviewer who
//! approves) does the job themselves: [`ensure`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::web;
use chrono::{DateTime, TimeDelta, Utc};
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::SubmissionId;
use doorstep_core::media::QuarantineReason;
use doorstep_core::problem::ProblemCode;
use doorstep_core::sync::{StreamName, item_kind};
use object_store::ObjectStoreExt;
use object_store::path::Path as StoreKey;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, Set,
};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;
use uuid::Uuid;

use super::keep::{put_object, store_refuses};
use super::picture::{self, Picture};
use crate::app::Components;
use crate::db::Transaction;
use crate::db::entity::{media, media_job, submission, submission_media};
use crate::error::{Error, Result};
use crate::streams::Changes;

/// A worker that says nothing for so long is gone.
const HEARD_OF_WITHIN: TimeDelta = TimeDelta::seconds(20);
/// A worker says so often that it is still there.
const SAY_EVERY: Duration = Duration::from_secs(5);
/// Decoding that takes longer is a fault of the file.
const DECODED_WITHIN: Duration = Duration::from_secs(30);
const ATTEMPTS_MAX: i32 = 3;
const WAIT_MIN: TimeDelta = TimeDelta::seconds(5);
const WAIT_MAX: TimeDelta = TimeDelta::hours(1);
/// Jobs of other copies, and those that waited, are looked for so often.
const LOOK_EVERY: Duration = Duration::from_secs(5);
const CANDIDATES: u64 = 16;
/// While many files arrive at once, only so often one is looked into.
const WAITS_FOR_A_RUSH: Duration = Duration::from_secs(2);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// How long somebody waits for another who is at it.
const PATIENCE: Duration = Duration::from_secs(15);
const ASK_EVERY: Duration = Duration::from_millis(100);

/// Turns at looking into files, and word that there is something to do.
#[derive(Clone, Debug)]
pub struct Examining {
    turns: Arc<Semaphore>,
    word: Arc<Notify>,
    /// The server stops: no further job is begun.
    ends: Arc<AtomicBool>,
}

impl Default for Examining {
    /// Each turn may need [`picture::MEMORY_BYTES_MAX`].
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { turns: Arc::new(Semaphore::new(cores.min(4))), word: Arc::default(), ends: Arc::default() }
    }
}

impl Examining {
    /// Says that a file has arrived.
    pub(super) fn look(&self) {
        self.word.notify_one();
    }

    fn ends(&self) -> bool {
        self.ends.load(Ordering::SeqCst)
    }

    /// Lets [`work`] finish the job that it is at, so that no other waits for
    /// its claim to run out.
    pub(crate) fn end(&self) {
        self.ends.store(true, Ordering::SeqCst);
        self.word.notify_one();
    }
}

/// Puts files into the queue, or at its end again.
pub(super) async fn add<'a>(
    transaction: &Transaction,
    files: impl Iterator<Item = &'a ContentHash>,
    now: DateTime<Utc>,
) -> Result<()> {
    let files: Vec<ContentHash> = files.cloned().collect();
    if files.is_empty() {
        return Ok(());
    }
    let jobs = files.iter().map(|sha256| media_job::ActiveModel {
        sha256: Set(sha256.clone()),
        due_at: Set(now),
        attempts: Set(0),
        failures: Set(0),
        worker: Set(None),
        worker_until: Set(None),
    });
    let fresh = [media_job::Column::DueAt, media_job::Column::Attempts, media_job::Column::Failures];
    media_job::Entity::insert_many(jobs)
        .on_conflict(OnConflict::column(media_job::Column::Sha256).update_columns(fresh).to_owned())
        .exec_without_returning(transaction)
        .await?;
    media::Entity::update_many()
        .col_expr(media::Column::ExaminedAt, Expr::value(Option::<DateTime<Utc>>::None))
        .filter(media::Column::Sha256.is_in(files))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Looks into files for as long as the server runs.
pub(crate) async fn work(components: &Components) {
    let workers = components.examining.turns.available_permits();
    futures::future::join_all((0..workers).map(|number| work_as(components, number))).await;
}

/// One of those who look into files.
async fn work_as(components: &Components, number: usize) {
    let mut waits_until = Instant::now();
    while !components.examining.ends() {
        // Phones first: nobody needs this at once, and who does, does it.
        if components.entering.is_rush() && (number > 0 || Instant::now() < waits_until) {
            tokio::time::sleep(LOOK_AGAIN_AFTER).await;
            continue;
        }
        waits_until = Instant::now() + WAITS_FOR_A_RUSH;
        match next(components).await {
            Ok(true) => {}
            Ok(false) => {
                tokio::select! {
                    () = components.examining.word.notified() => {}
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                }
            }
            Err(error) => {
                tracing::error!(%error, "the queue of files cannot be read");
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }
    // The others hear of the end from each other.
    components.examining.word.notify_one();
}

/// Does one job that is due. False when there is none.
///
/// # Errors
/// When the database refuses; what the file itself meets is noted in its job.
pub async fn next(components: &Components) -> Result<bool> {
    let now = components.clock.now();
    let candidates: Vec<ContentHash> = media_job::Entity::find()
        .select_only()
        .column(media_job::Column::Sha256)
        .filter(media_job::Column::DueAt.lte(now))
        .filter(free(now))
        .order_by_asc(media_job::Column::DueAt)
        .limit(CANDIDATES)
        .into_tuple()
        .all(components.database.read())
        .await?;
    for sha256 in candidates {
        if let Some(job) = claim(components, &sha256).await? {
            // There may be one for another worker.
            components.examining.look();
            examine(components, job).await?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// What is known of a file, once somebody has looked into it; where nobody
/// has, this does.
///
/// # Errors
/// `not_found`; `unavailable` when another is at it for long, or it cannot be
/// read.
pub(crate) async fn ensure(components: &web::Data<Components>, sha256: &ContentHash) -> Result<media::Model> {
    let patience = Instant::now() + PATIENCE;
    loop {
        let row = media::Entity::find_by_id(sha256.clone()).one(components.database.read()).await?;
        let row = row.ok_or(ProblemCode::NotFound)?;
        if row.examined_at.is_some() {
            return Ok(row);
        }
        let (of_task, hash) = (components.clone(), sha256.clone());
        // In a task of its own: who asks may go away at any moment, and a job
        // that is claimed has to be done.
        let examined = actix_web::rt::spawn(async move {
            match claim(&of_task, &hash).await? {
                Some(job) => examine(&of_task, job).await.map(Some),
                None => Ok(None),
            }
        });
        match examined.await.map_err(Error::internal)?? {
            Some(true) => continue,
            Some(false) => return Err(ProblemCode::NotFound.into()),
            None => {}
        }
        if Instant::now() > patience {
            return Err(Error::problem(ProblemCode::Unavailable).retry_after(LOOK_EVERY));
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// [`ensure`] for the files of a submission that have arrived.
pub(crate) async fn ensure_all(components: &web::Data<Components>, submission: SubmissionId) -> Result<()> {
    let files: Vec<ContentHash> = submission_media::Entity::find()
        .select_only()
        .column(submission_media::Column::Sha256)
        .filter(submission_media::Column::SubmissionId.eq(submission))
        .filter(submission_media::Column::StoredAt.is_not_null())
        .into_tuple()
        .all(components.database.read())
        .await?;
    let waiting: Vec<ContentHash> = media::Entity::find()
        .select_only()
        .column(media::Column::Sha256)
        .filter(media::Column::Sha256.is_in(files))
        .filter(media::Column::ExaminedAt.is_null())
        .into_tuple()
        .all(components.database.read())
        .await?;
    for sha256 in &waiting {
        ensure(components, sha256).await?;
    }
    Ok(())
}

fn free(now: DateTime<Utc>) -> Condition {
    Condition::any().add(media_job::Column::Worker.is_null()).add(media_job::Column::WorkerUntil.lt(now))
}

async fn claim(components: &Components, sha256: &ContentHash) -> Result<Option<media_job::Model>> {
    let (now, worker) = (components.clock.now(), Uuid::new_v4());
    components
        .database
        .write(async |transaction| {
            let claimed = media_job::Entity::update_many()
                .col_expr(media_job::Column::Worker, Expr::value(worker))
                .col_expr(media_job::Column::WorkerUntil, Expr::value(now + HEARD_OF_WITHIN))
                .col_expr(media_job::Column::Attempts, Expr::col(media_job::Column::Attempts).add(1))
                .filter(media_job::Column::Sha256.eq(sha256.clone()))
                .filter(free(now))
                .exec(transaction)
                .await?;
            if claimed.rows_affected == 0 {
                return Ok(None);
            }
            Ok(media_job::Entity::find_by_id(sha256.clone()).one(transaction).await?)
        })
        .await
}

/// Does a job that is claimed. False when it has to be tried again.
async fn examine(components: &Components, job: media_job::Model) -> Result<bool> {
    let outcome = {
        let mut finding = std::pin::pin!(found(components, &job));
        loop {
            tokio::select! {
                outcome = &mut finding => break outcome,
                () = tokio::time::sleep(SAY_EVERY) => stay(components, &job).await,
            }
        }
    };
    match outcome {
        Ok(found) => {
            settle(components, &job, found).await?;
            Ok(true)
        }
        Err(error) => {
            tracing::warn!(%error, failures = job.failures, "a file cannot be looked into now");
            postpone(components, &job).await?;
            Ok(false)
        }
    }
}

/// Says that the worker is still there. Where that fails, another may take
/// over: it finds the same.
async fn stay(components: &Components, job: &media_job::Model) {
    let until = components.clock.now() + HEARD_OF_WITHIN;
    let said = components
        .database
        .write(async |transaction| {
            media_job::Entity::update_many()
                .col_expr(media_job::Column::WorkerUntil, Expr::value(until))
                .filter(media_job::Column::Sha256.eq(job.sha256.clone()))
                .filter(media_job::Column::Worker.eq(job.worker))
                .exec(transaction)
                .await?;
            Ok(())
        })
        .await;
    if let Err(error) = said {
        tracing::warn!(%error, "a worker could not say that it is still there");
    }
}

/// What is in a file.
enum Found {
    Picture { picture: Picture, thumbnail_key: String, preview_key: String },
    Wrong(QuarantineReason),
}

async fn found(components: &Components, job: &media_job::Model) -> Result<Found> {
    if job.attempts > ATTEMPTS_MAX {
        return Ok(Found::Wrong(QuarantineReason::Unexaminable));
    }
    let row = media::Entity::find_by_id(job.sha256.clone()).one(components.database.read()).await?;
    let row = row.ok_or(ProblemCode::NotFound)?;
    let turn = Arc::clone(&components.examining.turns).acquire_owned().await.map_err(Error::internal)?;
    let object =
        components.media.get(&StoreKey::from(row.store_key.as_str())).await.map_err(store_refuses)?;
    let bytes = object.bytes().await.map_err(store_refuses)?;
    let decoding = decode(bytes, turn)?;
    let outcome = match tokio::time::timeout(DECODED_WITHIN, decoding).await {
        Err(_) => Err(QuarantineReason::TooLarge),
        // A decoder that panics met a file that it should not have.
        Ok(Err(_)) => Err(QuarantineReason::Damaged),
        Ok(Ok(outcome)) => outcome,
    };
    let mut picture = match outcome {
        Ok(picture) => picture,
        Err(reason) => return Ok(Found::Wrong(reason)),
    };
    let thumbnail_key = format!("{}.thumbnail.webp", row.store_key);
    let preview_key = format!("{}.preview.webp", row.store_key);
    let (thumbnail, preview) = (std::mem::take(&mut picture.thumbnail), std::mem::take(&mut picture.preview));
    futures::try_join!(
        put_object(components, &thumbnail_key, thumbnail),
        put_object(components, &preview_key, preview),
    )?;
    Ok(Found::Picture { picture, thumbnail_key, preview_key })
}

/// Decodes in a thread that ends with it: the system's allocator keeps the
/// megabytes that a picture needed for the threads that come after it, and not
/// for each of the hundreds that wait for the disk.
fn decode(
    bytes: web::Bytes,
    turn: OwnedSemaphorePermit,
) -> Result<oneshot::Receiver<Result<Picture, QuarantineReason>>> {
    let (sender, receiver) = oneshot::channel();
    let examine = move || {
        // Its turn ends with it, also when nobody waits any more.
        let _turn = turn;
        let _ = sender.send(picture::examine(&bytes));
    };
    std::thread::Builder::new().name("picture".to_owned()).spawn(examine).map_err(Error::internal)?;
    Ok(receiver)
}

async fn settle(components: &Components, job: &media_job::Model, found: Found) -> Result<()> {
    let now = components.clock.now();
    components
        .database
        .write(async |transaction| {
            let ended = media_job::Entity::delete_many()
                .filter(media_job::Column::Sha256.eq(job.sha256.clone()))
                .filter(media_job::Column::Worker.eq(job.worker))
                .exec(transaction)
                .await?;
            if ended.rows_affected == 0 {
                // Another has taken over, and finds the same.
                return Ok(());
            }
            let row = media::Entity::find_by_id(job.sha256.clone()).one(transaction).await?;
            let Some(row) = row else { return Ok(()) };
            let county = row.county.clone();
            let mut row = row.into_active_model();
            row.examined_at = Set(Some(now));
            match &found {
                Found::Picture { picture, thumbnail_key, preview_key } => {
                    row.content_type = Set(picture.content_type.to_owned());
                    row.width_px = Set(i32::try_from(picture.width_px).map_err(Error::internal)?);
                    row.height_px = Set(i32::try_from(picture.height_px).map_err(Error::internal)?);
                    row.thumbnail_key = Set(Some(thumbnail_key.clone()));
                    row.preview_key = Set(Some(preview_key.clone()));
                    row.fingerprint = Set(Some(picture.fingerprint.cast_signed()));
                    row.quarantine = Set(None);
                    row.update(transaction).await?;
                }
                Found::Wrong(reason) => {
                    tracing::warn!(reason = reason.code(), "a file goes into quarantine");
                    row.quarantine = Set(Some(*reason));
                    row.update(transaction).await?;
                    tell_authors(transaction, &job.sha256, &county).await?;
                }
            }
            Ok(())
        })
        .await
}

/// The phones of all who sent the file learn that it has to be taken again.
async fn tell_authors(transaction: &Transaction, sha256: &ContentHash, county: &str) -> Result<()> {
    let named: Vec<SubmissionId> = submission_media::Entity::find()
        .select_only()
        .column(submission_media::Column::SubmissionId)
        .filter(submission_media::Column::Sha256.eq(sha256.clone()))
        .into_tuple()
        .all(transaction)
        .await?;
    let submissions =
        submission::Entity::find().filter(submission::Column::Id.is_in(named)).all(transaction).await?;
    let mut changes = Changes::new();
    for submission in submissions {
        changes.put(StreamName::User(submission.author_id), item_kind::SUBMISSION, submission.id.0);
    }
    changes.number(transaction, county).await
}

/// Disk or database refused: the job waits, longer each time.
async fn postpone(components: &Components, job: &media_job::Model) -> Result<()> {
    let now = components.clock.now();
    let doubled = WAIT_MIN * 2_i32.saturating_pow(u32::try_from(job.failures.clamp(0, 12)).unwrap_or(12));
    let due_at = now + doubled.min(WAIT_MAX);
    components
        .database
        .write(async |transaction| {
            media_job::Entity::update_many()
                .col_expr(media_job::Column::DueAt, Expr::value(due_at))
                .col_expr(media_job::Column::Attempts, Expr::value(0))
                .col_expr(media_job::Column::Failures, Expr::col(media_job::Column::Failures).add(1))
                .col_expr(media_job::Column::Worker, Expr::value(Option::<Uuid>::None))
                .col_expr(media_job::Column::WorkerUntil, Expr::value(Option::<DateTime<Utc>>::None))
                .filter(media_job::Column::Sha256.eq(job.sha256.clone()))
                .filter(media_job::Column::Worker.eq(job.worker))
                .exec(transaction)
                .await?;
            Ok(())
        })
        .await
}
