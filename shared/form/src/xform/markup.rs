//! XML as a tree to be written, and the writing.

use std::borrow::Cow;

/// An element to be written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<Content>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Element(Element),
    Text(String),
    /// XML as it is.
    Markup(String),
}

impl Element {
    pub(super) fn new(name: impl Into<String>) -> Element {
        Element { name: name.into(), ..Element::default() }
    }

    #[must_use]
    pub(super) fn with(mut self, name: &str, value: impl Into<String>) -> Element {
        self.set(name, value);
        self
    }

    /// Sets an attribute, also one that is there.
    pub(super) fn set(&mut self, name: &str, value: impl Into<String>) {
        match self.attributes.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value.into(),
            None => self.attributes.push((name.to_owned(), value.into())),
        }
    }

    /// Sets an attribute, unless it says nothing.
    pub(super) fn set_some(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.set(name, value);
        }
    }

    #[must_use]
    pub(super) fn holding(mut self, child: Element) -> Element {
        self.push(child);
        self
    }

    #[must_use]
    pub(super) fn saying(mut self, text: &str) -> Element {
        if !text.is_empty() {
            self.children.push(Content::Text(text.to_owned()));
        }
        self
    }

    pub(super) fn push(&mut self, child: Element) {
        self.children.push(Content::Element(child));
    }

    /// The document that this element is.
    pub(super) fn document(&self) -> String {
        let mut out = String::from("<?xml version=\"1.0\"?>\n");
        self.write(0, &mut out);
        out.push('\n');
        out
    }

    /// The element in one line, without white space that nobody wrote.
    pub(super) fn line(&self, out: &mut String) {
        self.open(out);
        for child in &self.children {
            match child {
                Content::Element(element) => element.line(out),
                Content::Text(text) => out.push_str(&escaped(text, false)),
                Content::Markup(markup) => out.push_str(markup),
            }
        }
        self.close(out);
    }

    /// Elements that hold only elements are spread over lines.
    fn write(&self, depth: usize, out: &mut String) {
        let spread = self.children.iter().all(|child| !matches!(child, Content::Text(_)));
        if !spread || self.children.is_empty() {
            self.line(out);
            return;
        }
        self.open(out);
        for child in &self.children {
            out.push('\n');
            (0..=depth).for_each(|_| out.push_str("  "));
            match child {
                Content::Element(element) => element.write(depth + 1, out),
                Content::Text(text) => out.push_str(&escaped(text, false)),
                Content::Markup(markup) => out.push_str(markup),
            }
        }
        out.push('\n');
        (0..depth).for_each(|_| out.push_str("  "));
        self.close(out);
    }

    fn open(&self, out: &mut String) {
        out.push('<');
        out.push_str(&self.name);
        for (name, value) in &self.attributes {
            out.push(' ');
            out.push_str(name);
            out.push_str("=\"");
            out.push_str(&escaped(value, true));
            out.push('"');
        }
        out.push_str(if self.children.is_empty() { "/>" } else { ">" });
    }

    fn close(&self, out: &mut String) {
        if !self.children.is_empty() {
            out.push_str("</");
            out.push_str(&self.name);
            out.push('>');
        }
    }
}

/// Text as XML says it. What XML cannot say at all is left out.
fn escaped(text: &str, in_attribute: bool) -> Cow<'_, str> {
    let special = |c: char| match c {
        '&' | '<' | '>' | '\r' => true,
        '"' | '\n' | '\t' => in_attribute,
        _ => !is_xml(c),
    };
    if !text.contains(special) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#13;"),
            '"' if in_attribute => out.push_str("&quot;"),
            '\n' if in_attribute => out.push_str("&#10;"),
            '\t' if in_attribute => out.push_str("&#9;"),
            other if is_xml(other) => out.push(other),
            _ => {}
        }
    }
    Cow::Owned(out)
}

/// Whether XML can say this at all.
pub(super) fn is_xml(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Whether this can be the name of an element or attribute, with or without a
/// prefix.
pub(super) fn is_name(name: &str) -> bool {
    let mut parts = name.split(':');
    let plain = |part: &str| {
        part.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '\u{b7}'))
    };
    match (parts.next(), parts.next(), parts.next()) {
        (Some(one), None, _) => plain(one),
        (Some(prefix), Some(local), None) => plain(prefix) && plain(local),
        _ => false,
    }
}
