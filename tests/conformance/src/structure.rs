//! What an XForm means, free of how it is written: two forms are the same when
//! their instances, binds, controls, texts, lists and actions are.
//!
//! Relative and absolute paths, texts in place and in translations, the order of
//! binds, and white space are ways of writing; all else is meaning.

use crate::formula::normal;
use roxmltree::{Document, Node};
use std::collections::{BTreeMap, BTreeSet};

const JR: &str = "http://openrosa.org/javarosa";
const PREFIXES: [(&str, &str); 4] = [
    (JR, "jr"),
    ("http://openrosa.org/xforms", "orx"),
    ("http://www.opendatakit.org/xforms", "odk"),
    ("http://www.opendatakit.org/xforms/entities", "entities"),
];

/// Something that a form says.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fact {
    Plain(String),
    /// A text in place, the same in all languages.
    Text(String),
    /// A text by language.
    Translated(BTreeMap<String, String>),
}

/// Everything that a form says, by where it says it.
pub(crate) struct Structure {
    facts: BTreeMap<String, Fact>,
    default_language: Option<String>,
}

impl Structure {
    pub(crate) fn read(xml: &str) -> Result<Structure, String> {
        let document = Document::parse(xml).map_err(|error| format!("not XML: {error}"))?;
        let mut reader = Reader {
            facts: BTreeMap::new(),
            texts: BTreeMap::new(),
            languages: BTreeSet::new(),
            controls: 0,
        };
        let mut default_language = None;
        let model = element(document.root_element(), "model").ok_or("no model")?;
        if let Some(itext) = child(model, "itext") {
            for translation in itext.children().filter(|node| node.has_tag_name_any("translation")) {
                let language = translation.attribute("lang").unwrap_or_default().to_owned();
                if translation.attribute("default").is_some() {
                    default_language = Some(language.clone());
                }
                reader.languages.insert(language.clone());
                for text in translation.children().filter(|node| node.has_tag_name_any("text")) {
                    let id = text.attribute("id").unwrap_or_default().to_owned();
                    for value in text.children().filter(|node| node.has_tag_name_any("value")) {
                        let form = value.attribute("form").unwrap_or("").to_owned();
                        reader
                            .texts
                            .entry(id.clone())
                            .or_default()
                            .entry(form)
                            .or_default()
                            .insert(language.clone(), raw_text(value));
                    }
                }
            }
        }
        if let Some(title) = element(document.root_element(), "title") {
            reader.say("title", title.text().unwrap_or_default().trim());
        }
        for attribute in model.attributes() {
            reader.say(&format!("model @{}", attribute_name(&attribute)), attribute.value());
        }
        reader.model(model);
        if let Some(body) = element(document.root_element(), "body") {
            if let Some(style) = body.attribute("class") {
                reader.say("body @class", style);
            }
            reader.body(body, "");
        }
        Ok(Structure { facts: reader.facts, default_language })
    }

    /// What differs, a line each; empty when both say the same.
    pub(crate) fn differences(&self, ours: &Structure) -> Vec<String> {
        let mut lines = Vec::new();
        for (place, expected) in &self.facts {
            match ours.facts.get(place) {
                None => lines.push(format!("- {place}: {}", shown(expected))),
                Some(found) if !same(expected, found, ours.default_language.as_deref()) => {
                    lines.push(format!(
                        "! {place}: expected {}, but found {}",
                        shown(expected),
                        shown(found)
                    ));
                }
                Some(_) => {}
            }
        }
        for (place, found) in &ours.facts {
            if !self.facts.contains_key(place) {
                lines.push(format!("+ {place}: {}", shown(found)));
            }
        }
        lines
    }
}

/// A translation that is missing (`-`) may be anything; a client then shows
/// another language or nothing.
fn same(expected: &Fact, found: &Fact, default_language: Option<&str>) -> bool {
    match (expected, found) {
        (Fact::Plain(expected), Fact::Plain(found)) => expected == found,
        (Fact::Text(expected), Fact::Text(found)) => expected == found,
        (Fact::Text(expected), Fact::Translated(found)) => found.values().all(|text| text == expected),
        (Fact::Translated(expected), Fact::Text(found)) => expected.values().all(|text| text == found),
        (Fact::Translated(expected), Fact::Translated(found)) => expected.iter().all(|(language, text)| {
            found.get(language).or_else(|| found.get(default_language?)).is_some_and(|found| found == text)
        }),
        _ => false,
    }
}

fn shown(fact: &Fact) -> String {
    match fact {
        Fact::Plain(text) | Fact::Text(text) => format!("\"{text}\""),
        Fact::Translated(texts) => format!("{texts:?}"),
    }
}

trait Named {
    fn has_tag_name_any(&self, name: &str) -> bool;
}

impl Named for Node<'_, '_> {
    /// Whatever the namespace.
    fn has_tag_name_any(&self, name: &str) -> bool {
        self.is_element() && self.tag_name().name() == name
    }
}

fn element<'a, 'input>(root: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    root.descendants().find(|node| node.has_tag_name_any(name))
}

fn child<'a, 'input>(parent: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    parent.children().find(|node| node.has_tag_name_any(name))
}

fn attribute_name(attribute: &roxmltree::Attribute<'_, '_>) -> String {
    with_prefix(attribute.namespace(), attribute.name())
}

fn with_prefix(namespace: Option<&str>, name: &str) -> String {
    match namespace {
        None | Some("http://www.w3.org/2002/xforms") => name.to_owned(),
        Some(uri) => match PREFIXES.iter().find(|(known, _)| *known == uri) {
            Some((_, prefix)) => format!("{prefix}:{name}"),
            None => format!("{{{uri}}}{name}"),
        },
    }
}

/// Words and `{expression}`s, not yet seen from a node.
fn raw_text(node: Node<'_, '_>) -> String {
    let mut text = String::new();
    for part in node.children() {
        if part.is_text() {
            text.push_str(part.text().unwrap_or_default());
        } else if part.has_tag_name_any("output") {
            let value = part.attribute("value").or_else(|| part.attribute("ref")).unwrap_or_default();
            text.push('\u{1}');
            text.push_str(value);
            text.push('\u{2}');
        }
    }
    text
}

/// A text as people see it, its expressions seen from this node.
fn text_at(raw: &str, context: &str) -> String {
    let mut text = String::new();
    let mut rest = raw;
    while let Some((before, behind)) = rest.split_once('\u{1}') {
        let (expression, after) = behind.split_once('\u{2}').unwrap_or((behind, ""));
        text.push_str(before);
        text.push('{');
        text.push_str(&normal(expression, context));
        text.push('}');
        rest = after;
    }
    text.push_str(rest);
    let straight = text.replace(['‘', '’'], "'").replace(['“', '”'], "\"");
    straight.split_whitespace().collect::<Vec<_>>().join(" ").replace("{ ", "{").replace(" }", "}")
}

struct Reader {
    facts: BTreeMap<String, Fact>,
    /// Id → form (empty for the text itself) → language → raw text.
    texts: BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>>,
    languages: BTreeSet<String>,
    controls: usize,
}

/// Attributes of controls that are expressions.
const BODY_PATHS: [&str; 4] = ["ref", "nodeset", "jr:count", "query"];
const BIND_EXPRESSIONS: [&str; 5] = ["relevant", "required", "readonly", "constraint", "calculate"];

impl Reader {
    fn say(&mut self, place: &str, value: &str) {
        let value = value.replace(['‘', '’'], "'").replace(['“', '”'], "\"");
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        self.facts.insert(place.to_owned(), Fact::Plain(value));
    }

    fn model(&mut self, model: Node<'_, '_>) {
        let mut primary = true;
        for part in model.children().filter(Node::is_element) {
            match part.tag_name().name() {
                "instance" if primary => {
                    primary = false;
                    if let Some(root) = part.first_element_child() {
                        self.instance(root, "");
                    }
                }
                "instance" => self.list(part),
                "bind" => self.bind(part),
                "submission" => {
                    for attribute in part.attributes() {
                        self.say(&format!("submission @{}", attribute_name(&attribute)), attribute.value());
                    }
                }
                "itext" => {}
                _ => self.action(part, ""),
            }
        }
    }

    /// The blank form. Of a repeat only the template counts.
    fn instance(&mut self, node: Node<'_, '_>, above: &str) {
        let path = format!("{above}/{}", with_prefix(None, node.tag_name().name()));
        let text: String = node
            .children()
            .filter_map(|part| part.text().filter(|_| part.is_text()))
            .collect::<String>()
            .trim()
            .to_owned();
        self.say(&format!("instance {path}"), &text);
        for attribute in node.attributes() {
            let name = attribute_name(&attribute);
            if name != "jr:template" {
                self.say(&format!("instance {path}/@{name}"), attribute.value());
            }
        }
        let templates: BTreeSet<&str> = node
            .children()
            .filter(|inner| inner.is_element() && inner.attribute((JR, "template")).is_some())
            .map(|inner| inner.tag_name().name())
            .collect();
        for inner in node.children().filter(Node::is_element) {
            let name = inner.tag_name().name();
            if !templates.contains(name) || inner.attribute((JR, "template")).is_some() {
                self.instance(inner, &path);
            }
        }
    }

    fn list(&mut self, list: Node<'_, '_>) {
        let id = list.attribute("id").unwrap_or_default();
        self.say(&format!("list {id}"), list.attribute("src").unwrap_or_default());
        let Some(root) = list.first_element_child() else { return };
        for (number, item) in root.children().filter(Node::is_element).enumerate() {
            for cell in item.children().filter(Node::is_element) {
                let name = cell.tag_name().name();
                let text = cell.text().unwrap_or_default();
                if name == "sms_option" {
                    // Forms are not sent as text messages.
                } else if name == "itextId" {
                    self.texts_of(&format!("list {id} {number:04} label"), text, "");
                } else if name == "label" {
                    let text = text_at(text, "");
                    if !text.is_empty() {
                        self.facts.insert(format!("list {id} {number:04} label"), Fact::Text(text));
                    }
                } else {
                    self.say(&format!("list {id} {number:04} {name}"), &text_at(text, ""));
                }
            }
        }
    }

    /// The text of this id and its media.
    fn texts_of(&mut self, place: &str, id: &str, context: &str) {
        for (form, texts) in self.texts.get(id).cloned().unwrap_or_default() {
            let texts: BTreeMap<String, String> = texts
                .into_iter()
                .map(|(language, raw)| (language, text_at(&raw, context)))
                .filter(|(_, text)| !text.is_empty() && text != "-")
                .collect();
            if !texts.is_empty() {
                let place = if form.is_empty() || form == "long" {
                    place.to_owned()
                } else {
                    format!("{place} {form}")
                };
                self.facts.insert(place, Fact::Translated(texts));
            }
        }
    }

    /// `jr:itext('id')`, or words.
    fn reference(&mut self, place: &str, written: &str, context: &str) {
        match written.trim().strip_prefix("jr:itext('").and_then(|rest| rest.strip_suffix("')")) {
            Some(id) => self.texts_of(place, id, context),
            None => {
                self.facts.insert(place.to_owned(), Fact::Text(text_at(written, context)));
            }
        }
    }

    fn bind(&mut self, bind: Node<'_, '_>) {
        let nodeset = normal(bind.attribute("nodeset").unwrap_or_default(), "");
        for attribute in bind.attributes() {
            let name = attribute_name(&attribute);
            let place = format!("bind {nodeset} @{name}");
            match name.as_str() {
                "nodeset" => {}
                "type" if attribute.value() == "string" => {}
                "jr:constraintMsg" | "jr:requiredMsg" | "jr:noAppErrorString" => {
                    self.reference(&place, attribute.value(), &nodeset);
                }
                name if BIND_EXPRESSIONS.contains(&name) => {
                    let value = normal(attribute.value(), &nodeset);
                    let usual = matches!((name, value.as_str()), ("required" | "readonly", "false()"));
                    if !usual {
                        self.say(&place, &value);
                    }
                }
                _ => self.say(&place, &normal(attribute.value(), &nodeset)),
            }
        }
    }

    /// Those of the model belong to no control.
    fn action(&mut self, action: Node<'_, '_>, control: &str) {
        let target = normal(action.attribute("ref").unwrap_or_default(), "");
        let context = if control.is_empty() { target.as_str() } else { control };
        let value = match action.attribute("value") {
            Some(value) => normal(value, context),
            None => format!("text {}", action.text().unwrap_or_default().trim()),
        };
        let mut events: Vec<&str> =
            action.attribute("event").unwrap_or_default().split_whitespace().collect();
        events.sort_unstable();
        let quality = action.attributes().find(|attribute| attribute.name() == "quality");
        for event in events {
            let by = if event == "xforms-value-changed" { control } else { "" };
            self.say(
                &format!("action {} {target} {event} {by}", action.tag_name().name()),
                &format!("{value} {}", quality.as_ref().map_or("", |quality| quality.value())),
            );
        }
    }

    fn body(&mut self, parent: Node<'_, '_>, around: &str) {
        for control in parent.children().filter(Node::is_element) {
            let tag = with_prefix(control.tag_name().namespace(), control.tag_name().name());
            match tag.as_str() {
                // Clients show no hints of groups.
                "hint" if around.ends_with(" group") => {}
                "label" | "hint" => self.label(control, &tag, around),
                "setvalue" | "odk:setgeopoint" | "odk:recordaudio" => self.action(control, around),
                "itemset" => self.itemset(control, around),
                "item" => {
                    let value = child(control, "value").and_then(|value| value.text()).unwrap_or_default();
                    self.say(&format!("control {around} item {value}"), "");
                    if let Some(label) = child(control, "label") {
                        self.label(label, &format!("item {value} label"), around);
                    }
                }
                "tag" => {
                    let key = control.attribute("key").unwrap_or_default();
                    self.say(&format!("control {around} tag {key}"), "");
                }
                "value" => {}
                _ => self.control(control, &tag),
            }
        }
    }

    fn control(&mut self, control: Node<'_, '_>, tag: &str) {
        let path = control.attribute("ref").or_else(|| control.attribute("nodeset")).unwrap_or_default();
        let path = normal(path, "");
        let depth = control.ancestors().count();
        self.say(&format!("body {:05}", self.controls), &format!("{depth} {tag} {path}"));
        self.controls += 1;
        for attribute in control.attributes() {
            let name = attribute_name(&attribute);
            let value = if BODY_PATHS.contains(&name.as_str()) {
                normal(attribute.value(), &path)
            } else {
                text_at(attribute.value(), "")
            };
            if !matches!(name.as_str(), "ref" | "nodeset") && !value.is_empty() {
                let value = if value.contains("/") { normal(&value, &path) } else { value };
                self.say(&format!("control {path} {tag} @{name}"), &value);
            }
        }
        let inner = if tag == "group" || tag == "repeat" { format!("{path} {tag}") } else { path };
        self.body(control, &inner);
    }

    fn label(&mut self, label: Node<'_, '_>, tag: &str, around: &str) {
        let context = around.split(' ').next().unwrap_or_default().to_owned();
        let place = format!("control {around} {tag}");
        match label.attribute("ref") {
            Some(reference) => self.reference(&place, reference, &context),
            None => {
                let text = text_at(&raw_text(label), &context);
                if !text.is_empty() && text != "NO_LABEL" {
                    self.facts.insert(place, Fact::Text(text));
                }
            }
        }
    }

    fn itemset(&mut self, itemset: Node<'_, '_>, around: &str) {
        let part =
            |name: &str| child(itemset, name).and_then(|part| part.attribute("ref")).unwrap_or_default();
        let label = match part("label") {
            "jr:itext(itextId)" => "label",
            label => label,
        };
        let nodeset = normal(itemset.attribute("nodeset").unwrap_or_default(), around);
        self.say(&format!("control {around} itemset"), &format!("{nodeset} → {} {label}", part("value")));
    }
}
