//! The order of computation: values and relevance, each after what it reads.

use super::{Plan, Property};
use crate::problem::AuthoringProblem;
use std::collections::HashMap;

/// Something computed that others may read.
type Vertex = (Property, u32);

/// Gives every value and relevance its rank. Cycles are errors that show the
/// chain.
pub(super) fn order(plan: &mut Plan, problems: &mut Vec<AuthoringProblem>) {
    let mut vertices: Vec<Vertex> = Vec::new();
    for (node, number) in plan.nodes.iter().zip(0_u32..) {
        if node.relevant.is_some() {
            vertices.push((Property::Relevance, number));
        }
        if node.calculation.is_some() || node.repeat_count.is_some() {
            vertices.push((Property::Value, number));
        }
    }
    let index: HashMap<Vertex, usize> =
        vertices.iter().enumerate().map(|(at, &vertex)| (vertex, at)).collect();
    // Who comes after whom.
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); vertices.len()];
    let mut waits: Vec<usize> = vec![0; vertices.len()];
    for (node, number) in plan.nodes.iter().zip(0_u32..) {
        for dependent in &node.dependents {
            let Some(&reader) = index.get(&(dependent.property, dependent.node)) else {
                continue;
            };
            for source in what_decides(plan, number, &index) {
                if let Some(list) = after.get_mut(source)
                    && !list.contains(&reader)
                {
                    list.push(reader);
                    if let Some(count) = waits.get_mut(reader) {
                        *count += 1;
                    }
                }
            }
        }
    }
    let mut ready: Vec<usize> = (0..vertices.len()).rev().filter(|&at| waits.get(at) == Some(&0)).collect();
    let mut rank = 0_u32;
    while let Some(at) = ready.pop() {
        if let Some(&(property, number)) = vertices.get(at)
            && let Some(node) = plan.nodes.get_mut(usize::try_from(number).unwrap_or(usize::MAX))
        {
            match property {
                Property::Relevance => node.relevance_rank = rank,
                _ => node.value_rank = rank,
            }
        }
        rank += 1;
        for &next in after.get(at).map_or(&[][..], Vec::as_slice) {
            if let Some(count) = waits.get_mut(next) {
                *count -= 1;
                if *count == 0 {
                    ready.push(next);
                }
            }
        }
    }
    let stuck: Vec<usize> =
        (0..vertices.len()).filter(|&at| waits.get(at).is_some_and(|&count| count > 0)).collect();
    report_cycles(plan, &vertices, &after, &stuck, problems);
}

/// What must be computed before this node can be read: its value, and the
/// relevance and the number of everything around it.
fn what_decides(plan: &Plan, number: u32, index: &HashMap<Vertex, usize>) -> Vec<usize> {
    let mut sources = Vec::new();
    sources.extend(index.get(&(Property::Value, number)));
    let mut at = Some(number);
    while let Some(around) = at {
        sources.extend(index.get(&(Property::Relevance, around)));
        if around != number {
            sources.extend(index.get(&(Property::Value, around)));
        }
        at = plan.node(around).and_then(|node| node.parent);
    }
    sources
}

/// Shows one chain for each group of things that wait for each other.
fn report_cycles(
    plan: &Plan,
    vertices: &[Vertex],
    after: &[Vec<usize>],
    stuck: &[usize],
    problems: &mut Vec<AuthoringProblem>,
) {
    // Each stuck vertex waits for another stuck one: going back along them must
    // come round.
    let mut before: HashMap<usize, usize> = HashMap::new();
    for &at in stuck {
        for &next in after.get(at).map_or(&[][..], Vec::as_slice) {
            if stuck.contains(&next) {
                before.entry(next).or_insert(at);
            }
        }
    }
    let mut reported: Vec<usize> = Vec::new();
    for &start in stuck {
        let mut seen: Vec<usize> = Vec::new();
        let mut at = start;
        while !seen.contains(&at) && !reported.contains(&at) {
            seen.push(at);
            match before.get(&at) {
                Some(&previous) => at = previous,
                None => break,
            }
        }
        let Some(begin) = seen.iter().position(|&one| one == at) else {
            reported.extend(seen);
            continue;
        };
        let mut chain: Vec<usize> = seen.iter().skip(begin).copied().collect();
        chain.reverse();
        if let Some(least) =
            chain.iter().enumerate().min_by_key(|(_, vertex)| **vertex).map(|(place, _)| place)
        {
            chain.rotate_left(least);
        }
        reported.extend(seen);
        problems.push(cycle(plan, vertices, &chain));
    }
}

fn cycle(plan: &Plan, vertices: &[Vertex], chain: &[usize]) -> AuthoringProblem {
    let describe = |at: &usize| {
        let (property, number) = vertices.get(*at).copied().unwrap_or((Property::Value, 0));
        let node = plan.node(number);
        let what = match property {
            Property::Relevance => "relevant",
            _ if node.is_some_and(|node| node.repeat_count.is_some()) => "repeat_count",
            _ => "calculation",
        };
        (node.map_or("", |node| node.name.as_str()), what, node.map_or(0, |node| node.row))
    };
    let steps: Vec<String> = chain
        .iter()
        .chain(chain.first())
        .map(|at| {
            let (name, what, row) = describe(at);
            format!("{name} ({what}, row {row})")
        })
        .collect();
    let (name, what, row) = chain.first().map_or(("", "calculation", 0), describe);
    let letter = plan.form.survey_columns.get(what).map_or("", String::as_str);
    AuthoringProblem::error(
        "survey",
        format!("these depend on each other in a circle: {}", steps.join(" → ")),
    )
    .at_row(row)
    .at_column(letter, what)
    .finding(name)
}
