//! The language and text size of this phone. Nothing personal: the browser's
//! `localStorage` keeps them, so that the PIN screen has them too.

use doorstep_core::text::Language;
use leptos::prelude::*;

const LANGUAGE_KEY: &str = "doorstep-language";
const LARGE_TEXT_KEY: &str = "doorstep-large-text";

/// How this phone shows things.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    language: RwSignal<Language>,
    large_text: RwSignal<bool>,
}

impl Settings {
    /// What was chosen before; else the browser's language, Chinese first.
    pub fn load() -> Self {
        let language = match read(LANGUAGE_KEY).as_deref() {
            Some("en") => Language::En,
            Some(_) => Language::Zh,
            None => Language::from_accept_language(&window().navigator().language().unwrap_or_default()),
        };
        let settings = Self {
            language: RwSignal::new(language),
            large_text: RwSignal::new(read(LARGE_TEXT_KEY).as_deref() == Some("1")),
        };
        Effect::new(move |_| {
            if let Some(root) = document().document_element() {
                let code = if settings.language() == Language::Zh { "zh-CN" } else { "en" };
                let _ = root.set_attribute("lang", code);
                let _ =
                    root.set_attribute("data-text", if settings.large_text() { "large" } else { "normal" });
            }
        });
        settings
    }

    /// The language of the screen. Tracks.
    pub fn language(self) -> Language {
        self.language.get()
    }

    /// The language of the screen, outside of tracking.
    pub fn language_untracked(self) -> Language {
        self.language.get_untracked()
    }

    /// Changes the language.
    pub fn set_language(self, language: Language) {
        write(LANGUAGE_KEY, language.code());
        self.language.set(language);
    }

    /// Whether text is half as large again (`html[data-text=large]`). Tracks.
    pub fn large_text(self) -> bool {
        self.large_text.get()
    }

    /// Changes the text size.
    pub fn set_large_text(self, large: bool) {
        write(LARGE_TEXT_KEY, if large { "1" } else { "0" });
        self.large_text.set(large);
    }
}

fn read(key: &str) -> Option<String> {
    window().local_storage().ok().flatten()?.get_item(key).ok().flatten()
}

/// A browser that refuses keeps the choice until the page is closed.
fn write(key: &str, value: &str) {
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = storage.set_item(key, value);
    }
}
