//! What a request has to know of a file that its sender announced, in one
//! question to the database: with many phones at once, most of what a small
//! file costs is to ask and to wait for the answer.

use chrono::{DateTime, TimeDelta, Utc};
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{MediaId, UserId};
use doorstep_core::problem::ProblemCode;
use sea_orm::sea_query::{Alias, Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter, QueryResult,
    QuerySelect, QueryTrait,
};

use super::upload::day_of;
use crate::app::Components;
use crate::db::entity::{media_orphan, submission, submission_media, upload, upload_day};
use crate::error::Result;

/// An answer about a note counts for so long. What is noted later is removed
/// [`super::EXPIRES_AFTER`] later still.
const NOTE_KNOWN_FOR: TimeDelta = TimeDelta::hours(1);
const SENT_TODAY: &str = "sent_today";
const NOTED: &str = "noted";

/// A file that the asker announced.
#[derive(Clone)]
pub(super) struct Announced {
    pub(super) expected: submission_media::Model,
    /// Theirs, under way.
    pub(super) upload: Option<upload::Model>,
    /// What they have sent today, of all files.
    pub(super) sent_today_bytes: u64,
    /// Whether the file was noted as one that nobody knows.
    noted: bool,
    asked_at: DateTime<Utc>,
}

impl Announced {
    /// Whether nobody removes the file while it is put into the store.
    pub(super) fn is_safe_in_the_store(&self, now: DateTime<Utc>) -> bool {
        !self.noted && now - self.asked_at < NOTE_KNOWN_FOR
    }

    fn read(row: &QueryResult, asked_at: DateTime<Utc>) -> Result<Self> {
        let sent_today: Option<i64> = row.try_get("", SENT_TODAY)?;
        let noted: Option<ContentHash> = row.try_get("", NOTED)?;
        Ok(Self {
            expected: submission_media::Model::from_query_result(row, "A_")?,
            upload: upload::Model::from_query_result_optional(row, "B_")?,
            sent_today_bytes: sent_today.map_or(0, |bytes| u64::try_from(bytes).unwrap_or_default()),
            noted: noted.is_some(),
            asked_at,
        })
    }
}

/// What the person's own submissions say about the file. Another's are none
/// of their business: the answer is the same as when there is none.
///
/// # Errors
/// `media_not_expected`.
pub(super) async fn announced(components: &Components, author: UserId, id: MediaId) -> Result<Announced> {
    let now = components.clock.now();
    let mut question = submission_media::Entity::find()
        .join(JoinType::InnerJoin, super::of_submission())
        .filter(submission_media::Column::MediaId.eq(id))
        .filter(submission::Column::AuthorId.eq(author))
        .select_also(upload::Entity)
        .into_query();
    let media_id = (submission_media::Entity, submission_media::Column::MediaId);
    let sha256 = (submission_media::Entity, submission_media::Column::Sha256);
    question
        .left_join(
            upload::Entity,
            Expr::col((upload::Entity, upload::Column::MediaId))
                .equals(media_id)
                .and(Expr::col((upload::Entity, upload::Column::UserId)).eq(author)),
        )
        .left_join(
            upload_day::Entity,
            Expr::col((upload_day::Entity, upload_day::Column::UserId))
                .eq(author)
                .and(Expr::col((upload_day::Entity, upload_day::Column::Day)).eq(day_of(now))),
        )
        .left_join(
            media_orphan::Entity,
            Expr::col((media_orphan::Entity, media_orphan::Column::Sha256)).equals(sha256),
        )
        .expr_as(Expr::col((upload_day::Entity, upload_day::Column::ReceivedBytes)), Alias::new(SENT_TODAY))
        .expr_as(Expr::col((media_orphan::Entity, media_orphan::Column::Sha256)), Alias::new(NOTED));
    let rows = components.database.read().query_all(&question).await?;
    let mut found: Vec<Announced> =
        rows.iter().map(|row| Announced::read(row, now)).collect::<Result<_>>()?;
    // A correction names the files that it kept again: any row will do, and
    // one that still waits is the better one.
    found.sort_by_key(|one| one.expected.stored_at.is_some());
    Ok(found.into_iter().next().ok_or(ProblemCode::MediaNotExpected)?)
}
