//! Evidence: what devices sign of what they push, checked and kept; how far it
//! holds; and a file that shows it to somebody without this server
//! (docs/evidence.md, `doorstep_core::evidence`).
//!
//! A bad signature keeps nothing out: the submission is taken, and everybody
//! who looks at it is told.

use std::collections::{HashMap, HashSet};

use doorstep_core::evidence::{Proof, Standing, Statement};
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{DeviceId, SubmissionId};
use doorstep_core::submission::SubmissionContent;
use doorstep_core::sync::Operation;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter};

use crate::auth::login::is_signed;
use crate::db::Transaction;
use crate::db::entity::{device, evidence, operation, submission, submission_media};
use crate::error::Result;
use crate::submissions::content_of;

mod bundle;
mod verify;

pub use bundle::{ExportError, Exported, Receipt, export};
pub use verify::{Check, NoBundle, Verified, verify};

/// Keeps the proof of an operation that was just stored.
pub(crate) async fn enter(
    transaction: &Transaction,
    row: &operation::Model,
    operation: &Operation,
) -> Result<()> {
    let Some(proof) = &operation.proof else { return Ok(()) };
    let device = device::Entity::find_by_id(proof.device_id).one(transaction).await?;
    let statement = proof.statement(operation.op_id, row.sha256.clone());
    let valid = device
        .filter(|device| device.user_id == row.user_id)
        .is_some_and(|device| is_signed(&device.public_key, &statement.text(), &proof.signature));
    if !valid {
        tracing::warn!(op_id = %operation.op_id, device = %proof.device_id, "an operation is not signed by its device");
    }
    let entered = evidence::Model {
        op_id: row.op_id,
        signed_op_id: operation.op_id,
        device_id: proof.device_id,
        sha256: row.sha256.clone(),
        previous: proof.previous.clone(),
        link: statement.hash(),
        // A device that signs pages of text gets none of it kept.
        signature: proof.signature.chars().take(200).collect(),
        valid,
    };
    // What a database that was put back in part still knew of it is replaced.
    let known = OnConflict::column(evidence::Column::OpId)
        .update_columns([
            evidence::Column::SignedOpId,
            evidence::Column::DeviceId,
            evidence::Column::Sha256,
            evidence::Column::Previous,
            evidence::Column::Link,
            evidence::Column::Signature,
            evidence::Column::Valid,
        ])
        .to_owned();
    evidence::Entity::insert(entered.into_active_model().reset_all())
        .on_conflict(known)
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

/// A submission's operation, with what its device signed.
struct Signed {
    operation: operation::Model,
    proof: evidence::Model,
}

/// How far the evidence of a submission holds now: what is stored is compared
/// with what was signed, once more.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn standing(
    connection: &impl ConnectionTrait,
    submission: &submission::Model,
) -> Result<Standing> {
    let Some(signed) = signed(connection, submission.id, &submission.sha256).await? else {
        return Ok(Standing::Unsigned);
    };
    if !holds(connection, submission, &signed).await? {
        return Ok(Standing::Broken);
    }
    in_chain(connection, &signed.proof).await
}

async fn signed(
    connection: &impl ConnectionTrait,
    id: SubmissionId,
    sha256: &ContentHash,
) -> Result<Option<Signed>> {
    let operations =
        operation::Entity::find().filter(operation::Column::SubmissionId.eq(id)).all(connection).await?;
    let proofs: HashMap<_, _> = evidence::Entity::find()
        .filter(evidence::Column::OpId.is_in(operations.iter().map(|row| row.op_id)))
        .all(connection)
        .await?
        .into_iter()
        .map(|proof| (proof.op_id, proof))
        .collect();
    // Should there ever be several, the one with this content counts.
    let mut signed: Vec<Signed> = operations
        .into_iter()
        .filter_map(|operation| {
            let proof = proofs.get(&operation.op_id)?.clone();
            Some(Signed { operation, proof })
        })
        .collect();
    signed.sort_by_key(|signed| signed.operation.sha256 != *sha256);
    Ok(signed.into_iter().next())
}

/// Whether what is stored is what was signed.
async fn holds(
    connection: &impl ConnectionTrait,
    submission: &submission::Model,
    signed: &Signed,
) -> Result<bool> {
    let Signed { operation, proof } = signed;
    let device = device::Entity::find_by_id(proof.device_id).one(connection).await?;
    let Some(device) = device.filter(|_| proof.valid) else { return Ok(false) };
    let statement = statement(proof);
    let is_signed = is_signed(&device.public_key, &statement.text(), &proof.signature);
    let is_same = [&operation.body, &submission.content]
        .into_iter()
        .all(|text| ContentHash::of(text.as_bytes()) == proof.sha256);
    if !is_signed || !is_same || statement.hash() != proof.link {
        return Ok(false);
    }
    names_its_files(connection, submission.id, &content_of(submission)?).await
}

fn statement(proof: &evidence::Model) -> Statement {
    let travelled = Proof {
        device_id: proof.device_id,
        previous: proof.previous.clone(),
        signature: proof.signature.clone(),
    };
    travelled.statement(proof.signed_op_id, proof.sha256.clone())
}

/// Whether the files that are shown for it are those that it names.
async fn names_its_files(
    connection: &impl ConnectionTrait,
    id: SubmissionId,
    content: &SubmissionContent,
) -> Result<bool> {
    let shown: HashSet<_> = submission_media::Entity::find()
        .filter(submission_media::Column::SubmissionId.eq(id))
        .all(connection)
        .await?
        .into_iter()
        .map(|row| (row.media_id, row.sha256))
        .collect();
    let named: HashSet<_> = content.media.iter().map(|file| (file.media_id, file.sha256.clone())).collect();
    Ok(shown == named)
}

/// Where it stands among what its device signed.
async fn in_chain(connection: &impl ConnectionTrait, proof: &evidence::Model) -> Result<Standing> {
    let of_device = |column: evidence::Column, link: &ContentHash| {
        evidence::Entity::find()
            .filter(evidence::Column::DeviceId.eq(proof.device_id))
            .filter(evidence::Column::Valid.eq(true))
            .filter(column.eq(link.clone()))
    };
    let beside = match &proof.previous {
        Some(previous) => {
            if of_device(evidence::Column::Link, previous).one(connection).await?.is_none() {
                return Ok(Standing::Gap);
            }
            of_device(evidence::Column::Previous, previous).all(connection).await?
        }
        None => {
            evidence::Entity::find()
                .filter(evidence::Column::DeviceId.eq(proof.device_id))
                .filter(evidence::Column::Valid.eq(true))
                .filter(evidence::Column::Previous.is_null())
                .all(connection)
                .await?
        }
    };
    let alone = beside.iter().all(|other| other.link == proof.link);
    Ok(if alone { Standing::Whole } else { Standing::Fork })
}

/// What a device signed up to here, oldest first, as far as it is known without
/// a gap.
async fn chain(connection: &impl ConnectionTrait, proof: &evidence::Model) -> Result<Vec<evidence::Model>> {
    let of_device = evidence::Entity::find()
        .filter(evidence::Column::DeviceId.eq(proof.device_id))
        .filter(evidence::Column::Valid.eq(true))
        .all(connection)
        .await?;
    let mut by_link: HashMap<ContentHash, evidence::Model> =
        of_device.into_iter().map(|row| (row.link.clone(), row)).collect();
    let mut chain = vec![proof.clone()];
    let mut previous = proof.previous.clone();
    // Each is taken out, so that not even a circle goes on for ever.
    while let Some(row) = previous.and_then(|link| by_link.remove(&link)) {
        previous = row.previous.clone();
        chain.push(row);
    }
    chain.reverse();
    Ok(chain)
}

async fn public_key(connection: &impl ConnectionTrait, id: DeviceId) -> Result<Option<String>> {
    Ok(device::Entity::find_by_id(id).one(connection).await?.map(|device| device.public_key))
}
