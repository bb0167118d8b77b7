//! The server's second opinion on what a phone sends.

use crate::expr::parse_date_time;
use crate::form::NodeKind;
use crate::plan::Plan;
use crate::session::{Claims, Session, restore};
use crate::view::{Context, Difference, LeftOver, Problem};
use std::sync::Arc;

/// What the engine makes of a submitted instance.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Verification {
    /// Recomputed, without what does not apply.
    pub instance: serde_json::Value,
    /// What should have kept it from being finished, in the form's default
    /// language.
    pub problems: Vec<Problem>,
    /// Claims that do not hold: computed values that come out otherwise, answers
    /// to questions that do not apply, a user name that is another.
    pub differences: Vec<Difference>,
    /// What has no place in the form.
    pub left_over: Vec<LeftOver>,
}

/// Computes a submitted instance again, trusting nothing the phone computed.
///
/// `now()` and `today()` mean the moment of `end` in the instance, if the form
/// records one and it does not lie after `context.now`: a submission that waited
/// for a network must come out as it did on the phone. A phone can lie about
/// `end`; the caller compares it with other evidence. `start`, `today`, `end`
/// and `deviceid` are taken as claimed; `username` is compared with the one in
/// the context, unless that is empty.
///
/// What nothing in the instance can prove is taken as claimed too: what was drawn
/// by lot, what an action or a trigger stored when something happened, and, when
/// the context has no instance that was saved last, what was computed from it.
/// Actions do not run: nothing is opened. Numbers, places and moments are the
/// same however they are written.
pub fn verify(plan: Arc<Plan>, mut context: Context, instance: &serde_json::Value) -> Verification {
    let claimed_end = claimed_end(&plan, instance)
        .and_then(|end| parse_date_time(end, context.now.offset()))
        .filter(|end| *end <= context.now);
    if let Some(end) = claimed_end {
        context.now = end.with_timezone(context.now.offset());
    }
    let username = context.username.clone();
    let (mut session, claims) = restore(plan, context, instance, false);
    let differences = compare(&mut session, &claims, &username);
    Verification {
        instance: session.submission(),
        problems: session.problems(),
        differences,
        left_over: claims.left_over,
    }
}

/// What the instance says of when it was finished, wherever the form records it
/// outside repeats.
fn claimed_end<'a>(plan: &Plan, instance: &'a serde_json::Value) -> Option<&'a str> {
    plan.nodes.iter().filter(|node| node.records == Some(NodeKind::End) && node.region == 0).find_map(
        |node| {
            let mut way = vec![node.name.as_str()];
            let around = std::iter::successors(node.parent, |&parent| plan.node(parent)?.parent);
            way.extend(
                around
                    .filter(|&parent| parent != 0)
                    .filter_map(|parent| Some(plan.node(parent)?.name.as_str())),
            );
            let found = way.iter().rev().try_fold(instance, |at, name| at.get(name))?;
            found.as_str().or_else(|| found.get("#text")?.as_str())
        },
    )
}

fn compare(session: &mut Session, claims: &Claims, username: &str) -> Vec<Difference> {
    let mut differences = Vec::new();
    for (item, kind) in session.leaves() {
        let claimed = claims.values.get(&item).map_or("", String::as_str);
        if kind == NodeKind::Username && !username.is_empty() && claimed != username {
            session.overwrite(item, username);
        }
        let computed = session.seen_value(item);
        if !session.same_value(item, claimed, computed) {
            differences.push(Difference {
                path: session.path_of(item),
                claimed: claimed.to_owned(),
                computed: computed.to_owned(),
            });
        }
    }
    differences
}
