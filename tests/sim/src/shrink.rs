//! Finds the few steps of a failing plan that still fail.

use doorstep_core::sync::Rules;

use crate::county::Template;
use crate::plan::Plan;
use crate::run::{Outcome, run};

/// What went wrong first, without its numbers and names.
fn kind(outcome: &Outcome) -> String {
    let first = outcome.wrong.first().map(String::as_str).unwrap_or_default();
    let words = first.split(' ').take_while(|word| !word.contains(['-', '|', '{', '"']));
    words.filter(|word| word.chars().all(char::is_alphabetic)).collect::<Vec<_>>().join(" ")
}

/// The smallest plan that was found in `runs` runs, and what came of it. Leaves
/// out ever smaller pieces, for as long as the same still goes wrong.
pub async fn shrink(
    template: &Template,
    plan: &Plan,
    rules: Rules,
    outcome: Outcome,
    mut runs: usize,
) -> (Plan, Outcome) {
    let (mut best, mut found) = (plan.clone(), outcome);
    // Steps behind the one that was seen to fail have no part in it.
    let taken = found.trace.iter().filter(|line| !line.starts_with("rest")).count();
    if taken < best.steps.len() {
        best.steps.truncate(taken);
    }
    let mut size = best.steps.len().div_ceil(2).max(1);
    loop {
        let mut shrunk = false;
        let mut from = 0;
        while from < best.steps.len() {
            if runs == 0 {
                return (best, found);
            }
            runs -= 1;
            let mut steps = best.steps.clone();
            steps.drain(from..(from + size).min(steps.len()));
            let smaller = best.with_steps(steps);
            let outcome = run(template, &smaller, rules).await;
            if kind(&outcome) != kind(&found) {
                from += size;
            } else {
                (best, found) = (smaller, outcome);
                shrunk = true;
            }
        }
        if size == 1 && !shrunk {
            return (best, found);
        }
        size = size.div_ceil(2).max(1);
        if size == 1 && best.steps.is_empty() {
            return (best, found);
        }
    }
}
