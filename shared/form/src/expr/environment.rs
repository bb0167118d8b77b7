//! The world an expression looks at.

use super::ast::Test;
use super::value::Value;
use chrono::{DateTime, FixedOffset, NaiveDateTime, Offset, TimeZone};
use smallvec::SmallVec;
use std::borrow::Cow;

/// A node that an expression can point at. What it means, the
/// [`Environment`] knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Handle {
    /// The document around the instance; its only child is the root element.
    Document,
    /// An element of the instance.
    Item(u32),
    /// An attribute of an element of the instance, by its place there.
    ItemAttribute(u32, u16),
    /// The text inside an element of the instance.
    ItemText(u32),
    /// The document around a list: `instance('villages')`.
    List(u16),
    /// The only child of a list's document, called `root`.
    ListRoot(u16),
    /// A row of a list, called `item`.
    Row(u16, u32),
    /// A column of a row.
    Cell(u16, u32, u16),
    /// The text inside a column of a row.
    CellText(u16, u32, u16),
    /// A node of an XML document: the number of the document and that of the
    /// node in it.
    Xml(u16, u32),
    /// A namespace of an element of an XML document, by its place there.
    XmlNamespace(u16, u32, u16),
}

/// A set of nodes. Most have one or two.
pub(crate) type Nodes = SmallVec<[Handle; 2]>;

/// What XPath calls the type of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Document,
    Element,
    Attribute,
    Namespace,
    Text,
    Comment,
    Instruction,
}

/// Which language: they read the same and compute some things differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// XPath as forms use it, which is JavaRosa's.
    #[default]
    XForms,
    /// XPath 1.0 as the W3C wrote it: no dates, and a set of nodes is true when
    /// it has any.
    XPath1,
}

/// The clock of a place: how far it is from UTC, at a moment.
pub trait Zone {
    /// The offset at a moment given in UTC.
    fn at(&self, utc: NaiveDateTime) -> FixedOffset;
    /// The offset when the clocks there show this.
    fn at_local(&self, local: NaiveDateTime) -> FixedOffset;
}

/// Every zone of chrono is one. A time that the clocks show twice is the first;
/// one that they skip is read by the clock before.
impl<T: TimeZone> Zone for T {
    fn at(&self, utc: NaiveDateTime) -> FixedOffset {
        self.offset_from_utc_datetime(&utc).fix()
    }

    fn at_local(&self, local: NaiveDateTime) -> FixedOffset {
        match self.offset_from_local_datetime(&local).earliest() {
            Some(offset) => offset.fix(),
            None => {
                let before = local.checked_sub_signed(chrono::TimeDelta::hours(3)).unwrap_or(local);
                self.offset_from_local_datetime(&before)
                    .earliest()
                    .map_or_else(|| self.at(local), |offset| offset.fix())
            }
        }
    }
}

/// Instance, lists and clock, as an expression sees them.
///
/// Everything has a default for a world without nodes, which is the world of
/// rules outside forms.
pub(crate) trait Environment {
    /// The moment, in the local zone.
    fn now(&self) -> DateTime<FixedOffset>;

    /// The local zone at any moment. A world that knows only its present offset
    /// gives that: `self.now.offset()`.
    fn zone(&self) -> &dyn Zone;

    fn dialect(&self) -> Dialect {
        Dialect::XForms
    }

    /// The value of a name that was not resolved beforehand.
    fn named(&self, _name: &str) -> Option<String> {
        None
    }

    /// The relevant nodes a resolved reference means, seen from a node: within
    /// the nearest repeat around both, all of them.
    fn reference(&self, _node: u32, _from: Handle, _found: &mut Nodes) {}

    /// The top of the tree that holds the node.
    fn top(&self, _of: Handle) -> Option<Handle> {
        None
    }

    fn parent(&self, _of: Handle) -> Option<Handle> {
        None
    }

    /// Adds the relevant children that pass the test, in order.
    fn children(&self, _of: Handle, _test: &Test, _found: &mut Nodes) {}

    /// Adds the attributes that pass the test, in order.
    fn attributes(&self, _of: Handle, _test: &Test, _found: &mut Nodes) {}

    /// Adds the namespaces that are in scope.
    fn namespaces(&self, _of: Handle, _found: &mut Nodes) {}

    fn sort(&self, of: Handle) -> Sort {
        match of {
            Handle::Document | Handle::List(_) => Sort::Document,
            Handle::Item(_) | Handle::ListRoot(_) | Handle::Row(..) | Handle::Cell(..) | Handle::Xml(..) => {
                Sort::Element
            }
            Handle::ItemAttribute(..) => Sort::Attribute,
            Handle::ItemText(_) | Handle::CellText(..) => Sort::Text,
            Handle::XmlNamespace(..) => Sort::Namespace,
        }
    }

    /// The name with its prefix, as it is written; empty for what has none.
    fn name(&self, _of: Handle) -> &str {
        ""
    }

    /// The namespace of the name; empty for none.
    fn namespace(&self, _of: Handle) -> &str {
        ""
    }

    /// Whether a name in an expression, with or without a prefix, means this.
    fn is_named(&self, of: Handle, name: &str) -> bool {
        self.name(of) == name
    }

    /// Whether the name is in the namespace that the prefix stands for.
    fn has_prefix(&self, of: Handle, prefix: &str) -> bool {
        self.name(of).split_once(':').is_some_and(|(found, _)| found == prefix)
    }

    /// The value by its type: numbers as numbers, dates as moments.
    fn value(&self, of: Handle) -> Value<'_> {
        Value::Text(self.text(of))
    }

    /// The value as it is stored.
    fn text(&self, _of: Handle) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    /// The list or document that `instance('name')` means.
    fn list(&self, _name: &str) -> Option<Handle> {
        None
    }

    /// Adds the rows whose column equals the key, when there is an index for
    /// it; false when there is none.
    fn rows_where(&self, _list: u16, _column: &str, _key: &str, _found: &mut Nodes) -> bool {
        false
    }

    /// A number that grows in document order, where the world has such.
    fn order(&self, _of: Handle) -> Option<u64> {
        None
    }

    /// Position from 1 among siblings of the same name.
    fn position(&self, of: Handle) -> usize {
        let Some(parent) = self.parent(of) else {
            return 1;
        };
        let mut siblings = Nodes::new();
        self.children(parent, &Test::Any, &mut siblings);
        let name = self.name(of);
        siblings
            .iter()
            .filter(|&&sibling| self.name(sibling) == name)
            .position(|&sibling| sibling == of)
            .map_or(1, |index| index + 1)
    }

    /// The label, in the language in use, of a value of a select question.
    fn choice_label(&self, _question: Handle, _value: &str) -> Option<Cow<'_, str>> {
        None
    }

    /// The text of this id in the language in use.
    fn itext(&self, _id: &str) -> Option<Value<'_>> {
        None
    }

    /// What `property('deviceid')` and its like know of device and user.
    fn property(&self, _name: &str) -> Option<Cow<'_, str>> {
        None
    }

    /// The elements of this id, in the document around the node.
    fn with_id(&self, _id: &str, _around: Handle, _found: &mut Nodes) {}

    /// The next random number of a series that the host's seed determines.
    fn random(&self) -> u64 {
        0
    }

    /// The version of the form.
    fn version(&self) -> &str {
        ""
    }

    /// Whether a node passes the test of a step on an axis of elements.
    fn passes(&self, of: Handle, test: &Test) -> bool {
        match test {
            Test::Node => true,
            Test::Any => self.sort(of) == Sort::Element,
            Test::Name(name) => self.sort(of) == Sort::Element && self.is_named(of, name),
            Test::AnyWithPrefix(prefix) => self.sort(of) == Sort::Element && self.has_prefix(of, prefix),
            Test::Text => self.sort(of) == Sort::Text,
            Test::Comment => self.sort(of) == Sort::Comment,
            Test::ProcessingInstruction(target) => {
                self.sort(of) == Sort::Instruction
                    && target.as_deref().is_none_or(|target| self.name(of) == target)
            }
        }
    }
}
