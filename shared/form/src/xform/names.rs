//! Namespaces of XForms, and names as the document writes them.

use roxmltree::{Attribute, Node};

pub(super) const XFORMS: &str = "http://www.w3.org/2002/xforms";
pub(super) const XHTML: &str = "http://www.w3.org/1999/xhtml";
pub(super) const JAVAROSA: &str = "http://openrosa.org/javarosa";
pub(super) const OPENROSA: &str = "http://openrosa.org/xforms";
pub(super) const ODK: &str = "http://www.opendatakit.org/xforms";
pub(super) const ENTITIES: &str = "http://www.opendatakit.org/xforms/entities";
pub(super) const EVENTS: &str = "http://www.w3.org/2001/xml-events";

/// The name of an element as the document writes it: `orx:meta`.
pub(super) fn element_name<'input>(node: Node<'_, 'input>) -> &'input str {
    let start = node.range().start.saturating_add(1);
    let text = node.document().input_text().get(start..).unwrap_or_default();
    let end = text.find(|c: char| c.is_ascii_whitespace() || c == '/' || c == '>').unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// The name of an attribute as the document writes it: `jr:template`.
pub(super) fn attribute_name<'input>(
    node: Node<'_, 'input>,
    attribute: &Attribute<'_, 'input>,
) -> &'input str {
    node.document().input_text().get(attribute.range_qname()).unwrap_or_else(|| attribute.name())
}

/// The name behind the prefix.
pub(super) fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// Whether this is the XForms element of that name.
pub(super) fn is(node: Node<'_, '_>, name: &str) -> bool {
    node.is_element() && node.tag_name().name() == name && node.tag_name().namespace() == Some(XFORMS)
}

/// The elements directly in this one.
pub(super) fn elements<'a, 'input>(
    node: Node<'a, 'input>,
) -> impl Iterator<Item = Node<'a, 'input>> + use<'a, 'input> {
    node.children().filter(Node::is_element)
}

/// The value of an attribute, free of white space around it; absent when empty.
pub(super) fn attribute<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    node.attribute(name).map(str::trim).filter(|value| !value.is_empty())
}

/// The value of an attribute in a namespace, like [`attribute`].
pub(super) fn attribute_in<'a>(node: Node<'a, '_>, namespace: &str, name: &str) -> Option<&'a str> {
    node.attribute((namespace, name)).map(str::trim).filter(|value| !value.is_empty())
}
