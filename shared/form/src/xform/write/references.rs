//! `${name}` in expressions → paths.

use crate::form::{Default as Initially, Form, Node, NodeKind};
use std::collections::HashMap;

/// Where everything is that `${name}` can name.
pub(super) struct References<'f> {
    root: &'f str,
    by_name: HashMap<&'f str, Vec<String>>,
    /// Path → whether it is a repeat.
    by_path: HashMap<String, bool>,
}

impl<'f> References<'f> {
    pub(super) fn of(form: &'f Form) -> References<'f> {
        let mut references =
            References { root: &form.root, by_name: HashMap::new(), by_path: HashMap::new() };
        references.add(&form.nodes, &format!("/{}", form.root));
        references
    }

    fn add(&mut self, nodes: &'f [Node], above: &str) {
        for node in nodes {
            let path = format!("{above}/{}", node.name);
            self.by_name.entry(&node.name).or_default().push(path.clone());
            self.add(&node.children, &path);
            for attribute in &node.attributes {
                self.by_path.insert(format!("{path}/@{}", attribute.name), false);
            }
            self.by_path.insert(path, node.kind == NodeKind::Repeat);
        }
    }

    pub(super) fn is_node(&self, path: &str) -> bool {
        self.by_path.contains_key(path)
    }

    fn is_repeat(&self, path: &str) -> bool {
        self.by_path.get(path).copied().unwrap_or_default()
    }

    /// The path of the only node of a name; of several, the one nearest to the
    /// reader.
    pub(super) fn path_of(&self, name: &str, reader: &str) -> Option<&str> {
        if name == self.root && !self.by_name.contains_key(name) {
            return None;
        }
        let shared =
            |path: &&String| path.split('/').zip(reader.split('/')).take_while(|(a, b)| a == b).count();
        let candidates = self.by_name.get(name)?;
        let nearest = candidates.iter().map(|path| shared(&path)).max()?;
        candidates.iter().find(|path| shared(path) == nearest).map(String::as_str)
    }

    /// The path from the reader to a node: relative where they share a repeat.
    pub(super) fn path_from(&self, target: &str, reader: &str, in_predicate: bool) -> String {
        let (to, from): (Vec<&str>, Vec<&str>) = (target.split('/').collect(), reader.split('/').collect());
        let longest = (to.len().min(from.len())).saturating_sub(1);
        let shared = to.iter().zip(&from).take(longest).take_while(|(a, b)| a == b).count();
        let in_repeat =
            (1..=shared).any(|count| to.get(..count).is_some_and(|parts| self.is_repeat(&parts.join("/"))));
        if !in_repeat {
            return target.to_owned();
        }
        let mut steps = vec![".."; from.len().saturating_sub(shared)];
        steps.extend(to.iter().skip(shared));
        let path = steps.join("/");
        if in_predicate { format!("current()/{path}") } else { path }
    }

    /// An expression whose `${…}` that lie in a repeat are written as seen from
    /// one of its instances, and all others as seen from the reader.
    pub(super) fn expand_within(&self, expression: &str, repeat: &str, reader: &str) -> String {
        let mut out = String::with_capacity(expression.len());
        let mut rest = expression;
        while let Some((before, behind)) = rest.split_once("${") {
            let Some((name, after)) = behind.split_once('}') else { break };
            out.push_str(before);
            let path = self.path_of(name.trim(), repeat);
            let last_saved = name.contains('#');
            match path.and_then(|path| path.strip_prefix(repeat)?.strip_prefix('/')) {
                Some(near) => out.push_str(&format!(" ./{near} ")),
                None => match path.filter(|_| !last_saved) {
                    Some(far) => out.push_str(&format!(" {} ", self.path_from(far, reader, true))),
                    None => out.push_str(&format!("${{{name}}}")),
                },
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }

    /// An expression with its `${…}` written as paths, read at this node.
    pub(super) fn expand(&self, expression: &str, reader: &str) -> String {
        if !expression.contains("${") {
            return expression.to_owned();
        }
        let mut out = String::with_capacity(expression.len() + 32);
        let mut rest = expression;
        while let Some((before, behind)) = rest.split_once("${") {
            let Some((name, after)) = behind.split_once('}') else { break };
            out.push_str(before);
            let place = Surroundings::at(&out);
            match name.trim().strip_prefix("last-saved#") {
                Some(saved) => match self.path_of(saved, reader) {
                    Some(path) => out.push_str(&format!(" instance('__last-saved'){path} ")),
                    None => out.push_str(&format!("${{{name}}}")),
                },
                None => match self.path_of(name.trim(), reader) {
                    Some(path) if place.is_series => out.push_str(&format!(" {path} ")),
                    Some(path) => {
                        out.push_str(&format!(" {} ", self.path_from(path, reader, place.in_list_predicate)));
                    }
                    None => out.push_str(&format!("${{{name}}}")),
                },
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }
}

/// Whether any expression reads the record that was saved before.
pub(super) fn mentions_last_saved(nodes: &[Node]) -> bool {
    nodes.iter().any(|node| {
        let default = match &node.default {
            Some(Initially::Expression(expression)) => Some(expression),
            _ => None,
        };
        [
            &node.relevant,
            &node.required,
            &node.constraint,
            &node.calculation,
            &node.read_only,
            &node.repeat_count,
            &node.choice_filter,
        ]
        .into_iter()
        .flatten()
        .chain(default)
        .any(|expression| expression.contains("${last-saved#"))
            || mentions_last_saved(&node.children)
    })
}

/// What stands around the end of an expression that is half read.
struct Surroundings {
    /// In a predicate on `instance('…')`.
    in_list_predicate: bool,
    /// An argument of `indexed-repeat` that names all instances.
    is_series: bool,
}

impl Surroundings {
    fn at(read: &str) -> Surroundings {
        let mut brackets = 0_usize;
        let mut calls: Vec<(bool, usize)> = Vec::new();
        let mut quote = None;
        let mut word = String::new();
        for character in read.chars() {
            match (character, quote) {
                (_, Some(open)) if character == open => quote = None,
                (_, Some(_)) => {}
                ('\'' | '"', None) => quote = Some(character),
                ('[', None) => brackets += 1,
                (']', None) => brackets = brackets.saturating_sub(1),
                ('(', None) => calls.push((word == "indexed-repeat", 0)),
                (')', None) => {
                    calls.pop();
                }
                (',', None) => {
                    if let Some((_, argument)) = calls.last_mut() {
                        *argument += 1;
                    }
                }
                _ => {}
            }
            match character {
                c if c.is_alphanumeric() || c == '-' => word.push(c),
                c if c.is_whitespace() => {}
                _ => word.clear(),
            }
        }
        let is_series = matches!(calls.last(), Some((true, argument)) if *argument == 0 || argument % 2 == 1);
        Surroundings { in_list_predicate: brackets > 0 && read.contains("instance("), is_series }
    }
}
