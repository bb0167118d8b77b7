//! Texts of the form with their outputs filled in.

use super::Session;
use crate::expr::Focus;
use crate::form::{Media, MediaKind};
use crate::plan::{Part, Templates, in_language};
use std::collections::BTreeMap;

impl Session {
    /// A text in the language in use, else in another that has it.
    pub(super) fn fill(&self, templates: &Templates, focus: &Focus) -> Option<String> {
        let parts = in_language(templates, self.language)?;
        let mut text = String::new();
        for part in parts {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Formula(expression) => {
                    text.push_str(&self.compute_text(expression, focus).unwrap_or_default());
                }
            }
        }
        (!text.is_empty()).then_some(text)
    }

    /// File names in the language in use.
    pub(super) fn files(
        &self,
        media: &BTreeMap<MediaKind, Templates>,
        focus: &Focus,
    ) -> BTreeMap<MediaKind, String> {
        media.iter().filter_map(|(kind, file)| Some((*kind, self.fill(file, focus)?))).collect()
    }

    /// The same, for files that nothing is filled into.
    pub(super) fn plain_files(&self, media: &Media) -> BTreeMap<MediaKind, String> {
        media
            .iter()
            .filter_map(|(kind, file)| Some((*kind, file.in_language(self.language)?.to_string())))
            .collect()
    }
}
