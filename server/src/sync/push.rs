//! Taking operations in.
//!
//! Each operation is one transaction: the device's row is locked, what was
//! sent before gets its answer again, what is new is applied or parked, and in
//! both cases stored. A receipt is written after the commit, so it tells the
//! truth about the disk.

use chrono::{DateTime, Utc};
use doorstep_core::hash::{ContentHash, canonical_json};
use doorstep_core::ids::{DeviceId, UserId};
use doorstep_core::problem::ProblemCode;
use doorstep_core::submission::SubmissionContent;
use doorstep_core::sync::{
    Operation, OperationResult, Outcome, PUSH_OPERATIONS_MAX, ParkReason, PushAnswer, PushRequest, Receipt,
    Rule,
};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, Set};
use uuid::Uuid;

use super::parked::{is_there, retry_corrections, retry_parked};
use crate::app::Components;
use crate::auth::permit::{HandOver, Permit};
use crate::cases;
use crate::db::Transaction;
use crate::db::entity::{device, operation};
use crate::error::{Error, Result};
use crate::evidence;
use crate::streams::Changes;
use crate::submissions::{self, Applied, Capture, Evaluation, Parked};

/// Takes a push in. When one operation fails after others were taken, the
/// answer is what was done so far: the phone goes on from there.
pub(super) async fn answer(
    components: &Components,
    permit: &Permit<HandOver>,
    request: &PushRequest,
) -> Result<PushAnswer> {
    if request.device != permit.device_id() {
        return Err(ProblemCode::DeviceUnknown.into());
    }
    if request.ops.len() > PUSH_OPERATIONS_MAX {
        return Err(Error::problem(ProblemCode::TooLarge).detail(
            format!("一次最多上传 {PUSH_OPERATIONS_MAX} 项操作。"),
            format!("One push carries at most {PUSH_OPERATIONS_MAX} operations."),
        ));
    }
    let mut results = Vec::new();
    for operation in &request.ops {
        match take(components, permit, operation).await {
            Ok(result) => results.push(result),
            Err(error) if results.is_empty() => return Err(error),
            Err(error) => {
                tracing::warn!(seq = operation.seq, %error, "a push stopped in the middle");
                break;
            }
        }
    }
    let device = device::Entity::find_by_id(permit.device_id()).one(components.database.read()).await?;
    Ok(PushAnswer {
        epoch: components.epoch,
        server_time: components.clock.now(),
        last_seq: last_seq(&device.ok_or(ProblemCode::DeviceUnknown)?)?,
        results,
    })
}

/// How far the server has come with a device.
pub(super) fn last_seq(device: &device::Model) -> Result<u64> {
    u64::try_from(device.last_seq).map_err(Error::internal)
}

/// A new operation, read and evaluated before the transaction begins.
struct Prepared {
    content: Result<SubmissionContent, Parked>,
    evaluation: Option<Evaluation>,
}

/// Takes one operation in, and tries again what waited for it.
pub(crate) async fn take(
    components: &Components,
    permit: &Permit<HandOver>,
    operation: &Operation,
) -> Result<OperationResult> {
    let text = canonical_json(&operation.body);
    let incoming = Incoming {
        operation,
        sha256: ContentHash::of(text.as_bytes()),
        text,
        user: permit.user_id(),
        county: permit.county(),
        device: permit.device_id(),
        received_at: components.clock.now(),
    };
    let known = operation::Entity::find_by_id(operation.op_id).one(components.database.read()).await?;
    let is_new = known.is_none_or(|known| known.user_id != incoming.user);
    let prepared = if is_new { Some(prepare(components, permit, operation).await?) } else { None };
    let entered = components
        .database
        .write(async |transaction| enter(transaction, &incoming, prepared.as_ref()).await)
        .await;
    let (result, stored) = match entered {
        // A fault of ours must not keep out what was captured, nor what is
        // behind it: the operation is kept, and tried again by the next start.
        Err(error) if error.code() == ProblemCode::Internal && is_new => {
            tracing::error!(op_id = %operation.op_id, %error, "an operation could not be applied and is parked");
            let aside = Prepared { content: Err(Parked::until_the_next_start()), evaluation: None };
            components
                .database
                .write(async |transaction| enter(transaction, &incoming, Some(&aside)).await)
                .await?
        }
        entered => entered?,
    };
    if let Some(stored) = stored {
        follow_up(components, &stored).await;
    }
    Ok(result)
}

async fn prepare(
    components: &Components,
    permit: &Permit<HandOver>,
    operation: &Operation,
) -> Result<Prepared> {
    let content = submissions::read(&operation.kind, operation.v, &operation.body);
    let Ok(read) = &content else { return Ok(Prepared { content, evaluation: None }) };
    match submissions::evaluate(components, read, &permit.user().login_name).await {
        Ok(evaluation) => Ok(Prepared { content, evaluation }),
        Err(error) if error.code() == ProblemCode::Internal => {
            tracing::error!(op_id = %operation.op_id, %error, "a submission could not be evaluated and is parked");
            Ok(Prepared { content: Err(Parked::until_the_next_start()), evaluation: None })
        }
        Err(error) => Err(error),
    }
}

/// What arrived, with everything that is known of it from outside.
struct Incoming<'a> {
    operation: &'a Operation,
    /// The body in its canonical writing, and its hash.
    text: String,
    sha256: ContentHash,
    user: UserId,
    county: &'a str,
    device: DeviceId,
    received_at: DateTime<Utc>,
}

/// The transaction of one operation. The row is there when it is new.
async fn enter(
    transaction: &Transaction,
    incoming: &Incoming<'_>,
    prepared: Option<&Prepared>,
) -> Result<(OperationResult, Option<operation::Model>)> {
    let op = incoming.operation;
    let device = device::Entity::find_by_id(incoming.device)
        .lock_exclusive()
        .one(transaction)
        .await?
        .ok_or(ProblemCode::DeviceUnknown)?;
    let last = last_seq(&device)?;
    if op.seq == 0 || op.seq > last.saturating_add(1) {
        return Err(Error::problem(ProblemCode::OperationGap).expect_seq(last.saturating_add(1)));
    }
    let named = operation::Entity::find_by_id(op.op_id).one(transaction).await?;
    let taken = named.is_some();
    let looks_back = transaction.rules().hold(Rule::Deduplication);
    if let Some(known) = named.filter(|row| looks_back && row.user_id == incoming.user) {
        // Sent before: by this device, or by the one that it was before a fork.
        if op.seq > last {
            advance(transaction, device, op.seq, incoming.received_at).await?;
        }
        return Ok((result_of(&known, op)?, None));
    }
    if looks_back && op.seq <= last {
        let known = operation::Entity::find()
            .filter(operation::Column::DeviceId.eq(incoming.device))
            .filter(operation::Column::Seq.eq(cases::signed(op.seq)?))
            .one(transaction)
            .await?;
        // The same content under the same number is the same operation.
        let known = known.filter(|row| row.sha256 == incoming.sha256).ok_or(ProblemCode::DeviceForked)?;
        return Ok((result_of(&known, op)?, None));
    }
    let prepared = prepared.ok_or_else(|| Error::internal(anyhow::anyhow!("an operation was forgotten")))?;
    let mut changes = Changes::new();
    let applied = match &prepared.content {
        Err(parked) => Applied::Parked(parked.clone()),
        Ok(content) => {
            let capture = Capture {
                content: content.clone(),
                text: incoming.text.clone(),
                sha256: incoming.sha256.clone(),
                author: incoming.user,
                device: incoming.device,
                received_at: incoming.received_at,
            };
            submissions::apply(transaction, &capture, prepared.evaluation.as_ref(), &mut changes).await?
        }
    };
    if matches!(applied, Applied::Parked(_)) && !transaction.rules().hold(Rule::Parking) {
        return Err(ProblemCode::CaseUnknown.into());
    }
    let mut row = row(incoming, prepared, taken)?;
    set_outcome(&mut row, &applied)?;
    operation::Entity::insert(row.clone().into_active_model().reset_all())
        .exec_without_returning(transaction)
        .await?;
    evidence::enter(transaction, &row, op).await?;
    advance(transaction, device, op.seq, incoming.received_at).await?;
    changes.number(transaction, incoming.county).await?;
    Ok((result_of(&row, op)?, Some(row)))
}

async fn advance(
    transaction: &Transaction,
    device: device::Model,
    seq: u64,
    now: DateTime<Utc>,
) -> Result<()> {
    let mut device = device.into_active_model();
    device.last_seq = Set(cases::signed(seq)?);
    device.last_seen_at = Set(now);
    device.update(transaction).await?;
    Ok(())
}

/// The operation's row, before it is known what becomes of it. When somebody
/// else's operation has the same identifier, the row gets another: nothing is
/// refused, and the device and number find it again.
fn row(incoming: &Incoming<'_>, prepared: &Prepared, taken: bool) -> Result<operation::Model> {
    let op = incoming.operation;
    Ok(operation::Model {
        op_id: if taken { Uuid::now_v7().into() } else { op.op_id },
        county: incoming.county.to_owned(),
        device_id: incoming.device,
        seq: cases::signed(op.seq)?,
        user_id: incoming.user,
        kind: submissions::storable(&op.kind.chars().take(100).collect::<String>()),
        v: i32::try_from(op.v).unwrap_or(i32::MAX),
        at: op.at.to_rfc3339(),
        skew_ms: op.skew_ms,
        body: incoming.text.clone(),
        sha256: incoming.sha256.clone(),
        received_at: incoming.received_at,
        outcome: String::new(),
        park_reason: None,
        waits_for: None,
        submission_id: prepared.content.as_ref().ok().map(|content| content.submission_id),
    })
}

const APPLIED: &str = "applied";
const CONFLICT: &str = "conflict";
pub(super) const PARKED: &str = "parked";

/// Writes into the row what became of the operation.
pub(super) fn set_outcome(row: &mut operation::Model, applied: &Applied) -> Result<()> {
    let (outcome, parked) = match applied {
        Applied::Entered => (APPLIED, None),
        Applied::Conflict => (CONFLICT, None),
        Applied::Parked(parked) => (PARKED, Some(parked)),
    };
    row.outcome = outcome.to_owned();
    row.park_reason = parked.map(|parked| word(&parked.reason)).transpose()?;
    row.waits_for = parked.and_then(|parked| parked.waits_for.clone());
    Ok(())
}

/// A reason as the word that is stored.
fn word(reason: &ParkReason) -> Result<String> {
    match serde_json::to_value(reason)? {
        serde_json::Value::String(word) => Ok(word),
        other => Err(Error::internal(anyhow::anyhow!("{other} is no word"))),
    }
}

/// The reason that a stored word means.
pub(super) fn reason(row: &operation::Model) -> Result<ParkReason> {
    let word = row.park_reason.clone().unwrap_or_default();
    Ok(serde_json::from_value(serde_json::Value::String(word))?)
}

/// The answer to an operation, under the number that it was sent with now. One
/// that was parked at first and applied since says so: its files may be sent.
fn result_of(row: &operation::Model, sent: &Operation) -> Result<OperationResult> {
    let outcome = match row.outcome.as_str() {
        APPLIED => Outcome::Applied,
        CONFLICT => Outcome::Conflict,
        _ => Outcome::Parked { reason: reason(row)? },
    };
    Ok(OperationResult {
        seq: sent.seq,
        op_id: sent.op_id,
        outcome,
        receipt: Receipt {
            sha256: row.sha256.clone(),
            received_at: row.received_at,
            submission_id: row.submission_id,
        },
    })
}

/// After the commit: what waited for this submission is tried again; and what
/// was parked is tried once more if what it waits for came while it was being
/// stored. The operation itself is safe by now, so a failure is for the log.
async fn follow_up(components: &Components, stored: &operation::Model) {
    let waited = async || -> Result<()> {
        if let Some(waits_for) = &stored.waits_for {
            if is_there(components, waits_for).await? {
                retry_parked(components, waits_for).await?;
            }
        } else if let Some(submission) = stored.submission_id.filter(|_| stored.outcome != PARKED) {
            retry_corrections(components, submission).await?;
        }
        Ok(())
    };
    if let Err(error) = waited().await {
        tracing::error!(op_id = %stored.op_id, %error, "parked operations could not be tried again");
    }
}
