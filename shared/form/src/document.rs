//! An XML document as a tree that expressions look at.
//!
//! Nodes are numbered in document order, an element before its attributes and
//! those before its children, so order is a comparison of numbers and a subtree
//! is a range. All text lies in one string in document order, so the text of an
//! element is a slice of it.

mod read;

use crate::expr::{Handle, Nodes, Sort, Test};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::OnceLock;

/// What names in an expression mean.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prefixes<'a> {
    /// Prefix → namespace.
    pub(crate) namespaces: &'a BTreeMap<String, String>,
    /// A name without a prefix means only what is in no namespace, as XPath 1.0
    /// has it; otherwise whatever is written without a prefix.
    pub(crate) strict: bool,
}

/// Most nodes of a document.
pub const MAX_XML_NODES: u32 = 4_000_000;

/// An XML document that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the XML cannot be read: {0}")]
pub struct XmlError(String);

/// A node of a document: an element, an attribute, a text … or, with a place,
/// one of the namespaces in scope of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct XmlNode {
    number: u32,
    namespace: Option<u16>,
}

/// An XML document, read once.
#[derive(Debug)]
pub struct XmlDocument {
    nodes: Vec<Node>,
    names: Vec<Name>,
    /// The text of all text nodes.
    text: String,
    /// The values of attributes, comments and processing instructions.
    values: String,
    /// What is in scope of an element: prefix and namespace.
    scopes: Vec<Vec<(String, String)>>,
    ids: OnceLock<HashMap<String, u32>>,
}

#[derive(Debug)]
struct Node {
    sort: Sort,
    name: u32,
    parent: u32,
    /// First number behind everything inside.
    end: u32,
    /// Where its text begins and ends, in `text` or in `values`.
    from: u32,
    until: u32,
    /// Place in `scopes`, for elements.
    scope: u32,
}

#[derive(Debug)]
struct Name {
    /// With its prefix, as written.
    written: String,
    /// Where the local part begins.
    local: usize,
    namespace: String,
}

impl Name {
    fn local(&self) -> &str {
        self.written.get(self.local..).unwrap_or_default()
    }
}

impl XmlDocument {
    /// Reads a document. White space around it is ignored; a document type is
    /// allowed, outside entities are not.
    ///
    /// # Errors
    /// When it is not well-formed or too large.
    pub fn parse(xml: &str) -> Result<XmlDocument, XmlError> {
        let xml = xml.trim();
        let options = roxmltree::ParsingOptions {
            allow_dtd: true,
            nodes_limit: MAX_XML_NODES,
            ..roxmltree::ParsingOptions::default()
        };
        let parsed = roxmltree::Document::parse_with_options(xml, options)
            .map_err(|error| XmlError(error.to_string()))?;
        if u32::try_from(xml.len()).is_err() {
            return Err(XmlError("it is larger than 4 GiB".to_owned()));
        }
        Ok(read::Builder::new(xml).build(&parsed))
    }

    /// The document itself, around the outermost element.
    pub fn root(&self) -> XmlNode {
        XmlNode { number: 0, namespace: None }
    }

    /// The outermost element.
    pub fn root_element(&self) -> XmlNode {
        let number = self.child_numbers(0).find(|&child| self.sort(child) == Sort::Element).unwrap_or(0);
        XmlNode { number, namespace: None }
    }

    /// The string value of a node: of an element, all text inside it.
    pub fn text_of(&self, node: XmlNode) -> &str {
        match node.namespace {
            Some(place) => self.namespace_at(node.number, place).map_or("", |(_, namespace)| namespace),
            None => self.text(node.number),
        }
    }

    /// Where a node is, as an expression that finds it from the document:
    /// `/*[1]/*[2]/@id`, `/*[1]/text()[1]`.
    pub fn path_of(&self, node: XmlNode) -> String {
        let mut steps = Vec::new();
        if let Some(place) = node.namespace {
            let prefix = self.namespace_at(node.number, place).map_or("", |(prefix, _)| prefix);
            steps.push(if prefix.is_empty() { "@xmlns".to_owned() } else { format!("@xmlns:{prefix}") });
        }
        let mut at = node.number;
        while at != 0 {
            let Some(here) = self.node(at) else { break };
            let place = || {
                let same = |&sibling: &u32| self.sort(sibling) == here.sort;
                self.child_numbers(here.parent).take_while(|&sibling| sibling <= at).filter(same).count()
            };
            steps.push(match here.sort {
                Sort::Attribute => format!("@{}", self.name(at)),
                Sort::Text => format!("text()[{}]", place()),
                Sort::Comment => format!("comment()[{}]", place()),
                Sort::Instruction => format!("processing-instruction()[{}]", place()),
                _ => format!("*[{}]", place()),
            });
            at = here.parent;
        }
        let mut path = String::new();
        for step in steps.iter().rev() {
            // Writing to a String cannot fail.
            let _ = write!(path, "/{step}");
        }
        if path.is_empty() { "/".to_owned() } else { path }
    }

    fn node(&self, number: u32) -> Option<&Node> {
        self.nodes.get(usize::try_from(number).ok()?)
    }

    pub(crate) fn sort(&self, number: u32) -> Sort {
        self.node(number).map_or(Sort::Document, |node| node.sort)
    }

    pub(crate) fn parent(&self, number: u32) -> Option<u32> {
        if number == 0 { None } else { self.node(number).map(|node| node.parent) }
    }

    fn name_at(&self, number: u32) -> Option<&Name> {
        self.names.get(usize::try_from(self.node(number)?.name).ok()?)
    }

    /// The name with its prefix, as written.
    pub(crate) fn name(&self, number: u32) -> &str {
        self.name_at(number).map_or("", |name| name.written.as_str())
    }

    pub(crate) fn namespace(&self, number: u32) -> &str {
        self.name_at(number).map_or("", |name| name.namespace.as_str())
    }

    pub(crate) fn text(&self, number: u32) -> &str {
        let Some(node) = self.node(number) else { return "" };
        let pool = match node.sort {
            Sort::Document | Sort::Element | Sort::Text => &self.text,
            _ => &self.values,
        };
        let place = |at: u32| usize::try_from(at).unwrap_or(usize::MAX);
        pool.get(place(node.from)..place(node.until)).unwrap_or_default()
    }

    /// The numbers of the children, in order.
    fn child_numbers(&self, number: u32) -> impl Iterator<Item = u32> + '_ {
        let end = match self.node(number) {
            Some(node) if matches!(node.sort, Sort::Element | Sort::Document) => node.end,
            _ => 0,
        };
        let mut next = number + 1;
        std::iter::from_fn(move || {
            while next < end {
                let here = self.node(next)?;
                let number = next;
                next = here.end;
                if here.sort != Sort::Attribute {
                    return Some(number);
                }
            }
            None
        })
    }

    fn attribute_numbers(&self, number: u32) -> impl Iterator<Item = u32> + '_ {
        let wanted = self.sort(number) == Sort::Element;
        (number + 1..).take_while(move |&next| {
            wanted
                && self.node(next).is_some_and(|node| node.sort == Sort::Attribute && node.parent == number)
        })
    }

    fn namespace_at(&self, number: u32, place: u16) -> Option<(&str, &str)> {
        let scope = self.scopes.get(usize::try_from(self.node(number)?.scope).ok()?)?;
        scope.get(usize::from(place)).map(|(prefix, namespace)| (prefix.as_str(), namespace.as_str()))
    }

    /// Adds the children that pass the test, as handles of the document of this
    /// number. `prefixes` tells what a prefix in the expression stands for.
    pub(crate) fn children(
        &self,
        document: u16,
        number: u32,
        test: &Test,
        prefixes: Prefixes<'_>,
        found: &mut Nodes,
    ) {
        // Neighbours mostly have the same name: a name is compared once a run.
        let mut last = None;
        let passing = self.child_numbers(number).filter(|&child| match test {
            Test::Node => true,
            Test::Text => self.sort(child) == Sort::Text,
            Test::Comment => self.sort(child) == Sort::Comment,
            Test::ProcessingInstruction(target) => {
                self.sort(child) == Sort::Instruction
                    && target.as_deref().is_none_or(|target| self.name(child) == target)
            }
            test => {
                let Some(here) = self.node(child).filter(|here| here.sort == Sort::Element) else {
                    return false;
                };
                if let Some((name, passes)) = last
                    && name == here.name
                {
                    return passes;
                }
                let passes = self.passes_name(child, test, prefixes);
                last = Some((here.name, passes));
                passes
            }
        });
        found.extend(passing.map(|child| Handle::Xml(document, child)));
    }

    /// Adds the attributes that pass the test.
    pub(crate) fn attributes(
        &self,
        document: u16,
        number: u32,
        test: &Test,
        prefixes: Prefixes<'_>,
        found: &mut Nodes,
    ) {
        let passing = self.attribute_numbers(number).filter(|&attribute| match test {
            Test::Node => true,
            Test::Text | Test::Comment | Test::ProcessingInstruction(_) => false,
            test => self.passes_name(attribute, test, prefixes),
        });
        found.extend(passing.map(|attribute| Handle::Xml(document, attribute)));
    }

    /// Adds the namespaces in scope of an element.
    pub(crate) fn namespaces(&self, document: u16, number: u32, found: &mut Nodes) {
        let scope = match self.node(number) {
            Some(node) if node.sort == Sort::Element => {
                usize::try_from(node.scope).ok().and_then(|scope| self.scopes.get(scope))
            }
            _ => None,
        };
        let places = (0_u16..).zip(scope.into_iter().flatten());
        found.extend(places.map(|(place, _)| Handle::XmlNamespace(document, number, place)));
    }

    /// Whether this prefix stands for a namespace anywhere in the document.
    pub(crate) fn declares(&self, prefix: &str) -> bool {
        prefix == "xml" || self.scopes.iter().flatten().any(|(declared, _)| declared == prefix)
    }

    pub(crate) fn namespace_prefix(&self, number: u32, place: u16) -> &str {
        self.namespace_at(number, place).map_or("", |(prefix, _)| prefix)
    }

    pub(crate) fn namespace_text(&self, number: u32, place: u16) -> &str {
        self.namespace_at(number, place).map_or("", |(_, namespace)| namespace)
    }

    fn passes_name(&self, number: u32, test: &Test, prefixes: Prefixes<'_>) -> bool {
        match test {
            Test::Name(name) => self.is_named(number, name, prefixes),
            Test::AnyWithPrefix(prefix) => self.has_prefix(number, prefix, prefixes),
            _ => true,
        }
    }

    /// A prefix means its namespace, or, where nobody knows
    /// that, the same prefix.
    pub(crate) fn is_named(&self, number: u32, name: &str, prefixes: Prefixes<'_>) -> bool {
        let Some(found) = self.name_at(number) else { return false };
        match name.split_once(':') {
            None => found.written == name && (found.namespace.is_empty() || !prefixes.strict),
            Some((prefix, local)) => match prefixes.namespaces.get(prefix) {
                Some(namespace) => found.namespace == *namespace && found.local() == local,
                None => found.written == name,
            },
        }
    }

    pub(crate) fn has_prefix(&self, number: u32, prefix: &str, prefixes: Prefixes<'_>) -> bool {
        let Some(found) = self.name_at(number) else { return false };
        match prefixes.namespaces.get(prefix) {
            Some(namespace) => found.namespace == *namespace,
            None => found.written.split_once(':').is_some_and(|(written, _)| written == prefix),
        }
    }

    /// The elements of this name, whatever their prefix, in document order.
    pub(crate) fn elements<'a>(&'a self, local: &'a str) -> impl Iterator<Item = u32> + 'a {
        (0_u32..)
            .zip(&self.nodes)
            .filter(move |(number, node)| {
                node.sort == Sort::Element && self.name_at(*number).is_some_and(|name| name.local() == local)
            })
            .map(|(number, _)| number)
    }

    /// The child elements of this name, whatever their prefix.
    pub(crate) fn child_elements<'a>(
        &'a self,
        number: u32,
        local: &'a str,
    ) -> impl Iterator<Item = u32> + 'a {
        self.child_numbers(number).filter(move |&child| {
            self.sort(child) == Sort::Element && self.name_at(child).is_some_and(|name| name.local() == local)
        })
    }

    /// The value of an attribute without a prefix.
    pub(crate) fn attribute(&self, number: u32, name: &str) -> Option<&str> {
        let found = self.attribute_numbers(number).find(|&attribute| self.name(attribute) == name)?;
        Some(self.text(found))
    }

    /// The element whose attribute `id` or `xml:id` is this.
    pub(crate) fn with_id(&self, id: &str) -> Option<u32> {
        let ids = self.ids.get_or_init(|| {
            let mut ids = HashMap::new();
            for (number, node) in (0_u32..).zip(&self.nodes) {
                if node.sort == Sort::Attribute && matches!(self.name(number), "id" | "xml:id") {
                    ids.entry(self.text(number).to_owned()).or_insert(node.parent);
                }
            }
            ids
        });
        ids.get(id).copied()
    }

    pub(crate) fn handle(&self, document: u16, node: XmlNode) -> Handle {
        match node.namespace {
            Some(place) => Handle::XmlNamespace(document, node.number, place),
            None => Handle::Xml(document, node.number),
        }
    }
}

impl XmlNode {
    pub(crate) fn from_handle(handle: Handle) -> Option<XmlNode> {
        match handle {
            Handle::Xml(_, number) => Some(XmlNode { number, namespace: None }),
            Handle::XmlNamespace(_, number, place) => Some(XmlNode { number, namespace: Some(place) }),
            _ => None,
        }
    }
}

/// The numbers of a document's nodes grow in document order; namespaces come
/// between an element and its attributes.
pub(crate) fn order_of(handle: Handle) -> Option<u64> {
    match handle {
        Handle::Xml(document, number) => Some(u64::from(document) << 48 | u64::from(number) << 16),
        Handle::XmlNamespace(document, number, place) => {
            Some(u64::from(document) << 48 | u64::from(number) << 16 | (u64::from(place) + 1))
        }
        _ => None,
    }
}
