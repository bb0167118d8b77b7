//! Texts in several languages, with values between the words and files beside
//! them.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// One text in the languages of the form, by the position of the language;
/// without words where a language lacks it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(pub(crate) Vec<Words>);

impl Text {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(Words::is_empty)
    }

    /// The text in this language, else in the first language that has it.
    pub(crate) fn in_language(&self, language: usize) -> Option<&Words> {
        self.0
            .get(language)
            .filter(|words| !words.is_empty())
            .or_else(|| self.0.iter().find(|words| !words.is_empty()))
    }
}

/// A text in one language: words, and between them the values of expressions.
///
/// As JSON it is the text as an author writes it (`Dear ${name}`), or the list
/// of its pieces where that could not be told from plain words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "WordsJson", into = "WordsJson")]
pub(crate) struct Words(pub(crate) Vec<Piece>);

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Piece {
    /// As it is.
    Text(String),
    /// The value of this expression.
    Output(String),
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WordsJson {
    Written(String),
    Pieces(Vec<Piece>),
}

impl From<WordsJson> for Words {
    fn from(json: WordsJson) -> Self {
        match json {
            WordsJson::Written(text) => Words::written(&text),
            WordsJson::Pieces(pieces) => Words(pieces),
        }
    }
}

impl From<Words> for WordsJson {
    fn from(words: Words) -> Self {
        let written = words.to_string();
        if Words::written(&written) == words {
            WordsJson::Written(written)
        } else {
            WordsJson::Pieces(words.0)
        }
    }
}

impl Words {
    /// Reads a text as authors write it: `${name}` stands for an answer.
    pub(crate) fn written(text: &str) -> Words {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("${") {
            let Some((name, after)) = behind.split_once('}') else { break };
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(Piece::Output(format!("${{{name}}}")));
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Words(pieces)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text, when nothing in it is computed.
    pub(crate) fn plain(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }
}

impl fmt::Display for Words {
    /// As an author would write it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Text(text) | Piece::Output(text) => formatter.write_str(text),
        })
    }
}

/// A text with a name, and the media that go with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NamedText {
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub(crate) text: Text,
    #[serde(default, skip_serializing_if = "Media::is_empty")]
    pub(crate) media: Media,
}

/// Files that belong to a label: kind → file name by language.
pub(crate) type Media = BTreeMap<MediaKind, Text>;

/// What a file beside a label is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A larger picture, shown on request.
    BigImage,
    /// A sound.
    Audio,
    /// A film.
    Video,
}
