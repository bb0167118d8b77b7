//! References of binds and controls → nodes of the primary instance.

use super::instance::Tree;
use crate::xform::names::local;

/// What a reference leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Root,
    Part(usize),
}

impl Target {
    pub(super) fn part(self) -> Option<usize> {
        match self {
            Target::Root => None,
            Target::Part(part) => Some(part),
        }
    }
}

/// The steps of a path, without predicates; `None` when it is more than names,
/// `.`, `..` and `current()`.
pub(super) fn steps(path: &str) -> Option<(bool, Vec<&str>)> {
    let path = path.trim();
    let absolute = path.starts_with('/');
    let mut steps = Vec::new();
    let mut depth = 0_usize;
    let mut quote = None;
    let mut start = usize::from(absolute);
    let mut name_end = None;
    for (index, character) in path.char_indices() {
        match (character, quote) {
            (_, Some(open)) if character == open => quote = None,
            (_, Some(_)) => {}
            ('\'' | '"', None) if depth > 0 => quote = Some(character),
            ('[', None) => {
                if depth == 0 {
                    name_end.get_or_insert(index);
                }
                depth += 1;
            }
            (']', None) => depth = depth.checked_sub(1)?,
            ('/', None) if depth == 0 && index >= start => {
                steps.push(path.get(start..name_end.take().unwrap_or(index))?.trim());
                start = index + 1;
            }
            _ => {}
        }
    }
    if depth > 0 || quote.is_some() {
        return None;
    }
    steps.push(path.get(start..name_end.unwrap_or(path.len()))?.trim());
    let plain = |step: &&str| {
        matches!(*step, "." | ".." | "current()")
            || (!step.is_empty()
                && step
                    .trim_start_matches('@')
                    .chars()
                    .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':')))
    };
    steps.iter().all(plain).then_some((absolute, steps))
}

impl Tree<'_, '_> {
    /// Follows a reference from a place in the instance. A name may leave out
    /// the prefix where that is not ambiguous.
    pub(super) fn resolve(&self, from: Target, path: &str) -> Option<Target> {
        let (absolute, steps) = steps(path)?;
        let mut steps = steps.into_iter();
        let mut here = from;
        if absolute {
            let root = steps.next()?;
            if local(root) != local(&self.root_name) {
                return None;
            }
            here = Target::Root;
        }
        for step in steps {
            here = match step {
                "." | "current()" => here,
                ".." => match here {
                    Target::Root => return None,
                    Target::Part(part) => self.parts.get(part)?.parent.map_or(Target::Root, Target::Part),
                },
                name => Target::Part(self.child(here, name)?),
            };
        }
        Some(here)
    }

    fn child(&self, of: Target, name: &str) -> Option<usize> {
        let (children, attributes) = match of {
            Target::Root => (&self.top, &self.root_attributes),
            Target::Part(part) => {
                let part = self.parts.get(part)?;
                (&part.children, &part.attributes)
            }
        };
        let (name, candidates) = match name.strip_prefix('@') {
            Some(name) => (name, attributes),
            None => (name, children),
        };
        let named = |&&part: &&usize| self.parts.get(part).is_some_and(|part| part.node.name == name);
        let alike =
            |&&part: &&usize| self.parts.get(part).is_some_and(|part| local(&part.node.name) == local(name));
        candidates.iter().find(named).or_else(|| candidates.iter().find(alike)).copied()
    }

    /// The path of a part as expressions write it.
    pub(super) fn path(&self, target: Target) -> String {
        let mut names = Vec::new();
        let mut at = target.part();
        while let Some(part) = at.and_then(|part| self.parts.get(part)) {
            let prefix = if part.is_attribute() { "/@" } else { "/" };
            names.push(format!("{prefix}{}", part.node.name));
            at = part.parent;
        }
        names.push(format!("/{}", self.root_name));
        names.reverse();
        names.concat()
    }
}
