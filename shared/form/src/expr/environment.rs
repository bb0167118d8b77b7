//! The world an expression looks at.

use super::value::Value;
use chrono::{DateTime, FixedOffset};

/// A node that an expression can point at. What it means, the
/// [`Environment`] knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Handle {
    /// The document around the instance; its only child is the root element.
    Document,
    /// An element of the instance.
    Item(u32),
    /// The document around a list: `instance('villages')`.
    List(u16),
    /// The only child of a list's document, called `root`.
    ListRoot(u16),
    /// A row of a list, called `item`.
    Row(u16, u32),
    /// A column of a row.
    Cell(u16, u32, u16),
}

/// Instance, lists and clock, as an expression sees them.
///
/// Everything has a default for a world without nodes, which is the world of
/// rules outside forms.
pub(crate) trait Environment {
    /// The moment, in the local zone.
    fn now(&self) -> DateTime<FixedOffset>;

    /// The value of a name that was not resolved beforehand.
    fn named(&self, _name: &str) -> Option<String> {
        None
    }

    /// The relevant nodes a resolved reference means, seen from a node: within
    /// the nearest repeat around both, all of them.
    fn reference(&self, _node: u32, _from: Handle) -> Vec<Handle> {
        Vec::new()
    }

    /// The top of the tree that holds the node.
    fn top(&self, _of: Handle) -> Option<Handle> {
        None
    }

    fn parent(&self, _of: Handle) -> Option<Handle> {
        None
    }

    /// Relevant children, in order; only those of the name, when one is given.
    fn children(&self, _of: Handle, _name: Option<&str>) -> Vec<Handle> {
        Vec::new()
    }

    fn name(&self, _of: Handle) -> &str {
        ""
    }

    /// The value by its type: numbers as numbers, dates as moments.
    fn value(&self, _of: Handle) -> Value {
        Value::empty()
    }

    /// The value as it is stored.
    fn text(&self, _of: Handle) -> String {
        String::new()
    }

    /// The list that `instance('name')` means.
    fn list(&self, _name: &str) -> Option<Handle> {
        None
    }

    /// Rows whose column equals the key, when there is an index for it.
    fn rows_where(&self, _list: u16, _column: &str, _key: &str) -> Option<Vec<Handle>> {
        None
    }

    /// Position from 1 among siblings of the same name.
    fn position(&self, of: Handle) -> usize {
        let Some(parent) = self.parent(of) else {
            return 1;
        };
        let siblings = self.children(parent, Some(self.name(of)));
        siblings.iter().position(|&sibling| sibling == of).map_or(1, |index| index + 1)
    }

    /// The label, in the language in use, of a value of a select question.
    fn choice_label(&self, _question: Handle, _value: &str) -> Option<String> {
        None
    }

    /// The version of the form.
    fn version(&self) -> &str {
        ""
    }
}
