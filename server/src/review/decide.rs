//! Deciding on a submission: everything in one transaction.

use std::collections::HashMap;

use actix_web::web;
use chrono::{DateTime, Utc};
use doorstep_core::api::{DecisionAnswer, DecisionRequest, FormProblem, NewComment};
use doorstep_core::case::{self, CaseRecord};
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{CommentId, SubmissionId, UserId};
use doorstep_core::media::QuarantineReason;
use doorstep_core::pack::Pack;
use doorstep_core::problem::ProblemCode;
use doorstep_core::role::Action;
use doorstep_core::submission::{self as rules, Decision, SubmissionState};
use doorstep_core::sync::{StreamName, item_kind};
use doorstep_core::text::LocalText;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, Set};
use uuid::Uuid;

use super::outcome::{self, Outcome};
use crate::app::Components;
use crate::auth::permit::{Permit, Review};
use crate::cases::{self, NewEvent, Recorded};
use crate::db::Transaction;
use crate::db::entity::{media, submission, submission_comment, submission_media};
use crate::error::{Error, Result};
use crate::media::jobs;
use crate::streams::Changes;
use crate::submissions::log_state;
use crate::{area, pack};

const COMMENTS_MAX: usize = 200;
const COMMENT_CHARACTERS_MAX: usize = 2000;

/// Approves, returns or rejects.
pub(super) async fn decide(
    components: &web::Data<Components>,
    permit: &Permit<Review>,
    id: SubmissionId,
    request: &DecisionRequest,
) -> Result<DecisionAnswer> {
    let comments = usable_comments(&request.comments)?;
    if request.decision == Decision::Approve {
        // Nothing is approved unseen.
        jobs::ensure_all(components, id).await?;
    }
    let now = components.clock.now();
    let today = components.clock.today();
    components
        .database
        .write(async |transaction| {
            let (row, case, pack) = locked(transaction, permit, id).await?;
            let state = rules::decide(row.state, request.decision).ok_or(ProblemCode::NotReviewable)?;
            if request.decision != Decision::Approve && comments.is_empty() {
                return Err(ProblemCode::CommentRequired.into());
            }
            let event = match request.decision {
                Decision::Approve => {
                    Some(approval(transaction, permit.user_id(), now, &pack, &row, &case, request).await?)
                }
                Decision::Return | Decision::Reject => None,
            };
            let mut changes = Changes::new();
            changes.put(StreamName::User(row.author_id), item_kind::SUBMISSION, row.id.0);
            log_state(transaction, id, permit.user_id(), state, now).await?;
            add_comments(transaction, id, permit.user_id(), now, &comments).await?;
            settle(transaction, row, state, permit.user_id(), now).await?;
            let recorded = match event {
                Some(event) => cases::record(transaction, &pack, today, event, changes).await?,
                None => {
                    let tasks = cases::reopen(transaction, &pack, today, &case, id, &mut changes).await?;
                    changes.number(transaction, &case.county).await?;
                    Recorded { case, tasks }
                }
            };
            Ok(DecisionAnswer { state, case: recorded.case, tasks: recorded.tasks })
        })
        .await
}

/// The submission and its case, held until the transaction ends, once it is
/// clear that the asker may decide.
async fn locked(
    transaction: &Transaction,
    permit: &Permit<Review>,
    id: SubmissionId,
) -> Result<(submission::Model, CaseRecord, Pack)> {
    let find = || submission::Entity::find_by_id(id).one(transaction);
    let case_id = find().await?.ok_or(ProblemCode::NotFound)?.case_id;
    let case = cases::lock(transaction, case_id).await?.ok_or(ProblemCode::NotFound)?;
    // Under the lock: another reviewer may have been quicker.
    let row = find().await?.ok_or(ProblemCode::NotFound)?;
    let pack = pack::current(transaction, permit.county())
        .await?
        .ok_or_else(|| Error::internal(anyhow::anyhow!("county {} has no pack", permit.county())))?;
    let programme = pack.programme(&case.kind);
    let path = area::path(transaction, case.area_id).await?;
    if !permit.may(Action::ReadSubmissions, &path, programme) {
        return Err(ProblemCode::NotFound.into());
    }
    permit.require(Action::Review, &path, programme)?;
    if !rules::may_review(row.author_id, permit.user_id()) {
        return Err(ProblemCode::OwnSubmission.into());
    }
    Ok((row, case, pack))
}

/// The ledger event of an approval, if nothing stands against it.
///
/// A reviewer who saw the case as it is has seen what conflicts: what they do
/// not want to keep from the ledger, the submission writes. One who saw an
/// older case is stopped where something conflicts that they did not name.
async fn approval(
    transaction: &Transaction,
    reviewer: UserId,
    now: DateTime<Utc>,
    pack: &Pack,
    row: &submission::Model,
    case: &CaseRecord,
    request: &DecisionRequest,
) -> Result<NewEvent> {
    let problems: Vec<FormProblem> = serde_json::from_str(&row.form_problems)?;
    if !problems.is_empty() {
        let refused = Error::problem(ProblemCode::FormInvalid);
        return Err(problems
            .into_iter()
            .fold(refused, |refused, problem| refused.field(problem.path, problem.message)));
    }
    files_are_right(transaction, row.id).await?;
    let mut outcome = Outcome::of(pack, row, case)?;
    let conflicts = outcome::conflicts(transaction, row, case, &outcome.writes).await?;
    let unsettled = conflicts.iter().any(|conflict| !request.keep_ledger.contains(&conflict.property));
    if unsettled && request.case_version != case.version {
        return Err(Error::problem(ProblemCode::CaseMovedOn).conflicts(case.version, conflicts));
    }
    outcome.writes.retain(|property, _| !request.keep_ledger.contains(property));
    Ok(NewEvent {
        case_id: case.id,
        submission_id: Some(row.id),
        actor: reviewer,
        at: now,
        action: outcome.action,
        changes: case::changes_to(case, &outcome.writes),
    })
}

/// Whether every file that the answers name is here and is what it should be.
///
/// # Errors
/// `media_missing`, `media_quarantined`; the files are named.
async fn files_are_right(transaction: &Transaction, id: SubmissionId) -> Result<()> {
    let expected = submission_media::Entity::find()
        .filter(submission_media::Column::SubmissionId.eq(id))
        .filter(submission_media::Column::PreviewOf.is_null())
        .order_by_asc(submission_media::Column::Path)
        .order_by_asc(submission_media::Column::MediaId)
        .all(transaction)
        .await?;
    let wrong: HashMap<ContentHash, Option<QuarantineReason>> = media::Entity::find()
        .filter(media::Column::Sha256.is_in(expected.iter().map(|file| file.sha256.clone())))
        .filter(media::Column::Quarantine.is_not_null())
        .all(transaction)
        .await?
        .into_iter()
        .map(|file| (file.sha256, file.quarantine))
        .collect();
    let named = |problem: Error, file: &submission_media::Model, zh: &str, en: &str| {
        let text = LocalText::new(format!("{}:{zh}", file.file_name), format!("{}: {en}", file.file_name));
        problem.field(file.path.clone(), text)
    };
    let missing: Vec<_> = expected.iter().filter(|file| file.stored_at.is_none()).collect();
    if !missing.is_empty() {
        let count = missing.len();
        let problem = Error::problem(ProblemCode::MediaMissing)
            .detail(format!("还缺 {count} 个文件。"), format!("{count} files have not arrived."));
        return Err(missing
            .into_iter()
            .fold(problem, |problem, file| named(problem, file, "尚未上传。", "it has not arrived.")));
    }
    let mut problem = None;
    for file in &expected {
        if let Some(Some(reason)) = wrong.get(&file.sha256) {
            let text = reason.message();
            let so_far = problem.take().unwrap_or_else(|| Error::problem(ProblemCode::MediaQuarantined));
            problem = Some(named(so_far, file, &text.zh, &text.en));
        }
    }
    problem.map_or(Ok(()), Err)
}

async fn settle(
    transaction: &Transaction,
    row: submission::Model,
    state: SubmissionState,
    reviewer: UserId,
    now: DateTime<Utc>,
) -> Result<()> {
    let mut row = row.into_active_model();
    row.state = Set(state);
    row.decided_at = Set(Some(now));
    row.decided_by = Set(Some(reviewer));
    row.update(transaction).await?;
    Ok(())
}

/// The comments that say something.
fn usable_comments(comments: &[NewComment]) -> Result<Vec<NewComment>> {
    let usable: Vec<NewComment> = comments
        .iter()
        .map(|comment| NewComment { path: comment.path.clone(), text: comment.text.trim().to_owned() })
        .filter(|comment| !comment.text.is_empty())
        .collect();
    let too_long = usable.len() > COMMENTS_MAX
        || usable.iter().any(|comment| {
            comment.text.chars().count() > COMMENT_CHARACTERS_MAX
                || comment.path.as_ref().is_some_and(|path| path.chars().count() > COMMENT_CHARACTERS_MAX)
        });
    let unwritable = usable
        .iter()
        .any(|comment| comment.text.contains('\0') || comment.path.iter().any(|path| path.contains('\0')));
    if too_long || unwritable {
        return Err(Error::problem(ProblemCode::InvalidRequest).field(
            "/comments",
            LocalText::new(
                format!("意见过多、过长(每条最多 {COMMENT_CHARACTERS_MAX} 字)或含有不可用字符。"),
                format!("The comments are too many, too long (at most {COMMENT_CHARACTERS_MAX} characters each), or have characters that cannot be stored."),
            ),
        ));
    }
    Ok(usable)
}

async fn add_comments(
    transaction: &Transaction,
    id: SubmissionId,
    author: UserId,
    at: DateTime<Utc>,
    comments: &[NewComment],
) -> Result<()> {
    let rows: Vec<submission_comment::ActiveModel> = comments
        .iter()
        .map(|comment| submission_comment::ActiveModel {
            id: Set(CommentId(Uuid::now_v7())),
            submission_id: Set(id),
            path: Set(comment.path.clone()),
            text: Set(comment.text.clone()),
            author_id: Set(author),
            at: Set(at),
        })
        .collect();
    if !rows.is_empty() {
        submission_comment::Entity::insert_many(rows).exec_without_returning(transaction).await?;
    }
    Ok(())
}
