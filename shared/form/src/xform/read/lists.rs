//! Choices: written out in the control, or found by an expression.

use super::Problems;
use super::itext::{Itext, text_id};
use crate::form::{Choice, ChoiceSource};
use crate::xform::names::{attribute, elements, is};
use roxmltree::Node as Element;
use std::collections::BTreeMap;

#[derive(Default)]
pub(super) struct Lists {
    /// Inline choices under the path of their question.
    pub(super) lists: BTreeMap<String, Vec<Choice>>,
    /// Some label names a text by an expression.
    pub(super) dynamic: bool,
}

impl Lists {
    /// The choices of a select at this path.
    pub(super) fn choices(
        &mut self,
        control: Element<'_, '_>,
        path: &str,
        itext: &Itext,
        problems: &mut Problems,
    ) -> Option<ChoiceSource> {
        if let Some(itemset) = elements(control).find(|&node| is(node, "itemset")) {
            return self.itemset(itemset, problems);
        }
        let items = elements(control).filter(|&node| is(node, "item"));
        let choices: Vec<Choice> = items.filter_map(|item| choice(item, itext, problems)).collect();
        if choices.is_empty() {
            problems.warning(control, "the question offers no choices; add <item> or <itemset>");
        }
        self.lists.insert(path.to_owned(), choices);
        Some(ChoiceSource::List(path.to_owned()))
    }

    fn itemset(&mut self, itemset: Element<'_, '_>, problems: &mut Problems) -> Option<ChoiceSource> {
        let Some(nodeset) = attribute(itemset, "nodeset") else {
            problems.error(itemset, "the choices come from nowhere; write nodeset=\"…\"");
            return None;
        };
        problems.expression(itemset, "nodeset", nodeset);
        let part = |name: &str| {
            elements(itemset).find(|&node| is(node, name)).and_then(|node| attribute(node, "ref"))
        };
        let Some(value) = part("value") else {
            problems.error(itemset, "the choices have no value; add <value ref=\"…\"/>");
            return None;
        };
        let label = part("label").map(str::to_owned);
        self.dynamic |= label.as_deref().is_some_and(|label| label.contains("jr:itext("));
        Some(ChoiceSource::Nodes { nodeset: nodeset.to_owned(), value: value.to_owned(), label })
    }
}

fn choice(item: Element<'_, '_>, itext: &Itext, problems: &mut Problems) -> Option<Choice> {
    let Some(value) = elements(item).find(|&node| is(node, "value")) else {
        problems.error(item, "the choice has no value; add <value>…</value>");
        return None;
    };
    let label = elements(item).find(|&node| is(node, "label"));
    let label = label.map(|label| itext.label(label, problems)).unwrap_or_default();
    let name: String = value.children().filter_map(|node| node.text()).collect();
    Some(Choice {
        name: name.trim().to_owned(),
        label: label.text,
        media: label.media,
        columns: BTreeMap::new(),
    })
}

/// Whether the reference of a label is computed from an id.
pub(super) fn is_dynamic(reference: &str) -> bool {
    reference.contains("jr:itext(") && text_id(reference).is_none()
}
