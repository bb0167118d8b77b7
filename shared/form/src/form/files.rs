//! Which files a form shows beside its words.

use super::{Choice, Form, Media, Node};
use std::collections::BTreeSet;

impl Form {
    /// Names of the pictures, sounds and films beside labels and choices, in
    /// every language, in order. A name with the value of an answer in it is
    /// not known beforehand: see [`Form::computes_media_names`].
    pub fn media_names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        self.each_media(&mut |media| {
            let words = media.values().flat_map(|text| &text.0);
            names.extend(words.filter_map(|words| words.plain()).map(str::to_owned));
        });
        names.remove("");
        names
    }

    /// Whether answers decide which files are shown.
    pub fn computes_media_names(&self) -> bool {
        let mut computes = false;
        self.each_media(&mut |media| {
            computes |= media.values().flat_map(|text| &text.0).any(|words| words.plain().is_none());
        });
        computes
    }

    fn each_media(&self, seen: &mut impl FnMut(&Media)) {
        nodes(&self.nodes, seen);
        self.lists.values().for_each(|list| choices(list, seen));
        self.texts.values().for_each(|named| seen(&named.media));
    }
}

fn nodes(list: &[Node], seen: &mut impl FnMut(&Media)) {
    for node in list {
        seen(&node.media);
        choices(&node.tags, seen);
        nodes(&node.children, seen);
    }
}

fn choices(list: &[Choice], seen: &mut impl FnMut(&Media)) {
    list.iter().for_each(|choice| seen(&choice.media));
}
