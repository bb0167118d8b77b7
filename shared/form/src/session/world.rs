//! The instance and its lists, as expressions see them.

use super::Session;
use crate::expr::{
    Environment, Handle, Moment, Nodes, Test, Value, Zone, parse_date, parse_date_time, text_to_number,
};
use crate::form::NodeKind;
use chrono::{DateTime, FixedOffset};
use std::borrow::Cow;

impl Environment for Session {
    fn now(&self) -> DateTime<FixedOffset> {
        self.context.now
    }

    fn zone(&self) -> &dyn Zone {
        self.context.now.offset()
    }

    fn reference(&self, node: u32, from: Handle, found: &mut Nodes) {
        let Handle::Item(mut item) = from else {
            return;
        };
        let repeat = self.plan.node(node).is_some_and(|node| node.kind == NodeKind::Repeat);
        // Up to the nearest item that holds the node, then down to all of them.
        while let Some(here) = self.item(item) {
            let itself = here.node == node;
            if self.plan.holds(here.node, node) && !(itself && repeat) {
                break;
            }
            match here.parent {
                Some(parent) => item = parent,
                None => break,
            }
        }
        let relevant = |&item: &u32| self.item(item).is_some_and(|item| item.relevant);
        found.extend(self.items_below(item, node).into_iter().filter(relevant).map(Handle::Item));
    }

    // A path from the root means the instance, also within a filter.
    fn top(&self, _of: Handle) -> Option<Handle> {
        Some(Handle::Document)
    }

    fn parent(&self, of: Handle) -> Option<Handle> {
        Some(match of {
            Handle::Item(item) => self.item(item)?.parent.map_or(Handle::Document, Handle::Item),
            Handle::ItemAttribute(item, _) | Handle::ItemText(item) => Handle::Item(item),
            Handle::ListRoot(list) => Handle::List(list),
            Handle::Row(list, _) => Handle::ListRoot(list),
            Handle::Cell(list, row, _) => Handle::Row(list, row),
            Handle::CellText(list, row, column) => Handle::Cell(list, row, column),
            Handle::Document | Handle::List(_) | Handle::Xml(..) | Handle::XmlNamespace(..) => return None,
        })
    }

    fn children(&self, of: Handle, test: &Test, found: &mut Nodes) {
        let mut offer = |child: Handle| {
            if self.passes(child, test) {
                found.push(child);
            }
        };
        match of {
            Handle::Document => offer(Handle::Item(0)),
            Handle::Item(item) => self.child_items(item, test, found),
            Handle::List(list) => offer(Handle::ListRoot(list)),
            Handle::ListRoot(number) => {
                let is_item = self.passes(Handle::Row(number, 0), test);
                if let Some(list) = self.plan.list(number).filter(|_| is_item) {
                    found.extend(list.row_numbers().map(|row| Handle::Row(number, row)));
                }
            }
            Handle::Row(number, row) => {
                let Some(list) = self.plan.list(number) else { return };
                match test {
                    Test::Name(name) => {
                        found.extend(list.column(name).map(|column| Handle::Cell(number, row, column)));
                    }
                    _ => (0_u16..)
                        .zip(&list.columns)
                        .for_each(|(column, _)| offer(Handle::Cell(number, row, column))),
                }
            }
            Handle::Cell(list, row, column) => {
                if !self.text(of).is_empty() {
                    offer(Handle::CellText(list, row, column));
                }
            }
            Handle::ItemAttribute(..)
            | Handle::ItemText(_)
            | Handle::CellText(..)
            | Handle::Xml(..)
            | Handle::XmlNamespace(..) => {}
        }
    }

    fn name(&self, of: Handle) -> &str {
        match of {
            Handle::Item(item) => self.planned(item).map_or("", |node| node.name.as_str()),
            Handle::ListRoot(_) => "root",
            Handle::Row(..) => "item",
            Handle::Cell(list, _, column) => self
                .plan
                .list(list)
                .and_then(|list| list.columns.get(usize::from(column)))
                .map_or("", String::as_str),
            _ => "",
        }
    }

    fn value(&self, of: Handle) -> Value<'_> {
        let Handle::Item(item) = of else {
            return Value::Text(self.text(of));
        };
        let text = self.raw_value(item);
        if text.is_empty() {
            return Value::Text(self.text(of));
        }
        let zone = self.zone();
        match self.planned(item).map(|node| node.kind) {
            Some(NodeKind::Integer | NodeKind::Decimal | NodeKind::Range) => {
                let number = text_to_number(text, zone);
                if number.is_nan() { Value::text(text) } else { Value::Number(number) }
            }
            Some(NodeKind::Date | NodeKind::Today) => match parse_date(text) {
                Some(date) => Value::Moment(Moment::Date(date)),
                None => Value::text(text),
            },
            Some(NodeKind::DateTime | NodeKind::Start | NodeKind::End) => match parse_date_time(text, zone) {
                Some(moment) => Value::Moment(Moment::DateTime(moment)),
                None => Value::text(text),
            },
            _ => Value::text(text),
        }
    }

    fn text(&self, of: Handle) -> Cow<'_, str> {
        match of {
            Handle::Cell(list, row, column) | Handle::CellText(list, row, column) => {
                Cow::Borrowed(self.plan.list(list).map_or("", |list| list.cell(row, column, self.language)))
            }
            Handle::ItemText(item) => Cow::Borrowed(self.raw_value(item)),
            Handle::Item(item) if self.item(item).is_some_and(|item| item.children.is_empty()) => {
                Cow::Borrowed(self.raw_value(item))
            }
            // The text of an element is the text of everything inside it.
            Handle::Item(item) => self
                .inside(item)
                .into_iter()
                .filter(|&inside| self.item(inside).is_some_and(|inside| inside.relevant))
                .map(|inside| self.raw_value(inside))
                .collect::<String>()
                .into(),
            Handle::Row(number, row) => match self.plan.list(number) {
                Some(list) => (0_u16..)
                    .zip(&list.columns)
                    .map(|(column, _)| list.cell(row, column, self.language))
                    .collect::<String>()
                    .into(),
                None => Cow::Borrowed(""),
            },
            _ => Cow::Borrowed(""),
        }
    }

    fn list(&self, name: &str) -> Option<Handle> {
        self.plan.list_names.get(name).map(|&list| Handle::List(list))
    }

    fn rows_where(&self, number: u16, column: &str, key: &str, found: &mut Nodes) -> bool {
        let list = self.plan.list(number);
        let rows = list.and_then(|list| list.rows_where(list.column(column)?, key));
        found.extend(rows.into_iter().flatten().map(|&row| Handle::Row(number, row)));
        rows.is_some()
    }

    fn position(&self, of: Handle) -> usize {
        match of {
            Handle::Item(item) => self.item(item).map_or(1, |item| item.position),
            Handle::Row(_, row) => usize::try_from(row).unwrap_or(0) + 1,
            _ => 1,
        }
    }

    fn choice_label(&self, question: Handle, value: &str) -> Option<Cow<'_, str>> {
        let Handle::Item(item) = question else {
            return None;
        };
        self.label_of_choice(item, value).map(Cow::Owned)
    }

    fn version(&self) -> &str {
        self.plan.form().version()
    }
}

impl Session {
    /// Adds the relevant items inside an item that pass the test, in the order
    /// of the form.
    fn child_items(&self, item: u32, test: &Test, found: &mut Nodes) {
        let Some(here) = self.item(item) else {
            return;
        };
        if here.children.is_empty() && !self.raw_value(item).is_empty() {
            let text = Handle::ItemText(item);
            found.extend(Some(text).filter(|&text| self.passes(text, test)));
        }
        let wanted = |&child: &u32| {
            self.passes(Handle::Item(child), test) && self.item(child).is_some_and(|child| child.relevant)
        };
        found.extend(here.children.iter().flatten().copied().filter(wanted).map(Handle::Item));
    }
}
