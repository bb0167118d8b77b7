//! Lists of choices: secondary instances, and how controls use them.

use super::super::markup::Element;
use super::{ListNames, Writer, markup};
use crate::form::{Choice, ChoiceSource, EXTERNAL_CHOICES, Form, NamedText, Node, NodeKind, Text, Words};

/// Lists whose labels are translations.
pub(super) fn itext_lists(form: &Form) -> ListNames<'_> {
    let unnamed = form.languages.first().is_none_or(|name| name == "default");
    let translated = |choice: &Choice| {
        !choice.media.values().all(Text::is_empty)
            || choice.label.0.iter().skip(1).any(|words| !words.is_empty())
            || choice
                .label
                .0
                .first()
                .is_some_and(|words| !words.is_empty() && (!unnamed || words.plain().is_none()))
    };
    let all = form.lists.iter().filter(|(_, choices)| choices.iter().any(translated));
    all.map(|(name, _)| name.as_str()).collect()
}

/// Whether the choices are written into the control: lists that came so, and
/// those that `search()` replaces.
fn is_inline(node: &Node, list: &str) -> bool {
    list.starts_with('/') || node.appearance.contains("search(")
}

fn inline_lists<'f>(nodes: &'f [Node], found: &mut Vec<(&'f str, bool)>) {
    for node in nodes {
        if let Some(ChoiceSource::List(list)) = &node.choices {
            found.push((list, is_inline(node, list)));
        }
        inline_lists(&node.children, found);
    }
}

impl Writer<'_> {
    pub(super) fn secondary_instances(&mut self, itext: &ListNames<'_>) -> Vec<Element> {
        let form = self.form;
        let mut made = Vec::new();
        for external in &form.externals {
            let source = match external.file.as_str() {
                file if file.contains("://") => file.to_owned(),
                file if file.to_lowercase().ends_with(".csv") => format!("jr://file-csv/{file}"),
                file => format!("jr://file/{file}"),
            };
            made.push(Element::new("instance").with("id", external.name.as_str()).with("src", source));
        }
        for (name, document) in &form.documents {
            let mut instance = Element::new("instance").with("id", name.as_str());
            if !document.is_empty() {
                instance.children.push(markup(document));
            }
            made.push(instance);
        }
        if super::references::mentions_last_saved(&form.nodes) {
            let instance = Element::new("instance").with("id", "__last-saved");
            made.push(instance.with("src", "jr://instance/last-saved"));
        }
        let mut used = Vec::new();
        inline_lists(&form.nodes, &mut used);
        for (name, choices) in &form.lists {
            let mut uses = used.iter().filter(|(list, _)| list == name).peekable();
            let only_inline = uses.peek().is_some() && uses.all(|(_, inline)| *inline);
            if only_inline || name.starts_with('/') || form.external_lists.contains(name) {
                continue;
            }
            let mut root = Element::new("root");
            for (place, choice) in choices.iter().enumerate() {
                root.push(self.item(name, place, choice, itext.contains(name.as_str())));
            }
            made.push(Element::new("instance").with("id", name.as_str()).holding(root));
        }
        made
    }

    fn item(&mut self, list: &str, place: usize, choice: &Choice, itext: bool) -> Element {
        let mut item = Element::new("item");
        let mut put = |name: &str, value: &str| item.push(Element::new(name).saying(value));
        if itext {
            let id = self.choice_text(&format!("{list}-{place}"), choice);
            put("itextId", &id);
            put("name", &choice.name);
        } else {
            put("name", &choice.name);
            let label = choice.label.0.first().and_then(Words::plain).unwrap_or_default();
            if !label.is_empty() {
                put("label", label);
            }
        }
        for (name, value) in &choice.columns {
            if super::super::markup::is_name(name) {
                put(name, value);
            }
        }
        item
    }

    fn choice_text(&mut self, id: &str, choice: &Choice) -> String {
        let named = NamedText { text: choice.label.clone(), media: choice.media.clone() };
        self.texts.named(id, &named, (&self.references, ""))
    }

    /// The choices inside a control.
    pub(super) fn choices(&mut self, node: &Node, path: &str, itext: &ListNames<'_>, control: &mut Element) {
        let filter = node.choice_filter.as_deref();
        match &node.choices {
            None => {}
            Some(ChoiceSource::List(list)) if is_inline(node, list) => {
                let form = self.form;
                for (place, choice) in form.lists.get(list).into_iter().flatten().enumerate() {
                    control.push(self.inline_item(list, place, choice, path));
                }
            }
            Some(ChoiceSource::List(list)) => {
                let label = if itext.contains(list.as_str()) { "jr:itext(itextId)" } else { "label" };
                let nodeset = format!("instance('{list}')/root/item");
                control.push(self.itemset(node, path, (&nodeset, filter), "name", Some(label)));
            }
            Some(ChoiceSource::File { file, value, label }) => {
                let external = self.form.externals.iter().find(|external| external.file == *file);
                let stem = file.rsplit_once('.').map_or(file.as_str(), |(stem, _)| stem);
                let name = external.map_or(stem, |external| external.name.as_str());
                let nodeset = format!("instance('{name}')/root/item");
                control.push(self.itemset(node, path, (&nodeset, filter), value, Some(label)));
            }
            Some(ChoiceSource::Repeat(name)) => {
                let question = self.references.path_of(name, path).unwrap_or_default().to_owned();
                let repeat = question.rsplit_once('/').map_or("", |(repeat, _)| repeat);
                let nodeset = self.references.path_from(repeat, path, false);
                let known = format!("./{name} != ''");
                // Seen from an instance of the repeat, its questions are near.
                let filter = filter.map(|filter| self.references.expand_within(filter, repeat, path));
                let filter = filter.as_deref();
                control.push(self.itemset(node, path, (&nodeset, filter.or(Some(&known))), name, Some(name)));
            }
            Some(ChoiceSource::Nodes { nodeset, value, label }) => {
                control.push(self.itemset(node, path, (nodeset, filter), value, label.as_deref()));
            }
        }
    }

    fn itemset(
        &self,
        node: &Node,
        path: &str,
        (nodeset, filter): (&str, Option<&str>),
        value: &str,
        label: Option<&str>,
    ) -> Element {
        let mut nodeset = match filter {
            Some(filter) => format!("{nodeset}[{filter}]"),
            None => nodeset.to_owned(),
        };
        if node.parameters.get("randomize").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            nodeset = match node.parameters.get("seed") {
                Some(seed) => format!("randomize({nodeset}, {seed})"),
                None => format!("randomize({nodeset})"),
            };
        }
        let mut itemset = Element::new("itemset").with("nodeset", self.references.expand(&nodeset, path));
        itemset.push(Element::new("value").with("ref", value));
        if let Some(label) = label {
            itemset.push(Element::new("label").with("ref", label));
        }
        itemset
    }

    fn inline_item(&mut self, list: &str, place: usize, choice: &Choice, path: &str) -> Element {
        let id = format!("{list}-{place}");
        let label = self.texts.label(
            "label",
            &id,
            (&choice.label, &Text::default(), &choice.media),
            (&self.references, path),
        );
        let mut item = Element::new("item");
        item.push(label.unwrap_or_else(|| Element::new("label")));
        item.holding(Element::new("value").saying(&choice.name))
    }

    /// A select from a list outside the form is an input with a query.
    pub(super) fn query(&self, node: &Node, path: &str) -> Option<String> {
        let Some(ChoiceSource::List(list)) = &node.choices else { return None };
        if node.kind != NodeKind::SelectOne || !self.form.external_lists.contains(list) {
            return None;
        }
        let filter = node.choice_filter.as_ref().map(|filter| format!("[{filter}]")).unwrap_or_default();
        let list = list.strip_prefix(EXTERNAL_CHOICES).unwrap_or(list);
        Some(self.references.expand(&format!("instance('{list}')/root/item{filter}"), path))
    }

    /// The tags that a map editor collects.
    pub(super) fn tags(&mut self, node: &Node, path: &str, control: &mut Element) {
        for tag in &node.tags {
            let id = format!("{path}:{}", tag.name);
            let words = (&tag.label, &Text::default(), &tag.media);
            let label = self.label("label", &id, words, path);
            let mut element = Element::new("tag").with("key", tag.name.as_str());
            element.push(label.unwrap_or_else(|| Element::new("label")));
            control.push(element);
        }
    }
}
