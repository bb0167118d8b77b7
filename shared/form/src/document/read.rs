//! XML → tree, with what roxmltree reads.

use super::{Name, Node, XmlDocument};
use crate::expr::Sort;
use std::collections::HashMap;
use std::sync::OnceLock;

pub(super) struct Builder<'x> {
    xml: &'x str,
    document: XmlDocument,
    /// By how they are written; the same may be in several namespaces.
    names: HashMap<String, Vec<u32>>,
}

impl<'x> Builder<'x> {
    pub(super) fn new(xml: &'x str) -> Builder<'x> {
        let document = XmlDocument {
            nodes: Vec::new(),
            names: Vec::new(),
            text: String::new(),
            values: String::new(),
            scopes: vec![Vec::new()],
            ids: OnceLock::new(),
        };
        Builder { xml, document, names: HashMap::new() }
    }

    pub(super) fn build(mut self, parsed: &roxmltree::Document<'x>) -> XmlDocument {
        let mut open: Vec<u32> = Vec::new();
        let mut next = Some(parsed.root());
        // Depth first without recursion: down, else to the next sibling, else
        // up until there is one.
        while let Some(node) = next {
            let number = self.add(node, open.last().copied().unwrap_or(0));
            if let Some(child) = node.first_child() {
                open.push(number);
                next = Some(child);
                continue;
            }
            self.close(number);
            let mut at = node;
            next = loop {
                if let Some(sibling) = at.next_sibling() {
                    break Some(sibling);
                }
                let Some(parent) = at.parent() else { break None };
                if let Some(number) = open.pop() {
                    self.close(number);
                }
                at = parent;
            };
        }
        self.document
    }

    fn add(&mut self, node: roxmltree::Node<'_, 'x>, parent: u32) -> u32 {
        let (sort, name) = match node.node_type() {
            roxmltree::NodeType::Root => (Sort::Document, self.name("", "")),
            roxmltree::NodeType::Element => {
                let tag = node.tag_name();
                let written = self.written_name(node.range().start, tag.name());
                (Sort::Element, self.name(tag.namespace().unwrap_or_default(), written))
            }
            roxmltree::NodeType::Text => (Sort::Text, self.name("", "")),
            roxmltree::NodeType::Comment => (Sort::Comment, self.name("", "")),
            roxmltree::NodeType::PI => {
                (Sort::Instruction, self.name("", node.pi().map_or("", |instruction| instruction.target)))
            }
        };
        let from = match sort {
            Sort::Comment | Sort::Instruction => self.value(match node.pi() {
                Some(instruction) => instruction.value.unwrap_or_default(),
                None => node.text().unwrap_or_default(),
            }),
            Sort::Text => {
                let from = length(&self.document.text);
                self.document.text.push_str(node.text().unwrap_or_default());
                from
            }
            _ => length(&self.document.text),
        };
        let scope = if sort == Sort::Element { self.scope(node, parent) } else { 0 };
        let number = self.push(sort, name, parent, from, scope);
        if sort == Sort::Element {
            for attribute in node.attributes() {
                let written = self.xml.get(attribute.range_qname());
                let written =
                    written.filter(|written| written.ends_with(attribute.name())).unwrap_or(attribute.name());
                let name = self.name(attribute.namespace().unwrap_or_default(), written);
                let from = self.value(attribute.value());
                let attribute = self.push(Sort::Attribute, name, number, from, 0);
                self.close(attribute);
            }
        }
        number
    }

    fn push(&mut self, sort: Sort, name: u32, parent: u32, from: u32, scope: u32) -> u32 {
        let number = u32::try_from(self.document.nodes.len()).unwrap_or(u32::MAX);
        self.document.nodes.push(Node { sort, name, parent, end: number + 1, from, until: from, scope });
        number
    }

    /// Everything inside the node has been added.
    fn close(&mut self, number: u32) {
        let end = u32::try_from(self.document.nodes.len()).unwrap_or(u32::MAX);
        let (text, values) = (length(&self.document.text), length(&self.document.values));
        let place = usize::try_from(number).unwrap_or(usize::MAX);
        if let Some(node) = self.document.nodes.get_mut(place) {
            node.end = end;
            node.until = match node.sort {
                Sort::Document | Sort::Element | Sort::Text => text,
                _ => values,
            };
        }
    }

    fn value(&mut self, value: &str) -> u32 {
        let from = length(&self.document.values);
        self.document.values.push_str(value);
        from
    }

    /// The name of an element with its prefix: what stands behind its `<`.
    fn written_name<'n>(&self, start: usize, local: &'n str) -> &'n str
    where
        'x: 'n,
    {
        let tag: &'n str = self.xml.get(start + 1..).unwrap_or_default();
        let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/');
        let end = tag.as_bytes().iter().position(ends).unwrap_or(tag.len());
        let written = tag.get(..end).unwrap_or_default();
        let fits = written == local || written.rsplit_once(':').is_some_and(|(_, name)| name == local);
        if fits { written } else { local }
    }

    fn name(&mut self, namespace: &str, written: &str) -> u32 {
        let known = self.names.get(written).into_iter().flatten().copied().find(|&name| {
            let name = usize::try_from(name).ok().and_then(|name| self.document.names.get(name));
            name.is_some_and(|name| name.namespace == namespace)
        });
        if let Some(known) = known {
            return known;
        }
        let name = u32::try_from(self.document.names.len()).unwrap_or(u32::MAX);
        self.document.names.push(Name {
            written: written.to_owned(),
            local: written.find(':').map_or(0, |colon| colon + 1),
            namespace: namespace.to_owned(),
        });
        self.names.entry(written.to_owned()).or_default().push(name);
        name
    }

    /// The namespaces in scope; an element that declares none shares those of
    /// its parent.
    fn scope(&mut self, node: roxmltree::Node<'_, 'x>, parent: u32) -> u32 {
        let around = self.document.node(parent).map_or(0, |node| node.scope);
        let same = usize::try_from(around).ok().and_then(|around| self.document.scopes.get(around));
        let declared = |prefix: &str, uri: &str| {
            same.is_some_and(|same| same.iter().any(|(known, namespace)| known == prefix && namespace == uri))
        };
        let mut count = 1;
        let unchanged = node.namespaces().all(|namespace| {
            count += 1;
            declared(namespace.name().unwrap_or_default(), namespace.uri())
        }) && same.is_some_and(|same| same.len() == count);
        if unchanged {
            return around;
        }
        let mut scope = Vec::new();
        for namespace in node.namespaces().filter(|namespace| namespace.name() != Some("xml")) {
            scope.push((namespace.name().unwrap_or_default().to_owned(), namespace.uri().to_owned()));
        }
        // The default namespace first.
        scope.sort();
        scope.push(("xml".to_owned(), "http://www.w3.org/XML/1998/namespace".to_owned()));
        self.document.scopes.push(scope);
        u32::try_from(self.document.scopes.len() - 1).unwrap_or(0)
    }
}

fn length(text: &str) -> u32 {
    u32::try_from(text.len()).unwrap_or(u32::MAX)
}
