//! Location paths: steps, axes, predicates and document order.

use super::EvaluationError;
use super::ast::{Axis, Expr, Lookup, Path, Start, Step, Test};
use super::environment::{Handle, Nodes, Sort};
use super::evaluate::{Evaluator, Focus, Result};
use super::value::Value;
use crate::order;
use std::collections::HashSet;

impl<'a> Evaluator<'a> {
    pub(super) fn path(&mut self, path: &'a Path, focus: &Focus) -> Result<Value<'a>> {
        let mut nodes = Nodes::new();
        // Whether one of the nodes may lie within another.
        let mut nested = false;
        match &path.start {
            Start::Focus => nodes.push(focus.node),
            Start::Root => nodes.extend(self.environment.top(focus.node)),
            Start::Node(node) => self.environment.reference(*node, focus.origin, &mut nodes),
            Start::Named(name, _) => {
                return Ok(Value::text(self.environment.named(name).unwrap_or_default()));
            }
            Start::Expression(start) => match self.evaluate(start, focus)? {
                Value::Nodes(found) => {
                    nested = found.len() > 1;
                    nodes = found;
                }
                other if path.predicates.is_empty() && path.steps.is_empty() => return Ok(other),
                _ => return Err(EvaluationError::new("only a path can have steps or conditions behind it")),
            },
        }
        for predicate in &path.predicates {
            nodes = self.filter(nodes, predicate, focus)?;
        }
        let mut steps = path.steps.as_slice();
        while let Some((step, after)) = steps.split_first() {
            steps = after;
            // `//name` means the descendants of this name.
            if let (Axis::DescendantOrSelf, Test::Node, true) =
                (step.axis, &step.test, step.predicates.is_empty())
                && let Some((next, after)) = after.split_first()
                && next.axis == Axis::Child
                && next.predicates.is_empty()
            {
                nodes = self.descendants(nodes, &next.test)?;
                steps = after;
                nested = true;
                continue;
            }
            nodes = self.step(nodes, step, nested, focus)?;
            nested |= !matches!(
                step.axis,
                Axis::Child | Axis::Itself | Axis::Parent | Axis::FollowingSibling | Axis::PrecedingSibling
            );
        }
        Ok(Value::Nodes(nodes))
    }

    /// The descendants of any of the nodes that pass the test, in document order.
    fn descendants(&mut self, from: Nodes, test: &Test) -> Result<Nodes> {
        let mut found = Nodes::new();
        for &node in &from {
            self.descend(node, test, &mut found)?;
        }
        if from.len() > 1 {
            self.spend(found.len())?;
            found = self.in_document_order(found);
        }
        Ok(found)
    }

    fn step(&mut self, from: Nodes, step: &'a Step, nested: bool, focus: &Focus) -> Result<Nodes> {
        let several = from.len() > 1;
        let mut found = Nodes::new();
        for node in from {
            if self.indexed_rows(node, step, focus, &mut found)? {
                continue;
            }
            // Without predicates a step forwards adds to what there is.
            if step.predicates.is_empty() && !step.axis.is_reverse() {
                self.axis(node, step.axis, &step.test, &mut found)?;
                continue;
            }
            let mut selected = Nodes::new();
            self.axis(node, step.axis, &step.test, &mut selected)?;
            for predicate in &step.predicates {
                selected = self.filter(selected, predicate, focus)?;
            }
            if step.axis.is_reverse() {
                selected.reverse();
            }
            found.extend(selected);
        }
        // Children of nodes in order are in order, unless one of the nodes lies
        // within another. Other axes may meet the same node again, or one that
        // comes before those found already.
        let ordered = match step.axis {
            Axis::Itself | Axis::Attribute | Axis::Namespace => true,
            Axis::Child => !nested,
            _ => false,
        };
        if several && !ordered {
            self.spend(found.len())?;
            found = self.in_document_order(found);
        }
        Ok(found)
    }

    /// Whether these stand in the order of their numbers.
    fn is_ordered(&self, nodes: &Nodes) -> bool {
        let mut before = None;
        for &node in nodes {
            let number = self.environment.order(node);
            if number <= before {
                return false;
            }
            before = number;
        }
        true
    }

    /// Rows of a list by its index, where the step has a key and the list an
    /// index for it. A key that is not text compares as a number, which an
    /// index of texts cannot answer.
    fn indexed_rows(
        &mut self,
        node: Handle,
        step: &'a Step,
        focus: &Focus,
        found: &mut Nodes,
    ) -> Result<bool> {
        let (Some(lookup), Handle::ListRoot(list), Axis::Child) = (&step.lookup, node, step.axis) else {
            return Ok(false);
        };
        let Lookup { column, key, exact } = lookup;
        let key = self.evaluate(key, focus)?;
        let Value::Text(key) = self.scalar(key) else {
            return Ok(false);
        };
        let mut rows = Nodes::new();
        if !self.environment.rows_where(list, column, &key, &mut rows) {
            return Ok(false);
        }
        let skip = usize::from(*exact);
        for predicate in step.predicates.iter().skip(skip) {
            rows = self.filter(rows, predicate, focus)?;
        }
        found.extend(rows);
        Ok(true)
    }

    /// Nodes for which the predicate holds; a number means that position.
    pub(super) fn filter(&mut self, mut nodes: Nodes, predicate: &'a Expr, focus: &Focus) -> Result<Nodes> {
        if let Expr::Number(number) = predicate {
            let chosen = nodes.iter().zip(1_u32..).find(|(_, position)| f64::from(*position) == *number);
            return Ok(chosen.map(|(&node, _)| node).into_iter().collect());
        }
        let size = nodes.len();
        let mut kept = 0;
        for index in 0..size {
            let Some(&node) = nodes.get(index) else { break };
            let inner = Focus { node, position: index + 1, size, origin: focus.origin };
            let value = self.evaluate(predicate, &inner)?;
            #[expect(clippy::cast_precision_loss, reason = "positions are far below 2^52")]
            let holds = match &value {
                Value::Number(number) => *number == inner.position as f64,
                // A path as a condition asks whether there is such a node.
                Value::Nodes(nodes) => !nodes.is_empty(),
                other => self.to_boolean(other),
            };
            if holds {
                if let Some(place) = nodes.get_mut(kept) {
                    *place = node;
                }
                kept += 1;
            }
        }
        nodes.truncate(kept);
        Ok(nodes)
    }

    /// Adds the nodes on the axis that pass the test; backwards for reverse
    /// axes.
    fn axis(&mut self, node: Handle, axis: Axis, test: &Test, found: &mut Nodes) -> Result<()> {
        let environment = self.environment;
        let before = found.len();
        match axis {
            Axis::Child => environment.children(node, test, found),
            Axis::Attribute => environment.attributes(node, test, found),
            Axis::Namespace => {
                let mut all = Nodes::new();
                environment.namespaces(node, &mut all);
                found.extend(all.into_iter().filter(|&namespace| match test {
                    Test::Node | Test::Any => true,
                    Test::Name(name) => environment.name(namespace) == name,
                    _ => false,
                }));
            }
            Axis::Itself => self.keep(node, test, found),
            Axis::Parent => {
                if let Some(parent) = environment.parent(node) {
                    self.keep(parent, test, found);
                }
            }
            Axis::Descendant | Axis::DescendantOrSelf => {
                if axis == Axis::DescendantOrSelf {
                    self.keep(node, test, found);
                }
                self.descend(node, test, found)?;
            }
            Axis::Ancestor | Axis::AncestorOrSelf => {
                if axis == Axis::AncestorOrSelf {
                    self.keep(node, test, found);
                }
                let mut at = node;
                while let Some(parent) = environment.parent(at) {
                    self.spend(1)?;
                    self.keep(parent, test, found);
                    at = parent;
                }
            }
            Axis::FollowingSibling | Axis::PrecedingSibling => {
                for sibling in self.siblings(node, axis) {
                    self.keep(sibling, test, found);
                }
            }
            Axis::Following | Axis::Preceding => self.beyond(node, axis, test, found)?,
        }
        self.spend(found.len().saturating_sub(before))
    }

    fn keep(&self, node: Handle, test: &Test, found: &mut Nodes) {
        if self.environment.passes(node, test) {
            found.push(node);
        }
    }

    fn descend(&mut self, node: Handle, test: &Test, found: &mut Nodes) -> Result<()> {
        let mut waiting = Nodes::new();
        self.environment.children(node, &Test::Node, &mut waiting);
        waiting.reverse();
        let mut children = Nodes::new();
        while let Some(next) = waiting.pop() {
            self.spend(1)?;
            self.keep(next, test, found);
            self.environment.children(next, &Test::Node, &mut children);
            waiting.extend(children.drain(..).rev());
        }
        Ok(())
    }

    fn siblings(&self, node: Handle, axis: Axis) -> Nodes {
        let mut all = Nodes::new();
        if matches!(self.environment.sort(node), Sort::Attribute | Sort::Namespace) {
            return all;
        }
        let Some(parent) = self.environment.parent(node) else {
            return all;
        };
        self.environment.children(parent, &Test::Node, &mut all);
        let at = all.iter().position(|&sibling| sibling == node).unwrap_or(all.len());
        if axis == Axis::FollowingSibling {
            all.drain(..(at + 1).min(all.len()));
        } else {
            all.truncate(at);
            all.reverse();
        }
        all
    }

    /// Everything after (or before) the node that is not around or inside it.
    fn beyond(&mut self, node: Handle, axis: Axis, test: &Test, found: &mut Nodes) -> Result<()> {
        let side = if axis == Axis::Following { Axis::FollowingSibling } else { Axis::PrecedingSibling };
        let mut at = Some(node);
        // What is inside the element of an attribute comes after the attribute.
        if matches!(self.environment.sort(node), Sort::Attribute | Sort::Namespace) {
            at = self.environment.parent(node);
            if let (Some(element), Axis::Following) = (at, axis) {
                self.descend(element, test, found)?;
            }
        }
        while let Some(current) = at {
            for sibling in self.siblings(current, side) {
                let start = found.len();
                self.keep(sibling, test, found);
                self.descend(sibling, test, found)?;
                if axis == Axis::Preceding
                    && let Some(branch) = found.get_mut(start..)
                {
                    branch.reverse();
                }
            }
            at = self.environment.parent(current);
        }
        Ok(())
    }

    /// Each node once, in document order.
    pub(super) fn in_document_order(&self, mut nodes: Nodes) -> Nodes {
        if nodes.len() < 2 {
            return nodes;
        }
        if nodes.iter().all(|&node| self.environment.order(node).is_some()) {
            if !self.is_ordered(&nodes) {
                nodes.sort_unstable_by_key(|&node| self.environment.order(node));
                nodes.dedup();
            }
            return nodes;
        }
        let mut seen = HashSet::new();
        let mut keyed: Vec<(Vec<usize>, Handle)> = nodes
            .into_iter()
            .filter(|&node| seen.insert(node))
            .map(|node| (self.address(node), node))
            .collect();
        order::sort_by(&mut keyed, Ord::cmp);
        keyed.into_iter().map(|(_, node)| node).collect()
    }

    /// Positions from the top of the tree down to the node. Attributes come
    /// before children.
    fn address(&self, node: Handle) -> Vec<usize> {
        let mut address = Vec::new();
        let mut at = node;
        let mut siblings = Nodes::new();
        while let Some(parent) = self.environment.parent(at) {
            siblings.clear();
            let children = match self.environment.sort(at) {
                Sort::Attribute => {
                    self.environment.attributes(parent, &Test::Node, &mut siblings);
                    0
                }
                _ => {
                    self.environment.children(parent, &Test::Node, &mut siblings);
                    usize::from(u16::MAX)
                }
            };
            address.push(children + siblings.iter().position(|&sibling| sibling == at).unwrap_or(0));
            at = parent;
        }
        address.reverse();
        address
    }
}
