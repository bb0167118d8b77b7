//! Whether what would be submitted is the XML that was recorded.

use roxmltree::{Document, Node};
use std::collections::BTreeMap;

/// Where other XML is as good.
#[derive(Clone, Copy)]
pub(super) struct Leniency<'a> {
    /// Whether the text of a leaf is as good as another that was recorded.
    pub(super) text: &'a dyn Fn(&str, &str, &str) -> bool,
    /// Whether an element may be left out, since it never has a value.
    pub(super) silent: &'a dyn Fn(&str) -> bool,
}

/// Compares element by element; names by their namespaces, whatever the prefix.
pub(super) fn compare(recorded: &str, ours: &str, leniency: Leniency) -> Result<(), String> {
    let unreadable = |who: &str, error: roxmltree::Error| format!("the XML {who} cannot be read: {error}");
    let recorded = Document::parse(recorded).map_err(|error| unreadable("that was recorded", error))?;
    let document = Document::parse(ours).map_err(|error| unreadable("of this engine", error))?;
    elements(recorded.root_element(), document.root_element(), "", leniency)
        .map_err(|why| format!("XML: {why}; ours is {ours}"))
}

fn elements(recorded: Node, ours: Node, above: &str, leniency: Leniency) -> Result<(), String> {
    let reference = format!("{above}/{}", step(recorded));
    // Engines give forms that have no place for an identity one, each its own.
    let given = reference.split('/').nth(2).is_some_and(|top| matches!(top, "meta" | "orx:meta"));
    let same = if given { name(recorded).1 == name(ours).1 } else { name(recorded) == name(ours) };
    if !same {
        return Err(format!("{reference} is {} here", step(ours)));
    }
    if attributes(recorded) != attributes(ours) {
        return Err(format!(
            "{reference} has other attributes: recorded {:?}, found {:?}",
            attributes(recorded),
            attributes(ours)
        ));
    }
    let (mut theirs, own) = (children(recorded), children(ours));
    theirs.retain(|&one| {
        let there = own.iter().any(|own| name(*own) == name(one));
        there || !(leniency.silent)(&format!("{reference}/{}", step(one)))
    });
    if theirs.is_empty() && own.is_empty() {
        let (theirs, own) = (recorded.text().unwrap_or_default(), ours.text().unwrap_or_default());
        return if theirs == own || (leniency.text)(&reference, theirs, own) {
            Ok(())
        } else {
            Err(format!("{reference} is {own:?}, recorded {theirs:?}"))
        };
    }
    if theirs.len() != own.len() {
        let names = |nodes: &[Node]| nodes.iter().map(|node| step(*node)).collect::<Vec<_>>().join(" ");
        return Err(format!("{reference} holds {:?}, recorded {:?}", names(&own), names(&theirs)));
    }
    theirs.into_iter().zip(own).try_for_each(|(theirs, own)| elements(theirs, own, &reference, leniency))
}

fn children<'a, 'input>(node: Node<'a, 'input>) -> Vec<Node<'a, 'input>> {
    node.children().filter(Node::is_element).collect()
}

fn name<'a>(node: Node<'a, '_>) -> (&'a str, &'a str) {
    (node.tag_name().namespace().unwrap_or_default(), node.tag_name().name())
}

/// As references of the vectors have it: with the prefix, and with the place
/// where the name recurs.
fn step(node: Node) -> String {
    let local = node.tag_name().name();
    let prefix = node.tag_name().namespace().and_then(|uri| node.lookup_prefix(uri)).unwrap_or_default();
    let plain = if prefix.is_empty() { local.to_owned() } else { format!("{prefix}:{local}") };
    let siblings = node.parent().map(children).unwrap_or_default();
    let alike: Vec<Node> = siblings.into_iter().filter(|one| name(*one) == name(node)).collect();
    match alike.iter().position(|one| *one == node) {
        Some(place) if alike.len() > 1 => format!("{plain}[{}]", place + 1),
        _ => plain,
    }
}

fn attributes<'a>(node: Node<'a, '_>) -> BTreeMap<(&'a str, &'a str), &'a str> {
    let told = |value: &'a str| if volatile_text(value) { "" } else { value };
    node.attributes()
        .map(|one| ((one.namespace().unwrap_or_default(), one.name()), told(one.value())))
        .collect()
}

/// Whether it differs from run to run.
pub(super) fn volatile_text(text: &str) -> bool {
    text.contains("__VOLATILE__") || super::state::is_uuid(text.trim_start_matches("uuid:"))
}
