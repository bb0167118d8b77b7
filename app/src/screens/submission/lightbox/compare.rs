//! What a picture can be seen beside: what was there before a correction, what
//! looks like it, and the other pictures of the visit.

use doorstep_core::ids::MediaId;
use leptos_i18n::I18nContext;

use super::super::files::{Alike, Files, Shot};
use crate::i18n::*;

/// Which picture it is, seen from the one that is open.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Which {
    This,
    /// Of the same question, in the revision before.
    Before,
    /// Of another visit.
    Alike,
    /// Of another question.
    Other,
}

/// A picture that can be shown in the lightbox.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Choice {
    pub(super) key: String,
    pub(super) which: Which,
    pub(super) id: MediaId,
    pub(super) question: String,
    /// What stands below it: for [`Which::This`], and the name of whoever the
    /// other visit was to.
    words: String,
    /// Of a picture that is no file of this submission.
    pub(super) address: Option<String>,
}

impl Choice {
    /// The open picture.
    pub(super) fn of_shot(shot: &Shot, words: String) -> Self {
        Self {
            key: String::new(),
            which: Which::This,
            id: shot.id(),
            question: shot.question.clone(),
            words,
            address: None,
        }
    }

    /// What it is called.
    pub(super) fn caption(&self, i18n: I18nContext<Locale>) -> String {
        match self.which {
            Which::This => self.words.clone(),
            Which::Before => t_string!(i18n, viewer.before, what = self.question.clone()),
            Which::Alike => t_string!(i18n, viewer.alike_of, who = self.words.clone()),
            Which::Other => self.question.clone(),
        }
    }
}

/// What the picture can be compared with, the most telling first. Tracks.
pub(super) fn candidates(shot: &Shot, shots: &[Shot], files: Files) -> Vec<Choice> {
    let mut choices = Vec::new();
    if let Some(before) = &shot.before {
        choices.push(Choice {
            key: "before".to_owned(),
            which: Which::Before,
            id: before.media_id,
            question: shot.question.clone(),
            words: String::new(),
            address: None,
        });
    }
    if let Some(Alike::Found(photos)) = files.alike(shot.id()) {
        choices.extend(photos.into_iter().map(|photo| Choice {
            key: alike_key(photo.media_id),
            which: Which::Alike,
            id: photo.media_id,
            question: shot.question.clone(),
            words: photo.case_label,
            address: Some(photo.address),
        }));
    }
    choices.extend(shots.iter().filter(|other| other.id() != shot.id()).map(|other| Choice {
        key: format!("other {}", other.id()),
        which: Which::Other,
        id: other.id(),
        question: other.question.clone(),
        words: String::new(),
        address: None,
    }));
    choices
}

/// The name of a look-alike among the choices.
pub(super) fn alike_key(id: MediaId) -> String {
    format!("alike {id}")
}
