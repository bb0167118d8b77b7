//! The languages that the headers of a workbook name.

use super::headers::Header;

/// The languages of a form, in the order of their columns; the default language
/// is number 0.
pub(super) struct Languages {
    names: Vec<String>,
}

/// What a form without languages calls its only one.
pub(super) const UNNAMED: &str = "default";

impl Languages {
    /// `headers` are those of all sheets with texts, a slice per sheet.
    pub(super) fn new(default_language: &str, headers: &[&[Header]]) -> Self {
        let mut names: Vec<String> = Vec::new();
        let mut unnamed = false;
        let mut both = false;
        for sheet in headers {
            for header in sheet.iter().filter(|header| header.translated) {
                if header.language.is_empty() {
                    unnamed = true;
                    both |= sheet.iter().any(|other| {
                        other.translated && other.base == header.base && !other.language.is_empty()
                    });
                } else if !names.contains(&header.language) {
                    names.push(header.language.clone());
                }
            }
        }
        // A column without a language stands for the default one. Where it only
        // stands alone, its text serves all languages, and needs none of its own.
        let first = match default_language {
            "" if both || names.is_empty() => UNNAMED,
            named if names.iter().any(|name| name == named) || (unnamed && !named.is_empty()) => named,
            named if names.is_empty() => named,
            _ => "",
        };
        if !first.is_empty() {
            names.retain(|name| name != first);
            names.insert(0, first.to_owned());
        }
        Self { names }
    }

    /// A sheet whose columns have no languages.
    pub(super) fn none() -> Self {
        Self { names: vec![UNNAMED.to_owned()] }
    }

    /// Number of the language of a header; an empty name means the default.
    pub(super) fn number(&self, name: &str) -> usize {
        self.names.iter().position(|known| known == name).unwrap_or(0)
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }
}
