//! Taking in what a locked phone sends: operations that were sealed for this
//! server when they were finished. Each goes the very way of an ordinary push,
//! so the ordinary push that follows after the PIN finds it done.

use doorstep_core::ids::OperationId;
use doorstep_core::json;
use doorstep_core::problem::ProblemCode;
use doorstep_core::sealing::{SealedOperation, SealedPush, SealedPushAnswer, sealed_push_challenge};
use doorstep_core::sync::{Operation, PUSH_OPERATIONS_MAX};
use sea_orm::EntityTrait;

use super::push;
use crate::app::Components;
use crate::auth::{login, permit};
use crate::db::entity::device;
use crate::error::Result;

/// What does not open is left out: the phone keeps it, and sends it itself
/// once somebody has given the PIN.
pub(super) async fn answer(components: &Components, request: &SealedPush) -> Result<SealedPushAnswer> {
    let claims = components.tokens.read_push(&request.push_token, components.clock.now())?;
    if claims.device_id != request.device_id {
        return Err(ProblemCode::DeviceUnknown.into());
    }
    let permit = permit::to_hand_over(components, claims).await?;
    let device = device::Entity::find_by_id(permit.device_id()).one(components.database.read()).await?;
    let challenge = sealed_push_challenge(request.device_id, &request.push_token, &request.operations);
    if !device.is_some_and(|device| login::is_signed(&device.public_key, &challenge, &request.signature)) {
        return Err(ProblemCode::DeviceUnknown.into());
    }
    if request.operations.len() > PUSH_OPERATIONS_MAX {
        return Err(ProblemCode::TooLarge.into());
    }
    let mut taken: Vec<OperationId> = Vec::new();
    for sealed in &request.operations {
        let Some(operation) = open(components, &permit, sealed) else { continue };
        match push::take(components, &permit, &operation).await {
            Ok(result) => taken.push(result.op_id),
            Err(error) if taken.is_empty() => return Err(error),
            Err(error) => {
                tracing::warn!(op_id = %sealed.op_id, %error, "a sealed push stopped in the middle");
                break;
            }
        }
    }
    Ok(SealedPushAnswer { taken })
}

/// The operation, if it was sealed by this person under this identifier.
fn open(
    components: &Components,
    permit: &permit::Permit<permit::HandOver>,
    sealed: &SealedOperation,
) -> Option<Operation> {
    let bytes = components.sealing.open_operation(permit.user_id(), sealed);
    let operation: Option<Operation> = bytes.and_then(|bytes| json::read(&bytes).ok());
    let operation = operation.filter(|operation| operation.op_id == sealed.op_id);
    if operation.is_none() {
        tracing::warn!(op_id = %sealed.op_id, "a sealed operation could not be opened");
    }
    operation
}
