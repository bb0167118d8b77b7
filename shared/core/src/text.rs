//! Words in the two languages of the product.

use serde::{Deserialize, Serialize};

/// The two languages of the screens. Chinese is the default everywhere.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// 中文.
    #[default]
    Zh,
    /// English.
    En,
}

impl Language {
    /// The BCP 47 tag, also what forms write in parentheses: `中文 (zh)`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Zh => "zh",
            Self::En => "en",
        }
    }

    /// The first supported language of an `Accept-Language` header; Chinese
    /// when none is.
    pub fn from_accept_language(header: &str) -> Self {
        header
            .split(',')
            .map(|part| part.trim().to_ascii_lowercase())
            .find_map(|part| {
                if part.starts_with("zh") {
                    Some(Self::Zh)
                } else if part.starts_with("en") {
                    Some(Self::En)
                } else {
                    None
                }
            })
            .unwrap_or_default()
    }
}

/// One text in both languages.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct LocalText {
    pub zh: String,
    pub en: String,
}

impl LocalText {
    /// Both languages of one text.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }

    /// The text in `language`; the other language where that one is empty.
    pub fn get(&self, language: Language) -> &str {
        match language {
            Language::Zh if !self.zh.is_empty() => &self.zh,
            Language::En if !self.en.is_empty() => &self.en,
            Language::Zh => &self.en,
            Language::En => &self.zh,
        }
    }
}
