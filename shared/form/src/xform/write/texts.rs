//! Labels, hints and messages: in place, or as translations.

use super::super::markup::{Content, Element};
use super::references::References;
use crate::form::{Form, Media, MediaKind, NamedText, Piece, Text, Words};
use std::collections::BTreeMap;

/// The translations that the document needs.
pub(super) struct Texts {
    languages: usize,
    /// The only language has no name of its own.
    unnamed: bool,
    texts: Vec<Entry>,
    places: BTreeMap<String, usize>,
}

/// What `form="…"` says → the text by language.
type Forms = Vec<(&'static str, Vec<Option<Vec<Content>>>)>;

struct Entry {
    id: String,
    forms: Forms,
    /// Languages without the text say so (`-`), as other writers do.
    complete: bool,
}

impl Texts {
    pub(super) fn of(form: &Form, references: &References<'_>) -> Texts {
        let languages = form.languages.len().max(1);
        let unnamed = form.languages.first().is_none_or(|name| name == "default");
        let mut texts = Texts { languages, unnamed, texts: Vec::new(), places: BTreeMap::new() };
        for (id, named) in &form.texts {
            let forms = texts.forms(&named.text, &Text::default(), &named.media, &|words| {
                contents(words, Some((references, "")))
            });
            texts.add(id, forms, false);
        }
        texts
    }

    /// Whether a text must be a translation. One with fewer entries than there
    /// are languages was written without a language.
    pub(super) fn translated(&self, text: &Text, media: &Media) -> bool {
        if !media.values().all(Text::is_empty) {
            return true;
        }
        let others = text.0.iter().skip(1).any(|words| !words.is_empty());
        let first = text.0.first().is_some_and(|words| !words.is_empty());
        others || (first && !self.unnamed && text.0.len() >= self.languages)
    }

    fn forms(
        &self,
        text: &Text,
        guidance: &Text,
        media: &Media,
        write: &dyn Fn(&Words) -> Vec<Content>,
    ) -> Forms {
        let by_language = |text: &Text| -> Vec<Option<Vec<Content>>> {
            (0..self.languages)
                .map(|language| text.0.get(language).filter(|words| !words.is_empty()).map(write))
                .collect()
        };
        let files = media.iter().map(|(kind, files)| {
            let (form, scheme) = match kind {
                MediaKind::Image => ("image", "jr://images/"),
                MediaKind::BigImage => ("big-image", "jr://images/"),
                MediaKind::Audio => ("audio", "jr://audio/"),
                MediaKind::Video => ("video", "jr://video/"),
            };
            let address = |file: Option<Vec<Content>>| {
                file.map(|mut pieces| {
                    let addressed =
                        matches!(pieces.first(), Some(Content::Text(text)) if text.contains("://"));
                    if !addressed {
                        pieces.insert(0, Content::Text(scheme.to_owned()));
                    }
                    pieces
                })
            };
            (form, by_language(files).into_iter().map(address).collect::<Vec<_>>())
        });
        let words = [("", by_language(text)), ("guidance", by_language(guidance))];
        words.into_iter().chain(files).filter(|(_, all)| all.iter().any(Option::is_some)).collect()
    }

    /// Adds a text; the id it gets, which another text may already have.
    fn add(&mut self, id: &str, forms: Forms, complete: bool) -> String {
        let mut name = id.to_owned();
        let mut number = 1;
        while let Some(entry) = self.places.get(&name).and_then(|&place| self.texts.get_mut(place)) {
            if entry.forms == forms {
                entry.complete |= complete;
                return name;
            }
            number += 1;
            name = format!("{id}-{number}");
        }
        self.places.insert(name.clone(), self.texts.len());
        self.texts.push(Entry { id: name.clone(), forms, complete });
        name
    }

    /// A label or hint as an element; its expressions are read at `reader`.
    pub(super) fn label(
        &mut self,
        name: &str,
        id: &str,
        (text, guidance, media): (&Text, &Text, &Media),
        (references, reader): (&References<'_>, &str),
    ) -> Option<Element> {
        let nothing = text.is_empty() && guidance.is_empty() && media.values().all(Text::is_empty);
        if nothing {
            return None;
        }
        if let Some(reference) = reference(text).filter(|_| guidance.is_empty()) {
            return Some(Element::new(name).with("ref", reference));
        }
        let write = |words: &Words| contents(words, Some((references, reader)));
        if guidance.is_empty() && !self.translated(text, media) {
            let mut element = Element::new(name);
            element.children = text.0.first().map(write).unwrap_or_default();
            return Some(element);
        }
        let forms = self.forms(text, guidance, media, &write);
        let id = self.add(id, forms, true);
        Some(Element::new(name).with("ref", format!("jr:itext('{id}')")))
    }

    /// A message as the value of an attribute.
    pub(super) fn message(
        &mut self,
        id: &str,
        text: &Text,
        (references, reader): (&References<'_>, &str),
    ) -> Option<String> {
        if text.is_empty() {
            return None;
        }
        if let Some(reference) = reference(text) {
            return Some(reference.to_owned());
        }
        let plain = text.0.first().and_then(Words::plain);
        if let Some(plain) = plain.filter(|_| !self.translated(text, &Media::new())) {
            return Some(plain.to_owned());
        }
        let write = |words: &Words| contents(words, Some((references, reader)));
        let forms = self.forms(text, &Text::default(), &Media::new(), &write);
        let id = self.add(id, forms, true);
        Some(format!("jr:itext('{id}')"))
    }

    /// A text that a choice names by id.
    pub(super) fn named(
        &mut self,
        id: &str,
        named: &NamedText,
        references: (&References<'_>, &str),
    ) -> String {
        let write = |words: &Words| contents(words, Some(references));
        let forms = self.forms(&named.text, &Text::default(), &named.media, &write);
        self.add(id, forms, true)
    }

    /// The translations as an element.
    pub(super) fn itext(&self, languages: &[String]) -> Option<Element> {
        if self.texts.is_empty() && (self.unnamed || self.languages == 1) {
            return None;
        }
        let mut itext = Element::new("itext");
        for (place, language) in languages.iter().enumerate() {
            let mut translation = Element::new("translation").with("lang", language.as_str());
            if place == 0 {
                translation.set("default", "true()");
            }
            for entry in self.places.values().filter_map(|&place| self.texts.get(place)) {
                let mut text = Element::new("text").with("id", entry.id.as_str());
                for (form, by_language) in &entry.forms {
                    let is_words = matches!(*form, "" | "guidance");
                    let missing =
                        || (entry.complete && is_words).then(|| vec![Content::Text("-".to_owned())]);
                    let Some(content) = by_language.get(place).cloned().flatten().or_else(missing) else {
                        continue;
                    };
                    let mut value = Element::new("value");
                    value.set_some("form", form);
                    value.children = content;
                    text.push(value);
                }
                if !text.children.is_empty() {
                    translation.push(text);
                }
            }
            itext.push(translation);
        }
        Some(itext)
    }
}

/// The expression that computes the id of a text.
fn reference(text: &Text) -> Option<&str> {
    match text.0.as_slice() {
        [Words(pieces)] => match pieces.as_slice() {
            [Piece::Output(expression)] if expression.starts_with("jr:itext(") => Some(expression),
            _ => None,
        },
        _ => None,
    }
}

fn contents(words: &Words, references: Option<(&References<'_>, &str)>) -> Vec<Content> {
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => Content::Text(text.clone()),
        Piece::Output(expression) => {
            let value = match references {
                Some((references, reader)) => references.expand(expression, reader),
                None => expression.clone(),
            };
            Content::Element(Element::new("output").with("value", value))
        }
    };
    words.0.iter().map(piece).collect()
}
