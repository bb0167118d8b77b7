//! The server's second opinion.
use crate::plan::Plan;
use crate::session::Session;
use crate::view::{Context, Difference, LeftOver, Problem};
use std::sync::Arc;

/// What the engine makes of a submitted instance.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Verification {
    /// Recomputed, without what does not apply.
    pub instance: serde_json::Value,
    /// What should have kept it from being finished.
    pub problems: Vec<Problem>,
    /// Claims that do not hold.
    pub differences: Vec<Difference>,
    /// What has no place in the form.
    pub left_over: Vec<LeftOver>,
}
/// Computes a submitted instance again, trusting nothing the phone computed.
pub fn verify(plan: Arc<Plan>, context: Context, instance: &serde_json::Value) -> Verification {
    let (session, left_over) = Session::resume(plan, context, instance);
    Verification {
        instance: session.instance(),
        problems: session.problems(),
        differences: Vec::new(),
        left_over,
    }
}
