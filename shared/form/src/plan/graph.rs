//! The order of computation: values and relevance, each after what it reads.

use super::{Dependent, Plan, Property};
use crate::problem::AuthoringProblem;
use std::collections::BTreeSet;

/// What must be known before what. For each node three vertices: its relevance,
/// its value, and whether it is there at all, which hangs on everything around.
struct Graph {
    nodes: usize,
    /// Edges from each vertex, flat; `starts` says where each begins.
    starts: Vec<usize>,
    targets: Vec<(u32, bool)>,
}

const NO_RANK: u32 = u32::MAX;

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

impl Graph {
    fn of(plan: &Plan) -> Graph {
        let nodes = plan.nodes.len();
        let mut edges: Vec<(u32, u32, bool)> = Vec::with_capacity(nodes * 4);
        let (value, presence) = (number(nodes), number(nodes * 2));
        for (node, at) in plan.nodes.iter().zip(0_u32..) {
            edges.push((at, presence + at, false));
            if let Some(parent) = node.parent {
                edges.push((presence + parent, presence + at, false));
            }
            if node.repeat_count.is_some() {
                // A repeat may grow by what is in it.
                edges.push((value + at, presence + at, true));
            }
            for dependent in &node.dependents {
                let reader = match dependent.property {
                    Property::Relevance => dependent.node,
                    Property::Value => value + dependent.node,
                    _ => continue,
                };
                edges.push((presence + at, reader, dependent.crosses));
                if node.calculation.is_some() {
                    edges.push((value + at, reader, dependent.crosses));
                }
            }
        }
        let mut starts = vec![0_usize; nodes * 3 + 1];
        for (from, _, _) in &edges {
            if let Some(count) = starts.get_mut(index(*from) + 1) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut targets = vec![(0, false); edges.len()];
        let mut next = starts.clone();
        for (from, to, crosses) in edges {
            if let Some(place) = next.get_mut(index(from)) {
                if let Some(target) = targets.get_mut(*place) {
                    *target = (to, crosses);
                }
                *place += 1;
            }
        }
        Graph { nodes, starts, targets }
    }

    fn after(&self, vertex: usize) -> &[(u32, bool)] {
        match (self.starts.get(vertex), self.starts.get(vertex + 1)) {
            (Some(&start), Some(&end)) => self.targets.get(start..end).unwrap_or_default(),
            _ => &[],
        }
    }

    /// The vertices in order; those in circles are missing. Edges for which
    /// `ignored` holds count for nothing.
    fn sorted(&self, ignored: impl Fn(usize, usize, bool) -> bool) -> Vec<usize> {
        let count = self.nodes * 3;
        let mut waits = vec![0_u32; count];
        for vertex in 0..count {
            for &(to, crosses) in self.after(vertex) {
                if !ignored(vertex, index(to), crosses)
                    && let Some(wait) = waits.get_mut(index(to))
                {
                    *wait += 1;
                }
            }
        }
        let mut sorted: Vec<usize> = Vec::with_capacity(count);
        sorted.extend((0..count).filter(|&vertex| waits.get(vertex) == Some(&0)));
        let mut done = 0;
        while let Some(&vertex) = sorted.get(done) {
            done += 1;
            for &(to, crosses) in self.after(vertex) {
                let to = index(to);
                if ignored(vertex, to, crosses) {
                    continue;
                }
                if let Some(wait) = waits.get_mut(to) {
                    *wait -= 1;
                    if *wait == 0 {
                        sorted.push(to);
                    }
                }
            }
        }
        sorted
    }

    fn stuck(&self, sorted: &[usize]) -> Vec<bool> {
        let mut stuck = vec![true; self.nodes * 3];
        for &vertex in sorted {
            if let Some(flag) = stuck.get_mut(vertex) {
                *flag = false;
            }
        }
        stuck
    }
}

/// Gives every value and relevance its rank. Cycles are errors that show the
/// chain.
pub(super) fn order(plan: &mut Plan, problems: &mut Vec<AuthoringProblem>) {
    let graph = Graph::of(plan);
    let mut sorted = graph.sorted(|_, _, _| false);
    if sorted.len() < graph.nodes * 3 {
        // Reading other instances of one's own repeat is no circle by itself.
        let stuck = graph.stuck(&sorted);
        let in_circle = |vertex: usize| stuck.get(vertex) == Some(&true);
        sorted = graph.sorted(|from, to, crosses| crosses && in_circle(from) && in_circle(to));
        if sorted.len() < graph.nodes * 3 {
            report_cycles(plan, &graph, &graph.stuck(&sorted), problems);
        }
    }
    let nodes = graph.nodes;
    for vertex in sorted {
        let rank = number(plan.ranked.len());
        let (property, at) = if vertex < nodes {
            (Property::Relevance, vertex)
        } else if vertex < nodes * 2 {
            (Property::Value, vertex - nodes)
        } else {
            continue;
        };
        let Some(node) = plan.nodes.get_mut(at) else { continue };
        match property {
            Property::Relevance if node.relevant.is_some() => node.relevance_rank = rank,
            Property::Value if node.calculation.is_some() || node.repeat_count.is_some() => {
                node.value_rank = rank;
            }
            _ => continue,
        }
        plan.ranked.push((property, number(at)));
    }
}

/// For each repeat, who reads it or what is in it from outside: they look again
/// when instances come or go.
pub(super) fn watch_series(plan: &mut Plan) {
    let repeats: Vec<u32> = plan.regions.keys().copied().filter(|&region| region != 0).collect();
    for repeat in repeats {
        let end = plan.node(repeat).map_or(repeat, |node| node.end);
        let mut watchers: BTreeSet<Dependent> = BTreeSet::new();
        for inside in repeat..end {
            let Some(node) = plan.node(inside) else { continue };
            watchers.extend(
                node.dependents
                    .iter()
                    .filter(|one| !plan.holds(repeat, one.scope))
                    .map(|one| Dependent { crosses: false, ..*one }),
            );
        }
        if let Some(region) = plan.regions.get_mut(&repeat) {
            region.watchers = watchers.into_iter().collect();
        }
    }
}

/// Shows one chain for each group of things that wait for each other.
fn report_cycles(plan: &Plan, graph: &Graph, stuck: &[bool], problems: &mut Vec<AuthoringProblem>) {
    let count = graph.nodes * 3;
    let is_stuck = |vertex: usize| stuck.get(vertex) == Some(&true);
    // Each stuck vertex waits for another stuck one: going back along them must
    // come round.
    let mut before = vec![NO_RANK; count];
    for vertex in (0..count).filter(|&vertex| is_stuck(vertex)) {
        for &(to, _) in graph.after(vertex) {
            if let Some(place) = before.get_mut(index(to)).filter(|place| **place == NO_RANK) {
                *place = number(vertex);
            }
        }
    }
    let mut seen = vec![0_usize; count];
    for (turn, start) in (0..count).filter(|&vertex| is_stuck(vertex)).enumerate() {
        let turn = turn + 1;
        let mut way: Vec<usize> = Vec::new();
        let mut at = start;
        while seen.get(at) == Some(&0) {
            if let Some(mark) = seen.get_mut(at) {
                *mark = turn;
            }
            way.push(at);
            match before.get(at) {
                Some(&previous) if previous != NO_RANK => at = index(previous),
                _ => break,
            }
        }
        if seen.get(at) != Some(&turn) || way.is_empty() {
            continue;
        }
        let Some(begin) = way.iter().position(|&one| one == at) else { continue };
        let mut chain: Vec<usize> =
            way.iter().skip(begin).copied().filter(|&vertex| vertex < graph.nodes * 2).collect();
        chain.reverse();
        let Some(least) = chain.iter().enumerate().min_by_key(|(_, vertex)| **vertex % graph.nodes) else {
            continue;
        };
        let least = least.0;
        chain.rotate_left(least);
        problems.push(cycle(plan, graph, &chain));
    }
}

fn cycle(plan: &Plan, graph: &Graph, chain: &[usize]) -> AuthoringProblem {
    let describe = |vertex: &usize| {
        let node = plan.nodes.get(vertex % graph.nodes);
        let what = match node {
            _ if *vertex < graph.nodes => "relevant",
            Some(node) if node.repeat_count.is_some() => "repeat_count",
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
