//! Binds: what the model says about the nodes of the instance.

use super::Problems;
use super::instance::Tree;
use super::itext::Itext;
use super::paths::Target;
use crate::problem::{AuthoringProblem, did_you_mean};
use crate::xform::names::{ENTITIES, JAVAROSA, attribute, attribute_name, elements, is, local};
use roxmltree::Node as Element;
use std::collections::HashMap;

/// Nodes by the id of their bind.
pub(super) type Bound = HashMap<String, Target>;

/// Reads all binds into the tree.
pub(super) fn read(
    model: Element<'_, '_>,
    tree: &mut Tree<'_, '_>,
    itext: &Itext,
    problems: &mut Problems,
) -> Bound {
    let mut bound = Bound::new();
    for bind in elements(model).filter(|&node| is(node, "bind")) {
        let Some(nodeset) = attribute(bind, "nodeset").or_else(|| attribute(bind, "ref")) else {
            problems.warning(bind, "the bind belongs to no node; write nodeset=\"…\"");
            continue;
        };
        let Some(target) = tree.resolve(Target::Root, nodeset) else {
            problems.note(missing(tree, nodeset, "the bind is for"), bind);
            continue;
        };
        if let Some(id) = attribute(bind, "id") {
            bound.insert(id.to_owned(), target);
        }
        apply(bind, target, tree, itext, problems);
    }
    bound
}

/// A reference that leads nowhere, with a likely correction.
pub(super) fn missing(tree: &Tree<'_, '_>, path: &str, what: &str) -> AuthoringProblem {
    let names = tree.parts.iter().map(|part| local(&part.node.name));
    let last = path.trim().rsplit('/').next().map_or("", local);
    AuthoringProblem::warning(
        super::SHEET,
        format!("{what} {}, but the instance has no such node", path.trim()),
    )
    .finding(path)
    .suggesting(did_you_mean(last, names))
}

fn apply(
    bind: Element<'_, '_>,
    target: Target,
    tree: &mut Tree<'_, '_>,
    itext: &Itext,
    problems: &mut Problems,
) {
    let path = tree.path(target);
    let Some(part) = tree.get_mut(target) else {
        if bind.attributes().count() > 1 {
            problems.warning(bind, "what is said about the whole form has no effect; bind a group instead");
        }
        return;
    };
    if part.bound {
        problems.warning(bind, format!("{path} has a second bind; say everything in one"));
    }
    part.bound = true;
    let mut preload = (String::new(), String::new());
    for one in bind.attributes() {
        let value = one.value().trim();
        if value.is_empty() {
            continue;
        }
        let expression = || Some(value.to_owned());
        let computed = ["relevant", "required", "readonly", "constraint", "calculate"];
        if one.namespace().is_none() && computed.contains(&one.name()) {
            problems.expression(bind, one.name(), value);
        }
        let name = one.name();
        match (one.namespace(), name) {
            (None, "nodeset" | "ref" | "id") => {}
            (None, "relevant") => part.node.relevant = expression(),
            (None, "required") => part.node.required = expression(),
            (None, "readonly") => part.node.read_only = expression(),
            (None, "constraint") => part.node.constraint = expression(),
            (None, "calculate") => part.node.calculation = expression(),
            (None, "type") => part.bind_type = expression(),
            (Some(JAVAROSA), "constraintMsg") => {
                part.node.constraint_message = itext.message(bind, value, problems)
            }
            (Some(JAVAROSA), "requiredMsg") => {
                part.node.required_message = itext.message(bind, value, problems)
            }
            (Some(JAVAROSA), "preload") => value.clone_into(&mut preload.0),
            (Some(JAVAROSA), "preloadParams") => value.clone_into(&mut preload.1),
            (Some(ENTITIES), "saveto") => part.node.save_to = expression(),
            _ => {
                let name = attribute_name(bind, &one).to_owned();
                part.node.bind_attributes.insert(name, one.value().to_owned());
            }
        }
    }
    if !preload.0.is_empty() {
        part.preload = Some(preload);
    }
}
