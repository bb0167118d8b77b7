//! Texts by id and language, and labels that name them.

use super::Problems;
use crate::form::{Media, MediaKind, NamedText, Piece, Text, Words};
use crate::xform::names::{attribute, elements, is};
use roxmltree::Node as Element;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// The translations of a form.
#[derive(Default)]
pub(super) struct Itext {
    /// The default language first.
    languages: Vec<String>,
    texts: BTreeMap<String, Forms>,
    /// How often labels and messages took a text, by its id.
    taken: RefCell<BTreeMap<String, usize>>,
}

/// The forms of a text: what `form="…"` says, empty for none.
type Forms = BTreeMap<String, Vec<Words>>;

/// What a label says.
#[derive(Debug, Clone, Default)]
pub(super) struct Label {
    pub(super) text: Text,
    pub(super) guidance: Text,
    pub(super) media: Media,
}

impl Itext {
    pub(super) fn read(model: Element<'_, '_>, problems: &mut Problems) -> Itext {
        let mut itext = Itext::default();
        let all = elements(model).filter(|&node| is(node, "itext")).flat_map(elements);
        let mut translations: Vec<Element<'_, '_>> = all.filter(|&node| is(node, "translation")).collect();
        // Even an empty attribute says it.
        let is_default = |node: &Element<'_, '_>| {
            node.attribute("default").is_some_and(|value| !matches!(value.trim(), "false()" | "false"))
        };
        if let Some(first) = translations.iter().position(is_default) {
            let first = translations.remove(first);
            translations.insert(0, first);
        }
        for translation in translations {
            let Some(language) = attribute(translation, "lang") else {
                problems.error(translation, "the translation names no language; write lang=\"…\"");
                continue;
            };
            if itext.languages.iter().any(|known| known == language) {
                problems.error(
                    translation,
                    format!("the language \"{language}\" has two translations; make them one"),
                );
                continue;
            }
            let place = itext.languages.len();
            itext.languages.push(language.to_owned());
            for text in elements(translation).filter(|&node| is(node, "text")) {
                itext.add(text, place, problems);
            }
        }
        itext
    }

    fn add(&mut self, text: Element<'_, '_>, language: usize, problems: &mut Problems) {
        let Some(id) = attribute(text, "id") else {
            problems.error(text, "nothing can show a text without id; write id=\"…\"");
            return;
        };
        let forms = self.texts.entry(id.to_owned()).or_default();
        for value in elements(text).filter(|&node| is(node, "value")) {
            let form = attribute(value, "form").unwrap_or_default();
            let by_language = forms.entry(form.to_owned()).or_default();
            if by_language.len() <= language {
                by_language.resize(language + 1, Words::default());
            }
            if let Some(words) = by_language.get_mut(language) {
                *words = read_words(value, problems);
            }
        }
    }

    pub(super) fn languages(&self) -> Vec<String> {
        if self.languages.is_empty() { vec!["default".to_owned()] } else { self.languages.clone() }
    }

    /// The text of that id.
    pub(super) fn text(&self, id: &str) -> Option<Label> {
        let forms = self.texts.get(id)?;
        let form = |name: &str| {
            let mut words = forms.get(name).cloned().unwrap_or_default();
            if !words.is_empty() {
                words.resize(self.languages.len(), Words::default());
            }
            Text(words)
        };
        let mut label = Label { guidance: form("guidance"), ..Label::default() };
        let (plain, long, short) = (form(""), form("long"), form("short"));
        label.text = [plain, long, short].into_iter().find(|text| !text.is_empty()).unwrap_or_default();
        let kinds = [
            ("image", MediaKind::Image),
            ("big-image", MediaKind::BigImage),
            ("audio", MediaKind::Audio),
            ("video", MediaKind::Video),
        ];
        for (name, kind) in kinds {
            let files = form(name);
            if !files.is_empty() {
                label.media.insert(kind, Text(files.0.into_iter().map(file_name).collect()));
            }
        }
        Some(label)
    }

    /// A label, a hint or a value of an element: the texts it names, else what
    /// stands in it.
    pub(super) fn label(&self, element: Element<'_, '_>, problems: &mut Problems) -> Label {
        let inline = || Text(vec![read_words(element, &mut Problems::default())]);
        let Some(reference) = attribute(element, "ref") else {
            let words = read_words(element, problems);
            let text = if words.is_empty() { Text::default() } else { Text(vec![words]) };
            return Label { text, ..Label::default() };
        };
        match self.reference(reference) {
            Ok(label) => label,
            Err(id) => {
                problems.warning(element, format!("no translation has the text \"{id}\""));
                Label { text: inline(), ..Label::default() }
            }
        }
    }

    /// What a reference to a text says: the text itself when its id is written
    /// out, the value of the expression otherwise.
    ///
    /// # Errors
    /// The id that no translation has.
    pub(super) fn reference<'r>(&self, reference: &'r str) -> Result<Label, &'r str> {
        match text_id(reference) {
            Some(id) => {
                let label = self.text(id).ok_or(id)?;
                *self.taken.borrow_mut().entry(id.to_owned()).or_default() += 1;
                Ok(label)
            }
            None => {
                let words = Words(vec![Piece::Output(reference.to_owned())]);
                Ok(Label { text: Text(vec![words]), ..Label::default() })
            }
        }
    }

    /// A message in an attribute: plain words or a reference to a text.
    pub(super) fn message(&self, element: Element<'_, '_>, value: &str, problems: &mut Problems) -> Text {
        if !value.starts_with("jr:itext(") {
            return Text(vec![Words(vec![Piece::Text(value.to_owned())])]);
        }
        match self.reference(value) {
            Ok(label) => label.text,
            Err(id) => {
                problems.warning(element, format!("no translation has the text \"{id}\""));
                Text::default()
            }
        }
    }

    /// The texts that expressions can ask for by id: all where some expression
    /// computes an id, else those that more than labels and messages name.
    pub(super) fn texts(&self, dynamic: bool, source: &str) -> BTreeMap<String, NamedText> {
        if self.texts.is_empty() {
            return BTreeMap::new();
        }
        let named = named_ids(source);
        let taken = self.taken.borrow();
        let asked_for = |id: &String| {
            let times = taken.get(id).copied().unwrap_or_default();
            let elsewhere = named.get(id.as_str()).is_some_and(|&all| all > times);
            // Only a hint has guidance, and a hint is not asked for by expressions.
            let is_hint = self.texts.get(id).is_some_and(|forms| forms.contains_key("guidance"));
            times == 0 || elsewhere || (dynamic && !is_hint)
        };
        let kept = self.texts.keys().filter(|id| asked_for(id));
        kept.filter_map(|id| {
            let label = self.text(id)?;
            Some((id.clone(), NamedText { text: label.text, media: label.media }))
        })
        .collect()
    }
}

/// How often references of a document write out an id.
fn named_ids(source: &str) -> BTreeMap<&str, usize> {
    let mut found = BTreeMap::new();
    for rest in source.split("jr:itext(").skip(1) {
        let rest = rest.trim_start();
        let Some(quote) = rest.chars().next().filter(|c| matches!(c, '\'' | '"')) else { continue };
        if let Some(id) = rest.strip_prefix(quote).and_then(|rest| rest.split(quote).next()) {
            *found.entry(id).or_default() += 1;
        }
    }
    found
}

/// The id in `jr:itext('id')`.
pub(super) fn text_id(reference: &str) -> Option<&str> {
    let argument = reference.trim().strip_prefix("jr:itext(")?.strip_suffix(')')?.trim();
    let quote = argument.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let id = argument.strip_prefix(quote)?.strip_suffix(quote)?;
    (!id.contains(quote)).then_some(id)
}

/// A media reference without the scheme that says where clients keep the file;
/// `-` stands for none.
fn file_name(words: Words) -> Words {
    match words.plain() {
        Some(text) => {
            let file = ["jr://images/", "jr://audio/", "jr://video/", "jr://file/"]
                .iter()
                .find_map(|scheme| text.strip_prefix(scheme));
            let file = file.unwrap_or(text);
            if matches!(file, "" | "-") {
                Words::default()
            } else {
                Words(vec![Piece::Text(file.to_owned())])
            }
        }
        None => words,
    }
}

/// The words in an element, outputs between them, free of white space around.
pub(super) fn read_words(element: Element<'_, '_>, problems: &mut Problems) -> Words {
    let mut pieces = Vec::new();
    gather(element, &mut pieces, problems);
    if let Some(Piece::Text(first)) = pieces.first_mut() {
        *first = first.trim_start().to_owned();
    }
    if let Some(Piece::Text(last)) = pieces.last_mut() {
        *last = last.trim_end().to_owned();
    }
    pieces.retain(|piece| !matches!(piece, Piece::Text(text) if text.is_empty()));
    Words(pieces)
}

fn gather(element: Element<'_, '_>, pieces: &mut Vec<Piece>, problems: &mut Problems) {
    for child in element.children() {
        if child.is_text() {
            let text = child.text().unwrap_or_default();
            match pieces.last_mut() {
                Some(Piece::Text(before)) => before.push_str(text),
                _ => pieces.push(Piece::Text(text.to_owned())),
            }
        } else if is(child, "output") {
            match attribute(child, "value").or_else(|| attribute(child, "ref")) {
                Some(expression) => pieces.push(Piece::Output(expression.to_owned())),
                None => problems.error(child, "the output shows nothing; write value=\"…\""),
            }
        } else if child.is_element() {
            let name = child.tag_name().name();
            problems
                .warning(child, format!("<{name}> is not shown within a text; write Markdown: *like this*"));
        }
    }
}
