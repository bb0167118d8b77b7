//! Texts for people: in each language the pieces, bound to the form.

use crate::expr::Expr;
use crate::form::MediaKind;
use std::collections::BTreeMap;

/// A piece of a text.
#[derive(Debug)]
pub(crate) enum Part {
    Text(String),
    Formula(Expr),
}

/// One text by language; without parts where a language lacks it.
pub(crate) type Templates = Vec<Vec<Part>>;

/// Everything a node says to people.
#[derive(Debug, Default)]
pub(crate) struct NodeTexts {
    pub(crate) label: Templates,
    pub(crate) hint: Templates,
    pub(crate) guidance_hint: Templates,
    pub(crate) required_message: Templates,
    pub(crate) constraint_message: Templates,
    pub(crate) media: BTreeMap<MediaKind, Templates>,
}

impl NodeTexts {
    pub(super) fn is_empty(&self) -> bool {
        self.label.is_empty()
            && self.hint.is_empty()
            && self.guidance_hint.is_empty()
            && self.required_message.is_empty()
            && self.constraint_message.is_empty()
            && self.media.is_empty()
    }
}

/// The text in this language, else in the first language that has it.
pub(crate) fn in_language(templates: &Templates, language: usize) -> Option<&[Part]> {
    templates
        .get(language)
        .filter(|parts| !parts.is_empty())
        .or_else(|| templates.iter().find(|parts| !parts.is_empty()))
        .map(Vec::as_slice)
}
