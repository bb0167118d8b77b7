//! The instance and its lists, as expressions see them.

use super::Session;
use super::tree::{HEAD, RELEVANT, SERIES};
use crate::document::{Prefixes, XmlDocument, order_of};
use crate::expr::{Environment, Focus, Handle, Nodes, Sort, Test, Value, Zone};
use crate::form::NodeKind;
use crate::plan::LAST_SAVED;
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
        let (Handle::Item(from) | Handle::ItemAttribute(from, _)) = from else {
            return;
        };
        self.each_seen(node, from, &mut |item| {
            if self.is(item, RELEVANT) {
                found.push(self.handle(item));
            }
        });
    }

    // A path from the root means the instance, also within a filter.
    fn top(&self, _of: Handle) -> Option<Handle> {
        Some(Handle::Document)
    }

    fn parent(&self, of: Handle) -> Option<Handle> {
        Some(match of {
            Handle::Item(item) => self.parent(item).map_or(Handle::Document, Handle::Item),
            Handle::ItemAttribute(item, _) | Handle::ItemText(item) => Handle::Item(item),
            Handle::ListRoot(list) => Handle::List(list),
            Handle::Row(list, _) => Handle::ListRoot(list),
            Handle::Cell(list, row, _) => Handle::Row(list, row),
            Handle::CellText(list, row, column) => Handle::Cell(list, row, column),
            Handle::Xml(number, node) => {
                return Some(Handle::Xml(number, self.document(number)?.parent(node)?));
            }
            Handle::XmlNamespace(number, node, _) => Handle::Xml(number, node),
            Handle::Document | Handle::List(_) => return None,
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
                    Test::Name(name) => found.extend(
                        list.column(name)
                            .filter(|&column| list.has_cell(row, column))
                            .map(|column| Handle::Cell(number, row, column)),
                    ),
                    _ => (0_u16..)
                        .zip(&list.columns)
                        .filter(|(column, _)| list.has_cell(row, *column))
                        .for_each(|(column, _)| offer(Handle::Cell(number, row, column))),
                }
            }
            Handle::Cell(list, row, column) => {
                if !self.text(of).is_empty() {
                    offer(Handle::CellText(list, row, column));
                }
            }
            Handle::Xml(number, node) => {
                if let Some(document) = self.document(number) {
                    document.children(number, node, test, self.prefixes(), found);
                }
            }
            Handle::ItemAttribute(..)
            | Handle::ItemText(_)
            | Handle::CellText(..)
            | Handle::XmlNamespace(..) => {}
        }
    }

    fn sort(&self, of: Handle) -> Sort {
        match of {
            Handle::Xml(number, node) => {
                self.document(number).map_or(Sort::Element, |document| document.sort(node))
            }
            Handle::Document | Handle::List(_) => Sort::Document,
            Handle::Item(_) | Handle::ListRoot(_) | Handle::Row(..) | Handle::Cell(..) => Sort::Element,
            Handle::ItemAttribute(..) => Sort::Attribute,
            Handle::ItemText(_) | Handle::CellText(..) => Sort::Text,
            Handle::XmlNamespace(..) => Sort::Namespace,
        }
    }

    fn is_named(&self, of: Handle, name: &str) -> bool {
        match of {
            Handle::Xml(number, node) => {
                self.document(number).is_some_and(|document| document.is_named(node, name, self.prefixes()))
            }
            _ => self.name(of) == name,
        }
    }

    fn attributes(&self, of: Handle, test: &Test, found: &mut Nodes) {
        let item = match of {
            Handle::Item(item) => item,
            Handle::Xml(number, node) => {
                if let Some(document) = self.document(number) {
                    document.attributes(number, node, test, self.prefixes(), found);
                }
                return;
            }
            _ => return,
        };
        let Some(node) = self.planned(item) else { return };
        for (&attribute, place) in node.attributes.iter().zip(0_u16..) {
            let named = match test {
                Test::Name(name) => self.plan.node(attribute).is_some_and(|found| found.name == *name),
                Test::Any | Test::Node => true,
                _ => false,
            };
            if named && self.is(self.child(item, attribute), RELEVANT) {
                found.push(Handle::ItemAttribute(item, place));
            }
        }
    }

    fn name(&self, of: Handle) -> &str {
        match of {
            Handle::Item(item) => self.planned(item).map_or("", |node| node.name.as_str()),
            Handle::ItemAttribute(item, place) => self
                .attribute(item, place)
                .and_then(|attribute| self.planned(attribute))
                .map_or("", |node| node.name.as_str()),
            Handle::ListRoot(list) => self.plan.list(list).map_or("root", |list| list.root_name.as_str()),
            Handle::Row(list, _) => self.plan.list(list).map_or("item", |list| list.item_name.as_str()),
            Handle::Cell(list, _, column) => self
                .plan
                .list(list)
                .and_then(|list| list.columns.get(usize::from(column)))
                .map_or("", String::as_str),
            Handle::Xml(number, node) => self.document(number).map_or("", |document| document.name(node)),
            _ => "",
        }
    }

    fn value(&self, of: Handle) -> Value<'_> {
        match of {
            Handle::Item(item) if self.is_leaf(item) => self.typed(item, self.visible_value(item)),
            Handle::ItemAttribute(owner, place) => match self.attribute(owner, place) {
                Some(item) => self.typed(item, self.visible_value(item)),
                None => Value::empty(),
            },
            _ => Value::Text(self.text(of)),
        }
    }

    fn text(&self, of: Handle) -> Cow<'_, str> {
        match of {
            Handle::Cell(list, row, column) | Handle::CellText(list, row, column) => {
                self.cell_text(list, row, column)
            }
            Handle::ItemText(item) => self.seen_text(item),
            Handle::ItemAttribute(owner, place) => {
                self.attribute(owner, place).map_or(Cow::Borrowed(""), |item| self.seen_text(item))
            }
            Handle::Item(item) if self.is_leaf(item) => self.seen_text(item),
            // The text of an element is the text of everything inside it.
            Handle::Item(item) => {
                let mut text = String::new();
                self.each_inside(item, &mut |inside| {
                    let attribute = self.planned(inside).is_some_and(|node| node.kind == NodeKind::Attribute);
                    if !attribute && self.is(inside, RELEVANT) {
                        text.push_str(&self.seen_text(inside));
                    }
                });
                text.into()
            }
            Handle::Row(number, row) => match self.plan.list(number) {
                Some(list) => (0_u16..)
                    .zip(&list.columns)
                    .map(|(column, _)| self.cell_text(number, row, column))
                    .collect::<String>()
                    .into(),
                None => Cow::Borrowed(""),
            },
            Handle::Xml(number, node) => {
                Cow::Borrowed(self.document(number).map_or("", |document| document.text(node)))
            }
            _ => Cow::Borrowed(""),
        }
    }

    fn list(&self, name: &str) -> Option<Handle> {
        if let Some(&list) = self.plan.list_names.get(name) {
            return Some(Handle::List(list));
        }
        let &number = self.plan.document_names.get(name)?;
        self.document(number)?;
        Some(Handle::Xml(number, 0))
    }

    fn rows_where(&self, number: u16, column: &str, key: &str, found: &mut Nodes) -> bool {
        let Some(list) = self.plan.list(number) else { return false };
        let Some(column) = list.column(column) else { return false };
        list.rows_where(column, key, |row| found.push(Handle::Row(number, row)))
    }

    fn position(&self, of: Handle) -> usize {
        match of {
            Handle::Item(item) if self.is(item, HEAD) => {
                self.item(item).map_or(1, |item| super::tree::index(item.place))
            }
            Handle::Row(_, row) => usize::try_from(row).unwrap_or(0) + 1,
            _ => 1,
        }
    }

    fn order(&self, of: Handle) -> Option<u64> {
        match of {
            Handle::Row(list, row) => Some(u64::from(list) << 48 | u64::from(row) << 16),
            Handle::Cell(list, row, column) => {
                Some(u64::from(list) << 48 | u64::from(row) << 16 | (u64::from(column) + 1))
            }
            Handle::Xml(..) | Handle::XmlNamespace(..) => order_of(of),
            _ => None,
        }
    }

    fn choice_label(&self, question: Handle, value: &str) -> Option<Cow<'_, str>> {
        let Handle::Item(item) = question else {
            return None;
        };
        self.label_of_choice(item, value).map(Cow::Owned)
    }

    fn itext(&self, id: &str) -> Option<Value<'_>> {
        let templates = self.plan.texts.get(id)?;
        Some(Value::text(self.fill(templates, &Focus::on(Handle::Item(0))).unwrap_or_default()))
    }

    fn property(&self, name: &str) -> Option<Cow<'_, str>> {
        let value = match name {
            "username" => &self.context.username,
            "deviceid" => &self.context.device_id,
            "phonenumber" => &self.context.phone_number,
            "email" => &self.context.email,
            _ => return None,
        };
        Some(Cow::Borrowed(value))
    }

    fn random(&self) -> u64 {
        self.dice.roll()
    }

    fn version(&self) -> &str {
        self.plan.form().version()
    }
}

impl Session {
    /// How expressions point at an item.
    pub(super) fn handle(&self, item: u32) -> Handle {
        let Some(node) = self.planned(item).filter(|node| node.kind == NodeKind::Attribute) else {
            return Handle::Item(item);
        };
        let number = self.item(item).map_or(0, |item| item.node);
        let place = node.parent.and_then(|parent| {
            let attributes = &self.plan.node(parent)?.attributes;
            u16::try_from(attributes.iter().position(|&one| one == number)?).ok()
        });
        match (self.parent(item), place) {
            (Some(owner), Some(place)) => Handle::ItemAttribute(owner, place),
            _ => Handle::Item(item),
        }
    }

    /// The item of an attribute, by its place.
    pub(super) fn attribute(&self, owner: u32, place: u16) -> Option<u32> {
        let attribute = *self.planned(owner)?.attributes.get(usize::from(place))?;
        Some(self.child(owner, attribute))
    }

    pub(super) fn is_leaf(&self, item: u32) -> bool {
        self.planned(item).is_some_and(|node| !node.kind.is_container())
    }

    fn document(&self, number: u16) -> Option<&XmlDocument> {
        if number == LAST_SAVED {
            return self.last_saved.as_deref();
        }
        self.plan.documents.get(usize::from(number))
    }

    fn prefixes(&self) -> Prefixes<'_> {
        Prefixes { namespaces: &self.plan.form().namespaces, strict: false }
    }

    fn cell_text(&self, number: u16, row: u32, column: u16) -> Cow<'_, str> {
        let Some(list) = self.plan.list(number) else { return Cow::Borrowed("") };
        match &list.labels {
            Some(labels) if labels.column == column => {
                self.choice_text(number, row, column, &Focus::on(Handle::Item(0))).into()
            }
            _ => Cow::Borrowed(list.cell(row, column)),
        }
    }

    /// Adds the relevant items inside an item that pass the test, in the order
    /// of the form.
    fn child_items(&self, item: u32, test: &Test, found: &mut Nodes) {
        let Some(node) = self.planned(item) else { return };
        if !node.kind.is_container() {
            if !self.visible_value(item).is_empty() {
                let text = Handle::ItemText(item);
                found.extend(Some(text).filter(|&text| self.passes(text, test)));
            }
            return;
        }
        if self.is(item, SERIES) {
            return;
        }
        for &child in &node.children {
            let Some(planned) = self.plan.node(child) else { continue };
            let named = match test {
                Test::Name(name) => planned.name == *name,
                Test::Any | Test::Node => true,
                Test::AnyWithPrefix(prefix) => {
                    planned.name.split_once(':').is_some_and(|(found, _)| found == prefix)
                }
                _ => false,
            };
            if !named {
                continue;
            }
            let one = self.child(item, child);
            if planned.kind == NodeKind::Repeat {
                let relevant = self.instances_of(one).iter().copied().filter(|&head| self.is(head, RELEVANT));
                found.extend(relevant.map(Handle::Item));
            } else if self.is(one, RELEVANT) {
                found.push(Handle::Item(one));
            }
        }
    }
}
