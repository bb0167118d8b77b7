//! The instance and its lists, as expressions see them.

use super::Session;
use crate::expr::{Environment, Handle, Moment, Value, parse_date, parse_date_time, text_to_number};
use crate::form::NodeKind;
use chrono::{DateTime, FixedOffset};

impl Environment for Session {
    fn now(&self) -> DateTime<FixedOffset> {
        self.context.now
    }

    fn reference(&self, node: u32, from: Handle) -> Vec<Handle> {
        let Handle::Item(mut item) = from else {
            return Vec::new();
        };
        let repeat = self.plan.node(node).is_some_and(|node| node.kind == NodeKind::Repeat);
        // Up to the nearest item that holds the node, then down to all of them.
        while let Some(found) = self.item(item) {
            let itself = found.node == node;
            if self.plan.holds(found.node, node) && !(itself && repeat) {
                break;
            }
            match found.parent {
                Some(parent) => item = parent,
                None => break,
            }
        }
        self.items_below(item, node)
            .into_iter()
            .filter(|&item| self.item(item).is_some_and(|item| item.relevant))
            .map(Handle::Item)
            .collect()
    }

    fn top(&self, of: Handle) -> Option<Handle> {
        Some(match of {
            Handle::Document | Handle::Item(_) => Handle::Document,
            // A path from the root means the instance, also within a filter.
            Handle::List(_) | Handle::ListRoot(_) | Handle::Row(..) | Handle::Cell(..) => Handle::Document,
        })
    }

    fn parent(&self, of: Handle) -> Option<Handle> {
        match of {
            Handle::Document | Handle::List(_) => None,
            Handle::Item(item) => Some(self.item(item)?.parent.map_or(Handle::Document, Handle::Item)),
            Handle::ListRoot(list) => Some(Handle::List(list)),
            Handle::Row(list, _) => Some(Handle::ListRoot(list)),
            Handle::Cell(list, row, _) => Some(Handle::Row(list, row)),
        }
    }

    fn children(&self, of: Handle, name: Option<&str>) -> Vec<Handle> {
        match of {
            Handle::Document => vec![Handle::Item(0)],
            Handle::Item(item) => self.child_items(item, name),
            Handle::List(list) => vec![Handle::ListRoot(list)],
            Handle::ListRoot(number) => match self.plan.list(number) {
                Some(list) => list.row_numbers().map(|row| Handle::Row(number, row)).collect(),
                None => Vec::new(),
            },
            Handle::Row(number, row) => {
                let Some(list) = self.plan.list(number) else {
                    return Vec::new();
                };
                match name {
                    Some(name) => list
                        .column(name)
                        .map(|column| Handle::Cell(number, row, column))
                        .into_iter()
                        .collect(),
                    None => (0_u16..)
                        .zip(&list.columns)
                        .map(|(column, _)| Handle::Cell(number, row, column))
                        .collect(),
                }
            }
            Handle::Cell(..) => Vec::new(),
        }
    }

    fn name(&self, of: Handle) -> &str {
        match of {
            Handle::Document | Handle::List(_) => "",
            Handle::Item(item) => self.planned(item).map_or("", |node| node.name.as_str()),
            Handle::ListRoot(_) => "root",
            Handle::Row(..) => "item",
            Handle::Cell(list, _, column) => self
                .plan
                .list(list)
                .and_then(|list| list.columns.get(usize::from(column)))
                .map_or("", String::as_str),
        }
    }

    fn value(&self, of: Handle) -> Value {
        let Handle::Item(item) = of else {
            return Value::Text(self.text(of));
        };
        let text = self.raw_value(item);
        if text.is_empty() {
            return Value::Text(self.text(of));
        }
        let offset = *self.context.now.offset();
        match self.planned(item).map(|node| node.kind) {
            Some(NodeKind::Integer | NodeKind::Decimal | NodeKind::Range) => {
                let number = text_to_number(text, offset);
                if number.is_nan() { Value::Text(text.to_owned()) } else { Value::Number(number) }
            }
            Some(NodeKind::Date | NodeKind::Today) => match parse_date(text) {
                Some(date) => Value::Moment(Moment::Date(date)),
                None => Value::Text(text.to_owned()),
            },
            Some(NodeKind::DateTime | NodeKind::Start | NodeKind::End) => match parse_date_time(text, offset)
            {
                Some(moment) => Value::Moment(Moment::DateTime(moment)),
                None => Value::Text(text.to_owned()),
            },
            _ => Value::Text(text.to_owned()),
        }
    }

    fn text(&self, of: Handle) -> String {
        match of {
            Handle::Cell(list, row, column) => self
                .plan
                .list(list)
                .map_or_else(String::new, |list| list.cell(row, column, self.language).to_owned()),
            Handle::Item(item) if self.item(item).is_some_and(|item| item.children.is_empty()) => {
                self.raw_value(item).to_owned()
            }
            // The text of an element is the text of everything inside it.
            Handle::Item(item) => self
                .inside(item)
                .into_iter()
                .filter(|&inside| self.item(inside).is_some_and(|inside| inside.relevant))
                .map(|inside| self.raw_value(inside))
                .collect(),
            Handle::Document | Handle::List(_) | Handle::ListRoot(_) => String::new(),
            Handle::Row(..) => self.children(of, None).into_iter().map(|cell| self.text(cell)).collect(),
        }
    }

    fn list(&self, name: &str) -> Option<Handle> {
        self.plan.list_names.get(name).map(|&list| Handle::List(list))
    }

    fn rows_where(&self, number: u16, column: &str, key: &str) -> Option<Vec<Handle>> {
        let list = self.plan.list(number)?;
        let rows = list.rows_where(list.column(column)?, key)?;
        Some(rows.iter().map(|&row| Handle::Row(number, row)).collect())
    }

    fn position(&self, of: Handle) -> usize {
        match of {
            Handle::Item(item) => self.item(item).map_or(1, |item| item.position),
            Handle::Row(_, row) => usize::try_from(row).unwrap_or(0) + 1,
            _ => 1,
        }
    }

    fn choice_label(&self, question: Handle, value: &str) -> Option<String> {
        let Handle::Item(item) = question else {
            return None;
        };
        self.label_of_choice(item, value)
    }

    fn version(&self) -> &str {
        self.plan.form().version()
    }
}

impl Session {
    /// Relevant items inside an item, in the order of the form.
    fn child_items(&self, item: u32, name: Option<&str>) -> Vec<Handle> {
        let Some(found) = self.item(item) else {
            return Vec::new();
        };
        let wanted = |&child: &u32| {
            name.is_none_or(|name| self.planned(child).is_some_and(|node| node.name == name))
                && self.item(child).is_some_and(|child| child.relevant)
        };
        found.children.iter().flatten().copied().filter(wanted).map(Handle::Item).collect()
    }
}
