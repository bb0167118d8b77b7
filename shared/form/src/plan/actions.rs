//! What a form does by itself when something happens.

use super::Formula;
use crate::form::ActionEvent;

/// An action, bound to the form.
#[derive(Debug)]
pub(crate) struct PlanAction {
    pub(crate) events: Vec<ActionEvent>,
    /// The node it stands in: the root, a repeat or a question.
    pub(crate) owner: u32,
    /// Leads to the nodes that get the value.
    pub(crate) target: Formula,
    pub(crate) value: PlanActionValue,
}

/// What an action stores.
#[derive(Debug)]
pub(crate) enum PlanActionValue {
    Literal(String),
    /// Computed where the value goes.
    Formula(Formula),
    /// The place of the device, from the host.
    Place,
    /// A recording, from the host.
    Recording,
}
